extension DiagnosticBag {
  /// How many findings of one kind at one place somebody reads.
  static let repeatLimit = 8
  /// How many notes of a finding somebody reads.
  static let noteLimit = 16

  /// The findings without what nobody would read to its end: the ninth and later ones of one kind at
  /// one place, such as those about a thousand partitions that one line makes, and the notes of a
  /// finding behind the sixteenth. What is left out is counted in a note.
  public var folded: DiagnosticBag {
    struct Kind: Hashable {
      var code: DiagnosticCode
      var severity: Severity
      var span: SourceSpan
    }
    func kind(_ finding: Diagnostic) -> Kind? {
      finding.span.map { Kind(code: finding.code, severity: finding.severity, span: $0) }
    }
    var counts: [Kind: Int] = [:]
    for finding in diagnostics { if let kind = kind(finding) { counts[kind, default: 0] += 1 } }
    var seen: [Kind: Int] = [:]
    var bag = DiagnosticBag()
    for finding in diagnostics {
      var notes = finding.notes
      if notes.count > Self.noteLimit {
        let more = notes.count - (Self.noteLimit - 1)
        notes = notes.prefix(Self.noteLimit - 1) + [Note("and \(more) more places")]
      }
      if let kind = kind(finding), let count = counts[kind], count > Self.repeatLimit {
        let number = seen[kind, default: 0] + 1
        seen[kind] = number
        guard number <= Self.repeatLimit else { continue }
        if number == Self.repeatLimit {
          let more = count - Self.repeatLimit
          notes.append(
            Note("\(more) more finding\(more == 1 ? "" : "s") of this kind at this very place"))
        }
      }
      bag.add(
        Diagnostic(
          finding.code, finding.severity, finding.message, at: finding.span, label: finding.label,
          notes: notes, fixIts: finding.fixIts))
    }
    return bag
  }
}
