import DeviceTree
import Partitioning
import QorIQ

/// What a node of the board's tree is to a partition.
enum NodeRole: Hashable {
  /// The root, or a node that only groups others.
  case structure
  /// What every system has of its own: chosen, aliases, memory, reserved memory.
  case system
  /// A CPU, with its hardware threads.
  case cpu([CPUIndex])
  /// A QMan or BMan portal.
  case portal(PortalIndex)
  /// What one kernel may allocate, its pools and its interfaces: nodes of the SDK's bindings.
  case allocation
  /// Registers that decide over all partitions: one owner has them, the host.
  case control(String)
  /// What decides over memory and interrupts: below a hypervisor no guest has it.
  case supervision(String)
  /// The controller that interrupts arrive at.
  case interruptController
  /// A frame manager, by its index.
  case frameManager(Int)
  /// A MAC, by its interface's name.
  case mac(String)
  /// A port of a frame manager.
  case port(PortID, fman: Int)
  /// A block that works on frames from queues.
  case accelerator(AcceleratorKind)
  /// Anything else.
  case other
}

/// The board's tree, and what each of its nodes is in the plan's words.
struct BoardMap {
  let index: TreeIndex
  /// The role of each node, by its place in the index.
  private(set) var roles: [NodeRole] = []

  init(_ tree: Tree, board: Board) {
    index = TreeIndex(tree)
    let portals = Dictionary(
      (board.qman.portals + board.bman.portals).map { ($0.cacheEnabled.base, $0.index) },
      uniquingKeysWith: { first, _ in first })
    for entry in index.entries { roles.append(role(of: entry, board, portals)) }
  }

  func role(of entry: TreeIndex.Entry) -> NodeRole { roles[entry.index] }

  // MARK: reading

  private func role(
    of entry: TreeIndex.Entry, _ board: Board, _ portals: [UInt64: PortalIndex]
  ) -> NodeRole {
    let node = entry.node
    guard let parent = entry.parent else { return .structure }
    let isTop = parent == 0
    if isTop, ["chosen", "aliases", "reserved-memory", "__symbols__"].contains(node.baseName) {
      return .system
    }
    if index.parent(of: entry)?.path == "/reserved-memory" { return .system }
    if isTop, node["device_type"]?.string == "memory" { return .system }
    if node["device_type"]?.string == "cpu", let threads = node["reg"]?.cells {
      return .cpu(threads.compactMap { UInt16(exactly: $0) }.map { CPUIndex($0) })
    }
    for name in node.compatible {
      if let role = role(named: name, entry, board, portals) { return role }
    }
    return node["interrupt-controller"] != nil && node["device_type"]?.string == "open-pic"
      ? .interruptController : .structure(of: node)
  }

  private func role(
    named name: String, _ entry: TreeIndex.Entry, _ board: Board, _ portals: [UInt64: PortalIndex]
  ) -> NodeRole? {
    switch name {
    case "fsl,qman-portal", "fsl,bman-portal":
      return physicalBase(of: entry).flatMap { portals[$0] }.map { .portal($0) } ?? .other
    case "fsl,fqid-range", "fsl,bpid-range", "fsl,pool-channel-range", "fsl,cgrid-range",
      "fsl,bpool", "fsl,dpaa", "fsl,dpa-ethernet", "fsl,dpa-ethernet-macless",
      "fsl,dpa-ethernet-shared", "fsl,dpa-ethernet-init", "fsl,dpa-oh", "fsl,dpa-oh-shared":
      return .allocation
    case "fsl,qman": return .control("the queue manager")
    case "fsl,bman": return .control("the buffer manager")
    case "fsl,mpic", "chrp,open-pic", "arm,gic-400": return .interruptController
    case "fsl,fman-ptp-timer": return .control("the time stamp unit")
    case "fsl,pamu", "fsl,pamu-v1.0": return .supervision("the PAMU")
    case "fsl,corenet-law": return .supervision("the access windows")
    case "fsl,corenet-cf", "fsl,corenet1-cf", "fsl,corenet2-cf":
      return .supervision("the coherency fabric")
    case "fsl,fman":
      return board.fmans.first { $0.base == physicalBase(of: entry) }
        .map { .frameManager($0.index) }
    case "fsl,fman-dtsec", "fsl,fman-xgec", "fsl,fman-memac", "fsl,fman-1g-mac", "fsl,fman-10g-mac":
      return mac(entry, board)
    case "fsl,pme": return .accelerator(.pme)
    default: break
    }
    if name.hasPrefix("fsl,sec-v"), !name.dropFirst("fsl,sec-v".count).contains("-") {
      return .accelerator(.sec)
    }
    if name.hasPrefix("fsl,fman-"), name.contains("-port") { return port(entry, board) }
    if name.hasSuffix("-l2-cache-controller") {
      return .supervision("a cache that several cores share")
    }
    if name.hasSuffix("-l3-cache-controller") || name == "fsl,cpc" {
      return .supervision("the platform cache")
    }
    if name.hasPrefix("fsl,qoriq-memory-controller") {
      return .supervision("the memory controller")
    }
    return nil
  }

  private func physicalBase(of entry: TreeIndex.Entry) -> UInt64? {
    index.physicalRegisters(of: entry)?.first.flatMap { $0?.address }
  }

  /// A port by the page that its registers are in (Linux 6.1, `qoriq-fman*.dtsi`).
  private func port(_ entry: TreeIndex.Entry, _ board: Board) -> NodeRole {
    guard let base = physicalBase(of: entry) else { return .other }
    for fman in board.fmans where base >= fman.base {
      let offset = base - fman.base
      guard (0x8_0000..<0xc_0000).contains(offset) else { continue }
      return .port(PortID(UInt8((offset - 0x8_0000) >> 12)), fman: fman.index)
    }
    return .other
  }

  /// A MAC by its receive port, as the numbers of MACs count otherwise in the SDK's trees.
  private func mac(_ entry: TreeIndex.Entry, _ board: Board) -> NodeRole {
    for name in ["fsl,fman-ports", "fsl,port-handles"] {
      guard let value = entry.node[name], let target = index.target(of: value, cell: 0),
        case .port(let port, let number) = port(target, board)
      else { continue }
      let interface = board.fmans.first { $0.index == number }?.interfaces
        .first { $0.receivePort == port }
      if let interface { return .mac(interface.name) }
    }
    return .other
  }
}

extension NodeRole {
  /// A node without anything that tells its kind: a bus or a group.
  fileprivate static func structure(of node: Node) -> NodeRole {
    let isBus = node["ranges"] != nil && node.isCompatible(with: "simple-bus", "fsl,p4080-elbc")
    return isBus || node["compatible"] == nil && !node.children.isEmpty ? .structure : .other
  }
}

extension Partition {
  /// The guest that an interface is for and nobody else: every frame that comes in is for it, and
  /// into its own pools. MAC and ports are then its own; otherwise they are the host's.
  func soleGuest(of interface: String) -> Int? {
    guard let shared = interfaces.first(where: { $0.name == interface }),
      let owner = shared.rules.first(where: { !$0.isDropped })?.owner, !owners[owner].isHost,
      shared.rules.allSatisfy({ Set($0.receivers).isSubset(of: [owner]) }),
      case .storageProfiles = shared.delivery,
      owners.indices.allSatisfy({ index in
        index == owner || !owners[index].paths.contains { !$0.isLink && $0.name == interface }
      })
    else { return nil }
    return owner
  }

  /// The owner of a portal, as an index; `nil` for nobody's.
  func owner(of portal: PortalIndex) -> Int? { owners.firstIndex { $0.portals.contains(portal) } }
  /// The owner of a CPU, as an index; `nil` for nobody's.
  func owner(of cpu: CPUIndex) -> Int? { owners.firstIndex { $0.cpus.contains(cpu) } }
}

extension Board {
  /// Whether its cores are those of ePAPR 1.1's embedded hypervisors.
  var hasHypervisor: Bool { ["e500mc", "e5500", "e6500"].contains(core) }
}
