import Diagnostics
import Partitioning
import QorIQ

/// Follows a policy's distributions and classifications and makes rules of them.
struct FMCRuleReader {
  let model: FMCModel
  var bag = DiagnosticBag()
  /// How many rules may come of one policy: chains of nodes may multiply.
  static let ruleLimit = 4096
  /// How many nodes are visited for one policy: each way to a node is one, rules or none at its end.
  static let stepLimit = 1 << 13
  private var count = 0
  private var steps = 0

  init(model: FMCModel) { self.model = model }

  /// The rules of a policy, the last of which takes everything.
  mutating func rules(of policy: FMCPolicy) -> [FMCImportedRule] {
    var classes: [FMCHeaderClass] = []
    for name in policy.order {
      guard let distribution = model.distribution(name.value) else { continue }
      var headers: Set<FrameHeader> = []
      for proto in distribution.match.sorted() where proto != "ethernet" {
        guard let header = FrameHeader(rawValue: proto) else {
          give(up: "frames with the protocol \(proto)", at: distribution.name.span)
          continue
        }
        headers.insert(header)
      }
      if !distribution.restricted.isEmpty {
        give(up: "a protocol's options", at: distribution.name.span)
      }
      var rules: [FMCImportedRule] = []
      follow(distribution, into: &rules)
      classes.append(FMCHeaderClass(headers: headers, rules: rules, span: name.span))
    }
    var merge = FMCRuleMerge(classes: classes)
    let merged = merge.rules()
    bag.add(contentsOf: merge.bag)
    return merged
  }

  private mutating func give(up what: String, at span: SourceSpan?) {
    bag.warning("fmc-inexpressible", "a plan has no form for \(what): it is left out", at: span)
  }

  private mutating func add(_ rule: FMCImportedRule, to rules: inout [FMCImportedRule]) {
    count += 1
    if count <= Self.ruleLimit { rules.append(rule) }
    if count == Self.ruleLimit {
      give(up: "more than \(Self.ruleLimit) rules", at: nil)
    }
  }

  private mutating func follow(_ distribution: FMCDistribution, into rules: inout [FMCImportedRule])
  {
    switch distribution.action?.targetKind {
    case .classification:
      guard let name = distribution.action?.name, let node = model.classification(name.value)
      else { return }
      walk(node, [], depth: 0, into: &rules)
    case .policer,
      nil where distribution.action == nil || distribution.action?.type == "":
      if let target = target(of: distribution) {
        add(FMCImportedRule(conditions: [], target: target), to: &rules)
      }
    case nil where distribution.action?.type == "drop":
      add(FMCImportedRule(conditions: [], target: .drop), to: &rules)
    default:
      give(
        up: "the action \(distribution.action?.type ?? "")",
        at: distribution.action?.span ?? distribution.name.span)
    }
  }

  /// Adds the rules of a node and of the nodes behind it, in the order in which they are tried.
  private mutating func walk(
    _ node: FMCClassification, _ conditions: [MatchCondition], depth: Int, endsInMiss: Bool = true,
    into rules: inout [FMCImportedRule]
  ) {
    // That there are too many rules has been said.
    guard count < Self.ruleLimit else { return }
    guard depth < 64 else {
      return give(up: "classifications that are 64 deep", at: node.name.span)
    }
    steps += 1
    guard steps <= Self.stepLimit else {
      return give(up: "more than \(Self.stepLimit) ways through classifications", at: nil)
    }
    if !node.nonHeaders.isEmpty || !node.hashTables.isEmpty {
      return give(up: "a key that is not of fields", at: node.keySpan)
    }
    for (index, entry) in node.entries.enumerated() {
      guard let more = FMCConditions.conditions(of: entry, in: node) else {
        give(up: "what this entry compares", at: entry.span)
        continue
      }
      let all = conditions + more.filter { !conditions.contains($0) }
      if let inner = self.node(entry.action) {
        // A node that misses where its parent does is the rest of one rule's conditions.
        let isRest =
          index == node.entries.count - 1 && sameMiss(inner, node)
        walk(inner, all, depth: depth + 1, endsInMiss: !isRest, into: &rules)
      } else if let target = target(of: entry.action, entry.queue, entry.profile, at: entry.span) {
        add(FMCImportedRule(conditions: all, target: target), to: &rules)
      }
    }
    guard endsInMiss else { return }
    if let next = self.node(node.onMiss) {
      walk(next, conditions, depth: depth + 1, into: &rules)
    } else if let target = target(
      of: node.onMiss, node.missQueue, node.profile, at: node.name.span)
    {
      add(FMCImportedRule(conditions: conditions, target: target), to: &rules)
    }
  }

  private func node(_ action: FMCAction?) -> FMCClassification? {
    guard action?.targetKind == .classification, let name = action?.name else { return nil }
    return model.classification(name.value)
  }

  private func sameMiss(_ one: FMCClassification, _ other: FMCClassification) -> Bool {
    one.onMiss?.type == other.onMiss?.type && one.onMiss?.name?.value == other.onMiss?.name?.value
      && one.missQueue?.value == other.missQueue?.value
  }

  // MARK: targets

  private mutating func target(
    of action: FMCAction?, _ queue: FMCInteger?, _ profile: FMCProfile?, at span: SourceSpan
  ) -> FMCTarget? {
    let type = action?.type ?? ""
    switch action?.targetKind {
    case .distribution:
      guard let name = action?.name, let distribution = model.distribution(name.value) else {
        return nil
      }
      if let action = distribution.action, !action.type.isEmpty, action.type != "policer" {
        give(up: "an action behind a distribution", at: action.span)
      }
      return target(of: distribution)
    case nil where type == "drop": return .drop
    case nil where type.isEmpty:
      guard let queue else { return nil }
      return FMCTarget(
        name: "queue\(queue.value)",
        queues: QueueRange(first: FQID(UInt32(queue.value)), count: 1), spread: nil,
        profile: number(of: profile))
    default:
      give(up: "the action \(type)", at: action?.span ?? span)
      return nil
    }
  }

  private mutating func target(of distribution: FMCDistribution) -> FMCTarget? {
    guard let base = distribution.base else { return nil }
    if !distribution.combines.isEmpty {
      give(up: "bytes that are combined into a queue's number", at: distribution.name.span)
    }
    let queues = QueueRange(
      first: FQID(UInt32(base.value)), count: UInt32(distribution.size))
    return FMCTarget(
      name: Self.plainName(distribution.name.value), queues: queues,
      spread: spread(of: distribution), profile: number(of: distribution.profile),
      policer: policer(of: distribution))
  }

  /// The policer behind a distribution; what it lets through must go to the distribution's queues.
  private mutating func policer(of distribution: FMCDistribution) -> PolicerWish? {
    guard distribution.action?.type == "policer", let name = distribution.action?.name,
      let policer = model.index.policers[name.value]
    else { return nil }
    var drops: Set<FrameColour> = []
    for action in policer.actions {
      let colour = action.condition.flatMap { FrameColour(rawValue: String($0.value.dropFirst(3))) }
      switch action.type {
      case "drop": if let colour { drops.insert(colour) }
      case "": break
      default: give(up: "what the policer \(policer.name.value) sends elsewhere", at: action.span)
      }
    }
    func number(_ names: String...) -> UInt64 {
      names.compactMap { policer.texts[$0] }.first.map { UInt64(max(FMCNumber($0).value, 0)) } ?? 0
    }
    let counting: CountingMode = policer.texts["unit"] == "packet" ? .frames : .bytes
    let unit: UInt64 = counting == .bytes ? 1000 : 1
    guard
      let algorithm = ["rfc2698": PolicerWish.Algorithm.rfc2698, "rfc4115": .rfc4115][
        policer.texts["algorithm"] ?? ""]
    else {
      give(up: "a policer that passes everything through", at: policer.name.span)
      return nil
    }
    return PolicerWish(
      name: Self.plainName(policer.name.value), algorithm: algorithm, counting: counting,
      committedRate: number("CIR") * unit, committedBurst: number("CBS"),
      excessRate: number("EIR", "PIR") * unit, excessBurst: number("EBS", "PBS"),
      isColourAware: policer.texts["color_mode"] == "color_aware", drops: drops)
  }

  /// A name without the letter and number that dpaac puts in front, as in `d03_guest1`.
  static func plainName(_ name: String) -> String {
    let parts = name.split(separator: "_", maxSplits: 1)
    guard parts.count == 2, parts[0].first?.isLetter == true, parts[0].count > 1,
      parts[0].dropFirst().allSatisfy(\.isNumber)
    else { return name }
    return String(parts[1])
  }

  private func number(of profile: FMCProfile?) -> Int? {
    model.profile(profile)?.base?.value
  }

  private mutating func spread(of distribution: FMCDistribution) -> FlowRule.Spread? {
    guard distribution.size > 1 else { return nil }
    if let key = key(of: distribution), !(key.fields.isEmpty && key.bytes.isEmpty) {
      return FlowRule.Spread.named.first { $0.spread.hashKey == key }?.spread ?? .key(key)
    }
    bag.warning(
      "fmc-inexpressible",
      "a plan has no form for the key of \(distribution.name.value): 5-tuple takes its place",
      at: distribution.keySpan)
    return .fiveTuple
  }

  /// The key of a distribution, of fields and bytes that a plan knows, too.
  private func key(of distribution: FMCDistribution) -> HashKey? {
    guard !distribution.isSymmetric, distribution.shift?.value ?? 0 == 0 else { return nil }
    var fields: [HashKey.Field] = []
    for item in distribution.key {
      guard item.offset == nil, item.size == nil, let field = Self.field(item) else { return nil }
      fields.append(field)
    }
    var bytes: [FrameBytes] = []
    for item in distribution.nonHeaders {
      guard item.source == "frame_start", let size = item.size?.value,
        (1...8).contains(size), let offset = UInt8(exactly: item.offset?.value ?? 0)
      else { return nil }
      bytes.append(FrameBytes(.frame, at: offset, count: UInt8(size)))
    }
    return HashKey(fields, bytes: bytes)
  }

  private static func field(_ field: FMCField) -> HashKey.Field? {
    switch field.name.value {
    case "ethernet.dst": .ethernetDestination
    case "ethernet.src": .ethernetSource
    case "vlan.tci" where field.index?.value != "last": .vlanTag
    case "ethernet.type": .etherType
    case "ipv4.src", "ipv6.src": .ipSource
    case "ipv4.dst", "ipv6.dst": .ipDestination
    case "ip.nextp", "ipv4.nextp", "ipv6.nexthdr": .ipProtocol
    case "ipv4.tos", "ipv6.tos": .ipService
    case "ipsec_esp.spi", "ipsec_ah.spi": .securityIndex
    case "tcp.sport", "udp.sport", "sctp.sport": .l4Source
    case "tcp.dport", "udp.dport", "sctp.dport": .l4Destination
    default: nil
    }
  }
}

/// The rules for frames with certain headers.
struct FMCHeaderClass {
  var headers: Set<FrameHeader>
  var rules: [FMCImportedRule]
  var span: SourceSpan
}
