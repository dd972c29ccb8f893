import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal

/// The router's decisions, on bytes alone.
@Suite struct ForwarderTests {
  private static let settings = ForwardSettings(
    own: [
      .init(path: 0, prefix: NetworkPrefix(ipv4: 0x0a01_0001, length: 24)),
      .init(path: 0, prefix: v6(1, 1, 64)),
      .init(path: 1, prefix: NetworkPrefix(ipv4: 0x0a02_0001, length: 24)),
      .init(path: 1, prefix: v6(2, 1, 64)),
    ],
    routes: [
      .init(to: NetworkPrefix(ipv4: 0, length: 0), via: NetworkAddress(ipv4: 0x0a02_00fe)),
      .init(
        to: NetworkPrefix(ipv4: 0xc0a8_0000, length: 16), via: NetworkAddress(ipv4: 0x0a01_00fd)),
      .init(to: v6(3, 0, 64), via: v6(2, 0xfe).address),
    ])

  private static func v6(_ net: UInt64, _ host: UInt64, _ length: UInt8 = 128) -> NetworkPrefix {
    NetworkPrefix(
      address: NetworkAddress(high: 0xfd00_0000_0000_0000 | net << 32, low: host), length: length)
  }

  /// The router's MAC addresses, and its neighbours'.
  private static let mac: [UInt64] = [0x0200_0a01_0001, 0x0200_0a02_0001]
  private static let station: UInt64 = 0x0200_0000_00aa
  private static let gateway: UInt64 = 0x0200_0000_00fe

  /// A router, and frames that it handles in buffers of 2,048 bytes.
  private struct Bench: ~Copyable {
    var router: Forwarder
    var now: UInt64 = 1_000_000_000_000

    init(_ settings: ForwardSettings = settings) throws {
      router = try Forwarder(settings, pathCount: 2)
    }

    /// What becomes of a frame, and what it is afterwards.
    mutating func handle(
      _ frame: [UInt8], path: Int = 0, room: Int = 1984
    ) -> (verdict: Forwarder.Verdict, frame: [UInt8]) {
      // Exactly as much as there is room for, so that AddressSanitizer sees who reaches behind it.
      let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(room, frame.count), alignment: 1)
      defer { memory.deallocate() }
      memory.copyBytes(from: frame)
      let verdict = router.handle(
        UnsafeMutableRawBufferPointer(rebasing: memory[..<frame.count]), room: memory.count,
        path: path, now: now)
      if case .send(_, let length, _) = verdict { return (verdict, Array(memory[..<length])) }
      return (verdict, Array(memory[..<frame.count]))
    }

    /// Tells it a neighbour's MAC address by ARP, as an answer to a question.
    mutating func introduce(_ address: UInt32, _ mac: UInt64, on path: Int) {
      _ = handle(
        ForwarderTests.arp(2, from: address, mac, to: ForwarderTests.mac[path]), path: path)
    }
  }

  private static func arp(
    _ operation: UInt16, from sender: UInt32, _ mac: UInt64, to destination: UInt64,
    for target: UInt32 = 0x0a01_0001
  ) -> [UInt8] {
    Frame.ethernet(
      to: destination, from: mac,
      .raw(
        0x0806,
        [0, 1, 8, 0, 6, 4] + Frame.big(operation) + Frame.big(mac, 6) + Frame.big(sender)
          + Frame.big(destination, 6) + Frame.big(target)))
  }

  private static func packet(
    to destination: UInt32, from source: UInt32 = 0x0a01_0007, ttl: UInt8 = 64,
    _ segment: Frame.Segment = .udp(to: 7, [1, 2, 3])
  ) -> [UInt8] {
    var frame = Frame.ethernet(
      to: mac[0], from: station, .ipv4(to: destination, from: source, segment))
    frame[22] = ttl
    frame.replaceSubrange(24..<26, with: [0, 0])
    frame.replaceSubrange(24..<26, with: Frame.big(Frame.checksum(Array(frame[14..<34]))))
    return frame
  }

  private static func packet6(
    to destination: NetworkAddress, hops: UInt8 = 64, _ segment: Frame.Segment = .udp(to: 7, [1])
  ) -> [UInt8] {
    var frame = Frame.ethernet(
      to: mac[0], from: station,
      .ipv6(
        to: (destination.high, destination.low), from: (0xfd00_0001 << 32, 7), segment))
    frame[21] = hops
    return frame
  }

  private static func solicitation(
    for target: NetworkAddress, from source: NetworkAddress, option: [UInt8], hops: UInt8 = 255
  ) -> [UInt8] {
    let body: [UInt8] = [0, 0, 0, 0] + Frame.big(target.high) + Frame.big(target.low) + option
    let group: (UInt64, UInt64) = (0xff02 << 48, 0x1_ff00_0000 | target.low & 0xff_ffff)
    let addresses =
      Frame.big(source.high) + Frame.big(source.low) + Frame.big(group.0) + Frame.big(group.1)
    let sum = Frame.checksum(
      addresses + [0, 58] + Frame.big(UInt16(4 + body.count)) + [135, 0, 0, 0] + body)
    var frame = Frame.ethernet(
      to: 0x3333_ff00_0000 | group.1 & 0xff_ffff, from: station,
      .ipv6(
        to: group, from: (source.high, source.low),
        .raw(58, [135, 0] + Frame.big(sum) + body)))
    frame[21] = hops
    return frame
  }

  @Test func `a packet goes to its network's neighbour with one hop less and a right checksum`()
    throws
  {
    var bench = try Bench()
    bench.introduce(0x0a02_0009, Self.gateway, on: 1)
    // From its neighbour's word alone it learns nobody whom it did not ask.
    #expect(
      bench.handle(Self.packet(to: 0x0a02_0009)).verdict
        == .hold(
          NetworkAddress(ipv4: 0x0a02_0009), path: 1))
    bench.introduce(0x0a02_0009, Self.gateway, on: 1)
    for ttl in [2, 64, 255] as [UInt8] {
      let packet = Self.packet(to: 0x0a02_0009, ttl: ttl)
      let (verdict, frame) = bench.handle(packet)
      #expect(verdict == .send(path: 1, length: packet.count, .forwarded))
      #expect(frame[0..<12] == (Frame.big(Self.gateway, 6) + Frame.big(Self.mac[1], 6))[...])
      #expect(frame[22] == ttl - 1)
      #expect(Frame.checksum(Array(frame[14..<34])) == 0)
      #expect(frame[26...] == packet[26...])
    }
  }

  @Test func `the checksum is right for every hop limit and every identification`() throws {
    var bench = try Bench()
    _ = bench.handle(Self.packet(to: 0x0a02_0009))
    bench.introduce(0x0a02_0009, Self.gateway, on: 1)
    for identification in stride(from: 0, through: 0xffff, by: 251) {
      var packet = Self.packet(to: 0x0a02_0009)
      packet.replaceSubrange(18..<20, with: Frame.big(UInt16(identification)))
      packet[22] = UInt8(2 + identification % 250)
      packet.replaceSubrange(24..<26, with: [0, 0])
      packet.replaceSubrange(24..<26, with: Frame.big(Frame.checksum(Array(packet[14..<34]))))
      let frame = bench.handle(packet).frame
      try #require(Frame.checksum(Array(frame[14..<34])) == 0, "\(identification)")
    }
  }

  @Test func `the longest prefix decides, and leads to its next router`() throws {
    var bench = try Bench()
    let held = { (address: UInt32, path: Int) in
      Forwarder.Verdict.hold(NetworkAddress(ipv4: address), path: path)
    }
    #expect(bench.handle(Self.packet(to: 0x0808_0808)).verdict == held(0x0a02_00fe, 1))
    #expect(bench.handle(Self.packet(to: 0xc0a8_0505)).verdict == held(0x0a01_00fd, 0))
    #expect(bench.handle(Self.packet(to: 0x0a01_0063)).verdict == held(0x0a01_0063, 0))
    #expect(
      bench.handle(Self.packet6(to: Self.v6(3, 5).address)).verdict
        == .hold(Self.v6(2, 0xfe).address, path: 1))
    #expect(
      bench.handle(Self.packet6(to: Self.v6(2, 9).address)).verdict
        == .hold(Self.v6(2, 9).address, path: 1))
    var asked: [String] = []
    while let (neighbour, path) = bench.router.takeQuestion() {
      asked.append("\(neighbour.high >> 32 & 0xff) \(neighbour.low & 0xffff_ffff) \(path)")
    }
    #expect(asked.count == 5)
    #expect(Set(asked).count == 5)
  }

  @Test func `a neighbour is asked for once a second, three times, then given up for a while`()
    throws
  {
    var bench = try Bench()
    var questions = 0
    var silent = 0
    for _ in 0..<80 {
      if bench.handle(Self.packet(to: 0x0a02_0009)).verdict == .drop(.unresolved) { silent += 1 }
      while bench.router.takeQuestion() != nil { questions += 1 }
      bench.now += 100_000_000
    }
    // At 0, 1 and 2 s; silence from 3 to 7 s; again at 7 s.
    #expect(questions == 4)
    #expect(silent == 40)
  }

  @Test func `a neighbour that has not been heard of for long is asked for again`() throws {
    var bench = try Bench()
    _ = bench.handle(Self.packet(to: 0x0a02_0009))
    bench.introduce(0x0a02_0009, Self.gateway, on: 1)
    while bench.router.takeQuestion() != nil {}
    _ = bench.handle(Self.packet(to: 0x0a02_0009))
    #expect(bench.router.takeQuestion() == nil)
    bench.now += 31_000_000_000
    #expect(
      bench.handle(Self.packet(to: 0x0a02_0009)).verdict == .send(path: 1, length: 60, .forwarded))
    #expect(bench.router.takeQuestion() != nil)
    bench.now += 121_000_000_000
    #expect(
      bench.handle(Self.packet(to: 0x0a02_0009)).verdict
        == .hold(NetworkAddress(ipv4: 0x0a02_0009), path: 1))
  }

  @Test func `ARP is answered for its own addresses only, and its asker is known from then on`()
    throws
  {
    var bench = try Bench()
    let (verdict, frame) = bench.handle(
      Self.arp(1, from: 0x0a01_0007, Self.station, to: 0xffff_ffff_ffff))
    #expect(verdict == .send(path: 0, length: 60, .answered))
    let body: [UInt8] =
      [0, 1, 8, 0, 6, 4, 0, 2] + Frame.big(Self.mac[0], 6) + Frame.big(0x0a01_0001 as UInt32)
      + Frame.big(Self.station, 6) + Frame.big(0x0a01_0007 as UInt32)
    let answer = Frame.ethernet(to: Self.station, from: Self.mac[0], .raw(0x0806, body))
    #expect(frame == answer)
    let back = bench.handle(Self.packet(to: 0x0a01_0007, from: 0x0a02_0009), path: 0)
    #expect(back.verdict == .send(path: 0, length: 60, .forwarded))
    for target in [0x0a01_0002, 0x0a02_0001] as [UInt32] {
      let other = bench.handle(
        Self.arp(1, from: 0x0a01_0008, Self.station, to: 0xffff_ffff_ffff, for: target))
      #expect(other.verdict == .drop(.ignored))
    }
  }

  @Test func `neighbour discovery is answered, also for who has no address yet`() throws {
    var bench = try Bench()
    let target = Self.v6(1, 1).address
    let option: [UInt8] = [1, 1] + Frame.big(Self.station, 6)
    let asker = Self.v6(1, 7).address
    let (verdict, frame) = bench.handle(
      Self.solicitation(for: target, from: asker, option: option))
    #expect(verdict == .send(path: 0, length: 86, .answered))
    #expect(frame[0..<6] == Frame.big(Self.station, 6)[...])
    #expect(frame[54] == 136)
    #expect(frame[58] == 0xe0)
    #expect(frame[78...] == ([2, 1] + Frame.big(Self.mac[0], 6))[...])
    #expect(Frame.checksum(Array(frame[22..<54]) + [0, 58, 0, 32] + Array(frame[54...])) == 0)
    #expect(
      bench.handle(Self.packet6(to: asker)).verdict == .send(path: 0, length: 63, .forwarded))
    let probe = bench.handle(
      Self.solicitation(for: target, from: NetworkAddress(high: 0, low: 0), option: []))
    #expect(probe.verdict == .send(path: 0, length: 86, .answered))
    #expect(probe.frame[0..<6] == Frame.big(0x3333_0000_0001 as UInt64, 6)[...])
    #expect(probe.frame[58] == 0xa0)
    // Not from this link, not with this sum, not for another's address.
    let routed = Self.solicitation(for: target, from: asker, option: option, hops: 254)
    #expect(bench.handle(routed).verdict == .drop(.malformed))
    var wrong = Self.solicitation(for: target, from: asker, option: option)
    wrong[57] ^= 1
    #expect(bench.handle(wrong).verdict == .drop(.malformed))
    let others = Self.solicitation(for: Self.v6(1, 2).address, from: asker, option: option)
    #expect(bench.handle(others).verdict == .drop(.ignored))
  }

  @Test func `what it asks is what neighbours answer`() throws {
    let bench = try Bench()
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Forwarder.questionLength, alignment: 1)
    defer { memory.deallocate() }
    let neighbour = NetworkAddress(ipv4: 0x0a02_0009)
    #expect(bench.router.fillQuestion(memory, for: neighbour, on: 1) == 60)
    let body: [UInt8] =
      [0, 1, 8, 0, 6, 4, 0, 1] + Frame.big(Self.mac[1], 6) + Frame.big(0x0a02_0001 as UInt32)
      + Frame.big(0 as UInt64, 6) + Frame.big(0x0a02_0009 as UInt32)
    #expect(
      Array(memory[..<60])
        == Frame.ethernet(to: 0xffff_ffff_ffff, from: Self.mac[1], .raw(0x0806, body)))
    #expect(bench.router.fillQuestion(memory, for: Self.v6(2, 9).address, on: 1) == 86)
    let frame = Array(memory)
    #expect(frame[0..<6] == Frame.big(0x3333_ff00_0009 as UInt64, 6)[...])
    #expect(frame[21] == 255)
    #expect(frame[54] == 135)
    #expect(Frame.checksum(Array(frame[22..<54]) + [0, 58, 0, 32] + Array(frame[54...])) == 0)
  }

  @Test func `pings of its own addresses are answered, on whichever way they come`() throws {
    var bench = try Bench()
    for address in [0x0a01_0001, 0x0a02_0001] as [UInt32] {
      let request = Self.packet(to: address, ttl: 1, .icmp([1, 2, 3, 4, 5]))
      let (verdict, frame) = bench.handle(request)
      #expect(verdict == .send(path: 0, length: request.count, .answered))
      #expect(frame[0..<6] == Frame.big(Self.station, 6)[...])
      #expect(Frame.checksum(Array(frame[14..<34])) == 0)
      #expect(frame[26..<34] == (Frame.big(address) + Frame.big(0x0a01_0007 as UInt32))[...])
      #expect(frame[34] == 0)
      #expect(Frame.checksum(Array(frame[34..<47])) == 0)
    }
    let addresses =
      Frame.big(0xfd00_0001_0000_0000 as UInt64) + Frame.big(7 as UInt64)
      + Frame.big(0xfd00_0001_0000_0000 as UInt64) + Frame.big(1 as UInt64)
    let sum = Frame.checksum(addresses + [0, 58, 0, 10, 128, 0, 0, 0, 0, 1, 0, 2, 9, 9])
    let request = Self.packet6(
      to: Self.v6(1, 1).address, .raw(58, [128, 0] + Frame.big(sum) + [0, 1, 0, 2, 9, 9]))
    let (verdict, frame) = bench.handle(request)
    #expect(verdict == .send(path: 0, length: request.count, .answered))
    #expect(frame[54] == 129)
    #expect(
      Frame.checksum(Array(frame[22..<54]) + [0, 58, 0, 10] + Array(frame[54..<64])) == 0)
  }

  @Test func `a hop limit that is used up, and a missing route, are told to the sender`() throws {
    var settings = Self.settings
    settings.routes = []
    var bench = try Bench(settings)
    for (packet, type, counter) in [
      (Self.packet(to: 0x0a02_0009, ttl: 1), 11, GuestStatus.Counter.expired),
      (Self.packet(to: 0x0808_0808), 3, .noRoute),
    ] as [([UInt8], UInt8, GuestStatus.Counter)] {
      let (verdict, frame) = bench.handle(packet)
      #expect(verdict == .send(path: 0, length: 70, counter))
      #expect(frame[0..<12] == (Frame.big(Self.station, 6) + Frame.big(Self.mac[0], 6))[...])
      #expect(Frame.checksum(Array(frame[14..<34])) == 0)
      #expect(
        frame[26..<34] == (Frame.big(0x0a01_0001 as UInt32) + Frame.big(0x0a01_0007 as UInt32))[...]
      )
      #expect(frame[34] == type)
      #expect(Frame.checksum(Array(frame[34...])) == 0)
      #expect(frame[42...] == packet[14..<42])
    }
    for (packet, type) in [
      (Self.packet6(to: Self.v6(2, 9).address, hops: 1), 3),
      (Self.packet6(to: Self.v6(9, 9).address), 1),
    ] as [([UInt8], UInt8)] {
      let (verdict, frame) = bench.handle(packet)
      #expect(
        verdict == .send(path: 0, length: 62 + packet.count - 14, type == 3 ? .expired : .noRoute))
      #expect(frame[54] == type)
      #expect(
        Frame.checksum(
          Array(frame[22..<54]) + [0, 58] + Frame.big(UInt16(frame.count - 54))
            + Array(frame[54...]))
          == 0)
      #expect(frame[62...] == packet[14...])
    }
  }

  @Test func `no error tells of an error, of a later fragment, or more than a thousand a second`()
    throws
  {
    var bench = try Bench()
    let error = Self.packet(to: 0x0a02_0009, ttl: 1, .raw(1, [3, 0, 0, 0, 0, 0, 0, 0]))
    #expect(bench.handle(error).verdict == .drop(.expired))
    var fragment = Self.packet(to: 0x0a02_0009, ttl: 1)
    fragment[21] = 5
    fragment.replaceSubrange(24..<26, with: [0, 0])
    fragment.replaceSubrange(24..<26, with: Frame.big(Frame.checksum(Array(fragment[14..<34]))))
    #expect(bench.handle(fragment).verdict == .drop(.expired))
    var sent = 0
    for _ in 0..<3000
    where bench.handle(Self.packet(to: 0x0a02_0009, ttl: 1)).verdict
      != .drop(.expired)
    { sent += 1 }
    #expect(sent == 1000)
    bench.now += 1_000_000_000
    #expect(bench.handle(Self.packet(to: 0x0a02_0009, ttl: 1)).verdict != .drop(.expired))
    // A buffer without room for the answer.
    let packet = Self.packet(to: 0x0a02_0009, ttl: 1)
    #expect(bench.handle(packet, room: packet.count).verdict == .drop(.expired))
  }

  @Test func `what is not for a router is left alone`() throws {
    var bench = try Bench()
    var other = Self.packet(to: 0x0a02_0009)
    other[5] ^= 1
    #expect(bench.handle(other).verdict == .drop(.ignored))
    for destination in [0x0a02_00ff, 0xffff_ffff, 0xe000_0001, 0x7f00_0001, 1] as [UInt32] {
      #expect(bench.handle(Self.packet(to: destination)).verdict == .drop(.ignored))
    }
    for source in [0xe000_0001, 0x7f00_0001, 0xffff_ffff, 0] as [UInt32] {
      #expect(bench.handle(Self.packet(to: 0x0a02_0009, from: source)).verdict == .drop(.malformed))
    }
    for address in [
      NetworkAddress(high: 0xff02 << 48, low: 1), NetworkAddress(high: 0xfe80 << 48, low: 1),
      NetworkAddress(high: 0, low: 1), NetworkAddress(ipv4: 0x0a02_0009),
    ] {
      #expect(bench.handle(Self.packet6(to: address)).verdict == .drop(.ignored))
    }
    var broadcast = Self.packet(to: 0x0a02_0009)
    broadcast.replaceSubrange(0..<6, with: [UInt8](repeating: 0xff, count: 6))
    #expect(bench.handle(broadcast).verdict == .drop(.ignored))
    #expect(bench.handle(Self.packet(to: 0x0a01_0001)).verdict == .drop(.local))
    var fromGroup = Self.packet(to: 0x0a02_0009)
    fromGroup[6] |= 1
    #expect(bench.handle(fromGroup).verdict == .drop(.malformed))
    let tagged = Frame.ethernet(to: Self.mac[0], .vlan(7, .ipv4(to: 0x0a02_0009, .udp(to: 7))))
    #expect(bench.handle(tagged).verdict == .drop(.ignored))
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `frames that are cut or changed anywhere are decided about within their bytes`(seed: UInt64)
    throws
  {
    var random = SeededGenerator(seed: seed)
    var bench = try Bench()
    let target = Self.v6(1, 1).address
    let samples = [
      Self.packet(to: 0x0a02_0009), Self.packet(to: 0x0a01_0001, .icmp([1, 2, 3])),
      Self.packet(to: 0x0a02_0009, ttl: 1), Self.packet6(to: Self.v6(2, 9).address),
      Self.packet6(to: Self.v6(2, 9).address, hops: 1),
      Self.solicitation(
        for: target, from: Self.v6(1, 7).address, option: [1, 1] + Frame.big(Self.station, 6)),
      Self.arp(1, from: 0x0a01_0007, Self.station, to: 0xffff_ffff_ffff),
      Self.arp(2, from: 0x0a02_0009, Self.station, to: Self.mac[0]),
    ]
    var sent = 0
    for _ in 0..<20_000 {
      var frame = samples[random.below(samples.count)]
      if random.below(3) == 0 { frame.removeLast(random.below(frame.count)) }
      for _ in 0..<random.below(3) where !frame.isEmpty {
        frame[random.below(frame.count)] = random.byte()
      }
      let room = frame.count + random.below(100)
      let (verdict, _) = bench.handle(frame, path: random.below(2), room: room)
      if case .send(_, let length, _) = verdict {
        sent += 1
        try #require(length <= room, "\(random)")
      }
      bench.now += UInt64(random.below(50_000_000))
    }
    #expect(sent > 0)
  }

  @Test func `settings that contradict themselves are no router`() {
    for (path, via) in [(2, 0x0a01_00fe), (-1, 0x0a01_00fe), (0, 0x0a03_0001)] as [(Int, UInt32)] {
      let settings = ForwardSettings(
        own: [.init(path: path, prefix: NetworkPrefix(ipv4: 0x0a01_0001, length: 24))],
        routes: [
          .init(to: NetworkPrefix(ipv4: 0, length: 0), via: NetworkAddress(ipv4: via))
        ])
      #expect(throws: GuestError.badGrant) { _ = try Forwarder(settings, pathCount: 2) }
    }
  }
}
