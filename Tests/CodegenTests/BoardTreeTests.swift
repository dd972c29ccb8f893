import Codegen
import DeviceTree
import Diagnostics
import Foundation
import Lowering
import QorIQ
import TestSupport
import Testing

@testable import Partitioning

/// Guests' trees for the board, cut out of the board's own.
@Suite struct BoardTreeTests {
  @Test(.enabled(if: Tool.dtc.isPresent, "needs package device-tree-compiler"))
  func `dtc accepts every tree for a board without a warning and makes our blob of it`() throws {
    for partition in try Self.partitions() {
      let artifacts = try BoardTreeBackend().artifacts(
        for: partition, options: try options(partition.board.name))
      #expect(artifacts.count == 2 * partition.owners.filter { !$0.isHost }.count)
      for source in artifacts where source.path.hasSuffix(".dts") {
        let outcome = try Tool.dtc.run(["-I", "dts", "-O", "dtb", "-"], input: source.bytes)
        #expect(outcome.status == 0 && outcome.errorText.isEmpty, "\(outcome.errorText)")
        let blob = artifacts.first { $0.path == source.path.dropLast(1) + "b" }
        #expect(blob?.bytes == Array(outcome.output))
      }
    }
  }

  @Test func `a guest has its own portals and CPUs of the board, and nobody else's`() throws {
    for partition in try Self.partitions() {
      for (number, owner) in partition.owners.enumerated() where !owner.isHost {
        let index = TreeIndex(try tree(of: owner.name, partition))
        for (block, portals) in [
          ("qman", partition.board.qman.portals), ("bman", partition.board.bman.portals),
        ] {
          let own = portals.filter { owner.portals.contains($0.index) }
          let nodes = index.nodes(compatibleWith: "fsl,\(block)-portal")
          #expect(
            nodes.map { index.physicalRegisters(of: $0)?.map { $0?.address } }
              == own.map {
                [$0.cacheEnabled.base, $0.cacheInhibited.base]
              })
          #expect(
            nodes.map { $0.node["interrupts"]?.cells } == own.map { [$0.interrupt.rawValue, 2] })
          #expect(
            nodes.map { $0.node["cell-index"]?.cell } == own.map { UInt32($0.index.rawValue) })
          let controllers = nodes.flatMap { index.interrupts(of: $0)?.map(\.controller) ?? [] }
          #expect(Set(controllers) == ["/interrupt-controller"])
          guard block == "qman", owner.os != .linuxMainline else { continue }
          for (node, portal) in zip(nodes, own) {
            let dma = try #require(portal.dma)
            #expect(
              node.node["fsl,liodn"]?.cells
                == [UInt32(dma.dequeueRing.rawValue), UInt32(dma.frame.rawValue)])
            for child in node.node.children {
              let handle = try #require(child["dev-handle"]?.cell)
              #expect(index.node(phandle: handle)?.node["status"]?.string != "okay")
              let liodns = child["fsl,liodn"]?.cells ?? []
              #expect(!liodns.isEmpty)
              let bases = partition.board.liodnBases.flatMap(\.bases)
              #expect(
                liodns.allSatisfy { liodn in
                  bases.contains { UInt32($0.rawValue) + UInt32(owner.liodnOffset) == liodn }
                })
            }
          }
        }
        let threads = index.entries.filter { $0.node["device_type"]?.string == "cpu" }
          .flatMap { $0.node["reg"]?.cells ?? [] }
        #expect(threads.sorted() == owner.cpus.indices.map { UInt32($0) })
        #expect(index.tree.root.child("memory@0")?["reg"]?.numbers == [0, owner.memory.size])
        #expect(index.tree.root["label"]?.string == owner.name)
        #expect(index.tree.root.compatible.allSatisfy { $0.hasSuffix("-hv") })
        #expect(
          index.tree.root.child("chosen")?["bootargs"]?.string
            == partition.resources[number].bootArguments)
        // The managers' registers, their memory, the PAMU and the controller stay outside.
        for name in ["fsl,qman", "fsl,bman", "fsl,pamu", "fsl,mpic", "fsl,qman-fqd"] {
          #expect(index.nodes(compatibleWith: name).isEmpty)
        }
      }
    }
  }

  /// The planner leaves the end of a guest's memory alone; a plan that says where pools are may not.
  @Test func `the page that CPUs wait in holds no buffers, wherever a plan puts them`() throws {
    let plan = { (pool: String) in
      """
      board: p4080ds
      partitions:
        host: { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 256-511, pools: [ {buffers: 64, size: 2 KiB} ] }
        guest1: { cpus: 4-5, memory: {address: 0x60000000, size: 256 MiB}, portals: 2, queues: 512-767,
          pools: [ \(pool) ] }
      links: [ [host, guest1] ]
      """
    }
    for (pool, page) in [
      ("{buffers: 64, size: 4 KiB}", 0x0fff_f000 as UInt64),
      ("{buffers: 64, size: 4 KiB, address: 0x6ffbf000}", 0x0ffb_e000),
    ] {
      let result = PlanLoader.load(SourceFile(name: "p.yaml", text: plan(pool)))
      let partition = try #require(
        result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
      let found = try tree(of: "guest1", partition, Example.boardTree("p4080ds"))
      #expect(found["/reserved-memory/spin-table"]?["reg"]?.numbers == [page, 0x1000])
      let releases = TreeIndex(found).entries.compactMap {
        $0.node["cpu-release-addr"]?.numbers?.first
      }
      #expect(releases.count == 1 && releases.allSatisfy { $0 >= page && $0 < page + 0x1000 })
    }
  }

  @Test func `a MAC whose frames are all for one guest goes to it with ports and references`()
    throws
  {
    let partition = try Example.complete()
    var base = try Example.boardTree("p4080ds")
    let mac = try #require(Self.mac(of: "fm2-gb2", partition, TreeIndex(base)))
    let fman = try #require(TreeIndex(base).parent(of: mac)?.path)
    // A PHY on a bus beside it, a clock, and a time stamp unit: what Linux's own tree has.
    _ = base.update(fman) { node in
      node.set("clocks", .cells([9001, 3]))
      node.add("mdio@f1000") {
        $0.set("compatible", "fsl,fman-xmdio")
        $0.set("#address-cells", 1)
        $0.set("#size-cells", 0)
        $0.set("reg", .cells([0xf1000, 0x1000]))
        for (address, phandle) in [(1, 9002), (2, 9003)] as [(UInt32, UInt32)] {
          $0.add("ethernet-phy@\(address)") {
            $0.set("reg", address)
            $0.set("phandle", phandle)
          }
        }
      }
      node.add("ptp-timer@fe000") {
        $0.set("reg", .cells([0xfe000, 0x1000]))
        $0.set("phandle", 9004)
      }
    }
    _ = base.update("/soc@ffe000000/global-utilities@e1000") {
      $0.set("phandle", 9001)
      $0.set("#clock-cells", 2)
    }
    _ = base.update(mac.path) {
      $0.set("phy-handle", 9002)
      $0.set("ptp-timer", 9004)
    }
    // A blob, where a number may be a phandle.
    base = try blob(of: base)
    let index = TreeIndex(try tree(of: "guest2", partition, base))
    let macs = index.nodes(compatibleWith: "fsl,fman-dtsec")
    #expect(macs.map(\.path) == [mac.path])
    let entry = try #require(macs.first)
    let ports = try #require(entry.node.property("fsl,fman-ports"))
    #expect(
      index.targets(of: ports, in: entry).map { $0?.node["cell-index"]?.cell } == [0xa, 0x2a])
    #expect(index["\(fman)/mdio@f1000/ethernet-phy@1"] != nil)
    #expect(index["\(fman)/mdio@f1000/ethernet-phy@2"] == nil)
    #expect(index["\(fman)/ptp-timer@fe000"] == nil)
    #expect(entry.node["ptp-timer"] == nil)
    #expect(index["\(fman)/muram@0"] == nil)
    #expect(index[fman]?.node["reg"] == nil)
    #expect(index["/soc@ffe000000/global-utilities@e1000"] != nil)
    let way = try #require(index["/fsl,dpaa/ethernet-fm2-gb2"])
    #expect(way.node.isCompatible(with: "fsl,dpa-ethernet"))
    let handle = try #require(way.node.property("fsl,fman-mac"))
    #expect(index.targets(of: handle, in: way).map { $0?.path } == [mac.path])

    let fates = try BoardTreeBackend.fates(
      of: try #require(partition.ownerIndex(named: "guest2")), in: partition, board: base)
    func why(_ path: String) -> String {
      fates.first { $0.path == path }.map { "\($0.kind.rawValue): \($0.reasons[0].message)" } ?? ""
    }
    #expect(why(mac.path) == "rewritten: all that fm2-gb2 receives is for guest2")
    #expect(
      why("\(fman)/mdio@f1000/ethernet-phy@1") == "kept: \(mac.path) refers to it by phy-handle")
    #expect(
      why("/soc@ffe000000/global-utilities@e1000") == "kept: \(fman) refers to it by clocks")
    #expect(
      why("/soc@ffe000000/qman@318000") == "dropped: the queue manager has one owner, the host")
  }

  @Test func `every node of the board has a fate, and the guest's tree is just what they say`()
    throws
  {
    for partition in try Self.partitions() {
      let base = try Example.boardTree(partition.board.name)
      let before = TreeIndex(base)
      for (number, owner) in partition.owners.enumerated() where !owner.isHost {
        let fates = try BoardTreeBackend.fates(of: number, in: partition, board: base)
        #expect(
          fates.filter { $0.kind != .added }.map(\.path) == TreeIndex(base).entries.map(\.path))
        #expect(fates.allSatisfy { !$0.reasons.isEmpty })
        let there = fates.filter { $0.kind != .dropped }.map { $0.newPath ?? $0.path }
        let index = TreeIndex(try tree(of: owner.name, partition))
        let made = index.entries.map(\.path).filter { path in
          // Children of portals are told with their portals.
          !path.contains("-portal@") || index[path]?.node["fsl,liodn"] == nil
            || index[path]?.node["interrupts"] != nil
        }
        #expect(Set(there).symmetricDifference(made).subtracting(["/aliases"]).isEmpty)
        // What is kept is as on the board.
        for fate in fates where fate.kind == .kept {
          func names(_ node: Node?) -> [String] {
            (node?.properties ?? []).map(\.name).filter { $0 != "phandle" }
          }
          let path = fate.newPath ?? fate.path
          #expect(names(index[path]?.node) == names(before[fate.path]?.node), "\(path)")
        }
      }
    }
  }

  @Test func `only a guest with mainline Linux reads that it finds no queue on the board`() throws {
    let complete = try Example.complete()
    let partition = Partition(
      name: complete.name, board: complete.board,
      owners: complete.owners.map { owner in
        var owner = owner
        owner.os = owner.name == "guest1" ? .linuxMainline : .linuxSDK
        return owner
      }, interfaces: complete.interfaces, links: complete.links, decisions: [],
      resources: complete.resources, ports: complete.ports, policers: complete.policers,
      sharedMemory: complete.sharedMemory)
    var options = GenerationOptions.sample
    options.boardTree = try Example.boardTree("p4080ds")
    let sources = try BoardTreeBackend().artifacts(for: partition, options: options)
      .filter { $0.path.hasSuffix(".dts") }
    let warned = sources.filter {
      String(decoding: $0.bytes, as: UTF8.self).contains("finds no queue")
    }
    #expect(sources.count > 1)
    #expect(warned.map(\.path) == ["board/guest1.dts"])
  }

  @Test func `a board's tree that lacks a guest's portal is refused`() throws {
    let partition = try Example.partition("kvm-forum/p4080ds")
    var base = try Example.boardTree("p4080ds")
    base.remove("/qman-portals@ff4200000/qman-portal@10000")
    #expect(throws: GenerationError.self) { try tree(of: "guest1", partition, base) }
  }

  @Test func `a blob of the board gives the same guests' trees as its source`() throws {
    let partition = try Example.complete()
    let base = try Example.boardTree("p4080ds")
    let blob = try blob(of: base)
    for owner in partition.owners where !owner.isHost {
      let difference = TreeDifference(
        from: try tree(of: owner.name, partition, base),
        to: try tree(of: owner.name, partition, blob))
      #expect(difference.isEmpty, "\(difference.changes)")
    }
  }

  /// Linux's own tree, which `scripts/boards` fetches: PHYs behind multiplexers, clocks, caches.
  @Test(
    .enabled(if: LinuxTrees.areThere, "heavy: scripts/boards fetches 130 MB"),
    .enabled(if: Tool.dtc.isPresent, "needs package device-tree-compiler"),
    arguments: ["p4080ds", "t4240qds"])
  func `heavy: guests' trees cut out of Linux's own tree are sound, too`(board: String) throws {
    var bag = DiagnosticBag()
    let path = "\(LinuxTrees.directory)/arch/powerpc/boot/dts/fsl/\(board).dts"
    var options = GenerationOptions.sample
    options.boardTree = TreeLoader().load(path, into: &bag)
    #expect(!bag.hasErrors)
    let base = SourcePrinter().print(try #require(options.boardTree))
    let known = warnings(
      try Tool.dtc.run(["-I", "dts", "-O", "dtb", "-"], input: Array(base.utf8)).errorText)
    for partition in [
      try Example.partition("kvm-forum/\(board)"), try Example.complete(board: board),
    ] {
      let artifacts = try BoardTreeBackend().artifacts(for: partition, options: options)
      for source in artifacts where source.path.hasSuffix(".dts") {
        let outcome = try Tool.dtc.run(["-I", "dts", "-O", "dtb", "-"], input: source.bytes)
        #expect(outcome.status == 0)
        let added = warnings(outcome.errorText).subtracting(known)
        #expect(added.isEmpty, "\(added)")
        let blob = artifacts.first { $0.path == source.path.dropLast(1) + "b" }
        #expect(blob?.bytes == Array(outcome.output))
        // A frame manager is a bus or a handle, never both.
        let tree = try #require(
          BlobReader().read(Array(outcome.output), name: source.path, into: &bag))
        for fman in TreeIndex(tree).nodes(compatibleWith: "fsl,fman") {
          #expect(fman.node.children.isEmpty == (fman.node["status"]?.string == "reserved"))
        }
        for name in ["fsl,fman-ptp-timer", "fsl,mpic", "fsl,qman", "fsl,pamu", "ns16550"] {
          #expect(TreeIndex(tree).nodes(compatibleWith: name).isEmpty, "\(name)")
        }
      }
    }
  }

  // MARK: helpers

  /// What dtc complains about, without the places.
  private func warnings(_ text: String) -> Set<String> {
    Set(
      text.split(separator: "\n").compactMap { line in
        line.range(of: "Warning (").map { String(line[$0.lowerBound...]) }
      })
  }

  private func blob(of tree: Tree) throws -> Tree {
    var bag = DiagnosticBag()
    let bytes = try #require(BlobWriter().write(tree, into: &bag))
    return try #require(BlobReader().read(bytes, name: "board.dtb", into: &bag))
  }

  private static func partitions() throws -> [Partition] {
    try Example.names.map(Example.partition) + [Example.complete()]
  }

  private func options(_ board: String) throws -> GenerationOptions {
    var options = GenerationOptions.sample
    options.boardTree = try Example.boardTree(board)
    return options
  }

  private func tree(
    of guest: String, _ partition: Partition, _ base: Tree? = nil
  ) throws -> Tree {
    var options = GenerationOptions.sample
    options.boardTree = try base ?? Example.boardTree(partition.board.name)
    let artifacts = try BoardTreeBackend().artifacts(for: partition, options: options)
    let blob = try #require(artifacts.first { $0.path == "board/\(guest).dtb" })
    var bag = DiagnosticBag()
    return try #require(BlobReader().read(blob.bytes, name: blob.path, into: &bag))
  }

  private static func mac(
    of name: String, _ partition: Partition, _ index: TreeIndex
  ) -> TreeIndex.Entry? {
    guard let (fman, interface) = partition.board.interface(named: name) else { return nil }
    let offset: UInt64 = interface.speed > 1000 ? 0xf_0000 : 0xe_0000
    let address = fman.base + offset + 0x2000 * UInt64(interface.macIndex % 8)
    return index.nodes(compatibleWith: "fsl,fman-dtsec", "fsl,fman-xgec").first {
      index.physicalRegisters(of: $0)?.first??.address == address
    }
  }
}

extension Example {
  /// The tree of a board that is compiled in.
  static func boardTree(_ name: String) throws -> Tree {
    var bag = DiagnosticBag()
    return try #require(BoardSource.library(name).deviceTree(into: &bag))
  }
}
