/// The names that checks ask for, and what they make of a node.
struct KnownNames: Sendable {
  /// Names of properties.
  static let properties: KnownNames = {
    var names = KnownNames()
    names.enter("reg", .reg)
    names.enter("ranges", .ranges)
    names.enter("dma-ranges", .dmaRanges)
    names.enter("#address-cells", .addressCells)
    names.enter("#size-cells", .sizeCells)
    names.enter("interrupts", .interrupts)
    names.enter("interrupt-parent", .interruptParent)
    names.enter("interrupt-controller", .interruptProvider)
    names.enter("interrupt-map", .interruptProvider)
    names.enter("compatible", .compatible)
    names.enter("device_type", .deviceType)
    names.enter("phandle", .phandle)
    names.enter("linux,phandle", .phandle)
    names.enter("remote-endpoint", .endpoint)
    for check in TreeCheck.known {
      if case .property(let name, _) = check.body, names.find(name) == nil {
        names.enter(name, .checked)
      }
    }
    return names
  }()

  /// Names of nodes without their unit addresses.
  static let nodes: KnownNames = {
    var names = KnownNames()
    names.enter("chosen", .chosen)
    names.enter("aliases", .aliases)
    names.enter("__overlay__", .overlay)
    names.enter("ports", .ports)
    names.enter("endpoint", .endpoint)
    names.enter("i2c-bus", .i2cBus)
    names.enter("i2c-arb", .i2cArbiter)
    names.enter("i2c", .i2c)
    names.enter("spi", .spi)
    return names
  }()

  private var table = CheckNames()
  private var traits: [NodeTraits] = []

  /// What a name makes of the node that has it; `nil` when no check asks for the name.
  func find<Name: StringProtocol>(_ name: Name) -> NodeTraits?
  where Name.UTF8View: BidirectionalCollection {
    table.find(name).map { traits[$0] }
  }

  private mutating func enter(_ name: String, _ traits: NodeTraits) {
    table.enter(name)
    self.traits.append(traits)
  }
}
