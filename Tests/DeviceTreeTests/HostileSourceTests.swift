import DeviceTree
import Diagnostics
import Testing

/// What fuzzing found in sources: each once, so that it stays found.
@Suite(.timeLimit(.minutes(30))) struct HostileSourceTests {
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

  @Test(.enabled(if: isHeavy, "heavy: set DPAAC_HEAVY_TESTS=1"))
  func `heavy: a value of a hundred megabytes is read whole`() throws {
    let count = 9_100_000
    let text =
      "/dts-v1/;\n/ { reg = <" + String(repeating: "0x12345678 ", count: count) + ">; };\n"
    var bag = DiagnosticBag()
    let tree = try #require(SourceReader().read(SourceFile(name: "a", text: text), into: &bag))
    #expect(bag.isEmpty)
    let blob = try #require(BlobWriter().encode(tree, into: &bag))
    #expect(blob.count > 4 * count)
    let back = try #require(BlobReader().read(blob, name: "a", into: &bag))
    #expect(back.root["reg"]?.bytes.count == 4 * count)
  }

  @Test func `nodes nested a million deep are refused once`() {
    let depth = 1_000_000
    let text =
      "/dts-v1/;\n/ {" + String(repeating: "a{", count: depth)
      + String(repeating: "};", count: depth) + "};\n"
    #expect(codes(text) == ["nesting-too-deep"])
  }

  @Test func `parentheses nested a million deep are refused once`() {
    let depth = 1_000_000
    let text =
      "/dts-v1/;\n/ { a = <" + String(repeating: "(", count: depth) + "1"
      + String(repeating: ")", count: depth) + ">; };\n"
    #expect(codes(text).count == 1)
  }

  @Test func `a file that includes itself is refused`() {
    let text = "/dts-v1/;\n/include/ \"self\"\n/ { };\n"
    var bag = DiagnosticBag()
    let loader = FileLoader { _ in Array(text.utf8) }
    let source = SourceFile(name: "self", text: text)
    #expect(SourceReader(loader: loader).read(source, into: &bag) == nil)
    #expect(bag.diagnostics.map(\.code) == ["include-cycle"])
  }

  /// Who adds one to such a count in 32 bits gets 0, and stays at its entry for ever.
  @Test func `cell counts of 4294967295 end every check`() {
    let text = """
      /dts-v1/;
      / {
        #address-cells = <0xffffffff>;
        #size-cells = <0xffffffff>;
        c: c {
          phandle = <1>; interrupt-controller;
          #clock-cells = <0xffffffff>; #interrupt-cells = <0xffffffff>;
        };
        d@0 { reg = <0 0 0>; ranges = <1 2>; clocks = <&c 1 2>; interrupt-parent = <&c>;
          interrupts = <1 2>; interrupts-extended = <&c 1>; };
        b { compatible = "simple-bus"; ranges = <1 2>; #address-cells = <0xffffffff>;
          x@0 { reg = <1 2>; }; };
      };
      """
    let found = Set(checks(text).map(\.code))
    #expect(found.isSuperset(of: ["clocks-property", "reg-format", "interrupts-property"]))
  }

  @Test(arguments: ["0", "0xffffffff"])
  func `a phandle that means none is an error, and as a reference names nothing`(number: String) {
    let own = checks("/dts-v1/;\n/ { a { phandle = <\(number)>; }; };\n")
    #expect(own.first?.code == "explicit-phandles")
    let parent = checks(
      "/dts-v1/;\n/ { a { interrupt-parent = <\(number)>; interrupts = <1>; }; };\n")
    #expect(parent.contains { $0.code == "interrupts-property" })
  }

  @Test func `a check stops after 10,000 findings and says so`() {
    let text =
      "/dts-v1/;\n/ {" + "a@1 { };"
      + (0..<20_000).map { "n\($0)@1 { };" }.joined() + "};\n"
    let found = checks(text).filter { $0.code == "unit-address-vs-reg" }
    #expect(found.count == 10_001)
    #expect(found.last?.message == "stopped after 10000 findings")
  }

  /// Each of these took time in the square of its size once; as squares they take longer than the
  /// time limit of this suite.
  @Test(
    .enabled(if: isHeavy, "heavy: set DPAAC_HEAVY_TESTS=1"),
    arguments: [
      (0..<100_000).map { "p\($0);" }.joined() + "}; / {"
        + (0..<100_000).map { "p\($0);" }.joined(),
      "aliases {" + (0..<100_000).map { "a\($0) = \"/n\($0)\";" }.joined() + "};"
        + (0..<100_000).map { "n\($0) { };" }.joined(),
      (0..<100_000).map { "l\($0): " }.joined() + "n { };",
      "}; " + (0..<100_000).map { "/ { p\($0); };" }.joined() + "/ {",
      (0..<100_000).map { "n\($0) { };" }.joined() + "}; / {"
        + (0..<100_000).map { "/delete-node/ n\($0);" }.joined(),
    ])
  func `heavy: much of one kind takes time in proportion`(body: String) {
    #expect(checks("/dts-v1/;\n/ {\(body)};\n").allSatisfy { $0.severity != .error })
  }

  private func codes(_ text: String) -> [DiagnosticCode] {
    var bag = DiagnosticBag()
    let source = SourceFile(name: "hostile", text: text)
    #expect(SourceReader().read(source, into: &bag) == nil)
    return bag.diagnostics.map(\.code)
  }

  /// What the checks find in a source that can be read.
  private func checks(_ text: String) -> [Diagnostic] {
    var bag = DiagnosticBag()
    let source = SourceFile(name: "hostile", text: text)
    guard var tree = SourceReader().read(source, into: &bag) else { return bag.diagnostics }
    TreeChecker().check(&tree, into: &bag)
    return bag.diagnostics
  }
}
