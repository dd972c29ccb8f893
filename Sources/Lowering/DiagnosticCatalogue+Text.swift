import Diagnostics

extension DiagnosticCatalogue {
  /// Every kind of finding with its explanation, by what it is about, as Markdown: what
  /// `docs/findings.md` holds.
  public static var markdown: String {
    var text = """
      # What dpaac finds

      Every code that a finding can bear, by what it is about. `dpaac explain CODE` shows the same with a \
      plan that breaks the rule and what is found in it. This page is made from the checks themselves.


      """
    for group in FindingGroup.allCases {
      let entries = entries.filter { $0.group == group }
      guard !entries.isEmpty else { continue }
      text += "## \(group.rawValue)\n\n"
      for entry in entries {
        guard let explanation = entry.explanation else { continue }
        text += """
          **`\(entry.code)`** (\(entry.severity.rawValue)): \(entry.summary).
          \(explanation.meaning)
          *Repair:* \(explanation.repair). *Source:* \(explanation.source).


          """
      }
    }
    return text
  }
}
