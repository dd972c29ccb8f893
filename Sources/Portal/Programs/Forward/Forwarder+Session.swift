import QorIQ

/// A router at work on a guest's portals: who asks, and what waits for an answer.
struct ForwardProgram: ~Copyable {
  var forwarder: Forwarder
  /// The queues of its tunnels, and the neighbours to whom the packets of each go. Spelled out, as `?` would
  /// first make it `nil`.
  var queues: Optional<TunnelQueues>
  let peers: [NetworkAddress]
  /// Frames that wait for a neighbour's MAC address, and for whose, in the same order.
  private var waiting = Burst()
  private var targets: [Target] = []
  private struct Target {
    var neighbour: NetworkAddress
    var path: Int
    /// The way that the frame came on; `nil` when it is a packet of this guest's own.
    var arrival: Int?
    var since: UInt64
    var buffers: Int
  }
  /// How many buffers may wait: half of the smallest pool stays for questions and for what has its neighbour.
  private let mostWaiting: Int
  /// How many do.
  private var waitingBuffers = 0
  private(set) var now: UInt64 = 0
  /// After so long nobody answers any more.
  private static let patience: UInt64 = 3_000_000_000

  init(
    _ settings: ForwardSettings, tunnels: TunnelSettings? = nil, _ grant: GuestGrant
  ) throws(GuestError) {
    let mtus = grant.paths.map(\.mtu)
    let room = TunnelQueues.pool(of: grant).map { Int($0.size) - Buffer.headroom } ?? 0
    var gate: TunnelGate?
    if let tunnels { gate = try TunnelGate(tunnels, mtus: mtus, room: room) }
    // Locals first: a value that cannot be copied must not be half made when something throws.
    let forwarder = try Forwarder(settings, mtus: mtus, gate: gate)
    var peers: [NetworkAddress] = []
    for tunnel in tunnels?.tunnels ?? [] {
      guard let neighbour = forwarder.neighbour(towards: tunnel.peer) else { throw .badGrant }
      peers.append(neighbour)
    }
    let queues = try Self.queues(tunnels, grant)
    self.queues = queues
    self.forwarder = forwarder
    self.peers = peers
    let buffers = grant.pools.map { Int($0.count) }.min() ?? 0
    mostWaiting = buffers / 2
    targets.reserveCapacity(Burst.capacity)
  }

  private static func queues(
    _ tunnels: TunnelSettings?, _ grant: GuestGrant
  ) throws(GuestError) -> TunnelQueues? {
    guard let tunnels else { return nil }
    return try TunnelQueues(tunnels, grant)
  }

  /// Says what time it is, for what is handled until the next step.
  mutating func begin(at now: UInt64) { self.now = now }

  /// Whether it pays to look ahead over frames that are handled next.
  var looksAhead: Bool { forwarder.looksAhead }

  /// Looks ahead over frames that are handled next.
  func lookAhead(_ arrived: borrowing Burst) {
    for place in 0..<arrived.count { forwarder.lookAhead(arrived[place].frame) }
  }

  /// Handles a frame of a way.
  mutating func handle(
    _ buffer: consuming Buffer, path: Int, portal: Int, of session: inout GuestSession
  ) {
    decide(buffer, path: path, portal: portal, of: &session)
    // What waited for this very answer goes before what comes behind it.
    if forwarder.hasNews { _ = settle(&session) }
  }

  private mutating func decide(
    _ buffer: consuming Buffer, path: Int, portal: Int, of session: inout GuestSession
  ) {
    guard let head = session.portals[portal].head(of: buffer) else {
      return drop(buffer, .ignored, portal: portal, of: &session)
    }
    let whole = Int(buffer.descriptor.length)
    let verdict = forwarder.handle(
      head.bytes, whole: whole, room: head.room, path: path, now: now)
    carryOut(verdict, buffer, from: path, portal: portal, of: &session)
  }

  /// Does with a frame what was decided; `arrival` is the way that it came on, if it is not this guest's own.
  mutating func carryOut(
    _ verdict: Forwarder.Verdict, _ buffer: consuming Buffer, from arrival: Int?, portal: Int,
    of session: inout GuestSession
  ) {
    var buffer = buffer
    switch verdict {
    case .send(let path, let length, let counter):
      // A frame in pieces that goes on is as long as it came; what tells its sender why not is short.
      let isLong = counter == .forwarded || counter == .answered
      if buffer.descriptor.isScattered, !isLong {
        buffer = session.portals[portal].firstPiece(of: buffer)
      }
      if !buffer.descriptor.isScattered {
        buffer.descriptor.formatLength = buffer.descriptor.offset << 20 | UInt32(length)
      }
      if let gate = forwarder.gate, path >= gate.firstPath {
        // It goes on when SEC has answered.
        if counter != .forwarded { session.status.addCounter(counter.offset, 1) }
        ask(buffer, tunnel: path - gate.firstPath, into: true, portal: portal, of: &session)
      } else {
        send(buffer, on: path, counter, portal: portal, of: &session)
      }
    case .open(let tunnel):
      ask(buffer, tunnel: tunnel, into: false, portal: portal, of: &session)
    case .drop(let counter): drop(buffer, counter, portal: portal, of: &session)
    case .hold(let neighbour, let path):
      let pieces = buffer.descriptor.isScattered ? session.portals[portal].pieces(of: buffer) : nil
      // A table has a buffer, too.
      let buffers = pieces.map { $0.count + 1 } ?? 1
      guard waiting.room > 0, waitingBuffers + buffers <= mostWaiting else {
        return drop(buffer, .unresolved, portal: portal, of: &session)
      }
      waiting.append(buffer)
      waitingBuffers += buffers
      targets.append(
        Target(
          neighbour: neighbour, path: path, arrival: arrival, since: now, buffers: buffers))
    }
  }

  func drop(
    _ buffer: consuming Buffer, _ counter: GuestStatus.Counter, portal: Int,
    of session: inout GuestSession
  ) {
    session.status.addCounter(counter.offset, 1)
    session.status.addCounter(GuestStatus.Counter.consumed.offset, 1)
    session.portals[portal].giveBack(buffer)
  }

  private func send(
    _ buffer: consuming Buffer, on path: Int, _ counter: GuestStatus.Counter, portal: Int,
    of session: inout GuestSession
  ) {
    session.status.addCounter(counter.offset, 1)
    session.noteDeparture(path: path)
    session.portals[portal].enqueue(waitingForRoom: buffer, to: session.grant.paths[path].transmit)
  }

  /// Asks for neighbours, and lets those frames go whose neighbour has answered or will not; `false` when
  /// there was nothing to do.
  mutating func settle(_ session: inout GuestSession) -> Bool {
    var isBusy = false
    // A question for which there is no buffer now waits for one.
    while let (neighbour, path) = forwarder.questions.first,
      ask(for: neighbour, on: path, &session)
    {
      _ = forwarder.takeQuestion()
      isBusy = true
    }
    guard !waiting.isEmpty else {
      forwarder.hasNews = false
      return isBusy
    }
    guard forwarder.hasNews || now &- targets[0].since > Self.patience / 3 else {
      return isBusy
    }
    forwarder.hasNews = false
    for _ in 0..<waiting.count {
      guard let buffer = waiting.removeFirst() else { break }
      let target = targets.removeFirst()
      waitingBuffers -= target.buffers
      guard let head = session.portals[0].head(of: buffer) else {
        drop(buffer, .ignored, portal: 0, of: &session)
        continue
      }
      var verdict = Forwarder.Verdict.drop(.unresolved)
      if now &- target.since < Self.patience {
        verdict = forwarder.send(head.bytes, to: target.neighbour, path: target.path, now: now)
      }
      switch verdict {
      case .send(let path, _, let counter):
        send(buffer, on: path, counter, portal: 0, of: &session)
        isBusy = true
      case .drop:
        if let path = target.arrival {
          verdict = forwarder.unreachable(head.bytes, head.room, path, now)
        }
        carryOut(verdict, buffer, from: nil, portal: 0, of: &session)
        isBusy = true
      case .open:
        // Nobody waits for a neighbour in order to be taken out of a tunnel.
        drop(buffer, .ignored, portal: 0, of: &session)
      case .hold:
        waiting.append(buffer)
        waitingBuffers += target.buffers
        targets.append(target)
      }
    }
    return isBusy
  }

  /// Whether frames wait for a neighbour or questions for a buffer, so that time has to be looked at.
  var isWaiting: Bool {
    if !waiting.isEmpty || !forwarder.questions.isEmpty { return true }
    return switch queues {
    case .some(let queues): queues.isWaiting
    case .none: false
    }
  }

  /// Gives up what waits, as the run ends.
  mutating func giveUp(_ session: inout GuestSession) {
    while let buffer = waiting.removeFirst() {
      drop(buffer, .unresolved, portal: 0, of: &session)
    }
    targets.removeAll(keepingCapacity: true)
    waitingBuffers = 0
    while forwarder.takeQuestion() != nil {}
  }

  /// Asks for a neighbour; `false` when there is no buffer now.
  private func ask(
    for neighbour: NetworkAddress, on path: Int, _ session: inout GuestSession
  ) -> Bool {
    let needed = Forwarder.questionLength + Buffer.headroom
    guard let pool = session.grant.pools.first(where: { Int($0.size) >= needed }) else {
      return true
    }
    guard var buffer = session.portals[0].acquire(from: pool.bpid) else { return false }
    buffer.setLength(Forwarder.questionLength)
    guard let length = forwarder.fillQuestion(buffer.frame, for: neighbour, on: path) else {
      session.portals[0].giveBack(buffer)
      return true
    }
    buffer.setLength(length)
    session.status.addCounter(GuestStatus.Counter.originated.offset, 1)
    send(buffer, on: path, .asked, portal: 0, of: &session)
    return true
  }
}
