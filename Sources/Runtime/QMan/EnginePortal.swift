import DPAAPortal
import QorIQ

// SAFETY: the windows are mapped for the engine's life; `RingShape` keeps every offset inside them.
/// The engine's side of one software portal: what the hardware would do with its rings.
///
/// Everything that the guest can write may change at any time, so each word is read once and
/// checked afterwards; a guest that breaks the protocol harms its own rings only. What concerns the
/// message ring, consumption and interrupts stands in extensions of their own.
struct EnginePortal: BitwiseCopyable {
  /// The hardware's number of the portal and of its dedicated channel.
  let number: UInt16
  let owner: Int
  /// The places in the engine's table of the channels that the portal may serve: its dedicated one
  /// first, then pool channel *n* at *n*; 0 for none.
  private(set) var channels: InlineArray<16, UInt16>
  /// The channels that the portal may serve, as SDQCR names them.
  private(set) var channelMask: UInt32

  /// The first run of its owner's queues, which most commands name.
  var queues: EngineTables.QueueRun

  let qman: UnsafeMutableRawPointer
  let registers: UnsafeMutableRawPointer
  let eqcr: RingShape
  let dqrr: RingShape
  let mr = RingShape(size: PortalLayout.messageRingSize)
  /// CFG as it was read at the start of the round.
  var configuration: UInt32 = 0

  var eqcrConsumer: UInt32 = 0
  /// In modes PCI and PCE, how far the guest says it has produced.
  private var eqcrLimit: UInt32 = 0

  var dqrrProducer: UInt32 = 0
  private var dqrrPublished: UInt32 = 0
  /// How far the guest has consumed the dequeue ring without a gap.
  var dqrrConsumer: UInt32 = 0
  /// Entries behind a gap that the guest has consumed, by place.
  var consumedPlaces: UInt64 = 0
  /// Entries whose queue is held until they are consumed, by place, and those queues.
  var heldPlaces: UInt64 = 0
  var heldQueues = InlineArray<64, UInt32>(repeating: 0)
  /// The held queue that was served last and may be served again; 0 for none.
  var current: UInt32 = 0
  /// Where the round of the pool channels stands.
  var channelTurn: UInt32 = 0
  /// The volatile dequeue command that is being carried out; 0 for none.
  var volatileCommand: UInt32 = 0
  /// How many frames it still asks for; 0 for all there are.
  var volatileLeft: UInt32 = 0

  var mrProducer: UInt32 = 0
  var mrConsumer: UInt32 = 0
  /// Messages about queues that wait for room in the message ring.
  var backlog: MessageBacklog

  /// QMan's management commands.
  var commands: CommandRegister
  /// The command about many queues that rounds are carrying out.
  var initialization: QueueInitialization?
  /// For how many rounds the portal's next command waits.
  private var rounds = 0
  var interrupt = InterruptState()
  var ringInterrupts = RingInterrupts()
  /// BMan's half.
  var bman: BManPortal

  /// Puts a portal into its reset state: zeroed rings, and producer indexes with polarity 1 (as
  /// Linux's drivers need them, or zeroed lines would look like entries; the hardware's own reset
  /// values are not known to us).
  init(
    at places: PortalPlaces, rings: (enqueue: Int, dequeue: Int), owner: Int, number: UInt16,
    channels: InlineArray<16, UInt16>, queues: EngineTables.QueueRun, backlog: MessageBacklog
  ) {
    qman = places.qman
    registers = places.qmanRegisters
    bman = BManPortal(places.bman, registers: places.bmanRegisters)
    eqcr = RingShape(size: rings.enqueue)
    dqrr = RingShape(size: rings.dequeue)
    self.owner = owner
    self.number = number
    self.channels = channels
    self.queues = queues
    var mask: UInt32 = 0
    for place in 0..<16 where channels[place] != 0 { mask |= 0x8000 >> UInt32(place) }
    channelMask = mask
    self.backlog = backlog
    commands = CommandRegister(
      qman, command: PortalLayout.QMan.command, response0: PortalLayout.QMan.response0,
      response1: PortalLayout.QMan.response1)
    show(eqcr.producerRegister(0), .eqcrProducer)
    show(dqrr.producerRegister(0), .dqrrProducer)
    show(mr.producerRegister(0), .mrProducer)
    registers.release32(PortalLayout.QManRegister.dqrrConsumption, Self.noConsumption)
    registers.release32(PortalLayout.QManRegister.interruptInhibit, 1)
  }

  /// The portal as it is after a reset, over other memory.
  func renewed(at places: PortalPlaces) -> EnginePortal {
    var backlog = backlog
    backlog.clear()
    return EnginePortal(
      at: places, rings: (Int(eqcr.size), Int(dqrr.size)), owner: owner, number: number,
      channels: channels, queues: queues, backlog: backlog)
  }

  /// Goes on from where the same portal of other tables is: its rings, and what it has under way.
  ///
  /// - Parameters:
  ///   - other: The portal there.
  ///   - isKept: Whether a queue goes on as it is; one that does not is held no more.
  mutating func takeOver(from other: EnginePortal, isKept: (UInt32) -> Bool) {
    let here = self
    self = other
    (channels, channelMask, queues) = (here.channels, here.channelMask, here.queues)
    backlog = here.backlog
    backlog.takeOver(from: other.backlog)
    for place in 0..<64 where heldPlaces >> UInt64(place) & 1 == 1 && !isKept(heldQueues[place]) {
      heldPlaces &= ~(1 << UInt64(place))
    }
    if current != 0, !isKept(current) { current = 0 }
  }

  // MARK: Commands

  /// Whether the command that waits may be carried out in this round.
  mutating func mayCommand() -> Bool {
    guard rounds > 0 else { return true }
    rounds &-= 1
    return false
  }

  /// Has the next command wait, after one that took so many steps: who asks again and again for much shall not
  /// take up everybody's rounds.
  mutating func rest(after steps: Int) { rounds = steps / 16 }

  // MARK: Indexes

  /// An index register and the line that shadows it; hardware keeps the two alike.
  enum Index {
    case eqcrProducer, eqcrConsumer, dqrrProducer, dqrrConsumer, mrProducer, mrConsumer

    @inline(__always)
    var register: Int {
      switch self {
      case .eqcrProducer: PortalLayout.QManRegister.eqcrProducer
      case .eqcrConsumer: PortalLayout.QManRegister.eqcrConsumer
      case .dqrrProducer: PortalLayout.QManRegister.dqrrProducer
      case .dqrrConsumer: PortalLayout.QManRegister.dqrrConsumer
      case .mrProducer: PortalLayout.QManRegister.mrProducer
      case .mrConsumer: PortalLayout.QManRegister.mrConsumer
      }
    }
    @inline(__always)
    var line: Int {
      switch self {
      case .eqcrProducer: PortalLayout.QMan.eqcrProducerLine
      case .eqcrConsumer: PortalLayout.QMan.eqcrConsumerLine
      case .dqrrProducer: PortalLayout.QMan.dqrrProducerLine
      case .dqrrConsumer: PortalLayout.QMan.dqrrConsumerLine
      case .mrProducer: PortalLayout.QMan.mrProducerLine
      case .mrConsumer: PortalLayout.QMan.mrConsumerLine
      }
    }
  }

  /// Shows an index in its line and its register.
  @inline(__always)
  func show(_ value: UInt32, _ index: Index) {
    qman.release32(index.line, value)
    registers.release32(index.register, value)
  }

  /// Reads CFG: the modes hold for the rest of the round.
  @inline(__always)
  mutating func pollConfiguration() {
    configuration = registers.acquire32(PortalLayout.QManRegister.configuration)
  }

  /// Whether the guest has written something that is to be taken up: a few looks at lines that stay
  /// in this CPU's cache until then. A portal in a rarer mode, whose rings fill or whose messages
  /// wait, always has news.
  @inline(__always)
  func hasNews() -> Bool {
    guard productionMode == .validBit, consumptionMode == .line, knowsRoom, messageOccupancy == 0
    else { return true }
    return eqcr.hasEntry(in: qman, at: PortalLayout.QMan.eqcr, eqcrConsumer) || bman.hasNews()
      || commands.isWaiting
  }

  /// Whether a command, a frame, a buffer or a consumed entry is new, in the modes in which valid bits and lines
  /// tell. In others nothing is, which is looked for anyway.
  func isWrittenTo() -> Bool {
    guard productionMode == .validBit, consumptionMode == .line else { return false }
    return eqcr.hasEntry(in: qman, at: PortalLayout.QMan.eqcr, eqcrConsumer)
      || bman.isWrittenTo() || commands.isWaiting
      || qman.acquire32(PortalLayout.QMan.dqrrConsumerLine) != dqrr.consumerRegister(dqrrConsumer)
  }

  // MARK: Enqueue

  /// An enqueue command as it was read.
  struct Enqueue {
    let word: UInt64
    let identity: UInt64
    let frame: FrameDescriptor
    @inline(__always)
    var verb: UInt8 { UInt8(truncatingIfNeeded: word &>> 56) & 0x7f }
    @inline(__always)
    var fqid: UInt32 { UInt32(truncatingIfNeeded: identity &>> 32) & 0xff_ffff }
    /// The frame's colour: 0 green, 1 yellow, 2 red, 3 override.
    @inline(__always)
    var colour: UInt8 { verb &>> 3 & 3 }
    /// Discrete consumption of a dequeue entry: enable 0x80, park 0x40, place.
    @inline(__always)
    var consumption: UInt8 { UInt8(truncatingIfNeeded: word &>> 48) }
    /// Byte 2 and 3: flags and 14 bits of sequence number.
    var sequence: UInt16 { UInt16(truncatingIfNeeded: word &>> 32) }
    /// The queue whose order-restoration point is meant.
    var restorationPoint: UInt32 { UInt32(truncatingIfNeeded: word) & 0xff_ffff }
  }

  /// How the guest announces enqueue commands (CFG.EPM).
  enum ProductionMode: UInt32 {
    case register = 0
    case line = 1
    case validBit = 2
    case reserved = 3
  }
  @inline(__always)
  var productionMode: ProductionMode {
    ProductionMode(rawValue: configuration &>> 24 & 3) ?? .reserved
  }

  /// Looks how far the guest has produced, unless valid bits tell.
  @inline(__always)
  mutating func pollProduction() {
    switch productionMode {
    case .validBit: return
    case .register:
      setLimit(registers.acquire32(PortalLayout.QManRegister.eqcrProducer))
    case .line: setLimit(qman.acquire32(PortalLayout.QMan.eqcrProducerLine))
    case .reserved: eqcrLimit = eqcrConsumer
    }
  }

  private mutating func setLimit(_ index: UInt32) {
    eqcrLimit =
      eqcrConsumer &+ eqcr.occupancy(producer: index, consumerRegister: eqcrConsumer)
  }

  /// Looks at commands that wait, up to a burst, and calls `body` with the queue that each names,
  /// which nobody has checked yet. Who fetches all those queues' descriptors at once waits for
  /// memory once, and not for each.
  @inline(__always)
  func lookAhead(_ body: (UInt32) -> Void) {
    guard productionMode == .validBit else { return }
    for step in 0..<min(UInt32(EngineTables.burst), eqcr.size) {
      let index = eqcrConsumer &+ step
      let entry = PortalLayout.QMan.eqcr &+ eqcr.offset(index)
      let verb = UInt8(truncatingIfNeeded: qman.acquire64(entry) &>> 56)
      guard verb & 0x7f != 0, verb & PortalLayout.validBit == eqcr.polarity(index) else { return }
      body(UInt32(truncatingIfNeeded: qman.load64(entry &+ 8) &>> 32) & 0xff_ffff)
    }
  }

  /// Takes the next enqueue command; `nil` when there is none, or when its rejection would find no
  /// place in the message ring.
  @inline(__always)
  mutating func takeEnqueue() -> Enqueue? {
    guard hasMessageRoom else { return nil }
    let entry = PortalLayout.QMan.eqcr &+ eqcr.offset(eqcrConsumer)
    let word = qman.acquire64(entry)
    if productionMode == .validBit {
      let verb = UInt8(truncatingIfNeeded: word &>> 56)
      guard verb & 0x7f != 0, verb & PortalLayout.validBit == eqcr.polarity(eqcrConsumer) else {
        return nil
      }
    } else if eqcrConsumer == eqcrLimit {
      return nil
    }
    let command = Enqueue(
      word: word, identity: qman.load64(entry &+ 8),
      frame: FrameDescriptor(at: qman, offset: entry &+ 16))
    eqcrConsumer &+= 1
    return command
  }

  /// Tells the guest how far its enqueue ring was taken, and shows what hardware would have counted
  /// as produced.
  @inline(__always)
  mutating func publishEnqueueConsumption() {
    show(eqcr.consumerRegister(eqcrConsumer), .eqcrConsumer)
    switch productionMode {
    case .validBit: show(eqcr.producerRegister(eqcrConsumer), .eqcrProducer)
    case .register:
      // The guest writes the bare index; the polarity above it is hardware's to add.
      let register = PortalLayout.QManRegister.eqcrProducer
      let produced = eqcr.producerRegister(eqcrLimit)
      registers.replace32(register, eqcr.consumerRegister(eqcrLimit), with: produced)
      qman.release32(PortalLayout.QMan.eqcrProducerLine, produced)
    case .line:
      let produced = eqcr.producerRegister(eqcrLimit)
      qman.replace32(
        PortalLayout.QMan.eqcrProducerLine, eqcr.consumerRegister(eqcrLimit), with: produced)
      registers.release32(PortalLayout.QManRegister.eqcrProducer, produced)
    case .reserved: break
    }
  }

  /// Enqueue commands that the engine has not taken, as far as can be seen.
  func enqueueOccupancy() -> UInt32 {
    guard productionMode == .validBit else { return eqcrLimit &- eqcrConsumer }
    return eqcr.produced(in: qman, at: PortalLayout.QMan.eqcr, from: eqcrConsumer)
  }

  // MARK: Dequeue

  /// Entries of the dequeue ring that the guest has not consumed.
  @inline(__always)
  var dequeueOccupancy: UInt32 { dqrrProducer &- dqrrConsumer }

  /// How many dequeue entries may be filled now: CFG.MF less those that wait. The largest value of
  /// the 4-bit field means all of a ring that a plan enlarged.
  @inline(__always)
  func dequeueRoom() -> UInt32 {
    let fill = configuration &>> 20 & 15
    let limit = fill == 15 ? dqrr.size &- 1 : fill
    let occupied = dequeueOccupancy
    return occupied < limit ? limit &- occupied : 0
  }

  /// Whether there is room for a burst whatever the guest has consumed since the last look, and no
  /// queue waits for consumption.
  @inline(__always)
  var knowsRoom: Bool {
    heldPlaces | consumedPlaces == 0 && dequeueRoom() &>> 1 > dequeueOccupancy
  }

  /// What a dequeue entry says beside the frame.
  struct Entry {
    var fqid: UInt32
    var contextB: UInt32
    var sequence: UInt16
    var status: UInt8
    var token: UInt8
  }

  /// Puts an entry on the dequeue ring, in which there must be room; its place.
  @inline(__always)
  @discardableResult
  mutating func deliver(_ frame: FrameDescriptor, _ said: Entry) -> UInt32 {
    let entry = PortalLayout.QMan.dqrr &+ dqrr.offset(dqrrProducer)
    qman.store64(entry &+ 8, UInt64(said.fqid) &<< 32 | UInt64(said.contextB))
    frame.write(to: qman, offset: entry &+ 16)
    let verb = Verb.dequeueResponse | dqrr.polarity(dqrrProducer)
    let high = UInt64(verb) &<< 24 | UInt64(said.status) &<< 16 | UInt64(said.sequence & 0x7fff)
    qman.release64(entry, high &<< 32 | UInt64(said.token) &<< 24)
    let place = dqrr.consumerRegister(dqrrProducer)
    dqrrProducer &+= 1
    return place
  }

  /// Shows the dequeue ring's producer index in its register and line.
  @inline(__always)
  mutating func publishDelivery() {
    guard dqrrPublished != dqrrProducer else { return }
    dqrrPublished = dqrrProducer
    show(dqrr.producerRegister(dqrrProducer), .dqrrProducer)
  }
}

extension RingShape {
  /// How many entries are valid from an index on, in a ring that the guest fills by valid bit.
  func produced(in window: UnsafeMutableRawPointer, at ring: Int, from consumer: UInt32) -> UInt32 {
    var count: UInt32 = 0
    while count < size {
      guard hasEntry(in: window, at: ring, consumer &+ count) else { break }
      count &+= 1
    }
    return count
  }

  /// Whether the entry at an index is valid.
  @inline(__always)
  func hasEntry(in window: UnsafeMutableRawPointer, at ring: Int, _ index: UInt32) -> Bool {
    let verb = UInt8(truncatingIfNeeded: window.acquire64(ring &+ offset(index)) &>> 56)
    return verb & 0x7f != 0 && verb & PortalLayout.validBit == polarity(index)
  }
}
