import DeviceTree
import Partitioning
import QorIQ

// The guest's software portals, in the window behind its memory.

extension GuestTree {
  /// Linux 6.1, `Documentation/devicetree/bindings/soc/fsl/qman-portals.txt`.
  func qmanPortals() -> Node {
    portals(of: "qman", in: window.queuePortals, board.qman.portals) { node, portal in
      addQueueManagerFacts(to: &node, portal)
    }
  }

  /// Linux 6.1, `Documentation/devicetree/bindings/soc/fsl/bman-portals.txt`.
  func bmanPortals() -> Node {
    portals(of: "bman", in: window.bufferPortals, board.bman.portals)
  }

  /// The bus with the guest's portals of one kind; `all` are the board's.
  ///
  /// Without `simple-bus` Linux makes no device of a portal and says nothing. A portal has two
  /// areas, cache-enabled and cache-inhibited in this order, one interrupt, and an index, which for
  /// QMan is the channel, too.
  private func portals(
    of block: String, in window: QorIQ.AddressRange, _ all: [SoftwarePortal],
    _ addition: (inout Node, SoftwarePortal) -> Void = { _, _ in }
  ) -> Node {
    let label = "\(block.prefix(1))portal"
    return Node("\(block)-portals@\(hex(window.base))", labels: ["\(label)s"]) { bus in
      bus.set("compatible", "simple-bus")
      bus.set("reg", wide(window.base, window.size))
      bus.set("#address-cells", 1)
      bus.set("#size-cells", 1)
      bus.set("ranges", ranges(window))
      for portal in all where owner.portals.contains(portal.index) {
        let areas = GuestWindow.areas(of: portal.index)
        let interrupt = PPCE500.interrupt(forBoard: portal.interrupt)
        bus.add("\(block)-portal@\(hex(areas[0].base))", labels: ["\(label)\(portal.index)"]) {
          $0.set("compatible", .strings(portalCompatible(block)))
          $0.set("reg", .rows(areas.map { [Cell(UInt32($0.base)), Cell(UInt32($0.size))] }))
          $0.set("interrupts", .cells([interrupt, PPCE500.levelHigh]))
          $0.set("cell-index", UInt32(portal.index.rawValue))
          addition(&$0, portal)
        }
      }
    }
  }

  /// What a portal is compatible with, the most specific first.
  ///
  /// SDK kernels take the block's revision from the portal (`qman_get_ip_revision` in
  /// `fsl_qbman/qman_driver.c`) and default to 1.1, which on T4240 gives wrong pool channels.
  /// The third number is the part's configuration, 0 for those with all portals of their
  /// generation. U-Boot writes these strings on the board (`drivers/misc/fsl_portals.c`).
  func portalCompatible(_ block: String) -> [String] {
    let generic = "fsl,\(block)-portal"
    let revision = block == "qman" ? board.qman.revision : board.bman.revision
    return hasResourceNodes ? ["\(generic)-\(revision).0", generic] : [generic]
  }

  /// What a QMan portal tells beside its place: its channel, its LIODNs and those of the blocks that
  /// work on its frames. Mainline reads none of it but `fsl,liodn`, and that for a PAMU only.
  /// `handle` says how to refer to a block.
  func addQueueManagerFacts(
    to node: inout Node, _ portal: SoftwarePortal,
    handle: (String) -> Reference = { Reference($0) }
  ) {
    guard hasResourceNodes else { return }
    // Early SDK kernels refuse a portal without it (`fsl_qbman/qman_driver.c`); later ones and
    // mainline take the index for the channel.
    node.set("fsl,qman-channel-id", UInt32(portal.index.rawValue))
    guard let dma = portal.dma else { return }
    // The dequeue ring's, then the frames' (U-Boot, `drivers/misc/fsl_portals.c`).
    node.set(
      "fsl,liodn",
      .cells([UInt32(dma.dequeueRing.rawValue), UInt32(dma.frame.rawValue)]))
    for block in connectedBlocks where !block.liodns.isEmpty {
      node.add(block.name) {
        $0.set("fsl,liodn", .cells(block.liodns.map { UInt32($0.rawValue) }))
        $0.set("dev-handle", .reference(handle(block.name)))
      }
    }
  }
}
