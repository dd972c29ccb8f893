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

  /// What a node is, by what is known of it and of its children.
  init(_ node: UnsafePointer<Node>, _ facts: NodeFacts) {
    self = []
    let (traits, below) = (facts.traits, facts.below)
    if traits.contains(.simpleBus) {
      insert(.simple)
    } else if traits.contains(.deviceType),
      node.pointee["device_type"]?.strings?.first == "pci"
    {
      insert(.pci)
    }
    if !traits.isDisjoint(with: [.i2cBus, .i2cArbiter])
      || traits.contains(.i2c) && !below.contains(.i2cBus)
    {
      insert(.i2c)
    }
    if traits.contains(.spi) {
      insert(.spi)
    } else if facts.addressCells == 1, facts.sizeCells == 0, below.contains(.spiProperty) {
      insert([.spi, .unnamedSPI])
    }
    if !traits.contains(.root), below.contains(.endpoint) { insert(.graphPort) }
    if isEmpty, below.contains(.graphPort),
      traits.contains(.ports) || below.contains(.graphPortWithReg)
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

  var isGraphEndpoint: Bool { baseName == "endpoint" || self["remote-endpoint"] != nil }

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
