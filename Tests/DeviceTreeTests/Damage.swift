/// Damages bytes in ways that a parser has to be ready for, the same for the same seed.
struct Damage {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// What means something to one parser or the other.
  private static let words: [[UInt8]] =
    [
      "<", ">", "{", "};", "/ {", "&a", "&{/x}", "/delete-node/ ", "/include/ \"x\"", "\"", "[",
      "0xffffffff", "18446744073709551615", "(1 / 0)", "/bits/ 64 <", "a:", "# 1 \"x\"\n", "\\",
    ].map { Array($0.utf8) } + [
      [0, 0, 0, 1], [0, 0, 0, 2], [0, 0, 0, 3], [0, 0, 0, 9], [0xFF, 0xFF, 0xFF, 0xFF],
      [0x7F, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0],
    ]

  mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0...next(5) where !bytes.isEmpty {
      let place = next(bytes.count)
      let end = min(place + next(64), bytes.count)
      switch next(12) {
      case 0, 1, 2: bytes[place] = UInt8(truncatingIfNeeded: next(256))
      case 3, 4: bytes[place] ^= 1 << UInt8(next(8))
      case 5: bytes.remove(at: place)
      case 6: bytes.removeSubrange(place..<end)
      case 7, 8: bytes.insert(contentsOf: bytes[place..<end], at: next(bytes.count))
      case 9: bytes.removeSubrange(place...)
      default:
        // Cells of a blob are aligned.
        let word = Self.words[next(Self.words.count)]
        let start = place & ~3
        bytes.replaceSubrange(start..<min(start + word.count, bytes.count), with: word)
      }
    }
    return bytes
  }

  private mutating func next(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
}
