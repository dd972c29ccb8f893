import QorIQ
import TestSupport
import Testing

@testable import Partitioning

/// The sweep against every pair of items looked at by itself.
@Suite struct OverlapSweepTests {
  private static let seed: UInt64 = 1_000_003

  @Test func `sweep and brute force agree on who meets and how often`() {
    var generator = SeededGenerator(seed: Self.seed)
    var cut = 0
    for number in 0..<1500 {
      let claimants = Int.random(in: 1...6, using: &generator)
      // From nearly nothing in common to nearly everything.
      let width = UInt64([3, 40, 400][number % 3])
      let items = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
        let first = UInt64.random(in: 0...400, using: &generator)
        return OverlapSweep.Item(
          Int.random(in: 0..<claimants, using: &generator), first,
          first + UInt64.random(in: 0...width, using: &generator))
      }
      let isAmongOthers = number % 2 == 0
      let sweep = OverlapSweep(items) { !isAmongOthers || $0 != $1 }
      let place = "seed \(Self.seed), case \(number): \(items)"
      var expected: [[Int]: Int] = [:]
      for (index, item) in items.enumerated() {
        for other in items[..<index] where other.first <= item.last && item.first <= other.last {
          if isAmongOthers && other.claimant == item.claimant { continue }
          expected[[other.claimant, item.claimant].sorted(), default: 0] += 1
        }
      }
      var found: [[Int]: Int] = [:]
      var listed: [[Int]: Int] = [:]
      for meeting in sweep.meetings {
        let (earlier, later) = (items[meeting.earlier], items[meeting.later])
        #expect(meeting.earlier < meeting.later, "\(place)")
        #expect(earlier.first <= later.last && later.first <= earlier.last, "\(place)")
        let pair = [earlier.claimant, later.claimant].sorted()
        found[pair, default: 0] += 1 + meeting.further
        listed[pair, default: 0] += 1
      }
      #expect(Set(sweep.meetings.map { [$0.earlier, $0.later] }).count == sweep.meetings.count)
      #expect(found == expected, "\(place)")
      #expect(listed == expected.mapValues { min($0, OverlapSweep.listed) }, "\(place)")
      #expect(sweep.meetings.map(\.later) == sweep.meetings.map(\.later).sorted(), "\(place)")
      if listed != expected { cut += 1 }
    }
    // The counts are worth nothing when all is listed, or nothing.
    #expect((300...1200).contains(cut), "\(cut) of 1500 cases have more than is listed")
  }

  @Test func `claims meet what is taken and not each other`() {
    let claims = [OverlapSweep.Item(0, 10, 19), .init(1, 15, 30), .init(2, 90, 99)]
    let taken = [OverlapSweep.Item(0, 18, 25), .init(1, 24, 24), .init(2, 95, 95)]
    let sweep = OverlapSweep.meetings(of: claims, with: taken) { $0 != $1 }
    #expect(
      sweep.meetings == [.init(earlier: 0, later: 1)],
      "claim 0 and 2 meet their own, and taken 1 is claim 1's own")
    let all = OverlapSweep.meetings(of: claims, with: taken)
    #expect(
      all.meetings == [
        .init(earlier: 0, later: 0), .init(earlier: 0, later: 1), .init(earlier: 1, later: 1),
        .init(earlier: 2, later: 2),
      ])
  }

  @Test func `beyond the bound overlaps are counted`() {
    let items = (0..<100).map { OverlapSweep.Item($0, 7, UInt64(7 + $0)) }
    let sweep = OverlapSweep(items, most: 10)
    #expect(sweep.meetings.count == 10)
    #expect(sweep.meetings.allSatisfy { $0.later <= 4 && $0.further == 0 })
    #expect(sweep.omitted == 100 * 99 / 2 - 10)
  }

  @Test func `of any number of claimants of one address a bounded number of pairs is looked for`() {
    let sweep = OverlapSweep((0..<20_000).map { OverlapSweep.Item($0, 7, 7) }, most: 10)
    #expect(sweep.isBounded)
    #expect(sweep.meetings.count == 10)
    #expect((1 << 20..<1 << 20 + 20_000).contains(sweep.omitted + 10))
    #expect(!OverlapSweep((0..<100).map { OverlapSweep.Item($0, 7, 7) }).isBounded)
  }

  @Test func `a range of addresses that runs over the end stops there`() {
    let sweep = OverlapSweep([
      .init(0, AddressRange(base: .max - 4, size: 100)), .init(1, AddressRange(base: 0, size: 50)),
      .init(2, AddressRange(base: .max, size: 1)),
    ])
    #expect(sweep.meetings == [.init(earlier: 0, later: 2)])
  }
}
