import Foundation
import Glibc
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// A guest that routes, on its portals.
@Suite(.timeLimit(.minutes(5))) struct RouterTests {
  private static let mac: UInt64 = 0x0200_0a01_0001
  private static let neighbour: UInt64 = 0x0200_0000_0009

  private static func packet(to destination: UInt32, number: UInt8) -> [UInt8] {
    Frame.ethernet(
      to: mac, .ipv4(to: destination, from: 0x0a01_0007, .udp(to: 7, [number])))
  }

  private static func arp(_ operation: UInt16, from sender: UInt32, _ mac: UInt64) -> [UInt8] {
    Frame.ethernet(
      to: Self.mac, from: mac,
      .raw(
        0x0806,
        [0, 1, 8, 0, 6, 4] + Frame.big(operation) + Frame.big(mac, 6) + Frame.big(sender)
          + Frame.big(Self.mac, 6) + Frame.big(0x0a01_0001 as UInt32)))
  }

  private static func configuration(buffers: [UInt32]) -> RuntimeConfiguration {
    // A router with one arm: what it sends on leaves where it came in.
    let router = GuestProgram.ForwardProgram(
      ways: [
        .init(path: Talk.wire, addresses: [NetworkPrefix(ipv4: 0x0a01_0001, length: 24)])
      ])
    return Talk.configuration(programs: [.forward(router), .sink, .sink], buffers: buffers)
  }

  private static func simulation(
    _ frames: [[UInt8]], buffers: [UInt32] = [64, 64, 64]
  ) throws -> Simulation {
    try Simulation(configuration(buffers: buffers), frames: frames)
  }

  @Test func `packets wait for their neighbour, leave in their order, and everything is counted`()
    throws
  {
    let packets = (0..<10).map { Self.packet(to: 0x0a01_0009, number: $0) }
    let simulation = try Self.simulation(
      Array(packets[..<5]) + [Self.arp(2, from: 0x0a01_0009, Self.neighbour)] + packets[5...])
    simulation.run()
    let sent = try simulation.transmitted()
    // One question, however many packets wait.
    #expect(sent.count == 11)
    #expect(sent[0][12..<14] == [8, 6])
    #expect(sent[0][38..<42] == [10, 1, 0, 9])
    #expect(sent.dropFirst().map { $0[42] } == (0..<10).map { UInt8($0) })
    for frame in sent.dropFirst() {
      #expect(Array(frame[0..<12]) == Frame.big(Self.neighbour, 6) + Frame.big(Self.mac, 6))
      #expect(frame[22] == 63)
    }
    #expect(simulation.freeBuffers == [64, 64, 64])
    let report = try simulation.report()
    #expect(report.isConserved, "\(report.discrepancies)")
    #expect(
      report.owners[0].counts.map { "\($0.count) \($0.name)" }
        == ["10 forwarded", "1 asked", "1 ignored"])
  }

  @Test func `who sent what has waited in vain is told, and who sends to the same neighbour then`()
    throws
  {
    // The sender is a neighbour, too: the answer goes back to where the packet came from.
    let packets = (0..<3).map { Self.packet(to: 0x0a01_0009, number: $0) }
    let simulation = try Self.simulation(Array(packets[..<2]))
    simulation.run(active: [])
    let guest = simulation.guests[0]
    guard case .forward(let settings) = guest.session.grant.program else {
      Issue.record("the guest is no router")
      return
    }
    // By hand, as time is to be made here.
    var router = try ForwardProgram(settings, guest.session.grant)
    func takeAll(at milliseconds: UInt64) {
      router.begin(at: 1_000_000_000 + milliseconds * 1_000_000)
      while let buffer = guest.session.portals[0].dequeue() {
        let path = guest.session.noteArrival(buffer) ?? 0
        router.handle(buffer, path: path, portal: 0, of: &guest.session)
      }
      _ = router.settle(&guest.session)
      simulation.run(active: [])
    }
    for milliseconds in [0, 1100, 2200, 2999] as [UInt64] { takeAll(at: milliseconds) }
    var isWaiting = router.isWaiting
    #expect(isWaiting)
    takeAll(at: 3001)
    isWaiting = router.isWaiting
    #expect(!isWaiting)
    let sent = try simulation.transmitted()
    // Three questions before that.
    #expect(sent.map { $0[12..<14] == [8, 6] } == [true, true, true, false, false])
    for (frame, packet) in zip(sent.dropFirst(3), packets) {
      #expect(Array(frame[0..<12]) == Array(packet[6..<12]) + Frame.big(Self.mac, 6))
      #expect(frame[30..<34] == packet[26..<30])
      #expect(frame[34...35] == [3, 1])
      #expect(frame[58..<62] == packet[30..<34])
    }
    let status = simulation.engine.memory[0].status.memory
    #expect(status.counter(GuestStatus.Counter.unresolved.offset) == 2)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `more packets than it keeps for silent neighbours are dropped and counted`() throws {
    let simulation = try Self.simulation(
      (0..<50).map { Self.packet(to: 0x0a01_0010 + UInt32($0), number: 0) })
    simulation.run()
    let status = simulation.engine.memory[0].status.memory
    #expect(status.counter(GuestStatus.Counter.unresolved.offset) == 18)
    #expect(status.counter(GuestStatus.Counter.asked.offset) == 50)
    #expect(simulation.freeBuffers == [32, 64, 64])
    // Asked to drain, it gives up what waits.
    simulation.guests[0].stop()
    simulation.run()
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(status.counter(GuestStatus.Counter.unresolved.offset) == 50)
  }

  @Test func `what waits leaves buffers for the question it waits for`() throws {
    let simulation = try Self.simulation(
      (0..<32).map { Self.packet(to: 0x0a01_0009, number: $0) }, buffers: [32, 64, 64])
    simulation.run()
    let status = simulation.engine.memory[0].status.memory
    #expect(status.counter(GuestStatus.Counter.asked.offset) == 1)
    #expect(status.counter(GuestStatus.Counter.unresolved.offset) == 16)
    #expect(simulation.freeBuffers == [16, 64, 64])
    simulation.guests[0].stop()
    simulation.run()
    #expect(simulation.freeBuffers == [32, 64, 64])
  }

  @Test func `a router that ends without having been asked to drain gives back what waits`() throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let frames = (0..<32).map { Self.packet(to: 0x0a01_0009, number: $0) }
    let capture = try directory.write(
      "in.pcap", Data(Frame.capture(frames.map { ($0, $0.count) })))
    let configuration = Self.configuration(buffers: [32, 64, 64])
    let engine = try Engine(
      configuration, options: EngineOptions(replays: [Talk.wire: capture]))
    var pair: [Int32] = [-1, -1]
    #expect(
      socketpair(
        AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0)
    defer { close(pair[0]) }
    var guest = GuestSession(
      grant: try configuration.grant(ofOwner: 0), window: engine.memory[0].window.memory,
      status: engine.memory[0].status.memory,
      poolMemory: engine.memory[0].pools.map(\.memory), control: pair[0],
      runEngine: { engine.round() })
    engine.control.setInput(true)
    for _ in 0..<200 { engine.round() }
    // Its host is gone, but what has come is handled first.
    close(pair[1])
    try guest.run()
    for _ in 0..<200 { engine.round() }
    let status = engine.memory[0].status.memory
    #expect(status.counter(GuestStatus.Counter.unresolved.offset) > 0)
  }

  @Test func `a way or a router that there is not is no configuration`() throws {
    for program in [
      GuestProgram.ForwardProgram(
        ways: [.init(path: "guest3", addresses: [NetworkPrefix(ipv4: 0x0a01_0001, length: 24)])]),
      GuestProgram.ForwardProgram(
        ways: [.init(path: Talk.wire, addresses: [NetworkPrefix(ipv4: 0x0a01_0001, length: 24)])],
        routes: [
          .init(
            to: NetworkPrefix(ipv4: 0, length: 0), via: NetworkAddress(ipv4: 0x0a02_0001))
        ]),
    ] {
      let configuration = Talk.configuration(programs: [.forward(program), .sink, .sink])
      #expect(throws: EngineError.self) { _ = try configuration.grant(ofOwner: 0) }
    }
  }

  /// A router between the wire and a guest with four pieces for 1,500 bytes.
  private static var smallBuffers: RuntimeConfiguration {
    let router = GuestProgram.ForwardProgram(
      ways: [
        .init(path: Talk.wire, addresses: [NetworkPrefix(ipv4: 0x0a01_0001, length: 24)]),
        .init(path: "guest1", addresses: [NetworkPrefix(ipv4: 0x0a02_0001, length: 24)]),
      ])
    var configuration = Talk.configuration(programs: [.forward(router), .sink, .sink])
    configuration.owners[0].pools[0].bufferSize = 512
    return configuration
  }

  @Test func `frames in pieces that wait for neighbours leave half of the pool`() throws {
    let simulation = try Simulation(Self.smallBuffers)
    for number in 0..<16 as Range<UInt32> {
      let packet = Frame.ethernet(
        to: 0x0200_0a02_0001, from: Self.neighbour,
        .ipv4(
          to: 0x0a01_0010 + number, from: 0x0a02_0007,
          .udp(to: 7, [UInt8](repeating: 1, count: 1272))))
      #expect(simulation.guests[1].send(packet, to: 103))
      simulation.run(active: [0])
    }
    // Three pieces and a table each.
    #expect(simulation.freeBuffers[0] == 64 - 8 * 4)
    let status = simulation.engine.memory[0].status.memory
    #expect(status.counter(GuestStatus.Counter.unresolved.offset) == 8)
    #expect(status.counter(GuestStatus.Counter.asked.offset) == 16, "each neighbour is asked for")
    simulation.guests[0].stop()
    simulation.run()
    #expect(simulation.freeBuffers[0] == 64)
  }

  @Test
  func `a frame in pieces goes on, and one that is too big is told to its sender in one buffer`()
    throws
  {
    var configuration = Self.smallBuffers
    configuration.ports = [PortSettings(mtu: 1300)]
    let simulation = try Simulation(configuration)
    let guest = simulation.guests[1]
    func packet(_ size: Int) -> [UInt8] {
      Frame.ethernet(
        to: 0x0200_0a02_0001, from: Self.neighbour,
        .ipv4(
          to: 0x0a01_0009, from: 0x0a02_0007,
          .udp(to: 7, (0..<size - 28).map { UInt8(truncatingIfNeeded: $0 &* 7) })))
    }
    let (fits, tooBig) = (packet(1300), packet(1301))
    #expect(guest.send(fits, to: 103))
    #expect(guest.send(tooBig, to: 103))
    simulation.run(active: [0])
    let answers = guest.take()
    #expect(answers.map(\.path) == [1])
    let answer = try #require(answers.first)
    #expect(!answer.descriptor.isScattered)
    #expect(answer.bytes.count == 70)
    #expect(answer.bytes[34...35] == [3, 4])
    #expect(answer.bytes[40...41] == [5, 20])
    #expect(answer.bytes[42...] == tooBig[14..<42])
    // The other one waits for its neighbour, all its buffers with it.
    #expect(simulation.freeBuffers[0] == 64 - 4)
    #expect(
      guest.send(
        Frame.ethernet(to: 0x0200_0a02_0001, from: Self.neighbour, .arp(for: 0x0a02_0001)), to: 103)
    )
    simulation.run(active: [0])
    let status = simulation.engine.memory[0].status.memory
    #expect(status.counter(GuestStatus.Counter.tooBig.offset) == 1)
    simulation.guests[0].stop()
    _ = guest.take()
    simulation.run(active: [0])
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(try simulation.report().isConserved)
  }

  @Test func `a frame in pieces leaves with its neighbour's address`() throws {
    var configuration = Self.configuration(buffers: [64, 64, 64])
    configuration.owners[0].pools[0].bufferSize = 512
    let data = (0..<1200).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let packet = Frame.ethernet(
      to: Self.mac, .ipv4(to: 0x0a01_0009, from: 0x0a01_0007, .udp(to: 7, data)))
    let simulation = try Simulation(
      configuration, frames: [packet, Self.arp(2, from: 0x0a01_0009, Self.neighbour), packet])
    simulation.run()
    let sent = try simulation.transmitted().filter { $0[12...13] == [8, 0] }
    #expect(sent.count == 2)
    for frame in sent {
      #expect(Array(frame[0..<12]) == Frame.big(Self.neighbour, 6) + Frame.big(Self.mac, 6))
      #expect(frame[22] == 63)
      #expect(frame[26...] == packet[26...])
    }
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(try simulation.report().isConserved)
  }
}
