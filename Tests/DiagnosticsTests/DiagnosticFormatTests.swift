import Diagnostics
import Foundation
import Testing

@Suite struct DiagnosticFormatTests {
  private let file = SourceFile(
    name: "boards/größe 1.dts", text: "/ {\n  a = \"ä𝄞\" 5;\n  label: b;\n};\n")

  private func span(_ text: String) throws -> SourceSpan {
    let start = try #require(
      (0..<file.bytes.count).first { file.bytes[$0...].starts(with: text.utf8) })
    return SourceSpan(file, start..<start + text.utf8.count)
  }

  private func sample() throws -> DiagnosticBag {
    var bag = DiagnosticBag()
    bag.error(
      "syntax", "a comma, or: 100% of it, is\nmissing", at: try span("5"), label: "here",
      notes: [Note("the list begins here", at: try span("a =")), Note("nowhere")],
      fixIts: [
        FixIt("insert a comma", replacing: SourceSpan(file, 13..<13), with: ","),
        FixIt("remove the label", replacing: try span("label: "), with: ""), FixIt("think"),
      ])
    bag.warning("lines", "runs on", at: try span("label: b;\n};"))
    bag.add(Diagnostic("placeless", .note, "has no place"))
    return bag
  }

  /// A member of nested objects and lists: `runs/0/results/1`.
  private func member(_ path: String, _ value: Any) -> Any? {
    path.split(separator: "/").reduce(Optional(value)) { value, key in
      if let list = value as? [Any] {
        return Int(key).flatMap { list.indices.contains($0) ? list[$0] : nil }
      }
      return (value as? [String: Any])?[String(key)]
    }
  }

  private func sarif(_ bag: DiagnosticBag) throws -> Any {
    let text = DiagnosticFormat.sarif.render(bag, summaries: ["syntax": "a source is one"])
    return try JSONSerialization.jsonObject(with: Data(text.utf8))
  }

  private func region(_ path: String, _ log: Any) -> [Int] {
    ["startLine", "startColumn", "endLine", "endColumn"].compactMap {
      member("\(path)/\($0)", log) as? Int
    }
  }

  @Test func `SARIF names the rule, the level and the region in UTF-16 code units`() throws {
    let log = try sarif(try sample())
    #expect(member("version", log) as? String == "2.1.0")
    #expect(member("runs/0/columnKind", log) as? String == "utf16CodeUnits")
    #expect(member("runs/0/tool/driver/name", log) as? String == "dpaac")
    let rules = try #require(member("runs/0/tool/driver/rules", log) as? [[String: Any]])
    #expect(rules.map { $0["id"] as? String } == ["lines", "placeless", "syntax"])
    #expect(
      member("runs/0/tool/driver/rules/2/shortDescription/text", log) as? String
        == "a source is one")
    let results = try #require(member("runs/0/results", log) as? [[String: Any]])
    #expect(results.map { $0["ruleId"] as? String } == ["syntax", "lines", "placeless"])
    #expect(results.map { $0["ruleIndex"] as? Int } == [2, 0, 1])
    #expect(results.map { $0["level"] as? String } == ["error", "warning", "note"])
    // `  a = "ä𝄞" 5;`: ä is one unit of two bytes, 𝄞 two units of four.
    let place = "runs/0/results/0/locations/0"
    #expect(region("\(place)/physicalLocation/region", log) == [2, 13, 2, 14])
    #expect(
      member("\(place)/physicalLocation/artifactLocation/uri", log) as? String
        == "boards/gr%C3%B6%C3%9Fe%201.dts")
    #expect(member("\(place)/message/text", log) as? String == "here")
    #expect(
      region("runs/0/results/1/locations/0/physicalLocation/region", log) == [3, 3, 4, 3])
    #expect(member("runs/0/results/2/locations", log) == nil)
  }

  @Test func `SARIF keeps notes as related locations and repairs as fixes`() throws {
    let log = try sarif(try sample())
    let result = "runs/0/results/0"
    #expect(
      region("\(result)/relatedLocations/0/physicalLocation/region", log) == [2, 3, 2, 6])
    #expect(
      member("\(result)/relatedLocations/1/message/text", log) as? String == "nowhere")
    #expect(member("\(result)/relatedLocations/1/physicalLocation", log) == nil)
    let fixes = try #require(member("\(result)/fixes", log) as? [Any])
    #expect(fixes.count == 2, "a repair in words changes no file")
    #expect(
      member("\(result)/message/text", log) as? String
        == "a comma, or: 100% of it, is\nmissing\nfix: think")
    let replacement = "artifactChanges/0/replacements/0"
    #expect(member("\(replacement)/insertedContent/text", fixes[0]) as? String == ",")
    let insertion = region("\(replacement)/deletedRegion", fixes[0])
    #expect(insertion.count == 4 && insertion[1] == insertion[3])
    #expect(region("\(replacement)/deletedRegion", fixes[1]) == [3, 3, 3, 10])
    #expect(member("\(replacement)/insertedContent", fixes[1]) == nil)
    #expect(member("description/text", fixes[1]) as? String == "remove the label")
  }

  @Test func `documents for programs are whole without a finding too`() throws {
    let log = try sarif(DiagnosticBag())
    #expect((member("runs/0/results", log) as? [Any])?.isEmpty == true)
    let json = try JSONSerialization.jsonObject(
      with: Data(DiagnosticFormat.json.render(DiagnosticBag()).utf8))
    #expect((member("diagnostics", json) as? [Any])?.isEmpty == true)
    #expect(DiagnosticFormat.text.render(DiagnosticBag()) == "")
    #expect(DiagnosticFormat.github.render(DiagnosticBag()) == "")
  }

  @Test(arguments: [
    ("/tmp/a b.dts", "file:///tmp/a%20b.dts"), ("//host/x", "file:///.//host/x"),
    ("c:x", "c%3Ax"), ("-", "-"), ("<embedded x>", "%3Cembedded%20x%3E"), ("50%", "50%25"),
  ])
  func `a file's name becomes a reference`(name: String, uri: String) throws {
    var bag = DiagnosticBag()
    let named = SourceFile(name: name, text: "x")
    bag.error("c", "m", at: SourceSpan(named, 0..<1))
    let place = "runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri"
    #expect(member(place, try sarif(bag)) as? String == uri)
  }

  @Test func `GitHub's commands are one line each, with everything escaped`() throws {
    let text = DiagnosticFormat.github.render(try sample())
    #expect(
      text == """
        ::error file=boards/größe 1.dts,line=2,col=13,endColumn=14,title=syntax::a comma, or: \
        100%25 of it, is%0Amissing%0Aboards/größe 1.dts:2:3: note: the list begins here%0Anote: \
        nowhere%0Afix: insert a comma%0Afix: remove the label%0Afix: think
        ::warning file=boards/größe 1.dts,line=3,endLine=4,title=lines::runs on
        ::notice title=placeless::has no place

        """)
    var bag = DiagnosticBag()
    bag.error("c", "m", at: SourceSpan(SourceFile(name: "a,b:c.dts", text: "x"), 0..<1))
    #expect(DiagnosticFormat.github.render(bag).hasPrefix("::error file=a%2Cb%3Ac.dts,line=1,"))
  }

  @Test func `a line of a hostile file that is not UTF-8 still has columns`() throws {
    let hostile = SourceFile(name: "x", bytes: [0xFF, 0xC3, 0x20, 0x41])
    var bag = DiagnosticBag()
    bag.error("c", "m", at: SourceSpan(hostile, 3..<4))
    let log = try sarif(bag)
    #expect(
      region("runs/0/results/0/locations/0/physicalLocation/region", log) == [1, 4, 1, 5])
  }
}
