import Diagnostics
import QorIQ

/// Checks of pool channels and work queues.
extension PartitionCheck {
  static let poolChannelRange = PartitionCheck(
    "pool-channel-range", .channels, "a pool channel that is claimed exists",
    meaning: """
      Pool channels begin at 0x21 on QMan 1 and at 0x401 on QMan 3. A number of the other kind is \
      some port's channel, or none.
      """,
    repair: "choose from the board's pool channels",
    source: "Linux 6.1, include/soc/fsl/qman.h: QMAN_CHANNEL_POOL1 and QMAN_CHANNEL_POOL1_REV3",
    example: .init(guest: ["pool-channels": "[ 0x401 ]"])
  ) { context, findings in
    let all = context.board.qman.poolChannels
    for claim in context.poolChannelClaims
    where !all.contains(ChannelID(UInt16(claim.resource))) {
      let range =
        "\(all.first.map(\.description) ?? "none")-\(all.last.map(\.description) ?? "none")"
      findings.add(
        "\(context.name(claim.owner)) claims pool channel 0x\(String(claim.resource, radix: 16)), but "
          + "\(context.board.name) has \(range)",
        at: claim.span, fixIts: [FixIt("choose from \(range)")])
    }
  }

  static let poolChannelOverlap = PartitionCheck(
    "pool-channel-overlap", .channels, "a pool channel belongs to one partition",
    meaning: """
      Every portal that serves a pool channel takes frames from it: those of one partition would be \
      dequeued by the other.
      """,
    repair: "give one of them another pool channel",
    source: "Linux 6.1, include/soc/fsl/qman.h (QM_SDQCR_CHANNELS_POOL)",
    example: .init(
      host: ["pool-channels": "[ 0x21, 0x22 ]"], guest: ["pool-channels": "[ 0x22 ]"])
  ) { context, findings in
    findings.addRepeated(
      context.poolChannelClaims, kind: "pool channel", in: context,
      all: context.board.qman.poolChannels.map { Int($0.rawValue) })
  }

  static let poolChannelSingle = PartitionCheck(
    "pool-channel-single", .channels, severity: .warning,
    "a pool channel is served by several portals",
    after: ["empty-claim"],
    meaning: """
      A pool channel spreads frames over portals. With one portal its dedicated channel does the \
      same, and the pool channel is one of fifteen for everybody.
      """,
    repair: "take the pool channel out, or ask for more portals",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman_ccsr.c: 15 pool channels",
    example: .init(guest: ["portals": "1", "pool-channels": "1"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let channels = wish.poolChannels, channels.count > 0, wish.portals?.count == 1 else {
        continue
      }
      findings.add(
        "\(wish.name) asks for \(channels.count) pool channel\(channels.count == 1 ? "" : "s"), but "
          + "has one portal",
        at: context.span(ClaimPath.poolChannels(index)),
        notes: [Note("the portal is here", at: context.span(ClaimPath.portals(index)))],
        fixIts: [FixIt("remove pool-channels")])
    }
  }

  static let poolChannelsMany = PartitionCheck(
    "pool-channels-exhausted", .channels, "all partitions ask for no more pool channels than exist",
    after: ["pool-channel-range", "pool-channel-overlap"],
    meaning: "There are 15 pool channels for everybody together, 3 on QMan 2.",
    repair: "ask for fewer",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman_ccsr.c",
    example: .init(host: ["pool-channels": "8"], guest: ["pool-channels": "8"])
  ) { context, findings in
    findings.addShortage(
      of: "pool channels",
      wishes: context.partitions.compactMap { index, wish in
        wish.poolChannels.map { (index, $0.count, context.span(ClaimPath.poolChannels(index))) }
      }, available: context.board.qman.poolChannels.count, in: context)
  }

  static let congestionGroupsExhausted = PartitionCheck(
    "congestion-groups-exhausted", .congestion,
    "all partitions ask for no more congestion groups than exist",
    after: ["congestion-group-range", "congestion-group-overlap"],
    meaning: "There are 256 groups for everybody together, 64 on QMan 2.",
    repair: "ask for fewer",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman_ccsr.c",
    example: .init(host: ["congestion-groups": "200"], guest: ["congestion-groups": "100"])
  ) { context, findings in
    findings.addShortage(
      of: "congestion groups",
      wishes: context.partitions.filter { !$0.wish.congestionGroups.isEmpty }.map { index, wish in
        (
          index, wish.congestionGroups.count, context.span(ClaimPath.congestionGroups(index))
        )
      }, available: context.board.qman.congestionGroupCount, in: context)
  }

  static let strictReceive = PartitionCheck(
    "work-queue-strict", .channels, severity: .warning,
    "what the wire brings does not come before everything else",
    meaning: """
      Work queues 0 and 1 are served strictly first. A flood of received frames there keeps \
      confirmations and errors waiting for ever, and with them their buffers.
      """,
    repair: "receive on work queue 2 to 7",
    source: "Linux 6.1, dpaa_eth.c: received frames on work queue 6, confirmations on 1",
    example: .init(guest: ["work-queues": "{receive: 0}"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let queue = wish.workQueues[.receive], queue < 2 else { continue }
      let span = context.span(ClaimPath.workQueue(index, .receive))
      findings.add(
        "\(wish.name) receives on work queue \(queue), which is served before all others", at: span,
        fixIts: [.replace(span, with: "6")])
    }
  }

  static let confirmLate = PartitionCheck(
    "work-queue-confirm", .channels, severity: .warning,
    "confirmations are served before received frames",
    meaning: """
      A confirmation brings a buffer back. Behind received frames it waits longest when buffers are \
      scarcest, and the pool runs dry.
      """,
    repair: "confirm on a lower work queue than receive",
    source: "Linux 6.1, dpaa_eth.c: confirmations on work queue 1, received frames on 6",
    example: .init(guest: ["work-queues": "{confirm: 7}"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let confirm = wish.workQueues[.confirm] else { continue }
      let receive = wish.workQueues[.receive] ?? QueueRole.receive.usualWorkQueue
      guard confirm > receive else { continue }
      let span = context.span(ClaimPath.workQueue(index, .confirm))
      findings.add(
        "\(wish.name) confirms on work queue \(confirm), behind received frames on \(receive)",
        at: span,
        notes: wish.workQueues[.receive] == nil
          ? []
          : [
            Note(
              "received frames are here", at: context.span(ClaimPath.workQueue(index, .receive)))
          ],
        fixIts: [.replace(span, with: "1")])
    }
  }
}

extension PlanContext {
  /// Pool channels that the plan names.
  var poolChannelClaims: [Claim<Int>] {
    partitions.flatMap { index, wish in
      (wish.poolChannels?.elements ?? []).enumerated().map { item, channel in
        Claim(
          owner: index, resource: Int(channel.rawValue),
          path: { ClaimPath.poolChannel(index, item) }, in: self)
      }
    }
  }

  /// Congestion groups that the plan names.
  var congestionGroupClaims: [Claim<Int>] {
    congestionGroups.compactMap { index, item, group in
      group.id.map {
        Claim(
          owner: index, resource: Int($0),
          path: { ClaimPath.congestionGroupID(index, item) }, in: self)
      }
    }
  }
}
