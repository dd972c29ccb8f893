import CPortalShims
import DPAAPortal
import Glibc
import QorIQ

/// One round of the engine: portals, ports, transmission, offline ports, delivery. What concerns
/// guests stands here, what concerns ports in files of their own.
extension EngineTables {
  /// How many frames a stage handles before the next one has its turn.
  static let burst = 32
  /// How many frames a queue gives a port before the next one has its turn, as many as a software
  /// portal takes at most.
  static let turn = 3
  /// Runs a round; `false` when nothing was to be done.
  mutating func round(_ control: EngineControl, now: UInt64) -> Bool {
    var busy = false
    if control.gone & ~gone != 0 { reclaimGoneOwners(control) }
    if control.returning | returning != 0 { bringBackOwners(control) }
    for index in 0..<portals.count where takeFromGuest(index) { busy = true }
    // The lines come while frames are moved on.
    if busy { for index in 0..<portals.count { portals.base[index].fetchConsumption() } }
    if restoration.hasReady, runRestoration() { busy = true }
    let isInputAllowed = control.isInputAllowed
    var inputsDone = true
    for index in 0..<ports.count {
      if isInputAllowed {
        if receive(index, now: now) { busy = true }
        if !ports[index].isDone { inputsDone = false }
      }
      if transmit(index, now: now) { busy = true }
    }
    for index in 0..<offlinePorts.count where forward(index, now: now) { busy = true }
    for index in 0..<accelerators.entries.count where serve(accelerator: index) { busy = true }
    if depletion.isWatched { followDepletion() }
    if probes.isOn { probes.look(qman, gone: gone) }
    if deliver(now: now) { busy = true }
    if probes.isOn { probes.look(qman, gone: gone) }
    if qman.book.pointee.hasCongestionNews { tellCongestion() }
    control.setInputsDone(inputsDone)
    if !busy, inputsDone, isEmpty { control.countQuietRound() }
    return busy
  }

  /// At how many portals an idle engine looks for news before its next round: for long enough that a guest's
  /// frame mostly meets such a look, and not the middle of a round that has nothing to do.
  private static let looks = 192

  /// Waits for a moment, until a guest has written something where nothing waits but for guests; whether one has.
  @inline(never)
  mutating func awaitsNews() -> Bool {
    guard qman.frameCount == 0, !restoration.hasReady, !(hasWorker && isHandedOver) else {
      dpaac_pause()
      return false
    }
    var left = Self.looks
    while left > 0 {
      for index in 0..<portals.count
      where portals.base[index].hasNews() && !isGone(portals.base[index].owner) { return true }
      left &-= max(1, portals.count)
    }
    return false
  }

  /// Whether a guest has written something since it was last looked at, by valid bit or line.
  var hasNews: Bool {
    for index in 0..<portals.count
    where portals.base[index].isWrittenTo() && !isGone(portals.base[index].owner) { return true }
    return false
  }

  /// Whether no frame is queued and no buffer is in anybody's hands.
  private var isEmpty: Bool {
    guard qman.frameCount == 0 else { return false }
    for index in 0..<pools.count
    where pools.base[index].freeCount != pools.base[index].count { return false }
    return true
  }

  @inline(__always)
  func isGone(_ owner: Int) -> Bool { gone & 1 &<< UInt64(truncatingIfNeeded: owner) != 0 }

  // MARK: Guests

  /// Whether queues are an owner's, by number.
  @inline(__always)
  func owns(_ first: UInt32, count: UInt32, owner: Int) -> Bool {
    let entry = owners.base[owner]
    for index in entry.firstRange..<entry.firstRange &+ entry.rangeCount {
      let range = ranges.base[index]
      let offset = first &- range.first
      if offset < range.count, count <= range.count &- offset { return true }
    }
    return false
  }

  /// Takes what a guest wrote into a portal: consumption, frames, released buffers, commands.
  private mutating func takeFromGuest(_ index: Int) -> Bool {
    guard !isGone(portals.base[index].owner) else { return false }
    let portal = portals.base + index
    portal.pointee.pollConfiguration()
    portal.pointee.bman.pollProduction()
    guard portal.pointee.hasNews() else { return false }
    portal.pointee.pollMessages()
    if portal.pointee.consumptionMatters { takeConsumption(index) }
    portal.pointee.pollProduction()
    var busy = false
    // Each command may park a queue.
    let (taken, last) = portal.pointee.canNotify ? takeFrames(index) : (0, 0)
    if taken > 0 {
      portal.pointee.publishEnqueueConsumption()
      counters.add(.taken, portal.pointee.owner, UInt64(taken))
      if probes.isOn { probes.follow(from: portal.pointee.owner, in: last, qman) }
      busy = true
    }
    if portal.pointee.bman.hasNews(), takeBuffers(portal) { busy = true }
    if portal.pointee.commands.isWaiting, answerQMan(index) { busy = true }
    return busy
  }

  /// The descriptors of so many queues are in a processor's cache anyway.
  private static let fewQueues = 1 << 12

  /// Takes frames off a portal's enqueue ring; how many, and the queue of the last. A function of its
  /// own: what is done for each frame is compiled into this loop, which a longer caller would not have
  /// room for.
  @inline(never)
  private mutating func takeFrames(_ index: Int) -> (count: Int, last: UInt32) {
    let portal = portals.base + index
    var taken = 0
    var last: UInt32 = 0
    let paysToLookAhead = qman.queues.count > Self.fewQueues
    while taken < Self.burst * 2 {
      if paysToLookAhead, taken & (Self.burst &- 1) == 0 {
        portal.pointee.lookAhead { fqid in
          if Int(fqid) < qman.queues.count {
            dpaac_prefetch_for_writing(qman.queues.base + Int(fqid))
          }
        }
      }
      guard let command = portal.pointee.takeEnqueue() else { break }
      enqueue(command, portal)
      last = command.fqid
      if command.consumption & 0x80 != 0 {
        release(portal.pointee.consume(with: command), index)
      }
      taken &+= 1
    }
    return (taken, last)
  }

  /// Checks an enqueue command on the engine's own copy and carries it out or sends it back.
  @inline(__always)
  private mutating func enqueue(
    _ command: EnginePortal.Enqueue, _ portal: UnsafeMutablePointer<EnginePortal>
  ) {
    if command.verb & Verb.notifyConsumption != 0 {
      portal.pointee.interrupt.events |= PortalInterrupt.enqueueConsumed
    }
    if let reason = fault(of: command, portal) { return turnAway(command, portal, reason) }
    pass(command, portal)
  }

  /// Answers a command that failed its check, or one of order restoration.
  @inline(never)
  private mutating func turnAway(
    _ command: EnginePortal.Enqueue, _ portal: UnsafeMutablePointer<EnginePortal>,
    _ reason: DropReason
  ) {
    if command.verb & 0x62 == Verb.orderRestoration { return restore(command, portal) }
    refuse(command, portal, reason, RejectionCode.error)
  }

  /// Takes the frame of a command in that is to be enqueued later; `false` when it is wrong, and was
  /// sent back.
  mutating func takeIn(
    _ command: EnginePortal.Enqueue, _ portal: UnsafeMutablePointer<EnginePortal>
  ) -> Bool {
    guard let reason = fault(of: command.unordered, portal) else { return true }
    refuse(command, portal, reason, RejectionCode.error)
    return false
  }

  /// Enqueues a frame that was taken in, or gives it back when its queue refuses it.
  @inline(__always)
  mutating func pass(
    _ command: EnginePortal.Enqueue, _ portal: UnsafeMutablePointer<EnginePortal>
  ) {
    let frame = command.frame.stamped(owners.base[portal.pointee.owner].stamp)
    let verdict = qman.enqueue(frame, to: command.fqid, colour: command.colour)
    if case .accepted = verdict { return }
    giveBack(command, portal, verdict)
  }

  @inline(never)
  private mutating func giveBack(
    _ command: EnginePortal.Enqueue, _ portal: UnsafeMutablePointer<EnginePortal>,
    _ verdict: QueueManager.Verdict
  ) {
    let (reason, code) = rejection(for: verdict)
    giveBack(command, portal, reason, code)
  }

  /// Sends a frame that was taken in back; its buffer is the guest's again.
  mutating func giveBack(
    _ command: EnginePortal.Enqueue, _ portal: UnsafeMutablePointer<EnginePortal>,
    _ reason: DropReason, _ code: UInt8
  ) {
    handOver(command.frame, to: portal.pointee.owner)
    refuse(command, portal, reason, code)
  }

  @inline(never)
  mutating func refuse(
    _ command: EnginePortal.Enqueue, _ portal: UnsafeMutablePointer<EnginePortal>,
    _ reason: DropReason, _ code: UInt8
  ) {
    counters.drop(reason, portal.pointee.owner)
    if reason == .foreignQueue {
      let owner = portal.pointee.owner
      errors.qman |=
        owns(command.fqid, count: 1, owner: owner)
        ? ManagerError.invalidEnqueueState : ManagerError.invalidEnqueueQueue
    }
    portal.pointee.reject(command, code: code)
  }

  /// Why a frame that its queue did not take comes back. That an enqueue to a queue out of service
  /// or retired comes back with "error" is our reading: no source says.
  private func rejection(for verdict: QueueManager.Verdict) -> (DropReason, UInt8) {
    switch verdict {
    case .accepted, .badState, .exhausted: (.foreignQueue, RejectionCode.error)
    case .tailDrop: (.tailDrop, RejectionCode.tailDrop)
    case .congestion: (.congestion, RejectionCode.congestion)
    case .earlyDiscard: (.earlyDiscard, RejectionCode.earlyDiscard)
    }
  }

  /// Why a guest may not enqueue this: the queue is not its own, it does not hold the buffer, the
  /// length is impossible. `nil` if it may: then the buffer is the engine's, unless a client's, whose
  /// buffers are no concern of the engine.
  @inline(__always)
  mutating func fault(
    of command: EnginePortal.Enqueue, _ portal: UnsafeMutablePointer<EnginePortal>
  ) -> DropReason? {
    let run = portal.pointee.queues
    if _fastPath(
      command.verb & 0x63 == Verb.enqueue && command.fqid &- run.first < run.count
        && takeIfWhole(command.frame, from: portal.pointee.owner))
    {
      return nil
    }
    return faultOnSecondLook(of: command, portal)
  }

  /// Takes a frame in one buffer that the owner holds; `false` when anything is not as with nearly every
  /// frame.
  @inline(__always)
  private func takeIfWhole(_ frame: FrameDescriptor, from owner: Int) -> Bool {
    let index = Int(poolIndex.base[Int(frame.bpid.rawValue)])
    guard index != 255 else { return false }
    let pool = pools.base + index
    guard let buffer = pool.pointee.buffer(at: frame.address),
      Self.isWhole(frame, in: pool)
    else { return false }
    return pool.pointee.transfer(buffer, from: BufferPool.holder(owner), to: BufferPool.engine)
  }

  /// Whether a frame has bytes, all of them in one buffer of a pool.
  @inline(__always)
  private static func isWhole(
    _ frame: FrameDescriptor, in pool: UnsafePointer<BufferPool>
  ) -> Bool {
    frame.format == 0 && frame.length > 0
      && frame.offset &+ frame.length <= pool.pointee.size
  }

  /// What is wrong with a command, or what is rarer about it: that its queue is not in its owner's first
  /// run, that its frame lies in several buffers or comes from a client. Mutating for all of these: a call
  /// out of line that only reads the tables would have them copied.
  @inline(never)
  private mutating func faultOnSecondLook(
    of command: EnginePortal.Enqueue, _ portal: UnsafeMutablePointer<EnginePortal>
  ) -> DropReason? {
    let owner = portal.pointee.owner
    guard command.verb & 0x63 == Verb.enqueue else { return .unknownVerb }
    guard owns(command.fqid, count: 1, owner: owner) else { return .foreignQueue }
    let frame = command.frame
    let index = Int(poolIndex.base[Int(frame.bpid.rawValue)])
    guard index != 255, let buffer = pools.base[index].buffer(at: frame.address) else {
      if isClient { return nil }
      return frame.isCompound
        ? takeCompound(frame, to: command.fqid, from: owner) : .foreignBuffer
    }
    if frame.isCompound { return takeCompound(frame, to: command.fqid, from: owner) }
    if frame.isScattered {
      return takePieces(of: frame, tableIn: buffer, of: index, from: owner)
    }
    guard Self.isWhole(frame, in: pools.base + index) else { return .badDescriptor }
    return takeIfWhole(frame, from: owner) ? nil : .foreignBuffer
  }

  /// The frame's buffer passes from the engine to a guest.
  @inline(__always)
  func handOver(_ frame: FrameDescriptor, to owner: Int) {
    if isClient { return }
    let pool = pools.base + Int(poolIndex.base[Int(frame.bpid.rawValue)])
    guard let buffer = pool.pointee.buffer(at: frame.address),
      _fastPath(
        pool.pointee.transfer(buffer, from: BufferPool.engine, to: BufferPool.holder(owner)))
    else { return Self.handOverPieces(of: frame, to: owner, pools.base, poolIndex.base) }
  }

  /// The frame's buffer goes back to its pool.
  @inline(__always)
  func free(_ frame: FrameDescriptor) {
    let pool = pools.base + Int(poolIndex.base[Int(frame.bpid.rawValue)])
    guard let buffer = pool.pointee.buffer(at: frame.address),
      _fastPath(pool.pointee.release(buffer, from: BufferPool.engine))
    else { return Self.freePieces(of: frame, pools.base, poolIndex.base) }
  }

  /// Where the bytes of a queued frame lie; those of one in several buffers are good until the next is
  /// asked for.
  @inline(__always)
  func start(of frame: FrameDescriptor) -> UnsafeRawPointer {
    if _slowPath(frame.isScattered) {
      return Self.gather(frame, into: scratch.base, pools.base, poolIndex.base)
    }
    let pool = pools.base + Int(poolIndex.base[Int(frame.bpid.rawValue)])
    let buffer = pool.pointee.memory + Int(truncatingIfNeeded: frame.address &- pool.pointee.base)
    return UnsafeRawPointer(buffer + Int(frame.offset))
  }

  /// The bytes of a queued frame, as ``start(of:)`` has them.
  @inline(__always)
  func bytes(of frame: FrameDescriptor) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: start(of: frame), count: Int(frame.length))
  }

  // MARK: Guests that end

  /// Takes back all that ended owners held: what they sent still leaves, what was for them is
  /// dropped with its reason, and every buffer returns to its pool.
  private mutating func reclaimGoneOwners(_ control: EngineControl) {
    settleAccelerators()
    for owner in 0..<owners.count
    where control.gone & 1 << UInt64(owner) != 0 && !isGone(owner) {
      let entry = owners.base[owner]
      let ownPortals = entry.firstPortal..<entry.firstPortal + entry.portalCount
      // What it had put on its rings before it ended is still its word.
      for index in ownPortals {
        var rounds = 0
        while rounds < 8, takeFromGuest(index) { rounds += 1 }
      }
      gone |= 1 << UInt64(owner)
      takeBackQueues(of: owner)
      for index in 0..<pools.count {
        let count = pools.base[index].reclaim(from: BufferPool.holder(owner))
        counters.add(.reclaimed, owner, UInt64(count))
      }
      for index in 0..<accelerators.entries.count {
        accelerators.entries.base[index].device._withUnsafeGuaranteedRef { $0.forget(owner: owner) }
      }
      control.markReclaimed(owner: owner)
    }
  }
}

extension EngineTables {
  /// Takes the queues of an owner that is gone out of service, but for those that a port serves:
  /// what it sent still leaves.
  private mutating func takeBackQueues(of owner: Int) {
    let entry = owners.base[owner]
    let portalChannels = entry.firstChannel..<entry.firstChannel + entry.portalChannelCount
    for index in entry.firstRange..<entry.firstRange + entry.rangeCount {
      let range = ranges.base[index]
      for fqid in range.first..<range.first + range.count where qman.isTouched(fqid) {
        dropWaiting(at: fqid, of: owner)
        let queue = qman.queues.base + Int(fqid)
        let isServed =
          queue.pointee.state.isScheduled
          && !portalChannels.contains { ownerChannels.base[$0] == queue.pointee.channel }
        guard !isServed else {
          // It may have been stopped, or on the way to retire with frames in it.
          queue.pointee.flags.subtract([.stopped, .retirementRequested])
          if queue.pointee.state == .tentativelyScheduled { qman.reschedule(fqid) }
          continue
        }
        while queue.pointee.count > 0 {
          free(qman.pop(fqid))
          counters.drop(.ownerGone, owner)
        }
        qman.clear(fqid)
      }
    }
    // Nobody serves these channels any more: no link of their work queues is followed again.
    for index in portalChannels { qman.clearChannel(Int(ownerChannels.base[index])) }
  }
}

/// A clock that only moves forward, in nanoseconds.
@Sendable public func monotonicNanoseconds() -> UInt64 { dpaac_monotonic_nanoseconds() }
