import Diagnostics
import QorIQ

/// Checks of congestion groups against the frames that come into them.
extension PartitionCheck {
  static let congestionUseChecks = [
    tailDropFrame, tailDropBurst, notifyUnmarked, earlyDropRange, earlyDropUnreached, earlyDropGone,
  ]

  private static func rule(_ more: String = "") -> [String] {
    ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0\(more) }"]
  }

  static let tailDropFrame = PartitionCheck(
    "tail-drop-frame", .congestion, severity: .warning, "a tail drop is larger than a frame",
    after: ["tail-drop-zero", "unknown-partition", "unknown-interface"],
    meaning: """
      One waiting frame makes the group congested, and the next is refused: the queues hold one frame \
      however many there are.
      """,
    repair: "choose a threshold of many frames",
    source: "Linux 6.1, drivers/net/ethernet/freescale/dpaa/dpaa_eth.c: 96 MiB for 1 Gbit/s",
    example: .init(guest: ["congestion-groups": "[ {tail-drop: 1 KiB} ]"], rules: rule())
  ) { context, findings in
    let feeds = context.congestionFeeds
    for (index, item, group) in context.congestionGroups where group.counting == .bytes {
      guard let drop = group.tailDrop, drop > 0,
        let feed = feeds[[index, item]]?.max(by: {
          context.largestFrame(of: $0.interface) < context.largestFrame(of: $1.interface)
        })
      else { continue }
      let largest = context.largestFrame(of: feed.interface)
      guard drop < largest else { continue }
      let span = context.span(ClaimPath.tailDrop(index, item))
      findings.add(
        "\(context.name(index))'s congestion group \(item) refuses frames above \(byteCount(drop)), "
          + "but one frame of \(context.plan.interfaces[feed.interface].name) has up to \(largest)",
        at: span,
        notes: [
          Note(
            "the frames come in by this rule",
            at: context.span(ClaimPath.rule(feed.interface, feed.item)))
        ], fixIts: [.replace(span, with: "64 KiB")])
    }
  }

  static let tailDropBurst = PartitionCheck(
    "tail-drop-burst", .congestion, severity: .warning,
    "a queue holds the burst that its policer allows",
    after: ["tail-drop-zero", "unknown-partition", "unknown-policer"],
    meaning: """
      The policer colours a whole committed burst green, and behind it the group refuses the end of \
      the same burst.
      """,
    repair: "raise the tail drop above the committed burst, or lower the burst",
    source: "RFC 2698, section 3; Linux 6.1, include/soc/fsl/qman.h (struct __qm_mc_cgr)",
    example: .init(
      guest: ["congestion-groups": "[ {tail-drop: 32 KiB} ]"], rules: rule(", policer: gold"),
      more: [PlanExample.gold()])
  ) { context, findings in
    let policers = context.policerPlaces
    let feeds = context.congestionFeeds
    for (index, item, group) in context.congestionGroups {
      guard let drop = group.tailDrop, drop > 0 else { continue }
      var told: Set<Int> = []
      for feed in feeds[[index, item]] ?? [] {
        guard let place = feed.policer.flatMap({ policers[$0] }),
          context.plan.policers[place].counting == group.counting,
          context.plan.policers[place].committedBurst > drop, told.insert(place).inserted
        else { continue }
        let policer = context.plan.policers[place]
        let unit = group.counting == .frames ? "frames" : "bytes"
        findings.add(
          "\(context.name(index))'s congestion group \(item) refuses frames above \(drop) \(unit), "
            + "but \(policer.name) lets \(policer.committedBurst) pass at once",
          at: context.span(ClaimPath.tailDrop(index, item)),
          notes: [
            Note(
              "the burst is here",
              at: context.span(ClaimPath.policer(place, key: "committed-burst"))),
            Note(
              "the frames come in by this rule",
              at: context.span(ClaimPath.rule(feed.interface, feed.item))),
          ], fixIts: [FixIt("drop above \(policer.committedBurst) \(unit) or more")])
      }
    }
  }

  static let notifyUnmarked = PartitionCheck(
    "notify-unmarked", .congestion, severity: .warning,
    "a group that tells of congestion has a mark for it",
    after: ["unknown-notified"],
    meaning: """
      A group becomes congested when it passes its threshold, which is what `tail-drop` sets. Without \
      one its state never changes, and nobody is ever told.
      """,
    repair: "add a tail drop, or take `notify` out",
    source: "Linux 6.1, include/soc/fsl/qman.h: cs_thres and cscn_en of struct __qm_mc_cgr",
    example: .init(
      guest: ["congestion-groups": "[ {notify: [host]} ]"], rules: rule())
  ) { context, findings in
    for (index, item, group) in context.congestionGroups
    where !group.notify.isEmpty && group.tailDrop == nil {
      findings.add(
        "\(context.name(index))'s congestion group \(item) tells \(group.notify.joined(separator: ", "))"
          + " of congestion, but has no threshold",
        at: context.span(ClaimPath.congestionGroup(index, item)),
        fixIts: [FixIt("add tail-drop: 64 KiB")])
    }
  }

  static let earlyDropRange = PartitionCheck(
    "wred-range", .congestion, "an early drop's end fits into its field",
    meaning: """
      The end of a curve is stored as 8 bits and a shift of up to 31, its slope as a part of it; a \
      larger number would be cut off and the curve would end somewhere else.
      """,
    repair: "let the curve end at 255 * 2^31 or below",
    source: "Linux 6.1, include/soc/fsl/qman.h (struct qm_cgr_wr_parm): MaxTH = MA * 2^Mn",
    example: .init(
      guest: [
        "congestion-groups": "[ {wred: { green: {from: 16 KiB, to: 600 GiB, drop: 10%} }} ]"
      ],
      rules: rule())
  ) { context, findings in
    let most: UInt64 = 255 << 31
    for (index, item, colour, curve) in context.earlyDrops where curve.end > most {
      findings.add(
        "\(context.name(index))'s early drop of \(colour.rawValue) frames ends at \(curve.end), but "
          + "its field holds \(most)",
        at: context.span(ClaimPath.earlyDrop(index, item, colour)),
        fixIts: [FixIt("end at \(most) or below")])
    }
  }

  static let earlyDropUnreached = PartitionCheck(
    "wred-unreached", .congestion, severity: .warning,
    "an early drop begins before the pools are empty",
    after: ["wred-backwards", "wred-range"],
    meaning: """
      All buffers of the partition together hold less than where the curve begins, so no frame is \
      ever dropped early.
      """,
    repair: "let the curve begin below what the pools hold",
    source: "a decision of this project",
    example: .init(
      guest: [
        "congestion-groups": "[ {wred: { green: {from: 1 MiB, to: 2 MiB, drop: 10%} }} ]"
      ],
      rules: rule())
  ) { context, findings in
    for (index, item, colour, curve) in context.earlyDrops {
      let counting = context.plan.partitions[index].congestionGroups[item].counting
      guard let held = context.heldByPools(of: index, counting: counting), curve.start > held else {
        continue
      }
      let unit = counting == .frames ? "frames" : "bytes"
      findings.add(
        "\(context.name(index))'s early drop of \(colour.rawValue) frames begins at \(curve.start) "
          + "\(unit), but its pools hold \(held)",
        at: context.span(ClaimPath.earlyDrop(index, item, colour)),
        notes: [Note("its pools are here", at: context.span(ClaimPath.pools(index)))],
        fixIts: [FixIt("begin at \(held / 4) \(unit)")])
    }
  }

  static let earlyDropGone = PartitionCheck(
    "wred-colour-gone", .congestion, severity: .warning,
    "a colour that is dropped early has not been dropped before",
    after: ["unknown-partition", "unknown-policer"],
    meaning: """
      The policer drops frames of the colour before they come to a queue, so the curve for them acts \
      on none.
      """,
    repair: "take the curve out, or let the policer pass the colour",
    source: "NXP fmlib, include/fmd/Peripherals/fm_pcd_ext.h: next engine for each colour",
    example: .init(
      guest: [
        "congestion-groups": "[ {wred: { red: {from: 16 KiB, to: 64 KiB, drop: 10%} }} ]"
      ],
      rules: rule(", policer: gold"), more: [PlanExample.gold()])
  ) { context, findings in
    let policers = context.policerPlaces
    let feeds = context.congestionFeeds
    for (index, item, colour, _) in context.earlyDrops where colour != .green {
      // Frames that no policer sees are green.
      let named = Set((feeds[[index, item]] ?? []).compactMap(\.policer))
      let places = named.compactMap { policers[$0] }.sorted()
      guard let first = places.first, places.count == named.count,
        places.allSatisfy({ context.plan.policers[$0].drops.contains(colour) })
      else { continue }
      findings.add(
        "\(context.name(index)) drops \(colour.rawValue) frames early in its group \(item), but "
          + "\(context.plan.policers[first].name) has dropped all of them before",
        at: context.span(ClaimPath.earlyDrop(index, item, colour)),
        notes: [
          Note(
            "what it drops is here", at: context.span(ClaimPath.policer(first, key: "drop")))
        ], fixIts: [FixIt("take \(colour.rawValue) out of wred, or out of the policer's drop")])
    }
  }
}

extension PlanContext {
  /// A rule whose frames come into a congestion group.
  struct CongestionFeed {
    var interface: Int
    var item: Int
    /// The policer that they pass.
    var policer: String?
  }

  /// The rules that feed each congestion group, by its partition and its place there.
  var congestionFeeds: [[Int]: [CongestionFeed]] {
    var feeds: [[Int]: [CongestionFeed]] = [:]
    for (index, interface) in plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() {
        guard let group = rule.congestionGroup else { continue }
        for owner in rule.receivers.compactMap({ indices[$0] }) {
          feeds[[owner, group], default: []].append(
            CongestionFeed(interface: index, item: item, policer: rule.policer ?? interface.policer)
          )
        }
      }
    }
    return feeds
  }

  /// Where each policer stands, by name.
  var policerPlaces: [String: Int] {
    Dictionary(
      plan.policers.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// How much all buffers of a partition hold, in bytes or frames; `nil` where it has none.
  func heldByPools(of index: Int, counting: CountingMode) -> UInt64? {
    guard let pools = plan.partitions[index].pools, !pools.isEmpty else { return nil }
    return pools.reduce(UInt64(0)) { sum, pool in
      sum + UInt64(pool.bufferCount) * (counting == .frames ? 1 : min(pool.bufferSize, 1 << 16))
    }
  }
}
