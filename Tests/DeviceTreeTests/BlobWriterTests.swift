import DeviceTree
import Diagnostics
import Testing

@Suite struct BlobWriterTests {
  @Test func `an empty tree is the blob of the specification`() {
    let expected: [UInt8] =
      [0xD0, 0x0D, 0xFE, 0xED, 0, 0, 0, 72, 0, 0, 0, 56, 0, 0, 0, 72, 0, 0, 0, 40]
      + [0, 0, 0, 17, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16]
      + Array(repeating: 0, count: 16)
      + [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 9]
    #expect(blob(Tree()) == expected)
  }

  @Test func `names share bytes with names that end alike`() {
    let tree = Tree { root in
      root.set("ranges-reg")
      root.set("reg")
      root.set("g")
    }
    #expect(blob(tree).suffix(11) == Array("ranges-reg\0".utf8)[...])
  }

  @Test func `thousands of names stay findable`() {
    let tree = Tree { root in
      for index in 0..<3000 { root.properties.append(Property("p\(index)")) }
      for index in 0..<3000 { root.properties.append(Property("p\(index)")) }
    }
    let once = Tree { root in
      for index in 0..<3000 { root.properties.append(Property("p\(index)")) }
    }
    #expect(blob(tree).count == blob(once).count + 3000 * 12)
  }

  @Test func `padding, least size and alignment follow dtc`() {
    var writer = BlobWriter()
    let plain = blob(sampleTree()).count
    writer.padding = 10
    #expect(blob(sampleTree(), writer).count == plain + 10)
    writer.alignment = 64
    #expect(blob(sampleTree(), writer).count == (plain + 10 + 63) / 64 * 64)
    writer = BlobWriter()
    writer.minimumSize = 5000
    #expect(blob(sampleTree(), writer).count == 5000)
    for size in [10, 0, -1, Int.min] {
      writer.minimumSize = size
      #expect(blob(sampleTree(), writer).count == plain)
    }
  }

  @Test(.enabled(if: Tool.hasDTC), arguments: BlobVersion.allCases)
  func `dtc writes the same bytes for what the printer prints`(version: BlobVersion) throws {
    let text = SourcePrinter().print(sampleTree())
    var writer = BlobWriter()
    writer.version = version
    writer.reservationSlots = 2
    let theirs = try Tool.dtc(
      ["-O", "dtb", "-V", "\(version.rawValue)", "-R", "2"], Array(text.utf8))
    #expect(!theirs.isEmpty)
    #expect(blob(sampleTree(), writer) == theirs)
  }

  @Test(.enabled(if: Tool.hasDTC))
  func `dtc reads our text in both styles as the same tree`() throws {
    var tree = sampleTree()
    let text = SourcePrinter().print(tree)
    var bag = DiagnosticBag()
    tree.resolveReferences(into: &bag)
    let printed = SourcePrinter(style: .dtc).print(tree)
    let theirs = try Tool.dtc([], Array(text.utf8))
    #expect(!theirs.isEmpty)
    #expect(try Tool.dtc([], Array(printed.utf8)) == theirs)
  }
}
