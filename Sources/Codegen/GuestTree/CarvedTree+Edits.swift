import DeviceTree
import Partitioning
import QorIQ

// What a node of the board says otherwise in a guest's tree.

extension CarvedTree {
  /// Properties that lead out of what a guest can have, or that say something of the whole board.
  private static let foreign: [String: String] = [
    "fsl,iommu-parent": "the hypervisor keeps the PAMU",
    "fsl,liodn-reg": "the hypervisor programs LIODNs",
    "fsl,portid-mapping": "it is the PAMU's matter",
    "fsl,qman": "the queue manager has one owner, the host",
    "fsl,msi": "the hypervisor keeps message interrupts",
    "ptp-timer": "the time stamp unit has one owner, the host",
    "ptimer-handle": "the time stamp unit has one owner, the host",
    "power-isa-e.hv": "a guest is no hypervisor",
    "power-isa-e.hv.lrat": "a guest is no hypervisor",
    "interrupt-parent": "interrupts reach a guest through the hypervisor",
    "interrupts-extended": "interrupts reach a guest through the hypervisor",
    "interrupt-map": "interrupts reach a guest through the hypervisor",
    "interrupt-map-mask": "interrupts reach a guest through the hypervisor",
  ]

  /// A node that stays, as it is in the guest's tree.
  func edited(_ entry: TreeIndex.Entry, _ reason: NodeFate.Reason) -> Piece {
    var piece = Piece(node: Self.bare(entry.node), reason: reason)
    for (name, why) in Self.foreign.sorted(by: { $0.key < $1.key })
    where piece.node[name] != nil {
      piece.node.removeProperty(name)
      piece.changes.append("\(name) is left out: \(why)")
    }
    rewriteInterrupts(of: entry, &piece)
    switch map.role(of: entry) {
    case .structure where entry.parent == nil: rewriteRoot(&piece)
    case .cpu(let threads): rewriteCPU(threads, &piece)
    case .portal(let portal): rewritePortal(portal, entry, &piece)
    case .accelerator(let kind): piece = handle(piece, kind.nodeName)
    default: break
    }
    return piece
  }

  /// A node that stays because something below it does.
  func passage(_ entry: TreeIndex.Entry, to below: TreeIndex.Entry) -> Piece {
    var piece = edited(entry, .init("\(below.path) is below it"))
    piece.isPassage = true
    if entry.node["device_type"]?.string == "soc" {
      // Its `reg` is the board's own, the access windows among it.
      for name in ["reg", "fsl,liodn"] where piece.node[name] != nil {
        piece.node.removeProperty(name)
        piece.changes.append("\(name) is left out: a guest has the buses below, not the registers")
      }
    }
    return piece
  }

  /// A node without children and without the mark that it goes unless referred to.
  private static func bare(_ node: Node) -> Node {
    var bare = node
    bare.children = []
    bare.isOmittedWithoutReference = false
    return bare
  }

  // MARK: interrupts

  /// Four cells of the board's MPIC become two of the hypervisor's controller: the line and how it
  /// is triggered (ePAPR 1.1, 7.6.5). Only ordinary ones cross: error interrupts (third cell 1) share
  /// one line among many blocks (Linux 6.1,
  /// `Documentation/devicetree/bindings/powerpc/fsl/mpic.txt`).
  private func rewriteInterrupts(of entry: TreeIndex.Entry, _ piece: inout Piece) {
    guard piece.node["interrupts"] != nil else { return }
    let rows: [[Cell]] = (map.index.interrupts(of: entry) ?? []).compactMap { interrupt in
      let cells = interrupt.specifier
      guard let line = cells.first, cells.count < 3 || cells[2] == 0 else { return nil }
      return [Cell(line), Cell(cells.count > 1 ? cells[1] : 2)]
    }
    if rows.isEmpty {
      piece.node.removeProperty("interrupts")
      piece.changes.append("interrupts are left out: the host hears of errors")
    } else {
      piece.node.set("interrupts", .rows(rows))
      piece.changes.append("interrupts have the two cells of the hypervisor's controller")
    }
  }

  // MARK: by role

  /// Linux tells by the name that it runs below a hypervisor (Linux 6.1,
  /// `arch/powerpc/platforms/85xx/corenet_generic.c`).
  private func rewriteRoot(_ piece: inout Piece) {
    let names = piece.node.compatible
    piece.node.set("compatible", .strings(names.map { "\($0)-hv" }))
    piece.node.set("label", owner.name)
    piece.node.set("interrupt-parent", .reference("hypervisor_pic"))
    piece.changes.append("compatible says that there is a hypervisor below")
  }

  /// The guest's CPUs count from 0; all but the first wait in the spin table.
  private func rewriteCPU(_ threads: [CPUIndex], _ piece: inout Piece) {
    let numbers = threads.compactMap { thread in
      owner.cpus.firstIndex(of: thread).map { UInt32($0) }
    }
    guard let first = numbers.first else { return }
    let own = numbers.count == threads.count ? "" : ", one thread of its core"
    piece.node.name = "\(piece.node.baseName)@\(guest.hex(UInt64(first)))"
    piece.node.set("reg", .cells(numbers))
    piece.node.set("status", first == 0 ? "okay" : "disabled")
    piece.changes.append(
      "it is the guest's CPU \(numbers.map(String.init).joined(separator: ", "))\(own)")
    for name in ["enable-method", "cpu-release-addr"] { piece.node.removeProperty(name) }
    guard first > 0 else { return }
    piece.node.set("enable-method", "spin-table")
    piece.node.set(
      "cpu-release-addr", guest.wide(spinTable + UInt64(first) * PPCE500.spinTableEntrySize))
  }

  /// A portal as the guest's dialect has it, with the LIODNs of the plan.
  private func rewritePortal(
    _ index: PortalIndex, _ entry: TreeIndex.Entry, _ piece: inout Piece
  ) {
    let isQueue = entry.node.isCompatible(with: "fsl,qman-portal")
    let all = isQueue ? guest.board.qman.portals : guest.board.bman.portals
    guard let portal = all.first(where: { $0.index == index }) else { return }
    // One that names a CPU names one of the board's.
    piece.node.removeProperty("cpu-handle")
    piece.node.set("compatible", .strings(guest.portalCompatible(isQueue ? "qman" : "bman")))
    piece.node.set("cell-index", UInt32(index.rawValue))
    guard isQueue else { return }
    piece.node.removeProperty("fsl,liodn")
    guest.addQueueManagerFacts(to: &piece.node, portal) { handles[$0] ?? Reference($0) }
    if !piece.node.children.isEmpty {
      piece.changes.append("the blocks behind it have the LIODNs of offset \(owner.liodnOffset)")
    }
  }

  /// A frame manager as the bus that the guest's MACs and ports are on; its registers are the host's.
  func bus(_ piece: Piece) -> Piece {
    var piece = piece
    for name in ["reg", "interrupts", "fsl,liodn", "sleep"] { piece.node.removeProperty(name) }
    piece.changes.append("its own registers stay with the host")
    return piece
  }

  /// A block as something to refer to, which somebody else drives (Devicetree Specification 0.4,
  /// 2.3.4, `reserved`).
  func handle(_ piece: Piece, _ name: String) -> Piece {
    var piece = piece
    for name in [
      "interrupts", "ranges", "#address-cells", "#size-cells", "clocks", "clock-names", "fsl,liodn",
      "sleep",
    ] { piece.node.removeProperty(name) }
    for property in guest.connectedBlocks.first(where: { $0.name == name })?.properties ?? []
    where property.name.hasPrefix("dpaac,") || property.name == "fsl,qman-channel-id" {
      piece.node.set(property.name, property.value)
    }
    piece.node.set("status", "reserved")
    piece.changes.append("it is a handle: the host drives the block")
    return piece
  }

  /// How portals refer to the blocks behind them: by label, or by path in a tree without labels.
  var handles: [String: Reference] {
    var handles: [String: Reference] = [:]
    for entry in map.index.entries {
      let name: String
      switch map.role(of: entry) {
      case .frameManager(let number): name = "fman\(number)"
      case .accelerator(let kind): name = kind.nodeName
      default: continue
      }
      handles[name] = Reference(entry.node.labels.first ?? entry.path)
    }
    return handles
  }

  /// The MACs that are the guest's alone, by their interfaces' names.
  var ownMACs: [String: Reference] {
    var macs: [String: Reference] = [:]
    for entry in map.index.entries {
      guard case .mac(let name) = map.role(of: entry),
        guest.partition.soleGuest(of: name) == guest.ownerIndex
      else { continue }
      macs[name] = Reference(entry.node.labels.first ?? entry.path)
    }
    return macs
  }
}
