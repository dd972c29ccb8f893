import Diagnostics

/// Keeps what a source overrides and deletes. Nothing is kept of what is said once: its place stands
/// in the tree.
struct HistoryRecorder {
  typealias NodeID = TreeAssembly.NodeID
  typealias PropertyID = TreeAssembly.PropertyID

  private(set) var nodes: [NodeID: [TreeHistory.NodeEvent]] = [:]
  private(set) var properties:
    [PropertyID: (owner: NodeID, name: String, events: [TreeHistory.PropertyEvent])] = [:]

  mutating func open(_ node: NodeID, _ first: Origin, again place: Origin) {
    nodes[node, default: [.opened(first.span)]].append(.opened(place.span))
  }

  mutating func delete(_ node: NodeID, _ first: Origin, at place: Origin) {
    nodes[node, default: [.opened(first.span)]].append(.deleted(place.span))
  }

  mutating func replace(
    _ property: PropertyID, of owner: NodeID, _ old: TreeAssembly.PropertyRecord,
    by new: TreeAssembly.PropertyRecord
  ) {
    add(.set(new.value, new.origin.span), to: property, of: owner, old)
  }

  mutating func delete(
    _ property: PropertyID, of owner: NodeID, _ old: TreeAssembly.PropertyRecord, at place: Origin
  ) {
    add(.deleted(place.span), to: property, of: owner, old)
  }

  private mutating func add(
    _ event: TreeHistory.PropertyEvent, to property: PropertyID, of owner: NodeID,
    _ old: TreeAssembly.PropertyRecord
  ) {
    properties[property, default: (owner, old.name, [.set(old.value, old.origin.span)])]
      .events.append(event)
  }
}

extension TreeAssembly {
  /// Records that a node goes, and with it the properties it has.
  mutating func recordDeletion(of node: NodeID, at place: Origin) {
    guard !nodes[Int(node)].isDeleted else { return }
    history?.delete(node, nodes[Int(node)].origin, at: place)
    var property = nodes[Int(node)].firstProperty
    while property >= 0 {
      let record = properties[Int(property)]
      if !record.isDeleted { history?.delete(property, of: node, record, at: place) }
      property = record.next
    }
  }

  /// The history by paths; `nil` when none was asked for.
  var finishedHistory: TreeHistory? {
    guard let history else { return nil }
    var result = TreeHistory()
    for (node, events) in history.nodes { result.add(events, toNode: path(of: node)) }
    for property in history.properties.keys.sorted() {
      guard let (owner, name, events) = history.properties[property] else { continue }
      result.add(events, toProperty: name, of: path(of: owner))
    }
    return result
  }

  /// The full path of a node that is or was in the tree.
  func path(of node: NodeID) -> String {
    var names: [String] = []
    var node = node
    while nodes[Int(node)].parent >= 0 {
      names.append(nodes[Int(node)].name)
      node = nodes[Int(node)].parent
    }
    return names.isEmpty ? "/" : names.reversed().reduce(into: "") { $0 += "/" + $1 }
  }
}
