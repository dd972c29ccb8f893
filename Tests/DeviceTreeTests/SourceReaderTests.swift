import DeviceTree
import Diagnostics
import Foundation
import Testing

/// Reads source and resolves its references.
func read(
  _ text: String, name: String = "test.dts", loader: FileLoader = .system
) -> (tree: Tree?, bag: DiagnosticBag) {
  var bag = DiagnosticBag()
  let file = SourceFile(name: name, text: text)
  var tree = SourceReader(loader: loader).read(file, into: &bag)
  tree?.resolveReferences(into: &bag)
  return (tree, bag)
}

/// Where the findings of a bag are, as `line:column code`.
func places(_ bag: DiagnosticBag) -> [String] {
  bag.sorted.map { finding in
    let place = finding.span.map { "\($0.start.line):\($0.start.column)" } ?? "-"
    return "\(place) \(finding.code)"
  }
}

let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("Fixtures/trees").path

/// The sources among the fixtures that hold one fault each.
let faults =
  ((try? FileManager.default.contentsOfDirectory(atPath: fixtures)) ?? [])
  .filter { $0.hasSuffix(".dts") }.sorted()

/// Sources that show one thing each; dtc reads them all.
let samples = [
  "/dts-v1/; / { };",
  "/dts-v1/; /memreserve/ 0x1000 (1 + 2); l: /memreserve/ 0 0x10; / { a; };",
  "/dts-v1/; /dts-v1/; / { a = <1 2>, \"s\", [00 ff1a], <>; };",
  "/dts-v1/; / { a = <(1 << 63 >> 62) (-1) (5 / 2) (~0) (1 ? 2 : 3) 010 (2 > 1 && 0) 0x10UL>; };",
  "/dts-v1/; / { a = <(1 + 2 * 3 - 4 % 3) (6 & 3 | 8 ^ 1) (1 == 2 || 3 != 4) (!5) (7 <= 7)>; };",
  "/dts-v1/; / { a = <(1 ? 0 ? 1 : 2 : 3) (((4))) (10 - 3 - 2) (2 << 1 + 1) (1 < 2 == 1)>; };",
  "/dts-v1/; / { a = <0 00 0x0 7 4294967295 0xffffffff 1/**/2 3 l: 4>, <0x1\n0X2\t010 5U 6>; };",
  "/dts-v1/; / { a = <'a' '\\n' '\\x41' '\\''>; };",
  "/dts-v1/; / { a = \"x\\n\\t\\\"\\\\\\x41\\101\\q\"; b = \"\"; c = \"two\\0parts\"; };",
  "/dts-v1/; / { a = /bits/ 8 <1 0xff>, /bits/ 16 <1 0xffff (-2)>, /bits/ 64 <0x123456789abcdef0>; };",
  "/dts-v1/; / { l1: a = l2: <l3: 1 l4: 2> l5: , l6: \"s\" l7: , [01 l8: 02 l9:]; n1: n2: n { }; };",
  "/dts-v1/; / { a = <&b 1 &{/x}>; b: x { q = &b; r = &{/x/y}; y { p = <&b>, <&b>, &b; }; }; };",
  "/dts-v1/; / { a { x; }; b { }; }; / { a { y; x = <1>; }; c { }; };",
  "/dts-v1/; / { l: a { x; y; }; }; &l { z; /delete-property/ x; }; m: &{/a} { b { }; };",
  "/dts-v1/; / { a { x; y; z { }; }; m { }; }; / { /delete-node/ a; }; / { q { }; a { y; x; }; };",
  "/dts-v1/; / { l: a { }; b { }; }; /delete-node/ &l; /delete-node/ &{/b};",
  "/dts-v1/; / { a { }; /delete-node/ b; }; / { c { }; b { }; };",
  "/dts-v1/; / { x: y: n { }; }; / { z: w: n { k: p; }; }; / { n { j: p; }; };",
  "/dts-v1/; / { /omit-if-no-ref/ l: n { }; k: /omit-if-no-ref/ m { p = <&k>; }; };",
  "/dts-v1/; / { l: n { }; m { p = <&k>; }; k: o { }; }; /omit-if-no-ref/ &l; /omit-if-no-ref/ &k;",
  "/dts-v1/; / { p = <&m &l>; l: n { phandle = <7>; }; m: m { phandle = <&m>; }; };",
  "/dts-v1/; / { cpus { cpu@3 { reg = <3>; }; cpu@1 { reg = <1>; }; }; };",
  "/dts-v1/; / { cpus { a { reg = <3>; }; }; }; / { cpus { /delete-node/ a; b { reg = <9>; }; }; };",
  "/dts-v1/; / { 1a; a,b; \\if; a#b = \"x\"; 10@20 { }; };",
  "/dts-v1/;\n# 1 \"other.dts\"\n/ { #a-cells = <1>; };\n#line 4 \"x\" 2\n",
  "/dts-v1/; /* c */ / { // d\n a /* e */ = /**/ <1 /* f */ 2>; };",
  "/dts-v1/; / { reg; ranges-reg; x-reg; g; eg; reg2; };",
  "/dts-v1/; / { a = \"s\"; n { a; a-long-property-name-that-is-no-short-string = <1>; }; };",
  "/dts-v1/; / { a = <1>; a-b@1,2 { b = <0xdeadbeef 0xffffffff>; c = \"a\", \"b\"; d = [0102]; }; };",
]

@Suite struct SourceReaderTests {
  @Test(arguments: faults) func `a fault is found where it is`(name: String) throws {
    let text = try String(contentsOfFile: "\(fixtures)/\(name)", encoding: .utf8)
    let expected = try #require(text.split(separator: "\n").first).dropFirst("// expect ".count)
    let (_, bag) = read(text, name: "\(fixtures)/\(name)")
    #expect(places(bag) == [String(expected)])
    #expect(name == "\(bag.diagnostics.first?.code.description ?? "").dts")
  }

  @Test func `there are fixtures`() { #expect(faults.count >= 22) }

  @Test func `all mistakes are reported at once`() {
    let (tree, bag) = read(
      """
      /dts-v1/;
      / {
        a = <08>;
        b = [0g];
        c = <1>
        d = "x" "y";
        n { e = <(1 +)>; } ;
        f { } ;
        g = </>;
      };
      &nobody { h = <(1/0)>; };
      """)
    #expect(tree == nil)
    #expect(
      places(bag) == [
        "3:8 bad-literal", "4:8 unexpected-token", "5:10 missing-semicolon",
        "6:11 unexpected-token",
        "7:16 unexpected-token", "9:3 property-after-node", "9:8 unexpected-token",
        "11:1 node-not-found", "11:18 division-by-zero",
      ])
  }

  @Test func `a misspelt label is answered with the nearest one`() {
    let (_, bag) = read("/dts-v1/; / { serial0: s { }; }; &serail0 { };")
    #expect(bag.diagnostics.first?.fixIts.first?.message == "did you mean &serial0?")
  }

  @Test func `what is read keeps its place in the source`() throws {
    let tree = try #require(read("/dts-v1/; / { n { reg = <1>; }; };").tree)
    #expect(tree["/n"]?.span?.text == "n")
    #expect(tree["/n"]?.property("reg")?.span?.start == SourcePosition(line: 1, column: 19))
  }

  @Test func `a line marker moves what is reported to the original`() throws {
    let (_, bag) = read("/dts-v1/;\n# 40 \"board.dts\"\n/ {\n  a = <08>;\n};\n")
    #expect(bag.diagnostics.first?.span?.location == "board.dts:41:8")
    #expect(bag.diagnostics.first?.span?.text == "08")
  }

  @Test func `includes are read beside the file, then in the include paths`() throws {
    let files = [
      "dir/a.dtsi": "/ { a = <1>; };", "dir/sub/b.dtsi": "/include/ \"c.dtsi\"",
      "dir/sub/c.dtsi": "/ { c; };", "path/d.dtsi": "/ { d = /incbin/(\"e.bin\", 1, 2); };",
      "path/e.bin": "0123",
    ]
    let loader = FileLoader { path in files[path].map { Array($0.utf8) } }
    var reader = SourceReader(includePaths: ["path"], loader: loader)
    let main = SourceFile(
      name: "dir/main.dts",
      text:
        "/dts-v1/; /include/ \"a.dtsi\" /include/ \"sub/b.dtsi\" /include/ \"d.dtsi\"")
    var bag = DiagnosticBag()
    let tree = try #require(reader.read(main, into: &bag))
    #expect(tree.root.properties.map(\.name) == ["a", "c", "d"])
    #expect(tree.root["d"]?.bytes == Array("12".utf8))
    reader.includePaths = []
    #expect(reader.read(main, into: &bag) == nil)
    #expect(places(bag) == ["1:63 include-not-found"])
  }

  @Test func `a cycle over two files is found`() {
    let files = ["a": "/include/ \"b\"", "b": "/include/ \"a\""]
    let loader = FileLoader { files[$0].map { Array($0.utf8) } }
    let (_, bag) = read("/dts-v1/; /include/ \"a\" / { };", loader: loader)
    #expect(places(bag) == ["1:11 include-cycle"])
  }

  @Test(arguments: [
    String(repeating: "a{", count: 1_000_000),
    "x=<" + String(repeating: "(", count: 1_000_000),
    "x=<(" + String(repeating: "-", count: 1_000_000) + "1)>;",
    "x=<(" + String(repeating: "1?", count: 1_000_000),
    String(repeating: "}", count: 1_000_000),
    String(repeating: "l:", count: 100_000) + "x;",
    String(repeating: "x=;", count: 100_000),
  ])
  func `a million levels are refused or read, not died of`(inside: String) {
    let (_, bag) = read("/dts-v1/; / { " + inside)
    #expect(bag.hasErrors)
  }

  @Test(.enabled(if: Tool.hasDTC), arguments: samples)
  func `source becomes the blob and the text that dtc makes of it`(source: String) throws {
    let (result, bag) = read(source)
    #expect(!bag.hasErrors)
    let tree = try #require(result)
    let theirs = try Tool.dtc(["-O", "dtb"], Array(source.utf8))
    #expect(blob(tree) == theirs)
    // Debian's 1.6.1 prints source in an older style than ours, so it reads ours instead.
    let text = SourcePrinter(style: .dtc).print(tree)
    let bootCPU = ["-b", "\(tree.bootCPU)"]
    #expect(try Tool.dtc(["-O", "dtb"] + bootCPU, Array(text.utf8)) == theirs)
  }

  @Test(arguments: samples)
  func `text, tree, blob, tree and text again agree`(source: String) throws {
    var bag = DiagnosticBag()
    let file = SourceFile(name: "sample.dts", text: source)
    var tree = try #require(SourceReader().read(file, into: &bag))
    let printed = SourcePrinter().print(tree)
    let again = try #require(
      SourceReader().read(SourceFile(name: "printed.dts", text: printed), into: &bag))
    #expect(SourcePrinter().print(again) == printed)
    // A deleted processor still counts for the guess of the one that boots.
    tree.bootCPU = again.bootCPU
    #expect(blob(again) == blob(tree))
    let bytes = blob(tree)
    let fromBlob = try #require(BlobReader().read(bytes, name: "blob", into: &bag))
    #expect(blob(fromBlob) == bytes)
    let text = SourcePrinter().print(fromBlob)
    let last = try #require(
      SourceReader().read(SourceFile(name: "text.dts", text: text), into: &bag))
    #expect(blob(last).count == bytes.count)
    #expect(!bag.hasErrors)
  }
}
