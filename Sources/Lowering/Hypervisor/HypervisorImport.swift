public import DeviceTree
public import Diagnostics
public import Partitioning
public import QorIQ

/// A partition as a hypervisor's configuration has it.
public struct HypervisorPartition: Sendable, Hashable {
  /// Its `label`.
  public var name: String
  /// Whether it controls the shared blocks: QMan is its device.
  public var isHost: Bool
  /// Its CPUs, ascending.
  public var cpus: [CPUIndex]
  /// Its memory as physical addresses, ascending, joined where it is contiguous.
  public var memory: [QorIQ.AddressRange]
  /// Its portals, ascending.
  public var portals: [PortalIndex]
  /// Its frame queues: what it may allocate and what its interfaces name, joined.
  public var queues: [QueueRange]
  /// Its buffer pools, ascending by number.
  public var pools: [Pool]
  /// The pool channels that it may allocate, ascending.
  public var poolChannels: [ChannelID] = []
  /// The congestion groups that it may allocate, ascending.
  public var congestionGroups: [CGRID] = []
  /// Memory that others see too, ascending, joined where it is contiguous.
  public var sharedMemory: [QorIQ.AddressRange] = []
  /// The accelerators that its portals work with; the host, who controls them, names none.
  public var accelerators: [AcceleratorKind] = []
  /// The command line of its kernel, when the configuration sets one.
  public var bootArguments: String?

  /// A buffer pool.
  public struct Pool: Sendable, Hashable {
    /// The pool.
    public var bpid: BPID
    /// How many buffers; `nil` when the configuration leaves it to the partition.
    public var bufferCount: UInt32?
    /// The size of a buffer.
    public var bufferSize: UInt32?
    /// Creates a pool.
    public init(bpid: BPID, bufferCount: UInt32?, bufferSize: UInt32?) {
      self.bpid = bpid
      self.bufferCount = bufferCount
      self.bufferSize = bufferSize
    }
  }

  /// Creates a partition.
  public init(
    name: String, isHost: Bool, cpus: [CPUIndex], memory: [QorIQ.AddressRange],
    portals: [PortalIndex], queues: [QueueRange], pools: [Pool]
  ) {
    self.name = name
    self.isHost = isHost
    self.cpus = cpus
    self.memory = memory
    self.portals = portals
    self.queues = queues
    self.pools = pools
  }
}

/// Reads a configuration of the Freescale embedded hypervisor (`fsl,hv-config`).
///
/// What partitions own is read, and what neither the hypervisor nor Linux checks is reported; what
/// a plan has no form for, such as images and devices without queues, is named and left out.
public struct HypervisorImport: Sendable {
  private let tree: Tree
  private let index: TreeIndex
  private var bag = DiagnosticBag()
  /// Who has which area.
  private var owners: [String: (name: String, span: SourceSpan?)] = [:]

  /// Creates an importer of a tree, source or blob.
  public init(_ tree: Tree) {
    self.tree = tree
    index = TreeIndex(tree)
  }

  /// The partitions in the tree's order; `nil` after errors.
  public func partitions(into bag: inout DiagnosticBag) -> [HypervisorPartition]? {
    var reader = self
    return reader.read(into: &bag)
  }

  private mutating func read(into bag: inout DiagnosticBag) -> [HypervisorPartition]? {
    guard tree.root.isCompatible(with: "fsl,hv-config") else {
      bag.error(
        "hv-root",
        "the root is not compatible with fsl,hv-config: this is no configuration of the "
          + "hypervisor", at: tree.root.property("compatible")?.span ?? tree.root.span)
      return nil
    }
    checkAreas()
    let nodes = tree.root.children.filter { $0.isCompatible(with: "partition") }
    if nodes.isEmpty || nodes.count > 24 {
      self.bag.error(
        "hv-partition-limit", "there are \(nodes.count) partitions, but there may be 1 to 24",
        at: tree.root.span)
    }
    let partitions = nodes.map { partition($0) }
    bag.add(contentsOf: self.bag)
    return self.bag.hasErrors ? nil : partitions
  }

  // MARK: areas

  private mutating func checkAreas() {
    var areas: [(range: QorIQ.AddressRange, entry: TreeIndex.Entry)] = []
    for entry in index.nodes(compatibleWith: "phys-mem-area") {
      guard let range = area(entry.node) else { continue }
      if range.size < 4096 || range.size & (range.size - 1) != 0
        || range.base & (range.size - 1) != 0
      {
        bag.error(
          "hv-area",
          "the area \(entry.node.name), \(hex(range.size)) bytes at \(hex(range.base)), is not a "
            + "power of two of at least 4 KiB on a multiple of its size", at: entry.node.span)
      } else {
        areas.append((range, entry))
      }
    }
    areas.sort { $0.range.base < $1.range.base }
    for (first, second) in zip(areas, areas.dropFirst())
    where second.range.base - first.range.base < first.range.size {
      bag.error(
        "hv-area-overlap",
        "the areas \(first.entry.node.name) and \(second.entry.node.name) overlap from "
          + "\(hex(second.range.base)) on", at: second.entry.node.span,
        notes: [Note("the other area is here", at: first.entry.node.span)])
    }
  }

  private mutating func area(_ node: Node) -> QorIQ.AddressRange? {
    guard let base = number("addr", of: node), let size = number("size", of: node) else {
      return nil
    }
    guard base.addingReportingOverflow(size).overflow == false else {
      bag.error("hv-area", "the area \(node.name) runs over 64 bits", at: node.span)
      return nil
    }
    return QorIQ.AddressRange(base: base, size: size)
  }

  /// A property of two cells.
  private mutating func number(_ name: String, of node: Node) -> UInt64? {
    guard let number = node[name]?.number, node[name]?.count == 8 else {
      bag.error(
        "hv-property", "\(name) of \(node.name) should have two cells",
        at: node.property(name)?.span ?? node.span)
      return nil
    }
    return number
  }

  // MARK: partitions

  private mutating func partition(_ node: Node) -> HypervisorPartition {
    let name = node["label"]?.string ?? node.name
    var result = HypervisorPartition(
      name: name, isHost: false, cpus: cpus(of: node), memory: [], portals: [], queues: [],
      pools: [])
    var queueManagers: Set<PortalIndex> = []
    var bufferManagers: Set<PortalIndex> = []
    for child in node.children {
      if child.isCompatible(with: "guest-phys-mem-area") {
        // What is no memory of a kernel's own is shared by intention.
        if child.child("node-update")?["delete-prop"]?.string == "device_type" {
          if let entry = areaEntry(child, of: name), let range = area(entry.node) {
            result.sharedMemory.append(range)
          }
        } else if let range = memory(child, of: name) {
          result.memory.append(range)
        }
        continue
      }
      guard let device = child["device"]?.string else { continue }
      let last = String(device.split(separator: "/").last ?? "")
      switch last.prefix(while: { $0 != "@" }) {
      case "qman-portal": queueManagers.formUnion(portal(last, child))
      case "bman-portal": bufferManagers.formUnion(portal(last, child))
      case "qman": result.isHost = true
      case "bman", "fman", "fman0", "fman1", "crypto", "pme": break
      default:
        bag.warning(
          "hv-inexpressible", "\(name) has the device \(device): a plan gives away no such device",
          at: child.span)
      }
    }
    result.memory = Self.joined(result.memory)
    result.sharedMemory = Self.joined(result.sharedMemory)
    if queueManagers != bufferManagers {
      let odd = queueManagers.symmetricDifference(bufferManagers).sorted().map(\.description)
      bag.error(
        "hv-portal-pair",
        "\(name) has only one of the QMan and BMan portals \(odd.joined(separator: ", "))",
        at: node.span)
    }
    result.portals = queueManagers.sorted()
    for property in ["guest-image", "linux-rootfs", "load-image-table"] where node[property] != nil
    {
      bag.warning(
        "hv-inexpressible", "\(name) has \(property): a plan names no images in flash",
        at: node.property(property)?.span)
    }
    resources(of: node, into: &result)
    if !result.isHost, let devices = node.child("portal-devices") {
      let names = Set(devices.children.compactMap { $0["device"]?.string })
      result.accelerators = AcceleratorKind.allCases.filter {
        names.contains($0.nodeName)
      }
    }
    result.bootArguments = node.child("node-update")?.child("chosen")?["bootargs"]?.string
    return result
  }

  private mutating func cpus(of node: Node) -> [CPUIndex] {
    guard let cells = node["cpus"]?.cells, !cells.isEmpty, cells.count % 2 == 0 else {
      bag.error(
        "hv-property", "cpus of \(node.name) should be pairs of a first CPU and a count",
        at: node.property("cpus")?.span ?? node.span)
      return []
    }
    var cpus: Set<CPUIndex> = []
    for pair in stride(from: 0, to: cells.count, by: 2) {
      guard cells[pair] < 256, cells[pair + 1] <= 256 - cells[pair] else {
        bag.error(
          "hv-property",
          "cpus of \(node.name) should be below 256, not \(cells[pair]) and \(cells[pair + 1]) more",
          at: node.property("cpus")?.span)
        continue
      }
      for cpu in cells[pair]..<cells[pair] + cells[pair + 1] { cpus.insert(CPUIndex(UInt16(cpu))) }
    }
    return cpus.sorted()
  }

  private mutating func areaEntry(_ node: Node, of name: String) -> TreeIndex.Entry? {
    guard let value = node["phys-mem"], let entry = index.target(of: value, cell: 0),
      entry.node.isCompatible(with: "phys-mem-area")
    else {
      bag.error(
        "hv-reference", "phys-mem of \(node.name) of \(name) names no memory area",
        at: node.property("phys-mem")?.span ?? node.span)
      return nil
    }
    return entry
  }

  private mutating func memory(_ node: Node, of name: String) -> QorIQ.AddressRange? {
    guard let entry = areaEntry(node, of: name) else { return nil }
    if let other = owners[entry.path], other.name != name {
      bag.warning(
        "hv-area-shared",
        "\(other.name) and \(name) share the area \(entry.node.name): it is left to \(other.name)",
        at: node.span, notes: [Note("\(other.name) has it here", at: other.span)])
      return nil
    }
    owners[entry.path] = (name, node.span)
    return area(entry.node)
  }

  /// A portal's index: its cache-enabled areas lie 16 KiB apart (Linux 6.1,
  /// `qoriq-qman1-portals.dtsi`).
  private mutating func portal(_ name: String, _ node: Node) -> [PortalIndex] {
    let unit = name.split(separator: "@").dropFirst().first.flatMap { UInt64($0, radix: 16) }
    guard let unit, unit % 0x4000 == 0, let index = UInt8(exactly: unit / 0x4000) else {
      bag.error(
        "hv-reference", "the device \(name) is no portal: its unit address is a multiple of 0x4000",
        at: node.property("device")?.span)
      return []
    }
    return [PortalIndex(UInt16(index))]
  }

  // MARK: queues and pools

  private mutating func resources(of node: Node, into result: inout HypervisorPartition) {
    var ranges: [(range: QueueRange, span: SourceSpan?)] = []
    var fixed: [(range: QueueRange, span: SourceSpan?)] = []
    var pools: [HypervisorPartition.Pool] = []
    var channels: [UInt32] = []
    var groups: [UInt32] = []
    func visit(_ node: Node, _ found: inout DiagnosticBag) {
      for property in node.properties {
        switch property.name {
        case "fsl,fqid-range":
          ranges += Self.queues(property, &found).map { ($0, property.span) }
        case "fsl,qman-frame-queues-rx", "fsl,qman-frame-queues-tx", "fsl,qman-frame-queues-oh",
          "dpaac,queues":
          fixed += Self.queues(property, &found).map { ($0, property.span) }
        case "fsl,pool-channel-range":
          channels += Self.pairs(property, limit: 1 << 13, &found).flatMap { $0 }
        case "fsl,cgrid-range":
          groups += Self.pairs(property, limit: 256, &found).flatMap { $0 }
        case "fsl,bpid-range":
          for pair in Self.pairs(property, limit: 64, &found) {
            pools += pair.map { .init(bpid: BPID(UInt8($0)), bufferCount: nil, bufferSize: nil) }
          }
        case "fsl,bpid":
          guard let number = property.value.cell.flatMap({ UInt8(exactly: $0) }) else { continue }
          let sizes = node["fsl,bpool-ethernet-cfg"]?.numbers ?? []
          pools.append(
            .init(
              bpid: BPID(number), bufferCount: sizes.first.flatMap { UInt32(exactly: $0) },
              bufferSize: sizes.dropFirst().first.flatMap { UInt32(exactly: $0) }))
        default: break
        }
      }
      for child in node.children { visit(child, &found) }
    }
    for child in node.children where child.name == "node-update" { visit(child, &bag) }
    for child in node.children where child["device"] != nil {
      for update in child.children where update.name == "node-update" { visit(update, &bag) }
    }
    for item in fixed {
      if let range = ranges.first(where: { $0.range.intersection(item.range) != nil }) {
        bag.error(
          "hv-static-queue",
          "\(result.name)'s queues \(item.range) are named by an interface, but \(range.range) may "
            + "be allocated: they will be handed out twice", at: item.span,
          notes: [Note("the range is here", at: range.span)])
      }
    }
    result.poolChannels = Set(channels).sorted().map { ChannelID(UInt16($0)) }
    result.congestionGroups = Set(groups).sorted().map { CGRID(UInt8($0)) }
    result.queues = QueueRange.joined((ranges + fixed).map(\.range))
    result.pools = Dictionary(pools.map { ($0.bpid, $0) }, uniquingKeysWith: { first, _ in first })
      .values.sorted { $0.bpid < $1.bpid }
  }

  private static func queues(_ property: Property, _ bag: inout DiagnosticBag) -> [QueueRange] {
    pairs(property, limit: 1 << 24, &bag).filter { $0.lowerBound > 0 && !$0.isEmpty }
      .map { QueueRange(first: FQID($0.lowerBound), count: UInt32($0.count)) }
  }

  /// Pairs of a first number and a count; counts without a first number (0) are allocations.
  private static func pairs(
    _ property: Property, limit: UInt32, _ bag: inout DiagnosticBag
  ) -> [Range<UInt32>] {
    guard let cells = property.value.cells, cells.count % 2 == 0 else {
      bag.error(
        "hv-property", "\(property.name) should be pairs of a first number and a count",
        at: property.span)
      return []
    }
    return stride(from: 0, to: cells.count, by: 2).compactMap { index in
      guard cells[index] <= limit, cells[index + 1] <= limit - cells[index] else {
        bag.error(
          "hv-property",
          "\(property.name) runs from \(cells[index]) over \(cells[index + 1]) numbers, but there "
            + "are \(limit)", at: property.span)
        return nil
      }
      return cells[index]..<cells[index] + cells[index + 1]
    }
  }

  private static func joined(_ ranges: [QorIQ.AddressRange]) -> [QorIQ.AddressRange] {
    ranges.sorted { $0.base < $1.base }.reduce(into: []) { joined, range in
      if let last = joined.last, last.base + last.size == range.base {
        joined[joined.count - 1].size += range.size
      } else {
        joined.append(range)
      }
    }
  }

  private func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
}

extension QueueRange {
  /// Ranges in ascending order, joined where they touch or overlap.
  package static func joined(_ ranges: [QueueRange]) -> [QueueRange] {
    ranges.sorted { $0.first < $1.first }.reduce(into: []) { joined, range in
      guard let last = joined.last, range.first.rawValue <= last.rawValues.upperBound else {
        return joined.append(range)
      }
      let end = max(last.rawValues.upperBound, range.rawValues.upperBound)
      joined[joined.count - 1] = QueueRange(
        first: last.first, count: end - last.first.rawValue)
    }
  }
}
