import DeviceTree
import Diagnostics
import Testing

/// What fuzzing found in sources: each once, so that it stays found.
@Suite(.timeLimit(.minutes(5))) struct HostileSourceTests {
  @Test func `includes that double with every level end with an error`() {
    // 40 levels of two includes each would be 2^40 files.
    let loader = FileLoader(load: { name in
      guard let level = Int(name), level <= 40 else { return nil }
      let next = "/include/ \"\(level + 1)\"\n"
      return level == 40 ? [] : Array((next + next).utf8)
    })
    var bag = DiagnosticBag()
    let source = SourceFile(name: "0", text: "/dts-v1/;\n/include/ \"1\"\n/ { };\n")
    #expect(SourceReader(loader: loader).read(source, into: &bag) == nil)
    #expect(bag.diagnostics.contains { $0.code == "include-limit" })
    #expect(bag.diagnostics.count < 20_000)
  }

  @Test func `includes that are refused again and again end with an error`() {
    var bag = DiagnosticBag()
    let text = "/dts-v1/;\n" + String(repeating: "/include/ \"none\"\n", count: 100_000)
    let source = SourceFile(name: "a", text: text)
    #expect(SourceReader(loader: FileLoader { _ in nil }).read(source, into: &bag) == nil)
    #expect(bag.diagnostics.count == 100)
  }

  @Test(arguments: ["9223372036854775807", "4294967295", "0", "1000000"])
  func `line markers of any number are taken`(number: String) {
    var bag = DiagnosticBag()
    let text = "# \(number) \"x\"\n/dts-v1/;\n/ { a = <; };\n"
    let source = SourceFile(name: "a", text: text)
    #expect(SourceReader().read(source, into: &bag) == nil)
    #expect(DiagnosticRenderer().render(bag).contains("a = <; }"))
    var bag2 = DiagnosticBag()
    let expansion = SourceExpansion(ofLineMarkersIn: source.bytes, name: "a")
    let expanded = SourceFile(name: "a", bytes: source.bytes, expansion: expansion)
    #expect(SourceReader().read(expanded, into: &bag2) == nil)
    #expect(DiagnosticRenderer().render(bag2).contains("a = <; }"))
  }
}
