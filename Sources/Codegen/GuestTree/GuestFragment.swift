import DeviceTree
import Diagnostics
import Partitioning
import QorIQ

/// What a guest needs beside what QEMU's `ppce500` describes by itself, as an overlay for a tree that
/// QEMU has written (`-M ppce500,dumpdtb=FILE`).
///
/// Such a tree has no symbols, so targets are paths, and the interrupt controller is a number.
struct GuestFragment {
  let guest: GuestTree
  /// The phandle of the interrupt controller in QEMU's tree.
  let interruptController: UInt32

  /// The interrupt controller's phandle in a tree that QEMU 7.2 writes for `ppce500`: it counts up
  /// from 0x8000 and has passed two buses then (`hw/ppc/e500.c`).
  static let usualInterruptController: UInt32 = 0x8003

  /// A fragment for a tree of QEMU's; without one, for what QEMU 7.2 writes.
  init(guest: GuestTree, base: Tree? = nil) {
    self.guest = guest
    interruptController =
      base.flatMap { TreeIndex($0).interruptController?.node.phandle }
      ?? Self.usualInterruptController
  }

  /// The overlay.
  func overlay() -> Tree {
    var tree = Tree { root in
      root.add(
        fragment(0, "/") {
          $0.set("#address-cells", 2)
          $0.set("#size-cells", 2)
          $0.set("model", guest.model)
          let (nodes, lines) = Self.interrupted(guest.ownNodes())
          if !lines.isEmpty { $0.add(nexus(lines)) }
          for node in nodes { $0.add(node) }
        })
      var chosen = guest.chosen()
      // What QEMU says of the console stays.
      for name in ["stdout-path", "linux,stdout-path"] { chosen.removeProperty(name) }
      if !chosen.properties.isEmpty {
        root.add(fragment(1, "/chosen") { $0.properties = chosen.properties })
      }
    }
    tree.isPlugin = true
    return tree
  }

  /// Hands the interrupts of the guest's nodes on to the machine's controller, each as it is
  /// (Devicetree Specification 0.4, 2.4.3). QEMU's root names no controller; a number that leads out
  /// of the overlay is nothing that dtc takes for an `interrupt-parent`.
  private func nexus(_ lines: [[UInt32]]) -> Node {
    Node("dpaa-interrupts", labels: ["dpaa_interrupts"]) {
      $0.set("#address-cells", 0)
      $0.set("#interrupt-cells", 2)
      $0.set(
        "interrupt-map", .rows(lines.map { ($0 + [interruptController] + $0).map { Cell($0) } }))
    }
  }

  /// Nodes whose interrupts go to the nexus, and all of these, each once.
  private static func interrupted(_ nodes: [Node]) -> ([Node], [[UInt32]]) {
    var lines: Set<[UInt32]> = []
    func collect(_ node: Node) {
      let cells = node["interrupts"]?.cells ?? []
      for start in stride(from: 0, to: cells.count, by: 2) {
        lines.insert(Array(cells[start..<min(start + 2, cells.count)]))
      }
      for child in node.children { collect(child) }
    }
    let changed = nodes.map { node in
      let known = lines
      lines = []
      collect(node)
      var node = node
      if !lines.isEmpty { node.set("interrupt-parent", .reference("dpaa_interrupts")) }
      lines.formUnion(known)
      return node
    }
    return (changed, lines.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) })
  }

  private func fragment(
    _ number: Int, _ target: String, _ build: (inout Node) -> Void
  ) -> Node {
    Node("fragment@\(number)") {
      $0.set("target-path", target)
      $0.add("__overlay__", build)
    }
  }

  // MARK: merging

  /// The overlay laid over a tree of QEMU's, if that makes what the guest needs.
  ///
  /// - Throws: ``GenerationError/unprintable(artifact:reason:)`` with everything that is missing.
  func merged(into base: Tree) throws(GenerationError) -> Tree {
    var tree = base
    var findings = DiagnosticBag()
    let name = "\(guest.owner.name).dtbo"
    Overlay(overlay(), name: name).apply(to: &tree, into: &findings)
    var problems = findings.sorted.map(\.message)
    if problems.isEmpty {
      problems = machineProblems(base) + guestProblems(tree) + newWarnings(tree, base)
    }
    guard problems.isEmpty else {
      throw .unprintable(
        artifact: "merged/\(guest.owner.name).dtb", reason: problems.joined(separator: "; "))
    }
    return tree
  }

  /// What QEMU should have been told otherwise.
  private func machineProblems(_ base: Tree) -> [String] {
    var problems: [String] = []
    let index = TreeIndex(base)
    if !base.root.isCompatible(with: PPCE500.compatible) {
      problems.append("the base is no tree of -M ppce500")
    }
    let memory = base["/memory"]?["reg"]?.numbers?.last ?? 0
    if memory != guest.owner.memory.size {
      let step = PPCE500.memoryGranularity
      problems.append(
        guest.owner.memory.size % step == 0
          ? "the base has \(memory >> 20) MiB, but the guest has \(guest.owner.memory.size >> 20): "
            + "make it with -m \(guest.owner.memory.size >> 20), and run it with "
            + "-m \(guest.window.ramSize >> 20) for the window of its portals"
          : "the guest's memory is no multiple of \(step >> 20) MiB, which QEMU needs")
    }
    let cpus = base["/cpus"]?.children ?? []
    if cpus.count != guest.owner.cpus.count {
      problems.append(
        "the base has \(cpus.count) CPUs, but the guest has -smp \(guest.owner.cpus.count)")
    }
    let line = PPCE500.cacheLineSize(of: guest.board.core)
    if cpus.contains(where: { $0["d-cache-line-size"]?.cell != line }) {
      problems.append(
        "the base's CPUs have other cache lines than \(line) bytes: -cpu \(guest.board.core)")
    }
    if index.interruptController?.node.phandle == nil {
      problems.append("the base has no interrupt controller that can be referred to")
    }
    if index.nodes(compatibleWith: "ns16550").isEmpty {
      problems.append("the base has no serial port: -serial mon:stdio")
    } else if base["/chosen"]?["stdout-path"]?.string.flatMap({ index[$0] }) == nil {
      problems.append("the base's stdout-path leads nowhere")
    }
    if index["/soc@\(guest.hex(PPCE500.ccsr.base))"]?.node["ranges"]?.isEmpty ?? true {
      problems.append("the base has no registers at 0x\(guest.hex(PPCE500.ccsr.base))")
    }
    return problems
  }

  /// What the merged tree lacks or has in two places.
  private func guestProblems(_ tree: Tree) -> [String] {
    var problems: [String] = []
    let memories = tree.root.children.filter { $0["device_type"]?.string == "memory" }
    if memories.map({ $0["reg"]?.numbers }) != [[0, guest.owner.memory.size]] {
      problems.append("the merged tree describes other memory than the guest's")
    }
    let index = TreeIndex(tree)
    var users: [[UInt32]: String] = [:]
    for entry in index.entries {
      let isPortal = entry.node.isCompatible(with: "fsl,qman-portal", "fsl,bman-portal")
      let interrupts = index.interrupts(of: entry) ?? []
      let arrivals = interrupts.compactMap { index.arrival(of: $0) }
      if isPortal, arrivals.map(\.controller) != [index.interruptController?.path ?? "/"] {
        problems.append("the interrupt of \(entry.path) does not reach the controller")
      }
      for interrupt in arrivals {
        let other = users.updateValue(entry.path, forKey: interrupt.specifier)
        if let other, isPortal {
          problems.append("\(entry.path) has the interrupt of \(other)")
        }
      }
    }
    for node in guest.ownNodes() where tree.root.child(node.name) == nil {
      problems.append("the merged tree has no /\(node.name)")
    }
    return problems
  }

  /// What dtc would complain about in the merged tree but not in QEMU's.
  private func newWarnings(_ tree: Tree, _ base: Tree) -> [String] {
    let known = Set(Self.warnings(base))
    return Self.warnings(tree).filter { !known.contains($0) }
  }

  private static func warnings(_ tree: Tree) -> [String] {
    var tree = tree
    var bag = DiagnosticBag()
    var checker = TreeChecker()
    checker.leastSeverity = .warning
    checker.check(&tree, into: &bag)
    return bag.sorted.map { "\($0.message) [\($0.code)]" }
  }
}

extension TreeIndex {
  /// The interrupt controller of a tree of QEMU's.
  fileprivate var interruptController: Entry? {
    entries.first { $0.node["device_type"]?.string == "open-pic" }
  }
}
