import Diagnostics
import QorIQ

/// Checks of whether pools are enough for the ports, portals and links that use them.
extension PartitionCheck {
  static let portPools = PartitionCheck(
    "port-pools", .pools, "a port can be told all pools of a partition",
    after: ["unknown-partition", "unknown-interface"],
    meaning: """
      A receive port, or a storage profile, has 4 entries for pools in the sources that count few and \
      8 in those that count many; a ninth pool is never used.
      """,
    repair: "keep to 4 pools of different sizes",
    source:
      "NXP fmlib, include/fmd/integrations: 8 on P series, 4 on T series; Linux 6.1, fman.c: the reverse",
    example: .init(
      guest: [
        "pools": "[ "
          + [256, 384, 512, 768, 1024, 1280, 1536, 1792, 2048].map { "{buffers: 64, size: \($0)}" }
          .joined(separator: ", ") + " ]"
      ], rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"])
  ) { context, findings in context.addPortPools(8, "8", into: &findings) }

  static let portPoolsMany = PartitionCheck(
    "port-pools-many", .pools, severity: .warning, "a partition's pools fit a port on every board",
    after: ["unknown-partition", "unknown-interface", "port-pools"],
    meaning: """
      Between 5 and 8 pools the sources disagree about which frame manager takes them.
      """,
    repair: "keep to 4",
    source: "NXP fmlib and Linux 6.1, fman.c, contradict each other",
    example: .init(
      guest: [
        "pools": "[ "
          + [256, 512, 1024, 1536, 2048].map { "{buffers: 64, size: \($0)}" }
          .joined(separator: ", ") + " ]"
      ], rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"])
  ) { context, findings in context.addPortPools(4, "4 on some boards", into: &findings) }

  static let poolInFlight = PartitionCheck(
    "pool-in-flight", .buffers, severity: .warning, "a pool outlasts what portals hold",
    after: ["empty-claim", "ring-size"],
    meaning: """
      Each portal's dequeue ring can hold its entries' buffers until they are consumed. With fewer \
      buffers than that a slow program stops its own reception.
      """,
    repair: "give the pools a buffer for each ring entry of all portals at least",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman.c: DQRR of 16, maximum fill 15",
    example: .init(guest: ["pools": "[ {buffers: 24, size: 2 KiB} ]"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let pools = wish.pools, !pools.isEmpty, let portals = wish.portals?.count,
        !context.traffic.paths[index].isEmpty
      else { continue }
      let buffers = pools.reduce(0) { $0 + Int($1.bufferCount) }
      let held = context.heldByRings(of: index)
      guard buffers < held else { continue }
      findings.add(
        "\(wish.name)'s pools have \(buffers) buffers, but its \(portals) portals hold up to \(held)",
        at: context.span(ClaimPath.pools(index)),
        notes: [Note("its portals are here", at: context.span(ClaimPath.portals(index)))],
        fixIts: [FixIt("ask for \(held) buffers or more")])
    }
  }

  static let poolMTU = PartitionCheck(
    "pool-mtu", .buffers, severity: .warning, "a buffer holds the interface's largest frame",
    after: ["unknown-partition", "unknown-interface", "pool-size"],
    meaning: """
      A frame that fits no buffer is scattered over several of the largest, 16 at most: a table of them and a \
      program that reads it.
      """,
    repair: "enlarge the buffers, or lower the interface's mtu",
    source: "NXP fmlib, include/fmd/Peripherals/fm_port_ext.h: scatter/gather of the largest pool",
    example: .init(
      guest: ["pools": "[ {buffers: 256, size: 1536} ]"],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"], links: nil)
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let largest = wish.pools?.map(\.bufferSize).max() else { continue }
      for path in context.traffic.paths[index] {
        guard case .interface(let interface) = path.target else { continue }
        let needed = context.largestNeed(at: interface)
        let headroom = needed - context.largestFrame(of: interface)
        guard largest < needed else { continue }
        findings.add(
          "\(wish.name)'s largest buffers of \(largest) bytes do not hold \(path.name)'s largest "
            + "frame of \(needed - headroom) behind \(headroom) of headroom",
          at: context.span(ClaimPath.pools(index)),
          notes: [
            Note(
              "\(path.name) is shared out here", at: context.span(ClaimPath.interface(interface)))
          ], fixIts: [FixIt("give the buffers \(needed) bytes or more")])
      }
    }
  }

  static let linkBuffers = PartitionCheck(
    "link-buffers", .buffers, severity: .warning,
    "a link's receiver holds what its sender can send",
    after: ["unknown-partition", "pool-size"],
    meaning: """
      An offline port copies a frame into the receiver's buffer. What fits none, dpaac run scatters \
      over several of the largest: a table of them, which the receiver's program has to read.
      """,
    repair: "give both ends buffers of one size",
    source: "Freescale's hv-cfg: both sides' pools have the same geometry",
    example: .init(guest: ["pools": "[ {buffers: 256, size: 1 KiB} ]"])
  ) { context, findings in
    for (index, link) in context.plan.links.enumerated() {
      guard let first = context.indices[link.first], let second = context.indices[link.second],
        let one = context.plan.partitions[first].pools?.map(\.bufferSize).max(),
        let other = context.plan.partitions[second].pools?.map(\.bufferSize).max(), one != other
      else { continue }
      let (small, large) = one < other ? (first, second) : (second, first)
      findings.add(
        "\(context.name(large)) can send up to \(max(one, other)) bytes to \(context.name(small)), "
          + "whose largest buffers have \(min(one, other))",
        at: context.span(ClaimPath.link(index)),
        notes: [
          Note("the smaller buffers are here", at: context.span(ClaimPath.pools(small))),
          Note("the larger ones are here", at: context.span(ClaimPath.pools(large))),
        ], fixIts: [FixIt("give \(context.name(small)) buffers of \(max(one, other)) bytes")])
    }
  }
}

extension PlanContext {
  fileprivate func addPortPools(_ limit: Int, _ words: String, into findings: inout Findings) {
    for (index, wish) in partitions {
      guard let pools = wish.pools, pools.count > limit else { continue }
      for path in traffic.paths[index] {
        guard case .interface(let interface) = path.target else { continue }
        findings.add(
          "\(wish.name) has \(pools.count) pools, but \(path.name) can be told \(words)",
          at: span(ClaimPath.pool(index, limit)),
          notes: [
            Note("\(path.name) is shared out here", at: span(ClaimPath.interface(interface)))
          ], fixIts: [FixIt("keep to 4 pools")])
        break
      }
    }
  }
}
