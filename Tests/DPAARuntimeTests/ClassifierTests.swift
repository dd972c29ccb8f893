import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

@Suite struct ClassifierTests {
  /// Who gets a frame: 1 when the conditions hold, 0 otherwise.
  private static func owner(of frame: [UInt8], when conditions: [MatchCondition]) throws -> Int {
    try owner(of: frame, rules: [conditions, []].enumerated().map { (1 - $0.offset, $0.element) })
  }

  private static func owner(
    of frame: [UInt8], rules: [(owner: Int, when: [MatchCondition])]
  ) throws -> Int {
    let classifier = try Classifier(
      rules.map {
        FlowRule(
          conditions: $0.when, owner: $0.owner,
          receive: QueueRange(first: FQID(UInt32($0.owner + 1)), count: 1), spread: nil,
          storageProfile: nil)
      })
    let rule = frame.withUnsafeBytes { classifier.classify(ParsedFrame(frame), $0) }
    #expect(rule.receiver.queueBase == UInt32(rule.owner + 1))
    return rule.owner
  }

  /// A condition with frames that meet it and frames that do not.
  struct Case: Sendable, CustomTestStringConvertible {
    let condition: MatchCondition
    let matching: [[UInt8]]
    let others: [[UInt8]]
    var testDescription: String { "\(condition)" }
  }

  private static let arp = Frame.ethernet(.arp(for: 0xc0a8_0101))
  private static let udp = Frame.ethernet(
    .ipv4(to: 0xc0a8_0101, from: 0x0a00_0001, .udp(to: 53, from: 4000)))
  private static let tagged = Frame.ethernet(
    .vlan(7, .ipv4(to: 0xc0a8_0101, from: 0x0a00_0001, .tcp(to: 53, from: 4000))))
  private static let later = Frame.ethernet(
    .ipv4(to: 0xc0a8_0101, from: 0x0a00_0001, .raw(17, [0, 53, 0, 53]), fragment: 5))
  private static let ping = Frame.ethernet(.ipv4(to: 0xc0a8_0102, from: 0x0a00_0002, .icmp()))
  private static let six = Frame.ethernet(.ipv6(to: (1, 2), from: (3, 4), .udp(to: 99, from: 98)))
  private static let all = [arp, udp, tagged, later, ping, six]

  private static func when(_ condition: MatchCondition, _ matching: [[UInt8]]) -> Case {
    Case(condition: condition, matching: matching, others: all.filter { !matching.contains($0) })
  }

  static let cases: [Case] = [
    when(.ethernetDestination(Frame.destination), all),
    when(.ethernetDestination(Frame.destination ^ 1), []),
    when(.ethernetDestination(Frame.destination ^ 1 << 47), []),
    when(.ethernetSource(Frame.source), all),
    when(.ethernetSource(Frame.source ^ 1), []),
    when(.etherType(0x0806), [arp]),
    when(.etherType(0x0800), [udp, tagged, later, ping]),
    when(.etherType(0x86dd), [six]),
    when(.etherType(0x8100), []),
    when(.vlan(7), [tagged]),
    when(.vlan(0), []),
    when(.vlan(6), []),
    when(.ipv4Source(IPv4Prefix(address: 0x0a00_0001, length: 32)), [udp, tagged, later]),
    when(.ipv4Source(IPv4Prefix(address: 0x0a00_0000, length: 31)), [udp, tagged, later]),
    when(.ipv4Source(IPv4Prefix(address: 0xc0a8_0101, length: 32)), []),
    when(.ipv4Source(IPv4Prefix(address: 0, length: 0)), [udp, tagged, later, ping]),
    when(.ipv4Destination(IPv4Prefix(address: 0xc0a8_0101, length: 32)), [udp, tagged, later]),
    when(
      .ipv4Destination(IPv4Prefix(address: 0xc0a8_0100, length: 30)), [udp, tagged, later, ping]),
    when(.ipv4Destination(IPv4Prefix(address: 0x0a00_0001, length: 32)), []),
    when(.ipv4Destination(IPv4Prefix(address: 0, length: 0)), [udp, tagged, later, ping]),
    when(.ipv6Source(IPv6Prefix(high: 3, low: 4, length: 128)), [six]),
    when(.ipv6Source(IPv6Prefix(high: 1, low: 2, length: 128)), []),
    when(.ipv6Source(IPv6Prefix(high: 0, low: 0, length: 0)), [six]),
    when(.ipv6Destination(IPv6Prefix(high: 1, low: 2, length: 128)), [six]),
    when(.ipv6Destination(IPv6Prefix(high: 1, low: 0, length: 64)), [six]),
    when(.ipv6Destination(IPv6Prefix(high: 0, low: 0, length: 0)), [six]),
    when(.ipProtocol(17), [udp, later, six]),
    when(.ipProtocol(6), [tagged]),
    when(.ipProtocol(1), [ping]),
    when(.ipProtocol(0), []),
    when(.l4Source(4000), [udp, tagged]),
    when(.l4Source(53), []),
    when(.l4Source(0), []),
    when(.l4Destination(53), [udp, tagged]),
    when(.l4Destination(99), [six]),
    when(.l4Destination(0), []),
  ]

  @Test(arguments: cases)
  func `a condition holds for its frames and no others`(condition: Case) throws {
    for frame in condition.matching {
      #expect(try Self.owner(of: frame, when: [condition.condition]) == 1)
    }
    for frame in condition.others {
      #expect(try Self.owner(of: frame, when: [condition.condition]) == 0)
    }
  }

  @Test func `a priority tag's VLAN is 0`() throws {
    let frame = Frame.ethernet(.vlan(0, priority: 5, .arp(for: 1)))
    #expect(try Self.owner(of: frame, when: [.vlan(0)]) == 1)
  }

  @Test(arguments: [1, 2, 8, 16, 24, 30, 31, 32] as [UInt8])
  func `an IPv4 prefix ends at its last bit`(length: UInt8) throws {
    let address: UInt32 = 0xa5c3_96f1
    let prefix = IPv4Prefix(address: address, length: length)
    for bit in 0..<32 as Range<UInt32> {
      let there = Frame.ethernet(.ipv4(to: address ^ 1 << bit, from: 0, .icmp()))
      let back = Frame.ethernet(.ipv4(to: 0, from: address ^ 1 << bit, .icmp()))
      let expected = 32 - Int(length) > bit ? 1 : 0
      #expect(try Self.owner(of: there, when: [.ipv4Destination(prefix)]) == expected)
      #expect(try Self.owner(of: back, when: [.ipv4Source(prefix)]) == expected)
    }
  }

  @Test(arguments: [1, 31, 63, 64, 65, 96, 127, 128] as [UInt8])
  func `an IPv6 prefix ends at its last bit`(length: UInt8) throws {
    let (high, low): (UInt64, UInt64) = (0xa5c3_96f1_0180_7ffe, 0x8001_c3a5_5aa5_0f0f)
    let prefix = IPv6Prefix(high: high, low: low, length: length)
    for bit in 0..<128 {
      let other =
        bit < 64 ? (high, low ^ 1 << UInt64(bit)) : (high ^ 1 << UInt64(bit - 64), low)
      let there = Frame.ethernet(.ipv6(to: other, from: (0, 0), .raw(59, [])))
      let back = Frame.ethernet(.ipv6(to: (0, 0), from: other, .raw(59, [])))
      let expected = 128 - Int(length) > bit ? 1 : 0
      #expect(try Self.owner(of: there, when: [.ipv6Destination(prefix)]) == expected)
      #expect(try Self.owner(of: back, when: [.ipv6Source(prefix)]) == expected)
    }
  }

  @Test func `all conditions of a rule must hold`() throws {
    let conditions: [MatchCondition] = [
      .etherType(0x800), .ipv4Destination(IPv4Prefix(address: 0xc0a8_0000, length: 16)),
      .ipProtocol(17), .l4Destination(53), .l4Source(4000),
    ]
    #expect(try Self.owner(of: Self.udp, when: conditions) == 1)
    for place in conditions.indices {
      var others = conditions
      others[place] = .vlan(99)
      #expect(try Self.owner(of: Self.udp, when: others) == 0)
    }
  }

  @Test func `the first rule that matches decides`() throws {
    let wide = MatchCondition.ipv4Destination(IPv4Prefix(address: 0xc0a8_0000, length: 16))
    let narrow = MatchCondition.ipv4Destination(IPv4Prefix(address: 0xc0a8_0101, length: 32))
    #expect(try Self.owner(of: Self.udp, rules: [(2, [narrow]), (1, [wide]), (0, [])]) == 2)
    #expect(try Self.owner(of: Self.udp, rules: [(1, [wide]), (2, [narrow]), (0, [])]) == 1)
    #expect(try Self.owner(of: Self.ping, rules: [(2, [narrow]), (1, [wide]), (0, [])]) == 1)
    #expect(try Self.owner(of: Self.arp, rules: [(2, [narrow]), (1, [wide]), (0, [])]) == 0)
  }

  @Test(arguments: [(0, 20), (20, 0), (3, 3), (19, 1)])
  func `of two tables that know a frame, the rule that stands first decides`(
    source: Int, destination: Int
  ) throws {
    // Rules for one source and one destination by turns: enough of each for a table of its own.
    let rules = (0..<21).flatMap { place -> [[MatchCondition]] in
      [
        [.ipv4Source(IPv4Prefix(address: 0x0a00_0000 + UInt32(place), length: 32))],
        [.ipv4Destination(IPv4Prefix(address: 0xc0a8_0100 + UInt32(place), length: 32))],
      ]
    }
    let frame = Frame.ethernet(
      .ipv4(
        to: 0xc0a8_0100 + UInt32(destination), from: 0x0a00_0000 + UInt32(source), .udp(to: 53)))
    let owner = try Self.owner(
      of: frame, rules: (rules + [[]]).enumerated().map { ($0.offset, $0.element) })
    #expect(owner == min(2 * source, 2 * destination + 1))
  }

  @Test func `rules without a last one for everything else are refused`() throws {
    let rule = FlowRule(
      conditions: [.vlan(1)], owner: 0, receive: QueueRange(first: 1, count: 1), spread: nil,
      storageProfile: nil)
    #expect(throws: EngineError.self) { _ = try Classifier([rule]) }
    #expect(throws: EngineError.self) { _ = try Classifier([]) }
  }

  @Test(arguments: [(1, 2), (3, 4), (4, 3), (6, 4)] as [(UInt32, UInt32)])
  func `queues that a mask cannot choose from are refused`(first: UInt32, count: UInt32) throws {
    let rule = FlowRule(
      conditions: [], owner: 0, receive: QueueRange(first: FQID(first), count: count),
      spread: .fiveTuple, storageProfile: nil)
    #expect(throws: EngineError.self) { _ = try Classifier([rule]) }
  }

  @Test func `rules that somebody has crowd in a table are found by a bounded look`() throws {
    // Addresses whose hashes agree in their first 11 bits, as many as the largest table of 64 rules has.
    var rules: [(conditions: [MatchCondition], terms: [RuleTerm])] = []
    var address: UInt64 = 0
    while rules.count < 64 {
      address += 1
      var extractions: [FrameBytes] = []
      let conditions: [MatchCondition] = [.ethernetDestination(address)]
      let terms = RuleTerm.terms(conditions, extractions: &extractions)
      let hash = terms.reduce(HashPlan.firstSeed) { HashPlan.mix($0, $1.value) }
      if hash >> 53 == 0 { rules.append((conditions, terms)) }
    }
    let plan = HashPlan(shape: [], places: rules.indices.map { UInt32($0) }, rules: rules)
    #expect(plan.longestRun <= 16)
    #expect(plan.slots.count <= 2048)
    for (place, rule) in rules.enumerated() where place % 9 == 0 {
      guard case .ethernetDestination(let address) = rule.conditions[0] else { continue }
      var frame = Self.udp
      for byte in 0..<6 { frame[byte] = UInt8(address >> UInt64(40 - 8 * byte) & 0xff) }
      let owners = (0..<64).map { (owner: $0, when: rules[$0].conditions) }
      #expect(try Self.owner(of: frame, rules: owners + [(owner: 99, when: [])]) == place)
    }
  }
}
