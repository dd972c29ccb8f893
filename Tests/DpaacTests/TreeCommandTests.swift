import Foundation
import TestSupport
import Testing

/// `dpaac tree` as a user types it.
@Suite(.timeLimit(.minutes(10))) struct TreeCommandTests {
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

  @Test func `a check says everything at once, in the format asked for`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let file = try directory.write(
      "a.dts",
      Data(
        "/dts-v1/; / { a; a; n@1 { }; aliases { A = \"/aliases\"; }; m { /delete-node/ k; }; };"
          .utf8))
    let text = try Dpaac.tool.run(["tree", "check", file])
    #expect(text.status == 1)
    for code in [
      "duplicate-property-names", "unit-address-vs-reg", "alias-name-chars", "useless-deletion",
    ] {
      #expect(text.errorText.contains("[\(code)]"), "\(code)")
    }
    #expect(text.errorText.contains("\(file):1:15: note: the other property"))
    let sarif = try Dpaac.tool.run(["tree", "check", file, "--format", "sarif"])
    #expect(sarif.status == 1)
    #expect(try Dpaac.report(sarif.text)["version"] as? String == "2.1.0")
    let sound = try Dpaac.tool.run(["tree", "check", "-"], input: Array("/dts-v1/; / { };".utf8))
    #expect(sound.status == 0)
    #expect(sound.errorText == "")
    let off = try Dpaac.tool.run(["tree", "check", file, "--off", "no-such-check"])
    #expect(off.status == 64)
  }

  @Test func `a history names the file, line and column of every value`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let file = try directory.write(
      "a.dts", Data("/dts-v1/; / { l: n { x = <1>; }; };\n&l { x = <2>; };\n".utf8))
    let text = try Dpaac.tool.run(["tree", "query", file, "l", "--history"])
    #expect(text.status == 0, "\(text.errorText)")
    #expect(text.text.contains("x\n  \(file):2:6: <2>\n  \(file):1:22: was <1>\n"))
    let json = try Dpaac.tool.run(["tree", "query", file, "l", "--history", "--format", "json"])
    let history = try #require(Dpaac.report(json.text)["history"] as? [String: Any])
    let properties = try #require(history["properties"] as? [[String: Any]])
    #expect((properties.first?["events"] as? [Any])?.count == 2)
    let gone = try directory.write(
      "b.dts", Data("/dts-v1/; / { l: n { }; };\n/delete-node/ &l;\n".utf8))
    let missing = try Dpaac.tool.run(["tree", "query", gone, "/n", "--history"])
    #expect(missing.status == 1)
    #expect(missing.errorText.contains("\(gone):2:15: note: it was deleted here"))
  }

  @Test func `a blob is printed with the labels that its symbols know`() throws {
    let source = "/dts-v1/; / { l: n { x = <10>; }; };"
    let blob = try Dpaac.tool.run(["dtc", "-@", "-"], input: Array(source.utf8))
    let printed = try Dpaac.tool.run(["tree", "print", "-"], input: Array(blob.output))
    #expect(printed.status == 0, "\(printed.errorText)")
    #expect(printed.text.contains("l: n {"))
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

  @Test(arguments: [
    ["tree"], ["tree", "check"], ["tree", "diff"], ["tree", "query"], ["tree", "print"],
  ])
  func `help has an example`(command: [String]) throws {
    let outcome = try Dpaac.tool.run(command + ["--help"])
    #expect(outcome.status == 0)
    #expect(outcome.text.contains("  dpaac tree "))
  }
}
