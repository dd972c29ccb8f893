/// How bad findings of each kind are held to be: the catalogue's word, and what a user changed.
///
/// As with dtc, a kind of finding has two switches, one for warnings and one for errors, and is
/// silent with neither. `-W CODE` and `-W no-CODE` turn the first on and off, `-E CODE` and
/// `-E no-CODE` the second.
public struct SeverityChoice: Sendable {
  private struct Switches {
    var severity: Severity
    var warns: Bool
    var fails: Bool
  }
  private var switches: [DiagnosticCode: Switches] = [:]
  private var silenced: [(option: String, code: DiagnosticCode)] = []

  /// Every kind as bad as the catalogue has it.
  public init(_ severities: some Sequence<(code: DiagnosticCode, severity: Severity)>) {
    for (code, severity) in severities {
      switches[code] = Switches(
        severity: severity, warns: severity != .error, fails: severity == .error)
    }
  }

  /// Turns a switch as an option says it.
  ///
  /// - Parameters:
  ///   - option: A code, or a code behind `no-`.
  ///   - asErrors: Whether the option was `-E` and not `-W`.
  /// - Returns: Whether there is such a code.
  public mutating func turn(_ option: String, asErrors: Bool) -> Bool {
    var name = option
    var isOn = true
    // A code may itself begin with `no-`.
    if switches[DiagnosticCode(option)] == nil, option.hasPrefix("no-") {
      name = String(option.dropFirst(3))
      isOn = false
    }
    let code = DiagnosticCode(name)
    guard switches[code] != nil else { return false }
    if asErrors { switches[code]?.fails = isOn } else { switches[code]?.warns = isOn }
    if !isOn { silenced.append(("\(asErrors ? "-E" : "-W") \(option)", code)) }
    return true
  }

  /// The options that turn off what is not there, as they were given.
  ///
  /// - Parameter bag: All that was found, before the choice is applied.
  /// - Returns: The options, `-W no-CODE` or `-E no-CODE`.
  public func idleOptions(in bag: DiagnosticBag) -> [String] {
    guard !silenced.isEmpty else { return [] }
    let found = Set(bag.diagnostics.map(\.code))
    return silenced.filter { !found.contains($0.code) }.map(\.option)
  }

  /// How bad a finding is held to be; `nil` when nothing is to be said about it.
  public func severity(of diagnostic: Diagnostic) -> Severity? {
    guard let choice = switches[diagnostic.code] else { return diagnostic.severity }
    if choice.fails { return .error }
    guard choice.warns else { return nil }
    return choice.severity == .note ? .note : .warning
  }

  /// The findings that are left, each as bad as it is held to be.
  public func applied(to bag: DiagnosticBag) -> DiagnosticBag {
    var result = DiagnosticBag()
    for finding in bag.diagnostics {
      guard let severity = severity(of: finding) else { continue }
      result.add(
        Diagnostic(
          finding.code, severity, finding.message, at: finding.span, label: finding.label,
          notes: finding.notes, fixIts: finding.fixIts))
    }
    return result
  }
}
