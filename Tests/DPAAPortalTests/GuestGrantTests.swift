import DPAAPortal
import QorIQ
import TestSupport
import Testing

@Suite struct GuestGrantTests {
  static let programs: [GuestGrant.Program] = [
    .reflect, .sink,
    .source(path: 1, frames: 1 << 40, size: 1514, from: 0xc0a8_010b, to: 0xc0a8_0205, rate: 7),
    .forward(
      ForwardSettings(
        own: [
          .init(path: 0, prefix: NetworkPrefix(ipv4: 0x0a01_0001, length: 24)),
          .init(
            path: 1,
            prefix: NetworkPrefix(
              address: NetworkAddress(high: 0xfd00_0001 << 32, low: 1), length: 64)),
        ],
        routes: [
          .init(
            to: NetworkPrefix(ipv4: 0, length: 0), via: NetworkAddress(ipv4: 0x0a01_00fe))
        ])),
    .scan(
      ScanSettings(
        ways: [1, 0],
        groups: [.init(set: 7, action: .divert), .init(set: 255, action: .count)],
        startsAtPayload: true, keepsStreams: true, idleSeconds: 60, failsOpen: false, divert: 1)),
    .protect(
      ForwardSettings(
        own: [.init(path: 1, prefix: NetworkPrefix(ipv4: 0xc000_0201, length: 24))], routes: []),
      TunnelSettings(
        cipherPath: 1, bypasses: true,
        tunnels: [
          .init(
            local: NetworkAddress(ipv4: 0xc000_0201), peer: NetworkAddress(ipv4: 0xc000_0202),
            networks: [
              NetworkPrefix(ipv4: 0x0a02_0000, length: 24),
              NetworkPrefix(ipv4: 0x0a03_0000, length: 16),
            ], into: .gcm(key: [UInt8](1...24), salt: 0xffff_fffe),
            out: .cbcWithHMAC(key: [UInt8](3...34), authentication: [UInt8](0...30)),
            spi: 0xffff_ffff, peerSPI: 256, isExtended: true, window: 32)
        ])),
  ]

  static func grant(_ program: GuestGrant.Program) -> GuestGrant {
    GuestGrant(
      name: "büro-guest1", portalCount: 2, enqueueRing: 64, dequeueRing: 32,
      pools: [
        .init(bpid: 2, base: 0x8010_0000, count: 4096, size: 2048, stride: 2112),
        .init(bpid: 63, base: 0xff_ffff_0000, count: 1, size: 9600, stride: 9664),
      ],
      paths: [
        .init(
          name: "fm1-10g0", isLink: false, receive: QueueRange(first: 128, count: 64),
          transmit: 101,
          mtu: 1500),
        .init(
          name: "guest2", isLink: true, receive: QueueRange(first: 0xff_ffff, count: 1),
          transmit: 102),
      ],
      accelerators: [
        .init(kind: .patterns, channel: 0x860, request: 103, response: 0xff_ffff)
      ],
      chains: [
        .init(name: "look", pair: .init(kind: .patterns, channel: 0x860, request: 3, response: 4)),
        .init(
          name: "out", pair: .init(kind: .security, channel: 0x840, request: 5, response: 6),
          path: 1),
      ],
      program: program, capture: .pcapng)
  }

  @Test(arguments: programs)
  func `a grant survives its message`(program: GuestGrant.Program) {
    let grant = Self.grant(program)
    #expect(GuestGrant(message: grant.message) == grant)
    var other = grant
    other.sharesProcessor = true
    #expect(GuestGrant(message: other.message) == other && other != grant)
  }

  @Test func `the smallest grant survives its message`() {
    let grant = GuestGrant(
      name: "", portalCount: 1, enqueueRing: 8, dequeueRing: 16, pools: [], paths: [],
      program: .sink, capture: nil)
    #expect(GuestGrant(message: grant.message) == grant)
  }

  @Test(arguments: programs)
  func `no beginning of a message is a grant`(program: GuestGrant.Program) {
    let message = Self.grant(program).message
    for count in 0..<message.count {
      #expect(GuestGrant(message: Array(message.prefix(count))) == nil, "\(count) bytes")
    }
  }

  @Test func `a message with something behind it is no grant`() {
    #expect(GuestGrant(message: Self.grant(.sink).message + [0]) == nil)
  }

  /// Where a number stands in the message of ``grant(_:)``, and values that it must not have.
  struct Fault: Sendable, CustomTestStringConvertible {
    let what: String
    let offset: Int
    let values: [UInt64]
    var testDescription: String { what }
  }

  // The name takes 12 bytes; every number takes 8.
  @Test(arguments: [
    Fault(what: "magic", offset: 0, values: [0, 0x6470_6161_6303]),
    Fault(what: "name's length", offset: 8, values: [.max, 1 << 40, 1 << 63]),
    Fault(what: "portals", offset: 28, values: [0, 65, .max]),
    Fault(what: "enqueue ring", offset: 36, values: [0, 4, 12, 63, 65, 128, .max]),
    Fault(what: "dequeue ring", offset: 44, values: [0, 4, 24, 128, .max]),
    Fault(what: "capture", offset: 52, values: [3, .max]),
    Fault(what: "shared processor", offset: 60, values: [2, .max]),
    Fault(what: "pools", offset: 68, values: [65, .max, 1, 3]),
    Fault(what: "BPID", offset: 76, values: [256, .max]),
    Fault(what: "base", offset: 84, values: [1 << 40, .max]),
    Fault(what: "buffers", offset: 92, values: [0, 1 << 25, .max]),
    Fault(what: "size", offset: 100, values: [0, 2113, 1 << 21, .max]),
    Fault(what: "stride", offset: 108, values: [0, 2047, 1 << 22, .max]),
    Fault(what: "paths", offset: 156, values: [65, .max, 1]),
    Fault(what: "path's name's length", offset: 164, values: [.max, 1 << 20]),
    Fault(what: "isLink", offset: 180, values: [2, .max]),
    Fault(what: "first queue", offset: 188, values: [1 << 24, .max, 0xff_ffff]),
    Fault(what: "queue count", offset: 196, values: [0, 1 << 24, .max]),
    Fault(what: "transmit queue", offset: 204, values: [1 << 24, .max]),
    Fault(what: "MTU", offset: 212, values: [1 << 32, .max]),
    Fault(what: "pairs into accelerators", offset: 274, values: [0, 2, 129, .max]),
    Fault(what: "accelerator", offset: 282, values: [2, 256, .max]),
    Fault(what: "channel", offset: 290, values: [1 << 16, .max]),
    Fault(what: "request queue", offset: 298, values: [1 << 24, .max]),
    Fault(what: "response queue", offset: 306, values: [1 << 24, .max]),
    Fault(what: "chains", offset: 314, values: [0, 1, 3, 65, .max]),
    Fault(what: "chain's name's length", offset: 322, values: [.max, 1 << 20]),
    Fault(what: "chain's accelerator", offset: 334, values: [2, .max]),
    Fault(what: "chain's way", offset: 366, values: [3, .max]),
    Fault(what: "program", offset: 425, values: [3, 4, .max]),
    Fault(what: "source's path", offset: 433, values: [2, .max]),
    Fault(what: "source's frame size", offset: 449, values: [1 << 17, .max]),
    Fault(what: "source's address", offset: 457, values: [1 << 32]),
  ])
  func `a number out of its bounds is no grant`(fault: Fault) {
    let message = Self.grant(Self.programs[2]).message
    for value in fault.values {
      var wrong = message
      wrong.replaceSubrange(fault.offset..<fault.offset + 8, with: Frame.big(value))
      #expect(GuestGrant(message: wrong) == nil, "\(value)")
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `a random change gives another grant or none`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var read = 0
    for _ in 0..<10_000 {
      var message = Self.grant(Self.programs[random.below(Self.programs.count)]).message
      for _ in 0...random.below(4) {
        let place = random.below(message.count)
        switch random.below(4) {
        case 0: message[place] = random.byte()
        case 1: message[place] ^= 1 << UInt8(random.below(8))
        case 2: message.remove(at: place)
        default: message.insert(random.byte(), at: place)
        }
      }
      guard let grant = GuestGrant(message: message) else { continue }
      read += 1
      // What was read is within bounds: it is a grant again.
      guard GuestGrant(message: grant.message) == grant else {
        Issue.record("\(random): \(grant)")
        return
      }
    }
    #expect(read > 0, "no change hit a harmless byte: \(random)")
  }
}
