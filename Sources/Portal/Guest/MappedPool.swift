public import QorIQ

/// A pool's memory as this guest maps it.
@frozen public struct MappedPool {
  @usableFromInline let bpid: BPID
  @usableFromInline let base: UInt64
  @usableFromInline let byteCount: UInt64
  @usableFromInline let stride: UInt32
  @usableFromInline let size: UInt32
  @usableFromInline let memory: UnsafeMutableRawPointer

  /// Creates a pool over its mapping, which must hold `pool.byteCount` bytes and outlive this value.
  public init(_ pool: GuestGrant.Pool, memory: UnsafeMutableRawPointer) {
    bpid = pool.bpid
    base = pool.base
    byteCount = UInt64(pool.byteCount)
    stride = pool.stride
    size = pool.size
    self.memory = memory
  }

  /// Where the buffer of an address lies here; `nil` outside the pool or between buffers.
  @inlinable @inline(__always)
  func pointer(to address: UInt64) -> UnsafeMutableRawPointer? {
    let offset = address &- base
    guard offset < byteCount, offset % UInt64(stride) == 0 else { return nil }
    return memory + Int(offset)
  }
}
