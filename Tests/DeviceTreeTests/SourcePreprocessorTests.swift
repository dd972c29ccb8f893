import DeviceTreeCommands
import Diagnostics
import Foundation
import Testing

@testable import DeviceTree

/// Sources written for the C preprocessor: which they are, and where findings in them point.
@Suite(.timeLimit(.minutes(10))) struct SourcePreprocessorTests {
  private static let header = """
    #pragma once
    #define IRQ_UART 12
    #define FREQ(x) ((x) * 1000)
    """

  private static let included = """
    #ifndef SOC
    #define SOC
    #include <dt/irq.h>
    / {
    \tuart0: serial@1000 { reg = <0x1000 0x100>; };
    };
    #endif
    """

  private static let board = """
    /dts-v1/;
    // ten lines, so that the preprocessor leaves some out










    #include "soc.dtsi"
    &uart0 {
    \tinterrupts = <IRQ_UART 4>;
    \tclock-frequency = <FREQ(2)>;
    };
    """

  private static func write(
    to directory: TemporaryDirectory, board: String = board, included: String = included
  ) throws -> (board: String, included: String, headers: String) {
    try FileManager.default.createDirectory(
      atPath: directory.path + "/inc/dt", withIntermediateDirectories: true)
    try directory.write("inc/dt/irq.h", text: header)
    return (
      try directory.write("board.dts", text: board),
      try directory.write("soc.dtsi", text: included), directory.path + "/inc"
    )
  }

  @Test(arguments: [
    "#include \"a.dtsi\"\n", "#include <a.h>\n", "  #  include <a.h>\n", "#define X 1\n",
    "#ifdef X\n#endif\n", "#if (X == 1)\n", "#if !X\n", "#undef X\n", "/* x */\n#ifndef X\n",
    "/ { s = \"#define X 1\"; };\n#define Y 2\n",
  ])
  func `a source with directives is preprocessed`(text: String) {
    #expect(DirectiveFinder.examine(Array(text.utf8)) == .needsPreprocessor)
  }

  @Test(arguments: [
    "/ { #address-cells = <1>; };", "/ {\n#include = <1>;\n#define;\n#if {\n};\n};",
    "/ {\n#define = \"x\";\n};", "/* \n#define X 1\n*/", "// \\\n / { s = \"\n#define X 1\n\"; };",
    "/ { a = <1>; }; // x\n", "#", "#include", "#define\n", "#endif\n", "", "x #define X 1\n",
  ])
  func `what dtc may accept is left alone`(text: String) {
    #expect(DirectiveFinder.examine(Array(text.utf8)) == .plain)
    let file = SourceFile(name: "a.dts", text: text)
    var bag = DiagnosticBag()
    #expect(SourcePreprocessor().expand(file, into: &bag) === file)
  }

  @Test(.enabled(if: Tool.path("cpp") != nil && Tool.hasDTC, "needs package cpp"))
  func `the blob is that of cpp and dtc`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let files = try Self.write(to: directory)
    let test = TestConsole()
    #expect(test.run(.dtc, "-q", "-i", files.headers, files.board) == 0, "\(test.errors)")
    let expanded = try Tool.run(
      "cpp", ["-nostdinc", "-undef", "-x", "assembler-with-cpp", "-I", files.headers, files.board])
    #expect(expanded.status == 0)
    #expect(try Tool.dtc([], expanded.output) == test.bytes)
  }

  @Test func `an error in an included file shows the user's line and the include chain`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let files = try Self.write(
      to: directory,
      included: Self.included.replacingOccurrences(of: "0x100>;", with: "0x100 $;"))
    let test = TestConsole()
    #expect(test.run(.dtc, "-i", files.headers, files.board) == 1)
    #expect(test.errors.contains("\(files.included):5:43: error: "), "\(test.errors)")
    #expect(test.errors.contains("\(files.board):13:1: note: included from here"))
    #expect(test.errors.contains("13 | #include \"soc.dtsi\""))
  }

  @Test func `an error behind a macro points at the user's column`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let files = try Self.write(
      to: directory, board: Self.board.replacingOccurrences(of: "(2)>;", with: "(2)   >;  x y"))
    let test = TestConsole()
    #expect(test.run(.dtc, "-i", files.headers, files.board) == 1)
    #expect(test.errors.contains("\(files.board):16:37: error: "), "\(test.errors)")
  }

  @Test func `a finding of a check points at the user's file`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let files = try Self.write(
      to: directory, included: Self.included.replacingOccurrences(of: "0x100>;", with: ">;"))
    let test = TestConsole()
    #expect(test.run(.dtc, "-i", files.headers, files.board) == 0)
    #expect(
      test.errors.contains("\(files.included):5.23-26: Warning (reg_format)"), "\(test.errors)")
  }

  @Test(arguments: [["clang", "-E"], ["cpp"], ["gcc", "-E"]])
  func `a missing header is told by place, whoever preprocesses`(program: [String]) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let files = try Self.write(to: directory)
    var preprocessor = SourcePreprocessor()
    preprocessor.programs = [["no-such-program"], program]
    var bag = DiagnosticBag()
    let source = SourceFile(name: files.board, text: Self.board)
    #expect(preprocessor.expand(source, into: &bag) == nil)
    let codes = bag.diagnostics.map(\.code)
    if codes == ["preprocessor-missing"] { return }
    #expect(codes == ["preprocessor"])
    let finding = try #require(bag.diagnostics.first)
    #expect(finding.span?.location == "\(files.included):3:10")
    #expect(finding.message.contains("dt/irq.h"))
    #expect(finding.notes.map(\.span?.location) == ["\(files.board):13:1"])
  }

  @Test func `without any preprocessor the message names a package`() {
    var preprocessor = SourcePreprocessor()
    preprocessor.programs = [["no-such-program"]]
    var bag = DiagnosticBag()
    let source = SourceFile(name: "a.dts", text: "#define X 1\n/dts-v1/; / { };")
    #expect(preprocessor.expand(source, into: &bag) == nil)
    #expect(bag.diagnostics.map(\.code) == ["preprocessor-missing"])
    #expect(bag.diagnostics.first?.fixIts.first?.message.contains("apt-get install") == true)
  }

  @Test func `output without end is cut`() {
    var preprocessor = SourcePreprocessor()
    preprocessor.programs = [["sh", "-c", "while :; do echo too much; done"]]
    preprocessor.limit = 1 << 20
    var bag = DiagnosticBag()
    let source = SourceFile(name: "a.dts", text: "#define X 1\n")
    #expect(preprocessor.expand(source, into: &bag) == nil)
    #expect(bag.diagnostics.map(\.code) == ["preprocessor-limit"])
  }

  @Test func `a preprocessor that hangs is ended, with the processes it started`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let pid = directory.path + "/pid"
    var preprocessor = SourcePreprocessor()
    // Like cpp, it leaves the work to another process.
    preprocessor.programs = [["sh", "-c", "sleep 1000 & echo $! > \(pid); wait"]]
    preprocessor.timeLimit = .milliseconds(500)
    var bag = DiagnosticBag()
    let source = SourceFile(name: "a.dts", text: "#define X 1\n")
    #expect(preprocessor.expand(source, into: &bag) == nil)
    #expect(bag.diagnostics.map(\.code) == ["preprocessor-limit"])
    let child = try String(contentsOfFile: pid, encoding: .utf8)
    let number = try #require(Int32(child.trimmingCharacters(in: .whitespacesAndNewlines)))
    // Killed, it may take a moment to go, and then wait for its new parent to take notice.
    while kill(number, 0) == 0,
      let state = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8),
      !state.contains("Z")
    {
      usleep(10_000)
    }
  }

  @Test func `a file of /include/ may be written for the preprocessor`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let part = try directory.write(
      "part.dtsi", text: "#define TWO 2\n/ {\n  a = <TWO>;\n  b = <TWO $>;\n};\n")
    let board = try directory.write("board.dts", text: "/dts-v1/;\n/include/ \"part.dtsi\"\n")
    let test = TestConsole()
    #expect(test.run(.dtc, board) == 1)
    #expect(test.errors.contains("\(part):4:12: error: expected a number"), "\(test.errors)")
    try directory.write("part.dtsi", text: "#include \"c.h\"\n/ { a = <TWO>; };\n")
    try directory.write("c.h", text: "#define TWO 2\n")
    let good = TestConsole()
    let rule = directory.path + "/rule"
    #expect(good.run(.dtc, "-O", "dts", "-d", rule, board) == 0, "\(good.errors)")
    #expect(good.output.contains("a = <0x02>"))
    #expect(try String(contentsOfFile: rule, encoding: .utf8).contains("/c.h"))
    var bag = DiagnosticBag()
    let source = SourceFile(name: board, text: "/dts-v1/; /include/ \"part.dtsi\"")
    #expect(SourceReader().read(source, into: &bag) == nil, "as dtc has it")
  }

  @Test func `findings in what others preprocessed name the original, and read no file`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let secret = try directory.write("secret", text: "do not show\ndo not show\n")
    let text = "# 2 \"\(secret)\" 1\n/dts-v1/;\n/ { a = <1>; a = <2>; };\n"
    let test = TestConsole(text)
    #expect(test.run(.dtc, "-") == 2)
    #expect(
      test.errors.contains("\(secret):3.14-15: ERROR (duplicate_property_names)"), "\(test.errors)")
    #expect(!test.errors.contains("do not show"))
  }

  @Test func `a board is preprocessed from standard input, beside the working directory`() {
    let test = TestConsole("#define SIZE 2\n/dts-v1/;\n/ { a = <SIZE>; };\n")
    #expect(test.run(.dtc, "-O", "dts", "-") == 0, "\(test.errors)")
    #expect(test.output.contains("a = <0x02>"))
  }
}
