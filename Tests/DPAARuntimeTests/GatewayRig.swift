import DPAAPortal
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

/// A gateway in guest1's place: the host stands for the network of enciphered packets, guest2 for that in clear.
struct GatewayRig {
  /// What a gateway is and knows; 192.0.2.1 is the peer, as `esp.py` has it, behind another router.
  struct Side {
    var clear: [NetworkPrefix] = [NetworkPrefix(ipv4: 0x0a01_0001, length: 24)]
    var cipher: [NetworkPrefix] = [NetworkPrefix(ipv4: local, length: 24)]
    var routes = [
      NetworkRoute(
        to: NetworkPrefix(ipv4: 0xc000_0200, length: 24), via: NetworkAddress(ipv4: router))
    ]
    var bypasses = false
    var tunnels: [GuestProgram.Tunnel]

    init(_ tunnels: [GuestProgram.Tunnel]) { self.tunnels = tunnels }
  }

  /// The tunnels' security parameters index.
  static let spi: UInt32 = 0x1234_5678
  static let local: UInt32 = 0xc633_6401
  static let router: UInt32 = 0xc633_64fe
  static let peer: UInt32 = 0xc000_0201
  /// A station in clear, and one behind the peer.
  static let here: UInt32 = 0x0a01_0007
  static let there: UInt32 = 0x0a02_0009
  /// The gateway's MAC addresses.
  static let clearMAC: UInt64 = 0x0200_0a01_0001
  static let cipherMAC: UInt64 = 0x0200_c633_6401
  /// The pairs of queues into SEC: requests, and answers.
  private static let requests: [FQID] = [110, 111, 112, 113]
  private static let responses: [FQID] = [114, 115, 116, 117]

  let simulation: Simulation
  var host: Guest { simulation.guests[0] }
  var gateway: Guest { simulation.guests[1] }
  var station: Guest { simulation.guests[2] }

  static func tunnel(
    _ transform: SharedDescriptor.Transform = .gcm(key: [UInt8](1...16), salt: 7),
    networks: [NetworkPrefix] = [NetworkPrefix(ipv4: 0x0a02_0000, length: 16)],
    isExtended: Bool = false
  ) -> GuestProgram.Tunnel {
    let kind: TunnelTransform
    let key: [UInt8]
    switch transform {
    case .gcm(let bytes, let salt): (kind, key) = (.gcm, bytes + QueueClient.big(salt, 4))
    case .cbcWithHMAC(let bytes, let other): (kind, key) = (.cbcWithHMAC, bytes + other)
    }
    let direction = TunnelDirection(spi: spi, key: .bytes(key))
    return GuestProgram.Tunnel(
      peer: NetworkAddress(ipv4: peer), networks: networks, transform: kind, out: direction,
      into: direction, isExtended: isExtended)
  }

  static func configuration(_ side: Side, buffers: UInt32 = 64) -> RuntimeConfiguration {
    let program = GuestProgram.TunnelProgram(
      router: .init(
        ways: [
          .init(path: "guest2", addresses: side.clear), .init(path: "host", addresses: side.cipher),
        ], routes: side.routes), cipher: "host", bypasses: side.bypasses, tunnels: side.tunnels)
    var configuration = Talk.configuration(
      programs: [.sink, .ipsec(program), .sink], buffers: [64, buffers, 64])
    // Its neighbours may have frames that it has no buffer for.
    for owner in [0, 2] {
      configuration.owners[owner].pools[0].bufferSize = 4096
      configuration.owners[owner].pools[0].bufferStride = 4160
    }
    configuration.queueing[1] = .init(accelerators: [
      AcceleratorUse(
        kind: .sec, mode: .poll, channel: 0x840, requests: requests, responses: responses,
        liodns: [], weight: 1)
    ])
    return configuration
  }

  init(_ side: Side, buffers: UInt32 = 64) throws {
    simulation = try Simulation(Self.configuration(side, buffers: buffers))
    // Both neighbours make themselves known.
    toStation(
      Frame.ethernet(to: Self.clearMAC, .arp(for: 0x0a01_0001, from: Self.here)))
    toHost(Frame.ethernet(to: Self.cipherMAC, .arp(for: Self.local, from: Self.router)))
    run()
    _ = host.take()
    _ = station.take()
  }

  func run() { simulation.run(active: [1]) }

  /// Ends the gateway: everything adds up then, and every buffer is in its pool.
  func end(buffers: UInt32 = 64) throws -> RunReport {
    gateway.end()
    run()
    #expect(simulation.freeBuffers == [64, buffers, 64])
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    return report
  }

  /// Has a neighbour send a frame to the gateway: the one in clear, or that of the enciphered packets.
  private func toStation(_ frame: [UInt8]) { #expect(station.send(frame, to: 203)) }
  private func toHost(_ frame: [UInt8]) { #expect(host.send(frame, to: 5)) }

  /// Has a station in clear make itself known; what the gateway has for it.
  func introduce(_ address: UInt32) -> [[UInt8]] {
    toStation(Frame.ethernet(to: Self.clearMAC, .arp(for: 0x0a01_0001, from: address)))
    run()
    return station.take().map(\.bytes)
  }

  /// Sends packets in clear; the frames that leave on the other side.
  func seal(_ packets: [[UInt8]]) -> [[UInt8]] {
    for packet in packets {
      toStation(Self.frame(packet, to: Self.clearMAC))
      run()
    }
    return host.take().map(\.bytes)
  }

  /// Sends enciphered packets; the frames that leave on the other side.
  func open(_ packets: [[UInt8]]) -> [[UInt8]] {
    for packet in packets {
      toHost(Self.frame(packet, to: Self.cipherMAC))
      run()
    }
    return station.take().map(\.bytes)
  }

  func count(_ counter: GuestStatus.Counter) -> UInt64 {
    simulation.engine.memory[1].status.memory.counter(counter.offset)
  }

  /// A packet as a frame, filled up to 60 bytes.
  static func frame(_ packet: [UInt8], to mac: UInt64) -> [UInt8] {
    let type: UInt16 = packet[0] >> 4 == 6 ? 0x86dd : 0x0800
    return Frame.ethernet(to: mac, .raw(type, packet))
  }

  /// The packet of a frame, without what fills it up.
  static func packet(_ frame: [UInt8]) -> [UInt8] {
    let packet = frame.dropFirst(14)
    let length =
      frame[14] >> 4 == 6
      ? 40 + Int(frame[18]) << 8 + Int(frame[19]) : Int(frame[16]) << 8 + Int(frame[17])
    return Array(packet.prefix(length))
  }

  static func packet(
    from source: UInt32 = here, to destination: UInt32 = there, ttl: UInt8 = 64, size: Int
  ) -> [UInt8] {
    let data = (0..<max(0, size - 28)).map { UInt8(truncatingIfNeeded: $0 &* 5) }
    let frame = Frame.ethernet(.ipv4(to: destination, from: source, .udp(to: 7, data)))
    return withTTL(ttl, Array(frame[14..<14 + max(28, size)]))
  }

  /// A neighbour's question for an address of the gateway's (RFC 4861, 4.3).
  static func solicitation(for target: NetworkAddress, from source: NetworkAddress) -> [UInt8] {
    let body: [UInt8] =
      [0, 0, 0, 0] + Frame.big(target.high) + Frame.big(target.low) + [1, 1]
      + Frame.big(Frame.source, 6)
    let addresses =
      Frame.big(source.high) + Frame.big(source.low) + Frame.big(target.high)
      + Frame.big(target.low)
    let sum = Frame.checksum(
      addresses + [0, 58] + Frame.big(UInt16(4 + body.count)) + [135, 0, 0, 0] + body)
    let frame = Frame.ethernet(
      .ipv6(
        to: (target.high, target.low), from: (source.high, source.low),
        .raw(58, [135, 0] + Frame.big(sum) + body)))
    return withTTL(255, packet(frame))
  }

  /// A packet whose hop limit is another one.
  static func withTTL(_ ttl: UInt8, _ packet: [UInt8]) -> [UInt8] {
    var packet = packet
    if packet[0] >> 4 == 6 {
      packet[7] = ttl
      return packet
    }
    packet[8] = ttl
    packet.replaceSubrange(10..<12, with: [0, 0])
    packet.replaceSubrange(10..<12, with: Frame.big(Frame.checksum(Array(packet[0..<20]))))
    return packet
  }
}
