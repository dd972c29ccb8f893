import DeviceTree
import Partitioning
import QorIQ

/// The host's side of a partition: what of the board is no longer its own.
struct HostTree {
  let partition: Partition

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

  // MARK: overlay

  /// Disables guests' portals and reserves their memory. Targets are paths, as a running board's
  /// tree has no symbols; they are those of Linux's trees (`p4080si-post.dtsi` and the like).
  func overlay() -> Tree {
    var tree = Tree { root in
      for item in givenPortals {
        let base = item.all.map(\.cacheEnabled.base).min() ?? 0
        let unit = hex(item.portal.cacheEnabled.base - base)
        add(
          to: &root, "/\(item.block)-portals@\(hex(base))/\(item.block)-portal@\(unit)"
        ) { $0.set("status", "disabled") }
      }
      add(to: &root, "/reserved-memory") { node in
        node.set("#address-cells", 2)
        node.set("#size-cells", 2)
        for guest in guests { node.add(reservation(of: guest, cells: (2, 2))) }
      }
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

  /// A guest's memory, which the host must neither use nor map (Linux 6.1,
  /// `Documentation/devicetree/bindings/reserved-memory/reserved-memory.yaml`).
  private func reservation(of guest: Owner, cells: (address: Int, size: Int)) -> Node {
    Node("guest-memory@\(hex(guest.memory.base))") {
      $0.set("label", guest.name)
      $0.set(
        "reg",
        .cells(
          Self.cells(guest.memory.base, cells.address) + Self.cells(guest.memory.size, cells.size)))
      $0.set("no-map")
    }
  }

  // MARK: whole tree

  /// A board's tree without the portals that guests own, without their LIODNs and windows, with
  /// guests' memory reserved and, for kernels that read them, the host's own ranges.
  func carved(from base: Tree) throws(GenerationError) -> Tree {
    var tree = base
    let index = TreeIndex(base)
    let portals = index.nodes(compatibleWith: "fsl,qman-portal", "fsl,bman-portal")
    var missing = Dictionary(
      givenPortals.map { ($0.portal.cacheEnabled.base, "\($0.block) portal \($0.portal.index)") },
      uniquingKeysWith: { first, _ in first })
    for entry in portals {
      guard let address = index.physicalRegisters(of: entry)?.first.flatMap({ $0?.address }),
        missing.removeValue(forKey: address) != nil
      else { continue }
      tree.remove(entry.path)
    }
    if let (address, name) = missing.min(by: { $0.key < $1.key }) {
      throw .unprintable(
        artifact: "host.dts",
        reason: "the host's tree has no \(name) at 0x\(hex(address)), which a guest owns")
    }
    reserveMemory(in: &tree)
    writeRanges(in: &tree, index)
    return tree
  }

  private func reserveMemory(in tree: inout Tree) {
    let root = (
      address: Int(tree.root["#address-cells"]?.cell ?? 2),
      size: Int(tree.root["#size-cells"]?.cell ?? 1)
    )
    if tree.root.child("reserved-memory") == nil {
      tree.root.add("reserved-memory") {
        $0.set("#address-cells", UInt32(root.address))
        $0.set("#size-cells", UInt32(root.size))
        $0.set("ranges")
      }
    }
    _ = tree.update("/reserved-memory") { node in
      let cells = (
        address: Int(node["#address-cells"]?.cell ?? 2), size: Int(node["#size-cells"]?.cell ?? 1)
      )
      for guest in guests { node.add(reservation(of: guest, cells: cells)) }
    }
  }

  /// Kernels of the SDK allocate what range nodes give them: all of the board's, until these are cut
  /// to the host's part.
  private func writeRanges(in tree: inout Tree, _ index: TreeIndex) {
    let ranges = index.nodes(
      compatibleWith: "fsl,fqid-range", "fsl,bpid-range", "fsl,pool-channel-range")
    guard let host = partition.owners.firstIndex(where: \.isHost),
      !ranges.isEmpty || partition.owners[host].os == .linuxSDK
    else { return }
    for entry in ranges { tree.remove(entry.path) }
    for node in GuestTree(partition: partition, ownerIndex: host).rangeNodes() {
      tree.root.add(node)
    }
  }

  private static func cells(_ number: UInt64, _ count: Int) -> [UInt32] {
    (0..<count).map { cell in
      let shift = 32 * UInt64(count - 1 - cell)
      return shift > 32 ? 0 : UInt32(truncatingIfNeeded: number >> shift)
    }
  }

  private func hex(_ number: UInt64) -> String { String(number, radix: 16) }
}
