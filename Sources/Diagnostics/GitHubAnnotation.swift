/// A finding as a workflow command of GitHub Actions.
///
/// The form and its escapes are those of
/// <https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>.
struct GitHubAnnotation {
  private let finding: Diagnostic

  init(_ finding: Diagnostic) { self.finding = finding }

  /// One line.
  var text: String {
    let command =
      switch finding.severity {
      case .error: "error"
      case .warning: "warning"
      case .note: "notice"
      }
    var properties: [(String, String)] = []
    if let span = finding.span {
      let (start, end) = (span.utf16Start, span.utf16End)
      properties = [("file", span.file.name), ("line", "\(start.line)")]
      // Columns are shown only for a mark within one line.
      if start.line == end.line {
        properties += [("col", "\(start.column)"), ("endColumn", "\(end.column)")]
      } else {
        properties.append(("endLine", "\(end.line)"))
      }
    }
    properties.append(("title", finding.code.description))
    var message = finding.message
    for note in finding.notes {
      message += "\n" + (note.span.map { "\($0.location): " } ?? "") + "note: \(note.message)"
    }
    for fixIt in finding.fixIts { message += "\nfix: \(fixIt.message)" }
    let list = properties.map { "\($0)=\(Self.escape($1, isProperty: true))" }
    return "::\(command) \(list.joined(separator: ","))::\(Self.escape(message))\n"
  }

  private static func escape(_ text: String, isProperty: Bool = false) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "%": result += "%25"
      case "\r": result += "%0D"
      case "\n": result += "%0A"
      case ":" where isProperty: result += "%3A"
      case "," where isProperty: result += "%2C"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
