import Diagnostics
import QorIQ

/// Checks of what DMA windows open that is nobody's memory alone: shared memory and portals.
extension PartitionCheck {
  static let windowReachChecks = [windowShared, windowPortal]

  static let windowShared = PartitionCheck(
    "dma-window-shared", .dma, "a DMA window does not reach shared memory that others write",
    after: ["dma-window-address", "shared-memory-range", "unknown-member", "unknown-writer"],
    meaning: """
      Who sees shared memory, and who writes it, is said where it is described; its members' DMA \
      reaches it by that. A window opens it for reading and writing to somebody who was left out.
      """,
    repair: "name the partition as a member and writer, or end the window before it",
    source: "Linux 6.1, drivers/iommu/fsl_pamu.c: one entry lets a LIODN read and write",
    example: .init(
      others: [
        "guest2": [
          "cpus": "[ 6 ]", "memory": "{ size: 256 MiB, address: 0x60000000 }", "portals": "1",
          "queues": "768-799", "pools": "[ {buffers: 64, size: 2 KiB} ]",
          "dma-windows": "[ {address: 0x80000000, size: 2 MiB} ]",
        ]
      ], links: "[ [host, guest1], [host, guest2] ]",
      more: [
        "shared-memory: { mailbox: {size: 1 MiB, address: 0x80000000, between: [host, guest1]} }"
      ])
  ) { context, findings in
    let windows = context.windowRanges
    let pieces = windows.isEmpty ? [] : context.sharedMemoryRanges
    let sweep = OverlapSweep.meetings(
      of: windows.map { .init($0.index, $0.range) }, with: pieces.map { .init($0.index, $0.range) }
    ) { partition, piece in
      let shared = context.plan.sharedMemory[piece]
      return !(shared.writers ?? shared.members).contains(context.name(partition))
    }
    for meeting in sweep.meetings {
      let (index, item, range) = windows[meeting.later]
      let (place, memory) = pieces[meeting.earlier]
      let shared = context.plan.sharedMemory[place]
      let name = context.name(index)
      let isMember = shared.members.contains(name)
      findings.add(
        "\(name)'s DMA window \(hex(range)) reaches \(shared.name) at \(hex(memory)), which it "
          + (isMember ? "may only read" : "does not share"),
        at: context.span(ClaimPath.dmaWindow(index, item)),
        notes: [
          Note("\(shared.name) is described here", at: context.span(ClaimPath.sharedMemory(place)))
        ] + meeting.notes,
        fixIts: [
          FixIt(
            isMember
              ? "name \(name) among the writers, or take the window out"
              : "name \(name) in between, or take the window out")
        ])
    }
    findings.omit(sweep)
  }

  static let windowPortal = PartitionCheck(
    "dma-window-portal", .dma, "a DMA window does not reach another partition's portal",
    after: ["dma-window-address", "portal-range", "portal-overlap"],
    meaning: """
      A device that writes to a portal's pages enqueues and dequeues as the portal's owner does. The \
      pages of a portal that the planner chooses may be anybody's.
      """,
    repair: "end the window before the portal, or claim the portal",
    source: "Freescale hypervisor, src/guest.c: portals are mapped for one guest each",
    example: .init(
      host: ["portals": "0-3"],
      guest: [
        "memory": "{ size: 512 MiB, address: 0x60000000 }", "portals": "[ 4, 5 ]",
        "dma-windows": "[ {address: 0xff420c000, size: 16 KiB} ]",
      ])
  ) { context, findings in
    let owners = Dictionary(
      context.portalClaims.map { ($0.resource, $0) }, uniquingKeysWith: { first, _ in first })
    let board = context.board
    let pages = [("QMan", board.qman.portals), ("BMan", board.bman.portals)].flatMap {
      kind, portals in
      portals.flatMap { portal in
        [portal.cacheEnabled, portal.cacheInhibited].map { (kind, portal.index, $0) }
      }
    }
    for (index, item, window) in context.windows where window.size > 0 {
      let range = AddressRange(base: window.address, size: window.size)
      let foreign = pages.first {
        $0.2.overlaps(range) && owners[Int($0.1.rawValue)]?.owner != index
      }
      guard let (kind, portal, page) = foreign else { continue }
      let owner = owners[Int(portal.rawValue)]
      let whose = owner.map { "\(context.name($0.owner))'s" } ?? "nobody's by name"
      findings.add(
        "\(context.name(index))'s DMA window \(hex(range)) reaches \(kind) portal \(portal) at "
          + "\(hex(page)), which is \(whose)",
        at: context.span(ClaimPath.dmaWindow(index, item)),
        notes: owner.map {
          [Note("\(context.name($0.owner)) claims portal \(portal) here", at: $0.span)]
        } ?? [],
        fixIts: [FixIt("leave portal \(portal) out of the window")])
    }
  }
}
