import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// Guests that end in the midst of everything.
@Suite(.timeLimit(.minutes(10))) struct GoneGuestTests {
  private static func frames(_ count: UInt64) -> [[UInt8]] {
    let targets = [Talk.host, Talk.guest1, Talk.guest2]
    return (0..<count).map { Talk.frame(to: targets[Int($0 % 3)], number: $0) }
  }

  @Test(arguments: [false, true], [1, 7, 40, 200])
  func `what a killed guest held comes back, and only its own frames are lost`(
    isP4080: Bool, end: Int
  ) throws {
    let simulation = try Simulation(
      Talk.configuration(isP4080: isP4080), frames: Self.frames(900), rate: 6000)
    // Until it ends it answers now and then, and keeps two buffers to itself.
    for _ in 0..<2 { _ = simulation.guests[2].session.portals[0].acquire(from: 3)?.take() }
    simulation.run(active: [0, 1]) { round in
      if round < end, round % 14 == 3 { _ = simulation.guests[2].step() }
      if round == end { simulation.engine.control.markGone(owner: 2) }
    }
    #expect(simulation.engine.control.isReclaimed(owner: 2))
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(simulation.engine.counters.value(.reclaimed, 2) >= 2)
    let report = try simulation.report(endings: [2: "killed by signal 9"])
    #expect(report.discrepancies == [])
    let dead = report.owners[2]
    let dropped = simulation.dropped(.ownerGone, 2) + simulation.dropped(.poolDepleted, 2)
    #expect(dead.received + dead.lost + dropped == 300)
    #expect(simulation.dropped(.ownerGone, 2) > 0 || end == 200)
    #expect(simulation.dropped(.poolDepleted, 0) + simulation.dropped(.poolDepleted, 1) == 0)
    #expect(dead.ending == "killed by signal 9")
    let replies = try simulation.transmitted().map { Talk.number($0) }
    #expect(Set(replies.filter { $0 % 3 != 2 }) == Set((0..<900).filter { $0 % 3 != 2 }))
    #expect(Set(replies).count == replies.count)
    #expect(report.text.contains("killed by signal 9"))
  }

  @Test func `frames that a killed guest sent still leave`() throws {
    let simulation = try Simulation()
    for number in 0..<5 as Range<UInt64> {
      let isSent = simulation.guests[2].send(
        Talk.frame(to: Talk.stranger, number: number), to: number < 3 ? 201 : 203)
      #expect(isSent)
    }
    simulation.engine.control.markGone(owner: 2)
    simulation.run(active: [])
    #expect(try simulation.transmitted().count == 3)
    #expect(simulation.guests[1].take().map { Talk.number($0.bytes) } == [3, 4])
    simulation.run(active: [])
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test(arguments: [0x4e, 0x4a] as [UInt8])
  func `frames leave a queue that a killed guest had stopped, or had begun to retire`(
    verb: UInt8
  ) throws {
    let simulation = try Simulation(
      Talk.configuration(rings: RingSizes(enqueue: 64, dequeue: 64)))
    let client = QueueClient(simulation)
    let buffers = (0..<6).flatMap { _ in client.portal.acquire(8, from: 3) }
    for address in buffers {
      client.portal.enqueue(
        RawPortal.enqueueCommand(RawPortal.descriptor(bpid: 3, address: address), to: 201))
    }
    // Frames and command are its last words, taken in one round.
    simulation.engine.control.markGone(owner: 2)
    #expect([0xf0, 0xf8].contains(client.result(verb, 201)))
    simulation.run(active: [])
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(try simulation.transmitted().count == 48)
  }

  @Test func `frames on a link to a killed guest are dropped at its charge`() throws {
    let simulation = try Simulation()
    simulation.engine.control.markGone(owner: 2)
    simulation.run(active: [])
    #expect(simulation.guests[1].send(Talk.frame(to: Talk.guest2, number: 1), to: 105))
    simulation.run(active: [])
    #expect(simulation.dropped(.ownerGone, 2) == 1)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `what a killed guest writes afterwards is not looked at`() throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    let buffer = try #require(portal.acquire(1, from: 3).first)
    simulation.engine.control.markGone(owner: 2)
    simulation.engine.round()
    portal.enqueue(
      RawPortal.enqueueCommand(RawPortal.descriptor(bpid: 3, address: buffer), to: 201))
    portal.release(verb: 0x21, [(3, buffer)])
    #expect(portal.qmanCommand([0x45, 0, 0, 0, 0, 0, 0, 201])[0] == 0)
    #expect(portal.acquire(1, from: 3).isEmpty)
    #expect(!simulation.engine.round())
    #expect(simulation.engine.counters.value(.taken, 2) == 0)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `all guests may end`() throws {
    let simulation = try Simulation(frames: Self.frames(90))
    simulation.run(active: [0]) { round in
      if round == 1 { for owner in 0..<3 { simulation.engine.control.markGone(owner: owner) } }
    }
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(simulation.engine.control.areInputsDone)
    let report = try simulation.report(endings: [0: "a", 1: "b", 2: "c"])
    #expect(report.discrepancies == [])
    #expect(report.balance.fromWire == 90)
  }
}
