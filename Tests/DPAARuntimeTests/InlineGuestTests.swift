import Glibc
import Partitioning
import QorIQ
import Testing
import TestSupport

@testable import DPAAPortal
@testable import DPAARuntime

/// A guest whose program runs on the engine's thread.
@Suite(.timeLimit(.minutes(5))) struct InlineGuestTests {
  private static func wait(until isDone: () -> Bool) -> Bool {
    for _ in 0..<20_000 {
      if isDone() { return true }
      usleep(500)
    }
    return false
  }

  @Test
  func `the host's program answers on the engine's thread, and ends with nothing in its hands`()
    throws
  {
    let engine = try Engine(Talk.configuration())
    try engine.runInline(owner: 0, capture: nil)
    let guest = try Guest(engine, owner: 1, isInline: false)
    engine.start()
    defer { engine.join() }
    let state = { GuestStatus.State(rawValue: engine.memory[0].status.memory.counter(0)) }
    #expect(state() == .quiet)
    for number in 0..<20 as Range<UInt64> {
      let frame = Talk.frame(to: Talk.guest1, number: number)
      #expect(Self.wait { guest.send(frame, to: 103) })
      var answers: [Guest.Received] = []
      #expect(
        Self.wait {
          answers += guest.take()
          return !answers.isEmpty
        })
      #expect(answers.map { Talk.number($0.bytes) } == [number])
      #expect(answers.map(\.queue) == [102])
    }
    engine.inlineGuest?.drain()
    engine.inlineGuest?.end()
    #expect(Self.wait { state() == .ended })
    #expect(Self.wait { engine.control.quietRoundCount > 0 })
    engine.join()
    #expect(engine.poolStates().map(\.free) == [64, 64, 64])
    #expect(engine.inlineGuest == nil)
  }

  @Test func `what cannot run there is said`() {
    var options = RunOptions(directory: "", guestProgram: [])
    var configuration = Talk.configuration()
    #expect(
      options.setInline("nobody", in: configuration)
        == "nobody: the plan has no nobody, but host, guest1, guest2")
    options.programs["guest1"] = ["/bin/true"]
    #expect(options.setInline("guest1", in: configuration)?.contains("one of your own") == true)
    configuration.owners[2].kind = .machine(.tcg, .poll)
    #expect(options.setInline("guest2", in: configuration) == "guest2: it is a virtual machine")
    #expect(options.inlinePartition == nil)
    #expect(options.setInline("host", in: configuration) == nil)
    #expect(options.inlinePartition == "host")
  }
}
