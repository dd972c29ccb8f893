import DPAAPortal
import DPAARuntime
import Glibc
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

/// The six flows of the talk, end to end on the test's own thread.
@Suite(.timeLimit(.minutes(10))) struct FlowTests {
  static let mixed: [[UInt8]] = [
    Frame.ethernet(.arp(for: Talk.host)),
    Frame.ethernet(.ipv4(to: Talk.host, .icmp([1, 2, 3]))),
    Frame.ethernet(.ipv4(to: Talk.guest1, .tcp(to: 80, [4, 5]))),
    Frame.ethernet(.vlan(7, .ipv4(to: Talk.guest1, .udp(to: 53, [6])))),
    Frame.ethernet(.vlan(2, type: 0x88a8, .vlan(7, .ipv4(to: Talk.guest2, .udp(to: 53))))),
    Frame.ethernet(.ipv4(to: Talk.guest2, .udp(to: 53), fragment: 0, isFragment: true)),
    Frame.ethernet(.ipv4(to: Talk.guest2, .raw(17, [9, 9]), fragment: 8)),
    Frame.ethernet(.ipv6(to: (0xfd00_0001 << 32, 0x11), .udp(to: 53))),
    Frame.ethernet(.ipv6(to: (0xfd00_0002 << 32, 0x99), .tcp(to: 443))),
    Frame.ethernet(.ipv6(to: (0xfd00_0002 << 32 | 1, 0x99), .tcp(to: 443))),
    Frame.ethernet(.ipv4(to: Talk.stranger, .udp(to: 53))),
    Frame.ethernet(.raw(0x88cc, [1, 2, 3])),
  ]
  /// Who gets each of them.
  static let owners = [0, 0, 1, 1, 2, 2, 2, 1, 2, 0, 0, 0]

  @Test(arguments: [false, true])
  func `every frame reaches its owner's queues in its owner's pool, unchanged`(
    isP4080: Bool
  ) throws {
    let simulation = try Simulation(
      Talk.configuration(isP4080: isP4080), frames: Self.mixed)
    simulation.run(active: [])
    for (owner, guest) in simulation.guests.enumerated() {
      let expected = zip(Self.mixed, Self.owners).filter { $0.1 == owner }.map(\.0)
      let received = guest.take()
      #expect(Set(received.map(\.bytes)) == Set(expected))
      #expect(received.count == expected.count)
      for frame in received {
        #expect(Talk.receive[owner].contains(frame.queue))
        #expect(frame.path == 0)
        #expect(Int(frame.descriptor.bpid.rawValue) == owner + 1)
        #expect(guest.owns(frame.descriptor.address))
        #expect(frame.descriptor.liodnOffset == [1, 0x85, 0x143][owner])
      }
    }
    simulation.run(active: [])
    #expect(simulation.freeBuffers == [64, 64, 64])
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.balance.toGuests == 12)
  }

  @Test(arguments: [false, true], [RingSizes.hardware, RingSizes(enqueue: 64, dequeue: 64)])
  func `replies leave with their addresses swapped and every buffer comes back`(
    isP4080: Bool, rings: RingSizes
  ) throws {
    let frames = (0..<500).map { number in
      Talk.frame(
        to: [Talk.host, Talk.guest1, Talk.guest2][Int(number % 3)], number: number,
        size: 64 + Int(number))
    }
    let simulation = try Simulation(
      Talk.configuration(isP4080: isP4080, rings: rings), frames: frames)
    simulation.run()
    let replies = try simulation.transmitted()
    #expect(replies.count == frames.count)
    for reply in replies {
      let request = frames[Int(Talk.number(reply))]
      #expect(Array(reply[0..<6]) == Array(request[6..<12]))
      #expect(Array(reply[6..<12]) == Array(request[0..<6]))
      #expect(Array(reply[26..<30]) == Array(request[30..<34]))
      #expect(Array(reply[30..<34]) == Array(request[26..<30]))
      #expect(Array(reply[34..<36]) == Array(request[36..<38]))
      #expect(Array(reply[42...]) == Array(request[42...]))
      #expect(Frame.checksum(Array(reply[14..<34])) == 0)
    }
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(try simulation.report().isConserved)
  }

  @Test func `frames of one flow stay in one queue and in order`() throws {
    let frames = (0..<300).map { number -> [UInt8] in
      let flow = number % 5
      let data = Frame.big(number)
      return Frame.ethernet(.ipv4(to: Talk.guest1, .udp(to: 7, from: UInt16(2000 + flow), data)))
    }
    let simulation = try Simulation(frames: frames)
    var received: [Guest.Received] = []
    simulation.run(active: []) { _ in received += simulation.guests[1].take() }
    #expect(received.count == frames.count)
    for flow in 0..<5 as Range<UInt64> {
      let own = received.filter { Talk.number($0.bytes) % 5 == flow }
      #expect(Set(own.map(\.queue)).count == 1)
      #expect(own.map { Talk.number($0.bytes) } == (0..<60).map { $0 * 5 + flow })
    }
    #expect(Set(received.map(\.queue)).count > 1, "five flows share one queue of 64")
  }

  @Test(arguments: [false, true])
  func `a link copies each frame into the receiver's pool`(isP4080: Bool) throws {
    let simulation = try Simulation(Talk.configuration(isP4080: isP4080))
    let message = Talk.frame(to: Talk.guest2, number: 77, size: 700)
    #expect(simulation.guests[1].send(message, to: 105))
    #expect(simulation.guests[2].send(message, to: 203))
    #expect(simulation.guests[0].send(message, to: 5))
    simulation.run(active: [])
    let atGuest2 = simulation.guests[2].take()
    #expect(atGuest2.map(\.bytes) == [message])
    #expect(atGuest2.map(\.queue) == [202])
    #expect(atGuest2.map(\.path) == [1])
    #expect(atGuest2.allSatisfy { simulation.guests[2].owns($0.descriptor.address) })
    #expect(atGuest2.map(\.descriptor.bpid) == [3])
    let atGuest1 = simulation.guests[1].take()
    #expect(Set(atGuest1.map(\.queue)) == [102, 104])
    #expect(atGuest1.allSatisfy { simulation.guests[1].owns($0.descriptor.address) })
    simulation.run(active: [])
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(simulation.guests[0].take().isEmpty)
  }

  @Test(arguments: [false, true])
  func `sources over links and onto the wire get every frame there`(isP4080: Bool) throws {
    let simulation = try Simulation(
      Talk.configuration(
        isP4080: isP4080,
        programs: [
          .source(.init(path: "guest1", frames: 200, size: 128)), .reflect,
          .source(.init(path: Talk.wire, frames: 150, size: 60)),
        ]))
    simulation.run()
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    let flows = Dictionary(uniqueKeysWithValues: report.flows.map { ("\($0.from)>\($0.to)", $0) })
    #expect(flows["host>guest1"]?.frames == 200)
    #expect(flows["guest1>host"]?.frames == 200)
    #expect(flows["guest2>\(Talk.wire)"]?.frames == 150)
    #expect(try simulation.transmitted().count == 150)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a sink takes all and answers nothing`() throws {
    let frames = (0..<100).map { Talk.frame(to: Talk.guest2, number: $0) }
    let simulation = try Simulation(
      Talk.configuration(programs: [.sink, .sink, .sink]), frames: frames)
    simulation.run()
    let report = try simulation.report()
    #expect(report.isConserved)
    #expect(report.balance.toWire == 0)
    #expect(report.owners.map(\.received) == [0, 0, 100])
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a hop copies once: the host's buffer is free when the guest has its own`() throws {
    let simulation = try Simulation(
      Talk.configuration(isP4080: true), frames: [Talk.frame(to: Talk.guest1, number: 1)])
    simulation.run(active: [])
    // The frame waits on the guest's ring in the guest's buffer.
    #expect(simulation.freeBuffers == [64, 63, 64])
    #expect(simulation.engine.poolStates().map(\.lowestFree) == [63, 63, 64])
    let hop = simulation.engine.usedQueues().first { $0.fqid == 4 }
    #expect(hop?.enqueued == 1)
    #expect(simulation.guests[1].take().count == 1)
  }

  @Test func `an engine on a thread of its own serves guests on another`() throws {
    let frames = (0..<3000).map { number in
      Talk.frame(to: [Talk.host, Talk.guest1, Talk.guest2][Int(number % 3)], number: number)
    }
    let simulation = try Simulation(
      Talk.configuration(
        programs: [.source(.init(path: "guest1", frames: 500, size: 80)), .reflect, .reflect]),
      frames: frames, isInline: false)
    simulation.engine.control.setInput(true)
    simulation.engine.start()
    // Two looks: the engine must have been idle after the guests were.
    var quietSince: UInt64?
    for _ in 0..<10_000_000 {
      let isBusy = simulation.guests.map { $0.step() }.contains(true)
      let rounds = simulation.engine.control.quietRoundCount
      if isBusy || !simulation.engine.control.areInputsDone { quietSince = nil }
      if !isBusy, let quiet = quietSince, rounds > quiet + 1 { break }
      quietSince = quietSince ?? rounds
      sched_yield()
    }
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.owners.map(\.received) == [1500, 1500, 1000])
    #expect(try simulation.transmitted().count == 3000)
  }
}
