extension Tree {
  /// Adds what an overlay's loader needs: `/__fixups__` with the places that wait for labels of the
  /// base tree, `/__local_fixups__` with the places that hold phandles of the overlay itself.
  ///
  /// References must have been resolved. Nothing is added where nothing is needed.
  public mutating func addFixups() {
    let table = TreeTable(root)
    var collector = FixupCollector(table: table)
    collector.visit(root, path: "", names: [])
    if !collector.fixups.isEmpty {
      let index = childIndexAdding("__fixups__")
      for (name, places) in collector.fixups {
        root.children[index].set(name, .strings(places))
      }
    }
    if !collector.locals.isEmpty {
      let index = childIndexAdding("__local_fixups__")
      for (names, property, offsets) in collector.locals {
        root.children[index].addLocalFixup(names[...], property, offsets)
      }
    }
  }

  private mutating func childIndexAdding(_ name: String) -> Int {
    if let index = root.children.firstIndex(where: { $0.name == name }) { return index }
    root.children.append(Node(name))
    return root.children.count - 1
  }
}

extension Node {
  fileprivate mutating func addLocalFixup(
    _ names: ArraySlice<String>, _ property: String, _ offsets: [UInt32]
  ) {
    guard let name = names.first else {
      return set(property, .rows(offsets.map { [.value($0)] }))
    }
    // The places come in preorder, so the child is the last one or new.
    let index: Int
    if let last = children.last, last.name == name {
      index = children.count - 1
    } else if let known = children.firstIndex(where: { $0.name == name }) {
      index = known
    } else {
      index = children.count
      children.append(Node(name))
    }
    children[index].addLocalFixup(names.dropFirst(), property, offsets)
  }
}

/// Finds the phandle cells of a tree and sorts them by whether their node is in it.
private struct FixupCollector {
  var table: TreeTable
  /// Places by label, labels by first use.
  private(set) var fixups: [(name: String, places: [String])] = []
  private var slots: [String: Int] = [:]
  private(set) var locals: [(names: [String], property: String, offsets: [UInt32])] = []

  init(table: TreeTable) { self.table = table }

  mutating func visit(_ node: Node, path: String, names: [String]) {
    for property in node.properties where property.value.marks.namesPlaces {
      var offsets: [UInt32] = []
      for marker in property.value.markers {
        guard case .phandle(let reference) = marker.kind else { continue }
        if table.resolve(reference) != nil {
          offsets.append(UInt32(truncatingIfNeeded: marker.offset))
        } else {
          let place = "\(path.isEmpty ? "/" : path):\(property.name):\(marker.offset)"
          if let slot = slots[reference.target] {
            fixups[slot].places.append(place)
          } else {
            slots[reference.target] = fixups.count
            fixups.append((reference.target, [place]))
          }
        }
      }
      if !offsets.isEmpty { locals.append((names, property.name, offsets)) }
    }
    for child in node.children {
      visit(child, path: path + "/" + child.name, names: names + [child.name])
    }
  }
}
