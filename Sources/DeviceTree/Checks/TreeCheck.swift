public import Diagnostics

/// A rule that a tree should keep, as a value.
///
/// The names are dtc's (with hyphens, as all codes here), so that `-W` and `-E` mean the same.
public struct TreeCheck: Sendable {
  /// What a rule looks at.
  enum Body: Sendable {
    /// Each node by itself, with its ancestors at hand.
    case node(@Sendable (_ visit: inout CheckVisit) -> Void)
    /// Each property of this name, with its node and ancestors at hand.
    case property(String, @Sendable (_ visit: inout CheckVisit, _ property: Property) -> Void)
    /// The tree as a whole.
    case tree(@Sendable (_ report: inout CheckReport, _ tree: Tree) -> Void)
    /// What the resolution of references reports under this name.
    case resolution
    /// Nothing; the rule is the sum of its prerequisites.
    case group
  }

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
  public static let all: [TreeCheck] =
    structuralChecks + referenceChecks + propertyChecks + busChecks + nodeChecks + providerChecks
    + graphChecks
}

extension TreeCheck {
  /// Every check, those that dtc does not have at the end.
  public static let known: [TreeCheck] = all + specification
}

/// What one check has found so far.
struct CheckReport {
  private(set) var findings: [Diagnostic] = []
  var code: DiagnosticCode = ""
  var severity = Severity.warning

  /// A tree of a million faults needs no million messages.
  static let maximumFindings = 10_000

  mutating func add(_ message: String, at span: SourceSpan? = nil, notes: [Note] = []) {
    guard findings.count < Self.maximumFindings else { return }
    findings.append(Diagnostic(code, severity, message, at: span, notes: notes))
  }
}

/// A node as a check meets it.
struct CheckVisit {
  /// The nodes above this one, the root first.
  fileprivate(set) var ancestors: [Node] = []
  /// Phandles of the whole tree.
  let targets: CheckTargets
  var report: CheckReport

  /// The node itself.
  fileprivate(set) var node: Node
  fileprivate(set) var buses: Buses = []
  fileprivate(set) var parent: Node?
  fileprivate(set) var parentBuses: Buses = []
  var isRoot: Bool { ancestors.isEmpty }
  var isPlugin: Bool { targets.isPlugin }

  var path: String {
    isRoot
      ? "/" : ancestors.dropFirst().reduce(into: "") { $0 += "/" + $1.name } + "/" + node.name
  }

  /// Reports the node, or one of its properties.
  mutating func fail(_ message: String, _ property: Property? = nil) {
    let place = property.map { "\(path):\($0.name)" } ?? path
    report.add("\(place): \(message)", at: property?.span ?? node.span)
  }
}

/// The way to a node, put together only where it is asked for.
struct PathStack: CustomStringConvertible {
  var names: [String] = []

  var description: String { names.isEmpty ? "/" : names.reduce(into: "") { $0 += "/" + $1 } }
}

/// The nodes of a tree by phandle, for checks that follow references.
struct CheckTargets: Sendable {
  private(set) var isPlugin: Bool
  private var nodes: [UInt32: Node] = [:]
  private var paths: [UInt32: String] = [:]

  init(_ tree: Tree) {
    isPlugin = tree.isPlugin
    var path = PathStack()
    add(tree.root, &path)
  }

  private mutating func add(_ node: Node, _ path: inout PathStack) {
    if let phandle = node.phandle, nodes[phandle] == nil {
      nodes[phandle] = node
      paths[phandle] = path.description
    }
    for child in node.children {
      path.names.append(child.name)
      add(child, &path)
      path.names.removeLast()
    }
  }

  subscript(phandle: UInt32) -> Node? { nodes[phandle] }

  func path(_ phandle: UInt32) -> String { paths[phandle] ?? "/" }
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
    let structural = Set(TreeCheck.structuralChecks.map(\.code))
    let own = includesSpecification ? TreeCheck.specification : []
    run(
      TreeCheck.all.filter { !structural.contains($0.code) } + own, on: tree, failed: &failed,
      into: &bag)
  }

  private func run(
    _ checks: [TreeCheck], on tree: Tree, isStructural: Bool = false,
    failed: inout Set<DiagnosticCode>, into bag: inout DiagnosticBag
  ) {
    let active = checks.filter { severity(of: $0.code).map { $0 >= leastSeverity } ?? false }
    var reports = active.map { check in
      var report = CheckReport()
      report.code = check.code
      report.severity = severity(of: check.code) ?? .warning
      return report
    }
    var bodies = CheckBodies(knowsBuses: !isStructural)
    for (index, check) in active.enumerated() {
      switch check.body {
      case .node(let body): bodies.nodes.append((index, body))
      case .property(let name, let body): bodies.properties[name, default: []].append((index, body))
      case .tree(let body): body(&reports[index], tree)
      case .resolution, .group: break
      }
    }
    if !bodies.nodes.isEmpty || !bodies.properties.isEmpty {
      let targets = CheckTargets(isStructural ? Tree(isPlugin: tree.isPlugin) : tree)
      var visit = CheckVisit(targets: targets, report: CheckReport(), node: tree.root)
      self.visit(&visit, bodies, &reports)
    }
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
    }
  }

  private func visit(
    _ visit: inout CheckVisit, _ bodies: CheckBodies, _ reports: inout [CheckReport]
  ) {
    if bodies.knowsBuses { visit.buses = Buses(visit.node, below: visit.parent) }
    for (index, body) in bodies.nodes {
      swap(&visit.report, &reports[index])
      body(&visit)
      swap(&visit.report, &reports[index])
    }
    if !bodies.properties.isEmpty {
      for property in visit.node.properties {
        guard let list = bodies.properties[property.name] else { continue }
        for (index, body) in list {
          swap(&visit.report, &reports[index])
          body(&visit, property)
          swap(&visit.report, &reports[index])
        }
      }
    }
    if !visit.node.children.isEmpty {
      let above = (visit.node, visit.buses, visit.parent, visit.parentBuses)
      (visit.parent, visit.parentBuses) = (above.0, above.1)
      visit.ancestors.append(above.0)
      for index in above.0.children.indices {
        visit.node = above.0.children[index]
        self.visit(&visit, bodies, &reports)
      }
      (visit.node, visit.buses, visit.parent, visit.parentBuses) = above
      visit.ancestors.removeLast()
    }
  }
}

/// The bodies of the checks that look at single nodes, each with the number of its report.
private struct CheckBodies {
  /// Whether any of them asks what kind of bus a node is.
  let knowsBuses: Bool
  var nodes: [(Int, @Sendable (inout CheckVisit) -> Void)] = []
  var properties: [String: [(Int, @Sendable (inout CheckVisit, Property) -> Void)]] = [:]
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
