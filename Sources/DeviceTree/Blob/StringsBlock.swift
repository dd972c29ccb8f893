/// The property names of a blob, each once; a name that ends another shares its bytes.
///
/// A name's offset is the first place where it stands followed by its NUL, which is what dtc finds by
/// searching. Here every ending of every name is entered into a hash table, so adding a name takes
/// time in its length only.
struct StringsBlock {
  private(set) var bytes: [UInt8] = []
  /// Offsets by slot; -1 is free.
  private var slots: [Int32] = Array(repeating: -1, count: 64)
  private var used = 0

  /// Begins with the names of another blob, each where it is there.
  init(_ known: [UInt8] = []) {
    bytes = known
    if let last = known.last, last != 0 { bytes.append(0) }
    var start = 0
    for end in bytes.indices where bytes[end] == 0 {
      // SAFETY: the pointer is used inside the closure only, and lies in `name`, which is a copy.
      let name = Array(bytes[start..<end])
      name.withUnsafeBufferPointer { enterEndings(of: $0, at: start) }
      start = end + 1
    }
  }

  /// The offset of a name, added if need be.
  mutating func offset(of name: String) -> UInt32 {
    var name = name
    return name.withUTF8 { name in
      var hash = Self.emptyHash
      for byte in name.reversed() { hash = Self.hash(byte, before: hash) }
      return find(name, from: 0, hash: hash).map { UInt32($0) } ?? insert(name)
    }
  }

  private mutating func insert(_ name: UnsafeBufferPointer<UInt8>) -> UInt32 {
    let base = bytes.count
    bytes += name
    bytes.append(0)
    enterEndings(of: name, at: base)
    return UInt32(base)
  }

  private mutating func enterEndings(of name: UnsafeBufferPointer<UInt8>, at base: Int) {
    let hashes = Self.suffixHashes(name)
    for start in 0...name.count where find(name, from: start, hash: hashes[start]) == nil {
      enter(base + start, hash: hashes[start])
    }
  }

  private static let emptyHash: UInt64 = 0xCBF2_9CE4_8422_2325

  @inline(__always)
  private static func hash(_ byte: UInt8, before hash: UInt64) -> UInt64 {
    (hash ^ UInt64(byte)) &* 0x9E37_79B9_7F4A_7C15
  }

  /// The hash of each ending of a name, computed from its end; the last is that of the empty one.
  private static func suffixHashes(_ name: UnsafeBufferPointer<UInt8>) -> [UInt64] {
    var hashes = Array(repeating: emptyHash, count: name.count + 1)
    for index in name.indices.reversed() {
      hashes[index] = hash(name[index], before: hashes[index + 1])
    }
    return hashes
  }

  private func find(_ name: UnsafeBufferPointer<UInt8>, from start: Int, hash: UInt64) -> Int? {
    var slot = Int(truncatingIfNeeded: hash >> 20) & (slots.count - 1)
    while slots[slot] >= 0 {
      let offset = Int(slots[slot])
      if matches(name, from: start, at: offset) { return offset }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  private func matches(_ name: UnsafeBufferPointer<UInt8>, from start: Int, at offset: Int) -> Bool
  {
    let count = name.count - start
    guard offset + count < bytes.count, bytes[offset + count] == 0 else { return false }
    for index in 0..<count where bytes[offset + index] != name[start + index] { return false }
    return true
  }

  private mutating func enter(_ offset: Int, hash: UInt64) {
    if used * 2 >= slots.count { grow() }
    place(offset, hash: hash)
    used += 1
  }

  private mutating func place(_ offset: Int, hash: UInt64) {
    var slot = Int(truncatingIfNeeded: hash >> 20) & (slots.count - 1)
    while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = Int32(offset)
  }

  private mutating func grow() {
    let old = slots.filter { $0 >= 0 }
    slots = Array(repeating: -1, count: slots.count * 2)
    // Endings of one string share their tails, so each is hashed once, walking back from its NUL.
    var hashAt: [UInt64] = Array(repeating: 0, count: bytes.count)
    var hash = Self.emptyHash
    for index in bytes.indices.reversed() {
      hash = bytes[index] == 0 ? Self.emptyHash : Self.hash(bytes[index], before: hash)
      hashAt[index] = hash
    }
    for offset in old { place(Int(offset), hash: hashAt[Int(offset)]) }
  }
}
