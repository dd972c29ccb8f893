/// An interrupt as it reaches a controller.
public struct Interrupt: Sendable, Hashable {
  /// The path of the controller, or of a node that hands interrupts on (`interrupt-map`).
  public var controller: String
  /// The cells that tell the controller which one, and how it is triggered.
  public var specifier: [UInt32]
  /// What the controller knows the sender by, where it asks for that; its `reg` on the bus.
  var unit: [UInt32]

  /// Creates an interrupt.
  public init(controller: String, specifier: [UInt32]) {
    self.controller = controller
    self.specifier = specifier
    unit = []
  }
}

extension TreeIndex {
  /// What is more than this is no map of any binding; it also bounds what a hostile tree costs.
  private static let maximumCells = 64

  /// The interrupts of a node as it sends them: `interrupts-extended`, else `interrupts` (Devicetree
  /// Specification 0.4, 2.4.1); empty when it has none.
  ///
  /// `nil` when they do not fit their controllers' cells, or a controller is missing.
  public func interrupts(of entry: Entry) -> [Interrupt]? {
    let unit = entry.node["reg"]?.cells ?? []
    func interrupt(_ controller: Entry, _ cells: ArraySlice<UInt32>) -> Interrupt {
      var interrupt = Interrupt(controller: controller.path, specifier: Array(cells))
      interrupt.unit = unit
      return interrupt
    }
    if let extended = entry.node["interrupts-extended"] {
      guard let cells = extended.cells else { return nil }
      var interrupts: [Interrupt] = []
      var position = 0
      while position < cells.count {
        guard let controller = target(of: extended, cell: position),
          let width = width(controller.node, "#interrupt-cells"),
          position + 1 + width <= cells.count
        else { return nil }
        interrupts.append(interrupt(controller, cells[(position + 1)..<(position + 1 + width)]))
        position += 1 + width
      }
      return interrupts
    }
    guard let value = entry.node["interrupts"] else { return [] }
    guard let cells = value.cells, let controller = interruptParent(of: entry),
      let width = width(controller.node, "#interrupt-cells"), width > 0, cells.count % width == 0
    else { return nil }
    return stride(from: 0, to: cells.count, by: width).map {
      interrupt(controller, cells[$0..<($0 + width)])
    }
  }

  /// Where an interrupt arrives after all the maps on its way (Devicetree Specification 0.4, 2.4.3);
  /// the interrupt itself when its controller is one.
  ///
  /// `nil` when a map has no row for it, is malformed, or leads round in a circle.
  public func arrival(of interrupt: Interrupt) -> Interrupt? {
    var current = interrupt
    var visited: Set<Interrupt> = []
    while let node = self[current.controller], let map = node.node["interrupt-map"] {
      guard visited.insert(current).inserted, visited.count <= Self.maximumCells,
        let next = step(current, through: node, map)
      else { return nil }
      current = next
    }
    return self[current.controller] == nil ? nil : current
  }

  /// Finds the row of a map: child address, child specifier, parent, parent address, parent specifier.
  private func step(
    _ interrupt: Interrupt, through node: Entry, _ map: PropertyValue
  ) -> Interrupt? {
    guard let cells = map.cells, let address = width(node.node, "#address-cells", missing: 2),
      let specifier = width(node.node, "#interrupt-cells"),
      interrupt.specifier.count == specifier
    else { return nil }
    let unit = (interrupt.unit + Array(repeating: 0, count: address)).prefix(address)
    let own = Array(unit) + interrupt.specifier
    let mask = node.node["interrupt-map-mask"]?.cells ?? Array(repeating: .max, count: own.count)
    guard mask.count == own.count else { return nil }
    var position = 0
    while position + own.count < cells.count {
      guard let parent = target(of: map, cell: position + own.count),
        let parentAddress = width(parent.node, "#address-cells", missing: 0),
        let parentSpecifier = width(parent.node, "#interrupt-cells")
      else { return nil }
      let start = position + own.count + 1
      let end = start + parentAddress + parentSpecifier
      guard end <= cells.count else { return nil }
      let isMatch = own.indices.allSatisfy {
        own[$0] & mask[$0] == cells[position + $0] & mask[$0]
      }
      if isMatch {
        var next = Interrupt(
          controller: parent.path, specifier: Array(cells[(start + parentAddress)..<end]))
        next.unit = Array(cells[start..<(start + parentAddress)])
        return next
      }
      position = end
    }
    return nil
  }

  private func width(_ node: Node, _ name: String, missing: Int? = nil) -> Int? {
    guard let value = node[name] else { return missing }
    guard let width = value.cell, width <= Self.maximumCells else { return nil }
    return Int(width)
  }

  /// The controller that `interrupt-parent` names here or above, else the nearest node above that
  /// is one.
  private func interruptParent(of entry: Entry) -> Entry? {
    var current: Entry? = entry
    while let node = current {
      if let value = node.node["interrupt-parent"] { return target(of: value, cell: 0) }
      if node.index != entry.index, node.node["#interrupt-cells"] != nil { return node }
      current = parent(of: node)
    }
    return nil
  }
}
