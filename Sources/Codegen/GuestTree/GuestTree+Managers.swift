import DeviceTree
import Partitioning
import QorIQ

// Mainline Linux believes that every block is its own: its portals wait for ever until drivers of
// `fsl,qman` and `fsl,bman` have set the managers up, and its FMan driver wants the whole block. A
// guest gets managers of its own, virtual ones, in the window behind its memory; the runtime that
// serves them turns the guest's queue and pool numbers into those of the plan.

extension GuestTree {
  /// The bus with the virtual managers.
  func managers() -> Node? {
    guard owner.os == .linuxMainline else { return nil }
    let first = window.queueManager.base
    let bus = QorIQ.AddressRange(
      base: first, size: window.range.base + window.range.size - first)
    return Node("dpaa@\(hex(bus.base))") {
      $0.set("compatible", "simple-bus")
      $0.set("#address-cells", 1)
      $0.set("#size-cells", 1)
      $0.set("ranges", ranges(bus))
      $0.add(queueManager(in: bus))
      $0.add(bufferManager(in: bus))
      for fman in board.fmans {
        if let node = frameManager(fman, in: bus) { $0.add(node) }
      }
    }
  }

  /// Linux 6.1, `Documentation/devicetree/bindings/soc/fsl/qman.txt`.
  private func queueManager(in bus: QorIQ.AddressRange) -> Node {
    manager("qman", window.queueManager, in: bus) {
      $0.set("fsl,qman-portals", .reference("qportals"))
      $0.set("memory-region", .rows([[.reference("qman_fqd")], [.reference("qman_pfdr")]]))
    }
  }

  /// Linux 6.1, `Documentation/devicetree/bindings/soc/fsl/bman.txt`.
  private func bufferManager(in bus: QorIQ.AddressRange) -> Node {
    manager("bman", window.bufferManager, in: bus) {
      $0.set("fsl,bman-portals", .reference("bportals"))
      $0.set("memory-region", .reference("bman_fbpr"))
    }
  }

  private func manager(
    _ name: String, _ registers: QorIQ.AddressRange, in bus: QorIQ.AddressRange,
    _ build: (inout Node) -> Void
  ) -> Node {
    let offset = registers.base - bus.base
    return Node("\(name)@\(hex(offset))", labels: [name]) {
      $0.set("compatible", "fsl,\(name)")
      $0.set("reg", .cells([UInt32(offset), UInt32(registers.size)]))
      $0.set("interrupts", .cells([PPCE500.errorInterrupt, PPCE500.levelHigh]))
      build(&$0)
    }
  }

  /// The managers' own memory, which they keep lists in: Linux 6.1, `qman_ccsr.c` and `bman_ccsr.c`.
  ///
  /// Each size is a power of two and its own alignment. The usual sizes are those of the boards; a
  /// small guest gives less.
  func managerMemory() -> [Node] {
    guard owner.os == .linuxMainline else { return [] }
    var share: UInt64 = 0x1000
    while share * 2 <= owner.memory.size / 8 { share *= 2 }
    return [
      ("bman-fbpr", min(16 << 20, share)), ("qman-fqd", min(4 << 20, share)),
      ("qman-pfdr", min(32 << 20, share)),
    ].map { name, size in
      Node(name, labels: [name.replacing("-", with: "_")]) {
        $0.set("compatible", "fsl,\(name)")
        $0.set("size", wide(size))
        $0.set("alignment", wide(size))
      }
    }
  }

  // MARK: frame managers

  /// One of the guest's ways as a MAC of a virtual frame manager.
  private struct VirtualMAC {
    /// Which of the guest's ways.
    let path: Int
    /// Its number among the MACs.
    let index: UInt32
    let receivePort: UInt32
    let transmitPort: UInt32
    let isFast: Bool
  }

  /// The guest's ways on a frame manager: its interfaces with the numbers of the board, and its links
  /// as 1G MACs that are left over, of which the third version has six.
  private func virtualMACs(on fman: FManBlock) -> [VirtualMAC] {
    var macs: [VirtualMAC] = []
    for (path, way) in owner.paths.enumerated() where !way.isLink {
      guard let interface = fman.interfaces.first(where: { $0.name == way.name }) else { continue }
      macs.append(
        VirtualMAC(
          path: path, index: UInt32(interface.macIndex),
          receivePort: UInt32(interface.receivePort.rawValue),
          transmitPort: UInt32(interface.transmitPort.rawValue), isFast: interface.speed > 1000))
    }
    var free = (0..<6).filter { index in !macs.contains { $0.index == index } }[...]
    for (path, way) in owner.paths.enumerated() where way.isLink {
      let link = partition.links.first {
        $0.from == ownerIndex && partition.owners[$0.to].name == way.name
      }
      guard link?.fman == fman.index, let index = free.popFirst() else { continue }
      macs.append(
        VirtualMAC(
          path: path, index: UInt32(index), receivePort: 0x08 + UInt32(index),
          transmitPort: 0x28 + UInt32(index), isFast: false))
    }
    return macs
  }

  /// A virtual FMan with just the guest's ways: Linux 6.1,
  /// `Documentation/devicetree/bindings/net/fsl-fman.txt`.
  ///
  /// It is of the third version whatever the board has, as MACs of the earlier ones need a PHY of
  /// their own that the driver talks to. The links are fixed ones.
  private func frameManager(_ fman: FManBlock, in bus: QorIQ.AddressRange) -> Node? {
    let macs = virtualMACs(on: fman)
    guard !macs.isEmpty, let channels = fman.channels else { return nil }
    let registers = window.frameManager(fman.index)
    let offset = registers.base - bus.base
    let label = "fman\(fman.index)"
    return Node("fman@\(hex(offset))", labels: [label]) { node in
      node.set("compatible", "fsl,fman")
      node.set("#address-cells", 1)
      node.set("#size-cells", 1)
      node.set("cell-index", UInt32(fman.index))
      node.set("reg", .cells([UInt32(offset), UInt32(registers.size)]))
      node.set("ranges", .cells([0, UInt32(offset), UInt32(registers.size)]))
      node.set(
        "interrupts",
        .rows([
          [Cell(PPCE500.frameManagerInterrupt + UInt32(fman.index)), Cell(PPCE500.levelHigh)],
          [Cell(PPCE500.errorInterrupt), Cell(PPCE500.levelHigh)],
        ]))
      // The driver refuses a rate of 0 (`drivers/net/ethernet/freescale/fman/fman.c`).
      node.set("clocks", .reference("dpaa_clock"))
      node.set("clock-names", "fmanclk")
      node.set("fsl,qman-channel-range", channelRange(channels))
      node.add("muram@0") {
        $0.set("compatible", "fsl,fman-muram")
        $0.set("reg", .cells([0, 0x6_0000]))
      }
      for mac in macs {
        node.add(port(mac.receivePort, "rx", mac, label))
        node.add(port(mac.transmitPort, "tx", mac, label))
        node.add(ethernet(mac, label))
      }
    }
  }

  /// Where a frame manager's ports lie: a page each, from here on by their number (Linux 6.1,
  /// `qoriq-fman3-0.dtsi`).
  private static let portBase: UInt32 = 0x8_0000
  private static let portSize: UInt32 = 0x1000

  private func port(
    _ port: UInt32, _ direction: String, _ mac: VirtualMAC, _ label: String
  ) -> Node {
    let offset = Self.portBase + Self.portSize * port
    return Node("port@\(hex(UInt64(offset)))", labels: [portLabel(port, label)]) {
      $0.set("compatible", "fsl,fman-v3-port-\(direction)")
      $0.set("cell-index", port)
      $0.set("reg", .cells([offset, Self.portSize]))
      if mac.isFast { $0.set("fsl,fman-10g-port") }
    }
  }

  private func portLabel(_ port: UInt32, _ label: String) -> String {
    "\(label)_port_\(hex(UInt64(port)))"
  }

  /// A MAC and its two ports (Linux 6.1, `drivers/net/ethernet/freescale/fman/mac.c`).
  private func ethernet(_ mac: VirtualMAC, _ label: String) -> Node {
    // The first of 10G lies behind eight of 1G, as the index counts (Linux 6.1,
    // `qoriq-fman3-0-10g-0.dtsi`).
    let offset = 0xe_0000 + 0x2000 * mac.index
    return Node("ethernet@\(hex(UInt64(offset)))", labels: ["\(label)_mac\(mac.index)"]) {
      $0.set("compatible", "fsl,fman-memac")
      // What the way is called in the plan.
      $0.set("label", owner.paths[mac.path].name)
      $0.set("cell-index", mac.index)
      $0.set("reg", .cells([offset, 0x1000]))
      $0.set(
        "fsl,fman-ports",
        .rows(
          [mac.receivePort, mac.transmitPort].map {
            [.reference(Reference(portLabel($0, label)))]
          }))
      $0.set("phy-connection-type", mac.isFast ? "xgmii" : "rgmii")
      $0.set("local-mac-address", macAddress(mac.path))
      $0.add("fixed-link") {
        // Faster ones are none to the driver of fixed links (`drivers/net/phy/swphy.c`).
        $0.set("speed", 1000)
        $0.set("full-duplex")
      }
    }
  }

  /// The clock of the virtual blocks: Linux 6.1,
  /// `Documentation/devicetree/bindings/clock/fixed-clock.yaml`.
  func managerClock() -> Node? {
    guard owner.os == .linuxMainline else { return nil }
    return Node("dpaa-clock", labels: ["dpaa_clock"]) {
      $0.set("compatible", "fixed-clock")
      $0.set("#clock-cells", 0)
      $0.set("clock-frequency", PPCE500.clockFrequency)
    }
  }
}
