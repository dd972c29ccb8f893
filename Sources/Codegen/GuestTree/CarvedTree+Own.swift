import DeviceTree
import Partitioning
import QorIQ

// What a guest's tree has that the board's has not, or has for the whole board.

extension CarvedTree {
  /// The page of the guest's memory that its CPUs wait in: the last that holds neither buffers nor
  /// what is loaded. The planner leaves the end of the memory alone, but a plan can say otherwise.
  var spinTable: UInt64 {
    let taken =
      owner.pools.map {
        AddressRange(base: guest.guestAddress($0.memory.base), size: $0.memory.size)
      }
      + guest.resources.images.map(\.memory)
    var page = max(owner.memory.size & ~0xfff, 0x1000) - 0x1000
    // Below each range that is in the way, so every range is passed once at most.
    while let other = taken.first(where: { $0.overlaps(AddressRange(base: page, size: 0x1000)) }),
      other.base >= 0x1000
    {
      page = (other.base & ~0xfff) - 0x1000
    }
    return page
  }

  /// The nodes below the root that are made for the guest.
  func ownNodes() -> [Node] {
    var nodes = [chosen(), guest.memory(), reservedMemory(), hypervisor(), interruptController()]
    nodes += guest.sharedMemory()
    guard guest.hasResourceNodes else { return nodes }
    let missing = guest.connectedBlocks.filter { handles[$0.name] == nil }
    nodes += [guest.handles(missing)].compactMap { $0 } + guest.rangeNodes() + guest.poolNodes()
    if let interfaces = guest.interfaces(macs: ownMACs) { nodes.append(interfaces) }
    return nodes
  }

  /// ePAPR 1.1 section 3.5. The console is the hypervisor's to name.
  private func chosen() -> Node {
    Node("chosen") {
      if let arguments = guest.resources.bootArguments { $0.set("bootargs", arguments) }
      for image in guest.resources.images where image.kind == .initrd && image.file != nil {
        $0.set("linux,initrd-start", guest.wide(image.memory.base))
        $0.set("linux,initrd-end", guest.wide(image.memory.base + image.memory.size))
      }
    }
  }

  /// The memory behind the guest's pools, and the page of its spin table.
  private func reservedMemory() -> Node {
    Node("reserved-memory") {
      $0.set("#address-cells", 2)
      $0.set("#size-cells", 2)
      $0.set("ranges")
      for node in guest.poolMemory() { $0.add(node) }
      if owner.cpus.count > 1 {
        $0.add("spin-table@\(guest.hex(spinTable))") {
          $0.set("reg", guest.wide(spinTable, 0x1000))
        }
      }
    }
  }

  /// ePAPR 1.1, 7.5; the instruction is `sc 1`, by which e500mc and later cores call a hypervisor
  /// (Topaz 1.3, `src/devtree.c`).
  private func hypervisor() -> Node {
    Node("hypervisor") {
      $0.set("compatible", "epapr,hypervisor-1")
      $0.set("guest-name", owner.name)
      $0.set("hcall-instructions", 0x4400_0022)
    }
  }

  /// ePAPR 1.1, 7.6.5; Linux 6.1, `arch/powerpc/sysdev/ehv_pic.c`. A hypervisor that gives out numbers
  /// of its own, as Freescale's does, makes its own tree.
  private func interruptController() -> Node {
    Node("interrupt-controller", labels: ["hypervisor_pic"]) {
      $0.set("compatible", "epapr,hv-pic")
      $0.set("interrupt-controller")
      $0.set("#interrupt-cells", 2)
      $0.set("#address-cells", 0)
    }
  }

  /// Why a node is there that is none of the board's.
  func whyAdded(_ node: Node) -> NodeFate.Reason {
    switch node.baseName {
    case "chosen": return .init("it has \(owner.name)'s boot arguments and images")
    case "memory":
      return .init("it is \(owner.name)'s memory, from 0 on", .address(owner.memory.base))
    case "reserved-memory": return .init("it has what \(owner.name)'s system must leave alone")
    case "spin-table": return .init("\(owner.name)'s other CPUs wait there")
    case "hypervisor": return .init("it says how to call the hypervisor")
    case "interrupt-controller": return .init("interrupts reach a guest through the hypervisor")
    case "dpaa-blocks": return .init("the board's tree lacks blocks that portals refer to")
    case "crypto", "pme": return .init("\(owner.name)'s portals refer to it by dev-handle")
    case "shared-memory": return .init("\(owner.name) shares it with others")
    default: break
    }
    let objects: [String: (UInt32) -> PlanObject] = [
      "fsl,fqid-range": PlanObject.queue, "fsl,bpid-range": PlanObject.pool,
      "fsl,pool-channel-range": PlanObject.channel, "fsl,cgrid-range": PlanObject.congestionGroup,
    ]
    for property in node.properties {
      guard let object = objects[property.name] else { continue }
      return .init(
        "\(owner.name)'s system may allocate it", object(property.value.cells?.first ?? 0))
    }
    if let pool = node["fsl,bpid"]?.cell {
      return .init("pool \(pool) is \(owner.name)'s", .pool(pool))
    }
    if node.baseName == "buffer-pool" { return .init("buffers of a pool lie there") }
    if let queues = node["fsl,qman-frame-queues-rx"]?.cells, queues.count > 1 {
      return .init(
        "it is one of \(owner.name)'s ways", .queue(queues[queues.count - 2]))
    }
    if node.baseName.hasPrefix("fman") {
      return .init("\(owner.name)'s portals refer to it by dev-handle")
    }
    return .init("it holds \(owner.name)'s ways")
  }
}
