import Diagnostics

/// The line markers of preprocessed files, and how places in such a file map to the original.
struct LineMarkers {
  private struct LineMarker {
    /// The line break that ends the marker; the next line is `line` of `name`.
    let offset: Int
    let line: Int
    let name: String
  }

  private var markers: [Int32: [LineMarker]] = [:]

  mutating func add(file: Int32, after offset: Int, line: Int, name: String) {
    // Going back to rescan a token may meet a marker again.
    if let last = markers[file]?.last, last.offset >= offset { return }
    let line = min(line, Int(Int32.max))
    markers[file, default: []].append(LineMarker(offset: offset, line: line, name: name))
  }

  /// The span in the original file; the same span where no marker stands before it.
  ///
  /// Only the marked line of the original is known. Made for findings only.
  func map(_ span: SourceSpan, file: Int32) -> SourceSpan {
    guard let list = markers[file],
      let marker = list.last(where: { $0.offset < span.range.lowerBound })
    else { return span }
    let start = span.start
    let line = marker.line + start.line - span.file.position(at: marker.offset).line - 1
    guard line >= 1 else { return span }
    let text = Array(span.file.text(ofLine: start.line).utf8)
    let original = SourceFile(name: marker.name, bytes: text, firstLine: line)
    return SourceSpan(original, (start.column - 1)..<(start.column - 1 + span.range.count))
  }
}
