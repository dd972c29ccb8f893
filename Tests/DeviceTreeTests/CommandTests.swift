import DeviceTree
import DeviceTreeCommands
import Foundation
import Synchronization
import Testing

/// A console whose streams a test feeds and reads.
final class TestConsole: Sendable {
  private let written = Mutex<[UInt8]>([])
  private let said = Mutex("")
  let input: [UInt8]

  init(_ input: String = "") { self.input = Array(input.utf8) }
  init(bytes: [UInt8]) { input = bytes }

  var output: String { String(decoding: written.withLock { $0 }, as: UTF8.self) }
  var bytes: [UInt8] { written.withLock { $0 } }
  var errors: String { said.withLock { $0 } }

  var console: Console {
    Console(
      readInput: { self.input },
      write: { bytes in
        self.written.withLock { $0 += bytes }
        return true
      },
      error: { text in self.said.withLock { $0 += text } })
  }

  @discardableResult
  func run(_ command: DeviceTreeCommand, _ arguments: String...) -> Int32 {
    command.run(arguments, console)
  }
}

/// A tree with values of every kind.
let commandSource = """
  /dts-v1/;
  /memreserve/ 0x1000 0x20;
  / {
    compatible = "a,b", "c"; model = "x"; unit = <5>;
    n1: node@1 { reg = <1 2>; b = [01 02 03]; e; bad = "a\\xffb"; p = <&n1>; h = [00010002]; };
    node2 { x = <0xdeadbeef>; z = ""; };
  };
  """

@Suite struct DTCCommandTests {
  @Test func `source on standard input becomes a blob on standard output`() {
    let test = TestConsole(commandSource)
    #expect(test.run(.dtc, "-O", "dtb") == 0)
    #expect(Array(test.bytes.prefix(4)) == [0xD0, 0x0D, 0xFE, 0xED])
    let back = TestConsole("")
    #expect(back.run(.dtc, "--version") == 0)
    #expect(back.output.hasPrefix("Version: DTC "))
  }

  @Test func `options are taken in every spelling`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let input = try directory.write("a.dts", text: commandSource)
    let output = directory.path + "/a.out"
    for arguments in [
      ["-qIdts", "-Odtb", "-o\(output)", input],
      [input, "--out=\(output)", "--out-f", "dtb", "-q"],
      ["-q", "-o", output, "-O", "dtb", "--", input],
    ] {
      #expect(DeviceTreeCommand.dtc.run(arguments, TestConsole().console) == 0)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: output))
      #expect(Array(bytes.prefix(4)) == [0xD0, 0x0D, 0xFE, 0xED])
      try FileManager.default.removeItem(atPath: output)
    }
  }

  @Test(arguments: [
    "-Z", "-O png", "-a 3", "-p 1 -S 2", "-W no-such-check", "-V 4", "a b", "/nonexistent", "--in",
    "-o",
  ])
  func `bad usage is refused`(words: String) {
    let test = TestConsole(commandSource)
    let arguments = words.split(separator: " ").map(String.init)
    #expect(DeviceTreeCommand.dtc.run(arguments, test.console) == 1)
    #expect(!test.errors.isEmpty)
    #expect(test.bytes.isEmpty)
  }

  @Test(arguments: [
    ("/dts-v1/; / { a = <1> };", 1), ("/dts-v1/; / { a = <&b>; };", 2),
    ("/dts-v1/; / { a; a; };", 2), ("/dts-v1/; / { n { }; n { }; };", 2),
    ("/dts-v1/; / { l: n { }; l: m { }; };", 2), ("/dts-v1/; / { n@1@2 { }; };", 2),
    ("/dts-v1/; / { n { name = \"m\"; }; };", 2), ("/dts-v1/; / { a = &b; };", 2),
    ("/dts-v1/; / { n { phandle = <1>; }; m { phandle = <1>; }; };", 2),
    ("/dts-v1/; / { n { phandle = <0>; }; };", 2), ("/dts-v1/; / { a@1; };", 2),
    ("/dts-v1/; / { n { phandle = <1>; linux,phandle = <2>; }; };", 2), ("", 1),
  ])
  func `an error leaves no output, not even an old one changed`(text: String, status: Int32) throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let output = directory.path + "/out.dtb"
    let test = TestConsole(text)
    #expect(test.run(.dtc, "-o", output) == status)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])
    try directory.write("out.dtb", text: "old")
    #expect(test.run(.dtc, "-o", output) == status)
    #expect(try String(contentsOfFile: output, encoding: .utf8) == "old")
    if Tool.hasDTC {
      #expect(try Tool.run("dtc", ["-o", "/dev/null", "-"], input: test.input).status == status)
    }
  }

  @Test func `findings have dtc's form, and -q and -f do what they say`() {
    let text = "/dts-v1/; / { n { a; a; }; };"
    let loud = TestConsole(text)
    #expect(loud.run(.dtc, "-O", "dts") == 2)
    #expect(loud.errors.hasPrefix("<stdin>:1.22-23: ERROR (duplicate_property_names): /n:a: "))
    let quiet = TestConsole(text)
    #expect(quiet.run(.dtc, "-qqq", "-O", "dts") == 2)
    #expect(quiet.errors == "")
    let forced = TestConsole(text)
    #expect(forced.run(.dtc, "-f", "-O", "dts") == 0)
    #expect(forced.output.contains("a;\n\t\ta;"))
    let tolerated = TestConsole(text)
    #expect(tolerated.run(.dtc, "-E", "no-duplicate_property_names", "-O", "dts") == 0)
    #expect(tolerated.errors.contains("Warning (duplicate_property_names)"))
  }

  @Test func `every file read is in the dependencies`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try directory.write("b c.dtsi", text: "/ { b; };")
    let input = try directory.write("a.dts", text: "/dts-v1/; /include/ \"b c.dtsi\"")
    let rule = directory.path + "/a.d"
    #expect(TestConsole().run(.dtc, "-d", rule, "-o", "/dev/null", input) == 0)
    let text = try String(contentsOfFile: rule, encoding: .utf8)
    #expect(text == "/dev/null: \(input) \(directory.path)/b\\ c.dtsi\n")
  }

  @Test func `the dependencies are written even when the source has an error`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let input = try directory.write("a.dts", text: "/dts-v1/; / { a = };")
    let rule = directory.path + "/a.d"
    let test = TestConsole()
    #expect(test.run(.dtc, "-d", rule, "-o", "/dev/null", input) == 1)
    #expect(try String(contentsOfFile: rule, encoding: .utf8) == "/dev/null: \(input)\n")
    #expect(test.bytes.isEmpty)
  }

  @Test(arguments: [
    (["-S", "-5"], 0, 311), (["-S", "x"], 0, 311), (["-S", "1000x"], 0, 1000),
    (["-S", " 0x400"], 0, 1024), (["-p", "-5"], 0, 311), (["-R", "5x"], 0, 391),
    (["-R", "x"], 0, 311), (["-b", "x"], 0, 311), (["-a", "4x"], 0, 312),
    (["-R", "-1"], 1, 0), (["-R", "4294967295"], 1, 0), (["-S", "4294967296"], 1, 0),
    (["-S", "99999999999999999999"], 1, 0), (["-a", "x"], 1, 0), (["-V", "x"], 1, 0),
  ])
  func `numbers are read as C reads them, within what a blob can hold`(
    options: [String], status: Int32, size: Int
  ) {
    let text = """
      /dts-v1/;
      /memreserve/ 0x10 0x20;
      / { compatible="a","b"; m="x"; u=<1 2>;
      l1: n@1 { reg=<1>; b=[010203]; e; s; sub { q; }; }; l2: z { p=<&l1>; }; };
      """
    let test = TestConsole(text)
    #expect(DeviceTreeCommand.dtc.run(["-q", "-O", "dtb"] + options, test.console) == status)
    #expect(test.bytes.count == size)
    let loud = TestConsole(text)
    _ = DeviceTreeCommand.dtc.run(["-O", "dtb"] + options, loud.console)
    #expect(loud.errors.contains("is read as") == (options[1].hasSuffix("x") && status == 0))
  }

  @Test(arguments: DeviceTreeCommand.allCases)
  func `help is on standard output, complaints of usage are not`(command: DeviceTreeCommand) {
    for option in ["-h", "--help"] {
      let test = TestConsole()
      #expect(test.run(command, option) == 0)
      #expect(test.output.hasPrefix("Usage: \(command.rawValue) "))
      #expect(test.output.contains("  -h, --help "))
      #expect(test.errors == "")
    }
    for option in ["-Z", "--nope"] {
      let test = TestConsole()
      #expect(test.run(command, option) == 1)
      #expect(test.output == "")
      #expect(test.errors.contains("Usage: \(command.rawValue) "))
      #expect(test.errors.contains("unknown option '\(option)'"))
    }
  }

  @Test func `a directory of nodes and properties is read`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try FileManager.default.createDirectory(
      atPath: directory.path + "/cpus/cpu@3", withIntermediateDirectories: true)
    try directory.write("cpus/cpu@3/reg", [0, 0, 0, 3])
    try directory.write("model", text: "x\0")
    let test = TestConsole()
    #expect(test.run(.dtc, "-q", "-I", "fs", "-O", "dts", directory.path) == 0)
    #expect(
      test.output.contains("\tmodel = \"x\";\n\n\tcpus {\n\n\t\tcpu@3 {\n\t\t\treg = <0x03>;"))
  }

  @Test(
    .enabled(if: Tool.hasDTC),
    arguments: [
      ["-O", "dtb", "-@"], ["-O", "dts", "-@", "-A"], ["-O", "dts", "-s"],
      ["-O", "dtb", "-b", "7"], ["-O", "dtb", "-b", "-1"],
      ["-O", "dtb", "-p", "0x10", "-a", "32"], ["-O", "dtb", "-S", "1000"],
      ["-O", "dtb", "-R", "3"],
      ["-O", "dtb", "-H", "legacy"], ["-O", "dts", "-H", "both"], ["-O", "dtb", "-V", "2"],
    ])
  func `options change the output as dtc's do`(options: [String]) throws {
    for sample in samples {
      let test = TestConsole(sample)
      #expect(DeviceTreeCommand.dtc.run(["-q"] + options, test.console) == 0)
      let theirs = try Tool.dtc(options, Array(sample.utf8))
      // Debian's 1.6.1 writes source in another style; both must mean the same.
      let isSource = options.contains("dts")
      // Its text for an empty group cannot be read back.
      if isSource && sample.contains("<>") { continue }
      #expect(
        try isSource ? Tool.dtc([], theirs) == Tool.dtc([], test.bytes) : theirs == test.bytes,
        "\(sample)")
    }
  }

  @Test(
    .enabled(if: Tool.hasDTC),
    arguments: [
      "/dts-v1/; /plugin/; &foo { a = <&bar 1 &foo>; n1: n { q = &n1; r = <0 &n1 &n1>; }; };",
      "/dts-v1/; /plugin/; &{/soc} { x; }; / { f { __overlay__ { }; }; }; &a { };",
      "/dts-v1/; /plugin/; / { fragment@0 { target = <&t>; __overlay__ { l: n { p = <&l>; }; }; }; };",
      "/dts-v1/; /plugin/; / { };",
    ])
  func `overlays are compiled to dtc's bytes`(text: String) throws {
    for options in [["-O", "dtb"], ["-O", "dtb", "-@"]] {
      let test = TestConsole(text)
      #expect(DeviceTreeCommand.dtc.run(["-q"] + options, test.console) == 0)
      #expect(try Tool.dtc(options, Array(text.utf8)) == test.bytes)
    }
  }

  @Test func `the program's name or first argument chooses the command`() {
    let byName = TestConsole()
    #expect(DeviceTreeCommand.dispatch(["/usr/bin/fdtget", "-V"], byName.console) == 0)
    let byArgument = TestConsole()
    #expect(DeviceTreeCommand.dispatch(["dpaac-dt", "fdtput", "-V"], byArgument.console) == 0)
    #expect(byName.output == byArgument.output)
    #expect(DeviceTreeCommand.dispatch(["dpaac-dt", "ls"], byName.console) == 64)
    #expect(DeviceTreeCommand.dispatch([], byName.console) == 64)
  }
}

/// What `dtc --diagnostics` says in place of dtc's own lines.
@Suite struct DTCDiagnosticsTests {
  private static let faulty = "/dts-v1/; / { n@1 { }; m { reg = <1>; }; };"

  private func findings(_ text: String) throws -> [[String: Any]] {
    let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
    return try #require((value as? [String: Any])?["diagnostics"] as? [[String: Any]])
  }

  @Test func `all findings of checks are one document, and the blob is the same`() throws {
    let plain = TestConsole(Self.faulty)
    #expect(plain.run(.dtc) == 0)
    #expect(plain.errors.contains("Warning (unit_address_vs_reg)"))
    let test = TestConsole(Self.faulty)
    #expect(test.run(.dtc, "--diagnostics=json") == 0)
    #expect(test.bytes == plain.bytes)
    let codes = try findings(test.errors).map { $0["code"] as? String }
    #expect(codes.filter { $0 == "unit-address-vs-reg" }.count == 2)
  }

  @Test func `a source that cannot be read, a file that is not there: still one document`() throws {
    let broken = TestConsole("/dts-v1/; / { a = <1> };")
    #expect(broken.run(.dtc, "--diagnostics", "json") == 1)
    #expect(try findings(broken.errors).count == 1)
    let missing = TestConsole("")
    #expect(missing.run(.dtc, "--diagnostics=json", "/nonexistent") == 1)
    #expect(try findings(missing.errors).map { $0["code"] as? String } == ["file-unreadable"])
  }

  @Test func `a batch is one document too, and quietness holds`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let first = try directory.write("a.dts", text: Self.faulty)
    let second = try directory.write("b.dts", text: "/dts-v1/; / { a = <1> };")
    let test = TestConsole()
    #expect(test.run(.dtc, "--batch", "--diagnostics=json", first, second) == 1)
    let files = Set(
      try findings(test.errors).compactMap { ($0["place"] as? [String: Any])?["file"] as? String })
    #expect(files == [first, second])
    let quiet = TestConsole(Self.faulty)
    #expect(quiet.run(.dtc, "-q", "--diagnostics=json") == 0)
    #expect(try findings(quiet.errors).isEmpty)
  }

  @Test func `an unknown format is refused with the known ones`() {
    let test = TestConsole(Self.faulty)
    #expect(test.run(.dtc, "--diagnostics=xml") == 1)
    #expect(test.errors.contains("text, json, sarif or github"))
  }
}
