import CPortalShims
import Glibc

extension GuestSession {
  /// Prepares to do what a measurement orders.
  func beginTraffic(_ bells: [GuestBell] = []) throws(GuestError) -> TrafficProgram {
    guard let pool = grant.pools.last, !grant.paths.isEmpty else {
      throw .missingResource("pool or way, which measured frames need")
    }
    report(.running)
    return TrafficProgram(
      page: status + TrafficOrder.statusOffset, paths: grant.paths.count, pool: pool,
      bells: bells)
  }

  /// Does what a measurement orders, until the host asks this guest to end.
  mutating func runTraffic() throws(GuestError) {
    var program = try beginTraffic()
    var (rounds, idleRounds) = (0, 0)
    while true {
      rounds &+= 1
      program.hear(&self)
      // A request is a system call for a process.
      if rounds & 0x3fff == 0 || idleRounds & 0x3ff == 0x3ff {
        switch takeRequest() {
        case .none: break
        case .drain:
          program.obey(TrafficOrder(.take))
          report(.quiet)
        case .end:
          program.end(&self)
          report(.ended)
          return
        }
      }
      if program.step(&self) {
        idleRounds = 0
        continue
      }
      idleRounds &+= 1
      if rest(afterIdle: idleRounds) { continue }
      if !program.order.sleeps {
        sched_yield()
      } else {
        // Nobody says when buffers have come back: a sender looks by itself.
        waitForWork(atMost: program.order.task == .send ? 1 : 20, orRoom: program.isRingFull)
        idleRounds = 0x3fe
      }
    }
  }
}

/// The program of a guest that is measured.
struct TrafficProgram: ~Copyable {
  private(set) var order = TrafficOrder(.take)
  private let page: UnsafeMutableRawPointer
  private let paths: Int
  private let pool: GuestGrant.Pool
  private var turn: UInt64 = 0
  private var incoming = Burst()
  private var outgoing = Burst()
  private var place = 0
  /// A frame of every kind begins so.
  private let template: UnsafeMutableRawBufferPointer
  private let places: BufferPlaces
  /// How many bytes of it this guest has written into each buffer.
  private let filled: UnsafeMutableBufferPointer<UInt16>
  private var work = TrafficWork()
  private var frameTimes: [UInt32] = []
  private var ringTimes: [UInt32] = []
  /// Whether the next that is timed is an interrupt without a frame.
  private var isRingNext = false
  /// When the frame that is timed was sent, or the guest was rung; 0 while neither is on its way.
  private var sentAt: UInt64 = 0
  /// When the next one may be.
  private var dueAt: UInt64 = 0
  /// How often it looked whether the frame is back.
  private var looks = 0
  /// Those who can be rung, in the owners' order; none for a guest.
  private let bells: [GuestBell]
  /// How often the one was that is timed.
  private var rung: UInt64 = 0

  /// How many nanoseconds a round trip may take.
  private static let patience: UInt64 = 500_000_000
  private static let mostSamples = 1 << 18

  // SAFETY: the page stays mapped as long as the session.
  init(
    page: UnsafeMutableRawPointer, paths: Int, pool: GuestGrant.Pool, bells: [GuestBell] = []
  ) {
    (self.page, self.paths, self.pool, self.bells) = (page, paths, pool, bells)
    template = .allocate(byteCount: 1 << 12, alignment: 64)
    places = BufferPlaces(byteCount: UInt64(pool.byteCount), stride: pool.stride)
    filled = .allocate(capacity: Int(pool.count))
    filled.initialize(repeating: 0)
    FrameEdits.fillProbe(template, from: 0xc612_0002, to: 0xc612_0101, sequence: 0)
  }

  deinit {
    template.deallocate()
    filled.deallocate()
  }

  /// Whether it has frames to send for which there is no room.
  var isRingFull: Bool { order.task != .take && !outgoing.isEmpty }

  private var longest: Int { min(Int(pool.size) - Buffer.headroom, template.count) }

  /// Takes up a new order, if there is one.
  @inline(__always)
  mutating func hear(_ session: inout GuestSession) {
    let now = page.counter(TrafficOrder.Word.turn)
    if _slowPath(now != turn) { takeUp(now, &session) }
  }

  @inline(never)
  private mutating func takeUp(_ now: UInt64, _ session: inout GuestSession) {
    let ended = order.task.isTimed
    obey(TrafficOrder(from: page, paths: paths, longest: longest))
    if ended { tellTimes() }
    // Who sleeps until much has come takes what Linux's driver of these portals takes: more than 12 frames, or 100
    // for the period (QMAN_PIRQ_DQRR_ITHRESH, QMAN_PIRQ_IPERIOD: Linux 6.1, drivers/soc/fsl/qbman/qman.c).
    let gathers = order.task == .take && order.sleeps
    session.portals[0].gatherInterrupts(frames: gathers ? 12 : 0, microseconds: gathers ? 100 : 0)
    turn = now
    page.setCounter(TrafficOrder.Word.taken, turn)
  }

  mutating func obey(_ next: TrafficOrder) {
    order = next
    sentAt = 0
    isRingNext = next.task == .ring
  }

  /// Gives back what it holds.
  mutating func end(_ session: inout GuestSession) {
    session.portals[0].giveBack(&outgoing)
    session.portals[0].takeAhead(into: &outgoing)
    session.portals[0].giveBack(&outgoing)
  }

  /// Handles what waits; `false` when nothing did.
  mutating func step(_ session: inout GuestSession) -> Bool {
    while let rejection = session.portals[0].takeRejection() {
      session.portals[0].giveBack(rejection.takeBuffer())
      work.underWay &-= 1
    }
    switch order.task {
    case .take:
      if !outgoing.isEmpty || session.portals[0].hasAskedAhead { end(&session) }
      let isBusy = take(&session) > 0
      if work.isOpen, !isBusy { _ = work.close(&session) }
      return isBusy
    case .send:
      let taken = take(&session)
      return send(&session) || taken > 0
    case .echo: return echo(&session)
    case .time, .ring, .timeAndRing: return isRingNext ? ring() : time(&session)
    case .encipher: return ask(&session, .security)
    case .scan: return ask(&session, .patterns)
    case .answer:
      let isRung = answer()
      return echo(&session) || isRung
    }
  }

  @inline(never)
  private mutating func take(_ session: inout GuestSession) -> Int {
    let count = session.portals[0].dequeue(into: &incoming)
    guard count > 0 else { return 0 }
    page.addCounter(TrafficOrder.Word.received, UInt64(count))
    session.portals[0].giveBack(&incoming)
    return count
  }

  @inline(never)
  private mutating func send(_ session: inout GuestSession) -> Bool {
    if outgoing.isEmpty {
      // No more than one command brings, so that BMan answers the next while these are on their way; where it needs
      // this very processor for that, many, as each change costs more than the answer.
      let isApart = !session.portals[0].hasYielded
      let count = session.portals[0].acquire(
        isApart ? Portal.buffersPerCommand : Burst.capacity, from: pool.bpid, into: &outgoing,
        ahead: isApart)
      for index in 0..<count { fill(index) }
    }
    let count = session.portals[0].enqueue(
      &outgoing, to: session.grant.paths[order.path].transmit)
    page.addCounter(TrafficOrder.Word.sent, UInt64(count))
    return count > 0
  }

  /// Makes a frame that goes out. It is written once for each buffer, as a packet generator does and as those
  /// that we are measured beside do: what counts is the way of a frame, not its making.
  private mutating func fill(_ index: Int) {
    outgoing[index].setLength(nextSize())
    let frame = outgoing[index].frame
    guard let number = places.buffer(at: outgoing[index].descriptor.address &- pool.base) else {
      preconditionFailure("what was acquired is of the pool")
    }
    let place = Int(number)
    // What has come into the buffer meanwhile has other headers.
    if frame.count <= Int(filled[place]), frame.count >= Self.headers,
      let start = frame.baseAddress, let wanted = template.baseAddress,
      Self.areAlike(start, wanted)
    {
      return
    }
    frame.copyMemory(from: UnsafeRawBufferPointer(rebasing: template[..<frame.count]))
    filled[place] = UInt16(truncatingIfNeeded: frame.count)
  }

  /// Ethernet, IPv4, UDP, and the number behind them, in whole words.
  private static let headers = 56

  // SAFETY: both have so many bytes.
  /// Whether two frames have the same headers. By words: what is quickest for a processor takes its emulator long.
  private static func areAlike(
    _ one: UnsafeMutableRawPointer, _ other: UnsafeMutableRawPointer
  ) -> Bool {
    var difference: UInt64 = 0
    for word in 0..<Self.headers / 8 {
      difference |=
        one.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)
        ^ other.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)
    }
    return difference == 0
  }

  /// Has an accelerator work on a burst of frames, and on each that it has answered again.
  @inline(never)
  private mutating func ask(
    _ session: inout GuestSession, _ kind: GuestGrant.AcceleratorPair.Kind
  ) -> Bool {
    guard work.open(kind, &session, from: pool.bpid), let queues = work.queues else {
      return take(&session) > 0
    }
    var done = 0
    if outgoing.isEmpty {
      while outgoing.room > 0, var buffer = session.portals[0].dequeue() {
        guard buffer.queue == queues.response else {
          session.portals[0].giveBack(buffer)
          continue
        }
        work.underWay &-= 1
        // What it refused came back, too, and is no work done.
        if buffer.descriptor.command == 0 { done &+= 1 }
        buffer.setLength(nextSize())
        outgoing.append(buffer)
      }
      page.addCounter(TrafficOrder.Word.received, UInt64(done))
      let held = outgoing.count
      let missing = min(Burst.capacity - held - work.underWay, outgoing.room)
      if missing > 0 {
        _ = session.portals[0].acquire(missing, from: pool.bpid, into: &outgoing)
        for index in held..<outgoing.count {
          fill(index)
          // Of any length, as it is sent again with others.
          let size = outgoing[index].frame.count
          outgoing[index].setLength(longest)
          TrafficOrder.fillText(outgoing[index].frame)
          outgoing[index].setLength(size)
        }
      }
      let command = kind == .patterns ? PatternCommand.scan(set: TrafficOrder.patternSet).word : 0
      for index in 0..<outgoing.count { outgoing[index].descriptor.command = command }
    }
    let count = session.portals[0].enqueue(&outgoing, to: queues.request)
    page.addCounter(TrafficOrder.Word.sent, UInt64(count))
    work.underWay &+= count
    return done > 0 || count > 0
  }

  private mutating func nextSize() -> Int {
    guard order.size == 0 else { return order.size }
    defer { place = (place &+ 1) % TrafficOrder.mixture.count }
    return min(TrafficOrder.mixture[place], longest)
  }

  @inline(never)
  private mutating func echo(_ session: inout GuestSession) -> Bool {
    let count = session.portals[0].dequeue(into: &incoming)
    page.addCounter(TrafficOrder.Word.received, UInt64(count))
    let isBusy = count > 0
    while !incoming.isEmpty {
      let path = incoming[0].context < UInt32(paths) ? Int(incoming[0].context) : order.path
      let sent = session.portals[0].enqueue(
        &incoming, to: session.grant.paths[path].transmit)
      if sent == 0 { session.portals[0].waitForRoom() }
    }
    return isBusy
  }

  /// Sends a frame, or looks whether it is back.
  @inline(never)
  private mutating func time(_ session: inout GuestSession) -> Bool {
    let queue = session.grant.paths[order.path].transmit
    guard sentAt != 0 else {
      if !outgoing.isEmpty { end(&session) }
      // What comes too late is none of those that are timed.
      if take(&session) > 0 { return true }
      guard isDue else { return false }
      guard var buffer = session.portals[0].acquire(from: pool.bpid) else { return false }
      buffer.setLength(nextSize())
      let frame = buffer.frame
      frame.copyMemory(from: UnsafeRawBufferPointer(rebasing: template[..<frame.count]))
      sentAt = dpaac_monotonic_nanoseconds()
      session.portals[0].enqueue(waitingForRoom: buffer, to: queue)
      return true
    }
    guard let buffer = session.portals[0].dequeue() else {
      // Lost with whoever should have sent it back. Not at each look, which a clock makes longer.
      looks &+= 1
      if looks & 0xff == 0, dpaac_monotonic_nanoseconds() &- sentAt > Self.patience { sentAt = 0 }
      return false
    }
    note(dpaac_monotonic_nanoseconds())
    guard order.pause == 0, order.task == .time else {
      session.portals[0].giveBack(buffer)
      return true
    }
    sentAt = dpaac_monotonic_nanoseconds()
    session.portals[0].enqueue(waitingForRoom: buffer, to: queue)
    return true
  }

  /// Rings a guest, or looks whether it has heard.
  @inline(never)
  private mutating func ring() -> Bool {
    guard order.bell < bells.count else { return false }
    if sentAt == 0 {
      guard isDue else { return false }
      sentAt = dpaac_monotonic_nanoseconds()
      rung = bells[order.bell].ringAgain()
      return true
    }
    let now = dpaac_monotonic_nanoseconds()
    guard bells[order.bell].isHeard(rung) else {
      if now &- sentAt > Self.patience { sentAt = 0 }
      return false
    }
    note(now)
    return true
  }

  /// Whether who answers had its time to go to sleep.
  private var isDue: Bool { order.pause == 0 || dpaac_monotonic_nanoseconds() >= dueAt }

  /// Notes that what was sent is back, or that the interrupt was heard.
  private mutating func note(_ now: UInt64) {
    let time = UInt32(clamping: now &- sentAt)
    if isRingNext {
      if ringTimes.count < Self.mostSamples { ringTimes.append(time) }
    } else if frameTimes.count < Self.mostSamples {
      frameTimes.append(time)
    }
    page.addCounter(TrafficOrder.Word.received, 1)
    sentAt = 0
    dueAt = now &+ order.pause &* 1000
    if order.task == .timeAndRing { isRingNext.toggle() }
  }

  /// Says that the interrupt came, if it did.
  @inline(never)
  private mutating func answer() -> Bool {
    let rung = page.counter(TrafficOrder.Word.rung)
    guard rung != page.counter(TrafficOrder.Word.heard) else { return false }
    page.setCounter(TrafficOrder.Word.heard, rung)
    return true
  }

  /// Tells how long round trips took, and forgets them.
  private mutating func tellTimes() {
    RoundTripTimes(frameTimes)?.write(
      to: page + TrafficOrder.Word.frameTimes, of: frameTimes.count)
    RoundTripTimes(ringTimes)?.write(to: page + TrafficOrder.Word.ringTimes, of: ringTimes.count)
    frameTimes.removeAll(keepingCapacity: true)
    ringTimes.removeAll(keepingCapacity: true)
  }
}
