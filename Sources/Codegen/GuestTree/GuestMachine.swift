public import Partitioning
public import QorIQ

/// What whoever serves a guest's portals from outside must know of the machine that its tree
/// describes.
public enum GuestMachine {
  /// The guest's interrupt number for a board's portal interrupt, as in its tree.
  public static func interrupt(forBoard source: InterruptSource) -> UInt32 {
    PPCE500.interrupt(forBoard: source)
  }

  /// Where a guest's window lies in its memory, and the RAM that QEMU is given so that it does (`-m`
  /// of its launch script).
  public static func window(
    _ partition: Partition, owner: Int
  ) -> (base: UInt64, ramSize: UInt64) {
    let window = GuestWindow(
      owner: partition.owners[owner], resources: partition.resources[owner])
    return (window.base, window.ramSize)
  }
}
