import DeviceTree
import Diagnostics
import Testing

/// A blob with some bytes replaced by a big-endian number.
private func patched(_ offset: Int, _ cell: UInt32, _ blob: [UInt8]) -> [UInt8] {
  var blob = blob
  for index in 0..<4 {
    blob[offset + index] = UInt8(truncatingIfNeeded: cell >> UInt32(24 - 8 * index))
  }
  return blob
}

private func codes(_ blob: [UInt8]) -> [DiagnosticCode] {
  var bag = DiagnosticBag()
  let tree = BlobReader().read(blob, name: "blob", into: &bag)
  #expect((tree == nil) == bag.hasErrors)
  return bag.diagnostics.map(\.code)
}

@Suite struct BlobReaderTests {
  @Test(arguments: BlobVersion.allCases)
  func `every version is read back`(version: BlobVersion) throws {
    var tree = sampleTree()
    tree.bootCPU = version == .v1 ? 0 : 3
    var bag = DiagnosticBag()
    tree.resolveReferences(into: &bag)
    var writer = BlobWriter()
    writer.version = version
    let read = try #require(BlobReader().read(blob(tree, writer), name: "blob", into: &bag))
    #expect(read.bootCPU == tree.bootCPU)
    #expect(read.reservations == tree.reservations)
    #expect(read["/soc/serial"]?["wide"]?.bytes == tree["/soc/serial"]?["wide"]?.bytes)
    #expect(read["/cpus"]?["name"]?.string == (version.rawValue < 16 ? "cpus" : nil))
    #expect(bag.isEmpty)
  }

  @Test func `the faults of a header are told apart`() {
    let good = blob(sampleTree())
    #expect(codes(good) == [])
    #expect(codes([]) == ["blob-truncated"])
    #expect(codes(Array(good.dropLast())) == ["blob-truncated"])
    #expect(codes(patched(0, 0xD00D_FEEE, good)) == ["blob-magic"])
    #expect(codes(patched(4, 39, good)) == ["blob-truncated"])
    #expect(codes(patched(8, 0xFFFF_FFFC, good)) == ["blob-offset"])
    #expect(codes(patched(8, 90, good)) == ["blob-offset"])
    #expect(codes(patched(12, 0xFFFF_FFFF, good)) == ["blob-offset"])
    #expect(codes(patched(16, 4, good)) == ["blob-offset"])
    #expect(codes(patched(20, 99, patched(24, 18, good))) == ["blob-version"])
    #expect(codes(patched(32, 0xFFFF, good)) == ["blob-offset"])
    #expect(codes(patched(36, 8, good)) == ["blob-truncated"])
  }

  @Test func `the faults of a structure are told apart`() {
    // Header, one empty reservation, then: begin, "", property x = "ab", end of node, end.
    let good = blob(Tree { $0.set("x", .bytes([1, 2, 3, 4, 5])) })
    let begin = 56
    #expect(codes(good) == [])
    #expect(codes(patched(begin, 7, good)) == ["blob-token"])
    #expect(codes(patched(begin, 2, good)) == ["blob-nesting"])
    #expect(codes(patched(begin, 9, good)) == ["blob-nesting"])
    #expect(codes(patched(begin, 3, good)) == ["blob-nesting"])
    #expect(codes(patched(begin + 4, 0x6100_0000, good)) == ["blob-name"])
    #expect(codes(patched(begin + 12, 0x7FFF_FFFF, good)) == ["blob-truncated"])
    #expect(codes(patched(begin + 16, 2, good)) == ["blob-offset"])
    #expect(codes(patched(begin + 16, 1, good)) == ["blob-name"])
    #expect(codes(patched(begin + 28, 4, good)) == ["blob-nesting"])
    #expect(codes(patched(begin + 32, 4, good)) == ["blob-truncated"])
    // The terminator of the reservations is gone, so the structure is taken for more of them.
    #expect(codes(patched(52, 1, good)) == ["blob-reservations"])
    var unended = good
    unended[unended.count - 1] = UInt8(ascii: "y")
    #expect(codes(unended) == ["blob-truncated"])
  }

  @Test func `a deep blob is refused`() {
    var structure: [UInt8] = []
    for level in 0..<1_000_000 {
      structure += [0, 0, 0, 1] + (level == 0 ? [0, 0, 0, 0] : [0x61, 0, 0, 0])
    }
    var deep = Array(blob(Tree()).prefix(56)) + structure
    deep = patched(4, UInt32(deep.count), patched(36, UInt32(structure.count), deep))
    deep = patched(12, UInt32(deep.count), deep)
    #expect(codes(deep) == ["nesting-too-deep"])
  }

  @Test(arguments: BlobVersion.allCases)
  func `a path of more than 4096 bytes is refused`(version: BlobVersion) {
    var writer = BlobWriter()
    writer.version = version
    func tree(_ length: Int) -> Tree {
      Tree { $0.add("n") { $0.add(String(repeating: "n", count: length)) } }
    }
    #expect(codes(blob(tree(4093), writer)) == [])
    #expect(codes(blob(tree(4094), writer)) == ["nesting-too-deep"])
  }

  @Test func `a property after a child is read with a warning`() {
    var structure: [UInt8] = []
    for cell in [1, 0, 1, 0x6100_0000, 2, 3, 0, 0, 2, 9] as [UInt32] {
      structure += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: cell >> $0) }
    }
    var late = Array(blob(Tree()).prefix(56)) + structure + [0x78, 0]
    late = patched(4, UInt32(late.count), patched(36, UInt32(structure.count), late))
    late = patched(12, UInt32(late.count - 2), patched(32, 2, late))
    #expect(codes(late) == ["property-after-node"])
  }
}
