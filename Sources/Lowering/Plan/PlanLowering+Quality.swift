import Diagnostics
import Documents
import Partitioning
import QorIQ

/// Roles, work queues, congestion groups, channels, accelerators and policers.
extension PlanLowering {
  mutating func readQuality(
    _ facts: Facts, of wish: inout PartitionWish, index: Int, foreign: Set<String>
  ) {
    let name = wish.name
    if let node = facts["mode"] {
      origins.record(ClaimPath.mode(index), at: node.span)
      wish.mode = mode(node, "\(name)'s mode")
    }
    if let node = facts["roles"],
      let roles = reader.facts(node, of: "the roles of \(name)'s queues", in: .roles)
    {
      for role in QueueRole.allCases {
        guard let node = roles[role.rawValue] else { continue }
        origins.record(ClaimPath.role(index, role), at: node.span)
        wish.roles[role] = queues(
          node, "\(name)'s \(role.rawValue) queues", onlyCount: foreign.contains("roles"),
          origin: ClaimPath.role(index, role))
      }
    }
    if let node = facts["work-queues"],
      let roles = reader.facts(node, of: "\(name)'s work queues", in: .workQueues)
    {
      for role in QueueRole.allCases {
        origins.record(ClaimPath.workQueue(index, role), at: roles[role.rawValue]?.span)
        wish.workQueues[role] = workQueue(
          roles[role.rawValue], "the work queue of \(name)'s \(role.rawValue) queues")
      }
    }
    if let node = facts["congestion-groups"] {
      wish.congestionGroups = congestionGroups(node, name: name, index: index)
      if foreign.contains("congestion-groups") {
        for item in wish.congestionGroups.indices { wish.congestionGroups[item].id = nil }
      }
    }
    wish.poolChannels = facts["pool-channels"].flatMap {
      choice(
        $0, "\(name)'s pool channels", origin: ClaimPath.poolChannels(index), in: 0...0x1fff,
        onlyCount: foreign.contains("pool-channels")
      ) { ChannelID(UInt16($0)) }
    }
    if let node = facts["accelerators"] {
      wish.accelerators = accelerators(node, name: name, index: index)
    }
    if let node = facts["chains"] { wish.chains = chains(node, name: name, index: index) }
  }

  private mutating func mode(_ node: YAMLNode, _ what: String) -> ServiceMode {
    reader.choice(node, what, among: ServiceMode.allCases.map { ($0.rawValue, $0) }) ?? .poll
  }

  private mutating func counting(_ node: YAMLNode?, _ what: String) -> CountingMode {
    let words = CountingMode.allCases.map { ($0.rawValue, $0) }
    return node.flatMap { reader.choice($0, "what \(what) counts", among: words) } ?? .bytes
  }

  private mutating func congestionGroups(
    _ node: YAMLNode, name: String, index: Int
  ) -> [CongestionGroupWish] {
    origins.record(ClaimPath.congestionGroups(index), at: node.span)
    let what = "a congestion group of \(name)"
    if case .sequence(let items) = node.value,
      items.contains(where: { if case .mapping = $0.value { true } else { false } })
    {
      var groups: [CongestionGroupWish] = []
      for node in items {
        if let group = congestionGroup(node, what, index: index, item: groups.count) {
          groups.append(group)
        }
      }
      return groups
    }
    switch reader.countOrRanges(node, "\(name)'s congestion groups", in: 0...255) {
    case .count(let count):
      return (0..<Int(count)).map { item in
        origins.record(ClaimPath.congestionGroup(index, item), at: node.span)
        return CongestionGroupWish()
      }
    case .ranges(let items):
      var groups: [CongestionGroupWish] = []
      for item in items {
        for number in item.range {
          origins.record(ClaimPath.congestionGroup(index, groups.count), at: item.span)
          origins.record(ClaimPath.congestionGroupID(index, groups.count), at: item.span)
          groups.append(CongestionGroupWish(id: UInt32(number)))
        }
      }
      return groups
    case nil: return []
    }
  }

  private mutating func congestionGroup(
    _ node: YAMLNode, _ what: String, index: Int, item: Int
  ) -> CongestionGroupWish? {
    guard let facts = reader.facts(node, of: what, in: .congestionGroup) else { return nil }
    origins.record(ClaimPath.congestionGroup(index, item), at: node.span)
    var group = CongestionGroupWish(counting: counting(facts["count"], what))
    if let id = facts["id"] {
      origins.record(ClaimPath.congestionGroupID(index, item), at: id.span)
      group.id = reader.number(id, "\(what)'s id", in: 0...UInt64(UInt32.max))
        .map { UInt32($0) }
    }
    if let node = facts["tail-drop"] {
      origins.record(ClaimPath.tailDrop(index, item), at: node.span)
      group.tailDrop = reader.amount(node, "\(what)'s tail drop", counting: group.counting)
    }
    if let node = facts["wred"],
      let curves = reader.facts(node, of: "the early drop of \(what)", in: .earlyDrops)
    {
      for colour in FrameColour.allCases {
        guard let node = curves[colour.rawValue] else { continue }
        origins.record(ClaimPath.earlyDrop(index, item, colour), at: node.span)
        group.earlyDrop[colour] = earlyDrop(
          node, "the early drop of \(colour.rawValue) in \(what)", counting: group.counting)
      }
    }
    if let node = facts["notify"] {
      group.notify =
        names(node, "whom \(what) tells") { ClaimPath.notified(index, item, $0) } ?? []
    }
    return group
  }

  private mutating func earlyDrop(
    _ node: YAMLNode, _ what: String, counting: CountingMode
  ) -> CongestionGroupWish.EarlyDrop? {
    guard let facts = reader.facts(node, of: what, in: .earlyDrop) else { return nil }
    let start = facts["from"].flatMap {
      reader.amount($0, "where \(what) starts", counting: counting)
    }
    let end = facts["to"].flatMap { reader.amount($0, "where \(what) ends", counting: counting) }
    let percent = facts["drop"].flatMap { reader.percent($0, "the share of \(what)") }
    guard let start, let end, let percent else { return nil }
    return CongestionGroupWish.EarlyDrop(start: start, end: end, percent: UInt8(percent))
  }

  private mutating func accelerators(
    _ node: YAMLNode, name: String, index: Int
  ) -> [AcceleratorWish] {
    guard let facts = reader.facts(node, of: "\(name)'s accelerators", in: .accelerators) else {
      return []
    }
    return AcceleratorKind.allCases.compactMap { kind in
      guard let node = facts[kind.rawValue] else { return nil }
      origins.record(ClaimPath.accelerator(index, kind), at: node.span)
      let what = "\(name)'s use of \(kind.rawValue)"
      guard let facts = reader.facts(node, of: what, in: kind.section) else { return nil }
      let pairs = facts["pairs"].flatMap { reader.number($0, "the pairs of \(what)", in: 1...1024) }
      let weight = facts["weight"].flatMap {
        reader.number($0, "the weight of \(what)", in: 1...64)
      }
      var wish = AcceleratorWish(
        kind: kind, mode: facts["mode"].map { mode($0, "the mode of \(what)") } ?? .poll,
        pairs: UInt32(pairs ?? 1), weight: UInt32(weight ?? 1))
      if let node = facts["patterns"] {
        wish.patternGroups = patternGroups(node, name: name, index: index)
      }
      return wish
    }
  }

  mutating func policers(_ node: YAMLNode?, unread: inout [String]) -> [PolicerWish] {
    guard let node, let entries = reader.entries(node, of: "policers") else { return [] }
    var policers: [PolicerWish] = []
    for entry in entries {
      origins.record(ClaimPath.policer(policers.count), at: entry.keySpan)
      checkName(entry.key, of: "policer", at: entry.keySpan)
      if let policer = policer(entry, index: policers.count) {
        policers.append(policer)
      } else {
        unread.append(entry.key)
      }
    }
    return policers
  }

  private mutating func policer(_ entry: YAMLEntry, index: Int) -> PolicerWish? {
    let what = "policer \(entry.key)"
    guard let facts = reader.facts(entry.value, of: what, in: .policer) else { return nil }
    for key in PlanSection.policer.keys {
      origins.record(ClaimPath.policer(index, key: key.name), at: facts[key.name]?.span)
    }
    let counting = counting(facts["count"], what)
    var values: [String: UInt64] = [:]
    for part in ["committed", "excess"] {
      let rate = "\(part)-rate"
      let burst = "\(part)-burst"
      values[rate] = facts[rate].flatMap {
        reader.rate($0, "the \(part) rate of \(what)", counting: counting)
      }
      values[burst] = facts[burst].flatMap {
        reader.amount($0, "the \(part) burst of \(what)", counting: counting)
      }
    }
    let algorithms = PolicerWish.Algorithm.allCases.map { ($0.rawValue, $0) }
    let algorithm =
      facts["algorithm"].flatMap {
        reader.choice($0, "the algorithm of \(what)", among: algorithms)
      } ?? .rfc2698
    let isColourAware =
      facts["colour-aware"].flatMap {
        reader.choice($0, "colour-aware of \(what)", among: [("yes", true), ("no", false)])
      } ?? false
    let drops = facts["drop"].map { colours($0, "what \(what) drops") } ?? [.red]
    guard let committedRate = values["committed-rate"],
      let committedBurst = values["committed-burst"], let excessRate = values["excess-rate"],
      let excessBurst = values["excess-burst"]
    else { return nil }
    return PolicerWish(
      name: entry.key, algorithm: algorithm, counting: counting, committedRate: committedRate,
      committedBurst: committedBurst, excessRate: excessRate, excessBurst: excessBurst,
      isColourAware: isColourAware, drops: drops)
  }

  private mutating func colours(_ node: YAMLNode, _ what: String) -> Set<FrameColour> {
    let words = FrameColour.allCases.map { ($0.rawValue, $0) }
    guard let items = reader.items(node, of: what) else { return [.red] }
    return Set(items.compactMap { reader.choice($0, what, among: words) })
  }
}
