import DeviceTree
import Diagnostics
import Testing

/// Where values came from, and what stood there before.
@Suite struct TreeHistoryTests {
  private static let source = """
    /dts-v1/;
    / {
      soc {
        u: uart { status = "disabled"; clock = <1>; reg = <2>; };
        gone { x; };
      };
    };
    &u { status = "okay"; /delete-property/ clock; };
    / { soc { uart { clock = <3>; }; /delete-node/ gone; }; };
    &u { status = "fail"; };
    """

  private func read(_ text: String = source) throws -> (tree: Tree, history: TreeHistory) {
    var bag = DiagnosticBag()
    let file = SourceFile(name: "board.dts", text: text)
    return try #require(SourceReader().readWithHistory(file, into: &bag), "\(bag.diagnostics)")
  }

  private func describe(_ events: [TreeHistory.PropertyEvent]) -> [String] {
    events.map { event in
      let place = event.span.map { "\($0.start.line):\($0.start.column)" } ?? "-"
      return switch event {
      case .set(let value, _): "\(place) \(SourcePrinter().print(value))"
      case .deleted: "\(place) deleted"
      }
    }
  }

  @Test func `every value a property had is kept with its place`() throws {
    let (tree, history) = try read()
    #expect(
      describe(history.events(of: "status", in: "/soc/uart"))
        == ["4:15 \"disabled\"", "8:6 \"okay\"", "10:6 \"fail\""])
    #expect(
      describe(history.events(of: "clock", in: "/soc/uart"))
        == ["4:36 <1>", "8:41 deleted", "9:18 <3>"])
    #expect(history.events(of: "reg", in: "/soc/uart") == [], "said once, so it is in the tree")
    #expect(tree["/soc/uart"]?["status"]?.string == "fail")
  }

  @Test func `a deleted node and its properties are known by the place that deleted them`() throws {
    let (tree, history) = try read()
    #expect(tree["/soc/gone"] == nil)
    #expect(history.deletion(ofNode: "/soc/gone")?.location == "board.dts:9:48")
    #expect(describe(history.events(of: "x", in: "/soc/gone")) == ["5:12 ", "9:48 deleted"])
    #expect(history.deletion(ofNode: "/soc/uart") == nil)
    let (_, again) = try read(Self.source + "\n/delete-node/ &u;\n/ { soc { uart { }; }; };")
    #expect(again.deletion(ofNode: "/soc/uart") == nil, "it came back")
    #expect(again.events(ofNode: "/soc/uart").count == 6)
  }

  @Test func `the tree is the same with and without its history`() throws {
    var bag = DiagnosticBag()
    let file = SourceFile(name: "board.dts", text: Self.source)
    let plain = try #require(SourceReader().read(file, into: &bag))
    #expect(try read().tree == plain)
  }

  @Test func `a report tells the latest first, and what is gone last`() throws {
    let (tree, history) = try read(
      "/dts-v1/; / { n { a; b = <1>; }; };\n/ { n { /delete-property/ a; b = <2>; }; };")
    let index = TreeIndex(tree)
    let entry = try #require(index.find("/n"))
    #expect(
      NodeHistoryReport(entry, in: history).text == """

        history of /n
          board.dts:2:5: opened
          board.dts:1:15: opened
        b
          board.dts:2:30: <2>
          board.dts:1:22: was <1>
        a
          board.dts:2:27: deleted
          board.dts:1:19: was present

        """)
  }

  @Test func `a blob's labels come back from its symbols`() throws {
    var bag = DiagnosticBag()
    var tree = try read("/dts-v1/; / { l: m: a { }; b { k: c { }; }; };").tree
    tree.addSymbols(into: &bag)
    var symbols = try #require(tree.root.child("__symbols__"))
    for (name, path) in [("no-label", "/a"), ("lost", "/nowhere"), ("k2", "b")] {
      symbols.set(name, .string(path))
    }
    symbols.set("number", 1)
    tree.root.removeChild("__symbols__")
    tree.root.add(symbols)
    var back = try #require(BlobReader().read(blob(tree), name: "x", into: &bag))
    #expect(back["/a"]?.labels == [])
    back.restoreLabels()
    #expect(back["/a"]?.labels == ["l", "m"])
    #expect(back["/b/c"]?.labels == ["k"])
    #expect(back["/b"]?.labels == [])
    let once = back
    back.restoreLabels()
    #expect(back == once)
  }
}
