import QorIQ

/// How a partition's own queues are given to its paths.
///
/// A spread needs a power-of-two number of queues on an aligned base, because KeyGen forms a queue's
/// number as `base | (hash & (count − 1))` (Linux 6.1, `fman_keygen.c`; NXP fmlib). Such a block is
/// found inside what is owned; everything else takes the lowest queues that remain.
struct QueueLayout: Hashable {
  /// The most queues that one spread takes: Linux 6.1 uses as many for each port (`dpaa_eth.c`).
  static let spreadLimit: UInt32 = 128

  /// The receive queues of each path.
  var receive: [QueueRange]
  /// The transmit queue of each path.
  var transmit: [FQID]
  /// The queues to offline ports.
  var hops: [FQID]

  /// How many queues the paths need at the least, a spread being content with one.
  static func minimum(paths: [TrafficMap.Path], hops: Int) -> Int { 2 * paths.count + hops }

  /// Lays out queues, or returns `nil` when there are too few.
  ///
  /// - Complexity: O(*r* + *n*) in the ranges and the queues handed out, for each of the eight
  ///   block sizes.
  init?(paths: [TrafficMap.Path], hops hopCount: Int, in ranges: [QueueRange]) {
    let ranges = ranges.sorted { $0.first < $1.first }
    let total = ranges.reduce(0) { $0 + Int($1.count) }
    let spreads = paths.count { $0.spreads }
    let singles = 2 * paths.count - spreads + hopCount
    var blocks: [QueueRange]?
    var size = Self.spreadLimit
    while blocks == nil, size >= 1 {
      if spreads * Int(size) + singles <= total {
        blocks = Self.alignedBlocks(of: size, number: spreads, in: ranges)
      }
      size /= 2
    }
    guard let blocks else { return nil }

    var free = FreeQueues(ranges: ranges, taken: blocks)
    transmit = paths.compactMap { _ in free.next() }
    var block = blocks.makeIterator()
    receive = paths.compactMap { path in
      path.spreads ? block.next() : free.next().map { QueueRange(first: $0, count: 1) }
    }
    hops = (0..<hopCount).compactMap { _ in free.next() }
    precondition(
      transmit.count == paths.count && receive.count == paths.count && hops.count == hopCount,
      "the queues were counted before they were handed out")
  }

  /// The lowest blocks of a power-of-two size on aligned bases, or `nil` when there are too few.
  private static func alignedBlocks(
    of size: UInt32, number: Int, in ranges: [QueueRange]
  ) -> [QueueRange]? {
    var blocks: [QueueRange] = []
    for range in ranges where blocks.count < number {
      let end = range.rawValues.upperBound
      var base = (range.first.rawValue + size - 1) & ~(size - 1)
      while blocks.count < number, base + size <= end {
        blocks.append(QueueRange(first: FQID(base), count: size))
        base += size
      }
    }
    return blocks.count == number ? blocks : nil
  }
}

/// Hands out the lowest queues of some ranges that are not in some blocks.
private struct FreeQueues {
  private var ranges: [Range<UInt32>]
  private let taken: [Range<UInt32>]

  init(ranges: [QueueRange], taken: [QueueRange]) {
    self.ranges = ranges.map(\.rawValues).reversed()
    self.taken = taken.map(\.rawValues)
  }

  mutating func next() -> FQID? {
    while var range = ranges.popLast() {
      if let block = taken.first(where: { $0.contains(range.lowerBound) }) {
        range = min(block.upperBound, range.upperBound)..<range.upperBound
        if !range.isEmpty { ranges.append(range) }
        continue
      }
      let queue = range.lowerBound
      if queue + 1 < range.upperBound { ranges.append(queue + 1..<range.upperBound) }
      return FQID(queue)
    }
    return nil
  }
}
