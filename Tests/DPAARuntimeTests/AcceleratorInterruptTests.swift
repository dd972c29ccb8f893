import DPAAPortal
import Foundation
import Glibc
import Partitioning
import QorIQ
import Security
import TestSupport
import Testing

@testable import DPAARuntime

/// How a guest learns of an accelerator's answers: by its portal's interrupt, once for a batch, or by looking.
@Suite(.timeLimit(.minutes(5))) struct AcceleratorInterruptTests {
  /// guest2 with a portal whose interrupts gather, and an accelerator that writes backwards.
  private final class Asker {
    let clock = VirtualClock()
    let engine: Engine
    let guest: Guest
    let pair: GuestGrant.AcceleratorPair
    private let line: Int32

    init(gathering frames: Int, microseconds: Int, interrupts: Bool = true) throws {
      var options = EngineOptions()
      options.devices = [.sec: MirrorDevice()]
      engine = try Engine(
        AcceleratorTests.configuration(), options: options, interrupts: interrupts,
        clock: { [clock] in clock.now })
      guest = try Guest(engine, owner: 2, isInline: true)
      pair = try #require(guest.session.grant.accelerators.first)
      line = interrupts ? engine.memory[2].interrupts[0].guestDescriptor : -1
      #expect(
        guest.session.portals[0].initialize(
          pair.request, channel: pair.channel, contextA: 3, contextB: pair.response.rawValue)
          == CommandResult.ok)
      guard interrupts else { return }
      guest.session.portals[0].gatherInterrupts(frames: frames, microseconds: microseconds)
      guest.session.portals[0].allowInterrupt(true)
    }

    /// Asks for so many operations at once: the ring of a portal takes seven.
    func ask(_ count: Int) {
      for number in 0..<count {
        #expect(guest.send([UInt8(number), 1, 2, 3], to: pair.request))
      }
    }

    func run(_ rounds: Int = 4) { for _ in 0..<rounds { engine.round() } }

    /// How often the line has fired since this was asked last.
    var wakeUps: Int {
      var bytes = [UInt8](repeating: 0, count: 4096)
      return max(0, read(line, &bytes, bytes.count))
    }

    /// Takes the answers, as who was woken does, and waits for the next interrupt.
    func take() -> [[UInt8]] {
      let answers = guest.take()
      if line >= 0 { guest.session.portals[0].allowInterrupt(true) }
      return answers.map(\.bytes)
    }
  }

  @Test(arguments: [2, 4, 7])
  func `a batch of answers wakes its owner once`(count: Int) throws {
    let asker = try Asker(gathering: count - 1, microseconds: 4095)
    var batches = 0
    for _ in 0..<50 {
      // The buffers are acquired first, and the requests wait in a ring of their own: one batch.
      asker.ask(count)
      asker.run()
      #expect(asker.wakeUps == 1)
      #expect(asker.take().count == count)
      asker.run()
      #expect(asker.wakeUps == 0)
      batches += 1
    }
    #expect(asker.engine.counters.value(.done, 0, 2) == UInt64(batches * count))
  }

  @Test func `fewer answers than gather wake their owner once, when their time is over`() throws {
    let asker = try Asker(gathering: 5, microseconds: 100)
    for _ in 0..<20 {
      asker.ask(3)
      asker.run()
      asker.clock.advance(microseconds: 99)
      asker.run()
      #expect(asker.wakeUps == 0)
      asker.clock.advance(microseconds: 2)
      asker.run()
      #expect(asker.wakeUps == 1)
      #expect(asker.take().count == 3)
      asker.run()
      #expect(asker.wakeUps == 0)
    }
  }

  @Test func `interrupts change nothing of what is done to the data`() throws {
    let askers = try [false, true].map {
      try Asker(gathering: 3, microseconds: 50, interrupts: $0)
    }
    let answers = askers.map { asker in
      (0..<30).flatMap { round in
        asker.ask(1 + round % 7)
        asker.run()
        asker.clock.advance(microseconds: 60)
        asker.run()
        return asker.take()
      }
    }
    #expect(answers[0] == answers[1])
    #expect(answers[0].count == 115)
    let counts = askers.map { asker in
      let counters = asker.engine.counters
      return [
        counters.value(.taken, 2), counters.value(.delivered, 2), counters.value(.done, 0, 2),
        counters.value(.bytes, 0, 2), counters.value(.taken, 0), counters.value(.delivered, 0),
      ]
    }
    #expect(counts[0] == counts[1])
    #expect(counts[0] == [115, 115, 115, 4 * 115, 0, 0])
  }
}
