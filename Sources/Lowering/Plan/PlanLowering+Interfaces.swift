import Diagnostics
import Documents
import Partitioning
import QorIQ

/// Interfaces and their rules.
extension PlanLowering {
  mutating func interface(_ entry: YAMLEntry, index: Int) -> InterfaceWish {
    let name = entry.key
    origins.record(ClaimPath.interface(index), at: entry.keySpan)
    var wish = InterfaceWish(name: name, rules: [], otherwise: nil)
    // An interface without a word is one that does not say who gets its frames.
    let isEmpty = if case .scalar(let scalar) = entry.value.value { scalar.isNull } else { false }
    let node = isEmpty ? YAMLNode(.mapping([]), at: entry.keySpan) : entry.value
    guard let facts = reader.facts(node, of: "interface \(name)", in: .interface) else {
      return wish
    }
    if let node = facts["replay"] { wish.replay = reader.text(node, "\(name)'s replay") }
    if let node = facts["rules"], let items = reader.items(node, of: "\(name)'s rules") {
      for (item, node) in items.enumerated() {
        wish.rules.append(rule(node, of: name, interface: index, item: item))
      }
    }
    if let node = facts["otherwise"] {
      origins.record(ClaimPath.otherwise(index), at: node.span)
      wish.otherwise = reader.text(node, "\(name)'s otherwise")
      wish.dropsOtherwise = wish.otherwise == Plan.dropName
      if wish.dropsOtherwise { wish.otherwise = nil }
    }
    for key in ["mtu", "headroom", "delivery", "policer", "work-queue"] {
      origins.record(ClaimPath.interface(index, key: key), at: facts[key]?.span)
    }
    wish.mtu = facts["mtu"].flatMap { reader.number($0, "\(name)'s mtu", in: 68...9578) }
      .map { UInt32($0) }
    wish.headroom = facts["headroom"].flatMap {
      reader.number($0, "\(name)'s headroom", in: 64...1008)
    }.map { UInt32($0) }
    wish.delivery = facts["delivery"].flatMap {
      reader.choice(
        $0, "\(name)'s delivery", among: DeliveryWish.allCases.map { ($0.rawValue, $0) })
    }
    wish.policer = facts["policer"].flatMap { reader.text($0, "\(name)'s policer") }
    wish.workQueue = workQueue(facts["work-queue"], "\(name)'s work queue")
    allowances(facts["allow"], in: (name, text(of: entry)))
    return wish
  }

  private mutating func rule(
    _ node: YAMLNode, of name: String, interface: Int, item: Int
  ) -> RuleWish {
    let what = "a rule of \(name)"
    origins.record(ClaimPath.rule(interface, item), at: node.span)
    var wish = RuleWish(conditions: nil, to: nil)
    guard let facts = reader.facts(node, of: what, in: .rule) else { return wish }
    if let node = facts["when"] {
      origins.record(ClaimPath.ruleConditions(interface, item), at: node.span)
      wish.conditions = conditions(node, of: what)
    }
    if let node = facts["to"] {
      origins.record(ClaimPath.ruleTarget(interface, item), at: node.span)
      receivers(node, of: what, at: (interface, item), in: &wish)
    }
    if let node = facts["spread"] {
      origins.record(ClaimPath.ruleSpread(interface, item), at: node.span)
      wish.spread = spread(node, of: what)
    }
    for key in ["queues", "policer", "work-queue", "congestion-group", "through"] {
      guard let node = facts[key] else { continue }
      origins.record(ClaimPath.rule(interface, item, key: key), at: node.span)
    }
    wish.spreadQueues = facts["queues"].flatMap {
      reader.number($0, "the queues of \(what)", in: 1...128)
    }.map { UInt32($0) }
    wish.policer = facts["policer"].flatMap { reader.text($0, "the policer of \(what)") }
    wish.workQueue = workQueue(facts["work-queue"], "the work queue of \(what)")
    wish.congestionGroup = facts["congestion-group"].flatMap {
      reader.number($0, "the congestion group of \(what)", in: 0...255)
    }.map { Int($0) }
    wish.through = facts["through"].flatMap { reader.text($0, "the chain of \(what)") }
    return wish
  }
}
