import Glibc
import TestSupport
import Testing

@testable import DPAARuntime

@Suite struct FrameParserTests {
  /// Fields of a parsed frame, by name.
  struct Fields: Sendable, Hashable {
    var destination = Frame.destination
    var source = Frame.source
    var type: UInt16 = 0
    var vlan: UInt16?
    var ipv4: UInt64?
    var ipv6: [UInt64]?
    var ipProtocol: UInt16?
    var ports: UInt32?

    init(
      _ type: UInt16, vlan: UInt16? = nil, ipv4: UInt64? = nil, ipv6: [UInt64]? = nil,
      ipProtocol: UInt16? = nil, ports: UInt32? = nil
    ) {
      self.type = type
      self.vlan = vlan
      self.ipv4 = ipv4
      self.ipv6 = ipv6
      self.ipProtocol = ipProtocol
      self.ports = ports
    }

    init(_ frame: ParsedFrame) {
      let words = frame.words
      let flags = words[7]
      func has(_ flag: UInt64) -> Bool { flags & flag != 0 }
      destination = words[0] >> 16
      source = words[1] >> 16
      type = UInt16(truncatingIfNeeded: words[0])
      vlan = has(ParsedFrame.Presence.vlan) ? UInt16(truncatingIfNeeded: words[1]) : nil
      ipv4 = has(ParsedFrame.Presence.ipv4) ? words[2] : nil
      ipv6 = has(ParsedFrame.Presence.ipv6) ? (3...6).map { words[$0] } : nil
      ipProtocol = has(ParsedFrame.Presence.ip) ? UInt16(truncatingIfNeeded: flags >> 32) : nil
      ports = has(ParsedFrame.Presence.layer4) ? UInt32(truncatingIfNeeded: flags) : nil
    }
  }

  /// A frame and what is in it.
  struct Case: Sendable, CustomTestStringConvertible {
    let what: String
    let frame: [UInt8]
    let fields: Fields
    var testDescription: String { what }

    init(_ what: String, _ payload: Frame.Payload, _ fields: Fields) {
      self.what = what
      frame = Frame.ethernet(payload)
      self.fields = fields
    }
  }

  private static let four: UInt64 = 0x0a00_0001_c0a8_0101
  private static let six: [UInt64] = [0xfd00_0009 << 32, 9, 0xfd00_0001 << 32, 0x11]
  private static let udp = Frame.Segment.udp(to: 53, from: 4000, [1, 2, 3])
  private static let ports: UInt32 = 4000 << 16 | 53
  private static func ipv4(
    _ segment: Frame.Segment, options: [UInt8] = [], fragment: UInt16 = 0, isFragment: Bool = false
  ) -> Frame.Payload {
    .ipv4(
      to: 0xc0a8_0101, segment, options: options, fragment: fragment, isFragment: isFragment)
  }
  private static func ipv6(
    _ segment: Frame.Segment, _ extensions: [(number: UInt8, rest: [UInt8])] = []
  ) -> Frame.Payload {
    .ipv6(to: (six[2], six[3]), segment, extensions: extensions)
  }
  private static func tagged(_ identifiers: ClosedRange<UInt16>) -> Frame.Payload {
    identifiers.reversed().reduce(ipv4(udp)) { .vlan($1, $0) }
  }
  private static func options(_ number: UInt8, units: Int = 0) -> (number: UInt8, rest: [UInt8]) {
    (number, [UInt8(units)] + [UInt8](repeating: 0, count: 6 + 8 * units))
  }
  private static func fragment(_ offset: UInt16) -> (number: UInt8, rest: [UInt8]) {
    (44, [0] + Frame.big(offset << 3 | 1) + [0, 0, 0, 9])
  }

  static let cases = [
    Case("ARP", .arp(for: 0xc0a8_0101), Fields(0x0806)),
    Case("UDP", ipv4(udp), Fields(0x800, ipv4: four, ipProtocol: 17, ports: ports)),
    Case(
      "TCP", ipv4(.tcp(to: 53, from: 4000)), Fields(0x800, ipv4: four, ipProtocol: 6, ports: ports)),
    Case(
      "SCTP", ipv4(.raw(132, [0x0f, 0xa0, 0, 53, 0, 0, 0, 7, 0, 0, 0, 0])),
      Fields(0x800, ipv4: four, ipProtocol: 132, ports: ports)),
    Case("ICMP", ipv4(.icmp([1])), Fields(0x800, ipv4: four, ipProtocol: 1)),
    Case(
      "IPv4 options", ipv4(udp, options: [7, 4, 4, 0, 1, 1, 1, 0]),
      Fields(0x800, ipv4: four, ipProtocol: 17, ports: ports)),
    Case(
      "40 bytes of options", ipv4(udp, options: [UInt8](repeating: 1, count: 40)),
      Fields(0x800, ipv4: four, ipProtocol: 17, ports: ports)),
    Case(
      "first fragment", ipv4(udp, isFragment: true),
      Fields(0x800, ipv4: four, ipProtocol: 17, ports: ports)),
    Case(
      "later fragment", ipv4(udp, fragment: 1, isFragment: true),
      Fields(0x800, ipv4: four, ipProtocol: 17)),
    Case(
      "last fragment", ipv4(udp, fragment: 0x1fff), Fields(0x800, ipv4: four, ipProtocol: 17)),
    Case(
      "VLAN", .vlan(4095, priority: 7, ipv4(udp)),
      Fields(0x800, vlan: 4095, ipv4: four, ipProtocol: 17, ports: ports)),
    Case("priority tag", .vlan(0, .arp(for: 1)), Fields(0x806, vlan: 0)),
    Case(
      "QinQ", .vlan(2, type: 0x88a8, .vlan(3, ipv4(udp))),
      Fields(0x800, vlan: 2, ipv4: four, ipProtocol: 17, ports: ports)),
    Case(
      "four tags", .vlan(1, type: 0x9100, .vlan(2, .vlan(3, .vlan(4, ipv4(udp))))),
      Fields(0x800, vlan: 1, ipv4: four, ipProtocol: 17, ports: ports)),
    Case(
      "eight tags", tagged(1...8),
      Fields(0x800, vlan: 1, ipv4: four, ipProtocol: 17, ports: ports)),
    Case(
      "nine tags", tagged(1...9),
      Fields(0, vlan: 1)),
    Case("IPv6", ipv6(udp), Fields(0x86dd, ipv6: six, ipProtocol: 17, ports: ports)),
    Case("ICMPv6", ipv6(.raw(58, [128, 0])), Fields(0x86dd, ipv6: six, ipProtocol: 58)),
    Case(
      "hop-by-hop, routing, destination options",
      ipv6(udp, [options(0), options(43, units: 2), options(60, units: 1)]),
      Fields(0x86dd, ipv6: six, ipProtocol: 17, ports: ports)),
    Case(
      "first IPv6 fragment", ipv6(udp, [fragment(0)]),
      Fields(0x86dd, ipv6: six, ipProtocol: 17, ports: ports)),
    Case(
      "later IPv6 fragment", ipv6(udp, [options(0), fragment(1)]),
      Fields(0x86dd, ipv6: six, ipProtocol: 17)),
    Case(
      "eight extension headers", ipv6(udp, (0..<8).map { _ in options(60) }),
      Fields(0x86dd, ipv6: six, ipProtocol: 17, ports: ports)),
    Case(
      "nine extension headers", ipv6(udp, (0..<9).map { _ in options(60) }),
      Fields(0x86dd, ipv6: six, ipProtocol: 60)),
    Case(
      "an extension header longer than the frame",
      ipv6(.raw(60, [17, 255] + [UInt8](repeating: 0, count: 30))),
      Fields(0x86dd, ipv6: six, ipProtocol: 60)),
    Case("no next header", ipv6(.raw(59, [])), Fields(0x86dd, ipv6: six, ipProtocol: 59)),
    Case(
      "IPv4 of version 6", .raw(0x800, [0x65] + [UInt8](repeating: 1, count: 50)), Fields(0x800)),
    Case(
      "IPv4 of 16 bytes", .raw(0x800, [0x44] + [UInt8](repeating: 1, count: 50)), Fields(0x800)),
    Case(
      "IPv6 of version 4", .raw(0x86dd, [0x45] + [UInt8](repeating: 1, count: 50)), Fields(0x86dd)),
    Case("MPLS", .raw(0x8847, [0, 1, 2, 3]), Fields(0x8847)),
  ]

  @Test(arguments: cases)
  func `the fields of a frame are found`(frame: Case) {
    #expect(Fields(ParsedFrame(frame.frame)) == frame.fields)
  }

  @Test(arguments: cases)
  func `a cut frame has some of its fields, and nothing is read behind its end`(frame: Case) throws
  {
    let page = try GuardedPage()
    for count in 0...frame.frame.count {
      let parsed = ParsedFrame(page.place(frame.frame.prefix(count)), count: count)
      let fields = Fields(parsed)
      if count < 14 {
        #expect((0..<8).allSatisfy { parsed.words[$0] == 0 })
        continue
      }
      #expect(fields.destination == Frame.destination)
      #expect(fields.source == Frame.source)
      #expect([0, frame.fields.type].contains(fields.type))
      #expect([nil, frame.fields.vlan].contains(fields.vlan))
      #expect([nil, frame.fields.ipv4].contains(fields.ipv4))
      #expect([nil, frame.fields.ipv6].contains(fields.ipv6))
      #expect([nil, frame.fields.ports].contains(fields.ports), "\(count) bytes")
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `nothing is read behind the end of rubbish`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let page = try GuardedPage()
    for _ in 0..<20_000 {
      var frame = Self.cases[random.below(Self.cases.count)].frame
      for _ in 0...random.below(4) { frame[12 + random.below(frame.count - 12)] = random.byte() }
      let count = random.below(frame.count + 1)
      let guarded = ParsedFrame(page.place(frame.prefix(count)), count: count)
      let free = ParsedFrame(Array(frame.prefix(count)))
      #expect((0..<8).allSatisfy { guarded.words[$0] == free.words[$0] }, "\(random)")
    }
  }

  /// A page in front of one that faults when it is read.
  final class GuardedPage {
    private let memory: UnsafeMutableRawPointer
    private static let size = 4096

    init() throws {
      let flags = MAP_PRIVATE | MAP_ANONYMOUS
      memory = try #require(mmap(nil, 2 * Self.size, PROT_READ | PROT_WRITE, flags, -1, 0))
      try #require(mprotect(memory + Self.size, Self.size, PROT_NONE) == 0)
    }

    deinit { munmap(memory, 2 * Self.size) }

    /// Puts bytes right in front of the page that faults.
    func place(_ bytes: ArraySlice<UInt8>) -> UnsafeRawPointer {
      let start = memory + Self.size - bytes.count
      bytes.withUnsafeBytes {
        if let base = $0.baseAddress { start.copyMemory(from: base, byteCount: $0.count) }
      }
      return UnsafeRawPointer(start)
    }
  }

  /// An IPv4 packet in a frame, its checksum made right.
  private static func packet(_ header: [UInt8], _ payload: [UInt8]) -> [UInt8] {
    var header = header
    header.replaceSubrange(2..<4, with: Frame.big(UInt16(header.count + payload.count)))
    header.replaceSubrange(10..<12, with: [0, 0])
    header.replaceSubrange(10..<12, with: Frame.big(Frame.checksum(header)))
    return Frame.ethernet(.raw(0x0800, header + payload))
  }

  private static func hasError(_ frame: [UInt8]) -> Bool {
    frame.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return true }
      return ParsedFrame(start, count: bytes.count).result.hasError
    }
  }

  @Test(arguments: [4, 41, 47] as [UInt8])
  func `the first part of a packet in a packet is no fault`(number: UInt8) {
    let addresses: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 1]
    // Of 1,500 bytes, of which 40 are here.
    let old: [UInt8] = [0x45, 0, 5, 0xdc, 0, 1, 0, 0, 64, 17, 0, 0] + addresses
    let new = [0x60, 0, 0, 0, 5, 0xb4, 17, 64] + [UInt8](repeating: 0x20, count: 32)
    let inner: [UInt8]
    switch number {
    case 4: inner = old + [UInt8](repeating: 7, count: 20)
    case 41: inner = new
    default: inner = [0, 0, 8, 0] + old + [UInt8](repeating: 7, count: 16)
    }
    func outer(_ fragment: UInt16) -> [UInt8] {
      Self.packet(
        [0x45, 0, 0, 0, 0x12, 0x34] + Frame.big(fragment) + [64, number, 0, 0] + addresses, inner)
    }
    #expect(!Self.hasError(outer(0x2000)))
    // In a whole one it is.
    #expect(Self.hasError(outer(0)))
    let extended = Frame.ethernet(
      .raw(
        0x86dd,
        [0x60, 0, 0, 0] + Frame.big(UInt16(8 + inner.count)) + [44, 64]
          + [UInt8](repeating: 0x20, count: 32) + [number, 0, 0, 1, 0, 0, 0, 9] + inner))
    #expect(!Self.hasError(extended))
  }

  @Test func `a home address is in the checksum and not the source's`() {
    let plain = Frame.ethernet(Self.ipv6(Self.udp))
    let (home, other) = (Array(plain[22..<38]), [UInt8](repeating: 0xfe, count: 16))
    func frame(_ options: [UInt8]) -> [UInt8] {
      var frame = Frame.ethernet(
        Self.ipv6(Self.udp, [(60, [UInt8(options.count / 8)] + options)]))
      // The sum is of home; where the sender is now stands in the header.
      frame.replaceSubrange(22..<38, with: other)
      return frame
    }
    let padding: [UInt8] = [1, 2, 0, 0]
    for options in [
      padding + [0xc9, 16] + home, [0, 0, 0, 0, 0xc9, 16] + home, [0xc9, 16] + home + padding,
    ] { #expect(!Self.hasError(frame(options)), "\(options)") }
    // Somebody else's, another option, one of another length, and what receivers take for bad options.
    for options in [
      padding + [0xc9, 16] + other, padding + [0xca, 16] + home, padding + [0xc9, 8] + home,
      [1, 3, 0, 0, 0, 0xc9, 16] + home.dropLast(), [1, 99, 0, 0, 0xc9, 16] + home,
      [0xc9, 16] + home + [1, 99, 0, 0], [UInt8](repeating: 0, count: 12) + [0xc9, 16] + home,
      [0xc9, 16] + home + [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 2, 0, 0],
    ] { #expect(Self.hasError(frame(options)), "\(options)") }
  }

  @Test func `behind a source route that is not at its end no checksum is judged`() {
    let data = [UInt8](repeating: 9, count: 20)
    func frame(_ options: [UInt8]) -> [UInt8] {
      let header: [UInt8] =
        [
          UInt8(0x45 + options.count / 4), 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0,
          2,
        ]
      // A checksum over other addresses than the header's.
      return Self.packet(
        header + options, [0, 7, 0, 7] + Frame.big(UInt16(8 + data.count)) + [0x12, 0x34] + data)
    }
    #expect(!Self.hasError(frame([0x83, 7, 4, 10, 0, 0, 9, 0])))
    #expect(!Self.hasError(frame([1, 0x89, 7, 4, 10, 0, 0, 9])))
    // At its end; none at all; one that is behind the end of options; one that is cut.
    #expect(Self.hasError(frame([0x83, 7, 8, 10, 0, 0, 9, 0])))
    #expect(Self.hasError(frame([1, 1, 1, 1])))
    #expect(Self.hasError(frame([0, 0x83, 7, 4, 10, 0, 0, 9])))
    #expect(Self.hasError(frame([0x83, 9, 4, 10])))
  }
}
