import Partitioning
import Testing

@testable import DPAARuntime

/// A portal's client that manages queues, in bytes as the manual describes them.
final class QueueClient {
  let simulation: Simulation
  let portal: RawPortal
  private let bpid: UInt8
  private(set) var sent = 0

  /// The client of an owner's portal; guest2 has portal 6 and queues 201 to 400.
  init(
    _ simulation: Simulation, owner: Int = 2, portal: Int = 0
  ) {
    self.simulation = simulation
    self.portal = RawPortal(simulation.engine, owner: owner, portal: portal)
    bpid = UInt8(owner + 1)
  }

  convenience init(_ queueing: [Int: RuntimeConfiguration.QueueingGrant] = [:]) throws {
    var configuration = Talk.configuration()
    configuration.queueing = queueing
    self.init(try Simulation(configuration))
  }

  static func big(_ value: UInt32, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(value >> UInt32(8 * $0) & 0xff) }
  }

  /// `INITFQ`: destination, control and context B, and what `fields` adds (mask, offset in the
  /// command, bytes); the result.
  @discardableResult
  func initialize(
    _ fqid: UInt32, scheduled: Bool = true, channel: UInt32 = 6, workQueue: UInt32 = 3,
    control: UInt32 = 0, count: UInt32 = 0,
    fields: [(mask: UInt32, offset: Int, bytes: [UInt8])] = []
  ) -> UInt8 {
    let command = Self.initialization(
      fqid, scheduled: scheduled, channel: channel, workQueue: workQueue, control: control,
      count: count, fields: fields)
    return portal.qmanCommand(command)[1]
  }

  /// The bytes of that command; `count` queues more than the first.
  static func initialization(
    _ fqid: UInt32, scheduled: Bool = true, channel: UInt32 = 6, workQueue: UInt32 = 3,
    control: UInt32 = 0, count: UInt32 = 0,
    fields: [(mask: UInt32, offset: Int, bytes: [UInt8])] = []
  ) -> [UInt8] {
    var command = [UInt8](repeating: 0, count: 34)
    var mask: UInt32 = 0x32
    command.replaceSubrange(4..<8, with: Self.big(fqid, 4))
    command.replaceSubrange(8..<10, with: Self.big(count, 2))
    command.replaceSubrange(12..<14, with: Self.big(control, 2))
    command.replaceSubrange(14..<16, with: Self.big(channel << 3 | workQueue, 2))
    command.replaceSubrange(20..<24, with: Self.big(0xc0de_0000 | fqid, 4))
    for field in fields {
      mask |= field.mask
      command.replaceSubrange(field.offset..<field.offset + field.bytes.count, with: field.bytes)
    }
    command[0] = scheduled ? 0x41 : 0x40
    command.replaceSubrange(2..<4, with: Self.big(mask, 2))
    return command
  }

  /// A command about one queue; the whole response.
  func command(_ verb: UInt8, _ fqid: UInt32) -> [UInt8] {
    portal.post([verb, 0, 0, 0] + Self.big(fqid, 4))
    // It may have to wait after one that took long.
    for _ in 0..<300 where portal.qmanAnswer == nil { simulation.engine.round() }
    return portal.qmanAnswer ?? [UInt8](repeating: 0, count: 64)
  }

  /// The result of a command about one queue.
  @discardableResult
  func result(_ verb: UInt8, _ fqid: UInt32) -> UInt8 { command(verb, fqid)[1] }

  /// The state that `QUERYFQ_NP` shows.
  func state(_ fqid: UInt32) -> UInt8 { command(0x45, fqid)[3] }

  /// How many frames `QUERYFQ_NP` counts.
  func count(_ fqid: UInt32) -> UInt32 { RawPortal.number(command(0x45, fqid)[44..<48]) }

  /// An enqueue command whose frame bears its number, with a buffer of the guest's.
  func enqueueCommand(to fqid: UInt32, verb: UInt8 = 1, length: UInt32 = 60) throws -> [UInt8] {
    let buffer = try #require(portal.acquire(1, from: bpid).first)
    var frame = RawPortal.descriptor(bpid: bpid, address: buffer, length: length)
    frame.replaceSubrange(12..<16, with: Self.big(UInt32(sent), 4))
    sent += 1
    return RawPortal.enqueueCommand(frame, to: fqid, tag: 0x7a60_0000 | UInt32(sent), verb: verb)
  }

  /// Enqueues frames one by one.
  func send(_ count: Int, to fqid: UInt32, verb: UInt8 = 1, length: UInt32 = 60) throws {
    for _ in 0..<count {
      portal.enqueue(try enqueueCommand(to: fqid, verb: verb, length: length))
      step()
    }
  }

  func step(_ rounds: Int = 1) { for _ in 0..<rounds { simulation.engine.round() } }

  /// The dequeue entries that are there; consumed unless told otherwise.
  func entries(consumed: Bool = true) -> [[UInt8]] {
    var entries: [[UInt8]] = []
    while let entry = portal.dequeue() { entries.append(entry) }
    if consumed {
      portal.consume()
      step()
    }
    return entries
  }

  /// The numbers of the frames that are there, which go back to their pool.
  func frames() -> [UInt32] {
    entries().filter { $0[1] & 0x10 != 0 }.map { entry in
      portal.release(verb: 0x21, [(entry[17], RawPortal.address(entry[16..<24]))])
      step()
      return RawPortal.number(entry[28..<32])
    }
  }

  /// The messages that are there, as verb without valid bit, byte 1, queue, context B.
  func messages() -> [[UInt32]] {
    var messages: [[UInt32]] = []
    while let message = portal.message() {
      messages.append([
        UInt32(message[0] & 0x7f), UInt32(message[1]), RawPortal.number(message[8..<12]),
        RawPortal.number(message[12..<16]),
      ])
      portal.consumeMessages()
      step()
    }
    return messages
  }

  /// Asks for frames of one queue.
  func volatileDequeue(_ command: UInt32) {
    portal.setRegister(0x58, command)
    step()
  }

  /// Starts or stops the static command.
  func setStatic(_ command: UInt32) { portal.setRegister(0x54, command) }

  /// The states of the table.
  enum Stage: UInt8, CaseIterable {
    case outOfService = 0
    case retired = 1
    case tentative = 2
    case truly = 3
    case parked = 4
    case active = 5
  }

  /// Brings a queue into a state, with the static command stopped.
  func bring(_ fqid: UInt32, to stage: Stage) throws {
    setStatic(0)
    switch stage {
    case .outOfService: return
    case .retired:
      initialize(fqid, scheduled: false)
      result(0x4a, fqid)
      _ = messages()
    case .tentative: initialize(fqid)
    case .truly:
      initialize(fqid)
      try send(1, to: fqid)
    case .parked: initialize(fqid, scheduled: false)
    case .active:
      initialize(fqid, control: 0x0002)
      try send(1, to: fqid)
      setStatic(0x2100_8000)
      step()
      setStatic(0)
    }
    try #require(state(fqid) == stage.rawValue)
  }

  /// `INITCGR` or `MODIFYCGR`; the result.
  @discardableResult
  func writeGroup(
    _ group: UInt8, verb: UInt8 = 0x50, _ fields: [(mask: UInt32, offset: Int, bytes: [UInt8])]
  ) -> UInt8 {
    var command = [UInt8](repeating: 0, count: 32)
    var mask: UInt32 = 0
    for field in fields {
      mask |= field.mask
      command.replaceSubrange(field.offset..<field.offset + field.bytes.count, with: field.bytes)
    }
    command[0] = verb
    command.replaceSubrange(2..<4, with: Self.big(mask, 2))
    command[31] = group
    return portal.qmanCommand(command)[1]
  }
}
