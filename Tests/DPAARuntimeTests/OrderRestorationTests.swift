import TestSupport
import Testing

@testable import DPAARuntime

/// Order restoration, in bytes: frames with numbers, holes, windows, and what becomes of frames that
/// wait when their point retires.
@Suite(.timeLimit(.minutes(10))) struct OrderRestorationTests {
  private static let point: UInt32 = 310
  private static let target: UInt32 = 300
  private static let notLast: UInt16 = 0x4000
  private static let expected: UInt16 = 0x8000

  /// A client whose frames go to parked queue 300, with a point at queue 310: ORPC as given.
  private static func client(orpc: UInt8 = 0, scheduled: Bool = false) throws -> QueueClient {
    let client = try QueueClient()
    client.initialize(target, scheduled: false)
    client.initialize(
      point, scheduled: scheduled, control: 0x0100, fields: [(0x80, 10, [orpc])])
    return client
  }

  /// An enqueue command with a number, which its frame bears too.
  private static func command(
    _ client: QueueClient, _ number: UInt16, to fqid: UInt32 = target, at point: UInt32 = point,
    mark: UInt32? = nil
  ) throws -> [UInt8] {
    var command = try client.enqueueCommand(to: fqid, verb: 0x03)
    command.replaceSubrange(2..<4, with: QueueClient.big(UInt32(number), 2))
    command.replaceSubrange(4..<8, with: QueueClient.big(point, 4))
    command.replaceSubrange(28..<32, with: QueueClient.big(mark ?? UInt32(number), 4))
    return command
  }

  /// Enqueues a frame with a number.
  @discardableResult
  private static func send(
    _ client: QueueClient, _ number: UInt16, at point: UInt32 = point, mark: UInt32? = nil
  ) throws -> [UInt8] {
    let command = try command(client, number, at: point, mark: mark)
    client.portal.enqueue(command)
    client.step()
    return command
  }

  /// A command without a frame.
  private static func skip(_ client: QueueClient, _ number: UInt16) {
    client.portal.enqueue(
      [0x02, 0] + QueueClient.big(UInt32(number), 2) + QueueClient.big(point, 4)
        + QueueClient.big(target, 4) + [UInt8](repeating: 0, count: 20))
    client.step()
  }

  /// The marks of the frames that have gone on to queue 300.
  private static func passed(_ client: QueueClient) -> [UInt32] {
    guard client.count(target) > 0 else { return [] }
    client.volatileDequeue(target)
    var frames: [UInt32] = []
    while true {
      let more = client.frames()
      guard !more.isEmpty else { return frames }
      frames += more
    }
  }

  /// The messages that are there, and their buffers' way back to the pool.
  private static func messages(_ client: QueueClient) -> [[UInt8]] {
    var messages: [[UInt8]] = []
    while let message = client.portal.message() {
      client.portal.consumeMessages()
      client.step()
      if message[0] & 0x20 == 0 {
        client.portal.release(verb: 0x21, [(message[17], RawPortal.address(message[16..<24]))])
        client.step()
      }
      messages.append(message)
    }
    return messages
  }

  /// NESN, and the numbers of the first and the last frame that wait, as `QUERYFQ_NP` shows them.
  private static func state(_ client: QueueClient) -> [UInt32] {
    let answer = client.command(0x45, point)
    return [10, 12, 14].map { RawPortal.number(answer[$0..<($0 + 2)]) }
  }

  // MARK: Order

  @Test func `who asks for much has the next command wait, for others' sake`() throws {
    let client = try Self.client()
    for number in 1..<32 as Range<UInt16> { try Self.send(client, number) }
    let query: [UInt8] = [0x45, 0, 0, 0] + QueueClient.big(Self.point, 4)
    let answer = client.portal.qmanCommand(query)
    #expect(Array(answer[12..<16]) == [0, 1, 0, 31])
    client.portal.post(query)
    client.simulation.engine.round()
    #expect(client.portal.qmanAnswer == nil)
    client.simulation.engine.round()
    #expect(client.portal.qmanAnswer?[15] == 31)
  }

  @Test func `frames go on in the order of their numbers`() throws {
    let client = try Self.client()
    for number in [2, 1, 4] as [UInt16] {
      try Self.send(client, number)
      #expect(client.count(Self.target) == 0)
    }
    #expect(Self.state(client) == [0, 1, 4])
    try Self.send(client, 0)
    #expect(Self.passed(client) == [0, 1, 2])
    try Self.send(client, 3)
    #expect(Self.passed(client) == [3, 4])
    #expect(Self.state(client) == [5, 0, 0])
    #expect(client.simulation.freeBuffers == [64, 64, 64])
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `whatever order they come in, and over the end of the numbers`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let client = try Self.client()
    Self.skip(client, Self.expected | 8191)
    Self.skip(client, Self.expected | 16_300)
    var next = 16_300
    for _ in 0..<12 {
      let count = 1 + random.below(31)
      let numbers = (next..<next + count).map { UInt16($0 & 0x3fff) }
      for number in numbers.shuffled(using: &random) { try Self.send(client, number) }
      #expect(Self.passed(client) == numbers.map(UInt32.init), "\(random)")
      next += count
    }
    #expect(Self.messages(client).isEmpty)
    #expect(client.simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a number may have several frames, of which the last says so`() throws {
    let client = try Self.client()
    try Self.send(client, 1 | Self.notLast, mark: 10)
    try Self.send(client, 1, mark: 11)
    try Self.send(client, 0 | Self.notLast, mark: 0)
    try Self.send(client, 2, mark: 20)
    try Self.send(client, 0 | Self.notLast, mark: 1)
    #expect(Self.passed(client) == [0, 1], "they need not wait for the last")
    try Self.send(client, 0, mark: 2)
    #expect(Self.passed(client) == [2, 10, 11, 20])
    // A second last one of a number that waits is late.
    try Self.send(client, 5, mark: 50)
    try Self.send(client, 5, mark: 51)
    #expect(Self.messages(client).map { $0[4] } == [0x40])
  }

  @Test func `a hole lets the next number go on, whenever it comes`() throws {
    let client = try Self.client()
    try Self.send(client, 1)
    Self.skip(client, 0)
    #expect(Self.passed(client) == [1])
    Self.skip(client, 3)
    try Self.send(client, 4)
    try Self.send(client, 2)
    #expect(Self.passed(client) == [2, 4])
    // One that is late, or out of the window, is nothing.
    Self.skip(client, 0)
    Self.skip(client, 5 + 32)
    #expect(Self.messages(client).isEmpty)
    #expect(Self.state(client) == [5, 0, 0])
    #expect(client.portal.register(0x04) == UInt32(client.portal.enqueued % 8))
  }

  @Test func `the expected number moves forward when that is asked for`() throws {
    let client = try Self.client()
    for number in [2, 5, 9] as [UInt16] { try Self.send(client, number) }
    Self.skip(client, Self.expected | 7)
    #expect(Self.passed(client) == [2, 5], "what waited before it goes on")
    #expect(Self.state(client) == [7, 9, 9])
    Self.skip(client, Self.expected | 3)
    #expect(Self.state(client) == [7, 9, 9], "not backward")
    Self.skip(client, Self.expected | 9)
    #expect(Self.passed(client) == [9])
    #expect(Self.state(client) == [10, 0, 0])
    try Self.send(client, 20 | Self.expected, mark: 20)
    #expect(Self.passed(client) == [20], "a frame can say it of itself")
    #expect(Self.state(client) == [21, 0, 0])
  }

  // MARK: Windows

  @Test(arguments: 0...7 as ClosedRange<UInt8>)
  func `the window has 32 numbers, doubled as often as its field says`(field: UInt8) throws {
    let client = try Self.client(orpc: field << 3)
    let window: UInt16 = 32 << UInt16(field)
    try Self.send(client, window - 1)
    #expect(Self.messages(client).isEmpty)
    let command = try Self.send(client, window)
    let message = try #require(Self.messages(client).first)
    #expect(message[0] & 0x7f == 0x03 && message[4] == 0x30, "too early")
    #expect(Array(message[1..<4]) == Array(command[1..<4]))
    #expect(Array(message[5..<32]) == Array(command[5..<32]), "point, tag and frame as they were")
    #expect(client.simulation.dropped(.outOfOrder, 2) == 1)
    try Self.send(client, 8191)
    try Self.send(client, 8192)
    #expect(Self.messages(client).map { $0[4] } == [0x30, 0x40], "half of all numbers are late")
    #expect(client.count(Self.target) == 0)
  }

  @Test(
    arguments: [
      (0, 0, []), (1, 32, [33]), (2, 63, [64]), (3, 8192, []),
    ] as [(UInt8, UInt16, [UInt16])])
  func `a late frame is taken as the point says`(
    field: UInt8, accepted: UInt16, refused: [UInt16]
  ) throws {
    // A window of 64.
    let client = try Self.client(orpc: 0x08 | field)
    Self.skip(client, Self.expected | 8000)
    Self.skip(client, Self.expected | 10_000)
    if accepted > 0 {
      try Self.send(client, 10_000 - 1, mark: 1)
      try Self.send(client, 10_000 - accepted, mark: 2)
      #expect(Self.passed(client) == [1, 2])
    }
    for behind in accepted == 0 ? [1, 8192] : refused {
      try Self.send(client, 10_000 - behind)
      #expect(Self.messages(client).map { $0[4] } == [0x40], "\(behind)")
    }
    #expect(Self.state(client)[0] == 10_000)
  }

  @Test func `a window that advances by itself takes a number in front of it`() throws {
    let client = try Self.client(orpc: 0x04)
    try Self.send(client, 3)
    try Self.send(client, 12)
    try Self.send(client, 40)
    #expect(Self.passed(client) == [3], "what left the window goes on")
    #expect(Self.state(client) == [9, 12, 40])
    for number in 9..<12 as Range<UInt16> { try Self.send(client, number) }
    #expect(Self.passed(client) == [9, 10, 11, 12])
    try Self.send(client, 8)
    #expect(Self.messages(client).map { $0[4] } == [0x40])
    for number in 13..<40 as Range<UInt16> { Self.skip(client, number) }
    #expect(Self.passed(client) == [40])
    Self.skip(client, 41 + 100)
    #expect(Self.state(client) == [41 + 100 - 31, 141, 141])
  }

  // MARK: What is no point

  @Test func `a command that names no point comes back`() throws {
    let client = try Self.client()
    client.initialize(311, scheduled: false)
    for (point, code) in [(0, 0x70), (311, 0x70), (312, 0x70), (150, 0x20), (0xff_ffff, 0x20)]
      as [(UInt32, UInt8)]
    {
      let command = try Self.send(client, 0, at: point)
      let message = try #require(Self.messages(client).first)
      #expect(message[0] & 0x7f == 0x03 && message[4] == code, "\(point)")
      #expect(Array(message[5..<32]) == Array(command[5..<32]))
    }
    client.result(0x4a, Self.point)
    _ = Self.messages(client)
    try Self.send(client, 0)
    #expect(Self.messages(client).map { $0[4] } == [0x60], "retired")
    #expect(client.simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a frame that is wrong itself does not take its turn`() throws {
    let client = try Self.client()
    try Self.send(client, 1)
    client.portal.enqueue(try Self.command(client, 0, to: 150))
    client.step()
    #expect(Self.messages(client).map { $0[4] } == [0x20])
    #expect(Self.passed(client).isEmpty)
    try Self.send(client, 0)
    #expect(Self.passed(client) == [0, 1])
  }

  @Test func `a frame that its queue refuses has had its turn`() throws {
    let client = try Self.client()
    // 25·2² = 100 bytes.
    client.initialize(
      Self.target, scheduled: false, control: 0x0200,
      fields: [(0x04, 18, QueueClient.big(25 << 5 | 2, 2))])
    for number in [3, 2, 1, 0] as [UInt16] { try Self.send(client, number) }
    let messages = Self.messages(client)
    #expect(messages.map { $0[4] } == [0x50, 0x50])
    #expect(messages.map { RawPortal.number($0[28..<32]) } == [2, 3])
    #expect(Self.passed(client) == [0, 1])
    #expect(Self.state(client)[0] == 4)
  }

  // MARK: Retirement

  @Test func `what waits at a point that retires comes back, and then that is told`() throws {
    let client = try Self.client()
    let commands = try [5, 3, 9].map { try Self.send(client, $0) }
    Self.skip(client, 4)
    let response = client.command(0x4a, Self.point)
    #expect(response[1] == 0xf0 && response[2] == 0x02, "a list is present")
    let messages = Self.messages(client)
    #expect(messages.map { $0[0] & 0x7f } == [0x22, 0x03, 0x03, 0x03, 0x23])
    #expect(messages[0][1] == 0x02)
    for (command, message) in zip(commands, messages[1...3]) {
      #expect(message[4] == 0x60)
      #expect(Array(message[5..<32]) == Array(command[5..<32]))
    }
    #expect(RawPortal.number(messages[4][8..<12]) == Self.point)
    #expect(RawPortal.number(messages[4][12..<16]) == 0xc0de_0000 | Self.point)
    #expect(client.result(0x4b, Self.point) == 0xf0)
    #expect(client.simulation.freeBuffers == [64, 64, 64])
    // It begins anew.
    client.initialize(Self.point, scheduled: false, control: 0x0100)
    #expect(Self.state(client) == [0, 0, 0])
  }

  @Test func `a scheduled queue tells of its list when it retires, and of its end`() throws {
    let client = try Self.client(scheduled: true)
    client.setStatic(0)
    try client.send(1, to: Self.point)
    try Self.send(client, 5)
    #expect(client.result(0x4a, Self.point) == 0xf8)
    client.setStatic(0x2100_8000)
    client.step(2)
    _ = client.frames()
    let messages = Self.messages(client)
    #expect(messages.map { $0[0] & 0x7f } == [0x21, 0x03, 0x23])
    #expect(messages[0][1] == 0x02)
    #expect(client.result(0x4b, Self.point) == 0xf0)
  }

  @Test func `a queue leaves service only when its list has been given back`() throws {
    let client = try Self.client()
    try Self.send(client, 5)
    // Seven messages that nobody reads.
    for fqid in 320..<327 as Range<UInt32> {
      client.initialize(fqid)
      client.result(0x4a, fqid)
    }
    #expect(client.result(0x4a, Self.point) == 0xf0)
    client.step(5)
    #expect(client.result(0x4b, Self.point) == 0xf3)
    let kinds = Self.messages(client).map { $0[0] & 0x7f }
    #expect(kinds == [UInt8](repeating: 0x22, count: 8) + [0x03, 0x23])
    #expect(client.result(0x4b, Self.point) == 0xf0)
  }

  /// The SDK's test of rejection code 6 (`drivers/staging/fsl_qbman/qman_test_errata.c`).
  @Test func `a queue may be its own point`() throws {
    let client = try QueueClient()
    client.initialize(300, scheduled: false, control: 0x0100)
    let command = try Self.send(client, 5, at: 300)
    #expect(client.count(300) == 0)
    #expect(client.command(0x4a, 300)[2] == 0x02)
    let messages = Self.messages(client)
    #expect(messages.map { $0[0] & 0x27 } == [0x22, 0x03, 0x23])
    #expect(messages[1][4] & 0xf0 == 0x60)
    #expect(Array(messages[1][5..<32]) == Array(command[5..<32]))
    #expect(client.result(0x4b, 300) == 0xf0)
  }

  // MARK: Guests that misbehave or end

  @Test func `frames wait for a guest that reads no messages, and keep nobody else waiting`() throws
  {
    let client = try Self.client()
    let other = QueueClient(client.simulation, owner: 1)
    client.initialize(
      Self.target, scheduled: false, control: 0x0200,
      fields: [(0x04, 18, QueueClient.big(25 << 5 | 2, 2))])
    for number in 1..<15 as Range<UInt16> { try Self.send(client, number) }
    try Self.send(client, 0)
    client.step(10)
    // Two fit, seven messages are there, and six wait.
    #expect(client.simulation.dropped(.tailDrop, 2) == 7)
    other.initialize(193, scheduled: false, channel: 4)
    other.initialize(194, scheduled: false, channel: 4, control: 0x0100)
    for number in [1, 0] as [UInt16] {
      other.portal.enqueue(try Self.command(other, number, to: 193, at: 194))
      other.step()
    }
    #expect(other.count(193) == 2)
    #expect(Self.messages(client).map { $0[4] } == [UInt8](repeating: 0x50, count: 13))
    #expect(Self.passed(client) == [0, 1])
  }

  @Test func `an owner may have a window of holes waiting, and no more`() throws {
    let client = try Self.client(orpc: 0x38)
    let points = (311...313).map { UInt32($0) }
    for point in points {
      client.initialize(point, scheduled: false, control: 0x0100, fields: [(0x80, 10, [0x38])])
    }
    for number in 1..<4096 as Range<UInt16> { Self.skip(client, number) }
    #expect(Self.state(client) == [0, 1, 4095])
    func skip(_ number: UInt16, at point: UInt32) {
      client.portal.enqueue(
        [0x02, 0] + QueueClient.big(UInt32(number), 2) + QueueClient.big(point, 4)
          + [UInt8](repeating: 0, count: 24))
      client.step()
    }
    skip(7, at: 311)
    skip(8, at: 311)
    let answer = client.command(0x45, 311)
    #expect(RawPortal.number(answer[14..<16]) == 7, "the second is one too many")
    Self.skip(client, 0)
    client.step(40)
    #expect(Self.state(client) == [4096, 0, 0])
    skip(8, at: 311)
    #expect(RawPortal.number(client.command(0x45, 311)[14..<16]) == 8)
  }

  @Test func `what waits of a guest that ends is dropped with its reason`() throws {
    let client = try Self.client()
    for number in [4, 2, 7] as [UInt16] { try Self.send(client, number) }
    Self.skip(client, 3)
    #expect(client.simulation.freeBuffers == [64, 64, 61])
    client.simulation.engine.control.markGone(owner: 2)
    client.step(3)
    #expect(client.simulation.freeBuffers == [64, 64, 64])
    #expect(client.simulation.dropped(.ownerGone, 2) == 3)
  }
}
