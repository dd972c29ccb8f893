import DeviceTree
import Diagnostics

/// A tree as the two files that are written of it.
enum TreeArtifacts {
  /// A source and a blob with the same tree.
  static func print(
    _ tree: Tree, _ path: String, _ banner: String
  ) throws(GenerationError) -> [Artifact] {
    let (source, blob) = tree.isPlugin ? ("dtso", "dtbo") : ("dts", "dtb")
    var findings = DiagnosticBag()
    var complete = tree
    if tree.isPlugin {
      complete.resolveReferences(into: &findings)
      complete.addFixups(into: &findings)
    }
    guard let bytes = BlobWriter().write(complete, into: &findings), !findings.hasErrors else {
      throw .unprintable(
        artifact: "\(path).\(blob)",
        reason: findings.sorted.map(\.message).joined(separator: "; "))
    }
    return [
      Artifact("\(path).\(source)", text: "/* \(banner) */\n\n" + SourcePrinter().print(tree)),
      Artifact("\(path).\(blob)", bytes: bytes),
    ]
  }
}
