import DeviceTree
import Diagnostics
import Foundation
import Testing

/// What counts as a difference between two trees and what does not.
@Suite struct TreeDifferenceTests {
  private static func tree(_ body: String, isBlob: Bool = false) throws -> Tree {
    var bag = DiagnosticBag()
    let file = SourceFile(name: "a.dts", text: "/dts-v1/;\n" + body)
    var tree = try #require(SourceReader().read(file, into: &bag))
    tree.resolveReferences(into: &bag)
    #expect(!bag.hasErrors)
    guard isBlob else { return tree }
    return try #require(BlobReader().read(blob(tree), name: "a.dtb", into: &bag))
  }

  private static let base = """
    / {
      pic: pic { #interrupt-cells = <2>; };
      gpio: gpio { #gpio-cells = <2>; };
      uart { interrupt-parent = <&pic>; reset-gpios = <&gpio 1 2>; vendor = <&pic>; reg = <1>; };
    };
    """

  /// The same tree with other phandles, order and labels.
  private static let renumbered = """
    / {
      new0: gpio { #gpio-cells = <2>; phandle = <7>; };
      uart { reg = <1>; vendor = <&p>; reset-gpios = <&{/gpio} 1 2>; interrupt-parent = <&p>; };
      p: pic { #interrupt-cells = <2>; phandle = <1>; };
    };
    """

  @Test(arguments: [(false, false), (true, false), (false, true)])
  func `order, labels and the numbers of phandles do not count`(
    isBlob: (Bool, Bool)
  ) throws {
    let first = try Self.tree(Self.base, isBlob: isBlob.0)
    let second = try Self.tree(Self.renumbered, isBlob: isBlob.1)
    #expect(TreeDifference(from: first, to: second).changes == [])
  }

  @Test func `between blobs only properties of unknown meaning are left to the reader`() throws {
    let first = try Self.tree(Self.base, isBlob: true)
    let second = try Self.tree(
      Self.renumbered.replacingOccurrences(of: "phandle = <1>", with: "phandle = <9>"),
      isBlob: true)
    let difference = TreeDifference(from: first, to: second)
    guard case .propertyChanged("/uart", let old, _, true)? = difference.changes.first else {
      return #expect(Bool(false), "\(difference.changes)")
    }
    #expect(old.name == "vendor")
    #expect(difference.changes.count == 1)
    #expect(
      TreeDifferenceReport(difference: difference).text == """
        ~ /uart vendor (perhaps the same node's phandle)
            - <1>
            + <9>

        """)
  }

  @Test func `the same number that means another node is a difference`() throws {
    let first = try Self.tree(
      "/ { a: a { phandle = <1>; }; b { phandle = <2>; }; c { interrupt-parent = <1>; x = <1>; }; };",
      isBlob: true)
    let second = try Self.tree(
      "/ { a: a { phandle = <2>; }; b { phandle = <1>; }; c { interrupt-parent = <1>; x = <1>; }; };",
      isBlob: true)
    let changes = TreeDifference(from: first, to: second).changes
    #expect(changes.count == 1)
    guard case .propertyChanged("/c", let old, _, false)? = changes.first else {
      return #expect(Bool(false), "\(changes)")
    }
    #expect(old.name == "interrupt-parent")
  }

  @Test func `a number is never taken for a phandle where bindings say it is none`() throws {
    // Shifted by one are the phandles, and so is the register.
    let first = try Self.tree("/ { a { phandle = <1>; }; b { reg = <1>; }; };", isBlob: true)
    let second = try Self.tree("/ { a { phandle = <2>; }; b { reg = <2>; }; };", isBlob: true)
    #expect(
      TreeDifferenceReport(difference: TreeDifference(from: first, to: second)).text == """
        ~ /b reg
            - <1>
            + <2>

        """)
  }

  @Test func `every kind of change is told, in order`() throws {
    let first = try Self.tree(
      "/memreserve/ 1 2; / { p = \"a\"; q; gone { x; y { }; }; n { r = <1 2>; }; };")
    let second = try Self.tree("/ { s = [01]; p = \"b\"; n { r = <1>; new { }; }; };")
    let report = TreeDifferenceReport(difference: TreeDifference(from: first, to: second))
    #expect(
      report.text == """
        ~ /memreserve/
            - 0x1 0x2
            + none
        ~ / p
            - "a"
            + "b"
        - / q;
        + / s = [01];
        - /gone { 1 property, 1 child }
        ~ /n r
            - <1 2>
            + <1>
        + /n/new { 0 properties, 0 children }

        """)
    let kinds = [
      "reservations-changed", "property-changed", "property-removed", "property-added",
      "node-removed", "property-changed", "node-added",
    ]
    #expect(
      report.json.text.split(separator: "\n").filter { $0.contains("\"kind\"") }.count
        == kinds.count)
    for kind in kinds { #expect(report.json.text.contains("\"kind\": \"\(kind)\"")) }
  }

  @Test func `interrupt maps are compared row by row`() throws {
    func text(_ first: Int, _ second: Int) -> String {
      """
      / {
        a { phandle = <\(first)>; #interrupt-cells = <1>; #address-cells = <1>; };
        b { phandle = <\(second)>; #interrupt-cells = <2>; };
        n { #address-cells = <1>; #interrupt-cells = <1>;
          interrupt-map = <2 1 \(first) 1 2  1 2 \(second) 2 1>; };
      };
      """
    }
    let one = try Self.tree(text(1, 2), isBlob: true)
    let other = try Self.tree(text(2, 1), isBlob: true)
    #expect(TreeDifference(from: one, to: other).changes == [])
  }
}

/// What a person learns of a node.
@Suite struct NodeReportTests {
  private static let source = """
    /dts-v1/;
    / {
      #address-cells = <2>;
      #size-cells = <2>;
      interrupt-parent = <&pic>;
      aliases { serial0 = &uart; };
      soc: soc@ffe000000 {
        #address-cells = <1>;
        #size-cells = <1>;
        ranges = <0 0xf 0xfe000000 0x1000000>;
        pic: pic@40000 { reg = <0x40000 0x100>; #interrupt-cells = <2>; };
        uart: serial@11c500 {
          reg = <0x11c500 0x100 0x2000000 1>;
          interrupts = <36 2 37 1>;
          child { };
        };
        both { interrupts-extended = <&pic 1 2>, <&pic 3 4>; };
        wrong { reg = <1 2 3>; interrupts = <1>; };
        orphan { #address-cells = <1>; dev@1 { reg = <1 2>; }; };
      };
    };
    """

  private func report(_ name: String) throws -> NodeReport? {
    var bag = DiagnosticBag()
    let file = SourceFile(name: "a.dts", text: Self.source)
    var tree = try #require(SourceReader().read(file, into: &bag))
    tree.resolveReferences(into: &bag)
    let index = TreeIndex(tree)
    return index.find(name).map { NodeReport($0, in: index) }
  }

  @Test(arguments: [
    "serial0", "uart", "&uart", "/soc/serial", "/soc@ffe000000/serial@11c500", "soc/serial@11c500",
  ])
  func `a node is found by every name it has`(name: String) throws {
    #expect(try report(name)?.path == "/soc@ffe000000/serial@11c500")
  }

  @Test(arguments: ["", "serial1", "/soc/serial@1", "/soc/serial/x", "//x"])
  func `no node is found by another name`(name: String) throws {
    #expect(try report(name) == nil)
  }

  @Test func `addresses are translated and interrupts given to their controller`() throws {
    let report = try #require(try report("serial0"))
    #expect(
      report.text == """
        /soc@ffe000000/serial@11c500
        labels: uart

              reg   size  CPU address
         0x11c500  0x100  0xffe11c500
        0x2000000    0x1   not mapped

        interrupt  controller
        36 2       /soc@ffe000000/pic@40000
        37 1       /soc@ffe000000/pic@40000

        reg = <0x11c500 0x100 0x2000000 1>
        interrupts = <0x24 2 0x25 1>

        child/

        """)
    #expect(report.json.text.contains("\"physical\": \"0xffe11c500\""))
    #expect(report.json.text.contains("\"physical\": null"))
  }

  @Test func `extended interrupts name a controller each`() throws {
    let interrupts = try #require(try report("/soc/both")?.interrupts)
    #expect(interrupts.map(\.sent.specifier) == [[1, 2], [3, 4]])
  }

  @Test func `what does not fit is said`() throws {
    let report = try #require(try report("/soc/wrong"))
    #expect(report.registers == nil)
    #expect(report.interrupts == nil)
    #expect(report.text.contains("does not fit"))
    #expect(report.json.text.contains("\"reg\": null"))
  }

  @Test func `a bus without ranges maps nothing`() throws {
    #expect(try report("/soc/orphan/dev@1")?.registers?.map(\.physical) == [nil])
  }
}
