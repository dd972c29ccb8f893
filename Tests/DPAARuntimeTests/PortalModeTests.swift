import QorIQ
import Testing

@testable import DPAARuntime

/// The modes of a portal's rings, its reset state, and its interrupt registers.
@Suite(.timeLimit(.minutes(10))) struct PortalModeTests {
  private static func line(_ client: QueueClient, _ offset: Int) -> UInt32 {
    RawPortal.number(RawPortal.line(client.portal.qman + offset)[0..<4])
  }

  @Test
  func `after reset every index is 0, in the first lap's polarity, and the line is inhibited`()
    throws
  {
    let engine = try Engine(Talk.configuration())
    let region = engine.memory[2].window.memory
    func register(_ offset: Int) -> UInt32 {
      RawPortal.number(RawPortal.line(region + 0x8000 + offset)[0..<4])
    }
    let expected: [Int: UInt32] = [
      0x00: 8, 0x04: 0, 0x08: 0, 0x40: 16, 0x44: 0, 0x48: 0, 0x54: 0, 0x58: 0, 0x5c: 0, 0x80: 8,
      0x84: 0, 0x88: 0, 0x100: 0, 0xe00: 0, 0xe04: 0, 0xe08: 0, 0xe0c: 1, 0xe14: 0,
    ]
    for (offset, value) in expected { #expect(register(offset) == value, "\(offset)") }
    for (offset, value) in [(0x3000, 8), (0x3100, 0), (0x3200, 16), (0x3300, 0), (0x3400, 8)] {
      #expect(RawPortal.number(RawPortal.line(region + offset)[0..<4]) == UInt32(value))
    }
    engine.round()
    #expect(register(0x40) == 16 && register(0xe00) == 0)
  }

  @Test(arguments: [UInt32(0), 1])
  func `enqueue commands are announced by register or by line`(mode: UInt32) throws {
    let client = try QueueClient()
    client.portal.setRegister(0x100, mode << 24 | 0x00f0_0000)
    client.initialize(300, scheduled: false)
    var produced = 0
    for lap in 0..<30 {
      let count = lap % 7 + 1
      for _ in 0..<count {
        // The valid bit means nothing in these modes.
        let command = try client.enqueueCommand(to: 300)
        RawPortal.write(command, at: client.portal.qman + 64 * (produced % 8))
        produced += 1
      }
      client.step()
      try #require(client.count(300) == 0, "nothing is announced yet")
      let index = QueueClient.big(UInt32(produced % 8), 4)
      RawPortal.write(index, at: mode == 0 ? client.portal.registers : client.portal.qman + 0x3000)
      client.step()
      try #require(client.count(300) == UInt32(count))
      #expect(client.portal.register(0x04) == UInt32(produced % 8))
      let shown = UInt32(produced % 8 | (produced / 8 % 2 == 0 ? 8 : 0))
      #expect(client.portal.register(0x00) == shown)
      #expect(Self.line(client, 0x3000) == shown)
      client.volatileDequeue(300)
      #expect(client.frames().count == count)
    }
  }

  @Test func `what was produced by valid bit is shown in the index too`() throws {
    let client = try QueueClient()
    client.initialize(300)
    for number in 1...20 as ClosedRange<UInt32> {
      try client.send(1, to: 300)
      _ = client.frames()
      let shown = number % 8 | (number / 8 % 2 == 0 ? 8 : 0)
      #expect(client.portal.register(0x00) == shown)
      #expect(Self.line(client, 0x3000) == shown)
    }
  }

  @Test func `the dequeue ring is consumed by register or by line, and the other follows`() throws {
    let client = try QueueClient()
    client.initialize(300)
    for byLine in [false, true] {
      client.portal.setRegister(0x100, byLine ? 0x02f1_0000 : 0x02f0_0000)
      try client.send(20, to: 300)
      var count = client.entries(consumed: false).count
      #expect(count == 15, "the ring holds no more")
      client.step(2)
      #expect(client.portal.dequeue() == nil)
      while count < 20 {
        let index = QueueClient.big(UInt32(client.portal.dequeued % 16), 4)
        RawPortal.write(
          index,
          at: byLine ? client.portal.qman + 0x3300 : client.portal.registers + 0x44)
        client.step()
        #expect(client.portal.register(0x44) == UInt32(client.portal.dequeued % 16))
        #expect(Self.line(client, 0x3300) == UInt32(client.portal.dequeued % 16))
        let more = client.entries(consumed: false).count
        try #require(more > 0)
        count += more
      }
      let index = QueueClient.big(UInt32(client.portal.dequeued % 16), 4)
      RawPortal.write(index, at: client.portal.qman + 0x3300)
      RawPortal.write(index, at: client.portal.registers + 0x44)
      client.step()
    }
  }

  @Test func `no more entries wait than the configuration allows`() throws {
    let client = try QueueClient()
    client.initialize(300)
    for fill in [0, 1, 5] as [UInt32] {
      client.portal.setRegister(0x100, 0x0200_0000 | fill << 20)
      try client.send(7, to: 300)
      #expect(client.entries(consumed: false).count == Int(fill))
      client.portal.setRegister(0x100, 0x02f0_0000)
      _ = client.entries()
      _ = client.entries()
    }
  }

  @Test func `entries are consumed one by one, in any order, and the index follows the gap`()
    throws
  {
    let client = try QueueClient()
    client.portal.setRegister(0x100, 0x02f2_0000)
    client.initialize(300)
    try client.send(6, to: 300)
    #expect(client.entries(consumed: false).count == 6)
    func consume(_ command: UInt32) -> UInt32 {
      client.portal.setRegister(0x50, command)
      client.step()
      #expect(Self.line(client, 0x3300) == client.portal.register(0x44))
      return client.portal.register(0x44)
    }
    #expect(consume(1) == 0)
    #expect(consume(3) == 0)
    #expect(consume(3) == 0, "once is enough")
    #expect(consume(0) == 2)
    #expect(consume(9) == 2, "nothing waits there")
    #expect(consume(2) == 4)
    // The highest bit is entry 0.
    #expect(consume(0x0400_0100) == 4)
    #expect(consume(0x0800_0100) == 6)
    #expect(consume(0xffff_0100) == 6)
  }

  @Test func `a held queue is parked with the entry that says so`() throws {
    let client = try QueueClient()
    client.portal.setRegister(0x100, 0x02f2_0000)
    client.initialize(300, control: 0x0002)
    try client.send(2, to: 300)
    #expect(client.entries(consumed: false).count == 2)
    client.portal.setRegister(0x50, 0x40)
    client.step()
    #expect(client.state(300) == 5 && client.messages().isEmpty, "an entry is left")
    client.portal.setRegister(0x50, 0x01)
    client.step()
    #expect(client.messages() == [[0x24, 0, 300, 0xc0de_012c]])
    #expect(client.state(300) == 4)
    try client.send(1, to: 300)
    client.step(2)
    #expect(client.entries(consumed: false).isEmpty)
    #expect(client.result(0x48, 300) == 0xf0)
    client.step()
    #expect(client.entries(consumed: false).count == 1)
  }

  @Test(arguments: [false, true])
  func `an enqueue consumes the entry that it names`(parks: Bool) throws {
    let client = try QueueClient()
    client.portal.setRegister(0x100, 0x02f2_0000)
    client.initialize(300, control: 0x0002)
    client.initialize(301, scheduled: false)
    try client.send(1, to: 300)
    let entry = try #require(client.entries(consumed: false).first)
    var command = RawPortal.enqueueCommand(Array(entry[16..<32]), to: 301)
    command[1] = 0x80 | (parks ? 0x40 : 0)
    client.portal.enqueue(command)
    client.step()
    #expect(client.portal.register(0x44) == 1)
    #expect(client.state(300) == (parks ? 4 : 2))
    #expect(client.count(301) == 1)
    #expect(client.messages().map { $0[0] } == (parks ? [0x24] : []))
  }

  @Test(arguments: [false, true])
  func `the message ring is consumed by register or by line`(byLine: Bool) throws {
    let client = try QueueClient()
    client.portal.setRegister(0x100, byLine ? 0x02f0_0100 : 0x02f0_0000)
    for fqid in 300..<320 as Range<UInt32> {
      client.initialize(fqid)
      client.result(0x4a, fqid)
    }
    var queues: [UInt32] = []
    for _ in 0..<30 {
      while let message = client.portal.message() {
        queues.append(RawPortal.number(message[8..<12]))
      }
      let index = QueueClient.big(UInt32(client.portal.messages % 8), 4)
      RawPortal.write(
        index, at: byLine ? client.portal.qman + 0x3500 : client.portal.registers + 0x84)
      client.step()
      #expect(client.portal.register(0x84) == UInt32(client.portal.messages % 8))
      #expect(Self.line(client, 0x3500) == client.portal.register(0x84))
      #expect(Self.line(client, 0x3400) == client.portal.register(0x80))
    }
    #expect(queues == Array(300..<320))
  }

  // MARK: Interrupts

  private static let dequeue: UInt32 = 0x0002_0000
  private static let shownWithOthers: UInt32 = 0x8000_0000
  private static func status(_ client: QueueClient) -> UInt32 {
    client.portal.register(0xe00) & ~shownWithOthers
  }

  @Test func `a status bit stays until 1 is written to it, and returns while its cause holds`()
    throws
  {
    let client = try QueueClient()
    client.initialize(300)
    client.portal.setRegister(0xe00, 0xffff_ffff)
    client.step()
    #expect(Self.status(client) == 0)
    try client.send(1, to: 300)
    #expect(Self.status(client) == Self.dequeue)
    client.portal.setRegister(0xe00, Self.dequeue)
    client.step()
    #expect(Self.status(client) == Self.dequeue, "the entry still waits")
    _ = client.entries()
    #expect(Self.status(client) == Self.dequeue, "nobody cleared it")
    client.portal.setRegister(0xe00, 0x0001_0000)
    client.step()
    #expect(Self.status(client) == Self.dequeue, "another bit's 1")
    client.portal.setRegister(0xe00, Self.dequeue)
    client.step()
    #expect(Self.status(client) == 0)
  }

  @Test func `a disabled bit is never set`() throws {
    let client = try QueueClient()
    client.portal.setRegister(0xe08, Self.dequeue)
    client.initialize(300)
    try client.send(1, to: 300)
    client.step(2)
    #expect(Self.status(client) == 0)
    client.portal.setRegister(0xe08, 0)
    client.step()
    #expect(Self.status(client) == Self.dequeue)
  }

  @Test func `entries below the threshold raise their interrupt when the period has passed`() throws
  {
    let client = try QueueClient()
    client.portal.setRegister(0x48, 3)
    client.portal.setRegister(0xe14, 0xfff)
    client.initialize(300)
    try client.send(3, to: 300)
    client.step(2)
    #expect(Self.status(client) == 0)
    client.simulation.clock.advance(milliseconds: 4)
    client.step()
    #expect(Self.status(client) == 0, "4095 steps of a microsecond are more")
    client.simulation.clock.advance(milliseconds: 1)
    client.step()
    #expect(Self.status(client) == Self.dequeue)
    _ = client.entries()
    client.portal.setRegister(0xe00, 0xffff_ffff)
    client.step()
    #expect(Self.status(client) == 0)
    try client.send(4, to: 300)
    #expect(Self.status(client) == Self.dequeue, "more than the threshold")
  }

  @Test func `messages, consumed enqueues and an empty enqueue ring have bits of their own`() throws
  {
    let client = try QueueClient()
    client.initialize(300, scheduled: false)
    try client.send(1, to: 300)
    #expect(Self.status(client) == 0)
    try client.send(1, to: 300, verb: 0x05)
    #expect(Self.status(client) == 0x0008_0000)
    client.portal.setRegister(0xe00, 0x0008_0000)
    client.portal.setRegister(0x08, 2)
    client.step()
    #expect(Self.status(client) == 0x0004_0000)
    client.portal.setRegister(0x08, 0)
    client.portal.setRegister(0xe00, 0x0004_0000)
    client.result(0x4a, 300)
    #expect(Self.status(client) == 0x0001_0000)
  }

  @Test func `channels in which queues wait are shown`() throws {
    var configuration = Talk.configuration()
    configuration.queueing = [1: .init(poolChannels: [0x401, 0x403])]
    let client = QueueClient(try Simulation(configuration), owner: 1)
    client.setStatic(0)
    client.initialize(193, channel: 4)
    client.initialize(194, channel: 0x403)
    try client.send(1, to: 193)
    #expect(Self.status(client) == 0x8000)
    try client.send(1, to: 194)
    #expect(Self.status(client) == 0x9000)
  }
}
