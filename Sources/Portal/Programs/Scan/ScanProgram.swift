import QorIQ

/// A filter at work between two of a guest's ways: every frame goes through PME, in its own buffer, and on to the
/// other way unless a pattern was found.
///
/// All frames of a flow go through the same queues in the order in which they came, those without payload too. What
/// was sent again keeps its turn, so that whatever came before it is judged, and is looked through alone behind that.
struct ScanProgram: ~Copyable {
  private let settings: ScanSettings
  private let pairs: [GuestGrant.AcceleratorPair]
  private let pool: BPID?
  // SAFETY: the first `opened` of as many as there are pairs. First one for each group, for frames that stand for
  // themselves, then one for each group of each flow. Never deinitialized as a whole: a queue that could not be
  // closed holds a buffer, which ends with the guest.
  private let queues: UnsafeMutablePointer<PatternQueue>
  private var opened = 0
  /// The chains through PME, and how many of them are in service.
  private let chains: [(pair: GuestGrant.AcceleratorPair, way: Int)]
  private var openedChains = 0
  private var flows: ScanFlows
  private var now: UInt64 = 0
  private var triedAt: UInt64?
  private var hasEnded = false

  /// How long it waits before it tries again to open what could not be opened, in nanoseconds.
  private static let pause: UInt64 = 10_000_000

  /// Prepares a filter.
  ///
  /// - Throws: ``GuestError/badGrant`` for settings that contradict themselves, and
  ///   ``GuestError/missingResource(_:)`` when there are too few pairs.
  init(_ settings: ScanSettings, _ grant: GuestGrant) throws(GuestError) {
    guard settings.isSound(pathCount: grant.paths.count, chains: grant.chains)
    else { throw .badGrant }
    let pairs = grant.accelerators.filter { $0.kind == .patterns }
    guard pairs.count >= settings.groups.count else {
      throw .missingResource("pair of queues into PME for each group of patterns")
    }
    let least = UInt32(PatternQueue.alignment + PatternQueue.contextBytes)
    let pool = grant.pools.first { $0.size >= least }
    // Each queue of a stream takes a buffer: half of the pool stays for frames.
    let most = min(
      pairs.count / settings.groups.count - 1, Int(pool?.count ?? 0) / 2 / settings.groups.count)
    let count = settings.keepsStreams ? most : 0
    self.settings = settings
    self.pool = pool?.bpid
    self.pairs = Array(pairs.prefix((count + 1) * settings.groups.count))
    chains = settings.chains.map { (grant.chains[$0.place].pair, $0.way) }
    queues = .allocate(capacity: self.pairs.count)
    flows = ScanFlows(
      capacity: count, idle: UInt64(settings.idleSeconds) * 1_000_000_000,
      resumes: settings.failsOpen)
  }

  deinit { queues.deallocate() }

  private var groupCount: Int { settings.groups.count }

  // MARK: queues

  /// Says what time it is, for what is handled until the next step, and opens what is not open yet.
  mutating func begin(at now: UInt64, _ session: inout GuestSession) {
    self.now = now
    guard opened < pairs.count || openedChains < chains.count, !hasEnded else { return }
    if let triedAt, now &- triedAt < Self.pause { return }
    triedAt = now
    while opened < pairs.count, let queue = open(pairs[opened], on: &session.portals[0]) {
      (queues + opened).initialize(to: queue)
      opened += 1
    }
    flows.limit = max(0, opened / groupCount - 1)
    // A chain's queue needs no end of its own: it keeps nothing but its mode.
    while opened >= groupCount, openedChains < chains.count,
      session.portals[0].openDirect(chains[openedChains].pair) != nil
    {
      openedChains += 1
    }
  }

  private func open(
    _ pair: GuestGrant.AcceleratorPair, on portal: inout Portal
  ) -> PatternQueue? {
    guard opened >= groupCount else { return portal.openDirect(pair) }
    guard let pool else { return nil }
    return portal.openFlow(pair, from: pool)
  }

  /// Closes the queues, as the run ends.
  mutating func end(_ session: inout GuestSession) {
    hasEnded = true
    while openedChains > 0,
      session.portals[0].takeOutOfServiceWhenEmpty(chains[openedChains - 1].pair.request)
    {
      openedChains -= 1
    }
    while opened > 0 {
      let queue = (queues + opened - 1).move()
      if let again = session.portals[0].close(queue) {
        (queues + opened - 1).initialize(to: again)
        break
      }
      opened -= 1
    }
    flows.limit = 0
    // An answer to a command behind them says that the buffers which were given back have been taken: the second,
    // as the engine may be in the midst of a round at the first.
    for _ in 0..<2 { _ = session.portals[0].queueFrameCount(of: pairs[0].request) }
  }

  // MARK: frames

  /// Handles a frame of a way.
  mutating func handle(
    _ buffer: consuming Buffer, path: Int, portal: Int, of session: inout GuestSession
  ) {
    guard settings.ways.contains(path) else { return drop(buffer, .ignored, portal, &session) }
    guard opened >= groupCount, let head = session.portals[portal].head(of: buffer) else {
      return fail(buffer, path, portal, &session)
    }
    let whole = Int(buffer.descriptor.length)
    var packet =
      settings.startsAtPayload
      ? ScannedPacket(head.bytes, whole: whole, path: path) : ScannedPacket(wholeFrame: whole)
    guard ScanNote.fits(buffer, packet, head: head.bytes.count) else {
      // Headers that are longer than a descriptor can say, or a buffer without room in front of its frame.
      packet = ScannedPacket(wholeFrame: whole)
      guard settings.failsOpen, ScanNote.fits(buffer, packet, head: head.bytes.count) else {
        return fail(buffer, path, portal, &session)
      }
      session.status.addCounter(GuestStatus.Counter.unscanned.offset, 1)
      return submit(
        buffer, ScanNote(packet, path: path, formatLength: buffer.descriptor.formatLength), portal,
        &session)
    }
    var note = ScanNote(packet, path: path, formatLength: buffer.descriptor.formatLength)
    if settings.keepsStreams, packet.kind != .alone {
      var isWhole = false
      switch step(packet, buffer, head.bytes) {
      case .next(let flow, let behind, let starts):
        (note.flow, note.phase, note.starts) = (flow, .next, starts)
        // Bytes that were there before are passed over. Where there is no room to say so a stream begins with them: it
        // has them in front of what is new all the same.
        if !note.pass(over: behind, of: buffer) { note.starts = true }
        isWhole = true
      case .turn(let flow):
        (note.flow, note.phase) = (flow, .turn)
        isWhole = true
      case .again(let flow):
        (note.flow, note.phase) = (flow, .turnThenAlone)
        isWhole = true
      case .judged(let verdict): return judge(buffer, verdict, portal, &session)
      case .lost: break
      }
      if !isWhole {
        guard settings.failsOpen else { return fail(buffer, path, portal, &session) }
        session.status.addCounter(GuestStatus.Counter.unscanned.offset, 1)
      }
    }
    if note.flow >= 0 { note.order = flows.enter(note.flow) }
    submit(buffer, note, portal, &session)
  }

  /// What is to be done with a part of a stream.
  private mutating func step(
    _ packet: ScannedPacket, _ buffer: borrowing Buffer, _ head: UnsafeMutableRawBufferPointer
  ) -> ScanFlows.Step {
    guard case .segment(let key, let sequence, let flags) = packet.kind,
      buffer.descriptor.isScattered || packet.hasRightChecksum(head)
    else { return .lost }
    return flows.take(key, sequence: sequence, flags: flags, count: packet.count, now: now)
  }

  /// Has PME look through a frame for a group's patterns.
  private mutating func submit(
    _ buffer: consuming Buffer, _ note: ScanNote, _ portal: Int, _ session: inout GuestSession
  ) {
    var buffer = buffer
    note.narrow(&buffer)
    let command =
      note.isLookedAt
      ? PatternCommand.scan(set: settings.groups[note.stage].set, starts: note.starts) : .none
    let queue = queues + (note.isInFlow ? note.flow + 1 : 0) * groupCount + note.stage
    while true {
      switch session.portals[portal].scan(buffer, on: queue.pointee, command) {
      case .accepted: return
      case .full(let again):
        buffer = again
        session.portals[portal].waitForRoom()
      }
    }
  }

  /// Handles an answer of PME's.
  mutating func finish(
    _ buffer: consuming Buffer, portal: Int, of session: inout GuestSession
  ) {
    var buffer = buffer
    let status = buffer.scanStatus
    let queue = buffer.queue
    if let chain = chains.first(where: { $0.pair.response == queue }) {
      // It has not been here before: PME has looked through all of it for the first group.
      session.noteArrival(buffer, path: chain.way)
      let whole = ScannedPacket(wholeFrame: Int(buffer.descriptor.length))
      guard ScanNote.fits(buffer, whole, head: whole.count) else {
        return fail(buffer, chain.way, portal, &session)
      }
      ScanNote(whole, path: chain.way, formatLength: buffer.descriptor.formatLength)
        .narrow(&buffer)
    }
    let isSound = status.code == .ok || status.code == .matchLimit
    takeBack(buffer, isSound: isSound, isMatch: status.isMatch, portal, &session)
  }

  /// Handles a frame that came back without an answer: a request that its queue refused, or one that could not leave.
  mutating func refused(
    _ buffer: consuming Buffer, portal: Int, of session: inout GuestSession
  ) {
    let queue = buffer.queue
    guard pairs.contains(where: { $0.request == queue }) else {
      return session.portals[portal].giveBack(buffer)
    }
    takeBack(buffer, isSound: false, isMatch: false, portal, &session)
  }

  private mutating func takeBack(
    _ buffer: consuming Buffer, isSound: Bool, isMatch: Bool, _ portal: Int,
    _ session: inout GuestSession
  ) {
    var buffer = buffer
    var note = ScanNote(of: buffer)
    guard note.stage < groupCount, note.flow < flows.capacity else {
      return drop(buffer, .ignored, portal, &session)
    }
    note.widen(&buffer)
    let group = settings.groups[note.stage]
    let isStream = note.flow >= 0
    // What came before in its flow may have been found out while PME had this one.
    let verdict = isStream ? flows.verdict(note.flow, on: note.order) : .open
    guard verdict == .open else {
      flows.leave(note.flow)
      return judge(buffer, verdict, portal, &session)
    }
    guard isSound else {
      if isStream {
        flows.leave(note.flow)
        // PME has not seen these bytes: what follows cannot be looked through as it should.
        if !settings.failsOpen, note.phase == .next {
          flows.judge(note.flow, .missed, from: note.order)
        }
      }
      return fail(buffer, note.path, portal, &session)
    }
    if isMatch {
      switch group.action {
      case .count: session.status.addCounter(GuestStatus.Counter.noted.offset, 1)
      case .drop, .divert:
        let verdict = group.action == .drop ? ScanFlows.Verdict.dropped : .diverted
        if isStream {
          flows.leave(note.flow)
          flows.judge(note.flow, verdict, from: note.order)
        }
        return judge(buffer, verdict, portal, &session)
      }
    }
    guard note.stage + 1 == groupCount else {
      note.stage += 1
      return submit(buffer, note, portal, &session)
    }
    if note.phase == .turnThenAlone {
      (note.phase, note.stage) = (.alone, 0)
      return submit(buffer, note, portal, &session)
    }
    if isStream { flows.leave(note.flow) }
    pass(buffer, note.path, portal, &session)
  }

  // MARK: what becomes of it

  private func judge(
    _ buffer: consuming Buffer, _ verdict: ScanFlows.Verdict, _ portal: Int,
    _ session: inout GuestSession
  ) {
    guard verdict == .diverted, let path = settings.divert else {
      return drop(buffer, verdict == .missed ? .unscanned : .matched, portal, &session)
    }
    send(buffer, .diverted, on: path, portal, &session)
  }

  /// What becomes of a frame that was not looked through, or not as it should be.
  private func fail(
    _ buffer: consuming Buffer, _ path: Int, _ portal: Int, _ session: inout GuestSession
  ) {
    guard settings.failsOpen else { return drop(buffer, .unscanned, portal, &session) }
    session.status.addCounter(GuestStatus.Counter.unscanned.offset, 1)
    pass(buffer, path, portal, &session)
  }

  private func pass(
    _ buffer: consuming Buffer, _ path: Int, _ portal: Int, _ session: inout GuestSession
  ) {
    let other = path == settings.ways[0] ? settings.ways[1] : settings.ways[0]
    send(buffer, .forwarded, on: other, portal, &session)
  }

  private func send(
    _ buffer: consuming Buffer, _ counter: GuestStatus.Counter, on path: Int, _ portal: Int,
    _ session: inout GuestSession
  ) {
    buffer.descriptor.command = 0
    session.status.addCounter(counter.offset, 1)
    session.noteDeparture(path: path)
    session.portals[portal].enqueue(waitingForRoom: buffer, to: session.grant.paths[path].transmit)
  }

  private func drop(
    _ buffer: consuming Buffer, _ counter: GuestStatus.Counter, _ portal: Int,
    _ session: inout GuestSession
  ) {
    session.status.addCounter(counter.offset, 1)
    session.status.addCounter(GuestStatus.Counter.consumed.offset, 1)
    session.portals[portal].giveBack(buffer)
  }
}
