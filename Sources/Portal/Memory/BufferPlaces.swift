/// Where the buffers of a pool begin: which offsets from its start are a buffer's.
@frozen public struct BufferPlaces: BitwiseCopyable, Sendable {
  @usableFromInline let byteCount: UInt64
  @usableFromInline let stride: UInt64
  /// 2^64 divided by the stride, rounded up: multiplying is quicker than dividing, and exact for
  /// offsets below 2^32, since the error, less than 2^32 times the stride, stays below 2^64. 0 for
  /// pools where that does not hold.
  @usableFromInline let reciprocal: UInt64

  /// Describes a pool of this many bytes, with this many from buffer to buffer.
  @inlinable public init(byteCount: UInt64, stride: UInt32) {
    self.byteCount = byteCount
    self.stride = UInt64(stride)
    reciprocal =
      byteCount <= UInt64(UInt32.max) && stride > 1 ? UInt64.max / UInt64(stride) + 1 : 0
  }

  /// The buffer that starts at an offset; `nil` outside the pool and between buffers.
  @inlinable @inline(__always)
  public func buffer(at offset: UInt64) -> UInt32? {
    guard offset < byteCount else { return nil }
    let buffer = offset.multipliedFullWidth(by: reciprocal).high
    if _fastPath(buffer &* stride == offset) { return UInt32(truncatingIfNeeded: buffer) }
    return divided(offset)
  }

  /// The buffer that an offset lies in, and how far; `nil` outside the pool.
  @inlinable public func place(of offset: UInt64) -> (buffer: UInt32, rest: UInt64)? {
    guard offset < byteCount else { return nil }
    let buffer =
      reciprocal != 0 ? offset.multipliedFullWidth(by: reciprocal).high : offset / stride
    return (UInt32(truncatingIfNeeded: buffer), offset &- buffer &* stride)
  }

  /// What ``buffer(at:)`` finds, by division, for pools without a reciprocal. Out of line: hardly any pool is one.
  @inline(never) @usableFromInline
  func divided(_ offset: UInt64) -> UInt32? {
    guard reciprocal == 0 else { return nil }
    let (buffer, remainder) = offset.quotientAndRemainder(dividingBy: stride)
    return remainder == 0 ? UInt32(truncatingIfNeeded: buffer) : nil
  }
}
