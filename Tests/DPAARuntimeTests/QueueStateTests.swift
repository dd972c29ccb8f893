import Testing

@testable import DPAARuntime

/// The frame queue's states and the commands that are legal in them.
@Suite(.timeLimit(.minutes(10))) struct QueueStateTests {
  typealias Stage = QueueClient.Stage

  /// A row of the table: in this state this command has this result and leads to that state.
  struct Row: Sendable, CustomTestStringConvertible {
    let stage: Stage
    let verb: UInt8
    let result: UInt8
    let next: UInt8
    var testDescription: String { "\(stage) \(String(verb, radix: 16))" }
  }

  /// What is legal; everything else is `ERR_FQSTATE` and changes nothing.
  static let legal: [Row] = [
    Row(stage: .outOfService, verb: 0x40, result: 0xf0, next: 4),
    Row(stage: .parked, verb: 0x40, result: 0xf0, next: 4),
    Row(stage: .outOfService, verb: 0x41, result: 0xf0, next: 2),
    Row(stage: .parked, verb: 0x41, result: 0xf0, next: 2),
    Row(stage: .parked, verb: 0x48, result: 0xf0, next: 2),
    Row(stage: .tentative, verb: 0x49, result: 0xf0, next: 0x13),
    Row(stage: .truly, verb: 0x49, result: 0xf0, next: 0x13),
    Row(stage: .active, verb: 0x49, result: 0xf0, next: 0x15),
    Row(stage: .parked, verb: 0x4a, result: 0xf0, next: 1),
    Row(stage: .tentative, verb: 0x4a, result: 0xf0, next: 1),
    Row(stage: .truly, verb: 0x4a, result: 0xf8, next: 0x0b),
    Row(stage: .active, verb: 0x4a, result: 0xf8, next: 0x0d),
    Row(stage: .retired, verb: 0x4b, result: 0xf0, next: 0),
    Row(stage: .tentative, verb: 0x4d, result: 0xf0, next: 2),
    Row(stage: .truly, verb: 0x4d, result: 0xf0, next: 3),
    Row(stage: .active, verb: 0x4d, result: 0xf0, next: 5),
    Row(stage: .tentative, verb: 0x4e, result: 0xf0, next: 2),
    Row(stage: .truly, verb: 0x4e, result: 0xf0, next: 3),
    Row(stage: .active, verb: 0x4e, result: 0xf0, next: 5),
  ]

  static let table = Stage.allCases.flatMap { stage in
    [0x40, 0x41, 0x48, 0x49, 0x4a, 0x4b, 0x4d, 0x4e].map { verb in
      legal.first { $0.stage == stage && $0.verb == verb }
        ?? Row(stage: stage, verb: verb, result: 0xf2, next: stage.rawValue)
    }
  }

  @Test(arguments: table)
  func `a command is legal in its states only`(row: Row) throws {
    let client = try QueueClient()
    try client.bring(300, to: row.stage)
    let result =
      row.verb <= 0x41
      ? client.initialize(300, scheduled: row.verb == 0x41) : client.result(row.verb, 300)
    #expect(result == row.result)
    #expect(client.state(300) == row.next)
  }

  @Test(arguments: Stage.allCases)
  func `a queue is queried in every state`(stage: Stage) throws {
    let client = try QueueClient()
    try client.bring(300, to: stage)
    let image = client.command(0x44, 300)
    #expect(image[1] == 0xf0)
    #expect(RawPortal.number(image[20..<24]) == (stage == .outOfService ? 0 : 0xc0de_012c))
    #expect(client.result(0x45, 300) == 0xf0)
  }

  @Test func `a parked queue retires at once, is drained, and leaves service when it is empty`()
    throws
  {
    let client = try QueueClient()
    client.initialize(300, scheduled: false)
    try client.send(3, to: 300)
    let response = client.command(0x4a, 300)
    #expect(response[1] == 0xf0 && response[2] == 0x01, "frames are left")
    #expect(client.messages() == [[0x22, 1, 300, 0xc0de_012c]])
    #expect(client.result(0x4b, 300) == 0xf3)
    client.volatileDequeue(300)
    #expect(client.frames() == [0, 1, 2])
    #expect(client.result(0x4b, 300) == 0xf0)
    #expect(client.state(300) == 0)
    #expect(client.simulation.freeBuffers == [64, 64, 64])
    #expect(client.command(0x44, 300)[10...].allSatisfy { $0 == 0 }, "its fields are gone")
  }

  @Test func `an empty queue retires with nothing to tell`() throws {
    let client = try QueueClient()
    client.initialize(300)
    #expect(client.command(0x4a, 300)[2] == 0)
    #expect(client.messages() == [[0x22, 0, 300, 0xc0de_012c]])
  }

  @Test func `a scheduled queue retires when its turn has ended`() throws {
    let client = try QueueClient()
    try client.bring(300, to: .truly)
    try client.send(4, to: 300)
    #expect(client.result(0x4a, 300) == 0xf8)
    #expect(client.result(0x4a, 300) == 0xf2, "once is enough")
    client.step(3)
    #expect(client.messages().isEmpty)
    client.setStatic(0x2100_8000)
    client.step()
    #expect(client.frames() == [0, 1, 2])
    #expect(client.messages() == [[0x21, 1, 300, 0xc0de_012c]])
    #expect(client.state(300) == 1)
    client.volatileDequeue(300)
    #expect(client.frames() == [3, 4])
    #expect(client.result(0x4b, 300) == 0xf0)
  }

  @Test func `a held queue retires when its entries are consumed`() throws {
    let client = try QueueClient()
    try client.bring(300, to: .active)
    #expect(client.result(0x4a, 300) == 0xf8)
    client.step(2)
    #expect(client.messages().isEmpty)
    #expect(client.frames() == [0])
    #expect(client.messages() == [[0x21, 0, 300, 0xc0de_012c]])
    #expect(client.state(300) == 1)
  }

  /// CFG: the dequeue ring is consumed by register or by line.
  @Test(arguments: [0x02f0_0000, 0x02f1_0000] as [UInt32])
  func `many messages arrive in order although nobody reads them at first`(modes: UInt32) throws {
    let client = try QueueClient()
    client.portal.setRegister(0x100, modes)
    for fqid in 300..<340 as Range<UInt32> {
      client.initialize(fqid, scheduled: false)
      #expect(client.result(0x4a, fqid) == 0xf0)
      #expect(client.result(0x4b, fqid) == 0xf0)
    }
    #expect(client.portal.register(0x80) & 7 == 7, "the ring holds seven")
    #expect(client.messages().map { $0[2] } == Array(300..<340))
  }

  @Test func `a queue out of service or retired takes no frame`() throws {
    let client = try QueueClient()
    for stage in [Stage.outOfService, .retired] {
      try client.bring(300, to: stage)
      client.portal.enqueue(try client.enqueueCommand(to: 300))
      client.step()
      let message = try #require(client.portal.message())
      #expect(message[0] & 0x7f == 1 && message[4] == 0x20)
      client.portal.consumeMessages()
      client.step()
    }
  }

  @Test func `a stopped queue keeps its frames until it may go on`() throws {
    let client = try QueueClient()
    client.initialize(300)
    #expect(client.result(0x4e, 300) == 0xf0)
    try client.send(2, to: 300)
    client.step(3)
    #expect(client.entries().isEmpty)
    #expect(client.state(300) == 2 && client.count(300) == 2)
    #expect(client.result(0x4d, 300) == 0xf0)
    client.step()
    #expect(client.frames() == [0, 1])
    // One that waits already leaves its work queue.
    client.setStatic(0)
    try client.send(1, to: 300)
    #expect(client.result(0x4e, 300) == 0xf0)
    client.setStatic(0x2100_8000)
    client.step(2)
    #expect(client.entries().isEmpty)
    #expect(client.result(0x4d, 300) == 0xf0)
    client.step()
    #expect(client.frames() == [2])
  }

  @Test func `a forced queue is served although it is empty`() throws {
    let client = try QueueClient()
    client.initialize(300)
    #expect(client.result(0x49, 300) == 0xf0)
    client.step()
    let entries = client.entries(consumed: false)
    #expect(entries.map { $0[1] } == [0xe0], "empty, held, forced, no frame")
    #expect(RawPortal.number(entries[0][8..<12]) == 300)
    #expect(client.state(300) == 5)
    _ = client.entries()
    #expect(client.state(300) == 2)
    client.step(2)
    #expect(client.entries().isEmpty, "once")
  }

  @Test func `a command names several queues, all of which begin or none`() throws {
    let client = try QueueClient()
    #expect(client.initialize(300, count: 4) == 0xf0)
    #expect((299...306).map { client.state($0) } == [0, 2, 2, 2, 2, 2, 0, 0])
    #expect(client.initialize(304, count: 1) == 0xf2)
    #expect(client.state(305) == 0)
    #expect(client.initialize(399, count: 2) == 0xf1, "401 is not its own")
    #expect(client.state(399) == 0)
  }

  @Test func `a command about many queues takes several rounds`()
    throws
  {
    let client = try QueueClient()
    let engine = client.simulation.engine
    func rounds(_ command: [UInt8]) -> Int {
      client.portal.post(command)
      for round in 1...100 {
        engine.round()
        if client.portal.qmanAnswer != nil { return round }
      }
      return 0
    }
    // One that is in service among them: then none is written.
    #expect(client.initialize(399) == 0xf0)
    #expect(rounds(QueueClient.initialization(220, count: 179)) == 2)
    #expect(client.portal.qmanAnswer?[1] == 0xf2)
    #expect([220, 283, 284, 398].map(client.state) == [0, 0, 0, 0])
    // 179 are looked at and written, in steps of which a round takes 128.
    #expect(rounds(QueueClient.initialization(220, count: 178)) == 3)
    #expect(client.portal.qmanAnswer?[1] == 0xf0)
    let scheduled = client.state(399)
    #expect(
      [220, 283, 284, 398].map(client.state) == [scheduled, scheduled, scheduled, scheduled])
    // As many as a round takes are done in one.
    let parked = QueueClient.initialization(216, scheduled: false, count: 3)
    #expect(rounds(parked) == 1)
    #expect(client.portal.qmanAnswer?[1] == 0xf0)
  }

  @Test func `a queue leads to the owner's own channels and ports only`() throws {
    let client = try QueueClient()
    for channel in [0, 4, 5, 7, 0x21, 0x401, 0x809, 0x80b, 0x1fff] as [UInt32] {
      #expect(client.initialize(300, channel: channel) == 0xf4, "channel \(channel)")
      #expect(client.state(300) == 0)
    }
    #expect(client.initialize(300, channel: 6) == 0xf0)
    #expect(client.initialize(301, channel: 0x800) == 0xf0, "the interface's transmit channel")
    #expect(client.initialize(302, channel: 0x80c) == 0xf0, "its own link")
    // Parked without a destination it can be, scheduled it cannot.
    let image = [0x40, 0, 0, 0x02] + QueueClient.big(303, 4)
    #expect(client.portal.qmanCommand(image)[1] == 0xf0)
    #expect(client.result(0x48, 303) == 0xf4)
    #expect(client.state(303) == 4)
  }

  @Test func `fields are written by name and read back`() throws {
    let client = try QueueClient()
    client.initialize(
      300, scheduled: false, workQueue: 5, control: 0x0085,
      fields: [
        (0x80, 10, [0x2d]), (0x08, 16, [0x12, 0x34]), (0x04, 18, [0x0c, 0x86]),
        (0x01, 24, [1, 2, 3, 4, 5, 6, 7, 8]),
      ])
    let image = client.command(0x44, 300)
    #expect(
      Array(image[10..<34])
        == [0x2d, 0, 0, 0x85, 0, 0x35, 0x12, 0x34, 0x0c, 0x86] + QueueClient.big(0xc0de_012c, 4)
        + [1, 2, 3, 4, 5, 6, 7, 8, 0, 0])
    // What is not named stays.
    let command = [0x40, 0, 0, 0x02] + QueueClient.big(300, 4) + [UInt8](repeating: 0, count: 12)
    #expect(client.portal.qmanCommand(command + [9, 9, 9, 9])[1] == 0xf0)
    let again = client.command(0x44, 300)
    #expect(Array(again[20..<24]) == [9, 9, 9, 9])
    #expect(again[10..<20] == image[10..<20] && again[24..<34] == image[24..<34])
    // Overhead accounting shares the threshold's place and is shown behind context A.
    client.initialize(300, scheduled: false, fields: [(0x100, 18, [0xc0, 0xf8])])
    let accounted = client.command(0x44, 300)
    #expect(Array(accounted[18..<20]) == [0, 0] && Array(accounted[32..<34]) == [0xc0, 0xf8])
  }

  @Test func `work queues are counted`() throws {
    let client = try QueueClient()
    client.setStatic(0)
    for (fqid, workQueue) in [(300, 0), (301, 5), (302, 5), (303, 7)] as [(UInt32, UInt32)] {
      client.initialize(fqid, workQueue: workQueue)
      try client.send(2, to: fqid)
    }
    for verb in [0x46, 0x47] as [UInt8] {
      let response = client.portal.qmanCommand([verb, 0] + QueueClient.big(6 << 3, 2))
      #expect(response[1] == 0xf0)
      #expect(RawPortal.number(response[2..<4]) == 6 << 3)
      let lengths = (0..<8).map { RawPortal.number(response[(32 + 4 * $0)..<(36 + 4 * $0)]) }
      #expect(lengths == [1, 0, 0, 0, 0, 2, 0, 1])
    }
    #expect(client.portal.qmanCommand([0x46, 0] + QueueClient.big(4 << 3, 2))[1] == 0xf4)
    let second = client.command(0x45, 301)
    #expect(RawPortal.number(second[4..<8]) == 302, "the queue behind it")
  }
}
