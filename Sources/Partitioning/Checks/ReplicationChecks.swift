import Diagnostics
import QorIQ

/// Checks of frames that several partitions get, and of those that nobody gets.
extension PartitionCheck {
  static let replicationChecks = [
    replicationUnavailable, replicaRepeated, interfaceMute, dropWishes, partitionNamedDrop,
  ]

  private static let several = ["{ when: {eth.dst: \"01:00:5e:00:00:01\"}, to: [guest1, host] }"]

  static let replicationUnavailable = PartitionCheck(
    "replication-unavailable", .ports, "the frame manager can give a frame to several partitions",
    after: ["unknown-interface", "unknown-partition", "delivery-unavailable"],
    meaning: """
      Only FMan v3 has frame replication, and each copy finds its partition's pools by storage \
      profile. Without them a frame has one receiver.
      """,
    repair: "name one partition, which can pass frames on over a link",
    source: "NXP fmc: a replicator compiles to a plain enqueue on FMan v2, in silence",
    example: .init(rules: several)
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      guard let fman = context.board.interface(named: interface.name)?.fman else { continue }
      var notes: [Note] = []
      let reason: String
      if !fman.hasStorageProfiles {
        reason = "frame manager \(fman.index + 1) of \(context.board.name) is FMan v2"
      } else if let delivery = interface.delivery, delivery != .storageProfiles {
        reason = "its frames are delivered by \(delivery.rawValue)"
        notes.append(
          Note(
            "the delivery stands here",
            at: context.span(ClaimPath.interface(index, key: "delivery"))))
      } else if let common = context.traffic.commonPools[index] {
        reason = "all its frames come into one pool"
        notes.append(
          Note(
            "the shared pool stands here",
            at: context.span(ClaimPath.pool(common.owner, common.item))))
      } else {
        continue
      }
      for (item, rule) in interface.rules.enumerated() where !rule.copies.isEmpty {
        findings.add(
          "a rule of \(interface.name) gives each frame to \(rule.receivers.count) partitions, but "
            + reason,
          at: context.span(ClaimPath.ruleTarget(index, item)), notes: notes,
          fixIts: [FixIt("name one of them, and link it with the others")])
      }
    }
  }

  static let replicaRepeated = PartitionCheck(
    "replica-repeated", .rules, "a rule names each of its receivers once",
    after: ["unknown-partition"],
    meaning: "The partition would get every frame twice, in two buffers.",
    repair: "name it once",
    source: "a decision of this project",
    example: .init(
      board: "t4240qds",
      rules: ["{ when: {eth.dst: \"01:00:5e:00:00:01\"}, to: [guest1, host, guest1] }"])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() where !rule.copies.isEmpty {
        var first: [String: Int] = [:]
        for (place, name) in rule.receivers.enumerated() {
          guard let earlier = first[name] else {
            first[name] = place
            continue
          }
          findings.add(
            "a rule of \(interface.name) names \(name) twice",
            at: context.span(ClaimPath.ruleTarget(index, item, item: place)),
            notes: [
              Note(
                "it stands here first",
                at: context.span(ClaimPath.ruleTarget(index, item, item: earlier)))
            ], fixIts: [FixIt("remove one of the two")])
        }
      }
    }
  }

  static let interfaceMute = PartitionCheck(
    "interface-mute", .rules, "an interface gives frames to somebody",
    after: ["unknown-partition", "otherwise-missing"],
    meaning: "Every frame is dropped, so nobody needs the interface in the plan.",
    repair: "give some frames to a partition, or remove the interface",
    source: "a decision of this project",
    example: .init(otherwise: "drop")
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated()
    where interface.dropsOtherwise && interface.rules.allSatisfy(\.drops) {
      findings.add(
        "\(interface.name) drops every frame", at: context.span(ClaimPath.otherwise(index)),
        fixIts: [FixIt("name a partition, or remove \(interface.name)")])
    }
  }

  static let dropWishes = PartitionCheck(
    "drop-wishes", .rules, severity: .warning, "a rule that drops asks for nothing else",
    meaning: """
      Its frames reach no queue, so there is nothing to spread, to serve first or to count in a group. They \
      are dropped before a policer sees them, which therefore counts others' frames only.
      """,
    repair: "remove the wish, or name who gets the frames",
    source: "a decision of this project",
    example: .init(rules: ["{ when: {l4.dst: 23}, to: drop, spread: 5-tuple }"])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() where rule.drops {
        for wish in rule.wishes {
          findings.add(
            "a rule of \(interface.name) drops its frames, so \(wish.vainly)",
            at: context.span(ClaimPath.rule(index, item, key: wish.key)),
            notes: [
              Note("they are dropped here", at: context.span(ClaimPath.ruleTarget(index, item)))
            ],
            fixIts: [FixIt("remove \(wish.key), or name who gets the frames")])
        }
      }
    }
  }

  static let partitionNamedDrop = PartitionCheck(
    "partition-named-drop", .naming, "no partition is called drop",
    meaning: "Behind `to` and `otherwise` the word says that frames are dropped.",
    repair: "choose another name",
    source: "a decision of this project",
    example: .init(
      others: [
        "drop": [
          "cpus": "[ 6 ]", "memory": "256 MiB", "portals": "1", "queues": "1024-1279",
          "pools": "[ {buffers: 256, size: 2 KiB} ]",
        ]
      ], links: "[ [host, guest1], [host, drop] ]")
  ) { context, findings in
    guard let index = context.indices[Plan.dropName] else { return }
    findings.add(
      "a partition is called \(Plan.dropName), which behind `to` means that frames are dropped",
      at: context.span(ClaimPath.partition(index)), fixIts: [FixIt("choose another name")])
  }
}

extension RuleWish {
  /// What a rule says about its frames beside who gets them: the key, and what comes of it when nobody does.
  fileprivate var wishes: [(key: String, vainly: String)] {
    var wishes: [(key: String, vainly: String)] = []
    if spread != nil { wishes.append(("spread", "nothing is spread")) }
    if spreadQueues != nil { wishes.append(("queues", "no queues are for them")) }
    if let policer { wishes.append(("policer", "they never pass the policer \(policer)")) }
    if workQueue != nil { wishes.append(("work-queue", "no work queue has them")) }
    if congestionGroup != nil { wishes.append(("congestion-group", "no group counts them")) }
    return wishes
  }
}
