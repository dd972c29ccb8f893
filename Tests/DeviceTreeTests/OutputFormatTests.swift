import DeviceTree
import DeviceTreeCommands
import Foundation
import Testing

/// What `dtc -O` and `-T` print, as dtc 1.8.1 printed it.
@Suite struct OutputFormatTests {
  private static let source = """
    /dts-v1/;
    r: /memreserve/ 0x1000 0x20;
    / {
    \t#cells = <1>;
    \tp: a = "x y", v: <&n 0x10>, /bits/ 64 <1>;
    \tw = /bits/ 16 <1 2>;
    \te;
    \tn: n {
    \t\tb = [0a ff 03];
    \t};
    \tempty { };
    };
    """

  @Test func `source keeps types, references and labels`() {
    let test = TestConsole(Self.source)
    #expect(test.run(.dtc, "-q", "-O", "dts") == 0)
    #expect(
      test.output == """
        /dts-v1/;

        r: /memreserve/\t0x0000000000001000 0x0000000000000020;
        / {
        \t#cells = <0x01>;
        \tp: a = "x y", v: <&n 0x10>, /bits/ 64 <0x01>;
        \tw = /bits/ 16 <0x01 0x02>;
        \te;

        \tn: n {
        \t\tb = [0a ff 03];
        \t\tphandle = <0x01>;
        \t};

        \tempty {
        \t};
        };

        """)
  }

  @Test(arguments: [
    ("a = <1 l: 2>, <l2: 3>;", "<0x01  l:0x02>, < l2:0x03>"),
    ("a = [00 l: 01] l2:;", "[00 l:01] l2:"),
    ("a = \"s\", &{/b}, \"t\"; b { };", "\"s\", \"/b\", \"t\""),
    ("a = <1 &{/b} 2>; b { };", "<0x01 &{/b} 0x02>"),
    ("a = [01], <>, <2>;", "[01], <>, <0x02>"), ("a = <1>, <>;", "<0x01>, <>"),
    ("a = /bits/ 8 <1 2>;", "[01 02]"), ("a = \"x\\0001\";", "\"x\\0001\""),
  ])
  func `values are laid out as dtc lays them out`(body: String, value: String) throws {
    let test = TestConsole("/dts-v1/; / { \(body) };")
    #expect(test.run(.dtc, "-q", "-O", "dts") == 0)
    let line = try #require(test.output.split(separator: "\n").first { $0.hasPrefix("\ta = ") })
    #expect(line == "\ta = \(value);")
    let again = TestConsole(test.output)
    #expect(again.run(.dtc, "-q") == 0)
    let direct = TestConsole("/dts-v1/; / { \(body) };")
    #expect(direct.run(.dtc, "-q") == 0)
    #expect(again.bytes == direct.bytes)
  }

  @Test func `YAML tells the types of values`() {
    let test = TestConsole(Self.source)
    #expect(test.run(.dtc, "-q", "-O", "yaml") == 0)
    #expect(
      test.output == """
        ---
        - '#cells': [[0x1]]
          a: ["x y", [!phandle 0x1, 0x10], !u64 [0x1]]
          w: [!u16 [0x1, 0x2]]
          e: true
          n:
            b: [!u8 [0xa, 0xff, 0x3]]
            phandle: [[0x1]]
          empty: {}
        ...

        """)
  }

  @Test func `long YAML lists and strings are folded behind column 80`() {
    let words = Array(repeating: "word", count: 20).joined(separator: " ")
    let test = TestConsole(
      "/dts-v1/; / { c = <\(words.replacing("word", with: "1111"))>; };")
    #expect(test.run(.dtc, "-q", "-O", "yaml") == 0)
    #expect(
      test.output == """
        ---
        - c: [[0x457, 0x457, 0x457, 0x457, 0x457, 0x457, 0x457, 0x457, 0x457, 0x457, 0x457,
              0x457, 0x457, 0x457, 0x457, 0x457, 0x457, 0x457, 0x457, 0x457]]
        ...

        """)
    let text = TestConsole("/dts-v1/; / { c = \"\(words)\"; };")
    #expect(text.run(.dtc, "-q", "-O", "yaml") == 0)
    #expect(
      text.output == """
        ---
        - c: ["word word word word word word word word word word word word word word word
              word word word word word"]
        ...

        """)
  }

  @Test func `YAML is for trees that have types`() {
    let blob = TestConsole("/dts-v1/; / { a = <1>; };")
    #expect(blob.run(.dtc, "-q") == 0)
    let test = TestConsole(bytes: blob.bytes)
    #expect(test.run(.dtc, "-O", "yaml") == 1)
    #expect(test.errors.hasPrefix("FATAL ERROR: "))
  }

  @Test(
    .enabled(if: Tool.path("objcopy") != nil, "needs package binutils"), arguments: [1, 3, 16, 17])
  func `assembler source assembles to the blob`(version: Int) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let options = ["-q", "-V", "\(version)", "-R", "2", "-b", "3"]
    let blob = TestConsole(Self.source)
    #expect(DeviceTreeCommand.dtc.run(options, blob.console) == 0)
    let test = TestConsole(Self.source)
    #expect(DeviceTreeCommand.dtc.run(options + ["-O", "asm"], test.console) == 0)
    for label in ["r", "p", "v", "n", "n_end", "dt_blob_start"] {
      #expect(test.output.contains("\t.globl\t\(label)\n"))
    }
    let input = try directory.write("a.s", test.bytes)
    #expect(try Tool.run("as", ["-o", "\(directory.path)/a.o", input]).status == 0)
    let raw = directory.path + "/a.bin"
    let copy = ["-O", "binary", "-j", ".text", "\(directory.path)/a.o", raw]
    #expect(try Tool.run("objcopy", copy).status == 0)
    let assembled = try Data(contentsOf: URL(fileURLWithPath: raw))
    // The assembler may pad the section behind the blob.
    #expect(Array(assembled.prefix(blob.bytes.count)) == blob.bytes)
    #expect(assembled.count < blob.bytes.count + 16)
  }

  @Test func `no output is a format too`() {
    let test = TestConsole(Self.source)
    #expect(test.run(.dtc, "-q", "-O", "null") == 0)
    #expect(test.bytes.isEmpty)
    #expect(TestConsole("/dts-v1/; / { a; a; };").run(.dtc, "-q", "-O", "null") == 2)
  }

  @Test(arguments: [("x.DTS", "/dts-v1/;"), ("x.yaml", "---"), ("x.dtbo", "\u{FFFD}\r")])
  func `the name of the output tells its format`(name: String, start: String) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    #expect(TestConsole(Self.source).run(.dtc, "-q", "-o", "\(directory.path)/\(name)") == 0)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(directory.path)/\(name)"))
    #expect(String(decoding: bytes, as: UTF8.self).hasPrefix(start))
  }

  // MARK: notes

  private static let merged = """
    /dts-v1/;
    / {
    \tl: n {
    \t\ta = <1>,
    \t\t    <2>;
    \t};
    };
    &l {
    \ta = <3>; b;
    };
    """

  @Test func `notes tell the lines, oldest first`() {
    let test = TestConsole(Self.merged)
    #expect(test.run(.dtc, "-T", "-O", "dts") == 0)
    #expect(
      test.output == """
        /dts-v1/;

        / { /* <stdin>:2 */

        \tl: n { /* <stdin>:3, <stdin>:8 */
        \t\ta = <0x03>; /* <stdin>:9 */
        \t\tb; /* <stdin>:9 */
        \t}; /* <stdin>:6, <stdin>:10 */
        }; /* <stdin>:7 */

        """)
  }

  @Test func `notes may tell columns and what nobody wrote`() {
    let test = TestConsole(Self.merged)
    #expect(test.run(.dtc, "-TT", "-@", "-O", "dts") == 0)
    #expect(
      test.output == """
        /dts-v1/;

        / { /* <stdin>:2:3-7:3 */

        \tl: n { /* <stdin>:3:7-6:4, <stdin>:8:4-10:3 */
        \t\ta = <0x03>; /* <stdin>:9:2-9:10 */
        \t\tb; /* <stdin>:9:11-9:13 */
        \t\tphandle = <0x01>; /* <no-file>:<no-line> */
        \t}; /* <stdin>:3:7-6:4, <stdin>:8:4-10:3 */

        \t__symbols__ { /* <no-file>:<no-line> */
        \t\tl = "/n"; /* <no-file>:<no-line> */
        \t}; /* <no-file>:<no-line> */
        }; /* <stdin>:2:3-7:3 */

        """)
  }

  @Test func `notes name files as seen from the main one`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    for name in ["main", "main/inc"] {
      try FileManager.default.createDirectory(
        atPath: "\(directory.path)/\(name)", withIntermediateDirectories: true)
    }
    try directory.write("main/inc/b.dtsi", text: "/ { b; };")
    try directory.write("up.dtsi", text: "/ { up; };")
    let input = try directory.write(
      "main/a.dts", text: "/dts-v1/; /include/ \"inc/b.dtsi\" /include/ \"../up.dtsi\"")
    let test = TestConsole()
    #expect(test.run(.dtc, "-T", "-O", "dts", input) == 0)
    #expect(test.output.contains("\tb; /* inc/b.dtsi:1 */"))
    #expect(test.output.contains("\tup; /* ../up.dtsi:1 */"))
  }

  // MARK: names that a blob keeps

  @Test func `an overlay's blob prints as the overlay that it was`() {
    let text = "/dts-v1/; /plugin/; &x { a = <&y 1 &x>; l: n { b = <&l &{/fragment@0}>; }; };"
    let blob = TestConsole(text)
    #expect(blob.run(.dtc, "-q", "-@") == 0)
    let test = TestConsole(bytes: blob.bytes)
    #expect(test.run(.dtc, "-q", "-O", "dts") == 0)
    #expect(test.output.hasPrefix("/dts-v1/;\n/plugin/;\n"))
    #expect(test.output.contains("\ttarget = <&x>;"))
    #expect(test.output.contains("\ta = <&y>, <0x01>, <&x>;"))
    #expect(test.output.contains("\tl: n {"))
    #expect(test.output.contains("\tb = <&l>, <&{/fragment@0}>;"))
    // What is there already is not added again.
    let again = TestConsole(test.output)
    #expect(again.run(.dtc, "-q") == 0)
    #expect(again.bytes == blob.bytes)
  }
}
