import Diagnostics
import QorIQ

/// Checks of chains: frames that go from an interface into an accelerator, and its answers on from there.
extension PartitionCheck {
  static let chainChecks = [
    unknownChain, chainAccelerator, chainWay, chainAnswers, chainHeader, chainScan,
    chainQueues,
  ]

  /// Keys of a partition with one chain.
  static func chained(
    _ chain: String, roles: String = "", pools: String = "[ {buffers: 256, size: 2 KiB} ]"
  ) -> PlanExample.Keys {
    [
      "pools": pools,
      "accelerators": "{ sec: {}, pme: {patterns: { web: {find: [ {text: cmd.exe} ]} }} }",
      "chains": "{ \(chain) }", "roles": roles,
    ]
  }
  static let intoChain = "{ when: {ipv4.dst: 10.0.0.1}, to: guest1, through: out }"
  static let offlinePortSource =
    "NXP SDK, dpaa_capwap_domain.c: receive port, SEC, offline port and transmit port in a row"

  static let unknownChain = PartitionCheck(
    "unknown-chain", .accelerators, "a rule's chain is one of its partition's",
    after: ["unknown-partition"],
    meaning: "Frames go into a partition's chain by a queue of that partition's.",
    repair: "describe the chain under the partition's `chains`, or correct the name",
    source: "a decision of this project",
    example: .init(
      guest: chained("out: {by: sec}"),
      rules: [intoChain, "{ when: {ipv4.dst: 10.0.0.2}, to: guest1, through: uot }"])
  ) { context, findings in
    for use in context.chainUses {
      guard let owner = use.owner, let chains = context.plan.partitions[owner].chains,
        !chains.contains(where: { $0.name == use.name })
      else { continue }
      let span = context.span(ClaimPath.rule(use.interface, use.rule, key: "through"))
      findings.add(
        "a rule leads through \(use.name), but \(context.name(owner)) has no chain of that name",
        at: span,
        notes: [
          Note("\(context.name(owner)) stands here", at: context.span(ClaimPath.partition(owner)))
        ], fixIts: context.spelling(of: use.name, among: chains.map(\.name), at: span))
    }
  }

  static let chainAccelerator = PartitionCheck(
    "chain-accelerator", .accelerators, "a chain's accelerator is one that its partition uses",
    meaning: """
      What the accelerator is to do comes of its owner: descriptors for SEC, which a pair of queues and a \
      portal bring there, patterns for PME, and the share that the owner has beside others.
      """,
    repair: "add the accelerator to the partition's `accelerators`",
    source: "a decision of this project",
    example: .init(guest: ["chains": "{ out: {by: sec} }"], rules: [intoChain])
  ) { context, findings in
    for (index, item, chain) in context.chains {
      guard let kind = chain.kind,
        !context.plan.partitions[index].accelerators.contains(where: { $0.kind == kind })
      else { continue }
      let name = kind.rawValue
      findings.add(
        "\(context.name(index))'s chain \(chain.name) goes through \(name), which it does not use",
        at: context.span(ClaimPath.chain(index, item)),
        notes: [
          Note("\(context.name(index)) stands here", at: context.span(ClaimPath.partition(index)))
        ], fixIts: [FixIt("write accelerators: { \(name): {} } beside it")])
    }
  }

  static let chainWay = PartitionCheck(
    "chain-way", .accelerators, "answers leave by an interface that their partition has part in",
    after: ["unknown-interface", "unknown-partition"],
    meaning: """
      A partition transmits on an interface by a queue of its own there, which it has when a rule or \
      `otherwise` of that interface names it.
      """,
    repair: "choose another interface, or give the partition some of that interface's frames",
    source: "Linux 6.1, include/soc/fsl/qman.h: a queue has one destination channel",
    example: .init(
      guest: chained("out: {by: sec, answers: fm1-10g1, \(header)}"), rules: [intoChain])
  ) { context, findings in
    for (index, item, chain) in context.chains {
      guard let answers = chain.answers else { continue }
      let paths = context.traffic.paths[index]
      guard !paths.contains(where: { $0.isInterface(answers) }) else { continue }
      let ways = paths.filter { $0.isInterface($0.name) }.map(\.name)
      let span = context.span(ClaimPath.chain(index, item, key: "answers"))
      findings.add(
        "\(context.name(index))'s chain \(chain.name) answers to \(answers), on which it sends "
          + "nothing", at: span,
        notes: [
          Note("\(context.name(index)) stands here", at: context.span(ClaimPath.partition(index)))
        ],
        fixIts: ways.isEmpty
          ? [FixIt("give \(context.name(index)) frames of \(answers)")]
          : context.spelling(of: answers, among: ways, at: span))
    }
  }

  private static let header =
    "ethernet: {dst: \"02:00:00:00:00:01\", src: \"02:00:00:00:00:02\"}"

  static let chainAnswers = PartitionCheck(
    "chain-answers", .accelerators, "what an interface sends is what SEC made",
    meaning: """
      PME gives back the frame that it got and notes in its descriptor what was found: who lets it pass or \
      not is software. A port would send it whatever was found.
      """,
    repair: "leave `answers` out, so that the frames come to the partition",
    source: "Freescale SDK, drivers/staging/fsl_pme2: a result is a frame's status and a report",
    example: .init(
      guest: chained("out: {by: pme, scan: web, answers: fm1-10g0, \(header)}"), rules: [intoChain])
  ) { context, findings in
    for (index, item, chain) in context.chains where chain.kind == .pme && chain.answers != nil {
      findings.add(
        "\(context.name(index))'s chain \(chain.name) has an interface send whatever PME looked at",
        at: context.span(ClaimPath.chain(index, item, key: "answers")),
        fixIts: [FixIt("leave answers and ethernet out")])
    }
  }

  static let chainHeader = PartitionCheck(
    "chain-header", .accelerators, "answers have an Ethernet header where an interface sends them",
    after: ["chain-answers"],
    meaning: """
      SEC takes in an IP packet and gives one back. An offline port puts the header in front that the plan \
      says, the same for each packet; answers that come to the partition get none.
      """,
    repair: "write `ethernet` where there is `answers`, and not where there is none",
    source: offlinePortSource,
    example: .init(guest: chained("out: {by: sec, answers: fm1-10g0}"), rules: [intoChain])
  ) { context, findings in
    for (index, item, chain) in context.chains
    where (chain.answers == nil) != (chain.header == nil) && context.isRead(chain) {
      let name = "\(context.name(index))'s chain \(chain.name)"
      if let answers = chain.answers {
        findings.add(
          "\(name) answers to \(answers), but no Ethernet header is said for what is sent there",
          at: context.span(ClaimPath.chain(index, item, key: "answers")),
          fixIts: [FixIt("add ethernet: {dst: …, src: …}")])
      } else {
        findings.add(
          "\(name) has an Ethernet header for answers that no interface sends",
          at: context.span(ClaimPath.chain(index, item, key: "ethernet")),
          fixIts: [FixIt("name the interface under answers, or take ethernet out")])
      }
    }
  }

  static let chainScan = PartitionCheck(
    "chain-scan", .accelerators, "a chain through PME says what to look for",
    after: ["chain-accelerator"],
    meaning: """
      The group of patterns stands in each frame's command, which nobody but the plan writes here. SEC has \
      no patterns.
      """,
    repair: "name one of the partition's groups of patterns under `scan`, with PME only",
    source: "Freescale SDK, include/linux/fsl_pme.h: a scan names its set",
    example: .init(guest: chained("out: {by: pme, scan: webb}"), rules: [intoChain])
  ) { context, findings in
    for (index, item, chain) in context.chains {
      let name = "\(context.name(index))'s chain \(chain.name)"
      let span = context.span(ClaimPath.chain(index, item, key: "scan"))
      switch (chain.kind, chain.group) {
      case (.sec?, .some):
        findings.add(
          "\(name) goes through SEC, which looks for nothing", at: span,
          fixIts: [FixIt("take scan out")])
      case (.pme?, let group):
        let use = context.plan.partitions[index].accelerators.first { $0.kind == .pme }
        let groups = use?.patternGroups.map(\.name) ?? []
        if group.map({ !groups.contains($0) }) ?? context.plan.isWhole {
          findings.add(
            group.map { "\(name) looks for \($0), but there is no such group of patterns" }
              ?? "\(name) does not say what PME is to look for",
            at: span ?? context.span(ClaimPath.chain(index, item)),
            notes: [
              Note("PME's use is here", at: context.span(ClaimPath.accelerator(index, .pme)))
            ],
            fixIts: group.map { context.spelling(of: $0, among: groups, at: span) }
              ?? [
                FixIt(
                  groups.isEmpty
                    ? "add patterns under accelerators, and scan with a group's name"
                    : "write scan with one of \(groups.joined(separator: ", "))")
              ])
        }
      default: break
      }
    }
  }

  static let chainQueues = PartitionCheck(
    "chain-queues", .queues, "roles of chains have a queue for each chain",
    meaning: "Each chain has one queue into its accelerator and one for the answers.",
    repair: "give both roles as many queues as there are chains, or leave them to the planner",
    source: "a decision of this project",
    example: .init(
      guest: chained("out: {by: sec}", roles: "{ chain-request: 2 }"), rules: [intoChain])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let chains = wish.chains else { continue }
      for role in [QueueRole.chainRequest, .chainResponse] {
        guard let count = wish.roles[role]?.queueCount, count != chains.count else { continue }
        findings.add(
          "\(wish.name) has \(count) queue\(count == 1 ? "" : "s") for \(role.rawValue), but "
            + "\(chains.count) chain\(chains.count == 1 ? "" : "s")",
          at: context.span(ClaimPath.role(index, role)),
          notes: chains.indices.prefix(8).map {
            Note("\(chains[$0].name) is one", at: context.span(ClaimPath.chain(index, $0)))
          }, fixIts: [FixIt(chains.isEmpty ? "leave it out" : "give it \(chains.count)")])
      }
    }
  }
}

extension PlanContext {
  /// A rule that leads into a chain.
  struct ChainUse {
    var interface: Int
    var rule: Int
    var name: String
    /// The partition, if there is one of the name.
    var owner: Int?
  }

  /// Every chain, in the plan's order.
  var chains: [(index: Int, item: Int, chain: ChainWish)] {
    partitions.flatMap { index, wish in
      (wish.chains ?? []).enumerated().map { (index, $0, $1) }
    }
  }

  /// Every rule that leads into a chain.
  var chainUses: [ChainUse] {
    plan.interfaces.enumerated().flatMap { index, interface in
      interface.rules.enumerated().compactMap { item, rule in
        rule.through.map {
          ChainUse(
            interface: index, rule: item, name: $0, owner: rule.to.flatMap { indices[$0] })
        }
      }
    }
  }

  /// The chain that a rule leads into: the partition, and its place there.
  func chain(of use: ChainUse) -> (index: Int, item: Int)? {
    guard let owner = use.owner,
      let item = plan.partitions[owner].chains?.firstIndex(where: { $0.name == use.name })
    else { return nil }
    return (owner, item)
  }

  /// Whether all that is said of a chain could be read, as far as that is known.
  fileprivate func isRead(_ chain: ChainWish) -> Bool { chain.kind != nil && plan.isWhole }
}
