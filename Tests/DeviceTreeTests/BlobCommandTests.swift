import DeviceTree
import DeviceTreeCommands
import Foundation
import Testing

/// `fdtdump`, `fdtget`, `fdtput` and `fdtoverlay`.
@Suite struct BlobCommandTests {
  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path + "/s.dtb"
    let input = try directory.write("s.dts", text: commandSource)
    #expect(TestConsole().run(.dtc, "-q", "-o", path, input) == 0)
  }

  /// Runs a command of ours and the real one, and compares output and exit code.
  private func compare(_ command: DeviceTreeCommand, _ arguments: [String]) throws {
    let test = TestConsole()
    let status = command.run(arguments, test.console)
    let theirs = try Tool.run(command.rawValue, arguments)
    #expect(status == theirs.status, "\(arguments) \(test.errors)")
    #expect(test.bytes == theirs.output, "\(arguments)")
  }

  @Test(
    .enabled(if: Tool.hasDTC),
    arguments: [
      "/ compatible", "/node@1 b", "/node@1 e", "/node@1 bad", "-tx /node@1 b /node@1 reg",
      "-thx /node@1 reg", "-tb /node@1 b", "-tbi /node@1 bad", "-tu / model", "-ts /node@1 reg",
      "-tli /node@1 b", "-l /", "-p /node@1", "-p / /node2", "/nope x", "/ nope", "-d DEF / nope",
      "-d DEF /nope nope", "node2 x", "/node2 x", "-tu /node2 x", "-tx /node2 x", "/node2 z",
      "-thi /node@1 h", "/", "", "-tz / model", "/node model /node2 x", "-ti / model",
    ])
  func `fdtget prints what the other one prints`(words: String) throws {
    defer { directory.remove() }
    let all = words.split(separator: " ").map(String.init)
    let options = all.prefix { !$0.hasPrefix("/") && $0 != "node2" }
    try compare(.fdtget, options + [path] + all.dropFirst(options.count))
  }

  @Test(.enabled(if: Tool.hasDTC)) func `fdtdump prints what the other one prints`() throws {
    defer { directory.remove() }
    try compare(.fdtdump, [path])
    try directory.write("bad", text: "no blob at all, by no means whatever")
    #expect(TestConsole().run(.fdtdump, directory.path + "/bad") == 1)
  }

  @Test func `fdtdump finds blobs inside of a file`() throws {
    defer { directory.remove() }
    let blob = try Data(contentsOf: URL(fileURLWithPath: path))
    let inside = try directory.write("in", Array("xx\u{7}".utf8) + Array(blob) + [1, 2])
    let test = TestConsole()
    #expect(test.run(.fdtdump, "-s", inside) == 0)
    #expect(test.output.hasPrefix("\(inside): found fdt at offset 0x3\n/dts-v1/;\n"))
    #expect(test.output.contains("model = \"x\";"))
    #expect(test.run(.fdtdump, inside) == 1)
    let cut = TestConsole(bytes: Array("abc".utf8) + Array(blob.dropLast(8)))
    #expect(cut.run(.fdtdump, "-s", "-") == 1)
    #expect(cut.output.hasPrefix("-: found fdt at offset 0x3\n"))
  }

  @Test func `fdtdump shows offsets, and what stands before the damage`() throws {
    defer { directory.remove() }
    let debug = TestConsole()
    #expect(debug.run(.fdtdump, "-d", path) == 0)
    #expect(
      debug.output.contains(
        """
        // 0048: tag: 0x00000001 (FDT_BEGIN_NODE)
        / {
        // 0050: tag: 0x00000003 (FDT_PROP)
        """))
    #expect(debug.output.contains(": string: compatible\n// 005c: value\n    compatible = "))
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    for count in 0..<bytes.count {
      let cut = TestConsole(bytes: Array(bytes[..<count]))
      #expect(cut.run(.fdtdump, "-") == 1)
      #expect(cut.errors.hasPrefix("FATAL ERROR: -: "))
      #expect(count < 200 || cut.errors.contains("but there are \(count)") || cut.output == "")
    }
    var damaged = bytes
    damaged[0x50 + 3] = 7
    let test = TestConsole(bytes: damaged)
    #expect(test.run(.fdtdump, "-") == 1)
    #expect(test.output.hasSuffix("/ {\n"))
    #expect(test.errors == "FATAL ERROR: -: there is no tag 0x00000007, at offset 0x50\n")
  }

  @Test func `fdtdump withstands any changed byte`() throws {
    defer { directory.remove() }
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    for index in bytes.indices {
      for byte in [0, 1, 0x7F, 0xFF] as [UInt8] {
        var damaged = bytes
        damaged[index] = byte
        let test = TestConsole(bytes: damaged)
        let status = test.run(.fdtdump, "-ds", "-")
        #expect((status == 0) == (test.errors == ""))
      }
    }
  }

  @Test(
    arguments: [
      (["-ti"], ["0x10", "010", " 5"], [0, 0, 0, 16, 0, 0, 0, 8, 0, 0, 0, 5]),
      (["-tu"], ["0x10"], [0, 0, 0, 16]), ([], ["010", ""], [0, 0, 0, 10, 0, 0, 0, 0]),
      ([], ["0x10"], nil), ([], ["hello"], nil), (["-tx"], ["12z"], nil), (["-ti"], ["08"], nil),
      (["-tu"], ["99999999999999999999"], nil),
      (["-tx"], ["123456789ab"], [0x45, 0x67, 0x89, 0xAB]),
      (["-tx", "--"], ["-1"], [0xFF, 0xFF, 0xFF, 0xFF]), (["-thx"], ["1234"], [0x12, 0x34]),
      (["-tbi"], ["300", "1"], [44, 1]),
    ] as [([String], [String], [UInt8]?)])
  func `fdtput reads numbers as its type says`(
    options: [String], words: [String], value: [UInt8]?
  ) throws {
    defer { directory.remove() }
    let test = TestConsole()
    let status = DeviceTreeCommand.fdtput.run(options + [path, "/", "new"] + words, test.console)
    #expect(status == (value == nil ? 1 : 0))
    let shown = TestConsole()
    #expect(shown.run(.fdtget, "-tr", "-d", "none", path, "/", "new") == 0)
    #expect(shown.bytes == (value ?? Array("none".utf8)) + [0x0A])
    if words == ["0x10"] && value == nil { #expect(test.errors.contains("decimal")) }
  }

  @Test func `fdtput leaves a blob that can be read, whatever it is asked`() throws {
    defer { directory.remove() }
    let test = TestConsole()
    #expect(test.run(.fdtput, "-r", path, "/") == 1)
    #expect(test.errors.contains("the root cannot be removed"))
    #expect(test.run(.fdtput, "-c", path, "/") == 1)
    #expect(test.run(.fdtput, "-c", path, "/node") == 1)
    #expect(test.run(.fdtput, "-cp", path, "//a//b/", "/node/below") == 0)
    let shown = TestConsole()
    #expect(shown.run(.fdtget, "-l", path, "/", "/a", "/node@1") == 0)
    #expect(shown.output == "a\nnode@1\nnode2\nb\nbelow\n")
    // Names that no blob may have in which something is to be found again.
    let long = String(repeating: "n", count: 4096)
    #expect(test.run(.fdtput, "-c", path, "/n\u{f6}") == 1)
    #expect(test.run(.fdtput, "-c", path, "/\(long)") == 1)
    for name in ["", "p\u{f6}", String(repeating: "p", count: 1025)] {
      #expect(test.run(.fdtput, path, "/", name, "1") == 1)
    }
    let after = TestConsole()
    #expect(after.run(.fdtget, "-l", path, "/") == 0)
    #expect(after.output == "a\nnode@1\nnode2\n")
  }

  @Test(
    .enabled(if: Tool.hasDTC),
    arguments: [
      "/ new 1 2", "-ti /node2 x 1 2 0x30", "-tbx /node2 y ff 1", "-c /a /node2/z", "-cp /a/b/c",
      "-r /node2", "-d / model compatible", "-d / nope", "-r /nope", "/nope x 1", "-p /q/r x 1",
      "/ e", "-tx / lx 10 ffffffff", "-ts / s a b", "-tu / s 5", "-c /node2", "/",
      "-tlx / zz 1", "-cp /node2", "-ts /node@1 reg text", "-cp /node@1/x /node@1/y",
    ])
  func `fdtput changes what the other one changes`(words: String) throws {
    defer { directory.remove() }
    let all = words.split(separator: " ").map(String.init)
    let options = all.prefix { !$0.hasPrefix("/") }
    let copy = directory.path + "/copy.dtb"
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    let test = TestConsole()
    let status = DeviceTreeCommand.fdtput.run(
      options + [path] + all.dropFirst(options.count), test.console)
    let theirs = try Tool.run("fdtput", options + [copy] + all.dropFirst(options.count))
    #expect(status == theirs.status, "\(test.errors)")
    let ours = try Tool.run("dtc", ["-q", "-I", "dtb", "-O", "dts", path])
    let expected = try Tool.run("dtc", ["-q", "-I", "dtb", "-O", "dts", copy])
    #expect(!ours.output.isEmpty)
    #expect(ours.output == expected.output)
  }

  @Test(.enabled(if: Tool.hasDTC))
  func `fdtoverlay makes the tree that the other one makes`() throws {
    defer { directory.remove() }
    let base = try directory.write(
      "base.dts",
      text: """
        /dts-v1/; / { soc: soc { a = <1>; k = <&u &soc>; u: uart { s = "x"; }; }; v: v { }; };
        """)
    let overlay = try directory.write(
      "o.dts",
      text: """
        /dts-v1/; /plugin/;
        &soc { a = <2>; b = <&u 5 &m>; uart { t; }; m: m { p = <&m>; q = &m; }; };
        &{/v} { w = <&soc>; x: y { z = <&x>; }; };
        """)
    let second = try directory.write(
      "p.dts", text: "/dts-v1/; /plugin/; &m { more = <&x>; }; &x { deep { }; };")
    for (name, file) in [("base", base), ("o", overlay), ("p", second)] {
      #expect(TestConsole().run(.dtc, "-q", "-@", "-o", "\(directory.path)/\(name).dtb", file) == 0)
    }
    let files = ["o", "p"].map { "\(directory.path)/\($0).dtb" }
    let input = ["-i", "\(directory.path)/base.dtb", "-o"]
    let ours = directory.path + "/ours.dtb"
    let test = TestConsole()
    #expect(DeviceTreeCommand.fdtoverlay.run(input + [ours] + files, test.console) == 0)
    #expect(test.errors == "")
    let theirs = directory.path + "/theirs.dtb"
    #expect(try Tool.run("fdtoverlay", input + [theirs] + files).status == 0)
    let left = try Tool.run("dtc", ["-q", "-I", "dtb", "-O", "dts", ours])
    let right = try Tool.run("dtc", ["-q", "-I", "dtb", "-O", "dts", theirs])
    #expect(
      String(decoding: left.output, as: UTF8.self) == String(decoding: right.output, as: UTF8.self))
    // Without the first, the second refers to labels that are not there.
    let alone = directory.path + "/alone.dtb"
    #expect(DeviceTreeCommand.fdtoverlay.run(input + [alone, files[1]], test.console) == 1)
    #expect(test.errors.contains("[overlay-symbol]"))
    #expect(!FileManager.default.fileExists(atPath: alone))
  }
}
