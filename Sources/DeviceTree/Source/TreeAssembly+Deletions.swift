import Diagnostics

/// The directives in bodies of nodes that delete by name. One that finds nothing is silently nothing,
/// in every compiler; here it is worth a warning.
struct DeletionLog {
  struct Entry {
    /// The node in whose body it stands; after a merge, the one that body was laid over.
    var target: TreeAssembly.NodeID
    /// The place of the name; the record's own changes when something is added under the name.
    let origin: Origin
    var isUseful = false
  }

  /// By the record that stands for the directive.
  var nodes: [TreeAssembly.NodeID: Entry] = [:]
  var properties: [TreeAssembly.PropertyID: Entry] = [:]
}

extension TreeAssembly {
  /// Warns of deletions that deleted nothing, up to a number.
  func reportUselessDeletions(limit: Int, into bag: inout DiagnosticBag) {
    var findings: [Diagnostic] = []
    // Each takes a look at its siblings for the name that was meant.
    for record in deletions.nodes.keys.sorted() where findings.count < limit {
      guard let entry = deletions.nodes[record], !entry.isUseful else { continue }
      let siblings = children(of: entry.target, except: record)
      findings.append(finding(nodes[Int(record)].name, entry, siblings, isNode: true))
    }
    for record in deletions.properties.keys.sorted() where findings.count < limit {
      guard let entry = deletions.properties[record], !entry.isUseful else { continue }
      let siblings = properties(of: entry.target, except: record)
      findings.append(finding(properties[Int(record)].name, entry, siblings, isNode: false))
    }
    for finding in findings { bag.add(finding) }
  }

  private func finding(
    _ name: String, _ entry: DeletionLog.Entry, _ siblings: [(name: String, origin: Origin)],
    isNode: Bool
  ) -> Diagnostic {
    let directive = isNode ? "/delete-node/" : "/delete-property/"
    let path = path(of: entry.target)
    let kind = isNode ? "child" : "property"
    // In the braces that make a node, nothing is there yet that could be deleted.
    if let other = siblings.first(where: { $0.name == name }) {
      return Diagnostic(
        "useless-deletion", .warning,
        "this deletes nothing: \(path) gets its \(kind) \(name) in the same braces",
        at: entry.origin.span, notes: [Note("and keeps it", at: other.origin.span)],
        fixIts: [FixIt("leave out both, or delete it where the node is laid over again")])
    }
    var fixIts: [FixIt] = []
    if isNode, labelNames.contains(name) {
      fixIts.append(
        FixIt(
          "to delete the node labelled \(name), write \(directive) &\(name); outside of all nodes"))
    } else if let near = nearestName(to: name, in: siblings.map(\.name)) {
      let message = "did you mean \(near)?"
      fixIts.append(
        entry.origin.span.map { FixIt(message, replacing: $0, with: near) } ?? FixIt(message))
    }
    return Diagnostic(
      "useless-deletion", .warning, "this deletes nothing: \(path) has no \(kind) \(name) here",
      at: entry.origin.span, fixIts: fixIts)
  }

  /// The children that a node has in the end; a few hundred are enough to guess from.
  private func children(
    of node: NodeID, except other: NodeID
  ) -> [(name: String, origin: Origin)] {
    var list: [(name: String, origin: Origin)] = []
    var child = nodes[Int(node)].firstChild
    while child >= 0, list.count < 500 {
      let record = nodes[Int(child)]
      if !record.isDeleted, child != other { list.append((record.name, record.origin)) }
      child = record.next
    }
    return list
  }

  private func properties(
    of node: NodeID, except other: PropertyID
  ) -> [(name: String, origin: Origin)] {
    var list: [(name: String, origin: Origin)] = []
    var property = nodes[Int(node)].firstProperty
    while property >= 0, list.count < 500 {
      let record = properties[Int(property)]
      if !record.isDeleted, property != other { list.append((record.name, record.origin)) }
      property = record.next
    }
    return list
  }
}
