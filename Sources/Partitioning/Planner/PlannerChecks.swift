import Diagnostics
import QorIQ

/// Checks of what the planner needs to be said clearly before it can choose.
extension PartitionCheck {
  static let unknownPolicer = PartitionCheck(
    "unknown-policer", .policers, "a policer that is named is one of the plan's",
    meaning: "Nobody has said what rate the frames may have.",
    repair: "describe the policer under `policers`, or correct the name",
    source: "a decision of this project",
    example: .init(
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, policer: glod }"],
      more: [PlanExample.gold()])
  ) { context, findings in
    let names = context.plan.policers.map(\.name)
    let known = Set(names + context.plan.unreadPolicers)
    for (name, by, path, _) in context.policerUses where !known.contains(name) {
      let span = context.span(path)
      findings.add(
        "\(by) names the policer \(name), but the plan has none of that name", at: span,
        fixIts: context.spelling(of: name, among: names, at: span))
    }
  }

  static let unknownCongestionGroup = PartitionCheck(
    "unknown-congestion-group", .congestion,
    "a rule's congestion group is one of its partition's",
    meaning: "The queues would join a group of nobody, or of somebody else.",
    repair: "count the partition's groups from 0, or add one",
    source: "a decision of this project",
    example: .init(
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0 }"])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() {
        guard let group = rule.congestionGroup else { continue }
        // Whoever gets a copy counts it in a group of his own by the same number.
        for owner in Set(rule.receivers.compactMap { context.indices[$0] }).sorted() {
          let wish = context.plan.partitions[owner]
          guard group >= wish.congestionGroups.count else { continue }
          let count = wish.congestionGroups.count
          findings.add(
            "a rule of \(interface.name) puts frames of \(wish.name) into its congestion group "
              + "\(group), but it has \(count)",
            at: context.span(ClaimPath.rule(index, item, key: "congestion-group")),
            notes: [
              Note(
                "\(wish.name) stands here", at: context.span(ClaimPath.congestionGroups(owner)))
            ],
            fixIts: [
              FixIt(
                count == 0
                  ? "give \(wish.name) congestion-groups: \(group + 1)"
                  : "choose one from 0 to \(count - 1)")
            ])
        }
      }
    }
  }

  static let ruleDisagreement = PartitionCheck(
    "rule-disagreement", .rules,
    "rules that bring an interface's frames to one partition agree on work queue and congestion group",
    meaning: """
      A partition receives from an interface in one set of queues; each of them waits in one work \
      queue and counts in one group.
      """,
    repair: "say the same in both rules, or once for the interface",
    source: "Linux 6.1, include/soc/fsl/qman.h: a queue has one work queue and one group",
    example: .init(rules: [
      "{ when: {ipv4.dst: 10.0.0.1}, to: guest1, work-queue: 2 }",
      "{ when: {ipv4.dst: 10.0.0.2}, to: guest1, work-queue: 3 }",
    ])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      var first: [String: (item: Int, value: Int)] = [:]
      for (item, rule) in interface.rules.enumerated() {
        let keys = [
          ("work-queue", rule.workQueue.map { Int($0.rawValue) }),
          ("congestion-group", rule.congestionGroup),
        ]
        for (key, value) in keys {
          guard let value else { continue }
          // Copies come into queues of their partition, and those are the same for every rule.
          for owner in rule.receivers {
            guard let earlier = first["\(owner) \(key)"] else {
              first["\(owner) \(key)"] = (item, value)
              continue
            }
            guard earlier.value != value else { continue }
            findings.add(
              "this rule gives what \(owner) receives from \(interface.name) \(key) \(value), but "
                + "an earlier one \(earlier.value): both fill the same queues",
              at: context.span(ClaimPath.rule(index, item, key: key)),
              notes: [
                Note(
                  "the earlier one stands here",
                  at: context.span(ClaimPath.rule(index, earlier.item, key: key)))
              ], fixIts: [FixIt("write \(earlier.value) here, or say it once for the interface")])
          }
        }
      }
    }
  }

  static let deliveryUnavailable = PartitionCheck(
    "delivery-unavailable", .ports,
    "frames can reach their partitions' pools as the plan wants it",
    after: ["unknown-interface", "unknown-partition"],
    meaning: """
      Storage profiles are a thing of FMan v3; on v2 pools belong to the port. A shared pool has to \
      be shared by its owner first.
      """,
    repair: "choose a delivery that the frame manager has, or share a pool",
    source: "NXP fmlib, include/fmd/integrations; NXP fmc drops storage profiles on v2 in silence",
    example: .init(
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"], keys: ["delivery": "storage-profiles"])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      guard let delivery = interface.delivery,
        let found = context.board.interface(named: interface.name)
      else { continue }
      let span = context.span(ClaimPath.interface(index, key: "delivery"))
      let owners = TrafficMap.owners(of: interface, indices: context.indices)
      switch delivery {
      case .storageProfiles where !found.fman.hasStorageProfiles:
        findings.add(
          "\(interface.name) cannot use storage profiles: frame manager \(found.fman.index + 1) of "
            + "\(context.board.name) is FMan v2, whose pools belong to the port",
          at: span, fixIts: [FixIt("write offline-hop or shared-pool, or leave the choice")])
      case .sharedPool
      where owners.count > 1
        && TrafficMap.commonPool(of: owners, plan: context.plan) == nil:
        let names = owners.map { context.plan.partitions[$0].name }.joined(separator: ", ")
        findings.add(
          "\(interface.name) should receive into a shared pool, but no pool of \(names) is shared "
            + "with all the others",
          at: span,
          notes: owners.map {
            Note(
              "\(context.plan.partitions[$0].name)'s pools stand here",
              at: context.span(ClaimPath.pools($0)))
          }, fixIts: [FixIt("add shared-with to a pool of one of them")])
      default: break
      }
    }
  }
}

extension PlanContext {
  /// Every policer that is named, with who names it, where, and at which interface.
  var policerUses: [(name: String, by: String, path: String, interface: Int)] {
    plan.interfaces.enumerated().flatMap { index, interface in
      var uses: [(String, String, String, Int)] = []
      if let name = interface.policer {
        uses.append((name, interface.name, ClaimPath.interface(index, key: "policer"), index))
      }
      for (item, rule) in interface.rules.enumerated() {
        if let name = rule.policer {
          uses.append(
            (
              name, "a rule of \(interface.name)",
              ClaimPath.rule(index, item, key: "policer"), index
            ))
        }
      }
      return uses
    }
  }
}
