/// What checks ask of every node, gathered for the whole tree in one pass.
///
/// A check says by these facts whether a node can be at fault at all. Most nodes are in order, so
/// most checks never look at the node itself, and a million nodes cost no million copies.
struct NodeFacts: Equatable {
  var traits: NodeTraits = []
  /// The traits of all children together.
  private(set) var below: NodeTraits = []
  private(set) var buses: Buses = []
  /// The cells of addresses and of sizes of children.
  private(set) var addressCells: UInt32 = 2
  private(set) var sizeCells: UInt32 = 1
  /// The bytes of `reg`.
  private(set) var regLength: Int32 = 0

  var hasAddressAndSizeCells: Bool { traits.isSuperset(of: [.addressCells, .sizeCells]) }

  /// The facts of a tree's nodes in preorder.
  static func gather(_ tree: Tree) -> [NodeFacts] {
    var gathering = Gathering()
    _ = tree.withRootPlace { gathering.visit($0, isRoot: true) }
    return gathering.facts
  }

  private struct Gathering {
    var facts: [NodeFacts] = []

    mutating func visit(_ node: UnsafePointer<Node>, isRoot: Bool) -> NodeTraits {
      let place = facts.count
      var own = NodeFacts()
      if isRoot { own.traits.insert(.root) }
      own.note(name: node.pointee.name, KnownNames.nodes)
      // A tree without properties needs no table of their names.
      node.forEachProperty { own.note($0, KnownNames.properties) }
      facts.append(own)
      node.forEachChild { own.below.formUnion(visit($0, isRoot: false)) }
      own.conclude(node)
      facts[place] = own
      return own.traits
    }
  }

  private mutating func note(name: String, _ names: KnownNames) {
    let bytes = name.utf8
    guard let at = bytes.firstIndex(of: UInt8(ascii: "@")) else {
      if let known = names.find(name) { traits.formUnion(known) }
      return
    }
    if let known = names.find(name[..<at]) { traits.formUnion(known.subtracting(.exactNames)) }
    let address = bytes[bytes.index(after: at)...]
    guard let first = address.first else { return }
    traits.insert(.unitAddress)
    if first == UInt8(ascii: "0") && address.dropFirst().first != nil {
      traits.insert(.zeroAddress)
    }
  }

  private mutating func note(_ property: UnsafePointer<Property>, _ names: KnownNames) {
    guard let known = names.find(property.pointee.name) else {
      return noteOther(property.pointee.name)
    }
    // Of two properties of one name the first counts.
    if traits.isSuperset(of: known) { return }
    traits.formUnion(known)
    switch known {
    case .reg: regLength = Int32(clamping: property.pointee.value.count)
    case .ranges where property.pointee.value.count == 0: traits.insert(.emptyRanges)
    case .addressCells: addressCells = property.pointee.value.cell ?? 2
    case .sizeCells: sizeCells = property.pointee.value.cell ?? 1
    case .compatible:
      if property.pointee.value.contents.last ?? 0 != 0 { traits.insert(.unendedStrings) }
      if property.pointee.value.contains(string: "simple-bus") { traits.insert(.simpleBus) }
    default: break
    }
  }

  private mutating func noteOther(_ name: String) {
    switch name.utf8.last {
    case UInt8(ascii: "s"):
      if name.hasSuffix("-names") { traits.insert(.names) }
      if name.hasSuffix("gpios") { traits.insert(.gpios) }
    case UInt8(ascii: "o"): if name.hasSuffix("gpio") { traits.insert(.gpios) }
    default: break
    }
    if name.hasPrefix("spi-") { traits.insert(.spiProperty) }
    if name.utf8.contains(UInt8(ascii: "@")) { traits.insert(.oddProperty) }
  }

  /// Adds what follows from the children.
  private mutating func conclude(_ node: UnsafePointer<Node>) {
    buses = Buses(node, self)
    if below.contains(.endpoint) {
      traits.insert(.graphPort)
      if traits.contains(.reg) { traits.insert(.graphPortWithReg) }
    }
  }
}

/// What a node has or is.
struct NodeTraits: OptionSet {
  let rawValue: UInt64

  static let root = bit(0)
  static let reg = bit(1)
  static let ranges = bit(2)
  static let emptyRanges = bit(3)
  static let dmaRanges = bit(4)
  static let addressCells = NodeTraits(rawValue: 1 << 5 | checked.rawValue)
  static let sizeCells = NodeTraits(rawValue: 1 << 6 | checked.rawValue)
  static let interrupts = bit(7)
  static let interruptParent = bit(8)
  static let interruptProvider = bit(9)
  static let compatible = bit(10)
  /// `compatible` is no list of strings.
  static let unendedStrings = bit(11)
  static let deviceType = NodeTraits(rawValue: 1 << 12 | checked.rawValue)
  /// A property whose name ends in `-names`.
  static let names = bit(13)
  /// A property whose name ends in `gpio` or `gpios`.
  static let gpios = bit(14)
  static let phandle = bit(15)
  /// A property that a check of its own looks at.
  static let checked = bit(16)
  /// A property whose name has an `@`, as only those of nodes should.
  static let oddProperty = bit(17)
  static let unitAddress = bit(18)
  /// A unit address that begins with 0 and goes on.
  static let zeroAddress = bit(19)
  static let chosen = bit(20)
  static let aliases = bit(21)
  /// `__overlay__`
  static let overlay = bit(22)
  static let i2cBus = bit(23)
  /// An endpoint of a graph, by its name or what it has.
  static let endpoint = bit(24)
  static let graphPort = bit(25)
  static let graphPortWithReg = bit(26)
  /// A property whose name begins with `spi-`.
  static let spiProperty = bit(27)

  /// `compatible` lists `simple-bus`.
  static let simpleBus = bit(28)
  static let i2cArbiter = bit(29)
  static let i2c = bit(30)
  static let spi = bit(31)
  static let ports = bit(32)

  /// What only a name without unit address means.
  static let exactNames: NodeTraits = [.chosen, .aliases, .overlay, .ports]

  private static func bit(_ number: UInt64) -> NodeTraits { NodeTraits(rawValue: 1 << number) }
}
