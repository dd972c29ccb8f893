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
    var regions: [Region] = []
    var next: UInt64 = 0
    for region in taken.sorted(by: { $0.range.base < $1.range.base }) where region.range.size > 0 {
      if region.range.base > next { regions.append(Self.free(from: next, to: region.range.base)) }
      regions.append(region)
      next = max(next, region.range.base + region.range.size)
    }
    if next < partition.board.memorySize {
      regions.append(Self.free(from: next, to: partition.board.memorySize))
    }
    self.regions = regions
  }

  private static func free(from start: UInt64, to end: UInt64) -> Region {
    Region(range: AddressRange(base: start, size: end - start), holder: .free)
  }
}
