import DPAAPortal
import Diagnostics
import Partitioning
public import QorIQ

extension RunReport {
  /// What went through one tunnel of a gateway, as that counted.
  public struct TunnelReport: Sendable, Equatable {
    /// The gateway.
    public let owner: String
    /// The tunnel's other end.
    public let peer: NetworkAddress
    /// What SEC put into it, for the peer.
    public let toPeer: Direction
    /// What SEC took out of it, from the peer.
    public let fromPeer: Direction

    /// One direction of a tunnel.
    public struct Direction: Sendable, Equatable {
      /// The index that its packets bear.
      public let spi: UInt32
      /// Packets that SEC enciphered, or deciphered.
      public let packets: UInt64
      /// Packets that were not authentic.
      public let notAuthentic: UInt64
      /// Packets that had been there before or were too old.
      public let replayed: UInt64
      /// Packets that SEC refused for another reason.
      public let refused: UInt64
    }
  }
}

extension RunReport.TunnelReport {
  /// The tunnels of all gateways, as their guests count in their pages now; not of those in whose place there is
  /// a machine.
  static func all(_ engine: Engine, machines: Set<Int> = []) -> [RunReport.TunnelReport] {
    engine.configuration.owners.enumerated().flatMap { index, owner in
      guard case .ipsec(let gateway) = owner.program, !machines.contains(index) else {
        return [] as [RunReport.TunnelReport]
      }
      let page = engine.memory[index].status.memory
      return gateway.tunnels.prefix(GuestStatus.tunnelLimit).enumerated().map { place, tunnel in
        func direction(_ spi: UInt32, into: Bool) -> Direction {
          func count(_ counter: GuestStatus.TunnelCounter) -> UInt64 {
            page.counter(counter.offset(tunnel: place, into: into))
          }
          return Direction(
            spi: spi, packets: count(.packets), notAuthentic: count(.notAuthentic),
            replayed: count(.replayed), refused: count(.refused))
        }
        return RunReport.TunnelReport(
          owner: owner.name, peer: tunnel.peer,
          toPeer: direction(tunnel.out.spi, into: true),
          fromPeer: direction(tunnel.into.spi, into: false))
      }
    }
  }

  /// Tunnels for people, a line for each direction, by the words of plans; the first `most` tunnels.
  static func table(_ tunnels: [RunReport.TunnelReport], most: Int = .max) -> String {
    guard !tunnels.isEmpty else { return "" }
    var table = TextTable([
      ("tunnel", .left), ("owner", .left), ("way", .left), ("index", .right), ("packets", .right),
      ("not authentic", .right), ("replayed", .right), ("refused", .right),
    ])
    for tunnel in tunnels.prefix(most) {
      let (peer, out, back) = ("\(tunnel.peer)", tunnel.toPeer, tunnel.fromPeer)
      // What is put in is neither false nor old.
      table.add([
        peer, tunnel.owner, "out", out.index, "\(out.packets)", "", "", "\(out.refused)",
      ])
      table.add([
        peer, tunnel.owner, "in", back.index, "\(back.packets)", "\(back.notAuthentic)",
        "\(back.replayed)", "\(back.refused)",
      ])
    }
    return table.text + (tunnels.count > most ? "… and \(tunnels.count - most) more\n" : "")
  }

  /// A tunnel for programs.
  var json: JSONValue {
    [
      "owner": .string(owner), "peer": .string("\(peer)"),
      "out": [
        "spi": JSONValue(toPeer.spi), "packets": JSONValue(toPeer.packets),
        "refused": JSONValue(toPeer.refused),
      ],
      "in": [
        "spi": JSONValue(fromPeer.spi), "packets": JSONValue(fromPeer.packets),
        "notAuthentic": JSONValue(fromPeer.notAuthentic),
        "replayed": JSONValue(fromPeer.replayed), "refused": JSONValue(fromPeer.refused),
      ],
    ]
  }
}

extension RunReport.TunnelReport.Direction {
  /// The index as plans write it.
  fileprivate var index: String { "0x" + String(spi, radix: 16) }
}
