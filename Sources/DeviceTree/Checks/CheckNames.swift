/// A few names, found without a general-purpose hash.
///
/// The bytes at both ends and the length tell most names apart; a dictionary would cost more to set
/// up than a small tree takes to check.
struct CheckNames: Sendable {
  private var slots: [Int16] = Array(repeating: -1, count: 256)
  private var names: [String] = []

  /// The number of a name, in the order that the names were entered in.
  func find<Name: StringProtocol>(_ name: Name) -> Int?
  where Name.UTF8View: BidirectionalCollection {
    var slot = Self.slot(name)
    while slots[slot] >= 0 {
      let number = Int(slots[slot])
      if names[number] == name { return number }
      slot = (slot + 1) & 255
    }
    return nil
  }

  /// Adds a name that is not there yet; up to 255 have room.
  mutating func enter(_ name: String) {
    precondition(names.count < 255, "a table of names is full")
    var slot = Self.slot(name)
    while slots[slot] >= 0 { slot = (slot + 1) & 255 }
    slots[slot] = Int16(names.count)
    names.append(name)
  }

  private static func slot<Name: StringProtocol>(_ name: Name) -> Int
  where Name.UTF8View: BidirectionalCollection {
    let bytes = name.utf8
    guard let first = bytes.first, let last = bytes.last else { return 0 }
    return (bytes.count &* 37 &+ Int(first) &* 11 &+ Int(last) &* 5) & 255
  }
}
