import Foundation
import Security
import TestSupport
import Testing

/// What a guest's requests to SEC cost the host's kernel, by strace's count: `examples/security-program`.
@Suite(
  .serialized, .timeLimit(.minutes(5)),
  .enabled(
    if: SecurityLibrary.allCases.contains { $0.problem == nil }, "needs package libipsec-mb-dev"),
  .enabled(if: isHeavy, "heavy: millions of requests to SEC"),
  .enabled(if: MachinePollingTests.strace.isPresent, "needs package strace"))
struct SecurityCallTests {
  /// How many answers a byte in the guest's file stands for.
  private static let step = 100_000

  /// What was seen while strace watched.
  private struct Count {
    var requests: Int
    var calls: Int
    var table: String
  }

  /// A run whose guest has SEC work until it is stopped.
  private struct Run {
    let process: ChildProcess
    let directory: TemporaryDirectory
    var progress: String { "\(directory.path)/progress" }

    init() throws {
      directory = try TemporaryDirectory()
      // A guest's program gets no arguments from `dpaac run`.
      let program = try directory.write(
        "program",
        Data(
          "#!/bin/sh\nexec \(Checkout.product("seal")) 100000000000 \(directory.path)/progress\n"
            .utf8))
      chmod(program, 0o700)
      process = try ChildProcess(
        Dpaac.tool.name,
        [
          "run", "\(Checkout.path)/examples/security-program/p4080ds.yaml", "--format", "json",
          "--program", "guest=\(program)",
        ], output: FileHandle(forWritingAtPath: try directory.write("output", Data())))
    }

    func wait(_ what: String, until isDone: () -> Bool) throws {
      let deadline = ContinuousClock.now + .seconds(60)
      while !isDone() {
        try #require(ContinuousClock.now < deadline, "\(what) takes too long")
        usleep(500)
      }
    }

    /// How many bytes the guest has written.
    func steps() -> Int {
      let attributes = try? FileManager.default.attributesOfItem(atPath: progress)
      return attributes?[.size] as? Int ?? 0
    }

    /// Counts the calls of all threads of the host's process while SEC answers at least so many requests.
    func watch(steps wanted: Int) throws -> Count {
      let table = "\(directory.path)/calls"
      let watcher = try ChildProcess(
        try #require(MachinePollingTests.strace.path),
        ["-c", "-f", "-o", table, "-p", "\(process.processIdentifier)"])
      defer { watcher.stop() }
      try wait("strace's start") {
        let threads = "/proc/\(process.processIdentifier)/task"
        return (try? FileManager.default.contentsOfDirectory(atPath: threads))?.allSatisfy {
          let status = try? String(contentsOfFile: "\(threads)/\($0)/status", encoding: .utf8)
          return status?.contains("TracerPid:\t0\n") == false
        } ?? false
      }
      let first = steps()
      // A part of the first step was over before, and of the last is not yet.
      try wait("SEC") { steps() > first + wanted }
      watcher.signal(SIGINT)
      try wait("strace's end") { !watcher.isRunning }
      let text = try String(contentsOfFile: table, encoding: .utf8)
      // "100.00    0.173707           8     19822       587 total"; nothing at all when there was none.
      let total = text.split(separator: "\n").last { $0.hasSuffix("total") }?
        .split(separator: " ")
      return Count(
        requests: wanted * SecurityCallTests.step, calls: total.flatMap { Int($0[3]) } ?? 0,
        table: text)
    }
  }

  @Test
  func
    `heavy: a million requests and their answers are no more system calls of the host than ten times fewer`()
    throws
  {
    let run = try Run()
    defer {
      run.process.stop()
      run.directory.remove()
    }
    try run.wait("the start") { run.steps() > 2 || !run.process.isRunning }
    // Where neighbours of this test take the guest's processor away, the engine has nothing to do and yields its
    // own, by a call: the best of some counts.
    var seen: [Count] = []
    for _ in 0..<10 {
      let (few, many) = (try run.watch(steps: 1), try run.watch(steps: 10))
      seen.append(many)
      if many.calls < 100, many.calls - few.calls < 100 {
        print(
          "host: \(few.calls) calls for \(few.requests) requests, \(many.calls) for \(many.requests)"
        )
        print(many.table)
        return
      }
    }
    Issue.record("\(seen.map { ($0.calls, $0.table) })")
  }
}
