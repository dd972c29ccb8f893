import DeviceTree
import Diagnostics
import Testing

/// What programs do with trees: follow interrupts and addresses, cut trees down, join them.
@Suite struct TreeLibraryTests {
  private static let source = """
    /dts-v1/;
    / {
      #address-cells = <2>; #size-cells = <2>; interrupt-parent = <&pic>;
      aliases { console = &uart; second = &other; };
      soc: soc@e0000000 {
        #address-cells = <1>; #size-cells = <1>;
        ranges = <0 0xe 0 0x1000000>;
        dma-ranges = <0x40000000 0 0 0x40000000>;
        pic: pic@40000 {
          reg = <0x40000 0x100>; #interrupt-cells = <2>; #address-cells = <0>;
          interrupt-controller;
        };
        clk: clock { #clock-cells = <1>; ref { x; }; };
        uart: serial@1000 { reg = <0x1000 0x100>; clocks = <&clk 3>; interrupts = <9 1>; };
        other: serial@2000 { reg = <0x2000 0x100>; };
        pci: pci {
          #address-cells = <3>; #size-cells = <2>; #interrupt-cells = <1>;
          interrupt-map-mask = <0xf800 0 0 7>;
          interrupt-map = <0x800 0 0 1 &pic 40 1>, <0x1000 0 0 1 &nexus 0xab 5>,
            <0x1800 0 0 1 &pci 0x1800 0 0 1>;
          a@1 { reg = <0x810800 0 0 0 0>; interrupts = <1>; };
          b@2 { reg = <0x1000 0 0 0 0>; interrupts = <1>; };
          c@3 { reg = <0x1800 0 0 0 0>; interrupts = <1>; };
          d@4 { reg = <0x2000 0 0 0 0>; interrupts = <1>; };
        };
        nexus: nexus {
          #address-cells = <1>; #interrupt-cells = <1>;
          interrupt-map = <0xab 5 &pic 50 2>;
        };
      };
    };
    """

  private func tree(_ text: String = source) throws -> Tree {
    let (tree, bag) = read(text)
    return try #require(tree, "\(bag.diagnostics)")
  }

  /// The tree as a blob keeps it: numbers in place of references.
  private func flattened(_ tree: Tree) throws -> Tree {
    var bag = DiagnosticBag()
    return try #require(BlobReader().read(blob(tree), name: "blob", into: &bag))
  }

  private func arrival(of name: String, in tree: Tree) throws -> String? {
    let index = TreeIndex(tree)
    let entry = try #require(index.find(name))
    let interrupts = try #require(index.interrupts(of: entry))
    let sent = try #require(interrupts.first)
    return index.arrival(of: sent).map { "\($0.specifier) at \($0.controller)" }
  }

  @Test(arguments: [
    ("/soc/serial@1000", "[9, 1] at /soc@e0000000/pic@40000"),
    ("/soc/pci/a@1", "[40, 1] at /soc@e0000000/pic@40000"),
    ("/soc/pci/b@2", "[50, 2] at /soc@e0000000/pic@40000"),
    ("/soc/pci/c@3", nil), ("/soc/pci/d@4", nil),
  ])
  func `an interrupt is followed through all maps, in source and in a blob`(
    name: String, expected: String?
  ) throws {
    #expect(try arrival(of: name, in: tree()) == expected)
    #expect(try arrival(of: name, in: flattened(tree())) == expected)
  }

  @Test func `malformed maps lead nowhere and end`() throws {
    for map in ["<1>", "<0 0 0 1 &pic 1>", "<0 0 0 1 99 1 1>", "[01]", "<0 0 0 1 &pic>"] {
      let text = Self.source.replacing(
        "interrupt-map = <0x800 0 0 1 &pic 40 1>", with: "interrupt-map = \(map); z = <0>")
      #expect(try arrival(of: "/soc/pci/a@1", in: tree(text)) == nil)
    }
    let wide = Self.source.replacing(
      "#address-cells = <3>", with: "#address-cells = <0xffffffff>")
    #expect(try arrival(of: "/soc/pci/a@1", in: tree(wide)) == nil)
  }

  @Test func `a report tells where mapped interrupts arrive`() throws {
    let index = TreeIndex(try tree())
    let report = NodeReport(try #require(index.find("/soc/pci/a@1")), in: index)
    #expect(report.text.contains("arrives as\n"))
    #expect(report.text.contains("40 1 at /soc@e0000000/pic@40000"))
  }

  @Test func `addresses of devices are translated through dma-ranges`() throws {
    let index = TreeIndex(try tree())
    let soc = try #require(index.find("soc"))
    func memory(_ address: UInt64) -> UInt64? {
      index.translateForDMA(AddressRange(address: address, size: 4), from: soc)?.address
    }
    #expect(memory(0x4000_1000) == 0x1000)
    #expect(memory(0x1000) == nil)
    #expect(
      index.translate(AddressRange(address: 0x1000, size: 4), from: soc)?.address == 0xe_0000_1000)
    let nexus = try #require(index.find("nexus"))
    #expect(
      index.translateForDMA(AddressRange(address: 0x4000_0000, size: 4), from: nexus)?.address == 0)
  }

  @Test func `a tree is cut down to nodes and what their phandles lead to`() throws {
    var bag = DiagnosticBag()
    for tree in [try tree(), try flattened(tree())] {
      var pruned = tree
      pruned.prune(keeping: ["console"], into: &bag)
      let paths = TreeIndex(pruned).entries.map(\.path)
      #expect(
        paths.sorted() == [
          "/", "/aliases", "/soc@e0000000", "/soc@e0000000/clock", "/soc@e0000000/clock/ref",
          "/soc@e0000000/pic@40000", "/soc@e0000000/serial@1000",
        ])
      #expect(pruned["/aliases"]?.properties.map(\.name) == ["console"])
      #expect(pruned["/soc/serial@1000"] == tree["/soc/serial@1000"])
      #expect(pruned["/soc"]?.properties == tree["/soc"]?.properties)
      let once = pruned
      pruned.prune(keeping: ["console"], into: &bag)
      #expect(pruned == once)
    }
    #expect(bag.isEmpty)
  }

  @Test func `a node to keep that is not there is told, and nothing removed`() throws {
    var bag = DiagnosticBag()
    var pruned = try tree()
    pruned.prune(keeping: ["uart", "othr"], into: &bag)
    #expect(pruned == (try tree()))
    #expect(bag.diagnostics.map(\.code) == ["node-not-found"])
    #expect(bag.diagnostics.first?.fixIts.first?.message == "did you mean other?")
  }

  @Test func `a merged tree's phandles keep their meaning`() throws {
    let other = """
      /dts-v1/;
      /memreserve/ 0x1000 0x100;
      / {
        first: first { p = <&second 7>; };
        second: second { clocks = <&clk 5>; };
        soc@e0000000 { clk: clock { #clock-cells = <1>; speed = <7>; }; };
      };
      """
    for added in [try tree(other), try flattened(tree(other))] {
      var merged = try tree()
      merged.merge(added)
      let index = TreeIndex(merged)
      #expect(merged.reservations.map(\.address) == [0x1000])
      #expect(merged["/soc/clock"]?["speed"]?.cell == 7)
      #expect(merged["/soc/clock"]?["#clock-cells"]?.cell == 1)
      let phandles = index.entries.compactMap(\.node.phandle)
      #expect(Set(phandles).count == phandles.count)
      let clocks = try #require(merged["/second"]?["clocks"]?.withoutMarkers)
      #expect(index.target(of: clocks, cell: 0)?.path == "/soc@e0000000/clock")
      let uart = try #require(merged["/soc/serial@1000"]?["clocks"]?.withoutMarkers)
      #expect(index.target(of: uart, cell: 0)?.path == "/soc@e0000000/clock")
    }
    // Where source says what is a phandle, properties of any name are renumbered.
    var merged = try tree()
    merged.merge(try tree(other))
    let p = try #require(merged["/first"]?["p"]?.withoutMarkers)
    #expect(TreeIndex(merged).target(of: p, cell: 0)?.path == "/second")
    #expect(p.cells?.last == 7)
  }
}
