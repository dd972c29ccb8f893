public import Diagnostics

extension Tree {
  /// Removes everything but some nodes and what they need.
  ///
  /// A node stays with all below it. It takes along its ancestors, without their other children, and
  /// every node that a phandle leads to from what stays, each again with all below it and its
  /// ancestors. Where a value is a phandle is told by its markers; in a blob, by the names of
  /// properties that all bindings share. Aliases and symbols stay as far as their nodes do.
  ///
  /// - Parameters:
  ///   - paths: The nodes by full path, alias or label, as ``TreeIndex/find(_:)`` takes them.
  ///   - bag: Where names are reported that no node has; nothing is removed then.
  /// - Complexity: O(*n*) in the size of the tree.
  public mutating func prune(keeping paths: some Sequence<String>, into bag: inout DiagnosticBag) {
    let index = TreeIndex(self)
    var selection = Selection(index)
    var isComplete = true
    for path in paths {
      guard let entry = index.find(path) else {
        let near = nearestName(to: path, in: index.names)
        bag.error(
          "node-not-found", "the tree has no node \(path) to keep",
          fixIts: near.map { [FixIt("did you mean \($0)?")] } ?? [])
        isComplete = false
        continue
      }
      selection.keep(entry)
    }
    guard isComplete else { return }
    selection.follow()
    var cursor = 0
    root.prune(selection.isKept, &cursor)
    for name in ["aliases", "__symbols__"] {
      guard let names = index["/" + name]?.node else { continue }
      var living = names
      living.children = []
      living.properties.removeAll { property in
        guard let path = property.value.string, let entry = index[path] else { return true }
        return !selection.isKept[entry.index]
      }
      root.children.removeAll { $0.name == name }
      if !living.properties.isEmpty { root.children.append(living) }
    }
  }
}

/// Which nodes stay, by their place in the index.
private struct Selection {
  let index: TreeIndex
  private let phandles: PhandleCells
  private(set) var isKept: [Bool]
  /// Whether all below a node stays.
  private var isWhole: [Bool]
  private var waiting: [Int] = []

  init(_ index: TreeIndex) {
    self.index = index
    phandles = PhandleCells(index: index)
    isKept = Array(repeating: false, count: index.entries.count)
    isWhole = isKept
    add(0)
  }

  private mutating func add(_ position: Int) {
    guard !isKept[position] else { return }
    isKept[position] = true
    waiting.append(position)
  }

  /// Keeps a node, all below it and its ancestors.
  mutating func keep(_ entry: TreeIndex.Entry) {
    guard !isWhole[entry.index] else { return }
    var position = entry.index
    // In preorder all below a node follows it, up to the first that is not below.
    repeat {
      isWhole[position] = true
      add(position)
      position += 1
    } while position < index.entries.count
      && index.entries[position].parent.map { $0 >= entry.index && isWhole[$0] } ?? false
    var above = entry.parent
    while let ancestor = above, !isKept[ancestor] {
      add(ancestor)
      above = index.entries[ancestor].parent
    }
  }

  /// Keeps what is referred to, until nothing new comes.
  mutating func follow() {
    while let position = waiting.popLast() {
      let entry = index.entries[position]
      for property in entry.node.properties
      where property.name != "phandle" && property.name != "linux,phandle" {
        for reference in property.value.references {
          if let target = index.node(reference) { keep(target) }
        }
        for cell in phandles.places(in: property, of: entry) ?? [] {
          if let target = index.target(of: property.value, cell: cell) { keep(target) }
        }
      }
    }
  }
}

extension Node {
  /// Removes children that do not stay; the cursor counts nodes in preorder.
  fileprivate mutating func prune(_ isKept: [Bool], _ cursor: inout Int) {
    cursor += 1
    var kept: [Node] = []
    for child in children {
      let position = cursor
      var child = child
      child.prune(isKept, &cursor)
      if isKept[position] { kept.append(child) }
    }
    children = kept
  }
}
