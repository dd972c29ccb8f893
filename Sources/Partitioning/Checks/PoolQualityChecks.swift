import Diagnostics
import QorIQ

/// Checks of what is in pools, who shares them, and whether they are enough.
extension PartitionCheck {
  private static func pool(_ keys: String) -> PlanExample.Keys {
    ["pools": "[ {buffers: 256, size: 2 KiB, \(keys)} ]"]
  }

  static let poolOverseeded = PartitionCheck(
    "pool-overseeded", .pools, "a pool is seeded with no more buffers than it has",
    meaning: "The buffers behind the last one would lie in memory that belongs to something else.",
    repair: "seed at most all buffers",
    source: "Freescale SDK device trees: fsl,bpool-ethernet-cfg gives count and size",
    example: .init(guest: pool("seeded: 512"))
  ) { context, findings in
    for (index, item, pool) in context.pools {
      guard let seeded = pool.seeded, seeded > pool.bufferCount else { continue }
      let span = context.span(ClaimPath.poolSeeded(index, item))
      findings.add(
        "\(context.name(index)) seeds a pool with \(seeded) buffers, but it has \(pool.bufferCount)",
        at: span,
        notes: [
          Note("the buffers are here", at: context.span(ClaimPath.poolBuffers(index, item)))
        ], fixIts: [.replace(span, with: "\(pool.bufferCount)")])
    }
  }

  static let poolUnseeded = PartitionCheck(
    "pool-unseeded", .pools, "somebody fills a pool",
    meaning: "An empty pool gives no buffer, and every frame for it is dropped.",
    repair: "seed it",
    source: "Freescale's hv-cfg: fsl,bpool-ethernet-seeds stands on exactly one side",
    example: .init(guest: pool("seeded: 0"))
  ) { context, findings in
    for (index, item, pool) in context.pools where pool.seeded == 0 && pool.bufferCount > 0 {
      let span = context.span(ClaimPath.poolSeeded(index, item))
      findings.add(
        "nobody seeds this pool of \(context.name(index)), which has \(pool.bufferCount) buffers",
        at: span, fixIts: [.replace(span, with: "\(pool.bufferCount)")])
    }
  }

  static let poolThresholdOrder = PartitionCheck(
    "pool-threshold-order", .pools, "depletion ends above where it begins",
    meaning: """
      Between the two marks nothing changes, so that one buffer more or less does not raise an \
      interrupt each time.
      """,
    repair: "let the second mark be above the first",
    source: "Freescale SDK device trees: fsl,bpool-thresholds; bman_high.c",
    example: .init(guest: pool("thresholds: {software: [128, 64]}"))
  ) { context, findings in
    for (index, item, pool) in context.pools {
      let marks = pool.thresholds
      for (kind, enter, exit) in [
        ("software", marks.softwareEnter, marks.softwareExit),
        ("hardware", marks.hardwareEnter, marks.hardwareExit),
      ] {
        guard let enter, let exit, exit <= enter else { continue }
        findings.add(
          "\(context.name(index))'s pool is depleted below \(enter) for \(kind), but not again above "
            + "\(exit)",
          at: context.span(ClaimPath.poolThresholds(index, item)),
          fixIts: [FixIt("let it end above \(enter)")])
      }
    }
  }

  static let poolThresholdRange = PartitionCheck(
    "pool-threshold-range", .pools, "a full pool is not depleted",
    after: ["pool-threshold-order"],
    meaning: """
      A mark at or above the number of buffers is never left: the port sends pause frames for ever.
      """,
    repair: "choose marks below the number of buffers",
    source: "Freescale SDK, bman_config.c: POOL_SWDET and POOL_HWDET",
    example: .init(guest: pool("thresholds: {hardware: [256, 300]}"))
  ) { context, findings in
    for (index, item, pool) in context.pools {
      let marks = pool.thresholds
      let highest = [
        marks.softwareExit, marks.hardwareExit, marks.softwareEnter, marks.hardwareEnter,
      ]
      .compactMap { $0 }.max()
      guard let highest, highest >= pool.bufferCount, pool.bufferCount > 0 else { continue }
      findings.add(
        "\(context.name(index))'s pool has a mark at \(highest), but \(pool.bufferCount) buffers",
        at: context.span(ClaimPath.poolThresholds(index, item)),
        notes: [
          Note("the buffers are here", at: context.span(ClaimPath.poolBuffers(index, item)))
        ], fixIts: [FixIt("choose at most \(pool.bufferCount - 1)")])
    }
  }

  static let poolThresholdHardware = PartitionCheck(
    "pool-threshold-late", .pools, severity: .warning,
    "software is told of depletion before hardware stops",
    after: ["pool-threshold-order", "pool-threshold-range"],
    meaning: """
      When FMan stops first, frames wait or are lost before anybody could have released buffers.
      """,
    repair: "let the software's mark be the higher one",
    source: "Freescale SDK device trees: swdet stands above hwdet",
    example: .init(guest: pool("thresholds: {software: [16, 32], hardware: [64, 128]}"))
  ) { context, findings in
    for (index, item, pool) in context.pools {
      guard let software = pool.thresholds.softwareEnter,
        let hardware = pool.thresholds.hardwareEnter, hardware > software
      else { continue }
      findings.add(
        "\(context.name(index)) is told below \(software) buffers, but FMan stops below \(hardware)",
        at: context.span(ClaimPath.poolThresholds(index, item)),
        fixIts: [FixIt("tell software below \(hardware * 2)")])
    }
  }

  static let poolAddressOutside = PartitionCheck(
    "pool-address-outside", .pools, "a pool's buffers lie in its owner's memory",
    after: ["memory-address-range"],
    meaning: """
      PAMU lets FMan write to the owner's memory only; a buffer elsewhere is refused, or worse, is \
      another partition's.
      """,
    repair: "put the buffers into the owner's memory",
    source: "Linux 6.1, drivers/iommu/fsl_pamu.c",
    example: .init(guest: [
      "memory": "{ size: 512 MiB, address: 0x60000000 }",
      "pools": "[ {buffers: 256, size: 2 KiB, address: 0x50000000} ]",
    ])
  ) { context, findings in
    for (index, item, pool) in context.pools {
      guard let memory = context.memoryRange(index), let range = context.range(of: pool),
        range.base < memory.base || range.last > memory.last
      else { continue }
      findings.add(
        "\(context.name(index))'s pool lies at \(hex(range)), but its memory is \(hex(memory))",
        at: context.span(ClaimPath.poolAddress(index, item)),
        notes: [
          Note("the memory is here", at: context.span(ClaimPath.memoryAddress(index)))
        ],
        fixIts: [FixIt("begin at 0x\(String(memory.base, radix: 16)) or above")])
    }
  }

  static let poolAddressOverlap = PartitionCheck(
    "pool-address-overlap", .pools, "two pools have buffers of their own",
    meaning: "Two frames would be written to one place.",
    repair: "move one of the two",
    source: "a decision of this project",
    example: .init(guest: [
      "memory": "{ size: 512 MiB, address: 0x60000000 }",
      "pools": """
      [ {buffers: 256, size: 2 KiB, address: 0x60100000}, \
      {buffers: 64, size: 512, address: 0x60110000} ]
      """,
    ])
  ) { context, findings in
    let placed = context.pools.compactMap { index, item, pool in
      context.range(of: pool).map { (index: index, item: item, range: $0) }
    }
    let sweep = OverlapSweep(placed.map { .init($0.index, $0.range) })
    for meeting in sweep.meetings {
      let (earlier, later) = (placed[meeting.earlier], placed[meeting.later])
      findings.add(
        "\(context.name(later.index))'s pool at \(hex(later.range)) meets the one of "
          + "\(context.name(earlier.index)) at \(hex(earlier.range))",
        at: context.span(ClaimPath.poolAddress(later.index, later.item)),
        notes: [
          Note(
            "the other is here",
            at: context.span(ClaimPath.poolAddress(earlier.index, earlier.item)))
        ] + meeting.notes,
        fixIts: [
          FixIt("begin at 0x\(String(earlier.range.last + 1, radix: 16)) or above")
        ])
    }
    findings.omit(sweep)
  }

  static let poolAddressAligned = PartitionCheck(
    "pool-address-aligned", .pools, "buffers begin on a cache line",
    meaning: """
      Two buffers in one cache line make two CPUs take the line from each other, and a frame's \
      annotation is read 64 bytes at a time.
      """,
    repair: "choose a multiple of 64",
    source:
      "Linux 6.1, drivers/net/ethernet/freescale/dpaa/dpaa_eth.c: DPAA_FD_DATA_ALIGNMENT 16 or 64",
    example: .init(guest: [
      "memory": "{ size: 512 MiB, address: 0x60000000 }",
      "pools": "[ {buffers: 256, size: 2 KiB, address: 0x60100010} ]",
    ])
  ) { context, findings in
    for (index, item, pool) in context.pools {
      guard let address = pool.address, address % 64 != 0 else { continue }
      let span = context.span(ClaimPath.poolAddress(index, item))
      let text = "0x" + String(address & ~63, radix: 16)
      findings.add(
        "\(context.name(index))'s pool begins at 0x\(String(address, radix: 16)), "
          + "\(address % 64) bytes into a cache line",
        at: span, fixIts: [.replace(span, with: text)])
    }
  }

  static let poolSharerUnknown = PartitionCheck(
    "unknown-sharer", .pools, "whoever shares a pool is another partition",
    meaning: "Nobody of that name, or only the owner, would use the pool.",
    repair: "name another partition of the plan",
    source: "a decision of this project",
    example: .init(guest: pool("shared-with: [hots]"))
  ) { context, findings in
    let names = context.plan.partitions.map(\.name)
    for (index, item, pool) in context.pools {
      for (place, name) in pool.sharedWith.enumerated()
      where context.indices[name] == nil || name == context.name(index) {
        let span = context.span(ClaimPath.poolSharer(index, item, place))
        let others = names.filter { $0 != context.name(index) }
        findings.add(
          name == context.name(index)
            ? "\(name) shares its pool with itself"
            : "\(context.name(index)) shares a pool with \(name), but there is no such partition",
          at: span, fixIts: context.spelling(of: name, among: others, at: span))
      }
    }
  }

  static let poolSizeRepeated = PartitionCheck(
    "pool-size-repeated", .pools, severity: .warning, "a partition's pools differ in size",
    meaning: """
      A port takes the smallest buffer that holds the frame; of two pools with one size only the \
      first is asked, and the second one's buffers lie idle.
      """,
    repair: "join the two pools, or give one another size",
    source: "NXP fmlib, include/fmd/Peripherals/fm_port_ext.h: pools in ascending size",
    example: .init(guest: [
      "pools": "[ {buffers: 256, size: 2 KiB}, {buffers: 128, size: 2 KiB} ]"
    ])
  ) { context, findings in
    // Mainline's dpaa_eth has a pool for each interface, all of one size.
    for (index, wish) in context.partitions where wish.os != .linuxMainline {
      let pools = wish.pools ?? []
      let alike = Dictionary(grouping: pools.indices) { pools[$0].bufferSize }
      for items in alike.values.sorted(by: { $0[0] < $1[0] }) where items.count > 1 {
        let buffers = items.reduce(UInt64(0)) { $0 + UInt64(pools[$1].bufferCount) }
        findings.add(
          "\(wish.name) has \(items.count == 2 ? "two" : "\(items.count)") pools with buffers of "
            + byteCount(pools[items[0]].bufferSize),
          at: context.span(ClaimPath.poolSize(index, items[1])),
          notes: [
            Note("the first is here", at: context.span(ClaimPath.poolSize(index, items[0])))
          ]
            + items.dropFirst(2).map {
              Note("one more is here", at: context.span(ClaimPath.poolSize(index, $0)))
            },
          fixIts: [FixIt("make one pool of \(buffers) buffers")])
      }
    }
  }

  static let portPools = PartitionCheck(
    "port-pools", .pools, "a port can be told all pools of a partition",
    after: ["unknown-partition", "unknown-interface"],
    meaning: """
      A receive port, or a storage profile, has 4 entries for pools in the sources that count few and \
      8 in those that count many; a ninth pool is never used.
      """,
    repair: "keep to 4 pools of different sizes",
    source:
      "NXP fmlib, include/fmd/integrations: 8 on P series, 4 on T series; Linux 6.1, fman.c: the reverse",
    example: .init(
      guest: [
        "pools": "[ "
          + [256, 384, 512, 768, 1024, 1280, 1536, 1792, 2048].map { "{buffers: 64, size: \($0)}" }
          .joined(separator: ", ") + " ]"
      ], rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"])
  ) { context, findings in context.addPortPools(8, "8", into: &findings) }

  static let portPoolsMany = PartitionCheck(
    "port-pools-many", .pools, severity: .warning, "a partition's pools fit a port on every board",
    after: ["unknown-partition", "unknown-interface", "port-pools"],
    meaning: """
      Between 5 and 8 pools the sources disagree about which frame manager takes them.
      """,
    repair: "keep to 4",
    source: "NXP fmlib and Linux 6.1, fman.c, contradict each other",
    example: .init(
      guest: [
        "pools": "[ "
          + [256, 512, 1024, 1536, 2048].map { "{buffers: 64, size: \($0)}" }
          .joined(separator: ", ") + " ]"
      ], rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"])
  ) { context, findings in context.addPortPools(4, "4 on some boards", into: &findings) }

  static let poolInFlight = PartitionCheck(
    "pool-in-flight", .buffers, severity: .warning, "a pool outlasts what portals hold",
    after: ["empty-claim", "ring-size"],
    meaning: """
      Each portal's dequeue ring can hold its entries' buffers until they are consumed. With fewer \
      buffers than that a slow program stops its own reception.
      """,
    repair: "give the pools a buffer for each ring entry of all portals at least",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman.c: DQRR of 16, maximum fill 15",
    example: .init(guest: ["pools": "[ {buffers: 24, size: 2 KiB} ]"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let pools = wish.pools, !pools.isEmpty, let portals = wish.portals?.count,
        !context.traffic.paths[index].isEmpty
      else { continue }
      let buffers = pools.reduce(0) { $0 + Int($1.bufferCount) }
      let held = context.heldByRings(of: index)
      guard buffers < held else { continue }
      findings.add(
        "\(wish.name)'s pools have \(buffers) buffers, but its \(portals) portals hold up to \(held)",
        at: context.span(ClaimPath.pools(index)),
        notes: [Note("its portals are here", at: context.span(ClaimPath.portals(index)))],
        fixIts: [FixIt("ask for \(held) buffers or more")])
    }
  }

  static let poolMTU = PartitionCheck(
    "pool-mtu", .buffers, severity: .warning, "a buffer holds the interface's largest frame",
    after: ["unknown-partition", "unknown-interface", "pool-size"],
    meaning: """
      A frame that fits no buffer is scattered over several of the largest, 16 at most: a table of them and a \
      program that reads it.
      """,
    repair: "enlarge the buffers, or lower the interface's mtu",
    source: "NXP fmlib, include/fmd/Peripherals/fm_port_ext.h: scatter/gather of the largest pool",
    example: .init(
      guest: ["pools": "[ {buffers: 256, size: 1536} ]"],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"], links: nil)
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let largest = wish.pools?.map(\.bufferSize).max() else { continue }
      for path in context.traffic.paths[index] {
        guard case .interface(let interface) = path.target else { continue }
        let needed = context.largestNeed(at: interface)
        let headroom = needed - context.largestFrame(of: interface)
        guard largest < needed else { continue }
        findings.add(
          "\(wish.name)'s largest buffers of \(largest) bytes do not hold \(path.name)'s largest "
            + "frame of \(needed - headroom) behind \(headroom) of headroom",
          at: context.span(ClaimPath.pools(index)),
          notes: [
            Note(
              "\(path.name) is shared out here", at: context.span(ClaimPath.interface(interface)))
          ], fixIts: [FixIt("give the buffers \(needed) bytes or more")])
      }
    }
  }

  static let linkBuffers = PartitionCheck(
    "link-buffers", .buffers, severity: .warning,
    "a link's receiver holds what its sender can send",
    after: ["unknown-partition", "pool-size"],
    meaning: """
      An offline port copies a frame into the receiver's buffer. What fits none, dpaac run scatters \
      over several of the largest: a table of them, which the receiver's program has to read.
      """,
    repair: "give both ends buffers of one size",
    source: "Freescale's hv-cfg: both sides' pools have the same geometry",
    example: .init(guest: ["pools": "[ {buffers: 256, size: 1 KiB} ]"])
  ) { context, findings in
    for (index, link) in context.plan.links.enumerated() {
      guard let first = context.indices[link.first], let second = context.indices[link.second],
        let one = context.plan.partitions[first].pools?.map(\.bufferSize).max(),
        let other = context.plan.partitions[second].pools?.map(\.bufferSize).max(), one != other
      else { continue }
      let (small, large) = one < other ? (first, second) : (second, first)
      findings.add(
        "\(context.name(large)) can send up to \(max(one, other)) bytes to \(context.name(small)), "
          + "whose largest buffers have \(min(one, other))",
        at: context.span(ClaimPath.link(index)),
        notes: [
          Note("the smaller buffers are here", at: context.span(ClaimPath.pools(small))),
          Note("the larger ones are here", at: context.span(ClaimPath.pools(large))),
        ], fixIts: [FixIt("give \(context.name(small)) buffers of \(max(one, other)) bytes")])
    }
  }
}

extension PlanContext {
  /// Every pool with its partition and its place there.
  var pools: [(index: Int, item: Int, pool: PoolWish)] {
    partitions.flatMap { index, wish in
      (wish.pools ?? []).enumerated().map { (index, $0, $1) }
    }
  }

  /// Where a pool's buffers lie, if the plan says so and the address does not wrap around.
  func range(of pool: PoolWish) -> AddressRange? {
    guard let base = pool.address, pool.bufferCount > 0, pool.bufferSize > 0,
      pool.bufferSize <= BufferNeeds.largestBuffer
    else { return nil }
    let size = PoolLayout.bytes(of: pool)
    guard !base.addingReportingOverflow(size).overflow else { return nil }
    return AddressRange(base: base, size: size)
  }

  /// The largest frame of an interface without its checksum.
  func largestFrame(of interface: Int) -> UInt64 {
    UInt64(plan.interfaces[interface].mtu ?? 1500) + BufferNeeds.ethernetHeader
  }

  fileprivate func addPortPools(_ limit: Int, _ words: String, into findings: inout Findings) {
    for (index, wish) in partitions {
      guard let pools = wish.pools, pools.count > limit else { continue }
      for path in traffic.paths[index] {
        guard case .interface(let interface) = path.target else { continue }
        findings.add(
          "\(wish.name) has \(pools.count) pools, but \(path.name) can be told \(words)",
          at: span(ClaimPath.pool(index, limit)),
          notes: [
            Note("\(path.name) is shared out here", at: span(ClaimPath.interface(interface)))
          ], fixIts: [FixIt("keep to 4 pools")])
        break
      }
    }
  }
}
