/// Which cells of a property are phandles, as far as bindings that everyone shares say.
///
/// Blobs do not tell: `<3>` may be a phandle or a number. Where a tree was read from source, the
/// markers of its values know; where it was not, the names of properties do.
struct PhandleCells {
  let index: TreeIndex

  /// The places of phandles among the cells of a property; `nil` when nothing is known of it.
  func places(in property: Property, of entry: TreeIndex.Entry) -> [Int]? {
    let value = property.value
    var marked: [Int] = []
    for marker in value.markers {
      if case .phandle = marker.kind, marker.offset % 4 == 0 { marked.append(marker.offset / 4) }
    }
    if value.isTyped { return marked }
    guard let cells = value.cells else { return nil }
    let name = property.name
    if Self.isList(name) { return Array(cells.indices) }
    if let specifier = Self.specifier(name) { return places(in: cells, specifier) }
    switch name {
    case "interrupt-map": return placesInMap(cells, of: entry)
    case "iommu-map", "msi-map":
      return cells.indices.filter { $0 % 4 == 1 && cells.count % 4 == 0 }
    default: return Self.isNumeric(name) ? [] : nil
    }
  }

  /// Phandles, each followed by as many cells as its node says.
  private func places(in cells: [UInt32], _ specifier: String) -> [Int] {
    var places: [Int] = []
    var position = 0
    while position < cells.count {
      places.append(position)
      // Zero and all ones stand for an entry that is left out.
      guard cells[position] != 0, cells[position] != .max else {
        position += 1
        continue
      }
      guard let node = index.node(phandle: cells[position])?.node else { break }
      position += 1 + Int(min(node[specifier]?.cell ?? 0, 64))
    }
    return places
  }

  /// Rows of child address, child interrupt, parent, parent address and parent interrupt
  /// (Devicetree Specification 0.4, 2.4.3.1).
  private func placesInMap(_ cells: [UInt32], of entry: TreeIndex.Entry) -> [Int] {
    func width(_ node: Node, _ name: String, _ missing: UInt32) -> Int {
      Int(min(node[name]?.cell ?? missing, 64))
    }
    let child = width(entry.node, "#address-cells", 2) + width(entry.node, "#interrupt-cells", 1)
    var places: [Int] = []
    var position = child
    while position < cells.count {
      places.append(position)
      guard let parent = index.node(phandle: cells[position])?.node else { break }
      position +=
        1 + width(parent, "#address-cells", 0) + width(parent, "#interrupt-cells", 1) + child
    }
    return places
  }

  /// Properties that hold nothing but phandles.
  private static func isList(_ name: String) -> Bool {
    let names: Set = [
      "interrupt-parent", "memory-region", "next-level-cache", "l2-cache", "remote-endpoint",
      "nvmem-cells", "assigned-clock-parents", "cpu", "trip", "operating-points-v2", "iommu-parent",
      "fsl,iommu-parent", "phy-handle", "fsl,fman-ports", "fsl,port-handles", "fsl,fman-mac",
      "fsl,fman-oh-port", "fsl,bman-buffer-pools", "fsl,qman-portals", "fsl,bman-portals",
      "fsl,msi",
      "tbi-handle", "pcsphy-handle", "ptp-timer", "sleep",
    ]
    if names.contains(name) || name.hasSuffix("-handle") || name.hasSuffix("-supply") {
      return true
    }
    let start = "pinctrl-"
    return name.hasPrefix(start) && !name.dropFirst(start.count).isEmpty
      && name.dropFirst(start.count).allSatisfy(\.isNumber)
  }

  /// The property of the other node that says how many cells follow its phandle.
  private static func specifier(_ name: String) -> String? {
    let names = [
      "clocks": "#clock-cells", "assigned-clocks": "#clock-cells", "resets": "#reset-cells",
      "dmas": "#dma-cells", "phys": "#phy-cells", "interrupts-extended": "#interrupt-cells",
      "iommus": "#iommu-cells", "mboxes": "#mbox-cells", "pwms": "#pwm-cells",
      "power-domains": "#power-domain-cells", "thermal-sensors": "#thermal-sensor-cells",
      "sound-dai": "#sound-dai-cells", "io-channels": "#io-channel-cells",
      "msi-parent": "#msi-cells", "hwlocks": "#hwlock-cells", "cooling-device": "#cooling-cells",
      "mux-controls": "#mux-control-cells", "interconnects": "#interconnect-cells",
    ]
    if let specifier = names[name] { return specifier }
    guard !name.hasSuffix(",nr-gpios") else { return nil }
    return name == "gpio" || name == "gpios" || name.hasSuffix("-gpio") || name.hasSuffix("-gpios")
      ? "#gpio-cells" : nil
  }

  /// Properties whose cells are surely no phandles.
  private static func isNumeric(_ name: String) -> Bool {
    let names: Set = [
      "reg", "ranges", "dma-ranges", "interrupts", "cell-index", "virtual-reg", "bus-range",
      "interrupt-map-mask", "fsl,liodn", "fsl,qman-channel-id", "fsl,bpid-range", "fsl,fqid-range",
      "local-mac-address", "mac-address", "status", "compatible", "model", "device_type",
    ]
    return names.contains(name) || name.hasPrefix("#") || name.hasSuffix("-frequency")
      || name.hasSuffix("-cells") || name.hasSuffix("-size")
  }
}
