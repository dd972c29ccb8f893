/// A set of byte values.
package struct ByteSet: Sendable, Hashable {
  private var words: InlineBits = InlineBits()

  /// 256 bits.
  private struct InlineBits: Sendable, Hashable {
    var first: UInt64 = 0
    var second: UInt64 = 0
    var third: UInt64 = 0
    var fourth: UInt64 = 0

    subscript(_ index: UInt8) -> UInt64 {
      get {
        switch index >> 6 {
        case 0: first
        case 1: second
        case 2: third
        default: fourth
        }
      }
      set {
        switch index >> 6 {
        case 0: first = newValue
        case 1: second = newValue
        case 2: third = newValue
        default: fourth = newValue
        }
      }
    }
  }

  /// The empty set.
  package init() {}

  /// The set of one byte.
  package init(_ byte: UInt8) { insert(byte) }

  /// The set of ranges.
  package init(_ ranges: ClosedRange<UInt8>...) {
    for range in ranges { insert(range) }
  }

  /// All bytes.
  package static let all = ByteSet(0...255)

  /// Whether a byte is in it.
  package func contains(_ byte: UInt8) -> Bool { words[byte] & Self.bit(byte) != 0 }

  /// Adds a byte.
  package mutating func insert(_ byte: UInt8) { words[byte] |= Self.bit(byte) }

  /// Adds a range of bytes.
  package mutating func insert(_ range: ClosedRange<UInt8>) {
    for byte in range { insert(byte) }
  }

  /// Adds all of another set.
  package mutating func formUnion(_ other: ByteSet) {
    words.first |= other.words.first
    words.second |= other.words.second
    words.third |= other.words.third
    words.fourth |= other.words.fourth
  }

  /// What is not in it.
  package var inverted: ByteSet {
    var set = self
    set.words.first = ~words.first
    set.words.second = ~words.second
    set.words.third = ~words.third
    set.words.fourth = ~words.fourth
    return set
  }

  /// It with both cases of ASCII's letters in it.
  package var withBothCases: ByteSet {
    var set = self
    for letter in UInt8(ascii: "a")...UInt8(ascii: "z") {
      let capital = letter & ~0x20
      if contains(letter) { set.insert(capital) }
      if contains(capital) { set.insert(letter) }
    }
    return set
  }

  /// Its bytes as ranges, ascending, with a gap between each two.
  package var ranges: [ClosedRange<UInt8>] {
    var ranges: [ClosedRange<UInt8>] = []
    for byte in UInt8.min...UInt8.max where contains(byte) {
      if let last = ranges.last, Int(last.upperBound) + 1 == Int(byte) {
        ranges[ranges.count - 1] = last.lowerBound...byte
      } else {
        ranges.append(byte...byte)
      }
    }
    return ranges
  }

  private static func bit(_ byte: UInt8) -> UInt64 { 1 << UInt64(byte & 63) }
}
