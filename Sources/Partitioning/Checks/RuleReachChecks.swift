import Diagnostics
import QorIQ

/// Checks of who is reached by an interface's rules as a whole, and who is not.
extension PartitionCheck {
  static let ruleReachChecks = [
    ruleRedundant, ruleCovered, ruleBroadcast, neighboursElsewhere, arpUnheard, discoveryUnheard,
    ruleAddressDivided,
  ]

  static let ruleRedundant = PartitionCheck(
    "rule-redundant", .rules, severity: .warning, "the last rule differs from `otherwise`",
    after: ["rule-empty", "unknown-partition", "rule-contested"],
    meaning: """
      Frames that the last rule does not take go where it sends those that it takes. It costs an entry \
      and decides nothing.
      """,
    repair: "remove the rule",
    source: "NXP fmc: the on-miss action stands behind the last entry",
    example: .init(rules: [
      "{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }", "{ when: {ipv4.dst: 10.0.0.2}, to: host }",
    ])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      guard let rule = interface.rules.last, let otherwise = interface.otherwise,
        rule.to == otherwise, rule.conditions?.isEmpty == false, rule.spread == nil,
        rule.spreadQueues == nil, rule.copies.isEmpty, rule.policer == nil, rule.workQueue == nil,
        rule.congestionGroup == nil
      else { continue }
      // What an earlier rule takes anyway is reported as that.
      var earlier = RuleShadows()
      for (item, rule) in interface.rules.dropLast().enumerated() {
        earlier.add(rule.conditions ?? [], index: item)
      }
      guard earlier.firstCovering(rule.conditions ?? []) == nil else { continue }
      findings.add(
        "the last rule of \(interface.name) gives to \(otherwise) what it would get anyway",
        at: context.span(ClaimPath.rule(index, interface.rules.count - 1)),
        notes: [
          Note("\(otherwise) gets the rest here", at: context.span(ClaimPath.otherwise(index)))
        ], fixIts: [FixIt("remove the rule")])
    }
  }

  static let ruleCovered = PartitionCheck(
    "rule-covered", .rules, severity: .warning,
    "earlier rules together leave a rule some frames",
    after: ["rule-empty"],
    meaning: """
      No single earlier rule takes all of this one's frames, but several together do: their prefixes \
      fill the rule's own.
      """,
    repair: "remove the rule, or put it first",
    source: "NXP fmc: the first entry that matches decides",
    example: .init(rules: [
      "{ when: {ipv4.dst: 10.0.0.0/25}, to: guest1 }",
      "{ when: {ipv4.dst: 10.0.0.128/25}, to: host }",
      "{ when: {ipv4.dst: 10.0.0.0/24}, to: guest1 }",
    ])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      var taken = TakenPrefixes()
      for (item, rule) in interface.rules.enumerated() {
        guard let conditions = rule.conditions, !conditions.isEmpty else { continue }
        if let cover = conditions.lazy.compactMap({ taken.cover(of: $0) }).first {
          findings.add(
            "this rule of \(interface.name) takes nothing: earlier ones take all of it between them",
            at: context.span(ClaimPath.rule(index, item)),
            notes: [
              Note(
                "the first of them is here", at: context.span(ClaimPath.rule(index, cover.first))),
              Note("the last of them is here", at: context.span(ClaimPath.rule(index, cover.last))),
            ], fixIts: [FixIt("remove it, or put it first")])
        }
        if conditions.count == 1 { taken.insert(conditions[0], by: item) }
      }
    }
  }

  static let ruleBroadcast = PartitionCheck(
    "rule-broadcast", .rules, severity: .warning, "a broadcast is not for one guest alone",
    after: ["rule-empty", "unknown-partition"],
    meaning: """
      Broadcasts ask who has an address. Where a guest gets them, nobody answers for the other \
      partitions behind the interface, and their neighbours never find them.
      """,
    repair: "leave broadcasts to `otherwise`",
    source: "RFC 826; RFC 919; RFC 4291, section 2.7.1",
    example: .init(rules: ["{ when: {eth.dst: \"ff:ff:ff:ff:ff:ff\"}, to: guest1 }"])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      let names = Set(interface.rules.compactMap(\.to) + [interface.otherwise].compactMap { $0 })
      // The first rule with the same conditions takes all.
      var met: Set<Set<MatchCondition>> = []
      for (item, rule) in interface.rules.enumerated() {
        guard let conditions = rule.conditions, conditions.contains(where: \.isBroadcast),
          met.insert(Set(conditions)).inserted, let taker = rule.to, taker != interface.otherwise,
          taker != Plan.hostName, names.count > 1
        else { continue }
        let others = names.filter { $0 != taker }.sorted().joined(separator: ", ")
        findings.add(
          "broadcasts on \(interface.name) go to \(taker) alone, and not to \(others)",
          at: context.span(ClaimPath.rule(index, item)),
          notes: [
            Note("the rest goes here", at: context.span(ClaimPath.otherwise(index)))
          ], fixIts: [FixIt("remove the rule")])
      }
    }
  }

  static let neighboursElsewhere = PartitionCheck(
    "neighbours-elsewhere", .rules, severity: .warning,
    "no guest takes the questions for other partitions' addresses",
    after: ["rule-empty", "unknown-partition"],
    meaning: """
      ARP and neighbour discovery ask for a MAC address before the first packet is sent. The rule \
      gives all of it to one guest, which does not know the others' addresses.
      """,
    repair: "leave ARP and ICMPv6 to `otherwise`, or narrow the rule by address",
    source: "RFC 826; RFC 4861",
    example: .init(rules: [
      "{ when: {ipv4.dst: 10.0.0.1}, to: host }", "{ when: {eth.type: arp}, to: guest1 }",
    ])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      // The first of them takes all, whoever gets it.
      var met: Set<Int> = []
      for (item, rule) in interface.rules.enumerated() {
        guard let version = rule.conditions?.discovery, met.insert(version).inserted,
          let taker = rule.to, taker != interface.otherwise, taker != Plan.hostName,
          let other = interface.rules.firstIndex(where: { other in
            other.to != nil && other.to != taker
              && (other.conditions ?? []).contains { $0.isDestination(version: version) }
          }), let name = interface.rules[other].to
        else { continue }
        let kind = version == 4 ? "ARP" : "neighbour discovery"
        findings.add(
          "\(kind) on \(interface.name) goes to \(taker), but \(name) has an IPv\(version) address "
            + "behind it",
          at: context.span(ClaimPath.rule(index, item)),
          notes: [
            Note("the address is here", at: context.span(ClaimPath.rule(index, other)))
          ], fixIts: [FixIt("remove the rule")])
      }
    }
  }

  static let arpUnheard = PartitionCheck(
    "arp-unheard", .rules, severity: .warning,
    "a Linux guest with an IPv4 address hears ARP",
    after: ["rule-empty", "unknown-partition", "otherwise-missing"],
    meaning: """
      Linux as released asks and answers for its addresses itself. The guest gets the packets for its \
      address, but no ARP: nobody learns its MAC address, and its own questions are answered to \
      somebody else.
      """,
    repair: "let the guest be `otherwise`, or answer for it and give it static neighbours",
    source: "RFC 826; Linux 6.1, net/ipv4/arp.c",
    example: .init(
      guest: [
        "portals": "4", "queues": "1024-2047", "os": "linux-mainline", "congestion-groups": "4",
        "pool-channels": "1",
        "pools": "[ {buffers: 256, size: 2 KiB}, {buffers: 256, size: 2 KiB} ]",
      ],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"])
  ) { context, findings in
    findings.addUnheard(4, "ARP", in: context) {
      $0.discovery == 4 || $0.contains(where: \.isBroadcast)
    }
  }

  static let discoveryUnheard = PartitionCheck(
    "discovery-unheard", .rules, severity: .warning,
    "a Linux guest with an IPv6 address hears neighbour discovery",
    after: ["rule-empty", "unknown-partition", "otherwise-missing"],
    meaning: """
      Who looks for an IPv6 address asks a multicast group made of its last bits (ff02::1:ff00:0/104), \
      which no rule for the address takes. The guest never hears the question, and routers' \
      advertisements neither.
      """,
    repair: "let the guest be `otherwise`, or give it a rule for ip.proto icmpv6",
    source: "RFC 4861, section 7.2; RFC 4291, section 2.7.1; Linux 6.1, net/ipv6/ndisc.c",
    example: .init(
      guest: [
        "portals": "4", "queues": "1024-2047", "os": "linux-mainline", "congestion-groups": "4",
        "pool-channels": "1",
        "pools": "[ {buffers: 256, size: 2 KiB}, {buffers: 256, size: 2 KiB} ]",
      ],
      rules: ["{ when: {ipv6.dst: \"fd00::1\"}, to: guest1 }"])
  ) { context, findings in
    findings.addUnheard(6, "neighbour discovery", in: context) {
      $0.discovery == 6 || $0.contains(where: \.reachesGroups)
    }
  }

  static let ruleAddressDivided = PartitionCheck(
    "rule-address-divided", .rules, severity: .warning,
    "one address is one partition's at every interface",
    after: ["rule-empty", "unknown-partition"],
    meaning: """
      Two partitions answer to one address at two interfaces. Which of them a sender reaches depends \
      on the way that its frames take, and the answers contradict each other.
      """,
    repair: "correct one of the two rules",
    source: "RFC 826; RFC 5227, section 1",
    example: """
      board: p4080ds
      partitions:
        host: { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 256-511, pools: [ {buffers: 256, size: 2 KiB} ] }
        guest1: { cpus: 4-5, memory: 512 MiB, portals: 2, queues: 512-767, pools: [ {buffers: 256, size: 2 KiB} ] }
        guest2: { cpus: 6-7, memory: 512 MiB, portals: 2, queues: 768-1023, pools: [ {buffers: 256, size: 2 KiB} ] }
      interfaces:
        fm1-10g0:
          rules:
            - { when: {ipv4.dst: 10.0.0.1}, to: guest1 }
          otherwise: host
        fm2-10g0:
          rules:
            - { when: {ipv4.dst: 10.0.0.1}, to: guest2 }
          otherwise: host

      """
  ) { context, findings in
    var first: [MatchCondition: (interface: Int, item: Int, owner: String)] = [:]
    for (index, interface) in context.plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() {
        guard let owner = rule.to, let conditions = rule.conditions, conditions.count == 1,
          conditions[0].isStation
        else { continue }
        guard let earlier = first[conditions[0]] else {
          first[conditions[0]] = (index, item, owner)
          continue
        }
        guard earlier.interface != index, earlier.owner != owner else { continue }
        let other = context.plan.interfaces[earlier.interface].name
        findings.add(
          "an address is \(owner)'s at \(interface.name), but \(earlier.owner)'s at \(other)",
          at: context.span(ClaimPath.ruleConditions(index, item)),
          notes: [
            Note(
              "it is \(earlier.owner)'s here",
              at: context.span(ClaimPath.ruleConditions(earlier.interface, earlier.item)))
          ], fixIts: [FixIt("correct one of the two")])
      }
    }
  }
}

extension [MatchCondition] {
  /// The version of IP whose questions for MAC addresses these conditions take, all of them.
  fileprivate var discovery: Int? {
    switch Set(self) {
    case [.etherType(0x0806)]: 4
    case [.ipProtocol(58)], [.ipProtocol(58), .etherType(0x86dd)]: 6
    default: nil
    }
  }
}

extension MatchCondition {
  /// Whether it is a destination that stands for everybody.
  fileprivate var isBroadcast: Bool {
    switch self {
    case .ethernetDestination(let address): address == 0xffff_ffff_ffff
    case .ipv4Destination(let prefix): prefix.length == 32 && prefix.address == .max
    case .ipv6Destination(let prefix):
      prefix.length == 128 && prefix.high == 0xff02 << 48 && prefix.low == 1
    default: false
    }
  }

  /// Whether it is a destination in this version of IP.
  fileprivate func isDestination(version: Int) -> Bool {
    switch self {
    case .ipv4Destination: version == 4
    case .ipv6Destination: version == 6
    default: false
    }
  }

  /// Whether it is the destination of one station.
  fileprivate var isStation: Bool {
    switch self {
    case .ethernetDestination(let address): address >> 40 & 1 == 0
    case .ipv4Destination(let prefix):
      prefix.length == 32 && prefix.address >> 28 != 0xe && prefix.address != .max
    case .ipv6Destination(let prefix): prefix.length == 128 && prefix.high >> 56 != 0xff
    default: false
    }
  }
}

extension MatchCondition {
  /// Whether it is a destination among which are multicast groups, as neighbour discovery uses.
  fileprivate var reachesGroups: Bool {
    switch self {
    case .ethernetDestination(let address): address >> 40 & 1 == 1
    case .ipv6Destination(let prefix): prefix.length == 0 || prefix.high >> 56 == 0xff
    default: false
    }
  }
}

extension Findings {
  /// Reports the guests with an address of a version of IP at an interface whose questions for MAC
  /// addresses go to somebody else.
  fileprivate mutating func addUnheard(
    _ version: Int, _ what: String, in context: PlanContext,
    unless isThoughtOf: ([MatchCondition]) -> Bool
  ) {
    for (index, interface) in context.plan.interfaces.enumerated() {
      // Where a rule takes the questions, the plan has thought of them.
      guard let otherwise = interface.otherwise,
        !interface.rules.contains(where: { isThoughtOf($0.conditions ?? []) })
      else { continue }
      var told: Set<String> = []
      for (item, rule) in interface.rules.enumerated() {
        guard let name = rule.to, name != otherwise, let owner = context.indices[name],
          context.plan.partitions[owner].os == .linuxMainline,
          (rule.conditions ?? []).contains(where: { $0.isDestination(version: version) }),
          told.insert(name).inserted
        else { continue }
        add(
          "\(name) has an IPv\(version) address behind \(interface.name), but \(what) goes to "
            + otherwise,
          at: context.span(ClaimPath.rule(index, item)),
          notes: [
            Note("the rest goes here", at: context.span(ClaimPath.otherwise(index))),
            Note("\(name) runs Linux as released", at: context.span(ClaimPath.os(owner))),
          ], fixIts: [FixIt("write otherwise: \(name)")])
      }
    }
  }
}
