import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// What ports do with frames that are wrong, and with those that have left: error queues and
/// confirmations.
@Suite(.timeLimit(.minutes(10))) struct ErrorQueueTests {
  private static func role(_ role: QueueRole, _ first: FQID, _ count: UInt32 = 1) -> RoleQueues {
    RoleQueues(
      role: role, queues: [QueueRange(first: first, count: count)],
      workQueue: role.usualWorkQueue)
  }

  /// The talk's plan with an MTU of 1500, and with queues 50 of the host's and 390 to 392 of guest2's in
  /// their roles.
  private static func configuration(
    isP4080: Bool = false, programs: [GuestProgram] = [.sink, .sink, .reflect],
    hasQueues: Bool = true
  ) -> RuntimeConfiguration {
    var configuration = Talk.configuration(isP4080: isP4080, programs: programs)
    configuration.ports = [PortSettings(mtu: 1500)]
    guard hasQueues else { return configuration }
    configuration.queueing = [
      0: .init(roles: [role(.error, 50)]),
      2: .init(roles: [role(.confirm, 390, 2), role(.error, 392)]),
    ]
    return configuration
  }

  /// A frame for guest2 whose IPv4 header has another checksum.
  private static var damaged: [UInt8] {
    var frame = Talk.frame(to: Talk.guest2, number: 2)
    frame[24] ^= 1
    return frame
  }

  // MARK: Received

  @Test(arguments: [false, true])
  func `what is received with an error comes into the port's error queue with its reason`(
    isP4080: Bool
  ) throws {
    let long = Talk.frame(to: Talk.guest2, number: 1, size: 1519)
    let frames = [
      Talk.frame(to: Talk.guest2, number: 0, size: 1518), long, Self.damaged,
      Talk.frame(to: Talk.guest2, number: 3),
    ]
    let simulation = try Simulation(
      Self.configuration(isP4080: isP4080), frames: frames)
    simulation.run(active: [])
    let received = simulation.guests[0].take()
    #expect(received.map(\.queue) == [50, 50])
    #expect(received.map(\.bytes) == [long, Self.damaged])
    #expect(
      received.map { $0.descriptor.command & FrameStatus.receiveErrors }
        == [FrameStatus.size, FrameStatus.header])
    #expect(received.map(\.path) == [0x8000_0000, 0x8000_0000])
    #expect(received.allSatisfy { $0.descriptor.bpid == 1 })
    #expect(simulation.guests[2].take().map(\.bytes) == [frames[0], frames[3]])
    simulation.run(active: [])
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.interfaces[0].portErrors == (2, 0))
    #expect(report.interfaces[0].headerErrors == [0, 1, 0])
    #expect(report.queues.first { $0.fqid == 50 }?.role == "error")
    #expect(report.text.contains("\nframes of fm1-10g0 in error: 2 received, 0 not sent\n"))
  }

  @Test func `without an error queue a frame that is too long is dropped, others go on`() throws {
    let frames = [
      Talk.frame(to: Talk.guest1, number: 1, size: 1519), Self.damaged,
      Talk.frame(to: Talk.guest1, number: 3, size: 9000),
    ]
    let simulation = try Simulation(Self.configuration(hasQueues: false), frames: frames)
    simulation.run()
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.owners.map(\.received) == [0, 0, 1])
    #expect(simulation.dropped(.sizeError, 0) == 2)
    #expect(report.interfaces[0].portErrors == (0, 0))
    #expect(report.text.contains("2 size-error"))
  }

  @Test func `an error queue whose owner has no buffer holds the port up like any other`() throws {
    let frames = (0..<70).map { Talk.frame(to: Talk.guest1, number: $0, size: 1600) }
    let simulation = try Simulation(Self.configuration(), frames: frames)
    simulation.run(active: [])
    #expect(simulation.dropped(.poolDepleted, 0) == 6)
    #expect(simulation.guests[0].take().count == 64)
  }

  @Test func `who is gone gets no errors`() throws {
    let simulation = try Simulation(
      Self.configuration(), frames: [Talk.frame(to: Talk.guest2, number: 1, size: 1600)])
    simulation.engine.control.markGone(owner: 0)
    simulation.engine.round()
    simulation.run(active: [])
    #expect(simulation.dropped(.sizeError, 0) == 1)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test
  func `where the rest is dropped, faults come to the owner of the last rule that takes frames`()
    throws
  {
    var configuration = Self.configuration()
    var drop = try #require(configuration.interfaces[0].rules.last)
    #expect(drop.owner == 0)
    (drop.owner, drop.isDropped) = (1, true)
    drop.receive = QueueRange(
      first: try #require(configuration.owners[1].queues.first).first, count: 1)
    configuration.interfaces[0].rules.append(drop)
    let simulation = try Simulation(configuration, frames: [Self.damaged])
    simulation.run(active: [])
    #expect(simulation.guests[0].take().map(\.queue) == [50])
  }

  @Test func `the errors of a frame that its rule drops are counted`() throws {
    var configuration = Self.configuration(hasQueues: false)
    for place in configuration.interfaces[0].rules.indices {
      configuration.interfaces[0].rules[place].isDropped = true
    }
    let simulation = try Simulation(configuration, frames: [Self.damaged])
    simulation.run(active: [])
    #expect(simulation.dropped(.byRule, 2) == 1)
    #expect(simulation.engine.counters.value(.layer3Errors, 0) == 1)
  }

  // MARK: Sent

  @Test func `what the line did not take is not confirmed`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let simulation = try Simulation(
      Self.configuration(),
      lines: [Talk.wire: .stream(.path("\(directory.path)/nobody"), isServer: true)])
    #expect(simulation.guests[2].send(Talk.frame(to: Talk.stranger, number: 7), to: 201))
    simulation.run(active: [])
    #expect(simulation.engine.counters.value(.refused, 0) == 1)
    #expect(simulation.engine.counters.value(.confirmed, 2) == 0)
    #expect(simulation.guests[2].take().isEmpty)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test(arguments: [false, true])
  func `whoever wants confirmations has every frame back that has left`(isP4080: Bool) throws {
    let frames = (0..<200).map { number in
      Talk.frame(to: number % 2 == 0 ? Talk.guest2 : Talk.guest1, number: number)
    }
    let simulation = try Simulation(
      Self.configuration(isP4080: isP4080, programs: [.sink, .reflect, .reflect]), frames: frames)
    simulation.run()
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.balance.confirmed == 100)
    #expect(report.owners.map(\.received) == [0, 100, 200])
    #expect(try simulation.transmitted().count == 200)
    #expect(report.queues.filter { $0.role == "confirm" }.map(\.frames) == [100])
    #expect(report.text.contains(" from guests + 100 confirmed = "))
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a confirmation is the sender's own descriptor, without a fault`() throws {
    let simulation = try Simulation(Self.configuration())
    let guest = simulation.guests[2]
    let frame = Talk.frame(to: Talk.stranger, number: 7)
    #expect(guest.send(frame, to: 201))
    for _ in 0..<3 { simulation.engine.round() }
    let buffer = try need(guest.session.portals[0].dequeue())
    let (origin, queue) = (buffer.origin, buffer.queue)
    #expect(origin == .confirmed)
    #expect(queue == 391)
    let (bytes, descriptor) = (Array(buffer.frame), buffer.descriptor)
    #expect(bytes == frame)
    #expect(descriptor.command == 0)
    #expect(simulation.freeBuffers == [64, 64, 63])
    guest.release(buffer)
    simulation.engine.round()
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test(arguments: [13, 14, 9596, 9597])
  func `a frame that no MAC sends comes back with its reason`(size: Int) throws {
    let simulation = try Simulation(Self.configuration())
    let guest = simulation.guests[2]
    var burst = Burst()
    let count = (size + 1983) / 1984
    let acquired = guest.session.portals[0].acquire(count, from: 3, into: &burst)
    #expect(acquired == count)
    for place in 0..<count { burst[place].setLength(min(1984, size - 1984 * place)) }
    var frame = try need(guest.session.portals[0].acquire(from: 3))
    frame = burst.join(in: frame)
    switch guest.session.portals[0].enqueue(frame, to: 201) {
    case .accepted: break
    case .full(let buffer): guest.release(buffer)
    }
    for _ in 0..<3 { simulation.engine.round() }
    let buffer = try need(guest.session.portals[0].dequeue())
    let isSent = size == 14 || size == 9596
    let (origin, descriptor) = (buffer.origin, buffer.descriptor)
    #expect(origin == (isSent ? .confirmed : .failed))
    #expect(descriptor.command == (isSent ? 0 : FrameStatus.length))
    #expect(descriptor.isScattered)
    guest.release(buffer)
    simulation.engine.round()
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(try simulation.transmitted().map(\.count) == (isSent ? [size] : []))
    let counters = simulation.engine.counters
    #expect(counters.value(.transmitErrors, 0) == (isSent ? 0 : 1))
  }

  @Test func `without an error queue it is dropped and counted`() throws {
    let simulation = try Simulation(Self.configuration(hasQueues: false))
    #expect(simulation.guests[2].send([1, 2, 3], to: 201))
    simulation.run(active: [])
    #expect(simulation.dropped(.lengthError, 2) == 1)
    let report = try simulation.report()
    #expect(report.balance.isEven)
    #expect(report.interfaces[0].portErrors == (0, 1))
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a confirmation that its queue refuses gives the buffer back`() throws {
    let simulation = try Simulation(Self.configuration())
    let client = QueueClient(simulation)
    for fqid in 390...391 as ClosedRange<UInt32> { #expect(client.result(0x4a, fqid) == 0xf0) }
    _ = client.messages()
    try client.send(3, to: 201)
    simulation.run(active: [])
    #expect(try simulation.transmitted().count == 3)
    #expect(simulation.dropped(.queueRefused, 2) == 3)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a guest that ends has its frames sent and hears of none`() throws {
    let simulation = try Simulation(Self.configuration())
    for number in 0..<5 as Range<UInt64> {
      #expect(simulation.guests[2].send(Talk.frame(to: Talk.stranger, number: number), to: 201))
    }
    simulation.engine.control.markGone(owner: 2)
    simulation.run(active: [])
    #expect(try simulation.transmitted().count == 5)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `queues in roles are their owner's, and some`() throws {
    for (roles, what) in [
      ([Self.role(.error, 101)], "queues 101 are not guest2's"),
      ([RoleQueues(role: .confirm, queues: [], workQueue: 1)], "guest2's confirm queues are none"),
    ] {
      var configuration = Talk.configuration()
      configuration.queueing = [2: .init(roles: roles)]
      #expect(throws: EngineError.badConfiguration(what)) { try Engine(configuration) }
    }
  }
}
