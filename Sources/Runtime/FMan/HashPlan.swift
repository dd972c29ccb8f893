import Partitioning

/// Where the rules of one shape stand in a hash table, so that no frame has many slots looked at.
struct HashPlan {
  let shape: [RuleTerm]
  let places: [UInt32]
  private(set) var slots: [UInt32] = []
  private(set) var shift: UInt64 = 0
  /// What hashes begin with.
  private(set) var seed = firstSeed
  static let firstSeed: UInt64 = 0x9e37_79b9_7f4a_7c15
  /// How many slots are looked at for a frame at most.
  private(set) var longestRun = 0

  /// How many they should be, and how many tables are made for that: now with another seed, now twice as
  /// large. Rules that crowd under one seed, by chance or because somebody wants them to, do not under the next.
  private static let wantedRun = 16
  private static let attempts = 16
  private static let doublings = 4

  @inline(__always)
  static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
    let product = (hash ^ word).multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
    return product.high ^ product.low
  }

  init(
    shape: [RuleTerm], places: [UInt32],
    rules: [(conditions: [MatchCondition], terms: [RuleTerm])]
  ) {
    self.shape = shape
    // Of rules that compare the same with the same, the first counts.
    var met: Set<[UInt64]> = []
    self.places = places.filter { met.insert(rules[Int($0)].terms.map(\.value)).inserted }
    var bits: UInt64 = 5
    while 1 << Int(bits) < self.places.count * 2 { bits += 1 }
    for attempt in 0..<Self.attempts {
      shift = 64 - bits
      fill(rules)
      if longestRun <= Self.wantedRun { break }
      seed = Self.mix(seed, UInt64(attempt) + 1)
      if attempt % 2 == 1, attempt < 2 * Self.doublings { bits += 1 }
    }
  }

  /// Fills the slots.
  private mutating func fill(_ rules: [(conditions: [MatchCondition], terms: [RuleTerm])]) {
    let count = 1 << Int(64 - shift)
    slots = [UInt32](repeating: 0, count: count)
    longestRun = 0
    for place in places {
      let hash = rules[Int(place)].terms.reduce(seed) { Self.mix($0, $1.value) }
      var (slot, steps) = (Int(hash >> shift), 1)
      while slots[slot] != 0 {
        slot = (slot + 1) & (count - 1)
        steps += 1
      }
      slots[slot] = place + 1
      longestRun = max(longestRun, steps)
    }
  }
}
