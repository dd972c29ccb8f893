import Codegen
import Partitioning
import QorIQ
import TestSupport
import Testing

/// Plans for which FMC has no words, or too few of something.
@Suite struct FMCRefusalTests {
  @Test(
    arguments: [
      [.bytes(FrameBytes(.ip, at: 1, count: 1), 0)],
      [.bytes(FrameBytes(.layer4, at: 0, count: 4), 0)],
    ] as [[MatchCondition]])
  func `bytes that FMC has no words for are refused`(conditions: [MatchCondition]) {
    let rules = [FMCBackendTests.rule(conditions, to: 1), FMCBackendTests.rule([], to: 0)]
    #expect(throws: GenerationError.self) {
      try FMCBackend().artifacts(for: Sample.t4240(rules: rules), options: .sample)
    }
  }

  @Test func `a plan that needs more schemes than FMan has is refused`() {
    let rules = (0..<40).map { number in
      FlowRule(
        conditions: [.ipv4Destination(IPv4Prefix(address: UInt32(number), length: 32))], owner: 1,
        receive: QueueRange(first: FQID(UInt32(1000 + number)), count: 1), spread: nil,
        storageProfile: 1)
    }
    let rest = FlowRule(
      conditions: [], owner: 0, receive: QueueRange(first: 1, count: 1), spread: nil,
      storageProfile: 0)
    #expect(throws: GenerationError.self) {
      try FMCBackend().artifacts(for: Sample.t4240(rules: rules + [rest]), options: .sample)
    }
  }

  @Test func `a plan that needs more nodes than FMC has is refused`() throws {
    // Rules that compare different fields in turn take a node each.
    let rules = (0..<300).map { number in
      FlowRule(
        conditions: number % 2 == 0
          ? [.ipv4Destination(IPv4Prefix(address: UInt32(number), length: 32))]
          : [.ipv4Source(IPv4Prefix(address: UInt32(number), length: 32))],
        owner: number % 2, receive: QueueRange(first: FQID(UInt32(1 + number % 2)), count: 1),
        spread: nil, storageProfile: 1)
    }
    let rest = FlowRule(
      conditions: [], owner: 0, receive: QueueRange(first: 1, count: 1), spread: nil,
      storageProfile: 0)
    let error = try #require(throws: GenerationError.self) {
      try FMCBackend().artifacts(for: Sample.t4240(rules: rules + [rest]), options: .sample)
    }
    #expect(error.description.contains("300 classification nodes, but FMC has 256"))
  }

  @Test(arguments: [(65, "65 policers, but FMC has 64"), (64, "KeyGen schemes, but FMan has 32")])
  func `a plan that names more policers than FMC has is refused`(
    count: Int, message: String
  ) throws {
    let rules = (0..<count).map { number in
      FlowRule(
        conditions: [.ipv4Destination(IPv4Prefix(address: UInt32(number), length: 32))], owner: 1,
        receive: QueueRange(first: 150, count: 1), spread: nil, storageProfile: 1)
    }
    let rest = FlowRule(
      conditions: [], owner: 0, receive: QueueRange(first: 1, count: 1), spread: nil,
      storageProfile: 0)
    let policers = (0..<count).map {
      PolicerProfile(
        fman: 0, profile: $0,
        settings: PolicerWish(
          name: "p\($0)", algorithm: .rfc2698, committedRate: 1_000_000, committedBurst: 10_000,
          excessRate: 2_000_000, excessBurst: 20_000),
        users: [.init(interface: "fm1-10g0", rule: $0)])
    }
    let error = try #require(throws: GenerationError.self) {
      try FMCBackend().artifacts(
        for: Sample.t4240(rules: rules + [rest], policers: policers), options: .sample)
    }
    #expect(error.description.contains(message), "\(error)")
  }
}
