import DeviceTree
import Diagnostics
import Testing

/// A reference that leads nowhere is told where it stands in its value, not where the value begins.
@Suite struct ReferencePlaceTests {
  /// Line, column and text of what is found when references are resolved.
  private func found(_ text: String, loader: FileLoader = FileLoader { _ in nil }) throws
    -> [String]
  {
    var tree = try #require(read(text, loader: loader).tree)
    var bag = DiagnosticBag()
    tree.resolveReferences(into: &bag)
    return told(bag)
  }

  private func told(_ bag: DiagnosticBag) -> [String] {
    bag.diagnostics.map { finding in
      guard let span = finding.span else { return "no place" }
      return "\(span.start.line):\(span.start.column) \(span.text)"
    }
  }

  @Test func `references to nowhere are told with their own places and ranges`() throws {
    let text = """
      /dts-v1/;
      / {
        a = <1 &n &no>, "&no", [00 ff], /bits/ 8 <(1 && 2) (3 & 1)>, // &no
          &{/no-1}, l: <&n>, &n, /* &no; */ <&no &{n/far}>;
        n: n { b = &no; };
      };
      """
    #expect(
      try found(text) == ["3:13 &no", "4:40 &no", "4:44 &{n/far}", "4:5 &{/no-1}", "5:14 &no"])
  }

  @Test func `the label that was meant is offered for a tool to put in`() throws {
    let text = "/dts-v1/;\n/ { a = <1 &seral0>; serial0: s { }; };\n"
    var tree = try #require(read(text).tree)
    var bag = DiagnosticBag()
    tree.resolveReferences(into: &bag)
    let repair = try #require(bag.diagnostics.first?.fixIts.first)
    #expect(repair.message == "did you mean &serial0?")
    #expect(repair.span?.text == "&seral0")
    #expect(repair.replacement == "&serial0")
  }

  @Test func `in what a preprocessor expands the user's own line and column are told`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let text = "#define A(x) <1 &x>\n/dts-v1/;\n/ { a = <1>,\n  <&no>, A(na); };\n"
    let file = SourceFile(name: try directory.write("board.dts", text: text), text: text)
    var bag = DiagnosticBag()
    let expanded = try #require(SourcePreprocessor().expand(file, into: &bag))
    #expect(expanded.expansion != nil)
    var tree = try #require(SourceReader().read(expanded, into: &bag))
    tree.resolveReferences(into: &bag)
    let places = bag.diagnostics.map { $0.atOrigin.span }
    #expect(places.map { $0?.location } == ["\(file.name):4:4", "\(file.name):4:10"])
    // What came out of a macro was written as its call.
    #expect(places.map { $0?.text } == ["&no", "A(na)"])
  }

  @Test func `behind an include in a value the property is told, before it the reference`() throws {
    // Both of the others have the same place and words, so they are told once.
    let text = "/dts-v1/;\n/ { a = <&x\n/include/ \"more\"\n&y>; };\n"
    let loader = FileLoader { name in name == "more" ? Array("&y ".utf8) : nil }
    #expect(try found(text, loader: loader) == ["2:10 &x", "2:5 a"])
  }

  @Test func `a value that a program changed is told by the name of its property`() throws {
    var tree = try #require(read("/dts-v1/;\n/ { a = <&x &y>; };\n").tree)
    let index = try #require(tree.root.properties.firstIndex { $0.name == "a" })
    tree.root.properties[index].value = .cells([.reference("y"), .reference("y"), .reference("z")])
    var bag = DiagnosticBag()
    tree.resolveReferences(into: &bag)
    #expect(told(bag) == ["2:5 a", "2:13 &y", "2:5 a"])
  }
}
