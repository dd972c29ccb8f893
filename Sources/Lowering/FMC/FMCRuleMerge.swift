import Diagnostics
import Partitioning

/// Makes one list of rules out of the lists for frames with different headers.
///
/// A rule that asks for IPv4 stands in the list of every set of headers with IPv4. It becomes one
/// rule when it stands in all that matter; where it does not, a plan could not say for which frames
/// it holds, and that is reported.
struct FMCRuleMerge {
  let classes: [FMCHeaderClass]
  var bag = DiagnosticBag()

  private struct Key: Hashable {
    var conditions: Set<MatchCondition>
    var target: FMCTarget
  }

  init(classes: [FMCHeaderClass]) {
    // A transport has two spreads of one kind in IPv4 and IPv6, which differ in nothing here.
    self.classes = classes
  }

  /// The rules in an order that agrees with every list.
  mutating func rules() -> [FMCImportedRule] {
    var lists = classes.map {
      $0.rules.map { Key(conditions: Set($0.conditions), target: $0.target) }
    }
    var written: [Key: [MatchCondition]] = [:]
    for rule in classes.flatMap(\.rules) {
      let key = Key(conditions: Set(rule.conditions), target: rule.target)
      written[key] = written[key] ?? rule.conditions
    }
    let otherwise = lists.last?.last.flatMap { $0.conditions.isEmpty ? $0 : nil }
    for index in lists.indices {
      // What everything else gets comes once, at the very end.
      if let otherwise, lists[index].last == otherwise { lists[index].removeLast() }
    }
    let order = ordered(lists)
    for key in order { checkExtent(of: key, in: lists) }
    var result = order.map {
      FMCImportedRule(conditions: written[$0] ?? [], target: $0.target)
    }
    joinTransports(&result)
    if let otherwise {
      result.append(FMCImportedRule(conditions: [], target: otherwise.target))
    } else if let last = classes.last {
      bag.warning(
        "fmc-inexpressible",
        "a plan says who gets everything else, but the last distribution does not take all frames",
        at: last.span)
    }
    return result
  }

  /// All keys in an order in which each list is a part; lists that contradict each other are
  /// reported.
  private mutating func ordered(_ lists: [[Key]]) -> [Key] {
    var seen: [Key: Int] = [:]
    for key in lists.joined() where seen[key] == nil { seen[key] = seen.count }
    var waiting: [Key: Int] = [:]
    var next: [Key: [Key]] = [:]
    for list in lists {
      for (first, second) in zip(list, list.dropFirst()) where first != second {
        next[first, default: []].append(second)
        waiting[second, default: 0] += 1
      }
    }
    var result: [Key] = []
    var ready = seen.keys.filter { waiting[$0] == nil }.sorted { (seen[$0] ?? 0) > (seen[$1] ?? 0) }
    var left = seen
    while !left.isEmpty {
      guard let key = ready.popLast() ?? left.min(by: { $0.value < $1.value })?.key else { break }
      if waiting[key, default: 0] > 0 {
        bag.warning(
          "fmc-inexpressible",
          "rules have another order for frames with other headers: a plan has one order")
      }
      guard left.removeValue(forKey: key) != nil else { continue }
      result.append(key)
      waiting[key] = 0
      for follower in next[key] ?? [] {
        guard let count = waiting[follower], count > 0 else { continue }
        waiting[follower] = count - 1
        if count == 1 {
          let place = seen[follower] ?? 0
          let index = ready.firstIndex { (seen[$0] ?? 0) < place } ?? ready.endIndex
          ready.insert(follower, at: index)
        }
      }
    }
    return result
  }

  /// Whether a rule holds for all frames of which its conditions can hold.
  private mutating func checkExtent(of key: Key, in lists: [[Key]]) {
    for needed in key.conditions.headerAlternatives {
      for (index, item) in classes.enumerated() {
        let frame = needed.union(item.headers)
        guard FrameHeader.areCompatible(frame), !lists[index].contains(key) else { continue }
        // Frames of this kind may be taken by a list before this one.
        if classes[..<index].contains(where: { $0.headers.isSubset(of: frame) }) { continue }
        let names = item.headers.sorted().map(\.rawValue).joined(separator: " and ")
        let kind = names.isEmpty ? "" : "with \(names) "
        // A rule in front that takes them all makes this one idle for these frames.
        let isIdle = lists[index].contains { $0.conditions.isEmpty }
        if isIdle { continue }
        bag.warning(
          "fmc-inexpressible",
          "frames \(kind)are taken by another list, in which the rule for \(key.target.name) is "
            + "missing: in a plan it holds for them, too", at: item.span)
        return
      }
    }
  }

  /// Makes one rule of three that differ in the transport only: ports without a protocol.
  private func joinTransports(_ rules: inout [FMCImportedRule]) {
    struct Ports: Hashable {
      var conditions: Set<MatchCondition>
      var target: FMCTarget
    }
    func isTransport(_ condition: MatchCondition) -> Bool {
      FrameHeader.transports.contains { condition == .ipProtocol($0.ipProtocol ?? 0) }
    }
    var found: [Ports: Set<MatchCondition>] = [:]
    func ports(of rule: FMCImportedRule) -> Ports? {
      let hasPorts = rule.conditions.contains {
        switch $0 {
        case .l4Source, .l4Destination: true
        case .masked(let masked): masked.field == .l4Source || masked.field == .l4Destination
        default: false
        }
      }
      guard hasPorts else { return nil }
      return Ports(
        conditions: Set(rule.conditions.filter { !isTransport($0) }), target: rule.target)
    }
    for rule in rules {
      guard let ports = ports(of: rule) else { continue }
      found[ports, default: []].formUnion(rule.conditions.filter(isTransport))
    }
    var done: Set<Ports> = []
    rules = rules.compactMap { rule in
      guard let ports = ports(of: rule), found[ports]?.count == FrameHeader.transports.count else {
        return rule
      }
      guard done.insert(ports).inserted else { return nil }
      var joined = rule
      joined.conditions.removeAll(where: isTransport)
      return joined
    }
  }
}
