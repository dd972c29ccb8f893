import Diagnostics
import QorIQ

/// Checks of who is served before whom.
extension PartitionCheck {
  static let workQueueChecks = [
    workQueueUnpoliced, linkStrict, responseLate, errorStrict,
  ]

  static let workQueueUnpoliced = PartitionCheck(
    "work-queue-unpoliced", .channels, severity: .warning,
    "what a rule puts before everything else has a rate",
    after: ["unknown-policer"],
    meaning: """
      Work queues 0 and 1 have no weight: as long as a frame waits there, nothing behind them is \
      served. Whoever sends enough frames of the rule's kind silences the rest of the partition.
      """,
    repair: "name a policer that drops what is too much, or choose a work queue from 2 to 7",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman_ccsr.c: WQ_CS_CFG has weights for 2 to 7 only",
    example: .init(rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, work-queue: 0 }"])
  ) { context, findings in
    func add(_ what: String, _ queue: WorkQueue, _ path: String) {
      let span = context.span(path)
      findings.add(
        "\(what) on work queue \(queue) go before everything else, and no policer limits them",
        at: span, fixIts: [.replace(span, with: "2")])
    }
    for (index, interface) in context.plan.interfaces.enumerated() {
      if let queue = interface.workQueue, queue < 2, interface.policer == nil {
        add(
          "\(interface.name)'s frames", queue, ClaimPath.interface(index, key: "work-queue"))
      }
      for (item, rule) in interface.rules.enumerated() {
        guard let queue = rule.workQueue, queue < 2, (rule.policer ?? interface.policer) == nil
        else { continue }
        add(
          "the frames of this rule of \(interface.name)", queue,
          ClaimPath.rule(index, item, key: "work-queue"))
      }
    }
  }

  static let linkStrict = PartitionCheck(
    "link-strict", .channels, severity: .warning,
    "a link does not come before everything else",
    meaning: """
      A peer that sends as fast as it can would keep everything else of the receiver waiting, and no \
      policer stands in a link.
      """,
    repair: "choose a work queue from 2 to 7 for the link",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman_ccsr.c: WQ_CS_CFG has weights for 2 to 7 only",
    example: .init(links: "[ {between: [host, guest1], work-queue: 0} ]")
  ) { context, findings in
    for (index, link) in context.plan.links.enumerated() {
      guard let queue = link.workQueue, queue < 2 else { continue }
      findings.add(
        "frames between \(link.first) and \(link.second) on work queue \(queue) go before "
          + "everything else of the two",
        at: context.span(ClaimPath.link(index)), fixIts: [FixIt("write work-queue: 2")])
    }
  }

  static let responseLate = PartitionCheck(
    "work-queue-response", .channels, severity: .warning,
    "an accelerator's results are served before received frames",
    meaning: """
      A result holds the buffers of its request until it is looked at. Behind received frames it \
      waits longest when there is most to do, and new requests find no buffer.
      """,
    repair: "put results on a lower work queue than received frames",
    source: "Linux 6.1, drivers/crypto/caam/qi.c: results on work queue 3; dpaa_eth.c: frames on 6",
    example: .init(guest: ["work-queues": "{sec-response: 7}"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      let receive = wish.workQueues[.receive] ?? QueueRole.receive.usualWorkQueue
      for role in [QueueRole.securityResponse, .patternResponse] {
        guard let queue = wish.workQueues[role], queue > receive else { continue }
        let span = context.span(ClaimPath.workQueue(index, role))
        findings.add(
          "\(wish.name) takes \(role.rawValue) from work queue \(queue), behind received frames on "
            + "\(receive)",
          at: span, fixIts: [.replace(span, with: "\(receive)")])
      }
    }
  }

  static let errorStrict = PartitionCheck(
    "work-queue-error", .channels, severity: .warning,
    "damaged frames do not come before everything else",
    meaning: """
      A bad cable or a hostile sender makes errors without end. Where they are served strictly first, \
      sound frames wait for them.
      """,
    repair: "put errors on a work queue from 2 to 7",
    source: "Linux 6.1, drivers/net/ethernet/freescale/dpaa/dpaa_eth.c: errors on work queue 5",
    example: .init(guest: ["work-queues": "{error: 0}"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let queue = wish.workQueues[.error], queue < 2 else { continue }
      let span = context.span(ClaimPath.workQueue(index, .error))
      findings.add(
        "\(wish.name) takes errors from work queue \(queue), which is served before all others",
        at: span, fixIts: [.replace(span, with: "\(QueueRole.error.usualWorkQueue)")])
    }
  }
}
