/// How a run's findings are written: for people, or for one of the programs that read findings.
public enum DiagnosticFormat: String, Sendable, Hashable, CaseIterable {
  /// Excerpts, carets, notes and repairs, for people.
  case text
  /// An object with the member `diagnostics`, in this project's own terms.
  case json
  /// A log in SARIF 2.1.0, which editors and code hosts read.
  case sarif
  /// Workflow commands of GitHub Actions, which become marks on changed lines.
  case github

  /// All findings of a bag in source order, each place in the user's own file.
  ///
  /// Empty for no findings in ``text`` and ``github``; the other two are whole documents always.
  ///
  /// - Parameters:
  ///   - bag: The findings.
  ///   - colour: Whether text is coloured, for terminals.
  ///   - summaries: What codes stand for, for formats that tell it.
  /// - Returns: The text, each line of it ended.
  public func render(
    _ bag: DiagnosticBag, colour: Bool = false, summaries: [DiagnosticCode: String] = [:]
  ) -> String {
    switch self {
    case .text: return DiagnosticRenderer(colour: colour).render(bag)
    case .json:
      let findings = JSONValue.array(bag.sorted.map(\.json))
      return (["diagnostics": findings] as JSONValue).text + "\n"
    case .sarif: return SARIFLog(bag, summaries: summaries).json.text + "\n"
    case .github: return bag.sorted.map { GitHubAnnotation($0.atOrigin).text }.joined()
    }
  }
}
