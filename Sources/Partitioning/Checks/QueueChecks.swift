import Diagnostics
import QorIQ

/// Checks of frame queues.
extension PartitionCheck {
  static let queueOverlap = PartitionCheck(
    "queue-overlap", .queues, "a frame queue belongs to one partition",
    meaning: """
      QMan lets every portal enqueue to every queue and knows no owner. Where two partitions \
      use one queue, each gets frames of the other, and the first one that retires it stops \
      both.
      """,
    repair: "claim queues that nobody has",
    source: """
      Linux 6.1, drivers/soc/fsl/qbman/qman.c; shipped once in four boards of Freescale's \
      hv-cfg (fixed in b479663)
      """,
    example: .init(guest: ["queues": "500-700"])
  ) { context, findings in
    let claims = context.queueClaims
    let sweep = OverlapSweep(claims.map { .init($0.owner, $0.resource) })
    guard !sweep.meetings.isEmpty else { return }
    var gaps = QueueGaps(usable: context.board.qman.usableQueues, claims: claims.map(\.resource))
    for meeting in sweep.meetings {
      let (earlier, later) = (claims[meeting.earlier], claims[meeting.later])
      guard let common = later.resource.intersection(earlier.resource) else { continue }
      let (name, other) = (context.name(later.owner), context.name(earlier.owner))
      let span = context.span(later)
      let message =
        later.owner == earlier.owner
        ? "\(name) claims frame queues \(later.resource) and \(earlier.resource), which overlap"
        : "\(name) claims frame queues \(later.resource), but \(other) already owns "
          + "\(earlier.resource)"
      let queues = common.count == 1 ? "1 queue" : "\(common.count) queues"
      findings.add(
        message, at: span, label: "\(queues) in common: \(common)",
        notes: [Note("\(other) claims \(earlier.resource) here", at: context.span(earlier))]
          + meeting.notes,
        fixIts: [
          gaps.take(later.resource.count, from: FQID(earlier.resource.last.rawValue + 1))
            .map { offer in
              let words = "give \(name) \(offer), which \(offer.count == 1 ? "is" : "are") free"
              return span.map { FixIt(words, replacing: $0, with: "\(offer: offer)") }
                ?? FixIt(words)
            } ?? FixIt("no \(later.resource.count) queues in a row are free: claim fewer")
        ])
    }
    findings.omit(sweep)
  }

  static let queueRange = PartitionCheck(
    "queue-range", .queues, "a frame queue that is claimed exists",
    meaning: """
      A queue lives in a 64-byte descriptor; numbers behind the descriptors' memory do not \
      exist, and 0 means no queue. QMan answers a command for them with an error.
      """,
    repair: "claim queues that exist, or give QMan more descriptor memory in the board",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman_ccsr.c: memory / 64",
    example: .init(guest: ["queues": "65500-65600"])
  ) { context, findings in
    let usable = context.board.qman.usableQueues
    for claim in context.queueClaims where !usable.contains(claim.resource) {
      let reason = { () -> String in
        claim.resource.first == 0
          ? "queue 0 means no queue" : "\(context.board.name) has \(usable)"
      }
      findings.add(
        "\(context.name(claim.owner)) claims frame queues \(claim.resource), but \(reason())",
        at: context.span(claim),
        fixIts: [
          claim.resource.intersection(usable).map { part in
            let words = "claim \(part)"
            return context.span(claim).map { FixIt(words, replacing: $0, with: "\(offer: part)") }
              ?? FixIt(words)
          } ?? FixIt("choose from \(usable)")
        ])
    }
  }

  static let queuesExhausted = PartitionCheck(
    "queues-exhausted", .queues, "a number of queues that is asked for is free in a row",
    after: ["queue-overlap", "queue-range"],
    meaning: """
      A number of queues is taken in a row, because a hash spreads over consecutive ones, and \
      no gap between the exact claims is long enough.
      """,
    repair: "ask for fewer, or move an exact claim",
    source: "Linux 6.1, drivers/net/ethernet/freescale/fman/fman_keygen.c",
    example: .init(guest: ["queues": "65500"])
  ) { context, findings in
    // Each number for itself: where all of them go together, the planner finds out, with the lock.
    let gaps = QueueGaps(
      usable: context.board.qman.usableQueues, claims: context.queueClaims.map(\.resource))
    let longest = gaps.longest
    for (index, wish) in context.partitions {
      guard case .count(let count) = wish.queues, count > longest else { continue }
      findings.add(
        "\(wish.name) asks for \(count) frame queues in a row, but at most \(longest) of "
          + "\(gaps.total) free ones are",
        at: context.span(ClaimPath.queues(index)),
        notes: context.queueClaims.prefix(16).map { claim in
          Note(
            "\(context.name(claim.owner)) claims \(claim.resource) here", at: context.span(claim))
        },
        fixIts: [FixIt("ask for \(longest)")])
    }
  }

  static let queueShortage = PartitionCheck(
    "queue-shortage", .queues, "a partition owns enough queues for its paths",
    after: [
      "queue-overlap", "unknown-partition", "unknown-interface", "empty-claim", "spread-block",
    ],
    meaning: """
      Every way by which frames reach and leave a partition takes a queue of its own, and an \
      offline port takes one more.
      """,
    repair: "give the partition more queues",
    source: "a decision of this project",
    example: .init(
      guest: ["queues": "512-514"], rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let queues = wish.queues else { continue }
      let paths = context.traffic.paths[index]
      let hops = context.traffic.hopCount(of: index)
      let needed = QueueLayout.minimum(paths: paths, hops: hops)
      let owned =
        switch queues {
        case .count(let count): Int(count)
        case .exactly(let ranges): ranges.reduce(0) { $0 + Int($1.count) }
        }
      guard owned < needed else { continue }
      var notes = paths.map { path in
        switch path.target {
        case .interface(let interface):
          Note(
            "\(path.name) needs two: to receive and to transmit",
            at: context.span(ClaimPath.interface(interface)))
        case .link(let link, _):
          Note(
            "the link with \(path.name) needs two: to receive and to transmit",
            at: context.span(ClaimPath.link(link)))
        }
      }
      notes += context.traffic.hops.filter { $0.receivingOwner == index }.map { hop in
        Note(
          "\(context.plan.interfaces[hop.interface].name) needs one to its offline port",
          at: context.span(ClaimPath.interface(hop.interface)))
      }
      findings.add(
        "\(wish.name) needs \(needed) frame queues for its paths, but owns \(owned)",
        at: context.span(ClaimPath.queues(index)), notes: notes,
        fixIts: [FixIt("give \(wish.name) at least \(needed) queues")])
    }
  }
}

extension DefaultStringInterpolation {
  /// A range as a plan writes it: a single queue as `101-101`, because a bare number is a count.
  fileprivate mutating func appendInterpolation(offer range: QueueRange) {
    appendInterpolation("\(range.first)-\(range.last)")
  }
}
