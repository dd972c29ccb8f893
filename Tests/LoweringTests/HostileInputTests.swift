import DeviceTree
import Diagnostics
import Documents
import Lowering
import Partitioning
import TestSupport
import Testing

/// Damaged plans, boards and trees: whatever is read is an error or a value, never a crash.
@Suite struct HostileInputTests {
  static let seed: UInt64 = 2012

  /// The bytes with a few of them replaced, removed, doubled or swapped for what means something.
  private func damaged(_ bytes: [UInt8], using generator: inout some RandomNumberGenerator)
    -> [UInt8]
  {
    let words = [
      "0", "-", "4294967296", "18446744073709551615", "{", "]", ":", "~", "0x", "\t", "&a",
    ]
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &generator)
      let end = min(place + Int.random(in: 0...8, using: &generator), bytes.count)
      switch Int.random(in: 0...3, using: &generator) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
      case 1: bytes.removeSubrange(place..<end)
      case 2: bytes.insert(contentsOf: bytes[place..<end], at: place)
      default:
        bytes.replaceSubrange(
          place..<end, with: words.randomElement(using: &generator)?.utf8 ?? "".utf8)
      }
    }
    return bytes
  }

  @Test(arguments: ["examples/kvm-forum/t4240qds.yaml", "examples/kvm-forum/p4080ds.yaml"])
  func `a damaged plan is an error or a plan`(path: String) throws {
    var bag = DiagnosticBag()
    let file = try #require(TextFile.read(path, into: &bag))
    var generator = SeededGenerator(seed: Self.seed)
    for _ in 0..<200 {
      let bytes = damaged(file.bytes, using: &generator)
      let result = PlanLoader.load(SourceFile(name: path, bytes: bytes))
      #expect((result.partition == nil) == result.diagnostics.hasErrors)
    }
  }

  @Test(arguments: ["p4080ds", "t4240qds"])
  func `a damaged board is an error or a board, and plans for it too`(name: String) throws {
    var bag = DiagnosticBag()
    let document = try #require(TextFile.read("boards/\(name).yaml", into: &bag))
    let plan = try #require(TextFile.read("examples/kvm-forum/\(name).yaml", into: &bag))
    var generator = SeededGenerator(seed: Self.seed)
    let wish = try #require(PlanLoader.load(plan).plan)
    for _ in 0..<200 {
      var bag = DiagnosticBag()
      let file = SourceFile(name: "b.yaml", bytes: damaged(document.bytes, using: &generator))
      guard let node = YAMLReader().read(file, into: &bag) else { continue }
      let board = BoardLowering.lower(node, into: &bag)?.board
      #expect((board == nil) == bag.hasErrors)
      guard let board else { continue }
      let partition = Planner(plan: wish, board: board).partition(into: &bag)
      #expect((partition == nil) == bag.hasErrors)
    }
  }

  @Test func `a damaged tree is an error or a board`() throws {
    var bag = DiagnosticBag()
    let source = try #require(TextFile.read("boards/p4080ds.dts", into: &bag))
    var generator = SeededGenerator(seed: Self.seed)
    for _ in 0..<100 {
      var bag = DiagnosticBag()
      let file = SourceFile(name: "b.dts", bytes: damaged(source.bytes, using: &generator))
      guard let tree = SourceReader().read(file, into: &bag) else { continue }
      let board = BoardLowering.lower(tree, name: "b", into: &bag)
      #expect((board == nil) == bag.hasErrors)
    }
  }

  @Test func `a damaged blob is an error or a board`() throws {
    var bag = DiagnosticBag()
    let source = try #require(TextFile.read("boards/p4080ds.dts", into: &bag))
    let tree = try #require(SourceReader().read(source, into: &bag))
    let blob = try #require(BlobWriter().write(tree, into: &bag))
    var generator = SeededGenerator(seed: Self.seed)
    for _ in 0..<200 {
      var bag = DiagnosticBag()
      var bytes = blob
      for _ in 0..<4 {
        bytes[Int.random(in: 40..<bytes.count, using: &generator)] =
          UInt8.random(in: 0...255, using: &generator)
      }
      guard let tree = BlobReader().read(bytes, name: "b", into: &bag) else { continue }
      let board = BoardLowering.lower(tree, name: "b", into: &bag)
      #expect((board == nil) == bag.hasErrors)
    }
  }
}
