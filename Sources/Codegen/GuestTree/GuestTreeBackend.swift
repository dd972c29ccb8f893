import DeviceTree
import Diagnostics
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
      let tree = try GuestTree(partition: partition, ownerIndex: index).tree()
      let source = "/* \(options.banner(for: partition)) */\n\n" + SourcePrinter().print(tree)
      artifacts.append(Artifact("\(owner.name).dts", text: source))

      var findings = DiagnosticBag()
      guard let blob = BlobWriter().write(tree, into: &findings) else {
        throw .unprintable(
          artifact: "\(owner.name).dtb",
          reason: findings.sorted.map(\.message).joined(separator: "; "))
      }
      artifacts.append(Artifact("\(owner.name).dtb", bytes: blob))
    }
    return artifacts
  }
}
