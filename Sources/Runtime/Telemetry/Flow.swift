import DPAAPortal
import Partitioning
import QorIQ

/// The six ways that frames take in a partitioned machine, as the talk names them.
public enum FlowKind: String, Sendable, CaseIterable {
  /// From the wire to the host.
  case receiveHost = "Rx host"
  /// From the wire to a guest.
  case receiveGuest = "Rx guest"
  /// From the host to the wire.
  case transmitHost = "Tx host"
  /// From a guest to the wire.
  case transmitGuest = "Tx guest"
  /// Between a guest and the host, in either direction.
  case guestHost = "guest-host"
  /// From guest to guest.
  case guestGuest = "guest-guest"
}

/// One way of frames, counted at its owner's end.
struct Flow {
  var from: String
  var to: String
  var kind: FlowKind
  /// The owner at whose end it is counted, and which of its paths it is.
  var owner: Int
  var path: Int
  /// Whether it ends there.
  var isReceived: Bool
  /// Who enqueues its frames, and to which queue; `nil` for frames from the wire.
  var source: (owner: Int, queue: UInt32)?
  /// The queue behind an offline port that its frames reach last; 0 for none.
  var last: UInt32 = 0
  /// The interface that it comes from.
  var interface: Int?

  /// The counter of its frames in its owner's status page.
  var counter: Int {
    isReceived ? GuestStatus.received(path: path) : GuestStatus.sent(path: path)
  }
}

extension RuntimeConfiguration {
  /// The flows, owner by owner and path by path; a link's frames are counted where they arrive.
  func flows() -> [Flow] {
    var flows: [Flow] = []
    for (index, owner) in owners.enumerated() {
      for (place, path) in owner.paths.enumerated() {
        let link = links.first { $0.to == index && path.receive.contains($0.receive) }
        let peer = owners.first { $0.name == path.name }
        let isWithHost = owner.isHost || peer?.isHost == true
        flows.append(
          Flow(
            from: path.name, to: owner.name,
            kind: path.isLink
              ? isWithHost ? .guestHost : .guestGuest : owner.isHost ? .receiveHost : .receiveGuest,
            owner: index, path: place, isReceived: true,
            source: link.map { ($0.from, $0.transmit.rawValue) },
            last: link?.receive.rawValue ?? 0,
            interface: path.isLink ? nil : interfaces.firstIndex { $0.name == path.name }))
        guard !path.isLink else { continue }
        flows.append(
          Flow(
            from: owner.name, to: path.name, kind: owner.isHost ? .transmitHost : .transmitGuest,
            owner: index, path: place, isReceived: false,
            source: (index, path.transmit.rawValue)))
      }
    }
    return flows
  }
}
