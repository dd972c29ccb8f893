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

  /// A virtual FMan with just the guest's ways: Linux 6.1,
  /// `Documentation/devicetree/bindings/net/fsl-fman.txt`.
  ///
  /// The links are fixed ones.
  private func frameManager(_ fman: FManBlock, in bus: QorIQ.AddressRange) -> Node? {
    let macs = partition.virtualMACs(of: ownerIndex).filter { $0.frameManager == fman.index }
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

  private func port(
    _ port: PortID, _ direction: String, _ mac: VirtualMAC, _ label: String
  ) -> Node {
    let offset = VirtualMAC.offset(of: port)
    return Node("port@\(hex(UInt64(offset)))", labels: [portLabel(port, label)]) {
      $0.set("compatible", "fsl,fman-v3-port-\(direction)")
      $0.set("cell-index", UInt32(port.rawValue))
      $0.set("reg", .cells([UInt32(offset), 0x1000]))
      if mac.isFast { $0.set("fsl,fman-10g-port") }
    }
  }

  private func portLabel(_ port: PortID, _ label: String) -> String {
    "\(label)_port_\(hex(UInt64(port.rawValue)))"
  }

  /// A MAC and its two ports (Linux 6.1, `drivers/net/ethernet/freescale/fman/mac.c`).
  private func ethernet(_ mac: VirtualMAC, _ label: String) -> Node {
    Node("ethernet@\(hex(UInt64(mac.offset)))", labels: ["\(label)_mac\(mac.index)"]) {
      $0.set("compatible", "fsl,fman-memac")
      // What the way is called in the plan.
      $0.set("label", owner.paths[mac.path].name)
      $0.set("cell-index", UInt32(mac.index))
      $0.set("reg", .cells([UInt32(mac.offset), 0x1000]))
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
