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

  @Test func `nodes are nested no deeper by extending what extends another`() {
    let (down, up) = (String(repeating: "a{", count: 600), String(repeating: "};", count: 600))
    let statements = (0..<3).map { "&l\($0) { \(down) l\($0 + 1): b { }; \(up) };\n" }.joined()
    #expect(codes("/dts-v1/;\n/ { l0: a { }; };\n" + statements) == ["nesting-too-deep"])
    // The node that an overlay lays over another one's stands third.
    func overlay(_ count: Int) -> String {
      "/dts-v1/;\n/plugin/;\n&l {" + String(repeating: "a{", count: count)
        + String(repeating: "};", count: count) + "};\n"
    }
    #expect(read(overlay(Tree.maximumDepth - 3)).bag.isEmpty)
    #expect(codes(overlay(Tree.maximumDepth - 2)) == ["nesting-too-deep"])
  }

  /// Each node has its path in a table: a long name above many would be there for each of them.
  @Test func `paths are 4096 bytes long at most, through names and through extensions`() {
    func name(_ length: Int) -> String { String(repeating: "n", count: length) }
    #expect(read("/dts-v1/;\n/ { \(name(4095)) { }; };\n").bag.isEmpty)
    #expect(codes("/dts-v1/;\n/ { \(name(4096)) { }; };\n") == ["nesting-too-deep"])
    let text = "/dts-v1/;\n/ { l: \(name(3000)) { }; };\n&l { \(name(1095)) { }; };\n"
    #expect(codes(text) == ["nesting-too-deep"])
  }

  /// Each such file once was a call within the one for the file before it.
  @Test func `ten thousand files that end inside of a string are all told`() {
    var bag = DiagnosticBag()
    let text = "/dts-v1/;\n" + String(repeating: "/include/ \"open\"\n", count: 9998) + "/ { };\n"
    let loader = FileLoader { _ in Array("\"".utf8) }
    let source = SourceFile(name: "a", text: text)
    #expect(SourceReader(loader: loader).read(source, into: &bag) == nil)
    #expect(bag.diagnostics.count { $0.code == "unterminated-string" } == 9998)
    #expect(!bag.diagnostics.contains { $0.code == "include-limit" })
  }

  @Test func `numbers that do not fit their cells are told a hundred times`() {
    let numbers = (256..<1256).map { "\($0)" }.joined(separator: " ")
    let (tree, bag) = read("/dts-v1/;\n/ { a = /bits/ 8 <\(numbers)>; };\n")
    #expect(tree?.root["a"]?.count == 1000)
    #expect(bag.diagnostics.count == 101)
    #expect(bag.diagnostics.allSatisfy { $0.code == "value-out-of-range" })
    #expect(bag.diagnostics.last?.message == "stopped after 100 findings")
  }

  @Test func `what is there twice or more is told with its first place`() {
    let nodes = (0..<12).map { "n\($0) { };\n" }.joined()
    // Checks that come after that one say that they were left out.
    let found = checks("/dts-v1/;\n/ {\n\(nodes)n3 { };\nn3 { };\n};\n")
      .filter { $0.code == "duplicate-node-names" }
    #expect(found.map(\.span?.start.line) == [15, 16])
    #expect(found.map { $0.notes.first?.span?.start.line } == [6, 6])
    let properties = (0..<12).map { "p\($0);\n" }.joined()
    let same = checks("/dts-v1/;\n/ {\n\(properties)p5;\n};\n")
    #expect(same.map(\.message) == ["/:p5: a property of this name is there already"])
    #expect(same.first?.notes.first?.span?.start.line == 8)
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

  /// A hundred thousand of a kind, with its number in each.
  private static func many(_ each: (Int) -> String) -> String { (0..<100_000).map(each).joined() }

  /// Each of these took time in the square of its size once; as squares they take longer than the
  /// time limit of this suite.
  @Test(
    .enabled(if: isHeavy, "heavy: set DPAAC_HEAVY_TESTS=1"),
    arguments: [
      Long("properties given twice", many { "p\($0);" } + "}; / {" + many { "p\($0);" }),
      Long(
        "aliases",
        "aliases {" + many { "a\($0) = \"/n\($0)\";" } + "};" + many { "n\($0) { };" }),
      Long("labels", many { "l\($0): " } + "n { };"),
      Long("roots", "}; " + many { "/ { p\($0); };" } + "/ {"),
      Long("deletions", many { "n\($0) { };" } + "}; / {" + many { "/delete-node/ n\($0);" }),
      Long(
        "deletions of nothing",
        many { "n\($0) { };" } + "}; / {" + many { "/delete-node/ m\($0);" }),
    ])
  func `heavy: much of one kind takes time in proportion`(body: Long) {
    #expect(checks("/dts-v1/;\n/ {\(body.text)};\n").allSatisfy { $0.severity != .error })
  }

  /// Words that are no labels and quotes that nothing closes were looked through again from each of their bytes.
  @Test(
    .enabled(if: isHeavy, "heavy: set DPAAC_HEAVY_TESTS=1"),
    arguments: [
      Long("letters", String(repeating: "x", count: 4_000_000)),
      Long("quotes", "'" + String(repeating: "\\'", count: 4_000_000)),
    ])
  func `heavy: a word of megabytes is one mistake`(word: Long) {
    #expect(codes("/dts-v1/;\n/ { a = \(word.text); };\n") == ["unexpected-token"])
  }

  @Test(.enabled(if: isHeavy, "heavy: set DPAAC_HEAVY_TESTS=1"))
  func `heavy: bytes without space between them are read in time`() {
    let text = "/dts-v1/;\n/ { a = [" + String(repeating: "ab", count: 4_000_000) + "]; };\n"
    #expect(read(text).tree?.root["a"]?.count == 4_000_000)
  }

  @Test(.enabled(if: isHeavy, "heavy: set DPAAC_HEAVY_TESTS=1"))
  func `heavy: a million labels in one value are printed in time`() throws {
    let bytes = (0..<1_000_000).map { "l\($0): 00" }.joined(separator: " ")
    let tree = try #require(read("/dts-v1/;\n/ { a = [\(bytes)]; };\n").tree)
    #expect(SourcePrinter().print(tree).contains("l999999: 00]"))
  }

  @Test(.enabled(if: isHeavy, "heavy: set DPAAC_HEAVY_TESTS=1"))
  func `heavy: what binary files bring is a gibibyte at most`() {
    let zeros = [UInt8](repeating: 0, count: 1 << 26)
    let properties = (0..<17).map { "p\($0) = /incbin/(\"zeros\");\n" }.joined()
    var bag = DiagnosticBag()
    let source = SourceFile(name: "a", text: "/dts-v1/;\n/ {\n\(properties)};\n")
    #expect(SourceReader(loader: FileLoader { _ in zeros }).read(source, into: &bag) == nil)
    #expect(bag.diagnostics.map(\.code) == ["include-limit"])
    #expect(bag.diagnostics.first?.span?.start.line == 19)
  }

  /// As overlays from hostile hands have it: a place for each cell, one after the other.
  @Test(
    .enabled(if: isHeavy, "heavy: set DPAAC_HEAVY_TESTS=1"), arguments: [false, true])
  func `heavy: a million references get their names back in time`(isLocal: Bool) {
    let count: UInt32 = 1_000_000
    var tree = Tree { root in
      root.set("p", .cells([UInt32](repeating: 1, count: Int(count))))
      root.add("n") { $0.set("phandle", 1) }
      root.add(isLocal ? "__local_fixups__" : "__fixups__") {
        if isLocal {
          $0.set("p", .cells((0..<count).map { $0 * 4 }))
        } else {
          $0.set("n", .strings((0..<count).map { "/:p:\($0 * 4)" }))
        }
      }
    }
    tree.restoreNames()
    #expect(tree.root["p"]?.references.count == Int(count))
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

/// A text of megabytes, which nobody wants to read in what a test says.
struct Long: CustomTestStringConvertible {
  let testDescription: String
  let text: String

  init(_ name: String, _ text: String) { (testDescription, self.text) = (name, text) }
}
