extension Scanner {
  /// Takes the plain numbers at the current place, as long as white space or `>` follows each, and
  /// appends them as 32-bit cells. Whatever else stands there is left for ``next()``.
  ///
  /// Most bytes of large sources are such numbers; as tokens they would cost several times as much.
  mutating func takePlainCells(into cells: inout [UInt8]) {
    var offset = position
    while true {
      while offset < bytes.count, isSpace(bytes[offset]) { offset += 1 }
      guard let (number, end) = plainNumber(at: offset) else { return }
      cells.appendCell(number)
      offset = end
      position = end
    }
  }

  @inline(__always)
  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  /// A decimal number without leading zeros or a hexadecimal one of up to eight digits.
  @inline(__always)
  private func plainNumber(at start: Int) -> (UInt32, end: Int)? {
    guard start + 1 < bytes.count else { return nil }
    var offset = start
    var number: UInt64 = 0
    if bytes[start] == 0x30, bytes[start + 1] | 0x20 == 0x78 {
      offset += 2
      while offset < bytes.count, let digit = Literals.hexDigit(bytes[offset]) {
        number = number << 4 | UInt64(digit)
        offset += 1
        guard offset - start <= 10 else { return nil }
      }
      guard offset > start + 2 else { return nil }
    } else {
      while offset < bytes.count, (0x30...0x39).contains(bytes[offset]) {
        number = number * 10 + UInt64(bytes[offset] - 0x30)
        offset += 1
        guard offset - start <= 10 else { return nil }
      }
      guard offset > start, bytes[start] != 0x30 || offset == start + 1 else { return nil }
    }
    guard offset < bytes.count, isSpace(bytes[offset]) || bytes[offset] == UInt8(ascii: ">"),
      number <= UInt64(UInt32.max)
    else { return nil }
    return (UInt32(truncatingIfNeeded: number), offset)
  }
}
