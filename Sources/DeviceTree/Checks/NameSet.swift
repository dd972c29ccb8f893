/// Finds out whether a list of names has one twice; serves one list after the other.
struct NameSet {
  private var slots: [Int32] = []

  /// Whether two of so many names are the same; `nil` is none and equals nothing.
  mutating func hasRepetition(_ count: Int, _ name: (Int) -> (some StringProtocol)?) -> Bool {
    guard count > 8 else {
      // Comparing a few is cheaper than a set of them.
      for index in 0..<count {
        guard let own = name(index) else { continue }
        for other in 0..<index where name(other) == own { return true }
      }
      return false
    }
    let size = 1 << (Int.bitWidth - (count * 2).leadingZeroBitCount)
    slots.removeAll(keepingCapacity: true)
    slots.append(contentsOf: repeatElement(-1, count: size))
    for index in 0..<count {
      guard let own = name(index) else { continue }
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
