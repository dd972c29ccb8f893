import Partitioning
import QorIQ
import TestSupport

/// Random rules and frames whose values come from few, so that rules match and overlap.
struct RandomRules {
  var random: SeededGenerator

  private static let macs: [UInt64] = [
    0x0200_0000_0001, 0x0200_0000_0002, 0x0200_0000_0101, 0x0300_0000_0001, 0xffff_ffff_ffff,
  ]
  private static let types: [UInt16] = [0x0800, 0x0806, 0x86dd, 0x88cc, 0x8100, 0x0600]
  private static let ports: [UInt16] = [0, 7, 53, 80, 443, 8080, 8081, 0xffff]
  private static let numbers: [UInt8] = [1, 6, 17, 50, 51, 58, 132, 0]

  // MARK: Values

  private mutating func one<Value>(_ values: [Value]) -> Value {
    values[random.below(values.count)]
  }
  private mutating func chance(_ of: Int) -> Bool { random.below(of) == 0 }

  private mutating func address() -> UInt32 {
    // Mostly two networks, of which few hosts are there.
    let base: UInt32 = one([0xc0a8_0000, 0xc0a8_0100, 0x0a00_0000, 0])
    return base ^ UInt32(truncatingIfNeeded: random.next()) >> UInt32(20 + random.below(13))
  }

  private mutating func wideAddress() -> (UInt64, UInt64) {
    let bits = UInt64(random.below(64))
    let high = one([0xfd00_0001_0000_0000, 0xfd00_0002_0000_0000] as [UInt64])
    return (
      chance(3) ? high ^ random.next() >> max(bits, 16) : high,
      chance(3) ? random.next() >> bits : UInt64(random.below(4))
    )
  }

  // MARK: Conditions

  /// What one rule of a kind asks for; rules of the same kind often ask for the same bits.
  private mutating func conditions(kind: Int) -> [MatchCondition] {
    switch kind {
    case 0: [.ipv4Destination(prefix())]
    case 1: [.ipv4Source(prefix())]
    case 2: [.ipv6Destination(widePrefix())]
    case 3: [.ipv6Source(widePrefix())]
    case 4: [.ipProtocol(one(Self.numbers)), .l4Destination(port())]
    case 5: [.ipv4Destination(IPv4Prefix(address: address(), length: 32)), .l4Source(port())]
    case 6: [.ethernetDestination(one(Self.macs))]
    case 7: [.vlan(UInt16(random.below(40))), .ethernetSource(one(Self.macs))]
    case 8: [masked()]
    case 9: [bytes()]
    case 10: [.bytes(FrameBytes(.ip, at: 12, count: 4), UInt64(address()))]
    case 11: [.etherType(one(Self.types))]
    case 12: [masked(), bytes(), .ipv4Source(prefix())]
    // Of one field twice: both must hold.
    case 13: [.ipv4Destination(prefix()), .ipv4Destination(prefix())]
    default: [.vlan(UInt16(random.below(3))), .vlan(UInt16(random.below(3)))]
    }
  }
  private static let kinds = 15

  private mutating func prefix() -> IPv4Prefix {
    IPv4Prefix(
      address: address(), length: UInt8(chance(4) ? random.below(33) : 20 + random.below(13)))
  }

  private mutating func widePrefix() -> IPv6Prefix {
    let (high, low) = wideAddress()
    return IPv6Prefix(high: high, low: low, length: UInt8(random.below(129)))
  }

  private mutating func port() -> UInt16 { chance(3) ? UInt16(random.below(64)) : one(Self.ports) }

  private mutating func masked() -> MatchCondition {
    let field = one(MaskedField.Field.allCases)
    let all = UInt64.max >> UInt64(64 - field.bits)
    let mask = (1 + UInt64(random.below(7))) << UInt64(random.below(field.bits - 2)) & all
    return .masked(MaskedField(field, value: chance(2) ? mask : random.next(), mask: mask))
  }

  private mutating func bytes() -> MatchCondition {
    let count = UInt8(1 + random.below(8))
    let mask: UInt64 = chance(2) ? 1 << UInt64(random.below(8)) : .max
    let bytes = FrameBytes(
      one(FrameBytes.Start.allCases), at: UInt8(random.below(chance(8) ? 256 : 20)), count: count,
      mask: mask)
    return .bytes(bytes, chance(2) ? 0 : random.next() & bytes.mask)
  }

  private mutating func spread() -> FlowRule.Spread? {
    switch random.below(6) {
    case 0: .fiveTuple
    case 1: .addressPair
    case 2: .key(HashKey(HashKey.Field.allCases.filter { _ in chance(3) }))
    case 3:
      .key(
        HashKey(
          [one(HashKey.Field.allCases)],
          bytes: (0..<random.below(4)).map { _ in
            FrameBytes(
              one(FrameBytes.Start.allCases), at: UInt8(random.below(60)),
              count: UInt8(1 + random.below(8)), mask: random.next())
          }))
    default: nil
    }
  }

  /// Rules, the last of which takes everything, for owners who receive in some queues each.
  ///
  /// - Parameters:
  ///   - count: How many beside the last.
  ///   - receive: The owners' queues.
  ///   - mayCopy: Whether frames may have several receivers.
  /// - Returns: The rules.
  mutating func rules(_ count: Int, receive: [QueueRange], mayCopy: Bool) -> [FlowRule] {
    let kinds = (0..<1 + random.below(4)).map { _ in random.below(Self.kinds) }
    var rules: [FlowRule] = []
    for place in 0...count {
      let owner = random.below(receive.count)
      let spread = spread()
      let kind = chance(8) ? random.below(Self.kinds) : one(kinds)
      let others = mayCopy && chance(4) ? (0..<receive.count).filter { $0 != owner } : []
      rules.append(
        FlowRule(
          conditions: place == count ? [] : conditions(kind: kind), owner: owner,
          receive: queues(of: receive[owner], isSpread: spread != nil), spread: spread,
          storageProfile: owner, isDropped: chance(8),
          copies: others.prefix(1 + random.below(2)).map { other in
            FlowRule.Copy(
              owner: other, receive: queues(of: receive[other], isSpread: spread != nil),
              storageProfile: other)
          }))
    }
    return rules
  }

  /// A part of an owner's queues that begins at a multiple of its size.
  private mutating func queues(of range: QueueRange, isSpread: Bool) -> QueueRange {
    var size: UInt32 = isSpread ? 1 << UInt32(random.below(7)) : 1
    while size > range.count { size /= 2 }
    let first = range.first.rawValue + size * UInt32(random.below(Int(range.count / size)))
    return QueueRange(first: FQID(first), count: size)
  }

  // MARK: Frames

  /// A frame of any protocol, one in four of which is damaged.
  mutating func frame() -> [UInt8] {
    var payload = packet()
    for _ in 0..<(chance(3) ? 1 + random.below(2) : 0) {
      payload = .vlan(
        UInt16(random.below(40)), type: one([0x8100, 0x88a8]), priority: UInt16(random.below(8)),
        payload)
    }
    var frame = Frame.ethernet(
      to: one(Self.macs), from: one(Self.macs), payload, padded: !chance(4))
    guard chance(4) else { return frame }
    for _ in 0..<1 + random.below(3) { frame[random.below(min(frame.count, 70))] = random.byte() }
    if chance(3) { frame = Array(frame.prefix(1 + random.below(frame.count))) }
    return frame
  }

  private mutating func packet() -> Frame.Payload {
    switch random.below(8) {
    case 0: return .arp(for: address())
    case 1: return .raw(one(Self.types), (0..<random.below(60)).map { _ in random.byte() })
    case 2...5:
      let options = [UInt8](repeating: 1, count: chance(5) ? 4 * random.below(5) : 0)
      return .ipv4(
        to: address(), from: address(), segment(), options: options,
        fragment: chance(12) ? UInt16(random.below(9)) : 0, isFragment: chance(12))
    default:
      let options: [(number: UInt8, rest: [UInt8])] =
        chance(4) ? [(0, [0, 1, 4, 0, 0, 0, 0])] : []
      return .ipv6(to: wideAddress(), from: wideAddress(), segment(), extensions: options)
    }
  }

  private mutating func segment() -> Frame.Segment {
    let data = (0..<random.below(30)).map { _ in random.byte() }
    switch random.below(6) {
    case 0: return .icmp(data)
    case 1: return .tcp(to: port(), from: port(), data)
    case 2: return .raw(50, [0, 0, 0, random.byte(), 0, 0, 0, 1] + data)
    case 3: return .raw(one(Self.numbers), data)
    default: return .udp(to: port(), from: port(), data)
    }
  }
}
