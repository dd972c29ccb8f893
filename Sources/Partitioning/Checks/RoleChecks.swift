import Diagnostics
import QorIQ

/// Checks of what queues are for.
extension PartitionCheck {
  static let roleForeign = PartitionCheck(
    "role-foreign", .queues, "a queue with a role is not another partition's",
    meaning: """
      The queue is inside the range that another partition hands out by itself: sooner or later \
      both use it. Freescale shipped four boards with queues of this kind.
      """,
    repair: "choose a queue among the partition's own",
    source: "Freescale's hv-cfg, made in 55ebdfc and corrected in b479663",
    example: .init(guest: ["roles": "{ receive: [0x110-0x112, 0x200-0x201] }"])
  ) { context, findings in
    let roles = context.roleRanges
    let claims = roles.isEmpty ? [] : context.queueClaims
    let sweep = OverlapSweep.meetings(
      of: roles.map { .init($0.index, $0.range) }, with: claims.map { .init($0.owner, $0.resource) }
    ) { $0 != $1 }
    for meeting in sweep.meetings {
      let (index, role, item, range) = roles[meeting.later]
      let claim = claims[meeting.earlier]
      guard let common = range.intersection(claim.resource) else { continue }
      let owner = context.name(claim.owner)
      findings.add(
        "\(context.name(index)) uses \(range) for \(role.rawValue), but \(common) belong to "
          + "\(owner), which owns \(claim.resource)",
        at: context.span(ClaimPath.role(index, role, range: item)),
        notes: [Note("\(owner) claims \(claim.resource) here", at: context.span(claim))]
          + meeting.notes,
        fixIts: [FixIt("choose among \(context.name(index))'s own queues")])
    }
    findings.omit(sweep)
  }

  static let roleOutside = PartitionCheck(
    "role-outside", .queues, "a queue with a role is one of its partition's",
    after: ["role-foreign"],
    meaning: """
      The queue belongs to nobody, so the planner may give it to anybody, and a guest's allocator \
      does not keep it free.
      """,
    repair: "claim the queue too, or choose one that is claimed",
    source: "a decision of this project",
    example: .init(guest: ["roles": "{ receive: 1000-1000 }"])
  ) { context, findings in
    for (index, wish) in context.partitions where wish.roles.values.contains(where: \.isExact) {
      guard case .exactly(let owned) = wish.queues else { continue }
      // The ends that are furthest up among all ranges that begin no later.
      let sorted = owned.sorted { $0.first < $1.first }
      var furthest: [FQID] = []
      for range in sorted { furthest.append(max(range.last, furthest.last ?? 0)) }
      for (role, item, range) in wish.roleRanges {
        let count = sorted.prefixCount { $0.first <= range.first }
        guard count == 0 || furthest[count - 1] < range.last else { continue }
        findings.add(
          "\(wish.name) uses \(range) for \(role.rawValue), but owns \(owned.brief)",
          at: context.span(ClaimPath.role(index, role, range: item)),
          notes: [
            Note("it claims its queues here", at: context.span(ClaimPath.queues(index)))
          ], fixIts: [FixIt("choose among \(owned.brief)")])
      }
    }
  }

  static let roleOverlap = PartitionCheck(
    "role-overlap", .queues, "a queue has one role",
    meaning: """
      A queue has one consumer: frames to send and frames that arrived cannot wait in the same one, \
      as one goes to a port's channel and the other to a portal's.
      """,
    repair: "take different queues for the two roles",
    source: "Linux 6.1, include/soc/fsl/qman.h: a queue has one destination channel",
    example: .init(guest: ["roles": "{ receive: 512-519, transmit: 516-520 }"])
  ) { context, findings in
    let ranges = context.roleRanges
    let sweep = OverlapSweep(ranges.map { .init($0.index, $0.range) }) { $0 == $1 }
    for meeting in sweep.meetings {
      let (earlier, later) = (ranges[meeting.earlier], ranges[meeting.later])
      guard let common = later.range.intersection(earlier.range) else { continue }
      findings.add(
        "\(context.name(later.index)) uses \(common) for \(later.role.rawValue) and for "
          + "\(earlier.role.rawValue)",
        at: context.span(ClaimPath.role(later.index, later.role, range: later.item)),
        notes: [
          Note(
            "for \(earlier.role.rawValue) here",
            at: context.span(ClaimPath.role(earlier.index, earlier.role, range: earlier.item)))
        ] + meeting.notes,
        fixIts: [FixIt("begin \(later.role.rawValue) behind \(earlier.range.last)")])
    }
    findings.omit(sweep)
  }

  static let roleCount = PartitionCheck(
    "role-count", .queues, "all roles together take no more queues than a partition owns",
    after: ["role-overlap", "role-outside", "role-foreign"],
    meaning: "Each role has queues of its own, and there are not enough for all of them.",
    repair: "ask for fewer queues in a role, or claim more",
    source: "a decision of this project",
    example: .init(guest: ["queues": "512-543", "roles": "{ receive: 16, transmit: 20 }"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let queues = wish.queues else { continue }
      let wanted = wish.roles.values.reduce(0) { $0 + $1.queueCount }
      let owned = queues.queueCount
      guard wanted > owned else { continue }
      findings.add(
        "\(wish.name)'s roles take \(wanted) queues, but it owns \(owned)",
        at: context.span(ClaimPath.role(index, wish.roles.keys.sorted().first ?? .receive)),
        notes: [Note("it claims its queues here", at: context.span(ClaimPath.queues(index)))],
        fixIts: [FixIt("claim \(wanted - owned) more")])
    }
  }

  static let transmitShort = PartitionCheck(
    "transmit-short", .queues, "a partition has a queue to transmit on for each of its ways",
    after: ["unknown-partition", "unknown-interface"],
    meaning: """
      A queue leads to one port. Frames for a second port in it would leave by the first.
      """,
    repair: "give the role transmit a queue for each interface and link",
    source: "Linux 6.1, drivers/net/ethernet/freescale/dpaa/dpaa_eth.c: Tx queues of each port",
    example: .init(
      guest: ["roles": "{ transmit: 1 }"],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"])
  ) { context, findings in context.addShort(.transmit, into: &findings) }

  static let receiveShort = PartitionCheck(
    "receive-short", .queues, "a partition has a queue to receive in for each of its ways",
    after: ["unknown-partition", "unknown-interface"],
    meaning: """
      Frames of two ways in one queue cannot be told apart by it, which is what a partition's \
      program goes by.
      """,
    repair: "give the role receive a queue for each interface and link",
    source: "a decision of this project",
    example: .init(
      guest: ["roles": "{ receive: 1 }"],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"])
  ) { context, findings in context.addShort(.receive, into: &findings) }

  static let roleIdle = PartitionCheck(
    "role-idle", .queues, severity: .warning, "something fills the queues of every role",
    after: ["unknown-partition", "unknown-interface"],
    meaning: """
      Confirmations and errors come from network interfaces only; where a partition has none, the \
      queues stay empty for ever.
      """,
    repair: "leave the role out, or give the partition what fills it",
    source: "Linux 6.1, drivers/net/ethernet/freescale/dpaa/dpaa_eth.c",
    example: .init(guest: ["roles": "{ confirm: 2 }"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      let hasInterface = context.traffic.paths[index].contains {
        if case .interface = $0.target { true } else { false }
      }
      for role in wish.roles.keys.sorted() {
        let missing: String? =
          switch role {
          case .confirm, .error: hasInterface ? nil : "no network interface"
          default: nil
          }
        guard let missing else { continue }
        findings.add(
          "\(wish.name) has queues for \(role.rawValue), but \(missing)",
          at: context.span(ClaimPath.role(index, role)),
          notes: [
            Note("\(wish.name) is described here", at: context.span(ClaimPath.partition(index)))
          ], fixIts: [FixIt("leave \(role.rawValue) out")])
      }
    }
  }

  static let responseMissing = PartitionCheck(
    "response-missing", .accelerators, "requests to an accelerator have a queue for the answers",
    meaning: """
      An accelerator enqueues each result to the queue that the request's queue names. Without one \
      the result and its buffers are lost.
      """,
    repair: "give the response role queues too",
    source: "Linux 6.1, drivers/crypto/caam/qi.c: context B is the response queue",
    example: .init(
      guest: [
        "accelerators": "{ sec: {pairs: 2} }", "roles": "{ sec-request: 2, sec-response: 0 }",
      ])
  ) { context, findings in
    for (index, wish, request, response) in context.requestRoles {
      guard let asked = wish.roles[request]?.queueCount, asked > 0,
        let answered = wish.roles[response]?.queueCount, answered == 0
      else { continue }
      findings.add(
        "\(wish.name) has \(asked) queues for \(request.rawValue), but none for the answers",
        at: context.span(ClaimPath.role(index, response)),
        notes: [
          Note("the requests' queues are here", at: context.span(ClaimPath.role(index, request)))
        ], fixIts: [FixIt("give \(response.rawValue) \(asked)")])
    }
  }

  static let responseCount = PartitionCheck(
    "response-count", .accelerators, "there are as many queues for answers as for requests",
    after: ["response-missing"],
    meaning: """
      Requests and answers come in pairs: the answers of two request queues in one queue come in no \
      order that either asker knows.
      """,
    repair: "give both roles the same number of queues",
    source: "Linux 6.1, drivers/crypto/caam/qi.c: a response queue for each context",
    example: .init(
      guest: [
        "accelerators": "{ sec: {pairs: 4} }", "roles": "{ sec-request: 4, sec-response: 2 }",
      ])
  ) { context, findings in
    for (index, wish, request, response) in context.requestRoles {
      guard let asked = wish.roles[request]?.queueCount,
        let answered = wish.roles[response]?.queueCount, answered > 0, asked != answered
      else { continue }
      findings.add(
        "\(wish.name) has \(asked) queues for \(request.rawValue), but \(answered) for "
          + response.rawValue,
        at: context.span(ClaimPath.role(index, response)),
        notes: [
          Note("the requests' queues are here", at: context.span(ClaimPath.role(index, request)))
        ], fixIts: [FixIt("give both \(max(asked, answered))")])
    }
  }

  static let pairCount = PartitionCheck(
    "pair-count", .accelerators, "an accelerator's pairs are as many as its request queues",
    after: ["response-missing", "response-count"],
    meaning: "The plan says two numbers for the same thing, and only one of them can be meant.",
    repair: "make the two numbers agree",
    source: "a decision of this project",
    example: .init(
      guest: [
        "accelerators": "{ sec: {pairs: 3} }", "roles": "{ sec-request: 4, sec-response: 4 }",
      ])
  ) { context, findings in
    for (index, wish, request, _) in context.requestRoles {
      let kind: AcceleratorKind = request == .securityRequest ? .sec : .pme
      guard let asked = wish.roles[request]?.queueCount,
        let use = wish.accelerators.first(where: { $0.kind == kind }), Int(use.pairs) != asked
      else { continue }
      findings.add(
        "\(wish.name) asks for \(use.pairs) pairs of queues to \(kind.rawValue), but has \(asked) "
          + "queues for \(request.rawValue)",
        at: context.span(ClaimPath.accelerator(index, kind)),
        notes: [
          Note("the requests' queues are here", at: context.span(ClaimPath.role(index, request)))
        ], fixIts: [FixIt("ask for \(asked) pairs")])
    }
  }
}

extension PlanContext {
  /// Every exact range of every role, in the plan's order of partitions.
  var roleRanges: [(index: Int, role: QueueRole, item: Int, range: QueueRange)] {
    partitions.flatMap { index, wish in wish.roleRanges.map { (index, $0, $1, $2) } }
  }

  /// The two roles of each accelerator, for each partition.
  fileprivate var requestRoles:
    [(index: Int, wish: PartitionWish, request: QueueRole, response: QueueRole)]
  {
    partitions.flatMap { index, wish in
      [
        (index, wish, QueueRole.securityRequest, QueueRole.securityResponse),
        (index, wish, .patternRequest, .patternResponse),
      ]
    }
  }

  fileprivate func addShort(_ role: QueueRole, into findings: inout Findings) {
    for (index, wish) in partitions {
      guard let count = wish.roles[role]?.queueCount else { continue }
      let paths = traffic.paths[index]
      guard count < paths.count else { continue }
      findings.add(
        "\(wish.name) has \(count) queue\(count == 1 ? "" : "s") for \(role.rawValue), but "
          + "\(paths.count) ways: \(paths.map(\.name).joined(separator: ", "))",
        at: span(ClaimPath.role(index, role)),
        notes: paths.map { path in
          switch path.target {
          case .interface(let interface):
            Note("\(path.name) is shared out here", at: span(ClaimPath.interface(interface)))
          case .link(let link, _): Note("the link is here", at: span(ClaimPath.link(link)))
          }
        }, fixIts: [FixIt("give \(role.rawValue) \(paths.count)")])
    }
  }
}

extension PartitionWish {
  /// Every exact range of every role.
  fileprivate var roleRanges: [(role: QueueRole, item: Int, range: QueueRange)] {
    roles.keys.sorted().flatMap { role in
      (roles[role]?.ranges ?? []).enumerated().map { (role, $0, $1) }
    }
  }
}

extension QueueWish {
  /// Whether it says which queues, and not how many.
  fileprivate var isExact: Bool { !ranges.isEmpty }

  /// How many queues.
  var queueCount: Int {
    switch self {
    case .count(let count): Int(count)
    case .exactly(let ranges): ranges.reduce(0) { $0 + Int($1.count) }
    }
  }
}

extension QueueRole: Comparable {
  /// In the order of their names.
  public static func < (left: QueueRole, right: QueueRole) -> Bool {
    left.rawValue < right.rawValue
  }
}
