import DPAAPortal
import Diagnostics
import Foundation
import Glibc
import Lowering
import Partitioning
import Patterns
import Synchronization
import TestSupport
import Testing

@testable import DPAARuntime

/// New plans with patterns, in a run of processes that is told of them over its socket.
@Suite(
  .serialized, .timeLimit(.minutes(30)),
  .enabled(if: access(Checkout.product("dpaac-guest"), X_OK) == 0, "needs the program dpaac-guest"))
struct PatternApplyTests {
  /// A plan in which guest1 is always, and guest2, which has a pattern, or is not.
  private static func plan(_ pattern: String?) -> String {
    func guest(_ name: String, _ place: String, _ pool: Int, _ more: String = "") -> String {
      "  \(name): {\(place), memory: 256 MiB, portals: 2, program: reflect, "
        + "pools: [ {id: \(pool), buffers: 64, size: 2 KiB} ]\(more)}"
    }
    func rule(_ network: String, _ name: String) -> String {
      "      - { when: {ipv4.dst: \(network)}, to: \(name) }"
    }
    var guests = [guest("guest1", "cpus: 4-5, queues: 512-767", 2)]
    var rules = [rule("192.168.1.0/24", "guest1")]
    if let pattern {
      let patterns = "{words: {find: [ {text: \(pattern)} ]}}"
      guests.append(
        guest(
          "guest2", "cpus: 6-7, queues: 768-1023", 3,
          ", accelerators: {pme: {patterns: \(patterns)}}"))
      rules.append(rule("192.168.2.0/24", "guest2"))
    }
    let lines =
      ["board: t4240qds", "partitions:", guest("host", "cpus: 0-3, queues: 256-511", 1)] + guests
      + ["interfaces:", "  fm1-10g0:", "    rules:"] + rules + ["    otherwise: host", ""]
    return lines.joined(separator: "\n")
  }

  /// Waits until something is so; `false` when that takes minutes.
  private static func wait(until isSo: () -> Bool) -> Bool {
    for _ in 0..<240_000 {
      if isSo() { return true }
      usleep(1000)
    }
    return false
  }

  /// What compiles the patterns of new plans: it waits until it is let go on, and keeps count.
  private final class Compiler: Sendable {
    struct State {
      /// For each time that something was to be compiled, whether there was anything.
      var lacks: [Bool] = []
      var isOpen = false
      /// Whether nobody let it go on for long.
      var hasGivenUp = false
    }
    private let state = Mutex(State())
    private let isFailing: Bool

    init(isOpen: Bool, isFailing: Bool = false) {
      self.isFailing = isFailing
      state.withLock { $0.isOpen = isOpen }
    }

    var seen: State { state.withLock { $0 } }
    func open() { state.withLock { $0.isOpen = true } }

    func compile(
      _ configuration: RuntimeConfiguration, _ known: [PatternSets.Compiled]
    ) throws(EngineError) -> PatternSets {
      let lacks = PatternSets.areLacking(in: known, for: configuration)
      state.withLock { $0.lacks.append(lacks) }
      var milliseconds = 0
      while !seen.isOpen, milliseconds < 120_000 {
        usleep(1000)
        milliseconds += 1
      }
      if !seen.isOpen { state.withLock { $0.hasGivenUp = true } }
      if isFailing { throw .patterns("pattern-too-costly", "too much") }
      return try PatternSets(configuration, knowing: known)
    }
  }

  /// An answer of a run's, once it is there.
  private final class Answer: Sendable {
    private let answer = Mutex<(code: Int32, text: String)?>(nil)
    var code: Int32? { answer.withLock { $0?.code } }
    var text: String { answer.withLock { $0?.text ?? "" } }

    func set(_ code: Int32, _ text: String) {
      answer.withLock { $0 = (code: code, text: text) }
    }
  }

  /// A run in this process, on a thread of its own: it has signals blocked that other threads want.
  private final class Run {
    let directory: TemporaryDirectory
    private let control: String
    private let thread: pthread_t
    private let report = Answer()
    private var asking: [pthread_t] = []

    /// Starts the first of some plans, and waits until its guests are there.
    init(_ plans: [(name: String, text: String)], _ compiler: Compiler) throws {
      directory = try TemporaryDirectory()
      control = "\(directory.path)/control"
      for plan in plans { try directory.write(plan.name, Data(plan.text.utf8)) }
      let result = PlanLoader.load("\(directory.path)/\(plans[0].name)", lock: .none)
      let partition = try #require(
        result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
      var options = RunOptions(
        directory: directory.path, guestProgram: [Checkout.product("dpaac-guest")])
      options.control = control
      options.partition = partition
      options.readPlan = { path, before, _ in
        let result = PlanLoader.load(path, lock: .besideElse(PlanLock(before)))
        guard let next = result.partition else {
          return .failure(
            PlanRefusal(text: DiagnosticRenderer().render(result.diagnostics)))
        }
        return .success(next)
      }
      options.compilePatterns = { (configuration, known) throws(EngineError) in
        try compiler.compile(configuration, known)
      }
      let chosen = options
      let report = self.report
      thread = WorkerThread.start {
        do throws(EngineError) {
          let outcome = try RunSession.run(RuntimeConfiguration(partition), options: chosen)
          report.set(outcome.isConserved ? 0 : 1, outcome.text)
        } catch {
          report.set(2, "\(error)")
        }
      }
      let isThere = PatternApplyTests.wait {
        report.code != nil || self.ask(["list"]).code == 0
      }
      try #require(isThere && report.code == nil, "\(report.text)")
    }

    func path(_ name: String) -> String { "\(directory.path)/\(name)" }

    /// Asks for something, and waits for the answer.
    func ask(_ words: [String]) -> (code: Int32, text: String) {
      do throws(EngineError) {
        return try ControlClient.ask(words, isJSON: false, at: control)
      } catch {
        return (99, "\(error)")
      }
    }

    /// Asks for something, and goes on.
    func begin(_ words: [String]) -> Answer {
      let answer = Answer()
      let control = control
      asking.append(
        WorkerThread.start {
          do throws(EngineError) {
            let outcome = try ControlClient.ask(words, isJSON: false, at: control)
            answer.set(outcome.code, outcome.text)
          } catch {
            answer.set(99, "\(error)")
          }
        })
      return answer
    }

    /// Ends the run, as a signal does; 0 when every frame is accounted for.
    func end() -> Answer {
      // The run's thread, which has answered, reads this signal from a descriptor.
      pthread_kill(thread, SIGTERM)
      for each in asking + [thread] { pthread_join(each, nil) }
      directory.remove()
      return report
    }
  }

  @Test func `a run goes on while patterns are compiled on a thread of its own`() throws {
    let compiler = Compiler(isOpen: false, isFailing: true)
    let run = try Run([("old.yaml", Self.plan(nil)), ("new.yaml", Self.plan("abc"))], compiler)
    let answer = run.begin(["apply", run.path("new.yaml"), "within", "300"])
    #expect(Self.wait { compiler.seen.lacks == [true] })
    let list = run.ask(["list"])
    let again = run.ask(["apply", run.path("old.yaml")])
    let confirmed = run.ask(["confirm"])
    let isRestarted = Self.wait { run.ask(["restart", "guest1"]).code == 0 }
    let isAnswered = answer.code != nil
    compiler.open()
    #expect(Self.wait { answer.code != nil })
    #expect(!compiler.seen.hasGivenUp && !isAnswered)
    #expect(list.code == 0 && list.text.contains("guest1"))
    for refused in [again, confirmed] {
      #expect(refused.code == 1)
      #expect(refused.text.hasPrefix("error: the patterns of new are being compiled; "))
    }
    #expect(isRestarted)
    #expect(answer.code == 1 && answer.text == "error: too much [pattern-too-costly]\n")
    // Nothing has changed, and there is nothing to be confirmed.
    #expect(!run.ask(["list"]).text.contains("guest2"))
    #expect(run.ask(["confirm"]).text == "error: no plan waits to be confirmed\n")
    let report = run.end()
    #expect(report.code == 0, "\(report.text)")
  }

  @Test func `a run ends while patterns are compiled on a thread of its own`() throws {
    let compiler = Compiler(isOpen: false, isFailing: true)
    let run = try Run([("old.yaml", Self.plan(nil)), ("new.yaml", Self.plan("abc"))], compiler)
    let answer = run.begin(["apply", run.path("new.yaml")])
    #expect(Self.wait { compiler.seen.lacks == [true] })
    let report = run.end()
    #expect(report.code == 0, "\(report.text)")
    #expect(answer.code == 1 && answer.text == "error: the run is ending\n")
    compiler.open()
  }

  @Test(.enabled(if: (try? PatternLibrary()) != nil, "needs package libhyperscan-dev"))
  func `a run goes over to patterns compiled on a thread of its own, and back without compiling`()
    throws
  {
    let compiler = Compiler(isOpen: true)
    let run = try Run(
      [
        ("without.yaml", Self.plan(nil)), ("abc.yaml", Self.plan("abc")),
        ("xyz.yaml", Self.plan("xyz")),
      ], compiler)
    func apply(_ name: String) -> (code: Int32, text: String) {
      run.ask(["apply", run.path(name), "within", "3000"])
    }
    let added = apply("abc.yaml")
    #expect(added.code == 0 && added.text.contains("guest2     added"), "\(added.text)")
    #expect(run.ask(["confirm"]).code == 0)
    // Compiled once; as the plan was gone over to there was nothing left to compile.
    #expect(compiler.seen.lacks == [true, false])
    #expect(apply("without.yaml").code == 0)
    #expect(!run.ask(["list"]).text.contains("guest2"))
    #expect(compiler.seen.lacks == [true, false])
    let reverted = run.ask(["revert"])
    #expect(reverted.code == 0 && reverted.text.contains("guest2     added"), "\(reverted.text)")
    #expect(run.ask(["list"]).text.contains("guest2"))
    #expect(compiler.seen.lacks == [true, false, false])
    // Nobody keeps them for plans that come again later.
    #expect(apply("without.yaml").code == 0 && run.ask(["confirm"]).code == 0)
    #expect(apply("xyz.yaml").code == 0)
    #expect(compiler.seen.lacks == [true, false, false, true, false])
    let report = run.end()
    #expect(report.code == 0, "\(report.text)")
  }
}
