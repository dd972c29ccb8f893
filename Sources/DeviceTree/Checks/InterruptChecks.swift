import Diagnostics

extension TreeCheck {
  /// Who takes interrupts, and from whom.
  static let interruptChecks: [TreeCheck] = [
    TreeCheck(
      "interrupts-property", .warning, after: ["phandle-references"],
      .node(when: { own, _ in own.traits.contains(.interrupts) }) { checkInterrupts(&$0) }),
    TreeCheck(
      "interrupt-provider", .warning, after: ["interrupts-extended-is-cell"],
      // The cells are among what other checks look at.
      .node(when: { own, _ in !own.traits.isDisjoint(with: [.interruptProvider, .checked]) }) {
        visit in
        let cells = visit.node.property("#interrupt-cells")
        if visit.node.isInterruptProvider && cells == nil {
          visit.fail("takes interrupts, but has no #interrupt-cells")
        } else if !visit.node.isInterruptProvider, let cells {
          visit.fail("takes no interrupts", cells)
        }
      }),
    TreeCheck(
      "interrupt-map", .warning,
      after: ["phandle-references", "addr-size-cells", "interrupt-provider"],
      .node(when: { own, _ in own.traits.contains(.interruptProvider) }) { checkInterruptMap(&$0) }),
  ]

  private static func checkInterrupts(_ visit: inout CheckVisit) {
    guard let property = visit.node.property("interrupts") else { return }
    let count = property.value.count
    if count % 4 != 0 { visit.fail("is \(count) bytes long, no whole number of cells", property) }
    guard let controller = interruptController(&visit) else { return }
    guard let cells = controller.property("#interrupt-cells") else { return }
    guard let width = cells.value.cell else {
      return visit.fail("#interrupt-cells of \(controller.name) is not a single cell")
    }
    if !CheckVisit.isMultiple(count, of: Int(width) * 4) {
      visit.fail("is \(count) bytes long, no whole number of entries of \(width) cells", property)
    }
  }

  /// The node that takes a node's interrupts; `nil` after saying that there is none.
  private static func interruptController(_ visit: inout CheckVisit) -> Node? {
    for depth in (0...visit.ancestors.count).reversed() {
      let isOwn = depth == visit.ancestors.count
      let candidate = isOwn ? visit.node : visit.ancestors[depth]
      if !isOwn, candidate.isInterruptProvider { return candidate }
      guard let link = candidate.property("interrupt-parent") else { continue }
      guard let phandle = link.value.cell, phandle != 0, phandle != .max else {
        if !visit.isPlugin { visit.fail("has an interrupt-parent that is no phandle", link) }
        return nil
      }
      guard let target = visit.targets[phandle] else {
        visit.fail("has the phandle of no node for its interrupt-parent", link)
        return nil
      }
      if !target.isInterruptProvider {
        visit.report.add(
          "\(visit.targets.path(phandle)): is an interrupt-parent, but takes no interrupts",
          at: target.span)
      }
      return target
    }
    visit.fail("has interrupts, but no interrupt-parent")
    return nil
  }

  /// Each entry: a child's address and interrupt, the parent's phandle, address and interrupt there
  /// (Devicetree Specification 0.4, section 2.4.3).
  private static func checkInterruptMap(_ visit: inout CheckVisit) {
    let node = visit.node
    guard let map = node.property("interrupt-map") else { return }
    guard node["#address-cells"] != nil else {
      return visit.fail("has an interrupt-map, but no #address-cells")
    }
    let width = node.busAddressCells + Int(node["#interrupt-cells"]?.cell ?? 0)
    if let mask = node.property("interrupt-map-mask"), mask.value.count != width * 4 {
      visit.fail("is \(mask.value.count) bytes long, but an entry's mask has \(width) cells", mask)
    }
    guard let cells = map.value.cells else {
      return visit.fail("is \(map.value.count) bytes long, no whole number of cells", map)
    }
    var cell = 0
    while cell < cells.count {
      guard width < cells.count - cell else {
        return visit.fail("ends after \(cells.count) cells, inside of an entry", map)
      }
      cell += width
      let phandle = cells[cell]
      guard phandle != 0, phandle != .max else {
        if !visit.isPlugin { visit.fail("cell \(cell) is no phandle", map) }
        return
      }
      guard let parent = visit.targets[phandle] else {
        return visit.fail("cell \(cell) is the phandle of no node", map)
      }
      let path = visit.targets.path(phandle)
      guard let interruptCells = parent["#interrupt-cells"]?.cell else {
        return visit.fail("cell \(cell) leads to \(path), which has no #interrupt-cells", map)
      }
      let addressCells = parent["#address-cells"]?.cell
      if addressCells == nil {
        visit.fail("cell \(cell) leads to \(path), which has no #address-cells; taken for 0", map)
      }
      cell += 1 + Int(interruptCells) + Int(addressCells ?? 0)
      if cell > cells.count {
        visit.fail("ends after \(cells.count) cells, but its last entry needs \(cell)", map)
      }
    }
  }
}
