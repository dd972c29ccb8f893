import DPAAPortal
import DPAARuntime
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

/// Frames that several owners get, and those that nobody gets.
@Suite(.timeLimit(.minutes(10))) struct ReplicationTests {
  private static let group: UInt64 = 0x0100_5e00_0001

  /// The talk's table with a rule in front for frames to a group.
  private static func configuration(
    to owner: Int, copies: [Int], isDropped: Bool = false, spread: FlowRule.Spread? = nil,
    isP4080: Bool = false, buffers: [UInt32] = [64, 64, 64]
  ) -> RuntimeConfiguration {
    var configuration = Talk.configuration(isP4080: isP4080, buffers: buffers)
    let shares = ([owner] + copies).map { owner in
      FlowRule.Copy(
        owner: owner,
        receive: spread == nil
          ? QueueRange(first: Talk.receive[owner].first, count: 1) : Talk.receive[owner],
        storageProfile: owner)
    }
    configuration.interfaces[0].rules.insert(
      FlowRule(
        conditions: [.ethernetDestination(group)], owner: owner, receive: shares[0].receive,
        spread: spread, storageProfile: owner, isDropped: isDropped,
        copies: Array(shares.dropFirst())), at: 0)
    return configuration
  }

  private static func frame(_ number: UInt16) -> [UInt8] {
    Frame.ethernet(to: group, .ipv4(to: 0xe000_0001, .udp(to: 5353, from: number, [1, 2, 3])))
  }

  @Test(arguments: [nil, .fiveTuple] as [FlowRule.Spread?])
  func `each receiver gets every frame in a buffer and a queue of its own`(
    spread: FlowRule.Spread?
  ) throws {
    let frames = (0..<40).map { Self.frame($0) }
    let simulation = try Simulation(
      Self.configuration(to: 1, copies: [2, 0], spread: spread), frames: frames)
    var received: [[Guest.Received]] = [[], [], []]
    simulation.run(active: []) { _ in
      for (owner, guest) in simulation.guests.enumerated() { received[owner] += guest.take() }
    }
    for (owner, guest) in simulation.guests.enumerated() {
      #expect(received[owner].count == 40)
      #expect(Set(received[owner].map(\.bytes)) == Set(frames))
      #expect(received[owner].allSatisfy { guest.owns($0.descriptor.address) })
      #expect(received[owner].allSatisfy { Talk.receive[owner].contains($0.queue) })
      let queues = Set(received[owner].map(\.queue)).count
      #expect(spread != nil && owner > 0 ? queues > 1 : queues == 1)
    }
    #expect(simulation.freeBuffers == [64, 64, 64])
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.balance.copies == 80)
    #expect(report.balance.fromWire == 40)
    #expect(report.balance.toGuests == 120)
  }

  @Test func `a receiver without a buffer misses its copy, and nobody else does`() throws {
    let frames = (0..<30).map { Self.frame($0) }
    let simulation = try Simulation(
      Self.configuration(to: 1, copies: [2, 0], buffers: [64, 64, 4]), frames: frames)
    simulation.run(active: [])
    #expect(simulation.guests[0].frameCount(of: Talk.receive[0].first) ?? 0 > 0)
    #expect(simulation.dropped(.poolDepleted, 2) == 26)
    var counts = [0, 0, 0]
    simulation.run(active: []) { _ in
      for (owner, guest) in simulation.guests.enumerated() { counts[owner] += guest.take().count }
    }
    #expect(counts == [30, 30, 4])
    let report = try simulation.report()
    #expect(report.isConserved, "\(report.discrepancies)")
  }

  @Test func `a rule that drops charges the host, and nobody gets the frame`() throws {
    let frames = (0..<10).map { Self.frame($0) } + [Talk.frame(to: Talk.guest1, number: 1)]
    let simulation = try Simulation(
      Self.configuration(to: 0, copies: [], isDropped: true), frames: frames)
    simulation.run(active: [])
    #expect(simulation.dropped(.byRule, 0) == 10)
    #expect(simulation.guests.map { $0.take().count } == [0, 1, 0])
    simulation.run(active: [])
    let report = try simulation.report()
    #expect(report.isConserved, "\(report.discrepancies)")
    #expect(report.balance.dropped == 10)
  }

  @Test func `without storage profiles a rule with several receivers is refused`() {
    #expect(throws: EngineError.self) {
      _ = try Simulation(Self.configuration(to: 1, copies: [2], isP4080: true))
    }
  }

  @Test func `a copy for queues that its owner does not own is refused`() {
    var configuration = Self.configuration(to: 1, copies: [2])
    configuration.interfaces[0].rules[0].copies[0].receive = QueueRange(first: 128, count: 1)
    #expect(throws: EngineError.self) { _ = try Simulation(configuration) }
  }
}
