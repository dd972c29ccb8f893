import DPAAPortal
import Diagnostics
import Testing

@testable import DPAARuntime

/// The page in which a guest tells what it did is the guest's to fill, with anything.
@Suite(.timeLimit(.minutes(10))) struct StatusPageTests {
  @Test(arguments: GuestStatus.Counter.allCases)
  func `a count beyond all counts is a discrepancy and not the end of the engine`(
    counter: GuestStatus.Counter
  ) throws {
    let frames = (0..<30).map { Talk.frame(to: Talk.guest1, number: $0) }
    let simulation = try Simulation(frames: frames)
    simulation.run()
    for guest in simulation.guests {
      guest.session.status.setCounter(counter.offset, .max)
    }
    let report = try simulation.report()
    let isSummed = [.received, .sent, .rejected].contains(counter)
    #expect(report.isConserved == !isSummed)
    #expect(report.text.hasSuffix("conserved: \(isSummed ? "no" : "yes")\n"))
    #expect(!report.json.text.isEmpty)
  }
}
