import DPAAPortal
public import Partitioning

// SAFETY: the switchboard and its clients are used by one thread.
/// What connects the MACs of several clients, as their plan does: links lead from guest to guest or to
/// the host, and a network interface gives what is played into it to whom its rules name.
public final class Switchboard {
  /// A client's MAC.
  private struct End: Hashable {
    var client: Int
    var mac: Int
  }

  private enum Target {
    case mac(End)
    case host(address: [UInt8])
    case interface(Int)
    case nowhere
  }

  /// A network interface that the clients share.
  private final class Interface {
    let name: String
    let classifier: Classifier
    var replay: CaptureReader?
    /// The MACs of the owners that have one on it, by the owner's place.
    var ends: [Int: End] = [:]
    var hasBegun = false
    /// Since when all MACs on it receive; `nil` while one does not.
    var readySince: UInt64?
    var played: [Int: UInt64] = [:]
    var sent: UInt64 = 0

    init(_ interface: SharedInterface, replay: String?) throws(EngineError) {
      name = interface.name
      classifier = try Classifier(interface.rules)
      if let replay { self.replay = try CaptureReader(path: replay) }
    }
  }

  private var targets: [[Target]] = []
  private var interfaces: [Interface] = []
  private let names: [String]
  /// The engines of the clients that are served now.
  private var engines: [AttachEngine?]

  /// How many nanoseconds an interface waits after the last MAC has come up: Linux opens a MAC's filter
  /// only after the MAC (`drivers/net/ethernet/freescale/dpaa/dpaa_eth.c`, `dpaa_set_rx_mode`).
  static let settlingTime: UInt64 = 2_000_000_000
  /// How many frames an interface plays before everybody else has a turn.
  private static let burst = 8

  /// Connects the clients of a plan.
  ///
  /// - Parameters:
  ///   - partition: The plan.
  ///   - clients: The clients' parts of it.
  ///   - replays: The capture that each interface plays, by its name.
  /// - Throws: ``EngineError`` for a capture that cannot be played.
  public init(
    _ partition: Partition, clients: [AttachPlan], replays: [String: String] = [:]
  ) throws(EngineError) {
    names = partition.owners.map(\.name)
    engines = clients.map { _ in nil }
    for interface in partition.interfaces {
      interfaces.append(try Interface(interface, replay: replays[interface.name]))
    }
    for name in replays.keys.sorted() where !interfaces.contains(where: { $0.name == name }) {
      throw .noInterface(name, interfaces.map(\.name))
    }
    for (client, own) in clients.enumerated() {
      var row: [Target] = []
      for (mac, virtual) in own.macs.enumerated() {
        let path = partition.owners[own.owner].paths[virtual.path]
        if !path.isLink {
          let place = interfaces.firstIndex { $0.name == path.name }
          if let place {
            interfaces[place].ends[own.owner] = End(client: client, mac: mac)
            row.append(.interface(place))
          } else {
            row.append(.nowhere)
          }
          continue
        }
        let peer = partition.owners.firstIndex { $0.name == path.name }
        let other = clients.firstIndex { $0.owner == peer }
        if let other {
          // The peer's way back bears this owner's name.
          let back = clients[other].macs.firstIndex {
            let way = partition.owners[clients[other].owner].paths[$0.path]
            return way.isLink && way.name == partition.owners[own.owner].name
          }
          row.append(back.map { .mac(End(client: other, mac: $0)) } ?? .nowhere)
        } else if let peer, partition.owners[peer].isHost {
          row.append(.host(address: [0x02, 0xff, 0, UInt8(truncatingIfNeeded: own.owner), 0, 0]))
        } else {
          row.append(.nowhere)
        }
      }
      targets.append(row)
    }
  }

  /// Notes which engine serves a client from now on.
  func connect(_ client: Int, to engine: AttachEngine?) {
    engines[client] = engine
    engine?.setOutlet { [unowned self] frame, mac, now in
      carry(frame, from: client, mac: mac, now: now)
    }
  }

  /// Brings a frame of a client's MAC to where it leads.
  ///
  /// - Returns: Whether the frame was turned into an answer for the sender.
  private func carry(
    _ frame: UnsafeMutableRawBufferPointer, from client: Int, mac: Int, now: UInt64
  ) -> Bool {
    switch targets[client][mac] {
    case .mac(let end):
      engines[end.client]?.receive(UnsafeRawBufferPointer(frame), on: end.mac, now: now)
      return false
    case .host(let address): return HostAnswers.answer(frame, as: address)
    case .interface(let place):
      interfaces[place].sent += 1
      return false
    case .nowhere: return false
    }
  }

  /// Plays captures: each begins when all clients on its interface have had their MACs up for a while.
  ///
  /// - Returns: Whether there was anything.
  func step(now: UInt64) -> Bool {
    var isBusy = false
    for interface in interfaces where play(interface, now: now) { isBusy = true }
    return isBusy
  }

  private func play(_ interface: Interface, now: UInt64) -> Bool {
    guard interface.replay != nil, !interface.ends.isEmpty else { return false }
    if !interface.hasBegun {
      let isReady = interface.ends.values.allSatisfy {
        engines[$0.client]?.isReceiving($0.mac) ?? false
      }
      interface.readySince = isReady ? interface.readySince ?? now : nil
      guard let since = interface.readySince, now &- since >= Self.settlingTime else {
        return false
      }
      interface.hasBegun = true
    }
    for count in 0..<Self.burst {
      guard let frame = interface.replay?.peek() else { return count > 0 }
      if frame.wireLength <= frame.bytes.count, frame.bytes.count >= 14,
        let start = frame.bytes.baseAddress
      {
        let parsed = ParsedFrame(start, count: frame.bytes.count)
        let rule = interface.classifier.classify(parsed, frame.bytes)
        for owner in interface.classifier.receivers(of: rule) {
          if let end = interface.ends[owner] {
            engines[end.client]?.receive(frame.bytes, on: end.mac, now: now)
          }
          interface.played[owner, default: 0] += 1
        }
      }
      interface.replay?.advance()
    }
    return true
  }

  /// What each interface gave to whom, a line for each that played something.
  var summaries: [String] {
    interfaces.filter { !$0.played.isEmpty || $0.sent > 0 }.map { interface in
      let shares = interface.played.sorted { $0.key < $1.key }
        .map { ", \(names[$0.key]) \($0.value)" }.joined()
      return "interface \(interface.name) sent \(interface.sent)\(shares)"
    }
  }
}
