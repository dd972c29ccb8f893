import Diagnostics
import Foundation
import Partitioning
import QorIQ
import TestSupport
import Testing

/// Random plans, each broken in one random way: the checks name exactly the owners that the oracle
/// sees meet, and what is planned all the same keeps everybody apart.
///
/// `DPAAC_SEED` sets the seed, which every failure prints.
@Suite struct BrokenPlanTests {
  @Test func `checks and brute force agree on who meets whom in 2,000 broken plans`() {
    BrokenPlanSearch(seed: BrokenPlanSearch.seed).run(count: 2000)
  }

  /// At full speed, each of two processors with plans of its own.
  @Test(
    .timeLimit(.minutes(30)),
    .enabled(if: isHeavy, "heavy: set DPAAC_HEAVY_TESTS=1"),
    arguments: [0, 1] as [UInt64])
  func `release: checks and brute force agree on who meets whom in 100,000 broken plans`(
    half: UInt64
  ) {
    BrokenPlanSearch(seed: BrokenPlanSearch.seed + half).run(count: 50_000)
  }
}

/// A search for a plan of which checks and oracle say different things.
private struct BrokenPlanSearch {
  static let seed =
    ProcessInfo.processInfo.environment["DPAAC_SEED"].flatMap { UInt64($0) } ?? 55_463

  let seed: UInt64

  func run(count: Int) {
    print("DPAAC_SEED=\(seed)")
    var breaker = PlanBreaker(generator: SeededGenerator(seed: seed))
    let board = PlanBreaker.board()
    var kinds: Set<Substring> = []
    var (sound, meeting, planned, wrong) = (0, 0, 0, 0)
    for number in 0..<count where wrong < 5 {
      let place = "DPAAC_SEED=\(seed), plan \(number)"
      var plan = breaker.soundPlan()
      var bag = DiagnosticBag()
      if number % 10 == 0 {
        if Planner(plan: plan, board: board).partition(into: &bag) != nil { sound += 1 }
        #expect(
          Self.told(bag).isEmpty && MeetingOracle(plan).meetings.isEmpty,
          "\(place): \(Self.told(bag)) \(MeetingOracle(plan).meetings)")
      }
      let change = PlanBreaker.Break.allCases[
        breaker.generator.below(PlanBreaker.Break.allCases.count)]
      breaker.apply(change, to: &plan)
      bag = DiagnosticBag()
      let partition = Planner(plan: plan, board: board).partition(into: &bag)
      let expected = MeetingOracle(plan).meetings
      let told = Self.told(bag)
      if told != expected || (partition != nil && !expected.isEmpty) { wrong += 1 }
      #expect(
        told == expected,
        "\(place), \(change): \(told.symmetricDifference(expected)) \(bag.diagnostics.map(\.message))"
      )
      #expect(partition == nil || expected.isEmpty, "\(place), \(change)")
      if let partition {
        planned += 1
        let meetings = MeetingOracle(partition).meetings
        #expect(meetings.isEmpty, "\(place), \(change): \(meetings)")
      }
      if !expected.isEmpty {
        meeting += 1
        kinds.formUnion(expected.map { $0.prefix { $0 != ":" } })
      }
    }
    // The search is worth nothing when plans are all of one sort, or some kind never meets.
    print("\(count) plans: \(meeting) meet, \(planned) planned, \(sound) sound")
    #expect(sound > count / 20, "\(sound) of \(count / 10) unbroken plans hold")
    #expect(meeting > count / 5 && planned > count / 5, "\(meeting) meet, \(planned) planned")
    #expect(kinds.count == 11, "\(kinds)")
  }

  /// The kind of meeting that a code tells.
  private static let codes: [DiagnosticCode: MeetingOracle.Kind] = [
    "cpu-overlap": .cpu, "cpu-reserved": .cpu, "portal-overlap": .portal,
    "portal-reserved": .portal, "queue-overlap": .queue, "queue-reserved": .queue,
    "pool-overlap": .pool, "pool-reserved": .pool, "pool-channel-overlap": .channel,
    "pool-channel-reserved": .channel, "congestion-group-overlap": .group,
    "congestion-group-reserved": .group, "liodn-overlap": .liodn, "liodn-reserved": .liodn,
    "memory-overlap": .memory, "memory-reserved": .memory, "shared-memory-overlap": .memory,
    "shared-memory-reserved": .memory, "pool-address-overlap": .buffers, "role-foreign": .role,
    "dma-window-foreign": .window, "dma-window-reserved": .window, "dma-window-shared": .window,
  ]
  private static let names: Set<Substring> = [
    "host", "alfa", "bravo", "carol", "delta", "loader", "monitor", "mailbox", "bystander",
  ]

  /// Whom findings say to meet, by the names in their messages.
  private static func told(_ bag: DiagnosticBag) -> Set<String> {
    Set(
      bag.diagnostics.compactMap { finding in
        guard let kind = codes[finding.code] else { return nil }
        let words = finding.message.split { !$0.isLetter }
        let named = Set(words.filter(names.contains)).map(String.init)
        guard let one = named.first, let other = named.last, named.count < 3 else {
          return "\(kind): \(finding.message)"
        }
        return MeetingOracle.meeting(kind, one, other)
      })
  }
}
