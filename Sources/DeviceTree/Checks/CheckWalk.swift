/// The one walk over a tree in which all checks of single nodes take part.
struct CheckWalk {
  private struct NodeEntry {
    let report: Int
    let suspicion: TreeCheck.Suspicion?
    let body: @Sendable (inout CheckVisit) -> Void
  }

  private struct PropertyEntry {
    let report: Int
    let body: @Sendable (inout CheckVisit, Property) -> Void
  }

  private var nodes: [NodeEntry] = []
  private var properties: [String: [PropertyEntry]] = [:]
  /// In preorder; empty for checks of form, which ask for none.
  private let facts: [NodeFacts]
  private var cursor = 0
  private var visit: CheckVisit
  private var reports: [CheckReport]

  /// Runs those of the checks that look at nodes or properties; each has its report.
  static func run(
    _ checks: [TreeCheck], on tree: Tree, isStructural: Bool, _ reports: inout [CheckReport]
  ) {
    var nodes: [NodeEntry] = []
    var properties: [String: [PropertyEntry]] = [:]
    for (index, check) in checks.enumerated() {
      switch check.body {
      case .node(let suspicion, let body):
        nodes.append(NodeEntry(report: index, suspicion: suspicion, body: body))
      case .property(let name, let body):
        properties[name, default: []].append(PropertyEntry(report: index, body: body))
      case .tree, .resolution, .group: break
      }
    }
    guard !nodes.isEmpty || !properties.isEmpty else { return }
    let facts = isStructural ? [] : NodeFacts.gather(tree)
    var walk = CheckWalk(
      nodes: nodes, properties: properties, facts: facts,
      visit: CheckVisit(targets: CheckTargets(tree, facts), node: tree.root), reports: [])
    swap(&walk.reports, &reports)
    tree.withRootPlace { walk.walk($0, below: NodeFacts()) }
    swap(&walk.reports, &reports)
  }

  private mutating func walk(_ node: UnsafePointer<Node>, below parent: NodeFacts) {
    let own = facts.isEmpty ? NodeFacts() : facts[cursor]
    cursor += 1
    var isMet = false
    for index in nodes.indices {
      if let suspicion = nodes[index].suspicion, !suspicion(own, parent) { continue }
      guard reports[nodes[index].report].hasRoom() else { continue }
      meet(node, own, parent, &isMet)
      withReport(nodes[index].report) { [body = nodes[index].body] visit in body(&visit) }
    }
    if !properties.isEmpty, facts.isEmpty || own.traits.contains(.checked) {
      meet(node, own, parent, &isMet)
      for property in node.pointee.properties {
        guard let entries = properties[property.name] else { continue }
        for entry in entries { withReport(entry.report) { entry.body(&$0, property) } }
      }
    }
    guard !node.pointee.children.isEmpty else { return }
    visit.ancestors.append(node.pointee)
    node.forEachChild { walk($0, below: own) }
    visit.ancestors.removeLast()
  }

  /// Shows a node to the checks, when the first of them asks for it.
  private mutating func meet(
    _ node: UnsafePointer<Node>, _ own: NodeFacts, _ parent: NodeFacts, _ isMet: inout Bool
  ) {
    if isMet { return }
    isMet = true
    visit.node = node.pointee
    visit.facts = own
    visit.parentFacts = parent
  }

  private mutating func withReport(_ index: Int, _ body: (inout CheckVisit) -> Void) {
    guard reports[index].hasRoom() else { return }
    swap(&visit.report, &reports[index])
    body(&visit)
    swap(&visit.report, &reports[index])
  }
}
