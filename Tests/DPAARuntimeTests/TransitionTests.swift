import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// A new configuration in the place of one that runs.
@Suite(.timeLimit(.minutes(10))) struct TransitionTests {
  private static func frames(_ count: UInt64, _ targets: [UInt32]) -> [[UInt8]] {
    (0..<count).map { Talk.frame(to: targets[Int($0) % targets.count], number: $0) }
  }
  private static let everybody = [Talk.host, Talk.guest1, Talk.guest2]

  @Test func `who goes on keeps rings, buffers and what waits in its queues`() throws {
    let simulation = try Simulation(
      Talk.apart(), frames: Self.frames(120, Self.everybody), rate: 2000)
    let engine = simulation.engine
    let guest = simulation.guests[1]
    // Two buffers in its hands, frames on its rings, more in its queues, and one that it has just sent.
    let first = try need(guest.session.portals[0].acquire(from: 2))
    let second = try need(guest.session.portals[1].acquire(from: 2))
    simulation.run(active: [0, 2])
    #expect((1..<40).contains(engine.counters.value(.delivered, 1)))
    let isSent = guest.send(Talk.frame(to: Talk.stranger, number: 900), to: 101)
    #expect(isSent)
    let memory = engine.memory[1].window.memory
    let before = engine.counters.value(.delivered, 1)

    let fates = try simulation.apply(Talk.apart(without: ["guest2"], third: true))
    #expect(fates == [.untouched, .untouched, .removed, .added])
    #expect(engine.memory[1].window.memory == memory)
    #expect(engine.configuration.owners.map(\.name) == ["host", "guest1", "guest2", "guest3"])
    #expect(engine.counters.value(.delivered, 1) >= before)

    var numbers: [UInt64] = []
    for _ in 0..<200 {
      engine.round()
      numbers += guest.take().map { Talk.number($0.bytes) }
    }
    #expect(numbers.sorted() == (0..<120).filter { $0 % 3 == 1 })
    guest.release(first)
    guest.release(second, on: 1)
    simulation.run(active: [0, 1])
    #expect(simulation.freeBuffers == [64, 64, 32])
    let sent = try simulation.transmitted().map { Talk.number($0) }
    #expect(sent.count { $0 == 900 } == 1)
    #expect(try simulation.report().discrepancies == [])
  }

  @Test(arguments: [1, 9, 30, 90])
  func `in mid-traffic one guest goes, another comes, and the others lose nothing`(at: Int) throws {
    let simulation = try Simulation(
      Talk.apart(), frames: Self.frames(600, Self.everybody + [Talk.guest3]), rate: 4000)
    var third: Guest?
    simulation.run(active: [0, 1]) { round in
      if round < at { _ = simulation.guests[2].step() }
      if round == at {
        do {
          try simulation.apply(Talk.apart(without: ["guest2"], third: true))
          third = try Guest(simulation.engine, owner: 3, isInline: true)
        } catch {
          Issue.record(error)
        }
      }
      _ = third?.step()
    }
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.balance.isEven)
    #expect(simulation.freeBuffers == [64, 64, 32])
    #expect(simulation.dropped(.ownerGone, 0) + simulation.dropped(.poolDepleted, 1) == 0)
    let replies = try simulation.transmitted().map { Talk.number($0) }
    #expect(Set(replies).count == replies.count)
    // Before, the third one's frames were the host's; afterwards, the second one's are.
    let kept = replies.filter { $0 % 4 != 2 }
    #expect(kept.sorted() == (0..<600).filter { $0 % 4 != 2 })
    #expect(report.owners[3].received > 0)
    #expect(report.owners[2].name == "guest2")
  }

  @Test func `a guest that is restarted begins with new regions and counts on`() throws {
    let simulation = try Simulation(
      Talk.apart(), frames: Self.frames(90, Self.everybody), rate: 3000)
    let held = try need(simulation.guests[2].session.portals[0].acquire(from: 3)).take()
    _ = held
    simulation.run(active: [0, 1])
    let old = simulation.engine.memory[2].window.memory
    let fates = try simulation.apply(Talk.apart(), restarting: ["guest2": "so it is wanted"])
    #expect(fates == [.untouched, .untouched, .restarted("so it is wanted")])
    #expect(simulation.engine.memory[2].window.memory != old)
    #expect(simulation.freeBuffers == [64, 64, 64])
    let guest = try Guest(simulation.engine, owner: 2, isInline: true)
    let isSent = guest.send(Talk.frame(to: Talk.stranger, number: 901), to: 201)
    #expect(isSent)
    simulation.run(active: [0, 1])
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.owners[2].sent == 1)
    #expect(report.owners[2].starts == 2)
    #expect(report.owners[2].lost + simulation.dropped(.ownerGone, 2) == 30)
    #expect(report.owners[2].reclaimed >= 1)
  }

  @Test func `the host starts anew, and guests whose buffers no frame in pieces was ever in go on`()
    throws
  {
    let simulation = try Simulation(
      Talk.apart(), frames: Self.frames(90, [Talk.guest1, Talk.guest2]), rate: 3000)
    simulation.run(active: [1])
    var next = Talk.apart()
    next.owners[0].cpus = [11]
    #expect(
      try simulation.apply(next) == [.restarted("its CPUs are others"), .untouched, .untouched])
    _ = try Guest(simulation.engine, owner: 0, isInline: true)
    simulation.run(active: [1, 2])
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.owners[2].received > 0)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a pool channel that is another's now is not led to by who had it before`() throws {
    var before = Talk.apart()
    before.queueing[1] = .init(poolChannels: [0x401])
    var next = Talk.apart()
    next.queueing[2] = .init(poolChannels: [0x401])
    let change = try ConfigurationChange(from: before, to: next)
    #expect(change.fates[1] == .restarted("pool channel 0x401 is not its own any more"))
  }

  @Test func `a queue leaves a congestion group that is another's now, and others stay in theirs`()
    throws
  {
    var configuration = Talk.apart()
    configuration.queueing[2] = .init(congestionGroups: [5, 6])
    let simulation = try Simulation(configuration)
    let client = QueueClient(simulation)
    for (queue, group) in [(250, 5), (251, 6)] as [(UInt32, UInt8)] {
      let result = client.initialize(
        queue, control: UInt32(QueueControl.congestionGroup), fields: [(0x40, 11, [group])])
      #expect(result == 0xf0)
    }
    var next = Talk.apart()
    next.queueing[1] = .init(congestionGroups: [5])
    next.queueing[2] = .init(congestionGroups: [6])
    #expect(try simulation.apply(next).allSatisfy(\.goesOn))
    func isGrouped(_ queue: Int) -> Bool {
      simulation.engine.tables.qman.queues.base[queue].control & QueueControl.congestionGroup != 0
    }
    #expect(!isGrouped(250))
    #expect(isGrouped(251))
  }

  @Test func `a compound request that waits is served as before when pools have other places`()
    throws
  {
    func configuration(without gone: Set<String>) -> RuntimeConfiguration {
      var configuration = Talk.apart(without: gone)
      configuration.queueing[gone.isEmpty ? 2 : 1] = AcceleratorTests.configuration().queueing[2]
      return configuration
    }
    let asker = try AcceleratorTests.Asker(configuration(without: []))
    let held = asker.portal.acquire(2, from: 3)
    asker.write(
      RawPortal.entry(held[1], 100, offset: 8)
        + RawPortal.entry(held[1], 9, offset: 64, isFinal: true), at: held[0] + 128)
    asker.write(Array("backwards".utf8), at: held[1] + 64)
    // It waits, as its queue is stopped.
    _ = asker.client.command(0x4e, asker.request)
    asker.ask(asker.compound(held[0] + 128))
    #expect(asker.answer() == nil)
    try asker.simulation.apply(configuration(without: ["guest1"]))
    _ = asker.client.command(0x4d, asker.request)
    asker.client.step(3)
    let answer = try #require(asker.answer())
    #expect(answer.status == 0)
    #expect(asker.read(9, at: held[1] + 8) == "backwards".utf8.reversed())
  }

  @Test func `there and back again is as before`() throws {
    let simulation = try Simulation(Talk.apart(), frames: Self.frames(90, Self.everybody))
    simulation.run()
    let old = simulation.engine.configuration
    try simulation.apply(Talk.apart(without: ["guest2"], third: true))
    let fates = try simulation.apply(old)
    #expect(fates == [.untouched, .untouched, .added, .removed])
    #expect(simulation.engine.configuration.owners.map(\.portals.count) == [1, 2, 1, 0])
    let guest = try Guest(simulation.engine, owner: 2, isInline: true)
    let isSent = guest.send(Talk.frame(to: Talk.stranger, number: 902), to: 201)
    #expect(isSent)
    simulation.run(active: [0, 1])
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.owners[2].received == 30)
    #expect(report.owners[2].sent == 31)
    #expect(report.owners[2].starts == 2)
    // By way, too, whatever had its places in between.
    let page = simulation.engine.memory[2].status.memory
    #expect(page.counter(GuestStatus.received(path: 0)) == 30)
  }

  @Test func `queues that are served otherwise are emptied, and what nobody takes is counted`()
    throws
  {
    let simulation = try Simulation(
      Talk.apart(), frames: Self.frames(90, [Talk.guest2, Talk.guest1]), rate: 9000)
    simulation.run(active: [0])
    let waiting = 45 - simulation.engine.counters.value(.delivered, 2)
    #expect(waiting > 0)
    var next = Talk.apart()
    next.queueing[2] = RuntimeConfiguration.QueueingGrant(
      pathQualities: [PathQuality(receive: 5, transmit: 3)])
    #expect(try simulation.apply(next) == [.untouched, .untouched, .drained])
    #expect(simulation.dropped(.planChanged, 2) == waiting)
    #expect(simulation.dropped(.planChanged, 1) == 0)
    simulation.run()
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.owners[1].received == 45)
    #expect(report.owners[2].received == 45 - waiting)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `what waits for its turn and frames in pieces go on when places change`() throws {
    let frame = Talk.frame(to: Talk.guest2, number: 7, size: 5000)
    let simulation = try Simulation(Talk.apart(), frames: [frame])
    let client = QueueClient(simulation)
    // The frame from the wire stays in its queue.
    client.portal.setRegister(0x54, 0)
    client.initialize(300, scheduled: false)
    client.initialize(310, scheduled: false, control: 0x0100, fields: [(0x80, 10, [0])])
    func send(_ number: UInt16) throws {
      var command = try client.enqueueCommand(to: 300, verb: 0x03)
      command.replaceSubrange(2..<4, with: QueueClient.big(UInt32(number), 2))
      command.replaceSubrange(4..<8, with: QueueClient.big(310, 4))
      client.portal.enqueue(command)
      client.step()
    }
    try send(1)
    try send(2)
    simulation.run(active: [0, 1])
    #expect(client.count(300) == 0)
    // Its portal and its pool stand where guest1's stood.
    let fates = try simulation.apply(Talk.apart(without: ["guest1"]))
    #expect(fates == [.untouched, .removed, .untouched])
    #expect(client.count(300) == 0)
    try send(0)
    #expect(client.count(300) == 3)
    client.portal.setRegister(0x54, 0x2100_8000)
    client.step(3)
    let entry = try #require(client.portal.dequeue())
    #expect(entry[17] == 3)
    #expect(RawPortal.number(entry[24..<28]) & 0xf_ffff == 5000)
    client.portal.release(verb: 0x21, [(3, RawPortal.address(entry[16..<24]))])
    simulation.engine.control.markGone(owner: 2)
    simulation.run(active: [0])
    #expect(simulation.freeBuffers == [64, 64])
  }

  @Test func `what a run cannot do while it goes on is refused, with what to do instead`() throws {
    let simulation = try Simulation(Talk.apart())
    func refusal(_ change: (inout RuntimeConfiguration) -> Void) -> String {
      var next = Talk.apart()
      change(&next)
      do {
        try simulation.apply(next)
        return "none"
      } catch { return "\(error)" }
    }
    #expect(refusal { $0.interfaces[0].name = "fm1-10g1" }.contains("fm1-10g1 is new"))
    #expect(refusal { $0.interfaces = [] }.contains("fm1-10g0 is gone"))
    #expect(refusal { $0.owners[0].name = "boss" }.contains("start the run anew"))
    #expect(refusal { $0.owners[1].queues = [] }.contains("are not guest1's"))
    #expect(refusal { _ in } == "none")
    #expect(simulation.engine.configuration.owners.count == 3)
  }

  @Test func `who was told something else has to start again`() throws {
    var next = Talk.apart()
    next.owners[1].paths[0].transmit = 110
    next.owners[2].program = .sink
    let change = try ConfigurationChange(
      from: Talk.apart(), to: next)
    #expect(
      change.fates == [
        .untouched, .restarted("it was told of paths that are others now"),
        .restarted("what its program was told is another"),
      ])
  }

  @Test func `an engine on its own thread goes over without a pause of its guests' service`() throws
  {
    let engine = try Engine(Talk.apart())
    let guest = try Guest(engine, owner: 1, isInline: false)
    engine.start()
    for third in [true, false, true] {
      let change = try ConfigurationChange(
        from: engine.configuration, to: Talk.apart(third: third))
      try engine.apply(change)
      #expect(engine.isRunning)
      // A command is answered by the engine's thread.
      #expect(guest.frameCount(of: 128) == 0)
    }
    engine.join()
  }

  @Test func `a policer of two frame managers goes on in each as it was`() throws {
    func plan(_ more: String) -> String {
      """
      board: t4240qds
      partitions:
        host: { cpus: 0-1, memory: 1 GiB, portals: 1, queues: 1-99, pools: [ {id: 1, buffers: 128, size: 2 KiB} ] }
        guest: { cpus: 2-3, memory: 1 GiB, portals: 1, queues: 100-199, pools: [ {id: 2, buffers: 128, size: 2 KiB} ] }
      \(more)
      policers:
        gold: { count: frames, committed-rate: 1 frames/s, committed-burst: 5, excess-rate: 1 frames/s,
                excess-burst: 5 }
      interfaces:
        fm1-10g0: { policer: gold, otherwise: guest }
        fm2-10g0: { policer: gold, otherwise: guest }

      """
    }
    let frames = (0..<8).map { Talk.frame(to: Talk.guest1, number: UInt64($0)) }
    let world = try ChainWorld(plan(""), frames: ["fm1-10g0": frames])
    world.run(20)
    let before = world.engine.policerCounts()
    #expect(before.count == 2)
    #expect(Set(before.map { $0.reduce(0, +) }) == [0, 8])
    let next = try ChainWorld.configuration(
      plan(
        "  other: { cpus: 4-5, memory: 1 GiB, portals: 1, queues: 200-299, pools: [ {id: 3, buffers: 128, size: 2 KiB} ] }"
      ))
    let change = try ConfigurationChange(from: world.engine.configuration, to: next)
    world.engine.apply(try EngineSuccessor(to: world.engine, change), patience: 2_000_000)
    #expect(world.engine.policerCounts() == before)
  }
}
