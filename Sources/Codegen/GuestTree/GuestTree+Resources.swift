import DeviceTree
import Partitioning
import QorIQ

// What a guest owns, in the words of the NXP SDK: kernels of the SDK and USDPAA fill their
// allocators from range nodes and make an interface of each `fsl,dpa-ethernet-macless`. Both look
// for the nodes by compatible, so they stand outside of the portals' buses, where dtc would miss
// their `reg`.

extension GuestTree {
  /// What the guest may allocate by itself: `drivers/staging/fsl_qbman/qman_driver.c` and
  /// `bman_driver.c` of the SDK kernels. Exactly two cells, base and count.
  ///
  /// Queues and pools that interfaces name are left out: the allocator would hand them out a second
  /// time, which shipped configurations once had to repair (hv-cfg 55ebdfc, b479663).
  func rangeNodes() -> [Node] {
    let assigned = assignedQueues
    let queues = owner.queues.flatMap { $0.subtracting(assigned) }
    var nodes = queues.map { range in
      rangeNode("qman-fqids", "fsl,fqid-range", UInt32(range.first.rawValue), range.count)
    }
    nodes += Self.runs(poolChannels.map { UInt32($0.rawValue) }).map {
      rangeNode("qman-pools", "fsl,pool-channel-range", $0.lowerBound, UInt32($0.count))
    }
    nodes += Self.runs(
      resources.congestionGroups.map { UInt32($0.id.rawValue) }
    ).map { rangeNode("qman-cgrids", "fsl,cgrid-range", $0.lowerBound, UInt32($0.count)) }
    if owner.paths.isEmpty {
      nodes += Self.runs(owner.pools.map { UInt32($0.bpid.rawValue) }).map {
        rangeNode("bman-bpids", "fsl,bpid-range", $0.lowerBound, UInt32($0.count))
      }
    }
    return nodes
  }

  private func rangeNode(_ name: String, _ kind: String, _ base: UInt32, _ count: UInt32) -> Node {
    Node("\(name)-\(base)") {
      $0.set("compatible", kind)
      $0.set(kind, .cells([base, count]))
    }
  }

  /// The queues that serve in roles, or lead to and from accelerators, in chains too.
  var serviceQueues: [QueueRange] {
    resources.roles.flatMap(\.queues)
      + resources.accelerators.flatMap { $0.requests + $0.responses }
      .map { QueueRange(first: $0, count: 1) }
      + resources.chains.flatMap { [$0.request, $0.response] }
      .map { QueueRange(first: $0, count: 1) }
  }

  /// The queues that the plan has given a purpose.
  private var assignedQueues: [QueueRange] {
    var queues = owner.paths.flatMap { [$0.receive, QueueRange(first: $0.transmit, count: 1)] }
    queues += serviceQueues
    for interface in partition.interfaces {
      queues += interface.rules.flatMap(\.shares).filter { $0.owner == ownerIndex }.map(\.receive)
      if let hop = interface.hop, hop.receivingOwner == ownerIndex {
        queues.append(QueueRange(first: hop.queue, count: 1))
      }
    }
    for link in partition.links {
      if link.from == ownerIndex { queues.append(QueueRange(first: link.transmit, count: 1)) }
      if link.to == ownerIndex { queues.append(QueueRange(first: link.receive, count: 1)) }
    }
    return queues
  }

  /// The pool channels that serve the guest's queues.
  private var poolChannels: [ChannelID] {
    let own = Set(
      owner.paths.flatMap(\.channels) + resources.poolChannels)
    return board.qman.poolChannels.filter(own.contains)
  }

  /// Buffer pools, `fsl,bpool`: `sdk_dpaa/dpaa_eth_base.c` of the SDK kernels.
  ///
  /// The configuration is count, size and address in the root's cells. The address is 0, which says
  /// that somebody else fills the pool; the driver then maps buffers one by one, since it cannot
  /// remap memory that is the kernel's own (`dpa_bp_shared_port_seed`, `dpa_shared_tx`).
  func poolNodes() -> [Node] {
    guard !owner.paths.isEmpty else { return [] }
    return owner.pools.map { pool in
      Node("buffer-pool-\(pool.bpid)", labels: ["pool\(pool.bpid)"]) {
        $0.set("compatible", .strings(["fsl,\(board.soc.rawValue)-bpool", "fsl,bpool"]))
        $0.set("fsl,bpid", UInt32(pool.bpid.rawValue))
        $0.set(
          "fsl,bpool-ethernet-cfg",
          wide(UInt64(pool.bufferCount), UInt64(pool.bufferSize), 0))
        $0.set("memory-region", .reference(Reference("pool\(pool.bpid)_memory")))
      }
    }
  }

  /// The guest's ways in and out: SDK kernels make devices of what stands below `fsl,dpaa`
  /// (`arch/powerpc/platforms/85xx/common.c`).
  /// `macs` are those that are the guest's alone, by their interfaces' names.
  func interfaces(macs: [String: Reference] = [:]) -> Node? {
    guard !owner.paths.isEmpty else { return nil }
    return Node("fsl,dpaa") {
      $0.set("compatible", .strings(["fsl,\(board.soc.rawValue)-dpaa", "fsl,dpaa"]))
      for (index, path) in owner.paths.enumerated() {
        $0.add(interface(path, index: index, mac: path.isLink ? nil : macs[path.name]))
      }
    }
  }

  /// A queue pair without a MAC of its own, `sdk_dpaa/dpaa_eth_macless.c` of the SDK kernels: for a
  /// link, and for a network interface as well, whose MAC and ports stay with the host. Where the MAC
  /// is the guest's alone, an ordinary interface, `sdk_dpaa/dpaa_eth.c`.
  private func interface(_ path: OwnerPath, index: Int, mac: Reference?) -> Node {
    let kind = mac == nil ? "dpa-ethernet-macless" : "dpa-ethernet"
    return Node("ethernet-\(path.name)") {
      $0.set(
        "compatible", .strings(["fsl,\(board.soc.rawValue)-\(kind)", "fsl,\(kind)"]))
      $0.set(
        "fsl,bman-buffer-pools",
        .cells(owner.pools.map { Cell.reference(Reference("pool\($0.bpid)")) }))
      var receive = [path.receive.first.rawValue, path.receive.count]
      var transmit = [path.transmit.rawValue, 1]
      if let mac {
        $0.set("fsl,fman-mac", .reference(mac))
        // Errors and all that no rule takes, then what rules give; errors and confirmations, then
        // what is sent. The driver allocates queue 0 by itself.
        receive = [firstQueue(.error), 1, 0, 1] + receive
        transmit = [0, 1, firstQueue(.confirm), 1] + transmit
      }
      $0.set("fsl,qman-frame-queues-rx", .cells(receive))
      $0.set("fsl,qman-frame-queues-tx", .cells(transmit))
      // The driver refuses an interface without address.
      $0.set("local-mac-address", macAddress(index))
    }
  }

  /// The first queue in a role; 0 when there is none.
  private func firstQueue(_ role: QueueRole) -> UInt32 {
    resources.roles.first { $0.role == role }?.queues.first?.first.rawValue ?? 0
  }

  /// The address of one of the guest's ways, by its number. Locally administered (bit 1 of the first
  /// byte): the owner's and the path's number, so that no two in a plan are equal.
  func macAddress(_ path: Int) -> PropertyValue {
    .bytes([
      0x02, 0, UInt8(truncatingIfNeeded: ownerIndex >> 8), UInt8(truncatingIfNeeded: ownerIndex),
      UInt8(truncatingIfNeeded: path >> 8), UInt8(truncatingIfNeeded: path),
    ])
  }

  /// Ascending numbers as runs without gaps.
  private static func runs(_ numbers: [UInt32]) -> [Range<UInt32>] {
    numbers.sorted().reduce(into: []) { runs, number in
      if let last = runs.last, last.upperBound == number {
        runs[runs.count - 1] = last.lowerBound..<number + 1
      } else {
        runs.append(number..<number + 1)
      }
    }
  }
}

extension QueueRange {
  /// What is left of the range without others, ascending.
  func subtracting(_ others: [QueueRange]) -> [QueueRange] {
    var rest: [QueueRange] = []
    var next = first.rawValue
    for other in others.compactMap(intersection).sorted(by: { $0.first < $1.first }) {
      if other.first.rawValue > next {
        rest.append(QueueRange(first: FQID(next), count: other.first.rawValue - next))
      }
      next = max(next, other.last.rawValue + 1)
    }
    if next <= last.rawValue {
      rest.append(QueueRange(first: FQID(next), count: last.rawValue - next + 1))
    }
    return rest
  }
}
