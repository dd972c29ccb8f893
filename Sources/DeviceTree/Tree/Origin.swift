import Diagnostics

/// Where a node or property was written, packed into 16 bytes.
///
/// Origins never take part in comparisons: a tree read from a blob equals the same tree read from
/// source.
struct Origin: Sendable {
  private var file: SourceFile?
  private var lower: UInt32
  private var count: UInt32

  static var none: Origin { Origin(nil) }

  init(_ span: SourceSpan?) {
    file = span?.file
    lower = UInt32(clamping: span?.range.lowerBound ?? 0)
    count = UInt32(clamping: span?.range.count ?? 0)
  }

  init(_ file: SourceFile, _ range: Range<Int>) {
    self.file = file
    lower = UInt32(clamping: range.lowerBound)
    count = UInt32(clamping: range.count)
  }

  var span: SourceSpan? {
    file.map { SourceSpan($0, Int(lower)..<(Int(lower) + Int(count))) }
  }
}

extension Origin: Hashable {
  static func == (left: Origin, right: Origin) -> Bool { true }
  func hash(into hasher: inout Hasher) {}
}
