import Diagnostics
import Documents
import Partitioning
import QorIQ

/// Partitions and what they wish for.
extension PlanLowering {
  mutating func partition(_ entry: YAMLEntry, index: Int) -> PartitionWish {
    let name = entry.key
    let what = "partition \(name)"
    origins.record(ClaimPath.partition(index), at: entry.keySpan)
    checkName(name, at: entry.keySpan)
    var wish = PartitionWish(
      name: name, cpus: nil, memory: nil, portals: nil, queues: nil, pools: nil)
    guard
      let facts = reader.facts(
        entry.value, of: what,
        keys: ["cpus", "memory", "portals", "queues", "pools", "os", "program", "rings"])
    else { return wish }
    if let node = reader.required("cpus", in: facts) {
      wish.cpus = choice(
        node, "\(name)'s CPUs", origin: ClaimPath.cpus(index), as: CPUIndex.init)
    }
    if let node = reader.required("memory", in: facts) {
      origins.record(ClaimPath.memory(index), at: node.span)
      wish.memory = reader.size(node, "\(name)'s memory")
    }
    if let node = reader.required("portals", in: facts) {
      wish.portals = choice(
        node, "\(name)'s portals", origin: ClaimPath.portals(index), as: PortalIndex.init)
    }
    if let node = reader.required("queues", in: facts) {
      wish.queues = queues(node, name: name, index: index)
    }
    wish.pools = facts["pools"].map { pools($0, name: name, index: index) } ?? []
    if let node = facts["os"] {
      wish.os =
        reader.choice(
          node, "\(name)'s os", among: GuestOS.allCases.map { ($0.rawValue, $0) }) ?? .bare
    }
    if let node = facts["program"] { wish.program = program(node, name: name, index: index) }
    if let node = facts["rings"] { wish.rings = rings(node, name: name, index: index) }
    return wish
  }

  /// Names become names of files, of processes and of values in Swift.
  private mutating func checkName(_ name: String, at span: SourceSpan) {
    let isGood =
      name.utf8.count <= 32 && name.first?.isLetter == true
      && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
    guard !isGood else { return }
    reader.bag.error(
      .badName,
      "a partition cannot be called \(name): a letter comes first, then letters, digits, - and _, "
        + "32 in all", at: span)
  }

  private mutating func choice<Element: HardwareIdentifier>(
    _ node: YAMLNode, _ what: String, origin: String, as make: (UInt8) -> Element
  ) -> Choice<Element>? where Element.RawValue == UInt8 {
    origins.record(origin, at: node.span)
    switch reader.countOrRanges(node, what, in: 0...255) {
    case .count(let count): return .count(Int(count))
    case .ranges(let items):
      var elements: [Element] = []
      for item in items {
        for number in item.range {
          origins.record("\(origin)/\(elements.count)", at: item.span)
          elements.append(make(UInt8(number)))
        }
      }
      return .exactly(elements)
    case nil: return nil
    }
  }

  private mutating func queues(_ node: YAMLNode, name: String, index: Int) -> QueueWish? {
    origins.record(ClaimPath.queues(index), at: node.span)
    switch reader.countOrRanges(node, "\(name)'s queues", in: 0...0xff_ffff) {
    case .count(let count): return .count(UInt32(count))
    case .ranges(let items):
      for (item, range) in items.enumerated() {
        origins.record(ClaimPath.queues(index, range: item), at: range.span)
      }
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
      let what = "a pool of \(name)"
      guard let facts = reader.facts(node, of: what, keys: ["id", "buffers", "size"]) else {
        continue
      }
      let item = pools.count
      origins.record(ClaimPath.pool(index, item), at: node.span)
      var bpid: UInt32?
      if let id = facts["id"] {
        origins.record(ClaimPath.poolID(index, item), at: id.span)
        bpid = reader.number(id, "\(what)'s id", in: 0...UInt64(UInt32.max)).map(UInt32.init)
      }
      let buffers = reader.required("buffers", in: facts)
      let size = reader.required("size", in: facts)
      origins.record(ClaimPath.poolBuffers(index, item), at: buffers?.span)
      origins.record(ClaimPath.poolSize(index, item), at: size?.span)
      let count = buffers.flatMap {
        reader.number($0, "\(what)'s buffers", in: 0...UInt64(UInt32.max))
      }
      let bytes = size.flatMap { reader.size($0, "the size of \(what)'s buffers") }
      guard let count, let bytes else { continue }
      pools.append(PoolWish(bpid: bpid, bufferCount: UInt32(count), bufferSize: bytes))
    }
    return pools.isEmpty && !items.isEmpty ? nil : pools
  }

  private mutating func rings(_ node: YAMLNode, name: String, index: Int) -> RingSizes {
    var rings = RingSizes.hardware
    guard let facts = reader.facts(node, of: "\(name)'s rings", keys: ["enqueue", "dequeue"])
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
    guard let facts = reader.facts(node, of: what, keys: ["source"]),
      let source = reader.required("source", in: facts),
      let values = reader.facts(source, of: "\(name)'s source", keys: ["to", "frames", "size"])
    else { return .reflect }
    let to = reader.required("to", in: values)
    let frames = reader.required("frames", in: values)
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
    guard let path, let count, let bytes else { return .reflect }
    return .source(
      GuestProgram.SourceProgram(path: path, frames: count, size: UInt32(bytes)))
  }
}
