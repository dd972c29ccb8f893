import DeviceTree
import Diagnostics

/// Prints the findings of checks in the form that scripts written for dtc look for.
struct FindingPrinter {
  /// 0 prints all, 1 no warnings, 2 and more no errors either.
  let quietness: Int
  /// What stands for the place of findings that have none.
  let output: String

  func text(_ bag: DiagnosticBag) -> String {
    var text = ""
    for finding in bag.sorted where finding.severity == .error ? quietness < 2 : quietness < 1 {
      text += line(finding.atOrigin)
    }
    return text
  }

  private func line(_ finding: Diagnostic) -> String {
    let place = finding.span.map(Self.place) ?? (output == "-" ? "<stdout>" : output)
    let severity = finding.severity == .error ? "ERROR" : "Warning"
    let name = TreeCheck.dtcName(finding.code)
    var text = "\(place): \(severity) (\(name)): \(finding.message)\n"
    for note in finding.notes {
      if let span = note.span { text += "  \(Self.place(span)): \(note.message)\n" }
    }
    return text
  }

  /// `file:line.column-column`, or with both lines when there are two.
  private static func place(_ span: SourceSpan) -> String {
    let start = span.start
    let end = span.end
    let name = span.file.name == "-" ? "<stdin>" : span.file.name
    return start.line == end.line
      ? "\(name):\(start.line).\(start.column)-\(end.column)"
      : "\(name):\(start.line).\(start.column)-\(end.line).\(end.column)"
  }
}
