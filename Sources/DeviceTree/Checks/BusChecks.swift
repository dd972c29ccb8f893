import Diagnostics

extension TreeCheck {
  /// What the buses demand of themselves and of their devices.
  static let busChecks: [TreeCheck] = [
    TreeCheck(
      "pci-bridge", .warning, after: ["device-type-is-string", "addr-size-cells"],
      .node(when: { own, _ in own.traits.contains(.deviceType) }) { checkPCIBridge(&$0) }),
    TreeCheck(
      "pci-device-reg", .warning, after: ["reg-format", "pci-bridge"],
      .node(when: isOn(.pci)) { checkPCIDevice(&$0) }
    ),
    TreeCheck(
      "pci-device-bus-num", .warning, after: ["reg-format", "pci-bridge"],
      .node(when: isOn(.pci)) { checkPCIBusNumber(&$0) }),
    TreeCheck(
      "simple-bus-bridge", .warning, after: ["addr-size-cells", "compatible-is-string-list"], .group
    ),
    TreeCheck(
      "simple-bus-reg", .warning, after: ["reg-format", "simple-bus-bridge"],
      .node(when: isOn(.simple)) { checkSimpleBus(&$0) }),
    TreeCheck(
      "i2c-bus-bridge", .warning, after: ["addr-size-cells"],
      .node(when: isBus(.i2c)) { visit in
        guard !visit.node.children.isEmpty else { return }
        visit.expectCells(address: 1, size: 0, on: "an I2C bus")
      }),
    TreeCheck(
      "i2c-bus-reg", .warning, after: ["reg-format", "i2c-bus-bridge"],
      .node(when: isOn(.i2c)) { checkI2C(&$0) }),
    TreeCheck(
      "spi-bus-bridge", .warning, after: ["addr-size-cells"],
      .node(when: isBus(.spi)) { visit in
        if visit.buses.contains(.unnamedSPI) && visit.node["reg"] != nil {
          visit.fail("is an SPI bus and should be called 'spi'")
        }
        guard !visit.node.children.isEmpty else { return }
        let address = visit.node["spi-slave"] == nil ? 1 : 0
        visit.expectCells(address: address, size: 0, on: "an SPI bus")
      }),
    TreeCheck(
      "spi-bus-reg", .warning, after: ["reg-format", "spi-bus-bridge"],
      .node(when: isOn(.spi)) { visit in
        guard visit.parent?["spi-slave"] == nil else { return }
        guard let cell = visit.node["reg"]?.cells?.first else {
          return visit.fail("has no 'reg', or an empty one")
        }
        visit.expectUnitAddress(String(cell, radix: 16), on: "an SPI bus")
      }),
  ]

  /// Nodes that are any of these.
  static func isBus(_ buses: Buses) -> Suspicion {
    { own, _ in !own.buses.isDisjoint(with: buses) }
  }

  /// Nodes whose parent is any of these.
  static func isOn(_ buses: Buses) -> Suspicion {
    { _, parent in !parent.buses.isDisjoint(with: buses) }
  }

  private static func checkPCIBridge(_ visit: inout CheckVisit) {
    let node = visit.node
    guard node["device_type"]?.strings?.first == "pci" else { return }
    if node.baseName != "pci" && node.baseName != "pcie" {
      visit.fail("should be called 'pci' or 'pcie'")
    }
    if node["ranges"] == nil { visit.fail("is a PCI bridge without 'ranges'") }
    visit.expectCells(address: 3, size: 2, on: "a PCI bridge")
    guard let range = node.property("bus-range") else { return }
    guard range.value.count == 8, let cells = range.value.cells else {
      return visit.fail("has two cells, first and last bus", range)
    }
    if cells[0] > cells[1] { visit.fail("the first bus is behind the last", range) }
    if cells[1] > 0xFF { visit.fail("there are no more than 256 buses", range) }
  }

  private static func checkPCIDevice(_ visit: inout CheckVisit) {
    guard let property = visit.node.property("reg"),
      let cells = property.value.cells, cells.count >= 3
    else { return }
    if cells[1] != 0 || cells[2] != 0 {
      visit.fail("the second and third cell of a configuration address are 0", property)
    }
    if cells[0] & 0xFF00_0000 != 0 {
      visit.fail("does not begin with an address in configuration space", property)
    }
    if cells[0] & 0xFF != 0 { visit.fail("names a register, which must be 0", property) }
    let device = String((cells[0] & 0xF800) >> 11, radix: 16)
    let function = (cells[0] & 0x700) >> 8
    if function == 0 && visit.node.unitName == device { return }
    visit.expectUnitAddress("\(device),\(String(function, radix: 16))", on: "a PCI bus")
  }

  private static func checkPCIBusNumber(_ visit: inout CheckVisit) {
    guard let property = visit.node.property("reg"),
      let first = property.value.cells?.first
    else { return }
    let bus = (first & 0xFF_0000) >> 16
    let buses = visit.parent?.property("bus-range")
    let range = buses?.value.cells ?? [0, 0]
    guard range.count >= 2 else { return }
    if bus < range[0] || bus > range[1] {
      visit.fail(
        "is on bus \(bus), but the bridge has \(range[0]) to \(range[1])", buses ?? property)
    }
  }

  private static func checkSimpleBus(_ visit: inout CheckVisit) {
    guard let parent = visit.parent else { return }
    let node = visit.node
    var cells: ArraySlice<UInt32>?
    if let reg = node["reg"] {
      cells = reg.cells?[...]
    } else if let ranges = node["ranges"], !ranges.contents.isEmpty {
      cells = ranges.cells?.dropFirst(node.busAddressCells)
    }
    guard let cells else {
      if visit.ancestors.count > 1, !visit.buses.contains(.simple) {
        visit.fail("has neither 'reg' nor 'ranges', or an empty one")
      }
      return
    }
    let address = cells.prefix(parent.busAddressCells).reduce(UInt64(0)) { $0 << 32 | UInt64($1) }
    visit.expectUnitAddress(String(address, radix: 16), on: "a simple bus")
  }

  /// The flags that `reg` of an I2C device may carry above its address.
  private static let ownSlaveAddress: UInt32 = 1 << 30
  private static let tenBitAddress: UInt32 = 1 << 31

  private static func checkI2C(_ visit: inout CheckVisit) {
    guard let property = visit.node.property("reg"), let cells = property.value.cells,
      let first = cells.first
    else { return visit.fail("has no 'reg', or an empty one") }
    visit.expectUnitAddress(String(first & ~ownSlaveAddress, radix: 16), on: "an I2C bus")
    for cell in cells {
      let address = cell & ~ownSlaveAddress
      if address & tenBitAddress != 0 {
        if address & ~tenBitAddress > 0x3FF {
          visit.fail("0x\(String(address & ~tenBitAddress, radix: 16)) exceeds ten bits", property)
        }
      } else if address > 0x7F {
        visit.fail("0x\(String(address, radix: 16)) exceeds seven bits", property)
      }
    }
  }
}

extension CheckVisit {
  mutating func expectCells(address: Int, size: Int, on bus: String) {
    if node.busAddressCells != address { fail("#address-cells of \(bus) is \(address)") }
    if node.busSizeCells != size { fail("#size-cells of \(bus) is \(size)") }
  }
}
