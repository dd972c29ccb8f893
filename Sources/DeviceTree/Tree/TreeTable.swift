/// A flat view of a tree in preorder that finds nodes by label and by path without holding nodes,
/// so that the tree can be changed in place meanwhile.
struct TreeTable {
  /// The parent of each node; the root is its own.
  private(set) var parents: [Int32] = []
  private(set) var names: [String] = []
  /// The node that carries a label, the first in preorder.
  private(set) var labels: [String: Int] = [:]

  private struct ChildKey: Hashable {
    let parent: Int32
    let name: String
  }
  private var children: [ChildKey: Int] = [:]

  init(_ root: Node) { add(root, parent: 0) }

  var count: Int { parents.count }

  private mutating func add(_ node: Node, parent: Int32) {
    let index = parents.count
    parents.append(parent)
    names.append(node.name)
    for label in node.labels where labels[label] == nil { labels[label] = index }
    for child in node.children { add(child, parent: Int32(index)) }
  }

  /// The full path of a node.
  func path(of index: Int) -> String {
    guard index > 0 else { return "/" }
    var components: [String] = []
    var index = index
    while index > 0 {
      components.append(names[index])
      index = Int(parents[index])
    }
    return components.reversed().reduce(into: "") { $0 += "/" + $1 }
  }

  /// The node a reference means; names must match exactly.
  mutating func resolve(_ reference: Reference) -> Int? {
    let target = reference.target
    guard target.utf8.contains(UInt8(ascii: "/")) else { return labels[target] }
    if children.isEmpty { indexChildren() }
    let components = target.split(separator: "/")
    var node = 0
    var rest = components[...]
    if !target.hasPrefix("/") {
      guard let label = rest.popFirst(), let base = labels[String(label)] else { return nil }
      node = base
    }
    for name in rest {
      guard let child = children[ChildKey(parent: Int32(node), name: String(name))] else {
        return nil
      }
      node = child
    }
    return node
  }

  private mutating func indexChildren() {
    for index in parents.indices.dropFirst() {
      let key = ChildKey(parent: parents[index], name: names[index])
      if children[key] == nil { children[key] = index }
    }
  }
}
