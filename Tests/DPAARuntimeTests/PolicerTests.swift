import DPAAPortal
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

/// Policers against the text of their RFCs, and in the engine.
@Suite(.timeLimit(.minutes(10))) struct PolicerTests {
  private static func wish(
    _ algorithm: PolicerWish.Algorithm, _ counting: CountingMode, committed: (UInt64, UInt64),
    excess: (UInt64, UInt64), drops: Set<FrameColour> = [.red]
  ) -> PolicerWish {
    PolicerWish(
      name: "gold", algorithm: algorithm, counting: counting, committedRate: committed.0,
      committedBurst: committed.1, excessRate: excess.0, excessBurst: excess.1, drops: drops)
  }

  /// RFC 2698 and RFC 4115 word by word: counters that grow by one, so often in a second.
  private struct Oracle {
    let algorithm: PolicerWish.Algorithm
    /// Nanoseconds between two tokens.
    let steps: (committed: UInt64, excess: UInt64)
    let bursts: (committed: UInt64, excess: UInt64)
    var tokens: (committed: UInt64, excess: UInt64)
    var now: UInt64 = 0

    mutating func advance(to time: UInt64, by step: UInt64) {
      while now < time {
        now += step
        if now % steps.committed == 0, tokens.committed < bursts.committed { tokens.committed += 1 }
        if now % steps.excess == 0, tokens.excess < bursts.excess { tokens.excess += 1 }
      }
    }

    mutating func colour(_ size: UInt64) -> Policer.Colour {
      switch algorithm {
      case .rfc2698:
        guard tokens.excess >= size else { return .red }
        tokens.excess -= size
        guard tokens.committed >= size else { return .yellow }
        tokens.committed -= size
        return .green
      case .rfc4115:
        if tokens.committed >= size {
          tokens.committed -= size
          return .green
        }
        guard tokens.excess >= size else { return .red }
        tokens.excess -= size
        return .yellow
      }
    }
  }

  @Test(
    arguments: PolicerWish.Algorithm.allCases, CountingMode.allCases)
  func `every frame has the colour that its RFC gives it`(
    algorithm: PolicerWish.Algorithm, counting: CountingMode
  ) {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<20 {
      // A token each 1,000 or 2,000 ns, and arrivals at multiples of that.
      let steps: (UInt64, UInt64) = (2000, algorithm == .rfc2698 ? 1000 : 4000)
      let unit: UInt64 = counting == .frames ? 1 : 8
      let largest: UInt64 = counting == .frames ? 1 : 60
      let bursts = (largest + UInt64(random.below(200)), largest + UInt64(random.below(300)))
      let wish = Self.wish(
        algorithm, counting, committed: (unit * 1_000_000_000 / steps.0, bursts.0),
        excess: (unit * 1_000_000_000 / steps.1, bursts.1))
      var policer = Policer(wish)
      var oracle = Oracle(
        algorithm: algorithm, steps: steps, bursts: bursts, tokens: bursts)
      var seen: Set<UInt8> = []
      var time: UInt64 = 4000
      oracle.now = time
      for _ in 0..<2000 {
        let size = counting == .frames ? 1 : UInt64(1 + random.below(Int(largest)))
        // Now and then a pause, in which both buckets fill.
        let pause = random.below(100) == 0 ? 300 : random.below(counting == .frames ? 2 : 30)
        time += UInt64(pause) * 4000
        oracle.advance(to: time, by: 1000)
        let colour = policer.colour(Int(size), now: time)
        policer.take(Int(size), colour)
        #expect(colour == oracle.colour(size), "\(random)")
        seen.insert(colour.rawValue)
      }
      let counts = policer.counts
      #expect(counts.green + counts.yellow + counts.red == 2000)
      #expect(seen.contains(0))
    }
  }

  @Test func `rates and bursts beyond all measure overflow nothing`() {
    for algorithm in PolicerWish.Algorithm.allCases {
      var policer = Policer(
        Self.wish(algorithm, .bytes, committed: (.max, .max), excess: (.max, .max)))
      for time in [1, 2, UInt64.max / 2, UInt64.max] {
        let colour = policer.colour(1 << 20, now: time)
        #expect(colour == .green)
        policer.take(1 << 20, colour)
      }
    }
    // A clock that stands still or goes back fills nothing.
    var policer = Policer(Self.wish(.rfc4115, .frames, committed: (1, 1), excess: (1, 1)))
    for (time, expected) in [(9, 0), (9, 1), (8, 2), (9, 2)] as [(UInt64, UInt8)] {
      let colour = policer.colour(60, now: time)
      #expect(colour.rawValue == expected)
      policer.take(60, colour)
    }
  }

  // MARK: In the engine

  /// The talk's plan with a policer on guest1's IPv4 rule.
  private static func configuration(
    _ wish: PolicerWish, isP4080: Bool = false
  ) -> RuntimeConfiguration {
    var configuration = Talk.configuration(isP4080: isP4080, programs: [.sink, .sink, .sink])
    configuration.policers = [
      PolicerProfile(
        fman: 0, profile: 3, settings: wish, users: [.init(interface: Talk.wire, rule: 1)])
    ]
    return configuration
  }

  @Test(arguments: [false, true])
  func `red frames of a policed rule are dropped, and nobody else's`(isP4080: Bool) throws {
    // Ten frames in a burst, and one each second of virtual time beyond.
    let wish = Self.wish(.rfc4115, .frames, committed: (1, 4), excess: (1, 6))
    let frames = (0..<60).map { number in
      Talk.frame(to: number % 2 == 0 ? Talk.guest1 : Talk.guest2, number: UInt64(number))
    }
    let simulation = try Simulation(Self.configuration(wish, isP4080: isP4080), frames: frames)
    simulation.run()
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.owners.map(\.received) == [0, 10, 30])
    #expect(simulation.dropped(.policed, 1) == 20)
    #expect(report.policers.map(\.counts) == [[4, 6, 20]])
    #expect(report.text.contains("\ngold"))
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test(arguments: [false, true])
  func `colours go with the frames that are not dropped`(isP4080: Bool) throws {
    let wish = Self.wish(.rfc2698, .bytes, committed: (8, 64), excess: (8, 128), drops: [])
    let frames = (0..<3).map { Talk.frame(to: Talk.guest1, number: $0, size: 64) }
    let simulation = try Simulation(
      Self.configuration(wish, isP4080: isP4080), frames: frames)
    simulation.run(active: [])
    let received = simulation.guests[1].take().sorted {
      Talk.number($0.bytes) < Talk.number($1.bytes)
    }
    #expect(received.map { $0.descriptor.command & 0xc00 } == [0, 0x400, 0x800])
  }

  @Test func `a frame that waits for a buffer is policed once`() throws {
    let wish = Self.wish(.rfc4115, .frames, committed: (1, 100), excess: (1, 1))
    let frames = (0..<100).map { Talk.frame(to: Talk.guest1, number: $0) }
    let simulation = try Simulation(Self.configuration(wish), frames: frames)
    // The guest sleeps for the first rounds: its pool of 64 runs dry, and the port waits.
    var received = 0
    simulation.run(active: []) { round in
      if round > 5 { received += simulation.guests[1].take().count }
    }
    #expect(received == 100)
    #expect(simulation.dropped(.policed, 1) == 0)
    #expect(try simulation.report().policers.map(\.counts) == [[100, 0, 0]])
  }

  @Test func `two policers on one rule, or one on no rule, are refused`() throws {
    let wish = Self.wish(.rfc4115, .frames, committed: (1, 1), excess: (1, 1))
    var configuration = Self.configuration(wish)
    configuration.policers += configuration.policers
    #expect(throws: EngineError.self) { _ = try Engine(configuration) }
    configuration = Self.configuration(wish)
    configuration.policers[0].users[0].rule = 99
    #expect(throws: EngineError.self) { _ = try Engine(configuration) }
    configuration.policers[0].users[0] = .init(interface: "none", rule: 0)
    #expect(throws: EngineError.self) { _ = try Engine(configuration) }
  }
}
