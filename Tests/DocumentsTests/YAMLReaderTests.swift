import Diagnostics
import Documents
import Testing

@Suite struct YAMLReaderTests {
  private func read(_ text: String) -> (node: YAMLNode?, bag: DiagnosticBag) {
    var bag = DiagnosticBag()
    let node = YAMLReader().read(SourceFile(name: "t.yaml", text: text), into: &bag)
    return (node, bag)
  }

  /// The nodes as one line, with the place of each as `@line:column`.
  private func outline(_ node: YAMLNode) -> String {
    let place = "@\(node.span.start.line):\(node.span.start.column)"
    switch node.value {
    case .scalar(let scalar): return (scalar.isPlain ? scalar.text : "'\(scalar.text)'") + place
    case .sequence(let items): return "[" + items.map(outline).joined(separator: " ") + "]" + place
    case .mapping(let entries):
      let inner = entries.map { entry in
        "\(entry.key)@\(entry.keySpan.start.line):\(entry.keySpan.start.column)="
          + outline(entry.value)
      }
      return "{" + inner.joined(separator: " ") + "}" + place
    }
  }

  @Test func `every node and key knows its place`() throws {
    let (node, bag) = read("a: 1\nb:\n  - x\n  - {c: 'd', e: [f]}\n")
    #expect(bag.isEmpty)
    #expect(
      try outline(#require(node))
        == "{a@1:1=1@1:4 b@2:1=[x@3:5 {c@4:6='d'@4:9 e@4:14=[f@4:18]@4:17}@4:5]@3:3}@1:1")
  }

  @Test func `spans cover exactly the text, also behind characters of several bytes`() throws {
    let (node, _) = read("\u{FEFF}k: [ü, \"ß\" , z]   # ende\nblock:\n  x: 1\n\n\n# more\n")
    guard case .mapping(let entries) = try #require(node).value else {
      Issue.record("no mapping")
      return
    }
    #expect(entries[0].keySpan.text == "k")
    #expect(entries[0].value.span.text == "[ü, \"ß\" , z]")
    guard case .sequence(let items) = entries[0].value.value else {
      Issue.record("no list")
      return
    }
    #expect(items.map(\.span.text) == ["ü", "\"ß\"", "z"])
    #expect(entries[1].value.span.text == "x: 1")
  }

  @Test func `an alias has the anchor's value and its own place`() throws {
    let (node, bag) = read("a: &p [1, 2]\nb: *p\n")
    #expect(bag.isEmpty)
    #expect(
      try outline(#require(node)) == "{a@1:1=[1@1:8 2@1:11]@1:4 b@2:1=[1@1:8 2@1:11]@2:4}@1:1")
  }

  @Test(arguments: [
    ("a: 1\nb: 2\na: 3\n", "yaml-duplicate-key", 3, 1),
    ("a: 1\n---\nb: 2\n", "yaml-multiple-documents", 2, 1),
    ("# nothing\n", "yaml-empty", 2, 1),
    ("", "yaml-empty", 1, 1),
    ("a: [1, 2\nb: 3\n", "yaml-syntax", 2, 2),
    ("a:\n\t- 1\n", "yaml-syntax", 2, 1),
    ("a: 'x\n", "yaml-syntax", 2, 1),
    ("? [a, b]\n: 1\n", "yaml-key", 1, 3),
    ("a: *nobody\n", "yaml-alias", 1, 4),
    ("a: !!binary x\n", "yaml-tag", 1, 4),
    ("a: &a [*a]\n", "yaml-alias", 1, 8),
  ]) func `bad input is one located error`(text: String, code: String, line: Int, column: Int) {
    let (node, bag) = read(text)
    #expect(node == nil)
    #expect(bag.diagnostics.map(\.code.description) == [code])
    #expect(bag.diagnostics.first?.span?.start == SourcePosition(line: line, column: column))
  }

  @Test func `endless nesting is an error where it gets too deep`() {
    let (_, flow) = read(String(repeating: "[", count: 100_000))
    #expect(flow.diagnostics.map(\.code) == [.yamlNesting])
    #expect(flow.diagnostics.first?.span?.start == SourcePosition(line: 1, column: 65))
    let (_, block) = read(String(repeating: "- ", count: 5_000))
    #expect(block.diagnostics.map(\.code) == [.yamlNesting])
  }

  @Test func `a duplicate key names both places, and every one is found`() {
    let (_, bag) = read("a: 1\nb: {c: 1, c: 2}\na: 3\n")
    #expect(bag.diagnostics.map { $0.span?.start.line } == [2, 3])
    #expect(bag.diagnostics.map { $0.notes.first?.span?.start.line } == [2, 1])
  }

  @Test func `bytes that are no UTF-8 are an error at their place`() {
    var bag = DiagnosticBag()
    let file = SourceFile(name: "t", bytes: Array("a: 1\nb: ".utf8) + [0xff, 0x0a])
    #expect(YAMLReader().read(file, into: &bag) == nil)
    #expect(bag.diagnostics.first?.code == .yamlSyntax)
    #expect(bag.diagnostics.first?.span?.start == SourcePosition(line: 2, column: 4))
  }

  @Test(.timeLimit(.minutes(10))) func `a billion laughs are an error and take no time`() {
    var text = "l0: &l0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n"
    for level in 1...12 {
      let item = "*l\(level - 1)"
      text +=
        "l\(level): &l\(level) [\([String](repeating: item, count: 10).joined(separator: ", "))]\n"
    }
    let (node, bag) = read(text)
    #expect(node == nil)
    #expect(bag.diagnostics.map(\.code) == [.yamlAliasExpansion])
  }
}
