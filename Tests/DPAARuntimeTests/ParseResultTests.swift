import DPAAPortal
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

/// The 32 bytes that FMan writes in front of a frame, and what becomes of frames with faults.
@Suite struct ParseResultTests {
  private static let udp = Frame.Segment.udp(to: 53, from: 4000, [1, 2, 3])

  private static func ipv4(_ segment: Frame.Segment, options: [UInt8] = []) -> Frame.Payload {
    .ipv4(to: Talk.guest1, segment, options: options)
  }

  private static func bytes(_ frame: [UInt8]) -> [UInt8] {
    let words = ParsedFrame(frame).result.words
    return [words.0, words.1, words.2, words.3].flatMap { Frame.big($0) }
  }

  /// A frame and its parse result, the second half as (byte, offset); all others are 255.
  struct Case: Sendable, CustomTestStringConvertible {
    let what: String
    let frame: [UInt8]
    let start: [UInt8]
    let offsets: [Int: UInt8]
    var testDescription: String { what }
  }

  static let cases = [
    Case(
      what: "UDP over IPv4", frame: Frame.ethernet(ipv4(udp)),
      start: [0, 0, 0x80, 0, 0x80, 0, 0x40, 0, 0, 17, 0, 0, 0, 0, 0, 1],
      offsets: [18: 23, 19: 0, 23: 12, 27: 14, 30: 34, 31: 42]),
    Case(
      what: "TCP behind two tags and options",
      frame: Frame.ethernet(
        to: 0xffff_ffff_ffff,
        .vlan(5, type: 0x88a8, .vlan(6, ipv4(.tcp(to: 1), options: [1, 1, 1, 0])))),
      start: [0, 0, 0xc1, 0x60, 0x81, 0, 0x20, 0, 0, 6, 0, 0, 0, 0, 0, 1],
      offsets: [18: 31, 19: 0, 21: 14, 22: 18, 23: 20, 27: 22, 30: 46, 31: 66]),
    Case(
      what: "a later IPv6 fragment",
      frame: Frame.ethernet(
        .ipv6(to: (1, 2), .raw(17, [1]), extensions: [(44, [0, 1, 0x90, 0, 0, 0, 9])])),
      start: [0, 0, 0x80, 0, 0x41, 0x40, 0, 0, 0, 17, 0, 0, 1, 0x90, 0, 1],
      offsets: [18: 54, 19: 0, 23: 12, 27: 14, 31: 62]),
    Case(
      what: "ARP to a group", frame: Frame.ethernet(to: 0x0100_5e00_0001, .arp(for: 1)),
      start: [0, 0, 0x80, 0xa0, 0, 0, 0, 0, 8, 6, 0, 0, 0, 0, 0, 0],
      offsets: [19: 0, 23: 12, 31: 14]),
    Case(
      what: "a label and IPv6 without next header",
      frame: Frame.ethernet(
        .raw(0x8847, [0, 1, 0x01, 9] + Frame.Payload.ipv6(to: (1, 2), .raw(59, [])).bytes)),
      start: [0, 0, 0x90, 0, 0x40, 0, 0, 0, 0, 59, 0, 0, 0, 0, 0, 1],
      offsets: [18: 24, 19: 0, 23: 12, 25: 14, 26: 14, 27: 18, 31: 58]),
    Case(
      what: "PPPoE",
      frame: Frame.ethernet(
        .raw(0x8864, [0x11, 0, 0, 9, 0, 33, 0, 0x21] + ipv4(udp).bytes)),
      start: [0, 0, 0x88, 0, 0x80, 0, 0x40, 0, 0, 17, 0, 0, 0, 0, 0, 1],
      offsets: [18: 31, 19: 0, 23: 12, 24: 14, 27: 22, 30: 42, 31: 50]),
    Case(
      what: "GRE and IPv4 within IPv4",
      frame: Frame.ethernet(ipv4(.raw(47, [0, 0, 8, 0] + ipv4(udp).bytes))),
      start: [0, 0, 0x80, 0, 0xa8, 0, 0x40, 0, 0, 17, 0, 0, 0, 0, 0, 1],
      offsets: [18: 47, 19: 0, 23: 12, 27: 14, 28: 38, 29: 34, 30: 58, 31: 66]),
  ]

  @Test(arguments: cases)
  func `the parse result has the hardware's layout`(frame: Case) {
    let bytes = Self.bytes(frame.frame)
    #expect(Array(bytes.prefix(16)) == frame.start)
    for place in 16..<32 { #expect(bytes[place] == frame.offsets[place] ?? 255, "byte \(place)") }
  }

  /// A frame with a fault, and the layer that it is in.
  struct Fault: Sendable, CustomTestStringConvertible {
    let what: String
    let layer: Int
    let frame: [UInt8]
    var testDescription: String { what }

    init(_ what: String, _ layer: Int, _ payload: Frame.Payload, _ change: (inout [UInt8]) -> Void)
    {
      self.what = what
      self.layer = layer
      var frame = Frame.ethernet(payload, padded: false)
      change(&frame)
      self.frame = frame
    }
  }

  static let faults = [
    Fault("a tag that is cut", 2, .vlan(1, ipv4(udp))) { $0.removeSubrange(17...) },
    Fault("nine tags", 2, (0..<9).reduce(ipv4(udp)) { inner, _ in .vlan(1, inner) }) { _ in },
    Fault("a length that is not there", 2, .raw(600, [0xaa, 0xaa, 3, 0, 0, 0, 8, 0])) { _ in },
    Fault("labels without an end", 2, .raw(0x8847, [0, 1, 0, 9, 0, 1, 0])) { _ in },
    Fault("PPPoE of another version", 2, .raw(0x8864, [0x21, 0, 0, 9, 0, 2, 0, 0x21])) { _ in },
    Fault("a wrong IPv4 checksum", 3, ipv4(udp)) { $0[24] ^= 1 },
    Fault("IPv4 longer than its frame", 3, ipv4(udp)) { $0.removeLast() },
    Fault("IPv4 shorter than its header", 3, ipv4(udp)) { $0[17] = 19 },
    Fault("IPv6 longer than its frame", 3, .ipv6(to: (1, 2), udp)) { $0.removeLast() },
    Fault("an extension header that is cut", 3, .ipv6(to: (1, 2), .raw(60, [17, 1] + udp.bytes))) {
      _ in
    },
    Fault("GRE that is cut", 3, ipv4(.raw(47, [0x20, 0, 8, 0, 1]))) { _ in },
    Fault(
      "IP nested too deeply", 3,
      (0..<5).reduce(ipv4(udp)) { inner, _ in ipv4(.raw(4, inner.bytes)) }
    ) { _ in },
    Fault("a wrong UDP checksum", 4, ipv4(udp)) { $0[40] ^= 1 },
    Fault("a UDP length that is not there", 4, ipv4(udp)) { $0[39] = 12 },
    Fault("UDP over IPv6 without a checksum", 4, .ipv6(to: (1, 2), udp)) {
      ($0[60], $0[61]) = (0, 0)
    },
    Fault("a wrong TCP checksum", 4, .ipv6(to: (1, 2), .tcp(to: 1))) { $0[70] ^= 1 },
    Fault("a TCP offset beyond its end", 4, ipv4(.tcp(to: 1))) { $0[46] = 0x60 },
    Fault("SCTP that is cut", 4, ipv4(.raw(132, [1, 2, 3, 4, 5]))) { _ in },
    Fault("ESP that is cut", 4, ipv4(.raw(50, [1, 2, 3, 4, 5]))) { _ in },
    Fault(
      "AH longer than its packet", 4, ipv4(.raw(51, [4, 9] + [UInt8](repeating: 0, count: 30)))
    ) { _ in },
  ]

  @Test(arguments: faults)
  func `a fault is an error of its layer and of no other`(fault: Fault) {
    let result = ParsedFrame(fault.frame).result
    #expect(result.hasLayer2Error == (fault.layer == 2))
    #expect(result.hasLayer3Error == (fault.layer == 3))
    #expect(result.hasLayer4Error == (fault.layer == 4))
    #expect(result.status & 0x20 == 0x20)
  }

  @Test func `a UDP datagram over IPv4 may have no checksum`() {
    var frame = Frame.ethernet(Self.ipv4(Self.udp))
    (frame[40], frame[41]) = (0, 0)
    #expect(ParsedFrame(frame).result.status == 0)
    #expect(ParsedFrame(Frame.ethernet(Self.ipv4(Self.udp))).result.status == 0x04)
  }

  @Test(arguments: [false, true])
  func `a guest finds parse result, time and hash in front of its frame`(isP4080: Bool) throws {
    let frames = [Talk.frame(to: Talk.guest1, number: 7), Self.faults[12].frame]
    let simulation = try Simulation(Talk.configuration(isP4080: isP4080), frames: frames)
    let arrival = simulation.clock.now
    simulation.run(active: [])
    let keyGen = KeyGen()
    let received = simulation.guests[1].takeWithHeadroom()
    #expect(received.count == 2)
    for (frame, headroom, status) in received {
      let parsed = ParsedFrame(frame)
      #expect(Array(headroom[16..<48]) == Self.bytes(frame))
      #expect(Array(headroom[56...]) == Frame.big(keyGen.hash(parsed, isFiveTuple: true)))
      let time = headroom[48..<56].reduce(0) { $0 << 8 | UInt64($1) }
      #expect(time >= arrival && time <= simulation.clock.now)
      #expect(status == (frame == frames[0] ? 0x04 : 0x24))
    }
    let report = try simulation.report()
    #expect(report.interfaces[0].headerErrors == [0, 0, 1])
    #expect(report.text.contains("frames into fm1-10g0 with wrong headers: 1 in layer 4\n"))
  }

  @Test func `a frame that came over a link has no parse result`() throws {
    let simulation = try Simulation(Talk.configuration())
    #expect(simulation.guests[1].send(Talk.frame(to: Talk.guest2, number: 1), to: 105))
    simulation.run(active: [])
    let received = simulation.guests[2].takeWithHeadroom()
    #expect(received.count == 1)
    let absent = [UInt8](repeating: 0, count: 16) + [UInt8](repeating: 255, count: 16)
    #expect(received.first.map { Array($0.headroom[16..<48]) } == absent)
  }
}

extension Guest {
  /// Takes all that waits, with the 64 bytes in front of each frame and its descriptor's status.
  fileprivate func takeWithHeadroom() -> [(frame: [UInt8], headroom: [UInt8], status: UInt32)] {
    var frames: [(frame: [UInt8], headroom: [UInt8], status: UInt32)] = []
    for portal in 0..<session.portals.count {
      while var buffer = session.portals[portal].dequeue() {
        let (frame, original) = (Array(buffer.frame), buffer.descriptor)
        buffer.descriptor.formatLength = UInt32(Buffer.headroom)
        frames.append((frame, Array(buffer.frame), original.command))
        buffer.descriptor = original
        release(buffer, on: portal)
      }
    }
    return frames
  }
}
