public import Partitioning

/// Prints what the host's own tree must lose: an overlay, `host.dtso` and `host.dtbo`, and with the
/// board's tree at hand the whole tree without what guests own, `host.dts` and `host.dtb`.
///
/// An overlay can disable a node and close its DMA but not remove it; otherwise the two say the same.
public struct HostTreeBackend: Backend {
  /// Creates the backend.
  public init() {}

  /// `host`
  public var name: String { "host" }

  /// The overlay, and the tree when the options have one to start from.
  public func artifacts(
    for partition: Partition, options: GenerationOptions
  ) throws(GenerationError) -> [Artifact] {
    let map = options.boardTree.map { BoardMap($0, board: partition.board) }
    let host = HostTree(partition: partition, map: map)
    let banner = options.banner(for: partition)
    var artifacts = try TreeArtifacts.print(host.overlay(), "host", banner)
    if let map { artifacts += try TreeArtifacts.print(host.carved(from: map), "host", banner) }
    return artifacts
  }
}
