import DeviceTree
import Partitioning
import QorIQ

/// The host's side of a partition: what of the board is no longer its own.
struct HostTree {
  let partition: Partition
  /// The board's own tree; without it the places of portals are those of Linux's trees.
  let map: BoardMap?

  init(partition: Partition, map: BoardMap? = nil) {
    self.partition = partition
    self.map = map
  }

  private var guests: [Owner] { partition.owners.filter { !$0.isHost } }

  /// The portals that guests own, with the kind of block.
  private var givenPortals: [(block: String, all: [SoftwarePortal], portal: SoftwarePortal)] {
    let given = Set(guests.flatMap(\.portals))
    return [
      ("bman", partition.board.bman.portals), ("qman", partition.board.qman.portals),
    ].flatMap { block, all in
      all.filter { given.contains($0.index) }.map { (block, all, $0) }
    }
  }

  /// Whether a node of the board's tree is a guest's: its portals, and MACs with their ports whose
  /// frames are all for one guest.
  private func isGiven(_ role: NodeRole) -> Bool {
    switch role {
    case .portal(let portal):
      partition.owner(of: portal).map { !partition.owners[$0].isHost } ?? false
    case .mac(let name): partition.soleGuest(of: name) != nil
    case .port(let port, let fman):
      partition.board.fmans.first { $0.index == fman }?.interfaces.contains {
        ($0.receivePort == port || $0.transmitPort == port)
          && partition.soleGuest(of: $0.name) != nil
      } ?? false
    default: false
    }
  }

  /// The nodes of the board's tree that guests own, those below them left out.
  private func givenNodes(_ map: BoardMap) -> [TreeIndex.Entry] {
    map.index.entries.filter { isGiven(map.role(of: $0)) }
  }

  // MARK: overlay

  /// What an overlay makes of nodes whose numbers an SDK kernel would allocate from, as it asks for
  /// no `status` there: nothing that a driver knows.
  static let givenAway = "dpaac,given-away"

  /// Disables what guests own, closes its DMA and reserves their memory. Targets are paths, as a
  /// running board's tree has no symbols.
  ///
  /// Linux's PAMU driver opens the DMA of every `fsl,liodn` in the tree whatever its node's status
  /// (Linux 6.1, `drivers/iommu/fsl_pamu.c`, `setup_liodns`). An overlay cannot remove one, but it
  /// can leave it without a number.
  func overlay() -> Tree {
    var tree = Tree { root in
      if let map {
        for entry in givenNodes(map) {
          add(to: &root, entry.path) { node in
            node = Self.closed(entry.node)
            node.name = "__overlay__"
            node.set("status", "disabled")
          }
        }
        for entry in ranges(map) where writesRanges {
          add(to: &root, entry.path) { $0.set("compatible", Self.givenAway) }
        }
      } else {
        for item in givenPortals {
          let base = item.all.map(\.cacheEnabled.base).min() ?? 0
          let unit = hex(item.portal.cacheEnabled.base - base)
          add(to: &root, "/\(item.block)-portals@\(hex(base))/\(item.block)-portal@\(unit)") {
            $0.set("status", "disabled")
          }
        }
      }
      // Where a tree has none yet, it needs the root's own numbers of cells beside it, of which dtc
      // complains; all of Linux's trees of such boards have one.
      let reserved = reservedMemory()
      if map == nil || map?.index["/reserved-memory"] != nil {
        add(to: &root, "/reserved-memory") { node in
          node.properties = reserved.properties
          node.children = reserved.children
        }
      } else {
        add(to: &root, "/") { $0.add(reserved) }
      }
      let ranges = ownRanges
      if !ranges.isEmpty { add(to: &root, "/") { $0.children = ranges } }
    }
    tree.isPlugin = true
    return tree
  }

  private func add(to root: inout Node, _ target: String, _ build: (inout Node) -> Void) {
    root.add("fragment@\(root.children.count)") { fragment in
      fragment.set("target-path", target)
      fragment.add("__overlay__", build)
    }
  }

  /// A node with the LIODNs at it and below it taken out, and nothing else.
  private static func closed(_ node: Node) -> Node {
    var closed = Node(node.name)
    if node["fsl,liodn"] != nil { closed.set("fsl,liodn") }
    for child in node.children {
      let below = self.closed(child)
      if !below.properties.isEmpty || !below.children.isEmpty { closed.add(below) }
    }
    return closed
  }

  // MARK: memory

  /// What others have of the memory or reach by DMA, and what the host shares with them.
  private func reservedMemory() -> Node {
    let present = map?.index["/reserved-memory"]?.node
    let root = map?.index.tree.root
    func cells(_ name: String, _ usual: UInt32) -> UInt32 {
      // More than four are no address of any binding.
      min((present ?? root)?[name]?.cell ?? (map == nil ? 2 : usual), 4)
    }
    let address = cells("#address-cells", 2)
    let size = cells("#size-cells", 1)
    return Node("reserved-memory") { node in
      node.set("#address-cells", address)
      node.set("#size-cells", size)
      if map != nil, present == nil { node.set("ranges") }
      func add(_ kind: String, _ label: String, _ range: QorIQ.AddressRange, isMapped: Bool) {
        node.add("\(kind)@\(hex(range.base))") {
          $0.set("label", label)
          $0.set(
            "reg",
            .cells(Self.cells(range.base, Int(address)) + Self.cells(range.size, Int(size))))
          if !isMapped { $0.set("no-map") }
        }
      }
      // Memory that the host must neither use nor map (Linux 6.1,
      // `Documentation/devicetree/bindings/reserved-memory/reserved-memory.yaml`).
      for guest in guests { add("guest-memory", guest.name, guest.memory, isMapped: false) }
      // Nor what is nobody's, but where guests' devices could write.
      for region in MemoryMap(partition).regions {
        guard case .reached(let index) = region.holder, !partition.owners[index].isHost else {
          continue
        }
        add("guest-window", partition.owners[index].name, region.range, isMapped: false)
      }
      for shared in partition.sharedMemory {
        let isMapped = shared.members.contains { partition.owners[$0].isHost }
        add("shared-memory", shared.name, shared.memory, isMapped: isMapped)
      }
    }
  }

  // MARK: whole tree

  /// A board's tree without what guests own, their LIODNs and windows, with their memory reserved
  /// and, for kernels that read them, the host's own ranges.
  func carved(from map: BoardMap) throws(GenerationError) -> Tree {
    var tree = map.index.tree
    var missing = Dictionary(
      givenPortals.map { ($0.portal.cacheEnabled.base, "\($0.block) portal \($0.portal.index)") },
      uniquingKeysWith: { first, _ in first })
    var gone: Set<Int> = []
    for entry in givenNodes(map) {
      if case .portal = map.role(of: entry),
        case let registers?? = map.index.physicalRegisters(of: entry)?.first
      {
        missing[registers.address] = nil
      }
      gone.insert(entry.index)
      tree.remove(entry.path)
    }
    if let (address, name) = missing.min(by: { $0.key < $1.key }) {
      throw .unprintable(
        artifact: "host.dts",
        reason: "the host's tree has no \(name) at 0x\(hex(address)), which a guest owns")
    }
    if writesRanges {
      for entry in ranges(map) {
        gone.insert(entry.index)
        tree.remove(entry.path)
      }
    }
    forget(gone, in: &tree, map)
    if tree.root.child("reserved-memory") == nil { tree.root.add("reserved-memory") }
    _ = tree.update("/reserved-memory") { $0.merge(reservedMemory()) }
    for node in ownRanges { tree.root.add(node) }
    return tree
  }

  /// Takes out what refers to nodes that are gone.
  private func forget(_ gone: Set<Int>, in tree: inout Tree, _ map: BoardMap) {
    func isGone(_ entry: TreeIndex.Entry) -> Bool {
      var current: TreeIndex.Entry? = entry
      while let node = current {
        if gone.contains(node.index) { return true }
        current = map.index.parent(of: node)
      }
      return false
    }
    for entry in map.index.entries where !isGone(entry) {
      for property in entry.node.properties {
        var targets = map.index.targets(of: property, in: entry).compactMap { $0 }
        if ["/aliases", "/__symbols__"].contains(entry.path), let path = property.value.string {
          targets += map.index[path].map { [$0] } ?? []
        }
        guard targets.contains(where: isGone) else { continue }
        _ = tree.update(entry.path) { $0.removeProperty(property.name) }
      }
    }
  }

  // MARK: ranges

  /// Nodes that kernels of the SDK allocate from: on the board's tree all of it.
  private func ranges(_ map: BoardMap) -> [TreeIndex.Entry] {
    map.index.nodes(
      compatibleWith: "fsl,fqid-range", "fsl,bpid-range", "fsl,pool-channel-range",
      "fsl,cgrid-range")
  }

  /// Whether the host reads such nodes: its kernel is the SDK's, or its tree has them.
  private var writesRanges: Bool {
    partition.owners.contains { $0.isHost && $0.os == .linuxSDK }
      || map.map { !ranges($0).isEmpty } ?? false
  }

  /// The host's own part of what may be allocated.
  private var ownRanges: [Node] {
    guard writesRanges, let host = partition.owners.firstIndex(where: \.isHost) else { return [] }
    return GuestTree(partition: partition, ownerIndex: host).rangeNodes()
  }

  // MARK: numbers

  private static func cells(_ number: UInt64, _ count: Int) -> [UInt32] {
    (0..<count).map { cell in
      let shift = 32 * UInt64(count - 1 - cell)
      return shift > 32 ? 0 : UInt32(truncatingIfNeeded: number >> shift)
    }
  }

  private func hex(_ number: UInt64) -> String { String(number, radix: 16) }
}
