/// Random numbers that come again for the same seed (xorshift64*), for tests that print it.
public struct SeededGenerator: RandomNumberGenerator, CustomStringConvertible {
  /// What to pass again to get the same numbers.
  public let seed: UInt64
  private var state: UInt64

  /// Starts the sequence of a seed.
  public init(seed: UInt64) {
    self.seed = seed
    state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
  }

  /// The next number.
  public mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_f491_4f6c_dd1d
  }

  /// A number from 0 to `count` − 1.
  public mutating func below(_ count: Int) -> Int { Int(next(upperBound: UInt64(count))) }
  /// Any byte.
  public mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next() >> 24) }

  /// `seed 42`
  public var description: String { "seed \(seed)" }
}
