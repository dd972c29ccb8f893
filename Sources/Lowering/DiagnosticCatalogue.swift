public import Diagnostics
import Documents
import Partitioning

/// Every code that reading and proving a plan can give, each with what it stands for.
public enum DiagnosticCatalogue {
  /// A kind of finding.
  public struct Entry: Sendable, Hashable {
    /// The stable code.
    public var code: DiagnosticCode
    /// What it is about.
    public var group: FindingGroup
    /// How bad its findings are.
    public var severity: Severity
    /// The rule that is broken, in one sentence without a full stop.
    public var summary: String
    /// Kinds of finding that must be absent before this one can be judged.
    public var prerequisites: [DiagnosticCode]
    /// Why the rule is there, what to do where it is broken, who says so, and an example; every kind
    /// that a plan can have has one.
    public var explanation: Explanation?

    /// Creates a kind of finding in a file.
    init(_ code: DiagnosticCode, _ severity: Severity, _ summary: String) {
      self.init(
        code: code, group: .file, severity: severity, summary: summary, prerequisites: [],
        explanation: nil)
    }

    init(
      code: DiagnosticCode, group: FindingGroup, severity: Severity, summary: String,
      prerequisites: [DiagnosticCode], explanation: Explanation?
    ) {
      self.code = code
      self.group = group
      self.severity = severity
      self.summary = summary
      self.prerequisites = prerequisites
      self.explanation = explanation
    }
  }

  /// All kinds, sorted by code.
  public static let entries: [Entry] =
    (yaml + documents + boards
    + PartitionCheck.catalogue.map {
      Entry(
        code: $0.code, group: $0.group, severity: $0.severity, summary: $0.summary,
        prerequisites: $0.prerequisites, explanation: $0.explanation)
    }).sorted { $0.code < $1.code }

  /// Every code there is: of plans, of XML files, of what is imported and of device trees.
  public static let all: [Entry] =
    (entries + xml + fmc + hypervisor + trees).sorted { $0.code < $1.code }

  /// What reading XML can give.
  public static let xml: [Entry] = [
    Entry(.xmlDoctype, .error, "an XML file has no document type and declares nothing"),
    Entry(
      .xmlNesting, .error,
      "elements stand no more than \(XMLReader.nestingLimit) deep in each other"),
    Entry(.xmlSize, .error, "an XML file is no larger than configurations are"),
    Entry(.xmlSyntax, .error, "a file is well-formed XML in UTF-8"),
  ]

  /// How bad each kind is by itself, for a user to change.
  public static var severities: SeverityChoice {
    SeverityChoice(entries.lazy.map { ($0.code, $0.severity) })
  }

  static func entry(
    _ code: DiagnosticCode, _ group: FindingGroup, severity: Severity = .error, _ summary: String,
    meaning: String, repair: String, source: String, example: PlanExample,
    files: [String: String] = [:]
  ) -> Entry {
    Entry(
      code: code, group: group, severity: severity, summary: summary, prerequisites: [],
      explanation: Explanation(
        meaning, repair: repair, source: source, example: example.text, files: files))
  }
}
