import Diagnostics
import QorIQ

/// Checks of what is in pools, where they lie, and who shares them.
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
      guard let memory = context.memoryRange(index), let range = context.claimedRange(of: pool),
        !memory.contains(range)
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
    guard let range = claimedRange(of: pool),
      !range.base.addingReportingOverflow(range.size).overflow
    else { return nil }
    return range
  }

  /// Where a pool's buffers lie, if the plan says so, even where the address wraps around: then they
  /// lie in nobody's memory.
  func claimedRange(of pool: PoolWish) -> AddressRange? {
    guard let base = pool.address, pool.bufferCount > 0, pool.bufferSize > 0,
      pool.bufferSize <= BufferNeeds.largestBuffer
    else { return nil }
    return AddressRange(base: base, size: PoolLayout.bytes(of: pool))
  }

  /// The largest frame of an interface without its checksum.
  func largestFrame(of interface: Int) -> UInt64 {
    UInt64(plan.interfaces[interface].mtu ?? 1500) + BufferNeeds.ethernetHeader
  }
}
