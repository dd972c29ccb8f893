import DeviceTree
import Partitioning
import QorIQ

// What of the board a partition gets. Devices are named by their aliases or paths in the board's
// tree, as the shipped configurations name them; a container's unit address is left out, as U-Boot
// writes it from the law that it chose.

extension HypervisorConfiguration {
  func devices(_ index: Int) -> [Node] {
    let owner = partition.owners[index]
    var nodes = portals(of: "bman", board.bman.portals, owner) { _, _ in }
    nodes += portals(of: "qman", board.qman.portals, owner) { node, portal in
      // LIODN 0 is the dequeue ring's and 1 the frames'; destination 3 is the platform cache.
      stash("stash-mem", 1, Reference("window\(index)"), &node)
      stash("stash-dqrr", 0, Reference("ring\(portal.index)"), &node)
      // The hypervisor stops at a portal's child that no portal device matches; RMan has none in any
      // shipped configuration.
      let own = portalAccelerators(index)
      let others =
        accelerators.filter { !own.contains($0) }.map { "\($0)@0" }
        + (board.accelerators.rman == nil ? [] : ["rman@0"])
      if !others.isEmpty {
        node.add("node-update") { $0.set("delete-node", .strings(others)) }
      }
    }
    if owner.isHost { nodes += controlDevices(index) }
    return nodes
  }

  private func portals(
    of block: String, _ all: [SoftwarePortal], _ owner: Owner,
    _ addition: (inout Node, SoftwarePortal) -> Void
  ) -> [Node] {
    let base = all.map(\.cacheEnabled.base).min() ?? 0
    let own = all.filter { owner.portals.contains($0.index) }
    return own.enumerated().map { turn, portal in
      let unit = String(portal.cacheEnabled.base - base, radix: 16)
      return Node("\(block)-portal\(portal.index)") {
        $0.set("device", "/\(block)-portals/\(block)-portal@\(unit)")
        // A CPU of the partition, counted from 0.
        $0.set("vcpu", UInt32(turn % max(owner.cpus.count, 1)))
        addition(&$0, portal)
      }
    }
  }

  private func stash(
    _ name: String, _ index: UInt32, _ window: Reference, _ node: inout Node
  ) {
    node.add(name) {
      $0.set("liodn-index", index)
      $0.set("dma-window", .reference(window))
      $0.set("operation-mapping", 0)
      $0.set("stash-dest", 3)
    }
  }

  /// The shared blocks, which one partition controls.
  private func controlDevices(_ index: Int) -> [Node] {
    let window = PropertyValue.reference(Reference("window\(index)"))
    func device(_ name: String, _ more: (inout Node) -> Void = { _ in }) -> Node {
      Node(name) {
        $0.set("device", name)
        $0.set("dma-window", window)
        more(&$0)
      }
    }
    let queueManager = device("qman") {
      // QMan's private memory, stashed to the platform cache.
      $0.set("operation-mapping", 2)
      $0.set("stash-dest", 3)
    }
    return [queueManager, device("bman")] + accelerators.map { device($0) }
      + board.fmans.map { device("fman\($0.index)") }
  }

  /// The aliases of the accelerators that work on frames of portals.
  private var accelerators: [String] {
    (board.accelerators.sec == nil ? [] : ["crypto"])
      + (board.accelerators.pme == nil ? [] : ["pme"])
  }

  /// The accelerators that a partition's portals work with: the host's all, a guest's those that
  /// its plan names.
  private func portalAccelerators(_ index: Int) -> [String] {
    let used = Set(
      partition.resources[index].accelerators.map { $0.kind.nodeName })
    return accelerators.filter { partition.owners[index].isHost || used.contains($0) }
  }

  /// Devices that all portals of a partition work with: FMan for everybody, and accelerators.
  func portalDevices(_ index: Int) -> Node {
    let devices = board.fmans.map { "fman\($0.index)" } + portalAccelerators(index)
    return Node("portal-devices") { node in
      for name in devices {
        node.add(name == "crypto" ? "caam" : name) {
          $0.set("device", name)
          $0.set("dma-window", .reference(Reference("window\(index)")))
        }
      }
    }
  }
}

extension HypervisorConfiguration {
  /// What the hypervisor merges into the partition's tree: what it may allocate, its pools, its
  /// interfaces, as a guest's own tree has them. Cells that refer to other nodes are written apart.
  func updates(_ index: Int) -> [Node] {
    let tree = GuestTree(partition: partition, ownerIndex: index)
    var nodes = tree.rangeNodes() + tree.poolNodes()
    if let interfaces = tree.interfaces() { nodes.append(interfaces) }
    if let others = otherQueues(index, tree) { nodes.append(others) }
    var plain = Node("node-update")
    if let arguments = partition.resources[index].bootArguments {
      plain.add("chosen") { $0.set("bootargs", arguments) }
    }
    var phandles = Node("node-update-phandle")
    for node in nodes {
      let (own, references) = Self.split(node)
      plain.add(own)
      if let references { phandles.add(references) }
    }
    return [plain] + (phandles.children.isEmpty ? [] : [phandles])
  }

  /// The queues with a purpose that no interface names: those between a receive port and an offline
  /// port, and those in roles and for accelerators. They must not be allocated.
  private func otherQueues(_ index: Int, _ tree: GuestTree) -> Node? {
    let hops: [QueueRange] = partition.interfaces.compactMap {
      guard let hop = $0.hop, hop.receivingOwner == index else { return nil }
      return QueueRange(first: hop.queue, count: 1)
    }
    let queues = hops + tree.serviceQueues
    guard !queues.isEmpty else { return nil }
    return Node("other-queues") {
      $0.set("dpaac,queues", .cells(queues.flatMap { [$0.first.rawValue, $0.count] }))
    }
  }

  /// A node without its references, and a node of the same name with nothing else.
  private static func split(_ node: Node) -> (Node, Node?) {
    var plain = node
    var references = Node(node.name)
    plain.properties.removeAll { !$0.value.references.isEmpty }
    // Reserved memory is not in the hypervisor's tree: the guest's areas are all its memory.
    references.properties = node.properties.filter {
      !$0.value.references.isEmpty && $0.name != "memory-region"
    }
    plain.children = []
    for child in node.children {
      let (own, others) = split(child)
      plain.add(own)
      if let others { references.add(others) }
    }
    return (
      plain, references.properties.isEmpty && references.children.isEmpty ? nil : references
    )
  }
}
