import DeviceTree
import Diagnostics
public import Partitioning

/// Prints what the host's own tree must lose: an overlay, `host.dtso` and `host.dtbo`, and with the
/// board's tree at hand the whole tree without what guests own, `host.dts` and `host.dtb`.
///
/// An overlay can disable a node but not remove it, and Linux's PAMU driver opens the DMA of every
/// `fsl,liodn` in the tree whatever its node's status (Linux 6.1, `drivers/iommu/fsl_pamu.c`,
/// `setup_liodns`): only the whole tree closes a guest's DMA to the host.
public struct HostTreeBackend: Backend {
  /// Creates the backend.
  public init() {}

  /// `host`
  public var name: String { "host" }

  /// The overlay, and the tree when the options have one to start from.
  public func artifacts(
    for partition: Partition, options: GenerationOptions
  ) throws(GenerationError) -> [Artifact] {
    let host = HostTree(partition: partition)
    var trees = [("host.dtso", "host.dtbo", host.overlay())]
    if let base = options.hostTree {
      trees.append(("host.dts", "host.dtb", try host.carved(from: base)))
    }
    var artifacts: [Artifact] = []
    for (source, blob, tree) in trees {
      let banner = "/* \(options.banner(for: partition)) */\n\n"
      artifacts.append(Artifact(source, text: banner + SourcePrinter().print(tree)))
      var findings = DiagnosticBag()
      guard let bytes = BlobWriter().write(tree, into: &findings) else {
        throw .unprintable(
          artifact: blob, reason: findings.sorted.map(\.message).joined(separator: "; "))
      }
      artifacts.append(Artifact(blob, bytes: bytes))
    }
    return artifacts
  }
}
