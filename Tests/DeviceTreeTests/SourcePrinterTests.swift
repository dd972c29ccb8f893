import DeviceTree
import Diagnostics
import Testing

@Suite struct SourcePrinterTests {
  @Test func `the readable style keeps labels, references and number forms`() {
    let tree = Tree { root in
      root.set("a", .cells([.reference("l"), 16, 2]) + .cells([.reference("/n")]))
      root.set("b", .strings(["x", "quote\"\n"]))
      root.set("c", .path("l"))
      root.set("d", .bytes([0, 0xAB]))
      root.set("e")
      root.set("f", .integers([1, 0x1234], width: .bits16))
      root.add("n", labels: ["l", "m"]) { $0.set("reg", 1) }
    }
    #expect(
      SourcePrinter().print(tree) == """
        /dts-v1/;

        / {
        	a = <&l 0x10 2>, <&{/n}>;
        	b = "x", "quote\\"\\n";
        	c = &l;
        	d = [00 ab];
        	e;
        	f = /bits/ 16 <1 0x1234>;

        	l: m: n {
        		reg = <1>;
        	};
        };

        """)
  }

  @Test func `long values are folded`() {
    let text = SourcePrinter().print(
      Node("n") { $0.set("x", .cells((0..<40).map { $0 + 0x1000_0000 as UInt32 })) })
    #expect(text.split(separator: "\n").allSatisfy { $0.utf8.count <= 100 })
    #expect(text.split(separator: "\n").count > 4)
  }

  @Test func `bytes without types are shown as what they most likely are`() {
    let tree = Tree { root in
      root["strings"] = PropertyValue(bytes: Array("ab\0cd\0".utf8))
      root["cells"] = PropertyValue(bytes: [0, 0, 0, 1])
      root["bytes"] = PropertyValue(bytes: [0, 1])
    }
    #expect(
      SourcePrinter().print(tree) == """
        /dts-v1/;

        / {
        	strings = "ab", "cd";
        	cells = <1>;
        	bytes = [00 01];
        };

        """)
    #expect(SourcePrinter(style: .dtc).print(tree).contains("strings = \"ab\", \"cd\";"))
  }

  @Test func `a digit behind a NUL is not read back as part of its escape`() throws {
    let value = PropertyValue(bytes: Array("0\01\07\0".utf8))
    let text = SourcePrinter(style: .dtc).print(Tree { $0["clock-names"] = value })
    var findings = DiagnosticBag()
    let tree = SourceReader().read(SourceFile(name: "back.dts", text: text), into: &findings)
    #expect(try #require(tree).root["clock-names"]?.bytes == value.bytes)
  }
}
