public import Diagnostics
import QorIQ

/// A rule that every partition keeps: a value in the table ``PartitionCheck/catalogue``.
///
/// Adding a rule is a function, a line in the catalogue and a fixture that trips it.
public struct PartitionCheck: Sendable {
  /// The stable code of its findings.
  public let code: DiagnosticCode
  /// What it is about.
  public let group: FindingGroup
  /// How bad its findings are.
  public let severity: Severity
  /// What the rule is, in one sentence without a full stop.
  public let summary: String
  /// Checks that must have found no error before this one can be judged, so that one mistake does
  /// not echo.
  public let prerequisites: [DiagnosticCode]
  /// Why the rule is there, what to do where it is broken, who says so, and a plan that breaks it.
  public var explanation: Explanation {
    Explanation(meaning, repair: repair, source: source, example: example.text, files: files)
  }
  private let meaning: String
  private let repair: String
  private let source: String
  private let example: PlanExample
  private let files: [String: String]
  private let body: @Sendable (PlanContext, inout Findings) -> Void

  init(
    _ code: DiagnosticCode, _ group: FindingGroup, severity: Severity = .error, _ summary: String,
    after prerequisites: [DiagnosticCode] = [], meaning: String, repair: String, source: String,
    example: PlanExample, files: [String: String] = [:],
    _ body: @escaping @Sendable (PlanContext, inout Findings) -> Void
  ) {
    self.code = code
    self.group = group
    self.severity = severity
    self.summary = summary
    self.prerequisites = prerequisites
    self.meaning = meaning
    self.repair = repair
    self.source = source
    self.example = example
    self.files = files
    self.body = body
  }

  /// Runs the check and adds what it finds.
  ///
  /// - Returns: Whether it ran and found nothing that stands in the way of its dependants.
  func run(on context: PlanContext, into bag: inout DiagnosticBag) -> Bool {
    var findings = Findings(code: code, severity: severity)
    body(context, &findings)
    let diagnostics = findings.diagnostics
    for diagnostic in diagnostics { bag.add(diagnostic) }
    return severity != .error || diagnostics.isEmpty
  }
}

/// Gathers what one check finds, under its code and severity: as many findings as somebody may read,
/// and a count of the others.
struct Findings {
  /// How many findings a check lists. What is put into a finding behind that is not even made.
  static let limit = 1000

  let code: DiagnosticCode
  let severity: Severity
  private var listed: [Diagnostic] = []
  private var omitted = 0
  private var isBounded = false

  init(code: DiagnosticCode, severity: Severity) {
    self.code = code
    self.severity = severity
  }

  mutating func add(
    _ message: @autoclosure () -> String, at span: @autoclosure () -> SourceSpan?,
    label: @autoclosure () -> String? = nil, notes: @autoclosure () -> [Note] = [],
    fixIts: @autoclosure () -> [FixIt] = []
  ) {
    guard listed.count < Self.limit else { return omit(1) }
    listed.append(
      Diagnostic(
        code, severity, message(), at: span(), label: label(), notes: notes(), fixIts: fixIts()))
  }

  /// Counts findings that nobody has made.
  private mutating func omit(_ count: Int) { omitted += count }

  /// Counts the overlaps that a sweep does not list.
  mutating func omit(_ sweep: OverlapSweep) {
    omitted += sweep.omitted
    if sweep.isBounded { isBounded = true }
  }

  /// The findings, and at their end how many are not among them.
  var diagnostics: [Diagnostic] {
    guard omitted > 0 else { return listed }
    let least = isBounded ? "at least " : ""
    let message =
      "\(least)\(omitted) more finding\(omitted == 1 ? "" : "s") of the kind \(code) \(omitted == 1 ? "is" : "are") not listed"
    return listed + [Diagnostic(code, severity, message)]
  }
}

/// What checks look at: the wish, the board, where each claim was made, and who is who.
struct PlanContext {
  let plan: Plan
  let board: Board
  let origins: OriginMap
  let traffic: TrafficMap
  /// The partitions' indices by name.
  let indices: [String: Int]
  /// Every range of queues that a partition claims, in the plan's order.
  let queueClaims: [QueueClaim]

  init(plan: Plan, board: Board, origins: OriginMap) {
    self.plan = plan
    self.board = board
    self.origins = origins
    indices = Dictionary(
      plan.partitions.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    traffic = TrafficMap(plan: plan, board: board, indices: indices)
    queueClaims = plan.partitions.enumerated().flatMap { owner, wish in
      (wish.queues?.ranges ?? []).enumerated().map {
        QueueClaim(owner: owner, item: $0, resource: $1)
      }
    }
  }

  /// The partitions with their indices.
  var partitions: [(index: Int, wish: PartitionWish)] {
    plan.partitions.enumerated().map { ($0, $1) }
  }

  /// The portals that owners can have.
  var portals: [PortalIndex] { board.sharedPortals }

  /// Where a range of queues was claimed.
  func span(_ claim: QueueClaim) -> SourceSpan? {
    origins[ClaimPath.queues(claim.owner, range: claim.item)]
  }

  /// Where a claim was made.
  func span(_ path: String) -> SourceSpan? { origins[path] }

  /// A repair that puts `replacement` in the place of a misspelt name, or else words.
  func spelling(of name: String, among names: [String], at span: SourceSpan?) -> [FixIt] {
    if let near = nearestName(to: name, in: names) {
      return [
        span.map { FixIt("did you mean \(near)?", replacing: $0, with: near) }
          ?? FixIt("did you mean \(near)?")
      ]
    }
    return names.isEmpty ? [] : [FixIt("choose one of \(names.joined(separator: ", "))")]
  }
}
