import Foundation
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

/// Rules of every kind: what they say, what the tracer answers, and what the engine does are one.
@Suite(.timeLimit(.minutes(30))) struct RuleJudgeTests {
  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `rules, trace and engine agree on every one of 2,000 random frames`(seed: UInt64) throws {
    try Self.judge(seed: seed, frames: 2000)
  }

  @Test(
    .enabled(if: isHeavy, "heavy: a million frames"), arguments: 101...150 as ClosedRange<UInt64>)
  func `release: rules, trace and engine agree on every one of 20,000 random frames`(
    seed: UInt64
  ) throws {
    try Self.judge(seed: seed, frames: 20_000)
  }

  /// Plays random frames into an interface with random rules.
  private static func judge(seed: UInt64, frames count: Int) throws {
    var random = RandomRules(random: SeededGenerator(seed: seed))
    let sizes = [1, 5, 20, 100, 400]
    let isP4080 = seed % 4 == 3
    // No port waits for a copy's buffer: few frames arrive in each round, and all are taken in it.
    var configuration = Talk.configuration(
      isP4080: isP4080, rings: RingSizes(enqueue: 64, dequeue: 64), buffers: [512, 512, 512])
    let rules = random.rules(
      sizes[Int(seed) % sizes.count], receive: Talk.receive, mayCopy: !isP4080)
    configuration.interfaces[0].rules = rules
    let frames = (0..<count).map { _ in random.frame() }
    let tracer = try FrameTracer(configuration, interface: 0)

    // What the tracer says, against the rules' own words.
    var expected: [FQID: [[UInt8]]] = [:]
    var matched: Set<Int> = []
    var (short, dropped) = (0, 0)
    for (place, frame) in frames.enumerated() {
      guard let trace = frame.withUnsafeBytes({ tracer.trace($0) }) else {
        #expect(frame.count < 14)
        short += 1
        continue
      }
      let oracle = RuleOracle(frame, trace.fields)
      let rule = rules.firstIndex { $0.conditions.allSatisfy(oracle.holds) }
      #expect(trace.rule == rule, "seed \(seed), frame \(place)")
      guard let number = trace.rule else { continue }
      let decided = rules[number]
      matched.insert(number)
      #expect(trace.isDropped == decided.isDropped)
      guard !trace.isDropped else {
        dropped += 1
        continue
      }
      #expect(trace.owner == decided.owner)
      #expect(trace.copies.map(\.owner) == decided.copies.map(\.owner))
      let queues = [trace.queue] + trace.copies.map(\.queue)
      for (queue, share) in zip(queues, decided.shares) {
        #expect(share.receive.contains(queue))
        expected[queue, default: []].append(frame)
      }
    }
    // Rules are for nothing when frames do not meet them.
    #expect(
      matched.count > min(rules.count / 20, 3), "seed \(seed): \(matched.count) rules matched")

    // What the engine does.
    let simulation = try Simulation(configuration, frames: frames, rate: 4000)
    var received: [FQID: [[UInt8]]] = [:]
    var owners: [FQID: Set<Int>] = [:]
    simulation.run(active: []) { _ in
      for (owner, guest) in simulation.guests.enumerated() {
        for frame in guest.take() {
          received[frame.queue, default: []].append(frame.bytes)
          owners[frame.queue, default: []].insert(owner)
        }
      }
    }
    #expect(Set(received.keys) == Set(expected.keys), "seed \(seed)")
    for (queue, frames) in expected {
      let got = received[queue] ?? []
      #expect(got.count == frames.count, "seed \(seed), queue \(queue)")
      #expect(got == frames, "seed \(seed), queue \(queue)")
      #expect(
        owners[queue] == Set([Talk.receive.firstIndex { $0.contains(queue) }].compactMap(\.self)))
    }
    func drops(_ reason: DropReason) -> UInt64 {
      simulation.guests.indices.reduce(0) { $0 + simulation.dropped(reason, $1) }
    }
    #expect(drops(.frameTooShort) == short)
    #expect(drops(.byRule) == dropped)
  }
}

/// Conditions as a plan's reader would judge them, on the fields that the parser found, by their names.
private struct RuleOracle {
  private let frame: [UInt8]
  private let fields: [String: String]
  private let result: ParseResult

  init(_ frame: [UInt8], _ fields: [FrameTrace.Field]) {
    self.frame = frame
    self.fields = Dictionary(fields.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    result = ParsedFrame(frame).result
  }

  func holds(_ condition: MatchCondition) -> Bool {
    switch condition {
    case .ethernetDestination(let address): number("eth.dst") == address
    case .ethernetSource(let address): number("eth.src") == address
    case .etherType(let type): number("eth.type") == UInt64(type)
    case .vlan(let vlan): number("vlan.id") == UInt64(vlan)
    case .ipv4Source(let prefix): isIn(prefix, "ipv4.src")
    case .ipv4Destination(let prefix): isIn(prefix, "ipv4.dst")
    case .ipv6Source(let prefix): isIn(prefix, "ipv6.src")
    case .ipv6Destination(let prefix): isIn(prefix, "ipv6.dst")
    case .ipProtocol(let value): number("ip.proto") == UInt64(value)
    case .l4Source(let port): number("l4.src") == UInt64(port)
    case .l4Destination(let port): number("l4.dst") == UInt64(port)
    case .masked(let masked):
      number(masked.field.rawValue).map { $0 & masked.mask == masked.value } ?? false
    case .bytes(let bytes, let value): self.bytes(bytes).map { $0 & bytes.mask == value } ?? false
    }
  }

  private func number(_ name: String) -> UInt64? {
    guard let text = fields[name] else { return nil }
    if name.hasPrefix("eth."), name != "eth.type" {
      return UInt64(text.filter { $0 != ":" }, radix: 16)
    }
    return text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }

  private func isIn(_ prefix: IPv4Prefix, _ name: String) -> Bool {
    guard let text = fields[name] else { return false }
    var address = in_addr()
    guard inet_pton(AF_INET, text, &address) == 1 else { return false }
    return IPv4Prefix(address: UInt32(bigEndian: address.s_addr), length: prefix.length) == prefix
  }

  private func isIn(_ prefix: IPv6Prefix, _ name: String) -> Bool {
    guard let text = fields[name] else { return false }
    var address = in6_addr()
    guard inet_pton(AF_INET6, text, &address) == 1 else { return false }
    let halves = withUnsafeBytes(of: address) {
      ($0.load(as: UInt64.self), $0.load(fromByteOffset: 8, as: UInt64.self))
    }
    let high = UInt64(bigEndian: halves.0)
    let low = UInt64(bigEndian: halves.1)
    return IPv6Prefix(high: high, low: low, length: prefix.length) == prefix
  }

  private func bytes(_ bytes: FrameBytes) -> UInt64? {
    let start: Int? =
      switch bytes.start {
      case .frame: 0
      case .vlan: fields["vlan.id"].flatMap { _ in result[.firstVLAN] }
      case .ip: fields["ip.proto"].flatMap { _ in result[.firstIP] }
      case .layer4: result[.layer4]
      }
    guard let start else { return nil }
    let taken = frame.dropFirst(start + Int(bytes.offset)).prefix(Int(bytes.count))
    guard taken.count == bytes.count else { return nil }
    return taken.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
