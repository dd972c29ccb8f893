import QorIQ

/// Finds runs of frame queues that nobody has claimed.
///
/// The runs stand in blocks of some hundred, each with the length of its longest: whoever looks for
/// room passes over most of a million runs without looking at one.
struct QueueGaps {
  /// Some of the free runs, ascending.
  private struct Block {
    var runs: [Range<UInt32>]
    var longest: Int

    init(_ runs: some Sequence<Range<UInt32>>) {
      self.runs = Array(runs)
      longest = self.runs.reduce(0) { max($0, $1.count) }
    }
  }

  /// How many runs a block has to begin with.
  private static let blockSize = 512

  private var blocks: [Block] = []

  private init(runs: [Range<UInt32>]) {
    for start in stride(from: 0, to: runs.count, by: Self.blockSize) {
      blocks.append(Block(runs[start..<min(start + Self.blockSize, runs.count)]))
    }
  }

  /// What is left of the usable queues behind all claims.
  ///
  /// - Complexity: O(*n* log *n*) in the claims.
  init(usable: QueueRange, claims: [QueueRange]) {
    var free: [Range<UInt32>] = []
    var start = usable.rawValues.lowerBound
    for claim in claims.map(\.rawValues).sorted(by: { $0.lowerBound < $1.lowerBound }) {
      let end = min(claim.lowerBound, usable.rawValues.upperBound)
      if start < end { free.append(start..<end) }
      start = max(start, claim.upperBound)
    }
    if start < usable.rawValues.upperBound { free.append(start..<usable.rawValues.upperBound) }
    self.init(runs: free)
  }

  /// The queues of some ranges.
  ///
  /// - Complexity: O(*n* log *n*) in the ranges.
  init(owned ranges: [QueueRange]) {
    var free: [Range<UInt32>] = []
    for range in ranges.map(\.rawValues).sorted(by: { $0.lowerBound < $1.lowerBound }) {
      free.append(range)
    }
    self.init(runs: free)
  }

  /// How many queues are free.
  var total: Int { blocks.reduce(0) { $0 + $1.runs.reduce(0) { $0 + $1.count } } }
  /// The longest free run.
  var longest: Int { blocks.map(\.longest).max() ?? 0 }
  /// The free runs, ascending.
  var runs: [QueueRange] {
    blocks.flatMap(\.runs).map { QueueRange(first: FQID($0.lowerBound), count: UInt32($0.count)) }
  }

  /// Takes the first free run of some length that starts at or behind a queue; failing that, the
  /// first one anywhere.
  mutating func take(_ count: UInt32, from start: FQID = 0) -> QueueRange? {
    for least in start == 0 ? [0] : [start.rawValue, 0] {
      if let range = take(count, where: { max($0.lowerBound, least) }) { return range }
    }
    return nil
  }

  /// Takes the first block of a power of two on an aligned base.
  mutating func takeBlock(_ count: UInt32) -> QueueRange? {
    take(count) { ($0.lowerBound + count - 1) & ~(count - 1) }
  }

  /// Takes queues from the first run that has as many behind the place where they may begin in it.
  private mutating func take(
    _ count: UInt32, where start: (Range<UInt32>) -> UInt32
  ) -> QueueRange? {
    guard count > 0 else { return nil }
    for block in blocks.indices where blocks[block].longest >= count {
      for (index, run) in blocks[block].runs.enumerated() {
        let first = start(run)
        guard first < run.upperBound, run.upperBound - first >= count else { continue }
        let range = QueueRange(first: FQID(first), count: count)
        remove(range, from: block, at: index)
        return range
      }
    }
    return nil
  }

  /// Takes exactly these queues if all are free.
  mutating func take(_ range: QueueRange) -> Bool {
    // The only run that can hold it is the last that starts at or before it.
    let first = range.first.rawValue
    let block = blocks.prefixCount { ($0.runs.first?.lowerBound ?? 0) <= first } - 1
    guard block >= 0 else { return false }
    let index = blocks[block].runs.prefixCount { $0.lowerBound <= first } - 1
    guard index >= 0, blocks[block].runs[index].upperBound > range.last.rawValue else {
      return false
    }
    remove(range, from: block, at: index)
    return true
  }

  private mutating func remove(_ range: QueueRange, from block: Int, at index: Int) {
    let run = blocks[block].runs[index]
    let rest = [
      run.lowerBound..<range.rawValues.lowerBound, range.rawValues.upperBound..<run.upperBound,
    ]
    blocks[block].runs.replaceSubrange(index...index, with: rest.filter { !$0.isEmpty })
    if blocks[block].runs.isEmpty {
      blocks.remove(at: block)
    } else if blocks[block].longest == run.count {
      blocks[block] = Block(blocks[block].runs)
    }
    // Cutting runs in two makes a block longer.
    if blocks.indices.contains(block), blocks[block].runs.count > 2 * Self.blockSize {
      let runs = blocks[block].runs
      blocks.replaceSubrange(
        block...block,
        with: [Block(runs[..<Self.blockSize]), Block(runs[Self.blockSize...])])
    }
  }
}
