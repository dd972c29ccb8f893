import DPAAPortal

// SAFETY: `storage` covers `capacity` records and outlives the value.
/// Messages about queues that found the message ring full: first in, first out, of a fixed size.
///
/// The hardware keeps them too: a driver that retires many queues reads the messages only later
/// (Linux 6.1, `drivers/soc/fsl/qbman/qman.c`, `qman_shutdown_fq`). How many it keeps is not known
/// to us; when this backlog is full, what would send another message waits.
struct MessageBacklog: BitwiseCopyable {
  static let capacity: UInt32 = 1024
  private let storage: UnsafeMutablePointer<Message>
  private var producer: UInt32 = 0
  private var consumer: UInt32 = 0

  /// A message about a queue.
  struct Message: BitwiseCopyable {
    var verb: UInt8
    /// What a retirement found, bits of `RetirementStatus`.
    var status: UInt8 = 0
    var fqid: UInt32
    var contextB: UInt32
  }

  init(_ storage: UnsafeMutablePointer<Message>) { self.storage = storage }

  // SAFETY: both stores have room for so many messages.
  /// Goes on from where another is, in this one's store.
  mutating func takeOver(from other: MessageBacklog) {
    storage.update(from: other.storage, count: Int(Self.capacity))
    (producer, consumer) = (other.producer, other.consumer)
  }

  var isEmpty: Bool { producer == consumer }
  /// Whether a round may begin what sends messages: all that one portal can park in a round still
  /// finds a place.
  var hasRoom: Bool { producer &- consumer <= Self.capacity - 256 }

  mutating func clear() { consumer = producer }

  mutating func append(_ message: Message) {
    precondition(producer &- consumer < Self.capacity, "who sends a message has looked for room")
    storage[Int(producer % Self.capacity)] = message
    producer &+= 1
  }

  mutating func removeFirst() -> Message {
    precondition(!isEmpty, "there is a message to take")
    let message = storage[Int(consumer % Self.capacity)]
    consumer &+= 1
    return message
  }
}

/// The message ring.
extension EnginePortal {
  /// Entries of the message ring that the guest has not consumed.
  var messageOccupancy: UInt32 { mrProducer &- mrConsumer }

  /// Whether an enqueue that is rejected now would find a place.
  @inline(__always)
  var hasMessageRoom: Bool { mrProducer &- mrConsumer < mr.size &- 1 }

  /// Whether a message about a queue would be kept.
  @inline(__always)
  var canNotify: Bool { backlog.hasRoom }

  /// Looks how far the guest has consumed the message ring (CFG.MM: register or line), and fills it
  /// from the backlog.
  @inline(__always)
  mutating func pollMessages() {
    let isByLine = configuration & 0x100 != 0
    let index =
      isByLine
      ? qman.acquire32(PortalLayout.QMan.mrConsumerLine)
      : registers.acquire32(PortalLayout.QManRegister.mrConsumer)
    let occupancy = mr.occupancy(producer: mrProducer, consumerRegister: index)
    // An index that goes backwards says nothing.
    guard occupancy < mrProducer &- mrConsumer else { return }
    mrConsumer = mrProducer &- occupancy
    let shown = mr.consumerRegister(mrConsumer)
    if isByLine {
      registers.release32(PortalLayout.QManRegister.mrConsumer, shown)
    } else {
      qman.release32(PortalLayout.QMan.mrConsumerLine, shown)
    }
    while !backlog.isEmpty, hasMessageRoom { write(backlog.removeFirst()) }
  }

  /// Sends an enqueue command back as a rejection (ERN); ``takeEnqueue()`` kept room for it.
  mutating func reject(_ command: Enqueue, code: UInt8) {
    let entry = PortalLayout.QMan.mr &+ mr.offset(mrProducer)
    qman.store64(entry &+ 8, command.identity)
    command.frame.write(to: qman, offset: entry &+ 16)
    // The verb comes back as it was; bit 0x20, and 0 alone, would make it another message.
    let kept = command.verb & 0x5f
    let verb = UInt64((kept == 0 ? Verb.enqueue : kept) | mr.polarity(mrProducer))
    let middle = command.word & 0x00ff_ffff_00ff_ffff | UInt64(code) &<< 24
    finishMessage(entry, verb &<< 56 | middle)
  }

  /// Sends a message about a queue, or keeps it until there is room; ask ``canNotify`` before.
  mutating func notify(_ message: MessageBacklog.Message) {
    if backlog.isEmpty, hasMessageRoom { write(message) } else { backlog.append(message) }
  }

  private mutating func write(_ message: MessageBacklog.Message) {
    let entry = PortalLayout.QMan.mr &+ mr.offset(mrProducer)
    qman.store64(entry &+ 8, UInt64(message.fqid) &<< 32 | UInt64(message.contextB))
    for offset in stride(from: 16, to: 32, by: 8) { qman.store64(entry &+ offset, 0) }
    let verb = UInt64(message.verb | mr.polarity(mrProducer))
    finishMessage(entry, verb &<< 56 | UInt64(message.status) &<< 48)
  }

  private mutating func finishMessage(_ entry: Int, _ word: UInt64) {
    qman.release64(entry, word)
    mrProducer &+= 1
    show(mr.producerRegister(mrProducer), .mrProducer)
  }
}
