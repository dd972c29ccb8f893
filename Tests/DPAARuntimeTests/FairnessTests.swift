import DPAAPortal
import Diagnostics
import Lowering
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

/// A guest that floods the NIC leaves another its frames, by what its plan guarantees: in virtual time, with
/// the plans of `examples/fairness`.
@Suite(.timeLimit(.minutes(10))) struct FairnessTests {
  private static let steady: UInt32 = 0x0a00_0001
  private static let greedy: UInt32 = 0x0a00_0002
  /// Milliseconds, and rounds, that are looked at.
  private static let rounds = 300

  private static func configuration(_ name: String) throws -> RuntimeConfiguration {
    let result = PlanLoader.load("\(Checkout.path)/examples/fairness/\(name).yaml")
    let partition = try #require(
      result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
    #expect(partition.unplayedWishes.isEmpty)
    return RuntimeConfiguration(partition)
  }

  // MARK: From the wire

  /// How many frames steady receives in the time: two each millisecond are sent to it, and 18 to greedy, which
  /// takes one, if there is a flood.
  private static func received(_ configuration: RuntimeConfiguration, floods: Bool) throws -> Int {
    let perRound = floods ? 20 : 2
    let frames = (0..<perRound * rounds).map { number in
      Talk.frame(to: number % perRound < 2 ? steady : greedy, number: UInt64(number))
    }
    let simulation = try Simulation(
      configuration, frames: frames, rate: UInt64(1000 * perRound))
    simulation.engine.control.setInput(true)
    var count = 0
    for _ in 0..<rounds {
      simulation.engine.round()
      count += simulation.guests[1].take().count
      if let buffer = simulation.guests[2].session.portals[0].dequeue() {
        simulation.guests[2].release(buffer)
      }
      simulation.clock.advance(milliseconds: 1)
    }
    return count
  }

  @Test(arguments: ["congestion-group", "policer"])
  func `a flood for one guest costs the other nothing that its plan guards`(name: String) throws {
    let configuration = try Self.configuration(name)
    let alone = try Self.received(configuration, floods: false)
    #expect(alone >= 2 * Self.rounds - 4)
    let flooded = try Self.received(configuration, floods: true)
    #expect(abs(flooded - alone) * 20 <= alone, "\(flooded) of \(alone)")
    // The flood would hurt: the same plan without its guarantee.
    var bare = configuration
    bare.policers = []
    for owner in bare.owners.indices { bare.queueing[owner]?.pathQualities = [] }
    let hurt = try Self.received(bare, floods: true)
    #expect(hurt * 2 < alone, "\(hurt) of \(alone)")
  }

  // MARK: To the wire

  /// How many frames of steady's leave in the time: it sends 24 anew each round if they have left, of 32 that the
  /// port takes, and greedy has 200 on their way, if there is a flood.
  private static func transmitted(
    _ configuration: RuntimeConfiguration, floods: Bool
  ) throws -> Int {
    let simulation = try Simulation(configuration)
    let queues = configuration.owners.map { $0.paths.first { !$0.isLink }?.transmit ?? 0 }
    let frame = Talk.frame(to: Talk.stranger, number: 1)
    let senders = [(1, 24), (2, 200)].prefix(floods ? 2 : 1)
    for (owner, count) in senders {
      for _ in 0..<count where !simulation.guests[owner].send(frame, to: queues[owner]) {
        Issue.record("owner \(owner) has no buffer to send")
      }
    }
    let counters = simulation.engine.counters
    let before = counters.value(.confirmed, 1)
    for _ in 0..<rounds {
      simulation.engine.round()
      for (owner, _) in senders { resend(simulation.guests[owner], to: queues[owner]) }
      simulation.clock.advance(milliseconds: 1)
    }
    return Int(counters.value(.confirmed, 1) - before)
  }

  /// Sends everything again that was confirmed.
  private static func resend(_ guest: Guest, to queue: FQID) {
    while let buffer = guest.session.portals[0].dequeue() {
      switch guest.session.portals[0].enqueue(buffer, to: queue) {
      case .accepted: continue
      case .full(let buffer):
        Issue.record("the ring is full")
        guest.release(buffer)
      }
    }
  }

  @Test func `frames of a first work queue leave however much another guest sends`() throws {
    let configuration = try Self.configuration("work-queue")
    let alone = try Self.transmitted(configuration, floods: false)
    #expect(alone >= 24 * Self.rounds - 48)
    let flooded = try Self.transmitted(configuration, floods: true)
    #expect(abs(flooded - alone) * 20 <= alone, "\(flooded) of \(alone)")
    var bare = configuration
    for owner in bare.owners.indices { bare.queueing[owner]?.pathQualities = [] }
    let hurt = try Self.transmitted(bare, floods: true)
    #expect(hurt * 10 < alone * 9, "\(hurt) of \(alone)")
  }

  // MARK: A plan's words

  @Test func `a threshold is the plan's, rounded down to eight bits`() {
    for value in [0, 1, 64, 255, 256, 257, 65_536, 1_000_000, 16 << 20, 255 << 31] as [UInt64] {
      let limit = UInt64(
        DPAARuntime.CongestionGroup.limit(DPAARuntime.CongestionGroup.threshold(value)))
      #expect(limit <= value)
      #expect(value - limit <= value / 128, "\(value)")
    }
    #expect(DPAARuntime.CongestionGroup.threshold(.max) == 255 << 5 | 31)
  }

  @Test func `a curve drops nothing at its start, the plan's share at its end, all above`() {
    for (start, end, percent) in [
      (0, 100, 100), (100, 200, 10), (1 << 18, 1 << 20, 25), (5, 6, 1), (1 << 30, 200 << 30, 50),
    ] as [(UInt64, UInt64, UInt8)] {
      var group = DPAARuntime.CongestionGroup()
      group.set(
        .init(earlyDrop: [.yellow: .init(start: start, end: end, percent: percent)]), told: [])
      let most = Int64(
        DPAARuntime.CongestionGroup.limit(DPAARuntime.CongestionGroup.threshold(end)))
      func chance(_ fill: Int64) -> Int64 { group.discardProbability(colour: 1, at: fill) }
      #expect(abs(chance(most) - Int64(percent) * 256 / 100) <= 4)
      #expect(chance(most + 1) == 256)
      // A 64th of the curve's height, for what the slope's seven bits leave.
      #expect(chance(Int64(start) - (Int64(end) - most)) <= 4)
      #expect(group.discardProbability(colour: 0, at: most + 1) == 0, "green is not named")
    }
  }

  @Test func `a group tells its owner's portals what the plan says`() {
    var group = DPAARuntime.CongestionGroup()
    group.set(.init(counting: .frames, tailDrop: 10), told: [0, 37])
    #expect(group.notifies == 1)
    #expect(group.isTarget(0))
    #expect(group.isTarget(37))
    #expect(!group.isTarget(1))
    #expect(group.countsFrames == 1)
    #expect(group.dropsTail == 1)
    #expect(group.limit == 10)
  }
}
