import Codegen
import DeviceTree
import Diagnostics
import Foundation
import Partitioning
import QorIQ
import TestSupport
import Testing

@Suite struct HostTreeTests {
  @Test(arguments: Example.names)
  func `what guests own is gone from the host's tree, LIODNs too, and nothing else`(name: String)
    throws
  {
    let partition = try Example.partition(name)
    var base = try board(partition.board.name)
    let portals = TreeIndex(base).nodes(compatibleWith: "fsl,qman-portal", "fsl,bman-portal")
    // The blocks have LIODNs of their own, which stay.
    let blocks = liodns(of: base).filter { path, _ in
      !portals.contains { path == $0.path || path.hasPrefix($0.path + "/") }
    }
    for (number, entry) in portals.enumerated() {
      _ = base.update(entry.path) { node in
        node.set("fsl,liodn", UInt32(1000 + number))
        node.add("fman@0") { $0.set("fsl,liodn", UInt32(2000 + number)) }
      }
    }
    let carved = try carve(base, for: partition)
    let given = Set(partition.owners.filter { !$0.isHost }.flatMap(\.portals))
    let kept = portals.enumerated().filter { !given.contains(Self.portal($0.element)) }
    #expect(portals.count - kept.count == 2 * given.count)

    let expected = kept.flatMap { [UInt32(1000 + $0.offset), UInt32(2000 + $0.offset)] }
    #expect(
      Set(liodns(of: carved).map(\.liodn)) == Set(expected).union(blocks.map(\.liodn)))

    let reserved = carved.root.child("reserved-memory")?.children ?? []
    for owner in partition.owners {
      let node = reserved.first { $0["label"]?.string == owner.name }
      #expect((node == nil) == owner.isHost)
      if let node { #expect(node["reg"]?.numbers == [owner.memory.base, owner.memory.size]) }
    }
    // But for the portals and the reservations the tree is the board's.
    var rest = carved
    _ = rest.update("/reserved-memory") { node in
      node.children.removeAll { $0.baseName == "guest-memory" }
    }
    for entry in portals { base.remove(entry.path) }
    for path in macs(ofGuestsIn: partition, TreeIndex(base)) { base.remove(path) }
    for entry in TreeIndex(rest).nodes(compatibleWith: "fsl,qman-portal", "fsl,bman-portal") {
      rest.remove(entry.path)
    }
    #expect(TreeDifference(from: base, to: rest).isEmpty)
  }

  /// The MACs and ports whose frames are all for one guest.
  private func macs(ofGuestsIn partition: Partition, _ index: TreeIndex) -> [String] {
    var paths: [String] = []
    for shared in partition.interfaces where Set(shared.rules.map(\.owner)).count == 1 {
      guard let owner = shared.rules.first?.owner, !partition.owners[owner].isHost,
        let (fman, interface) = partition.board.interface(named: shared.name)
      else { continue }
      for entry in index.nodes(compatibleWith: "fsl,fman-dtsec", "fsl,fman-xgec", "fsl,fman-memac")
      {
        guard index.parent(of: entry)?.node["cell-index"]?.cell == UInt32(fman.index),
          let property = entry.node.property("fsl,fman-ports")
        else { continue }
        let ports = index.targets(of: property, in: entry).compactMap { $0 }
        let number = ports.first?.node["cell-index"]?.cell
        guard number == UInt32(interface.receivePort.rawValue) else { continue }
        paths += [entry.path] + ports.map(\.path)
      }
    }
    return paths
  }

  private func liodns(of tree: Tree) -> [(path: String, liodn: UInt32)] {
    TreeIndex(tree).entries.compactMap { entry in
      entry.node["fsl,liodn"]?.cell.map { (entry.path, $0) }
    }
  }

  @Test(
    .enabled(if: Tool.dtc.isPresent, "needs package device-tree-compiler"),
    arguments: Example.names)
  func `fdtoverlay lays the overlay over the board, and just the guests' portals are off`(
    name: String
  ) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let partition = try Example.partition(name)
    let blob = "\(directory.path)/board.dtb"
    let source = "\(Checkout.path)/boards/\(partition.board.name).dts"
    #expect(try Tool.dtc.run(["-q", "-o", blob, source]).status == 0)
    let overlay = try directory.write(
      "host.dtbo", Data(try artifact("host.dtbo", of: partition)))
    let merged = "\(directory.path)/merged.dtb"
    let outcome = try Tool("fdtoverlay", package: "device-tree-compiler").run([
      "-i", blob, "-o", merged, overlay,
    ])
    #expect(outcome.status == 0, "\(outcome.errorText)")
    var bag = DiagnosticBag()
    let tree = try #require(TreeLoader().load(merged, into: &bag))
    let given = Set(partition.owners.filter { !$0.isHost }.flatMap(\.portals))
    for entry in TreeIndex(tree).nodes(compatibleWith: "fsl,qman-portal", "fsl,bman-portal") {
      #expect(entry.node.isEnabled == !given.contains(Self.portal(entry)), "\(entry.path)")
    }
    let labels = tree.root.child("reserved-memory")?.children.compactMap { $0["label"]?.string }
    #expect(Set(labels ?? []) == Set(partition.owners.filter { !$0.isHost }.map(\.name)))
  }

  @Test(.enabled(if: Tool.dtc.isPresent, "needs package device-tree-compiler"))
  func `dtc compiles overlay and tree to our bytes without a warning`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    for name in Example.names {
      let partition = try Example.partition(name)
      var options = GenerationOptions.sample
      options.boardTree = try board(partition.board.name)
      let artifacts = try HostTreeBackend().artifacts(for: partition, options: options)
      for (source, blob) in [("host.dtso", "host.dtbo"), ("host.dts", "host.dtb")] {
        let text = try #require(artifacts.first { $0.path == source })
        let file = try directory.write(source, Data(text.bytes))
        let output = "\(directory.path)/out"
        let outcome = try Tool.dtc.run(["-I", "dts", "-O", "dtb", "-o", output, file])
        #expect(outcome.status == 0 && outcome.errorText.isEmpty, "\(outcome.errorText)")
        let bytes = try #require(FileManager.default.contents(atPath: output))
        #expect(artifacts.first { $0.path == blob }?.bytes == Array(bytes))
      }
    }
  }

  @Test func `ranges of a kernel of the SDK are cut to the host's part`() throws {
    let partition = try Example.partition("kvm-forum/p4080ds")
    var base = try board("p4080ds")
    base.root.add("qman-fqids@0") {
      $0.set("compatible", "fsl,fqid-range")
      $0.set("fsl,fqid-range", .cells([256, 256]))
    }
    let carved = try carve(base, for: partition)
    let ranges = TreeIndex(carved).nodes(compatibleWith: "fsl,fqid-range")
      .compactMap { $0.node["fsl,fqid-range"]?.cells }
    let host = try #require(partition.owners.first { $0.isHost })
    #expect(!ranges.isEmpty)
    for range in ranges {
      let queues = QueueRange(first: FQID(range[0]), count: range[1])
      #expect(host.queues.contains { $0.contains(queues) })
    }
  }

  @Test(
    .enabled(if: Tool.dtc.isPresent, "needs package device-tree-compiler"),
    arguments: [false, true])
  func `the overlay says what the whole tree says, but that it disables what is gone there`(
    isSDK: Bool
  ) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let partition = try Example.complete()
    var base = try board("p4080ds")
    // As on a running board: LIODNs at portals and below, aliases, and ranges of an SDK kernel.
    for entry in TreeIndex(base).nodes(compatibleWith: "fsl,qman-portal") {
      _ = base.update(entry.path) { node in
        node.set("fsl,liodn", .cells([7, 8]))
        node.add("fman@0") { $0.set("fsl,liodn", 9) }
      }
    }
    let macs = TreeIndex(base).nodes(compatibleWith: "fsl,fman-dtsec", "fsl,fman-xgec")
    if base.root.child("aliases") == nil { base.root.add("aliases") }
    _ = base.update("/aliases") { node in
      for (number, mac) in macs.enumerated() { node.set("ethernet\(number)", mac.path) }
    }
    if isSDK {
      base.root.add("qman-fqids@0") {
        $0.set("compatible", "fsl,fqid-range")
        $0.set("fsl,fqid-range", .cells([256, 256]))
      }
    }
    var bag = DiagnosticBag()
    let blob = try directory.write(
      "base.dtb", Data(try #require(BlobWriter().write(base, into: &bag))))
    var options = GenerationOptions.sample
    options.boardTree = base
    let artifacts = try HostTreeBackend().artifacts(for: partition, options: options)
    let overlay = try directory.write(
      "host.dtbo", Data(try #require(artifacts.first { $0.path == "host.dtbo" }).bytes))
    let merged = "\(directory.path)/merged.dtb"
    let outcome = try Tool("fdtoverlay", package: "device-tree-compiler").run([
      "-i", blob, "-o", merged, overlay,
    ])
    #expect(outcome.status == 0, "\(outcome.errorText)")
    var tree = try #require(TreeLoader().load(merged, into: &bag))
    // Nothing that is a guest's has a LIODN left; then it may go.
    let before = TreeIndex(base)
    var gone: Set<String> = []
    for entry in TreeIndex(tree).entries {
      let isOff = !entry.node.isEnabled && before[entry.path]?.node.isEnabled == true
      guard isOff || entry.node.isCompatible(with: "dpaac,given-away") else { continue }
      for below in TreeIndex(tree).entries where below.path.hasPrefix(entry.path) {
        #expect(below.node["fsl,liodn"]?.isEmpty != false, "\(below.path)")
      }
      gone.insert(entry.path)
    }
    for path in gone { tree.remove(path) }
    _ = tree.update("/aliases") { node in
      node.properties.removeAll { gone.contains($0.value.string ?? "") }
    }
    let whole = try carve(base, for: partition)
    let difference = TreeDifference(from: tree, to: whole)
    #expect(difference.isEmpty, "\(difference.changes)")
    // Portals of three guests, and MAC and two ports of each interface that is one guest's alone.
    let guests = partition.owners.filter { !$0.isHost }
    let ranges = isSDK ? 1 : 0
    #expect(gone.count == 2 * guests.flatMap(\.portals).count + 3 * 2 + ranges)
    let aliases = whole.root.child("aliases")?.properties.map(\.name) ?? []
    #expect(aliases.filter { $0.hasPrefix("ethernet") }.count == macs.count - 2)
    let shared = whole.root.child("reserved-memory")?.children.filter {
      $0.baseName == "shared-memory"
    }
    #expect(shared?.map { $0["label"]?.string } == ["mailbox"])
  }

  @Test func `all that guests' DMA reaches is reserved in the host's tree`() throws {
    let partition = try Example.reaching()
    let carved = try carve(try board("p4080ds"), for: partition)
    let nodes = carved.root.child("reserved-memory")?.children ?? []
    let windows = nodes.filter { $0.baseName == "guest-window" }
    #expect(windows.map { $0["label"]?.string } == ["guest1", "guest2"])
    #expect(
      windows.map { $0["reg"]?.numbers }
        == [[0xbfff_0000, 64 << 10], [0xfe80_0000, 24 << 20]])
    #expect(windows.allSatisfy { $0["no-map"] != nil })
    let reserved = nodes.compactMap { node -> QorIQ.AddressRange? in
      guard let numbers = node["reg"]?.numbers, numbers.count == 2 else { return nil }
      return QorIQ.AddressRange(base: numbers[0], size: numbers[1])
    }.sorted { $0.base < $1.base }
    for (owner, resources) in zip(partition.owners, partition.resources) where !owner.isHost {
      for mapping in resources.dmaWindow.mappings {
        var next = mapping.memory.base
        for range in reserved where range.base <= next && next <= range.last {
          next = range.last + 1
        }
        #expect(next > mapping.memory.last, "\(owner.name): \(mapping)")
      }
    }
  }

  @Test func `a tree of another board is refused`() throws {
    let partition = try Example.partition("kvm-forum/p4080ds")
    let other = try board("t4240qds")
    #expect(throws: GenerationError.self) { try carve(other, for: partition) }
  }

  // MARK: helpers

  private func board(_ name: String) throws -> Tree { try Example.boardTree(name) }

  private func carve(_ base: Tree, for partition: Partition) throws -> Tree {
    var options = GenerationOptions.sample
    options.boardTree = base
    let artifacts = try HostTreeBackend().artifacts(for: partition, options: options)
    let blob = try #require(artifacts.first { $0.path == "host.dtb" })
    var bag = DiagnosticBag()
    return try #require(BlobReader().read(blob.bytes, name: "host.dtb", into: &bag))
  }

  private static func portal(_ entry: TreeIndex.Entry) -> PortalIndex {
    let unit = UInt64(entry.node.unitAddress ?? "", radix: 16) ?? 0
    return PortalIndex(UInt16(unit / 0x4000))
  }
}
