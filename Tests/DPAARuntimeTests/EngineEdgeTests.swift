import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

/// Edges of the engine's rules that a mutation of it (`scripts/mutate-runtime`) would move.
@Suite(.timeLimit(.minutes(10))) struct EngineEdgeTests {
  /// Clients of guest1's and guest2's portals on one engine.
  private func neighbours(_ rings: RingSizes = .hardware) throws -> (QueueClient, QueueClient) {
    let simulation = try Simulation(Talk.configuration(rings: rings))
    return (QueueClient(simulation, owner: 1), QueueClient(simulation, owner: 2))
  }

  @Test func `a volatile command for another's parked queue gives neither frame nor context`()
    throws
  {
    let (owner, stranger) = try neighbours()
    owner.initialize(195, scheduled: false, channel: 4)
    try owner.send(2, to: 195)
    stranger.setStatic(0)
    stranger.volatileDequeue(195)
    let entries = stranger.entries()
    #expect(entries.count == 1)
    let entry = try #require(entries.first)
    #expect(entry[1] == 0x03)
    #expect(Array(entry[8..<16]) == [0, 0, 0, 195, 0, 0, 0, 0])
    #expect(entry[16..<32].allSatisfy { $0 == 0 })
    #expect(owner.count(195) == 2)
  }

  @Test func `another's queue is neither initialised nor shown, whatever its state`() throws {
    let (owner, stranger) = try neighbours()
    owner.initialize(195, scheduled: false, channel: 4)
    for fqid: UInt32 in [196, 195, 16] {
      #expect(stranger.initialize(fqid) == 0xf1)
      #expect(stranger.command(0x44, fqid)[1...].first == 0xf1)
      #expect(stranger.command(0x44, fqid)[2...].allSatisfy { $0 == 0 })
      #expect(stranger.command(0x45, fqid)[2...].allSatisfy { $0 == 0 })
    }
    #expect(owner.state(196) == 0)
    #expect(owner.command(0x44, 195)[20..<24].elementsEqual(QueueClient.big(0xc0de_0000 | 195, 4)))
  }

  @Test func `of the queues that wait for the wire each owner sees its own only`() throws {
    let (first, second) = try neighbours(RingSizes(enqueue: 64, dequeue: 64))
    let queues: [(client: QueueClient, fqid: UInt32, bpid: UInt8)] = [
      (first, 101, 2), (second, 201, 3),
    ]
    let buffers = queues.map { queue in
      (0..<6).flatMap { _ in queue.client.portal.acquire(8, from: queue.bpid) }
    }
    for (queue, buffers) in zip(queues, buffers) {
      for address in buffers {
        queue.client.portal.enqueue(
          RawPortal.enqueueCommand(
            RawPortal.descriptor(bpid: queue.bpid, address: address), to: queue.fqid))
      }
    }
    // A port sends 32 frames in a round, so both queues wait in one work queue for two.
    first.step()
    // In this order each has the other behind it when it is asked for.
    for queue in queues.reversed() {
      let image = queue.client.command(0x45, queue.fqid)
      #expect(image[3] == 3)
      #expect(RawPortal.number(image[44..<48]) > 0)
      #expect(image[4..<8].allSatisfy { $0 == 0 })
    }
  }

  @Test func `fields that an initialisation does not name stay`() throws {
    let client = try QueueClient()
    client.initialize(300, scheduled: false)
    var command = [UInt8](repeating: 0, count: 32)
    command[0] = 0x40
    // Control only.
    command[3] = 0x20
    command.replaceSubrange(4..<8, with: QueueClient.big(300, 4))
    command[13] = 0x02
    command.replaceSubrange(14..<32, with: [UInt8](repeating: 0xff, count: 18))
    #expect(client.portal.qmanCommand(command)[1] == 0xf0)
    let image = client.command(0x44, 300)
    #expect(Array(image[12..<16]) == [0, 2, 0, 6 << 3 | 3])
    #expect(image[16..<20].allSatisfy { $0 == 0 })
    #expect(Array(image[20..<24]) == QueueClient.big(0xc0de_0000 | 300, 4))
    #expect(image[24..<32].allSatisfy { $0 == 0 })
  }

  @Test func `EQRI is set when fewer commands wait than its threshold, not when as many do`() throws
  {
    let client = try QueueClient()
    // Seven rejections fill the message ring: two more commands wait.
    try client.send(9, to: 399)
    for (threshold, isSet) in [(2, false), (3, true)] as [(UInt32, Bool)] {
      client.portal.setRegister(0x08, threshold)
      client.step()
      #expect((client.portal.register(0xe00) & 0x4_0000 != 0) == isSet, "\(threshold)")
    }
  }

  @Test func `a queue takes frames until it holds more than its threshold`() throws {
    let client = try QueueClient()
    // 60·2^1 bytes; the control field's tail drop.
    client.initialize(
      300, scheduled: false, control: 0x0200,
      fields: [(0x0004, 18, QueueClient.big(60 << 5 | 1, 2))])
    try client.send(4, to: 300, length: 60)
    #expect(client.count(300) == 3)
    #expect(client.messages().count == 1)
  }

  @Test func `a group stays congested until it holds seven eighths of its threshold`() throws {
    let client = try QueueClient([2: .init(congestionGroups: [9])])
    var command = [UInt8](repeating: 0, count: 32)
    command[0] = 0x50
    // Threshold 16·2^0, counted in frames.
    command[3] = 0x03
    command.replaceSubrange(26..<28, with: QueueClient.big(16 << 5, 2))
    command[28] = 1
    command[31] = 9
    #expect(client.portal.qmanCommand(command)[1] == 0xf0)
    client.setStatic(0)
    client.initialize(
      300, scheduled: false, control: 0x0400, fields: [(0x0040, 11, [9])])
    func isCongested() -> Bool {
      var query = [UInt8](repeating: 0, count: 32)
      query[0] = 0x58
      query[31] = 9
      return client.portal.qmanCommand(query)[25] == 1
    }
    try client.send(16, to: 300)
    #expect(!isCongested())
    try client.send(1, to: 300)
    #expect(isCongested())
    for left in (13...16).reversed() {
      client.volatileDequeue(1 << 24 | 300)
      #expect(client.frames().count == 1)
      #expect(isCongested() == (left > 14), "\(left) left")
    }
  }

  @Test func `a command line without a verb is no command`() throws {
    let client = try QueueClient()
    RawPortal.write([0x80], at: client.portal.qman + 0x3800)
    RawPortal.write([0x80], at: client.portal.bman)
    client.step()
    #expect(RawPortal.line(client.portal.qman + 0x3940).allSatisfy { $0 == 0 })
    #expect(RawPortal.line(client.portal.bman + 0x140).allSatisfy { $0 == 0 })
    // The next command is answered where the first one would have been.
    #expect(client.result(0x45, 300) == 0xf0)
    #expect(client.portal.bmanCommand([0x40])[0] == 0xc0)
  }

  @Test func `a queue that was served is counted in no work queue`() throws {
    let client = try QueueClient()
    client.setStatic(0)
    client.initialize(300)
    try client.send(1, to: 300)
    func lengths() -> [UInt32] {
      let image = client.portal.qmanCommand([0x47])
      return (0..<8).map { RawPortal.number(image[32 + 4 * $0..<36 + 4 * $0]) }
    }
    #expect(lengths() == [0, 0, 0, 1, 0, 0, 0, 0])
    client.setStatic(0x2100_8000)
    client.step()
    #expect(client.entries().count == 1)
    #expect(lengths().allSatisfy { $0 == 0 })
  }

  @Test func `frames from the wire for queues out of service are dropped, and no buffer is lost`()
    throws
  {
    let simulation = try Simulation(
      frames: (0..<100).map { Talk.frame(to: Talk.guest2, number: $0) })
    let client = QueueClient(simulation)
    for fqid in Talk.receive[2].rawValues {
      client.result(0x4a, fqid)
      _ = client.messages()
      #expect(client.result(0x4b, fqid) == 0xf0)
    }
    simulation.run(active: [0, 1])
    #expect(simulation.dropped(.queueRefused, 2) == 100)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }
}
