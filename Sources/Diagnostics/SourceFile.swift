import Synchronization

/// A text that was read, with what is needed to say where in it something stands.
///
/// Identity is the point: two reads of one path are two files, so spans of both can be told apart.
public final class SourceFile: Sendable {
  /// The name that diagnostics print: the path as the user gave it, `-` for standard input, or
  /// `<embedded …>` for what is compiled in.
  public let name: String
  /// The bytes as they were read; not necessarily valid UTF-8.
  public let bytes: [UInt8]
  private let lines = Mutex<[Int]?>(nil)
  /// The number of the first line.
  private let firstLine: Int
  /// How the bytes came to be, when a preprocessor made them.
  public let expansion: SourceExpansion?

  /// Creates a file from its bytes.
  public convenience init(name: String, bytes: [UInt8], expansion: SourceExpansion? = nil) {
    self.init(name: name, bytes: bytes, expansion: expansion, firstLine: 1)
  }

  /// Creates a part of a file of which no more is known, and which begins at this line.
  package init(
    name: String, bytes: [UInt8], expansion: SourceExpansion? = nil, firstLine: Int
  ) {
    self.name = name
    self.bytes = bytes
    self.expansion = expansion
    self.firstLine = firstLine
  }

  /// The byte offset at which each line starts; the first is 0. Found when first asked for: most
  /// files are read without anything to say about them.
  var lineStarts: [Int] {
    lines.withLock { lines in
      if let lines { return lines }
      var starts = [0]
      for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
        starts.append(offset + 1)
      }
      lines = starts
      return starts
    }
  }

  /// Creates a file from text, for tests and for what is compiled in.
  public convenience init(name: String, text: String) {
    self.init(name: name, bytes: Array(text.utf8))
  }

  /// The position of a byte; offsets past the end give the position after the last byte.
  ///
  /// - Complexity: O(log *n*) in the number of lines; the first call counts them in O(*n*).
  public func position(at offset: Int) -> SourcePosition {
    let lineStarts = lineStarts
    let offset = min(max(offset, 0), bytes.count)
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return SourcePosition(line: low + firstLine, column: offset - lineStarts[low] + 1)
  }

  /// The byte offset of a one-based line and column, kept inside the line.
  public func offset(line: Int, column: Int) -> Int {
    let line = line - firstLine + 1
    guard line >= 1 else { return 0 }
    let lineStarts = lineStarts
    guard line <= lineStarts.count else { return bytes.count }
    let start = lineStarts[line - 1]
    return start + min(max(column, 1) - 1, lineEnd(line) - start)
  }

  /// The text of a one-based line without its line break; empty past the end.
  public func text(ofLine line: Int) -> String {
    String(decoding: bytes(ofLine: line), as: UTF8.self)
  }

  /// The bytes of a one-based line without its line break; empty past the end.
  func bytes(ofLine line: Int) -> ArraySlice<UInt8> {
    let line = line - firstLine + 1
    let lineStarts = lineStarts
    guard line >= 1, line <= lineStarts.count else { return [] }
    return bytes[lineStarts[line - 1]..<lineEnd(line)]
  }

  private func lineEnd(_ line: Int) -> Int {
    let lineStarts = lineStarts
    var end = line < lineStarts.count ? lineStarts[line] - 1 : bytes.count
    if end > lineStarts[line - 1], bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return end
  }
}

extension SourceFile: Hashable {
  /// Files are equal when they are the same read.
  public static func == (left: SourceFile, right: SourceFile) -> Bool { left === right }
  /// Feeds the identity of the read.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// A place in a file as people count it: lines and columns (in bytes) from 1.
public struct SourcePosition: Sendable, Hashable, Comparable {
  /// The line, from 1.
  public var line: Int
  /// The column in bytes, from 1.
  public var column: Int

  /// Creates a position from a one-based line and column.
  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  /// Earlier in the file comes first.
  public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }
}
