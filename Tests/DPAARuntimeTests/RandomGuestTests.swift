import DPAAPortal
import Partitioning
import TestSupport
import Testing

@testable import DPAARuntime

/// A guest whose processor writes rubbish all over its portal, while the others work.
@Suite(.timeLimit(.minutes(10))) struct RandomGuestTests {
  private static let rounds = 20_000
  /// What fills guest2's memory, and nobody else's.
  private static let stain: UInt8 = 0xee

  @Test(
    arguments: [(false, RingSizes.hardware, 1), (true, RingSizes(enqueue: 64, dequeue: 64), 2)]
      as [(Bool, RingSizes, UInt64)])
  func `rubbish in one guest's portal costs the others nothing`(
    isP4080: Bool, rings: RingSizes, seed: UInt64
  ) throws {
    let targets = [Talk.host, Talk.guest1, Talk.guest2]
    let frames = (0..<UInt64(Self.rounds)).map {
      Talk.frame(to: targets[Int($0 % 3)], number: $0, size: 64 + Int($0 % 500))
    }
    let simulation = try Simulation(
      Talk.configuration(
        isP4080: isP4080,
        programs: [.source(.init(path: "guest1", frames: 5000, size: 100)), .reflect, .reflect],
        rings: rings), frames: frames, rate: 1000)
    let ownPool = simulation.engine.memory[2].pools[0]
    memory(ownPool).copyBytes(from: [UInt8](repeating: Self.stain, count: ownPool.size))
    let vandal = Vandal(simulation.engine, owner: 2, seed: seed)
    simulation.run(active: [0, 1]) { round in if round < Self.rounds { vandal.act() } }

    // Every frame for the others arrived, was answered, and is unchanged.
    var answers: [UInt64: Int] = [:]
    for reply in try simulation.transmitted() where reply.count >= 60 && reply[0] == 2 {
      let number = Talk.number(reply)
      guard number < frames.count, number % 3 != 2 else { continue }
      let frame = frames[Int(number)]
      let expected =
        Array(frame[6..<12]) + Array(frame[0..<6]) + Array(frame[12..<26])
        + Array(frame[30..<34]) + Array(frame[26..<30]) + Array(frame[36..<38])
        + Array(frame[34..<36]) + Array(frame[38...])
      if reply == expected { answers[number, default: 0] += 1 }
    }
    #expect(answers.count == (frames.count + 2) / 3 * 2, "seed \(seed)")
    #expect(answers.values.allSatisfy { $0 == 1 }, "seed \(seed)")
    for owner in 0..<2 {
      for reason in DropReason.allCases where reason != .frameTooLarge {
        #expect(simulation.dropped(reason, owner) == 0, "\(reason) of \(owner), seed \(seed)")
      }
      #expect(simulation.engine.counters.value(.strayBuffers, owner) == 0, "seed \(seed)")
    }
    // Its stain is in no memory of the host's, to whom it has no way.
    let host = Array(memory(simulation.engine.memory[0].pools[0]))
    #expect(!host.contains(stain: Self.stain), "seed \(seed)")

    // It was no idle vandal: all kinds of wrong things were found out.
    for reason in [.foreignQueue, .foreignBuffer, .badDescriptor, .unknownVerb] as [DropReason] {
      #expect(simulation.dropped(reason, 2) > 0, "\(reason), seed \(seed)")
    }
    #expect(simulation.engine.counters.value(.strayBuffers, 2) > 0)
    #expect(simulation.engine.counters.value(.taken, 2) > 4_000)

    // Killed, it leaves nothing behind.
    simulation.engine.control.markGone(owner: 2)
    simulation.run(active: [0, 1])
    #expect(simulation.freeBuffers == [64, 64, 64], "seed \(seed)")
    let report = try simulation.report(endings: [2: "killed by signal 9"])
    let own = report.discrepancies.filter { !$0.contains("guest2") }
    #expect(own.allSatisfy { $0 == "the sum of all frames is uneven" }, "\(own), seed \(seed)")
  }

  private func memory(_ region: SharedRegion) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: region.memory, count: region.size)
  }
}

extension [UInt8] {
  /// Whether eight bytes of a stain follow each other.
  fileprivate func contains(stain: UInt8) -> Bool {
    var run = 0
    for byte in self {
      run = byte == stain ? run + 1 : 0
      if run == 8 { return true }
    }
    return false
  }
}
