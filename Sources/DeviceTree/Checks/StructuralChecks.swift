import Diagnostics

extension TreeCheck {
  /// What a tree must keep to be a tree at all.
  static let structuralChecks: [TreeCheck] = [
    TreeCheck(
      "duplicate-node-names", .error,
      .node { visit in
        let children = visit.node.children
        let repeats = repeated(children, by: \.name)
        if repeats.isEmpty { return }
        let firsts = Dictionary(
          children.map { ($0.name, $0.span) }, uniquingKeysWith: { first, _ in first })
        let parent = visit.isRoot ? "" : visit.path
        for child in repeats {
          guard visit.report.hasRoom() else { return }
          visit.report.add(
            "\(parent)/\(child.name): a node of this name is there already", at: child.span,
            notes: [Note("the other node", at: firsts[child.name] ?? nil)])
        }
      }),
    TreeCheck(
      "duplicate-property-names", .error,
      .node { visit in
        let properties = visit.node.properties
        let repeats = repeated(properties, by: \.name)
        if repeats.isEmpty { return }
        let firsts = Dictionary(
          properties.map { ($0.name, $0.span) }, uniquingKeysWith: { first, _ in first })
        let path = visit.path
        for property in repeats {
          guard visit.report.hasRoom() else { return }
          visit.report.add(
            "\(path):\(property.name): a property of this name is there already",
            at: property.span,
            notes: [Note("the other property", at: firsts[property.name] ?? nil)])
        }
      }),
    TreeCheck(
      "node-name-chars", .error,
      .node { visit in
        for byte in visit.node.name.utf8
        where byte != UInt8(ascii: "@") && !isNameCharacter(byte) {
          return visit.fail("the name holds \(character(byte))")
        }
      }),
    TreeCheck(
      "node-name-format", .error,
      .node { visit in
        if visit.node.name.utf8.count(where: { $0 == UInt8(ascii: "@") }) > 1 {
          visit.fail("the name holds more than one '@'")
        }
      }),
    TreeCheck(
      "property-name-chars", .error,
      .node { visit in
        for property in visit.node.properties {
          let bad = property.name.utf8.first { !isNameCharacter($0) }
          if let bad { visit.fail("the name holds \(character(bad))", property) }
        }
      }),
    TreeCheck("name-is-string", .error, stringCheck("name")),
    TreeCheck(
      "name-properties", .error, after: ["name-is-string"],
      .node { visit in
        guard let property = visit.node.property("name") else { return }
        let name = visit.node.baseName
        let isSame =
          property.value.contents.last == 0
          && property.value.contents.dropLast().elementsEqual(name.utf8)
        if !isSame {
          visit.fail("says '\(property.value.string ?? "")', not '\(name)'", property)
        }
      }),
    TreeCheck("duplicate-label", .error, .tree { checkLabels(&$0, $1) }),
    TreeCheck("explicit-phandles", .error, .tree { checkPhandles(&$0, $1) }),
  ]

  /// The elements whose name an earlier one has.
  static func repeated<Element>(
    _ elements: [Element], by name: KeyPath<Element, String>
  ) -> [Element] {
    // Comparing a few is cheaper than a set of them.
    if elements.count <= 8 {
      return elements.indices.filter { index in
        let own = elements[index][keyPath: name]
        return elements[..<index].contains { $0[keyPath: name] == own }
      }.map { elements[$0] }
    }
    var seen: Set<String> = []
    return elements.filter { !seen.insert($0[keyPath: name]).inserted }
  }

  /// Letters, digits and `,._+*#?-`; a `@` only in names of nodes.
  static func isNameCharacter(_ byte: UInt8) -> Bool {
    byte != UInt8(ascii: "@") && ByteClass.table[Int(byte)] & ByteClass.name != 0
  }

  static func character(_ byte: UInt8) -> String {
    (0x21..<0x7F).contains(byte)
      ? "'\(Unicode.Scalar(byte))'" : "the byte 0x\(String(byte, radix: 16))"
  }

  /// A property that must be one string where it stands.
  static func stringCheck(_ name: String) -> Body {
    .property(name) { visit, property in visit.expectString(property) }
  }

  private static func checkLabels(_ report: inout CheckReport, _ tree: Tree) {
    var owners: [String: (path: PathStack, property: String?, span: SourceSpan?)] = [:]
    func place(_ path: PathStack, _ property: String?) -> String {
      property.map { "\(path):\($0)" } ?? path.description
    }
    func claim(_ label: String, _ path: PathStack, _ property: String?, _ span: SourceSpan?) {
      guard let other = owners[label] else {
        owners[label] = (path, property, span)
        return
      }
      let owner = place(other.path, other.property)
      report.add(
        "\(place(path, property)): label '\(label)' is taken by \(owner)", at: span,
        notes: [Note("\(owner) has it here", at: other.span)])
    }
    var path = PathStack()
    func visit(_ node: Node) {
      for label in node.labels { claim(label, path, nil, node.span) }
      for property in node.properties {
        for label in property.labels { claim(label, path, property.name, property.span) }
        for marker in property.value.markers where !marker.kind.isType {
          if case .label(let label) = marker.kind {
            claim(label, path, property.name, property.span)
          }
        }
      }
      for child in node.children {
        path.names.append(child.name)
        visit(child)
        path.names.removeLast()
      }
    }
    visit(tree.root)
  }

  private static func checkPhandles(_ report: inout CheckReport, _ tree: Tree) {
    var owners: [UInt32: (path: String, span: SourceSpan?)] = [:]
    func number(_ name: String, _ node: Node, _ path: String) -> UInt32? {
      guard let property = node.property(name) else { return nil }
      let place = "\(path):\(name)"
      if let reference = property.value.references.first {
        let target = reference.target
        if !node.labels.contains(target) && target != path {
          report.add("\(place): names the phandle of another node", at: property.span)
        }
        return nil
      }
      guard let number = property.value.cell else {
        report.add(
          "\(place): is \(property.value.count) bytes long; a phandle has 4", at: property.span)
        return nil
      }
      guard number != 0, number != .max else {
        report.add("\(place): 0x\(String(number, radix: 16)) is no phandle", at: property.span)
        return nil
      }
      return number
    }
    var path = PathStack()
    func check(_ node: Node) {
      guard node["phandle"] != nil || node["linux,phandle"] != nil else { return }
      let own = path.description
      let phandle = number("phandle", node, own)
      let legacy = number("linux,phandle", node, own)
      if let phandle, let legacy, phandle != legacy {
        report.add("\(own): 'phandle' and 'linux,phandle' differ", at: node.span)
      }
      if let number = phandle ?? legacy {
        if let other = owners[number] {
          report.add(
            "\(own): phandle 0x\(String(number, radix: 16)) is taken by \(other.path)",
            at: node.span, notes: [Note("\(other.path) has it here", at: other.span)])
        } else {
          owners[number] = (own, node.span)
        }
      }
    }
    func visit(_ node: Node) {
      check(node)
      for child in node.children {
        path.names.append(child.name)
        visit(child)
        path.names.removeLast()
      }
    }
    visit(tree.root)
  }

  /// What the resolution of references reports.
  static let referenceChecks: [TreeCheck] = [
    TreeCheck(
      "phandle-references", .error, after: ["duplicate-node-names", "explicit-phandles"],
      .resolution),
    TreeCheck("path-references", .error, after: ["duplicate-node-names"], .resolution),
    TreeCheck(
      "omit-unused-nodes", .error, after: ["phandle-references", "path-references"], .resolution),
  ]
}
