import Codegen
import DeviceTree
import QorIQ
import TestSupport
import Testing

@testable import Partitioning

@Suite struct GuestTreeTests {
  @Test func `each guest but not the host gets a source and a blob`() throws {
    let artifacts = try GuestTreeBackend().artifacts(for: Sample.t4240, options: .sample)
    #expect(artifacts.map(\.path) == ["guest1.dts", "guest1.dtb", "guest2.dts", "guest2.dtb"])
  }

  @Test(.enabled(if: Tool.dtc.isPresent, "needs package device-tree-compiler"))
  func `dtc accepts every source without a warning and makes our blob of it`() throws {
    for partition in try judgedPartitions() {
      for guest in partition.owners where !guest.isHost {
        let source = try artifact("\(guest.name).dts", of: partition)
        let outcome = try Tool.dtc.run(["-I", "dts", "-O", "dtb", "-"], input: source)
        #expect(outcome.status == 0)
        #expect(outcome.errorText.isEmpty)
        #expect(try artifact("\(guest.name).dtb", of: partition) == Array(outcome.output))
      }
    }
  }

  @Test func `what an interface uses is not for the guest's own allocator`() throws {
    let tree = try text("guest1.dts", of: Sample.t4240)
    // 101-200 without 101-103 (transmit, link) and 128-191 (receive).
    #expect(values("fsl,fqid-range", in: tree) == [[104, 24], [192, 9]])
    #expect(values("fsl,bpid-range", in: tree) == [])
  }

  @Test func `a guest without interfaces may allocate all that it owns`() throws {
    let tree = try text("bare-metal.dts", of: Sample.lonely)
    #expect(values("fsl,fqid-range", in: tree) == [[5000, 7]])
    #expect(values("fsl,bpid-range", in: tree) == [[9, 2], [12, 1]])
    #expect(!tree.contains("fsl,dpaa"))
    #expect(!tree.contains("bootargs"))
  }

  @Test func `mainline Linux gets portals without revision and no resource nodes`() throws {
    let tree = try text("guest2.dts", of: Sample.p4080)
    #expect(tree.contains("compatible = \"fsl,qman-portal\";"))
    for word in ["fsl,fqid-range", "fsl,bpool", "fsl,dpaa", "fsl,qman-channel-id", "fsl,liodn"] {
      #expect(!tree.contains(word))
    }
    // Its portals wait for managers, which it has for itself.
    #expect(tree.contains("compatible = \"fsl,qman\";"))
    #expect(tree.contains("compatible = \"fsl,bman-fbpr\";"))
    #expect(try !text("guest1.dts", of: Sample.p4080).contains("\"fsl,qman\""))
  }

  @Test func `a portal that ppce500 has no place for is refused`() throws {
    var board = Sample.lonely.board
    board.qman.portals[40].interrupt = 500
    let partition = Partition(
      name: "odd", board: board, owners: Sample.lonely.owners, interfaces: [], links: [],
      decisions: [])
    #expect(throws: GenerationError.self) {
      try GuestTreeBackend().artifacts(for: partition, options: .sample)
    }
  }

  @Test func `interrupts beyond Linux's 256 sources follow on those of portal 35`() throws {
    let tree = try text("bare-metal.dts", of: Sample.lonely)
    #expect(
      values("interrupts", in: tree).dropFirst(2) == [[111, 2], [185, 2], [110, 2], [184, 2]])
  }

  @Test func `a larger guest spins its other CPUs in the table`() throws {
    let tree = try text("guest1.dts", of: Sample.p4080)
    #expect(tree.contains("PowerPC,e500mc@1"))
    #expect(tree.contains("cpu-release-addr = <0xf 0xef000020>;"))
    #expect(!tree.contains("PowerPC,e500mc@2"))
  }

  /// The cells of every property of this name.
  private func values(_ name: String, in source: String) -> [[Int]] {
    source.split(separator: "\n").compactMap { line in
      let words = line.split(whereSeparator: { "\t <>;".contains($0) })
      guard words.first == name[...] else { return nil }
      return words.dropFirst(2).compactMap {
        $0.hasPrefix("0x") ? Int($0.dropFirst(2), radix: 16) : Int($0)
      }
    }
  }
}

extension GenerationOptions {
  /// Options that give the same bytes on every machine.
  static let sample = GenerationOptions(
    planName: "talk.yaml", planDirectory: "/plans/talk", outputDirectory: "/plans/talk/out",
    packagePath: "/plans/dpaac")
}

/// The bytes of one generated file.
func artifact(_ path: String, of partition: Partition) throws -> [UInt8] {
  let artifacts = try Generator().artifacts(for: partition, options: .sample)
  return try #require(artifacts.first { $0.path == path }).bytes
}

/// The text of one generated file.
func text(_ path: String, of partition: Partition) throws -> String {
  String(decoding: try artifact(path, of: partition), as: UTF8.self)
}
