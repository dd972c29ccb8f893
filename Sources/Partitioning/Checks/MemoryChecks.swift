import Diagnostics
import QorIQ

/// Checks of where memory lies, and who else sees it.
extension PartitionCheck {
  private static func at(_ address: String, _ size: String = "512 MiB") -> PlanExample.Keys {
    ["memory": "{ size: \(size), address: \(address) }"]
  }

  static let memoryAddressRange = PartitionCheck(
    "memory-address-range", .memory, "a partition's memory exists",
    meaning: "Behind the last byte of DRAM nothing answers.",
    repair: "begin lower",
    source: "the board's memory, from address 0",
    example: .init(guest: at("0xf0000000"))
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let base = wish.memoryAddress, let size = wish.memory, size > 0 else { continue }
      let (end, overflow) = base.addingReportingOverflow(size)
      guard overflow || end > context.board.memorySize else { continue }
      findings.add(
        "\(wish.name)'s \(byteCount(size)) at 0x\(String(base, radix: 16)) end behind the "
          + "\(byteCount(context.board.memorySize)) of \(context.board.name)",
        at: context.span(ClaimPath.memoryAddress(index)),
        notes: [Note("the size is here", at: context.span(ClaimPath.memory(index)))],
        fixIts: [
          FixIt(
            size <= context.board.memorySize
              ? "begin at 0x\(String(context.board.memorySize - size, radix: 16)) or below"
              : "ask for less")
        ])
    }
  }

  static let memoryOverlap = PartitionCheck(
    "memory-overlap", .memory, "a byte of memory belongs to one partition",
    after: ["memory-address-range"],
    meaning: """
      Each of the two can read and change the other, and no queue or portal matters any more.
      """,
    repair: "move one of the two",
    source: "Freescale hypervisor, src/guest.c, which does not check it",
    example: .init(host: at("0", "1 GiB"), guest: at("0x20000000"))
  ) { context, findings in
    let placed = context.memoryRanges
    let sweep = OverlapSweep(placed.map { .init($0.index, $0.range) })
    for meeting in sweep.meetings {
      let (earlier, later) = (placed[meeting.earlier], placed[meeting.later])
      findings.add(
        "\(context.name(later.index))'s memory \(hex(later.range)) meets "
          + "\(context.name(earlier.index))'s \(hex(earlier.range))",
        at: context.span(ClaimPath.memoryAddress(later.index)),
        notes: [
          Note(
            "\(context.name(earlier.index))'s is here",
            at: context.span(ClaimPath.memoryAddress(earlier.index)))
        ],
        fixIts: [FixIt("begin at 0x\(String(earlier.range.last + 1, radix: 16)) or above")])
    }
    findings.omit(sweep)
  }

  static let memoryAligned = PartitionCheck(
    "memory-aligned", .memory, "memory begins where a DMA window over it can",
    after: ["memory-address-range"],
    meaning: """
      A PAMU window is a power of two on a multiple of itself. Memory that begins elsewhere needs a \
      window that also covers what lies before it.
      """,
    repair: "begin at a multiple of the largest power of two in the size",
    source: "Linux 6.1, drivers/iommu/fsl_pamu.c; Freescale hypervisor: \"not naturally aligned\"",
    example: .init(guest: at("0x50000000"))
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let range = context.memoryRange(index) else { continue }
      let unit = min(range.size & (~range.size + 1), 1 << 30)
      guard range.base % unit != 0 else { continue }
      let lower = range.base & ~(unit - 1)
      findings.add(
        "\(wish.name)'s memory begins at 0x\(String(range.base, radix: 16)), which is no multiple of "
          + byteCount(unit),
        at: context.span(ClaimPath.memoryAddress(index)),
        notes: [Note("the size is here", at: context.span(ClaimPath.memory(index)))],
        fixIts: [
          FixIt(
            "begin at 0x\(String(lower, radix: 16)) or 0x\(String(lower + unit, radix: 16))")
        ])
    }
  }

  // MARK: Shared memory

  private static func shared(_ keys: String) -> [String] {
    ["shared-memory: { mailbox: {\(keys)} }"]
  }

  static let unknownMember = PartitionCheck(
    "unknown-member", .memory, "whoever sees shared memory is a partition",
    meaning: "The memory would be mapped for somebody who does not exist.",
    repair: "name partitions of the plan",
    source: "a decision of this project",
    example: .init(more: shared("size: 1 MiB, between: [host, gest1]"))
  ) { context, findings in
    let names = context.plan.partitions.map(\.name)
    for (index, shared) in context.plan.sharedMemory.enumerated() {
      for (member, name) in shared.members.enumerated() where context.indices[name] == nil {
        let span = context.span(ClaimPath.sharedMemory(index, member: member))
        findings.add(
          "\(shared.name) is shared with \(name), but there is no such partition", at: span,
          fixIts: context.spelling(of: name, among: names, at: span))
      }
    }
  }

  static let sharedMemoryLonely = PartitionCheck(
    "shared-memory-lonely", .memory, severity: .warning, "shared memory has two users or more",
    after: ["unknown-member"],
    meaning: "What one partition alone sees is its own memory, and could be part of it.",
    repair: "add a partition, or enlarge the one's memory instead",
    source: "a decision of this project",
    example: .init(more: shared("size: 1 MiB, between: [guest1]"))
  ) { context, findings in
    for (index, shared) in context.plan.sharedMemory.enumerated()
    where Set(shared.members).count < 2 {
      findings.add(
        "only \(shared.members.first ?? "nobody") sees \(shared.name)",
        at: context.span(ClaimPath.sharedMemory(index)),
        fixIts: [FixIt("name another partition in between")])
    }
  }

  static let unknownWriter = PartitionCheck(
    "unknown-writer", .memory, "whoever writes shared memory sees it",
    after: ["unknown-member"],
    meaning: "The memory is not mapped for the writer at all.",
    repair: "name the writer in `between` too",
    source: "a decision of this project",
    example: .init(
      others: [
        "guest2": [
          "cpus": "[ 6 ]", "memory": "256 MiB", "portals": "1", "queues": "768-799",
          "pools": "[ {buffers: 64, size: 2 KiB} ]",
        ]
      ], links: "[ [host, guest1], [host, guest2] ]",
      more: shared("size: 1 MiB, between: [host, guest1], writers: [guest2]"))
  ) { context, findings in
    for (index, shared) in context.plan.sharedMemory.enumerated() {
      for name in shared.writers ?? [] where !shared.members.contains(name) {
        findings.add(
          "\(name) writes \(shared.name), but does not see it",
          at: context.span(ClaimPath.sharedMemory(index) + "/writers"),
          notes: [
            Note(
              "who sees it stands here",
              at: context.span(ClaimPath.sharedMemory(index, member: 0)))
          ], fixIts: [FixIt("name \(name) in between")])
      }
    }
  }

  static let sharedMemoryMute = PartitionCheck(
    "shared-memory-mute", .memory, severity: .warning, "somebody writes shared memory",
    after: ["unknown-member"],
    meaning: "Memory that all may only read holds what was in it before, for ever.",
    repair: "name a writer, or leave `writers` out",
    source: "a decision of this project",
    example: .init(more: shared("size: 1 MiB, between: [host, guest1], writers: []"))
  ) { context, findings in
    for (index, shared) in context.plan.sharedMemory.enumerated() where shared.writers == [] {
      findings.add(
        "nobody may write \(shared.name)", at: context.span(ClaimPath.sharedMemory(index)),
        fixIts: [FixIt("leave writers out: then all may")])
    }
  }

  static let sharedMemorySize = PartitionCheck(
    "shared-memory-size", .memory, "shared memory is a power of two of pages",
    meaning: """
      Each member's PAMU needs one window over exactly this memory, and a window is a power of two \
      of at least 4 KiB; a larger one would show what lies behind.
      """,
    repair: "round the size up to a power of two",
    source: "Freescale hypervisor, src/events.c: phys-mem-area \"is not a power of two\"",
    example: .init(more: shared("size: 3 MiB, between: [host, guest1]"))
  ) { context, findings in
    for (index, shared) in context.plan.sharedMemory.enumerated()
    where shared.size < 4096 || shared.size & (shared.size - 1) != 0 {
      var size: UInt64 = 4096
      while size < shared.size, size < 1 << 62 { size *= 2 }
      findings.add(
        "\(shared.name) has \(byteCount(shared.size)), which is no power of two of pages",
        at: context.span(ClaimPath.sharedMemory(index) + "/size"),
        fixIts: [FixIt("ask for \(byteCount(size))")])
    }
  }

  static let sharedMemoryAligned = PartitionCheck(
    "shared-memory-aligned", .memory, "shared memory begins at a multiple of its size",
    after: ["shared-memory-size"],
    meaning: """
      A DMA window begins at a multiple of its size. One that has to begin lower would show what \
      lies in front of the shared memory.
      """,
    repair: "begin at a multiple of the size",
    source: "Linux 6.1, drivers/iommu/fsl_pamu.c",
    example: .init(
      more: shared("size: 2 MiB, address: 0x7c100000, between: [host, guest1]"))
  ) { context, findings in
    for (index, shared) in context.plan.sharedMemory.enumerated() {
      guard let address = shared.address, shared.size > 0, address % shared.size != 0 else {
        continue
      }
      let span = context.span(ClaimPath.sharedMemoryAddress(index))
      findings.add(
        "\(shared.name) begins at 0x\(String(address, radix: 16)), which is no multiple of its "
          + byteCount(shared.size),
        at: span,
        notes: [Note("it is described here", at: context.span(ClaimPath.sharedMemory(index)))],
        fixIts: [
          .replace(span, with: "0x" + String(address - address % shared.size, radix: 16))
        ])
    }
  }

  static let sharedMemoryOverlap = PartitionCheck(
    "shared-memory-overlap", .memory, "shared memory is nobody's own",
    after: ["shared-memory-size", "memory-address-range"],
    meaning: """
      A kernel takes all of its memory for itself and would write over what the others see.
      """,
    repair: "put the shared memory outside of every partition's",
    source: "Freescale's hv-cfg: shared areas lose their device_type, or Linux uses them as memory",
    example: .init(
      guest: at("0x60000000"),
      more: shared("size: 1 MiB, address: 0x70000000, between: [host, guest1]"))
  ) { context, findings in
    let placed = context.sharedMemoryRanges
    let memories = context.memoryRanges
    let meetings = OverlapSweep.meetings(
      of: placed.map { .init($0.index, $0.range) }, with: memories.map { .init($0.index, $0.range) }
    )
    for meeting in meetings.meetings {
      let (index, range) = placed[meeting.later]
      let (other, memory) = memories[meeting.earlier]
      findings.add(
        "\(context.plan.sharedMemory[index].name) lies at \(hex(range)), inside "
          + "\(context.name(other))'s memory \(hex(memory))",
        at: context.span(ClaimPath.sharedMemoryAddress(index)),
        notes: [
          Note("\(context.name(other))'s is here", at: context.span(ClaimPath.memoryAddress(other)))
        ], fixIts: [FixIt("begin at 0x\(String(memory.last + 1, radix: 16)) or above")])
    }
    let sweep = OverlapSweep(placed.map { .init($0.index, $0.range) })
    for meeting in sweep.meetings {
      let (earlier, taken) = placed[meeting.earlier]
      let (index, range) = placed[meeting.later]
      let other = context.plan.sharedMemory[earlier].name
      findings.add(
        "\(context.plan.sharedMemory[index].name) at \(hex(range)) meets \(other) at \(hex(taken))",
        at: context.span(ClaimPath.sharedMemoryAddress(index)),
        notes: [
          Note("\(other) is here", at: context.span(ClaimPath.sharedMemoryAddress(earlier)))
        ], fixIts: [FixIt("begin at 0x\(String(taken.last + 1, radix: 16)) or above")])
    }
    findings.omit(meetings)
    findings.omit(sweep)
  }

  static let sharedMemoryReserved = PartitionCheck(
    "shared-memory-reserved", .memory, "shared memory is not what somebody else keeps",
    meaning: "Firmware or a monitor writes to the same place.",
    repair: "put the shared memory elsewhere",
    source: "ePAPR 1.1, section 8.3: memory reservation block",
    example: .init(
      more: shared("size: 1 MiB, address: 0x7ff00000, between: [host, guest1]")
        + ["reserved: { u-boot: {memory: {address: 0x7ff80000, size: 64 KiB}} }"])
  ) { context, findings in
    let placed = context.sharedMemoryRanges
    let reserved = context.reservedMemory
    let sweep = OverlapSweep.meetings(
      of: placed.map { .init($0.index, $0.range) },
      with: reserved.map { .init($0.index, $0.range) })
    for meeting in sweep.meetings {
      let (index, range) = placed[meeting.later]
      let (_, holder, taken, path) = reserved[meeting.earlier]
      findings.add(
        "\(context.plan.sharedMemory[index].name) at \(hex(range)) holds \(hex(taken)), which "
          + "\(holder) has",
        at: context.span(ClaimPath.sharedMemoryAddress(index)),
        notes: [Note("it is reserved for \(holder) here", at: context.span(path))]
          + meeting.notes, fixIts: [FixIt("put it elsewhere")])
    }
    findings.omit(sweep)
  }
}

extension PlanContext {
  /// The pieces of shared memory, as far as the plan says where they are.
  var sharedMemoryRanges: [(index: Int, range: AddressRange)] {
    plan.sharedMemory.enumerated().compactMap { index, shared in
      range(of: shared).map { (index, $0) }
    }
  }

  /// Where shared memory lies, if the plan says so and the address does not wrap around.
  func range(of shared: SharedMemoryWish) -> AddressRange? {
    guard let base = shared.address, shared.size > 0,
      !base.addingReportingOverflow(shared.size).overflow
    else { return nil }
    return AddressRange(base: base, size: shared.size)
  }
}
