/// Where each claim of a model was made.
///
/// Spans live here and not in the model, so a board read from YAML equals the same board read from
/// a device tree, and a check can still point at the line that made a claim. Claims are named by
/// paths such as `/partitions/guest1/queues`.
public struct OriginMap: Sendable {
  private var spans: [String: SourceSpan] = [:]
  /// The items of claims that are lists, of which there may be millions: their paths are numbers
  /// behind the list's.
  private var items: [String: [SourceSpan]] = [:]

  /// Creates an empty map.
  public init() {}

  /// The span of a claim, or of the nearest claim above it.
  public subscript(path: String) -> SourceSpan? {
    var path = Substring(path)
    while true {
      if let span = spans[String(path)] { return span }
      guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.startIndex else {
        return nil
      }
      let list = path[..<slash]
      if !items.isEmpty, let index = Int(path[slash...].dropFirst()),
        let spans = items[String(list)], spans.indices.contains(index)
      {
        return spans[index]
      }
      path = list
    }
  }

  /// Records where the items of a list were claimed: of `/queues` as `/queues/0` and so on.
  public mutating func record(itemsOf path: String, at spans: [SourceSpan]) {
    items[path] = spans
  }

  /// Records where a claim was made.
  public mutating func record(_ path: String, at span: SourceSpan?) {
    if let span { spans[path] = span }
  }
}
