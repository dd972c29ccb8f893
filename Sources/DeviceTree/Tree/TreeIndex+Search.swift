extension TreeIndex {
  /// The node that a person means: by path (parts may leave their unit addresses out), by an alias
  /// with or without a path below it, or by a label with or without `&`.
  public func find(_ name: String) -> Entry? {
    if let exact = self[name] { return exact }
    if let labelled = node(labelled: name.hasPrefix("&") ? String(name.dropFirst()) : name) {
      return labelled
    }
    var current: Entry?
    var rest = name[...]
    if name.hasPrefix("/") {
      current = entries.first
    } else {
      let alias = name.prefix { $0 != "/" }
      current = node(alias: String(alias)) ?? node(labelled: String(alias))
      rest = name.dropFirst(alias.count)
    }
    for part in rest.split(separator: "/") {
      guard let parent = current else { return nil }
      let nodes = children(of: parent)
      current =
        nodes.first { $0.node.name == part }
        ?? (part.contains("@") ? nil : nodes.first { $0.node.baseName == part })
    }
    return current
  }

  /// Every name that ``find(_:)`` knows a node by: paths, labels and aliases.
  public var names: [String] {
    entries.map(\.path) + entries.flatMap(\.node.labels)
      + (tree.root.child("aliases")?.properties.map(\.name) ?? [])
  }
}

extension TreeIndex {
  /// The nodes that a property's phandles lead to, in their order; `nil` for one that leads nowhere.
  ///
  /// Where a value is a phandle is told by its markers; in a blob, by the names of properties that
  /// all bindings share.
  public func targets(of property: Property, in entry: Entry) -> [Entry?] {
    let cells = PhandleCells(index: self).places(in: property, of: entry) ?? []
    return cells.map { target(of: property.value, cell: $0) }
  }
}
