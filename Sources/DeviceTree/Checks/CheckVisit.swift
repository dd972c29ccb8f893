import Diagnostics

/// What one check has found so far.
struct CheckReport {
  private(set) var findings: [Diagnostic] = []
  /// Whether there was more to say than anyone would read.
  private(set) var isCut = false
  var code: DiagnosticCode = ""
  var severity = Severity.warning

  /// A tree of a million faults needs no million messages.
  static let maximumFindings = 10_000

  mutating func add(_ message: String, at span: SourceSpan? = nil, notes: [Note] = []) {
    guard hasRoom() else { return }
    findings.append(Diagnostic(code, severity, message, at: span, notes: notes))
  }

  /// Whether another finding would be kept; asked before one is looked for.
  mutating func hasRoom() -> Bool {
    if findings.count >= Self.maximumFindings { isCut = true }
    return !isCut
  }
}

/// A node as a check meets it.
struct CheckVisit {
  /// The nodes above this one, the root first.
  var ancestors: [Node] = []
  /// Phandles of the whole tree.
  let targets: CheckTargets
  var report = CheckReport()
  /// The nodes by path, once a check has many to look for.
  var paths: TreeTable?

  /// The node itself.
  var node: Node
  /// What is known of it and of its parent.
  var facts = NodeFacts()
  var parentFacts = NodeFacts()

  var parent: Node? { ancestors.last }
  var buses: Buses { facts.buses }
  var parentBuses: Buses { parentFacts.buses }
  var isRoot: Bool { ancestors.isEmpty }
  var isPlugin: Bool { targets.isPlugin }

  var path: String {
    isRoot
      ? "/" : ancestors.dropFirst().reduce(into: "") { $0 += "/" + $1.name } + "/" + node.name
  }

  /// Reports the node, or one of its properties.
  mutating func fail(_ message: @autoclosure () -> String, _ property: Property? = nil) {
    guard report.hasRoom() else { return }
    let place = property.map { "\(path):\($0.name)" } ?? path
    report.add("\(place): \(message())", at: property?.span ?? node.span)
  }
}

/// The way to a node, put together only where it is asked for.
struct PathStack: CustomStringConvertible {
  var names: [String] = []

  var description: String { names.isEmpty ? "/" : names.reduce(into: "") { $0 += "/" + $1 } }
}

/// The nodes of a tree by phandle, for checks that follow references.
struct CheckTargets: Sendable {
  let isPlugin: Bool
  private var nodes: [UInt32: Node] = [:]
  private var paths: [UInt32: String] = [:]

  /// Finds the nodes that have phandles, as their facts say.
  init(_ tree: Tree, _ facts: [NodeFacts]) {
    isPlugin = tree.isPlugin
    guard facts.contains(where: { $0.traits.contains(.phandle) }) else { return }
    var path = PathStack()
    var cursor = 0
    add(tree.root, facts, &cursor, &path)
  }

  private mutating func add(
    _ node: Node, _ facts: [NodeFacts], _ cursor: inout Int, _ path: inout PathStack
  ) {
    if facts[cursor].traits.contains(.phandle), let phandle = node.phandle, nodes[phandle] == nil {
      nodes[phandle] = node
      paths[phandle] = path.description
    }
    cursor += 1
    let children = node.children.span
    for index in children.indices {
      path.names.append(children[index].name)
      add(children[index], facts, &cursor, &path)
      path.names.removeLast()
    }
  }

  subscript(phandle: UInt32) -> Node? { nodes[phandle] }

  func path(_ phandle: UInt32) -> String { paths[phandle] ?? "/" }
}
