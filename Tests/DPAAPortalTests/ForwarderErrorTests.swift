import Foundation
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal

/// What a router tells those whose packets go no further.
@Suite struct ForwarderErrorTests {
  @Test func `a hop limit that is used up, and a missing route, are told to the sender`() throws {
    var settings = RouterBench.settings
    settings.routes = []
    var bench = try RouterBench(settings)
    for (packet, type, counter) in [
      (RouterBench.packet(to: 0x0a02_0009, ttl: 1), 11, GuestStatus.Counter.expired),
      (RouterBench.packet(to: 0x0808_0808), 3, .noRoute),
    ] as [([UInt8], UInt8, GuestStatus.Counter)] {
      let (verdict, frame) = bench.handle(packet)
      #expect(verdict == .send(path: 0, length: 70, counter))
      #expect(
        frame[0..<12] == (Frame.big(RouterBench.station, 6) + Frame.big(RouterBench.mac[0], 6))[...]
      )
      #expect(Frame.checksum(Array(frame[14..<34])) == 0)
      #expect(
        frame[26..<34] == (Frame.big(0x0a01_0001 as UInt32) + Frame.big(0x0a01_0007 as UInt32))[...]
      )
      #expect(frame[34] == type)
      #expect(Frame.checksum(Array(frame[34...])) == 0)
      #expect(frame[42...] == packet[14..<42])
    }
    for (packet, type) in [
      (RouterBench.packet6(to: RouterBench.v6(2, 9).address, hops: 1), 3),
      (RouterBench.packet6(to: RouterBench.v6(9, 9).address), 1),
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
    var bench = try RouterBench()
    let error = RouterBench.packet(to: 0x0a02_0009, ttl: 1, .raw(1, [3, 0, 0, 0, 0, 0, 0, 0]))
    #expect(bench.handle(error).verdict == .drop(.expired))
    var fragment = RouterBench.packet(to: 0x0a02_0009, ttl: 1)
    fragment[21] = 5
    fragment.replaceSubrange(24..<26, with: [0, 0])
    fragment.replaceSubrange(24..<26, with: Frame.big(Frame.checksum(Array(fragment[14..<34]))))
    #expect(bench.handle(fragment).verdict == .drop(.expired))
    var sent = 0
    for _ in 0..<3000
    where bench.handle(RouterBench.packet(to: 0x0a02_0009, ttl: 1)).verdict
      != .drop(.expired)
    { sent += 1 }
    #expect(sent == 1000)
    bench.now += 1_000_000_000
    #expect(bench.handle(RouterBench.packet(to: 0x0a02_0009, ttl: 1)).verdict != .drop(.expired))
    // A buffer without room for the answer.
    let packet = RouterBench.packet(to: 0x0a02_0009, ttl: 1)
    #expect(bench.handle(packet, room: packet.count).verdict == .drop(.expired))
  }

  @Test func `a neighbour that does not answer is told to the sender, in both families`() throws {
    var bench = try RouterBench()
    let (old, new) = (
      RouterBench.packet(to: 0x0a02_0009), RouterBench.packet6(to: RouterBench.v6(2, 9).address)
    )
    for _ in 0..<4 {
      _ = bench.handle(old)
      _ = bench.handle(new)
      bench.now += 1_000_000_000
    }
    let (verdict, frame) = bench.handle(old)
    #expect(verdict == .send(path: 0, length: 70, .unresolved))
    #expect(frame[34...35] == [3, 1])
    #expect(frame[0..<6] == Frame.big(RouterBench.station, 6)[...])
    let (verdict6, frame6) = bench.handle(new)
    #expect(verdict6 == .send(path: 0, length: 62 + new.count - 14, .unresolved))
    #expect(frame6[54...55] == [1, 3])
    // Nobody hears of an error that does not arrive.
    let error = RouterBench.packet(to: 0x0a02_0009, .raw(1, [3, 0, 0, 0, 0, 0, 0, 0]))
    #expect(bench.handle(error).verdict == .drop(.unresolved))
  }

  // MARK: Too big

  private static let tshark = Tool("tshark", package: "tshark")

  /// Bytes as those of a UDP datagram that makes a packet of so many, behind a header of so many.
  private static func datagram(_ total: Int, behind header: Int) -> Frame.Segment {
    .udp(to: 7, [UInt8](repeating: 0x5a, count: total - header - 8))
  }

  /// What tshark reads in frames, a line of fields for each.
  private static func read(_ frames: [[UInt8]], _ fields: [String]) throws -> [[String]] {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = try directory.write(
      "frames.pcap", Data(Frame.capture(frames.map { ($0, $0.count) })))
    let outcome = try tshark.run(
      [
        "-r", path, "-T", "fields", "-E", "occurrence=f", "-o", "ip.check_checksum:TRUE",
      ] + fields.flatMap { ["-e", $0] })
    try #require(outcome.status == 0, "\(outcome.errorText)")
    return outcome.text.split(separator: "\n").map {
      $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
  }

  @Test(.enabled(if: tshark.isPresent, "needs package tshark"))
  func `a packet that its next network does not carry is told to its sender with the MTU`() throws {
    var bench = try RouterBench(mtus: [9000, 1400])
    var answers: [[UInt8]] = []
    for size in [1401, 1800] {
      let packet = RouterBench.packet(to: 0x0a02_0009, Self.datagram(size, behind: 20))
      let (verdict, frame) = bench.handle(packet)
      #expect(verdict == .send(path: 0, length: 70, .tooBig))
      // As it came, its hop limit not yet taken from.
      #expect(frame[42...] == packet[14..<42])
      answers.append(frame)
    }
    for size in [1401, 1800] {
      let packet = RouterBench.packet6(
        to: RouterBench.v6(2, 9).address, Self.datagram(size, behind: 40))
      let (verdict, frame) = bench.handle(packet)
      // With as much of it as IPv6's least MTU has room for.
      #expect(verdict == .send(path: 0, length: 1294, .tooBig))
      #expect(frame[62...] == packet[14..<14 + 1232])
      answers.append(frame)
    }
    let fields = try Self.read(
      answers,
      [
        "eth.dst", "ip.src", "ip.checksum.status", "icmp.type", "icmp.code", "icmp.mtu",
        "icmp.checksum.status", "ipv6.src", "icmpv6.type", "icmpv6.code", "icmpv6.mtu",
        "icmpv6.checksum.status",
      ])
    let station = "02:00:00:00:00:aa"
    // 1: tshark finds the checksum good.
    let old = [station, "10.1.0.1", "1", "3", "4", "1400", "1", "", "", "", "", ""]
    let new = [station, "", "", "", "", "", "", "fd00:1::1", "2", "0", "1400", "1"]
    #expect(fields == [old, old, new, new])
  }

  @Test func `a packet as long as its next network carries goes on`() throws {
    var bench = try RouterBench(mtus: [9000, 1400])
    let packet = RouterBench.packet(to: 0x0a02_0009, Self.datagram(1400, behind: 20))
    #expect(
      bench.handle(packet).verdict == .hold(NetworkAddress(ipv4: 0x0a02_0009), path: 1))
    let packet6 = RouterBench.packet6(
      to: RouterBench.v6(2, 9).address, Self.datagram(1400, behind: 40))
    #expect(bench.handle(packet6).verdict == .hold(RouterBench.v6(2, 9).address, path: 1))
    // What is behind the packet is no part of it, and the other way carries more.
    let padded = packet + [UInt8](repeating: 0, count: 30)
    #expect(bench.handle(padded).verdict == .hold(NetworkAddress(ipv4: 0x0a02_0009), path: 1))
    let other = RouterBench.packet(to: 0x0a01_0063, Self.datagram(1800, behind: 20))
    #expect(bench.handle(other).verdict == .hold(NetworkAddress(ipv4: 0x0a01_0063), path: 0))
    // A hop limit that is used up is told first.
    let last = RouterBench.packet(to: 0x0a02_0009, ttl: 1, Self.datagram(1401, behind: 20))
    #expect(bench.handle(last).verdict == .send(path: 0, length: 70, .expired))
  }

  @Test func `errors and later fragments that are too big come to nothing`() throws {
    var bench = try RouterBench(mtus: [9000, 1300])
    let rest = [UInt8](repeating: 0, count: 1300)
    var fragment = RouterBench.packet(to: 0x0a02_0009, Self.datagram(1400, behind: 20))
    fragment[21] = 5
    fragment.replaceSubrange(24..<26, with: [0, 0])
    fragment.replaceSubrange(24..<26, with: Frame.big(Frame.checksum(Array(fragment[14..<34]))))
    let error = RouterBench.packet(to: 0x0a02_0009, .raw(1, [11, 0, 0, 0] + rest))
    for packet in [fragment, error] {
      #expect(bench.handle(packet).verdict == .drop(.tooBig))
    }
    let echo = RouterBench.packet(to: 0x0a02_0009, .raw(1, [8, 0, 0, 0] + rest))
    #expect(bench.handle(echo).verdict == .send(path: 0, length: 70, .tooBig))

    /// A packet behind extension headers: each its number and what follows its first byte.
    func packet6(_ segment: Frame.Segment, _ headers: [(number: UInt8, rest: [UInt8])]) -> [UInt8] {
      let to = RouterBench.v6(2, 9).address
      return Frame.ethernet(
        to: RouterBench.mac[0], from: RouterBench.station,
        .ipv6(
          to: (to.high, to.low), from: (0xfd00_0001 << 32, 7), segment, extensions: headers))
    }
    let (unreachable, ping): (Frame.Segment, Frame.Segment) = (
      .raw(58, [1, 0, 0, 0] + rest), .raw(58, [128, 0, 0, 0] + rest)
    )
    let options: (number: UInt8, rest: [UInt8]) = (60, [1] + [UInt8](repeating: 0, count: 14))
    let first: (number: UInt8, rest: [UInt8]) = (44, [0, 0, 1, 0, 0, 0, 7])
    let later: (number: UInt8, rest: [UInt8]) = (44, [0, 0, 9, 0, 0, 0, 7])
    let told = Forwarder.Verdict.send(path: 0, length: 1294, .tooBig)
    for (packet, verdict) in [
      (packet6(unreachable, []), .drop(.tooBig)), (packet6(ping, []), told),
      (packet6(unreachable, [options]), .drop(.tooBig)), (packet6(ping, [options]), told),
      (packet6(unreachable, [options, first]), .drop(.tooBig)), (packet6(ping, [first]), told),
      // A later part of an ICMPv6 message may be one of an error.
      (packet6(ping, [later]), .drop(.tooBig)),
      (packet6(.raw(17, rest), [later]), told),
      (packet6(ping, Array(repeating: options, count: 9)), .drop(.tooBig)),
    ] as [([UInt8], Forwarder.Verdict)] {
      #expect(bench.handle(packet).verdict == verdict, "\(packet[14..<90])")
    }
    // Headers that reach behind the packet.
    var cut = packet6(ping, [options])
    cut[55] = 255
    #expect(bench.handle(cut).verdict == .drop(.tooBig))
  }
}
