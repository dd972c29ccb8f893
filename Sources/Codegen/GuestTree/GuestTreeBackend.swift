public import Partitioning

/// Prints each guest's device tree, complete enough to boot on QEMU's `ppce500`: `NAME.dts` and the
/// same tree as a blob, `NAME.dtb`.
public struct GuestTreeBackend: Backend {
  /// Creates the backend.
  public init() {}

  /// `tree`
  public var name: String { "tree" }

  /// A source and a blob for each guest.
  public func artifacts(
    for partition: Partition, options: GenerationOptions
  ) throws(GenerationError) -> [Artifact] {
    var artifacts: [Artifact] = []
    for (index, owner) in partition.owners.enumerated() where !owner.isHost {
      artifacts += try TreeArtifacts.print(
        try GuestTree(partition: partition, ownerIndex: index).tree(), owner.name,
        options.banner(for: partition))
    }
    return artifacts
  }
}
