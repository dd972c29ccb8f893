import DeviceTree
import DeviceTreeCommands
import Foundation
import Testing

/// Overlays whose targets and fixups lead into themselves.
@Suite(.timeLimit(.minutes(10))) struct SelfReferenceTests {
  private static let overlays = [
    "&n { n: inner { p = <&n>; }; };",
    "/ { fragment@0 { target-path = \"/fragment@0/__overlay__\"; __overlay__ { x; }; }; };",
    "/ { f: fragment@0 { target = <&f>; __overlay__ { x; }; }; };",
    "/ { fragment@0 { target = <&t>; __overlay__ { t: x { q = <&t>; }; }; }; };",
    """
    / { fragment@0 { target-path = "/"; __overlay__ { a { }; }; };
    __fixups__ { n = "/__fixups__:n:0"; }; };
    """,
    """
    / { fragment@0 { target-path = "/"; __overlay__ { a = <1>; }; };
    __local_fixups__ { __local_fixups__ { __local_fixups__ = <0>; }; }; };
    """,
    """
    / { fragment@0 { target-path = "/__symbols__"; __overlay__ { n = "/__symbols__"; }; };
    __symbols__ { __symbols__ = "/fragment@0/__overlay__/__symbols__"; }; };
    """,
  ]

  @Test(arguments: overlays)
  func `an overlay that leads into itself ends with an error or a tree`(text: String) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let source = try directory.write("o.dts", text: "/dts-v1/; /plugin/; " + text)
    let overlay = directory.path + "/o.dtb"
    #expect(TestConsole().run(.dtc, "-q", "-f", "-@", "-o", overlay, source) == 0)
    let empty = try directory.write("b.dts", text: "/dts-v1/; / { n: node { }; };")
    let base = directory.path + "/b.dtb"
    #expect(TestConsole().run(.dtc, "-q", "-@", "-o", base, empty) == 0)
    for start in [base, overlay] {
      let output = directory.path + "/out.dtb"
      let test = TestConsole()
      let status = test.run(.fdtoverlay, "-i", start, "-o", output, overlay, overlay)
      #expect((status == 0) == (test.errors == ""))
      #expect(FileManager.default.fileExists(atPath: output) == (status == 0))
      guard status == 0 else { continue }
      let back = TestConsole()
      #expect(back.run(.dtc, "-q", "-f", "-I", "dtb", "-O", "dts", output) == 0)
      try FileManager.default.removeItem(atPath: output)
    }
  }
}
