import DPAAPortal
import Partitioning
import QorIQ
import Testing

@testable import DPAARuntime

/// Queues that lead into an accelerator: how requests get there, who is served when, and where answers go. The
/// accelerator is one that writes its input backwards.
@Suite(.timeLimit(.minutes(10))) struct AcceleratorTests {
  /// The talk's table, in which guest1 and guest2 use SEC over two pairs of queues each.
  static func configuration(weights: [UInt32] = [1, 1]) -> RuntimeConfiguration {
    var configuration = Talk.configuration()
    for (place, weight) in weights.enumerated() {
      let first = UInt32(place == 0 ? 194 : 390)
      configuration.queueing[place + 1] = .init(accelerators: [
        AcceleratorUse(
          kind: .sec, mode: .poll, channel: 0x840, requests: [FQID(first), FQID(first + 1)],
          responses: [FQID(first + 2), FQID(first + 3)], liodns: [], weight: weight)
      ])
    }
    return configuration
  }

  /// An owner's portal with its request queue in service.
  final class Asker {
    let device = MirrorDevice()
    let simulation: Simulation
    let client: QueueClient
    var portal: RawPortal { client.portal }
    let owner: Int

    init(
      _ configuration: RuntimeConfiguration = configuration(), owner: Int = 2,
      device other: AcceleratorDevice? = nil
    ) throws {
      simulation = try Simulation(configuration, devices: [.sec: other ?? device])
      self.owner = owner
      client = QueueClient(simulation, owner: owner)
      if other == nil { #expect(start(request) == 0xf0) }
    }

    var pool: UInt8 { UInt8(owner + 1) }
    var base: UInt64 { owner == 2 ? 0xa010_0000 : 0x8010_0000 }
    var request: UInt32 { owner == 2 ? 390 : 194 }
    var response: UInt32 { request + 2 }

    /// Puts a queue for requests into service.
    func start(_ queue: UInt32, contextB: UInt32? = nil, contextA: UInt64? = nil) -> UInt8 {
      let contextA = contextA ?? UInt64(pool)
      return client.initialize(
        queue, channel: 0x840, workQueue: 2,
        fields: [
          (0x2, 20, QueueClient.big(contextB ?? response, 4)),
          (
            0x1, 24,
            QueueClient.big(UInt32(contextA >> 32), 4)
              + QueueClient.big(UInt32(truncatingIfNeeded: contextA), 4)
          ),
        ])
    }

    /// Writes into the owner's pool.
    func write(_ bytes: [UInt8], at address: UInt64) {
      RawPortal.write(bytes, at: memory + Int(address - base))
    }
    func read(_ count: Int, at address: UInt64) -> [UInt8] {
      (0..<count).map { memory.load(fromByteOffset: Int(address - base) + $0, as: UInt8.self) }
    }
    private var memory: UnsafeMutableRawPointer {
      simulation.engine.memory[owner].pools[0].memory
    }

    func ask(_ descriptor: [UInt8], to queue: UInt32? = nil) {
      portal.enqueue(RawPortal.enqueueCommand(descriptor, to: queue ?? request))
      client.step(3)
    }

    /// Sends bytes as a frame in one buffer, which is answered in another; the answer's bytes and status.
    func ask(_ bytes: [UInt8], on queue: UInt32) throws -> (bytes: [UInt8], status: UInt32) {
      let buffer = try #require(portal.acquire(1, from: pool).first)
      write(bytes, at: buffer + 64)
      ask(
        RawPortal.descriptor(bpid: pool, address: buffer, length: UInt32(bytes.count)), to: queue)
      let answer = try #require(self.answer())
      #expect(answer.queue == queue + 2)
      let count = Int(answer.word & 0xf_ffff)
      let out = read(count, at: answer.address + UInt64(answer.word >> 20 & 0x1ff))
      portal.release(verb: 0x31, [(pool, answer.address)])
      client.step()
      return (out, answer.status)
    }

    /// A compound frame's descriptor.
    func compound(_ address: UInt64) -> [UInt8] {
      RawPortal.descriptor(bpid: pool, address: address, offset: 0, length: 100, format: 1)
    }

    /// The next answer: its descriptor's address, word 2 and status.
    func answer() -> (address: UInt64, word: UInt32, status: UInt32, queue: UInt32)? {
      guard let entry = portal.dequeue() else { return nil }
      portal.consume()
      return (
        RawPortal.address(entry[16..<24]), RawPortal.number(entry[24..<28]),
        RawPortal.number(entry[28..<32]), RawPortal.number(entry[8..<12]) & 0xff_ffff
      )
    }
  }

  private static let text: [UInt8] = Array("backwards".utf8)

  // MARK: Frames

  @Test func `a frame is answered by another in a buffer of the pool that the device names`() throws
  {
    let asker = try Asker()
    let buffer = try #require(asker.portal.acquire(1, from: 3).first)
    asker.write(Self.text, at: buffer + 64)
    asker.ask(RawPortal.descriptor(bpid: 3, address: buffer, length: 9))
    let answer = try #require(asker.answer())
    #expect(answer.address != buffer)
    #expect(answer.word == 64 << 20 | 9)
    #expect(answer.status == 0)
    #expect(answer.queue == asker.response)
    #expect(asker.read(9, at: answer.address + 64) == Self.text.reversed())
    // The request's buffer is free again, and the answer's is the owner's.
    #expect(asker.simulation.freeBuffers == [64, 64, 63])
    let counters = asker.simulation.engine.counters
    #expect(counters.value(.done, 0, 2) == 1)
    #expect(counters.value(.bytes, 0, 2) == 9)
  }

  @Test func `a frame that fails comes back itself with the device's status`() throws {
    let asker = try Asker()
    let buffer = try #require(asker.portal.acquire(1, from: 3).first)
    asker.write([0xee, 1, 2], at: buffer + 64)
    asker.ask(RawPortal.descriptor(bpid: 3, address: buffer, length: 3))
    let answer = try #require(asker.answer())
    #expect(answer.address == buffer)
    #expect(answer.status == 0x2000_000a)
    #expect(asker.simulation.freeBuffers == [64, 64, 63])
    #expect(asker.simulation.engine.counters.failed(.authentication, 0, 2) == 1)
  }

  @Test(arguments: [2 as UInt64, 77, 0xffff_ffff])
  func `a pool that is not the owner's gives no buffer`(pool: UInt64) throws {
    let asker = try Asker()
    #expect(asker.start(391, contextA: pool) == 0xf0)
    let buffer = try #require(asker.portal.acquire(1, from: 3).first)
    asker.ask(RawPortal.descriptor(bpid: 3, address: buffer, length: 3), to: 391)
    #expect(try #require(asker.answer()).address == buffer)
    #expect(asker.simulation.engine.counters.failed(.noBuffer, 0, 2) == 1)
    #expect(asker.simulation.freeBuffers == [64, 64, 63])
  }

  // MARK: Compound frames

  @Test(arguments: [false, true])
  func `a compound frame's output goes where its table says`(isInPlace: Bool) throws {
    let asker = try Asker()
    let held = asker.portal.acquire(3, from: 3)
    let output = isInPlace ? held[1] : held[2]
    asker.write(
      RawPortal.entry(output, 100, offset: 8)
        + RawPortal.entry(held[1], 9, offset: 64, isFinal: true),
      at: held[0] + 128)
    asker.write(Self.text, at: held[1] + 64)
    asker.ask(asker.compound(held[0] + 128))
    let answer = try #require(asker.answer())
    #expect(answer.address == held[0] + 128)
    #expect(answer.word >> 29 == 1)
    #expect(answer.status == 0)
    #expect(asker.read(9, at: output + 8) == Self.text.reversed())
    // The table tells how much output there is.
    #expect(asker.read(4, at: held[0] + 136) == [0, 0, 0, 9])
    // All buffers are the owner's again.
    asker.portal.release(verb: 0x33, held.map { (3, $0) })
    asker.client.step()
    #expect(asker.simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `tables of pieces and data may share a buffer with the compound table`() throws {
    let asker = try Asker()
    let held = asker.portal.acquire(2, from: 3)
    let table = held[0]
    asker.write(
      RawPortal.entry(table, 9, offset: 64, isExtension: true)
        + RawPortal.entry(table + 96, 9, isFinal: true, isExtension: true), at: table)
    // Output: five bytes here and the rest there. Input: three pieces.
    asker.write(
      RawPortal.entry(table, 5, offset: 512) + RawPortal.entry(held[1], 50, isFinal: true),
      at: table + 64)
    asker.write(
      RawPortal.entry(table + 256, 2) + RawPortal.entry(held[1], 3, offset: 100)
        + RawPortal.entry(table, 4, offset: 300, isFinal: true), at: table + 96)
    asker.write(Array(Self.text[0..<2]), at: table + 256)
    asker.write(Array(Self.text[2..<5]), at: held[1] + 100)
    asker.write(Array(Self.text[5..<9]), at: table + 300)
    asker.ask(asker.compound(table))
    #expect(try #require(asker.answer()).status == 0)
    #expect(
      asker.read(5, at: table + 512) + asker.read(4, at: held[1]) == Self.text.reversed())
    asker.portal.release(verb: 0x32, held.map { (3, $0) })
    asker.client.step()
    #expect(asker.simulation.freeBuffers == [64, 64, 64])
  }

  /// A compound table that is wrong; guest2 holds the first three buffers.
  struct Case: Sendable, CustomTestStringConvertible {
    let what: String
    let table: [UInt8]
    let reason: DropReason
    var address: UInt64 = 0xa010_0000
    var testDescription: String { what }
  }

  private static func buffer(_ index: UInt64) -> UInt64 { 0xa010_0000 + 2112 * index }
  private static let good = RawPortal.entry(buffer(1), 9)

  static let cases = [
    Case(
      what: "a free buffer", table: good + RawPortal.entry(buffer(3), 9), reason: .foreignBuffer),
    Case(
      what: "guest1's buffer", table: good + RawPortal.entry(0x8010_0000, 9, bpid: 2),
      reason: .foreignBuffer),
    Case(
      what: "no pool", table: RawPortal.entry(buffer(1), 9, bpid: 77) + good, reason: .foreignBuffer
    ),
    Case(
      what: "over the buffer's end", table: RawPortal.entry(buffer(1), 2048, offset: 1) + good,
      reason: .badPieces),
    Case(
      what: "in the gap behind", table: RawPortal.entry(buffer(1) + 2049, 1) + good,
      reason: .badPieces),
    Case(
      what: "the longest", table: RawPortal.entry(buffer(1), 0x3fff_ffff) + good, reason: .badPieces
    ),
    Case(
      what: "a table over the end",
      table: RawPortal.entry(buffer(1) + 2040, 9, isExtension: true) + good,
      reason: .badPieces),
    Case(
      what: "a table at an odd place",
      table: RawPortal.entry(buffer(1), 9, offset: 3, isExtension: true) + good,
      reason: .badPieces),
    Case(
      what: "a table without an end",
      table: RawPortal.entry(buffer(2), 9, isExtension: true) + good,
      reason: .badPieces),
    Case(
      what: "a table of itself", table: RawPortal.entry(buffer(0), 9, isExtension: true) + good,
      reason: .badPieces),
    Case(
      what: "itself over the buffer's end", table: [], reason: .foreignBuffer,
      address: 0xa010_0000 + 2032),
    Case(what: "itself at an odd place", table: [], reason: .foreignBuffer, address: 0xa010_0004),
    Case(what: "itself free", table: [], reason: .foreignBuffer, address: 0xa010_0000 + 2112 * 9),
    Case(
      what: "itself behind the pool", table: [], reason: .foreignBuffer, address: 0xffff_ffff_f8),
  ]

  @Test(arguments: cases)
  func `a wrong compound table comes back, and every buffer stays the guest's`(
    wrong: Case
  ) throws {
    let asker = try Asker()
    let held = asker.portal.acquire(3, from: 3)
    asker.write(wrong.table, at: held[0])
    asker.ask(asker.compound(wrong.address))
    #expect(asker.simulation.dropped(wrong.reason, 2) == 1)
    #expect(try #require(asker.portal.message())[4] == 0x20)
    asker.portal.consumeMessages()
    #expect(asker.answer() == nil)
    asker.portal.release(verb: 0x33, held.map { (3, $0) })
    asker.client.step()
    #expect(asker.simulation.freeBuffers == [64, 64, 64])
    #expect(asker.simulation.engine.counters.value(.strayBuffers, 2) == 0)
  }

  @Test func `a buffer belongs to one request at a time`() throws {
    let asker = try Asker()
    #expect(asker.client.result(0x4e, asker.request) == 0xf0)
    let held = asker.portal.acquire(3, from: 3)
    for table in held[0...1] {
      asker.write(RawPortal.entry(held[2], 9) + RawPortal.entry(held[2], 9), at: table)
      asker.ask(asker.compound(table))
    }
    #expect(asker.simulation.dropped(.foreignBuffer, 2) == 1)
    // Nor can it be released, or sent as a frame.
    asker.portal.release(verb: 0x31, [(3, held[2])])
    asker.ask(RawPortal.descriptor(bpid: 3, address: held[2], length: 9))
    asker.ask(RawPortal.descriptor(bpid: 3, address: held[0], length: 9))
    #expect(asker.simulation.engine.counters.value(.strayBuffers, 2) == 1)
    #expect(asker.simulation.dropped(.foreignBuffer, 2) == 3)
  }

  @Test func `a table that its guest changes meanwhile reaches nothing but the request's buffers`()
    throws
  {
    let asker = try Asker()
    #expect(asker.client.result(0x4e, asker.request) == 0xf0)
    let held = asker.portal.acquire(3, from: 3)
    let changes = [
      RawPortal.entry(held[2], 9), RawPortal.entry(0x8010_0000, 9, bpid: 2),
      RawPortal.entry(held[1], 0x3fff_ffff),
      RawPortal.entry(held[0], 9, offset: 5, isExtension: true),
      RawPortal.entry(held[1], 9, bpid: 200),
    ]
    for change in changes {
      asker.write(RawPortal.entry(held[1], 9) + RawPortal.entry(held[1], 9), at: held[0])
      asker.ask(asker.compound(held[0]))
      asker.write(change, at: held[0])
      #expect(asker.client.result(0x4d, asker.request) == 0xf0)
      asker.client.step(3)
      #expect(try #require(asker.answer()).status == 0x4000_0104)
      #expect(asker.client.result(0x4e, asker.request) == 0xf0)
    }
    #expect(
      asker.simulation.engine.counters.failed(.memory, 0, 2) == UInt64(changes.count))
    asker.portal.release(verb: 0x33, held.map { (3, $0) })
    asker.client.step()
    #expect(asker.simulation.freeBuffers == [64, 64, 64])
  }

  // MARK: Queues

  @Test func `a compound frame is for an accelerator only`() throws {
    let asker = try Asker()
    let held = asker.portal.acquire(2, from: 3)
    asker.write(RawPortal.entry(held[1], 9) + RawPortal.entry(held[1], 9), at: held[0])
    for queue in [201, 203, asker.response] as [UInt32] {
      asker.ask(asker.compound(held[0]), to: queue)
    }
    #expect(asker.simulation.dropped(.badDescriptor, 2) == 3)
    // A queue that holds one cannot be led elsewhere.
    #expect(asker.client.initialize(391, scheduled: false, channel: 0x840) == 0xf0)
    asker.ask(asker.compound(held[0]), to: 391)
    for channel in [6, 0x800] as [UInt32] {
      #expect(asker.client.initialize(391, scheduled: false, channel: channel) == 0xf2)
    }
    #expect(asker.client.initialize(391, scheduled: false, channel: 0x840) == 0xf0)
  }

  @Test(arguments: [201, 203] as [UInt32], [100, 0xf_ffff] as [UInt32])
  func `an answer that is led to a port is dropped there`(queue: UInt32, length: UInt32) throws {
    let asker = try Asker()
    #expect(asker.start(391, contextB: queue) == 0xf0)
    let held = asker.portal.acquire(2, from: 3)
    asker.write(RawPortal.entry(held[1], 9) + RawPortal.entry(held[1], 9), at: held[0])
    asker.ask(
      RawPortal.descriptor(
        bpid: asker.pool, address: held[0], offset: 0, length: length, format: 1),
      to: 391)
    #expect(asker.simulation.dropped(.lengthError, 2) == 1)
    #expect(asker.simulation.freeBuffers == [64, 64, 64])
  }

  @Test(arguments: [201, 203] as [UInt32])
  func `an answer that is led to a port comes into the error queue, where there is one`(
    queue: UInt32
  ) throws {
    var configuration = Self.configuration()
    configuration.queueing[2]?.roles = [
      RoleQueues(
        role: .error, queues: [QueueRange(first: 394, count: 1)],
        workQueue: QueueRole.error.usualWorkQueue)
    ]
    let asker = try Asker(configuration)
    #expect(asker.start(391, contextB: queue) == 0xf0)
    let held = asker.portal.acquire(2, from: 3)
    asker.write(RawPortal.entry(held[1], 9) + RawPortal.entry(held[1], 9), at: held[0])
    asker.ask(asker.compound(held[0]), to: 391)
    let answer = try #require(asker.answer())
    #expect((answer.address, answer.queue) == (held[0], 394))
    #expect(answer.status == FrameStatus.unsupportedFormat)
    #expect(asker.simulation.dropped(.lengthError, 2) == 0)
    asker.portal.release(verb: 0x32, held.map { (3, $0) })
    asker.client.step()
    #expect(asker.simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `an owner that uses no accelerator has no channel into it`() throws {
    let asker = try Asker()
    let host = QueueClient(asker.simulation, owner: 0)
    #expect(host.initialize(50, channel: 0x840) == 0xf4)
    #expect(host.initialize(50, channel: 0x860) == 0xf4)
  }

  @Test(arguments: [0 as UInt32, 192, 16, 500, 0xff_ffff])
  func `a request that names another's queue for its answer is dropped`(queue: UInt32) throws {
    let asker = try Asker()
    #expect(asker.start(391, contextB: queue) == 0xf0)
    let held = asker.portal.acquire(3, from: 3)
    asker.write(RawPortal.entry(held[1], 9) + RawPortal.entry(held[1], 9), at: held[0])
    asker.ask(asker.compound(held[0]), to: 391)
    asker.ask(RawPortal.descriptor(bpid: 3, address: held[2], length: 9), to: 391)
    #expect(asker.simulation.dropped(.foreignResponse, 2) == 2)
    #expect(asker.device.jobs.isEmpty)
    #expect(asker.simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a queue that retires with requests in it loses none`() throws {
    let asker = try Asker()
    let client = asker.client
    for command in try (0..<5).map({ _ in try client.enqueueCommand(to: asker.request) }) {
      asker.portal.enqueue(command)
    }
    // In the round in which they come, so that its turn is still to come.
    asker.portal.post([0x4a, 0, 0, 0] + QueueClient.big(asker.request, 4))
    client.step(3)
    #expect(asker.device.jobs.count == 3)
    let answers = client.entries()
    #expect(
      answers.map { RawPortal.number($0[8..<12]) & 0xff_ffff }
        == [UInt32](repeating: asker.response, count: 3))
    for entry in answers {
      asker.portal.release(verb: 0x31, [(3, RawPortal.address(entry[16..<24]))])
    }
    client.step()
    // Its turn has ended its life; what it still holds comes back as it was.
    #expect(client.messages().map { Array($0[..<3]) } == [[0x21, 1, asker.request]])
    #expect(client.result(0x4b, asker.request) == 0xf3)
    client.volatileDequeue(asker.request)
    #expect(client.frames() == [3, 4])
    #expect(client.result(0x4b, asker.request) == 0xf0)
    #expect(asker.device.jobs.count == 3)
    #expect(asker.simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `answers that their queue does not take are drops, and cost no buffer`() throws {
    let asker = try Asker()
    // Out of service.
    #expect(asker.start(391, contextB: 399) == 0xf0)
    let held = asker.portal.acquire(2, from: 3)
    asker.write(RawPortal.entry(held[0], 9, offset: 64) + RawPortal.entry(held[0], 9), at: held[0])
    asker.ask(asker.compound(held[0]), to: 391)
    asker.ask(RawPortal.descriptor(bpid: 3, address: held[1], length: 9), to: 391)
    #expect(asker.simulation.dropped(.queueRefused, 2) == 2)
    #expect(asker.simulation.freeBuffers == [64, 64, 64])
  }

  // MARK: Sharing

  @Test(arguments: [[1, 1], [3, 1]] as [[UInt32]])
  func `owners are served by weight, in bytes, however much one asks`(weights: [UInt32]) throws {
    let device = MirrorDevice()
    let simulation = try Simulation(
      Self.configuration(weights: weights), devices: [.sec: device])
    let clients = [1, 2].map { QueueClient(simulation, owner: $0) }
    // guest1 asks for long frames, guest2 for short ones, and both begin in one round.
    let queues: [UInt32] = [194, 390]
    for (owner, client) in clients.enumerated() {
      let result = client.initialize(
        queues[owner], scheduled: false, channel: 0x840,
        fields: [
          (0x2, 20, QueueClient.big(queues[owner] + 2, 4)),
          (0x1, 24, QueueClient.big(0, 4) + QueueClient.big(UInt32(owner) + 2, 4)),
        ])
      #expect(result == 0xf0)
      try client.send(40, to: queues[owner], length: owner == 0 ? 1900 : 380)
    }
    for (owner, client) in clients.enumerated() {
      client.portal.post([0x48, 0, 0, 0] + QueueClient.big(queues[owner], 4))
    }
    for _ in 0..<200 { simulation.engine.round() }
    #expect(device.jobs.count == 80)
    // As long as both had work: up to the last job of who is done first.
    let last = [1, 2].compactMap { owner in device.jobs.lastIndex { $0.owner == owner } }.min()
    let contested = device.jobs.prefix((last ?? 0) + 1)
    let bytes = [1, 2].map { owner in
      contested.filter { $0.owner == owner }.reduce(0) { $0 + $1.bytes + 128 }
    }
    let share = Double(bytes[0]) / Double(bytes[1])
    let wanted = Double(weights[0]) / Double(weights[1])
    #expect(abs(share / wanted - 1) < 0.35, "\(bytes)")
  }

  /// Gives each frame back as it came, and says that a byte of it costs 13.
  private final class CostlyDevice: AcceleratorDevice, @unchecked Sendable {
    /// What each owner had, in bytes.
    private(set) var costs = [0, 0, 0]
    private(set) var jobs = [0, 0, 0]

    override func prepare(_ job: inout AcceleratorJob, _ memory: AcceleratorMemory) {
      job.passes = true
      job.effort = 12 * job.inputLength
    }

    override func work(
      _ jobs: UnsafeMutableBufferPointer<AcceleratorJob>, _ memory: AcceleratorMemory
    ) {
      for job in jobs {
        self.jobs[job.owner] += 1
        costs[job.owner] += job.inputLength + job.effort + AcceleratorLanes.jobCost
      }
    }
  }

  @Test func `who asks for much now and then gets no more than who asks all the time`() throws {
    let device = CostlyDevice()
    let simulation = try Simulation(
      Self.configuration(weights: [1, 4]), devices: [.sec: device])
    let clients = [1, 2].map { QueueClient(simulation, owner: $0) }
    // guest1's answers find no queue in service; guest2's are its next requests.
    for (client, (queue, response)) in zip(clients, [(194, 197), (390, 390)] as [(UInt32, UInt32)])
    {
      let result = client.initialize(
        queue, scheduled: queue == 194, channel: 0x840,
        fields: [(0x2, 20, QueueClient.big(response, 4))])
      #expect(result == 0xf0)
    }
    try clients[1].send(40, to: 390, length: 380)
    let commands = try (0..<45).map { _ in
      try clients[0].enqueueCommand(to: 194, length: 1900)
    }
    clients[1].portal.post([0x48, 0, 0, 0] + QueueClient.big(390, 4))
    simulation.engine.round()
    for first in stride(from: 0, to: commands.count, by: 3) {
      for command in commands[first..<first + 3] { clients[0].portal.enqueue(command) }
      for _ in 0..<50 where device.jobs[1] < first + 3 { simulation.engine.round() }
    }
    #expect(device.jobs[1] == 45)
    let share = Double(device.costs[1]) / Double(device.costs[2])
    #expect(abs(4 * share - 1) < 0.35, "\(device.costs)")
  }

  @Test func `what an owner had asked that is gone is not done`() throws {
    let asker = try Asker()
    #expect(asker.client.result(0x4e, asker.request) == 0xf0)
    let held = asker.portal.acquire(3, from: 3)
    asker.write(RawPortal.entry(held[1], 9) + RawPortal.entry(held[1], 9), at: held[0])
    asker.ask(asker.compound(held[0]))
    asker.ask(RawPortal.descriptor(bpid: 3, address: held[2], length: 9))
    asker.simulation.engine.control.markGone(owner: 2)
    asker.client.step(3)
    #expect(asker.device.jobs.isEmpty)
    #expect(asker.device.forgotten == [2])
    #expect(asker.simulation.dropped(.ownerGone, 2) == 2)
    #expect(asker.simulation.freeBuffers == [64, 64, 64])
  }
}
