import Diagnostics
import Documents
import Partitioning
import QorIQ

/// Partitions and what they wish for.
extension PlanLowering {
  mutating func partition(
    _ instance: PlanInheritance.Instance, index: Int
  ) -> PartitionWish {
    origins.record(ClaimPath.partition(index), at: instance.keySpan)
    checkName(instance.name, of: "partition", at: instance.keySpan)
    let what = "partition \(instance.name)"
    let keys = PlanSection.partition.keys.map(\.name)
    guard
      let facts = instance.isCut
        ? reader.facts(instance.node, of: what, keys: keys)
        : reader.facts(instance.node, of: what, in: .partition)
    else {
      return PartitionWish(
        name: instance.name, cpus: nil, memory: nil, portals: nil, queues: nil, pools: nil)
    }
    var wish = wish(
      facts, name: instance.name, index: index, foreign: instance.foreignKeys)
    allowances(
      facts["allow"],
      in: (instance.name, text(from: instance.keySpan, to: instance.node.span)))
    // What it lacks may be with somebody who is not there.
    if instance.isCut || facts[FactReader.mergeKey] != nil, facts["pools"] == nil {
      wish.pools = nil
    }
    if let like = instance.like, case .scalar(let scalar) = like.value {
      origins.record(ClaimPath.like(index), at: like.span)
      wish.like = scalar.text
    }
    return wish
  }

  /// What the keys of a partition or template say. What the foreign ones, which were taken over,
  /// choose exactly is somebody else's: they ask for as many.
  mutating func wish(
    _ facts: Facts, name: String, index: Int, foreign: Set<String>
  ) -> PartitionWish {
    var wish = PartitionWish(
      name: name, cpus: nil, memory: nil, portals: nil, queues: nil, pools: nil)
    wish.cpus = facts["cpus"].flatMap {
      choice(
        $0, "\(name)'s CPUs", origin: ClaimPath.cpus(index), in: BoardLimits.indices,
        onlyCount: foreign.contains("cpus")
      ) { CPUIndex(UInt16($0)) }
    }
    if let node = facts["memory"] {
      memory(node, of: &wish, index: index, onlySize: foreign.contains("memory"))
    }
    wish.portals = facts["portals"].flatMap {
      choice(
        $0, "\(name)'s portals", origin: ClaimPath.portals(index), in: BoardLimits.indices,
        onlyCount: foreign.contains("portals")
      ) { PortalIndex(UInt16($0)) }
    }
    if let node = facts["queues"] {
      origins.record(ClaimPath.queues(index), at: node.span)
      wish.queues = queues(
        node, "\(name)'s queues", onlyCount: foreign.contains("queues"),
        origin: ClaimPath.queues(index))
    }
    wish.pools = facts["pools"].map { pools($0, name: name, index: index) } ?? []
    if foreign.contains("pools") {
      wish.pools = wish.pools?.map { pool in
        var pool = pool
        pool.bpid = nil
        pool.address = nil
        return pool
      }
    }
    if let node = facts["os"] {
      origins.record(ClaimPath.os(index), at: node.span)
      wish.os =
        reader.choice(
          node, "\(name)'s os", among: GuestOS.allCases.map { ($0.rawValue, $0) }) ?? .bare
    }
    if let node = facts["program"] { wish.program = program(node, name: name, index: index) }
    if let node = facts["kind"] {
      origins.record(ClaimPath.kind(index), at: node.span)
      wish.isMachine =
        reader.choice(node, "\(name)'s kind", among: [("process", false), ("vm", true)]) ?? false
    }
    if let node = facts["accel"] {
      origins.record(ClaimPath.accelerator(index), at: node.span)
      wish.accelerator = reader.choice(
        node, "\(name)'s accel", among: MachineAccelerator.allCases.map { ($0.rawValue, $0) })
    }
    if let node = facts["rings"] { wish.rings = rings(node, name: name, index: index) }
    readQuality(facts, of: &wish, index: index, foreign: foreign)
    readBoot(facts, of: &wish, index: index, foreign: foreign)
    return wish
  }

  /// Names become names of files, of processes and of values in Swift.
  mutating func checkName(_ name: String, of what: String, at span: SourceSpan) {
    let isGood =
      name.utf8.count <= 32 && name.first?.isLetter == true
      && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
    guard !isGood else { return }
    reader.bag.error(
      .badName,
      "a \(what) cannot be called \(name.isEmpty ? "nothing" : name): a letter comes first, then "
        + "letters, digits, - and _, 32 in all", at: span)
  }

  mutating func choice<Element>(
    _ node: YAMLNode, _ what: String, origin: String, in limits: ClosedRange<UInt64>,
    onlyCount: Bool, as make: (UInt64) -> Element
  ) -> Choice<Element>? {
    origins.record(origin, at: node.span)
    switch reader.countOrRanges(node, what, in: limits) {
    case .count(let count): return .count(Int(count))
    case .ranges(let items):
      let limit = min(limits.count, BoardLimits.indices.count)
      guard mayList(items, what, atMost: limit, onlyCount: onlyCount, at: node.span) else {
        return nil
      }
      if onlyCount { return .count(items.reduce(0) { $0 + $1.range.count }) }
      origins.record(itemsOf: origin, at: items.flatMap(\.spans))
      return .exactly(items.flatMap { $0.range.map(make) })
    case nil: return nil
    }
  }

  /// How many numbers all lists of a plan may have, which are those of thousands of partitions: ranges of a
  /// few bytes would take gigabytes otherwise.
  private static let listLimit = 1 << 18

  /// Asks whether the numbers of a list may be taken one by one.
  ///
  /// - Parameters:
  ///   - items: The list.
  ///   - what: What it lists.
  ///   - limit: How many different numbers there can be.
  ///   - onlyCount: Whether nobody takes them, but their number counts.
  ///   - span: Where the list stands.
  /// - Returns: Whether they may; it has been said why where they may not.
  mutating func mayList(
    _ items: [FactReader.RangeItem], _ what: String, atMost limit: Int, onlyCount: Bool = false,
    at span: SourceSpan
  ) -> Bool {
    let count = items.reduce(0) { $0 + $1.range.count }
    guard count <= limit else {
      reader.bag.error(
        .badNumber, "\(what) are \(count) numbers, but there are no more than \(limit)", at: span)
      return false
    }
    guard !onlyCount else { return true }
    listedCount += count
    guard listedCount <= Self.listLimit else {
      reader.bag.error(
        .badNumber, "with \(what) the plan lists more than \(Self.listLimit) numbers", at: span)
      return false
    }
    return true
  }

  private mutating func memory(
    _ node: YAMLNode, of wish: inout PartitionWish, index: Int, onlySize: Bool
  ) {
    origins.record(ClaimPath.memory(index), at: node.span)
    let what = "\(wish.name)'s memory"
    guard case .mapping = node.value else {
      wish.memory = reader.size(node, what)
      return
    }
    guard let facts = reader.facts(node, of: what, in: .memory) else { return }
    wish.memory = facts["size"].flatMap { reader.size($0, "the size of \(what)") }
    if let address = facts["address"], !onlySize {
      origins.record(ClaimPath.memoryAddress(index), at: address.span)
      wish.memoryAddress = reader.number(
        address, "the address of \(what)", in: 0...UInt64.max)
    }
  }

  mutating func queues(
    _ node: YAMLNode, _ what: String, onlyCount: Bool, origin: String
  ) -> QueueWish? {
    switch reader.countOrRanges(node, what, in: 0...0xff_ffff) {
    case .count(let count): return .count(UInt32(count))
    case .ranges(let items):
      if onlyCount {
        // Ranges that overlap, of one partition, may count more queues than there are.
        let total = items.reduce(UInt64(0)) { $0 + UInt64($1.range.count) }
        return .count(UInt32(min(total, 0xff_ffff)))
      }
      // Their paths are the list's with a number behind: see ``ClaimPath``.
      origins.record(itemsOf: origin, at: items.map(\.span))
      return .exactly(
        items.map {
          QueueRange(first: FQID(UInt32($0.range.lowerBound)), count: UInt32($0.range.count))
        })
    case nil: return nil
    }
  }

  private mutating func pools(_ node: YAMLNode, name: String, index: Int) -> [PoolWish]? {
    origins.record(ClaimPath.pools(index), at: node.span)
    guard let items = reader.items(node, of: "\(name)'s pools") else { return nil }
    var pools: [PoolWish] = []
    for node in items {
      if let pool = pool(node, "a pool of \(name)", index: index, item: pools.count) {
        pools.append(pool)
      }
    }
    return pools.isEmpty && !items.isEmpty ? nil : pools
  }

  private mutating func pool(
    _ node: YAMLNode, _ what: String, index: Int, item: Int
  ) -> PoolWish? {
    guard let facts = reader.facts(node, of: what, in: .pool) else { return nil }
    origins.record(ClaimPath.pool(index, item), at: node.span)
    let limits = 0...UInt64(UInt32.max)
    var numbers: [String: UInt64] = [:]
    for (key, path) in [
      ("id", ClaimPath.poolID(index, item)), ("buffers", ClaimPath.poolBuffers(index, item)),
      ("seeded", ClaimPath.poolSeeded(index, item)),
    ] {
      guard let node = facts[key] else { continue }
      origins.record(path, at: node.span)
      numbers[key] = reader.number(node, "\(what)'s \(key)", in: limits)
    }
    origins.record(ClaimPath.poolSize(index, item), at: facts["size"]?.span)
    let size = facts["size"].flatMap { reader.size($0, "the size of \(what)'s buffers") }
    let thresholds = facts["thresholds"].map { node in
      origins.record(ClaimPath.poolThresholds(index, item), at: node.span)
      return self.thresholds(node, what)
    }
    let sharers = facts["shared-with"].flatMap { node in
      names(node, "who shares \(what)") { ClaimPath.poolSharer(index, item, $0) }
    }
    var address: UInt64?
    if let node = facts["address"] {
      origins.record(ClaimPath.poolAddress(index, item), at: node.span)
      address = reader.number(node, "\(what)'s address", in: 0...UInt64.max)
    }
    guard let buffers = numbers["buffers"], let size else { return nil }
    var pool = PoolWish(
      bpid: numbers["id"].map { UInt32($0) }, bufferCount: UInt32(buffers), bufferSize: size)
    pool.seeded = numbers["seeded"].map { UInt32($0) }
    pool.address = address
    pool.thresholds = thresholds ?? PoolThresholds()
    pool.sharedWith = sharers ?? []
    return pool
  }

  private mutating func thresholds(_ node: YAMLNode, _ what: String) -> PoolThresholds {
    var marks = PoolThresholds()
    guard let facts = reader.facts(node, of: "the thresholds of \(what)", in: .thresholds) else {
      return marks
    }
    for (key, enter, exit) in [
      ("software", \PoolThresholds.softwareEnter, \PoolThresholds.softwareExit),
      ("hardware", \PoolThresholds.hardwareEnter, \PoolThresholds.hardwareExit),
    ] {
      guard let node = facts[key],
        let items = reader.items(node, of: "the \(key) thresholds of \(what)")
      else { continue }
      let numbers = items.compactMap {
        reader.number($0, "a \(key) threshold of \(what)", in: 0...UInt64(UInt32.max))
      }
      guard items.count == 2 else {
        reader.wrongKind(node, "the \(key) thresholds of \(what)", should: "a list of two numbers")
        continue
      }
      guard numbers.count == 2 else { continue }
      marks[keyPath: enter] = UInt32(numbers[0])
      marks[keyPath: exit] = UInt32(numbers[1])
    }
    return marks
  }

  /// A list of names.
  mutating func names(
    _ node: YAMLNode, _ what: String, origin: (Int) -> String
  ) -> [String]? {
    guard let items = reader.items(node, of: what) else { return nil }
    for (index, item) in items.enumerated() { origins.record(origin(index), at: item.span) }
    let names = items.compactMap { reader.text($0, what) }
    return names.count == items.count ? names : nil
  }

  private mutating func rings(_ node: YAMLNode, name: String, index: Int) -> RingSizes {
    var rings = RingSizes.hardware
    guard let facts = reader.facts(node, of: "\(name)'s rings", in: .rings)
    else { return rings }
    for (key, path, field) in [
      ("enqueue", ClaimPath.enqueueRing(index), \RingSizes.enqueue),
      ("dequeue", ClaimPath.dequeueRing(index), \RingSizes.dequeue),
    ] {
      guard let node = facts[key] else { continue }
      origins.record(path, at: node.span)
      if let size = reader.number(node, "\(name)'s \(key) ring", in: 0...UInt64(UInt16.max)) {
        rings[keyPath: field] = Int(size)
      }
    }
    return rings
  }

  private mutating func program(_ node: YAMLNode, name: String, index: Int) -> GuestProgram {
    let what = "\(name)'s program"
    origins.record(ClaimPath.program(index), at: node.span)
    guard case .mapping = node.value else {
      if case .scalar(let scalar) = node.value, scalar.text == "source" {
        reader.bag.error(
          .missingKey, "\(what) does not say where to send and how much", at: node.span,
          fixIts: [
            FixIt("write {source: {to: PEER, frames: 1000, size: 128}}")
          ])
        return .reflect
      }
      return reader.choice(
        node, what, among: [("reflect", GuestProgram.reflect), ("sink", .sink)]) ?? .reflect
    }
    guard let facts = reader.facts(node, of: what, in: .program) else { return .reflect }
    let keys = PlanSection.program.keys.map(\.name)
    let written = keys.compactMap { key in facts[key].map { (key, $0) } }
    let names = keys.joined(separator: ", ")
    guard written.count == 1, let (key, settings) = written.first else {
      if !written.isEmpty {
        reader.bag.error(
          .badChoice, "\(what) cannot be \(written.map(\.0).joined(separator: " and ")) at once",
          at: node.span, fixIts: [FixIt("choose one of \(names)")])
      } else if facts.misspelt.isEmpty {
        // A misspelt key has been told as such.
        reader.bag.error(
          .missingKey, "\(what) does not say which: one of \(names)", at: node.span)
      }
      return .reflect
    }
    switch key {
    case "source": return source(settings, name: name, index: index)
    case "scan": return scan(settings, name: name, index: index)
    case "ipsec": return ipsec(settings, name: name, index: index)
    default: return forward(settings, name: name, index: index)
    }
  }

  private mutating func source(_ node: YAMLNode, name: String, index: Int) -> GuestProgram {
    guard let values = reader.facts(node, of: "\(name)'s source", in: .source) else {
      return .reflect
    }
    let to = values["to"]
    let frames = values["frames"]
    let size = values["size"]
    origins.record(ClaimPath.programPath(index), at: to?.span)
    origins.record(ClaimPath.programFrames(index), at: frames?.span)
    origins.record(ClaimPath.programSize(index), at: size?.span)
    let path = to.flatMap { reader.text($0, "where \(name) sends to") }
    let count = frames.flatMap {
      reader.number($0, "the frames that \(name) sends", in: 1...UInt64(UInt32.max))
    }
    let bytes =
      size.map { reader.number($0, "the size of \(name)'s frames", in: 0...UInt64(UInt32.max)) }
      ?? 128
    let rate =
      values["rate"].map {
        reader.number($0, "the rate of \(name)'s frames", in: 1...UInt64(UInt32.max))
      } ?? 0
    guard let path, let count, let bytes, let rate else { return .reflect }
    return .source(
      GuestProgram.SourceProgram(path: path, frames: count, size: UInt32(bytes), rate: rate))
  }

  private mutating func forward(_ node: YAMLNode, name: String, index: Int) -> GuestProgram {
    let what = "\(name)'s router"
    guard let facts = reader.facts(node, of: what, in: .forward) else { return .reflect }
    return .forward(router(facts, what, at: node, index: index))
  }

  /// The ways and routes of a router, of whatever else it is.
  mutating func router(
    _ facts: Facts, _ what: String, at node: YAMLNode, index: Int, more: Int = 0
  ) -> GuestProgram.ForwardProgram {
    var program = GuestProgram.ForwardProgram(ways: [])
    for item in listed(facts["ways"], "the ways of \(what)") {
      guard let way = reader.facts(item, of: "a way of \(what)", in: .forwardWay) else { continue }
      let place = program.ways.count
      origins.record(ClaimPath.forwardWay(index, place), at: way["over"]?.span ?? item.span)
      var addresses: [NetworkPrefix] = []
      for address in listed(way["addresses"], "the addresses of \(what)") {
        let path = ClaimPath.forwardAddress(index, place, addresses.count)
        guard let prefix = reader.hostAddress(address, "an address of \(what)") else { continue }
        origins.record(path, at: address.span)
        addresses.append(prefix)
      }
      guard let path = way["over"].flatMap({ reader.text($0, "a way of \(what)") }) else {
        continue
      }
      program.ways.append(.init(path: path, addresses: addresses))
    }
    for item in listed(facts["routes"], "the routes of \(what)") {
      guard let route = reader.facts(item, of: "a route of \(what)", in: .forwardRoute),
        let to = route["to"].flatMap({ reader.network($0, "a network of \(what)") }),
        let via = route["via"].flatMap({ reader.address($0, "a next router of \(what)") })
      else { continue }
      let place = program.routes.count
      origins.record(ClaimPath.forwardRoute(index, place), at: item.span)
      origins.record(ClaimPath.forwardVia(index, place), at: route["via"]?.span)
      program.routes.append(.init(to: to, via: via))
    }
    let count = program.ways.reduce(program.routes.count + more) { $0 + $1.addresses.count }
    if count > NetworkRoute.limit {
      reader.bag.error(
        .badNumber,
        "\(what) has \(count) addresses and routes, of which \(NetworkRoute.limit) fit",
        at: node.span)
    }
    return program
  }

  /// The items of a list that may be missing, no more of them than a router has room for.
  mutating func listed(_ node: YAMLNode?, _ what: String) -> ArraySlice<YAMLNode> {
    guard let node, let items = reader.items(node, of: what) else { return [] }
    let limit = NetworkRoute.limit
    if items.count > limit {
      reader.bag.error(
        .badNumber, "\(what) are \(items.count), of which \(limit) fit", at: node.span)
    }
    return items.prefix(limit)
  }
}

extension FactReader.RangeItem {
  /// Its place, once for each of its numbers.
  var spans: [SourceSpan] { Array(repeating: span, count: range.count) }
}
