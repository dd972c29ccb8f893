import DeviceTree
import DeviceTreeCommands
import Diagnostics
import Testing

@Suite struct ValueStorageTests {
  @Test(arguments: [0, 1, 4, 21, 22, 23, 24, 100])
  func `bytes of any length come back`(count: Int) {
    let bytes = (0..<count).map { UInt8($0) }
    let value = PropertyValue(bytes: bytes)
    #expect(value.bytes == bytes)
    #expect(value.count == count)
    #expect(value == PropertyValue(bytes: bytes))
    #expect(value.hashValue == PropertyValue(bytes: bytes).hashValue)
    #expect(value != PropertyValue(bytes: bytes + [0]))
    #expect((value + value).bytes == bytes + bytes)
  }

  @Test(arguments: 1...12)
  func `references resolve in values of any length`(count: Int) {
    var tree = Tree { root in
      root.add("a", labels: ["a"])
      root.set("p", .cells(Array(repeating: .reference("a"), count: count)))
    }
    var bag = DiagnosticBag()
    tree.resolveReferences(into: &bag)
    #expect(tree.root["p"]?.cells == Array(repeating: 1, count: count))
    #expect(bag.isEmpty)
  }

  @Test func `markers are the same however a value was made`() {
    #expect(PropertyValue.cell(1).markers == [Marker(.cells(.bits32), at: 0)])
    #expect(PropertyValue.string("x").markers == [Marker(.string, at: 0)])
    #expect(PropertyValue.strings(["x"]) == .string("x"))
    #expect(PropertyValue.rows([[1]]) == .cell(1))
    #expect(PropertyValue.cell(1) != PropertyValue(bytes: [0, 0, 0, 1]))
    #expect(PropertyValue.cell(1).withoutMarkers == PropertyValue(bytes: [0, 0, 0, 1]))
  }

  @Test(arguments: [
    "0x12345678", "0xABCDEF01", "0xabcdef01", "0x1", "0x0", "0", "1", "4294967295", "017",
    "0x00000000001", "0xFFFFFFFF", "0x9@123456", "0x1234567G", "0x123456\u{10}8", "0x1234567`",
    "0x", "00", "08",
  ])
  func `numbers are read as dtc reads them`(number: String) throws {
    guard Tool.hasDTC else { return }
    let text = "/dts-v1/; / { p = <0xFFFFFFFF \(number) 7>; q = <\(number)>; };"
    let theirs = try Tool.run("dtc", ["-q", "-"], input: Array(text.utf8))
    let test = TestConsole(text)
    #expect((test.run(.dtc, "-q", "-") == 0) == (theirs.status == 0))
    #expect(test.bytes == theirs.output)
  }

  @Test(
    arguments: [
      ("4294967296", 0), ("0x1ffffffff", 0xFFFF_FFFF), ("12345678901234567890", 0xEB1F_0AD2),
      ("(-0xffffffff - 2)", 0xFFFF_FFFF), ("(-1)", 0xFFFF_FFFF),
    ] as [(String, UInt32)])
  func `a number too large for its cell is cut with a warning, as dtc 1.7 does`(
    number: String, cell: UInt32
  ) throws {
    var bag = DiagnosticBag()
    let source = SourceFile(name: "a.dts", text: "/dts-v1/; / { p = <\(number) 7>; };")
    let tree = try #require(SourceReader().read(source, into: &bag))
    #expect(tree.root["p"]?.cells == [cell, 7])
    #expect(!bag.hasErrors)
    #expect(
      bag.diagnostics.map(\.code) == (number == "(-1)" ? [] : ["value-out-of-range"]))
  }

  @Test func `a tree with many names is searched for repeated ones`() {
    for count in [2, 8, 9, 1000] {
      var tree = Tree { root in
        for number in 0..<count { root.add("n\(number)") { $0.set("p\(number)") } }
      }
      var bag = DiagnosticBag()
      TreeChecker().check(&tree, into: &bag)
      #expect(bag.isEmpty)
      tree.root.add("n\(count - 1)")
      TreeChecker().check(&tree, into: &bag)
      #expect(bag.diagnostics.map(\.code).contains("duplicate-node-names"))
    }
  }
}
