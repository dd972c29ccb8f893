extension PropertyValue {
  /// The value as 32-bit cells; `nil` unless its length is a multiple of four.
  public var cells: [UInt32]? {
    guard bytes.count % 4 == 0 else { return nil }
    return (0..<bytes.count / 4).map {
      UInt32(truncatingIfNeeded: integer(at: $0 * 4, byteCount: 4))
    }
  }

  /// The value as one 32-bit cell; `nil` unless it is four bytes long.
  public var cell: UInt32? {
    bytes.count == 4 ? UInt32(truncatingIfNeeded: integer(at: 0, byteCount: 4)) : nil
  }

  /// The value as one number of 32 or 64 bits; `nil` for any other length.
  public var number: UInt64? {
    bytes.count == 4 || bytes.count == 8 ? integer(at: 0, byteCount: bytes.count) : nil
  }

  /// The value as a list of 64-bit numbers; `nil` unless its length is a multiple of eight.
  public var numbers: [UInt64]? {
    guard bytes.count % 8 == 0 else { return nil }
    return (0..<bytes.count / 8).map { integer(at: $0 * 8, byteCount: 8) }
  }

  /// The value as a list of strings; `nil` when empty or not ended by NUL.
  ///
  /// Bytes that are not UTF-8 are replaced by U+FFFD.
  public var strings: [String]? {
    guard bytes.last == 0 else { return nil }
    return bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// The value as one string; `nil` unless it has exactly one NUL, at its end.
  public var string: String? {
    guard let strings, strings.count == 1 else { return nil }
    return strings[0]
  }

  /// The big-endian integer at an offset.
  ///
  /// The bytes must be there.
  func integer(at offset: Int, byteCount: Int) -> UInt64 {
    var number: UInt64 = 0
    for index in offset..<(offset + byteCount) { number = number << 8 | UInt64(bytes[index]) }
    return number
  }

  /// Replaces the 32-bit cell at an offset.
  mutating func setCell(_ number: UInt32, at offset: Int) {
    for index in 0..<4 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: number >> UInt32(24 - 8 * index))
    }
  }
}
