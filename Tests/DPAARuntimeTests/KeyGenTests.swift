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
    let keyGen = try KeyGen()
    #expect(keyGen.hash(bytes) == hash)
  }

  @Test func `the table is that of the reflected polynomial`() throws {
    let keyGen = try KeyGen()
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
    let keyGen = try KeyGen()
    #expect(keyGen.hash(ParsedFrame(frame), spread: spread) == keyGen.hash(key))
  }

  @Test(
    arguments: [1, 2, 8, 64, 128] as [UInt32],
    [nil, .fiveTuple, .addressPair] as [FlowRule.Spread?])
  func `the queue is the base with the hash's low bits`(
    count: UInt32, spread: FlowRule.Spread?
  ) throws {
    let keyGen = try KeyGen()
    let rule = FlowRule(
      conditions: [], owner: 1, receive: QueueRange(first: 1024, count: count), spread: spread,
      storageProfile: nil)
    let classifier = try Classifier([rule])
    for port in 0..<500 as Range<UInt16> {
      let frame = ParsedFrame(Self.packet(.udp(to: 53, from: port)))
      let rule = classifier.classify(frame)
      let queue = rule.queue(classifier.hash(rule, frame, keyGen))
      let hash = spread.map { keyGen.hash(frame, spread: $0) & 0xff_ffff } ?? 0
      #expect(queue == 1024 | UInt32(hash) & (count - 1))
    }
  }
}

extension ParsedFrame {
  /// Parses bytes.
  init(_ bytes: [UInt8]) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes.count + 1, alignment: 8)
    defer { memory.deallocate() }
    UnsafeMutableRawBufferPointer(start: memory, count: bytes.count).copyBytes(from: bytes)
    self.init(UnsafeRawPointer(memory), count: bytes.count)
  }
}
