import DPAAPortal
import QorIQ

// SAFETY: the windows are mapped for the engine's life; `RingShape` keeps every offset inside them.
/// The engine's side of one software portal: what the hardware would do with its rings.
///
/// Everything that the guest can write may change at any time, so each word is read once and
/// checked afterwards; a guest that breaks the protocol harms its own rings only.
struct EnginePortal: BitwiseCopyable {
  let owner: Int
  let channel: Int
  private let qman: UnsafeMutableRawPointer
  private let qmanRegisters: UnsafeMutableRawPointer
  private let bman: UnsafeMutableRawPointer
  private let bmanRegisters: UnsafeMutableRawPointer
  let eqcr: RingShape
  private let dqrr: RingShape
  private let mr = RingShape(size: PortalLayout.messageRingSize)
  private let rcr = RingShape(size: PortalLayout.releaseRingSize)
  private var eqcrConsumer: UInt32 = 0
  private var dqrrProducer: UInt32 = 0
  private var dqrrPublished: UInt32 = 0
  private var mrProducer: UInt32 = 0
  private var rcrConsumer: UInt32 = 0
  /// QMan's management commands.
  var qmanCommands: CommandRegister
  /// BMan's management commands.
  var bmanCommands: CommandRegister
  /// The producer index for which the interrupt last fired.
  private var raisedAt: UInt32 = 0
  private var raisedMessage: UInt32 = 0

  /// Puts a portal into its reset state: zeroed rings, and producer indexes with polarity 1 (as
  /// Linux's drivers need them, or zeroed lines would look like entries).
  init(
    region: UnsafeMutableRawPointer, index: Int, portalCount: Int,
    rings: (enqueue: Int, dequeue: Int),
    owner: Int, channel: Int
  ) {
    let window = PortalWindow(portalCount: portalCount)
    qman = region + window.qmanCacheEnabled(index)
    qmanRegisters = region + window.qmanCacheInhibited(index)
    bman = region + window.bmanCacheEnabled(index)
    bmanRegisters = region + window.bmanCacheInhibited(index)
    eqcr = RingShape(size: rings.enqueue)
    dqrr = RingShape(size: rings.dequeue)
    self.owner = owner
    self.channel = channel
    qmanCommands = CommandRegister(
      qman, command: PortalLayout.QMan.command, response0: PortalLayout.QMan.response0,
      response1: PortalLayout.QMan.response1)
    bmanCommands = CommandRegister(
      bman, command: PortalLayout.BMan.command, response0: PortalLayout.BMan.response0,
      response1: PortalLayout.BMan.response1)
    qmanRegisters.release32(
      PortalLayout.QManRegister.eqcrProducer, eqcr.producerRegister(0))
    qmanRegisters.release32(
      PortalLayout.QManRegister.dqrrProducer, dqrr.producerRegister(0))
    qmanRegisters.release32(PortalLayout.QManRegister.mrProducer, mr.producerRegister(0))
    qmanRegisters.release32(PortalLayout.QManRegister.interruptInhibit, 1)
    bmanRegisters.release32(PortalLayout.BManRegister.rcrProducer, rcr.producerRegister(0))
  }

  // MARK: Enqueue

  /// An enqueue command as it was read.
  struct Enqueue {
    let word: UInt64
    let identity: UInt64
    let frame: FrameDescriptor
    var verb: UInt8 { UInt8(truncatingIfNeeded: word &>> 56) & 0x7f }
    var fqid: UInt32 { UInt32(truncatingIfNeeded: identity &>> 32) & 0xff_ffff }
  }

  /// Takes the next enqueue command; `nil` when there is none, or when its rejection would find no
  /// place in the message ring.
  @inline(__always)
  mutating func takeEnqueue() -> Enqueue? {
    let entry = PortalLayout.QMan.eqcr &+ eqcr.offset(eqcrConsumer)
    let word = qman.acquire64(entry)
    let verb = UInt8(truncatingIfNeeded: word &>> 56)
    guard verb & 0x7f != 0, verb & PortalLayout.validBit == eqcr.polarity(eqcrConsumer),
      hasMessageRoom
    else { return nil }
    let command = Enqueue(
      word: word, identity: qman.load64(entry &+ 8),
      frame: FrameDescriptor(at: qman, offset: entry &+ 16))
    eqcrConsumer &+= 1
    return command
  }

  /// Tells the guest how far its enqueue ring was taken.
  @inline(__always)
  func publishEnqueueConsumption() {
    let index = eqcr.consumerRegister(eqcrConsumer)
    qman.release32(PortalLayout.QMan.eqcrConsumerLine, index)
    qmanRegisters.release32(PortalLayout.QManRegister.eqcrConsumer, index)
  }

  private var hasMessageRoom: Bool {
    let consumer = qmanRegisters.acquire32(PortalLayout.QManRegister.mrConsumer)
    return mr.occupancy(producer: mrProducer, consumerRegister: consumer) < mr.size &- 1
  }

  /// Sends an enqueue command back as a rejection (ERN); ``takeEnqueue()`` kept room for it.
  mutating func reject(_ command: Enqueue, code: UInt8) {
    let entry = PortalLayout.QMan.mr &+ mr.offset(mrProducer)
    qman.store64(entry &+ 8, command.identity)
    command.frame.write(to: qman, offset: entry &+ 16)
    let verb = UInt64(Verb.enqueue | mr.polarity(mrProducer))
    let middle = command.word & 0x00ff_ffff_0000_0000 | UInt64(code) &<< 24
    qman.release64(entry, verb &<< 56 | middle)
    mrProducer &+= 1
    let index = mr.producerRegister(mrProducer)
    qman.release32(PortalLayout.QMan.mrProducerLine, index)
    qmanRegisters.release32(PortalLayout.QManRegister.mrProducer, index)
  }

  // MARK: Dequeue

  /// How many dequeue entries may be filled now; 0 when the guest has not asked for its channel.
  @inline(__always)
  func dequeueRoom() -> UInt32 {
    let sdqcr = qmanRegisters.acquire32(PortalLayout.QManRegister.sdqcr)
    guard sdqcr & 0x0300_0000 != 0, sdqcr & 0x8000 != 0 else { return 0 }
    return dqrr.size &- 1 &- dequeueOccupancy
  }

  /// Dequeue entries that the guest has not consumed, as far as it says.
  var dequeueOccupancy: UInt32 {
    let consumer = qmanRegisters.acquire32(PortalLayout.QManRegister.dqrrConsumer)
    return dqrr.occupancy(producer: dqrrProducer, consumerRegister: consumer)
  }

  /// Puts a frame on the dequeue ring, in which there must be room.
  @inline(__always)
  mutating func deliver(
    _ frame: FrameDescriptor, fqid: UInt32, contextB: UInt32, sequence: UInt16, isLast: Bool
  ) {
    let entry = PortalLayout.QMan.dqrr &+ dqrr.offset(dqrrProducer)
    qman.store64(entry &+ 8, UInt64(fqid) &<< 32 | UInt64(contextB))
    frame.write(to: qman, offset: entry &+ 16)
    let verb = Verb.dequeueResponse | dqrr.polarity(dqrrProducer)
    let status = DequeueStatus.frameValid | (isLast ? DequeueStatus.queueEmpty : 0)
    qman.release64(
      entry,
      UInt64(verb) &<< 56 | UInt64(status) &<< 48 | UInt64(sequence & 0x7fff) &<< 32)
    dqrrProducer &+= 1
  }

  /// Shows the dequeue ring's producer index in its register and line.
  @inline(__always)
  mutating func publishDelivery() {
    guard dqrrPublished != dqrrProducer else { return }
    dqrrPublished = dqrrProducer
    let index = dqrr.producerRegister(dqrrProducer)
    qman.release32(PortalLayout.QMan.dqrrProducerLine, index)
    qmanRegisters.release32(PortalLayout.QManRegister.dqrrProducer, index)
  }

  /// Whether the portal's interrupt must fire now: something waits, the guest allows it, and it
  /// did not fire for this already.
  @inline(__always)
  mutating func takeInterrupt() -> Bool {
    guard dqrrProducer != raisedAt || mrProducer != raisedMessage else { return false }
    guard qmanRegisters.acquire32(PortalLayout.QManRegister.interruptInhibit) & 1 == 0 else {
      return false
    }
    let enabled = qmanRegisters.acquire32(PortalLayout.QManRegister.interruptEnable)
    var fires = false
    if dqrrProducer != raisedAt, enabled & PortalInterrupt.dequeue != 0 {
      raisedAt = dqrrProducer
      fires = true
    }
    if mrProducer != raisedMessage, enabled & PortalInterrupt.message != 0 {
      raisedMessage = mrProducer
      fires = true
    }
    return fires
  }

  // MARK: BMan

  /// A release command as it was read: up to eight buffers.
  struct Release {
    let words: InlineArray<8, UInt64>
    var verb: UInt8 { UInt8(truncatingIfNeeded: words[0] &>> 56) & 0x7f }
  }

  /// Takes the next release command; `nil` when there is none.
  @inline(__always)
  mutating func takeRelease() -> Release? {
    let entry = PortalLayout.BMan.rcr &+ rcr.offset(rcrConsumer)
    let word = bman.acquire64(entry)
    let verb = UInt8(truncatingIfNeeded: word &>> 56)
    guard verb & 0x7f != 0, verb & PortalLayout.validBit == rcr.polarity(rcrConsumer) else {
      return nil
    }
    var words = InlineArray<8, UInt64>(repeating: word)
    for index in 1..<min(8, max(1, Int(verb & 0xf))) {
      words[index] = bman.load64(entry &+ 8 &* index)
    }
    rcrConsumer &+= 1
    return Release(words: words)
  }

  /// Tells the guest how far its release ring was taken.
  @inline(__always)
  func publishReleaseConsumption() {
    let index = rcr.consumerRegister(rcrConsumer)
    bman.release32(PortalLayout.BMan.rcrConsumerLine, index)
    bmanRegisters.release32(PortalLayout.BManRegister.rcrConsumer, index)
  }
}
