import Diagnostics
import QorIQ

/// Checks of the rules that lead into chains.
extension PartitionCheck {
  static let chainUseChecks = [
    chainPacket, chainWishes, chainIdle, chainRoom, chainMainline,
  ]

  static let chainPacket = PartitionCheck(
    "chain-packet", .accelerators, "only IP packets go into SEC",
    after: ["unknown-chain"],
    meaning: """
      The frame's Ethernet header stays behind and SEC gets the IP packet. A frame in which the parser finds \
      no sound IP header, such as ARP, has none.
      """,
    repair: "match an IPv4 or IPv6 address or `ip.proto`",
    source: offlinePortSource,
    example: .init(
      guest: chained("out: {by: sec}"),
      rules: ["{ when: {vlan.id: 7}, to: guest1, through: out }"])
  ) { context, findings in
    for use in context.chainUses {
      guard let (index, item) = context.chain(of: use),
        context.plan.partitions[index].chains?[item].kind == .sec,
        let conditions = context.plan.interfaces[use.interface].rules[use.rule].conditions,
        !conditions.contains(where: \.impliesPacket)
      else { continue }
      findings.add(
        "a rule leads through \(use.name) to SEC, but may take frames that have no IP header",
        at: context.span(ClaimPath.ruleConditions(use.interface, use.rule)),
        notes: [Note("the chain is here", at: context.span(ClaimPath.chain(index, item)))],
        fixIts: [FixIt("add ipv4.dst, ipv6.dst or ip.proto")])
    }
  }

  static let chainWishes = PartitionCheck(
    "chain-wishes", .accelerators, "a rule into a chain says nothing of queues",
    after: ["unknown-chain"],
    meaning: """
      A chain has one queue into its accelerator, which its owner puts into service with the work queue and \
      the congestion group of its choice. What was received into it cannot be spread, copied or dropped.
      """,
    repair: "take the key out of the rule",
    source: "Linux 6.1, drivers/crypto/caam/qi.c: who has the descriptor initialises the queue",
    example: .init(
      guest: chained("out: {by: sec}"),
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, through: out, spread: 5-tuple }"])
  ) { context, findings in
    for use in context.chainUses {
      let rule = context.plan.interfaces[use.interface].rules[use.rule]
      for key in rule.queueKeys {
        findings.add(
          "a rule leads through \(use.name), where \(key) means nothing",
          at: context.span(ClaimPath.rule(use.interface, use.rule, key: key))
            ?? context.span(ClaimPath.rule(use.interface, use.rule)),
          notes: [
            Note(
              "it leads there here",
              at: context.span(ClaimPath.rule(use.interface, use.rule, key: "through")))
          ], fixIts: [FixIt(key == "to" ? "name one partition" : "take \(key) out")])
      }
    }
  }

  static let chainIdle = PartitionCheck(
    "chain-idle", .accelerators, severity: .warning, "some rule leads into every chain",
    after: ["unknown-chain"],
    meaning: "Two queues, and perhaps an offline port, are kept for frames that never come.",
    repair: "add a rule with `through`, or take the chain out",
    source: "a decision of this project",
    example: .init(guest: chained("out: {by: sec}"))
  ) { context, findings in
    let used = Set(
      context.chainUses.compactMap { use in
        context.chain(of: use).map { "\($0.index) \($0.item)" }
      })
    // What could not be read may lead there.
    guard context.plan.isWhole else { return }
    for (index, item, chain) in context.chains where !used.contains("\(index) \(item)") {
      findings.add(
        "no rule leads through \(context.name(index))'s chain \(chain.name)",
        at: context.span(ClaimPath.chain(index, item)),
        fixIts: [FixIt("write through: \(chain.name) in a rule, or take the chain out")])
    }
  }

  static let chainMainline = PartitionCheck(
    "mainline-chain", .trees, "a chain's owner has software that puts its queue into service",
    meaning: """
      Mainline Linux allocates the queues of its drivers for SEC itself and initialises no others: the \
      chain's frames would be refused for ever.
      """,
    repair: "take the chain out, or write another os",
    source: "Linux 6.1, drivers/crypto/caam/qi.c: create_caam_req_fq",
    example: .init(
      guest: [
        "os": "linux-mainline", "portals": "3", "queues": "512-1023", "congestion-groups": "5",
        "pool-channels": "1", "accelerators": "{ sec: {} }", "chains": "{ out: {by: sec} }",
        "pools": "[ {buffers: 256, size: 2 KiB}, {buffers: 256, size: 1 KiB} ]",
      ], rules: ["{ when: {ip.proto: 50}, to: guest1, through: out }"])
  ) { context, findings in
    for (index, item, chain) in context.chains
    where context.plan.partitions[index].os == .linuxMainline {
      findings.add(
        "\(context.name(index)) runs mainline Linux, which does not know its chain \(chain.name)",
        at: context.span(ClaimPath.chain(index, item)),
        notes: [Note("its os is here", at: context.span(ClaimPath.os(index)))],
        fixIts: [FixIt("take the chain out, or write linux-sdk or bare")])
    }
  }

  /// The most that SEC makes a packet longer: an IPv6 header, the header and vector of ESP, padding for blocks
  /// of 16 bytes and the tag (RFC 4303, RFC 3602, RFC 4868).
  private static let tunnelBytes: UInt64 = 40 + 8 + 16 + 17 + 16

  static let chainRoom = PartitionCheck(
    "chain-room", .buffers, severity: .warning, "a buffer holds the longest answer of SEC",
    after: ["unknown-chain", "unknown-interface", "pool-size", "pool-missing"],
    meaning: """
      SEC takes one buffer for an answer, of the pool that the descriptor names. A packet grows in a tunnel; one \
      that does not fit comes back with an error.
      """,
    repair: "enlarge the buffers, or lower the interface's mtu",
    source: "RFC 4303; Linux 6.1, drivers/crypto/caam/desc.h: the pool in the descriptor's header",
    example: .init(
      guest: chained("out: {by: sec}", pools: "[ {buffers: 256, size: 1600} ]"), rules: [intoChain],
      links: nil)
  ) { context, findings in
    var told: Set<String> = []
    for use in context.chainUses {
      guard let (index, item) = context.chain(of: use),
        context.plan.partitions[index].chains?[item].kind == .sec,
        let largest = context.plan.partitions[index].pools?.map(\.bufferSize).max(),
        told.insert("\(index) \(use.interface)").inserted
      else { continue }
      let mtu = UInt64(context.plan.interfaces[use.interface].mtu ?? 1500)
      let needed = mtu + tunnelBytes + 64
      guard largest < needed else { continue }
      findings.add(
        "\(context.name(index))'s largest buffers of \(largest) bytes do not hold what SEC may make of "
          + "\(mtu) bytes from \(context.plan.interfaces[use.interface].name)",
        at: context.span(ClaimPath.pools(index)),
        notes: [
          Note("the chain is here", at: context.span(ClaimPath.chain(index, item)))
        ], fixIts: [FixIt("give the buffers \(needed) bytes or more")])
    }
  }
}

extension RuleWish {
  /// What it says of queues, further receivers or nobody, by key.
  fileprivate var queueKeys: [String] {
    var keys: [String] = []
    if drops || !copies.isEmpty { keys.append("to") }
    if spread != nil { keys.append("spread") }
    if spreadQueues != nil { keys.append("queues") }
    if workQueue != nil { keys.append("work-queue") }
    if congestionGroup != nil { keys.append("congestion-group") }
    return keys
  }
}

extension MatchCondition {
  /// Whether only frames match in which the parser finds a sound IP header.
  fileprivate var impliesPacket: Bool {
    switch self {
    case .ipv4Source, .ipv4Destination, .ipv6Source, .ipv6Destination, .ipProtocol: true
    default: false
    }
  }
}
