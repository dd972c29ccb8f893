import DeviceTree
import DeviceTreeCommands
import Diagnostics
import Testing

@Suite struct OverlayTests {
  private func base() throws -> Tree {
    var bag = DiagnosticBag()
    var tree = try #require(read("/dts-v1/; / { soc: soc { u: uart { x = <&u>; }; }; };").tree)
    tree.addSymbols(into: &bag)
    return tree
  }

  private func apply(_ text: String) throws -> (tree: Tree, codes: [DiagnosticCode]) {
    var bag = DiagnosticBag()
    let file = SourceFile(name: "overlay.dts", text: text)
    let overlay = try #require(SourceReader().read(file, into: &bag))
    var tree = try base()
    Overlay(overlay, name: "overlay.dts").apply(to: &tree, into: &bag)
    return (tree, bag.diagnostics.map(\.code))
  }

  @Test func `an overlay read from source applies to a tree read from source`() throws {
    let (tree, codes) = try apply(
      "/dts-v1/; /plugin/; &u { y = <&n>; n: n { z = <&soc>; }; };")
    #expect(codes == [])
    let node = try #require(tree["/soc/uart/n"])
    #expect(tree["/soc/uart"]?["y"]?.cell == node.phandle)
    #expect(node["z"]?.cell == tree["/soc"]?.phandle)
    #expect(node.phandle ?? 0 > 2)
  }

  @Test(arguments: [
    ("&nobody { };", "overlay-symbol"), ("&{/nowhere} { };", "overlay-target"),
    ("/ { f { __overlay__ { }; }; };", "overlay-target"),
    ("/ { __fixups__ { u = \"/f:p:0\"; }; };", "overlay-fixup"),
    ("/ { __fixups__ { u = \"nonsense\"; }; };", "overlay-fixup"),
    ("/ { __fixups__ { u = \"/f:p:-1\"; }; f { p = <1>; }; };", "overlay-fixup"),
    ("/ { __fixups__ { u = \"/f:p:1\"; }; f { p = <1>; }; };", "overlay-fixup"),
    ("/ { __fixups__ { u = <1>; }; };", "overlay-fixup"),
    ("/ { f { phandle = <0xfffffff0>; }; __fixups__ { }; };", nil),
    ("/ { f { phandle = <0xfffffffe>; }; __fixups__ { }; };", "overlay-phandle"),
    ("/ { __fixups__ { }; __local_fixups__ { a { p = <0>; }; }; };", "overlay-fixup"),
    ("/ { __fixups__ { }; a { p; }; __local_fixups__ { a { p = <0>; }; }; };", "overlay-fixup"),
  ])
  func `an overlay that does not fit changes nothing`(text: String, code: String?) throws {
    let (tree, codes) = try apply("/dts-v1/; /plugin/; " + text)
    #expect(codes == (code.map { [DiagnosticCode($0)] } ?? []))
    if code != nil { #expect(tree == (try base())) }
  }

  @Test func `a node of the base keeps its phandle, and what refers to it follows`() throws {
    func read(_ text: String) throws -> Tree {
      var bag = DiagnosticBag()
      var tree = try #require(
        SourceReader().read(SourceFile(name: "t.dts", text: text), into: &bag))
      tree.resolveReferences(into: &bag)
      return tree
    }
    var base = try read("/dts-v1/; / { a { p = <&b>; }; b: b { phandle = <4>; }; };")
    let overlay = try read(
      "/dts-v1/; /plugin/; &{/} { l: b { x; }; m: c { q = <&l &m>; }; d { r = <&l>; }; };")
    var bag = DiagnosticBag()
    Overlay(overlay, name: "o").apply(to: &base, into: &bag)
    #expect(bag.isEmpty)
    #expect(base["/b"]?.phandle == 4)
    #expect(base["/a"]?["p"]?.cells == [4])
    #expect(base["/c"]?["q"]?.cells?.first == 4)
    #expect(base["/c"]?["q"]?.cells?.last == base["/c"]?.phandle)
    #expect(base["/d"]?["r"]?.cells == [4])
  }

  @Test func `nodes are nested no deeper by an overlay, nor are paths longer, than readers take`()
    throws
  {
    func chain(_ name: String, _ count: Int, _ inner: String) -> String {
      String(repeating: "\(name) {", count: count) + inner + String(repeating: "};", count: count)
    }
    for name in ["a", String(repeating: "n", count: 400)] {
      let count = name.utf8.count > 1 ? 6 : 600
      var bag = DiagnosticBag()
      var base = try #require(
        read("/dts-v1/; / { \(chain(name, count, "u: b { };")) };").tree)
      base.addSymbols(into: &bag)
      let overlay = try #require(
        read("/dts-v1/; /plugin/; &u { \(chain(name, count, "")) };").tree)
      let before = base
      Overlay(overlay, name: "o").apply(to: &base, into: &bag)
      #expect(bag.diagnostics.map(\.code) == ["nesting-too-deep"])
      #expect(base == before)
    }
  }

  @Test func `references come back by their names, sorted, the first of two at one place`() {
    var tree = Tree { root in
      let cells: [UInt8] = [0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1]
      root.add("a") { $0.set("p", PropertyValue(bytes: cells)) }
      root.add("b") { $0.set("phandle", 1) }
      root.add("__symbols__") { $0.set("lb", "/b") }
      root.add("__fixups__") {
        $0.set("far", "/a:p:4")
        $0.set("other", "/a:p:4")
      }
      root.add("__local_fixups__") { $0.add("a") { $0.set("p", .cells([8, 0, 4] as [UInt32])) } }
    }
    tree.restoreNames()
    #expect(
      tree["/a"]?["p"]?.markers == [
        Marker(.cells(.bits32), at: 0), Marker(.phandle("lb"), at: 0),
        Marker(.cells(.bits32), at: 4), Marker(.phandle("far"), at: 4),
        Marker(.cells(.bits32), at: 8), Marker(.phandle("lb"), at: 8),
      ])
  }

  @Test func `a path that leads out of an overlay cannot be fixed up`() {
    let test = TestConsole("/dts-v1/; /plugin/; / { p = <&{/out/there}>; };")
    #expect(test.run(.dtc, "-q") == 1)
    #expect(test.bytes.isEmpty)
    #expect(test.errors.contains("FATAL ERROR: /:p: &{/out/there}"))
    var bag = DiagnosticBag()
    var tree = Tree(isPlugin: true)
    tree.root.set("p", .reference("/out/there"))
    tree.addFixups(into: &bag)
    #expect(bag.diagnostics.map(\.code) == ["overlay-path-reference"])
  }

  @Test func `what an overlay extends by path is a fragment even after a node of that path`() {
    let test = TestConsole("/dts-v1/; /plugin/; &l { a; }; &{/} { b; }; &{/} { c; };")
    #expect(test.run(.dtc, "-q", "-O", "dts") == 0)
    for number in 0...2 { #expect(test.output.contains("fragment@\(number) {")) }
  }
}
