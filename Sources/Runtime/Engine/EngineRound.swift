import DPAAPortal
import Glibc
import QorIQ

/// One round of the engine: portals, ports, transmission, offline ports, delivery. What concerns
/// guests stands here, what concerns ports in `EngineRound+Ports.swift`.
extension EngineTables {
  /// How many frames a stage handles before the next one has its turn.
  static let burst = 32
  /// How many frames a queue may give before the next one has its turn (SDQCR: up to 3).
  static let turn = 3
  /// Runs a round; `false` when nothing was to be done.
  mutating func round(_ control: EngineControl, now: UInt64) -> Bool {
    var busy = false
    if control.gone & ~gone != 0 { reclaimGoneOwners(control) }
    for index in 0..<portals.count where takeFromGuest(index) { busy = true }
    let isInputAllowed = control.isInputAllowed
    var inputsDone = true
    for index in 0..<ports.count {
      if isInputAllowed {
        if receive(index, now: now) { busy = true }
        if !ports[index].isDone { inputsDone = false }
      }
      if transmit(index) { busy = true }
    }
    for index in 0..<offlinePorts.count where forward(index, now: now) { busy = true }
    for index in 0..<portals.count where deliver(index) { busy = true }
    control.setInputsDone(inputsDone)
    if !busy, inputsDone, isEmpty { control.countQuietRound() }
    return busy
  }

  /// Whether no frame is queued and no buffer is in anybody's hands.
  private var isEmpty: Bool {
    guard qman.frameCount == 0 else { return false }
    for index in 0..<pools.count
    where pools.base[index].freeCount != pools.base[index].count { return false }
    return true
  }

  @inline(__always)
  func isGone(_ owner: Int) -> Bool { gone & 1 &<< UInt64(owner) != 0 }

  // MARK: Guests

  /// Takes what a guest wrote into a portal: frames, released buffers, commands.
  private mutating func takeFromGuest(_ index: Int) -> Bool {
    guard !isGone(portals.base[index].owner) else { return false }
    let portal = portals.base + index
    var busy = false
    var taken = 0
    while taken < Self.burst * 2, let command = portal.pointee.takeEnqueue() {
      enqueue(command, portal)
      taken &+= 1
    }
    if taken > 0 {
      portal.pointee.publishEnqueueConsumption()
      counters.add(.taken, portal.pointee.owner, UInt64(taken))
      busy = true
    }
    var releases = 0
    while releases < PortalLayout.releaseRingSize, let command = portal.pointee.takeRelease() {
      release(command, owner: portal.pointee.owner)
      releases &+= 1
    }
    if releases > 0 {
      portal.pointee.publishReleaseConsumption()
      busy = true
    }
    if let command = portal.pointee.bmanCommands.next() {
      answerBMan(command, portal)
      busy = true
    }
    if let command = portal.pointee.qmanCommands.next() {
      answerQMan(command, portal)
      busy = true
    }
    return busy
  }

  /// Checks an enqueue command on the engine's own copy and carries it out or sends it back.
  @inline(__always)
  private mutating func enqueue(
    _ command: EnginePortal.Enqueue, _ portal: UnsafeMutablePointer<EnginePortal>
  ) {
    let owner = portal.pointee.owner
    let reason: DropReason
    switch checked(command, owner: owner) {
    case .success(let pool, let buffer):
      let frame = command.frame.stamped(liodnOffset: owners.base[owner].liodnOffset)
      if case .accepted = qman.enqueue(frame, to: command.fqid) { return }
      // The queue is out of service: the buffer stays the guest's.
      _ = pools.base[pool].transfer(
        buffer, from: BufferPool.engine, to: BufferPool.holder(owner))
      reason = .foreignQueue
    case .failure(let why): reason = why
    }
    counters.drop(reason, owner)
    portal.pointee.reject(command, code: RejectionCode.error)
  }

  private enum Check {
    case success(pool: Int, buffer: UInt32)
    case failure(DropReason)
  }

  /// Whether a guest may enqueue this: its own queue, a buffer that it holds, a possible length.
  /// On success the buffer is the engine's.
  @inline(__always)
  private func checked(_ command: EnginePortal.Enqueue, owner: Int) -> Check {
    guard command.verb & 0x61 == Verb.enqueue else { return .failure(.unknownVerb) }
    let fqid = command.fqid
    guard Int(fqid) < qman.queues.count,
      qman.queues.base[Int(fqid)].belongs(to: owner)
    else { return .failure(.foreignQueue) }
    let frame = command.frame
    let index = Int(poolIndex.base[Int(frame.bpid.rawValue)])
    guard index != 255, let buffer = pools.base[index].buffer(at: frame.address) else {
      return .failure(.foreignBuffer)
    }
    guard frame.format == 0, frame.length > 0,
      frame.offset &+ frame.length <= pools.base[index].size
    else { return .failure(.badDescriptor) }
    guard
      pools.base[index].transfer(buffer, from: BufferPool.holder(owner), to: BufferPool.engine)
    else { return .failure(.foreignBuffer) }
    return .success(pool: index, buffer: buffer)
  }

  /// Gives the buffers of a release command back to their pools, if the guest holds them.
  private mutating func release(_ command: EnginePortal.Release, owner: Int) {
    let verb = command.verb & 0x70
    let count = Int(command.verb & 0xf)
    guard verb == Verb.release || verb == 0x30, count >= 1, count <= 8 else {
      counters.add(.strayBuffers, owner)
      return
    }
    for place in 0..<count {
      // With verb 0x20 byte 1 of the first buffer names the pool of all.
      let word = command.words[place]
      let pool = UInt8(
        truncatingIfNeeded: (verb == Verb.release ? command.words[0] : word) &>> 48)
      let index = Int(poolIndex.base[Int(pool)])
      if index != 255, let buffer = pools.base[index].buffer(at: word & 0xffff_ffff_ffff),
        pools.base[index].release(buffer, from: BufferPool.holder(owner))
      {
        continue
      }
      counters.add(.strayBuffers, owner)
    }
  }

  /// Answers ACQUIRE: all the buffers that were asked for, or none.
  private mutating func answerBMan(_ command: UInt64, _ portal: UnsafeMutablePointer<EnginePortal>)
  {
    let owner = portal.pointee.owner
    let verb = UInt8(truncatingIfNeeded: command >> 56) & 0x7f
    let count = Int(verb & 0xf)
    var words = InlineArray<8, UInt64>(repeating: 0)
    guard verb & 0x70 == Verb.acquire, count >= 1, count <= 8 else {
      words[0] = UInt64(Verb.bmanInvalid) << 56
      portal.pointee.bmanCommands.answer(words)
      return
    }
    let bpid = UInt8(truncatingIfNeeded: command >> 48)
    let index = Int(poolIndex.base[Int(bpid)])
    var granted = 0
    if index == 255 || pools.base[index].owner != owner {
      counters.add(.strayBuffers, owner)
    } else if pools.base[index].freeCount >= count {
      while granted < count,
        let buffer = pools.base[index].acquire(for: BufferPool.holder(owner))
      {
        words[granted] = pools.base[index].address(of: buffer)
        granted += 1
      }
    }
    words[0] |= UInt64(Verb.acquire | UInt8(granted)) << 56 | UInt64(bpid) << 48
    portal.pointee.bmanCommands.answer(words)
  }

  /// Answers QUERYFQ_NP for the owner's own queues; everything else is no command yet.
  private mutating func answerQMan(_ command: UInt64, _ portal: UnsafeMutablePointer<EnginePortal>)
  {
    let verb = UInt8(truncatingIfNeeded: command >> 56) & 0x7f
    var words = InlineArray<8, UInt64>(repeating: 0)
    var result = CommandResult.badCommand
    var state: UInt8 = 0
    if verb == Verb.queryQueueState {
      let fqid = Int(command & 0xff_ffff)
      result = CommandResult.badQueue
      if fqid < qman.queues.count, qman.queues.base[fqid].belongs(to: portal.pointee.owner) {
        result = CommandResult.ok
        let queue = qman.queues.base[fqid]
        state = queue.state.rawValue
        words[5] = UInt64(queue.bytes) << 32 | UInt64(queue.count & 0xff_ffff)
      }
    }
    words[0] = UInt64(verb) << 56 | UInt64(result) << 48 | UInt64(state) << 32
    portal.pointee.qmanCommands.answer(words)
  }

  /// Fills a portal's dequeue ring from its channel and fires its interrupt.
  private mutating func deliver(_ index: Int) -> Bool {
    let portal = portals.base + index
    guard !isGone(portal.pointee.owner) else { return false }
    var room = portal.pointee.dequeueRoom()
    var delivered = 0
    while room > 0, let fqid = qman.select(portal.pointee.channel) {
      let queue = qman.queues.base + Int(fqid)
      var turn = 0
      while turn < Self.turn, room > 0, queue.pointee.count > 0 {
        let frame = qman.pop(queue)
        handOver(frame, to: portal.pointee.owner)
        queue.pointee.sequence &+= 1
        portal.pointee.deliver(
          frame, fqid: fqid, contextB: queue.pointee.contextB, sequence: queue.pointee.sequence,
          isLast: queue.pointee.count == 0)
        turn &+= 1
        room &-= 1
        delivered &+= 1
      }
      qman.reschedule(fqid)
    }
    if delivered > 0 {
      portal.pointee.publishDelivery()
      counters.add(.delivered, portal.pointee.owner, UInt64(delivered))
    }
    if portal.pointee.takeInterrupt(), interrupts.base[index] >= 0 {
      InterruptLine.raise(interrupts.base[index])
    }
    return delivered > 0
  }

  /// The frame's buffer passes from the engine to a guest.
  @inline(__always)
  private func handOver(_ frame: FrameDescriptor, to owner: Int) {
    let pool = pools.base + Int(poolIndex.base[Int(frame.bpid.rawValue)])
    guard let buffer = pool.pointee.buffer(at: frame.address),
      pool.pointee.transfer(buffer, from: BufferPool.engine, to: BufferPool.holder(owner))
    else { preconditionFailure("a queued frame's buffer is the engine's") }
  }

  /// The frame's buffer goes back to its pool.
  @inline(__always)
  func free(_ frame: FrameDescriptor) {
    let pool = pools.base + Int(poolIndex.base[Int(frame.bpid.rawValue)])
    guard let buffer = pool.pointee.buffer(at: frame.address),
      pool.pointee.release(buffer, from: BufferPool.engine)
    else { preconditionFailure("a queued frame's buffer is the engine's") }
  }

  /// Where the bytes of a queued frame lie.
  @inline(__always)
  func bytes(of frame: FrameDescriptor) -> UnsafeRawBufferPointer {
    let pool = pools.base + Int(poolIndex.base[Int(frame.bpid.rawValue)])
    let start = pool.pointee.memory + Int(frame.address &- pool.pointee.base)
    return UnsafeRawBufferPointer(
      start: start + Int(frame.offset), count: Int(frame.length))
  }

  // MARK: Guests that end

  /// Takes back all that ended owners held: what they sent still leaves, what was for them is
  /// dropped with its reason, and every buffer returns to its pool.
  private mutating func reclaimGoneOwners(_ control: EngineControl) {
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
      for fqid in 0..<qman.queues.count {
        let queue = qman.queues.base + fqid
        guard queue.pointee.belongs(to: owner),
          ownPortals.contains(where: {
            portals.base[$0].channel == Int(queue.pointee.channel)
          })
        else { continue }
        while queue.pointee.count > 0 {
          free(qman.pop(queue))
          counters.drop(.ownerGone, owner)
        }
        // Nobody serves its channel any more: no link of the work queue is followed again.
        queue.pointee.state = .outOfService
      }
      for index in 0..<pools.count {
        let count = pools.base[index].reclaim(from: BufferPool.holder(owner))
        counters.add(.reclaimed, owner, UInt64(count))
      }
      control.markReclaimed(owner: owner)
    }
  }
}

/// A clock that only moves forward, in nanoseconds.
@Sendable public func monotonicNanoseconds() -> UInt64 {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec)
}
