import QorIQ

/// A router at work on a guest's portals: who asks, and what waits for an answer.
struct ForwardProgram: ~Copyable {
  private var forwarder: Forwarder
  /// Frames that wait for a neighbour's MAC address, and for whose, in the same order.
  private var waiting = Burst()
  private var targets: [(neighbour: NetworkAddress, path: Int, since: UInt64)] = []
  /// How many frames may wait: half of the smallest pool stays for questions and for what has its neighbour.
  private let mostWaiting: Int
  private var now: UInt64 = 0
  /// After so long nobody answers any more.
  private static let patience: UInt64 = 3_000_000_000

  init(_ settings: ForwardSettings, _ grant: GuestGrant) throws(GuestError) {
    let buffers = grant.pools.map { Int($0.count) }.min() ?? 0
    mostWaiting = min(Burst.capacity, buffers / 2)
    forwarder = try Forwarder(settings, mtus: grant.paths.map(\.mtu))
    targets.reserveCapacity(Burst.capacity)
  }

  /// Says what time it is, for what is handled until the next step.
  mutating func begin(at now: UInt64) { self.now = now }

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
    var buffer = buffer
    guard let head = session.portals[portal].head(of: buffer) else {
      return drop(buffer, .ignored, portal: portal, of: &session)
    }
    let whole = Int(buffer.descriptor.length)
    switch forwarder.handle(head.bytes, whole: whole, room: head.room, path: path, now: now) {
    case .send(let path, let length, let counter):
      // A frame in pieces that goes on is as long as it came; what tells its sender why not is short.
      let isLong = counter == .forwarded || counter == .answered
      if buffer.descriptor.isScattered, !isLong {
        buffer = session.portals[portal].firstPiece(of: buffer)
      }
      if !buffer.descriptor.isScattered {
        buffer.descriptor.formatLength = buffer.descriptor.offset << 20 | UInt32(length)
      }
      send(buffer, on: path, counter, portal: portal, of: &session)
    case .drop(let counter): drop(buffer, counter, portal: portal, of: &session)
    case .hold(let neighbour, let path):
      guard waiting.count < mostWaiting else {
        return drop(buffer, .unresolved, portal: portal, of: &session)
      }
      waiting.append(buffer)
      targets.append((neighbour, path, now))
    }
  }

  private func drop(
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
      guard now &- target.since < Self.patience else {
        drop(buffer, .unresolved, portal: 0, of: &session)
        isBusy = true
        continue
      }
      guard let head = session.portals[0].head(of: buffer) else {
        drop(buffer, .ignored, portal: 0, of: &session)
        continue
      }
      switch forwarder.send(head.bytes, to: target.neighbour, path: target.path, now: now) {
      case .send(let path, _, let counter):
        send(buffer, on: path, counter, portal: 0, of: &session)
        isBusy = true
      case .drop(let counter):
        drop(buffer, counter, portal: 0, of: &session)
        isBusy = true
      case .hold:
        waiting.append(buffer)
        targets.append(target)
      }
    }
    return isBusy
  }

  /// Whether frames wait for a neighbour or questions for a buffer, so that time has to be looked at.
  var isWaiting: Bool { !waiting.isEmpty || !forwarder.questions.isEmpty }

  /// Gives up what waits, as the run ends.
  mutating func giveUp(_ session: inout GuestSession) {
    while let buffer = waiting.removeFirst() {
      drop(buffer, .unresolved, portal: 0, of: &session)
    }
    targets.removeAll(keepingCapacity: true)
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
