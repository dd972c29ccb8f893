import Diagnostics
import Partitioning
import QorIQ
import Testing

@Suite struct PartitionCheckTests {
  @Test func `prerequisites stand before what needs them`() {
    var seen: Set<DiagnosticCode> = []
    for check in PartitionCheck.catalogue {
      #expect(seen.isSuperset(of: check.prerequisites), "\(check.code)")
      #expect(seen.insert(check.code).inserted, "\(check.code) stands there twice")
    }
  }

  @Test func `a plan made by hand, without places, is checked alike`() {
    var bag = DiagnosticBag()
    let plan = Plan(
      name: "p",
      partitions: [
        PartitionWish(
          name: "host", cpus: .count(9), memory: nil, portals: .count(1), queues: .count(1))
      ])
    #expect(Planner(plan: plan, board: .test()).partition(into: &bag) == nil)
    #expect(bag.diagnostics.map(\.code) == ["cpus-exhausted"])
  }

  @Test func `a wish with gaps is no partition even when no check objects`() {
    var bag = DiagnosticBag()
    let plan = Plan(
      name: "p",
      partitions: [
        PartitionWish(
          name: "host", cpus: .count(1), memory: nil, portals: .count(1), queues: .count(1))
      ])
    #expect(Planner(plan: plan, board: .test()).partition(into: &bag) == nil)
    #expect(bag.diagnostics.map(\.code) == ["missing-key"])
  }

  @Test func `where everything clashes the pairs are listed as far as anybody reads, and counted`()
  {
    // Each of 60 partitions claims 40 ranges, all of which have queue 2,000.
    let partitions = (0..<60).map { index -> PartitionWish in
      let ranges = (0..<40).map { item -> QueueRange in
        let first = UInt32((1 + 40 * index + item) % 1900 + 1)
        return QueueRange(first: FQID(first), count: 2000)
      }
      return PartitionWish(
        name: index == 0 ? "host" : "g\(index)", cpus: .count(1), memory: 64 << 20,
        portals: .count(1), queues: .exactly(ranges))
    }
    let plan = Plan(name: "p", partitions: partitions)
    var bag = DiagnosticBag()
    #expect(Planner(plan: plan, board: .test()).partition(into: &bag) == nil)
    let found = bag.diagnostics.filter { $0.code == "queue-overlap" }
    #expect(found.count == 1001)
    #expect(found.allSatisfy { $0.severity == .error })
    // 60 · 61 / 2 pairs with 8 overlaps each, of which 1,000 are listed.
    #expect(
      found.last?.message == "13640 more findings of the kind queue-overlap are not listed")
    #expect(found.dropLast().allSatisfy { $0.label?.contains("queues in common") == true })
    // Of 40 · 39 / 2 overlaps within the host 8 are listed.
    #expect(found.flatMap(\.notes).contains { $0.message == "772 more between these two" })
  }

  @Test(
    arguments: [
      (
        [.ipv4Destination(prefix(0x0a00_0000, 8))], [.ipv4Destination(prefix(0x0a01_0000, 16))],
        true
      ),
      (
        [.ipv4Destination(prefix(0x0a01_0000, 16))], [.ipv4Destination(prefix(0x0a00_0000, 8))],
        false
      ),
      ([.vlan(1)], [.vlan(1)], true),
      ([.vlan(1)], [.vlan(2)], false),
      ([.vlan(1)], [.ipProtocol(6), .vlan(1)], true),
      ([.vlan(1), .ipProtocol(6)], [.vlan(1)], false),
      (
        [.ipv4Source(prefix(0, 0)), .l4Destination(80)],
        [.l4Destination(80), .ipv4Source(prefix(0x0102_0304, 32))], true
      ),
      ([.ipv4Source(prefix(0, 0))], [.ipv4Destination(prefix(0, 0))], false),
    ] as [([MatchCondition], [MatchCondition], Bool)])
  func `a rule behind a wider one is reported`(
    earlier: [MatchCondition], later: [MatchCondition], isUnreachable: Bool
  ) {
    var bag = DiagnosticBag()
    let plan = Plan(
      name: "p",
      partitions: [
        PartitionWish(
          name: "host", cpus: .count(1), memory: 64 << 20, portals: .count(1), queues: .count(9),
          pools: [PoolWish(bpid: nil, bufferCount: 1, bufferSize: 2048)])
      ],
      interfaces: [
        InterfaceWish(
          name: "fm1-gb0",
          rules: [
            RuleWish(conditions: [.etherType(0x88f7)], to: "host"),
            RuleWish(conditions: earlier, to: "host"), RuleWish(conditions: later, to: "host"),
          ], otherwise: "host")
      ])
    #expect(Planner(plan: plan, board: .test()).partition(into: &bag) != nil)
    let unreachable = bag.diagnostics.filter {
      $0.code == "rule-unreachable" || $0.code == "rule-duplicate"
    }
    #expect(unreachable.count == (isUnreachable ? 1 : 0))
  }

  @Test func `on FMan v2 an interface of one owner takes no detour`() throws {
    var bag = DiagnosticBag()
    let plan = Plan(
      name: "p",
      partitions: [
        PartitionWish(
          name: "host", cpus: .count(1), memory: 64 << 20, portals: .count(1), queues: .count(9),
          pools: [PoolWish(bpid: nil, bufferCount: 1, bufferSize: 2048)])
      ],
      interfaces: [InterfaceWish(name: "fm1-gb0", rules: [], otherwise: "host")])
    let partition = try #require(
      Planner(plan: plan, board: .test(storageProfiles: 0)).partition(into: &bag))
    #expect(partition.interfaces.first?.delivery == .storageProfiles)
    #expect(partition.interfaces.first?.rules.first?.storageProfile == nil)
  }
}

private func prefix(_ address: UInt32, _ length: UInt8) -> IPv4Prefix {
  IPv4Prefix(address: address, length: length)
}
