import Foundation
import TestSupport
import Testing

/// `dpaac bench` as a user types it; how fast it is, is nobody's business here.
@Suite(.serialized, .timeLimit(.minutes(30))) struct BenchCommandTests {
  private static func results(_ outcome: Tool.Outcome) throws -> [[String: Any]] {
    #expect(outcome.status == 0, "\(outcome.errorText)")
    return try #require(Dpaac.report(outcome.text)["results"] as? [[String: Any]])
  }

  /// Each result has figures that are none of nothing.
  private static func check(_ results: [[String: Any]]) {
    for result in results {
      let name = "\(result["contestant"] ?? "") \(result["flow"] ?? "")"
      #expect(result["framesPerSecond"] as? Int ?? 0 > 0, "\(name)")
      if !["wake", "doorbell"].contains(result["flow"] as? String) {
        #expect(result["picosecondsOfProcessorPerFrame"] as? Int ?? 0 > 0, "\(name)")
        #expect(result["cyclesPerFrame"] as? Int ?? 0 > 0, "\(name)")
      }
      guard let flow = result["flow"] as? String,
        ["round-trip", "wake", "doorbell"].contains(flow)
      else { continue }
      let times = result["roundTripNanoseconds"] as? [String: Int] ?? [:]
      #expect(times["p50"] ?? 0 > 0, "\(name)")
      #expect(times["p99"] ?? 0 >= times["p50"] ?? 0, "\(name)")
      #expect(times["p99.9"] ?? 0 >= times["p99"] ?? 0, "\(name)")
    }
  }

  @Test(.enabled(if: isHeavy, "heavy: seconds for each figure"))
  func `heavy: processes carry frames of every size in all flows, polled and by interrupt`()
    throws
  {
    let results = try Self.results(
      Dpaac.tool.run([
        "bench", "--contestants", "process,process-interrupt,library", "--seconds", "0.2",
        "--rounds", "1", "--cpus", "1", "--format", "json",
      ]))
    // The libraries do the accelerators' work only.
    // Who polls does not sleep, and a mixture has no round trips of any kind.
    let wanted: Int = (8 + 10 + 2) * 4 - (1 + 3)
    #expect(results.count == wanted)
    Self.check(results)
  }

  @Test(
    .enabled(if: isHeavy, "heavy: seconds for each figure"),
    .enabled(if: getuid() == 0, "needs root"))
  func `heavy: a bridge carries what processes are compared with`() throws {
    let results = try Self.results(
      Dpaac.tool.run([
        "bench", "--contestants", "bridge", "--seconds", "0.2", "--rounds", "2", "--cpus", "1",
        "--sizes", "64,imix", "--format", "json",
      ]))
    #expect(results.count == 6 + 5)
    Self.check(results)
    #expect(results.allSatisfy { ($0["framesPerSecondByRound"] as? [Int])?.count == 2 })
  }

  @Test(
    .enabled(if: GuestImage.isPresent, "heavy: scripts/guest-image makes what machines boot"),
    .enabled(if: GuestImage.hasContest, "heavy: scripts/contest-image makes what theirs boot"),
    .enabled(if: getuid() == 0, "needs root"))
  func `heavy: machines carry frames over our queues, a bridge and vhost, in one table`()
    throws
  {
    let arguments = [
      "bench", "--contestants", "vm,virtio-bridge,virtio-vhost-user", "--seconds", "0.3",
      "--rounds", "1", "--cpus", "2", "--sizes", "64", "--format", "json",
    ]
    let results = try Self.results(Dpaac.tool.run(arguments))
    // testpmd times no round trips.
    #expect(results.count == 8 + 6 + 5)
    Self.check(results)
  }

  @Test func `what this host cannot do is named, and nothing at all is a failure`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let outcome = try Dpaac.tool.run(
      ["bench", "--contestants", "vm", "--rounds", "1", "--seconds", "0.05"],
      environment: ["XDG_CACHE_HOME": directory.path, "PATH": "/nowhere"])
    #expect(outcome.status == 1)
    #expect(outcome.text.contains("Not measured:\n- portals, machines, polled: no qemu-system-"))
  }

  @Test func `round trips of a mixture are named as not measured`() throws {
    let outcome = try Dpaac.tool.run([
      "bench", "--contestants", "process", "--flows", "round-trip", "--sizes", "imix",
    ])
    #expect(outcome.status == 1)
    #expect(outcome.text.contains("\n- round trips of the mixture: they are of one frame each\n"))
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `ended by a signal it prints what was measured until then`(signal: Int32) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (output, errors) = ("\(directory.path)/output", "\(directory.path)/errors")
    for path in [output, errors] { try Data().write(to: URL(fileURLWithPath: path)) }
    let process = try ChildProcess(
      Dpaac.tool.name,
      [
        "bench", "--contestants", "process", "--flows", "rx", "--sizes", "64", "--cpus", "1",
        "--seconds", "0.1", "--rounds", "100", "--format", "json",
      ], output: FileHandle(forWritingAtPath: output), errors: FileHandle(forWritingAtPath: errors))
    defer { process.stop() }
    while process.isRunning,
      !(try String(contentsOfFile: errors, encoding: .utf8)).contains("round 3 of")
    { usleep(2000) }
    process.signal(signal)
    process.waitUntilExit()
    #expect(process.hasExited && process.terminationStatus == 130)
    let report = try Dpaac.report(try String(contentsOfFile: output, encoding: .utf8))
    #expect((report["results"] as? [Any])?.count == 1)
    #expect(report["notMeasured"] as? [String] == ["the rest: ended by a signal"])
  }

  @Test(arguments: [
    ["--sizes", "63"], ["--cpus", "0"], ["--seconds", "0"], ["--rounds", "0"],
    ["--contestants", "nobody"], ["--flows", ""],
  ])
  func `what cannot be measured is bad usage`(arguments: [String]) throws {
    #expect(try Dpaac.tool.run(["bench"] + arguments).status == 64)
  }
}
