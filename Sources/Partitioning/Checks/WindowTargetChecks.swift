import Diagnostics
import QorIQ

/// Checks of DMA windows against the board: what they open that is no memory at all.
extension PartitionCheck {
  static let windowTargetChecks = [windowRegisters, windowNowhere]

  static let windowRegisters = PartitionCheck(
    "dma-window-registers", .dma, "a DMA window does not reach the registers of the chip",
    after: ["dma-window-address"],
    meaning: """
      All blocks are programmed there, PAMU and the queue manager with them: a device that writes to \
      them can open everybody's memory to itself.
      """,
    repair: "end the window before the registers",
    source: "Linux 6.1, arch/powerpc/boot/dts/fsl/p4080ds.dts: soc and dcsr",
    example: .init(
      guest: [
        "memory": "{ size: 512 MiB, address: 0x60000000 }",
        "dma-windows": "[ {address: 0xffe000000, size: 4 KiB} ]",
      ])
  ) { context, findings in
    for (index, item, window) in context.windows where window.size > 0 {
      let range = AddressRange(base: window.address, size: window.size)
      guard
        let region = context.board.addressMap.regions.first(where: {
          ["ccsr", "dcsr"].contains($0.name) && $0.range.overlaps(range)
        })
      else { continue }
      findings.add(
        "\(context.name(index))'s DMA window \(hex(range)) reaches \(context.board.name)'s registers "
          + "(\(region.name)) at \(hex(region.range))",
        at: context.span(ClaimPath.dmaWindow(index, item)),
        fixIts: [FixIt("leave \(region.name) out of the window")])
    }
  }

  static let windowNowhere = PartitionCheck(
    "dma-window-nowhere", .dma, severity: .warning, "something answers behind all of a DMA window",
    after: ["dma-window-address", "dma-window-aligned", "dma-window-size"],
    meaning: """
      PAMU lets the access through, and then nobody answers: the device gets an error that says less \
      than a refusal of PAMU would have said.
      """,
    repair: "let the window end with the memory or the bus window that it is for",
    source:
      "Linux 6.1, arch/powerpc/boot/dts/fsl/p4080ds.dts: what has addresses; the board's memory",
    example: .init(
      guest: [
        "memory": "{ size: 512 MiB, address: 0x60000000 }",
        "dma-windows": "[ {address: 0x100000000, size: 16 MiB} ]",
      ])
  ) { context, findings in
    let board = context.board
    // Of a board that nobody has said the memory of, nothing is known to be empty.
    guard board.memorySize > 0 else { return }
    let answering =
      [AddressRange(base: 0, size: board.memorySize)] + board.addressMap.regions.map(\.range)
    for (index, item, window) in context.windows where window.size > 0 {
      let range = AddressRange(base: window.address, size: window.size)
      guard let hole = range.firstAddress(outside: answering) else { continue }
      findings.add(
        "\(context.name(index))'s DMA window \(hex(range)) covers 0x\(String(hole, radix: 16)), where "
          + "\(board.name) has neither memory nor a device",
        at: context.span(ClaimPath.dmaWindow(index, item)),
        fixIts: [
          FixIt(
            hole > range.base
              ? "end the window before 0x\(String(hole, radix: 16))" : "begin it where something is"
          )
        ])
    }
  }
}

extension AddressRange {
  /// The lowest address in none of the others.
  fileprivate func firstAddress(outside others: [AddressRange]) -> UInt64? {
    var address = base
    for other in others.sorted(by: { $0.base < $1.base }) where other.last >= address {
      guard other.base <= address else { break }
      guard other.last < last else { return nil }
      address = other.last + 1
    }
    return address
  }
}
