import QorIQ
import Testing

@testable import DPAARuntime

/// Static, volatile and pull dequeue commands, and queues that are held.
@Suite(.timeLimit(.minutes(10))) struct DequeueCommandTests {
  private static func statuses(_ entries: [[UInt8]]) -> [UInt8] { entries.map { $0[1] } }
  private static func queues(_ entries: [[UInt8]]) -> [UInt32] {
    entries.map { RawPortal.number($0[8..<12]) }
  }

  /// A client with parked queue 300, which holds `count` frames.
  private static func parked(_ count: Int) throws -> QueueClient {
    let client = try QueueClient()
    client.initialize(300, scheduled: false)
    try client.send(count, to: 300)
    return client
  }

  // MARK: Volatile

  @Test func `an empty queue answers a volatile command with an entry that says so`() throws {
    let client = try Self.parked(0)
    client.volatileDequeue(3 << 24 | 300)
    let entries = client.entries()
    #expect(Self.statuses(entries) == [0x83], "empty, unscheduled, expired, no frame")
    #expect(Self.queues(entries) == [300])
    #expect(RawPortal.number(entries[0][12..<16]) == 0xc0de_012c)
    #expect(entries[0][16..<32].allSatisfy { $0 == 0 })
    #expect(client.portal.register(0x58) == 0)
  }

  @Test func `the last frame of a volatile command says that it has expired`() throws {
    let client = try Self.parked(10)
    client.volatileDequeue(4 << 24 | 300)
    #expect(Self.statuses(client.entries()) == [0x12, 0x12, 0x12, 0x13])
    client.volatileDequeue(0x4000_0000 | 2 << 24 | 300)
    #expect(Self.statuses(client.entries()) == [0x12, 0x13])
    // More than there are: the last one ends the command, without an entry behind it.
    client.volatileDequeue(6 << 24 | 300)
    #expect(Self.statuses(client.entries()) == [0x12, 0x12, 0x12, 0x93])
    client.step(2)
    #expect(client.entries().isEmpty)
  }

  @Test func `a volatile command for all goes on until the queue is empty`() throws {
    let client = try Self.parked(40)
    client.volatileDequeue(300)
    #expect(client.portal.register(0x58) == 300, "shown while it is in work")
    var statuses: [UInt8] = []
    for _ in 0..<4 { statuses += Self.statuses(client.entries()) }
    #expect(statuses == [UInt8](repeating: 0x12, count: 39) + [0x93])
    #expect(client.portal.register(0x58) == 0)
  }

  @Test func `a command that is written too early waits`() throws {
    let client = try Self.parked(30)
    client.volatileDequeue(20 << 24 | 300)
    client.volatileDequeue(2 << 24 | 300)
    var statuses = Self.statuses(client.entries())
    for _ in 0..<3 { statuses += Self.statuses(client.entries()) }
    #expect(statuses.count == 22)
    #expect(statuses[19] == 0x13 && statuses[21] == 0x13)
  }

  @Test func `0 ends the volatile command in work`() throws {
    let client = try Self.parked(30)
    client.volatileDequeue(300)
    client.portal.setRegister(0x58, 0)
    client.step()
    #expect(client.entries().count == 15)
    client.step(2)
    #expect(client.entries().isEmpty)
    #expect(client.count(300) == 15)
  }

  @Test(arguments: [0, 128, 401, 0xff_ffff, 301, 302] as [UInt32])
  func `a volatile command for a queue that it may not touch ends at once`(fqid: UInt32) throws {
    let client = try QueueClient()
    client.setStatic(0)
    client.initialize(302)
    try client.send(1, to: 302)
    client.volatileDequeue(1 << 24 | fqid)
    let entries = client.entries()
    #expect(Self.statuses(entries) == [0x03])
    #expect(Self.queues(entries) == [fqid])
    #expect(client.count(302) == 1)
  }

  @Test(arguments: [false, true])
  func `precedence puts a volatile command before scheduled work or behind`(yields: Bool) throws {
    let client = try Self.parked(2)
    client.setStatic(0)
    client.initialize(301)
    try client.send(2, to: 301)
    client.setStatic(0x2100_8000)
    client.volatileDequeue((yields ? 0x8000_0000 : 0) | 300)
    let queues = Self.queues(client.entries())
    #expect(queues == (yields ? [301, 301, 300, 300] : [300, 300, 301, 301]))
  }

  // MARK: Static

  @Test func `a static command gives one frame of a queue or three, and its token`() throws {
    let client = try QueueClient()
    for (command, expected) in [
      (0x01ab_8000, [300, 301, 300, 301, 300, 301]), (0x21ab_8000, [300, 300, 300, 301, 301, 301]),
    ] as [(UInt32, [UInt32])] {
      client.setStatic(0)
      client.initialize(300, scheduled: false)
      client.initialize(301, scheduled: false)
      for fqid in [300, 301] as [UInt32] {
        client.initialize(fqid)
        try client.send(3, to: fqid)
      }
      client.setStatic(command)
      client.step()
      let entries = client.entries()
      #expect(Self.queues(entries) == expected)
      #expect(entries.allSatisfy { $0[4] == 0xab })
      for fqid in [300, 301] as [UInt32] {
        client.result(0x4a, fqid)
        client.result(0x4b, fqid)
      }
      _ = client.messages()
      for entry in entries {
        client.portal.release(verb: 0x21, [(3, RawPortal.address(entry[16..<24]))])
        client.step()
      }
    }
  }

  @Test func `one work queue alone is served when that is asked for`() throws {
    let client = try QueueClient()
    client.setStatic(0)
    for workQueue in 0..<8 as Range<UInt32> {
      client.initialize(300 + workQueue, workQueue: workQueue)
      try client.send(1, to: 300 + workQueue)
    }
    client.setStatic(0x6100_0005)
    client.step(2)
    #expect(Self.queues(client.entries()) == [305])
    client.setStatic(0x2100_8000)
    client.step(2)
    #expect(Self.queues(client.entries()) == [300, 301, 306, 307, 302, 303, 304])
  }

  @Test func `work queues 0 and 1 come first, the others take turns`() throws {
    let client = try QueueClient()
    client.setStatic(0)
    for workQueue in [7, 2, 1, 0, 4] as [UInt32] {
      client.initialize(300 + workQueue, workQueue: workQueue)
      try client.send(2, to: 300 + workQueue)
    }
    client.setStatic(0x0100_8000)
    client.step()
    #expect(
      Self.queues(client.entries()) == [300, 300, 301, 301, 302, 304, 307, 302, 304, 307])
  }

  /// guest1 has portals 4 and 5; both may serve pool channels 1 and 3.
  private static func pooled() throws -> (QueueClient, QueueClient) {
    var configuration = Talk.configuration()
    configuration.queueing = [1: .init(poolChannels: [0x401, 0x403])]
    let simulation = try Simulation(configuration)
    let clients = (0..<2).map { QueueClient(simulation, owner: 1, portal: $0) }
    for client in clients { client.setStatic(0) }
    return (clients[0], clients[1])
  }

  @Test func `a pool channel is served by the portals that ask for it`() throws {
    let (first, second) = try Self.pooled()
    #expect(first.initialize(193, channel: 0x401) == 0xf0)
    #expect(first.initialize(194, channel: 0x402) == 0xf4)
    try first.send(6, to: 193)
    first.setStatic(0x2100_8000)
    second.setStatic(0x2100_0000 | 0x8000 >> 2)
    first.step(2)
    #expect(first.entries().isEmpty && second.entries().isEmpty)
    second.setStatic(0x2100_0000 | 0x8000 >> 1)
    first.step(2)
    #expect(Self.queues(second.entries()) == [193, 193, 193, 193, 193, 193])
    #expect(first.entries().isEmpty)
  }

  @Test func `the dedicated channel goes first when that is asked for, else channels take turns`()
    throws
  {
    for (command, expected) in [
      (0x1100_c000, [193, 193, 195, 195]), (0x0100_c000, [193, 195, 193, 195]),
    ] as [(UInt32, [UInt32])] {
      let (client, _) = try Self.pooled()
      client.initialize(195, channel: 0x401)
      client.initialize(193, channel: 4)
      for fqid in [195, 193] as [UInt32] { try client.send(2, to: fqid) }
      client.setStatic(command)
      client.step()
      #expect(Self.queues(client.entries()) == expected)
    }
  }

  @Test func `a held queue goes to no other portal until its entries are consumed`() throws {
    let (first, second) = try Self.pooled()
    first.initialize(193, channel: 0x401, control: 0x0002)
    try first.send(2, to: 193)
    first.setStatic(0x2100_4000)
    first.step()
    let entries = first.entries(consumed: false)
    #expect(Self.statuses(entries) == [0x50, 0xd0])
    first.setStatic(0)
    second.setStatic(0x2100_4000)
    try first.send(2, to: 193)
    first.step(3)
    #expect(second.entries().isEmpty)
    #expect(first.state(193) == 5)
    _ = first.entries()
    first.step()
    #expect(Self.queues(second.entries()) == [193, 193])
  }

  @Test func `a held queue that goes on stays with its portal, and yields to a higher class`()
    throws
  {
    let client = try QueueClient()
    client.setStatic(0)
    client.initialize(300, control: 0x0002)
    client.initialize(301, workQueue: 0)
    try client.send(4, to: 300)
    client.setStatic(0x0100_8000)
    client.step()
    #expect(Self.queues(client.entries(consumed: false)) == [300, 300, 300, 300])
    client.setStatic(0)
    try client.send(2, to: 300)
    try client.send(1, to: 301)
    client.setStatic(0x0100_8000)
    client.step()
    #expect(Self.queues(client.entries(consumed: false)) == [301, 300, 300])
  }

  @Test func `types 2 and 3 let a queue go on while it has credit or frames`() throws {
    for (command, credit, expected) in [
      (0x0100_8000, 0, [300, 301, 300, 301, 300, 301]),
      (0x0100_8000, 120, [300, 300, 301, 300, 301, 301]),
      (0x0200_8000, 120, [300, 300, 301, 300, 301, 301]),
      (0x0300_8000, 0, [300, 300, 300, 301, 301, 301]),
    ] as [(UInt32, UInt32, [UInt32])] {
      let client = try QueueClient()
      client.setStatic(0)
      client.initialize(
        300, fields: credit == 0 ? [] : [(0x08, 16, QueueClient.big(credit, 2))])
      client.initialize(301)
      for fqid in [300, 301] as [UInt32] { try client.send(3, to: fqid) }
      client.setStatic(command)
      client.step()
      #expect(
        Self.queues(client.entries()) == expected, "\(String(command, radix: 16)) \(credit)")
    }
  }

  // MARK: Pull

  @Test func `in pull mode a command gives one answer, which says that it is finished`() throws {
    let client = try Self.parked(2)
    client.initialize(301)
    client.setStatic(0x2100_8000)
    client.portal.setRegister(0x100, 0x02f4_0000)
    try client.send(4, to: 301)
    client.step(2)
    #expect(client.entries().isEmpty, "nothing is pushed")
    func pull(_ command: UInt32) -> [[UInt8]] {
      client.portal.setRegister(0x5c, command)
      client.step()
      return client.entries()
    }
    #expect(Self.statuses(pull(0x8000_0000 | 300)) == [0x13])
    #expect(Self.statuses(pull(0x8000_0000 | 300)) == [0x93])
    #expect(Self.statuses(pull(0x8000_0000 | 300)) == [0x83])
    #expect(Self.statuses(pull(0x8000_0000 | 128)) == [0x03])
    let three = pull(0x2100_8000)
    #expect(Self.statuses(three) == [0x10, 0x10, 0x11])
    #expect(Self.queues(three) == [301, 301, 301])
    #expect(Self.statuses(pull(0x2100_8000)) == [0x91])
    #expect(Self.statuses(pull(0x2100_8000)) == [0x01], "nothing waits")
    client.step(2)
    #expect(client.entries().isEmpty)
  }
}
