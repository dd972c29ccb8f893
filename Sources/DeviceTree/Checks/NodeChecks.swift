import Diagnostics

extension TreeCheck {
  /// The form of nodes, and of the nodes that have a meaning of their own.
  static let nodeChecks: [TreeCheck] = [
    TreeCheck(
      "node-name-vs-property-name", .warning, after: ["node-name-chars"],
      .node(when: { own, parent in
        // What has an unit address is called like no property, but for those that are at fault.
        !own.traits.contains(.unitAddress) || parent.traits.contains(.oddProperty)
      }) { visit in
        if let parent = visit.parent, parent[visit.node.name] != nil {
          visit.fail("a property of the parent has this name too")
        }
      }),
    TreeCheck(
      "unit-address-vs-reg", .warning,
      .node(when: { own, _ in
        let traits = own.traits
        let isAddressed =
          traits.contains(.reg) || traits.contains(.ranges) && !traits.contains(.emptyRanges)
        return isAddressed != traits.contains(.unitAddress)
      }) { checkUnitAddress(&$0) }),
    TreeCheck(
      "unit-address-format", .warning,
      after: ["node-name-format", "pci-bridge", "simple-bus-bridge"],
      .node(when: { own, parent in
        own.traits.contains(.zeroAddress) && parent.buses.isDisjoint(with: [.pci, .simple])
      }) { checkUnitAddressFormat(&$0) }),
    TreeCheck(
      "obsolete-chosen-interrupt-controller", .warning,
      .node(when: { own, _ in own.traits.contains(.root) }) { visit in
        let chosen = visit.node.children.first { $0.name == "chosen" }
        if let property = chosen?.property("interrupt-controller") {
          visit.fail("/chosen has 'interrupt-controller', which is obsolete", property)
        }
      }),
    TreeCheck(
      "chosen-node-is-root", .warning,
      .node(when: isChosen) { visit in
        if visit.ancestors.count != 1 { visit.fail("belongs at the root") }
      }),
    TreeCheck(
      "chosen-node-bootargs", .warning,
      .node(when: isChosen) { visit in
        if let property = visit.node.property("bootargs") { visit.expectString(property) }
      }),
    TreeCheck(
      "chosen-node-stdout-path", .warning,
      .node(when: isChosen) { visit in
        if let property = visit.node.property("stdout-path") {
          visit.expectString(property)
        } else if let property = visit.node.property("linux,stdout-path") {
          visit.fail("is called 'stdout-path' now", property)
          visit.expectString(property)
        }
      }),
    TreeCheck(
      "alias-paths", .warning,
      .node(when: { own, _ in own.traits.contains(.aliases) }) { checkAliases(&$0) }),
    TreeCheck(
      "avoid-default-addr-size", .warning, after: ["addr-size-cells"],
      .node(when: { own, parent in
        !parent.hasAddressAndSizeCells && !own.traits.isDisjoint(with: [.reg, .ranges])
      }) { visit in
        guard let parent = visit.parent else { return }
        for name in ["#address-cells", "#size-cells"] where parent[name] == nil {
          visit.fail("relies on the default \(name) of its parent")
        }
      }),
    TreeCheck(
      "avoid-unnecessary-addr-size", .warning, after: ["avoid-default-addr-size"],
      .node(when: { own, _ in
        own.hasAddressAndSizeCells && own.traits.isDisjoint(with: [.root, .ranges])
          && !own.below.contains(.reg)
      }) { visit in
        if !visit.node.children.isEmpty || visit.node.origin.hasDeletedChildren {
          visit.fail("has #address-cells and #size-cells, but neither 'ranges' nor a child's 'reg'")
        }
      }),
    TreeCheck(
      "unique-unit-address", .warning, after: ["avoid-default-addr-size"],
      .node(when: hasAddressedChildren) { checkUniqueAddresses(&$0, onlyEnabled: false) }),
    TreeCheck(
      "unique-unit-address-if-enabled", nil, after: ["avoid-default-addr-size"],
      .node(when: hasAddressedChildren) { checkUniqueAddresses(&$0, onlyEnabled: true) }),
    TreeCheck("always-fail", nil, .node { $0.fail("always fails") }),
  ]

  private static let isChosen: Suspicion = { own, _ in own.traits.contains(.chosen) }

  private static let hasAddressedChildren: Suspicion = { own, _ in
    own.hasAddressAndSizeCells && own.below.contains(.unitAddress)
  }

  private static func checkUnitAddress(_ visit: inout CheckVisit) {
    let node = visit.node
    // A fragment's number is no address.
    if visit.facts.below.contains(.overlay) { return }
    let hasAddress = node["reg"] != nil || node["ranges"].map { !$0.contents.isEmpty } ?? false
    if hasAddress && node.unitName.isEmpty {
      visit.fail("has 'reg' or 'ranges', but no unit address")
    } else if !hasAddress && !node.unitName.isEmpty {
      visit.fail("has a unit address, but neither 'reg' nor 'ranges'")
    }
  }

  private static func checkUnitAddressFormat(_ visit: inout CheckVisit) {
    var address = visit.node.unitName[...]
    if address.hasPrefix("0x") {
      visit.fail("the unit address needs no 0x")
      address = address.dropFirst(2)
    }
    let digits = Array(address.utf8.prefix(2))
    if digits.first == UInt8(ascii: "0"), digits.count > 1, Literals.hexDigit(digits[1]) != nil {
      visit.fail("the unit address needs no leading zeros")
    }
  }

  private static func checkAliases(_ visit: inout CheckVisit) {
    guard visit.node.name == "aliases" else { return }
    // Many paths are looked up in a table, which is made once.
    if visit.node.properties.count > 16 && visit.paths == nil {
      visit.paths = TreeTable(visit.root)
    }
    for property in visit.node.properties
    where property.name != "phandle" && property.name != "linux,phandle" {
      let path = property.value.strings?.first
      if path.map({ visit.leadsToNode($0) }) != true {
        visit.fail("names no node (\(path ?? ""))", property)
        continue
      }
      let isPlain = property.name.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-")
      }
      if !isPlain {
        visit.report.add(
          "\(visit.path): alias '\(property.name)' has more than lower case, digits and '-'",
          at: property.span)
      }
    }
  }

  private static func checkUniqueAddresses(_ visit: inout CheckVisit, onlyEnabled: Bool) {
    let node = visit.node
    var names = NameSet()
    if !names.hasRepetition(
      node.children.count,
      { index -> Substring? in
        node.children[index].unitAddress.flatMap { $0.isEmpty ? nil : $0 }
      })
    {
      return
    }
    var seen: [Substring: [Node]] = [:]
    for child in node.children {
      guard let address = child.unitAddress, !address.isEmpty else { continue }
      if onlyEnabled && !child.isEnabled { continue }
      for other in seen[address] ?? [] {
        guard visit.report.hasRoom() else { return }
        let prefix = visit.isRoot ? "/" : visit.path + "/"
        visit.report.add(
          "\(prefix)\(other.name): has the unit address of \(prefix)\(child.name)", at: other.span,
          notes: [Note("the other node", at: child.span)])
      }
      seen[address, default: []].append(child)
    }
  }
}

extension CheckVisit {
  /// The root of the tree.
  var root: Node { ancestors.first ?? node }

  /// Whether a full path leads to a node.
  fileprivate mutating func leadsToNode(_ path: String) -> Bool {
    guard path.hasPrefix("/") else { return false }
    return paths != nil ? paths?.resolve(Reference(path)) != nil : root.hasDescendant(path)
  }
}

extension Node {
  /// Whether a full path leads to a node below this one, or to this one.
  func hasDescendant(_ path: String) -> Bool {
    guard path.hasPrefix("/") else { return false }
    var node = self
    for name in path.split(separator: "/") {
      guard let child = node.children.first(where: { $0.name == name }) else { return false }
      node = child
    }
    return true
  }
}
