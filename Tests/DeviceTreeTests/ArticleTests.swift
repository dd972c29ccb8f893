import DeviceTree
import Diagnostics
import TestSupport
import Testing

/// The code in the module's articles: compiled here, run here, and compared with what is printed there.
@Suite struct ArticleTests {
  @Test func `the landing page's example compiles a source`() {
    let source = "/dts-v1/; / { n@1 { }; };"
    func compile() -> DiagnosticBag {
      // snippet
      var bag = DiagnosticBag()
      let file = SourceFile(name: "board.dts", text: source)
      guard var tree = SourceReader().read(file, into: &bag) else { return bag }
      TreeChecker().check(&tree, into: &bag)
      let blob = BlobWriter().write(tree, into: &bag)
      // end
      #expect(blob?.starts(with: [0xD0, 0x0D, 0xFE, 0xED]) == true)
      return bag
    }
    #expect(compile().diagnostics.map(\.code) == ["unit-address-vs-reg"])
  }

  @Test func `the first steps lead where they say`() {
    var bag = DiagnosticBag()
    // snippet
    var tree = Tree { root in
      root.set("#address-cells", 1)
      root.set("#size-cells", 1)
      root.set("compatible", .strings(["example,board"]))
      root.add("pic@40000", labels: ["pic"]) {
        $0.set("reg", .cells([0x40000, 0x100]))
        $0.set("#interrupt-cells", 2)
        $0.set("interrupt-controller")
      }
      root.add("serial@1000", labels: ["uart"]) {
        $0.set("reg", .cells([0x1000, 0x100]))
        $0.set("interrupts-extended", .cells([.reference("pic"), 36, 2]))
      }
    }
    // end
    // snippet
    tree.resolveReferences(into: &bag)
    // end
    let before = tree
    // snippet
    let index = TreeIndex(tree)
    if let uart = index.find("uart") {
      let registers = index.physicalRegisters(of: uart)  // as the CPU sees them
      let interrupts = index.interrupts(of: uart)  // which controller, which line
      print(uart.path, registers ?? [], interrupts ?? [])
    }
    // end
    let uart = index.find("uart")
    #expect(uart.flatMap { index.interrupts(of: $0) }?.first?.controller == "/pic@40000")
    // snippet
    tree.update("/serial@1000") {
      $0.set("status", "okay")
      $0.set("clock-frequency", 24_000_000)
    }
    // end
    // snippet
    tree.prune(keeping: ["uart"], into: &bag)
    // end
    #expect(tree.root.children.count == 2)
    // snippet
    let difference = TreeDifference(from: before, to: tree)
    print(TreeDifferenceReport(difference: difference).text)
    print(SourcePrinter().print(tree))
    let blob = BlobWriter().write(tree, into: &bag)
    // end
    #expect(difference.changes.count == 2)
    #expect(blob != nil)
    #expect(bag.isEmpty)
  }

  @Test func `markers are what a blob forgets`() {
    // snippet
    let value = PropertyValue.cells([.reference("pic"), 36]) + .string("rx")
    print(value.count)  // 11
    print(value.references)  // [&pic]
    print(value.withoutMarkers.references)  // []
    // end
    #expect(value.count == 11)
    #expect("\(value.references)" == "[&pic]")
    #expect(value.withoutMarkers.references.isEmpty)
  }

  @Test func `checks are configured`() {
    var bag = DiagnosticBag()
    var tree = Tree { $0.add("n@1") }
    // snippet
    var checker = TreeChecker()
    checker.includesSpecification = true
    _ = checker.configure("unit-address-vs-reg", .error)
    _ = checker.configure("avoid-default-addr-size", nil)
    checker.check(&tree, into: &bag)
    // end
    #expect(bag.hasErrors)
    #expect(checker.severity(of: "avoid-default-addr-size") == nil)
  }

  @Test func `an overlay is applied`() throws {
    var bag = DiagnosticBag()
    var base = try #require(read("/dts-v1/; / { u: uart { }; };").tree)
    let overlay = try #require(
      SourceReader().read(
        SourceFile(name: "guest.dtso", text: "/dts-v1/; /plugin/; &u { x; };"), into: &bag))
    // snippet
    base.addSymbols(into: &bag)
    Overlay(overlay, name: "guest.dtso").apply(to: &base, into: &bag)
    // end
    #expect(base["/uart"]?["x"] != nil)
    #expect(bag.isEmpty)
  }

  @Test func `a history is asked for`() {
    let text = "/dts-v1/; / { u: serial@1000 { status = \"a\"; }; }; &u { status = \"b\"; };"
    let file = SourceFile(name: "board.dts", text: text)
    func ask() -> DiagnosticBag {
      var bag = DiagnosticBag()
      // snippet
      guard let (tree, history) = SourceReader().readWithHistory(file, into: &bag) else {
        return bag
      }
      for event in history.events(of: "status", in: "/serial@1000") {
        print(event.span?.location ?? "no place")
      }
      if let entry = TreeIndex(tree).find("/serial@1000") {
        print(NodeHistoryReport(entry, in: history).text)
      }
      // end
      #expect(history.events(of: "status", in: "/serial@1000").count == 2)
      return bag
    }
    #expect(ask().isEmpty)
  }

  @Test func `every piece of Swift in the articles stands in this file`() throws {
    try ArticleSnippets.check("Sources/DeviceTree/DeviceTree.docc", against: #filePath)
  }
}
