import Diagnostics

extension Tree {
  /// Adds to every phandle of an overlay and, by `/__local_fixups__`, to every cell that holds one.
  mutating func shiftPhandles(by delta: UInt32) throws(OverlayFault) {
    guard delta > 0 else { return }
    try root.shiftPhandles(by: delta)
    guard let fixups = root.children.first(where: { $0.name == "__local_fixups__" }) else { return }
    try root.shiftCells(fixups, by: delta, path: "")
  }

  /// Writes a phandle where a fixup says: `path:property:offset`.
  mutating func setPhandle(_ phandle: UInt32, at place: String) throws(OverlayFault) {
    let parts = place.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].hasPrefix("/"), let offset = Int(parts[2]) else {
      throw OverlayFault("overlay-fixup", "'\(place)' is no path:property:offset")
    }
    let isSet = update(String(parts[0])) { node in
      node.setCell(String(parts[1]), offset) { _ in phandle }
    }
    guard isSet == true else {
      throw OverlayFault("overlay-fixup", "there is no cell at '\(place)'")
    }
  }
}

/// The paths of nodes by phandle, collected once for all fragments.
struct PhandlePaths {
  private var paths: [UInt32: String] = [:]

  init(_ root: Node) { collect(root, "") }

  /// The full path of the node with a phandle; also of one that a fragment has added meanwhile.
  mutating func path(of phandle: UInt32, in root: Node) -> String? {
    if let known = paths[phandle] { return known }
    collect(root, "")
    return paths[phandle]
  }

  private mutating func collect(_ node: Node, _ path: String) {
    if let phandle = node.phandle, paths[phandle] == nil {
      paths[phandle] = path.isEmpty ? "/" : path
    }
    for index in node.children.indices {
      collect(node.children[index], path + "/" + node.children[index].name)
    }
  }
}

extension Node {
  /// The largest phandle here and below; 0 when there is none.
  var largestPhandle: UInt32 { children.reduce(phandle ?? 0) { max($0, $1.largestPhandle) } }

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

  fileprivate mutating func shiftCells(
    _ fixups: Node, by delta: UInt32, path: String
  ) throws(OverlayFault) {
    for property in fixups.properties {
      guard let offsets = property.value.cells else {
        throw OverlayFault(
          "overlay-fixup", "/__local_fixups__\(path):\(property.name) is no list of offsets")
      }
      for offset in offsets {
        guard setCell(property.name, Int(offset), { $0 &+ delta }) else {
          throw OverlayFault(
            "overlay-fixup",
            "there is no cell at '\(path.isEmpty ? "/" : path):\(property.name):\(offset)'")
        }
      }
    }
    for child in fixups.children {
      guard let index = children.firstIndex(where: { $0.name == child.name }) else {
        throw OverlayFault("overlay-fixup", "there is no node '\(path)/\(child.name)' to fix up")
      }
      try children[index].shiftCells(child, by: delta, path: path + "/" + child.name)
    }
  }
}
