public import DeviceTree
public import Diagnostics
import QorIQ

extension BoardLowering {
  /// The board that a device tree describes in mainline's bindings (Linux 6.1,
  /// `Documentation/devicetree/bindings`), completed from the SoC's facts; mistakes are added to
  /// the bag.
  ///
  /// - Parameters:
  ///   - tree: The tree.
  ///   - name: What to call the board, if its model does not say.
  ///   - bag: Where the mistakes go.
  /// - Returns: The board, or `nil` when it is none or something in it could not be read.
  public static func lower(
    _ tree: Tree, name: String, into bag: inout DiagnosticBag
  ) -> Result? {
    var lowering = BoardTreeLowering(tree: tree, name: name)
    let board = lowering.board()
    bag.add(contentsOf: lowering.bag)
    guard let board, !lowering.bag.hasErrors else { return nil }
    return Result(board: board, origins: lowering.origins)
  }
}

/// Walks a tree for the parts of a board.
struct BoardTreeLowering {
  let index: TreeIndex
  let name: String
  var bag = DiagnosticBag()
  var origins = OriginMap()

  init(tree: Tree, name: String) {
    index = TreeIndex(tree)
    self.name = name
  }

  mutating func board() -> Board? {
    let root = index.tree.root
    let model = root["model"]?.string ?? root.compatible.first ?? name
    guard let soc = soc(model: model) else {
      let known = SoCFacts.known.map { $0.rawValue.uppercased() }.joined(separator: ", ")
      fail("the tree \(model) names no system-on-chip that is known: \(known)", at: root.span)
      return nil
    }
    let facts = SoCFacts(soc)
    let cpus = cpuEntries()
    // All are read before any is missed, so that every mistake is reported.
    let memory = memorySize()
    let qman = qman(facts)
    let bman = bman(facts)
    let fmans = fmans(facts)
    if cpus.isEmpty { fail("\(model) has no /cpus with CPUs in it", at: root.span) }
    guard let memory, let qman, let bman, let fmans, let first = cpus.first?.node else {
      return nil
    }
    return Board(
      name: model.split(separator: ",").last.map { $0.lowercased() } ?? name, model: model,
      soc: soc, core: core(of: first), clockFrequency: first["clock-frequency"]?.number ?? 0,
      cpus: numbered(cpus), memorySize: memory, qman: qman, bman: bman, fmans: fmans)
  }

  /// Some node of every tree says the SoC, the clock generator at the latest: `fsl,p4080-clockgen`.
  private func soc(model: String) -> SoC? {
    for entry in index.entries {
      for compatible in entry.node.compatible {
        if let soc = SoCFacts.known.first(where: { compatible.hasPrefix("fsl,\($0.rawValue)-") }) {
          return soc
        }
      }
    }
    let part = model.split(separator: ",").last?.lowercased() ?? ""
    return SoCFacts.known.first { part.hasPrefix($0.rawValue) }
  }

  // MARK: CPUs and memory

  private func cpuEntries() -> [TreeIndex.Entry] {
    guard let cpus = index["/cpus"] else { return [] }
    return index.children(of: cpus).filter {
      $0.node["device_type"]?.string == "cpu" && $0.node.isEnabled
    }
  }

  /// A node stands for a core; its `reg` has a number for each thread.
  private mutating func numbered(_ entries: [TreeIndex.Entry]) -> [CPU] {
    var cpus: [CPU] = []
    for (core, entry) in entries.enumerated() {
      origins.record("/cpus", at: entry.node.span)
      for number in entry.node["reg"]?.cells ?? [] {
        guard number <= UInt8.max else {
          fail("the CPU number \(number) is more than \(UInt8.max)", at: span(entry, "reg"))
          continue
        }
        let index = CPUIndex(UInt8(number))
        if cpus.contains(where: { $0.index == index }) {
          fail("\(entry.path) is CPU \(number), but so is another node", at: span(entry, "reg"))
        }
        cpus.append(CPU(index: index, coreIndex: core))
      }
    }
    return cpus.sorted { $0.index < $1.index }
  }

  /// `PowerPC,e500mc` in the name of a CPU's node, or its `compatible`.
  private func core(of cpu: Node) -> String {
    let text = cpu.compatible.first ?? String(cpu.baseName)
    return text.split(separator: ",").last.map(String.init) ?? text
  }

  private mutating func memorySize() -> UInt64? {
    let entries = index.entries.filter {
      $0.parent == 0 && $0.node["device_type"]?.string == "memory"
    }
    var size: UInt64 = 0
    for entry in entries {
      origins.record("/memory", at: entry.node.span)
      for range in index.registers(of: entry) ?? [] {
        size = size.addingReportingOverflow(range.size).overflow ? .max : size + range.size
      }
    }
    if size > BoardLowering.memoryLimits.upperBound {
      fail("the board's memory is more than 1 TiB", at: entries.first?.node.span)
      return nil
    }
    if size < BoardLowering.memoryLimits.lowerBound {
      fail(
        "the tree does not say how much memory the board has: U-Boot writes it into the tree of a "
          + "running board", at: entries.first?.node.span ?? index.tree.root.span)
      return nil
    }
    return size
  }

  // MARK: queue and buffer manager

  private mutating func qman(_ facts: SoCFacts) -> QManBlock? {
    let portals = portals("fsl,qman-portal", path: "/qman/portals")
    let queueCount = queueCount()
    guard let portals, let queueCount else { return nil }
    let revision =
      revision(of: "fsl,qman-portal", in: portals.entries) ?? facts.qmanRevision
    return QManBlock(
      revision: revision, portals: portals.values, queueCount: queueCount,
      poolChannels: SoCFacts.poolChannels(of: revision),
      congestionGroupCount: SoCFacts.congestionGroupCount)
  }

  private mutating func bman(_ facts: SoCFacts) -> BManBlock? {
    let portals = portals("fsl,bman-portal", path: "/bman/portals")
    guard let portals else { return nil }
    let revision =
      revision(of: "fsl,bman-portal", in: portals.entries) ?? facts.bmanRevision
    return BManBlock(
      revision: revision, portals: portals.values, poolCount: SoCFacts.poolCount)
  }

  /// 64 bytes for each queue in the memory for queue descriptors; 4 MiB unless the tree says
  /// otherwise, as in Linux's trees.
  private mutating func queueCount() -> UInt32? {
    let entry = index.nodes(compatibleWith: "fsl,qman-fqd").first
    let size = entry?.node["size"]?.number ?? 4 << 20
    // The binding's limits (fsl/qman.txt): 2^12 to 2^30 bytes.
    guard (1 << 12...1 << 30).contains(size) else {
      fail(
        "the memory for queue descriptors has \(size) bytes, but should have 4 KiB to 1 GiB",
        at: entry.flatMap { span($0, "size") })
      return nil
    }
    return UInt32(size / 64)
  }

  /// U-Boot writes `fsl,qman-portal-1.2.0` in front of `fsl,qman-portal`.
  private func revision(of kind: String, in entries: [TreeIndex.Entry]) -> Revision? {
    let names = entries.flatMap(\.node.compatible)
    for name in names where name.hasPrefix("\(kind)-") {
      let numbers = name.dropFirst(kind.count + 1).split(separator: ".").map { UInt8($0) }
      if numbers.count >= 2, let major = numbers[0], let minor = numbers[1] {
        return Revision(major, minor)
      }
    }
    return nil
  }

  private mutating func portals(
    _ kind: String, path: String
  ) -> (values: [SoftwarePortal], entries: [TreeIndex.Entry])? {
    let entries = index.nodes(compatibleWith: kind).filter(\.node.isEnabled)
    var portals: [SoftwarePortal] = []
    var first: [PortalIndex: TreeIndex.Entry] = [:]
    for entry in entries {
      origins.record(path, at: entry.node.span)
      guard let portal = portal(entry) else { continue }
      if let other = first[portal.index] {
        fail(
          "\(entry.path) is portal \(portal.index), but so is \(other.path)", at: entry.node.span,
          notes: [Note("\(other.path) stands here", at: other.node.span)])
      }
      first[portal.index] = entry
      origins.record("\(path)/\(portal.index)", at: entry.node.span)
      portals.append(portal)
    }
    if entries.isEmpty {
      fail("the tree has no \(kind): a DPAA board has portals", at: index.tree.root.span)
    }
    guard portals.count == entries.count, !portals.isEmpty else { return nil }
    return (portals.sorted { $0.index < $1.index }, entries)
  }

  private mutating func portal(_ entry: TreeIndex.Entry) -> SoftwarePortal? {
    guard let own = index.registers(of: entry), own.count == 2,
      let physical = index.physicalRegisters(of: entry), let enabled = physical[0],
      let inhibited = physical[1], own[0].size > 0
    else {
      fail(
        "\(entry.path) should have a cache-enabled and a cache-inhibited window that its buses "
          + "map", at: span(entry, "reg"))
      return nil
    }
    guard let interrupt = entry.node["interrupts"]?.cells?.first else {
      fail("\(entry.path) has no interrupt", at: span(entry, "interrupts"))
      return nil
    }
    // Linux's trees give BMan's portals no cell-index; they lie one window behind the other.
    let number = entry.node["cell-index"]?.number ?? own[0].address / own[0].size
    guard let portal = UInt8(exactly: number) else {
      fail("\(entry.path) is portal \(number), which no QMan has", at: span(entry, "cell-index"))
      return nil
    }
    return SoftwarePortal(
      index: PortalIndex(portal),
      cacheEnabled: QorIQ.AddressRange(base: enabled.address, size: enabled.size),
      cacheInhibited: QorIQ.AddressRange(base: inhibited.address, size: inhibited.size),
      interrupt: InterruptSource(interrupt))
  }

  // MARK: findings

  /// Where a property stands, or else its node.
  func span(_ entry: TreeIndex.Entry, _ property: String) -> SourceSpan? {
    entry.node.property(property)?.span ?? entry.node.span
  }

  mutating func fail(_ message: String, at span: SourceSpan?, notes: [Note] = []) {
    bag.error(.boardTree, message, at: span, notes: notes)
  }
}
