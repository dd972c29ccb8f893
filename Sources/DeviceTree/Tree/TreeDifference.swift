/// What differs between two trees, by structure: nodes by path, properties by name.
///
/// The order of nodes and properties does not count, nor do labels, nor which numbers phandles
/// have: `<&mpic>` equals `<&mpic>` however many nodes were numbered before it, and differs from
/// `<&gpio>` even where both happen to be `<3>`.
///
/// ```swift
/// for change in TreeDifference(from: shipped, to: running).changes { print(change) }
/// ```
public struct TreeDifference: Sendable, Hashable {
  /// One difference.
  public enum Change: Sendable, Hashable {
    /// A node, with all below it, is in the second tree only.
    case nodeAdded(path: String, node: Node)
    /// A node, with all below it, is in the first tree only.
    case nodeRemoved(path: String, node: Node)
    /// A property is in the second tree only.
    case propertyAdded(path: String, property: Property)
    /// A property is in the first tree only.
    case propertyRemoved(path: String, property: Property)
    /// A property has another value. `mayBePhandle` when all that changed are numbers that are the
    /// phandles of one node in both trees, in a property of which nothing more is known.
    case propertyChanged(path: String, old: Property, new: Property, mayBePhandle: Bool)
    /// The memory reservations are others.
    case reservationsChanged(old: [MemoryReservation], new: [MemoryReservation])
    /// Another processor boots.
    case bootCPUChanged(old: UInt32, new: UInt32)
  }

  /// The differences: the tree's own, then those of nodes in preorder of the first tree, what was
  /// added to a node last.
  public private(set) var changes: [Change] = []

  /// Whether the trees are the same but for order, labels and the numbers of phandles.
  public var isEmpty: Bool { changes.isEmpty }

  /// Compares two trees whose references have been resolved.
  ///
  /// - Complexity: O(*n*) in the size of both trees.
  public init(from old: Tree, to new: Tree) {
    func plain(_ reservations: [MemoryReservation]) -> [MemoryReservation] {
      reservations.map { MemoryReservation(address: $0.address, size: $0.size) }
    }
    if plain(old.reservations) != plain(new.reservations) {
      changes.append(.reservationsChanged(old: old.reservations, new: new.reservations))
    }
    if old.bootCPU != new.bootCPU {
      changes.append(.bootCPUChanged(old: old.bootCPU, new: new.bootCPU))
    }
    var comparison = Comparison(
      old: PhandleCells(index: TreeIndex(old)), new: PhandleCells(index: TreeIndex(new)))
    comparison.compare(0, 0)
    changes += comparison.changes
  }
}

/// One walk over both trees at once.
private struct Comparison {
  let old: PhandleCells
  let new: PhandleCells
  var changes: [TreeDifference.Change] = []

  init(old: PhandleCells, new: PhandleCells) {
    self.old = old
    self.new = new
  }

  /// A name, and which one of that name it is: broken trees have two of a kind.
  private struct Key: Hashable {
    let name: String
    let count: Int
  }

  private static func keyed<Item>(
    _ items: [Item], _ name: (Item) -> String
  ) -> [(key: Key, item: Item)] {
    var counts: [String: Int] = [:]
    return items.map { item in
      let name = name(item)
      let count = counts[name, default: 0]
      counts[name] = count + 1
      return (Key(name: name, count: count), item)
    }
  }

  /// Compares the nodes at these places of the indices.
  mutating func compare(_ left: Int, _ right: Int) {
    let before = old.index.entries[left]
    let after = new.index.entries[right]
    compareProperties(before, after)
    let olds = Self.keyed(old.index.children(of: before)) { $0.node.name }
    let news = Self.keyed(new.index.children(of: after)) { $0.node.name }
    var matches = Dictionary(uniqueKeysWithValues: news.map { ($0.key, $0.item.index) })
    for (key, entry) in olds {
      if let match = matches.removeValue(forKey: key) {
        compare(entry.index, match)
      } else {
        changes.append(.nodeRemoved(path: entry.path, node: entry.node))
      }
    }
    for (key, entry) in news where matches[key] != nil {
      changes.append(.nodeAdded(path: entry.path, node: entry.node))
    }
  }

  private mutating func compareProperties(_ before: TreeIndex.Entry, _ after: TreeIndex.Entry) {
    func counts(_ property: Property) -> Bool {
      property.name != "phandle" && property.name != "linux,phandle"
    }
    let olds = Self.keyed(before.node.properties.filter(counts)) { $0.name }
    let news = Self.keyed(after.node.properties.filter(counts)) { $0.name }
    var matches = Dictionary(uniqueKeysWithValues: news.map { ($0.key, $0.item) })
    for (key, property) in olds {
      guard let match = matches.removeValue(forKey: key) else {
        changes.append(.propertyRemoved(path: before.path, property: property))
        continue
      }
      switch verdict(property, before, match, after) {
      case .same: break
      case .different, .unknown:
        changes.append(
          .propertyChanged(
            path: before.path, old: property, new: match,
            mayBePhandle: verdict(property, before, match, after) == .unknown))
      }
    }
    for (key, property) in news where matches[key] != nil {
      changes.append(.propertyAdded(path: after.path, property: property))
    }
  }

  private enum Verdict {
    case same
    case different
    case unknown
  }

  private func verdict(
    _ left: Property, _ before: TreeIndex.Entry, _ right: Property, _ after: TreeIndex.Entry
  ) -> Verdict {
    let isSame = left.value.bytes == right.value.bytes
    guard left.value.count == right.value.count, left.value.count % 4 == 0 else {
      return isSame ? .same : .different
    }
    let places = old.places(in: left, of: before)
    let others = new.places(in: right, of: after)
    // What one tree's markers say holds for the other, which may come from a blob.
    let known = Set((places ?? []) + (others ?? []))
    guard let cells = left.value.cells, let news = right.value.cells else { return .different }
    var verdict = Verdict.same
    for position in cells.indices {
      let isPhandle = known.contains(position)
      if cells[position] == news[position], !isPhandle { continue }
      let target = old.index.node(phandle: cells[position])?.path
      let other = new.index.node(phandle: news[position])?.path
      let meansSame = target != nil && target == other
      if isPhandle {
        if meansSame || (target == nil && other == nil && cells[position] == news[position]) {
          continue
        }
        return .different
      }
      guard places == nil, others == nil, meansSame else { return .different }
      verdict = .unknown
    }
    return verdict
  }
}
