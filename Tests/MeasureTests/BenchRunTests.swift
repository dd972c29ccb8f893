import Foundation
import Patterns
import Security
import Synchronization
import Testing

@testable import Measure

/// What becomes of turns that fail.
@Suite(.timeLimit(.minutes(30))) struct BenchRunTests {
  private final class Answer: Sendable {
    let report = Mutex<BenchReport?>(nil)
  }

  /// Runs it on a thread of its own, which it pins to processors and whose signals it blocks.
  private func run(_ options: BenchOptions) throws -> BenchReport {
    let answer = Answer()
    let thread = Thread {
      let report = Bench.run(options)
      answer.report.withLock { $0 = report }
    }
    thread.start()
    while !thread.isFinished { usleep(1000) }
    return try #require(answer.report.withLock { $0 })
  }

  @Test(
    .enabled(if: (try? PatternLibrary()) != nil, "needs package libhyperscan-dev"),
    .enabled(if: !SecurityChoice().units.isEmpty, "needs package libipsec-mb-dev"))
  func `what a turn has measured before it fails is kept, and it has no other`() throws {
    // The plan with the patterns is asked for behind SEC's measurement.
    var options = BenchOptions(guestProgram: [], load: { _ in nil })
    options.contestants = [.library]
    options.flows = [.security, .patterns]
    options.sizes = [try #require(TrafficSize("64"))]
    options.processorCounts = [1]
    options.milliseconds = 50
    options.rounds = 2
    let report = try run(options)
    #expect(report.results.map(\.what.flow) == [.security])
    #expect(report.results.first?.samples.count == 1)
    #expect(report.omissions == ["library, called directly, 1 CPU: the plan is not sound"])
  }

  @Test func `a contestant that has ended may still be told things`() throws {
    let process = try ContestProcess(["/bin/true"], reads: true)
    while process.isAlive { usleep(1000) }
    // The signal that this would be without more has ended everything.
    process.say("stop\n")
    #expect(!process.isAlive)
  }
}
