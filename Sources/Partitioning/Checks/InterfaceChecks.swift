import Diagnostics
import QorIQ

/// Checks of interfaces and links: who they name and what they need.
extension PartitionCheck {
  static let unknownInterface = PartitionCheck(
    "unknown-interface", .naming, "an interface of the plan is one of the board's",
    meaning: """
      The interface is not wired on this board: the MAC is missing, or the reset configuration \
      gives its lanes to something else.
      """,
    repair: "choose one of the interfaces that `dpaac board` lists",
    source: "the board's device tree in Linux 6.1, arch/powerpc/boot/dts/fsl",
    example: .init(rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"], interface: "fm1-10g1")
  ) { context, findings in
    let names = context.board.interfaceNames
    for (index, interface) in context.plan.interfaces.enumerated()
    where !names.contains(interface.name) {
      let span = context.span(ClaimPath.interface(index))
      findings.add(
        "\(context.board.name) has no interface \(interface.name)", at: span,
        fixIts: context.spelling(of: interface.name, among: names, at: span))
    }
  }

  static let unknownPartition = PartitionCheck(
    "unknown-partition", .naming, "a rule or link names a partition of the plan",
    meaning: "Frames would be sent to somebody who does not exist.",
    repair: "correct the name, or add the partition",
    source: "a decision of this project",
    example: .init(rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: gest1 }"])
  ) { context, findings in
    var named: [(name: String, path: String, by: String)] = []
    for (index, interface) in context.plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() {
        for (place, name) in rule.receivers.enumerated() {
          let path =
            rule.copies.isEmpty
            ? ClaimPath.ruleTarget(index, item) : ClaimPath.ruleTarget(index, item, item: place)
          named.append((name, path, "a rule of \(interface.name)"))
        }
      }
      if let name = interface.otherwise {
        named.append((name, ClaimPath.otherwise(index), "\(interface.name)'s otherwise"))
      }
    }
    for (index, link) in context.plan.links.enumerated() {
      named.append((link.first, ClaimPath.link(index, end: 0), "a link"))
      named.append((link.second, ClaimPath.link(index, end: 1), "a link"))
    }
    let names = context.plan.partitions.map(\.name)
    for (name, path, by) in named where context.indices[name] == nil {
      let span = context.span(path)
      findings.add(
        "\(by) names \(name), but there is no such partition", at: span,
        fixIts: context.spelling(of: name, among: names, at: span))
    }
  }

  static let otherwiseMissing = PartitionCheck(
    "otherwise-missing", .rules, "an interface says who gets what no rule takes",
    meaning: """
      ARP, broadcast and frames of strangers match no rule. Without a place for them the \
      classifier's miss goes to queue 0, which is no queue, and neighbours never learn the \
      address.
      """,
    repair: "name a partition behind `otherwise`, or drop the rest",
    source: """
      NXP fmc: a classification without an on-miss action becomes an enqueue to queue 0
      """,
    example: .init(rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"], otherwise: nil)
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated()
    where interface.otherwise == nil && !interface.dropsOtherwise
      // What stands there but could not be read has been reported.
      && context.span(ClaimPath.otherwise(index)) == context.span(ClaimPath.interface(index))
    {
      findings.add(
        "\(interface.name) does not say who gets what no rule takes: ARP, broadcast and the rest",
        at: context.span(ClaimPath.interface(index)),
        fixIts: [FixIt("add otherwise: \(Plan.hostName)")])
    }
  }

  static let linkSelf = PartitionCheck(
    "link-self", .ports, "a link joins two different partitions",
    meaning: """
      A link takes two offline ports to copy frames from one partition to another; within one \
      partition nothing needs copying.
      """,
    repair: "name two partitions",
    source: "a decision of this project",
    example: .init(links: "[ [host, guest1], [guest1, guest1] ]")
  ) { context, findings in
    for (index, link) in context.plan.links.enumerated() where link.first == link.second {
      findings.add(
        "this link joins \(link.first) with itself", at: context.span(ClaimPath.link(index)),
        fixIts: [FixIt("name the other partition, or remove the link")])
    }
  }

  static let linkRepeated = PartitionCheck(
    "link-repeated", .ports, "two partitions have at most one link",
    meaning: """
      One link serves both directions. A second one would take two more of the few offline \
      ports.
      """,
    repair: "remove the second link",
    source: "a decision of this project",
    example: .init(links: "[ [host, guest1], [guest1, host] ]")
  ) { context, findings in
    var first: [Set<String>: Int] = [:]
    for (index, link) in context.plan.links.enumerated() where link.first != link.second {
      let ends: Set = [link.first, link.second]
      guard let earlier = first[ends] else {
        first[ends] = index
        continue
      }
      findings.add(
        "\(link.first) and \(link.second) are linked twice; one link serves both directions",
        at: context.span(ClaimPath.link(index)),
        notes: [Note("they are linked here first", at: context.span(ClaimPath.link(earlier)))],
        fixIts: [FixIt("remove this link")])
    }
  }

  static let offlinePortsExhausted = PartitionCheck(
    "offline-ports-exhausted", .ports,
    "every link direction, every detour and every chain to an interface finds an offline port",
    after: [
      "unknown-partition", "unknown-interface", "otherwise-missing", "link-self", "link-repeated",
    ],
    meaning: """
      Frames pass from partition to partition through an offline port, one for each direction, \
      because each port classifies into one partition's pools. Where FMan has no storage \
      profiles, a shared interface takes one too, and a chain whose answers leave by an interface \
      takes one for their headers.
      """,
    repair: "remove a link or a chain, or share fewer interfaces",
    source: "NXP SDK device trees, fsl/qoriq-fman-*.dtsi: the offline ports with a channel",
    example: """
      board: p4080ds
      partitions:
        host: { cpus: [ 0 ], memory: 256 MiB, portals: 1, queues: 1-100, pools: [ {buffers: 64, size: 2 KiB} ] }
        a: { cpus: [ 1 ], memory: 256 MiB, portals: 1, queues: 101-200, pools: [ {buffers: 64, size: 2 KiB} ] }
        b: { cpus: [ 2 ], memory: 256 MiB, portals: 1, queues: 201-300, pools: [ {buffers: 64, size: 2 KiB} ] }
        c: { cpus: [ 3 ], memory: 256 MiB, portals: 1, queues: 301-400, pools: [ {buffers: 64, size: 2 KiB} ] }
        d: { cpus: [ 4 ], memory: 256 MiB, portals: 1, queues: 401-500, pools: [ {buffers: 64, size: 2 KiB} ] }
      links: [ [host, a], [host, b], [host, c], [host, d], [a, b] ]

      """
  ) { context, findings in
    let names = context.plan.partitions.map(\.name)
    var picker = OfflinePortPicker(board: context.board)
    var holders: [Note] = []
    for hop in context.traffic.hops {
      let interface = context.plan.interfaces[hop.interface]
      let span = context.span(ClaimPath.interface(hop.interface))
      let fman = context.board.interface(named: interface.name)?.fman.index
      if let place = picker.take(fman: fman) {
        holders.append(Note("\(interface.name) takes \(place)", at: span))
      } else {
        findings.add(
          "\(interface.name) needs an offline port of its frame manager to reach pools of more "
            + "than one partition, but none is left",
          at: span, notes: holders,
          fixIts: [FixIt("share fewer interfaces, or give this one to a single partition")])
      }
    }
    for (index, link) in context.plan.links.enumerated() {
      let span = context.span(ClaimPath.link(index))
      for (from, to) in [(link.first, link.second), (link.second, link.first)]
      where names.contains(from) && names.contains(to) {
        if let place = picker.take() {
          holders.append(Note("\(from) to \(to) takes \(place)", at: span))
        } else {
          findings.add(
            "no offline port is left for \(from) to \(to): \(context.board.name) has "
              + "\(context.board.fmans.reduce(0) { $0 + $1.enabledOfflinePorts.count })",
            at: span, notes: holders, fixIts: [FixIt("remove a link")])
        }
      }
    }
    for (index, item) in context.exits {
      let chain = context.plan.partitions[index].chains?[item].name ?? ""
      let span = context.span(ClaimPath.chain(index, item))
      if let place = picker.take() {
        holders.append(
          Note("\(context.name(index))'s chain \(chain) takes \(place)", at: span))
      } else {
        findings.add(
          "no offline port is left for the answers of \(context.name(index))'s chain \(chain)",
          at: span, notes: holders, fixIts: [FixIt("remove a link or a chain")])
      }
    }
  }

  static let storageProfilesExhausted = PartitionCheck(
    "storage-profiles-exhausted", .ports, "every partition of an interface finds a storage profile",
    after: ["unknown-partition", "unknown-interface"],
    meaning: """
      A storage profile chooses whose pools a frame is received into. Each partition of an \
      interface takes one, and a frame manager has 64 (FMan v3H) or 32 (v3L).
      """,
    repair: "share out fewer partitions on the interfaces of this frame manager",
    source: "NXP fmlib, FM_VSP_MAX_NUM_OF_ENTRIES",
    example: """
      board: t4240qds
      partitions:
        host: { cpus: [ 0 ], memory: 256 MiB, portals: 1, queues: 1-100, pools: [ {buffers: 64, size: 2 KiB} ] }
        g1: { cpus: [ 2 ], memory: 256 MiB, portals: 1, queues: 101-200, pools: [ {buffers: 64, size: 2 KiB} ] }
        g2: { cpus: [ 4 ], memory: 256 MiB, portals: 1, queues: 201-300, pools: [ {buffers: 64, size: 2 KiB} ] }
        g3: { cpus: [ 6 ], memory: 256 MiB, portals: 1, queues: 301-400, pools: [ {buffers: 64, size: 2 KiB} ] }
        g4: { cpus: [ 8 ], memory: 256 MiB, portals: 1, queues: 401-500, pools: [ {buffers: 64, size: 2 KiB} ] }
        g5: { cpus: [ 10 ], memory: 256 MiB, portals: 1, queues: 501-600, pools: [ {buffers: 64, size: 2 KiB} ] }
        g6: { cpus: [ 12 ], memory: 256 MiB, portals: 1, queues: 601-700, pools: [ {buffers: 64, size: 2 KiB} ] }
        g7: { cpus: [ 14 ], memory: 256 MiB, portals: 1, queues: 701-800, pools: [ {buffers: 64, size: 2 KiB} ] }
        g8: { cpus: [ 16 ], memory: 256 MiB, portals: 1, queues: 801-900, pools: [ {buffers: 64, size: 2 KiB} ] }
      interfaces:
        fm1-gb0: &shared
          rules:
            - { when: {ipv4.dst: 10.0.0.1}, to: g1 }
            - { when: {ipv4.dst: 10.0.0.2}, to: g2 }
            - { when: {ipv4.dst: 10.0.0.3}, to: g3 }
            - { when: {ipv4.dst: 10.0.0.4}, to: g4 }
            - { when: {ipv4.dst: 10.0.0.5}, to: g5 }
            - { when: {ipv4.dst: 10.0.0.6}, to: g6 }
            - { when: {ipv4.dst: 10.0.0.7}, to: g7 }
            - { when: {ipv4.dst: 10.0.0.8}, to: g8 }
          otherwise: host
        fm1-gb1: *shared
        fm1-gb2: *shared
        fm1-gb3: *shared
        fm1-gb4: *shared
        fm1-gb5: *shared
        fm1-10g0: *shared
        fm1-10g1: *shared

      """
  ) { context, findings in
    let detours = Set(context.traffic.hops.map(\.interface))
    for fman in context.board.fmans where fman.hasStorageProfiles {
      var needed = 0
      var notes: [Note] = []
      var tipping: Int?
      for (index, interface) in context.plan.interfaces.enumerated()
      where context.board.interface(named: interface.name)?.fman.index == fman.index {
        // Where all frames come into one partition's pools, nothing chooses among them.
        guard context.traffic.commonPools[index] == nil, !detours.contains(index) else { continue }
        let owners = TrafficMap.owners(of: interface, indices: context.indices).count
        needed += owners
        if needed > fman.storageProfileCount, tipping == nil { tipping = index }
        notes.append(
          Note(
            "\(interface.name) needs \(owners)", at: context.span(ClaimPath.interface(index))))
      }
      guard let tipping else { continue }
      findings.add(
        "the interfaces of frame manager \(fman.index + 1) need \(needed) storage profiles, one "
          + "for each partition on each, but it has \(fman.storageProfileCount)",
        at: context.span(ClaimPath.interface(tipping)), notes: notes,
        fixIts: [FixIt("name fewer partitions on these interfaces")])
    }
  }
}

extension OfflinePortPicker.Place: CustomStringConvertible {
  /// `fm1-oh1`, as U-Boot counts frame managers.
  var description: String { "fm\(fman + 1)-oh\(port.port)" }
}
