import Diagnostics

extension TreeCheck {
  /// A property whose cells are phandles, each followed by as many cells as its node says.
  private struct Provider: Sendable {
    let name: String
    let property: String
    let cells: String
    var isOptional = false
  }

  private static let providers = [
    Provider(name: "clocks", property: "clocks", cells: "#clock-cells"),
    Provider(name: "cooling-device", property: "cooling-device", cells: "#cooling-cells"),
    Provider(name: "dmas", property: "dmas", cells: "#dma-cells"),
    Provider(name: "hwlocks", property: "hwlocks", cells: "#hwlock-cells"),
    Provider(
      name: "interrupts-extended", property: "interrupts-extended", cells: "#interrupt-cells"),
    Provider(name: "io-channels", property: "io-channels", cells: "#io-channel-cells"),
    Provider(name: "iommus", property: "iommus", cells: "#iommu-cells"),
    Provider(name: "mboxes", property: "mboxes", cells: "#mbox-cells"),
    Provider(name: "msi-parent", property: "msi-parent", cells: "#msi-cells", isOptional: true),
    Provider(name: "mux-controls", property: "mux-controls", cells: "#mux-control-cells"),
    Provider(name: "phys", property: "phys", cells: "#phy-cells"),
    Provider(name: "power-domains", property: "power-domains", cells: "#power-domain-cells"),
    Provider(name: "pwms", property: "pwms", cells: "#pwm-cells"),
    Provider(name: "resets", property: "resets", cells: "#reset-cells"),
    Provider(name: "sound-dai", property: "sound-dai", cells: "#sound-dai-cells"),
    Provider(name: "thermal-sensors", property: "thermal-sensors", cells: "#thermal-sensor-cells"),
  ]

  /// The rules that checks of providers stand for.
  static let providerRules: [DiagnosticCode: String] = providers.reduce(into: [:]) {
    rules, provider in
    rules[DiagnosticCode("\(provider.name)-is-cell")] = "\(provider.cells) is one cell"
    rules[DiagnosticCode("\(provider.name)-property")] =
      "each entry of \(provider.property) is a node and the cells that its \(provider.cells) asks for"
  }

  /// What refers to other nodes with arguments.
  static let providerChecks: [TreeCheck] =
    providers.flatMap { provider in
      let isCell = DiagnosticCode("\(provider.name)-is-cell")
      return [
        cellCheck(isCell, provider.cells),
        TreeCheck(
          DiagnosticCode("\(provider.name)-property"), .warning,
          after: [isCell, "phandle-references"],
          .property(provider.property) { visit, property in check(property, provider, &visit) }),
      ]
    } + [
      TreeCheck(
        "gpios-property", .warning, after: ["phandle-references"],
        .node(when: { own, _ in own.traits.contains(.gpios) }) { visit in
          // A hog's own pins need no controller's name: it stands inside of it.
          guard visit.node["gpio-hog"] == nil else { return }
          for property in visit.node.properties where isGPIO(property.name) {
            let provider = Provider(name: "gpios", property: property.name, cells: "#gpio-cells")
            check(property, provider, &visit)
          }
        }),
      TreeCheck(
        "deprecated-gpio-property", nil,
        .node(when: { own, _ in own.traits.contains(.gpios) }) { visit in
          for property in visit.node.properties where property.name.hasSuffix("-gpio") {
            visit.fail("'-gpio' is called '-gpios' now", property)
          }
        }),
    ]

  private static func isGPIO(_ name: String) -> Bool {
    if name.hasSuffix(",nr-gpios") { return false }
    return name == "gpio" || name == "gpios" || name.hasSuffix("-gpio") || name.hasSuffix("-gpios")
  }

  private static func check(
    _ property: Property, _ provider: Provider, _ visit: inout CheckVisit
  ) {
    guard let cells = property.value.cells else {
      return visit.fail("is \(property.value.count) bytes long, no whole number of cells", property)
    }
    var references: Set<Int> = []
    for marker in property.value.markers {
      if case .phandle = marker.kind { references.insert(marker.offset) }
    }
    var cell = 0
    while cell < cells.count {
      let phandle = cells[cell]
      // 0 and -1 stand for an entry that is left out; in an overlay, for one that is not known yet.
      if phandle == 0 || phandle == .max {
        if visit.isPlugin { return }
        cell += 1
        continue
      }
      if !property.value.markers.isEmpty && !references.contains(cell * 4) {
        visit.fail("cell \(cell) is no reference", property)
      }
      guard let target = visit.targets[phandle] else {
        return visit.fail("cell \(cell) is the phandle of no node", property)
      }
      var arguments = 0
      if let count = target[provider.cells]?.cell {
        arguments = Int(count)
      } else if !provider.isOptional {
        return visit.report.add(
          "\(visit.path): \(property.name) refers in cell \(cell) to "
            + "\(visit.targets.path(phandle)), which has no \(provider.cells)",
          at: property.span)
      }
      guard arguments < cells.count - cell else {
        return visit.fail(
          "ends after \(cells.count) cells, but cell \(cell) takes \(arguments) arguments",
          property)
      }
      cell += arguments + 1
    }
  }
}
