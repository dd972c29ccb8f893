import DeviceTree
import Diagnostics
import QorIQ

/// Queue and buffer manager in a device tree.
extension BoardTreeReader {
  mutating func qman() -> Fact? {
    let (block, record) = manager("fsl,qman", "fsl,qman-portal", memory: "fsl,qman-fqd")
    guard var record else { return nil }
    if let memory = privateMemory("fsl,qman-fqd", block, region: 0) {
      // 64 bytes for each queue (Linux 6.1, `qman_ccsr.c`).
      record["queues"] = number(memory.size / 64, memory.entry, "size")
    }
    if let memory = privateMemory("fsl,qman-pfdr", block, region: 1) {
      record["frame-memory"] = number(memory.size, memory.entry, "size")
    }
    return Fact(.record(record), at: block?.node.span, node: block?.path, layer: .tree)
  }

  mutating func bman() -> Fact? {
    let (block, record) = manager("fsl,bman", "fsl,bman-portal", memory: "fsl,bman-fbpr")
    guard var record else { return nil }
    if let memory = privateMemory("fsl,bman-fbpr", block, region: 0) {
      record["memory"] = number(memory.size, memory.entry, "size")
    }
    return Fact(.record(record), at: block?.node.span, node: block?.path, layer: .tree)
  }

  /// What QMan and BMan have alike; `nil` when the tree has no portal of the kind.
  private mutating func manager(
    _ kind: String, _ portalKind: String, memory: String
  ) -> (block: TreeIndex.Entry?, record: FactRecord?) {
    let block = index.nodes(compatibleWith: kind).first
    let all = index.nodes(compatibleWith: portalKind)
    let enabled = all.filter(\.node.isEnabled)
    guard let first = enabled.first else { return (block, nil) }
    var record = block.flatMap { registers(of: $0) } ?? FactRecord()
    if let block, let liodn = block.node["fsl,liodn"]?.cells?.first {
      record["liodn"] = number(UInt64(liodn), block, "fsl,liodn")
    }
    record["revision"] = revision(of: portalKind, in: enabled)
    var portals = FactRecord()
    let stride = windowStride(all)
    for entry in enabled {
      guard let index = portalIndex(entry, stride), let row = portal(entry, index) else {
        continue
      }
      add(.record(row), "\(index)", entry, to: &portals, .portalRepeated, "portal \(index)")
    }
    record["portals"] = Fact(
      .record(portals), at: first.node.span, node: first.path, layer: .tree)
    return (block ?? index.parent(of: first), record)
  }

  /// U-Boot writes `fsl,qman-portal-1.2.0` in front of `fsl,qman-portal`.
  private func revision(of kind: String, in entries: [TreeIndex.Entry]) -> Fact? {
    for entry in entries {
      for name in entry.node.compatible where name.hasPrefix("\(kind)-") {
        let numbers = name.dropFirst(kind.count + 1).split(separator: ".").map { UInt8($0) }
        if numbers.count >= 2, let major = numbers[0], let minor = numbers[1] {
          return text("\(major).\(minor)", entry, "compatible")
        }
      }
    }
    return nil
  }

  /// How far apart the portals' cache-enabled windows lie: 16 KiB, on LS series 64 KiB.
  private func windowStride(_ entries: [TreeIndex.Entry]) -> UInt64 {
    let starts = entries.compactMap { index.registers(of: $0)?.first?.address }.sorted()
    let gaps = zip(starts.dropFirst(), starts).map { $0 - $1 }.filter { $0 > 0 }
    return gaps.min() ?? 0x4000
  }

  /// Its number: mainline's `cell-index`, which is the dedicated channel too; the SDK's
  /// `fsl,qman-channel-id`. BMan's portals have neither: they lie one window behind the other.
  private mutating func portalIndex(_ entry: TreeIndex.Entry, _ stride: UInt64) -> UInt64? {
    let property =
      entry.node["fsl,qman-channel-id"] != nil ? "fsl,qman-channel-id" : "cell-index"
    let number =
      entry.node[property]?.number
      ?? index.registers(of: entry)?.first.map { $0.address / max(stride, 1) }
    guard let number, BoardLimits.indices.contains(number) else {
      fail(
        .boardTree, "\(entry.path) is portal \(number.map(String.init) ?? "?"), which no board has",
        entry, property)
      return nil
    }
    return number
  }

  private mutating func portal(_ entry: TreeIndex.Entry, _ number: UInt64) -> FactRecord? {
    guard let physical = index.physicalRegisters(of: entry), physical.count == 2,
      let enabled = physical[0], let inhibited = physical[1]
    else {
      fail(
        .boardTree,
        "\(entry.path) should have a cache-enabled and a cache-inhibited window that its buses "
          + "map", entry, "reg")
      return nil
    }
    guard let interrupt = interrupt(entry) else {
      fail(.boardTree, "\(entry.path) has no interrupt", entry, "interrupts")
      return nil
    }
    var row = FactRecord()
    row["ce"] = self.number(enabled.address, entry, "reg")
    row["ce-size"] = self.number(enabled.size, entry, "reg")
    row["ci"] = self.number(inhibited.address, entry, "reg")
    row["ci-size"] = self.number(inhibited.size, entry, "reg")
    row["interrupt"] = interrupt
    // A QMan portal's pair: first the dequeue ring's, then the frames'.
    if let liodns = entry.node["fsl,liodn"]?.cells, liodns.count == 2 {
      row["dqrr-liodn"] = self.number(UInt64(liodns[0]), entry, "fsl,liodn")
      row["frame-liodn"] = self.number(UInt64(liodns[1]), entry, "fsl,liodn")
    }
    return row
  }

  /// The bases of a block's LIODNs, as U-Boot tells them at each portal: base + portal + 1
  /// (`drivers/misc/fsl_portals.c`).
  func portalBases(_ child: String) -> Fact? {
    for entry in index.nodes(compatibleWith: "fsl,qman-portal") {
      guard let portal = entry.node["cell-index"]?.number, BoardLimits.indices.contains(portal),
        let node = index.children(of: entry).first(where: { $0.node.baseName == child[...] }),
        let liodns = node.node["fsl,liodn"]?.cells, liodns.allSatisfy({ $0 > portal })
      else { continue }
      return list(liodns.map { $0 - UInt32(portal) - 1 }, node, "fsl,liodn")
    }
    return nil
  }

  /// Memory of the manager's own: by its kind on PowerPC, by the manager's reference on ARM.
  private mutating func privateMemory(
    _ kind: String, _ block: TreeIndex.Entry?, region: Int
  ) -> (size: UInt64, entry: TreeIndex.Entry)? {
    let referred = block?.node["memory-region"].flatMap { index.target(of: $0, cell: region) }
    guard let entry = index.nodes(compatibleWith: kind).first ?? referred else { return nil }
    let size = entry.node["size"]?.number ?? index.registers(of: entry)?.first?.size
    // The bindings' limits (Linux 6.1, soc/fsl/qman.txt and bman.txt).
    guard let size, (1 << 12...1 << 34).contains(size), size & (size - 1) == 0 else {
      fail(
        .boardTree,
        "\(entry.path) should have a power of two of bytes from 4 KiB on, but has "
          + "\(size.map(String.init) ?? "no size")", entry, "size")
      return nil
    }
    return (size, entry)
  }
}
