public import Diagnostics

extension Tree {
  /// Adds what an overlay's loader needs: `/__fixups__` with the places that wait for labels of the
  /// base tree, `/__local_fixups__` with the places that hold phandles of the overlay itself.
  ///
  /// References must have been resolved. Nothing is added where nothing is needed, and what is
  /// there stays. A fixup names a
  /// label, so a reference by path that leads out of the overlay is an error.
  public mutating func addFixups(into bag: inout DiagnosticBag) {
    let table = TreeTable(root)
    var collector = FixupCollector(table: table)
    collector.visit(root, path: "", names: [])
    for (reference, place, span) in collector.paths {
      bag.error(
        "overlay-path-reference",
        "\(place): \(reference) is not in the overlay, and only labels are looked up in the base",
        at: span)
    }
    if !collector.fixups.isEmpty {
      let index = childIndexAdding("__fixups__")
      for (name, places) in collector.fixups {
        let known = root.children[index][name] ?? .empty
        let present = Set(known.strings ?? [])
        let added = places.filter { !present.contains($0) }
        if !added.isEmpty { root.children[index].set(name, known + .strings(added)) }
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
      let known = self[property] ?? .empty
      let present = Set(known.cells ?? [])
      let added = offsets.filter { !present.contains($0) }
      if !added.isEmpty { set(property, known + .rows(added.map { [.value($0)] })) }
      return
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
  /// References that no fixup can be made for.
  private(set) var paths: [(reference: Reference, place: String, span: SourceSpan?)] = []
  private(set) var locals: [(names: [String], property: String, offsets: [UInt32])] = []

  init(table: TreeTable) { self.table = table }

  mutating func visit(_ node: Node, path: String, names: [String]) {
    for property in node.properties where property.value.marks.namesPlaces {
      var offsets: [UInt32] = []
      for marker in property.value.markers {
        guard case .phandle(let reference) = marker.kind else { continue }
        if table.resolve(reference) != nil {
          offsets.append(UInt32(truncatingIfNeeded: marker.offset))
        } else if reference.target.utf8.contains(UInt8(ascii: "/")) {
          paths.append((reference, "\(path.isEmpty ? "/" : path):\(property.name)", property.span))
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
