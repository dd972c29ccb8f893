extension Scanner {
  /// Takes the plain numbers at the current place, as long as white space or `>` follows each, and
  /// appends them as 32-bit cells. Whatever else stands there is left for ``next()``.
  ///
  /// Most bytes of large sources are such numbers; as tokens they would cost several times as much.
  mutating func takePlainCells(into cells: inout [UInt8]) {
    let source = bytes
    let text = source.span
    var end = position
    var batch = CellBatch()
    while let number = PlainNumber(text, at: skipSpace(text, from: end)) {
      end = number.end
      if batch.isFull { batch.empty(into: &cells) }
      batch.append(number.value)
    }
    batch.empty(into: &cells)
    position = end
  }

  private func skipSpace(_ text: Span<UInt8>, from start: Int) -> Int {
    var offset = start
    while offset < text.count, PlainNumber.isSpace(text[offset]) { offset += 1 }
    return offset
  }
}

/// A decimal number without leading zeros or a hexadecimal one of up to eight digits, with what
/// ends it.
private struct PlainNumber {
  let value: UInt32
  let end: Int

  @inline(__always)
  init?(_ text: Span<UInt8>, at start: Int) {
    guard start + 1 < text.count else { return nil }
    var offset = start
    var number: UInt64 = 0
    if text[start] == 0x30, text[start + 1] | 0x20 == 0x78 {
      offset += 2
      if let eight = HexDigits.eight(text, at: offset) {
        number = eight
        offset += 8
      } else {
        let limit = min(text.count, offset + 8)
        while offset < limit, let digit = HexDigits.value(text[offset]) {
          number = number << 4 | digit
          offset += 1
        }
      }
      guard offset > start + 2 else { return nil }
    } else {
      let limit = min(text.count, start + 11)
      while offset < limit, text[offset] &- 0x30 < 10 {
        number = number * 10 + UInt64(text[offset] &- 0x30)
        offset += 1
      }
      guard offset > start, text[start] != 0x30 || offset == start + 1 else { return nil }
    }
    guard offset < text.count, Self.isSpace(text[offset]) || text[offset] == UInt8(ascii: ">"),
      number <= UInt64(UInt32.max)
    else { return nil }
    value = UInt32(truncatingIfNeeded: number)
    end = offset
  }

  @inline(__always)
  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }
}

/// Hexadecimal digits without a branch for each, as nobody can foretell whether the next is a letter.
private enum HexDigits {
  private static let ones: UInt64 = 0x0101_0101_0101_0101

  @inline(__always)
  static func value(_ byte: UInt8) -> UInt64? {
    let isDecimal = byte &- 0x30 < 10
    let isLetter = (byte | 0x20) &- 0x61 < 6
    guard isDecimal != isLetter else { return nil }
    return UInt64(byte & 15) + 9 * UInt64(byte >> 6)
  }

  /// The number that eight digits make, worked out side by side in one word.
  @inline(__always)
  static func eight(_ text: Span<UInt8>, at offset: Int) -> UInt64? {
    guard offset + 8 <= text.count else { return nil }
    // SAFETY: the bounds are checked, and any eight bytes make an integer.
    let loaded = unsafe text.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    let word = UInt64(bigEndian: loaded)
    let nibbles = word & (ones &* 0x0F)
    // 1 in each byte that has the bit of letters.
    let letters = word >> 6 & ones
    let values = nibbles &+ letters &* 9
    let expected = values &+ ones &* 0x30 &+ letters &* 0x27
    let tooLarge = (values &+ (ones &- letters) &* 6) & (ones &* 0xF0)
    // `@` and the back quote stand where a letter of value 9 would.
    let tooSmall = letters << 4 & ~(nibbles &+ ones &* 0x0F)
    guard expected == word | letters << 5, tooLarge | tooSmall == 0 else { return nil }
    var packed = (values | values >> 4) & 0x00FF_00FF_00FF_00FF
    packed = (packed | packed >> 8) & 0x0000_FFFF_0000_FFFF
    return (packed | packed >> 16) & 0xFFFF_FFFF
  }
}

/// Cells on their way to an array, so that it grows once for many.
private struct CellBatch {
  private var cells = [64 of UInt32](repeating: 0)
  private var count = 0

  var isFull: Bool { count == 64 }

  mutating func append(_ cell: UInt32) {
    cells[count] = cell.bigEndian
    count += 1
  }

  mutating func empty(into bytes: inout [UInt8]) {
    // SAFETY: the bytes of `cells` are read inside the closure; `count` never exceeds its size.
    Swift.withUnsafeBytes(of: cells) { bytes.append(contentsOf: $0[..<(count * 4)]) }
    count = 0
  }
}
