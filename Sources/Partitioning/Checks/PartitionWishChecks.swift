import Diagnostics
import QorIQ

/// Checks of a partition's name, rings and program.
extension PartitionCheck {
  static let hostMissing = PartitionCheck(
    "host-missing", .naming, "one partition is the host, which controls the shared blocks",
    meaning: """
      QMan, BMan and the frame managers have one set of control registers each, and whoever \
      may write them owns the whole device. dpaac calls that partition the host.
      """,
    repair: "call one partition `host`",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman_ccsr.c: one control driver for the block",
    example: """
      board: p4080ds
      partitions:
        hots:   { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, pools: [ {buffers: 64, size: 2 KiB} ] }
        guest1: { cpus: 4-5, memory: 512 MiB, portals: 2, queues: 101-200, pools: [ {buffers: 64, size: 2 KiB} ] }
      links: [ [hots, guest1] ]

      """
  ) { context, findings in
    guard context.indices[Plan.hostName] == nil else { return }
    let names = context.plan.partitions.map(\.name)
    findings.add(
      "no partition is called \(Plan.hostName), and one must control QMan, BMan and FMan",
      at: context.span("/partitions"),
      fixIts: nearestName(to: Plan.hostName, in: names).map { near in
        let index = context.indices[near] ?? 0
        return [.replace(context.span(ClaimPath.partition(index)), with: Plan.hostName)]
      } ?? [FixIt("add a partition \(Plan.hostName)")])
  }

  static let nameClash = PartitionCheck(
    "name-clash", .naming, "every partition has a name of its own, which is no interface's either",
    meaning: """
      A rule, a link or a program names where frames go; a name with two meanings would send \
      them to either. Generated files and pieces of memory are told apart by names, too: `hv` is the \
      hypervisor's, `memory` and `window` are what a DMA window covers beside shared memory.
      """,
    repair: "give one of the two another name",
    source: "a decision of this project",
    example: """
      board: p4080ds
      partitions:
        host:     { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, pools: [ {buffers: 64, size: 2 KiB} ] }
        fm2-10g0: { cpus: 4-5, memory: 512 MiB, portals: 2, queues: 101-200, pools: [ {buffers: 64, size: 2 KiB} ] }
      links: [ [host, fm2-10g0] ]

      """
  ) { context, findings in
    let interfaces = context.board.interfaceNames
    for (index, wish) in context.partitions {
      let span = context.span(ClaimPath.partition(index))
      if interfaces.contains(wish.name) {
        findings.add(
          "the partition \(wish.name) is called like an interface of \(context.board.name)",
          at: span, fixIts: [FixIt("give it another name")])
      }
      // The hypervisor's files are called so, for boards that have it.
      if wish.name == "hv", !context.board.core.hasPrefix("cortex") {
        findings.add(
          "the partition hv is called like the hypervisor, whose files are hv.dts and hv.dtb",
          at: span, fixIts: [FixIt("give it another name")])
      }
      // YAML has no key twice; a plan made by a program may.
      if let first = context.indices[wish.name], first != index {
        findings.add(
          "two partitions are called \(wish.name)", at: span,
          notes: [
            Note("the first stands here", at: context.span(ClaimPath.partition(first)))
          ], fixIts: [FixIt("give it another name")])
      }
    }
    for (index, shared) in context.plan.sharedMemory.enumerated()
    where DMAWindow.ownPurposes.contains(shared.name) {
      findings.add(
        "the shared memory \(shared.name) is called like something else that DMA windows cover",
        at: context.span(ClaimPath.sharedMemory(index)),
        fixIts: [FixIt("give it another name")])
    }
    var used: Set<String> = []
    for (index, interface) in context.plan.interfaces.enumerated()
    where !used.insert(interface.name).inserted {
      findings.add(
        "the interface \(interface.name) is shared out twice",
        at: context.span(ClaimPath.interface(index)), fixIts: [FixIt("join the two")])
    }
  }

  static let partitionIdle = PartitionCheck(
    "partition-idle", .ports, severity: .warning, "a partition exchanges frames with something",
    after: ["unknown-partition", "unknown-interface", "host-missing"],
    meaning: """
      Nothing names the partition, so it owns queues and pools that no frame ever uses.
      """,
    repair: "add a rule, an `otherwise` or a link that names it",
    source: "a decision of this project",
    example: .init(links: nil)
  ) { context, findings in
    // What could not be read may name it.
    guard context.plan.isWhole else { return }
    for (index, wish) in context.partitions
    where context.traffic.paths[index].isEmpty && !wish.isHost {
      findings.add(
        "no rule, otherwise or link names \(wish.name), so no frame ever reaches it",
        at: context.span(ClaimPath.partition(index)),
        fixIts: [FixIt("add a rule for it, or remove it")])
    }
  }

  static let ringSize = PartitionCheck(
    "ring-size", .portals, "rings have a power of two of entries, within what portals can have",
    meaning: """
      A portal's rings are addressed by masking an index, so their sizes are powers of two; \
      the hardware's are 8 and 16, and dpaac can enlarge them to 64 for its own guest library.
      """,
    repair: "choose a power of two in the range",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman.c",
    example: .init(guest: ["rings": "{enqueue: 12, dequeue: 128}"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      let rings = [
        ("an enqueue", wish.rings.enqueue, 8, ClaimPath.enqueueRing(index)),
        ("a dequeue", wish.rings.dequeue, 16, ClaimPath.dequeueRing(index)),
      ]
      for (kind, size, least, path) in rings {
        let isPower = size > 0 && size & (size - 1) == 0
        guard !isPower || size < least || size > 64 else { continue }
        var nearest = least
        while nearest < 64, nearest < size { nearest *= 2 }
        let span = context.span(path)
        findings.add(
          "\(wish.name) wants \(kind) ring of \(size), but it has a power of two of entries, "
            + "\(least) to 64",
          at: span, fixIts: [.replace(span, with: "\(nearest)")])
      }
    }
  }

  static let sourcePath = PartitionCheck(
    "source-path", .naming, "a source sends to an interface or a peer that its partition has",
    after: ["unknown-partition", "unknown-interface", "link-self"],
    meaning: "A source sends on one of its partition's ways. It has no queue to anything else.",
    repair: "name an interface or a peer that the partition has",
    source: "a decision of this project",
    example: .init(guest: ["program": "{source: {to: hots, frames: 10}}"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard case .source(let source) = wish.program else { continue }
      let names = context.traffic.paths[index].map(\.name)
      guard !names.contains(source.path) else { continue }
      let span = context.span(ClaimPath.programPath(index))
      let reason =
        context.indices[source.path] != nil
        ? "is not linked with it"
        : context.board.interfaceNames.contains(source.path)
          ? "gets nothing from that interface" : "has no such interface or peer"
      findings.add(
        "\(wish.name) sends to \(source.path), but \(reason)", at: span,
        fixIts: context.spelling(of: source.path, among: names, at: span))
    }
  }

  static let forwardWay = PartitionCheck(
    "forward-way", .naming, "a router has addresses on ways of its partition, each once",
    after: ["unknown-partition", "unknown-interface", "link-self"],
    meaning: """
      A router answers for an address on one of its partition's ways; it has no queue to anything else. \
      An address that it has twice would be answered for by whichever way is asked.
      """,
    repair: "name an interface or a peer that the partition has, and each address once",
    source: "RFC 1812, section 2.2.7; a decision of this project",
    example: .init(
      guest: ["program": "{forward: {ways: [ {over: hots, addresses: [10.1.0.1/24]} ]}}"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let router = wish.program.router else { continue }
      let names = context.traffic.paths[index].map(\.name)
      var seen: [NetworkAddress: String] = [:]
      for (place, way) in router.ways.enumerated() {
        let span = context.span(ClaimPath.forwardWay(index, place))
        if !names.contains(way.path) {
          findings.add(
            "\(wish.name) has addresses on \(way.path), to which it has no way", at: span,
            fixIts: context.spelling(of: way.path, among: names, at: span))
        }
        for (number, prefix) in way.addresses.enumerated() {
          let path = ClaimPath.forwardAddress(index, place, number)
          if let first = seen[prefix.address] {
            findings.add(
              "\(wish.name) has the address \(prefix.address) twice", at: context.span(path),
              notes: [Note("first here", at: context.span(first))])
          }
          seen[prefix.address] = seen[prefix.address] ?? path
        }
      }
    }
  }

  static let forwardVia = PartitionCheck(
    "forward-via", .naming, "a router's next routers are in its own networks",
    meaning: """
      The next router is asked for its MAC address on a wire, so it must be on one of the wires that the \
      router has an address on.
      """,
    repair: "name a router in a network of the ways, or give a way an address in its network",
    source: "RFC 1812, section 5.2.4",
    example: .init(
      guest: [
        "program": "{forward: {ways: [ {over: host, addresses: [10.1.0.1/24]} ], "
          + "routes: [ {to: 0.0.0.0/0, via: 10.2.0.1} ]}}"
      ])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let router = wish.program.router else { continue }
      let networks = router.ways.flatMap(\.addresses)
      for (place, route) in router.routes.enumerated()
      where !networks.contains(where: { $0.contains(route.via) }) {
        let known = networks.filter { $0.address.isIPv4 == route.via.isIPv4 }
        findings.add(
          "\(wish.name) reaches \(route.to) by \(route.via), which is in none of its networks"
            + (known.isEmpty ? "" : ": " + known.map { "\($0)" }.joined(separator: ", ")),
          at: context.span(ClaimPath.forwardVia(index, place)))
      }
    }
  }

  static let sourceSize = PartitionCheck(
    "source-size", .buffers, "a source's frames are Ethernet frames that fit its buffers",
    after: ["pool-size"],
    meaning: """
      A frame longer than a buffer without its headroom cannot be sent from it, and Ethernet \
      carries no shorter or longer ones.
      """,
    repair: "choose a size from 60 to 1514 bytes that the largest buffer holds",
    source: "IEEE 802.3; Linux 6.1, drivers/net/ethernet/freescale/fman/fman_sp.c",
    example: .init(guest: ["program": "{source: {to: host, frames: 10, size: 9000}}"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard case .source(let source) = wish.program else { continue }
      let span = context.span(ClaimPath.programSize(index))
      let least = BufferNeeds.smallestFrame
      let most = BufferNeeds.largestFrame
      let size = UInt64(source.size)
      let largest = wish.pools?.map(\.bufferSize).max()
      if size < least || size > most {
        findings.add(
          "\(wish.name) sends frames of \(byteCount(size)), but they have \(least) to \(most) "
            + "bytes without checksum",
          at: span, fixIts: [.replace(span, with: "\(min(max(size, least), most))")])
      } else if let largest, size + BufferNeeds.headroom > largest {
        findings.add(
          "\(wish.name) sends frames of \(size) bytes, but its largest buffers of \(largest) "
            + "bytes keep \(BufferNeeds.headroom) as headroom",
          at: span,
          notes: [Note("its pools are here", at: context.span(ClaimPath.pools(index)))],
          fixIts: [.replace(span, with: "\(largest - BufferNeeds.headroom)")])
      }
    }
  }
}
