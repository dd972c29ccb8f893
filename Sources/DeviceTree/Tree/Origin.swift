import Diagnostics

/// Where a node or property was written, packed into 16 bytes, with what else is known of how it came
/// to be.
///
/// Origins never take part in comparisons: a tree read from a blob equals the same tree read from
/// source.
struct Origin: Sendable {
  private var file: SourceFile?
  private var lower: UInt32
  private var count: UInt32

  /// The bit of `count` that says whether source deleted children.
  private static let deletedChildren: UInt32 = 1 << 31

  static var none: Origin { Origin(nil) }

  init(_ span: SourceSpan?) {
    file = span?.file
    lower = UInt32(clamping: span?.range.lowerBound ?? 0)
    count = UInt32(min(span?.range.count ?? 0, Int(Int32.max)))
  }

  init(_ file: SourceFile, _ range: Range<Int>) {
    self.file = file
    lower = UInt32(clamping: range.lowerBound)
    count = UInt32(min(range.count, Int(Int32.max)))
  }

  var span: SourceSpan? {
    let length = Int(count & ~Self.deletedChildren)
    return file.map { SourceSpan($0, Int(lower)..<(Int(lower) + length)) }
  }

  /// Whether the source deleted children of this node.
  var hasDeletedChildren: Bool {
    get { count & Self.deletedChildren != 0 }
    set { count = newValue ? count | Self.deletedChildren : count & ~Self.deletedChildren }
  }
}

extension Origin: Hashable {
  static func == (left: Origin, right: Origin) -> Bool { true }
  func hash(into hasher: inout Hasher) {}
}
