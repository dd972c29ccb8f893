/// What a person wants to know of a node: where it is on every bus, and whom it interrupts.
public struct NodeReport: Sendable, Hashable {
  /// A run of addresses of the node's own bus, and the same as the CPU sees it.
  public struct Register: Sendable, Hashable {
    /// As `reg` has it.
    public var local: AddressRange
    /// As the CPU sees it; `nil` when no `ranges` on the way covers it.
    public var physical: AddressRange?
  }

  /// An interrupt of the node.
  public struct Interrupt: Sendable, Hashable {
    /// The path of the controller.
    public var controller: String
    /// The cells that tell the controller which one, and how it is triggered.
    public var specifier: [UInt32]
  }

  /// The full path.
  public let path: String
  /// The node with its properties and children.
  public let node: Node
  /// The entries of `reg`; `nil` when its length does not fit the parent's cells.
  public let registers: [Register]?
  /// The entries of `interrupts` or `interrupts-extended`; `nil` when they do not fit the
  /// controllers' cells or a controller is missing.
  public let interrupts: [Interrupt]?

  /// Gathers the facts about a node.
  public init(_ entry: TreeIndex.Entry, in index: TreeIndex) {
    path = entry.path
    node = entry.node
    let local = index.registers(of: entry)
    let physical = index.physicalRegisters(of: entry)
    registers = local.flatMap { local in
      physical.map { zip(local, $0).map { Register(local: $0, physical: $1) } }
    }
    interrupts = Self.interrupts(of: entry, in: index)
  }

  /// `interrupts-extended` comes before `interrupts` (Devicetree Specification 0.4, 2.4.1).
  private static func interrupts(
    of entry: TreeIndex.Entry, in index: TreeIndex
  ) -> [Interrupt]? {
    if let extended = entry.node["interrupts-extended"] {
      guard let cells = extended.cells else { return nil }
      var interrupts: [Interrupt] = []
      var position = 0
      while position < cells.count {
        guard let controller = index.target(of: extended, cell: position),
          let width = width(controller.node), position + 1 + width <= cells.count
        else { return nil }
        let specifier = cells[(position + 1)..<(position + 1 + width)]
        interrupts.append(Interrupt(controller: controller.path, specifier: Array(specifier)))
        position += 1 + width
      }
      return interrupts
    }
    guard let value = entry.node["interrupts"] else { return [] }
    guard let cells = value.cells, let controller = parent(of: entry, in: index),
      let width = width(controller.node), width > 0, cells.count % width == 0
    else { return nil }
    return stride(from: 0, to: cells.count, by: width).map {
      Interrupt(controller: controller.path, specifier: Array(cells[$0..<($0 + width)]))
    }
  }

  private static func width(_ controller: Node) -> Int? {
    guard let width = controller["#interrupt-cells"]?.cell, width <= 64 else { return nil }
    return Int(width)
  }

  /// The controller that `interrupt-parent` names here or above, else the nearest node above that
  /// is one.
  private static func parent(of entry: TreeIndex.Entry, in index: TreeIndex) -> TreeIndex.Entry? {
    var current: TreeIndex.Entry? = entry
    while let node = current {
      if let value = node.node["interrupt-parent"] { return index.target(of: value, cell: 0) }
      if node.index != entry.index, node.node["#interrupt-cells"] != nil { return node }
      current = index.parent(of: node)
    }
    return nil
  }
}
