/// The findings of a run, gathered so that a user sees all of them at once.
public struct DiagnosticBag: Sendable {
  /// The findings in the order they were made.
  public private(set) var diagnostics: [Diagnostic] = []
  private var seen: Set<Diagnostic> = []

  /// Creates an empty bag.
  public init() {}

  /// Adds a finding, once.
  public mutating func add(_ diagnostic: Diagnostic) {
    if seen.insert(diagnostic).inserted { diagnostics.append(diagnostic) }
  }

  /// Adds every finding of another bag.
  public mutating func add(contentsOf other: DiagnosticBag) {
    for diagnostic in other.diagnostics { add(diagnostic) }
  }

  /// Adds an error.
  public mutating func error(
    _ code: DiagnosticCode, _ message: String, at span: SourceSpan? = nil, label: String? = nil,
    notes: [Note] = [], fixIts: [FixIt] = []
  ) {
    add(
      Diagnostic(code, .error, message, at: span, label: label, notes: notes, fixIts: fixIts))
  }

  /// Adds a warning.
  public mutating func warning(
    _ code: DiagnosticCode, _ message: String, at span: SourceSpan? = nil, label: String? = nil,
    notes: [Note] = [], fixIts: [FixIt] = []
  ) {
    add(
      Diagnostic(code, .warning, message, at: span, label: label, notes: notes, fixIts: fixIts))
  }

  /// Whether anything cannot work.
  public var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
  /// Whether nothing was found.
  public var isEmpty: Bool { diagnostics.isEmpty }

  /// The findings in source order: files in the order they were first met, then by position;
  /// findings without a place come last.
  public var sorted: [Diagnostic] {
    var fileOrder: [SourceFile: Int] = [:]
    for diagnostic in diagnostics {
      if let file = diagnostic.span?.file, fileOrder[file] == nil {
        fileOrder[file] = fileOrder.count
      }
    }
    func key(_ index: Int) -> (Int, Int, Int) {
      guard let span = diagnostics[index].span else { return (.max, .max, index) }
      return (fileOrder[span.file] ?? .max, span.range.lowerBound, index)
    }
    return diagnostics.indices.sorted { key($0) < key($1) }.map { diagnostics[$0] }
  }
}
