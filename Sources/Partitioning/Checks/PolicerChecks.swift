import Diagnostics
import QorIQ

/// Checks of policers.
extension PartitionCheck {
  private static func rule(_ extra: String = "policer: gold") -> [String] {
    ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, \(extra) }"]
  }

  static let policerUnused = PartitionCheck(
    "policer-unused", .policers, severity: .warning, "every policer is named by something",
    after: ["unknown-policer"],
    meaning: "The policer takes one of the frame manager's profiles and sees no frame.",
    repair: "name it in a rule or an interface, or take it out",
    source: "a decision of this project",
    example: .init(more: [PlanExample.gold()])
  ) { context, findings in
    let used = Set(context.policerUses.map(\.name))
    for (index, policer) in context.plan.policers.enumerated() where !used.contains(policer.name) {
      findings.add(
        "no rule and no interface names the policer \(policer.name)",
        at: context.span(ClaimPath.policer(index)),
        fixIts: [FixIt("add policer: \(policer.name) to a rule")])
    }
  }

  static let policerPeak = PartitionCheck(
    "policer-peak", .policers, "a peak rate is at least the committed rate",
    meaning: """
      RFC 2698 counts every frame against the peak rate first: below the committed rate it would \
      turn frames red that the committed rate promises to carry.
      """,
    repair: "raise the peak rate, or use rfc-4115, whose excess rate comes on top",
    source: "RFC 2698, section 1",
    example: .init(rules: rule(), more: [PlanExample.gold(["excess-rate": "50 Mbit/s"])])
  ) { context, findings in
    for (index, policer) in context.plan.policers.enumerated()
    where policer.algorithm == .rfc2698 && policer.excessRate < policer.committedRate {
      findings.add(
        "\(policer.name)'s peak rate of \(policer.excessRate) is below its committed rate of "
          + "\(policer.committedRate)",
        at: context.span(ClaimPath.policer(index, key: "excess-rate")),
        notes: [
          Note(
            "the committed rate is here",
            at: context.span(ClaimPath.policer(index, key: "committed-rate")))
        ], fixIts: [FixIt("choose \(policer.committedRate) or more")])
    }
  }

  static let policerBurstOrder = PartitionCheck(
    "policer-burst-order", .policers, severity: .warning,
    "a peak burst is at least the committed burst",
    meaning: """
      The peak bucket is emptied by every frame: when it is the smaller one, the larger committed \
      bucket can never be used up.
      """,
    repair: "raise the peak burst",
    source: "RFC 2698, section 3",
    example: .init(rules: rule(), more: [PlanExample.gold(["excess-burst": "32 KiB"])])
  ) { context, findings in
    for (index, policer) in context.plan.policers.enumerated()
    where policer.algorithm == .rfc2698 && policer.excessBurst < policer.committedBurst
      && policer.excessBurst > 0
    {
      findings.add(
        "\(policer.name)'s peak burst of \(policer.excessBurst) is below its committed burst of "
          + "\(policer.committedBurst)",
        at: context.span(ClaimPath.policer(index, key: "excess-burst")),
        notes: [
          Note(
            "the committed burst is here",
            at: context.span(ClaimPath.policer(index, key: "committed-burst")))
        ], fixIts: [FixIt("choose \(policer.committedBurst) or more")])
    }
  }

  static let policerRateZero = PartitionCheck(
    "policer-rate-zero", .policers, "a policer lets something through",
    meaning: "Both buckets stay empty after the first burst, and every frame is red from then on.",
    repair: "choose a rate above 0",
    source: "RFC 2698, section 3",
    example: .init(
      rules: rule(),
      more: [PlanExample.gold(["committed-rate": "0 Mbit/s", "excess-rate": "0 Mbit/s"])])
  ) { context, findings in
    for (index, policer) in context.plan.policers.enumerated()
    where policer.committedRate == 0 && policer.excessRate == 0 {
      findings.add(
        "\(policer.name)'s two rates are 0",
        at: context.span(ClaimPath.policer(index, key: "committed-rate")),
        notes: [
          Note(
            "the other is here", at: context.span(ClaimPath.policer(index, key: "excess-rate")))
        ], fixIts: [FixIt("choose a rate above 0")])
    }
  }

  static let policerBurst = PartitionCheck(
    "policer-burst", .policers, severity: .warning, "a burst holds one whole frame",
    after: ["unknown-policer"],
    meaning: """
      A bucket that holds less than the largest frame never lets one pass, however rarely they come.
      """,
    repair: "choose a burst of several frames",
    source: "RFC 2698, section 1: bursts should be larger than the largest packet",
    example: .init(
      rules: rule(),
      more: [PlanExample.gold(["committed-burst": "1 KiB"])])
  ) { context, findings in
    var frames: [String: UInt64] = [:]
    for use in context.policerUses {
      frames[use.name] = max(frames[use.name] ?? 0, context.largestFrame(of: use.interface))
    }
    for (index, policer) in context.plan.policers.enumerated() {
      guard let largest = frames[policer.name] else { continue }
      let needed = policer.counting == .frames ? 1 : largest
      for (what, burst, key) in [
        ("committed", policer.committedBurst, "committed-burst"),
        ("excess", policer.excessBurst, "excess-burst"),
      ] where burst > 0 && burst < needed {
        findings.add(
          "\(policer.name)'s \(what) burst of \(burst) bytes is less than a frame of \(largest)",
          at: context.span(ClaimPath.policer(index, key: key)),
          notes: [
            Note("the policer is described here", at: context.span(ClaimPath.policer(index)))
          ], fixIts: [FixIt("choose \(byteCount(64 << 10))")])
      }
    }
  }

  static let policerLineRate = PartitionCheck(
    "policer-line-rate", .policers, severity: .warning, "a policer is slower than its interface",
    after: ["unknown-policer", "unknown-interface"],
    meaning: """
      The interface cannot bring in more than its line rate, so the policer never runs out of tokens.
      """,
    repair: "choose a rate below the interface's, or take the policer out",
    source: "a decision of this project",
    example: .init(
      rules: rule(), interface: "fm1-gb0",
      more: [PlanExample.gold(["committed-rate": "2 Gbit/s", "excess-rate": "3 Gbit/s"])])
  ) { context, findings in
    let places = context.policerPlaces
    for (name, by, path, interface) in context.policerUses {
      guard let index = places[name],
        let found = context.board.interface(named: context.plan.interfaces[interface].name)
      else { continue }
      let policer = context.plan.policers[index]
      let line = UInt64(found.interface.speed) * 1_000_000
      guard policer.counting == .bytes, policer.committedRate >= line else { continue }
      findings.add(
        "\(by) names \(name), whose committed rate of \(policer.committedRate) bit/s is no less than "
          + "the interface's \(line)",
        at: context.span(path),
        notes: [
          Note(
            "the rate is here", at: context.span(ClaimPath.policer(index, key: "committed-rate")))
        ], fixIts: [FixIt("choose a rate below \(found.interface.speed) Mbit/s")])
    }
  }

  static let policerDropsGreen = PartitionCheck(
    "policer-drops-green", .policers, "a policer does not drop what keeps to the rate",
    meaning: """
      Green is the colour of frames within the committed rate. Who drops them turns the policer into \
      a sink for good traffic.
      """,
    repair: "take green out of `drop`",
    source: "RFC 2698, section 3",
    example: .init(rules: rule(), more: [PlanExample.gold(["drop": "[green, red]"])])
  ) { context, findings in
    for (index, policer) in context.plan.policers.enumerated() where policer.drops.contains(.green)
    {
      findings.add(
        "\(policer.name) drops green frames, which keep to the committed rate",
        at: context.span(ClaimPath.policer(index, key: "drop")),
        fixIts: [FixIt("drop red only")])
    }
  }

  static let policerIdle = PartitionCheck(
    "policer-idle", .policers, severity: .warning, "a policer's colours mean something",
    after: ["unknown-policer"],
    meaning: """
      The policer drops nothing, and no congestion group treats a colour in its own way: the frames \
      are marked for nobody.
      """,
    repair: "drop red, or give a congestion group a curve by colour",
    source: "a decision of this project",
    example: .init(rules: rule(), more: [PlanExample.gold(["drop": "[]"])])
  ) { context, findings in
    let hasCurves = context.earlyDrops.contains { $0.colour != .green }
    let used = Set(context.policerUses.map(\.name))
    for (index, policer) in context.plan.policers.enumerated()
    where policer.drops.isEmpty && !hasCurves && used.contains(policer.name) {
      findings.add(
        "\(policer.name) drops no colour, and nothing else looks at colours",
        at: context.span(ClaimPath.policer(index)), fixIts: [FixIt("drop red")])
    }
  }

  static let policerColourAware = PartitionCheck(
    "policer-colour-aware", .policers, severity: .warning,
    "frames have a colour before a colour-aware policer",
    after: ["unknown-policer"],
    meaning: """
      Frames come from the wire without a colour, and a plan has one policer for a frame: there is \
      nothing to be aware of.
      """,
    repair: "take `colour-aware` out",
    source: "RFC 2698, section 3: colour-aware mode assumes precoloured packets",
    example: .init(rules: rule(), more: [PlanExample.gold(["colour-aware": "yes"])])
  ) { context, findings in
    for (index, policer) in context.plan.policers.enumerated() where policer.isColourAware {
      findings.add(
        "\(policer.name) heeds colours, but frames come from the wire without one",
        at: context.span(ClaimPath.policer(index, key: "colour-aware")),
        fixIts: [FixIt("remove colour-aware")])
    }
  }

  static let policersExhausted = PartitionCheck(
    "policers-exhausted", .policers, "a frame manager has a profile for each policer",
    after: ["unknown-policer", "unknown-interface"],
    meaning: """
      Each policer takes one profile in each frame manager whose interfaces use it, and counts the \
      frames of all of them together.
      """,
    repair: "name fewer policers at the interfaces of this frame manager",
    source: "NXP fmlib, include/fmd/integrations: 256 policer profiles",
    example: PlanExample(text: PlanExample.manyPolicers)
  ) { context, findings in
    for fman in context.board.fmans {
      var profiles: Set<String> = []
      var tipping: String?
      for (name, _, path, index) in context.policerUses {
        let interface = context.plan.interfaces[index].name
        guard context.board.interface(named: interface)?.fman.index == fman.index else { continue }
        profiles.insert(name)
        if profiles.count > fman.policerProfileCount, tipping == nil { tipping = path }
      }
      guard let tipping else { continue }
      findings.add(
        "frame manager \(fman.index + 1) needs \(profiles.count) policer profiles, but has "
          + "\(fman.policerProfileCount)",
        at: context.span(tipping), fixIts: [FixIt("name fewer policers")])
    }
  }
}

extension PlanExample {
  /// One policer more than a frame manager has profiles.
  fileprivate static var manyPolicers: String {
    let rate = "{committed-rate: 1 Mbit/s, committed-burst: 64 KiB, excess-rate: 2 Mbit/s, "
    var lines = ["board: p4080ds", "policers:"]
    for number in 0...256 { lines.append("  p\(number): \(rate)excess-burst: 64 KiB}") }
    lines += ["partitions:"]
    lines.append(
      "  host: {cpus: 0-3, memory: 1 GiB, portals: 4, queues: 256-1023, "
        + "pools: [ {buffers: 256, size: 2 KiB} ]}")
    lines += ["interfaces:", "  fm1-10g0:", "    rules:"]
    for number in 0...256 {
      lines.append("      - {when: {l4.dst: \(number + 1)}, to: host, policer: p\(number)}")
    }
    lines.append("    otherwise: host")
    return lines.joined(separator: "\n") + "\n"
  }
}
