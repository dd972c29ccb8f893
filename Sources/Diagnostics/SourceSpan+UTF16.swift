extension SourceSpan {
  /// The position of the first byte, its column counted in UTF-16 code units.
  var utf16Start: SourcePosition { Self.utf16(start, in: file) }

  /// The position after the last byte, its column counted in UTF-16 code units.
  var utf16End: SourcePosition { Self.utf16(end, in: file) }

  private static func utf16(_ position: SourcePosition, in file: SourceFile) -> SourcePosition {
    let line = file.bytes(ofLine: position.line)
    let before = line.prefix(position.column - 1)
    // Most lines are ASCII, and then both count the same.
    guard before.contains(where: { $0 >= 0x80 }) else { return position }
    let count = String(decoding: before, as: UTF8.self).utf16.count
    return SourcePosition(line: position.line, column: count + 1)
  }
}
