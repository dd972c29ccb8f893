import DeviceTree
import Diagnostics
import Partitioning
import TestSupport
import Testing

@testable import Codegen

/// Trees of a board that are not what they should be: a finding, never a crash.
@Suite struct HostileTreeTests {
  @Test(arguments: 0..<8)
  func `damaged trees of a board give trees or errors`(seed: Int) throws {
    let partition = try Example.complete()
    let base = try Example.boardTree("p4080ds")
    let places = TreeIndex(base).entries.flatMap { entry in
      entry.node.properties.map { (entry.path, $0.name, $0.value.count) }
    }
    var random = SeededGenerator(seed: UInt64(1000 + seed))
    var outcomes: [String: (trees: Int, errors: Int)] = [:]
    for _ in 0..<25 {
      var tree = base
      for _ in 0...random.below(8) {
        let (path, name, count) = places[random.below(places.count)]
        let length = random.below(4) == 0 ? random.below(40) : count
        let bytes = (0..<length).map { _ in random.below(3) == 0 ? random.byte() : 0 }
        let value = random.below(5) == 0 ? nil : PropertyValue(bytes: bytes)
        _ = tree.update(path) { $0[name] = value }
      }
      var options = GenerationOptions.sample
      options.boardTree = tree
      for backend in [BoardTreeBackend(), HostTreeBackend()] as [any Backend] {
        do throws(GenerationError) {
          _ = try backend.artifacts(for: partition, options: options)
          outcomes[backend.name, default: (0, 0)].trees += 1
        } catch { outcomes[backend.name, default: (0, 0)].errors += 1 }
      }
      if let fates = try? BoardTreeBackend.fates(of: 1, in: partition, board: tree) {
        #expect(fates.allSatisfy { !$0.reasons.isEmpty })
      }
    }
    #expect(outcomes.count == 2)
    #expect(outcomes.values.allSatisfy { $0.trees > 0 }, "seed \(seed): \(outcomes)")
    #expect(outcomes.values.contains { $0.errors > 0 }, "seed \(seed): \(outcomes)")
  }

  @Test(arguments: 0..<4)
  func `damaged trees under a guest's part give a tree or errors`(seed: Int) throws {
    let partition = try Example.complete()
    // A guest's own tree has all that its part is laid over.
    var findings = DiagnosticBag()
    let guest = try #require(partition.owners.first { !$0.isHost })
    let artifacts = try GuestTreeBackend().artifacts(for: partition, options: .sample)
    let blob = try #require(artifacts.first { $0.path == "\(guest.name).dtb" })
    let base = try #require(BlobReader().read(blob.bytes, name: "base", into: &findings))
    let places = TreeIndex(base).entries.flatMap { entry in
      entry.node.properties.map { (entry.path, $0.name, $0.value.count) }
    }
    var random = SeededGenerator(seed: UInt64(2000 + seed))
    var refused = 0
    for _ in 0..<25 {
      var tree = base
      for _ in 0...random.below(8) {
        let (path, name, count) = places[random.below(places.count)]
        let length = random.below(4) == 0 ? random.below(40) : count
        let bytes = (0..<length).map { _ in random.below(3) == 0 ? random.byte() : 0 }
        let value = random.below(5) == 0 ? nil : PropertyValue(bytes: bytes)
        _ = tree.update(path) { $0[name] = value }
      }
      var options = GenerationOptions.sample
      options.baseTrees = [guest.name: tree]
      do throws(GenerationError) {
        _ = try FragmentBackend().artifacts(for: partition, options: options)
      } catch { refused += 1 }
    }
    #expect(refused > 0, "seed \(seed)")
  }

  @Test func `numbers of cells that no binding has cost no memory`() throws {
    let partition = try Example.complete()
    for path in ["/", "/reserved-memory", "/soc"] {
      var base = try Example.boardTree("p4080ds")
      _ = base.update(path) {
        $0.set("#address-cells", .max)
        $0.set("#size-cells", .max)
      }
      var options = GenerationOptions.sample
      options.boardTree = base
      let host = try? HostTreeBackend().artifacts(for: partition, options: options)
      #expect((host ?? []).allSatisfy { $0.bytes.count < 1 << 20 })
      let board = try? BoardTreeBackend().artifacts(for: partition, options: options)
      #expect((board ?? []).allSatisfy { $0.bytes.count < 1 << 20 })
    }
  }

  @Test func `phandles that lead in a circle or nowhere end`() throws {
    let partition = try Example.complete()
    var base = try Example.boardTree("p4080ds")
    for entry in TreeIndex(base).entries where entry.node.baseName.hasPrefix("PowerPC") {
      _ = base.update(entry.path) {
        $0["next-level-cache"] = PropertyValue.cells([8001, 0xdead_beef]).withoutMarkers
        $0.set("phandle", 8001)
      }
    }
    let fates = try BoardTreeBackend.fates(of: 1, in: partition, board: base)
    let cpu = fates.first { $0.path.hasSuffix("e500mc@3") }
    #expect(cpu?.kind == .rewritten)
    #expect(cpu?.reasons.contains { $0.message.contains("next-level-cache led") } == true)
  }
}
