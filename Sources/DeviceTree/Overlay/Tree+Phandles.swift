import Diagnostics

extension Tree {
  /// Adds to every phandle of an overlay and, by `/__local_fixups__`, to every cell that holds one.
  mutating func shiftPhandles(by delta: UInt32) throws(OverlayFault) {
    guard delta > 0 else { return }
    try root.shiftPhandles(by: delta)
    guard let fixups = root.children.first(where: { $0.name == "__local_fixups__" }) else { return }
    try root.changeCells(fixups, path: "") { $0 &+ delta }
  }

  /// Writes a phandle where a fixup says: `path:property:offset`, the path through these fragments.
  mutating func setPhandle(
    _ phandle: UInt32, at place: String, _ fragments: ChildPlaces
  ) throws(OverlayFault) {
    let parts = place.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].hasPrefix("/"), let offset = Int(parts[2]) else {
      throw OverlayFault("overlay-fixup", "'\(place)' is no path:property:offset")
    }
    let isSet = update(String(parts[0]), fragments) { node in
      node.setCell(String(parts[1]), offset) { _ in phandle }
    }
    guard isSet == true else {
      throw OverlayFault("overlay-fixup", "there is no cell at '\(place)'")
    }
  }
}

extension Tree {
  /// Gives nodes of this overlay that have a phandle in the base that one, with all that refers to
  /// them: the base's own references would lead nowhere else.
  mutating func keepPhandles(
    of base: Tree, _ paths: inout PhandlePaths
  ) throws(OverlayFault) {
    var kept: [UInt32: UInt32] = [:]
    for index in root.children.indices {
      let fragment = root.children[index]
      guard let content = fragment.children.firstIndex(where: { $0.name == "__overlay__" }),
        let path = try? fragment.overlayTarget(in: base, &paths)
      else { continue }
      base.read(path) { root.children[index].children[content].keepPhandles(of: $0, &kept) }
    }
    guard !kept.isEmpty,
      let fixups = root.children.first(where: { $0.name == "__local_fixups__" })
    else { return }
    try root.changeCells(fixups, path: "") { kept[$0] ?? $0 }
  }
}

/// The paths of nodes by phandle, collected once for all fragments.
struct PhandlePaths {
  private var paths: [UInt32: String] = [:]

  init(_ root: Node) { collect(root) }

  /// The full path of the node with a phandle; also of one that a fragment has added meanwhile.
  mutating func path(of phandle: UInt32, in root: Node) -> String? {
    if let known = paths[phandle] { return known }
    collect(root)
    return paths[phandle]
  }

  private mutating func collect(_ root: Node) {
    var path = PathStack()
    collect(root, &path)
  }

  private mutating func collect(_ node: borrowing Node, _ path: inout PathStack) {
    if let phandle = node.phandle, paths[phandle] == nil { paths[phandle] = path.description }
    for index in node.children.indices {
      path.names.append(node.children[index].name)
      collect(node.children[index], &path)
      path.names.removeLast()
    }
  }
}

extension Node {
  /// The largest phandle here and below; 0 when there is none.
  var largestPhandle: UInt32 { children.reduce(phandle ?? 0) { max($0, $1.largestPhandle) } }

  /// Whether all below this node keeps the limits of ``Tree`` where it stands so deep and has so long a path: readers
  /// would refuse what does not, and much of it would exhaust the stack.
  func keepsLimits(depth: Int, length: Int) -> Bool {
    guard depth <= Tree.maximumDepth, length <= Tree.maximumPathLength else { return false }
    return children.indices.allSatisfy { index in
      children[index].keepsLimits(
        depth: depth + 1, length: length + children[index].name.utf8.count + 1)
    }
  }

  /// Sets a property in place, or before the others.
  mutating func putFirst(_ name: String, _ value: PropertyValue) {
    if self[name] != nil {
      set(name, value)
    } else {
      properties.insert(Property(name, value), at: 0)
    }
  }

  /// Lays a fragment's content over this node the way libfdt does.
  mutating func overlay(with content: Node) {
    for property in content.properties { putFirst(property.name, property.value) }
    for child in content.children {
      if let index = children.firstIndex(where: { $0.name == child.name }) {
        children[index].overlay(with: child)
      } else {
        var added = Node(child.name, labels: child.labels)
        added.overlay(with: child)
        children.insert(added, at: 0)
      }
    }
  }

  /// Changes the cell at a byte offset of a property; false when it is not there.
  mutating func setCell(_ name: String, _ offset: Int, _ change: (UInt32) -> UInt32) -> Bool {
    guard let index = properties.firstIndex(where: { $0.name == name }), offset >= 0,
      offset <= properties[index].value.count - 4
    else { return false }
    let old = UInt32(truncatingIfNeeded: properties[index].value.integer(at: offset, byteCount: 4))
    properties[index].value.setCell(change(old), at: offset)
    return true
  }

  fileprivate mutating func shiftPhandles(by delta: UInt32) throws(OverlayFault) {
    for name in ["phandle", "linux,phandle"] {
      guard let number = self[name]?.cell, number != 0, number != .max else { continue }
      let (sum, overflow) = number.addingReportingOverflow(delta)
      guard !overflow, sum != .max else {
        throw OverlayFault("overlay-phandle", "phandles of base and overlay do not fit 32 bits")
      }
      _ = setCell(name, 0) { _ in sum }
    }
    for index in children.indices { try children[index].shiftPhandles(by: delta) }
  }

  /// Takes over the phandles of a node of the base and of those below it, and notes what they replace.
  fileprivate mutating func keepPhandles(
    of base: borrowing Node, _ kept: inout [UInt32: UInt32]
  ) {
    if let own = phandle, let known = base.phandle {
      kept[own] = known
      for name in ["phandle", "linux,phandle"] where self[name] != nil {
        _ = setCell(name, 0) { _ in known }
      }
    }
    guard !children.isEmpty, !base.children.isEmpty else { return }
    let places = ChildPlaces(base)
    for index in children.indices {
      guard let place = places[children[index].name] else { continue }
      children[index].keepPhandles(of: base.children[place], &kept)
    }
  }

  /// Changes every cell that local fixups name.
  fileprivate mutating func changeCells(
    _ fixups: Node, path: String, _ change: (UInt32) -> UInt32
  ) throws(OverlayFault) {
    for property in fixups.properties {
      guard let offsets = property.value.cells else {
        throw OverlayFault(
          "overlay-fixup", "/__local_fixups__\(path):\(property.name) is no list of offsets")
      }
      for offset in offsets {
        guard setCell(property.name, Int(offset), change) else {
          throw OverlayFault(
            "overlay-fixup",
            "there is no cell at '\(path.isEmpty ? "/" : path):\(property.name):\(offset)'")
        }
      }
    }
    guard !fixups.children.isEmpty else { return }
    let places = ChildPlaces(self)
    for child in fixups.children {
      guard let index = places[child.name] else {
        throw OverlayFault("overlay-fixup", "there is no node '\(path)/\(child.name)' to fix up")
      }
      try children[index].changeCells(child, path: path + "/" + child.name, change)
    }
  }

  /// The path of the node of the base that this fragment of an overlay is laid over.
  func overlayTarget(
    in base: Tree, _ paths: inout PhandlePaths
  ) throws(OverlayFault) -> String {
    if let value = self["target"] {
      guard let phandle = value.cell, let path = paths.path(of: phandle, in: base.root) else {
        throw OverlayFault("overlay-target", "the base has no node for the target of \(name)")
      }
      return path
    }
    guard let path = self["target-path"]?.string else {
      throw OverlayFault("overlay-target", "\(name) names no target")
    }
    return path
  }
}
