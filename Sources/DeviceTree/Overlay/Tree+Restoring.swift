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
      restoreReferences(by: fixups)
    }
    if let fixups = ownChild("__local_fixups__") {
      isPlugin = true
      let names = NamesByPhandle(root)
      root.restoreReferences(from: fixups, names)
    }
  }

  private func ownChild(_ name: String) -> Node? { root.children.first { $0.name == name } }

  /// A property by its node's path.
  private struct Place: Hashable {
    let path: Substring
    let property: Substring
  }

  private mutating func restoreReferences(by fixups: Node) {
    // All of a property at once: one by one they would take time in the square of their number.
    var order: [Place] = []
    var references: [Place: [(offset: Int, reference: Reference)]] = [:]
    for fixup in fixups.properties {
      for text in fixup.value.strings ?? [] {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let offset = Int(parts[2]) else { continue }
        let place = Place(path: parts[0], property: parts[1])
        if references[place] == nil { order.append(place) }
        references[place, default: []].append((offset, Reference(fixup.name)))
      }
    }
    for place in order {
      updateExactly(String(place.path)) { node in
        node.mark(references[place] ?? [], in: String(place.property))
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

  /// Says that cells at these offsets of a property are references; of two at one offset the first counts.
  fileprivate mutating func mark(
    _ references: [(offset: Int, reference: Reference)], in property: String
  ) {
    guard let index = propertyIndex(property) else { return }
    let value = properties[index].value
    guard value.count % 4 == 0 else { return }
    var markers = value.markers
    var types = Set(markers.filter(\.kind.isType).map(\.offset))
    var taken = Set(markers.filter { !$0.kind.isType }.map(\.offset))
    for (offset, reference) in references
    where offset >= 0 && offset % 4 == 0 && offset <= value.count - 4 {
      guard taken.insert(offset).inserted else { continue }
      // What stands behind a reference begins a group of its own, as dtc prints it.
      for start in [0, offset, offset + 4]
      where start < value.count && types.insert(start).inserted {
        markers.append(Marker(.cells(.bits32), at: start))
      }
      markers.append(Marker(.phandle(reference), at: offset))
    }
    // A group begins before what stands at its place.
    markers.sort { ($0.offset, $0.kind.isType ? 0 : 1) < ($1.offset, $1.kind.isType ? 0 : 1) }
    properties[index].value = PropertyValue(bytes: value.bytes, markers: markers)
  }

  fileprivate mutating func restoreReferences(from fixups: Node, _ names: NamesByPhandle) {
    for fixup in fixups.properties {
      guard let value = self[fixup.name] else { continue }
      var found: [(offset: Int, reference: Reference)] = []
      for cell in fixup.value.cells ?? [] {
        let offset = Int(cell)
        guard offset <= value.count - 4 else { continue }
        let phandle = UInt32(truncatingIfNeeded: value.integer(at: offset, byteCount: 4))
        if let reference = names.references[phandle] { found.append((offset, reference)) }
      }
      mark(found, in: fixup.name)
    }
    guard !fixups.children.isEmpty else { return }
    let places = ChildPlaces(self)
    for child in fixups.children {
      guard let index = places[child.name] else { continue }
      children[index].restoreReferences(from: child, names)
    }
  }
}
