/// Turns findings into text for people: place, message, excerpt with the marked range, notes, fixes.
///
/// ```
/// office.yaml:18:13: error: guest2 claims frame queues 150-400 … [queue-overlap]
/// 18 |     queues: 150-400
///    |             ^~~~~~~ 51 queues in common: 150-200
/// office.yaml:9:13: note: guest1 claims 101-200 here
///  9 |     queues: 101-200
///    |             ^~~~~~~
/// fix: start guest2 at 201
/// ```
public struct DiagnosticRenderer: Sendable {
  /// Whether to use terminal colours.
  public var colour: Bool
  /// Whether to print the source lines.
  public var excerpts: Bool

  /// Creates a renderer; colour is for terminals only.
  public init(colour: Bool = false, excerpts: Bool = true) {
    self.colour = colour
    self.excerpts = excerpts
  }

  /// The text of all findings of a bag in source order, with a closing count; empty for none.
  public func render(_ bag: DiagnosticBag) -> String {
    guard !bag.isEmpty else { return "" }
    let sorted = bag.sorted
    var text = sorted.map(render).joined()
    let errors = sorted.count { $0.severity == .error }
    let warnings = sorted.count { $0.severity == .warning }
    let counts = [(errors, "error"), (warnings, "warning")].filter { $0.0 > 0 }
      .map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }
    if !counts.isEmpty { text += counts.joined(separator: ", ") + "\n" }
    return text
  }

  /// The text of one finding, ending in a line break.
  public func render(_ diagnostic: Diagnostic) -> String {
    let diagnostic = diagnostic.atOrigin
    let place = diagnostic.span.map { "\(bold(shown($0.location))): " } ?? ""
    let severity = paint(diagnostic.severity.rawValue, diagnostic.severity)
    var text = "\(place)\(severity): \(bold(shown(diagnostic.message))) [\(diagnostic.code)]\n"
    text += excerpt(diagnostic.span, label: diagnostic.label, severity: diagnostic.severity)
    for note in diagnostic.notes {
      let place = note.span.map { "\(shown($0.location)): " } ?? ""
      text += "\(place)\(paint("note", .note)): \(shown(note.message))\n"
      text += excerpt(note.span, label: nil, severity: .note)
    }
    for fixIt in diagnostic.fixIts {
      let place = fixIt.span.map { "\(shown($0.location)): " } ?? ""
      text += "\(place)\(paint("fix", .note)): \(shown(fixIt.message))\n"
    }
    return text
  }

  private func excerpt(_ span: SourceSpan?, label: String?, severity: Severity) -> String {
    guard excerpts, let span, !span.file.bytes.isEmpty else { return "" }
    let start = span.start
    // A line of a hostile file may be megabytes long: show, and touch, the part around the mark.
    let line = span.file.bytes(ofLine: start.line)
    let count = line.count
    let column = min(start.column - 1, count)
    let cutStart = column > 160 ? column - 60 : 0
    let cutEnd = min(count, cutStart + 200)
    func printable(_ range: Range<Int>) -> String {
      let bytes = line.dropFirst(range.lowerBound).prefix(range.count)
      return String(decoding: bytes, as: UTF8.self).printable()
    }
    let visible = printable(cutStart..<cutEnd)
    let before = printable(cutStart..<max(cutStart, min(column, cutEnd)))
    let markedEnd = span.end.line == start.line ? span.end.column - 1 : count
    let marked = printable(
      min(column, cutEnd)..<max(min(markedEnd, cutEnd), min(column, cutEnd)))
    let number = String(start.line)
    let gutter = String(repeating: " ", count: number.count)
    let marks = "^" + String(repeating: "~", count: max(marked.count - 1, 0))
    let tail = label.map { " \(shown($0))" } ?? ""
    let indent = String(repeating: " ", count: before.count)
    return "\(number) | \(visible)\n\(gutter) | \(indent)\(paint(marks + tail, severity))\n"
  }

  /// A message may have lines; nothing else in it moves the cursor.
  private func shown(_ text: String) -> String { text.printable(keeping: ["\n"]) }

  private func bold(_ text: String) -> String { colour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

  private func paint(_ text: String, _ severity: Severity) -> String {
    guard colour else { return text }
    let code =
      switch severity {
      case .error: "1;31"
      case .warning: "1;35"
      case .note: "1;36"
      }
    return "\u{1B}[\(code)m\(text)\u{1B}[0m"
  }
}
