import DeviceTree
import Diagnostics
import Foundation
import Testing

/// One small file for every fault, each with what must be said of it in its first lines.
@Suite struct FaultFixtureTests {
  /// The names of the files in a folder of the fixtures.
  private static func names(_ folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(fixtures)/\(folder)")) ?? []).sorted()
  }

  /// A fixture's text, and what its first lines expect.
  private func fixture(_ name: String) throws -> (text: String, expected: [String]) {
    let text = try String(contentsOfFile: "\(fixtures)/\(name)", encoding: .utf8)
    let mark = "// expect "
    let expected = text.split(separator: "\n").prefix { $0.hasPrefix(mark) }
      .map { String($0.dropFirst(mark.count)) }
    try #require(!expected.isEmpty, "\(name) expects nothing")
    return (text, expected)
  }

  @Test(arguments: names("checks")) func `a check finds its fault where it is`(name: String) throws
  {
    let (text, expected) = try fixture("checks/\(name)")
    let code = DiagnosticCode(String(name.dropLast(".dts".count)))
    var bag = DiagnosticBag()
    let file = SourceFile(name: name, text: text)
    var tree = try #require(SourceReader().read(file, into: &bag))
    var checker = TreeChecker()
    checker.includesSpecification = true
    if checker.severity(of: code) == nil {
      let isKnown = checker.configure("\(code)", .warning)
      #expect(isKnown)
    }
    checker.check(&tree, into: &bag)
    #expect(places(bag).filter { $0.hasSuffix(" \(code)") } == expected)
  }

  @Test func `every check has its fixture, but for sums of others and bad characters`() {
    // The parser lets no such character through; trees made by hand are tested for them.
    let unwritable: Set = ["node-name-chars", "property-name-chars"]
    // Nothing but the sum of their prerequisites, or reported under those names.
    let sums: Set = ["addr-size-cells", "omit-unused-nodes", "simple-bus-bridge"]
    let names = Set(Self.names("checks").map { String($0.dropLast(".dts".count)) })
    let missing = Set(TreeCheck.known.map(\.code.description)).subtracting(names)
    #expect(missing.subtracting(unwritable).subtracting(sums).sorted() == [])
    #expect(names.subtracting(TreeCheck.known.map(\.code.description)).sorted() == [])
  }

  @Test(arguments: names("blobs")) func `a damaged blob is told by its offset`(name: String) throws
  {
    let (text, expected) = try fixture("blobs/\(name)")
    let digits = text.split(separator: "\n").filter { !$0.hasPrefix("//") }.joined(separator: " ")
    var bytes: [UInt8] = []
    for word in digits.split(separator: " ") {
      var rest = word[...]
      while !rest.isEmpty {
        bytes.append(try #require(UInt8(rest.prefix(2), radix: 16)))
        rest = rest.dropFirst(2)
      }
    }
    var bag = DiagnosticBag()
    _ = BlobReader().read(bytes, name: name, into: &bag)
    try expect(bag, expected, of: name)
  }

  @Test(arguments: names("overlays"))
  func `an overlay that does not apply names fragment and symbol`(name: String) throws {
    let (text, expected) = try fixture("overlays/\(name)")
    var bag = DiagnosticBag()
    var base = try #require(read("/dts-v1/; / { u: uart { }; };").tree)
    base.addSymbols(into: &bag)
    let overlay = try #require(
      SourceReader().read(SourceFile(name: name, text: text), into: &bag))
    Overlay(overlay, name: name).apply(to: &base, into: &bag)
    try expect(bag, expected, of: name)
  }

  /// One finding with the code that names the file, and a text in its message.
  private func expect(_ bag: DiagnosticBag, _ expected: [String], of name: String) throws {
    let finding = try #require(bag.diagnostics.first)
    #expect(bag.diagnostics.count == 1)
    let parts = try #require(expected.first).split(separator: " ", maxSplits: 1)
    #expect(finding.code.description == parts[0])
    #expect(name.hasPrefix("\(finding.code)."))
    #expect(finding.message.contains(parts[1]), "\(finding.message)")
  }

  @Test func `what has no end is given up, and said so once`() throws {
    let errors = String(repeating: "a = <08>;\n", count: 200)
    let many = read("/dts-v1/; / {\n\(errors)};").bag
    #expect(many.diagnostics.count { $0.code == "bad-literal" } == 100)
    #expect(many.diagnostics.last?.code == "too-many-errors")
    #expect(many.diagnostics.last?.span?.start.line == 102)
    let parentheses = String(repeating: "(", count: 600)
    #expect(places(read("/dts-v1/; / { a = <\(parentheses)").bag) == ["1:270 expression-too-deep"])
    let loader = FileLoader { name in
      name == "test.dts" ? nil : Array("/include/ \"\(name)x\"".utf8)
    }
    let deep = read("/dts-v1/; /include/ \"x\" / { };", loader: loader).bag
    #expect(places(deep).contains("1:11 include-depth"))
  }

  @Test func `a file that is not there, and a label that is taken, are told`() throws {
    var bag = DiagnosticBag()
    #expect(TreeLoader().load("/nonexistent", into: &bag) == nil)
    #expect(bag.diagnostics.map(\.code) == ["unreadable-file"])
    var tree = try #require(read("/dts-v1/; / { aliases { l = \"/\"; }; l: n { }; };").tree)
    var labels = DiagnosticBag()
    tree.addLabelAliases(into: &labels)
    #expect(places(labels) == ["1:40 label-taken"])
  }

  @Test func `deletions that do nothing are told apart, those that do something are not told`() {
    func told(_ text: String) -> [String] {
      read("/dts-v1/; / { " + text).bag.diagnostics.map {
        "\($0.message) | \($0.fixIts.first?.message ?? "")"
      }
    }
    #expect(told("a { x; n { }; }; }; / { a { /delete-property/ x; /delete-node/ n; }; };") == [])
    #expect(
      told("a { /delete-node/ l; }; l: n { }; };") == [
        "this deletes nothing: /a has no child l here | to delete the node labelled l, write "
          + "/delete-node/ &l; outside of all nodes"
      ])
    #expect(
      told("l: a { serial@1 { }; }; }; &l { /delete-node/ serial@2; };") == [
        "this deletes nothing: /a has no child serial@2 here | did you mean serial@1?"
      ])
    #expect(
      told("a { x; /delete-property/ x; }; };") == [
        "this deletes nothing: /a gets its property x in the same braces | leave out both, or "
          + "delete it where the node is laid over again"
      ])
  }

  @Test func `a misspelt directive and a misspelt label are answered with the nearest`() {
    let (_, bag) = read("/dts-v1/; / { /delete-property x; };\n/delete-nod/ &l;\n/memreserv/ 1 2;")
    #expect(
      bag.sorted.map { "\($0.code) \($0.fixIts.first?.message ?? "")" }.suffix(2) == [
        "unknown-directive did you mean /delete-node/?",
        "unknown-directive did you mean /memreserve/?",
      ])
    #expect(bag.sorted.first?.code == "unexpected-token")
    let version = read("/dts-v2/; / { };").bag
    #expect(version.diagnostics.first?.fixIts.first?.replacement == "/dts-v1/")
    let missing = read("/ { };").bag
    #expect(missing.diagnostics.first?.fixIts.first?.replacement == "/dts-v1/;\n")
    let label = read("/dts-v1/; / { a = <&serail0>; serial0: s { }; };").bag
    #expect(label.diagnostics.first?.fixIts.first?.message == "did you mean &serial0?")
  }

  @Test func `every code in the library's source has a fixture or is asked for by a test`() throws {
    var codes = try SourceCodes.codes(in: "Sources/DeviceTree")
    #expect(codes.count > 40)
    let folders = ["", "checks", "blobs", "overlays"]
    let held = Set(folders.flatMap(Self.names).map { String($0.prefix { $0 != "." }) })
    let tests = try SourceCodes.texts("Tests/DeviceTreeTests").joined()
    codes.remove("blob-too-large")  // takes a tree of 4 GiB
    let untested = codes.filter { !held.contains($0) && !tests.contains("\($0)\"") }
    #expect(untested.sorted() == [])
  }
}
