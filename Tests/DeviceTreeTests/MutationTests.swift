import DeviceTree
import Diagnostics
import Foundation
import Testing

/// Damaged sources and blobs: whatever they are, they are read or refused, and what is read is
/// checked, printed and written again.
@Suite struct MutationTests {
  /// The seeds: the corpus of the fuzzers, real boards, and blobs of every version.
  private static let sources = files("Tests/Fixtures/fuzz/source") + files("boards", ".dts")
  private static let blobs =
    files("Tests/Fixtures/fuzz/blob") + files("Tests/Fixtures/fuzz/overlay")
    + BlobVersion.allCases.map { version in
      var writer = BlobWriter()
      writer.version = version
      return blob(sampleTree(), writer)
    }

  private static func files(_ directory: String, _ ending: String = "") -> [[UInt8]] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.filter { $0.hasSuffix(ending) }.sorted().compactMap { name in
      FileManager.default.contents(atPath: "\(directory)/\(name)").map { Array($0) }
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `damaged blobs are read or refused, and what is read is written again`(seed: UInt64) {
    #expect(Self.blobs.count >= 16)
    campaign(seed, on: Self.blobs, rounds: 40, readBlob)
  }

  @Test(arguments: [4, 5, 6] as [UInt64])
  func `damaged sources are read or refused`(seed: UInt64) {
    #expect(Self.sources.count >= 8)
    campaign(seed, on: Self.sources + samples.map { Array($0.utf8) }, rounds: 4, readSource)
  }

  @Test(
    .enabled(if: isHeavy, "heavy: set DPAAC_HEAVY_TESTS=1"),
    .timeLimit(.minutes(60)))
  func `heavy: 100,000 damaged boards and blobs, none of which takes two seconds`() {
    var slowest = Duration.zero
    func timed(_ body: @escaping ([UInt8], String) -> Void) -> ([UInt8], String) -> Void {
      { bytes, name in
        slowest = max(slowest, ContinuousClock().measure { body(bytes, name) })
      }
    }
    campaign(7, on: Self.sources, rounds: 50_000 / Self.sources.count + 1, timed(readSource))
    campaign(8, on: Self.blobs, rounds: 50_000 / Self.blobs.count + 1, timed(readBlob))
    #expect(slowest < .seconds(2), "the slowest took \(slowest)")
  }

  /// Hands over so many damaged versions of each seed.
  private func campaign(
    _ seed: UInt64, on originals: [[UInt8]], rounds: Int, _ body: ([UInt8], String) -> Void
  ) {
    var damage = Damage(seed: seed)
    for round in 0..<rounds {
      for (index, original) in originals.enumerated() {
        body(damage.damaged(original), "seed \(seed), round \(round), original \(index)")
      }
    }
  }

  private func readSource(_ bytes: [UInt8], _ name: String) {
    var bag = DiagnosticBag()
    let loader = FileLoader(load: { $0.hasPrefix("x") ? Array("/ { };".utf8) : nil })
    let tree = SourceReader(loader: loader).read(SourceFile(name: name, bytes: bytes), into: &bag)
    #expect((tree == nil) == bag.hasErrors, "\(name)")
    if let tree { use(tree) }
    _ = DiagnosticRenderer().render(bag)
  }

  private func readBlob(_ bytes: [UInt8], _ name: String) {
    var bag = DiagnosticBag()
    let tree = BlobReader().read(bytes, name: name, into: &bag)
    #expect((tree == nil) == bag.hasErrors, "\(name)")
    guard let tree else { return }
    use(tree)
    var base = sampleTree()
    Overlay(tree, name: name).apply(to: &base, into: &bag)
    _ = TreeIndex(base)
  }

  private func use(_ tree: Tree) {
    var tree = tree
    var bag = DiagnosticBag()
    TreeChecker().check(&tree, into: &bag)
    _ = SourcePrinter().print(tree)
    _ = SourcePrinter(style: .dtc).print(tree)
    _ = BlobWriter().encode(tree, into: &bag)
  }
}
