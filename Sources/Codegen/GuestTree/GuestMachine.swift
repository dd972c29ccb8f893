public import QorIQ

/// What whoever serves a guest's portals from outside must know of the machine that its tree
/// describes.
public enum GuestMachine {
  /// The guest's interrupt number for a board's portal interrupt, as in its tree.
  public static func interrupt(forBoard source: InterruptSource) -> UInt32 {
    PPCE500.interrupt(forBoard: source)
  }
}
