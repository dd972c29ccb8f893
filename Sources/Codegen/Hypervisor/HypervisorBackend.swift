public import Partitioning
import QorIQ

/// Prints the configuration of the Freescale embedded hypervisor, which carries DPAA portals into
/// guests on the board itself: `hv.dts` and the same tree as a blob, `hv.dtb`.
///
/// Images, console programs and devices without queues are not a plan's matter: guests wait for
/// their manager, the host, to load them.
public struct HypervisorBackend: Backend {
  /// Creates the backend.
  public init() {}

  /// `hypervisor`
  public var name: String { "hypervisor" }

  /// A source and a blob; none for a board whose cores the hypervisor does not know.
  public func artifacts(
    for partition: Partition, options: GenerationOptions
  ) throws(GenerationError) -> [Artifact] {
    guard partition.board.hasHypervisor else { return [] }
    return try TreeArtifacts.print(
      try HypervisorConfiguration(partition: partition).tree(), "hv", options.banner(for: partition)
    )
  }
}
