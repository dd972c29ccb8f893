import DPAAPortal

/// Over which of an owner's pools, and how many of its buffers, a frame is spread that none of the owner's
/// buffers holds: each piece lies behind a headroom of its own, and their table in one buffer more.
struct Scattering {
  /// The pool's place among those that were asked about.
  let pool: Int
  /// How many buffers have pieces.
  let count: Int

  /// How much of a frame a buffer holds.
  @inline(__always)
  static func room(_ bufferSize: UInt32) -> Int { Int(bufferSize) - Buffer.headroom }

  /// Lays a frame over the largest buffers; `nil` when no pool could ever hold it.
  ///
  /// - Parameters:
  ///   - length: The frame's bytes.
  ///   - pools: The places of the owner's pools.
  ///   - shape: What a buffer of a pool holds, and how many buffers the pool has.
  @inline(__always)
  init?(
    of length: Int, over pools: Range<Int>, _ shape: (Int) -> (size: UInt32, buffers: UInt32)
  ) {
    guard let largest = pools.max(by: { shape($0).size < shape($1).size }) else { return nil }
    let (size, buffers) = shape(largest)
    let room = Self.room(size)
    guard room > 0, length < Fragment.longestFrame else { return nil }
    let pieces = (length + room - 1) / room
    guard pieces <= FragmentEntry.limit, pieces * FragmentEntry.size <= room, pieces < buffers
    else { return nil }
    pool = largest
    count = pieces
  }
}
