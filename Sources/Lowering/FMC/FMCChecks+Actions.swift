import Diagnostics

extension FMCChecks {
  /// An action with what has it.
  private struct Edge {
    var from: FMCKind
    var owner: FMCText
    var action: FMCAction
  }

  private var edges: [Edge] {
    var edges: [Edge] = []
    for item in model.distributions {
      if let action = item.action {
        edges.append(Edge(from: .distribution, owner: item.name, action: action))
      }
    }
    for item in model.classifications {
      let actions = item.entries.compactMap(\.action) + (item.onMiss.map { [$0] } ?? [])
      edges += (actions + item.mayUse).map {
        Edge(from: .classification, owner: item.name, action: $0)
      }
    }
    for item in model.replicators {
      edges += (item.entries.compactMap(\.action) + item.mayUse).map {
        Edge(from: .replicator, owner: item.name, action: $0)
      }
    }
    for item in model.policers {
      edges += item.actions.map { Edge(from: .policer, owner: item.name, action: $0) }
    }
    return edges
  }

  /// What may lead to what: `source/FMCPCDModel.cpp` of nxp-qoriq/fmc.
  private static let allowed: [FMCKind: [String]] = [
    .distribution: ["classification", "policer", "replicator", "hashtable", "drop", ""],
    .classification: [
      "distribution", "classification", "hashtable", "policer", "replicator", "drop", "",
    ],
    .policer: ["distribution", "policer", "drop", ""],
    .replicator: ["distribution", ""],
  ]

  mutating func checkActions() {
    let edges = edges
    for edge in edges {
      let action = edge.action
      let allowed = Self.allowed[edge.from, default: []]
      guard allowed.contains(action.type) else {
        let near = nearestName(to: action.type, in: allowed.filter { !$0.isEmpty })
        bag.error(
          "fmc-action",
          "a \(edge.from.title) cannot have the action \(action.type)", at: action.span,
          fixIts: near.map { [FixIt("did you mean \($0)?")] } ?? [])
        continue
      }
      if let kind = action.targetKind {
        if let name = action.name, !name.value.isEmpty {
          resolve(kind, name, from: "the \(edge.from.title) \(edge.owner.value)")
        } else {
          bag.error(
            "fmc-action", "the action \(action.type) does not say to which", at: action.span)
        }
      }
    }
    for policer in model.policers { checkConditions(of: policer) }
    checkStatistics()
    checkCycles(edges)
  }

  private mutating func checkConditions(of policer: FMCPolicer) {
    let known = ["on-red", "on-yellow", "on-green"]
    for action in policer.actions where !known.contains(action.condition?.value ?? "") {
      let condition = action.condition?.value ?? ""
      let near = nearestName(to: condition, in: known)
      bag.error(
        "fmc-condition",
        "a policer's action is for on-red, on-yellow or on-green, not for \"\(condition)\"",
        at: action.condition?.span ?? action.span,
        fixIts: near.map { [FixIt("did you mean \($0)?")] } ?? [])
    }
  }

  private mutating func checkStatistics() {
    for node in model.classifications where node.statistics ?? "none" == "none" {
      let actions = node.entries.compactMap(\.action) + (node.onMiss.map { [$0] } ?? [])
      for action in actions where action.statistics {
        bag.error(
          "fmc-statistics",
          "the action counts, but \(node.name.value) has no statistics", at: action.span,
          fixIts: [FixIt("give \(node.name.value) statistics=\"frame\"")])
      }
    }
  }

  /// Follows actions in depth, each node once.
  private mutating func checkCycles(_ edges: [Edge]) {
    struct Key: Hashable {
      var kind: FMCKind
      var name: String
    }
    var next: [Key: [Edge]] = [:]
    for edge in edges where edge.action.targetKind != nil {
      next[Key(kind: edge.from, name: edge.owner.value), default: []].append(edge)
    }
    var done: Set<Key> = []
    for start in edges.map({ Key(kind: $0.from, name: $0.owner.value) }) where !done.contains(start)
    {
      // An explicit stack: a hostile file may chain a hundred thousand of them.
      var path: [Key: Int] = [start: 0]
      var stack: [(key: Key, edge: Int)] = [(start, 0)]
      while let top = stack.last {
        let out = next[top.key] ?? []
        guard top.edge < out.count else {
          done.insert(top.key)
          path[top.key] = nil
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].edge += 1
        let edge = out[top.edge]
        guard let kind = edge.action.targetKind, let name = edge.action.name else { continue }
        let target = Key(kind: kind, name: name.value)
        if path[target] != nil {
          bag.error(
            "fmc-cycle",
            target == top.key
              ? "the \(kind.title) \(name.value) leads to itself"
              : "this leads back to the \(kind.title) \(name.value)", at: edge.action.span,
            notes: defined[kind]?[name.value].map {
              [Note("\(name.value) is defined here", at: $0.span)]
            } ?? [])
        } else if !done.contains(target) {
          path[target] = stack.count
          stack.append((target, 0))
        }
      }
    }
  }
}
