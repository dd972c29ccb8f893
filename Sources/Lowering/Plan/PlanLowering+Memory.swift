import Diagnostics
import Documents
import Partitioning
import QorIQ

/// Identity, windows, images, shared memory and what is reserved.
extension PlanLowering {
  mutating func readBoot(
    _ facts: Facts, of wish: inout PartitionWish, index: Int, foreign: Set<String>
  ) {
    let name = wish.name
    if let node = facts["liodn-offset"] {
      origins.record(ClaimPath.liodnOffset(index), at: node.span)
      let offset = reader.number(node, "\(name)'s LIODN offset", in: 0...4095)
      if !foreign.contains("liodn-offset") { wish.liodnOffset = offset.map { UInt16($0) } }
    }
    if let node = facts["dma-windows"], let items = reader.items(node, of: "\(name)'s DMA windows")
    {
      for item in items {
        guard let range = range(item, "a DMA window of \(name)") else { continue }
        origins.record(ClaimPath.dmaWindow(index, wish.dmaWindows.count), at: item.span)
        wish.dmaWindows.append(DMAWindowWish(address: range.base, size: range.size))
      }
    }
    if let node = facts["images"],
      let images = reader.facts(node, of: "\(name)'s images", in: .images)
    {
      for kind in ImageKind.allCases {
        guard let node = images[kind.rawValue] else { continue }
        origins.record(ClaimPath.image(index, kind), at: node.span)
        let what = "\(name)'s \(kind.rawValue)"
        guard let facts = reader.facts(node, of: what, in: .image) else { continue }
        for key in ["address", "size"] {
          origins.record(ClaimPath.image(index, kind, key: key), at: facts[key]?.span)
        }
        wish.images.append(
          ImageWish(
            kind: kind, file: facts["file"].flatMap { reader.text($0, "the file of \(what)") },
            address: facts["address"].flatMap { reader.size($0, "the address of \(what)") },
            size: facts["size"].flatMap { reader.size($0, "the size of \(what)") }))
      }
    }
    if let node = facts["boot-arguments"] {
      origins.record(ClaimPath.bootArguments(index), at: node.span)
      wish.bootArguments = reader.text(node, "\(name)'s boot arguments")
    }
  }

  /// A run of addresses that ends within 64 bits.
  private mutating func range(_ node: YAMLNode, _ what: String) -> AddressRange? {
    guard let facts = reader.facts(node, of: what, in: .addressRange) else { return nil }
    let base = facts["address"].flatMap {
      reader.number($0, "the address of \(what)", in: 0...UInt64.max)
    }
    let size = facts["size"].flatMap { reader.size($0, "the size of \(what)") }
    guard let base, let size else { return nil }
    guard !base.addingReportingOverflow(size).overflow else {
      reader.bag.error(.badSize, "\(what) ends beyond 64 bits of addresses", at: node.span)
      return nil
    }
    return AddressRange(base: base, size: size)
  }

  mutating func sharedMemory(_ node: YAMLNode?) -> [SharedMemoryWish] {
    guard let node, let entries = reader.entries(node, of: "shared-memory") else { return [] }
    var wishes: [SharedMemoryWish] = []
    for entry in entries {
      let index = wishes.count
      let what = "the shared memory \(entry.key)"
      origins.record(ClaimPath.sharedMemory(index), at: entry.keySpan)
      checkName(entry.key, of: "shared memory", at: entry.keySpan)
      guard let facts = reader.facts(entry.value, of: what, in: .sharedMemory) else { continue }
      let size = facts["size"].flatMap { reader.size($0, "the size of \(what)") }
      let members = facts["between"].flatMap { node in
        names(node, "who sees \(what)") { ClaimPath.sharedMemory(index, member: $0) }
      }
      var address: UInt64?
      if let node = facts["address"] {
        origins.record(ClaimPath.sharedMemoryAddress(index), at: node.span)
        address = reader.number(node, "the address of \(what)", in: 0...UInt64.max)
      }
      let writers = facts["writers"].flatMap { node in
        names(node, "who writes \(what)") { "\(ClaimPath.sharedMemory(index))/writers/\($0)" }
      }
      guard let size, let members else { continue }
      wishes.append(
        SharedMemoryWish(
          name: entry.key, size: size, address: address, members: members, writers: writers))
    }
    return wishes
  }

  mutating func reservations(_ node: YAMLNode?) -> [ReservationWish] {
    guard let node, let entries = reader.entries(node, of: "reserved") else { return [] }
    return entries.enumerated().map { index, entry in
      reservation(entry, index: index)
    }
  }

  private mutating func reservation(_ entry: YAMLEntry, index: Int) -> ReservationWish {
    var wish = ReservationWish(holder: entry.key)
    let what = "what \(entry.key) reserves"
    origins.record(ClaimPath.reservation(index), at: entry.keySpan)
    guard let facts = reader.facts(entry.value, of: what, in: .reservation) else { return wish }
    for kind in ResourceKind.allCases {
      guard let node = facts[kind.rawValue] else { continue }
      origins.record(ClaimPath.reservation(index, kind), at: node.span)
      if kind == .memory {
        wish.memory = memoryRanges(node, what, index: index)
        continue
      }
      let limit: UInt64 =
        switch kind {
        case .queues: 0xff_ffff
        case .cpus, .portals: BoardLimits.indices.upperBound
        case .poolChannels: 0x1fff
        case .liodnOffsets: 4095
        default: 255
        }
      guard let items = reader.rangeItems(node, "\(kind.rawValue) of \(what)", in: 0...limit)
      else { continue }
      if kind == .queues {
        for (item, range) in items.enumerated() {
          origins.record(ClaimPath.reservation(index, kind, item: item), at: range.span)
          wish.queues.append(
            QueueRange(
              first: FQID(UInt32(range.range.lowerBound)), count: UInt32(range.range.count)))
        }
        continue
      }
      guard
        mayList(items, "\(kind.rawValue) of \(what)", atMost: Int(limit) + 1, at: node.span)
      else { continue }
      origins.record(itemsOf: ClaimPath.reservation(index, kind), at: items.flatMap(\.spans))
      wish.numbers[kind] = items.flatMap { $0.range.map { UInt32($0) } }
    }
    return wish
  }

  private mutating func memoryRanges(
    _ node: YAMLNode, _ what: String, index: Int
  ) -> [AddressRange] {
    let items: [YAMLNode]
    if case .sequence(let list) = node.value { items = list } else { items = [node] }
    var ranges: [AddressRange] = []
    for item in items {
      guard let range = range(item, "memory of \(what)") else { continue }
      origins.record(
        ClaimPath.reservation(index, .memory, item: ranges.count), at: item.span)
      ranges.append(range)
    }
    return ranges
  }
}
