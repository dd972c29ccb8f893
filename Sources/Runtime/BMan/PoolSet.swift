/// A set of pools in the order in which BMan shows sets in its registers and answers: pool 0 in the
/// highest bit of the first of two words (Linux 6.1, `drivers/soc/fsl/qbman/bman.c`).
struct PoolSet: OptionSet, BitwiseCopyable {
  let rawValue: UInt64

  init(rawValue: UInt64) { self.rawValue = rawValue }
  /// One pool; none when there is no such pool.
  init(_ pool: UInt8) {
    rawValue = pool < 64 ? 0x8000_0000_0000_0000 >> UInt64(pool) : 0
  }

  /// Whether a pool is in it.
  @inline(__always)
  func has(_ pool: UInt8) -> Bool { !isDisjoint(with: PoolSet(pool)) }

  /// Takes the first pool out.
  mutating func removeFirst() -> UInt8? {
    guard rawValue != 0 else { return nil }
    let pool = UInt8(truncatingIfNeeded: rawValue.leadingZeroBitCount)
    subtract(PoolSet(pool))
    return pool
  }
}
