import DeviceTree
import Diagnostics
import QorIQ

/// Frame managers in a device tree.
extension BoardTreeReader {
  private static let macs: Set = [
    "fsl,fman-dtsec", "fsl,fman-xgec", "fsl,fman-memac", "fsl,fman-1g-mac", "fsl,fman-10g-mac",
  ]
  private static let offline: Set = [
    "fsl,fman-v2-port-oh", "fsl,fman-v3-port-oh", "fsl,fman-port-oh",
  ]
  private static let receiving: Set = [
    "fsl,fman-v2-port-rx", "fsl,fman-v3-port-rx", "fsl,fman-port-1g-rx", "fsl,fman-port-10g-rx",
  ]

  mutating func fmans() -> Fact? {
    let entries = index.nodes(compatibleWith: "fsl,fman").filter(\.node.isEnabled)
    guard let first = entries.first else { return nil }
    var rows = FactRecord()
    for entry in entries {
      guard let number = entry.node["cell-index"]?.number, number < 8 else {
        fail(.boardTree, "\(entry.path) should have a cell-index from 0 to 7", entry, "cell-index")
        continue
      }
      guard let row = fman(entry) else { continue }
      add(.record(row), "\(number + 1)", entry, to: &rows, .boardTree, "FMan \(number + 1)")
    }
    return Fact(.record(rows), at: first.node.span, node: first.path, layer: .tree)
  }

  private mutating func fman(_ entry: TreeIndex.Entry) -> FactRecord? {
    guard let base = index.physicalRegisters(of: entry)?.first ?? nil else {
      fail(.boardTree, "\(entry.path) should have registers that its buses map", entry, "reg")
      return nil
    }
    var row = FactRecord()
    row["base"] = number(base.address, entry, "reg")
    row["interrupt"] = interrupt(entry)
    let children = index.children(of: entry)
    let channels = channels(entry)
    row["channels"] = channels.map {
      Fact(
        .range(UInt64($0.lowerBound)...UInt64($0.upperBound)),
        at: span(entry, "fsl,qman-channel-range"), node: entry.path, layer: .tree)
    }
    if let memory = children.first(where: { $0.node.isCompatible(with: "fsl,fman-muram") }),
      let size = index.registers(of: memory)?.first?.size
    {
      row["memory"] = number(size, memory, "reg")
    }
    let isV3 = children.contains { $0.node.isCompatible(with: "fsl,fman-memac") }
    let receivers = children.filter { !Self.receiving.isDisjoint(with: $0.node.compatible) }
    row["liodn-base"] = fmanBase(entry)
    infer(entry, memory: row["memory"], isV3: isV3, receiverCount: receivers.count)
    var interfaces = FactRecord()
    for child in children where !Self.macs.isDisjoint(with: child.node.compatible) {
      guard let (name, interface) = interface(child, channels, isV3: isV3) else { continue }
      add(.record(interface), name, child, to: &interfaces, .portRepeated, name)
    }
    row["interfaces"] = Fact(
      .record(interfaces), at: entry.node.span, node: entry.path, layer: .tree)
    var ports = FactRecord()
    for child in children where !Self.offline.isDisjoint(with: child.node.compatible) {
      guard let id = portID(child, in: 0x01...0x07) else {
        fail(.boardTree, "\(child.path) is no offline port that an FMan has", child, "reg")
        continue
      }
      var port = FactRecord()
      port["enabled"] = Fact(
        .flag(child.node.isEnabled), at: span(child, "status"), node: child.path, layer: .tree)
      port["channel"] = writtenChannel(child)
      add(.record(port), "\(id)", child, to: &ports, .portRepeated, "offline port \(id)")
    }
    row["offline-ports"] = Fact(
      .record(ports), at: entry.node.span, node: entry.path, layer: .tree)
    return row
  }

  /// What the tree lets conclude of an FMan. Revision 2 has five receive ports, 3 has six, 6 has mEMACs
  /// (Linux 6.1, `fman.c`); of revision 6, v3L has less MURAM and half the storage profiles (SDK,
  /// `fman/Peripherals/FM/Pcd`).
  private mutating func infer(
    _ entry: TreeIndex.Entry, memory: Fact?, isV3: Bool, receiverCount: Int
  ) {
    guard let number = entry.node["cell-index"]?.number, number < 8 else { return }
    var row = FactRecord()
    row["revision"] = self.number(isV3 ? 6 : receiverCount > 5 ? 3 : 2, entry, "compatible")
    if isV3, case .number(let bytes) = memory?.value {
      row["storage-profiles"] = self.number(bytes <= 0x30000 ? 32 : 64, entry, "compatible")
    }
    var rows = inferences["fmans"]?.record ?? FactRecord()
    rows["\(number + 1)"] = Fact(.record(row), at: nil, node: entry.path, layer: .inference)
    inferences["fmans"] = Fact(.record(rows), at: nil, node: entry.path, layer: .inference)
  }

  /// The channels that mainline's trees give an FMan; the SDK's say them port by port.
  private mutating func channels(_ entry: TreeIndex.Entry) -> ClosedRange<UInt32>? {
    guard let value = entry.node["fsl,qman-channel-range"] else { return nil }
    guard let cells = value.cells, cells.count == 2, cells[1] > 0, cells[0] <= 0x1fff,
      cells[1] <= 0x2000 - cells[0]
    else {
      fail(
        .boardTree,
        "\(entry.path) should have an fsl,qman-channel-range of a base and a count below 0x2000",
        entry, "fsl,qman-channel-range")
      return nil
    }
    return cells[0]...(cells[0] + cells[1] - 1)
  }

  private func writtenChannel(_ entry: TreeIndex.Entry) -> Fact? {
    entry.node["fsl,qman-channel-id"]?.number.map {
      number($0, entry, "fsl,qman-channel-id")
    }
  }

  /// A port's hardware id, which is the page that its registers are in: the SDK's `cell-index`
  /// counts within a kind, mainline's is the id itself.
  private mutating func portID(_ entry: TreeIndex.Entry, in ids: ClosedRange<UInt64>) -> UInt64? {
    guard let address = index.registers(of: entry)?.first?.address, address >= 0x80000 else {
      return nil
    }
    let id = (address - 0x80000) >> 12
    guard ids.contains(id) else { return nil }
    let isMainline = entry.node.compatible.contains {
      $0.hasPrefix("fsl,fman-v2-port") || $0.hasPrefix("fsl,fman-v3-port")
    }
    if isMainline, let written = entry.node["cell-index"]?.number, written != id {
      fail(
        .boardTree,
        "\(entry.path) has cell-index \(written), but its registers are those of port \(id)",
        entry, "cell-index")
      return nil
    }
    return id
  }

  private mutating func interface(
    _ entry: TreeIndex.Entry, _ channels: ClosedRange<UInt32>?, isV3: Bool
  ) -> (name: String, row: FactRecord)? {
    let property = entry.node["fsl,port-handles"] != nil ? "fsl,port-handles" : "fsl,fman-ports"
    let ports = (0..<2).map { cell in
      entry.node[property].flatMap { index.target(of: $0, cell: cell) }
    }
    guard let receiver = ports[0], let sender = ports[1],
      let receive = portID(receiver, in: 0x08...0x1f),
      let transmit = portID(sender, in: 0x28...0x3f),
      let mac = entry.node["cell-index"]?.number
    else {
      fail(
        .boardTree,
        "\(entry.path) should have a cell-index and refer to its receive and transmit port",
        entry, property)
      return nil
    }
    guard receive + 0x20 == transmit else {
      fail(
        .boardTree,
        "\(entry.path) receives at port \(receive) and sends at port \(transmit), but a MAC's "
          + "ports are 32 apart", entry, property)
      return nil
    }
    // Port ids from 0x10 and 0x30 on are those of 10G MACs (Linux 6.1, `qoriq-fman*.dtsi`).
    let is10G = receive >= 0x10
    var row = FactRecord()
    row["speed"] = number(is10G ? 10_000 : 1_000, entry, property)
    row["mac"] = number(mac, entry, "cell-index")
    row["receive"] = number(receive, receiver, "reg")
    row["transmit"] = number(transmit, sender, "reg")
    row["channel"] =
      writtenChannel(sender)
      ?? channels.flatMap { channel(transmit, $0, isV3: isV3, sender) }
    row["enabled"] = Fact(
      .flag(entry.node.isEnabled && receiver.node.isEnabled && sender.node.isEnabled),
      at: span(entry, "status"), node: entry.path, layer: .tree)
    let connection = ["phy-connection-type", "phy-mode"].first { entry.node[$0] != nil }
    if let connection, let word = entry.node[connection]?.string {
      if NetworkInterface.Connection(rawValue: word) != nil {
        row["connection"] = text(word, entry, connection)
      } else {
        remarks.append("\(entry.path): \(connection) \(word) is no connection that is known")
      }
    }
    return (is10G ? "10g\(receive - 0x10)" : "gb\(receive - 0x08)", row)
  }

  /// A MAC's transmit channel: v2 counts its 10G MAC, then the 1G ones; v3 its two 10G MACs, then
  /// the 1G ones (Linux 6.1, `fman_get_qman_channel_id`).
  private mutating func channel(
    _ transmit: UInt64, _ channels: ClosedRange<UInt32>, isV3: Bool, _ entry: TreeIndex.Entry
  ) -> Fact? {
    let place = transmit >= 0x30 ? transmit - 0x30 : transmit - 0x28 + (isV3 ? 2 : 1)
    let channel = UInt64(channels.lowerBound) + place
    return number(channel, entry, "reg")
  }

  /// U-Boot writes a port's own LIODN at the port: base plus offset. The table knows the offsets, so
  /// the tree's numbers only tell the base where a portal names the FMan.
  private func fmanBase(_ entry: TreeIndex.Entry) -> Fact? {
    for portal in index.nodes(compatibleWith: "fsl,qman-portal") {
      guard let number = portal.node["cell-index"]?.number, BoardLimits.indices.contains(number)
      else { continue }
      for child in index.children(of: portal) where child.node.baseName == "fman" {
        guard let handle = child.node["dev-handle"],
          index.target(of: handle, cell: 0)?.index == entry.index,
          let liodn = child.node["fsl,liodn"]?.cells?.first, UInt64(liodn) > number
        else { continue }
        return self.number(UInt64(liodn) - number - 1, child, "fsl,liodn")
      }
    }
    return nil
  }
}
