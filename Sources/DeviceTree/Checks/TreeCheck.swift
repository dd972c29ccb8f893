public import Diagnostics

/// A rule that a tree should keep, as a value.
///
/// The names are dtc's (with hyphens, as all codes here), so that `-W` and `-E` mean the same.
public struct TreeCheck: Sendable {
  /// What a rule looks at.
  enum Body: Sendable {
    /// Each node by itself, with its ancestors at hand, unless its own facts and its parent's say
    /// that there is nothing to find.
    case node(
      when: Suspicion? = nil, @Sendable (_ visit: inout CheckVisit) -> Void)
    /// Each property of this name, with its node and ancestors at hand.
    case property(String, @Sendable (_ visit: inout CheckVisit, _ property: Property) -> Void)
    /// The tree as a whole.
    case tree(@Sendable (_ report: inout CheckReport, _ tree: Tree) -> Void)
    /// What the resolution of references reports under this name.
    case resolution
    /// Nothing; the rule is the sum of its prerequisites.
    case group
  }

  /// Whether a node may be at fault, by its facts and its parent's.
  typealias Suspicion = @Sendable (_ own: NodeFacts, _ parent: NodeFacts) -> Bool

  /// The name, for example `unit-address-vs-reg`.
  public let code: DiagnosticCode
  /// How bad a finding is unless configured otherwise; `nil` when the check is off by default.
  public let severity: Severity?
  /// The checks without whose success this one says nothing.
  public let prerequisites: [DiagnosticCode]
  let body: Body

  init(
    _ code: DiagnosticCode, _ severity: Severity?, after prerequisites: [DiagnosticCode] = [],
    _ body: Body
  ) {
    self.code = code
    self.severity = severity
    self.prerequisites = prerequisites
    self.body = body
  }

  /// The name as dtc spells it, for example `unit_address_vs_reg`.
  public var dtcName: String { Self.dtcName(code) }

  /// A code as dtc spells it.
  public static func dtcName(_ code: DiagnosticCode) -> String {
    String(code.description.map { $0 == "-" ? "_" : $0 })
  }

  /// Every check, in the order they are reported in.
  public static let all: [TreeCheck] = structuralChecks + ofResolvedTrees

  /// The checks that follow references.
  static let ofResolvedTrees: [TreeCheck] = {
    // A sum of arrays would copy every check again and again, each time that dtc starts.
    var checks: [TreeCheck] = []
    checks.reserveCapacity(100)
    checks += referenceChecks
    checks += propertyChecks
    checks += busChecks
    checks += nodeChecks
    checks += providerChecks
    checks += interruptChecks
    checks += graphChecks
    return checks
  }()
}

extension TreeCheck {
  /// Every check, those that dtc does not have at the end.
  public static let known: [TreeCheck] = all + specification
}

/// Runs checks over a tree.
public struct TreeChecker: Sendable {
  /// Findings that are less bad than this are not looked for.
  public var leastSeverity = Severity.note
  /// Whether rules of the Devicetree Specification are looked at that dtc has no check for
  /// (``TreeCheck/specification``). Trees that are in use break some.
  public var includesSpecification = false
  private var severities: [DiagnosticCode: Severity?] = [:]

  /// Creates a checker with every check as bad as it is by default.
  public init() {}

  /// Makes findings of a check this bad, or turns it off; false when there is no such check.
  ///
  /// Turning a check on also turns on what it builds on.
  public mutating func configure(_ name: String, _ severity: Severity?) -> Bool {
    let code = DiagnosticCode(String(name.map { $0 == "_" ? "-" : $0 }))
    let table = includesSpecification ? TreeCheck.known : TreeCheck.all
    guard let check = table.first(where: { $0.code == code }) else { return false }
    severities[code] = .some(severity)
    guard let severity else { return true }
    for prerequisite in check.prerequisites
    where self.severity(of: prerequisite) ?? .note < severity {
      _ = configure(prerequisite.description, severity)
    }
    return true
  }

  /// How bad findings of a check are; `nil` when it is off.
  public func severity(of code: DiagnosticCode) -> Severity? {
    if let configured = severities[code] { return configured }
    return TreeCheck.known.first { $0.code == code }?.severity
  }

  private func severity(of check: TreeCheck) -> Severity? {
    severities.isEmpty ? check.severity : severities[check.code] ?? check.severity
  }

  /// Checks a tree as it was read, resolves its references and checks what comes of it.
  ///
  /// Redundant `name` properties are removed on the way. What does not resolve stays as it is. A
  /// check is not heard when one that it builds on found something.
  public func check(
    _ tree: inout Tree, phandleFormat: PhandleFormat = .epapr, keepsLabelled: Bool = false,
    into bag: inout DiagnosticBag
  ) {
    var failed: Set<DiagnosticCode> = []
    let survey = TreeSurvey(tree)
    run(survey.neededChecks, on: tree, isStructural: true, failed: &failed, into: &bag)
    if survey.hasNames { tree.removeRedundantNames() }
    var failures: [ReferenceFailure] = []
    if survey.hasReferences || survey.hasOmittable {
      failures = tree.resolveReporting(phandleFormat: phandleFormat, keepsLabelled: keepsLabelled)
    }
    for failure in failures {
      let code: DiagnosticCode = failure.isPath ? "path-references" : "phandle-references"
      guard let severity = severity(of: code) else { continue }
      failed.insert(code)
      bag.add(
        Diagnostic(code, severity, failure.message, at: failure.span, fixIts: failure.fixIts))
    }
    run(TreeCheck.ofResolvedTrees, on: tree, failed: &failed, into: &bag)
    if includesSpecification {
      run(TreeCheck.specification, on: tree, failed: &failed, into: &bag)
    }
  }

  private func run(
    _ checks: [TreeCheck], on tree: Tree, isStructural: Bool = false,
    failed: inout Set<DiagnosticCode>, into bag: inout DiagnosticBag
  ) {
    let active = checks.filter { severity(of: $0).map { $0 >= leastSeverity } ?? false }
    var reports = active.map { check in
      var report = CheckReport()
      report.code = check.code
      report.severity = severity(of: check) ?? .warning
      return report
    }
    for index in active.indices {
      if case .tree(let body) = active[index].body { body(&reports[index], tree) }
    }
    CheckWalk.run(active, on: tree, isStructural: isStructural, &reports)
    // A check whose prerequisite failed may have been misled, so it is not heard.
    for (index, check) in active.enumerated() {
      let causes = check.prerequisites.filter { failed.contains($0) }
      for cause in causes {
        failed.insert(check.code)
        // Scripts look for this; people have the cause before them.
        if includesSpecification { continue }
        bag.add(
          Diagnostic(
            check.code, reports[index].severity,
            "not checked, because '\(TreeCheck.dtcName(cause))' failed"))
      }
      guard causes.isEmpty else { continue }
      if !reports[index].findings.isEmpty { failed.insert(check.code) }
      for finding in reports[index].findings { bag.add(finding) }
      if reports[index].isCut {
        bag.add(
          Diagnostic(
            check.code, reports[index].severity,
            "stopped after \(CheckReport.maximumFindings) findings"))
      }
    }
  }
}

extension Tree {
  /// Removes `name` properties that say what the node's name says, as old blobs have them.
  mutating func removeRedundantNames() { root.removeRedundantNames() }
}

extension Node {
  fileprivate mutating func removeRedundantNames() {
    if let name = self["name"], name.contents.last == 0,
      name.contents.dropLast().elementsEqual(baseName.utf8)
    {
      removeProperty("name")
    }
    for index in children.indices { children[index].removeRedundantNames() }
  }
}
