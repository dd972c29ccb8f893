import Diagnostics
import QorIQ

/// Checks of interfaces and links: who they name and what they need.
extension PartitionCheck {
  static let unknownInterface = PartitionCheck(
    "unknown-interface", "an interface of the plan is one of the board's"
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
    "unknown-partition", "a rule or link names a partition of the plan"
  ) { context, findings in
    var named: [(name: String, path: String, by: String)] = []
    for (index, interface) in context.plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() {
        if let name = rule.to {
          named.append((name, ClaimPath.ruleTarget(index, item), "a rule of \(interface.name)"))
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
    "otherwise-missing", "an interface says who gets what no rule takes"
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated()
    where interface.otherwise == nil
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
    "link-self", "a link joins two different partitions"
  ) { context, findings in
    for (index, link) in context.plan.links.enumerated() where link.first == link.second {
      findings.add(
        "this link joins \(link.first) with itself", at: context.span(ClaimPath.link(index)),
        fixIts: [FixIt("name the other partition, or remove the link")])
    }
  }

  static let linkRepeated = PartitionCheck(
    "link-repeated", "two partitions have at most one link"
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
    "offline-ports-exhausted", "every link direction and every detour finds an offline port",
    after: [
      "unknown-partition", "unknown-interface", "otherwise-missing", "link-self", "link-repeated",
    ]
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
  }

  static let storageProfilesExhausted = PartitionCheck(
    "storage-profiles-exhausted", "every partition of an interface finds a storage profile",
    after: ["unknown-partition", "unknown-interface"]
  ) { context, findings in
    for fman in context.board.fmans where fman.hasStorageProfiles {
      var needed = 0
      var notes: [Note] = []
      var tipping: Int?
      for (index, interface) in context.plan.interfaces.enumerated()
      where context.board.interface(named: interface.name)?.fman.index == fman.index {
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
