import Diagnostics
import QorIQ

/// Checks of congestion groups: thresholds, curves and who uses them.
extension PartitionCheck {
  private static let cgrSource = "Linux 6.1, include/soc/fsl/qman.h (struct __qm_mc_cgr)"

  static let congestionGroupRange = PartitionCheck(
    "congestion-group-range", .congestion, "a congestion group that is claimed exists",
    meaning: "QMan has a fixed number of groups; a command for another one is refused.",
    repair: "choose a group that exists",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman_ccsr.c: 256 groups, 64 on QMan 2",
    example: .init(
      guest: ["congestion-groups": "[ {id: 256, tail-drop: 64 KiB} ]"],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0 }"])
  ) { context, findings in
    findings.addMissing(
      context.congestionGroupClaims, kind: "congestion group", in: context,
      existing: Array(0..<context.board.qman.congestionGroupCount))
  }

  static let congestionGroupOverlap = PartitionCheck(
    "congestion-group-overlap", .congestion, "a congestion group belongs to one partition",
    meaning: """
      A group counts everything in its queues: one partition's backlog would make the other's frames \
      be dropped.
      """,
    repair: "give one of them another group",
    source: cgrSource,
    example: .init(
      host: ["congestion-groups": "[ {id: 3, tail-drop: 64 KiB} ]"],
      guest: ["congestion-groups": "[ {id: 3, tail-drop: 64 KiB} ]"],
      rules: [
        "{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0 }",
        "{ when: {ipv4.dst: 10.0.0.2}, to: host, congestion-group: 0 }",
      ])
  ) { context, findings in
    findings.addRepeated(
      context.congestionGroupClaims, kind: "congestion group", in: context,
      all: Array(0..<context.board.qman.congestionGroupCount))
  }

  static let congestionGroupIdle = PartitionCheck(
    "congestion-group-idle", .congestion, severity: .warning, "a congestion group does something",
    meaning: "A group without tail drop, early drop or anybody to tell only counts.",
    repair: "give it a threshold, or take it out",
    source: cgrSource,
    example: .init(
      guest: ["congestion-groups": "[ {} ]"],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0 }"])
  ) { context, findings in
    for (index, item, group) in context.congestionGroups
    where group.tailDrop == nil && group.earlyDrop.isEmpty && group.notify.isEmpty
      && context.saysWhat(index, item)
    {
      findings.add(
        "\(context.name(index))'s congestion group \(item) has no tail drop, no early drop and "
          + "nobody to tell",
        at: context.span(ClaimPath.congestionGroup(index, item)),
        fixIts: [FixIt("add tail-drop: 1 MiB")])
    }
  }

  static let congestionGroupUnused = PartitionCheck(
    "congestion-group-unused", .congestion, severity: .warning, "some queue joins each group",
    after: ["unknown-partition"],
    meaning: "A group that no queue joins counts nothing, and its thresholds are never reached.",
    repair: "name the group in a rule, or take it out",
    source: cgrSource,
    example: .init(guest: ["congestion-groups": "[ {tail-drop: 64 KiB} ]"])
  ) { context, findings in
    var used: Set<[Int]> = []
    for interface in context.plan.interfaces {
      for rule in interface.rules {
        guard let group = rule.congestionGroup else { continue }
        for owner in rule.receivers.compactMap({ context.indices[$0] }) {
          used.insert([owner, group])
        }
      }
    }
    for (index, item, _) in context.congestionGroups
    where !used.contains([index, item]) && context.saysWhat(index, item) {
      findings.add(
        "no rule puts queues into \(context.name(index))'s congestion group \(item)",
        at: context.span(ClaimPath.congestionGroup(index, item)),
        fixIts: [FixIt("add congestion-group: \(item) to a rule for \(context.name(index))")])
    }
  }

  static let tailDropZero = PartitionCheck(
    "tail-drop-zero", .congestion, "a tail drop lets something through",
    meaning: "With a threshold of 0 the group is congested as soon as a frame waits.",
    repair: "choose a threshold above 0",
    source: cgrSource,
    example: .init(
      guest: ["congestion-groups": "[ {tail-drop: 0} ]"],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0 }"])
  ) { context, findings in
    for (index, item, group) in context.congestionGroups where group.tailDrop == 0 {
      let span = context.span(ClaimPath.tailDrop(index, item))
      findings.add(
        "\(context.name(index))'s congestion group \(item) refuses every frame", at: span,
        fixIts: [.replace(span, with: "1 MiB")])
    }
  }

  static let tailDropRange = PartitionCheck(
    "tail-drop-range", .congestion, "a threshold fits into its field",
    meaning: """
      A threshold is stored as 8 bits and a shift of up to 31; anything larger would be cut off.
      """,
    repair: "choose at most 255 * 2^31",
    source: "Linux 6.1, include/soc/fsl/qman.h (qm_cgr_cs_thres_set64)",
    example: .init(
      guest: ["congestion-groups": "[ {tail-drop: 600 GiB} ]"],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0 }"])
  ) { context, findings in
    let most: UInt64 = 255 << 31
    for (index, item, group) in context.congestionGroups {
      guard let drop = group.tailDrop, drop > most else { continue }
      let span = context.span(ClaimPath.tailDrop(index, item))
      findings.add(
        "\(context.name(index))'s congestion group \(item) has a threshold of \(drop), but its "
          + "field holds \(most)",
        at: span, fixIts: [.replace(span, with: "\(most)")])
    }
  }

  static let tailDropUnreached = PartitionCheck(
    "tail-drop-unreached", .congestion, severity: .warning,
    "a tail drop comes before the pools are empty",
    after: ["tail-drop-range"],
    meaning: """
      All buffers of the partition together hold less than the threshold: its pools run dry first, \
      and then frames of everybody who uses them are dropped, not the backlog's only.
      """,
    repair: "choose a threshold below what the pools hold",
    source: "a decision of this project",
    example: .init(
      guest: ["congestion-groups": "[ {tail-drop: 1 MiB} ]"],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0 }"])
  ) { context, findings in
    for (index, item, group) in context.congestionGroups {
      guard let drop = group.tailDrop,
        let held = context.heldByPools(of: index, counting: group.counting)
      else { continue }
      guard drop > held else { continue }
      let unit = group.counting == .frames ? "frames" : "bytes"
      findings.add(
        "\(context.name(index))'s congestion group \(item) drops above \(drop) \(unit), but its "
          + "pools hold \(held)",
        at: context.span(ClaimPath.tailDrop(index, item)),
        notes: [Note("its pools are here", at: context.span(ClaimPath.pools(index)))],
        fixIts: [FixIt("drop above \(held / 2) \(unit)")])
    }
  }

  static let earlyDropBackwards = PartitionCheck(
    "wred-backwards", .congestion, "an early drop begins before it ends",
    meaning: """
      Between start and end the share of dropped frames grows; a curve that ends where it begins \
      or before has no slope that its fields can hold.
      """,
    repair: "let the curve begin below its end",
    source: "Linux 6.1, include/soc/fsl/qman.h (struct qm_cgr_wr_parm): slope SA / 2^Sn",
    example: .init(
      guest: [
        "congestion-groups": "[ {wred: { green: {from: 64 KiB, to: 32 KiB, drop: 10%} }} ]"
      ],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0 }"])
  ) { context, findings in
    for (index, item, colour, curve) in context.earlyDrops where curve.end <= curve.start {
      findings.add(
        "\(context.name(index))'s early drop of \(colour.rawValue) frames begins at \(curve.start) "
          + "and ends at \(curve.end)",
        at: context.span(ClaimPath.earlyDrop(index, item, colour)),
        fixIts: [FixIt("exchange the two")])
    }
  }

  static let earlyDropPercent = PartitionCheck(
    "wred-percent", .congestion, "an early drop drops a share of the frames",
    meaning: """
      The share is stored in steps of 4 percent from 4 to 100 less one step; 0 drops nothing and is \
      no curve.
      """,
    repair: "choose from 1% to 100%",
    source: "Linux 6.1, include/soc/fsl/qman.h (struct qm_cgr_wr_parm): MaxP = 4 (Pn + 1)",
    example: .init(
      guest: [
        "congestion-groups": "[ {wred: { green: {from: 16 KiB, to: 32 KiB, drop: 0%} }} ]"
      ],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0 }"])
  ) { context, findings in
    for (index, item, colour, curve) in context.earlyDrops
    where curve.percent == 0 || curve.percent > 100 {
      findings.add(
        "\(context.name(index))'s early drop of \(colour.rawValue) frames drops \(curve.percent)% "
          + "at its end",
        at: context.span(ClaimPath.earlyDrop(index, item, colour)),
        fixIts: [FixIt("drop 10%, or leave the curve out")])
    }
  }

  static let earlyDropLate = PartitionCheck(
    "wred-late", .congestion, severity: .warning, "an early drop begins before tail drop",
    after: ["wred-backwards"],
    meaning: "Where the group refuses everything already, there is nothing left to drop early.",
    repair: "begin below the tail drop",
    source: cgrSource,
    example: .init(
      guest: [
        "congestion-groups":
          "[ {tail-drop: 64 KiB, wred: { green: {from: 96 KiB, to: 128 KiB, drop: 10%} }} ]"
      ],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0 }"])
  ) { context, findings in
    for (index, item, colour, curve) in context.earlyDrops {
      guard let drop = context.plan.partitions[index].congestionGroups[item].tailDrop, drop > 0,
        curve.start >= drop
      else { continue }
      findings.add(
        "\(context.name(index))'s early drop of \(colour.rawValue) frames begins at \(curve.start), "
          + "but all are refused above \(drop)",
        at: context.span(ClaimPath.earlyDrop(index, item, colour)),
        notes: [
          Note("the tail drop is here", at: context.span(ClaimPath.tailDrop(index, item)))
        ], fixIts: [FixIt("begin at \(drop / 2)")])
    }
  }

  static let earlyDropOrder = PartitionCheck(
    "wred-order", .congestion, severity: .warning, "worse colours are dropped earlier",
    after: ["wred-backwards"],
    meaning: "A policer marks frames yellow or red so that they give way to green ones.",
    repair: "let yellow begin at or below green, and red at or below yellow",
    source: "RFC 2597, section 2: drop precedence",
    example: .init(
      guest: [
        "congestion-groups": """
        [ {wred: { green: {from: 16 KiB, to: 64 KiB, drop: 10%}, \
        yellow: {from: 32 KiB, to: 64 KiB, drop: 10%} }} ]
        """
      ],
      rules: [
        "{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0, policer: gold }"
      ],
      more: [PlanExample.gold()])
  ) { context, findings in
    let order: [(FrameColour, FrameColour)] = [(.green, .yellow), (.yellow, .red), (.green, .red)]
    for (index, item, group) in context.congestionGroups {
      for (better, worse) in order {
        guard let first = group.earlyDrop[better], let second = group.earlyDrop[worse],
          second.start > first.start
        else { continue }
        findings.add(
          "\(context.name(index)) drops \(worse.rawValue) frames from \(second.start) on, but "
            + "\(better.rawValue) ones from \(first.start) on",
          at: context.span(ClaimPath.earlyDrop(index, item, worse)),
          notes: [
            Note(
              "\(better.rawValue) is here",
              at: context.span(ClaimPath.earlyDrop(index, item, better)))
          ], fixIts: [FixIt("begin \(worse.rawValue) at \(first.start) or below")])
      }
    }
  }

  static let earlyDropColourless = PartitionCheck(
    "wred-colourless", .congestion, severity: .warning,
    "a policer colours what is dropped by colour",
    after: ["unknown-partition", "unknown-policer"],
    meaning: """
      Frames are green until a policer says otherwise: a curve for yellow or red acts on none of them.
      """,
    repair: "name a policer in the rules of the group",
    source: "NXP fmlib, include/fmd/Peripherals/fm_pcd_ext.h: colour of policer profiles",
    example: .init(
      guest: [
        "congestion-groups": "[ {wred: { yellow: {from: 16 KiB, to: 64 KiB, drop: 10%} }} ]"
      ],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0 }"])
  ) { context, findings in
    var coloured: Set<[Int]> = []
    for interface in context.plan.interfaces {
      for rule in interface.rules where rule.policer != nil || interface.policer != nil {
        guard let group = rule.congestionGroup else { continue }
        for owner in rule.receivers.compactMap({ context.indices[$0] }) {
          coloured.insert([owner, group])
        }
      }
    }
    for (index, item, colour, _) in context.earlyDrops
    where colour != .green && !coloured.contains([index, item]) {
      findings.add(
        "\(context.name(index)) drops \(colour.rawValue) frames early, but no policer colours what "
          + "comes into its group \(item)",
        at: context.span(ClaimPath.earlyDrop(index, item, colour)),
        fixIts: [FixIt("name a policer in the rules that use the group")])
    }
  }

  static let unknownNotified = PartitionCheck(
    "unknown-notified", .congestion, "whoever is told of congestion is a partition",
    meaning: "The notification goes to a portal, and nobody of that name has one.",
    repair: "name a partition of the plan",
    source: cgrSource,
    example: .init(
      guest: ["congestion-groups": "[ {tail-drop: 64 KiB, notify: [hots]} ]"],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0 }"])
  ) { context, findings in
    let names = context.plan.partitions.map(\.name)
    for (index, item, group) in context.congestionGroups {
      for (place, name) in group.notify.enumerated() where context.indices[name] == nil {
        let span = context.span(ClaimPath.notified(index, item, place))
        findings.add(
          "\(context.name(index))'s congestion group \(item) tells \(name), but there is no such "
            + "partition", at: span,
          fixIts: context.spelling(of: name, among: names, at: span))
      }
    }
  }
}

extension PlanContext {
  /// Every congestion group with its partition and its place there.
  var congestionGroups: [(index: Int, item: Int, group: CongestionGroupWish)] {
    partitions.flatMap { index, wish in
      wish.congestionGroups.enumerated().map { (index, $0, $1) }
    }
  }

  /// Whether a group was written out and not only counted: a number asks for groups that the
  /// guest sets up by itself.
  func saysWhat(_ index: Int, _ item: Int) -> Bool {
    span(ClaimPath.congestionGroup(index, item)) != span(ClaimPath.congestionGroups(index))
  }

  /// Every curve of every congestion group.
  var earlyDrops:
    [(index: Int, item: Int, colour: FrameColour, curve: CongestionGroupWish.EarlyDrop)]
  {
    congestionGroups.flatMap { index, item, group in
      FrameColour.allCases.compactMap { colour in
        group.earlyDrop[colour].map { (index, item, colour, $0) }
      }
    }
  }
}

extension PlanExample {
  /// A policer, as the top level of a plan has it, with some values in place of sound ones.
  static func gold(_ changes: Keys = [:]) -> String {
    let sound: Keys = [
      "committed-rate": "100 Mbit/s", "committed-burst": "64 KiB", "excess-rate": "200 Mbit/s",
      "excess-burst": "128 KiB",
    ]
    let changed = Dictionary(changes.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    let known = Set(sound.map(\.key))
    let keys =
      sound.map { "\($0.key): \(changed[$0.key] ?? $0.value)" }
      + changes.filter { !known.contains($0.key) }.map { "\($0.key): \($0.value)" }
    return "policers:\n  gold: {\(keys.joined(separator: ", "))}"
  }
}
