import Diagnostics

/// A tree while its source is read: statements add to it, lay over it and delete from it.
///
/// What is deleted keeps its place, because what is added again under the same name comes back
/// there; the order of everything in the blob depends on it. Nodes live in one array and refer to
/// each other by index, so depth and number cost nothing to build or drop.
struct TreeAssembly {
  private(set) var nodes: [NodeRecord] = []
  private(set) var properties: [PropertyRecord] = []
  /// Where the parts were written, when that is to be told.
  var places: AssemblyPlaces?
  /// The root once there is one.
  private(set) var root: NodeID?
  /// Labels of nodes in the tree.
  private var labels: [String: NodeID] = [:]
  /// Children by name of nodes that have many.
  private var childTables: [NodeID: [String: NodeID]] = [:]
  /// The deletions by name so far, and whether they deleted anything.
  var deletions = DeletionLog()
  /// Properties by name of nodes that have many.
  private var propertyTables: [NodeID: [String: PropertyID]] = [:]
  /// How many there are of what is searched without a table.
  private static let fewEnough = 16
  /// What was overridden and deleted, where that is asked for.
  var history: HistoryRecorder?

  /// Makes room for what a source of so many bytes usually holds. Memory that is not written to
  /// costs nothing, but growing would copy all that is there.
  init(sourceSize: Int) {
    nodes.reserveCapacity(sourceSize / 64)
    properties.reserveCapacity(sourceSize / 24)
  }

  // MARK: building a detached node

  mutating func makeNode(
    _ name: consuming String, labels: [String], origin: consuming Origin
  ) -> NodeID {
    nodes.append(NodeRecord(name: name, labels: Self.distinct(labels), origin: origin))
    return NodeID(nodes.count - 1)
  }

  mutating func setOmittable(_ node: NodeID) { nodes[Int(node)].isOmittable = true }
  mutating func setDeleted(_ node: NodeID) { nodes[Int(node)].isDeleted = true }
  mutating func setName(_ node: NodeID, _ name: String) { nodes[Int(node)].name = name }

  mutating func append(child: NodeID, to parent: NodeID) {
    let last = nodes[Int(parent)].lastChild
    if last >= 0 { nodes[Int(last)].next = child } else { nodes[Int(parent)].firstChild = child }
    nodes[Int(parent)].lastChild = child
    nodes[Int(parent)].childCount += 1
    nodes[Int(child)].parent = parent
    nodes[Int(child)].next = -1
    if nodes[Int(parent)].childCount > Self.fewEnough, childTables[parent] != nil {
      let name = nodes[Int(child)].name
      if childTables[parent]?[name] == nil { childTables[parent]?[name] = child }
    }
  }

  mutating func append(
    _ name: consuming String, _ value: consuming PropertyValue, labels: [String],
    isDeleted: Bool = false, origin: consuming Origin, to node: NodeID
  ) {
    properties.append(
      PropertyRecord(
        name: name, labels: Self.distinct(labels), value: value, isDeleted: isDeleted,
        origin: origin))
    attach(property: PropertyID(properties.count - 1), to: node)
  }

  private static func distinct(_ labels: [String]) -> [Label] {
    if labels.count < 2 { return labels.map { Label(name: $0) } }
    var seen: Set<String> = []
    return labels.filter { seen.insert($0).inserted }.map { Label(name: $0) }
  }

  private mutating func attach(property: PropertyID, to node: NodeID) {
    let last = nodes[Int(node)].lastProperty
    if last >= 0 {
      properties[Int(last)].next = property
    } else {
      nodes[Int(node)].firstProperty = property
    }
    nodes[Int(node)].lastProperty = property
    nodes[Int(node)].propertyCount += 1
    properties[Int(property)].next = -1
    if nodes[Int(node)].propertyCount > Self.fewEnough, propertyTables[node] != nil {
      let name = properties[Int(property)].name
      if propertyTables[node]?[name] == nil { propertyTables[node]?[name] = property }
    }
  }

  // MARK: statements

  /// Makes a node the root, or lays it over the root.
  mutating func addRoot(_ node: NodeID) {
    if let root {
      merge(node, into: root)
    } else {
      root = node
      register(node)
    }
  }

  /// Adds a finished node below one of the tree.
  mutating func addToTree(_ node: NodeID, below parent: NodeID) {
    append(child: node, to: parent)
    register(node)
  }

  /// Lays a node over one of the tree: its properties and children replace, delete or are added.
  mutating func merge(_ source: NodeID, into target: NodeID) {
    history?.open(target, nodes[Int(target)].origin, again: nodes[Int(source)].origin)
    nodes[Int(target)].isDeleted = false
    if nodes[Int(source)].isOmittable { nodes[Int(target)].isOmittable = true }
    nodes[Int(target)].origin = nodes[Int(source)].origin
    places?.merge(source, into: target)
    for label in nodes[Int(source)].labels { add(label: label.name, to: target) }
    mergeProperties(of: source, into: target)
    var child = nodes[Int(source)].firstChild
    while child >= 0 {
      let next = nodes[Int(child)].next
      let name = nodes[Int(child)].name
      if nodes[Int(child)].isDeleted {
        if let old = find(name, in: target, withDeleted: false) {
          deletions.nodes[child]?.isUseful = true
          delete(old, at: nodes[Int(child)].origin)
        } else {
          deletions.nodes[child]?.target = target
        }
      } else if let old = find(name, in: target, withDeleted: true) {
        merge(child, into: old)
      } else {
        append(child: child, to: target)
        register(child)
      }
      child = next
    }
  }

  private mutating func mergeProperties(of source: NodeID, into target: NodeID) {
    var property = nodes[Int(source)].firstProperty
    while property >= 0 {
      let next = properties[Int(property)].next
      let new = properties[Int(property)]
      if new.isDeleted {
        if let old = findProperty(new.name, in: target, withDeleted: false) {
          deletions.properties[property]?.isUseful = true
          history?.delete(old, of: target, properties[Int(old)], at: new.origin)
          deleteProperty(old)
        } else {
          deletions.properties[property]?.target = target
        }
      } else if let old = findProperty(new.name, in: target, withDeleted: true) {
        history?.replace(old, of: target, properties[Int(old)], by: new)
        for label in new.labels { Self.add(label.name, to: &properties[Int(old)].labels) }
        properties[Int(old)].value = new.value
        properties[Int(old)].isDeleted = false
        properties[Int(old)].origin = new.origin
        places?.replace(old, by: property)
      } else {
        attach(property: property, to: target)
      }
      property = next
    }
  }

  mutating func add(label: String, to node: NodeID) {
    Self.add(label, to: &nodes[Int(node)].labels)
    if labels[label] == nil { labels[label] = node }
  }

  private static func add(_ label: String, to labels: inout [Label]) {
    if let index = labels.firstIndex(where: { $0.name == label }) {
      labels[index].isDeleted = false
    } else {
      labels.insert(Label(name: label), at: 0)
    }
  }

  /// Deletes a node with all below it, leaving their places.
  mutating func delete(_ node: NodeID, at place: Origin) {
    visit(node) { tree, node in
      if tree.history != nil { tree.recordDeletion(of: node, at: place) }
      tree.nodes[Int(node)].isDeleted = true
      for index in tree.nodes[Int(node)].labels.indices {
        let label = tree.nodes[Int(node)].labels[index].name
        tree.nodes[Int(node)].labels[index].isDeleted = true
        if tree.labels[label] == node { tree.labels[label] = nil }
      }
      var property = tree.nodes[Int(node)].firstProperty
      while property >= 0 {
        tree.deleteProperty(property)
        property = tree.properties[Int(property)].next
      }
    }
  }

  private mutating func deleteProperty(_ property: PropertyID) {
    properties[Int(property)].isDeleted = true
    for index in properties[Int(property)].labels.indices {
      properties[Int(property)].labels[index].isDeleted = true
    }
  }

  /// Enters the labels of a subtree that has become part of the tree.
  private mutating func register(_ node: NodeID) {
    visit(node) { tree, node in
      guard !tree.nodes[Int(node)].isDeleted else { return }
      for label in tree.nodes[Int(node)].labels
      where !label.isDeleted && tree.labels[label.name] == nil {
        tree.labels[label.name] = node
      }
    }
  }

  /// Visits a subtree in preorder without recursion.
  private mutating func visit(_ top: NodeID, _ body: (inout TreeAssembly, NodeID) -> Void) {
    var node = top
    while true {
      body(&self, node)
      if nodes[Int(node)].firstChild >= 0 {
        node = nodes[Int(node)].firstChild
        continue
      }
      while node != top, nodes[Int(node)].next < 0 { node = nodes[Int(node)].parent }
      if node == top { return }
      node = nodes[Int(node)].next
    }
  }

  // MARK: finding

  /// The node of the tree that a reference means.
  mutating func resolve(_ reference: Reference) -> NodeID? {
    guard let root else { return nil }
    let target = reference.target
    guard target.utf8.contains(UInt8(ascii: "/")) else { return labels[target] }
    var node = root
    var components = target.split(separator: "/")[...]
    if !target.hasPrefix("/") {
      guard let label = components.popFirst(), let base = labels[String(label)] else { return nil }
      node = base
    }
    for name in components {
      guard let child = find(String(name), in: node, withDeleted: false) else { return nil }
      node = child
    }
    return node
  }

  var labelNames: Dictionary<String, NodeID>.Keys { labels.keys }

  /// How deep a node of the tree stands, the root at 1, and how long its path is.
  func extent(of node: NodeID) -> (depth: Int, length: Int) {
    var extent = (depth: 1, length: 0)
    var node = node
    while nodes[Int(node)].parent >= 0 {
      extent.depth += 1
      extent.length += nodes[Int(node)].name.utf8.count + 1
      node = nodes[Int(node)].parent
    }
    return extent
  }

  private mutating func find(_ name: String, in node: NodeID, withDeleted: Bool) -> NodeID? {
    if nodes[Int(node)].childCount > Self.fewEnough {
      if childTables[node] == nil { childTables[node] = table(of: node) }
      guard let child = childTables[node]?[name] else { return nil }
      if withDeleted || !nodes[Int(child)].isDeleted { return child }
      // A deleted one may hide a later one of the same name.
    }
    var child = nodes[Int(node)].firstChild
    while child >= 0 {
      if nodes[Int(child)].name == name, withDeleted || !nodes[Int(child)].isDeleted {
        return child
      }
      child = nodes[Int(child)].next
    }
    return nil
  }

  private func table(of node: NodeID) -> [String: NodeID] {
    var table: [String: NodeID] = [:]
    table.reserveCapacity(Int(nodes[Int(node)].childCount))
    var child = nodes[Int(node)].firstChild
    while child >= 0 {
      if table[nodes[Int(child)].name] == nil { table[nodes[Int(child)].name] = child }
      child = nodes[Int(child)].next
    }
    return table
  }

  private mutating func findProperty(
    _ name: String, in node: NodeID, withDeleted: Bool
  ) -> PropertyID? {
    if nodes[Int(node)].propertyCount > Self.fewEnough {
      if propertyTables[node] == nil { propertyTables[node] = propertyTable(of: node) }
      guard let property = propertyTables[node]?[name] else { return nil }
      if withDeleted || !properties[Int(property)].isDeleted { return property }
      // A deleted one may hide a later one of the same name.
    }
    var property = nodes[Int(node)].firstProperty
    while property >= 0 {
      if properties[Int(property)].name == name,
        withDeleted || !properties[Int(property)].isDeleted
      {
        return property
      }
      property = properties[Int(property)].next
    }
    return nil
  }

  private func propertyTable(of node: NodeID) -> [String: PropertyID] {
    var table: [String: PropertyID] = [:]
    table.reserveCapacity(Int(nodes[Int(node)].propertyCount))
    var property = nodes[Int(node)].firstProperty
    while property >= 0 {
      let name = properties[Int(property)].name
      if table[name] == nil { table[name] = property }
      property = properties[Int(property)].next
    }
    return table
  }

  // MARK: the result

  /// The tree without what was deleted. Values are moved out, for copies of millions would count;
  /// only the names of nodes are left to ask for.
  mutating func finish(_ node: NodeID) -> Node {
    let place = Int(node)
    var result = Node(nodes[place].name)
    swap(&result.origin, &nodes[place].origin)
    if !nodes[place].labels.isEmpty { result.labels = Self.living(nodes[place].labels) }
    result.isOmittedWithoutReference = nodes[place].isOmittable
    finishProperties(from: nodes[place].firstProperty, into: &result.properties)
    result.children.reserveCapacity(Int(nodes[place].childCount))
    var child = nodes[place].firstChild
    while child >= 0 {
      if nodes[Int(child)].isDeleted {
        result.origin.hasDeletedChildren = true
      } else {
        result.children.append(finish(child))
      }
      child = nodes[Int(child)].next
    }
    return result
  }

  private mutating func finishProperties(from first: PropertyID, into result: inout [Property]) {
    result.reserveCapacity(livingProperties(from: first))
    var next = first
    while next >= 0 {
      let place = Int(next)
      next = properties[place].next
      if properties[place].isDeleted { continue }
      var finished = Property("")
      swap(&finished.name, &properties[place].name)
      swap(&finished.value, &properties[place].value)
      swap(&finished.origin, &properties[place].origin)
      if !properties[place].labels.isEmpty {
        finished.labels = Self.living(properties[place].labels)
      }
      result.append(finished)
    }
  }

  private func livingProperties(from first: PropertyID) -> Int {
    var count = 0
    var property = first
    while property >= 0 {
      if !properties[Int(property)].isDeleted { count += 1 }
      property = properties[Int(property)].next
    }
    return count
  }

  private static func living(_ labels: [Label]) -> [String] {
    labels.filter { !$0.isDeleted }.map(\.name)
  }

  /// The boot processor as dtc guesses it: `reg` of the first child of `/cpus`, even of a deleted one.
  mutating func guessBootCPU() -> UInt32 {
    guard let root, let cpus = find("cpus", in: root, withDeleted: false) else { return 0 }
    let first = nodes[Int(cpus)].firstChild
    guard first >= 0, let reg = findProperty("reg", in: first, withDeleted: false) else { return 0 }
    return properties[Int(reg)].value.cell ?? 0
  }
}
