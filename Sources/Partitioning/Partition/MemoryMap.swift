public import QorIQ

/// The board's memory from its beginning to its end: every byte lies in one region.
public struct MemoryMap: Sendable, Hashable {
  /// Whose a region is.
  public enum Holder: Sendable, Hashable {
    /// An owner, by index.
    case owner(Int)
    /// Several owners, by the window's name.
    case shared(String)
    /// Somebody outside of the plan.
    case reserved(String)
    /// Nobody, but an owner's DMA, by index, reaches it: what is put there a device could write over.
    case reached(Int)
    /// Nobody.
    case free
  }

  /// A run of addresses with one holder.
  public struct Region: Sendable, Hashable {
    /// The addresses.
    public var range: AddressRange
    /// Whose they are.
    public var holder: Holder
    /// The buffers of an owner's pools in it, ascending by address.
    public var buffers: [Buffers] = []
  }

  /// The buffers of a pool.
  public struct Buffers: Sendable, Hashable {
    /// The pool.
    public var bpid: BPID
    /// Where they lie.
    public var range: AddressRange
  }

  /// The regions, ascending.
  public let regions: [Region]

  /// Creates the map of a partition.
  public init(_ partition: Partition) {
    var taken: [Region] = partition.owners.enumerated().map { index, owner in
      Region(
        range: owner.memory, holder: .owner(index),
        buffers: owner.pools.map { pool in
          Buffers(
            bpid: pool.bpid,
            range: AddressRange(
              base: pool.base, size: UInt64(pool.bufferCount) * UInt64(pool.bufferStride)))
        }.sorted { $0.range.base < $1.range.base })
    }
    taken += partition.sharedMemory.map { Region(range: $0.memory, holder: .shared($0.name)) }
    for reservation in partition.reservations {
      taken += reservation.memory.map { Region(range: $0, holder: .reserved(reservation.holder)) }
    }
    // What is reserved may lie behind the last byte of memory; what lies between is no memory then.
    let end = partition.board.memorySize
    var regions: [Region] = []
    var next: UInt64 = 0
    for region in taken.sorted(by: { $0.range.base < $1.range.base }) where region.range.size > 0 {
      let start = min(region.range.base, end)
      if start > next { regions.append(Self.free(from: next, to: start)) }
      regions.append(region)
      next = max(next, region.range.end)
    }
    if next < end { regions.append(Self.free(from: next, to: end)) }
    // Of what several reach, a guest has it before the host, which must know of it.
    let all = Array(partition.resources.indices)
    let order =
      all.filter { !partition.owners[$0].isHost } + all.filter { partition.owners[$0].isHost }
    for owner in order {
      let own = partition.owners[owner].memory
      for window in partition.resources[owner].dmaWindow.mappings.map(\.memory)
      where !own.contains(window) {
        regions = regions.flatMap { $0.setting(off: window, reachedBy: owner) }
      }
    }
    self.regions = regions
  }

  fileprivate static func free(from start: UInt64, to end: UInt64) -> Region {
    Region(range: AddressRange(base: start, size: end - start), holder: .free)
  }
}

extension MemoryMap.Region {
  /// The region; a free one in pieces, where an owner's DMA reaches some of it.
  fileprivate func setting(off window: AddressRange, reachedBy owner: Int) -> [Self] {
    let (low, high) = (max(range.base, window.base), min(range.end, window.end))
    guard holder == .free, low < high else { return [self] }
    return [
      MemoryMap.free(from: range.base, to: low),
      Self(range: AddressRange(base: low, size: high - low), holder: .reached(owner)),
      MemoryMap.free(from: high, to: range.end),
    ].filter { $0.range.size > 0 }
  }
}

extension AddressRange {
  /// The address behind the last one.
  fileprivate var end: UInt64 {
    let (end, overflow) = base.addingReportingOverflow(size)
    return overflow ? .max : end
  }
}

extension Partition {
  /// A place in an owner's memory, as the owner counts addresses, beside its images and pools and
  /// below a boot loader.
  ///
  /// - Parameters:
  ///   - size: The bytes.
  ///   - usual: Where they lie if that is free; else they lie behind it, if there is room there.
  ///   - owner: The owner's index.
  /// - Returns: The place, or `nil` when there is no room.
  package func place(_ size: UInt64, at usual: UInt64, inMemoryOf owner: Int) -> AddressRange? {
    var placer = MemoryPlacer(memoryOf: owners[owner])
    for image in resources[owner].images { placer.take(image.memory) }
    let wanted = AddressRange(base: usual, size: size)
    if placer.isFree(wanted) { return wanted }
    var behind = placer
    behind.take(AddressRange(base: 0, size: usual))
    return behind.place(size) ?? placer.place(size)
  }
}
