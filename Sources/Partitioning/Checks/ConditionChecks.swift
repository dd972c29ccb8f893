import Diagnostics
import QorIQ

/// Checks of what rules ask of a frame.
extension PartitionCheck {
  private static func when(_ conditions: String, _ more: String = "") -> [String] {
    ["{ when: {\(conditions)}, to: guest1\(more) }"]
  }

  static let ruleTwice = PartitionCheck(
    "rule-duplicate", .rules, severity: .warning, "a rule stands once",
    after: ["rule-empty"],
    meaning: "The second of two equal rules takes a place in the classifier and no frame.",
    repair: "remove one of the two",
    source: "NXP fmc: equal keys are accepted in silence",
    example: .init(rules: when("ipv4.dst: 10.0.0.1") + when("ipv4.dst: 10.0.0.1"))
  ) { context, findings in
    context.eachRepeatedRule { index, item, earlier in
      let interface = context.plan.interfaces[index]
      guard interface.rules[item].to == interface.rules[earlier].to else { return }
      findings.add(
        "this rule of \(interface.name) says what an earlier one says",
        at: context.span(ClaimPath.rule(index, item)),
        notes: [Note("the same stands here", at: context.span(ClaimPath.rule(index, earlier)))],
        fixIts: [FixIt("remove it")])
    }
  }

  static let ruleContested = PartitionCheck(
    "rule-contested", .rules, "one kind of frame is for one partition",
    after: ["rule-empty"],
    meaning: """
      Two rules with the same condition give the same frames to two partitions; the first gets all \
      of them, and the second waits for ever.
      """,
    repair: "say which of the two gets the frames",
    source: "NXP fmc: equal keys are accepted in silence",
    example: .init(
      rules: when("ipv4.dst: 10.0.0.1") + ["{ when: {ipv4.dst: 10.0.0.1}, to: host }"])
  ) { context, findings in
    context.eachRepeatedRule { index, item, earlier in
      let interface = context.plan.interfaces[index]
      guard let one = interface.rules[earlier].to, let other = interface.rules[item].to,
        one != other
      else { return }
      findings.add(
        "this rule of \(interface.name) gives to \(other) what an earlier one gives to \(one)",
        at: context.span(ClaimPath.rule(index, item)),
        notes: [Note("\(one) gets it here", at: context.span(ClaimPath.rule(index, earlier)))],
        fixIts: [FixIt("remove one of the two")])
    }
  }

  /// A warning about a rule that no frame, or no sensible one, can match.
  static func impossible(
    _ code: DiagnosticCode, _ summary: String, meaning: String, repair: String, source: String,
    example: PlanExample, fix: String,
    _ reason: @escaping @Sendable ([MatchCondition]) -> String?
  ) -> PartitionCheck {
    PartitionCheck(
      code, .rules, severity: .warning, summary, after: ["rule-empty"], meaning: meaning,
      repair: repair, source: source, example: example
    ) { context, findings in
      for (index, interface) in context.plan.interfaces.enumerated() {
        for (item, rule) in interface.rules.enumerated() {
          guard let reason = rule.conditions.flatMap(reason) else { continue }
          findings.add(
            "this rule of \(interface.name) matches nothing: \(reason)",
            at: context.span(ClaimPath.ruleConditions(index, item)), fixIts: [FixIt(fix)])
        }
      }
    }
  }

  static let ruleTypeMismatch = impossible(
    "rule-type-mismatch", "a rule's EtherType allows its other conditions",
    meaning: "A frame of another EtherType has no IP header to compare.",
    repair: "take the EtherType out, or the conditions that need another",
    source: "RFC 894, RFC 2464: 0x0800 and 0x86dd",
    example: .init(rules: when("eth.type: arp, ipv4.dst: 10.0.0.1")),
    fix: "remove eth.type"
  ) { conditions in
    for case .etherType(let type) in conditions {
      for condition in conditions {
        switch condition {
        case .ipv4Source, .ipv4Destination:
          if type != 0x0800 { return "EtherType \(hex16(type)) has no IPv4 header" }
        case .ipv6Source, .ipv6Destination:
          if type != 0x86dd { return "EtherType \(hex16(type)) has no IPv6 header" }
        case .ipProtocol, .l4Source, .l4Destination:
          if type != 0x0800, type != 0x86dd { return "EtherType \(hex16(type)) has no IP header" }
        default: continue
        }
      }
    }
    return nil
  }

  static let ruleProtocolMismatch = impossible(
    "rule-port-mismatch", "a rule asks for ports of protocols that have them",
    meaning: "TCP, UDP and SCTP begin with two ports; the other protocols have none.",
    repair: "take the ports out, or choose tcp, udp or sctp",
    source: "RFC 9293, RFC 768, RFC 9260",
    example: .init(rules: when("ip.proto: icmp, l4.dst: 80")),
    fix: "remove the port"
  ) { conditions in
    let hasPorts = conditions.contains {
      switch $0 {
      case .l4Source, .l4Destination: true
      default: false
      }
    }
    for case .ipProtocol(let number) in conditions
    where hasPorts && ![6, 17, 132].contains(number) {
      return "IP protocol \(number) has no ports"
    }
    return nil
  }

  static let ruleVersionMismatch = impossible(
    "rule-icmp-mismatch", "a rule asks for the ICMP of its addresses' version",
    meaning:
      "ICMP is protocol 1 in IPv4, and ICMPv6 is 58 in IPv6; neither is carried by the other.",
    repair: "choose icmp with IPv4 and icmpv6 with IPv6",
    source: "RFC 792, RFC 4443",
    example: .init(rules: when("ipv6.dst: \"fd00::1\", ip.proto: icmp")),
    fix: "choose the other ICMP"
  ) { conditions in
    for case .ipProtocol(let number) in conditions {
      for condition in conditions {
        switch condition {
        case .ipv4Source, .ipv4Destination:
          if number == 58 { return "IPv4 does not carry ICMPv6" }
        case .ipv6Source, .ipv6Destination:
          if number == 1 { return "IPv6 does not carry ICMP" }
        default: continue
        }
      }
    }
    return nil
  }

  static let ruleGroupSource = impossible(
    "rule-group-source", "a rule's source is one sender",
    meaning: """
      Multicast and broadcast addresses stand for many receivers; a frame that claims to come from \
      one is dropped by every host.
      """,
    repair: "compare the destination instead",
    source: "IEEE 802.3, section 3.2.3; RFC 1122, section 3.2.1.3; RFC 4291, section 2.7",
    example: .init(rules: when("ipv4.src: 224.0.0.1")),
    fix: "compare the destination"
  ) { conditions in
    for condition in conditions {
      switch condition {
      case .ethernetSource(let address) where address >> 40 & 1 == 1:
        return "the source is a group of stations"
      case .ipv4Source(let prefix) where prefix.length >= 4 && prefix.address >> 28 == 0xe:
        return "\(prefix) is a multicast address"
      case .ipv4Source(let prefix) where prefix.length == 32 && prefix.address == .max:
        return "\(prefix) is the broadcast address"
      case .ipv6Source(let prefix) where prefix.length >= 8 && prefix.high >> 56 == 0xff:
        return "\(prefix) is a multicast address"
      default: continue
      }
    }
    return nil
  }

  static let ruleLoopback = impossible(
    "rule-loopback", "a rule's address is seen on a wire",
    meaning: "A host never sends frames with addresses of its own inside, 127.0.0.0/8 and ::1.",
    repair: "name the address that the guest has on the network",
    source: "RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3",
    example: .init(rules: when("ipv4.dst: 127.0.0.1")),
    fix: "name the guest's address on the network"
  ) { conditions in
    for condition in conditions {
      switch condition {
      case .ipv4Source(let prefix), .ipv4Destination(let prefix):
        if prefix.length >= 8, prefix.address >> 24 == 127 { return "\(prefix) stays in its host" }
      case .ipv6Source(let prefix), .ipv6Destination(let prefix):
        if prefix.length == 128, prefix.high == 0, prefix.low == 1 {
          return "\(prefix) stays in its host"
        }
      default: continue
      }
    }
    return nil
  }

  static let ruleVLANReserved = impossible(
    "rule-vlan-reserved", "a rule's VLAN is one that stations can be in",
    meaning: """
      VLAN 0 means a priority without a VLAN, and 4095 is kept by the standard: no station is in them.
      """,
    repair: "choose a VLAN from 1 to 4094",
    source: "IEEE 802.1Q, table 9-2",
    example: .init(rules: when("vlan.id: 4095")),
    fix: "choose from 1 to 4094"
  ) { conditions in
    for case .vlan(let number) in conditions where number == 0 || number == 4095 {
      return "VLAN \(number) is reserved"
    }
    return nil
  }

  static let rulePrefixZero = PartitionCheck(
    "rule-prefix-zero", .rules, severity: .warning, "an address condition compares some bits",
    after: ["rule-empty"],
    meaning: """
      A prefix of length 0 compares nothing: the rule takes every frame of the protocol, which \
      `eth.type` says in one word and one smaller key.
      """,
    repair: "write eth.type, or give the prefix a length",
    source: "RFC 4632, section 3.1",
    example: .init(rules: when("ipv4.dst: 0.0.0.0/0"))
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated()
      where rule.conditions?.contains(where: { $0.prefixLength == 0 }) == true {
        findings.add(
          "a prefix in this rule of \(interface.name) has length 0 and compares nothing",
          at: context.span(ClaimPath.ruleConditions(index, item)),
          fixIts: [FixIt("write eth.type: ipv4 or ipv6")])
      }
    }
  }

  // MARK: Spreads

  static let spreadConstant = PartitionCheck(
    "spread-constant", .rules, severity: .warning, "a hash has something to tell frames apart by",
    after: ["rule-empty"],
    meaning: """
      Where the rule fixes every field of the hash, or the frames have none of them, each frame \
      hashes to the same queue and the others stay empty.
      """,
    repair: "take the spread out, or spread by fields that vary",
    source:
      "Linux 6.1, drivers/net/ethernet/freescale/fman/fman_keygen.c: default values of lacking fields",
    example: .init(
      rules: when("ipv4.src: 10.0.0.1, ipv4.dst: 10.0.0.2", ", spread: ip-pair"))
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() {
        guard let spread = rule.spread, let conditions = rule.conditions,
          let reason = constantReason(conditions, spread)
        else { continue }
        findings.add(
          "all frames of this rule of \(interface.name) hash to one queue: \(reason)",
          at: context.span(ClaimPath.ruleSpread(index, item)),
          notes: [
            Note("the conditions are here", at: context.span(ClaimPath.ruleConditions(index, item)))
          ], fixIts: [FixIt("remove the spread")])
      }
    }
  }

  private static func constantReason(
    _ conditions: [MatchCondition], _ spread: FlowRule.Spread
  ) -> String? {
    if case .key(let key) = spread {
      return key.fields.isEmpty && key.bytes.isEmpty ? "it names no field" : nil
    }
    var (source, destination, proto, from, to) = (false, false, false, false, false)
    for condition in conditions {
      switch condition {
      case .etherType(let type) where type != 0x0800 && type != 0x86dd:
        return "EtherType \(hex16(type)) has no IP header"
      case .ipv4Source(let prefix): source = source || prefix.length == 32
      case .ipv4Destination(let prefix): destination = destination || prefix.length == 32
      case .ipv6Source(let prefix): source = source || prefix.length == 128
      case .ipv6Destination(let prefix): destination = destination || prefix.length == 128
      case .ipProtocol: proto = true
      case .l4Source: from = true
      case .l4Destination: to = true
      default: continue
      }
    }
    guard source, destination else { return nil }
    if spread == .addressPair { return "both addresses are fixed" }
    return proto && from && to ? "addresses, protocol and ports are fixed" : nil
  }

  static let spreadCount = PartitionCheck(
    "spread-count", .rules, "a hash spreads over a power of two of queues",
    meaning: """
      KeyGen forms a queue's number by masking the hash: base | (hash & (count - 1)). With another \
      count some queues get nothing and others twice as much, or frames leave the range.
      """,
    repair: "choose a power of two",
    source:
      "Linux 6.1, drivers/net/ethernet/freescale/fman/fman_keygen.c; NXP fmc refuses other counts",
    example: .init(rules: when("ipv4.dst: 10.0.0.1", ", spread: 5-tuple, queues: 100"))
  ) { context, findings in
    context.eachSpreadCount { index, item, count, _ in
      guard count == 0 || count & (count - 1) != 0 else { return }
      var lower: UInt32 = 1
      while lower * 2 <= count, lower < 128 { lower *= 2 }
      let span = context.span(ClaimPath.rule(index, item, key: "queues"))
      findings.add(
        "a rule of \(context.plan.interfaces[index].name) spreads over \(count) queues, which is no "
          + "power of two", at: span,
        notes: [Note("the spread is here", at: context.span(ClaimPath.ruleSpread(index, item)))],
        fixIts: [.replace(span, with: "\(lower)")])
    }
  }

  static let queuesWithoutSpread = PartitionCheck(
    "spread-missing", .rules, "a rule with a number of queues says how to spread",
    meaning: """
      Without fields to hash every frame goes to the first queue; FMC takes such a count and \
      spreads nothing.
      """,
    repair: "add a spread, or take the number of queues out",
    source: "NXP fmc: a count without a key compiles",
    example: .init(rules: when("ipv4.dst: 10.0.0.1", ", queues: 16"))
  ) { context, findings in
    context.eachSpreadCount { index, item, count, spread in
      guard spread == nil, count != 1 else { return }
      findings.add(
        "a rule of \(context.plan.interfaces[index].name) asks for \(count) queues, but not how to "
          + "spread over them",
        at: context.span(ClaimPath.rule(index, item, key: "queues")),
        fixIts: [FixIt("add spread: 5-tuple")])
    }
  }

  static let spreadBlock = PartitionCheck(
    "spread-block", .rules, "a partition owns an aligned block for each spread",
    after: ["spread-count", "unknown-partition", "queue-overlap"],
    meaning: """
      A hash spreads over a block that begins at a multiple of its size. An owned range can be \
      longer than the block and still hold none.
      """,
    repair: "claim a range that begins at a multiple of the count, or spread over fewer queues",
    source:
      "Linux 6.1, drivers/net/ethernet/freescale/fman/fman_keygen.c; dpaa_eth.c takes 256 to align 128",
    example: .init(
      guest: ["queues": "520-639"],
      rules: when("ipv4.dst: 10.0.0.1", ", spread: 5-tuple, queues: 128"))
  ) { context, findings in
    var largest: [Int: UInt32] = [:]
    context.eachSpreadCount { index, item, count, spread in
      guard spread != nil, count > 0, count & (count - 1) == 0,
        let owner = context.plan.interfaces[index].rules[item].to.flatMap({ context.indices[$0] }),
        case .exactly(let owned) = context.plan.partitions[owner].queues, !owned.isEmpty
      else { return }
      // A block holds one of every smaller size; asked once for a partition, however many rules.
      let fits = largest[owner] ?? owned.largestAlignedBlock
      largest[owner] = fits
      guard fits < count else { return }
      findings.add(
        "\(context.name(owner)) owns \(owned.brief), in which no block of \(count) begins at a "
          + "multiple of \(count)",
        at: context.span(ClaimPath.rule(index, item, key: "queues")),
        notes: [Note("its queues are here", at: context.span(ClaimPath.queues(owner)))],
        fixIts: [FixIt("spread over \(fits) queues")])
    }
  }
}

extension QueueRange {
  /// The first run of `count` queues, a power of two, that begins at a multiple of it.
  func alignedBlock(of count: UInt32) -> QueueRange? {
    let base = (UInt64(first.rawValue) + UInt64(count) - 1) & ~(UInt64(count) - 1)
    guard base + UInt64(count) <= UInt64(first.rawValue) + UInt64(self.count) else { return nil }
    return QueueRange(first: FQID(UInt32(base)), count: count)
  }
}

extension [QueueRange] {
  /// The largest power of two of which some range holds a block that begins at a multiple of it.
  fileprivate var largestAlignedBlock: UInt32 {
    var size: UInt32 = 1
    for range in self {
      while size < 1 << 24, range.alignedBlock(of: size * 2) != nil { size *= 2 }
    }
    return size
  }
}

extension PlanContext {
  /// Calls for every rule whose conditions an earlier rule of its interface has too.
  ///
  /// - Complexity: O(*n*) in the rules.
  fileprivate func eachRepeatedRule(_ body: (_ interface: Int, _ item: Int, _ earlier: Int) -> Void)
  {
    for (index, interface) in plan.interfaces.enumerated() {
      var first: [Set<MatchCondition>: Int] = [:]
      for (item, rule) in interface.rules.enumerated() {
        guard let conditions = rule.conditions, !conditions.isEmpty else { continue }
        let key = Set(conditions)
        if let earlier = first[key] { body(index, item, earlier) } else { first[key] = item }
      }
    }
  }

  fileprivate func eachSpreadCount(
    _ body: (_ interface: Int, _ item: Int, _ count: UInt32, _ spread: FlowRule.Spread?) -> Void
  ) {
    for (index, interface) in plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() {
        if let count = rule.spreadQueues { body(index, item, count, rule.spread) }
      }
    }
  }
}

/// `0x0806`
private func hex16(_ number: UInt16) -> String {
  let digits = String(number, radix: 16)
  return "0x" + String(repeating: "0", count: 4 - digits.count) + digits
}
