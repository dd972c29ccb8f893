import Diagnostics

extension PartitionCheck {
  /// No key is taken and then forgotten: what the planner does not serve it refuses.
  static let wishUnserved = PartitionCheck(
    "wish-unserved", "the planner serves everything that a plan asks for"
  ) { context, findings in
    for (key, path) in context.unservedWishes {
      findings.add(
        "\(key) can be written, but nothing is planned for it yet", at: context.span(path),
        fixIts: [FixIt("remove it")])
    }
  }
}

extension PlanContext {
  /// The keys that nothing serves, with their paths, in the plan's order.
  fileprivate var unservedWishes: [(key: String, path: String)] {
    var found: [(String, String)] = []
    func note(_ key: String, _ path: String, if isThere: Bool) {
      if isThere { found.append((key, path)) }
    }
    for index in plan.reservations.indices {
      note("reserved", ClaimPath.reservation(index), if: true)
    }
    for index in plan.sharedMemory.indices {
      note("shared-memory", ClaimPath.sharedMemory(index), if: true)
    }
    for index in plan.policers.indices { note("policers", ClaimPath.policer(index), if: true) }
    for (index, wish) in partitions {
      note("memory's address", ClaimPath.memoryAddress(index), if: wish.memoryAddress != nil)
      note("mode", ClaimPath.mode(index), if: wish.mode != .poll)
      for role in QueueRole.allCases {
        note("roles", ClaimPath.role(index, role), if: wish.roles[role] != nil)
        note("work-queues", ClaimPath.workQueue(index, role), if: wish.workQueues[role] != nil)
      }
      for item in wish.congestionGroups.indices {
        note("congestion-groups", ClaimPath.congestionGroup(index, item), if: true)
      }
      note("pool-channels", ClaimPath.poolChannels(index), if: wish.poolChannels != nil)
      for accelerator in wish.accelerators {
        note("accelerators", ClaimPath.accelerator(index, accelerator.kind), if: true)
      }
      note("liodn-offset", ClaimPath.liodnOffset(index), if: wish.liodnOffset != nil)
      for item in wish.dmaWindows.indices {
        note("dma-windows", ClaimPath.dmaWindow(index, item), if: true)
      }
      for image in wish.images { note("images", ClaimPath.image(index, image.kind), if: true) }
      note("boot-arguments", ClaimPath.bootArguments(index), if: wish.bootArguments != nil)
      for (item, pool) in (wish.pools ?? []).enumerated() {
        note("a pool's seeded", ClaimPath.poolSeeded(index, item), if: pool.seeded != nil)
        note("a pool's address", ClaimPath.poolAddress(index, item), if: pool.address != nil)
        note(
          "a pool's thresholds", ClaimPath.poolThresholds(index, item),
          if: pool.thresholds != PoolThresholds())
        note(
          "a pool's shared-with", ClaimPath.poolSharer(index, item, 0), if: !pool.sharedWith.isEmpty
        )
      }
    }
    for (index, interface) in plan.interfaces.enumerated() {
      let keys: [(String, Bool)] = [
        ("mtu", interface.mtu != nil), ("headroom", interface.headroom != nil),
        ("delivery", interface.delivery != nil), ("policer", interface.policer != nil),
        ("work-queue", interface.workQueue != nil),
      ]
      for (key, isThere) in keys { note(key, ClaimPath.interface(index, key: key), if: isThere) }
      for (item, rule) in interface.rules.enumerated() {
        let keys: [(String, Bool)] = [
          ("queues", rule.spreadQueues != nil), ("policer", rule.policer != nil),
          ("work-queue", rule.workQueue != nil), ("congestion-group", rule.congestionGroup != nil),
        ]
        for (key, isThere) in keys { note(key, ClaimPath.rule(index, item, key: key), if: isThere) }
      }
    }
    for (index, link) in plan.links.enumerated() {
      note("a link's work-queue", ClaimPath.link(index), if: link.workQueue != nil)
    }
    return found
  }
}
