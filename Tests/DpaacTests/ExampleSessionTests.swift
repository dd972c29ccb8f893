import Foundation
import TestSupport
import Testing

/// The sessions that the examples' READMEs show: each line after `$ dpaac` is run, and prints what
/// stands below it. A line of `…` stands for any number of lines.
@Suite(.timeLimit(.minutes(5))) struct ExampleSessionTests {
  static let readmes = ["vpn-gateway", "access-router", "ipsec"]

  @Test(arguments: readmes)
  func `what a README shows is what dpaac prints`(name: String) throws {
    try Self.check(name)
  }

  @Test(
    .enabled(if: PatternHost.isReady, Comment(rawValue: PatternHost.need)),
    arguments: ["scan", "chains"])
  func `what the README of a plan with patterns shows is what dpaac prints`(name: String) throws {
    try Self.check(name)
  }

  private static func check(_ name: String) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = "\(Checkout.path)/examples/\(name)/README.md"
    let sessions = sessions(in: try String(contentsOfFile: path, encoding: .utf8))
    #expect(Set(["check", "plan", "generate", "run", "prove"]).isSubset(of: sessions.map(\.verb)))
    for session in sessions {
      // What is written goes into a directory of the test's.
      let arguments = session.arguments.map {
        ["out", "captures"].contains($0) ? "\(directory.path)/\($0)" : $0
      }
      let outcome = try Dpaac.tool.run(arguments, in: Checkout.path)
      #expect(outcome.status == 0, "\(session.arguments): \(outcome.errorText)")
      let printed = outcome.text.replacing("\(directory.path)/", with: "")
        .split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
      #expect(
        matches(printed[...], session.expected[...]), "\(session.arguments): \(outcome.text)")
    }
  }

  @Test func `an ellipsis stands for lines, and nothing else does`() {
    #expect(Self.matches(["a", "b", "c"], ["a", "…", "c"]))
    #expect(Self.matches(["a", "c"], ["…", "a", "…", "c", "…"]))
    #expect(!Self.matches(["a", "b"], ["a", "c"]))
    #expect(!Self.matches(["a", "b"], ["a"]))
    #expect(!Self.matches(["a"], ["a", "…", "b"]))
  }

  // MARK: helpers

  private struct Session {
    var arguments: [String]
    var expected: [String] = []
    var verb: String { arguments.first ?? "" }
  }

  private static func sessions(in text: String) -> [Session] {
    var sessions: [Session] = []
    var isSession = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") {
        isSession = line == "```console"
      } else if isSession, line.hasPrefix("$ dpaac ") {
        sessions.append(
          Session(arguments: line.split(separator: " ").dropFirst(2).map(String.init)))
      } else if isSession, !sessions.isEmpty {
        sessions[sessions.count - 1].expected.append(String(line))
      }
    }
    return sessions
  }

  private static func matches(
    _ lines: ArraySlice<String>, _ expected: ArraySlice<String>
  ) -> Bool {
    guard let first = expected.first else { return lines.isEmpty }
    if first == "…" {
      return (lines.startIndex...lines.endIndex).contains {
        matches(lines[$0...], expected.dropFirst())
      }
    }
    return lines.first == first && matches(lines.dropFirst(), expected.dropFirst())
  }
}
