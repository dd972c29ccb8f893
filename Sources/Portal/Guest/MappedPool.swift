public import QorIQ

/// A pool's memory as this guest maps it.
@frozen public struct MappedPool {
  @usableFromInline let bpid: BPID
  @usableFromInline let base: UInt64
  @usableFromInline let size: UInt32
  @usableFromInline let places: BufferPlaces
  @usableFromInline let memory: UnsafeMutableRawPointer

  /// Creates a pool over its mapping, which must hold `pool.byteCount` bytes and outlive this value.
  public init(_ pool: GuestGrant.Pool, memory: UnsafeMutableRawPointer) {
    bpid = pool.bpid
    base = pool.base
    size = pool.size
    places = BufferPlaces(byteCount: UInt64(pool.byteCount), stride: pool.stride)
    self.memory = memory
  }

  /// Where the buffer of an address lies here; `nil` outside the pool or between buffers.
  @inlinable @inline(__always)
  func pointer(to address: UInt64) -> UnsafeMutableRawPointer? {
    let offset = address &- base
    guard places.buffer(at: offset) != nil else { return nil }
    return memory + Int(offset)
  }
}
