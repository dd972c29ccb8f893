/// What kinds of bus a node is, as its name, properties and children tell.
struct Buses: OptionSet {
  let rawValue: UInt8

  static let pci = Buses(rawValue: 1)
  static let simple = Buses(rawValue: 2)
  static let i2c = Buses(rawValue: 4)
  static let spi = Buses(rawValue: 8)
  /// An SPI bus that only its children betray.
  static let unnamedSPI = Buses(rawValue: 16)
  static let graphPort = Buses(rawValue: 32)
  static let graphPorts = Buses(rawValue: 64)

  init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Looks at a node once, in time linear in its own content and that of its children.
  init(_ node: Node, below parent: Node?) {
    self = []
    if node.isCompatible(with: "simple-bus") {
      insert(.simple)
    } else if node["device_type"]?.strings?.first == "pci" {
      insert(.pci)
    }
    let name = node.baseName
    switch name {
    case "i2c-bus", "i2c-arb": insert(.i2c)
    case "i2c": if !node.children.contains(where: { $0.baseName == "i2c-bus" }) { insert(.i2c) }
    case "spi": insert(.spi)
    default: break
    }
    if name != "spi", node.busAddressCells == 1, node.busSizeCells == 0,
      node.children.contains(where: { $0.properties.contains { $0.name.hasPrefix("spi-") } })
    {
      insert([.spi, .unnamedSPI])
    }
    if parent != nil, node.isGraphPort { insert(.graphPort) }
    if isEmpty,
      node.children.contains(where: {
        $0.isGraphPort && (node.name == "ports" || $0["reg"] != nil)
      })
    {
      insert(.graphPorts)
    }
  }
}

extension Node {
  /// The cells of addresses of children; 2 where the node does not say.
  var busAddressCells: Int { Int(self["#address-cells"]?.cell ?? 2) }
  /// The cells of sizes of children; 1 where the node does not say.
  var busSizeCells: Int { Int(self["#size-cells"]?.cell ?? 1) }

  var isGraphPort: Bool {
    children.contains { $0.baseName == "endpoint" || $0["remote-endpoint"] != nil }
  }

  var isInterruptProvider: Bool {
    self["interrupt-controller"] != nil || self["interrupt-map"] != nil
  }

  /// The unit address, empty where there is none.
  var unitName: String { unitAddress.map(String.init) ?? "" }
}

extension CheckVisit {
  /// Whether a length is a whole number of entries; only 0 is a whole number of nothing.
  static func isMultiple(_ length: Int, of entry: Int) -> Bool {
    entry == 0 ? length == 0 : length % entry == 0
  }

  mutating func expectString(_ property: Property) {
    if property.value.string == nil { fail("is not a string", property) }
  }

  mutating func expectStrings(_ property: Property) {
    if !property.value.contents.isEmpty && property.value.contents.last != 0 {
      fail("is not a list of strings", property)
    }
  }

  /// Compares the unit address with what the address in `reg` would make it.
  mutating func expectUnitAddress(_ expected: String, on bus: String) {
    if node.unitName != expected {
      fail("the unit address on \(bus) should be '\(expected)'")
    }
  }
}
