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

  @Test func `every name that begins with another one is told, not the next only`() throws {
    let more = ["rest2", "rest21", "rest3"].map {
      "<distribution name=\"\($0)\"><queue base=\"1\"/></distribution>"
    }
    let policy = try read("sound-policy.xml")
      .replacing("</netpcd>", with: more.joined() + "</netpcd>")
    let found = try lint(policy: policy).diagnostics.filter { $0.code == "fmc-name-prefix" }
    #expect(
      found.map { $0.message.prefix { $0 != ":" } } == [
        "the name rest begins the name rest2", "the name rest2 begins the name rest21",
        "the name rest begins the name rest3",
      ])
  }

  @Test func `advice is given for the first hundreds of names that are not defined`() throws {
    let more = String(repeating: "<distributionref name=\"rests\"/>", count: 300)
    let policy = try read("sound-policy.xml")
      .replacing("</dist_order>", with: more + "</dist_order>")
    let found = try lint(policy: policy).diagnostics.filter { $0.code == "fmc-unresolved" }
    #expect(found.count == 300)
    #expect(found.first?.fixIts.first?.message == "did you mean rest?")
    #expect(found.last?.fixIts.isEmpty == true)
  }

  @Test func `copies of header manipulations are counted, and made no further than that takes`()
    throws
  {
    let headers = (0..<300).map { "<header name=\"h\($0)\" duplicate=\"512\"/>" }.joined()
    let policy = try read("sound-policy.xml")
      .replacing("</netpcd>", with: "<manipulations>\(headers)</manipulations></netpcd>")
    let found = try lint(policy: policy).diagnostics
    #expect(
      found.map(\.message)
        == ["there are 100104 header manipulations, but FMC holds 512"])
  }

  @Test(arguments: [(40, "40"), (5000, "more than 4096")])
  func `schemes are those of FMC's two engines, and thousands are not counted`(
    count: Int, number: String
  ) throws {
    func engine(_ name: String) -> String {
      "<engine name=\"\(name)\"><port type=\"MAC\" number=\"9\" policy=\"office\"/></engine>"
    }
    let engines = (["fm0"] + (0..<9).map { "engine\($0)" }).map(engine).joined()
    let names = (0..<count).map { "d\($0)" }
    let policy =
      "<netpcd><policy name=\"office\"><dist_order>"
      + names.map { "<distributionref name=\"\($0)\"/>" }.joined() + "</dist_order></policy>"
      + names.map { "<distribution name=\"\($0)\"><queue base=\"1\"/></distribution>" }.joined()
      + "</netpcd>"
    var bag = DiagnosticBag()
    FMCLint().check(
      configuration: SourceFile(
        name: "config.xml", text: "<cfgdata><config>\(engines)</config></cfgdata>"),
      policy: SourceFile(name: "policy.xml", text: policy), into: &bag)
    let found = bag.diagnostics.filter { $0.code == "fmc-limit" }.map(\.message)
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("the model needs \(number) KeyGen schemes, but") == true)
  }

  /// Two ways out of each of 40 nodes are 2^40 ways to the last one.
  @Test func `an import does not follow every way through nodes that meet again`() throws {
    func node(_ number: Int, _ target: String) -> String {
      "<classification name=\"n\(number)\" max=\"1\"><key><fieldref name=\"ipv4.dst\"/></key>"
        + "<entry><data>0x0a000001</data><action \(target)/></entry>"
        + "<action condition=\"on-miss\" \(target)/></classification>"
    }
    let nodes = (0..<39).map { node($0, "type=\"classification\" name=\"n\($0 + 1)\"") }
    let policy =
      "<netpcd><policy name=\"office\"><dist_order><distributionref name=\"d\"/></dist_order>"
      + "</policy><distribution name=\"d\"><queue base=\"1\"/>"
      + "<action type=\"classification\" name=\"n0\"/></distribution>" + nodes.joined()
      + node(39, "type=\"replicator\" name=\"r\"")
      + "<replicator name=\"r\"><entry><queue base=\"9\"/></entry></replicator></netpcd>"
    var bag = DiagnosticBag()
    let ports = FMCImport().read(
      configuration: SourceFile(name: "config.xml", text: try read("sound-config.xml")),
      policy: SourceFile(name: "policy.xml", text: policy), into: &bag)
    #expect(ports?.count == 1, "\(DiagnosticRenderer().render(bag))")
    #expect(ports?.first?.rules.isEmpty == true)
    #expect(bag.diagnostics.contains { $0.message.contains("8192 ways through classifications") })
  }

  @Test func `no name of FMC's writes lines of its own into the plan that is imported`() throws {
    let policy = try read("sound-policy.xml").replacing(
      "<queue base=\"1\"/>\n    <vsp name=\"host\"/>",
      with: "<queue base=\"1\"/><action type=\"policer\" name=\"a: b&#10;c_d\"/>"
        + "<vsp name=\"host\"/>"
    ).replacing(
      "<queue base=\"0x80\" count=\"64\"/>",
      with: "<queue base=\"0x80\" count=\"64\"/><action type=\"policer\" name=\"a; b&#10;c_d\"/>"
    ).replacing(
      "</netpcd>",
      with: [(":", 1), (";", 2)].map { mark, rate in
        "<policer name=\"a\(mark) b&#10;c_d\"><algorithm>rfc2698</algorithm><CIR>\(rate)</CIR>"
          + "<action condition=\"on-red\" type=\"drop\"/></policer>"
      }.joined() + "</netpcd>")
    var bag = DiagnosticBag()
    let ports = try #require(
      FMCImport().read(
        configuration: SourceFile(name: "config.xml", text: try read("sound-config.xml")),
        policy: SourceFile(name: "policy.xml", text: policy), into: &bag),
      "\(DiagnosticRenderer().render(bag))")
    let yaml = FMCPlanFragment(ports, board: nil, sources: ["a\nboard: b", "c"]).yaml()
    #expect(yaml.hasPrefix("# Imported by dpaac from a board: b and c.\n# "))
    // Two names that a plan would take for one stay two, each with its own settings.
    #expect(yaml.contains("\npolicers:\n  a--b-c_d:\n    algorithm: rfc-2698\n"))
    #expect(yaml.contains("\n  a--b-c_d-2:\n    algorithm: rfc-2698\n"))
    #expect(yaml.contains("policer: a--b-c_d }\n"))
    #expect(yaml.contains("policer: a--b-c_d-2\n"))
    #expect(Set(yaml.split(separator: "\n").filter { $0.contains("committed-rate") }).count == 2)
  }

  @Test(.enabled(if: isHeavy, "heavy: set DPAAC_HEAVY_TESTS=1"), .timeLimit(.minutes(30)))
  func `heavy: a file of ninety thousand ports and names is judged in time`() throws {
    let ports = String(
      repeating: "<port type=\"MAC\" number=\"9\" policy=\"office\"/>", count: 90_000)
    let distributions = (0..<90_000).map {
      "<distribution name=\"d\($0)\"><queue base=\"1\"/></distribution>"
    }
    var bag = DiagnosticBag()
    FMCLint().check(
      configuration: SourceFile(
        name: "config.xml",
        text: "<cfgdata><config><engine name=\"fm0\">\(ports)</engine></config></cfgdata>"),
      policy: SourceFile(
        name: "policy.xml",
        text: "<netpcd><policy name=\"office\"/>\(distributions.joined())</netpcd>"), into: &bag)
    #expect(bag.diagnostics.count { $0.code == "fmc-port-twice" } == 89_999)
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
