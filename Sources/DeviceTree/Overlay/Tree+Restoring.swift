import Diagnostics

extension Tree {
  /// Gives a tree from a blob back what its source said by name: labels from `/__symbols__`, in an
  /// overlay also references from `/__fixups__` and `/__local_fixups__`, as dtc 1.8 does.
  ///
  /// What these nodes say wrongly is passed over; they stay as they are.
  package mutating func restoreNames() {
    restoreLabels()
    if let fixups = ownChild("__fixups__") {
      isPlugin = true
      for fixup in fixups.properties { restoreReferences(to: fixup) }
    }
    if let fixups = ownChild("__local_fixups__") {
      isPlugin = true
      let names = NamesByPhandle(root)
      root.restoreReferences(from: fixups, names)
    }
  }

  private func ownChild(_ name: String) -> Node? { root.children.first { $0.name == name } }

  private mutating func restoreReferences(to fixup: Property) {
    for place in fixup.value.strings ?? [] {
      let parts = place.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 3, let offset = Int(parts[2]) else { continue }
      updateExactly(String(parts[0])) { node in
        node.mark(Reference(fixup.name), in: String(parts[1]), at: offset)
      }
    }
  }

  private mutating func updateExactly(_ path: String, _ change: (inout Node) -> Void) {
    let names = path.split(separator: "/").map(String.init)
    root.updateExactly(names[...], change)
  }
}

/// How source refers to each node that has a phandle: by its first label, else by its path.
private struct NamesByPhandle {
  private(set) var references: [UInt32: Reference] = [:]

  init(_ root: Node) {
    var path = PathStack()
    collect(root, &path)
  }

  private mutating func collect(_ node: Node, _ path: inout PathStack) {
    if let phandle = node.phandle, references[phandle] == nil {
      references[phandle] = Reference(node.labels.first ?? path.description)
    }
    for child in node.children {
      path.names.append(child.name)
      collect(child, &path)
      path.names.removeLast()
    }
  }
}

extension Node {
  fileprivate mutating func updateExactly(
    _ names: ArraySlice<String>, _ change: (inout Node) -> Void
  ) {
    guard let name = names.first else { return change(&self) }
    guard let index = children.firstIndex(where: { $0.name == name }) else { return }
    children[index].updateExactly(names.dropFirst(), change)
  }

  /// Says that the cell at an offset of a property is a reference.
  fileprivate mutating func mark(_ reference: Reference, in property: String, at offset: Int) {
    guard let index = propertyIndex(property) else { return }
    let value = properties[index].value
    guard offset >= 0, offset % 4 == 0, value.count % 4 == 0, offset <= value.count - 4 else {
      return
    }
    // What stands behind a reference begins a group of its own, as dtc prints it.
    var markers = value.markers
    guard !markers.contains(where: { $0.offset == offset && !$0.kind.isType }) else { return }
    for (kind, place) in [
      (Marker.Kind.cells(.bits32), 0), (.cells(.bits32), offset), (.phandle(reference), offset),
      (.cells(.bits32), offset + 4),
    ] where place < value.count {
      if kind.isType, markers.contains(where: { $0.offset == place && $0.kind.isType }) { continue }
      let next = markers.firstIndex { $0.offset > place || $0.offset == place && kind.isType }
      markers.insert(Marker(kind, at: place), at: next ?? markers.count)
    }
    properties[index].value = PropertyValue(bytes: value.bytes, markers: markers)
  }

  fileprivate mutating func restoreReferences(from fixups: Node, _ names: NamesByPhandle) {
    for fixup in fixups.properties {
      for offset in fixup.value.cells ?? [] {
        guard let index = propertyIndex(fixup.name),
          Int(offset) <= properties[index].value.count - 4
        else { continue }
        let phandle = UInt32(
          truncatingIfNeeded: properties[index].value.integer(at: Int(offset), byteCount: 4))
        guard let reference = names.references[phandle] else { continue }
        mark(reference, in: fixup.name, at: Int(offset))
      }
    }
    for child in fixups.children {
      guard let index = children.firstIndex(where: { $0.name == child.name }) else { continue }
      children[index].restoreReferences(from: child, names)
    }
  }
}
