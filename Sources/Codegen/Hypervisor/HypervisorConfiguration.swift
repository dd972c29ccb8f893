import DeviceTree
import Partitioning
import QorIQ

/// The hypervisor's configuration tree, a function for each node: Topaz 1.3, `src/guest.c`,
/// `src/devtree.c` and `src/hvconfig.c`; the shipped configurations of
/// nxp-qoriq-yocto-sdk/hv-cfg are its form.
struct HypervisorConfiguration {
  let partition: Partition
  let own: QorIQ.AddressRange
  let memories: [HypervisorMemory]
  /// Where each partition's tree is put, as the partition counts addresses.
  let treeWindows: [QorIQ.AddressRange]

  init(partition: Partition) throws(GenerationError) {
    self.partition = partition
    // `src/guest.c` has room for so many.
    guard partition.owners.count <= 24 else {
      throw .unprintable(
        artifact: "hv.dts",
        reason: "there are \(partition.owners.count) partitions, but the hypervisor has 24")
    }
    own = try HypervisorMemory.own(in: partition)
    var memories: [HypervisorMemory] = []
    for (owner, resources) in zip(partition.owners, partition.resources) {
      memories.append(try HypervisorMemory(of: owner, resources))
    }
    self.memories = memories
    var treeWindows: [QorIQ.AddressRange] = []
    for index in partition.owners.indices {
      treeWindows.append(try Self.treeWindow(index, of: partition))
    }
    self.treeWindows = treeWindows
    for shared in partition.sharedMemory {
      guard Set(shared.members.map { memories[$0].areas(of: shared).map(\.memory) }).count <= 1
      else {
        throw .unprintable(
          artifact: "hv.dts",
          reason: "\(shared.name) is cut into other pieces for one partition than for another: "
            + "make it a power of two, on a multiple of its size")
      }
    }
  }

  var board: Board { partition.board }

  func tree() -> Tree {
    Tree { root in
      root.set("compatible", "fsl,hv-config")
      for index in partition.owners.indices {
        for (number, area) in memories[index].areas.enumerated() {
          root.add(
            self.area("area\(index)-\(number)", label: "area\(index)_\(number)", area.memory))
        }
      }
      for (index, shared) in partition.sharedMemory.enumerated() {
        for (number, area) in sharedAreas(shared).enumerated() {
          root.add(
            self.area("shared\(index)-\(number)", label: "shared\(index)_\(number)", area.memory))
        }
      }
      root.add(area("area-hypervisor", label: "area_hypervisor", own))
      root.add(windows())
      root.add(hypervisor())
      root.add("uart-mux", labels: ["mux"]) {
        $0.set("compatible", "byte-channel-mux")
        $0.set("endpoint", .reference("uart"))
      }
      for index in partition.owners.indices { root.add(partitionNode(index)) }
    }
  }

  /// The pieces of shared memory, alike for all who see it.
  private func sharedAreas(_ shared: SharedMemory) -> [DMAWindow.Mapping] {
    shared.members.first.map { memories[$0].areas(of: shared) } ?? []
  }

  private func area(_ name: String, label: String, _ range: QorIQ.AddressRange) -> Node {
    Node(name, labels: [label]) {
      $0.set("compatible", "phys-mem-area")
      $0.set("addr", wide(range.base))
      $0.set("size", wide(range.size))
    }
  }

  // MARK: windows

  /// What devices may reach by DMA: a partition's memory, and each portal's own dequeue ring.
  private func windows() -> Node {
    Node("dma-windows") { node in
      for (index, memory) in memories.enumerated() {
        node.add("memory\(index)", labels: ["window\(index)"]) { window in
          window.set("compatible", "dma-window")
          window.set("guest-addr", wide(0))
          window.set("size", wide(memory.window.size))
          guard memory.window.slotCount > 1 else { return }
          window.set("subwindow-count", UInt32(memory.window.slotCount))
          let shared = partition.sharedMemory.flatMap(memory.areas(of:))
          for (number, piece) in (memory.areas + shared).enumerated() {
            window.add("subwindow\(number)") {
              $0.set("compatible", "dma-subwindow")
              $0.set("guest-addr", wide(piece.guestAddress))
              $0.set("size", wide(piece.memory.size))
            }
          }
        }
      }
      for portal in givenPortals {
        node.add("dequeue-ring\(portal.index)", labels: ["ring\(portal.index)"]) {
          $0.set("compatible", "dma-window")
          $0.set("guest-addr", wide(portal.cacheEnabled.base))
          $0.set("size", wide(portal.cacheEnabled.size))
        }
      }
    }
  }

  private var givenPortals: [SoftwarePortal] {
    let given = Set(partition.owners.flatMap(\.portals))
    return board.qman.portals.filter { given.contains($0.index) }
  }

  // MARK: the hypervisor's own

  private func hypervisor() -> Node {
    Node("hypervisor-config") { node in
      node.set("compatible", "hv-config")
      node.set("stdout", .reference("hypervisor_console"))
      node.add("hv-memory") {
        $0.set("compatible", "hv-memory")
        $0.set("phys-mem", .reference("area_hypervisor"))
      }
      node.add(byteChannel("byte-channel", label: "hypervisor_console", channel: 0))
      // What decides over memory and interrupts stays with the hypervisor. A path without unit
      // address finds the first node of its name.
      for (name, path) in [
        ("law", "/soc/corenet-law"), ("cache", "/soc/l3-cache-controller"),
        ("coherency", "/soc/corenet-cf"), ("guts", "/soc/global-utilities@e0000"),
        ("power", "/soc/global-utilities@e2000"), ("iommu", "/soc/iommu"), ("mpic", "/soc/pic"),
      ] {
        node.add(name) { $0.set("device", path) }
      }
      node.add("uart", labels: ["uart"]) { $0.set("device", "serial0") }
    }
  }

  private func byteChannel(_ name: String, label: String, channel: Int) -> Node {
    Node(name, labels: [label]) {
      $0.set("compatible", "byte-channel")
      $0.set("endpoint", .reference("mux"))
      $0.set("mux-channel", UInt32(channel))
    }
  }

  // MARK: partitions

  private func partitionNode(_ index: Int) -> Node {
    let owner = partition.owners[index]
    let memory = memories[index]
    return Node("partition\(index)", labels: ["partition\(index)"]) { node in
      node.set("compatible", "partition")
      node.set("label", owner.name)
      node.set("cpus", .cells(Self.runs(owner.cpus.map { UInt32($0.rawValue) }).flatMap { $0 }))
      node.set("dtb-window", wide(treeWindows[index].base, treeWindows[index].size))
      // Linux does not ask the hypervisor to open a device's DMA (hv-cfg, every configuration).
      node.set("no-dma-disable")
      // The host loads guests and starts them.
      if !owner.isHost { node.set("no-auto-start") }
      for (number, area) in memory.areas.enumerated() {
        node.add("memory\(number)") {
          $0.set("compatible", "guest-phys-mem-area")
          $0.set("phys-mem", .reference(Reference("area\(index)_\(number)")))
          $0.set("guest-addr", wide(area.guestAddress))
        }
      }
      for (number, shared) in partition.sharedMemory.enumerated() {
        for (piece, area) in memory.areas(of: shared).enumerated() {
          node.add("shared-memory\(number)-\(piece)") {
            $0.set("compatible", "guest-phys-mem-area")
            $0.set("phys-mem", .reference(Reference("shared\(number)_\(piece)")))
            $0.set("guest-addr", wide(area.guestAddress))
            // Else Linux takes it for memory of its own (hv-cfg, every configuration that shares).
            $0.add("node-update") { $0.set("delete-prop", "device_type") }
          }
        }
      }
      node.add("aliases") { $0.set("stdout", .reference(Reference("console\(index)"))) }
      node.add(
        byteChannel("byte-channel", label: "console\(index)", channel: 1 + index % 31))
      if owner.isHost {
        for guest in partition.owners.indices where guest != index {
          node.add("managed\(guest)") {
            $0.set("compatible", "managed-partition")
            $0.set("partition", .reference(Reference("partition\(guest)")))
          }
        }
      }
      for device in devices(index) { node.add(device) }
      node.add(portalDevices(index))
      for update in updates(index) { node.add(update) }
    }
  }

  /// Where the hypervisor puts a partition's tree, and how much room it has: where the plan puts its
  /// tree, else out of the way of a kernel, of images and of pools; 72 KiB were too few once (hv-cfg
  /// 4f378dd).
  private static func treeWindow(
    _ index: Int, of partition: Partition
  ) throws(GenerationError) -> QorIQ.AddressRange {
    let images = partition.resources[index].images
    if let place = images.first(where: { $0.kind == .deviceTree })?.memory { return place }
    let owner = partition.owners[index]
    let size: UInt64 = 0x2_0000
    let usual = min(0x100_0000, owner.memory.size / 2 & ~(size - 1))
    guard let place = partition.place(size, at: usual, inMemoryOf: index) else {
      throw .unprintable(
        artifact: "hv.dts",
        reason: "the memory of \(owner.name) has no room of \(size >> 10) KiB for its device tree "
          + "beside its images and pools")
    }
    return place
  }

  /// Ascending numbers as pairs of a first one and a count.
  static func runs(_ numbers: [UInt32]) -> [[UInt32]] {
    numbers.sorted().reduce(into: []) { runs, number in
      if let last = runs.last, last[0] + last[1] == number {
        runs[runs.count - 1][1] += 1
      } else {
        runs.append([number, 1])
      }
    }
  }

  /// Numbers in two cells each.
  func wide(_ numbers: UInt64...) -> PropertyValue {
    .cells(
      numbers.flatMap {
        [UInt32(truncatingIfNeeded: $0 >> 32), UInt32(truncatingIfNeeded: $0)]
      })
  }
}
