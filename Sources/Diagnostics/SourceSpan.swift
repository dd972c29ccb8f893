/// A run of bytes in a file: what a diagnostic points at.
public struct SourceSpan: Sendable, Hashable {
  /// The file.
  public let file: SourceFile
  /// The byte offsets, end excluded; an empty range is a point.
  public let range: Range<Int>

  /// Creates a span over a range of byte offsets, cut to the file's length.
  public init(_ file: SourceFile, _ range: Range<Int>) {
    self.file = file
    self.range = range.clamped(to: 0..<file.bytes.count)
  }

  /// The position of the first byte.
  public var start: SourcePosition { file.position(at: range.lowerBound) }
  /// The position after the last byte.
  public var end: SourcePosition { file.position(at: range.upperBound) }
  /// `file:line:column`, as editors and CI understand it.
  public var location: String { "\(file.name):\(start.line):\(start.column)" }
  /// The bytes of the span as text.
  public var text: String { String(decoding: file.bytes[range], as: UTF8.self) }

  /// The smallest span of this file that covers both; the other must be of the same file.
  public func joined(with other: SourceSpan) -> SourceSpan {
    precondition(file == other.file, "spans of different files cannot be joined")
    let low = min(range.lowerBound, other.range.lowerBound)
    let high = max(range.upperBound, other.range.upperBound)
    return SourceSpan(file, low..<high)
  }
}
