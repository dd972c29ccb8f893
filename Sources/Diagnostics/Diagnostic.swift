/// How bad a finding is.
public enum Severity: String, Sendable, Hashable, Comparable, CaseIterable {
  /// Something that works, but that its writer should know.
  case note
  /// Something that is probably not meant.
  case warning
  /// Something that cannot work; nothing is generated or run.
  case error

  /// Notes come before warnings, warnings before errors.
  public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }

  private var rank: Int {
    switch self {
    case .note: 0
    case .warning: 1
    case .error: 2
    }
  }
}

/// The stable name of a kind of finding, in kebab case: what tools filter on and `explain` explains.
public struct DiagnosticCode: Sendable, Hashable, Comparable, ExpressibleByStringLiteral,
  CustomStringConvertible
{
  /// The code, for example `queue-overlap`.
  public let description: String
  /// Creates a code from a literal in kebab case.
  public init(stringLiteral value: String) { description = value }
  /// Creates a code from text in kebab case.
  public init(_ value: String) { description = value }
  /// Alphabetical order.
  public static func < (left: DiagnosticCode, right: DiagnosticCode) -> Bool {
    left.description < right.description
  }
}

/// Another place that belongs to a finding, such as the other claimant of a resource.
public struct Note: Sendable, Hashable {
  /// Where; `nil` when the fact has no place in any file.
  public let span: SourceSpan?
  /// What is there.
  public let message: String
  /// Creates a note.
  public init(_ message: String, at span: SourceSpan? = nil) {
    self.message = message
    self.span = span
  }
}

/// A repair: what to do in words, and the text that would do it where it is known.
public struct FixIt: Sendable, Hashable {
  /// What to do, as an imperative: `start guest2 at 201`.
  public let message: String
  /// The span to replace; `nil` when only a person can do it.
  public let span: SourceSpan?
  /// The text to put there.
  public let replacement: String
  /// Creates a repair in words only.
  public init(_ message: String) {
    self.message = message
    self.span = nil
    self.replacement = ""
  }
  /// Creates a repair that a tool can apply.
  public init(_ message: String, replacing span: SourceSpan, with replacement: String) {
    self.message = message
    self.span = span
    self.replacement = replacement
  }
}

/// A finding as a value: what is wrong, where, who else is concerned and what to do.
public struct Diagnostic: Sendable, Hashable {
  /// The stable code.
  public let code: DiagnosticCode
  /// How bad it is.
  public let severity: Severity
  /// One sentence without a full stop that names both sides and the numbers.
  public let message: String
  /// Where; `nil` when the finding has no place in any file.
  public let span: SourceSpan?
  /// A few words to stand under the marked text.
  public let label: String?
  /// The other places.
  public let notes: [Note]
  /// The repairs, best first.
  public let fixIts: [FixIt]

  /// Creates a finding.
  public init(
    _ code: DiagnosticCode, _ severity: Severity, _ message: String,
    at span: SourceSpan? = nil, label: String? = nil, notes: [Note] = [], fixIts: [FixIt] = []
  ) {
    self.code = code
    self.severity = severity
    self.message = message
    self.span = span
    self.label = label
    self.notes = notes
    self.fixIts = fixIts
  }
}
