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
    /// The next entry for a property of this name.
    var next: Int?
  }

  private var nodes: [NodeEntry] = []
  private var properties: [PropertyEntry] = []
  /// The names of `properties`, and the first entry of each.
  private var names = CheckNames()
  private var firsts: [Int] = []
  /// In preorder; empty for checks of form, which ask for none.
  private let facts: [NodeFacts]
  private var cursor = 0
  /// The places in `nodes` that must look at a node with these facts. Brothers are mostly alike, so
  /// most nodes are asked for in one comparison.
  private var suspects: [Int] = []
  private var suspectFacts: (own: NodeFacts, parent: NodeFacts)?
  private var visit: CheckVisit
  private var reports: [CheckReport] = []

  /// Runs those of the checks that look at nodes or properties; each has its report.
  static func run(
    _ checks: [TreeCheck], on tree: Tree, isStructural: Bool, _ reports: inout [CheckReport]
  ) {
    guard !checks.isEmpty else { return }
    let facts = isStructural ? [] : NodeFacts.gather(tree)
    let looksAtProperties = isStructural || facts.contains { $0.traits.contains(.checked) }
    var walk = CheckWalk(
      facts: facts, visit: CheckVisit(targets: CheckTargets(tree, facts), node: tree.root))
    for (index, check) in checks.enumerated() {
      switch check.body {
      case .node(let suspicion, let body):
        walk.nodes.append(NodeEntry(report: index, suspicion: suspicion, body: body))
      case .property(let name, let body):
        if looksAtProperties { walk.enter(name, PropertyEntry(report: index, body: body)) }
      case .tree, .resolution, .group: break
      }
    }
    swap(&walk.reports, &reports)
    tree.withRootPlace { walk.walk($0, below: NodeFacts()) }
    swap(&walk.reports, &reports)
  }

  private init(facts: [NodeFacts], visit: CheckVisit) {
    self.facts = facts
    self.visit = visit
  }

  private mutating func enter(_ name: String, _ entry: PropertyEntry) {
    if let number = names.find(name) {
      var last = firsts[number]
      while let next = properties[last].next { last = next }
      properties[last].next = properties.count
    } else {
      names.enter(name)
      firsts.append(properties.count)
    }
    properties.append(entry)
  }

  private mutating func walk(_ node: UnsafePointer<Node>, below parent: NodeFacts) {
    let own = facts.isEmpty ? NodeFacts() : facts[cursor]
    cursor += 1
    var isMet = false
    suspect(own, parent)
    for index in suspects {
      guard reports[nodes[index].report].hasRoom() else { continue }
      meet(node, own, parent, &isMet)
      withReport(nodes[index].report) { [body = nodes[index].body] visit in body(&visit) }
    }
    if !properties.isEmpty, facts.isEmpty || own.traits.contains(.checked) {
      meet(node, own, parent, &isMet)
      for property in node.pointee.properties {
        var next = names.find(property.name).map { firsts[$0] }
        while let index = next {
          let entry = properties[index]
          withReport(entry.report) { entry.body(&$0, property) }
          next = entry.next
        }
      }
    }
    guard !node.pointee.children.isEmpty else { return }
    visit.ancestors.append(node.pointee)
    node.forEachChild { walk($0, below: own) }
    visit.ancestors.removeLast()
  }

  /// Finds out which checks must look at a node of such facts.
  private mutating func suspect(_ own: NodeFacts, _ parent: NodeFacts) {
    if let last = suspectFacts, last.own == own, last.parent == parent { return }
    suspectFacts = (own, parent)
    suspects.removeAll(keepingCapacity: true)
    for index in nodes.indices where nodes[index].suspicion?(own, parent) ?? true {
      suspects.append(index)
    }
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
