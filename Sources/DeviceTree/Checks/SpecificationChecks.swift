import Diagnostics

extension TreeCheck {
  /// Rules of the Devicetree Specification 0.4 that dtc has no check for. They are warnings, and are
  /// looked at where ``TreeChecker/includesSpecification`` is set: never by `dpaac dtc`.
  public static let specification: [TreeCheck] = [
    // 2.2.1
    TreeCheck(
      "node-name-length", .warning,
      .node { visit in
        let count = visit.node.baseName.utf8.count
        if count > maximumName {
          visit.fail(
            "the name without unit address has \(count) characters; \(maximumName) are allowed")
        }
      }),
    // 2.2.1 wants a letter first; the nodes that dtc makes for overlays begin with an underscore.
    TreeCheck(
      "node-name-start", .warning,
      .node { visit in
        guard !visit.isRoot, let first = visit.node.name.utf8.first else { return }
        if !isLetter(first), !visit.node.name.hasPrefix("__") {
          visit.fail("the name begins with \(character(first)), not with a letter")
        }
      }),
    // 2.2.4.1
    TreeCheck(
      "property-name-length", .warning,
      .node { visit in
        // What overlays are resolved by is named after labels, which may be longer.
        guard !visit.node.name.hasPrefix("__") else { return }
        for property in visit.node.properties where property.name.utf8.count > maximumName {
          visit.fail(
            "the name has \(property.name.utf8.count) characters; \(maximumName) are allowed",
            property)
        }
      }),
    // 3.3
    TreeCheck(
      "alias-name-chars", .warning,
      .node { visit in
        guard visit.ancestors.count == 1, visit.node.name == "aliases" else { return }
        for alias in visit.node.properties {
          let bad = alias.name.utf8.first {
            !((0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-"))
          }
          guard let bad, alias.name != "linux,phandle" else { continue }
          visit.fail("an alias is lower case, digits and '-', and not \(character(bad))", alias)
        }
      }),
  ]

  private static let maximumName = 31

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte | 0x20)
  }
}
