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
      wish.to = reader.text(node, "who gets \(what)")
    }
    if let node = facts["spread"] {
      origins.record(ClaimPath.ruleSpread(interface, item), at: node.span)
      let spreads = FlowRule.Spread.allCases.map { ($0.rawValue, $0) }
      wish.spread = reader.choice(
        node, "the spread of \(what)",
        among: spreads + spreads.flatMap { [("ipv4-\($0)", $1), ("ipv6-\($0)", $1)] })
    }
    for key in ["queues", "policer", "work-queue", "congestion-group"] {
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
    return wish
  }

  private mutating func conditions(_ node: YAMLNode, of what: String) -> [MatchCondition]? {
    guard let entries = reader.entries(node, of: "the condition of \(what)") else { return nil }
    let conditions: [MatchCondition] = entries.compactMap { entry in
      guard let key = MatchKey(rawValue: entry.key) else {
        let names = MatchKey.allCases.map(\.rawValue)
        reader.bag.error(
          .unknownKey, "there is no field \(entry.key) to match", at: entry.keySpan,
          fixIts: [
            nearestName(to: entry.key, in: names).map {
              FixIt("did you mean \($0)?", replacing: entry.keySpan, with: $0)
            } ?? FixIt("choose one of \(names.joined(separator: ", "))")
          ])
        return nil
      }
      return condition(key, entry.value)
    }
    return conditions.count == entries.count ? conditions : nil
  }

  private mutating func condition(_ key: MatchKey, _ node: YAMLNode) -> MatchCondition? {
    let what = key.rawValue
    switch key {
    case .ethernetDestination: return reader.mac(node, what).map { .ethernetDestination($0) }
    case .ethernetSource: return reader.mac(node, what).map { .ethernetSource($0) }
    case .etherType:
      return reader.namedNumber(
        node, what, in: 0...0xffff, names: ["ipv4": 0x0800, "arp": 0x0806, "ipv6": 0x86dd]
      ).map { .etherType(UInt16($0)) }
    case .vlan: return reader.number(node, what, in: 0...4095).map { .vlan(UInt16($0)) }
    case .ipv4Source: return reader.ipv4(node, what).map { .ipv4Source($0) }
    case .ipv4Destination: return reader.ipv4(node, what).map { .ipv4Destination($0) }
    case .ipv6Source: return reader.ipv6(node, what).map { .ipv6Source($0) }
    case .ipv6Destination: return reader.ipv6(node, what).map { .ipv6Destination($0) }
    case .ipProtocol:
      return reader.namedNumber(
        node, what, in: 0...255,
        names: ["icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132]
      ).map { .ipProtocol(UInt8($0)) }
    case .l4Source: return reader.number(node, what, in: 0...0xffff).map { .l4Source(UInt16($0)) }
    case .l4Destination:
      return reader.number(node, what, in: 0...0xffff).map { .l4Destination(UInt16($0)) }
    }
  }
}

/// The fields that a rule can match, as a plan writes them.
private enum MatchKey: String, CaseIterable {
  case ethernetDestination = "eth.dst"
  case ethernetSource = "eth.src"
  case etherType = "eth.type"
  case vlan = "vlan.id"
  case ipv4Source = "ipv4.src"
  case ipv4Destination = "ipv4.dst"
  case ipv6Source = "ipv6.src"
  case ipv6Destination = "ipv6.dst"
  case ipProtocol = "ip.proto"
  case l4Source = "l4.src"
  case l4Destination = "l4.dst"
}
