import DeviceTree
import Partitioning
import QorIQ

// The guest's software portals, at the physical addresses of the board.

extension GuestTree {
  /// Linux 6.1, `Documentation/devicetree/bindings/soc/fsl/qman-portals.txt`.
  func qmanPortals() -> Node {
    portals(of: "qman", board.qman.revision, board.qman.portals) { node, portal in
      // Early SDK kernels refuse a portal without it (`fsl_qbman/qman_driver.c`); later ones and
      // mainline take the index for the channel.
      if hasResourceNodes { node.set("fsl,qman-channel-id", UInt32(portal.index.rawValue)) }
    }
  }

  /// Linux 6.1, `Documentation/devicetree/bindings/soc/fsl/bman-portals.txt`.
  func bmanPortals() -> Node {
    portals(of: "bman", board.bman.revision, board.bman.portals)
  }

  /// The bus with the guest's portals of one kind; `all` are the board's.
  ///
  /// Without `simple-bus` Linux makes no device of a portal and says nothing. A portal has two
  /// areas, cache-enabled and cache-inhibited in this order, one interrupt, and an index, which for
  /// QMan is the channel, too.
  private func portals(
    of block: String, _ revision: Revision, _ all: [SoftwarePortal],
    _ addition: (inout Node, SoftwarePortal) -> Void = { _, _ in }
  ) -> Node {
    let window = Self.window(around: all)
    let label = "\(block.prefix(1))portal"
    return Node("\(block)-portals@\(hex(window.base))", labels: ["\(label)s"]) { bus in
      bus.set("compatible", "simple-bus")
      bus.set("#address-cells", 1)
      bus.set("#size-cells", 1)
      bus.set("ranges", ranges(window))
      for portal in all where owner.portals.contains(portal.index) {
        let areas = [portal.cacheEnabled, portal.cacheInhibited].map {
          [Cell(UInt32($0.base - window.base)), Cell(UInt32($0.size))]
        }
        let interrupt = PPCE500.interrupt(forBoard: portal.interrupt)
        let offset = portal.cacheEnabled.base - window.base
        bus.add("\(block)-portal@\(hex(offset))", labels: ["\(label)\(portal.index)"]) {
          $0.set("compatible", .strings(compatible(of: block, revision)))
          $0.set("reg", .rows(areas))
          $0.set("interrupts", .cells([interrupt, PPCE500.levelHigh]))
          $0.set("cell-index", UInt32(portal.index.rawValue))
          addition(&$0, portal)
        }
      }
    }
  }

  /// SDK kernels take the block's revision from the portal (`qman_get_ip_revision` in
  /// `fsl_qbman/qman_driver.c`) and default to 1.1, which on T4240 gives wrong pool channels.
  /// The third number is the part's configuration, 0 for those with all portals of their
  /// generation. U-Boot writes these strings on the board (`drivers/misc/fsl_portals.c`).
  private func compatible(of block: String, _ revision: Revision) -> [String] {
    let generic = "fsl,\(block)-portal"
    return hasResourceNodes ? ["\(generic)-\(revision).0", generic] : [generic]
  }

  /// The window that holds all of a block's portals on the board: from the first cache-enabled
  /// area, 2 MiB on P-series parts and 32 MiB on T4240 (Linux 6.1, `p4080si-post.dtsi`,
  /// `t4240si-post.dtsi`).
  private static func window(around portals: [SoftwarePortal]) -> QorIQ.AddressRange {
    let areas = portals.flatMap { [$0.cacheEnabled, $0.cacheInhibited] }
    let base = areas.map(\.base).min() ?? 0
    let extent = (areas.map { $0.base + $0.size }.max() ?? 0) - base
    var size: UInt64 = 0x20_0000
    while size < extent { size *= 2 }
    return QorIQ.AddressRange(base: base, size: size)
  }
}
