import DeviceTree
import Diagnostics
import Testing

/// What fuzzing found in sources: each once, so that it stays found.
@Suite(.timeLimit(.minutes(5))) struct HostileSourceTests {
  @Test func `includes that double with every level end with an error`() {
    // 150 levels of two includes each would be 2^150 files.
    let loader = FileLoader(load: { name in
      guard let level = Int(name), level < 150 else { return nil }
      let next = "/include/ \"\(level + 1)\"\n"
      return Array((next + next).utf8)
    })
    var bag = DiagnosticBag()
    let source = SourceFile(name: "0", text: "/dts-v1/;\n/include/ \"1\"\n/ { };\n")
    #expect(SourceReader(loader: loader).read(source, into: &bag) == nil)
    #expect(bag.diagnostics.contains { $0.code == "include-limit" })
    #expect(bag.diagnostics.count < 20_000)
  }
}
