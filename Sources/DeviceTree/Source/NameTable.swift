/// Gives the same string for the same bytes, so that names which occur often exist once.
struct NameTable {
  private var slots: [Int32] = Array(repeating: -1, count: 1024)
  private var names: [String] = []
  private var hashes: [UInt64] = []

  /// The string of these bytes.
  mutating func name(_ bytes: ArraySlice<UInt8>) -> String {
    // Short strings need no storage of their own.
    if bytes.count <= 15 { return String(decoding: bytes, as: UTF8.self) }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x9E37_79B9_7F4A_7C15 }
    var slot = Int(truncatingIfNeeded: hash >> 24) & (slots.count - 1)
    while slots[slot] >= 0 {
      let index = Int(slots[slot])
      if hashes[index] == hash, names[index].utf8.elementsEqual(bytes) { return names[index] }
      slot = (slot + 1) & (slots.count - 1)
    }
    let name = String(decoding: bytes, as: UTF8.self)
    slots[slot] = Int32(names.count)
    names.append(name)
    hashes.append(hash)
    if names.count * 2 > slots.count { grow() }
    return name
  }

  private mutating func grow() {
    slots = Array(repeating: -1, count: slots.count * 2)
    for (index, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash >> 24) & (slots.count - 1)
      while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = Int32(index)
    }
  }
}
