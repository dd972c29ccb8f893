import QorIQ
import TestSupport
import Testing

@testable import Partitioning

/// Free queues against an array with a mark for each queue.
@Suite struct QueueGapsTests {
  private static let seed: UInt64 = 16_777_213

  @Test func `what is taken is the first that fits, among thousands of gaps`() {
    var generator = SeededGenerator(seed: Self.seed)
    for number in 0..<6 {
      // Every other plan has more gaps than a block holds.
      let last = number % 2 == 0 ? 400 : 20_000
      let claims = (0..<last / 8).map { _ in
        QueueRange(
          first: FQID(UInt32.random(in: 1...UInt32(last), using: &generator)),
          count: UInt32.random(in: 1...4, using: &generator))
      }
      let usable = QueueRange(first: 1, count: UInt32(last))
      var gaps = QueueGaps(usable: usable, claims: claims)
      var free = [Bool](repeating: false, count: last + 100)
      for queue in 1...last { free[queue] = true }
      for claim in claims { for queue in claim.rawValues { free[Int(queue)] = false } }
      for step in 0..<400 {
        let place = "seed \(Self.seed), plan \(number), step \(step)"
        let count = UInt32.random(in: 1...9, using: &generator)
        let start = UInt32.random(in: 0...UInt32(last), using: &generator)
        let (taken, expected): (QueueRange?, Int?)
        switch step % 4 {
        case 0:
          taken = gaps.take(count)
          expected = Self.first(count, from: 0, step: 1, in: free)
        case 1:
          taken = gaps.take(count, from: FQID(start))
          expected =
            Self.first(count, from: Int(start), step: 1, in: free)
            ?? Self.first(count, from: 0, step: 1, in: free)
        case 2:
          let block = UInt32(1) << UInt32.random(in: 0...3, using: &generator)
          taken = gaps.takeBlock(block)
          expected = Self.first(block, from: 0, step: Int(block), in: free)
        default:
          let range = QueueRange(first: FQID(start), count: count)
          taken = gaps.take(range) ? range : nil
          let isFree = range.rawValues.allSatisfy { free[Int($0)] }
          expected = isFree ? Int(start) : nil
        }
        #expect(taken?.first.rawValue == expected.map { UInt32($0) }, "\(place)")
        for queue in taken?.rawValues ?? 0..<0 { free[Int(queue)] = false }
      }
      #expect(gaps.total == free.count { $0 })
      #expect(
        gaps.runs.flatMap { Array($0.rawValues) }
          == free.indices.filter { free[$0] }.map { UInt32($0) })
      #expect(gaps.longest == gaps.runs.map { Int($0.count) }.max() ?? 0)
    }
  }

  @Test func `no queues are nowhere to be found`() {
    var gaps = QueueGaps(usable: QueueRange(first: 1, count: 100), claims: [])
    #expect(gaps.take(0) == nil)
    #expect(gaps.total == 100)
  }

  /// Where so many queues in a row are free from a place on, at a multiple of `step`.
  private static func first(
    _ count: UInt32, from start: Int, step: Int, in free: [Bool]
  ) -> Int? {
    var run = 0
    // Walks up; the run that ends here began `run` queues ago.
    for queue in start..<free.count {
      run = free[queue] ? run + 1 : 0
      let begin = queue - run + 1
      let aligned = (begin + step - 1) / step * step
      if run > 0, queue - aligned + 1 >= Int(count) { return aligned }
    }
    return nil
  }
}
