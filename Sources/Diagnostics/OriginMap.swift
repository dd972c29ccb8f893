/// Where each claim of a model was made.
///
/// Spans live here and not in the model, so a board read from YAML equals the same board read from
/// a device tree, and a check can still point at the line that made a claim. Claims are named by
/// paths such as `/partitions/guest1/queues`.
public struct OriginMap: Sendable {
  private var spans: [String: SourceSpan] = [:]

  /// Creates an empty map.
  public init() {}

  /// The span of a claim, or of the nearest claim above it.
  public subscript(path: String) -> SourceSpan? {
    var path = Substring(path)
    while true {
      if let span = spans[String(path)] { return span }
      guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return nil }
      path = path[..<slash]
    }
  }

  /// Records where a claim was made.
  public mutating func record(_ path: String, at span: SourceSpan?) {
    if let span { spans[path] = span }
  }
}
