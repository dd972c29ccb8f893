import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

@Suite struct KeyGenTests {
  @Test(
    arguments: [
      // The check value of CRC-64 with this polynomial, no complement at the end.
      (Array("123456789".utf8), 0x66a2_3644_20e6_c605),
      ([192, 168, 1, 1, 10, 0, 0, 1], 0x1eff_2815_1eb8_45c0),
      ([192, 168, 1, 1, 10, 0, 0, 1, 0, 0, 0, 100], 0xc773_8b6f_4e93_a121),
      ([], UInt64.max),
    ] as [([UInt8], UInt64)])
  func `the hash is KeyGen's CRC-64`(bytes: [UInt8], hash: UInt64) throws {
    let keyGen = KeyGen()
    #expect(keyGen.hash(bytes) == hash)
  }

  @Test func `the table is that of the reflected polynomial`() throws {
    let keyGen = KeyGen()
    // One byte b gives table[0xff ^ b] ^ (all ones >> 8).
    #expect(keyGen.hash([0xfe]) ^ UInt64.max >> 8 == 0xb32e_4cbe_03a7_5f6f)
    #expect(keyGen.hash([0xff]) ^ UInt64.max >> 8 == 0)
  }

  private static let ipv4 = Frame.big(0xc0a8_0101 as UInt32) + Frame.big(0x0a00_0001 as UInt32)
  private static let ipv6 =
    Frame.big(1 as UInt64) + Frame.big(2 as UInt64)
    + Frame.big(3 as UInt64) + Frame.big(4 as UInt64)
  private static let ports = Frame.big(4000 as UInt16) + Frame.big(53 as UInt16)
  private static let defaultAddresses = [UInt8](repeating: 0x0a, count: 8)
  private static let defaultPorts = [UInt8](repeating: 0x0b, count: 4)

  private static func packet(_ segment: Frame.Segment) -> [UInt8] {
    Frame.ethernet(.ipv4(to: 0x0a00_0001, from: 0xc0a8_0101, segment))
  }

  /// A frame, and the bytes that KeyGen hashes of it.
  static let keys: [(frame: [UInt8], spread: FlowRule.Spread, key: [UInt8])] = [
    (packet(.udp(to: 53, from: 4000)), .addressPair, ipv4),
    (packet(.udp(to: 53, from: 4000)), .fiveTuple, ipv4 + [17] + ports),
    (packet(.tcp(to: 53, from: 4000)), .fiveTuple, ipv4 + [6] + ports),
    (packet(.icmp()), .fiveTuple, ipv4 + [1] + defaultPorts),
    (
      Frame.ethernet(.ipv6(to: (3, 4), from: (1, 2), .udp(to: 53, from: 4000))), .fiveTuple,
      ipv6 + [17] + ports
    ),
    (
      Frame.ethernet(.ipv6(to: (3, 4), from: (1, 2), .udp(to: 53, from: 4000))), .addressPair, ipv6
    ),
    (Frame.ethernet(.arp(for: 1)), .addressPair, defaultAddresses),
    (Frame.ethernet(.arp(for: 1)), .fiveTuple, defaultAddresses + [0] + defaultPorts),
  ]

  @Test(arguments: 0..<8)
  func `the key of a frame is its fields in order, or their defaults`(place: Int) throws {
    let (frame, spread, key) = Self.keys[place]
    #expect(try Self.hash(of: frame, spread) == KeyGen().hash(key))
    // The same key by its fields.
    #expect(try Self.hash(of: frame, .key(spread.hashKey)) == KeyGen().hash(key))
  }

  /// The hash of a frame, as a rule's classifier makes it.
  private static func hash(of frame: [UInt8], _ spread: FlowRule.Spread) throws -> UInt64 {
    let rule = FlowRule(
      conditions: [], owner: 1, receive: QueueRange(first: 2, count: 2), spread: spread,
      storageProfile: nil)
    let classifier = try Classifier([rule])
    let keyGen = KeyGen()
    let parsed = ParsedFrame(frame)
    return frame.withUnsafeBytes { bytes in
      classifier.hash(classifier.classify(parsed, bytes), parsed, bytes, keyGen)
    }
  }

  @Test func `a security association's key is the vector of addresses and index`() throws {
    let esp = Frame.Segment.raw(50, [0, 0, 0, 100, 0, 0, 0, 1])
    let frame = Frame.ethernet(.ipv4(to: 0x0a00_0001, from: 0xc0a8_0101, esp))
    let key = HashKey([.securityIndex, .ipDestination, .ipSource])
    #expect(try Self.hash(of: frame, .key(key)) == 0xc773_8b6f_4e93_a121)
    let header = Frame.Segment.raw(51, [59, 1, 0, 0, 0, 0, 0, 100, 0, 0, 0, 1])
    let authenticated = Frame.ethernet(.ipv4(to: 0x0a00_0001, from: 0xc0a8_0101, header))
    #expect(try Self.hash(of: authenticated, .key(key)) == 0xc773_8b6f_4e93_a121)
  }

  /// Keys with the bytes that are hashed of a tagged UDP frame over IPv4, of IPv6, and of ARP.
  static let chosen: [(key: HashKey, tagged: [UInt8], six: [UInt8], arp: [UInt8])] = [
    (
      HashKey([.ethernetSource, .ethernetDestination]), [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2],
      [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]
    ),
    (
      HashKey([.etherType, .vlanTag]), [0xa0, 7, 8, 0], [0, 0, 0x86, 0xdd], [0, 0, 8, 6]
    ),
    (HashKey([.ipSource]), [192, 168, 1, 1], Array(ipv6.prefix(16)), [10, 10, 10, 10]),
    (HashKey([.ipDestination]), [10, 0, 0, 1], Array(ipv6.suffix(16)), [10, 10, 10, 10]),
    (HashKey([.ipService, .ipProtocol]), [17, 0], [6, 0], [0, 0]),
    (HashKey([.l4Destination]), [0, 53], [0, 80], [11, 11]),
    (HashKey([.l4Source]), [0x0f, 0xa0], [0x13, 0x88], [11, 11]),
    (HashKey([.securityIndex]), [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]),
    // Bytes stand behind the fields, in their own order.
    (
      HashKey(
        [.l4Destination],
        bytes: [
          FrameBytes(.ip, at: 9, count: 1), FrameBytes(.frame, at: 0, count: 2),
          FrameBytes(.layer4, at: 0, count: 2, mask: 0xff),
        ]), [0, 53, 17, 2, 0, 0, 0xa0], [0, 80, 0, 2, 0, 0, 0x88],
      [11, 11, 0, 2, 0, 0, 0]
    ),
    // Behind the end of the frame there is nothing.
    (HashKey([], bytes: [FrameBytes(.frame, at: 255, count: 8)]), none, none, none),
  ]
  private static let none = [UInt8](repeating: 0, count: 8)

  @Test(arguments: chosen.indices)
  func `a key of one's own choice is its fields in the hardware's order, then its bytes`(
    place: Int
  ) throws {
    let (key, tagged, six, arp) = Self.chosen[place]
    let frames = [
      Frame.ethernet(
        .vlan(7, priority: 5, .ipv4(to: 0x0a00_0001, from: 0xc0a8_0101, .udp(to: 53, from: 4000)))),
      Frame.ethernet(.ipv6(to: (3, 4), from: (1, 2), .tcp(to: 80, from: 5000))),
      Frame.ethernet(.arp(for: 1)),
    ]
    for (frame, bytes) in zip(frames, [tagged, six, arp]) {
      #expect(try Self.hash(of: frame, .key(key)) == KeyGen().hash(bytes))
    }
  }

  @Test(
    arguments: [1, 2, 8, 64, 128] as [UInt32],
    [nil, .fiveTuple, .addressPair] as [FlowRule.Spread?])
  func `the queue is the base with the hash's low bits`(
    count: UInt32, spread: FlowRule.Spread?
  ) throws {
    let keyGen = KeyGen()
    let rule = FlowRule(
      conditions: [], owner: 1, receive: QueueRange(first: 1024, count: count), spread: spread,
      storageProfile: nil)
    let classifier = try Classifier([rule])
    for port in 0..<500 as Range<UInt16> {
      let packet = Self.packet(.udp(to: 53, from: port))
      let frame = ParsedFrame(packet)
      let queue = packet.withUnsafeBytes { bytes in
        let rule = classifier.classify(frame, bytes)
        return rule.queue(classifier.hash(rule, frame, bytes, keyGen))
      }
      let hash = try spread.map { try Self.hash(of: packet, $0) & 0xff_ffff } ?? 0
      #expect(queue == 1024 | UInt32(hash) & (count - 1))
    }
  }
}
