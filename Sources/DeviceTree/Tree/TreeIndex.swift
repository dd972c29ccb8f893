/// A tree with tables over it: every node in order, found by path, label, phandle or `compatible`.
///
/// Build it once when many questions follow; it holds its own copy of the tree.
public struct TreeIndex: Sendable {
  /// A node and its place in the tree.
  public struct Entry: Sendable {
    /// The position in preorder; the root is 0.
    public let index: Int
    /// The position of the parent; `nil` for the root.
    public let parent: Int?
    /// The full path.
    public let path: String
    /// The node.
    public let node: Node
  }

  /// The tree.
  public let tree: Tree
  /// Every node in preorder: parents before children, children in order.
  public private(set) var entries: [Entry] = []
  private var byPath: [String: Int] = [:]
  private var byLabel: [String: Int] = [:]
  private var byPhandle: [UInt32: Int] = [:]

  /// Builds the tables.
  ///
  /// - Complexity: O(*n*) in nodes, and in the length of their paths.
  public init(_ tree: Tree) {
    self.tree = tree
    add(tree.root, parent: nil, path: "/")
  }

  private mutating func add(_ node: Node, parent: Int?, path: String) {
    let index = entries.count
    entries.append(Entry(index: index, parent: parent, path: path, node: node))
    if byPath[path] == nil { byPath[path] = index }
    for label in node.labels where byLabel[label] == nil { byLabel[label] = index }
    if let phandle = node.phandle, byPhandle[phandle] == nil { byPhandle[phandle] = index }
    let prefix = path == "/" ? path : path + "/"
    for child in node.children { add(child, parent: index, path: prefix + child.name) }
  }

  /// The node at a full path, names given exactly.
  public subscript(path: String) -> Entry? { byPath[path].map { entries[$0] } }

  /// The node that carries a label.
  public func node(labelled label: String) -> Entry? { byLabel[label].map { entries[$0] } }

  /// The node with a phandle.
  public func node(phandle: UInt32) -> Entry? { byPhandle[phandle].map { entries[$0] } }

  /// The node a reference means.
  public func node(_ reference: Reference) -> Entry? {
    let target = reference.target
    if target.hasPrefix("/") { return self[target] }
    guard let slash = target.firstIndex(of: "/") else { return node(labelled: target) }
    guard let base = node(labelled: String(target[..<slash])) else { return nil }
    return self[(base.path == "/" ? "" : base.path) + target[slash...]]
  }

  /// The node that an alias in `/aliases` stands for.
  public func node(alias: String) -> Entry? {
    tree.root.child("aliases")?[alias]?.string.flatMap { self[$0] }
  }

  /// The nodes whose `compatible` lists any of these names, in preorder.
  public func nodes(compatibleWith names: String...) -> [Entry] {
    entries.filter { entry in
      let own = entry.node.compatible
      return names.contains { own.contains($0) }
    }
  }

  /// The parent of a node.
  public func parent(of entry: Entry) -> Entry? { entry.parent.map { entries[$0] } }

  /// The children of a node.
  public func children(of entry: Entry) -> [Entry] {
    var children: [Entry] = []
    children.reserveCapacity(entry.node.children.count)
    var index = entry.index + 1
    while index < entries.count, children.count < entry.node.children.count {
      if entries[index].parent == entry.index { children.append(entries[index]) }
      index += 1
    }
    return children
  }

  /// The node that a cell of a property refers to: by its phandle, or by the reference that stands
  /// there while phandles are not resolved yet.
  public func target(of value: PropertyValue, cell: Int) -> Entry? {
    for marker in value.markers where marker.offset == cell * 4 {
      if case .phandle(let reference) = marker.kind { return node(reference) }
    }
    guard let cells = value.cells, cells.indices.contains(cell) else { return nil }
    return node(phandle: cells[cell])
  }

  /// The value of a property here or at the nearest ancestor that has it, as `interrupt-parent` is
  /// inherited.
  public func inherited(_ name: String, by entry: Entry) -> PropertyValue? {
    var current: Entry? = entry
    while let node = current {
      if let value = node.node[name] { return value }
      current = parent(of: node)
    }
    return nil
  }
}
