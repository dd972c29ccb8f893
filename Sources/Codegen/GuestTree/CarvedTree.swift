import DeviceTree
import Partitioning
import QorIQ

/// A guest's tree for the board itself, cut out of the board's own: what the plan gives to the guest,
/// and what that refers to. What the guest does not own is left out or rewritten, and every node
/// says why.
///
/// It is the tree of a guest below an ePAPR hypervisor: its memory begins at 0, devices lie where
/// the board has them, and interrupts arrive through the hypervisor (ePAPR 1.1, chapter 7; Topaz
/// 1.3, `src/guest.c` and `src/devtree.c`, which makes its guests' trees in this way).
struct CarvedTree {
  let guest: GuestTree
  let map: BoardMap
  /// What stays, by its place in the index.
  private var pieces: [Int: Piece] = [:]
  private var waiting: [Int] = []
  /// Frame managers of which it is not known yet whether something below them stays.
  private var undecided: [Int] = []

  /// A node that stays, without those children that are nodes of the board.
  struct Piece {
    var node: Node
    /// Whether it stays only because something below it does.
    var isPassage = false
    /// What is said otherwise than on the board, as half sentences.
    var changes: [String] = []
    var reason: NodeFate.Reason
  }

  /// Cuts a tree.
  ///
  /// - Throws: ``GenerationError/unprintable(artifact:reason:)`` when the tree lacks something that
  ///   the guest owns.
  init(guest: GuestTree, map: BoardMap) throws(GenerationError) {
    self.guest = guest
    self.map = map
    try plant()
    repeat { follow() } while decideBus()
    for place in undecided {
      if case .frameManager(let number) = map.roles[place] {
        pieces[place].map { pieces[place] = handle($0, "fman\(number)") }
      }
    }
  }

  /// Makes a bus of a frame manager below which something stays; says whether there was one.
  private mutating func decideBus() -> Bool {
    guard
      let next = undecided.firstIndex(where: { place in
        index.children(of: index.entries[place]).contains { pieces[$0.index] != nil }
      })
    else { return false }
    let place = undecided.remove(at: next)
    pieces[place].map { pieces[place] = bus($0) }
    waiting.append(place)
    return true
  }

  private var index: TreeIndex { map.index }
  var owner: Owner { guest.owner }
  private var partition: Partition { guest.partition }

  // MARK: what stays

  /// Keeps what the plan gives to the guest.
  private mutating func plant() throws(GenerationError) {
    var cpus = Set(owner.cpus)
    var portals = Set(
      (guest.board.qman.portals + guest.board.bman.portals).filter {
        owner.portals.contains($0.index)
      }.map(\.cacheEnabled.base))
    for entry in index.entries {
      switch map.role(of: entry) {
      case .structure where entry.parent == nil: keep(entry, .init("every tree has a root"))
      case .cpu(let threads):
        let own = threads.filter(cpus.contains)
        guard let first = own.first else { continue }
        cpus.subtract(own)
        keep(entry, .init("\(own.list) \(owner.name)'s", .cpu(UInt32(first.rawValue))))
      case .portal(let portal) where owner.portals.contains(portal):
        if case let registers?? = index.physicalRegisters(of: entry)?.first {
          portals.remove(registers.address)
        }
        keep(
          entry,
          .init("portal \(portal) is \(owner.name)'s", .portal(UInt32(portal.rawValue))))
      case .mac(let name) where partition.soleGuest(of: name) == guest.ownerIndex:
        keep(entry, .init("all that \(name) receives is for \(owner.name)"))
      case .accelerator(let kind):
        guard let use = guest.resources.accelerators.first(where: { $0.kind == kind }) else {
          continue
        }
        keep(
          entry,
          .init(
            "\(owner.name) uses \(kind.rawValue) over queues of its own",
            use.requests.first.map { .queue($0.rawValue) }))
      case .frameManager(let number) where guest.ownFrameManagers.contains(number):
        keep(
          entry, .init("\(owner.name)'s ways lead over it, and its portals name it by dev-handle"))
      default: continue
      }
    }
    if let missing = cpus.min() { throw lacking("CPU \(missing), which \(owner.name) owns") }
    if let missing = portals.min() {
      throw lacking("portal at 0x\(guest.hex(missing)), which \(owner.name) owns")
    }
    let cells = ["#address-cells", "#size-cells"].map { index.tree.root[$0]?.cell }
    guard cells == [2, 2] else {
      throw lacking("two cells for addresses and for sizes at its root")
    }
  }

  private func lacking(_ what: String) -> GenerationError {
    .unprintable(
      artifact: "board/\(owner.name).dts",
      reason: "the board's tree has no \(what)")
  }

  /// Keeps a node with its ancestors and, unless it is made anew, with all below it.
  private mutating func keep(_ entry: TreeIndex.Entry, _ reason: NodeFate.Reason) {
    if let piece = pieces[entry.index], !piece.isPassage { return }
    let isKnown = pieces[entry.index] != nil
    pieces[entry.index] = edited(entry, reason)
    if !isKnown || !isFrameManager(entry) { wait(for: entry) }
    var below = entry
    while let above = index.parent(of: below), pieces[above.index] == nil {
      pieces[above.index] = passage(above, to: below)
      wait(for: above)
      below = above
    }
    guard keepsChildren(map.role(of: entry)) else { return }
    for child in index.children(of: entry) where obstacle(child) == nil {
      keep(child, .init("it is part of \(entry.path)"))
    }
  }

  /// Follows a node's references when its turn comes.
  private mutating func wait(for entry: TreeIndex.Entry) {
    if isFrameManager(entry) {
      undecided.append(entry.index)
    } else {
      waiting.append(entry.index)
    }
  }

  private func isFrameManager(_ entry: TreeIndex.Entry) -> Bool {
    if case .frameManager = map.role(of: entry) { true } else { false }
  }

  private func keepsChildren(_ role: NodeRole) -> Bool {
    switch role {
    case .structure, .portal, .frameManager, .accelerator: false
    default: true
    }
  }

  /// Keeps what is referred to, or drops what refers to something that the guest cannot have.
  private mutating func follow() {
    while let place = waiting.popLast() {
      guard let piece = pieces[place] else { continue }
      let entry = index.entries[place]
      for property in piece.node.properties
      where entry.node[property.name] == property.value {
        let targets = index.targets(of: property, in: entry)
        let missing = targets.contains { $0 == nil }
        if let target = targets.compactMap({ $0 }).first(where: { obstacle($0) != nil }),
          let obstacle = obstacle(target)
        {
          drop(property.name, of: place, "\(property.name) led to \(target.path): \(obstacle)")
        } else if missing {
          drop(property.name, of: place, "\(property.name) led nowhere")
        } else {
          for case let target? in targets {
            keep(target, .init("\(entry.path) refers to it by \(property.name)"))
            plain(property.name, of: place, target)
          }
        }
      }
    }
  }

  private mutating func drop(_ name: String, of place: Int, _ reason: String) {
    pieces[place]?.node.removeProperty(name)
    pieces[place]?.changes.append(reason)
  }

  /// Takes the name out of a reference by path, as the path may become another: the number stays.
  private mutating func plain(_ name: String, of place: Int, _ target: TreeIndex.Entry) {
    guard let value = pieces[place]?.node[name],
      value.references.contains(where: { $0.target.contains("/") })
    else { return }
    pieces[place]?.node[name] = value.withoutMarkers
  }

  /// Why a guest cannot have a node; `nil` when it can.
  func obstacle(_ entry: TreeIndex.Entry) -> String? {
    switch map.role(of: entry) {
    case .system: "each system has its own"
    case .cpu(let threads): threads.contains(where: owner.cpus.contains) ? nil : "it is another's"
    case .portal(let portal): owner.portals.contains(portal) ? nil : "it is another's"
    case .allocation: "it says what the whole board's system may allocate"
    case .control(let what): "\(what) has one owner, the host"
    case .supervision(let what): "the hypervisor keeps \(what)"
    case .interruptController: "interrupts reach a guest through the hypervisor"
    case .mac(let name):
      partition.soleGuest(of: name) == guest.ownerIndex ? nil : "\(name) is not for it alone"
    case .structure, .frameManager, .port, .accelerator, .other: nil
    }
  }

  // MARK: the tree

  /// The tree.
  func tree() -> Tree {
    var root = build(0)
    for node in ownNodes() { root.add(node) }
    if let aliases = aliases(in: root) { root.children.insert(aliases, at: 0) }
    return Tree(root: root)
  }

  private func build(_ place: Int) -> Node {
    guard var node = pieces[place]?.node else { return Node("") }
    for child in index.children(of: index.entries[place]) where pieces[child.index] != nil {
      node.add(build(child.index))
    }
    return node
  }

  /// The board's aliases of what is there, with the paths that it has now.
  private func aliases(in root: Node) -> Node? {
    var aliases = Node("aliases")
    for property in index.tree.root.child("aliases")?.properties ?? [] {
      guard let path = property.value.string, let entry = index[path],
        let piece = pieces[entry.index], !piece.isPassage
      else { continue }
      aliases.set(property.name, newPath(of: entry))
    }
    return aliases.properties.isEmpty ? nil : aliases
  }

  /// Where a node that stays is in the guest's tree.
  func newPath(of entry: TreeIndex.Entry) -> String {
    guard let above = index.parent(of: entry) else { return "/" }
    let prefix = newPath(of: above)
    let name = pieces[entry.index]?.node.name ?? entry.node.name
    return prefix == "/" ? "/\(name)" : "\(prefix)/\(name)"
  }

  // MARK: why

  /// What became of each node of the board, in its order, and of those that the guest has beside.
  func fates() -> [NodeFate] {
    index.entries.map(fate) + ownNodes().flatMap { fates(ofAdded: $0, below: "") }
  }

  private func fate(of entry: TreeIndex.Entry) -> NodeFate {
    guard let piece = pieces[entry.index] else {
      return NodeFate(path: entry.path, kind: .dropped, reasons: [whyDropped(entry)])
    }
    let path = newPath(of: entry)
    return NodeFate(
      path: entry.path, kind: piece.changes.isEmpty ? .kept : .rewritten,
      newPath: path == entry.path ? nil : path,
      reasons: [piece.reason] + piece.changes.map { NodeFate.Reason($0) })
  }

  private func whyDropped(_ entry: TreeIndex.Entry) -> NodeFate.Reason {
    let nobody =
      "nothing in the plan gives it to \(owner.name), and nothing that it has refers to it"
    if let above = index.parent(of: entry), isBlock(above), pieces[above.index]?.isPassage != true {
      return .init(
        pieces[above.index] == nil
          ? "it is part of \(above.path), which is dropped" : "\(above.path) is a handle only")
    }
    switch map.role(of: entry) {
    case .cpu(let threads):
      guard let first = threads.first else { return .init(nobody) }
      return .init(
        "\(threads.list) \(name(partition.owner(of: first)))", .cpu(UInt32(first.rawValue)))
    case .portal(let portal):
      return .init(
        "portal \(portal) is \(name(partition.owner(of: portal)))",
        .portal(UInt32(portal.rawValue)))
    case .mac(let interface):
      guard partition.interfaces.contains(where: { $0.name == interface }) else {
        return .init("the plan does not use \(interface): it is the host's")
      }
      return .init(
        partition.soleGuest(of: interface).map {
          "all that \(interface) receives is for \(partition.owners[$0].name)"
        } ?? "\(interface) is shared: its MAC and ports stay with the host")
    case .accelerator(let kind):
      return .init("\(owner.name) does not use \(kind.rawValue)")
    case .frameManager: return .init("no way of \(owner.name)'s leads over it")
    case .port: return .init("it belongs to no MAC of \(owner.name)'s own: the host has it")
    case .structure where !entry.node.children.isEmpty:
      return .init("nothing below it is \(owner.name)'s")
    case .system: return .init("\(owner.name) has its own: each system does")
    default: break
    }
    if let obstacle = obstacle(entry) { return .init(obstacle) }
    return .init(nobody)
  }

  /// Whether what is below a node is part of it.
  private func isBlock(_ entry: TreeIndex.Entry) -> Bool {
    switch map.role(of: entry) {
    case .structure: false
    default: true
    }
  }

  private func name(_ owner: Int?) -> String {
    owner.map { "\(partition.owners[$0].name)'s" } ?? "nobody's"
  }

  private func fates(ofAdded node: Node, below path: String) -> [NodeFate] {
    let path = "\(path)/\(node.name)"
    return [NodeFate(path: path, kind: .added, reasons: [whyAdded(node)])]
      + node.children.flatMap { fates(ofAdded: $0, below: path) }
  }
}

extension [CPUIndex] {
  /// `CPU 4 is`, `CPUs 4 and 5 are`
  fileprivate var list: String {
    "CPU\(count > 1 ? "s" : "") \(map(\.description).joined(separator: " and ")) "
      + (count > 1 ? "are" : "is")
  }
}
