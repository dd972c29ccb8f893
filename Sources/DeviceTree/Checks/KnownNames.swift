/// The names that checks ask for, found without a general-purpose hash.
struct KnownNames: Sendable {
  /// Names of properties.
  static let properties: KnownNames = {
    var names = KnownNames([
      ("reg", .reg), ("ranges", .ranges), ("dma-ranges", .dmaRanges),
      ("#address-cells", .addressCells), ("#size-cells", .sizeCells), ("interrupts", .interrupts),
      ("interrupt-parent", .interruptParent), ("interrupt-controller", .interruptProvider),
      ("interrupt-map", .interruptProvider), ("compatible", .compatible),
      ("device_type", .deviceType), ("phandle", .phandle), ("linux,phandle", .phandle),
      ("remote-endpoint", .endpoint),
    ])
    for check in TreeCheck.known {
      if case .property(let name, _) = check.body, names.find(name) == nil {
        names.enter(name, .checked)
      }
    }
    return names
  }()

  /// Names of nodes without their unit addresses.
  static let nodes = KnownNames([
    ("chosen", .chosen), ("aliases", .aliases), ("__overlay__", .overlay), ("ports", .ports),
    ("endpoint", .endpoint), ("i2c-bus", .i2cBus), ("i2c-arb", .i2cArbiter), ("i2c", .i2c),
    ("spi", .spi),
  ])

  private var slots: [Int16] = Array(repeating: -1, count: 256)
  private var entries: [(name: String, traits: NodeTraits)] = []

  private init(_ names: [(String, NodeTraits)]) {
    for (name, traits) in names { enter(name, traits) }
  }

  /// What a name makes of the node that has it; `nil` when no check asks for the name.
  func find<Name: StringProtocol>(_ name: Name) -> NodeTraits?
  where Name.UTF8View: BidirectionalCollection {
    var slot = Self.slot(name)
    while slots[slot] >= 0 {
      let entry = Int(slots[slot])
      if entries[entry].name == name { return entries[entry].traits }
      slot = (slot + 1) & 255
    }
    return nil
  }

  private mutating func enter(_ name: String, _ traits: NodeTraits) {
    var slot = Self.slot(name)
    while slots[slot] >= 0 { slot = (slot + 1) & 255 }
    slots[slot] = Int16(entries.count)
    entries.append((name, traits))
  }

  private static func slot<Name: StringProtocol>(_ name: Name) -> Int
  where Name.UTF8View: BidirectionalCollection {
    let bytes = name.utf8
    guard let first = bytes.first, let last = bytes.last else { return 0 }
    return (bytes.count &* 37 &+ Int(first) &* 11 &+ Int(last) &* 5) & 255
  }
}
