import DeviceTree
import Diagnostics

/// The address map of a device tree, and its devices in front of the PAMU.
extension BoardTreeReader {
  mutating func addressMap() -> Fact? {
    var map = FactRecord()
    for entry in index.entries {
      if entry.node["device_type"]?.string == "soc" { add(entry, row: 0, "ccsr", to: &map) }
      if entry.node.isCompatible(with: "fsl,dcsr") { add(entry, row: 0, "dcsr", to: &map) }
      for kind in ["qman", "bman"] where entry.node.baseName == "\(kind)-portals" {
        add(entry, row: 0, "\(kind)-portals", to: &map)
      }
      if entry.node.isCompatible(with: "fsl,elbc", "fsl,ifc") { localBus(entry, to: &map) }
    }
    for (number, entry) in pcieBridges() {
      for row in 0..<windows(of: entry).count {
        // The space is in the top byte of a PCI address: 1 for I/O, 2 for memory.
        let kind = windows(of: entry)[row].bus >> 24 & 3
        add(entry, row: row, "pcie\(number)-\(kind == 1 ? "io" : "memory")", to: &map)
      }
    }
    for entry in index.nodes(compatibleWith: "fsl,srio") {
      for port in index.children(of: entry) {
        guard let number = port.node["cell-index"]?.number else { continue }
        add(port, row: 0, "rapidio\(number)", to: &map)
      }
    }
    guard !map.keys.isEmpty else { return nil }
    return Fact(.record(map), at: index.tree.root.span, node: "/", layer: .tree)
  }

  private mutating func localBus(_ entry: TreeIndex.Entry, to map: inout FactRecord) {
    for (row, window) in windows(of: entry).enumerated() {
      add(entry, row: row, "localbus\(window.bus)", to: &map)
    }
  }

  private mutating func add(
    _ entry: TreeIndex.Entry, row: Int, _ name: String, to map: inout FactRecord
  ) {
    let windows = windows(of: entry)
    guard windows.indices.contains(row), map[name] == nil, windows[row].size > 0 else { return }
    var record = FactRecord()
    record["base"] = number(windows[row].base, entry, "ranges")
    record["size"] = number(windows[row].size, entry, "ranges")
    map[name] = Fact(.record(record), at: span(entry, "ranges"), node: entry.path, layer: .tree)
  }

  /// The rows of a bus's `ranges`: the first cell of the bus's address, where it is for the CPU, and
  /// how much.
  private func windows(
    of entry: TreeIndex.Entry
  ) -> [(bus: UInt32, base: UInt64, size: UInt64)] {
    guard let above = index.parent(of: entry), let cells = entry.node["ranges"]?.cells else {
      return []
    }
    let own = index.addressCells(of: entry)
    let up = index.addressCells(of: above)
    let size = index.sizeCells(of: entry)
    let stride = own + up + size
    guard (1...4).contains(own), (1...4).contains(up), (1...4).contains(size),
      cells.count % stride == 0
    else { return [] }
    func join(_ cells: ArraySlice<UInt32>) -> UInt64 {
      cells.reduce(0) { $0 << 32 | UInt64($1) }
    }
    return (0..<cells.count / stride).compactMap { row in
      let start = row * stride
      let base = AddressRange(
        address: join(cells[start + own..<start + own + up]),
        size: join(cells[start + own + up..<start + stride]))
      guard let physical = index.translate(base, from: above) else { return nil }
      return (cells[start], physical.address, physical.size)
    }
  }

  /// PCI bridges by number, as their aliases count them or else in order of address.
  private func pcieBridges() -> [(number: Int, entry: TreeIndex.Entry)] {
    index.entries.filter {
      $0.node["device_type"]?.string == "pci" && $0.node["ranges"] != nil
        && $0.node.compatible.contains { $0.contains("pcie") }
    }.sorted { $0.path < $1.path }.enumerated().map { ($0 + 1, $1) }
  }

  /// Devices that bear LIODNs but have no queues, named as `boards/` names them.
  func liodnDevices() -> [(name: String, entry: TreeIndex.Entry)] {
    var devices = pcieBridges().map { ("pcie\($0.number)", $0.entry) }
    for entry in index.nodes(compatibleWith: "fsl,srio") {
      for port in index.children(of: entry) {
        if let number = port.node["cell-index"]?.number {
          devices.append(("rapidio\(number)", port))
        }
      }
    }
    let kinds = [
      ("fsl,srio-rmu", "rmu"), ("fsl,elo-dma", "dma"), ("fsl,eloplus-dma", "dma"),
      ("fsl,elo3-dma", "dma"), ("fsl-usb2-mph", "usb"), ("fsl-usb2-dr", "usb"),
      ("fsl,esdhc", "sdhc"), ("fsl,pq-sata-v2", "sata"),
    ]
    var counts: [String: Int] = [:]
    for entry in index.entries {
      guard let kind = kinds.first(where: { entry.node.isCompatible(with: $0.0) })?.1 else {
        continue
      }
      counts[kind, default: 0] += 1
      let number = ["rmu", "sdhc"].contains(kind) ? "" : "\(counts[kind] ?? 1)"
      devices.append((kind + number, entry))
    }
    return devices
  }
}
