import DeviceTree
import DeviceTreeCommands
import Foundation
import Testing

/// The tools of dtc run beside ours on copies of one blob.
@Suite(.enabled(if: Tool.hasDTC)) struct ToolComparisonTests {
  private static let source = """
    /dts-v1/;
    / {
      compatible = "a,b", "c"; model = "x"; unit = <5 6>; h = <0xffffffff 0x80000000>;
      b = [01 02 ff]; two = [01 02]; e; s16 = /bits/ 16 <0x8000 0x7fff>; empty = "";
      aliases { s0 = "/node@1"; };
      node@1 { reg = <1 2>; sub { x = <1>; }; };
      node2 { x = <0xdeadbeef>; z = "one", "two"; };
    };
    """

  @Test(arguments: [
    "", "-ts", "-ti", "-tu", "-tx", "-tbi", "-tbx", "-thi", "-thx", "-tlx", "-tLx", "-thhu",
  ])
  func `fdtget shows values as the tool of dtc does`(type: String) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = try directory.write("a.dtb", Tool.dtc([], Array(Self.source.utf8)))
    for name in ["compatible", "unit", "h", "b", "two", "e", "s16", "empty", "none"] {
      let arguments = (type.isEmpty ? [] : [type]) + [path, "/", name]
      let theirs = try Tool.run("fdtget", arguments)
      let test = TestConsole()
      #expect(DeviceTreeCommand.fdtget.run(arguments, test.console) == theirs.status, "\(name)")
      #expect(test.bytes == theirs.output, "\(name)")
    }
  }

  @Test(arguments: [
    "F / new 1 2", "-ts F / model y", "-tx F / unit ff 10", "-r F /node2", "-r F /node@1/sub",
    "-d F / model", "-d F / model unit b", "-c F /new", "-c F /a /a/b", "-cp F /a/b/c",
    "-ts F / e2",
    "-r F /node2 /node@1", "-d F / nope", "-c F /node2", "-c F /trail/", "-r F /nope",
    "-tr F / x y",
    "-tbi F / b 1 2 3", "F /nope x 1",
  ])
  func `fdtput leaves the blob that the tool of dtc leaves`(words: String) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let blob = try Tool.dtc([], Array(Self.source.utf8))
    let theirs = try directory.write("theirs.dtb", blob)
    let ours = try directory.write("ours.dtb", blob)
    func arguments(_ path: String) -> [String] {
      words.split(separator: " ").map { $0 == "F" ? path : String($0) }
    }
    let status = try Tool.run("fdtput", arguments(theirs)).status
    #expect(DeviceTreeCommand.fdtput.run(arguments(ours), TestConsole().console) == status)
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: ours))
        == Data(contentsOf: URL(fileURLWithPath: theirs)))
  }

  @Test func `dtc warns of cells for children that were deleted`() throws {
    let text = """
      /dts-v1/;
      / { n: n { #address-cells = <1>; #size-cells = <0>; c: c { }; }; };
      /delete-node/ &c;
      """
    let test = TestConsole(text)
    #expect(test.run(.dtc, "-") == 0)
    #expect(test.errors.contains("Warning (avoid_unnecessary_addr_size): /n"))
  }

  @Test func `annotations are for source to source`() {
    #expect(TestConsole("/dts-v1/; / { };").run(.dtc, "-T", "-Odtb") == 1)
    #expect(TestConsole("/dts-v1/; / { };").run(.dtc, "-T", "-Odts") == 0)
  }
}
