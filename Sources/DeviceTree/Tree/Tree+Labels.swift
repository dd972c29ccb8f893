public import Diagnostics

extension Tree {
  /// Adds `/__symbols__`, so that overlays can refer to labels of this tree; `dtc -@`.
  ///
  /// Every labelled node is given a phandle. References must have been resolved.
  public mutating func addSymbols(
    phandleFormat: PhandleFormat = .epapr, into bag: inout DiagnosticBag
  ) {
    addLabelPaths(to: "__symbols__", into: &bag)
    var labels = PhandleAssigner(self, format: phandleFormat)
    labels.assign(to: &root)
  }

  /// Adds an alias to `/aliases` for every label; `dtc -A`.
  public mutating func addLabelAliases(into bag: inout DiagnosticBag) {
    addLabelPaths(to: "aliases", into: &bag)
  }

  private mutating func addLabelPaths(to name: String, into bag: inout DiagnosticBag) {
    var paths: [(label: String, path: String, span: SourceSpan?)] = []
    func collect(_ node: Node, _ path: String) {
      for label in node.labels { paths.append((label, path.isEmpty ? "/" : path, node.span)) }
      for child in node.children { collect(child, path + "/" + child.name) }
    }
    collect(root, "")
    guard !paths.isEmpty else { return }
    let index: Int
    if let existing = root.children.firstIndex(where: { $0.name == name }) {
      index = existing
    } else {
      index = root.children.count
      root.children.append(Node(name))
    }
    var taken = Set(root.children[index].properties.map(\.name))
    for (label, path, span) in paths {
      if taken.insert(label).inserted {
        root.children[index].properties.append(Property(label, .string(path)))
      } else {
        bag.warning("label-taken", "/\(name) has '\(label)' already", at: span)
      }
    }
  }
}

/// Gives a phandle to every node with a label that has none.
private struct PhandleAssigner {
  private var used: Set<UInt32> = []
  private var next: UInt32 = 1
  private let format: PhandleFormat

  init(_ tree: Tree, format: PhandleFormat) {
    self.format = format
    collect(tree.root)
  }

  private mutating func collect(_ node: Node) {
    if let phandle = node.phandle { used.insert(phandle) }
    for child in node.children { collect(child) }
  }

  mutating func assign(to node: inout Node) {
    if !node.labels.isEmpty && node.phandle == nil {
      while used.contains(next) { next += 1 }
      used.insert(next)
      for name in format.propertyNames where node[name] == nil { node.set(name, next) }
    }
    for index in node.children.indices { assign(to: &node.children[index]) }
  }
}
