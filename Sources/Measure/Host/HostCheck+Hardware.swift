extension HostCheck {
  /// Whether this is hardware with portals, and whether it could hand them over.
  static let hardware = [
    HostCheck("vfio", for: "handing devices to guests, in general") { view in
      let groups = view.names(in: "/sys/kernel/iommu_groups")?.count ?? 0
      guard groups > 0 else {
        return .no(
          "no IOMMU groups: the kernel sees no IOMMU",
          "needs an IOMMU that the kernel drives (intel_iommu=on, iommu= and the like)")
      }
      guard view.exists("/dev/vfio/vfio") else {
        return .no("\(groups) IOMMU groups, but no /dev/vfio/vfio", "modprobe vfio")
      }
      return .yes("\(groups) IOMMU groups and /dev/vfio/vfio")
    },
    HostCheck("dpaa", for: "portals of hardware") { view in
      let blocks = QorIQBlocks(view)
      guard blocks.queuePortals > 0 else {
        return .no(
          blocks.hasTree
            ? "the device tree has no fsl,qman-portal" : "no device tree: this is no QorIQ host",
          "needs a QorIQ processor with DPAA; everywhere else dpaac's own portals are memory")
      }
      return .yes(
        "\(blocks.queuePortals) portals of QMan, \(blocks.bufferPortals) of BMan; IOMMU: "
          + (blocks.hasPAMU ? "PAMU" : blocks.hasSMMU ? "SMMU" : "none in the tree"))
    },
    HostCheck("handover", for: "giving portals of hardware to guests") { handover($0) },
  ]

  /// Whether portals of hardware could be handed to guests through VFIO; `docs/vfio.md` has the sources.
  private static func handover(_ view: HostView) -> Judgement {
    let blocks = QorIQBlocks(view)
    guard blocks.queuePortals > 0 else {
      return .no(
        "no portals of hardware here", "docs/vfio.md says what a QorIQ host would need")
    }
    if blocks.hasPAMU {
      return .no(
        "Linux's driver of PAMU maps nothing (it has attach and detach only), and VFIO's driver of "
          + "platform devices is not for Power",
        "docs/vfio.md says what would have to be written; the Freescale hypervisor hands portals over, "
          + "and dpaac generate writes its configuration")
    }
    let groups = view.names(in: "/sys/kernel/iommu_groups")?.count ?? 0
    guard blocks.hasSMMU, groups > 0 else {
      return .no(
        "there is no IOMMU that would guard what the portals' owners do",
        "docs/vfio.md says what a QorIQ host would need")
    }
    guard view.exists("/sys/bus/platform/drivers/vfio-platform") else {
      return .no(
        "\(groups) IOMMU groups, but no vfio-platform",
        "modprobe vfio-platform reset_required=0; then read docs/vfio.md")
    }
    return .partly(
      "SMMU, \(groups) IOMMU groups and vfio-platform are there; nobody has tried portals with them",
      "docs/vfio.md says what is known and what is not")
  }
}

/// What the running device tree has of DPAA.
struct QorIQBlocks {
  private(set) var hasTree = false
  private(set) var queuePortals = 0
  private(set) var bufferPortals = 0
  private(set) var hasPAMU = false
  private(set) var hasSMMU = false
  /// More nodes than any board has, and deeper than any: who mounts something else there is not followed.
  private var budget = 20_000
  private static let depth = 8

  init(_ view: HostView) {
    let top = "/proc/device-tree"
    guard view.exists("\(top)/compatible") else { return }
    hasTree = true
    visit(top, view, Self.depth)
  }

  private mutating func visit(_ path: String, _ view: HostView, _ depth: Int) {
    guard budget > 0 else { return }
    budget -= 1
    let names = view.names(in: path) ?? []
    // A child of this name would be a folder, which cannot be read.
    if names.contains("compatible"), let value = view.bytes("\(path)/compatible") {
      note(String(decoding: value, as: UTF8.self).split(separator: "\0"))
    }
    guard depth > 0 else { return }
    for name in names where view.isFolder("\(path)/\(name)") {
      visit("\(path)/\(name)", view, depth - 1)
    }
  }

  private mutating func note(_ compatible: [Substring]) {
    if compatible.contains(where: { $0.hasPrefix("fsl,qman-portal") }) { queuePortals += 1 }
    if compatible.contains(where: { $0.hasPrefix("fsl,bman-portal") }) { bufferPortals += 1 }
    // The bus of PAMU's blocks is called so, as some of its blocks are: "fsl,pamu-v1.0", "fsl,pamu".
    if compatible.contains(where: { $0 == "fsl,pamu" || $0.hasPrefix("fsl,pamu-") }) {
      hasPAMU = true
    }
    if compatible.contains(where: { $0 == "arm,mmu-500" || $0.hasPrefix("arm,smmu-") }) {
      hasSMMU = true
    }
  }
}
