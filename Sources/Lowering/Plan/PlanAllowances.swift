import Diagnostics

/// The findings that a plan allows with `allow`, each for a part of its text.
///
/// An allowance is known by the place where its code is written: one that a template makes holds in
/// the template's text and in that of every partition that takes it over, and is one.
public struct PlanAllowances: Sendable {
  /// A code that is allowed.
  struct Allowance: Sendable {
    var code: DiagnosticCode
    /// Where it is written.
    var span: SourceSpan
    /// Whose it is, for messages: `guest1`; `nil` for the whole plan's.
    var scope: String?
  }

  private(set) var allowances: [Allowance] = []
  private var known: [SourceSpan: Int] = [:]
  /// The parts of the text by code and file: they stand apart, or one is the other.
  private var places: [DiagnosticCode: [SourceFile: [SourceSpan: Int]]] = [:]
  private var everywhere: [DiagnosticCode: Int] = [:]

  /// Allows a code.
  ///
  /// - Parameters:
  ///   - code: The code.
  ///   - span: Where it is written.
  ///   - scope: Whose text it is about, and the text; `nil` for all that is found.
  mutating func allow(
    _ code: DiagnosticCode, writtenAt span: SourceSpan, in scope: (name: String, text: SourceSpan)?
  ) {
    let index = known[span] ?? allowances.count
    if index == allowances.count {
      allowances.append(Allowance(code: code, span: span, scope: scope?.name))
      known[span] = index
    }
    if let text = scope?.text {
      let first = places[code]?[text.file]?[text] ?? index
      places[code, default: [:]][text.file, default: [:]][text] = first
    } else {
      everywhere[code] = everywhere[code] ?? index
    }
  }

  /// The findings that are left.
  ///
  /// - Parameters:
  ///   - bag: All findings of a plan.
  ///   - isComplete: Whether every check has been judged: before that nobody knows what an allowance
  ///     is for.
  /// - Returns: The findings that are not allowed, and one for each allowance that allows nothing.
  func applied(to bag: DiagnosticBag, isComplete: Bool) -> DiagnosticBag {
    guard !allowances.isEmpty else { return bag }
    let finder = Finder(places: places, everywhere: everywhere)
    var used: Set<Int> = []
    var left = DiagnosticBag()
    for finding in bag.diagnostics {
      if finding.severity < .error, let index = finder.allowance(of: finding) {
        used.insert(index)
      } else {
        left.add(finding)
      }
    }
    guard isComplete else { return left }
    // Those that allow the very finding of an idle allowance come last, as they may have a use then.
    let isMeta = { (index: Int) in allowances[index].code == .allowanceIdle }
    for index in allowances.indices.filter({ !isMeta($0) }) + allowances.indices.filter(isMeta)
    where !used.contains(index) {
      let finding = Self.idle(allowances[index])
      if let allowed = finder.allowance(of: finding), allowed != index {
        used.insert(allowed)
      } else {
        left.add(finding)
      }
    }
    return left
  }

  private static func idle(_ allowance: Allowance) -> Diagnostic {
    Diagnostic(
      .allowanceIdle, .warning,
      "\(allowance.scope ?? "the plan") allows \(allowance.code), but there is none to allow",
      at: allowance.span, fixIts: [FixIt("take \(allowance.code) out of the list")])
  }

  /// Finds the allowance of a finding: the one of the smallest part, or the plan's.
  private struct Finder {
    /// Ascending by where they begin.
    private let places: [DiagnosticCode: [SourceFile: [(range: Range<Int>, index: Int)]]]
    private let everywhere: [DiagnosticCode: Int]

    init(
      places: [DiagnosticCode: [SourceFile: [SourceSpan: Int]]], everywhere: [DiagnosticCode: Int]
    ) {
      self.places = places.mapValues { files in
        files.mapValues { texts in
          texts.map { ($0.key.range, $0.value) }.sorted { $0.0.lowerBound < $1.0.lowerBound }
        }
      }
      self.everywhere = everywhere
    }

    func allowance(of finding: Diagnostic) -> Int? {
      if let span = finding.span, let texts = places[finding.code]?[span.file] {
        let place = span.range.lowerBound
        var (low, high) = (0, texts.count)
        while low < high {
          let middle = (low + high) / 2
          if texts[middle].range.lowerBound <= place { low = middle + 1 } else { high = middle }
        }
        if low > 0, place < texts[low - 1].range.upperBound { return texts[low - 1].index }
      }
      return everywhere[finding.code]
    }
  }
}
