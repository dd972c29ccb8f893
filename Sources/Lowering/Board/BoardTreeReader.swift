import DeviceTree
import Diagnostics
import QorIQ

/// Reads what a device tree says of a board, in mainline's bindings (Linux 6.1,
/// `Documentation/devicetree/bindings`) and in those of Freescale's SDK kernel 3.8.13.
///
/// It says no more than the tree does; what the tree leaves out, a table of the SoC completes.
struct BoardTreeReader {
  let index: TreeIndex
  let name: String
  var bag = DiagnosticBag()
  /// What is worth saying of the tree that is no fact of the board.
  var remarks: [String] = []
  /// What is concluded from the tree and not written in it, should no table say it.
  var inferences = FactRecord()

  init(tree: Tree, name: String) {
    index = TreeIndex(tree)
    self.name = name
  }

  /// What the tree says; `nil` when it is no tree of a board at all.
  mutating func facts() -> Fact {
    let root = index.tree.root
    let model = root["model"]?.string ?? root.compatible.first ?? name
    var facts = FactRecord()
    let top = index.entries[0]
    facts["model"] = text(model, top, "model")
    facts["name"] = text(
      model.split(separator: ",").last.map { $0.lowercased() } ?? name, top, "model")
    let soc = soc(model: model)
    facts["soc"] = text(soc.name, soc.entry ?? top, "compatible")
    cpus(into: &facts)
    facts["memory"] = memory()
    facts["interrupt-controller"] = interruptController()
    facts["address-map"] = addressMap()
    facts["qman"] = qman()
    facts["bman"] = bman()
    facts["fmans"] = fmans()
    facts["sec"] = sec()
    facts["rman"] = block("fsl,rman")
    facts["pme"] = block("fsl,pme")
    facts["raid"] = block("fsl,raideng-v1.0")
    facts["pamu"] = pamu()
    inferences["sec"] = facts["sec"]?.record.map { _ in secInferences() }
    ranges()
    return Fact(.record(facts), at: root.span, node: "/", layer: .tree)
  }

  /// Some node of every tree says the SoC, the clock generator at the latest: `fsl,p4080-clockgen`.
  private func soc(model: String) -> (name: String, entry: TreeIndex.Entry?) {
    for entry in index.entries {
      for compatible in entry.node.compatible where compatible.hasSuffix("-clockgen") {
        let part = compatible.dropFirst(4).dropLast(9)
        if compatible.hasPrefix("fsl,"), !part.isEmpty, !part.hasPrefix("qoriq") {
          return (String(part).lowercased(), entry)
        }
      }
    }
    // `fsl,P2041RDB`: the part ends with its digits.
    let board = model.split(separator: ",").last?.lowercased() ?? ""
    let letters = board.prefix { $0.isLetter }
    let digits = board.dropFirst(letters.count).prefix { $0.isNumber }
    return (digits.isEmpty ? board : "\(letters)\(digits)", nil)
  }

  // MARK: CPUs and memory

  /// A node stands for a core; its `reg` has a number for each thread. Cores of a cluster name one
  /// cache.
  private mutating func cpus(into facts: inout FactRecord) {
    guard let parent = index["/cpus"] else { return }
    var rows = FactRecord()
    var caches: [UInt32: Int] = [:]
    var core = 0
    for entry in index.children(of: parent)
    where entry.node["device_type"]?.string == "cpu" && entry.node.isEnabled {
      if facts["core"] == nil {
        // `PowerPC,e500mc` in the node's name, `arm,cortex-a53` in its compatible.
        let text = entry.node.compatible.first ?? String(entry.node.baseName)
        let name = text.split(separator: ",").last.map(String.init) ?? text
        facts["core"] = self.text(name, entry, "compatible")
      }
      if facts["clock"] == nil, let clock = entry.node["clock-frequency"]?.number, clock > 0 {
        facts["clock"] = number(clock, entry, "clock-frequency")
      }
      let cache = entry.node["next-level-cache"].flatMap { index.target(of: $0, cell: 0) }
      let cluster = cache.map { cache in
        let key = UInt32(cache.index)
        let known = caches[key] ?? caches.count
        caches[key] = known
        return known
      }
      for value in entry.node["reg"]?.cells ?? [] {
        // Linux's arm64 trees number CPUs by MPIDR; the bits above are 0 within a cluster.
        guard BoardLimits.indices.contains(UInt64(value)) else {
          fail(
            .boardTree,
            "\(entry.path) is CPU \(value), but there are at most \(BoardLimits.indices.count)",
            entry, "reg")
          continue
        }
        var row = FactRecord()
        row["core"] = number(UInt64(core), entry, "reg")
        row["cluster"] = number(UInt64(cluster ?? core), entry, "next-level-cache")
        add(.record(row), "\(value)", entry, to: &rows, .boardTree, "CPU \(value)")
      }
      core += 1
    }
    if !rows.keys.isEmpty {
      facts["cpus"] = Fact(.record(rows), at: parent.node.span, node: parent.path, layer: .tree)
    }
  }

  private mutating func memory() -> Fact? {
    let entries = index.entries.filter {
      $0.parent == 0 && $0.node["device_type"]?.string == "memory"
    }
    var size: UInt64 = 0
    for entry in entries {
      for range in index.registers(of: entry) ?? [] {
        size = size.addingReportingOverflow(range.size).overflow ? .max : size + range.size
      }
    }
    // U-Boot writes the size into the tree of a running board.
    guard let entry = entries.first, size > 0 else { return nil }
    guard size <= BoardLimits.memory.upperBound else {
      fail(.boardTree, "the board's memory is more than 1 TiB", entry, "reg")
      return nil
    }
    return number(size, entry, "reg")
  }

  // MARK: blocks

  private mutating func interruptController() -> Fact? {
    let mpic = index.nodes(compatibleWith: "fsl,mpic", "chrp,open-pic").first
    let gic = index.nodes(compatibleWith: "arm,gic-400", "arm,cortex-a15-gic").first
    guard let entry = mpic ?? gic, var record = registers(of: entry) else { return nil }
    record["kind"] = text(mpic == nil ? "gic" : "mpic", entry, "compatible")
    return Fact(.record(record), at: entry.node.span, node: entry.path, layer: .tree)
  }

  /// A block of which the tree says no more than where it is; one that it disables is removed.
  private mutating func block(_ compatible: String) -> Fact? {
    guard let entry = index.nodes(compatibleWith: compatible).first else { return nil }
    guard entry.node.isEnabled else { return removed(entry) }
    guard var record = registers(of: entry) else { return nil }
    if compatible != "fsl,raideng-v1.0" { record["size"] = nil }
    if let channels = entry.node["fsl,qman-channels-id"]?.cells, compatible == "fsl,rman" {
      record["channels"] = list(channels, entry, "fsl,qman-channels-id")
    }
    return Fact(.record(record), at: entry.node.span, node: entry.path, layer: .tree)
  }

  private mutating func sec() -> Fact? {
    guard let entry = index.nodes(compatibleWith: "fsl,sec-v4.0").first else { return nil }
    guard entry.node.isEnabled else { return removed(entry) }
    guard var record = registers(of: entry) else { return nil }
    // The most specific name comes first: fsl,sec-v5.0 before fsl,sec-v4.0.
    if let version = entry.node.compatible.first(where: { $0.hasPrefix("fsl,sec-v") })?
      .dropFirst("fsl,sec-v".count), version.split(separator: ".").count == 2
    {
      record["version"] = text(String(version), entry, "compatible")
    }
    if let era = entry.node["fsl,sec-era"]?.number {
      record["era"] = number(era, entry, "fsl,sec-era")
    }
    record["interrupt"] = interrupt(entry)
    record["liodn-bases"] = portalBases("crypto")
    var rings = FactRecord()
    let children = index.children(of: entry).filter {
      $0.node.isCompatible(with: "fsl,sec-v4.0-job-ring")
    }
    // Rings are numbered by their address; what the tree disables still counts.
    let sorted = children.compactMap { ring in
      index.registers(of: ring)?.first.map { (ring, $0.address) }
    }.sorted { $0.1 < $1.1 }
    for (number, (ring, _)) in sorted.enumerated() where ring.node.isEnabled {
      guard var row = registers(of: ring) else { continue }
      row["interrupt"] = interrupt(ring)
      if let liodns = ring.node["fsl,liodn"]?.cells {
        row["liodns"] = list(liodns, ring, "fsl,liodn")
      }
      add(.record(row), "\(number)", ring, to: &rings, .boardTree, "job ring \(number)")
    }
    if !rings.keys.isEmpty {
      record["job-rings"] = Fact(
        .record(rings), at: entry.node.span, node: entry.path, layer: .tree)
    }
    return Fact(.record(record), at: entry.node.span, node: entry.path, layer: .tree)
  }

  /// The channel goes with QMan's generation (Linux 6.1, `include/soc/fsl/qman.h`).
  private func secInferences() -> Fact {
    let isQMan3 = index.entries.contains {
      $0.node["fsl,qman-channel-range"]?.cells?.first.map { $0 >= 0x800 } ?? false
        || $0.node.isCompatible(with: "fsl,fman-memac")
    }
    var record = FactRecord()
    record["channel"] = number(isQMan3 ? 0x840 : 0x80, index.entries[0], "compatible")
    return Fact(.record(record), at: nil, node: "/", layer: .inference)
  }

  private mutating func pamu() -> Fact? {
    guard let entry = index.nodes(compatibleWith: "fsl,pamu").first,
      var record = registers(of: entry)
    else { return nil }
    record["interrupt"] = interrupt(entry)
    let units = index.children(of: entry).filter { $0.node.baseName == "pamu" }.count
    if units > 0 { record["units"] = number(UInt64(units), entry, "reg") }
    if let bits = index.entries.lazy.compactMap({ $0.node["fsl,liodn-bits"]?.number }).first {
      record["liodn-bits"] = number(bits, entry, "fsl,liodn-bits")
    }
    var devices = FactRecord()
    for (name, device) in liodnDevices() {
      guard let liodns = device.node["fsl,liodn"]?.cells, devices[name] == nil else { continue }
      devices[name] = list(liodns, device, "fsl,liodn")
    }
    if !devices.keys.isEmpty {
      record["devices"] = Fact(
        .record(devices), at: entry.node.span, node: entry.path, layer: .tree)
    }
    return Fact(.record(record), at: entry.node.span, node: entry.path, layer: .tree)
  }

  /// What the ranges in the tree give to its own system (Freescale SDK 3.8.13, `fsl_qbman`).
  private mutating func ranges() {
    let kinds = [
      "fsl,fqid-range", "fsl,bpid-range", "fsl,pool-channel-range", "fsl,cgrid-range",
    ]
    for kind in kinds {
      let found = index.entries.compactMap { entry -> String? in
        guard let cells = entry.node[kind]?.cells, cells.count == 2, cells[1] > 0 else {
          return nil
        }
        return "\(cells[0])-\(UInt64(cells[0]) + UInt64(cells[1]) - 1)"
      }
      if !found.isEmpty {
        remarks.append("\(kind): the tree's own system allocates \(found.joined(separator: ", "))")
      }
    }
    let users = index.entries.filter {
      $0.node.compatible.contains { $0.hasPrefix("fsl,dpa-ethernet") || $0.hasPrefix("fsl,dpa-oh") }
    }
    for entry in users {
      let kind = entry.node.compatible.last { $0.hasPrefix("fsl,dpa-") } ?? ""
      let device = (entry.node["fsl,fman-mac"] ?? entry.node["fsl,fman-oh-port"])
        .flatMap { index.target(of: $0, cell: 0)?.path }
      remarks.append(
        "\(entry.path) is \(kind)\(device.map { " over \($0)" } ?? "")"
          + (entry.node.isEnabled ? "" : ", disabled"))
    }
  }
}
