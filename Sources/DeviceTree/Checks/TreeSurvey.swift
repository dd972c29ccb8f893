import Diagnostics

/// What one quick look at a tree tells: which of the longer passes have anything to do.
///
/// Most trees keep every rule of form, refer to nothing by path and carry no `name` properties; for
/// a million nodes it pays to know that first. The survey may suspect what is in order, but never
/// passes over what is not.
struct TreeSurvey {
  /// Whether a rule of form (``TreeCheck/structuralChecks``) may be broken, labels and phandles apart.
  private(set) var suspectsForm = false
  /// Whether there are labels, at nodes, properties or in values.
  private(set) var hasLabels = false
  /// Whether values refer to nodes.
  private(set) var hasReferences = false
  /// Whether nodes have phandles.
  private(set) var hasPhandles = false
  /// Whether nodes have `name` properties.
  private(set) var hasNames = false
  /// Whether nodes may go when nothing refers to them.
  private(set) var hasOmittable = false
  private var names = NameSet()

  init(_ tree: Tree) { visit(tree.root) }

  /// The rules of form that may be broken.
  var neededChecks: [TreeCheck] {
    TreeCheck.structuralChecks.filter { check in
      switch check.code {
      case "duplicate-label": hasLabels
      case "explicit-phandles": hasPhandles
      default: suspectsForm || hasNames
      }
    }
  }

  private mutating func visit(_ node: Node) {
    if !node.labels.isEmpty { hasLabels = true }
    if node.isOmittedWithoutReference { hasOmittable = true }
    if !isNodeName(node.name) { suspectsForm = true }
    for index in node.properties.indices { visit(node.properties[index]) }
    if hasRepetition(node.properties.count, { node.properties[$0].name }) { suspectsForm = true }
    if hasRepetition(node.children.count, { node.children[$0].name }) { suspectsForm = true }
    for index in node.children.indices { visit(node.children[index]) }
  }

  private mutating func visit(_ property: Property) {
    if !property.labels.isEmpty { hasLabels = true }
    if property.value.marks.namesPlaces {
      hasLabels = true
      hasReferences = true
    }
    switch property.name.utf8.count {
    case 4 where property.name == "name": hasNames = true
    case 7 where property.name == "phandle": hasPhandles = true
    case 13 where property.name == "linux,phandle": hasPhandles = true
    default: break
    }
    if !property.name.utf8.allSatisfy({ TreeCheck.isNameCharacter($0) }) { suspectsForm = true }
  }

  private func isNodeName(_ name: String) -> Bool {
    var hasAddress = false
    for byte in name.utf8 where !TreeCheck.isNameCharacter(byte) {
      guard byte == UInt8(ascii: "@"), !hasAddress else { return false }
      hasAddress = true
    }
    return true
  }

  private mutating func hasRepetition(_ count: Int, _ name: (Int) -> String) -> Bool {
    guard count > 8 else {
      // Comparing a few is cheaper than a set of them.
      for index in 0..<count {
        let own = name(index)
        for other in 0..<index where name(other) == own { return true }
      }
      return false
    }
    return names.hasRepetition(count, name)
  }
}

/// Finds out whether a list of names has one twice; serves one list after the other.
private struct NameSet {
  private var slots: [Int32] = []

  mutating func hasRepetition(_ count: Int, _ name: (Int) -> String) -> Bool {
    let size = 1 << (Int.bitWidth - (count * 2).leadingZeroBitCount)
    slots.removeAll(keepingCapacity: true)
    slots.append(contentsOf: repeatElement(-1, count: size))
    for index in 0..<count {
      let own = name(index)
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for byte in own.utf8 { hash = (hash ^ UInt64(byte)) &* 0x9E37_79B9_7F4A_7C15 }
      var slot = Int(truncatingIfNeeded: hash >> 20) & (size - 1)
      while slots[slot] >= 0 {
        if name(Int(slots[slot])) == own { return true }
        slot = (slot + 1) & (size - 1)
      }
      slots[slot] = Int32(index)
    }
    return false
  }
}
