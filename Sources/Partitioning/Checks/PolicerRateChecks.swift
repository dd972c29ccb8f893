import Diagnostics
import QorIQ

/// Checks of what a policer's numbers come to.
extension PartitionCheck {
  static let policerRateChecks = [
    policerRange, policerBurstLong, policerExcessIdle, policerDropOrder, policerSum,
  ]

  private static let rule = ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, policer: gold }"]

  static let policerRange = PartitionCheck(
    "policer-range", .policers, "a policer's rates and bursts fit into their fields",
    meaning: """
      A profile holds rates in kbit/s, or frames in a second, and bursts in bytes or frames, each in \
      32 bits. What is larger loses its upper part.
      """,
    repair: "choose a smaller number",
    source: "NXP fmlib, include/fmd/Peripherals/fm_pcd_ext.h: rates in kbit/s, 32 bits each",
    example: .init(rules: rule, more: [PlanExample.gold(["excess-burst": "8 GiB"])])
  ) { context, findings in
    for (index, policer) in context.plan.policers.enumerated() {
      let unit: UInt64 = policer.counting == .bytes ? 1000 : 1
      for (key, value, most) in [
        ("committed-rate", policer.committedRate, UInt64(UInt32.max) * unit),
        ("excess-rate", policer.excessRate, UInt64(UInt32.max) * unit),
        ("committed-burst", policer.committedBurst, UInt64(UInt32.max)),
        ("excess-burst", policer.excessBurst, UInt64(UInt32.max)),
      ] where value > most {
        let span = context.span(ClaimPath.policer(index, key: key))
        findings.add(
          "\(policer.name)'s \(key) is \(value), but its field holds \(most)", at: span,
          fixIts: [
            key.hasSuffix("burst")
              ? .replace(span, with: "\(most)") : FixIt("choose \(most) or less")
          ])
      }
    }
  }

  static let policerBurstLong = PartitionCheck(
    "policer-burst-long", .policers, severity: .warning,
    "a committed burst is used up within a minute of its rate",
    after: ["policer-range", "policer-rate-zero"],
    meaning: """
      The bucket begins full. One that takes more than a minute to fill again lets whole minutes of \
      traffic pass at any speed; where frames are counted, this is most often a number of bytes.
      """,
    repair: "choose a smaller burst",
    source:
      "RFC 2698, section 3: a bucket is full at the start; the minute is this project's choice",
    example: .init(
      rules: rule,
      more: [
        PlanExample.gold([
          "count": "frames", "committed-rate": "1000 frames/s", "committed-burst": "65536",
          "excess-rate": "2000 frames/s", "excess-burst": "65536",
        ])
      ])
  ) { context, findings in
    for (index, policer) in context.plan.policers.enumerated() where policer.committedRate > 0 {
      let (unit, each) = policer.counting == .bytes ? ("bytes", UInt64(8)) : ("frames", 1)
      // Both factors fit in 32 bits and some: policer-range comes first.
      let seconds = policer.committedBurst * each / policer.committedRate
      guard seconds >= 60 else { continue }
      let most = policer.committedRate / each
      findings.add(
        "\(policer.name)'s committed burst of \(policer.committedBurst) \(unit) lasts \(seconds) "
          + "seconds at its committed rate",
        at: context.span(ClaimPath.policer(index, key: "committed-burst")),
        notes: [
          Note(
            "the rate is here", at: context.span(ClaimPath.policer(index, key: "committed-rate")))
        ], fixIts: [FixIt("choose \(max(most / 10, 1)) \(unit), which last a tenth of a second")])
    }
  }

  static let policerExcessIdle = PartitionCheck(
    "policer-excess-idle", .policers, severity: .warning,
    "a policer with an excess rate lets yellow frames pass",
    after: ["policer-peak", "policer-drops-green"],
    meaning: """
      Yellow is what the excess or peak rate allows beyond the committed one. Where yellow and red \
      are both dropped, the second rate decides nothing.
      """,
    repair: "drop red only, or make the committed rate the only one",
    source: "RFC 2698, section 3; RFC 4115, section 2",
    example: .init(rules: rule, more: [PlanExample.gold(["drop": "[yellow, red]"])])
  ) { context, findings in
    for (index, policer) in context.plan.policers.enumerated()
    where policer.drops.isSuperset(of: [.yellow, .red]) {
      let least = policer.algorithm == .rfc2698 ? policer.committedRate : 0
      guard policer.excessRate > least else { continue }
      findings.add(
        "\(policer.name) drops yellow and red frames, so its second rate of \(policer.excessRate) "
          + "decides nothing",
        at: context.span(ClaimPath.policer(index, key: "drop")),
        notes: [
          Note(
            "the rate is here", at: context.span(ClaimPath.policer(index, key: "excess-rate")))
        ], fixIts: [FixIt("drop red only")])
    }
  }

  static let policerDropOrder = PartitionCheck(
    "policer-drop-order", .policers, "who drops a colour drops the worse ones too",
    after: ["policer-drops-green"],
    meaning: """
      Red frames are further beyond the rate than yellow ones. To drop yellow and let red pass \
      rewards whoever sends most.
      """,
    repair: "drop red as well",
    source: "RFC 2698, section 3",
    example: .init(rules: rule, more: [PlanExample.gold(["drop": "[yellow]"])])
  ) { context, findings in
    for (index, policer) in context.plan.policers.enumerated()
    where policer.drops.contains(.yellow) && !policer.drops.contains(.red) {
      let span = context.span(ClaimPath.policer(index, key: "drop"))
      findings.add(
        "\(policer.name) drops yellow frames and lets red ones pass", at: span,
        fixIts: [.replace(span, with: "[red]")])
    }
  }

  static let policerSum = PartitionCheck(
    "policer-sum", .policers, severity: .warning,
    "an interface can carry all committed rates at once",
    after: ["unknown-policer", "unknown-interface"],
    meaning: """
      A committed rate is a promise. Together the rules promise more than the wire brings in, so \
      somebody's promise is not kept when all send.
      """,
    repair: "lower the committed rates until their sum is below the interface's speed",
    source: "RFC 2698, section 1",
    example: .init(
      rules: rule + ["{ when: {ipv4.dst: 10.0.0.2}, to: guest1, policer: silver }"],
      interface: "fm1-gb0",
      more: [
        PlanExample.gold(["committed-rate": "600 Mbit/s", "excess-rate": "800 Mbit/s"]),
        """
          silver: {committed-rate: 500 Mbit/s, committed-burst: 64 KiB, excess-rate: 800 Mbit/s, \
        excess-burst: 128 KiB}
        """,
      ])
  ) { context, findings in
    let places = context.policerPlaces
    let uses = Dictionary(grouping: context.policerUses, by: \.interface)
    for (index, interface) in context.plan.interfaces.enumerated() {
      guard let found = context.board.interface(named: interface.name) else { continue }
      let line = UInt64(found.interface.speed) * 1_000_000
      var met: Set<String> = []
      var counted: [(policer: Int, rate: UInt64)] = []
      var sum: UInt64 = 0
      var tipping: String?
      for use in uses[index] ?? [] where met.insert(use.name).inserted {
        guard let place = places[use.name] else { continue }
        let policer = context.plan.policers[place]
        // One that is faster than the line alone is a mistake of its own.
        guard policer.counting == .bytes, policer.committedRate < line else { continue }
        counted.append((place, policer.committedRate))
        sum += policer.committedRate
        if sum > line, tipping == nil { tipping = use.path }
      }
      guard let tipping else { continue }
      findings.add(
        "the rules of \(interface.name) commit \(sum) bit/s in all, but it carries \(line)",
        at: context.span(tipping),
        notes: counted.map { policer, rate in
          Note(
            "\(context.plan.policers[policer].name) commits \(rate) here",
            at: context.span(ClaimPath.policer(policer, key: "committed-rate")))
        }, fixIts: [FixIt("commit \(sum - line) bit/s less")])
    }
  }
}
