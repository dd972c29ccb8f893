import Foundation
import TestSupport
import Testing

/// `examples/scan`: what the filter lets pass, judged by Python's `re` on whole streams.
@Suite(
  .enabled(if: PatternHost.isReady, Comment(rawValue: PatternHost.need)), .timeLimit(.minutes(5)))
struct ScanExampleTests {
  private static let plan = "\(Checkout.path)/examples/scan/t4240qds.yaml"
  private static let capture = "\(Checkout.path)/examples/scan/traffic.pcap"
  private static let drop = ["/etc/(passwd|shadow)", "(?i)cmd\\.exe"]
  private static let count = ["User-Agent: [a-z]+-crawler"]

  private struct Verdict: Decodable, Equatable {
    var passed: Int
    var dropped: Int
    var noted: Int
    /// Matches that no frame has alone.
    var across: Int
    var streams: Int
    var wrong: [String]
  }

  private static func judge(_ input: String, _ output: String) throws -> Verdict {
    let outcome = try Tool("python3", package: "python3").run(
      ["\(Checkout.path)/Tests/Fixtures/scan/judge.py", input, output] + drop + ["--"] + count)
    try #require(outcome.status == 0, "\(outcome.errorText)")
    return try JSONDecoder().decode(Verdict.self, from: Data(outcome.text.utf8))
  }

  @Test(arguments: [[], ["--accelerator-cpu", "\(Tool.usableCPU)"]])
  func `exactly the frames and streams with a pattern are gone, split ones too`(
    options: [String]
  ) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let outcome = try Dpaac.tool.run(
      [
        "run", Self.plan, "-o", directory.path, "--format", "json",
      ] + options)
    try #require(outcome.status == 0, "\(outcome.errorText)\(outcome.text)")
    let verdict = try Self.judge(Self.capture, "\(directory.path)/fm1-10g1.pcap")
    #expect(verdict.wrong == [])
    #expect(verdict.passed > 300 && verdict.dropped > 30 && verdict.noted > 5)
    #expect(verdict.across > 5 && verdict.streams > 40)
    // Nothing leaves where it came from.
    #expect(try RunTests.count("\(directory.path)/fm1-10g0.pcap", nil) == 0)
    let report = try Dpaac.report(outcome.text)
    #expect(report["conserved"] as? Bool == true)
    let filter = try Dpaac.partition("filter", of: report)
    let counts = try #require(filter["counts"] as? [String: Int])
    #expect(
      counts == [
        "forwarded": verdict.passed, "matched": verdict.dropped, "noted": verdict.noted,
      ])
  }

  @Test func `a CPU that is none is refused`() throws {
    for cpu in ["-1", "100000", "99999999999"] {
      let outcome = try Dpaac.tool.run(["run", Self.plan, "--accelerator-cpu=\(cpu)"])
      #expect(outcome.status == 64)
      #expect(outcome.errorText.contains("this process may not run there"))
    }
  }

  @Test func `the judge notices frames that should be gone`() throws {
    let whole = try Self.judge(Self.capture, Self.capture)
    #expect(whole.wrong.count > 10)
  }
}

/// Whether this host has what plans with patterns need.
enum PatternHost {
  /// Whether the library can be opened.
  static let isReady: Bool = {
    guard let library = dlopen("libhs.so.5", RTLD_LAZY) else { return false }
    dlclose(library)
    return true
  }()
  static let need = "needs package libhyperscan-dev"
}
