import DeviceTree
import Diagnostics
import QorIQ

/// Frame managers in a device tree.
extension BoardTreeLowering {
  mutating func fmans(_ facts: SoCFacts) -> [FManBlock]? {
    let entries = index.nodes(compatibleWith: "fsl,fman").filter(\.node.isEnabled)
    if entries.isEmpty {
      fail("the tree has no fsl,fman: a DPAA board has a frame manager", at: index.tree.root.span)
    }
    let blocks = entries.compactMap { fman($0, facts) }
    guard blocks.count == entries.count, !blocks.isEmpty else { return nil }
    let sorted = blocks.sorted { $0.index < $1.index }
    for (expected, block) in sorted.enumerated() where block.index != expected {
      fail(
        "frame managers should be numbered from 0 without a gap, but \(expected) is missing",
        at: entries.first?.node.span)
      return nil
    }
    return sorted
  }

  private mutating func fman(_ entry: TreeIndex.Entry, _ facts: SoCFacts) -> FManBlock? {
    guard let number = entry.node["cell-index"]?.number, number < 8,
      let base = index.physicalRegisters(of: entry)?.first ?? nil
    else {
      fail(
        "\(entry.path) should have a cell-index and registers that its buses map",
        at: entry.node.span)
      return nil
    }
    guard let range = entry.node["fsl,qman-channel-range"]?.cells, range.count == 2,
      let first = UInt16(exactly: range[0]), let count = UInt16(exactly: range[1]),
      range[0] + range[1] <= 0x2000
    else {
      fail(
        "\(entry.path) should have an fsl,qman-channel-range of a base and a count",
        at: span(entry, "fsl,qman-channel-range"))
      return nil
    }
    let index = Int(number)
    let path = "/fmans/\(index)"
    origins.record(path, at: entry.node.span)
    let children = self.index.children(of: entry).filter(\.node.isEnabled)
    var interfaces: [NetworkInterface] = []
    for child in children where !Self.macs.isDisjoint(with: child.node.compatible) {
      guard let interface = interface(child, fman: index, first: first, facts) else { continue }
      if let other = interfaces.first(where: { $0.name == interface.name }) {
        fail("\(child.path) is \(other.name), but so is another MAC", at: child.node.span)
      }
      origins.record("\(path)/interfaces/\(interface.name)", at: child.node.span)
      interfaces.append(interface)
    }
    interfaces.sort { ($0.receivePort, $0.macIndex) < ($1.receivePort, $1.macIndex) }
    let offline = children.filter { !Self.offlinePorts.isDisjoint(with: $0.node.compatible) }
      .compactMap { offlinePort($0, channels: first..<first + count, facts) }
    return FManBlock(
      index: index, majorRevision: facts.fmanRevision, base: base.address,
      interfaces: interfaces, offlinePorts: offline.sorted { $0.port < $1.port },
      schemeCount: SoCFacts.schemeCount, storageProfileCount: facts.storageProfileCount)
  }

  private static let macs: Set = ["fsl,fman-dtsec", "fsl,fman-xgec", "fsl,fman-memac"]
  private static let offlinePorts: Set = ["fsl,fman-v2-port-oh", "fsl,fman-v3-port-oh"]

  private mutating func interface(
    _ entry: TreeIndex.Entry, fman: Int, first: UInt16, _ facts: SoCFacts
  ) -> NetworkInterface? {
    guard let value = entry.node["fsl,fman-ports"],
      let receive = port(value, cell: 0, in: 0x08...0x1f),
      let transmit = port(value, cell: 1, in: 0x28...0x3f),
      let mac = entry.node["cell-index"]?.number.flatMap({ UInt8(exactly: $0) })
    else {
      fail(
        "\(entry.path) should have a cell-index and refer to its receive and transmit port",
        at: span(entry, "fsl,fman-ports"))
      return nil
    }
    // Port ids from 0x10 and 0x30 on are those of 10G MACs (Linux 6.1, `qoriq-fman*.dtsi`).
    let is10G = receive >= 0x10
    return NetworkInterface(
      name: is10G ? "fm\(fman + 1)-10g\(receive - 0x10)" : "fm\(fman + 1)-gb\(receive - 0x08)",
      speed: is10G ? 10_000 : 1_000, macIndex: mac, receivePort: PortID(receive),
      transmitPort: PortID(transmit),
      transmitChannel: ChannelID(first + facts.transmitChannelOffset(of: transmit)))
  }

  private func port(
    _ value: PropertyValue, cell: Int, in ids: ClosedRange<UInt8>
  ) -> UInt8? {
    guard let number = index.target(of: value, cell: cell)?.node["cell-index"]?.number,
      let id = UInt8(exactly: number), ids.contains(id)
    else { return nil }
    return id
  }

  /// An offline port with its channel: as the SDK's property says, or else by the SoC's numbering;
  /// `nil` for a port that has none.
  private mutating func offlinePort(
    _ entry: TreeIndex.Entry, channels: Range<UInt16>, _ facts: SoCFacts
  ) -> OfflinePort? {
    guard let id = entry.node["cell-index"]?.number.flatMap({ UInt8(exactly: $0) }), id < 8 else {
      fail(
        "\(entry.path) should have its hardware port id as cell-index",
        at: span(entry, "cell-index"))
      return nil
    }
    if let written = entry.node["fsl,qman-channel-id"]?.number,
      let channel = UInt16(exactly: written), channel < 0x2000
    {
      return OfflinePort(port: PortID(id), channel: ChannelID(channel))
    }
    let channel = channels.lowerBound + facts.offlineChannelOffset + UInt16(id)
    return channels.contains(channel)
      ? OfflinePort(port: PortID(id), channel: ChannelID(channel)) : nil
  }
}
