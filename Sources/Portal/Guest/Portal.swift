import CPortalShims
public import QorIQ
import Synchronization

/// A guest's side of one software portal: QMan's rings and BMan's, on memory with the hardware's
/// own layout.
///
/// Modes (Linux 6.1, `drivers/soc/fsl/qbman/qman.c`, register `CFG`): enqueue and release rings by
/// valid bit with the consumer read from its cache-enabled line; dequeue and message rings pushed,
/// found by valid bit; the dequeue ring is consumed through its cache-enabled line (DCM 1), which no
/// other word shares, the message ring through its index register.
///
/// A portal belongs to one thread. No call allocates, locks or waits, but for ``acquire(from:)``
/// and ``queueFrameCount(of:)``, which are management commands and poll for their answer.
public struct Portal: ~Copyable {
  @usableFromInline let qman: UnsafeMutableRawPointer
  @usableFromInline let qmanRegisters: UnsafeMutableRawPointer
  @usableFromInline let bman: UnsafeMutableRawPointer
  @usableFromInline let bmanRegisters: UnsafeMutableRawPointer
  @usableFromInline let status: UnsafeMutableRawPointer
  @usableFromInline let pools: UnsafeMutableBufferPointer<MappedPool>

  @usableFromInline let eqcr: RingShape
  @usableFromInline let dqrr: RingShape
  @usableFromInline let rcr: RingShape
  @usableFromInline let mr: RingShape
  @usableFromInline var eqcrProducer: UInt32 = 0
  @usableFromInline var eqcrCredit: UInt32 = 0
  @usableFromInline var dqrrConsumer: UInt32 = 0
  @usableFromInline var dqrrPublished: UInt32 = 0
  /// QMan hears of consumption each time that a quarter of the ring was consumed: each time costs a
  /// cache line that both sides write.
  @usableFromInline let consumptionMask: UInt32
  @usableFromInline var mrConsumer: UInt32 = 0
  @usableFromInline var rcrProducer: UInt32 = 0
  @usableFromInline var rcrCredit: UInt32 = 0
  var qmanCommandPolarity: UInt8 = PortalLayout.validBit
  var bmanCommandPolarity: UInt8 = PortalLayout.validBit
  /// How often a management command looks for its answer before it gives up: some tenths of a
  /// second on an idle machine, and as many turns of the scheduler on a busy one.
  var answerPolls = 2_000_000
  /// What an acquire command asks for that BMan has not answered yet.
  private(set) var acquiring: (pool: BPID, count: Int)?
  /// Whether the last answer came only after this thread had given its processor away: then the engine may have
  /// no other.
  private(set) var hasYielded = false
  /// Whether the enqueue ring raises the portal's interrupt.
  private var waitsForRoom = false
  /// Whether QMan has not answered the last query yet.
  var isQuerying = false
  /// Refused frames that were taken off a full message ring while there was no room to send.
  private var kept: [RefusedFrame] = []
  private let runEngine: (() -> Void)?
  /// How an engine that sleeps is woken.
  var bell = EngineBell.none

  // SAFETY: the caller keeps the region, the pools and the page mapped for the portal's life, and
  // makes one portal for each index.
  /// Attaches to a portal of an owner's region and starts static dequeue.
  ///
  /// - Parameters:
  ///   - region: The start of the owner's portal region, `PortalWindow.size` bytes.
  ///   - index: The portal's place in the region.
  ///   - grant: What the owner was granted.
  ///   - pools: The owner's pools; must outlive the portal.
  ///   - status: The owner's status page.
  ///   - runEngine: Runs a round of an engine that works on this very thread.
  public init(
    region: UnsafeMutableRawPointer, index: Int, grant: GuestGrant,
    pools: UnsafeMutableBufferPointer<MappedPool>, status: UnsafeMutableRawPointer,
    runEngine: (() -> Void)? = nil
  ) {
    self.runEngine = runEngine
    let window = PortalWindow(portalCount: grant.portalCount)
    qman = region + window.qmanCacheEnabled(index)
    qmanRegisters = region + window.qmanCacheInhibited(index)
    bman = region + window.bmanCacheEnabled(index)
    bmanRegisters = region + window.bmanCacheInhibited(index)
    eqcr = RingShape(size: grant.enqueueRing)
    dqrr = RingShape(size: grant.dequeueRing)
    consumptionMask = dqrr.size / 4 - 1
    mr = RingShape(size: PortalLayout.messageRingSize)
    rcr = RingShape(size: PortalLayout.releaseRingSize)
    self.pools = pools
    self.status = status
    // CFG: valid-bit enqueue (EPM 2), dequeue ring filled to its size less one, consumed by line
    // (DCM 1), the rest zero: push mode, messages consumed through the index register.
    qmanRegisters.release32(
      PortalLayout.QManRegister.configuration, 0x0201_0000 | min(dqrr.size - 1, 15) << 20)
    // BMan's CFG: valid-bit release (RPM 2).
    bmanRegisters.release32(PortalLayout.BManRegister.configuration, 2)
    qmanRegisters.release32(PortalLayout.QManRegister.interruptInhibit, 1)
    qmanRegisters.release32(
      PortalLayout.QManRegister.interruptEnable,
      PortalInterrupt.dequeue | PortalInterrupt.message)
    qmanRegisters.release32(PortalLayout.QManRegister.sdqcr, StaticDequeue.dedicatedChannel)
  }
}

// MARK: Frames

extension Portal {
  /// Puts a frame on the enqueue ring.
  ///
  /// Whether the queue accepts it shows later: a refused frame comes back from ``takeRejection()``.
  @inlinable @inline(__always)
  public mutating func enqueue(_ buffer: consuming Buffer, to queue: FQID) -> EnqueueResult {
    let length = buffer.descriptor.length
    switch put(buffer, to: queue) {
    case .accepted:
      noteSent(1, bytes: UInt64(length))
      return .accepted
    case .full(let buffer): return .full(buffer)
    }
  }

  /// Counts frames that went.
  @inlinable @inline(__always)
  func noteSent(_ count: Int, bytes: UInt64) {
    status.addCounter(GuestStatus.Counter.sent.offset, UInt64(truncatingIfNeeded: count))
    status.addCounter(GuestStatus.Counter.sentBytes.offset, bytes)
  }

  /// Puts a frame on the enqueue ring, which the caller counts.
  @inlinable @inline(__always)
  mutating func put(_ buffer: consuming Buffer, to queue: FQID) -> EnqueueResult {
    if eqcrCredit == 0 {
      let consumer = qman.acquire32(PortalLayout.QMan.eqcrConsumerLine)
      eqcrCredit =
        eqcr.size &- 1 &- eqcr.occupancy(producer: eqcrProducer, consumerRegister: consumer)
      if eqcrCredit == 0 { return .full(buffer) }
    }
    let entry = PortalLayout.QMan.eqcr &+ eqcr.offset(eqcrProducer)
    let verb = Verb.enqueue | eqcr.polarity(eqcrProducer)
    let descriptor = buffer.take()
    qman.store64(entry &+ 8, UInt64(queue.rawValue) &<< 32)
    descriptor.write(to: qman, offset: entry &+ 16)
    qman.release64(entry, UInt64(verb) &<< 56)
    eqcrProducer &+= 1
    eqcrCredit &-= 1
    return .accepted
  }

  /// Takes the next frame from the dequeue ring; `nil` when it is empty.
  @inlinable @inline(__always)
  public mutating func dequeue() -> Buffer? {
    guard let buffer = takeEntry() else {
      publishConsumption()
      return nil
    }
    noteReceived(1, bytes: UInt64(buffer.descriptor.length))
    if _slowPath(isConsumptionDue) { publishConsumption() }
    return buffer
  }

  /// Whether a quarter of the ring was taken since the engine was told.
  @inlinable @inline(__always)
  var isConsumptionDue: Bool { dqrrConsumer & consumptionMask == 0 }

  /// Counts frames that came.
  @inlinable @inline(__always)
  func noteReceived(_ count: Int, bytes: UInt64) {
    status.addCounter(GuestStatus.Counter.received.offset, UInt64(truncatingIfNeeded: count))
    status.addCounter(GuestStatus.Counter.receivedBytes.offset, bytes)
  }

  /// The next frame from the dequeue ring. The caller counts it, and tells the engine of its consumption after that:
  /// of a guest that is killed, what is on the ring at most may be uncounted.
  @inlinable @inline(__always)
  mutating func takeEntry() -> Buffer? {
    while true {
      let entry = PortalLayout.QMan.dqrr &+ dqrr.offset(dqrrConsumer)
      let word = qman.acquire64(entry)
      let verb = UInt8(truncatingIfNeeded: word &>> 56)
      guard verb & 0x7f == Verb.dequeueResponse,
        verb & PortalLayout.validBit == dqrr.polarity(dqrrConsumer)
      else { return nil }
      let identity = qman.load64(entry &+ 8)
      let descriptor = FrameDescriptor(at: qman, offset: entry &+ 16)
      dqrrConsumer &+= 1
      let flags = UInt8(truncatingIfNeeded: word &>> 48)
      guard _fastPath(flags & DequeueStatus.frameValid != 0) else { continue }
      let context = UInt32(truncatingIfNeeded: identity)
      return buffer(
        descriptor, queue: FQID(UInt32(truncatingIfNeeded: identity &>> 32) & 0xff_ffff),
        context: context)
    }
  }

  /// Takes the next refused frame from the message ring, with the rejection code; the buffer is
  /// the caller's again.
  @inline(__always)
  public mutating func takeRejection() -> Rejection? {
    guard _slowPath(hasMessage(at: mrConsumer) || !kept.isEmpty) else { return nil }
    return nextRejection()
  }

  @inline(never)
  private mutating func nextRejection() -> Rejection? {
    guard let refused = kept.isEmpty ? readRejection() : kept.removeFirst() else { return nil }
    return Rejection(
      buffer: buffer(refused.descriptor, queue: refused.queue, context: 0), code: refused.code)
  }

  /// Takes refused frames off the message ring if it is full, for ``takeRejection()``: QMan takes no frame as
  /// long as it could not give it back, so that who waits for room would wait for ever.
  mutating func makeRoomForRejections() {
    guard hasMessage(at: mrConsumer &+ mr.size &- 2) else { return }
    while let refused = readRejection() { kept.append(refused) }
  }

  @inline(__always)
  private func hasMessage(at place: UInt32) -> Bool {
    let entry = PortalLayout.QMan.mr + mr.offset(place)
    let verb = UInt8(truncatingIfNeeded: qman.acquire64(entry) >> 56)
    return verb & 0x7f != 0 && verb & PortalLayout.validBit == mr.polarity(place)
  }

  /// What an entry of the message ring says of a refused frame.
  private struct RefusedFrame {
    var descriptor: FrameDescriptor
    var queue: FQID
    var code: UInt8
  }

  private mutating func readRejection() -> RefusedFrame? {
    while hasMessage(at: mrConsumer) {
      let entry = PortalLayout.QMan.mr + mr.offset(mrConsumer)
      let word = qman.load64(entry)
      let identity = qman.load64(entry + 8)
      let descriptor = FrameDescriptor(at: qman, offset: entry + 16)
      mrConsumer &+= 1
      qmanRegisters.release32(
        PortalLayout.QManRegister.mrConsumer, mr.consumerRegister(mrConsumer))
      // Messages about queues are nothing that is given back.
      guard UInt8(truncatingIfNeeded: word >> 56) & 0x20 == 0 else { continue }
      status.addCounter(GuestStatus.Counter.rejected.offset, 1)
      return RefusedFrame(
        descriptor: descriptor, queue: FQID(UInt32(truncatingIfNeeded: identity >> 32) & 0xff_ffff),
        code: UInt8(truncatingIfNeeded: word >> 24) & 0xf0)
    }
    return nil
  }

  /// A frame that its queue refused.
  public struct Rejection: ~Copyable {
    /// The frame, which is the guest's again.
    public var buffer: Buffer
    /// Why: one of ``RejectionCode``.
    public let code: UInt8
    /// The frame, for who does not ask why.
    public consuming func takeBuffer() -> Buffer { buffer }
  }

  /// Tells QMan which dequeue entries were taken.
  @inlinable @inline(__always)
  mutating func publishConsumption() {
    guard dqrrPublished != dqrrConsumer else { return }
    dqrrPublished = dqrrConsumer
    qman.release32(PortalLayout.QMan.dqrrConsumerLine, dqrr.consumerRegister(dqrrConsumer))
  }

  @inlinable @inline(__always)
  func buffer(_ descriptor: FrameDescriptor, queue: FQID, context: UInt32) -> Buffer {
    for index in 0..<pools.count where pools[index].bpid == descriptor.bpid {
      guard let memory = pools[index].pointer(to: descriptor.address) else { break }
      return Buffer(
        descriptor: descriptor, queue: queue, context: context,
        capacity: Int(pools[index].size), memory: memory)
    }
    preconditionFailure("QMan delivered a buffer outside this guest's pools")
  }
}

// MARK: Buffers

extension Portal {
  /// Whether the release ring takes another entry.
  @inlinable @inline(__always)
  mutating func hasReleaseRoom() -> Bool {
    if rcrCredit > 0 { return true }
    let consumer = bman.acquire32(PortalLayout.BMan.rcrConsumerLine)
    rcrCredit = rcr.size &- 1 &- rcr.occupancy(producer: rcrProducer, consumerRegister: consumer)
    return rcrCredit > 0
  }

  /// Whether the release ring takes this many more entries.
  mutating func releaseRoom(_ count: UInt32) -> Bool {
    if rcrCredit >= count { return true }
    rcrCredit = 0
    return hasReleaseRoom() && rcrCredit >= count
  }

  /// Gives a buffer back to its pool, and with it those of a frame's pieces.
  @inlinable public mutating func release(_ buffer: consuming Buffer) -> ReleaseResult {
    if buffer.descriptor.isScattered { return releaseScattered(buffer) }
    guard hasReleaseRoom() else { return .full(buffer) }
    let descriptor = buffer.take()
    let entry = PortalLayout.BMan.rcr &+ rcr.offset(rcrProducer)
    let verb = Verb.release | 1 | rcr.polarity(rcrProducer)
    bman.release64(entry, UInt64(verb) &<< 56 | descriptor.releaseWord)
    rcrProducer &+= 1
    rcrCredit &-= 1
    status.addCounter(GuestStatus.Counter.released.offset, 1)
    return .accepted
  }

  /// Acquires a buffer from a pool by command; `nil` when the pool is empty or BMan does not answer.
  ///
  /// The answer takes a round trip to BMan; the call polls for it. An answer that comes too late is
  /// not lost: the next call takes it first.
  public mutating func acquire(from pool: BPID) -> Buffer? {
    var found: Buffer?
    acquire(1, from: pool) { (buffer: consuming Buffer) in found = .some(buffer) }
    return found
  }

  /// Acquires buffers with one command, and hands over each. As soon as they are here, `next` more are asked for,
  /// whose answer the next call finds. What there was not when it was asked for earlier is asked for once more,
  /// unless that is not wanted.
  mutating func acquire(
    _ count: Int, from pool: BPID, next: Int = 0, repeats: Bool = true,
    _ take: (consuming Buffer) -> Void
  ) {
    while true {
      let isEarlier = acquiring != nil
      let asked = acquiring ?? (pool, count)
      if !isEarlier { ask(for: count, from: pool) }
      let response =
        bmanCommandPolarity == 0 ? PortalLayout.BMan.response0 : PortalLayout.BMan.response1
      guard let word = poll(bman, response) else { return }
      // BMan clears the answer when it gives the next one.
      var addresses = InlineArray<8, UInt64>(repeating: word)
      for place in 1..<8 { addresses[place] = bman.load64(response + 8 * place) }
      acquiring = nil
      bmanCommandPolarity ^= PortalLayout.validBit
      let isGranted =
        UInt8(truncatingIfNeeded: word >> 56) & 0x7f == Verb.acquire | UInt8(asked.count)
      let isWanted = asked == (pool, count)
      if isGranted {
        if isWanted, next > 0 { ask(for: next, from: pool) }
        status.addCounter(GuestStatus.Counter.acquired.offset, UInt64(asked.count))
        for place in 0..<asked.count {
          let buffer = buffer(
            FrameDescriptor(
              bpid: asked.pool, address: addresses[place] & 0xffff_ffff_ffff, offset: 0, length: 0),
            queue: 0, context: 0)
          if isWanted { take(buffer) } else { giveBack(buffer) }
        }
      }
      if isWanted, isGranted || !isEarlier || !repeats { return }
    }
  }

  private mutating func ask(for count: Int, from pool: BPID) {
    let verb = Verb.acquire | UInt8(count) | bmanCommandPolarity
    bman.release64(PortalLayout.BMan.command, UInt64(verb) << 56 | UInt64(pool.rawValue) << 48)
    acquiring = (pool, count)
  }

  /// Releases a buffer, however long the release ring is full.
  public mutating func giveBack(_ buffer: consuming Buffer) {
    var buffer = buffer
    while true {
      switch release(buffer) {
      case .accepted: return
      case .full(let again):
        buffer = again
        letEngineRun()
      }
    }
  }

  /// Waits for a response register to become valid.
  mutating func poll(_ window: UnsafeMutableRawPointer, _ response: Int) -> UInt64? {
    bell.ring()
    hasYielded = false
    var rounds = 0
    while rounds < answerPolls {
      let word = window.acquire64(response)
      if UInt8(truncatingIfNeeded: word >> 56) & 0x7f != 0 { return word }
      rounds += 1
      // The engine may need this very CPU to answer, or this very thread.
      if rounds & 63 == 0 || runEngine != nil {
        letEngineRun()
        hasYielded = runEngine == nil
      } else {
        dpaac_pause()
      }
    }
    return nil
  }

  /// Gives the engine time, for who waits for room in a ring: a round of its own when it works on
  /// this very thread, the rest of this thread's time slice otherwise.
  public func letEngineRun() {
    bell.ring()
    if let runEngine { runEngine() } else { sched_yield() }
  }
}

// MARK: Interrupts

extension Portal {
  /// A number that changes whenever a frame or a message has been taken, a frame sent or buffers released.
  var progress: UInt32 { dqrrConsumer &+ mrConsumer &+ eqcrProducer &+ rcrProducer }

  /// Whether a frame or a message waits.
  public var hasWork: Bool { hasFrame || hasMessage(at: mrConsumer) || !kept.isEmpty }

  /// Whether a frame waits.
  @inline(__always)
  var hasFrame: Bool {
    let entry = PortalLayout.QMan.dqrr &+ dqrr.offset(dqrrConsumer)
    let verb = UInt8(truncatingIfNeeded: qman.acquire64(entry) &>> 56)
    return verb & 0x7f != 0 && verb & PortalLayout.validBit == dqrr.polarity(dqrrConsumer)
  }

  /// Entries of the enqueue ring below which it raises its interrupt (ITR): few, so that who waits for room
  /// finds much; the field has three bits.
  private static let roomThreshold: UInt32 = 4

  /// Whether QMan has taken so much of what was in the enqueue ring.
  var hasRoomAgain: Bool {
    let consumer = qman.acquire32(PortalLayout.QMan.eqcrConsumerLine)
    return eqcr.occupancy(producer: eqcrProducer, consumerRegister: consumer) < Self.roomThreshold
  }

  /// Allows or inhibits the portal's interrupt. After allowing it, look at ``hasWork`` once more
  /// before sleeping: what arrived in between raised nothing.
  ///
  /// - Parameters:
  ///   - allowed: Whether it may fire.
  ///   - orRoom: Whether an enqueue ring that QMan has nearly emptied raises it, too.
  public mutating func allowInterrupt(_ allowed: Bool, orRoom: Bool = false) {
    publishConsumption()
    if orRoom != waitsForRoom {
      waitsForRoom = orRoom
      // Without a threshold the ring raises nothing, and QMan need not count its entries.
      qmanRegisters.release32(
        PortalLayout.QManRegister.eqcrThreshold, orRoom ? Self.roomThreshold : 0)
      qmanRegisters.release32(
        PortalLayout.QManRegister.interruptEnable,
        PortalInterrupt.dequeue | PortalInterrupt.message
          | (orRoom ? PortalInterrupt.enqueueRing : 0))
    }
    if allowed {
      // What was handled is no reason for the next interrupt; what waits still sets its bit again.
      qmanRegisters.release32(
        PortalLayout.QManRegister.interruptStatus,
        PortalInterrupt.dequeue | PortalInterrupt.message | PortalInterrupt.enqueueRing)
    }
    qmanRegisters.release32(PortalLayout.QManRegister.interruptInhibit, allowed ? 0 : 1)
    // The caller's next look at the rings must not be taken before QMan can see the permission.
    if allowed { atomicMemoryFence(ordering: .sequentiallyConsistent) }
  }

  /// Lets frames gather before they raise the portal's interrupt (DQRR_ITR and ITPR).
  ///
  /// The interrupt comes as soon as more than `frames` wait, or when the first has waited for
  /// `microseconds`. A portal begins with an interrupt for every frame, as does `microseconds: 0`.
  ///
  /// - Parameters:
  ///   - frames: 0 to 15, and less than the dequeue ring holds.
  ///   - microseconds: 0 to 4095. The unit of hardware's period is not known to us; here it is this.
  public mutating func gatherInterrupts(frames: Int, microseconds: Int) {
    precondition((0...15).contains(frames), "the threshold of a dequeue ring is 0 to 15")
    precondition((0...4095).contains(microseconds), "the interrupt period is 0 to 4095")
    qmanRegisters.release32(PortalLayout.QManRegister.dqrrThreshold, UInt32(frames))
    qmanRegisters.release32(PortalLayout.QManRegister.interruptPeriod, UInt32(microseconds))
  }
}
