import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal

/// The router's decisions, on bytes alone.
@Suite struct ForwarderTests {
  @Test func `a packet goes to its network's neighbour with one hop less and a right checksum`()
    throws
  {
    var bench = try RouterBench()
    bench.introduce(0x0a02_0009, RouterBench.gateway, on: 1)
    // From its neighbour's word alone it learns nobody whom it did not ask.
    #expect(
      bench.handle(RouterBench.packet(to: 0x0a02_0009)).verdict
        == .hold(
          NetworkAddress(ipv4: 0x0a02_0009), path: 1))
    bench.introduce(0x0a02_0009, RouterBench.gateway, on: 1)
    for ttl in [2, 64, 255] as [UInt8] {
      let packet = RouterBench.packet(to: 0x0a02_0009, ttl: ttl)
      let (verdict, frame) = bench.handle(packet)
      #expect(verdict == .send(path: 1, length: packet.count, .forwarded))
      #expect(
        frame[0..<12] == (Frame.big(RouterBench.gateway, 6) + Frame.big(RouterBench.mac[1], 6))[...]
      )
      #expect(frame[22] == ttl - 1)
      #expect(Frame.checksum(Array(frame[14..<34])) == 0)
      #expect(frame[26...] == packet[26...])
    }
  }

  @Test func `the checksum is right for every hop limit and every identification`() throws {
    var bench = try RouterBench()
    _ = bench.handle(RouterBench.packet(to: 0x0a02_0009))
    bench.introduce(0x0a02_0009, RouterBench.gateway, on: 1)
    for identification in stride(from: 0, through: 0xffff, by: 251) {
      var packet = RouterBench.packet(to: 0x0a02_0009)
      packet.replaceSubrange(18..<20, with: Frame.big(UInt16(identification)))
      packet[22] = UInt8(2 + identification % 250)
      packet.replaceSubrange(24..<26, with: [0, 0])
      packet.replaceSubrange(24..<26, with: Frame.big(Frame.checksum(Array(packet[14..<34]))))
      let frame = bench.handle(packet).frame
      try #require(Frame.checksum(Array(frame[14..<34])) == 0, "\(identification)")
    }
  }

  @Test func `the longest prefix decides, and leads to its next router`() throws {
    var bench = try RouterBench()
    let held = { (address: UInt32, path: Int) in
      Forwarder.Verdict.hold(NetworkAddress(ipv4: address), path: path)
    }
    #expect(bench.handle(RouterBench.packet(to: 0x0808_0808)).verdict == held(0x0a02_00fe, 1))
    #expect(bench.handle(RouterBench.packet(to: 0xc0a8_0505)).verdict == held(0x0a01_00fd, 0))
    #expect(bench.handle(RouterBench.packet(to: 0x0a01_0063)).verdict == held(0x0a01_0063, 0))
    #expect(
      bench.handle(RouterBench.packet6(to: RouterBench.v6(3, 5).address)).verdict
        == .hold(RouterBench.v6(2, 0xfe).address, path: 1))
    #expect(
      bench.handle(RouterBench.packet6(to: RouterBench.v6(2, 9).address)).verdict
        == .hold(RouterBench.v6(2, 9).address, path: 1))
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
    var bench = try RouterBench()
    var questions = 0
    var silent = 0
    for _ in 0..<80 {
      // Who sends to it meanwhile hears so.
      let (verdict, frame) = bench.handle(RouterBench.packet(to: 0x0a02_0009))
      if verdict == .send(path: 0, length: 70, .unresolved) {
        silent += frame[34...35] == [3, 1] ? 1 : 0
      }
      while bench.router.takeQuestion() != nil { questions += 1 }
      bench.now += 100_000_000
    }
    // At 0, 1 and 2 s; silence from 3 to 7 s; again at 7 s.
    #expect(questions == 4)
    #expect(silent == 40)
  }

  @Test func `a neighbour that has not been heard of for long is asked for again`() throws {
    var bench = try RouterBench()
    _ = bench.handle(RouterBench.packet(to: 0x0a02_0009))
    bench.introduce(0x0a02_0009, RouterBench.gateway, on: 1)
    while bench.router.takeQuestion() != nil {}
    _ = bench.handle(RouterBench.packet(to: 0x0a02_0009))
    #expect(bench.router.takeQuestion() == nil)
    bench.now += 31_000_000_000
    #expect(
      bench.handle(RouterBench.packet(to: 0x0a02_0009)).verdict
        == .send(path: 1, length: 60, .forwarded))
    #expect(bench.router.takeQuestion() != nil)
    bench.now += 121_000_000_000
    #expect(
      bench.handle(RouterBench.packet(to: 0x0a02_0009)).verdict
        == .hold(NetworkAddress(ipv4: 0x0a02_0009), path: 1))
  }

  @Test func `ARP is answered for its own addresses only, and its asker is known from then on`()
    throws
  {
    var bench = try RouterBench()
    let (verdict, frame) = bench.handle(
      RouterBench.arp(1, from: 0x0a01_0007, RouterBench.station, to: 0xffff_ffff_ffff))
    #expect(verdict == .send(path: 0, length: 60, .answered))
    let body: [UInt8] =
      [0, 1, 8, 0, 6, 4, 0, 2] + Frame.big(RouterBench.mac[0], 6) + Frame.big(0x0a01_0001 as UInt32)
      + Frame.big(RouterBench.station, 6) + Frame.big(0x0a01_0007 as UInt32)
    let answer = Frame.ethernet(
      to: RouterBench.station, from: RouterBench.mac[0], .raw(0x0806, body))
    #expect(frame == answer)
    let back = bench.handle(RouterBench.packet(to: 0x0a01_0007, from: 0x0a02_0009), path: 0)
    #expect(back.verdict == .send(path: 0, length: 60, .forwarded))
    for target in [0x0a01_0002, 0x0a02_0001] as [UInt32] {
      let other = bench.handle(
        RouterBench.arp(
          1, from: 0x0a01_0008, RouterBench.station, to: 0xffff_ffff_ffff, for: target))
      #expect(other.verdict == .drop(.ignored))
    }
  }

  @Test func `neighbour discovery is answered, also for who has no address yet`() throws {
    var bench = try RouterBench()
    let target = RouterBench.v6(1, 1).address
    let option: [UInt8] = [1, 1] + Frame.big(RouterBench.station, 6)
    let asker = RouterBench.v6(1, 7).address
    let (verdict, frame) = bench.handle(
      RouterBench.solicitation(for: target, from: asker, option: option))
    #expect(verdict == .send(path: 0, length: 86, .answered))
    #expect(frame[0..<6] == Frame.big(RouterBench.station, 6)[...])
    #expect(frame[54] == 136)
    #expect(frame[58] == 0xe0)
    #expect(frame[78...] == ([2, 1] + Frame.big(RouterBench.mac[0], 6))[...])
    #expect(Frame.checksum(Array(frame[22..<54]) + [0, 58, 0, 32] + Array(frame[54...])) == 0)
    #expect(
      bench.handle(RouterBench.packet6(to: asker)).verdict == .send(path: 0, length: 63, .forwarded)
    )
    let probe = bench.handle(
      RouterBench.solicitation(for: target, from: NetworkAddress(high: 0, low: 0), option: []))
    #expect(probe.verdict == .send(path: 0, length: 86, .answered))
    #expect(probe.frame[0..<6] == Frame.big(0x3333_0000_0001 as UInt64, 6)[...])
    #expect(probe.frame[58] == 0xa0)
    // Not from this link, not with this sum, not for another's address.
    let routed = RouterBench.solicitation(for: target, from: asker, option: option, hops: 254)
    #expect(bench.handle(routed).verdict == .drop(.malformed))
    var wrong = RouterBench.solicitation(for: target, from: asker, option: option)
    wrong[57] ^= 1
    #expect(bench.handle(wrong).verdict == .drop(.malformed))
    let others = RouterBench.solicitation(
      for: RouterBench.v6(1, 2).address, from: asker, option: option)
    #expect(bench.handle(others).verdict == .drop(.ignored))
  }

  @Test func `what it asks is what neighbours answer`() throws {
    let bench = try RouterBench()
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Forwarder.questionLength, alignment: 1)
    defer { memory.deallocate() }
    let neighbour = NetworkAddress(ipv4: 0x0a02_0009)
    #expect(bench.router.fillQuestion(memory, for: neighbour, on: 1) == 60)
    let body: [UInt8] =
      [0, 1, 8, 0, 6, 4, 0, 1] + Frame.big(RouterBench.mac[1], 6) + Frame.big(0x0a02_0001 as UInt32)
      + Frame.big(0 as UInt64, 6) + Frame.big(0x0a02_0009 as UInt32)
    #expect(
      Array(memory[..<60])
        == Frame.ethernet(to: 0xffff_ffff_ffff, from: RouterBench.mac[1], .raw(0x0806, body)))
    #expect(bench.router.fillQuestion(memory, for: RouterBench.v6(2, 9).address, on: 1) == 86)
    let frame = Array(memory)
    #expect(frame[0..<6] == Frame.big(0x3333_ff00_0009 as UInt64, 6)[...])
    #expect(frame[21] == 255)
    #expect(frame[54] == 135)
    #expect(Frame.checksum(Array(frame[22..<54]) + [0, 58, 0, 32] + Array(frame[54...])) == 0)
  }

  @Test func `pings of its own addresses are answered, on whichever way they come`() throws {
    var bench = try RouterBench()
    for address in [0x0a01_0001, 0x0a02_0001] as [UInt32] {
      let request = RouterBench.packet(to: address, ttl: 1, .icmp([1, 2, 3, 4, 5]))
      let (verdict, frame) = bench.handle(request)
      #expect(verdict == .send(path: 0, length: request.count, .answered))
      #expect(frame[0..<6] == Frame.big(RouterBench.station, 6)[...])
      #expect(Frame.checksum(Array(frame[14..<34])) == 0)
      #expect(frame[26..<34] == (Frame.big(address) + Frame.big(0x0a01_0007 as UInt32))[...])
      #expect(frame[34] == 0)
      #expect(Frame.checksum(Array(frame[34..<47])) == 0)
    }
    let addresses =
      Frame.big(0xfd00_0001_0000_0000 as UInt64) + Frame.big(7 as UInt64)
      + Frame.big(0xfd00_0001_0000_0000 as UInt64) + Frame.big(1 as UInt64)
    let sum = Frame.checksum(addresses + [0, 58, 0, 10, 128, 0, 0, 0, 0, 1, 0, 2, 9, 9])
    let request = RouterBench.packet6(
      to: RouterBench.v6(1, 1).address, .raw(58, [128, 0] + Frame.big(sum) + [0, 1, 0, 2, 9, 9]))
    let (verdict, frame) = bench.handle(request)
    #expect(verdict == .send(path: 0, length: request.count, .answered))
    #expect(frame[54] == 129)
    #expect(
      Frame.checksum(Array(frame[22..<54]) + [0, 58, 0, 10] + Array(frame[54..<64])) == 0)
  }

  @Test func `what is not for a router is left alone`() throws {
    var bench = try RouterBench()
    var other = RouterBench.packet(to: 0x0a02_0009)
    other[5] ^= 1
    #expect(bench.handle(other).verdict == .drop(.ignored))
    for destination in [0x0a02_00ff, 0xffff_ffff, 0xe000_0001, 0x7f00_0001, 1] as [UInt32] {
      #expect(bench.handle(RouterBench.packet(to: destination)).verdict == .drop(.ignored))
    }
    for source in [0xe000_0001, 0x7f00_0001, 0xffff_ffff, 0] as [UInt32] {
      #expect(
        bench.handle(RouterBench.packet(to: 0x0a02_0009, from: source)).verdict == .drop(.malformed)
      )
    }
    for address in [
      NetworkAddress(high: 0xff02 << 48, low: 1), NetworkAddress(high: 0xfe80 << 48, low: 1),
      NetworkAddress(high: 0, low: 1), NetworkAddress(ipv4: 0x0a02_0009),
    ] {
      #expect(bench.handle(RouterBench.packet6(to: address)).verdict == .drop(.ignored))
    }
    var broadcast = RouterBench.packet(to: 0x0a02_0009)
    broadcast.replaceSubrange(0..<6, with: [UInt8](repeating: 0xff, count: 6))
    #expect(bench.handle(broadcast).verdict == .drop(.ignored))
    #expect(bench.handle(RouterBench.packet(to: 0x0a01_0001)).verdict == .drop(.local))
    var fromGroup = RouterBench.packet(to: 0x0a02_0009)
    fromGroup[6] |= 1
    #expect(bench.handle(fromGroup).verdict == .drop(.malformed))
    let tagged = Frame.ethernet(
      to: RouterBench.mac[0], .vlan(7, .ipv4(to: 0x0a02_0009, .udp(to: 7))))
    #expect(bench.handle(tagged).verdict == .drop(.ignored))
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `frames that are cut or changed anywhere are decided about within their bytes`(seed: UInt64)
    throws
  {
    var random = SeededGenerator(seed: seed)
    var bench = try RouterBench()
    let target = RouterBench.v6(1, 1).address
    let samples = [
      RouterBench.packet(to: 0x0a02_0009), RouterBench.packet(to: 0x0a01_0001, .icmp([1, 2, 3])),
      RouterBench.packet(to: 0x0a02_0009, ttl: 1),
      RouterBench.packet6(to: RouterBench.v6(2, 9).address),
      RouterBench.packet6(to: RouterBench.v6(2, 9).address, hops: 1),
      RouterBench.solicitation(
        for: target, from: RouterBench.v6(1, 7).address,
        option: [1, 1] + Frame.big(RouterBench.station, 6)),
      RouterBench.arp(1, from: 0x0a01_0007, RouterBench.station, to: 0xffff_ffff_ffff),
      RouterBench.arp(2, from: 0x0a02_0009, RouterBench.station, to: RouterBench.mac[0]),
    ]
    var sent = 0
    for _ in 0..<20_000 {
      var frame = samples[random.below(samples.count)]
      if random.below(3) == 0 { frame.removeLast(random.below(frame.count)) }
      for _ in 0..<random.below(3) where !frame.isEmpty {
        frame[random.below(frame.count)] = random.byte()
      }
      let room = frame.count + random.below(100)
      // Now and then only the first bytes of a frame are there.
      let whole = random.below(3) == 0 ? frame.count + random.below(2000) : frame.count
      let (verdict, _) = bench.handle(frame, path: random.below(2), room: room, whole: whole)
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
      #expect(throws: GuestError.badGrant) { _ = try Forwarder(settings, mtus: [0, 0]) }
    }
  }
}
