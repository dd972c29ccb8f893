import DeviceTree
import Diagnostics
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
    let tree = try HypervisorConfiguration(partition: partition).tree()
    let source = "/* \(options.banner(for: partition)) */\n\n" + SourcePrinter().print(tree)
    var findings = DiagnosticBag()
    guard let blob = BlobWriter().write(tree, into: &findings) else {
      throw .unprintable(
        artifact: "hv.dtb", reason: findings.sorted.map(\.message).joined(separator: "; "))
    }
    return [Artifact("hv.dts", text: source), Artifact("hv.dtb", bytes: blob)]
  }
}
