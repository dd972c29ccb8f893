import Diagnostics
import QorIQ

/// Checks of single values in rules that no frame on a wire has, and of what a hash is left with.
extension PartitionCheck {
  static let ruleValueChecks = [
    ruleUnspecified, ruleControl, ruleTypeLength, ruleTypeTag, ruleSelfAddressed, spreadNarrow,
    spreadFew, spreadKeyLength, spreadExtractions,
  ]

  private static func when(_ conditions: String, _ more: String = "") -> [String] {
    ["{ when: {\(conditions)}, to: guest1\(more) }"]
  }

  static let ruleUnspecified = impossible(
    "rule-unspecified", "a rule's destination is an address that somebody can have",
    meaning: """
      The address of zeros stands for no station: a host uses it as its source before it has one, and \
      nobody sends to it.
      """,
    repair: "write the guest's address, or compare the source",
    source: "RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.2",
    example: .init(rules: when("ipv4.dst: 0.0.0.0")),
    fix: "write the guest's address"
  ) { conditions in
    for condition in conditions {
      switch condition {
      case .ethernetDestination(0), .ethernetSource(0):
        return "no station has the MAC address of zeros"
      case .ipv4Destination(let prefix) where prefix.length == 32 && prefix.address == 0:
        return "nobody has the address \(prefix)"
      case .ipv6Destination(let prefix)
      where prefix.length == 128 && prefix.high == 0 && prefix.low == 0:
        return "nobody has the address \(prefix)"
      default: continue
      }
    }
    return nil
  }

  static let ruleControl = impossible(
    "rule-mac-control", "a rule asks for frames that a MAC hands on",
    meaning: """
      Pause frames and their like are between the two MACs of a wire: the receiving one obeys them \
      and gives none to the classifier.
      """,
    repair: "take the rule out",
    source: "IEEE 802.3, annex 31B: PAUSE is between MAC control sublayers",
    example: .init(rules: when("eth.type: 0x8808")), fix: "take the rule out"
  ) { conditions in
    for condition in conditions {
      switch condition {
      case .etherType(0x8808): return "the MAC keeps frames of EtherType 0x8808"
      case .ethernetDestination(0x0180_c200_0001): return "the MAC keeps pause frames"
      default: continue
      }
    }
    return nil
  }

  static let ruleTypeLength = impossible(
    "rule-type-length", "a rule's EtherType is a type and no length",
    meaning: """
      Up to 0x05dc the field says how long the frame is, and up to 0x05ff nothing; which protocol the \
      frame bears is somewhere else.
      """,
    repair: "choose a type from 0x0600 on",
    source: "IEEE 802.3, section 3.2.6", example: .init(rules: when("eth.type: 0x0100")),
    fix: "choose a type from 0x0600 on"
  ) { conditions in
    for case .etherType(let type) in conditions where type < 0x0600 {
      return "0x\(String(type, radix: 16)) is no EtherType but a length"
    }
    return nil
  }

  static let ruleTypeTag = impossible(
    "rule-type-tag", "a rule's EtherType is not the one of a VLAN tag",
    meaning: """
      The type that is compared stands behind all tags, so it is never that of a tag itself.
      """,
    repair: "compare vlan.id",
    source: "NXP fmc, etc/fmc/config/hxs_pdl_v3.xml: a tag belongs to the protocol vlan",
    example: .init(rules: when("eth.type: 0x8100")), fix: "compare vlan.id"
  ) { conditions in
    for case .etherType(let type) in conditions where [0x8100, 0x88a8, 0x9100].contains(type) {
      return "0x\(String(type, radix: 16)) begins a VLAN tag, and the type behind it is compared"
    }
    return nil
  }

  static let ruleSelfAddressed = impossible(
    "rule-self-addressed", "a rule's source and destination are two stations",
    meaning: """
      A station does not send to itself over the wire; frames that claim it are forged, and every \
      host drops them.
      """,
    repair: "correct one of the two addresses",
    source: "RFC 1122, section 3.2.1.3; IEEE 802.3, section 3.2.3",
    example: .init(rules: when("ipv4.src: 10.0.0.1, ipv4.dst: 10.0.0.1")),
    fix: "correct one of the two"
  ) { conditions in
    for condition in conditions {
      switch condition {
      case .ethernetSource(let address) where conditions.contains(.ethernetDestination(address)):
        return "the frame's two MAC addresses are one"
      case .ipv4Source(let prefix)
      where prefix.length == 32 && conditions.contains(.ipv4Destination(prefix)):
        return "\(prefix) would send to itself"
      case .ipv6Source(let prefix)
      where prefix.length == 128 && conditions.contains(.ipv6Destination(prefix)):
        return "\(prefix) would send to itself"
      default: continue
      }
    }
    return nil
  }

  static let spreadNarrow = PartitionCheck(
    "spread-narrow", .rules, severity: .warning,
    "a hash has as many values as it has queues",
    after: ["spread-count"],
    meaning: """
      The rule leaves so few addresses open that there are fewer kinds of frames than queues; the \
      other queues stay empty for ever.
      """,
    repair: "spread over fewer queues",
    source: "Linux 6.1, drivers/net/ethernet/freescale/fman/fman_keygen.c",
    example: .init(
      rules: when("ipv4.src: 10.0.0.0/30, ipv4.dst: 10.1.0.1", ", spread: ip-pair, queues: 16"))
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() {
        guard let queues = rule.spreadQueues, let spread = rule.spread,
          let bits = rule.conditions.flatMap({ openBits($0, spread) }), bits > 0, bits < 7,
          1 << bits < queues
        else { continue }
        let span = context.span(ClaimPath.rule(index, item, key: "queues"))
        findings.add(
          "this rule of \(interface.name) spreads over \(queues) queues, but its conditions leave "
            + "\(1 << bits) pairs of addresses",
          at: span,
          notes: [
            Note("the conditions are here", at: context.span(ClaimPath.ruleConditions(index, item)))
          ], fixIts: [.replace(span, with: "\(1 << bits)")])
      }
    }
  }

  static let spreadKeyLength = PartitionCheck(
    "spread-key-long", .rules, "what a spread hashes fits in KeyGen's key",
    meaning: """
      KeyGen gathers what it hashes in a key of 56 bytes. A frame whose fields are more has an error \
      instead of a hash.
      """,
    repair: "hash fewer fields or bytes",
    source: "NXP SDK kernel, fman/Peripherals/FM/Pcd/fm_kg.h: a key has 56 bytes",
    example: .init(
      rules: when(
        "ipv6.dst: \"fd00::1\"",
        ", spread: {fields: [eth.dst, eth.src, ip.src, ip.dst], bytes: [ {at: 54, size: 8}, "
          + "{at: 62, size: 8} ]}"))
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() {
        guard let count = rule.spread?.hashKey.byteCount, count > HashKey.byteLimit else {
          continue
        }
        findings.add(
          "a rule of \(interface.name) hashes \(count) bytes, with IPv6 addresses, of which a key has "
            + "\(HashKey.byteLimit)",
          at: context.span(ClaimPath.ruleSpread(index, item)),
          fixIts: [FixIt("leave out \(count - HashKey.byteLimit) bytes")])
      }
    }
  }

  static let spreadExtractions = PartitionCheck(
    "spread-extractions", .rules, "a spread takes no more bytes by place than KeyGen can",
    meaning: "A scheme has eight registers for bytes that are taken by their place in the frame.",
    repair: "join bytes that are neighbours, or hash fewer",
    source: "Linux 6.1, drivers/net/ethernet/freescale/fman/fman_keygen.c: kgse_gec[8]",
    example: .init(
      rules: when(
        "ipv4.dst: 10.0.0.1",
        ", spread: {bytes: [ {at: 26}, {at: 27}, {at: 28}, {at: 29}, {at: 30}, {at: 31}, {at: 32}, "
          + "{at: 33}, {at: 23} ]}"))
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() {
        guard let count = rule.spread?.hashKey.bytes.count, count > HashKey.extractionLimit else {
          continue
        }
        findings.add(
          "a rule of \(interface.name) takes bytes from \(count) places, but a scheme has "
            + "\(HashKey.extractionLimit) registers for that",
          at: context.span(ClaimPath.ruleSpread(index, item)),
          fixIts: [FixIt("join bytes that are neighbours")])
      }
    }
  }

  /// How many bits of a hash's fields some conditions leave open; `nil` where that is not known, or
  /// many.
  private static func openBits(
    _ conditions: [MatchCondition], _ spread: FlowRule.Spread
  ) -> Int? {
    if case .key = spread { return nil }
    var (source, destination): (Int?, Int?) = (nil, nil)
    var fixed = (proto: false, from: false, to: false)
    for condition in conditions {
      switch condition {
      case .ipv4Source(let prefix): source = 32 - Int(prefix.length)
      case .ipv4Destination(let prefix): destination = 32 - Int(prefix.length)
      case .ipv6Source(let prefix): source = 128 - Int(prefix.length)
      case .ipv6Destination(let prefix): destination = 128 - Int(prefix.length)
      case .ipProtocol: fixed.proto = true
      case .l4Source: fixed.from = true
      case .l4Destination: fixed.to = true
      default: continue
      }
    }
    guard let source, let destination else { return nil }
    guard spread == .addressPair || (fixed.proto && fixed.from && fixed.to) else { return nil }
    return source + destination
  }

  static let spreadFew = PartitionCheck(
    "spread-few", .rules, severity: .warning, "a spread reaches every portal of its partition",
    after: [
      "spread-count", "spread-missing", "empty-claim", "unknown-partition", "unknown-interface",
    ],
    meaning: """
      A queue is served by one portal. With fewer queues than portals, and no other way by which \
      frames come, some CPUs never get one.
      """,
    repair: "spread over at least as many queues as there are portals, or ask for fewer portals",
    source: "Linux 6.1, drivers/net/ethernet/freescale/dpaa/dpaa_eth.c: queues go round the CPUs",
    example: .init(
      guest: ["portals": "4"],
      rules: when("ipv4.dst: 10.0.0.1", ", spread: 5-tuple, queues: 2"), links: nil)
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      var most: [Int: (queues: UInt32, item: Int)] = [:]
      for (item, rule) in interface.rules.enumerated() where rule.spread != nil {
        guard let owner = rule.to.flatMap({ context.indices[$0] }) else { continue }
        // A spread without a number takes what there is.
        let queues = rule.spreadQueues ?? .max
        if queues > most[owner]?.queues ?? 0 { most[owner] = (queues, item) }
      }
      for (owner, widest) in most.sorted(by: { $0.value.item < $1.value.item }) {
        let wish = context.plan.partitions[owner]
        guard let portals = wish.portals?.count, Int(widest.queues) < portals, widest.queues > 1,
          context.traffic.paths[owner].count == 1, wish.poolChannels == nil
        else { continue }
        var enough = 2
        while enough < portals { enough *= 2 }
        let span = context.span(ClaimPath.rule(index, widest.item, key: "queues"))
        findings.add(
          "\(wish.name) receives in \(widest.queues) queues, but has \(portals) portals", at: span,
          notes: [Note("its portals are here", at: context.span(ClaimPath.portals(owner)))],
          fixIts: [.replace(span, with: "\(enough)")])
      }
    }
  }
}
