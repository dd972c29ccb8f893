import Partitioning
import QorIQ
import Security
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// The program `ipsec`: a router whose tunnels SEC puts packets into and takes them out of, judged by scapy.
@Suite(
  .enabled(
    if: SecurityLibrary.allCases.allSatisfy { $0.problem == nil },
    "needs package libipsec-mb-dev"), .timeLimit(.minutes(5)))
struct GatewayTests {
  typealias Rig = GatewayRig
  typealias Tunnel = SecurityDeviceTests.Tunnel

  /// AES-GCM and AES-CBC with HMAC, and both with numbers of 64 bits.
  static let tunnels = [0, 3].map { SecurityDeviceTests.tunnels[$0] }.flatMap { tunnel in
    [false, true].map { Tunnel(transform: tunnel.transform, isExtended: $0) }
  }

  private static func rig(_ tunnel: Tunnel = tunnels[0]) throws -> Rig {
    try Rig(Rig.Side([Rig.tunnel(tunnel.transform, isExtended: tunnel.isExtended)]))
  }
  private static func judge(
    _ what: String, _ packets: [[UInt8]], _ tunnel: Tunnel = tunnels[0], first: UInt64 = 1
  ) throws -> [[UInt8]] {
    try SecurityDeviceTests.judge(
      what, tunnel, numbers: packets.indices.map { first + UInt64($0) }, packets)
  }

  private static let sizes = [28, 29, 30, 31, 45, 46, 47, 100, 511, 1000, 1446, 1800]

  @Test(
    .enabled(if: SecurityDeviceTests.python.isPresent, "needs package python3-scapy"),
    arguments: tunnels)
  func `scapy takes out of the tunnel what came in clear, with a hop less`(tunnel: Tunnel) throws {
    let rig = try Self.rig(tunnel)
    let packets = Self.sizes.map { Rig.packet(size: $0) }
    let sealed = rig.seal(packets)
    #expect(sealed.count == packets.count)
    for frame in sealed {
      // To the router behind which the peer is.
      #expect(Array(frame[0..<12]) == Frame.big(Frame.source, 6) + Frame.big(Rig.cipherMAC, 6))
      #expect(Array(frame[26..<34]) == Frame.big(Rig.local) + Frame.big(Rig.peer))
    }
    #expect(
      try Self.judge("open", sealed.map { Rig.packet($0) }, tunnel)
        == packets.map { Rig.withTTL(63, $0) })
    #expect(rig.count(.sealed) == UInt64(packets.count))
    let report = try rig.end()
    #expect(
      report.owners[1].counts.map { "\($0.count) \($0.name)" }
        == ["12 forwarded", "2 answered", "12 into tunnels"])
  }

  @Test(
    .enabled(if: SecurityDeviceTests.python.isPresent, "needs package python3-scapy"),
    arguments: tunnels)
  func `what scapy has put into the tunnel arrives in clear, once`(tunnel: Tunnel) throws {
    let rig = try Self.rig(tunnel)
    let packets = Self.sizes.map { Rig.packet(from: Rig.there, to: Rig.here, size: $0) }
    let sealed = try Self.judge("seal", packets, tunnel)
    let opened = rig.open(sealed)
    #expect(opened.map { Rig.packet($0) } == packets.map { Rig.withTTL(63, $0) })
    for frame in opened {
      #expect(Array(frame[0..<12]) == Frame.big(Frame.source, 6) + Frame.big(Rig.clearMAC, 6))
    }
    #expect(rig.open(sealed).isEmpty)
    #expect(rig.count(.replayed) == UInt64(sealed.count))
    var wrong = sealed[5]
    wrong[wrong.count - 3] ^= 1
    // With another number, as the old one is used up.
    wrong[27] = 99
    #expect(rig.open([wrong]).isEmpty)
    #expect(rig.count(.notAuthentic) == 1)
    _ = try rig.end()
  }

  @Test(
    .enabled(if: SecurityDeviceTests.python.isPresent, "needs package python3-scapy"),
    arguments: [tunnels[0], tunnels[2]])
  func `what only hides a packet's length, and packets that only hide others, go no further`(
    tunnel: Tunnel
  ) throws {
    let rig = try Self.rig(tunnel)
    let packets = [28, 61, 1000].map { Rig.packet(from: Rig.there, to: Rig.here, size: $0) }
    // One that would be a packet, and one that is none.
    let dummies = [packets[0], [UInt8](repeating: 0x45, count: 90)]
    let hidden = try Self.judge("59", dummies, tunnel)
    let long = try Self.judge(
      "4", packets.map { $0 + [UInt8](repeating: 59, count: 300) }, tunnel, first: 11)
    #expect(rig.open(hidden).isEmpty)
    #expect(rig.count(.ignored) == 2)
    #expect(rig.count(.malformed) == 0)
    let opened = rig.open(long)
    #expect(opened.map { Array($0.dropFirst(14)) } == packets.map { Rig.withTTL(63, $0) })
    // A packet of which not all is there.
    let cut = try Self.judge("4", [Array(packets[2].prefix(700))], tunnel, first: 21)
    #expect(rig.open(cut).isEmpty)
    #expect(rig.count(.malformed) == 1)
    _ = try rig.end()
  }

  @Test(.enabled(if: SecurityDeviceTests.python.isPresent, "needs package python3-scapy"))
  func `a packet that waits for its neighbour leaves without what hid its length`() throws {
    let tunnel = Self.tunnels[0]
    let rig = try Self.rig(tunnel)
    let packet = Rig.packet(from: Rig.there, to: Rig.here + 1, size: 200)
    let long = try Self.judge("4", [packet + [UInt8](repeating: 59, count: 300)], tunnel)
    // First there is a question for the neighbour.
    #expect(rig.open(long).map { Array($0[12..<14]) } == [[8, 6]])
    let frames = rig.introduce(Rig.here + 1).filter { $0[12..<14] == [8, 0] }
    #expect(frames.map { Array($0.dropFirst(14)) } == [Rig.withTTL(63, packet)])
    _ = try rig.end()
  }

  @Test func `IPv6 in IPv6 comes out of another gateway as it went in`() throws {
    func address(_ net: UInt64, _ host: UInt64) -> NetworkAddress {
      NetworkAddress(high: 0xfd00 << 48 | net << 32, low: host)
    }
    func prefix(_ address: NetworkAddress) -> NetworkPrefix {
      NetworkPrefix(address: address, length: 64)
    }
    func side(_ own: UInt64, _ other: UInt64) -> Rig.Side {
      var tunnel = Rig.tunnel(networks: [prefix(address(other, 0))])
      tunnel.peer = address(9, other)
      var side = Rig.Side([tunnel])
      side.clear = [prefix(address(own, 1)), NetworkPrefix(ipv4: 0x0a01_0001, length: 24)]
      side.cipher = [prefix(address(9, own)), NetworkPrefix(ipv4: Rig.local, length: 24)]
      return side
    }
    let (left, right) = (try Rig(side(1, 2)), try Rig(side(2, 1)))
    // Of the last 32 bits of the first address on a way.
    let leftMAC = 0x0201 << 32 | 1 as UInt64
    let rightMAC = 0x0201 << 32 | 2 as UInt64
    let question = Rig.solicitation(for: address(9, 1), from: address(9, 2))
    #expect(left.host.send(Rig.frame(question, to: leftMAC), to: 5))
    left.run()
    #expect(left.host.take().count == 1)
    let other = Rig.solicitation(for: address(2, 1), from: address(2, 7))
    #expect(right.station.send(Rig.frame(other, to: leftMAC), to: 203))
    right.run()
    #expect(right.station.take().count == 1)
    let (source, destination) = (address(1, 7), address(2, 7))
    for size in [0, 1, 500, 1400] {
      let frame = Frame.ethernet(
        .ipv6(
          to: (destination.high, destination.low), from: (source.high, source.low),
          .udp(to: 7, [UInt8](repeating: 6, count: size))))
      let packet = Rig.packet(frame)
      #expect(left.station.send(Rig.frame(packet, to: leftMAC), to: 203))
      left.run()
      let sealed = left.host.take().map { Rig.packet($0.bytes) }
      #expect(sealed.count == 1)
      #expect(sealed.first?[6] == 50)
      for packet in sealed {
        #expect(right.host.send(Rig.frame(packet, to: rightMAC), to: 5))
        right.run()
      }
      #expect(
        right.station.take().map { Rig.packet($0.bytes) } == [
          Rig.withTTL(packet[7] - 2, packet)
        ])
    }
  }

  // MARK: What is not let through

  @Test func `nothing passes in clear that belongs into a tunnel, nor anything else unless wanted`()
    throws
  {
    let rig = try Self.rig()
    // In clear from where only enciphered packets come: to the station, to the gateway's clear address, and
    // one that claims to be from behind the peer.
    let stranger: UInt32 = 0xc633_6409
    for (source, destination) in [
      (stranger, Rig.here), (stranger, 0x0a01_0001), (Rig.there, Rig.here), (Rig.there, Rig.there),
    ] {
      #expect(rig.open([Rig.packet(from: source, to: destination, size: 60)]).isEmpty)
    }
    #expect(rig.host.take().isEmpty)
    #expect(rig.count(.unprotected) == 4)
    // Who is not let out is told: communication is administratively prohibited.
    #expect(rig.seal([Rig.packet(to: stranger, size: 60)]).isEmpty)
    let told = rig.station.take().map(\.bytes)
    #expect(told.map { Array($0[34...35]) } == [[3, 13]])
    #expect(rig.count(.unprotected) == 5)
    // A ping of the outer address is answered, on either side.
    let ping = Array(
      Frame.ethernet(.ipv4(to: Rig.local, from: Rig.router, .icmp())).dropFirst(14).prefix(28))
    #expect(rig.open([ping]).isEmpty)
    #expect(rig.host.take().map { $0.bytes[34] } == [0])
  }

  @Test func `what belongs into no tunnel is routed where the plan wants that`() throws {
    var side = Rig.Side([Rig.tunnel()])
    side.bypasses = true
    let rig = try Rig(side)
    let stranger: UInt32 = 0xc000_0209
    let sent = rig.seal([Rig.packet(to: stranger, size: 60)])
    #expect(sent.map { Rig.packet($0) } == [Rig.packet(to: stranger, ttl: 63, size: 60)])
    let back = rig.open([Rig.packet(from: stranger, to: Rig.here, size: 60)])
    #expect(back.count == 1)
    // Not what should have come out of the tunnel, nor what would have to go into it.
    #expect(rig.open([Rig.packet(from: Rig.there, to: Rig.here, size: 60)]).isEmpty)
    #expect(rig.open([Rig.packet(from: stranger, to: Rig.there, size: 60)]).isEmpty)
    #expect(rig.count(.unprotected) == 2)
    #expect(rig.count(.sealed) == 0)
  }

  @Test(.enabled(if: SecurityDeviceTests.python.isPresent, "needs package python3-scapy"))
  func `out of a tunnel comes only what is behind it`() throws {
    let rig = try Self.rig()
    let sealed = try Self.judge(
      "seal",
      [
        Rig.packet(from: 0x0a03_0001, to: Rig.here, size: 60),
        Rig.packet(from: Rig.here, to: Rig.here, size: 60),
        Rig.packet(from: Rig.there, to: 0xc633_6409, size: 60),
      ])
    #expect(rig.open(sealed).isEmpty)
    #expect(rig.host.take().isEmpty)
    #expect(rig.count(.opened) == 3)
    #expect(rig.count(.unprotected) == 3)
    _ = try rig.end()
  }

  @Test(.enabled(if: SecurityDeviceTests.python.isPresent, "needs package python3-scapy"))
  func `packets that are of no tunnel, or in parts, are counted`() throws {
    let rig = try Self.rig()
    let sealed = try Self.judge(
      "seal", [Rig.packet(from: Rig.there, to: Rig.here, size: 60)])
    let packet = try #require(sealed.first)
    func changed(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
      var copy = packet
      change(&copy)
      return Rig.withTTL(64, copy)
    }
    #expect(rig.open([changed { $0[20] ^= 1 }]).isEmpty)
    #expect(rig.count(.noTunnel) == 1)
    #expect(rig.open([changed { $0[6] = 0x20 }, changed { $0[7] = 1 }]).isEmpty)
    // Not even an index.
    #expect(
      rig.open([
        changed {
          $0[3] = 24
          $0.removeSubrange(24...)
        }
      ]).isEmpty)
    #expect(rig.open([changed { $0[3] = 40 }]).isEmpty)
    #expect(rig.count(.malformed) + rig.count(.noTunnel) + rig.count(.refused) == 5)
    #expect(rig.count(.opened) == 0)
    #expect(rig.open([packet]).count == 1)
    _ = try rig.end()
  }

  @Test(
    .enabled(if: SecurityDeviceTests.python.isPresent, "needs package python3-scapy"),
    arguments: tunnels)
  func `who was passed by no more packets than the window has places is let in`(tunnel: Tunnel)
    throws
  {
    let rig = try Self.rig(tunnel)
    let packets = (0..<66).map {
      Rig.packet(from: Rig.there, to: Rig.here, size: 100 + $0)
    }
    let sealed = try Self.judge("seal", packets, tunnel)
    #expect(rig.open([sealed[64]]).count == 1)
    // All that the window still has a place for, the newest first.
    let late = (1..<64).reversed()
    #expect(
      rig.open(late.map { sealed[$0] }).map { Rig.packet($0) }
        == late.map { Rig.withTTL(63, packets[$0]) })
    #expect(rig.count(.replayed) + rig.count(.notAuthentic) == 0)
    #expect(rig.open([sealed[0]]).isEmpty)
    // Where the high half of a number is guessed, so old a one is taken for one of the next half, and its packet
    // is then not authentic (RFC 4303, A2.1).
    #expect(rig.count(.replayed) == (tunnel.isExtended ? 0 : 1))
    #expect(rig.count(.notAuthentic) == (tunnel.isExtended ? 1 : 0))
    #expect(rig.open([sealed[65]]).count == 1)
    _ = try rig.end()
  }

  // MARK: Sizes and errors

  @Test func `who sends more than the tunnel carries is told how much that is`() throws {
    let rig = try Self.rig()
    // 2,048 bytes of a buffer without headroom, 20 + 8 + 8 + 16 of the tunnel and 2 of its trailer.
    #expect(rig.seal([Rig.packet(size: 1930)]).count == 1)
    #expect(rig.seal([Rig.packet(size: 1931)]).isEmpty)
    let told = rig.station.take().map(\.bytes)
    #expect(told.map { Array($0[34...35]) } == [[3, 4]])
    #expect(told.map { Array($0[40...41]) } == [[1930 >> 8, 1930 & 0xff]])
    #expect(rig.count(.tooBig) == 1)
    _ = try rig.end()
  }

  @Test(.enabled(if: SecurityDeviceTests.python.isPresent, "needs package python3-scapy"))
  func `errors and echoes go back through the tunnel that their cause came from`() throws {
    let rig = try Self.rig()
    let ping = Array(
      Frame.ethernet(.ipv4(to: 0x0a01_0001, from: Rig.there, .icmp([1, 2, 3]))).dropFirst(14)
        .prefix(31))
    let last = Rig.packet(from: Rig.there, to: Rig.here, ttl: 1, size: 100)
    #expect(rig.open(try Self.judge("seal", [ping, last])).isEmpty)
    let back = try Self.judge("open", rig.host.take().map { Rig.packet($0.bytes) })
    #expect(back.count == 2)
    for packet in back {
      #expect(Array(packet[12..<20]) == Frame.big(0x0a01_0001 as UInt32) + Frame.big(Rig.there))
    }
    #expect(back.map { Array($0[20...21]) } == [[0, 0], [11, 0]])
    #expect(back.first.map { Array($0[28...]) } == [1, 2, 3])
    #expect(rig.count(.expired) == 1)
    _ = try rig.end()
  }

  @Test(.enabled(if: SecurityDeviceTests.python.isPresent, "needs package python3-scapy"))
  func `a packet that came in two buffers leaves the tunnel in one`() throws {
    let rig = try Self.rig()
    let packets = (0..<2).map { _ in Rig.packet(from: Rig.there, to: Rig.here, size: 1970) }
    let sealed = try Self.judge("seal", packets)
    #expect(sealed.map(\.count) == [2024, 2024])
    // The other one has something behind it, which is nobody's.
    let opened = rig.open([sealed[0], sealed[1] + [1, 2, 3]])
    #expect(opened.map { Rig.packet($0) } == packets.map { Rig.withTTL(63, $0) })
    // So much that a piece holds nothing else.
    let short = try Self.judge(
      "seal", [Rig.packet(from: Rig.there, to: Rig.here, size: 60)], first: 3)
    #expect(rig.open([short[0] + [UInt8](repeating: 1, count: 1950)]).isEmpty)
    #expect(rig.count(.malformed) == 1)
    #expect(rig.open([short[0] + [1]]).count == 1)
    _ = try rig.end()
  }

  // MARK: Scarcity and the end

  @Test func `without buffers packets are dropped, counted, and none is lost`() throws {
    // Two are the descriptors', and one is for a packet: none is left for what SEC makes of it.
    let rig = try Rig(Rig.Side([Rig.tunnel()]), buffers: 3)
    #expect(rig.seal((0..<5).map { Rig.packet(size: 60 + $0) }).isEmpty)
    #expect(rig.count(.refused) == 5)
    let report = try rig.end(buffers: 3)
    #expect(report.tunnels.map(\.toPeer.refused) == [5])
  }

  @Test func `as it ends it gives back everything, and no key stays behind`() throws {
    let transform = SharedDescriptor.Transform.gcm(
      key: [UInt8](repeating: 0xd7, count: 16), salt: 0xd7d7_d7d7)
    let rig = try Rig(Rig.Side([Rig.tunnel(transform)]))
    let pool = rig.simulation.engine.memory[1].pools[0]
    func hasKey() -> Bool {
      (0..<pool.size - 15).contains { start in
        (0..<16).allSatisfy {
          pool.memory.load(fromByteOffset: start + $0, as: UInt8.self) == 0xd7
        }
      }
    }
    #expect(hasKey())
    // In the midst of its work.
    #expect(rig.station.send(Rig.frame(Rig.packet(size: 100), to: Rig.clearMAC), to: 203))
    rig.simulation.engine.round()
    rig.gateway.end()
    rig.run()
    _ = rig.host.take()
    rig.run()
    #expect(rig.simulation.freeBuffers == [64, 64, 64])
    #expect(!hasKey())
  }

  @Test func `tunnels that contradict themselves are no configuration`() throws {
    func refuses(_ change: (inout Rig.Side) -> Void) -> Bool {
      var side = Rig.Side([Rig.tunnel()])
      change(&side)
      let configuration = Rig.configuration(side)
      do {
        let grant = try configuration.grant(ofOwner: 1)
        _ = try BuiltInProgram(grant)
        return false
      } catch {
        return true
      }
    }
    #expect(!refuses { _ in })
    #expect(refuses { $0.tunnels[0].peer = NetworkAddress(ipv4: 0x0809_0a0b) })
    #expect(refuses { $0.tunnels[0].peer = NetworkAddress(ipv4: Rig.here) })
    #expect(refuses { $0.tunnels[0].peer = NetworkAddress(high: 0xfd00 << 48, low: 1) })
    #expect(refuses { $0.tunnels[0].local = NetworkAddress(ipv4: Rig.here) })
    #expect(refuses { $0.tunnels[0].networks = [] })
    #expect(
      refuses {
        $0.tunnels[0].networks.append(
          NetworkPrefix(address: NetworkAddress(high: 0xfd00 << 48, low: 0), length: 8))
      })
    #expect(refuses { $0.tunnels.append($0.tunnels[0]) })
    #expect(refuses { $0.tunnels[0].out.key = .bytes([1, 2, 3]) })
    #expect(refuses { $0.tunnels[0].into.key = .file("/nowhere/at/all", count: 20) })
    #expect(
      refuses { side in
        side.tunnels = (0..<3).map {
          var tunnel = side.tunnels[0]
          tunnel.into.spi += UInt32($0)
          return tunnel
        }
      })
  }
}
