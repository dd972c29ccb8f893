import Codegen
import DeviceTree
import Diagnostics
import Partitioning
import QorIQ
import TestSupport
import Testing

/// Every value of a guest in its tree, script and domain against the partition, worked out anew: no
/// backend can take one guest's for another's.
@Suite struct GuestFactsTests {
  /// A guest's blob as it is read back.
  private struct Blob {
    let index: TreeIndex
    var root: Node { index.tree.root }

    init(_ path: String, of partition: Partition) throws {
      var bag = DiagnosticBag()
      index = TreeIndex(
        try #require(BlobReader().read(try artifact(path, of: partition), name: path, into: &bag)))
    }

    func nodes(_ name: String) -> [TreeIndex.Entry] { index.nodes(compatibleWith: name) }

    func cells(_ property: String) -> [[UInt32]] {
      index.entries.compactMap { $0.node[property]?.cells }
    }
  }

  private func eachGuest(
    _ body: (Partition, Int, Owner, Blob) throws -> Void
  ) throws {
    for partition in try judgedPartitions() {
      for (number, owner) in partition.owners.enumerated() where !owner.isHost {
        try body(partition, number, owner, try Blob("\(owner.name).dtb", of: partition))
      }
    }
  }

  @Test func `CPUs, memory, boot arguments and images are the plan's`() throws {
    try eachGuest { partition, number, owner, blob in
      let resources = partition.resources[number]
      let cpus = blob.root.child("cpus")?.children ?? []
      #expect(cpus.compactMap { $0["reg"]?.cell } == owner.cpus.indices.map { UInt32($0) })
      #expect(cpus.allSatisfy { $0.baseName == "PowerPC,\(partition.board.core)" })
      #expect(cpus.dropFirst().allSatisfy { $0["enable-method"]?.string == "spin-table" })
      #expect(
        cpus.dropFirst().compactMap { $0["cpu-release-addr"]?.number }
          == owner.cpus.indices.dropFirst().map { 0xf_ef00_0000 + 0x20 * UInt64($0) })
      #expect(blob.root.child("memory@0")?["reg"]?.numbers == [0, owner.memory.size])
      #expect(blob.root["model"]?.string == "dpaac \(partition.name) \(owner.name)")

      let chosen = try #require(blob.root.child("chosen"))
      let standard = owner.os == .bare ? nil : "console=ttyS0,115200"
      #expect(chosen["bootargs"]?.string == resources.bootArguments ?? standard)
      let initrd = resources.images.first { $0.kind == .initrd && $0.file != nil }
      #expect(chosen["linux,initrd-start"]?.number == initrd?.memory.base)
      #expect(
        chosen["linux,initrd-end"]?.number == initrd.map { $0.memory.base + $0.memory.size })
    }
  }

  @Test func `portals are those of the plan, with their channels, lines and LIODNs`() throws {
    try eachGuest { partition, number, owner, blob in
      let board = partition.board
      let window = try partition.portalWindow(of: owner)
      for (block, portals, base) in [
        ("bman", board.bman.portals, window), ("qman", board.qman.portals, window + 0x20_0000),
      ] {
        let nodes = blob.nodes("fsl,\(block)-portal")
        #expect(
          nodes.map { $0.node["cell-index"]?.cell } == owner.portals.map { UInt32($0.rawValue) })
        for (entry, index) in zip(nodes, owner.portals) {
          let portal = try #require(portals.first { $0.index == index })
          let offset = UInt64(index.rawValue)
          #expect(
            blob.index.physicalRegisters(of: entry)?.map { $0?.address } == [
              base + 0x4000 * offset, base + 0x10_0000 + 0x1000 * offset,
            ])
          let line = portal.interrupt.rawValue
          #expect(entry.node["interrupts"]?.cells == [line < 384 ? line : line - 208, 2])
          guard block == "qman", owner.os != .linuxMainline else { continue }
          #expect(entry.node["fsl,qman-channel-id"]?.cell == UInt32(index.rawValue))
          #expect(
            entry.node["fsl,liodn"]?.cells
              == portal.dma.map { [UInt32($0.dequeueRing.rawValue), UInt32($0.frame.rawValue)] })
          try expectBlocks(of: entry, partition, number, blob)
        }
      }
    }
  }

  /// The blocks behind a portal: each with the LIODNs of this guest, each leading to a node.
  private func expectBlocks(
    of entry: TreeIndex.Entry, _ partition: Partition, _ number: Int, _ blob: Blob
  ) throws {
    let owner = partition.owners[number]
    for child in entry.node.children {
      let bases: [LIODN]
      switch child.name {
      case "crypto": bases = partition.board.accelerators.sec?.liodnBases ?? []
      case "pme": bases = partition.board.accelerators.pme?.liodnBases ?? []
      default:
        let fman = partition.board.fmans.first { "fman\($0.index)" == child.name }
        bases = [try #require(fman?.liodnBase)]
      }
      #expect(
        child["fsl,liodn"]?.cells
          == bases.map { UInt32($0.rawValue) + UInt32(owner.liodnOffset) })
      let handle = try #require(child["dev-handle"]?.cell)
      #expect(blob.index.node(phandle: handle)?.node.baseName == child.baseName)
    }
    for use in partition.resources[number].accelerators {
      let name = use.kind == .sec ? "crypto" : "pme"
      #expect(entry.node.child(name) != nil)
      let block = try #require(blob.index["/dpaa-blocks/\(name)"]?.node)
      #expect(block["dpaac,request-queues"]?.cells == use.requests.map(\.rawValue))
      #expect(block["dpaac,response-queues"]?.cells == use.responses.map(\.rawValue))
      #expect(block["fsl,qman-channel-id"]?.cell == UInt32(use.channel.rawValue))
      let chains = partition.resources[number].chains.filter { $0.kind == use.kind }
      #expect(
        block["dpaac,chain-queues"]?.cells ?? []
          == chains.flatMap { [$0.request.rawValue, $0.response.rawValue] })
    }
  }

  @Test func `pools, ranges and interfaces are the plan's`() throws {
    try eachGuest { partition, number, owner, blob in
      let reserved = blob.root.child("reserved-memory")?.children ?? []
      #expect(
        reserved.filter { $0.baseName == "buffer-pool" }.map { $0["reg"]?.numbers }
          == owner.pools.map { [$0.memory.base - owner.memory.base, $0.memory.size] })
      guard owner.os != .linuxMainline else {
        try expectVirtualBlocks(partition, owner, blob)
        return
      }
      let pools = blob.nodes("fsl,bpool").map { $0.node["fsl,bpid"]?.cell }
      #expect(pools == (owner.paths.isEmpty ? [] : owner.pools.map { UInt32($0.bpid.rawValue) }))
      let ways = blob.nodes("fsl,dpa-ethernet-macless").map(\.node)
      #expect(ways.map { $0.name.dropFirst("ethernet-".count) } == owner.paths.map { $0.name[...] })
      for (way, path) in zip(ways, owner.paths) {
        #expect(
          way["fsl,qman-frame-queues-rx"]?.cells == [
            path.receive.first.rawValue, path.receive.count,
          ])
        #expect(way["fsl,qman-frame-queues-tx"]?.cells == [path.transmit.rawValue, 1])
        #expect(way["local-mac-address"]?.bytes.prefix(4) == [2, 0, 0, UInt8(number)])
      }
      for range in blob.cells("fsl,fqid-range") {
        let queues = QueueRange(first: FQID(range[0]), count: range[1])
        #expect(owner.queues.contains { $0.contains(queues) })
        for path in owner.paths {
          #expect(path.receive.intersection(queues) == nil)
          #expect(!queues.rawValues.contains(path.transmit.rawValue))
        }
      }
      let groups = partition.resources[number].congestionGroups.map { UInt32($0.id.rawValue) }
      #expect(blob.cells("fsl,cgrid-range").flatMap { $0[0]..<($0[0] + $0[1]) } == groups)
      let channels = partition.resources[number].poolChannels.map { UInt32($0.rawValue) }
      #expect(blob.cells("fsl,pool-channel-range").flatMap { $0[0]..<($0[0] + $0[1]) } == channels)
    }
  }

  /// A mainline guest's managers and MACs.
  private func expectVirtualBlocks(
    _ partition: Partition, _ owner: Owner, _ blob: Blob
  ) throws {
    for (name, memory) in [
      ("qman", ["fsl,qman-fqd", "fsl,qman-pfdr"]), ("bman", ["fsl,bman-fbpr"]),
    ] {
      let manager = try #require(blob.nodes("fsl,\(name)").first?.node)
      let regions = try #require(manager["memory-region"]?.cells)
      #expect(regions.map { blob.index.node(phandle: $0)?.node["compatible"]?.string } == memory)
      let portals = try #require(manager["fsl,\(name)-portals"]?.cell)
      #expect(blob.index.node(phandle: portals)?.node.baseName == "\(name)-portals")
    }
    guard partition.board.fmans.allSatisfy({ $0.channels != nil }) else { return }
    let macs = blob.nodes("fsl,fman-memac")
    #expect(macs.map { $0.node["label"]?.string }.sorted() == owner.paths.map(\.name).sorted())
    for entry in macs {
      let label = entry.node["label"]?.string
      let ports = try #require(entry.node["fsl,fman-ports"]?.cells)
      let numbers = ports.map { blob.index.node(phandle: $0)?.node["cell-index"]?.cell }
      #expect(ports.count == 2)
      guard let (fman, interface) = partition.board.interface(named: label ?? "") else { continue }
      #expect(blob.index.parent(of: entry)?.node["cell-index"]?.cell == UInt32(fman.index))
      #expect(
        numbers == [
          UInt32(interface.receivePort.rawValue), UInt32(interface.transmitPort.rawValue),
        ])
    }
  }

  @Test func `what guests share they see where their windows have it`() throws {
    let partition = try Example.complete()
    for (number, owner) in partition.owners.enumerated() where !owner.isHost {
      let blob = try Blob("\(owner.name).dtb", of: partition)
      let nodes = blob.nodes("dpaac,shared-memory").map(\.node)
      let shared = partition.sharedMemory.filter { $0.members.contains(number) }
      #expect(nodes.map { $0["label"]?.string } == shared.map(\.name))
      for (node, window) in zip(nodes, shared) {
        let mapping = partition.resources[number].dmaWindow.mappings
          .first { $0.memory.base == window.memory.base }
        #expect(
          node["reg"]?.numbers == [try #require(mapping).guestAddress, window.memory.size])
        #expect((node["dpaac,read-only"] == nil) == window.writers.contains(number))
      }
    }
  }

  @Test func `script and domain have the guest's own CPUs, memory and tree`() throws {
    for partition in try judgedPartitions() {
      for (number, owner) in partition.owners.enumerated() where !owner.isHost {
        let shared = partition.resources[number].dmaWindow.mappings.map {
          $0.guestAddress + $0.memory.size
        }
        let end = max(owner.memory.size, shared.max() ?? 0)
        // Behind the memory, the next 2 MiB on, 8 MiB of window; QEMU takes multiples of 64 MiB.
        let needed = (end + 0x1f_ffff) / 0x20_0000 * 0x20_0000 + 0x80_0000
        let ram = (needed + 0x3ff_ffff) / 0x400_0000 * 64
        let script = try text("\(owner.name).sh", of: partition)
        #expect(
          script.contains(" -cpu \(partition.board.core) -smp \(owner.cpus.count) -m \(ram)M "))
        #expect(script.contains("-dtb \"$directory\"/\(owner.name).dtb "))
        let domain = try text("\(owner.name).xml", of: partition)
        let cpus = owner.cpus.map { "\($0)" }.joined(separator: ",")
        #expect(domain.contains("<name>\(owner.name)</name>"))
        #expect(domain.contains("<memory unit=\"MiB\">\(ram)</memory>"))
        #expect(domain.contains(" cpuset=\"\(cpus)\">\(owner.cpus.count)</vcpu>"))
        #expect(domain.contains("<dtb>/plans/talk/out/\(owner.name).dtb</dtb>"))
        for image in partition.resources[number].images where image.file != nil {
          let address = String(image.memory.base, radix: 16)
          let device = "loader,file=/plans/talk/\(image.file ?? ""),addr=0x\(address),force-raw=on"
          #expect(script.contains("-device '\(device)' "))
          #expect(domain.contains("<qemu:arg value=\"\(device)\"/>"))
        }
        #expect(
          script.contains("-device")
            == partition.resources[number].images.contains { $0.file != nil })
      }
    }
  }
}

extension Array where Element == String? {
  fileprivate func sorted() -> [String] { compactMap { $0 }.sorted() }
}
