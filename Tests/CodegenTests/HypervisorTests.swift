import Codegen
import DeviceTree
import Diagnostics
import Documents
import Foundation
import Lowering
import Partitioning
import QorIQ
import TestSupport
import Testing

@Suite struct HypervisorTests {
  @Test func `what is exported is imported again: every resource of every partition`() throws {
    for partition in try judgedPartitions() + [Example.rich()] {
      let found = try imported(try text("hv.dts", of: partition))
      #expect(found.map(\.name) == partition.owners.map(\.name))
      for (owner, (resources, part)) in zip(partition.owners, zip(partition.resources, found)) {
        let channels = Set(owner.paths.flatMap(\.channels) + resources.poolChannels)
        #expect(part.poolChannels == partition.board.qman.poolChannels.filter(channels.contains))
        #expect(part.congestionGroups == resources.congestionGroups.map(\.id).sorted())
        #expect(part.accelerators == (owner.isHost ? [] : resources.accelerators.map(\.kind)))
        #expect(part.bootArguments == resources.bootArguments)
        let index = partition.ownerIndex(named: owner.name) ?? -1
        let shared = partition.sharedMemory.filter { $0.members.contains(index) }.map(\.memory)
        #expect(part.sharedMemory == shared.sorted { $0.base < $1.base })
      }
      for (owner, part) in zip(partition.owners, found) {
        #expect(part.isHost == owner.isHost)
        #expect(part.cpus == owner.cpus)
        #expect(part.memory == [owner.memory])
        #expect(part.portals == owner.portals)
        #expect(part.queues == joined(owner.queues), "\(owner.name) of \(partition.name)")
        #expect(part.pools.map(\.bpid) == owner.pools.map(\.bpid).sorted())
        for pool in part.pools where !owner.paths.isEmpty {
          let own = try #require(owner.pools.first { $0.bpid == pool.bpid })
          #expect(pool.bufferCount == own.bufferCount)
          #expect(pool.bufferSize == own.bufferSize)
        }
      }
    }
  }

  @Test(arguments: Example.names)
  func `an example's imported partitions are a sound plan with the same resources`(name: String)
    throws
  {
    let partition = try Example.partition(name)
    let parts = try imported(try text("hv.dts", of: partition))
    let yaml = HypervisorPlanFragment(parts, board: partition.board, source: "hv.dts").yaml()
    let result = PlanLoader.load(SourceFile(name: "imported.yaml", text: yaml))
    let again = try #require(
      result.partition, "\(DiagnosticRenderer().render(result.diagnostics))\(yaml)")
    for (resources, others) in zip(partition.resources, again.resources) {
      #expect(resources.poolChannels == others.poolChannels)
      #expect(resources.congestionGroups.map(\.id) == others.congestionGroups.map(\.id))
      #expect(resources.accelerators.map(\.kind) == others.accelerators.map(\.kind))
      #expect(resources.bootArguments == others.bootArguments)
    }
    for (owner, other) in zip(partition.owners, again.owners) {
      #expect(owner.name == other.name)
      #expect(owner.cpus == other.cpus)
      #expect(owner.memory == other.memory)
      #expect(owner.portals == other.portals)
      #expect(owner.queues == other.queues)
      #expect(owner.pools.map(\.bpid) == other.pools.map(\.bpid))
      #expect(owner.pools.map(\.bufferCount) == other.pools.map(\.bufferCount))
      #expect(owner.pools.map(\.bufferSize) == other.pools.map(\.bufferSize))
    }
  }

  @Test(arguments: Example.names)
  func
    `every device that is given away is found in the board's tree as the hypervisor looks for it`(
      name: String
    ) throws
  {
    let partition = try Example.partition(name)
    var bag = DiagnosticBag()
    let configuration = try #require(
      SourceReader().read(
        SourceFile(name: "hv.dts", text: try text("hv.dts", of: partition)), into: &bag))
    let path = "\(Checkout.path)/boards/\(partition.board.name).dts"
    let board = try #require(TreeLoader().load(path, into: &bag))
    let devices = TreeIndex(configuration).entries.compactMap { $0.node["device"]?.string }
    #expect(devices.count > 10)
    // Linux's trees have no PME; the SDK's, which the hypervisor runs with, have.
    let missing = Set(devices.filter { device($0, in: board) == nil })
    #expect(missing == (partition.board.accelerators.pme == nil ? [] : ["pme"]))
  }

  @Test func `a plan's boot arguments and the place of its tree are the hypervisor's`() throws {
    let partition = try Example.variant(
      "vpn-gateway/p5020ds", replacing: "    os: bare ",
      with: """
            boot-arguments: "root=/dev/ram \\"q\\" console=ttyS0"
            images: {device-tree: {address: 32 MiB, size: 256 KiB}}
            os: linux-sdk
        """)
    let source = try text("hv.dts", of: partition)
    #expect(source.contains("dtb-window = <0 0x2000000 0 0x40000>"))
    let parts = try imported(source)
    #expect(parts[1].bootArguments == "root=/dev/ram \"q\" console=ttyS0")
    let yaml = HypervisorPlanFragment(parts, board: partition.board, source: "hv.dts").yaml()
    let again = PlanLoader.load(SourceFile(name: "imported.yaml", text: yaml)).partition
    #expect(again?.resources[1].bootArguments == parts[1].bootArguments)
  }

  @Test func `a tree without a place is put beside its partition's images`() throws {
    let partition = try Example.variant(
      "vpn-gateway/p5020ds", replacing: "    os: bare ",
      with: """
            images: {kernel: {file: uImage}, initrd: {file: root.gz, size: 16 MiB}}
            os: linux-sdk
        """)
    // The initrd lies where the host, who has no images, has its tree.
    #expect(partition.resources[1].images.map(\.memory.base) == [0, 0x100_0000])
    let source = try text("hv.dts", of: partition)
    #expect(source.ranges(of: "dtb-window = <0 0x1000000 0 0x20000>").count == 1)
    #expect(source.ranges(of: "dtb-window = <0 0x2000000 0 0x20000>").count == 1)
  }

  @Test func `the hypervisor's own memory is nobody's, and nobody's DMA reaches it`() throws {
    let partition = try Example.reaching()
    var bag = DiagnosticBag()
    let source = try text("hv.dts", of: partition)
    let tree = try #require(
      SourceReader().read(SourceFile(name: "hv.dts", text: source), into: &bag))
    let area = try #require(tree.root.child("area-hypervisor"))
    let own = QorIQ.AddressRange(
      base: try #require(area["addr"]?.numbers?.first),
      size: try #require(area["size"]?.numbers?.first))
    #expect(own == QorIQ.AddressRange(base: 0xbe00_0000, size: 16 << 20))
    for mapping in partition.resources.flatMap(\.dmaWindow.mappings) {
      #expect(!mapping.memory.overlaps(own), "\(mapping)")
    }
    // What lies behind the second guest's memory is all that is left here, and no place for it.
    let full = try Example.reaching(guest1: "memory: 1 GiB")
    #expect(throws: GenerationError.self) {
      try HypervisorBackend().artifacts(for: full, options: .sample)
    }
  }

  @Test func `the blob holds the same configuration as the source`() throws {
    let source = try text("hv.dts", of: Sample.t4240)
    var bag = DiagnosticBag()
    let blob = try #require(
      BlobReader().read(
        try artifact("hv.dtb", of: Sample.t4240), name: "hv.dtb", into: &bag))
    let found = HypervisorImport(blob).partitions(into: &bag)
    #expect(try imported(source) == found)
  }

  @Test(.enabled(if: Tool.dtc.isPresent, "needs package device-tree-compiler"))
  func `dtc compiles the configuration to our bytes without a warning`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    for partition in try judgedPartitions() {
      let file = try directory.write("hv.dts", Data(try artifact("hv.dts", of: partition)))
      let output = "\(directory.path)/hv.dtb"
      // An update of a partition's /chosen must be called so, wherever it stands.
      let outcome = try Tool.dtc.run(
        ["-I", "dts", "-O", "dtb", "-W", "no-chosen_node_is_root", "-o", output, file])
      #expect(outcome.status == 0 && outcome.errorText.isEmpty, "\(outcome.errorText)")
      let blob = try #require(FileManager.default.contents(atPath: output))
      #expect(blob.elementsEqual(try artifact("hv.dtb", of: partition)))
    }
  }

  @Test func `memory that is no power of two is made of several areas`() throws {
    let source = try text("hv.dts", of: Sample.t4240)
    // guest2 has 640 MiB at 0xa0000000: 512 MiB and 128 MiB.
    #expect(source.contains("area2-0"))
    #expect(source.contains("area2-1"))
    #expect(source.contains("subwindow-count = <2>"))
    #expect(!source.contains("area1-1"))
  }

  @Test(arguments: [
    "a\nboard: p5020ds", "a: {cpus: [0]}", "a # b", "*x", "", "a\u{2028}b", "a \"b\"",
  ])
  func `a label that is no name writes no lines of its own into the plan`(label: String) throws {
    let source = try text("hv.dts", of: Sample.t4240)
    var parts = try imported(source)
    parts[1].name = label
    let yaml = HypervisorPlanFragment(parts, board: nil, source: "x\nboard: y\u{1b}[2J").yaml()
    var bag = DiagnosticBag()
    let root = YAMLReader().read(SourceFile(name: "imported.yaml", text: yaml), into: &bag)
    guard case .mapping(let sections) = root?.value,
      case .mapping(let partitions) = sections.first(where: { $0.key == "partitions" })?.value.value
    else {
      Issue.record("no partitions: \(bag.diagnostics)")
      return
    }
    #expect(!sections.contains { $0.key == "board" })
    #expect(partitions.map(\.key) == parts.map { $0.isHost ? "host" : $0.name })
    #expect(bag.diagnostics.isEmpty)
  }

  @Test func `swapping two partitions' values is seen by the import`() throws {
    let source = try text("hv.dts", of: Sample.t4240)
    let expected = try imported(source)
    for (one, other) in [
      ("cpus = <4 2>", "cpus = <6 1>"), ("phys-mem = <&area1_0>", "phys-mem = <&area2_0>"),
      ("qman-portal@10000\"", "qman-portal@18000\""), ("fsl,bpid = <2>", "fsl,bpid = <3>"),
      ("rx = <0x80 0x40>", "rx = <0xc9 1>"),
    ] {
      #expect(source.contains(one) && source.contains(other), "\(one) \(other)")
      let swapped = source.replacing(one, with: "@@").replacing(other, with: one)
        .replacing("@@", with: other)
      var bag = DiagnosticBag()
      let tree = SourceReader().read(SourceFile(name: "s.dts", text: swapped), into: &bag)
      let found = HypervisorImport(try #require(tree)).partitions(into: &bag)
      #expect(found != expected, "\(one)")
    }
  }

  @Test(arguments: [
    ("compatible = \"fsl,hv-config\"", "compatible = \"fsl,other\"", "hv-root"),
    ("size = <0 0x20000000>", "size = <0 0x30000000>", "hv-area"),
    ("addr = <0 0xa0000000>", "addr = <0 0x80000000>", "hv-area-overlap"),
    ("addr = <0 0xa0000000>", "addr = <0xa0000000>", "hv-property"),
    ("cpus = <4 2>", "cpus = <4>", "hv-property"),
    ("cpus = <4 2>", "cpus = <4 0xffffffff>", "hv-property"),
    ("phys-mem = <&area1_0>", "phys-mem = <&window1>", "hv-reference"),
    ("phys-mem = <&area1_0>", "phys-mem = <&area2_0>", "hv-area-shared"),
    ("device = \"/qman-portals/qman-portal@10000\"", "device = \"/soc/i2c\"", "hv-portal-pair"),
    ("device = \"/qman-portals/qman-portal@10000\"", "device = \"usb0\"", "hv-inexpressible"),
    ("qman-portal@10000\";", "qman-portal@10001\";", "hv-reference"),
    ("fsl,fqid-range = <0x68", "fsl,fqid-range = <0x66", "hv-static-queue"),
    ("compatible = \"partition\"", "compatible = \"parting\"", "hv-partition-limit"),
  ])
  func `what the hypervisor passes over is reported`(old: String, new: String, code: String) throws
  {
    let source = try text("hv.dts", of: Sample.t4240)
    #expect(source.contains(old), "\(old)")
    var bag = DiagnosticBag()
    let tree = SourceReader().read(
      SourceFile(name: "hv.dts", text: source.replacing(old, with: new)), into: &bag)
    let result = HypervisorImport(try #require(tree)).partitions(into: &bag)
    #expect(bag.diagnostics.contains { $0.code.description == code }, "\(bag.diagnostics)")
    #expect((result == nil) == bag.hasErrors)
    for finding in bag.diagnostics {
      #expect(finding.span != nil)
      #expect(DiagnosticCatalogue.hypervisor.contains { $0.code == finding.code })
    }
  }

  @Test func `shared memory is one area for all who see it, kept from their kernels`() throws {
    let partition = try Example.variant(
      "kvm-forum/p4080ds", replacing: "partitions:\n",
      with: "shared-memory: { mailbox: {size: 1 MiB, between: [guest1, guest2]} }\n\npartitions:\n")
    let source = try text("hv.dts", of: partition)
    #expect(source.ranges(of: "phys-mem = <&shared0_0>").count == 2)
    #expect(source.ranges(of: "delete-prop = \"device_type\"").count == 2)
    let parts = try imported(source)
    let yaml = HypervisorPlanFragment(parts, board: partition.board, source: "hv.dts").yaml()
    let result = PlanLoader.load(SourceFile(name: "imported.yaml", text: yaml))
    let again = try #require(
      result.partition, "\(DiagnosticRenderer().render(result.diagnostics))\(yaml)")
    #expect(again.sharedMemory.map(\.memory) == partition.sharedMemory.map(\.memory))
    #expect(again.sharedMemory.map(\.members) == partition.sharedMemory.map(\.members))
    // The hypervisor's own memory is nobody else's.
    let own = try #require(source.firstRange(of: "area_hypervisor: "))
    let shared = String(partition.sharedMemory[0].memory.base, radix: 16)
    #expect(!source[own.lowerBound...].prefix(200).contains("0x\(shared)>"))
  }

  // MARK: helpers

  /// A device as the hypervisor finds it: by alias, else by path, where a name without unit address
  /// is the first of that name (`src/devtree.c`).
  private func device(_ name: String, in board: Tree) -> Node? {
    let alias = board.root.child("aliases")?[name]?.string
    var node = board.root
    for part in (alias ?? name).split(separator: "/") {
      guard
        let child = node.children.first(where: {
          part.contains("@") ? $0.name == part : $0.baseName == part
        })
      else { return nil }
      node = child
    }
    return alias == nil && !name.hasPrefix("/") ? nil : node
  }

  private func imported(_ source: String) throws -> [HypervisorPartition] {
    var bag = DiagnosticBag()
    let tree = SourceReader().read(SourceFile(name: "hv.dts", text: source), into: &bag)
    let found = HypervisorImport(try #require(tree)).partitions(into: &bag)
    let partitions = try #require(found, "\(DiagnosticRenderer().render(bag))")
    #expect(bag.isEmpty, "\(DiagnosticRenderer().render(bag))")
    return partitions
  }

  private func joined(_ ranges: [QueueRange]) -> [QueueRange] {
    ranges.sorted { $0.first < $1.first }.reduce(into: []) { joined, range in
      if let last = joined.last, last.rawValues.upperBound == range.first.rawValue {
        joined[joined.count - 1] = QueueRange(first: last.first, count: last.count + range.count)
      } else {
        joined.append(range)
      }
    }
  }
}
