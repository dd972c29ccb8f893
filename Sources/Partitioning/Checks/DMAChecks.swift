import Diagnostics
import QorIQ

/// Checks of LIODN offsets and DMA windows.
extension PartitionCheck {
  static let liodnOverlap = PartitionCheck(
    "liodn-overlap", .dma, "a LIODN offset belongs to one partition",
    meaning: """
      The offset is the only thing by which SEC, PME and FMan tell whose frame they work on. With \
      one offset for two partitions PAMU lets each one's DMA into the other's memory.
      """,
    repair: "give each partition an offset of its own",
    source: "Freescale hypervisor, src/guest.c (qman_portal_liodn_fixup); Linux 6.1, qman_ccsr.c",
    example: .init(host: ["liodn-offset": "4"], guest: ["liodn-offset": "4"])
  ) { context, findings in
    findings.addRepeated(
      context.liodnClaims, kind: "LIODN offset", in: context, all: Array(1...64))
  }

  static let liodnRange = PartitionCheck(
    "liodn-range", .dma, "a LIODN offset fits into a frame descriptor",
    meaning: """
      QMan writes the offset of the sending portal into each frame descriptor, where it has 10 bits; \
      the rest would be cut off, and the frame would pass for another partition's.
      """,
    repair: "choose an offset up to 1023",
    source: "Linux 6.1, include/soc/fsl/qman.h (struct qm_fd: liodn_offset, eliodn_offset)",
    example: .init(guest: ["liodn-offset": "1024"])
  ) { context, findings in
    for claim in context.liodnClaims where claim.resource >= Int(LIODNOffset.limit) {
      findings.add(
        "\(context.name(claim.owner))'s LIODN offset \(claim.resource) has more than 10 bits",
        at: claim.span, fixIts: [.replace(claim.span, with: "\(claim.owner + 1)")])
    }
  }

  static let liodnZero = PartitionCheck(
    "liodn-zero", .dma, severity: .warning, "a partition's LIODN is not a block's own",
    meaning: """
      An offset of 0 leaves the block's base as it is, which is also what a frame bears that nobody \
      has marked. This is derived: the sources name no rule, and U-Boot begins at 1.
      """,
    repair: "choose an offset from 1 on",
    source: "U-Boot, arch/powerpc/cpu/mpc85xx/p4080_ids.c: portal + 1",
    example: .init(guest: ["liodn-offset": "0"])
  ) { context, findings in
    for claim in context.liodnClaims where claim.resource == 0 {
      findings.add(
        "\(context.name(claim.owner))'s LIODN offset is 0", at: claim.span,
        fixIts: [.replace(claim.span, with: "\(claim.owner + 1)")])
    }
  }

  // MARK: Windows

  private static func windows(_ list: String) -> PlanExample.Keys {
    ["memory": "{ size: 512 MiB, address: 0x60000000 }", "dma-windows": "[ \(list) ]"]
  }

  static let windowSize = PartitionCheck(
    "dma-window-size", .dma, "a DMA window is a power of two of pages",
    meaning: """
      PAMU stores a window's size as an exponent; what is not a power of two is rounded up and \
      opens memory that was not meant.
      """,
    repair: "round to a power of two of at least 4 KiB",
    source: "Linux 6.1, drivers/iommu/fsl_pamu.c (map_addrspace_size_to_wse)",
    example: .init(guest: windows("{address: 0xfe000000, size: 12 KiB}"))
  ) { context, findings in
    for (index, item, window) in context.windows
    where window.size < 4096 || window.size & (window.size - 1) != 0 {
      findings.add(
        "\(context.name(index))'s DMA window of \(byteCount(window.size)) is no power of two of "
          + "pages",
        at: context.span(ClaimPath.dmaWindow(index, item)),
        fixIts: [FixIt("make it a power of two, or two windows")])
    }
  }

  static let windowAligned = PartitionCheck(
    "dma-window-aligned", .dma, "a DMA window begins at a multiple of its size",
    after: ["dma-window-size"],
    meaning: "PAMU compares the upper bits of an address only: a window begins where they change.",
    repair: "begin at a multiple of the size",
    source: "Linux 6.1, drivers/iommu/fsl_pamu.c (pamu_config_ppaace)",
    example: .init(guest: windows("{address: 0xfe001000, size: 8 KiB}"))
  ) { context, findings in
    for (index, item, window) in context.windows
    where window.size > 0 && window.address % window.size != 0 {
      findings.add(
        "\(context.name(index))'s DMA window of \(byteCount(window.size)) begins at "
          + "0x\(String(window.address, radix: 16)), which is no multiple of it",
        at: context.span(ClaimPath.dmaWindow(index, item)),
        fixIts: [
          FixIt(
            "begin at 0x\(String(window.address - window.address % window.size, radix: 16))")
        ])
    }
  }

  static let windowAddress = PartitionCheck(
    "dma-window-address", .dma, "a DMA window lies among physical addresses",
    meaning: "These parts have 36 bits of physical address, T series 40; nothing answers above.",
    repair: "choose an address that exists",
    source: "Linux 6.1, arch/powerpc/boot/dts/fsl: addresses to 0xf_ffffffff; e6500 has 40 bits",
    example: .init(guest: windows("{address: 0x1000000000, size: 4 KiB}"))
  ) { context, findings in
    let bits: UInt64 = context.board.core == "e6500" ? 40 : 36
    for (index, item, window) in context.windows {
      let (end, overflow) = window.address.addingReportingOverflow(window.size)
      guard overflow || end > 1 << bits else { continue }
      findings.add(
        "\(context.name(index))'s DMA window at 0x\(String(window.address, radix: 16)) ends behind "
          + "\(bits) bits of address",
        at: context.span(ClaimPath.dmaWindow(index, item)),
        fixIts: [FixIt("choose an address below 0x\(String(UInt64(1) << bits, radix: 16))")])
    }
  }

  static let windowForeign = PartitionCheck(
    "dma-window-foreign", .dma, "a DMA window does not reach another partition's memory",
    after: ["dma-window-address", "memory-address-range"],
    meaning: """
      Whatever the partition tells its devices to do there happens in the other's memory, and \
      nothing else stands in between.
      """,
    repair: "end the window before it, or share memory on purpose",
    source: "Linux 6.1, drivers/iommu/fsl_pamu.c",
    example: .init(
      host: ["memory": "{ size: 1 GiB, address: 0 }"],
      guest: windows("{address: 0x20000000, size: 64 KiB}"))
  ) { context, findings in
    let windows = context.windowRanges
    let memories = windows.isEmpty ? [] : context.memoryRanges
    let sweep = OverlapSweep.meetings(
      of: windows.map { .init($0.index, $0.range) },
      with: memories.map { .init($0.index, $0.range) }
    ) { $0 != $1 }
    for meeting in sweep.meetings {
      let (index, item, range) = windows[meeting.later]
      let (other, memory) = memories[meeting.earlier]
      let name = context.name(other)
      findings.add(
        "\(context.name(index))'s DMA window \(hex(range)) reaches \(name)'s memory \(hex(memory))",
        at: context.span(ClaimPath.dmaWindow(index, item)),
        notes: [
          Note("\(name)'s memory is here", at: context.span(ClaimPath.memoryAddress(other)))
        ] + meeting.notes, fixIts: [FixIt("use shared-memory for what both should see")])
    }
    findings.omit(sweep)
  }

  static let windowReserved = PartitionCheck(
    "dma-window-reserved", .dma, "a DMA window does not reach what somebody else keeps",
    after: ["dma-window-address"],
    meaning: "A device of the partition could write over firmware, or over a monitor's tables.",
    repair: "end the window before it",
    source: "ePAPR 1.1, section 8.3: memory reservation block",
    example: .init(
      guest: windows("{address: 0x80000000, size: 64 KiB}"),
      more: ["reserved: { u-boot: {memory: {address: 0x80008000, size: 4 KiB}} }"])
  ) { context, findings in
    let windows = context.windowRanges
    let reserved = context.reservedMemory
    let sweep = OverlapSweep.meetings(
      of: windows.map { .init($0.index, $0.range) },
      with: reserved.map { .init($0.index, $0.range) })
    for meeting in sweep.meetings {
      let (index, item, range) = windows[meeting.later]
      let (_, holder, taken, path) = reserved[meeting.earlier]
      findings.add(
        "\(context.name(index))'s DMA window \(hex(range)) reaches \(hex(taken)), which \(holder) "
          + "has",
        at: context.span(ClaimPath.dmaWindow(index, item)),
        notes: [Note("it is reserved for \(holder) here", at: context.span(path))]
          + meeting.notes,
        fixIts: [FixIt("end the window before 0x\(String(taken.base, radix: 16))")])
    }
    findings.omit(sweep)
  }

  static let windowInside = PartitionCheck(
    "dma-window-idle", .dma, severity: .warning, "a DMA window opens something new",
    after: ["dma-window-address", "memory-address-range"],
    meaning: "A partition's DMA reaches all of its own memory already.",
    repair: "take the window out",
    source: "a decision of this project",
    example: .init(guest: windows("{address: 0x60010000, size: 4 KiB}"))
  ) { context, findings in
    for (index, item, window) in context.windows where window.size > 0 {
      let range = AddressRange(base: window.address, size: window.size)
      guard let memory = context.memoryRange(index), memory.base <= range.base,
        range.last <= memory.last
      else { continue }
      findings.add(
        "\(context.name(index))'s DMA window \(hex(range)) lies in its own memory \(hex(memory))",
        at: context.span(ClaimPath.dmaWindow(index, item)),
        notes: [Note("the memory is here", at: context.span(ClaimPath.memoryAddress(index)))],
        fixIts: [FixIt("remove it")])
    }
  }

  static let windowOverlap = PartitionCheck(
    "dma-window-overlap", .dma, "two DMA windows of a partition do not overlap",
    after: ["dma-window-address", "dma-window-size", "dma-window-aligned"],
    meaning: """
      Each address has one entry that decides about it; a second window over it is never asked.
      """,
    repair: "join the two windows",
    source:
      "Linux up to 5.12, drivers/iommu/fsl_pamu.c (pamu_config_spaace): an entry for each subwindow",
    example: .init(
      guest: windows("{address: 0x80000000, size: 64 KiB}, {address: 0x80004000, size: 4 KiB}"))
  ) { context, findings in
    let all = context.windowRanges
    let sweep = OverlapSweep(all.map { .init($0.index, $0.range) }) { $0 == $1 }
    for meeting in sweep.meetings {
      let (earlier, later) = (all[meeting.earlier], all[meeting.later])
      findings.add(
        "\(context.name(later.index))'s DMA windows \(hex(later.range)) and \(hex(earlier.range)) "
          + "overlap",
        at: context.span(ClaimPath.dmaWindow(later.index, later.item)),
        notes: [
          Note(
            "the other is here",
            at: context.span(ClaimPath.dmaWindow(earlier.index, earlier.item)))
        ] + meeting.notes, fixIts: [FixIt("remove the smaller one")])
    }
    findings.omit(sweep)
  }
}

extension PlanContext {
  /// LIODN offsets that the plan names.
  var liodnClaims: [Claim<Int>] {
    partitions.compactMap { index, wish in
      wish.liodnOffset.map {
        Claim(owner: index, resource: Int($0), path: { ClaimPath.liodnOffset(index) }, in: self)
      }
    }
  }

  /// The addresses of every further DMA window that has any.
  var windowRanges: [(index: Int, item: Int, range: AddressRange)] {
    windows.filter { $0.window.size > 0 }.map {
      ($0.index, $0.item, AddressRange(base: $0.window.address, size: $0.window.size))
    }
  }

  /// Every further DMA window with its partition and its place there.
  var windows: [(index: Int, item: Int, window: DMAWindowWish)] {
    partitions.flatMap { index, wish in
      wish.dmaWindows.enumerated().map { (index, $0, $1) }
    }
  }
}
