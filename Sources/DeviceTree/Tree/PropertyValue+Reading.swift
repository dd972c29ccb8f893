extension PropertyValue {
  /// The value as 32-bit cells; `nil` unless its length is a multiple of four.
  public var cells: [UInt32]? {
    guard count % 4 == 0 else { return nil }
    return (0..<count / 4).map {
      UInt32(truncatingIfNeeded: integer(at: $0 * 4, byteCount: 4))
    }
  }

  /// The value as one 32-bit cell; `nil` unless it is four bytes long.
  public var cell: UInt32? {
    count == 4 ? UInt32(truncatingIfNeeded: integer(at: 0, byteCount: 4)) : nil
  }

  /// The value as one number of 32 or 64 bits; `nil` for any other length.
  public var number: UInt64? {
    count == 4 || count == 8 ? integer(at: 0, byteCount: count) : nil
  }

  /// The value as a list of 64-bit numbers; `nil` unless its length is a multiple of eight.
  public var numbers: [UInt64]? {
    guard count % 8 == 0 else { return nil }
    return (0..<count / 8).map { integer(at: $0 * 8, byteCount: 8) }
  }

  /// The value as a list of strings; `nil` when empty or not ended by NUL.
  ///
  /// Bytes that are not UTF-8 are replaced by U+FFFD.
  public var strings: [String]? {
    guard contents.last == 0 else { return nil }
    return bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether ``strings`` has this one, found without making any.
  func contains(string text: String) -> Bool {
    guard contents.last == 0, count > text.utf8.count else { return false }
    var start = 0
    for end in contents.indices where contents[end] == 0 {
      if end - start == text.utf8.count, contents[start..<end].elementsEqual(text.utf8) {
        return true
      }
      start = end + 1
    }
    return false
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
    for index in offset..<(offset + byteCount) { number = number << 8 | UInt64(contents[index]) }
    return number
  }

  /// Replaces the 32-bit cell at an offset.
  mutating func setCell(_ number: UInt32, at offset: Int) { contents.setCell(number, at: offset) }
}
