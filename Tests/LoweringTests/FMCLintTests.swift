import Diagnostics
import Glibc
import Lowering
import QorIQ
import TestSupport
import Testing

/// Every fixture under `Tests/Fixtures/fmc` is named after the code that it trips, followed by
/// `-config.xml` or `-policy.xml`; `sound-` stands in for the other file. Its last lines say all
/// that must be found, each with its place and that of its first note:
///
///     <!-- expect: error fmc-octal 29:32 -->
@Suite struct FMCLintTests {
  static let directory = "\(Checkout.path)/Tests/Fixtures/fmc"
  static let codes = (DiagnosticCatalogue.xml + DiagnosticCatalogue.fmc).map(\.code.description)
    .filter { $0 != "fmc-inexpressible" }

  @Test(arguments: codes)
  func `what FMC refuses or passes over is found at its place, and nothing else`(code: String)
    throws
  {
    let result = try lint(code, board: code == "fmc-fman-v2" ? "p4080ds" : nil)
    let found = result.bag.sorted.map(Self.summary)
    #expect(found == result.expected, "\(DiagnosticRenderer().render(result.bag))")
    #expect(result.expected.contains { $0.split(separator: " ").dropFirst().first == code[...] })
    for finding in result.bag.diagnostics {
      #expect(!finding.message.hasSuffix("."), "\(finding.message)")
      #expect(finding.severity == Self.severity(of: finding.code))
    }
  }

  @Test func `a sound pair is clean, on FMan v3 too`() throws {
    #expect(try lint("sound").bag.isEmpty)
    #expect(try lint("sound", board: "t4240qds").bag.isEmpty)
  }

  @Test func `every fixture is named after a code`() throws {
    let handle = try #require(opendir(Self.directory))
    defer { closedir(handle) }
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.hasSuffix(".xml") else { continue }
      let code = name.replacing("-config.xml", with: "").replacing("-policy.xml", with: "")
      #expect(code == "sound" || Self.codes.contains(code), "\(name) is named after no code")
    }
  }

  @Test(arguments: [
    ("12", 12, "sound"), (" 0x1F ", 31, "sound"), ("0", 0, "sound"), ("010", 8, "octal"),
    ("09", 0, "octal"), ("-1", -1, "negative"), ("abc", 0, "junk"), ("", 0, "junk"),
    ("12k", 12, "junk"), ("0x", 0, "junk"), ("4294967296", 4_294_967_296, "large"),
    ("99999999999999999999999999", nil, "large"),
  ])
  func `numbers are read as FMC reads them`(text: String, value: Int?, verdict: String) throws {
    var policy = try read("sound-policy.xml")
    policy = policy.replacing(
      "<vsp name=\"host\" base=\"0\"/>", with: "<vsp name=\"host\" base=\"0\" fqshift=\"\(text)\"/>"
    )
    let bag = try lint(policy: policy)
    switch verdict {
    case "sound": #expect(bag.isEmpty)
    case "octal":
      #expect(bag.diagnostics.map(\.code) == ["fmc-octal"])
      #expect(bag.diagnostics[0].message.hasSuffix("octal: \(value ?? -1)"))
    default:
      #expect(bag.diagnostics.map(\.code) == ["fmc-number"])
      if verdict == "junk" {
        #expect(bag.diagnostics[0].message.hasSuffix("FMC reads \(value ?? -1)"))
      }
    }
  }

  @Test func `a mutilated policy never stops the program`() throws {
    let bytes = Array(try read("sound-policy.xml").utf8)
    var random = SeededGenerator(seed: 7)
    for _ in 0..<100 {
      var mutated = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let start = Int.random(in: 0..<mutated.count, using: &random)
        let end = min(mutated.count, start + Int.random(in: 0...12, using: &random))
        let from = Int.random(in: 0..<bytes.count - 12, using: &random)
        mutated.replaceSubrange(start..<end, with: bytes[from..<from + end - start])
        mutated[Int.random(in: 0..<mutated.count, using: &random)] = UInt8(ascii: "9")
      }
      _ = try lint(policy: String(decoding: mutated, as: UTF8.self))
    }
  }

  @Test func `a chain of two thousand nodes is followed, and ends`() throws {
    let count = 2000
    var text =
      "<netpcd><policy name=\"office\"><dist_order><distributionref name=\"d\"/></dist_order>"
    text += "</policy><distribution name=\"d\"><queue base=\"1\"/>"
    text += "<action type=\"policer\" name=\"p0\"/></distribution>"
    for number in 0..<count {
      text += "<policer name=\"p\(number)\"><action condition=\"on-red\" type=\"policer\" "
      text += "name=\"p\(number + 1)\"/><action condition=\"on-green\" type=\"drop\"/></policer>"
      text += "<policy name=\"q\(number)\"/>"
    }
    let bag = try lint(policy: text + "</netpcd>")
    #expect(bag.diagnostics.count { $0.code == "fmc-empty-policy" } == count)
    #expect(bag.diagnostics.count { $0.code == "fmc-unresolved" } == 1)
  }

  // MARK: helpers

  private func read(_ name: String) throws -> String {
    var bag = DiagnosticBag()
    let file = try #require(TextFile.read("\(Self.directory)/\(name)", into: &bag), "\(name)")
    return String(decoding: file.bytes, as: UTF8.self)
  }

  private func lint(policy: String) throws -> DiagnosticBag {
    var bag = DiagnosticBag()
    FMCLint().check(
      configuration: SourceFile(name: "config.xml", text: try read("sound-config.xml")),
      policy: SourceFile(name: "policy.xml", text: policy), into: &bag)
    return bag
  }

  private func lint(_ code: String, board: String? = nil) throws -> (
    bag: DiagnosticBag, expected: [String]
  ) {
    var bag = DiagnosticBag()
    let board = board.flatMap { BoardSource.load($0, into: &bag)?.board }
    var expected: [String] = []
    let files = try ["config", "policy"].map { kind in
      var missing = DiagnosticBag()
      let own = TextFile.read("\(Self.directory)/\(code)-\(kind).xml", into: &missing)
      if let own {
        expected += String(decoding: own.bytes, as: UTF8.self).split(separator: "\n")
          .filter { $0.hasPrefix("<!-- expect: ") }
          .map { String($0.dropFirst(13).replacing(" -->", with: "")) }
      }
      let other = TextFile.read("\(Self.directory)/sound-\(kind).xml", into: &bag)
      return try #require(own ?? other)
    }
    FMCLint(board: board).check(configuration: files[0], policy: files[1], into: &bag)
    return (bag, expected)
  }

  private static func severity(of code: DiagnosticCode) -> Severity? {
    DiagnosticCatalogue.all.first { $0.code == code }?.severity
  }

  private static func summary(_ diagnostic: Diagnostic) -> String {
    func place(_ span: SourceSpan?) -> String {
      span.map { "\($0.start.line):\($0.start.column)" } ?? "nowhere"
    }
    let note = diagnostic.notes.first.map { " note \(place($0.span))" } ?? ""
    return "\(diagnostic.severity.rawValue) \(diagnostic.code) \(place(diagnostic.span))\(note)"
  }
}
