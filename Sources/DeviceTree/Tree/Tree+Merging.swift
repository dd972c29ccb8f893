extension Tree {
  /// Lays another whole tree over this one, as if its source had followed.
  ///
  /// Properties of the same name are replaced, children of the same name merged, reservations
  /// added. The other tree's phandles are renumbered where they clash: a node that both trees have
  /// keeps the number it has here, any other gets one that is free. Where a value is a phandle is
  /// told by its markers; in a blob, by the names of properties that all bindings share.
  ///
  /// - Complexity: O(*n*) in the size of both trees.
  public mutating func merge(_ other: Tree) {
    var renumbering = Renumbering(of: other, for: self)
    var root = other.root
    renumbering.apply(to: &root)
    self.root.merge(root)
    for reservation in other.reservations where !reservations.contains(reservation) {
      reservations.append(reservation)
    }
  }
}

/// New numbers for the phandles of a tree that joins another.
private struct Renumbering {
  private let phandles: PhandleCells
  private var numbers: [UInt32: UInt32] = [:]
  private var cursor = 0

  init(of tree: Tree, for base: Tree) {
    let own = TreeIndex(base)
    phandles = PhandleCells(index: TreeIndex(tree))
    var taken = Set(own.entries.compactMap(\.node.phandle))
    var waiting: [UInt32] = []
    for entry in phandles.index.entries {
      guard let phandle = entry.node.phandle, numbers[phandle] == nil else { continue }
      if let known = own[entry.path]?.node.phandle {
        numbers[phandle] = known
      } else if taken.insert(phandle).inserted {
        numbers[phandle] = phandle
      } else {
        waiting.append(phandle)
      }
    }
    var next: UInt32 = 1
    for phandle in waiting where numbers[phandle] == nil {
      while taken.contains(next) { next += 1 }
      taken.insert(next)
      numbers[phandle] = next
    }
  }

  /// Renumbers a node and all below it, in the order of the index.
  mutating func apply(to node: inout Node) {
    let entry = phandles.index.entries[cursor]
    cursor += 1
    for index in node.properties.indices {
      let property = node.properties[index]
      let isOwn = property.name == "phandle" || property.name == "linux,phandle"
      let places =
        isOwn && property.value.count == 4 ? [0] : phandles.places(in: property, of: entry) ?? []
      guard let cells = places.isEmpty ? nil : property.value.cells else { continue }
      for place in places where cells.indices.contains(place) {
        if let number = numbers[cells[place]], number != cells[place] {
          node.properties[index].value.setCell(number, at: place * 4)
        }
      }
    }
    for index in node.children.indices { apply(to: &node.children[index]) }
  }
}
