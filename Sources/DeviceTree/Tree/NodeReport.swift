/// What a person wants to know of a node: where it is on every bus, and whom it interrupts.
public struct NodeReport: Sendable, Hashable {
  /// A run of addresses of the node's own bus, and the same as the CPU sees it.
  public struct Register: Sendable, Hashable {
    /// As `reg` has it.
    public var local: AddressRange
    /// As the CPU sees it; `nil` when no `ranges` on the way covers it.
    public var physical: AddressRange?
  }

  /// An interrupt of the node, and the same as the controller at its end gets it.
  public struct InterruptLine: Sendable, Hashable {
    /// As the node sends it.
    public var sent: Interrupt
    /// As it arrives behind all maps; `nil` when they lead nowhere.
    public var arrival: Interrupt?
  }

  /// The full path.
  public let path: String
  /// The node with its properties and children.
  public let node: Node
  /// The entries of `reg`; `nil` when its length does not fit the parent's cells.
  public let registers: [Register]?
  /// The entries of `interrupts` or `interrupts-extended`; `nil` when they do not fit the
  /// controllers' cells or a controller is missing.
  public let interrupts: [InterruptLine]?

  /// Gathers the facts about a node.
  public init(_ entry: TreeIndex.Entry, in index: TreeIndex) {
    path = entry.path
    node = entry.node
    let local = index.registers(of: entry)
    let physical = index.physicalRegisters(of: entry)
    registers = local.flatMap { local in
      physical.map { zip(local, $0).map { Register(local: $0, physical: $1) } }
    }
    interrupts = index.interrupts(of: entry)?.map {
      InterruptLine(sent: $0, arrival: index.arrival(of: $0))
    }
  }
}
