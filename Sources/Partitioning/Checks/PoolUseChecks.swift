import Diagnostics
import QorIQ

/// Checks of what becomes of pools in use: who reaches them, how long they last, who is told.
extension PartitionCheck {
  static let poolUseChecks = [
    poolShareIdle, poolLines, buffersExhausted, poolNeverChosen, sharedPoolSmall, sharedPoolFew,
    poolSeededFew, poolThresholdSeeded, poolThresholdZero, poolThresholdUnheard,
  ]

  private static let pairOfRules = ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"]

  static let poolShareIdle = PartitionCheck(
    "pool-share-idle", .pools, severity: .warning,
    "whoever shares a pool exchanges frames with its owner",
    after: ["unknown-sharer", "unknown-partition", "unknown-interface"],
    meaning: """
      The two have no interface and no link in common, so no frame ever brings one of these buffers \
      to the other; what is left of the sharing is that it may take them.
      """,
    repair: "take the name out, or link the two",
    source: "a decision of this project",
    example: .init(
      guest: ["pools": "[ {buffers: 256, size: 2 KiB, shared-with: [guest2]} ]"],
      others: [
        "guest2": [
          "cpus": "[ 6 ]", "memory": "256 MiB", "portals": "2", "queues": "768-1023",
          "pools": "[ {buffers: 256, size: 2 KiB} ]",
        ]
      ], links: "[ [host, guest1], [host, guest2] ]")
  ) { context, findings in
    for (index, item, pool) in context.pools {
      for (place, name) in pool.sharedWith.enumerated() {
        guard let sharer = context.indices[name], sharer != index,
          !context.traffic.paths[index].contains(where: { path in
            switch path.target {
            case .link(_, let peer): peer == sharer
            case .interface:
              context.traffic.paths[sharer].contains { $0.target == path.target }
            }
          })
        else { continue }
        findings.add(
          "\(context.name(index)) shares a pool with \(name), but the two have no interface and no "
            + "link in common",
          at: context.span(ClaimPath.poolSharer(index, item, place)),
          notes: [Note("\(name) stands here", at: context.span(ClaimPath.partition(sharer)))],
          fixIts: [FixIt("take \(name) out")])
      }
    }
  }

  static let poolLines = PartitionCheck(
    "pool-lines", .pools, severity: .warning, "a buffer is whole cache lines",
    after: ["pool-size", "pools-exhausted"],
    meaning: """
      Buffers begin on cache lines, so the rest of the last line stays empty in each of them, while \
      ports are told the smaller size and turn away frames that would have fitted.
      """,
    repair: "choose a multiple of 64",
    source: "Freescale's hv-cfg, 4d73a9c: 1600 became 1728, 27 lines",
    example: .init(
      guest: ["pools": "[ {buffers: 256, size: 2000} ]"], rules: pairOfRules, links: nil)
  ) { context, findings in
    for (index, item, pool) in context.pools where pool.bufferSize % 64 != 0 {
      let whole = min((pool.bufferSize + 63) & ~63, BufferNeeds.largestBuffer & ~63)
      let span = context.span(ClaimPath.poolSize(index, item))
      findings.add(
        "\(context.name(index))'s buffers of \(pool.bufferSize) bytes end \(pool.bufferSize % 64) "
          + "bytes into a cache line",
        at: span, fixIts: [.replace(span, with: "\(whole)")])
    }
  }

  static let buffersExhausted = PartitionCheck(
    "buffers-exhausted", .pools, "BMan's memory can list all buffers",
    after: ["pool-memory"],
    meaning: """
      BMan lists free buffers by address in a memory of its own. Addresses have at least 40 bits, so \
      there is an end to how many it can hold, and behind it buffers that are released are lost.
      """,
    repair: "ask for fewer buffers, or give BMan more memory in the board",
    source: """
      Linux 6.1, drivers/soc/fsl/qbman/bman_ccsr.c: FBPR memory; bman_test_api.c: 40 bits of address
      """,
    example: .init(guest: [
      "memory": "1 GiB",
      "pools": "[ {buffers: 3500000, size: 128}, {buffers: 256, size: 2 KiB} ]",
    ])
  ) { context, findings in
    findings.addShortage(
      of: "buffers",
      wishes: context.pools.map { index, item, pool in
        (index, Int(pool.bufferCount), context.span(ClaimPath.poolBuffers(index, item)))
      }, available: Int(clamping: context.board.bman.memorySize / 5), in: context)
  }

  static let poolNeverChosen = PartitionCheck(
    "pool-never-chosen", .buffers, severity: .warning, "some frame needs the larger pool",
    after: ["unknown-partition", "unknown-interface", "pool-size"],
    meaning: """
      A port takes the smallest buffer that holds the frame. Where a smaller pool holds the largest \
      frame of every interface, the larger pool's buffers lie idle.
      """,
    repair: "join the pools, or raise the interface's mtu",
    source: "NXP fmlib, include/fmd/Peripherals/fm_port_ext.h: pools in ascending size",
    example: .init(
      guest: ["pools": "[ {buffers: 256, size: 2 KiB}, {buffers: 64, size: 4 KiB} ]"],
      rules: pairOfRules, links: nil)
  ) { context, findings in
    for (index, wish) in context.partitions {
      // What a program, an accelerator or a peer puts into a buffer is not for us to say.
      guard let pools = wish.pools, pools.count > 1, wish.accelerators.isEmpty,
        case .some(let needed) = context.largestNeed(of: index)
      else { continue }
      if case .source = wish.program { continue }
      let fitting = pools.map(\.bufferSize).filter { $0 >= needed }.min()
      guard let fitting, let chosen = pools.firstIndex(where: { $0.bufferSize == fitting }) else {
        continue
      }
      for (item, pool) in pools.enumerated() where pool.bufferSize > fitting {
        findings.add(
          "\(wish.name)'s buffers of \(byteCount(pool.bufferSize)) are never chosen: "
            + "\(byteCount(fitting)) hold every frame of its interfaces",
          at: context.span(ClaimPath.poolSize(index, item)),
          notes: [
            Note("the smaller ones are here", at: context.span(ClaimPath.poolSize(index, chosen)))
          ],
          fixIts: [
            FixIt("make one pool of \(pools[chosen].bufferCount &+ pool.bufferCount) buffers")
          ])
      }
    }
  }

  static let sharedPoolSmall = PartitionCheck(
    "shared-pool-small", .buffers, severity: .warning,
    "the pool that all share holds the interface's largest frame",
    after: ["unknown-partition", "unknown-interface", "pool-size"],
    meaning: """
      With a shared pool the port knows no other one: the larger buffers that its owner or somebody \
      else has are out of reach, and a longer frame is scattered or dropped.
      """,
    repair: "share the larger pool, or lower the interface's mtu",
    source: "NXP fmlib, include/fmd/Peripherals/fm_port_ext.h: on FMan v2 pools belong to the port",
    example: .init(
      guest: [
        "pools": "[ {buffers: 256, size: 1 KiB, shared-with: [host]}, {buffers: 256, size: 2 KiB} ]"
      ], rules: pairOfRules)
  ) { context, findings in
    for (interface, common) in context.traffic.commonPools.sorted(by: { $0.key < $1.key }) {
      let pools = context.plan.partitions[common.owner].pools ?? []
      let needed = context.largestNeed(at: interface)
      // Where no pool would do, pool-mtu says so.
      guard pools[common.item].bufferSize < needed,
        pools.contains(where: { $0.bufferSize >= needed })
      else { continue }
      let name = context.plan.interfaces[interface].name
      findings.add(
        "\(name) receives into buffers of \(byteCount(pools[common.item].bufferSize)) that all share, "
          + "but needs \(needed)",
        at: context.span(ClaimPath.poolSize(common.owner, common.item)),
        notes: [
          Note("\(name) is shared out here", at: context.span(ClaimPath.interface(interface)))
        ],
        fixIts: [FixIt("share a pool with buffers of \(needed) bytes or more")])
    }
  }

  static let sharedPoolFew = PartitionCheck(
    "shared-pool-few", .buffers, severity: .warning,
    "a pool outlasts what all that share it can hold",
    after: ["empty-claim", "ring-size", "unknown-partition", "unknown-interface"],
    meaning: """
      Each of them can hold as many buffers as its rings have entries. Where that is the whole pool, \
      one that is slow stops the reception of all the others.
      """,
    repair: "give the shared pool a buffer for each ring entry of everybody's portals at least",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman.c: DQRR of 16, maximum fill 15",
    example: .init(
      guest: ["pools": "[ {buffers: 80, size: 2 KiB, shared-with: [host]} ]"], rules: pairOfRules)
  ) { context, findings in
    for (interface, common) in context.traffic.commonPools.sorted(by: { $0.key < $1.key }) {
      let wish = context.plan.interfaces[interface]
      let owners = TrafficMap.owners(of: wish, indices: context.indices)
      let held = owners.map { ($0, context.heldByRings(of: $0)) }
      let sum = held.reduce(0) { $0 + $1.1 }
      let pools = context.plan.partitions[common.owner].pools ?? []
      let buffers = Int(pools[common.item].bufferCount)
      // Where the owner alone can hold them all, pool-in-flight says so.
      guard buffers < sum, buffers >= context.heldByRings(of: common.owner) else { continue }
      findings.add(
        "the pool that \(wish.name) fills for all has \(buffers) buffers, but they hold up to \(sum)",
        at: context.span(ClaimPath.poolBuffers(common.owner, common.item)),
        notes: held.map {
          Note(
            "\(context.name($0.0))'s portals hold \($0.1)",
            at: context.span(ClaimPath.portals($0.0)))
        }, fixIts: [FixIt("ask for \(sum) buffers or more")])
    }
  }

  static let poolSeededFew = PartitionCheck(
    "pool-seeded-few", .buffers, severity: .warning, "a pool begins with what portals hold",
    after: ["pool-unseeded", "pool-overseeded", "empty-claim", "ring-size"],
    meaning: """
      What is not seeded comes when the program releases it, and a program that waits for its first \
      frames releases nothing: it starts on these buffers.
      """,
    repair: "seed a buffer for each ring entry of the partition's portals at least",
    source: "Linux 6.1, drivers/net/ethernet/freescale/dpaa/dpaa_eth.c: all 128 per CPU are seeded",
    example: .init(guest: ["pools": "[ {buffers: 256, size: 2 KiB, seeded: 16} ]"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let pools = wish.pools, !context.traffic.paths[index].isEmpty else { continue }
      let seeded = pools.reduce(0) { $0 + Int($1.seeded ?? $1.bufferCount) }
      let all = pools.reduce(0) { $0 + Int($1.bufferCount) }
      let held = context.heldByRings(of: index)
      guard seeded < held, all >= held, let item = pools.firstIndex(where: { $0.seeded != nil })
      else {
        continue
      }
      findings.add(
        "\(wish.name)'s pools begin with \(seeded) buffers, but its portals hold up to \(held)",
        at: context.span(ClaimPath.poolSeeded(index, item)),
        notes: [Note("its portals are here", at: context.span(ClaimPath.portals(index)))],
        fixIts: [FixIt("seed \(held) or more")])
    }
  }

  static let poolThresholdSeeded = PartitionCheck(
    "pool-threshold-seeded", .pools, severity: .warning, "a pool does not begin depleted",
    after: ["pool-threshold-order", "pool-threshold-range", "pool-overseeded", "pool-unseeded"],
    meaning: """
      Depletion ends above the second mark. A pool that is seeded with fewer buffers begins depleted, \
      and the port stays paused until somebody releases more.
      """,
    repair: "seed more buffers, or let depletion end lower",
    source: "Freescale SDK, bman_config.c: POOL_SWDXT and POOL_HWDXT",
    example: .init(guest: [
      "pools": "[ {buffers: 256, size: 2 KiB, seeded: 128, thresholds: {hardware: [64, 160]}} ]"
    ])
  ) { context, findings in
    for (index, item, pool) in context.pools {
      let exits = [pool.thresholds.softwareExit, pool.thresholds.hardwareExit].compactMap { $0 }
      guard let seeded = pool.seeded, let exit = exits.max(), exit >= seeded else { continue }
      findings.add(
        "\(context.name(index))'s pool begins with \(seeded) buffers, but is depleted until it has "
          + "more than \(exit)",
        at: context.span(ClaimPath.poolThresholds(index, item)),
        notes: [
          Note("it is seeded here", at: context.span(ClaimPath.poolSeeded(index, item)))
        ], fixIts: [FixIt("seed \(exit + 1) or more")])
    }
  }

  static let poolThresholdZero = PartitionCheck(
    "pool-threshold-zero", .pools, severity: .warning, "depletion begins before a pool is empty",
    after: ["pool-threshold-order"],
    meaning: "Depletion begins below the first mark, and no pool has fewer than 0 buffers.",
    repair: "choose a first mark of 1 or more, or leave the marks out",
    source: "Freescale SDK, bman_high.c: 0 switches a threshold off",
    example: .init(guest: [
      "pools": "[ {buffers: 256, size: 2 KiB, thresholds: {software: [0, 64]}} ]"
    ])
  ) { context, findings in
    for (index, item, pool) in context.pools {
      for (kind, enter) in [
        ("software", pool.thresholds.softwareEnter), ("hardware", pool.thresholds.hardwareEnter),
      ] where enter == 0 {
        findings.add(
          "\(context.name(index))'s pool is depleted for \(kind) below 0 buffers, which is never",
          at: context.span(ClaimPath.poolThresholds(index, item)),
          fixIts: [FixIt("begin at \(max(pool.bufferCount / 8, 1))")])
      }
    }
  }

  static let poolThresholdUnheard = PartitionCheck(
    "pool-threshold-unheard", .pools, severity: .warning,
    "somebody listens where software is told of depletion",
    meaning: """
      Linux as released asks for no state changes of pools: it clears the portal's subscription when \
      it starts, and the software marks interrupt nobody.
      """,
    repair: "leave the software marks out, or run the SDK's kernel",
    source: "Linux 6.1, drivers/soc/fsl/qbman/bman.c: SCN(0) and SCN(1) are written 0",
    example: .init(guest: [
      "portals": "4", "queues": "1024-2047", "os": "linux-mainline", "congestion-groups": "2",
      "pool-channels": "1",
      "pools": "[ {buffers: 256, size: 2 KiB, thresholds: {software: [64, 128]}} ]",
    ])
  ) { context, findings in
    for (index, item, pool) in context.pools
    where pool.thresholds.softwareEnter != nil
      && context.plan.partitions[index].os == .linuxMainline
    {
      findings.add(
        "\(context.name(index)) is to be told of depletion, but its kernel does not listen",
        at: context.span(ClaimPath.poolThresholds(index, item)),
        notes: [
          Note("its operating system is here", at: context.span(ClaimPath.os(index)))
        ], fixIts: [FixIt("leave the software marks out")])
    }
  }
}

extension PlanContext {
  /// The size of a buffer that holds any frame of an interface, headroom included.
  func largestNeed(at interface: Int) -> UInt64 {
    largestFrame(of: interface)
      + UInt64(plan.interfaces[interface].headroom ?? UInt32(BufferNeeds.headroom))
  }

  /// The same over all interfaces of a partition; `nil` where it has links or none, or where a port
  /// receives into a pool that is not chosen for it alone.
  fileprivate func largestNeed(of owner: Int) -> UInt64? {
    var largest: UInt64?
    for path in traffic.paths[owner] {
      guard case .interface(let interface) = path.target, traffic.commonPools[interface] == nil
      else {
        return nil
      }
      largest = max(largest ?? 0, largestNeed(at: interface))
    }
    return largest
  }

  /// How many buffers a partition's dequeue rings hold at most.
  func heldByRings(of owner: Int) -> Int {
    let wish = plan.partitions[owner]
    return (wish.portals?.count ?? 0) * max(wish.rings.dequeue - 1, 0)
  }
}
