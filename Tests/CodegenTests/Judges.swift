import Codegen
import DeviceTree
import Diagnostics
import Documents
import Lowering
import Partitioning
import QorIQ
import Testing

/// Readers of what backends print: each says in what an artifact differs from a partition. None
/// shares code with the backend that it judges.
enum Judge {
  /// The hypervisor's configuration, imported.
  static func hypervisor(_ source: String, of partition: Partition) throws -> [String] {
    var bag = DiagnosticBag()
    let tree = try #require(
      SourceReader().read(SourceFile(name: "hv.dts", text: source), into: &bag))
    guard let found = HypervisorImport(tree).partitions(into: &bag) else {
      return bag.diagnostics.map(\.message)
    }
    var differences: [String] = []
    func compare<Value: Equatable>(_ what: String, _ found: Value, _ expected: Value) {
      if found != expected { differences.append("\(what): \(found), not \(expected)") }
    }
    compare("names", found.map(\.name), partition.owners.map(\.name))
    for (owner, part) in zip(partition.owners, found) {
      compare("\(owner.name)'s CPUs", part.cpus, owner.cpus)
      compare("\(owner.name)'s memory", part.memory, [owner.memory])
      compare("\(owner.name)'s portals", part.portals, owner.portals)
      compare("\(owner.name)'s queues", part.queues, QueueRange.joined(owner.queues))
      let index = partition.ownerIndex(named: owner.name) ?? 0
      compare(
        "\(owner.name)'s congestion groups", part.congestionGroups,
        partition.resources[index].congestionGroups.map(\.id).sorted())
      compare("\(owner.name)'s pools", part.pools.map(\.bpid), owner.pools.map(\.bpid).sorted())
    }
    // Its interfaces' queues, which the import takes for the partition's like any others.
    for (owner, node) in zip(
      partition.owners, tree.root.children.filter { $0.isCompatible(with: "partition") })
    {
      let interfaces = node.child("node-update")?.child("fsl,dpaa")?.children ?? []
      compare(
        "\(owner.name)'s interfaces",
        interfaces.map {
          [
            $0["fsl,qman-frame-queues-rx"]?.cells ?? [],
            $0["fsl,qman-frame-queues-tx"]?.cells ?? [],
          ]
        },
        owner.paths.map {
          [[$0.receive.first.rawValue, $0.receive.count], [$0.transmit.rawValue, 1]]
        })
    }
    return differences
  }

  /// FMC's files, imported: what each rule of each port leads to.
  static func fmc(_ files: [(String, [UInt8])], of partition: Partition) -> [String] {
    var ports: [FMCImportedPort] = []
    for index in stride(from: 0, to: files.count, by: 2) {
      var bag = DiagnosticBag()
      ports +=
        FMCImport(board: partition.board).read(
          configuration: SourceFile(name: files[index].0, bytes: files[index].1),
          policy: SourceFile(name: files[index + 1].0, bytes: files[index + 1].1), into: &bag) ?? []
    }
    var differences: [String] = []
    for interface in partition.interfaces {
      let window = interface.rules.compactMap(\.storageProfile).min() ?? 0
      var final = interface.name
      if case .offlineHop(let hop) = interface.delivery {
        final = "fm\(hop.fman + 1)-oh\(hop.port.port)"
      }
      let found = ports.first { $0.name == final }?.rules ?? []
      for rule in interface.rules {
        let target = FMCTarget(
          name: partition.owners[rule.owner].name, queues: rule.receive, spread: rule.spread,
          profile: rule.storageProfile.map { $0 - window })
        let match = found.first { Set($0.conditions) == Set(rule.conditions) }
        if match?.target != target {
          differences.append("\(interface.name) \(rule.conditions): \(String(describing: match))")
        }
      }
    }
    for link in partition.links {
      let port = ports.first { $0.name == "fm\(link.fman + 1)-oh\(link.port.port)" }
      let receiver = FMCTarget(
        name: partition.owners[link.to].name, queues: QueueRange(first: link.receive, count: 1))
      if port?.rules.map(\.target) != [receiver] {
        differences.append("link \(link): \(String(describing: port))")
      }
    }
    return differences
  }

  /// A generated Swift file of an owner: its constants, read as text.
  static func swift(
    _ source: String, of owner: Owner, _ resources: OwnerResources
  ) -> [String] {
    var scope: [String] = []
    var constants: [String: String] = [:]
    var name: String?
    for line in source.split(separator: "\n") {
      let text = line.drop { $0 == " " }
      if text.hasPrefix("public enum ") {
        scope.append(String(text.dropFirst(12).prefix { $0 != " " }))
      } else if text.hasPrefix("public static let ") {
        let parts = text.dropFirst(18).split(separator: "=", maxSplits: 1)
        let own = parts[0].prefix { $0 != ":" && $0 != " " }
        name = (scope.dropFirst() + [String(own)]).joined(separator: ".")
        constants[name ?? ""] = parts.count > 1 ? String(parts[1]) : ""
      } else if text == "}" {
        scope.removeLast()
        name = nil
      } else if let name, !text.hasPrefix("///") {
        constants[name, default: ""] += " " + text
      }
    }
    var differences: [String] = []
    func expect(_ name: String, _ numbers: [UInt64]) {
      let found = Self.numbers(in: constants[name] ?? "nothing")
      if found != numbers { differences.append("\(owner.name).\(name): \(found), not \(numbers)") }
    }
    func range(_ range: QueueRange) -> [UInt64] {
      [UInt64(range.first.rawValue), UInt64(range.count)]
    }
    expect("cpus", owner.cpus.map { UInt64($0.rawValue) })
    expect("memory", [owner.memory.base, owner.memory.size])
    expect("portals", owner.portals.map { UInt64($0.rawValue) })
    expect("queues.owned", owner.queues.flatMap(range))
    for path in owner.paths {
      let name = "queues.\(path.name.replacing("-", with: "_"))"
      expect("\(name).receive", range(path.receive))
      expect("\(name).transmit", [UInt64(path.transmit.rawValue)])
      expect("\(name).channels", path.channels.map { UInt64($0.rawValue) })
    }
    expect("poolChannels", resources.poolChannels.map { UInt64($0.rawValue) })
    expect("congestionGroups", resources.congestionGroups.map { UInt64($0.id.rawValue) })
    let marks = owner.pools.compactMap { pool in
      resources.pools.first { $0.bpid == pool.bpid }?.thresholds
    }
    expect(
      "poolThresholds",
      marks.flatMap { [$0.softwareEnter, $0.softwareExit, $0.hardwareEnter, $0.hardwareExit] }
        .compactMap { $0.map(UInt64.init) })
    for pool in owner.pools {
      expect(
        "pools.pool\(pool.bpid)",
        [
          UInt64(pool.bpid.rawValue), UInt64(pool.bufferCount), UInt64(pool.bufferSize),
          UInt64(pool.bufferStride), pool.base,
        ])
    }
    if constants.keys.count(where: { $0.hasPrefix("pools.") }) != owner.pools.count {
      differences.append("\(owner.name) has other pools")
    }
    let value = constants["owner"] ?? ""
    for part in [
      "name: \"\(owner.name)\"", "liodnOffset: \(owner.liodnOffset)", "os: .\(owner.os)",
      "program: .\("\(owner.program)".prefix { $0 != "(" })",
      "rings: RingSizes(enqueue: \(owner.rings.enqueue), dequeue: \(owner.rings.dequeue))",
    ] where !value.contains(part) {
      differences.append("\(owner.name).owner has no \(part)")
    }
    return differences
  }

  /// The numbers of a Swift expression, decimal and hexadecimal.
  private static func numbers(in text: String) -> [UInt64] {
    text.split { !$0.isHexDigit && $0 != "x" && $0 != "_" }.compactMap { word in
      let digits = word.replacing("_", with: "")
      return digits.hasPrefix("0x") ? UInt64(digits.dropFirst(2), radix: 16) : UInt64(digits)
    }
  }

  /// The report's table and pictures.
  static func report(_ page: XMLSourceElement, of partition: Partition) -> [String] {
    var differences: [String] = []
    let rows = page.all { $0.attribute("data-owner") != nil }
    for (row, owner) in zip(rows, partition.owners) {
      let cells = row.children.map(\.text)
      let expected = [
        owner.name, runs(owner.cpus.map { Int($0.rawValue) }), nil,
        runs(owner.portals.map { Int($0.rawValue) }),
        owner.queues.map(\.description).joined(separator: ", "),
        owner.pools.map { "\($0.bpid) (\($0.bufferCount) × \($0.bufferSize))" }
          .joined(separator: ", "), "\(owner.liodnOffset)",
      ]
      for (cell, text) in zip(cells, expected) where text != nil && cell != text {
        differences.append("\(owner.name): \(cell), not \(text ?? "")")
      }
    }
    func owned(_ kind: String) -> Set<String> {
      Set(
        page.all { $0.attribute("data-\(kind)") != nil }
          .compactMap { $0.attribute("data-\(kind)")?.value })
    }
    func need(_ kind: String, _ texts: [String]) {
      let found = owned(kind)
      for text in texts where !found.contains(text) { differences.append("no \(kind) \(text)") }
    }
    for owner in partition.owners {
      need("portal", owner.portals.map { "\($0) \(owner.name)" })
      need("pool", owner.pools.map { "\($0.bpid) \(owner.name)" })
      need("buffers", owner.pools.map { "\($0.bpid) \(owner.name)" })
      let groups =
        partition.ownerIndex(named: owner.name)
        .map { partition.resources[$0].congestionGroups } ?? []
      need("group", groups.map { "\($0.id) \(owner.name)" })
      need("cpu", owner.cpus.map { "\($0) \(owner.name)" })
      need("queues", owner.queues.map { "\(owner.name): queues \($0)" })
      let addresses = owned("memory").filter { $0.hasPrefix("\(owner.name): ") }
        .compactMap { $0.split(separator: " ").last.map(String.init) }
      if addresses != ["0x\(String(owner.memory.base, radix: 16))"] {
        differences.append("\(owner.name)'s memory is at \(addresses)")
      }
    }
    for interface in partition.interfaces {
      need(
        "rule",
        interface.rules.enumerated().map { row, rule in
          "\(interface.name) \(row) \(partition.owners[rule.owner].name) \(rule.receive)"
        })
    }
    return differences
  }

  /// `0-3, 6`
  private static func runs(_ numbers: [Int]) -> String {
    var runs: [[Int]] = []
    for number in numbers {
      if let last = runs.last?.last, last + 1 == number {
        runs[runs.count - 1].append(number)
      } else {
        runs.append([number])
      }
    }
    return runs.map { $0.count == 1 ? "\($0[0])" : "\($0[0])-\($0[$0.count - 1])" }
      .joined(separator: ", ")
  }
}

extension XMLSourceElement {
  /// The elements of this one, itself first, that a condition holds for.
  func all(where matches: (XMLSourceElement) -> Bool) -> [XMLSourceElement] {
    (matches(self) ? [self] : []) + children.flatMap { $0.all(where: matches) }
  }
}
