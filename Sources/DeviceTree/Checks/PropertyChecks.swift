import Diagnostics

extension TreeCheck {
  /// The form of single properties.
  static let propertyChecks: [TreeCheck] = [
    cellCheck("address-cells-is-cell", "#address-cells"),
    cellCheck("size-cells-is-cell", "#size-cells"),
    TreeCheck("device-type-is-string", .warning, stringCheck("device_type")),
    TreeCheck("model-is-string", .warning, stringCheck("model")),
    TreeCheck("status-is-string", .warning, stringCheck("status")),
    TreeCheck("label-is-string", .warning, stringCheck("label")),
    TreeCheck(
      "compatible-is-string-list", .warning,
      .node(when: { own, _ in own.traits.contains(.unendedStrings) }) { visit in
        if let property = visit.node.property("compatible") { visit.expectStrings(property) }
      }),
    TreeCheck(
      "names-is-string-list", .warning,
      .node(when: { own, _ in own.traits.contains(.names) }) { visit in
        for property in visit.node.properties where property.name.hasSuffix("-names") {
          visit.expectStrings(property)
        }
      }),
    TreeCheck(
      "property-name-chars-strict", nil,
      .node { visit in
        for property in visit.node.properties where !isStrict(property.name) {
          visit.fail("the name should hold only letters, digits, ',' and '-'", property)
        }
      }),
    TreeCheck(
      "node-name-chars-strict", nil,
      .node { visit in
        if !visit.node.baseName.utf8.allSatisfy(isStrict) {
          visit.fail("the name should hold only letters, digits, ',' and '-'")
        }
      }),
    TreeCheck(
      "addr-size-cells", .warning, after: ["address-cells-is-cell", "size-cells-is-cell"], .group),
    TreeCheck(
      "reg-format", .warning, after: ["addr-size-cells"],
      .node(when: { own, parent in
        guard own.traits.contains(.reg) else { return false }
        let entry = (Int(parent.addressCells) + Int(parent.sizeCells)) * 4
        let length = Int(own.regLength)
        return length == 0 || own.traits.contains(.root)
          || !CheckVisit.isMultiple(length, of: entry)
      }) { checkReg(&$0) }),
    TreeCheck(
      "ranges-format", .warning, after: ["addr-size-cells"],
      .node(when: { own, _ in own.traits.contains(.ranges) }) { checkRanges(&$0, "ranges") }),
    TreeCheck(
      "dma-ranges-format", .warning, after: ["addr-size-cells"],
      .node(when: { own, _ in own.traits.contains(.dmaRanges) }) { checkRanges(&$0, "dma-ranges") }),
  ]

  static func cellCheck(_ code: DiagnosticCode, _ name: String) -> TreeCheck {
    TreeCheck(
      code, .warning,
      .property(name) { visit, property in
        if property.value.count != 4 { visit.fail("is not a single cell", property) }
      })
  }

  private static func isStrict(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: ","), UInt8(ascii: "-"): true
    default: false
    }
  }

  /// A `#` is fine at the start and after a vendor's comma, and `device_type` is what it is.
  private static func isStrict(_ name: String) -> Bool {
    if name == "device_type" { return true }
    let bytes = Array(name.utf8)
    guard let first = bytes.firstIndex(where: { !isStrict($0) }) else { return true }
    guard bytes[first] == UInt8(ascii: "#"), first == 0 || bytes[first - 1] == UInt8(ascii: ",")
    else { return false }
    return bytes[(first + 1)...].allSatisfy(isStrict)
  }

  private static func checkReg(_ visit: inout CheckVisit) {
    guard let property = visit.node.property("reg") else { return }
    guard let parent = visit.parent else { return visit.fail("the root has no address", property) }
    let count = property.value.count
    if count == 0 { visit.fail("is empty", property) }
    let cells = parent.busAddressCells &+ parent.busSizeCells
    if !CheckVisit.isMultiple(count, of: cells * 4) {
      visit.fail(
        "is \(count) bytes long, no whole number of entries of \(cells) cells "
          + "(\(parent.busAddressCells) for the address, \(parent.busSizeCells) for the size)",
        property)
    }
  }

  private static func checkRanges(_ visit: inout CheckVisit, _ name: String) {
    let node = visit.node
    guard let property = node.property(name) else { return }
    guard let parent = visit.parent else {
      return visit.fail("the root has nothing to translate to", property)
    }
    let (above, own, size) = (parent.busAddressCells, node.busAddressCells, node.busSizeCells)
    let count = property.value.count
    if count == 0 {
      if above != own {
        visit.fail("is empty, but addresses have \(own) cells here and \(above) above", property)
      }
      if parent.busSizeCells != size {
        visit.fail(
          "is empty, but sizes have \(size) cells here and \(parent.busSizeCells) above", property)
      }
    } else if !CheckVisit.isMultiple(count, of: (above + own + size) * 4) {
      visit.fail(
        "is \(count) bytes long, no whole number of entries of \(own) + \(above) + \(size) cells",
        property)
    }
  }
}
