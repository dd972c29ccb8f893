import Diagnostics
import Partitioning
import QorIQ
import Security
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// What a gateway counts of its tunnels, and what a run says of that.
@Suite(
  .enabled(
    if: SecurityLibrary.allCases.allSatisfy { $0.problem == nil },
    "needs package libipsec-mb-dev"), .timeLimit(.minutes(5)))
struct TunnelCountTests {
  typealias Rig = GatewayRig

  /// What counts of a direction of a tunnel are, by their names in JSON.
  private static func direction(
    _ spi: UInt32, _ packets: UInt64, notAuthentic: UInt64 = 0, replayed: UInt64 = 0,
    refused: UInt64 = 0
  ) -> RunReport.TunnelReport.Direction {
    RunReport.TunnelReport.Direction(
      spi: spi, packets: packets, notAuthentic: notAuthentic, replayed: replayed, refused: refused)
  }

  @Test func `each direction of each tunnel has counts of its own`() throws {
    let spi = GatewayRig.spi
    var other = Rig.tunnel(networks: [NetworkPrefix(ipv4: 0x0a03_0000, length: 16)])
    (other.out.spi, other.into.spi) = (spi + 1, spi + 2)
    let rig = try Rig(Rig.Side([Rig.tunnel(), other]))
    /// Packets for a network, enciphered, and then as if the peer had sent them.
    func sealed(_ count: Int, to destination: UInt32, index: UInt32) -> [[UInt8]] {
      let packets = (0..<count).map { Rig.packet(to: destination, size: 60 + $0) }
      return rig.seal(packets).map { frame in
        var packet = Rig.packet(frame)
        packet.replaceSubrange(12..<20, with: Array(packet[16..<20] + packet[12..<16]))
        packet.replaceSubrange(20..<24, with: Frame.big(index))
        return packet
      }
    }
    let first = sealed(3, to: Rig.there, index: spi)
    let second = sealed(5, to: 0x0a03_0001, index: spi + 2)
    #expect(rig.open(first + first + first[0..<1]).isEmpty)
    // Another index is authenticated, too.
    #expect(rig.open(second).isEmpty)
    let expected = [
      (Self.direction(spi, 3), Self.direction(spi, 3, replayed: 4)),
      (Self.direction(spi + 1, 5), Self.direction(spi + 2, 0, notAuthentic: 5)),
    ]
    let live = LiveDisplay.tunnelTable(rig.simulation.engine)
    let report = try rig.end()
    #expect(report.tunnels.map(\.toPeer) == expected.map(\.0))
    #expect(report.tunnels.map(\.fromPeer) == expected.map(\.1))
    let table = """

      tunnel     owner   way       index  packets  not authentic  replayed  refused
      192.0.2.1  guest1  out  0x12345678        3                                 0
      192.0.2.1  guest1  in   0x12345678        3              0         4        0
      192.0.2.1  guest1  out  0x12345679        5                                 0
      192.0.2.1  guest1  in   0x1234567a        0              5         0        0

      """
    #expect(live == table)
    #expect(report.text.contains(table))
    #expect(
      report.json.text.filter { !$0.isWhitespace }.contains(
        #""in":{"spi":305419898,"packets":0,"notAuthentic":5,"replayed":0,"refused":0}"#))
  }

  @Test func `tunnels keep their counts when a plan brings them to other places`() throws {
    func tunnel(_ network: UInt32) -> GuestProgram.Tunnel {
      var tunnel = Rig.tunnel(networks: [NetworkPrefix(ipv4: network, length: 16)])
      (tunnel.out.spi, tunnel.into.spi) = (network, network + 1)
      return tunnel
    }
    let rig = try Rig(Rig.Side([tunnel(0x0a02_0000), tunnel(0x0a03_0000)]))
    let engine = rig.simulation.engine
    func counts(_ place: Int) -> [UInt64] {
      [true, false].flatMap { into in
        GuestStatus.TunnelCounter.allCases.map {
          engine.memory[1].status.memory.counter($0.offset(tunnel: place, into: into))
        }
      }
    }
    for place in 0..<2 {
      for into in [true, false] {
        for counter in GuestStatus.TunnelCounter.allCases {
          engine.memory[1].status.memory.setCounter(
            counter.offset(tunnel: place, into: into),
            UInt64(100 * place + 10 * counter.rawValue + (into ? 1 : 2)))
        }
      }
    }
    let second = counts(1)
    for networks in [[0x0a03_0000, 0x0a04_0000], [0x0a04_0000, 0x0a03_0000]] as [[UInt32]] {
      try rig.simulation.apply(Rig.configuration(Rig.Side(networks.map(tunnel))))
      let place = networks[0] == 0x0a03_0000 ? 0 : 1
      #expect(counts(place) == second)
      #expect(counts(1 - place).allSatisfy { $0 == 0 }, "a tunnel of its own")
    }
  }

  @Test func `a tunnel's counters lie behind those of the ways, within the page`() {
    let offsets = (0..<TunnelSettings.limit).flatMap { tunnel in
      [true, false].flatMap { into in
        GuestStatus.TunnelCounter.allCases.map { $0.offset(tunnel: tunnel, into: into) }
      }
    }
    #expect(Set(offsets).count == offsets.count)
    #expect(offsets.allSatisfy { $0 % 8 == 0 && $0 + 8 <= GuestStatus.size })
    #expect(offsets.min() == GuestStatus.received(path: GuestGrant.limit))
    #expect(GuestProgram.TunnelProgram.limit == TunnelSettings.limit)
  }

  @Test func `whatever a guest writes as its tunnels' counts can be printed`() throws {
    let rig = try Rig(Rig.Side([Rig.tunnel()]))
    for counter in GuestStatus.TunnelCounter.allCases {
      for into in [true, false] {
        rig.simulation.engine.memory[1].status.memory.setCounter(
          counter.offset(tunnel: 0, into: into), .max)
      }
    }
    let report = try rig.end()
    #expect(report.tunnels.map(\.fromPeer.refused) == [.max])
    #expect(report.text.contains("18446744073709551615"))
    #expect(report.json.text.contains("18446744073709551615"))
  }
}
