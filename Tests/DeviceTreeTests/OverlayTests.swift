import DeviceTree
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
}
