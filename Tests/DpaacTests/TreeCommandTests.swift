import Foundation
import TestSupport
import Testing

/// `dpaac tree` as a user types it.
@Suite(.timeLimit(.minutes(5))) struct TreeCommandTests {
  private static let board = "\(Checkout.path)/boards/p4080ds.dts"

  @Test func `a board and its own blob do not differ`() throws {
    let blob = try Dpaac.tool.run(["dtc", "-q", Self.board])
    let outcome = try Dpaac.tool.run(["tree", "diff", Self.board, "-"], input: Array(blob.output))
    #expect(outcome.status == 0, "\(outcome.errorText)")
    #expect(outcome.text == "")
  }

  @Test func `a difference exits with 1 and is told as text and as JSON`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let first = try directory.write("a.dts", Data("/dts-v1/; / { x = <1>; };".utf8))
    let second = try directory.write("b.dts", Data("/dts-v1/; / { x = <2>; };".utf8))
    let text = try Dpaac.tool.run(["tree", "diff", first, second])
    #expect(text.status == 1)
    #expect(text.text == "~ / x\n    - <1>\n    + <2>\n")
    let json = try Dpaac.tool.run(["tree", "diff", "--format", "json", first, second])
    #expect(json.status == 1)
    let changes = try #require(Dpaac.report(json.text)["changes"] as? [[String: Any]])
    #expect(changes.map { $0["kind"] as? String } == ["property-changed"])
  }

  @Test func `a query shows a node, and what is near when there is none`() throws {
    let found = try Dpaac.tool.run(["tree", "query", Self.board, "mpic"])
    #expect(found.status == 0, "\(found.errorText)")
    #expect(found.text.contains("CPU address"))
    let json = try Dpaac.tool.run(["tree", "query", Self.board, "/", "--format", "json"])
    #expect(try Dpaac.report(json.text)["path"] as? String == "/")
    let missing = try Dpaac.tool.run(["tree", "query", Self.board, "mpicc"])
    #expect(missing.status == 1)
    #expect(missing.errorText.contains("did you mean mpic"))
  }

  @Test(arguments: [["tree", "diff", "-", "-"], ["tree", "query", "x"], ["tree", "nothing"]])
  func `bad usage exits with 64`(arguments: [String]) throws {
    #expect(try Dpaac.tool.run(arguments).status == 64)
  }

  @Test(arguments: [
    ["tree", "diff", "/nonexistent", "-"], ["tree", "query", "/nonexistent", "/"],
  ])
  func `a file that is not there exits with 1`(arguments: [String]) throws {
    let outcome = try Dpaac.tool.run(arguments)
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("cannot read /nonexistent"))
  }

  @Test(arguments: [["tree"], ["tree", "diff"], ["tree", "query"]])
  func `help has an example`(command: [String]) throws {
    let outcome = try Dpaac.tool.run(command + ["--help"])
    #expect(outcome.status == 0)
    #expect(outcome.text.contains("  dpaac tree "))
  }
}
