import Diagnostics
import QorIQ

/// Checks of partitions that filter by PME.
extension PartitionCheck {
  static let scanChecks = [scanWay, scanGroup, scanPairs, scanChain]

  /// A filter between an interface and the host, and the patterns that it looks for.
  private static func filter(_ settings: String) -> PlanExample {
    .init(
      guest: [
        "accelerators": "{ pme: {patterns: { web: {find: [ {text: cmd.exe} ]} }} }",
        "program": "{scan: {\(settings)}}",
      ], rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"])
  }

  static let scanWay = PartitionCheck(
    "scan-way", .naming, "a filter stands between two ways of its partition",
    after: ["unknown-partition", "unknown-interface", "link-self"],
    meaning: """
      What comes on the one way goes on to the other, and what is diverted to a third: a partition has \
      queues to its own ways only, and what comes back where it came from meets its sender.
      """,
    repair: "name two interfaces or peers that the partition has, and another to divert to",
    source: "a decision of this project",
    example: filter("between: [fm1-10g0, hots], groups: [ {group: web} ]")
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard case .scan(let filter) = wish.program else { continue }
      let names = context.traffic.paths[index].map(\.name)
      let span = context.span(ClaimPath.program(index))
      var used = filter.ways.enumerated().map {
        (way: $1, span: context.span(ClaimPath.scanWay(index, $0)))
      }
      if let way = filter.divert {
        used.append((way, context.span(ClaimPath.scanDivert(index))))
      }
      for (place, (way, span)) in used.enumerated() {
        if !names.contains(way) {
          findings.add(
            "\(wish.name) filters for \(way), to which it has no way", at: span,
            fixIts: context.spelling(of: way, among: names, at: span))
        }
        guard let first = used[..<place].first(where: { $0.way == way }) else { continue }
        findings.add(
          "\(wish.name)'s filter has \(way) twice", at: span,
          notes: [Note("first here", at: first.span)])
      }
      // What could not be read is missing, and has been told of.
      guard context.plan.isWhole else { continue }
      if filter.ways.count != GuestProgram.ScanProgram.wayCount {
        findings.add(
          "\(wish.name)'s filter stands between \(filter.ways.count) ways, but it takes two",
          at: span, fixIts: [FixIt("name two interfaces or peers")])
      }
      if filter.divert == nil,
        let place = filter.groups.firstIndex(where: { $0.action == .divert })
      {
        findings.add(
          "\(wish.name)'s filter diverts what has a pattern of \(filter.groups[place].name), but "
            + "does not say where to",
          at: context.span(ClaimPath.scanGroup(index, place)), fixIts: [FixIt("add divert-to:")])
      }
    }
  }

  static let scanGroup = PartitionCheck(
    "scan-group", .accelerators, "a filter looks for groups of its partition's patterns, each once",
    meaning: """
      A scan names a set of the partition's own; one that it has no patterns of is answered with an \
      error, and then every frame is one that cannot be looked through.
      """,
    repair: "name groups that stand under the partition's pme, each once",
    source: "a decision of this project",
    example: filter("between: [fm1-10g0, host], groups: [ {group: wep} ]")
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard case .scan(let filter) = wish.program else { continue }
      let known = wish.accelerators.flatMap(\.patternGroups).map(\.name)
      for (place, group) in filter.groups.enumerated() {
        let span = context.span(ClaimPath.scanGroup(index, place))
        if !known.contains(group.name) {
          findings.add(
            known.isEmpty
              ? "\(wish.name) filters by \(group.name), but its plan has no patterns for PME"
              : "\(wish.name) filters by \(group.name), but has no such group of patterns",
            at: span, fixIts: context.spelling(of: group.name, among: known, at: span))
        }
        guard let first = filter.groups[..<place].firstIndex(where: { $0.name == group.name })
        else { continue }
        findings.add(
          "\(wish.name)'s filter looks for \(group.name) twice", at: span,
          notes: [Note("first here", at: context.span(ClaimPath.scanGroup(index, first)))])
      }
      if filter.groups.isEmpty, context.plan.isWhole {
        findings.add(
          "\(wish.name)'s filter looks for nothing", at: context.span(ClaimPath.program(index)),
          fixIts: [FixIt("name a group of patterns")])
      }
    }
  }

  static let scanChain = PartitionCheck(
    "scan-chain", .accelerators,
    "a filter knows what its chains through PME looked for, and where from",
    after: ["scan-way", "scan-group", "unknown-chain", "chain-accelerator"],
    meaning: """
      A chain brings the filter frames through which PME has looked already, each by itself. Nothing in them \
      says which interface they came from, or for which group that was: it is the filter's first group, and all \
      rules that lead into the chain are of one of its two ways.
      """,
    repair:
      "have the chain look for the first group, lead into it from one way, and keep no streams",
    source: "Freescale SDK, drivers/staging/fsl_pme2: a result is a frame's status",
    example: .init(
      guest: [
        "accelerators":
          "{ pme: {pairs: 2, patterns: { web: {find: [ {text: cmd.exe} ]}, mail: {find: [ {text: x} ]} }} }",
        "chains": "{ look: {by: pme, scan: mail} }",
        "program": "{scan: {between: [fm1-10g0, host], groups: [ {group: web}, {group: mail} ]}}",
      ], rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, through: look }"])
  ) { context, findings in
    for (index, item, chain) in context.chains where chain.kind == .pme {
      guard case .scan(let filter) = context.plan.partitions[index].program,
        let first = filter.groups.first, let group = chain.group
      else { continue }
      let name = "\(context.name(index))'s chain \(chain.name)"
      let span = context.span(ClaimPath.chain(index, item))
      let note = Note("the filter is here", at: context.span(ClaimPath.program(index)))
      if group != first.name {
        findings.add(
          "\(name) looks for \(group), but the filter for \(first.name) first",
          at: context.span(ClaimPath.chain(index, item, key: "scan")) ?? span, notes: [note],
          fixIts: [FixIt("write scan: \(first.name)")])
      }
      if filter.keepsStreams {
        findings.add(
          "\(name) brings frames to a filter of streams, in which PME saw each by itself", at: span,
          notes: [note], fixIts: [FixIt("write streams: no, or take the chain out")])
      }
      let ways = Set(
        context.chainUses.filter { $0.owner == index && $0.name == chain.name }.map {
          context.plan.interfaces[$0.interface].name
        })
      if ways.count > 1 || !ways.isSubset(of: filter.ways) {
        findings.add(
          "rules of \(ways.sorted().joined(separator: " and ")) lead through \(chain.name), but "
            + "\(context.name(index))'s filter stands between "
            + filter.ways.joined(separator: " and ")
            + (ways.count > 1 ? " and needs a chain for each" : ""), at: span, notes: [note])
      }
    }
  }

  static let scanPairs = PartitionCheck(
    "scan-pairs", .accelerators, "a filter has a pair of queues into PME for each group and stream",
    after: ["scan-group"],
    meaning: """
      A queue has one set of patterns at a time, and PME keeps one stream for each queue: frames that \
      stand for themselves take a pair for each group, and each stream one more for each.
      """,
    repair: "ask for more pairs, or name fewer groups",
    source: "Freescale SDK, include/linux/fsl_pme.h: a flow's context is that of a frame queue",
    example: filter("between: [fm1-10g0, host], groups: [ {group: web} ], streams: yes")
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard case .scan(let filter) = wish.program, !filter.groups.isEmpty,
        let use = wish.accelerators.first(where: { $0.kind == .pme })
      else { continue }
      let groups = filter.groups.count
      let least = filter.keepsStreams ? 2 * groups : groups
      guard Int(use.pairs) < least else { continue }
      findings.add(
        "\(wish.name)'s filter takes \(least) pairs of queues into PME"
          + (filter.keepsStreams ? ", one stream's among them" : "") + ", but has \(use.pairs)",
        at: context.span(ClaimPath.program(index)),
        notes: [Note("the pairs are here", at: context.span(ClaimPath.accelerator(index, .pme)))],
        fixIts: [FixIt("ask for \(least) pairs\(filter.keepsStreams ? " or more" : "")")])
    }
  }
}
