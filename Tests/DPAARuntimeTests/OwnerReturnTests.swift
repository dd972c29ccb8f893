import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// Owners that come back after their end.
@Suite(.timeLimit(.minutes(10))) struct OwnerReturnTests {
  /// Ends an owner, and has it come back.
  private static func restart(_ owner: Int, in simulation: Simulation) throws -> Guest {
    simulation.engine.control.markGone(owner: owner)
    simulation.engine.round()
    try simulation.engine.bringBack(owner: owner)
    simulation.run(active: [])
    try #require(!simulation.engine.control.isGone(owner: owner))
    return try Guest(simulation.engine, owner: owner, isInline: true)
  }

  @Test(arguments: [false, true])
  func `a guest that comes back has fresh regions, and every way leads to it and from it`(
    isP4080: Bool
  ) throws {
    let frames = (0..<90 as Range<UInt64>).map { Talk.frame(to: Talk.guest2, number: $0) }
    let simulation = try Simulation(
      Talk.configuration(isP4080: isP4080), frames: frames, rate: 1000)
    let before = simulation.engine.memory[2]
    simulation.run { round in
      if round == 30 { simulation.engine.control.markGone(owner: 2) }
    }
    try simulation.engine.bringBack(owner: 2)
    simulation.run(active: [0, 1])
    #expect(!simulation.engine.control.isGone(owner: 2))
    let after = simulation.engine.memory[2]
    #expect(before.window.memory != after.window.memory)
    #expect(before.pools[0].descriptor != after.pools[0].descriptor)
    let guest = try Guest(simulation.engine, owner: 2, isInline: true)
    #expect(guest.send(Talk.frame(to: Talk.stranger, number: 1001), to: 201))
    #expect(guest.send(Talk.frame(to: Talk.guest1, number: 1002), to: 203))
    #expect(simulation.guests[1].send(Talk.frame(to: Talk.guest2, number: 1003), to: 105))
    simulation.run(active: [])
    #expect(guest.take().map { Talk.number($0.bytes) } == [1003])
    #expect(simulation.guests[1].take().map { Talk.number($0.bytes) } == [1002])
    simulation.run(active: [])
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(try simulation.transmitted().contains { Talk.number($0) == 1001 })
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.owners[2].starts == 2)
    #expect(report.owners.map(\.starts) == [1, 1, 2])
  }

  @Test(arguments: [false, true])
  func `what arrives after its return is answered, whatever it did to its queues before`(
    isP4080: Bool
  ) throws {
    // The third one belongs to whoever takes in what arrives, on a P4080 for others, too.
    let owner = isP4080 ? 0 : 2
    let target = isP4080 ? Talk.host : Talk.guest2
    let frames = (0..<60 as Range<UInt64>).map { Talk.frame(to: target, number: $0) }
    let simulation = try Simulation(
      Talk.configuration(isP4080: isP4080), frames: frames, rate: 1000)
    let client = QueueClient(simulation, owner: owner)
    let queue: UInt32 = isP4080 ? 16 : 208
    _ = client.result(0x4a, queue)
    let transmit: UInt32 = isP4080 ? 2 : 201
    _ = client.result(0x4a, transmit)
    let guest = try Self.restart(owner, in: simulation)
    var received = 0
    var isBusy = true
    simulation.engine.control.setInput(true)
    for _ in 0..<300 {
      isBusy = guest.step()
      _ = simulation.engine.round()
      simulation.clock.advance(milliseconds: 1)
      received += isBusy ? 1 : 0
    }
    #expect(received > 0)
    #expect(try simulation.transmitted().count > 0)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a return waits until what was sent has left, as it lies in memory that is given up`()
    throws
  {
    let simulation = try Simulation()
    // Nobody can take what is on its way to guest1: all its buffers are in its hands.
    let held = (0..<64).compactMap { _ in
      simulation.guests[1].session.portals[0].acquire(from: 2)?.take()
    }
    try #require(held.count == 64)
    #expect(simulation.guests[2].send(Talk.frame(to: Talk.guest1, number: 7), to: 203))
    simulation.engine.round()
    simulation.engine.control.markGone(owner: 2)
    simulation.engine.round()
    try simulation.engine.bringBack(owner: 2)
    for _ in 0..<5 { simulation.engine.round() }
    #expect(simulation.engine.control.isGone(owner: 2))
    // It is given up in time, and then the owner is back.
    simulation.run(active: [])
    #expect(!simulation.engine.control.isGone(owner: 2))
    #expect(simulation.dropped(.poolDepleted, 1) == 1)
    #expect(simulation.freeBuffers == [64, 0, 64])
  }

  @Test func `what arrives for others waits while the memory of whoever takes it in is exchanged`()
    throws
  {
    let frames = (0..<20 as Range<UInt64>).map { Talk.frame(to: Talk.guest1, number: $0) }
    let simulation = try Simulation(Talk.configuration(isP4080: true), frames: frames)
    let engine = simulation.engine
    // A frame of the host's is on its way to guest1, all of whose buffers are in its hands.
    let held = (0..<64).compactMap { _ in
      simulation.guests[1].session.portals[0].acquire(from: 2)?.take()
    }
    try #require(held.count == 64)
    #expect(simulation.guests[0].send(Talk.frame(to: Talk.guest1, number: 99), to: 5))
    engine.round()
    engine.control.markGone(owner: 0)
    engine.round()
    try engine.bringBack(owner: 0)
    engine.control.setInput(true)
    for _ in 0..<20 { engine.round() }
    #expect(engine.control.isGone(owner: 0))
    #expect(engine.counters.value(.received, 0) == 0, "the host's memory is given up")
    simulation.run(active: [])
    #expect(!engine.control.isGone(owner: 0))
    #expect(engine.counters.value(.received, 0) == 20)
  }

  @Test func `a congestion group does what the plan says again`() throws {
    let client = try QueueClient([2: .init(congestionGroups: [40])])
    let engine = client.simulation.engine
    // Two frames: mantissa 2, exponent 0.
    #expect(
      client.writeGroup(
        40, verb: 0x50, [(0x02, 26, QueueClient.big(2 << 5, 2)), (0x01, 28, [1])]) == 0xf0)
    let changed = engine.tables.qman.groups.base[40].limit
    #expect(changed == 2)
    _ = try Self.restart(2, in: client.simulation)
    let limit = engine.tables.qman.groups.base[40].limit
    #expect(limit == 0)
    #expect(
      engine.tables.qman.groups.base[40].belongs(to: 2), "it is still its owner's")
  }

  @Test func `a return that is given up does not happen`() throws {
    let simulation = try Simulation()
    simulation.engine.control.markGone(owner: 2)
    simulation.engine.round()
    try simulation.engine.bringBack(owner: 2)
    #expect(simulation.engine.giveUpReturn(owner: 2))
    #expect(!simulation.engine.giveUpReturn(owner: 2))
    simulation.run(active: [])
    #expect(simulation.engine.control.isGone(owner: 2))
    #expect(simulation.engine.pasts[2].lives == 0)
    #expect(simulation.guests[1].send(Talk.frame(to: Talk.guest2, number: 1), to: 105))
    simulation.run(active: [])
    #expect(simulation.dropped(.ownerGone, 2) == 1)
    // Another one does.
    try simulation.engine.bringBack(owner: 2)
    simulation.run(active: [])
    #expect(!simulation.engine.control.isGone(owner: 2))
    #expect(!simulation.engine.giveUpReturn(owner: 2))
    #expect(try simulation.report().owners[2].starts == 2)
  }

  @Test func `frames that a life did not count stay lost in the report`() throws {
    let frames = (0..<10 as Range<UInt64>).map { Talk.frame(to: Talk.guest2, number: $0) }
    let simulation = try Simulation(frames: frames)
    // Delivered, and never looked at.
    simulation.run(active: [])
    let guest = try Self.restart(2, in: simulation)
    #expect(simulation.guests[1].send(Talk.frame(to: Talk.guest2, number: 99), to: 105))
    simulation.run(active: [])
    #expect(guest.take().count == 1)
    simulation.run(active: [])
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.owners[2].lost == 10)
    #expect(report.owners[2].received == 1)
    #expect(report.balance.lost == 10)
    #expect(report.text.contains("started 2 times"))
  }

  @Test func `numbers that a life made up are told, and are not those of the next`() throws {
    let simulation = try Simulation()
    simulation.guests[2].session.status.setCounter(
      GuestStatus.Counter.received.offset, 1_000_000)
    simulation.guests[2].session.status.setCounter(GuestStatus.Counter.sent.offset, .max)
    _ = try Self.restart(2, in: simulation)
    let report = try simulation.report()
    #expect(
      report.discrepancies == [
        "frames delivered to guest2 before it was started again, and what it counted: 0 against "
          + "1000000"
      ])
    #expect(report.owners[2].received == 0)
    #expect(report.owners[2].sent == 0)
  }

  @Test func `a thousand lives leave nothing behind`() throws {
    let simulation = try Simulation()
    for number in 0..<1000 as Range<UInt64> {
      let guest = try Self.restart(2, in: simulation)
      _ = guest.session.portals[0].acquire(from: 3)?.take()
      #expect(guest.send(Talk.frame(to: Talk.stranger, number: number), to: 201))
      #expect(simulation.guests[1].send(Talk.frame(to: Talk.guest2, number: number), to: 105))
    }
    simulation.engine.control.markGone(owner: 2)
    simulation.run(active: [])
    #expect(simulation.freeBuffers == [64, 64, 64])
    let report = try simulation.report(endings: [2: "killed by signal 9"])
    #expect(report.discrepancies == [])
    #expect(report.owners[2].starts == 1001)
    #expect(report.balance.toWire == 1000)
  }

  @Test func `who comes back leads queues to a port as in its last life`() throws {
    let simulation = try Simulation(Talk.configuration())
    #expect(QueueClient(simulation).initialize(250, channel: 0x800) == 0xf0)
    _ = try Self.restart(2, in: simulation)
    #expect(QueueClient(simulation).initialize(250, channel: 0x800) == 0xf0)
  }

  @Test func `nobody comes back while a port's work queue leads through a queue of his`() throws {
    let simulation = try Simulation(Talk.configuration())
    // Empty, and yet to be served at its turn.
    simulation.engine.tables.qman.queues.base[201].state = .trulyScheduled
    simulation.engine.control.markGone(owner: 2)
    simulation.engine.round()
    try simulation.engine.bringBack(owner: 2)
    for _ in 0..<10 { simulation.engine.round() }
    #expect(simulation.engine.control.isGone(owner: 2))
    simulation.engine.tables.qman.queues.base[201].state = .tentativelyScheduled
    simulation.engine.round()
    #expect(!simulation.engine.control.isGone(owner: 2))
  }
}
