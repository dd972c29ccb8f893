public import DeviceTree
import Diagnostics
public import Partitioning

/// Prints each guest's device tree for the board itself, cut out of the board's own tree:
/// `board/NAME.dts` and `board/NAME.dtb`.
///
/// Without a tree of the board there is none.
public struct BoardTreeBackend: Backend {
  /// Creates the backend.
  public init() {}

  /// `board`
  public var name: String { "board" }

  /// A source and a blob for each guest; none for a board whose cores have no ePAPR hypervisor.
  public func artifacts(
    for partition: Partition, options: GenerationOptions
  ) throws(GenerationError) -> [Artifact] {
    guard let base = options.boardTree, partition.board.hasHypervisor else { return [] }
    let map = BoardMap(base, board: partition.board)
    var artifacts: [Artifact] = []
    for (index, owner) in partition.owners.enumerated() where !owner.isHost {
      let guest = GuestTree(partition: partition, ownerIndex: index)
      artifacts += try TreeArtifacts.print(
        try CarvedTree(guest: guest, map: map).tree(), "board/\(owner.name)",
        options.banner(for: partition) + Self.warning(for: owner))
    }
    return artifacts
  }

  /// Mainline's drivers wait for managers that are wholly theirs (Linux 6.1,
  /// `drivers/soc/fsl/qbman/qman_portal.c`): below a hypervisor there is none.
  private static func warning(for owner: Owner) -> String {
    guard owner.os == .linuxMainline else { return "" }
    return "\n\n   Mainline Linux boots on this tree but finds no queue: its portal drivers wait\n"
      + "   for a QMan and a BMan of their own, which only the tree for QEMU has. On a board\n"
      + "   the guest needs an SDK kernel."
  }

  /// What becomes of each node of the board's tree in a guest's, in the board's order, and what the
  /// guest's tree has beside.
  ///
  /// - Parameters:
  ///   - guest: The guest's index among the owners.
  ///   - partition: What was made of the plan.
  ///   - board: The board's tree.
  /// - Returns: A fate for each node.
  /// - Throws: ``GenerationError/unprintable(artifact:reason:)`` when the tree lacks something that
  ///   the guest owns.
  public static func fates(
    of guest: Int, in partition: Partition, board: Tree
  ) throws(GenerationError) -> [NodeFate] {
    try CarvedTree(
      guest: GuestTree(partition: partition, ownerIndex: guest),
      map: BoardMap(board, board: partition.board)
    ).fates()
  }
}
