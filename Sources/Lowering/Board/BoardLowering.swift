public import Diagnostics
public import Documents
public import QorIQ

/// Turns a board's YAML or device tree into a ``Board``, and says where each fact was written.
public struct BoardLowering {
  /// A board with the places of its facts.
  public struct Result: Sendable {
    /// The board.
    public var board: Board
    /// Where each fact was written: `/memory`, `/qman/portals`, `/fmans/0/interfaces/fm1-gb0` ….
    public var origins: OriginMap
  }

  var reader = FactReader()
  var origins = OriginMap()

  init() {}

  /// The board of a YAML document; mistakes are added to the bag, all of them.
  ///
  /// - Parameters:
  ///   - document: The document of the board's file.
  ///   - bag: Where the mistakes go.
  /// - Returns: The board, or `nil` when something in it could not be read.
  public static func lower(_ document: YAMLNode, into bag: inout DiagnosticBag) -> Result? {
    var lowering = BoardLowering()
    let board = lowering.board(document)
    bag.add(contentsOf: lowering.reader.bag)
    guard let board, !lowering.reader.bag.hasErrors else { return nil }
    return Result(board: board, origins: lowering.origins)
  }

  private mutating func board(_ document: YAMLNode) -> Board? {
    guard
      let facts = reader.facts(
        document, of: "the board",
        keys: [
          "name", "model", "soc", "core", "clock", "cpus", "memory", "qman", "bman", "fmans",
        ])
    else { return nil }
    // All are read before any is missed, so that every mistake is reported.
    let name = text("name", in: facts)
    let model = text("model", in: facts)
    let soc = reader.required("soc", in: facts).flatMap {
      reader.choice($0, "soc", among: SoCFacts.known.map { ($0.rawValue, $0) })
    }
    let core = text("core", in: facts)
    let clock = reader.required("clock", in: facts).flatMap { reader.frequency($0, "clock") }
    let cpus = fact("cpus", in: facts).flatMap { self.cpus($0) }
    let memory = fact("memory", in: facts).flatMap { self.memory($0) }
    let qman = fact("qman", in: facts).flatMap { self.qman($0) }
    let bman = fact("bman", in: facts).flatMap { self.bman($0) }
    let fmans = fact("fmans", in: facts).flatMap { self.fmans($0) }
    guard let name, let model, let soc, let core, let clock, let cpus, let memory, let qman,
      let bman, let fmans
    else { return nil }
    return Board(
      name: name, model: model, soc: soc, core: core, clockFrequency: clock, cpus: cpus,
      memorySize: memory, qman: qman, bman: bman, fmans: fmans)
  }

  private mutating func fact(_ key: String, in facts: Facts, below path: String = "") -> YAMLNode? {
    let node = reader.required(key, in: facts)
    origins.record("\(path)/\(key)", at: node?.span)
    return node
  }

  private mutating func text(_ key: String, in facts: Facts) -> String? {
    fact(key, in: facts).flatMap { reader.text($0, key) }
  }

  private mutating func number(
    _ key: String, in facts: Facts, _ range: ClosedRange<UInt64>
  ) -> UInt64? {
    reader.required(key, in: facts).flatMap {
      reader.number($0, "\(facts.what)'s \(key)", in: range)
    }
  }

  private mutating func memory(_ node: YAMLNode) -> UInt64? {
    guard let size = reader.size(node, "memory") else { return nil }
    guard Self.memoryLimits.contains(size) else {
      reader.bag.error(
        .badSize, "the board's memory should be 1 MiB to 1 TiB", at: node.span)
      return nil
    }
    return size
  }

  /// QMan and BMan speak of addresses of 40 bits.
  static let memoryLimits: ClosedRange<UInt64> = 1 << 20...1 << 40

  private mutating func cpus(_ node: YAMLNode) -> [CPU]? {
    guard let facts = reader.facts(node, of: "cpus", keys: ["count", "threads"]) else { return nil }
    let count = number("count", in: facts, 1...256)
    let threads = number("threads", in: facts, 1...8)
    guard let count, let threads else { return nil }
    return (0..<count).map { CPU(index: CPUIndex(UInt8($0)), coreIndex: Int($0 / threads)) }
  }

  // MARK: queue and buffer manager

  private mutating func qman(_ node: YAMLNode) -> QManBlock? {
    guard
      let facts = reader.facts(
        node, of: "qman",
        keys: ["revision", "portals", "queues", "pool-channels", "congestion-groups"])
    else { return nil }
    let revision = reader.required("revision", in: facts).flatMap { self.revision($0) }
    let portals = fact("portals", in: facts, below: "/qman").flatMap { self.portals($0) }
    let queues = number("queues", in: facts, 2...1 << 24)
    let channels = reader.required("pool-channels", in: facts).flatMap { node in
      reader.text(node, "pool-channels").flatMap {
        reader.range($0, "pool-channels", in: 0...0x1fff, at: node.span)
      }
    }
    let groups = number("congestion-groups", in: facts, 1...256)
    guard let revision, let portals, let queues, let channels, let groups else { return nil }
    return QManBlock(
      revision: revision, portals: portals, queueCount: UInt32(queues),
      poolChannels: channels.map { ChannelID(UInt16($0)) }, congestionGroupCount: Int(groups))
  }

  private mutating func bman(_ node: YAMLNode) -> BManBlock? {
    guard let facts = reader.facts(node, of: "bman", keys: ["revision", "portals", "pools"]) else {
      return nil
    }
    let revision = reader.required("revision", in: facts).flatMap { self.revision($0) }
    let portals = fact("portals", in: facts, below: "/bman").flatMap { self.portals($0) }
    let pools = number("pools", in: facts, 1...64)
    guard let revision, let portals, let pools else { return nil }
    return BManBlock(revision: revision, portals: portals, poolCount: Int(pools))
  }

  private mutating func revision(_ node: YAMLNode) -> Revision? {
    guard let text = reader.text(node, "revision") else { return nil }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let major = UInt8(parts[0]), let minor = UInt8(parts[1]) else {
      reader.bag.error(
        .badNumber, "a revision should be two numbers such as 3.0, but this is \(text)",
        at: node.span)
      return nil
    }
    return Revision(major, minor)
  }

  /// Portals by rule: where the windows start and how far apart they are.
  private mutating func portals(_ node: YAMLNode) -> [SoftwarePortal]? {
    guard let facts = reader.facts(node, of: "portals", keys: ["count", "ce", "ci", "interrupts"])
    else { return nil }
    let count = number("count", in: facts, 1...64)
    let enabled = reader.required("ce", in: facts).flatMap { windows($0, "ce") }
    let inhibited = reader.required("ci", in: facts).flatMap { windows($0, "ci") }
    let interrupts = reader.required("interrupts", in: facts).flatMap { self.interrupts($0) }
    guard let count, let enabled, let inhibited, let interrupts else { return nil }
    return (0..<count).map { index in
      let run = interrupts.last { $0.from <= index } ?? interrupts[0]
      return SoftwarePortal(
        index: PortalIndex(UInt8(index)), cacheEnabled: enabled(index),
        cacheInhibited: inhibited(index),
        interrupt: InterruptSource(UInt32(run.base + (index - run.from) * run.stride)))
    }
  }

  private mutating func windows(
    _ node: YAMLNode, _ what: String
  ) -> ((UInt64) -> AddressRange)? {
    guard let facts = reader.facts(node, of: what, keys: ["base", "stride", "size"]) else {
      return nil
    }
    let base = number("base", in: facts, 0...1 << 40)
    let stride = reader.required("stride", in: facts).flatMap { reader.size($0, "stride") }
    let size = reader.required("size", in: facts).flatMap { reader.size($0, "size") }
    guard let base, let stride, let size else { return nil }
    return { AddressRange(base: base &+ $0 &* stride, size: size) }
  }

  /// Runs of portals whose interrupts are evenly apart, ascending by the first portal of each.
  private mutating func interrupts(
    _ node: YAMLNode
  ) -> [(from: UInt64, base: UInt64, stride: UInt64)]? {
    guard let items = reader.items(node, of: "interrupts") else { return nil }
    var runs: [(from: UInt64, base: UInt64, stride: UInt64)] = []
    for item in items {
      guard
        let facts = reader.facts(item, of: "a run of interrupts", keys: ["from", "base", "stride"])
      else { return nil }
      let from = number("from", in: facts, 0...255)
      let base = number("base", in: facts, 0...0xffff)
      let stride = number("stride", in: facts, 1...0xffff)
      guard let from, let base, let stride else { return nil }
      guard runs.last.map({ $0.from < from }) ?? (from == 0) else {
        reader.bag.error(
          .badRange,
          "runs of interrupts start at portal 0 and go upwards, but this one starts at "
            + "\(from)", at: item.span)
        return nil
      }
      runs.append((from, base, stride))
    }
    guard !runs.isEmpty else {
      reader.wrongKind(node, "interrupts", should: "a list of at least one run")
      return nil
    }
    return runs
  }

  // MARK: frame managers

  private mutating func fmans(_ node: YAMLNode) -> [FManBlock]? {
    guard let items = reader.items(node, of: "fmans") else { return nil }
    let blocks = items.enumerated().compactMap { fman($1, index: $0) }
    return blocks.count == items.count ? blocks : nil
  }

  private mutating func fman(_ node: YAMLNode, index: Int) -> FManBlock? {
    let path = "/fmans/\(index)"
    origins.record(path, at: node.span)
    guard
      let facts = reader.facts(
        node, of: "frame manager \(index + 1)",
        keys: [
          "revision", "base", "interfaces", "offline-ports", "schemes", "storage-profiles",
        ])
    else { return nil }
    let revision = number("revision", in: facts, 0...255)
    let base = number("base", in: facts, 0...1 << 40)
    let schemes = number("schemes", in: facts, 0...256)
    let profiles = number("storage-profiles", in: facts, 0...256)
    let interfaces = fact("interfaces", in: facts, below: path).flatMap { node in
      reader.entries(node, of: "interfaces").flatMap { entries -> [NetworkInterface]? in
        let interfaces = entries.compactMap { interface($0, below: "\(path)/interfaces") }
        return interfaces.count == entries.count ? interfaces : nil
      }
    }
    let offline = fact("offline-ports", in: facts, below: path).flatMap { offlinePorts($0) }
    guard let revision, let base, let schemes, let profiles, let interfaces, let offline else {
      return nil
    }
    return FManBlock(
      index: index, majorRevision: UInt8(revision), base: base, interfaces: interfaces,
      offlinePorts: offline, schemeCount: Int(schemes), storageProfileCount: Int(profiles))
  }

  private mutating func interface(_ entry: YAMLEntry, below path: String) -> NetworkInterface? {
    origins.record("\(path)/\(entry.key)", at: entry.keySpan)
    guard
      let facts = reader.facts(
        entry.value, of: entry.key, keys: ["speed", "mac", "receive", "transmit", "channel"])
    else { return nil }
    let speed = number("speed", in: facts, 10...100_000)
    let mac = number("mac", in: facts, 0...255)
    let receive = number("receive", in: facts, 0...255)
    let transmit = number("transmit", in: facts, 0...255)
    let channel = number("channel", in: facts, 0...0x1fff)
    guard let speed, let mac, let receive, let transmit, let channel else { return nil }
    return NetworkInterface(
      name: entry.key, speed: Int(speed), macIndex: UInt8(mac), receivePort: PortID(UInt8(receive)),
      transmitPort: PortID(UInt8(transmit)), transmitChannel: ChannelID(UInt16(channel)))
  }

  /// Offline ports as a mapping from the hardware port id to the channel.
  private mutating func offlinePorts(_ node: YAMLNode) -> [OfflinePort]? {
    guard let entries = reader.entries(node, of: "offline-ports") else { return nil }
    let ports = entries.compactMap { entry -> OfflinePort? in
      let port = reader.number(entry.key, "an offline port", in: 0...255, at: entry.keySpan)
      let channel = reader.number(entry.value, "an offline port's channel", in: 0...0x1fff)
      guard let port, let channel else { return nil }
      return OfflinePort(port: PortID(UInt8(port)), channel: ChannelID(UInt16(channel)))
    }
    return ports.count == entries.count ? ports : nil
  }
}
