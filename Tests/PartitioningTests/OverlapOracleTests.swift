import Diagnostics
import Partitioning
import QorIQ
import TestSupport
import Testing

/// The check of queue ownership against an oracle that looks at every queue by itself.
@Suite struct OverlapOracleTests {
  static let seed: UInt64 = 20121108
  static let planCount = 2000

  @Test func `check and brute force agree on 2,000 random plans`() {
    var generator = SeededGenerator(seed: Self.seed)
    let board = Board.test()
    var clashing = 0
    for number in 0..<Self.planCount {
      let plan = Self.randomPlan(using: &generator)
      var bag = DiagnosticBag()
      let partition = Planner(plan: plan, board: board).partition(into: &bag)
      let found = Set(
        bag.diagnostics.filter { $0.code == "queue-overlap" }.compactMap(\.label))
      let expected = Self.commonRanges(plan)
      if !expected.isEmpty { clashing += 1 }
      #expect(found == expected, "seed \(Self.seed), plan \(number): \(plan)")
      #expect(
        (partition == nil) == !expected.isEmpty,
        "seed \(Self.seed), plan \(number): \(bag.diagnostics.map(\.message))")
    }
    // The search is worth nothing when all plans are of one kind.
    #expect((400...1600).contains(clashing), "\(clashing) of \(Self.planCount) plans clash")
  }

  /// Up to five partitions with up to three ranges each, crowded enough that about half clash.
  private static func randomPlan(using generator: inout SeededGenerator) -> Plan {
    let names = ["host", "a", "b", "c", "d"].prefix(Int.random(in: 2...5, using: &generator))
    return Plan(
      name: "random",
      partitions: names.map { name in
        let ranges = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
          QueueRange(
            first: FQID(UInt32.random(in: 1...900, using: &generator)),
            count: UInt32.random(in: 1...40, using: &generator))
        }
        return PartitionWish(
          name: name, cpus: .count(1), memory: 64 << 20, portals: .count(1),
          queues: .exactly(ranges))
      })
  }

  /// What each two ranges of a plan share, as the check labels it, found queue by queue.
  private static func commonRanges(_ plan: Plan) -> Set<String> {
    let ranges = plan.partitions.flatMap { $0.queues?.ranges ?? [] }
    var labels: Set<String> = []
    for (index, range) in ranges.enumerated() {
      for other in ranges[..<index] {
        let common = Set(range.rawValues).intersection(other.rawValues).sorted()
        guard let first = common.first, let last = common.last else { continue }
        labels.insert(
          common.count == 1
            ? "1 queue in common: \(first)"
            : "\(common.count) queues in common: \(first)-\(last)")
      }
    }
    return labels
  }
}
