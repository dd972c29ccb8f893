import Diagnostics
import QorIQ

/// Checks of which CPUs partitions run on together with which portals, and who wakes them.
extension PartitionCheck {
  static let cpuNeedChecks = [
    cpuThreadsSplit, hostBootCPU, portalsFew, interruptRelay, portalStash,
  ]

  static let cpuThreadsSplit = PartitionCheck(
    "cpu-threads-split", .cpus, severity: .warning, "the threads of a core belong to one partition",
    after: ["cpu-range", "cpu-overlap"],
    meaning: """
      Two threads of an e6500 core share its caches and execution units. What one partition does can \
      be felt, and timed, by the other. A configuration that shipped has it, so it is no error.
      """,
    repair: "give both threads to one of the two",
    source: "Freescale's hv-cfg, t4240qds: cpus <0 23> and <23 1>",
    example: .init(
      board: "t4240qds", host: ["cpus": "0-4"], guest: ["cpus": "5-6"])
  ) { context, findings in
    let cores = Dictionary(
      context.board.cpus.map { (Int($0.index.rawValue), $0.coreIndex) },
      uniquingKeysWith: { first, _ in first })
    var first: [Int: Claim<Int>] = [:]
    for claim in context.cpuClaims {
      guard let core = cores[claim.resource] else { continue }
      guard let earlier = first[core] else {
        first[core] = claim
        continue
      }
      guard earlier.owner != claim.owner else { continue }
      findings.add(
        "\(context.name(claim.owner))'s CPU \(claim.resource) and "
          + "\(context.name(earlier.owner))'s CPU \(earlier.resource) are threads of one core",
        at: claim.span,
        notes: [
          Note(
            "\(context.name(earlier.owner)) claims CPU \(earlier.resource) here", at: earlier.span)
        ],
        fixIts: [
          FixIt(
            "give both to \(context.name(earlier.owner)), or both to \(context.name(claim.owner))")
        ])
    }
  }

  static let hostBootCPU = PartitionCheck(
    "host-boot-cpu", .cpus, severity: .warning, "the host has the CPU that boots",
    after: ["host-missing", "cpu-range", "cpu-overlap"],
    meaning: """
      U-Boot runs on the first CPU and starts the host's kernel there. When that CPU is a guest's, \
      the host goes on running on it, and both take turns.
      """,
    repair: "give the host the first CPU",
    source: "U-Boot, arch/powerpc/cpu/mpc85xx/mp.c; ePAPR 1.1, section 5.4 (boot CPU)",
    example: .init(host: ["cpus": "1-4"], guest: ["cpus": "5-6"])
  ) { context, findings in
    guard let boot = context.board.cpus.map(\.index).min(),
      let host = context.indices[Plan.hostName]
    else { return }
    let cpus = context.plan.partitions[host].cpus?.elements ?? []
    guard !cpus.isEmpty, !cpus.contains(boot) else { return }
    let other = context.cpuClaims.first { $0.resource == Int(boot.rawValue) }
    findings.add(
      "the host does not claim CPU \(boot), on which \(context.board.name) boots",
      at: context.span(ClaimPath.cpus(host)),
      notes: other.map { [Note("\(context.name($0.owner)) claims it here", at: $0.span)] } ?? [],
      fixIts: [
        FixIt(other.map { "exchange it with \(context.name($0.owner))" } ?? "claim CPU \(boot) too")
      ])
  }

  static let portalsFew = PartitionCheck(
    "portals-few", .portals, severity: .warning, "each CPU of a Linux guest has a portal",
    after: ["empty-claim"],
    meaning: """
      The SDK's drivers bind a portal to a CPU. One without has to borrow another's, takes a lock \
      for every frame, and is interrupted on the other's behalf.
      """,
    repair: "ask for as many portals as CPUs",
    source: "Freescale SDK, drivers/staging/fsl_qbman/qman_driver.c (sharing portals)",
    example: .init(guest: ["cpus": "4-7", "os": "linux-sdk"])
  ) { context, findings in
    for (index, wish) in context.partitions where wish.os == .linuxSDK {
      guard let cpus = wish.cpus?.count, let portals = wish.portals, portals.count < cpus else {
        continue
      }
      let span = context.span(ClaimPath.portals(index))
      let isCount = portals.elements.isEmpty
      findings.add(
        "\(wish.name) has \(cpus) CPUs, but \(portals.count) portal\(portals.count == 1 ? "" : "s")",
        at: span,
        notes: [Note("its CPUs are here", at: context.span(ClaimPath.cpus(index)))],
        fixIts: [
          isCount
            ? .replace(span, with: "\(cpus)") : FixIt("claim \(cpus - portals.count) more")
        ])
    }
  }

  static let interruptRelay = PartitionCheck(
    "interrupt-relay", .interrupts, severity: .warning,
    "a guest that waits for interrupts has a host that passes them on",
    after: ["host-missing"],
    meaning: """
      A portal's line ends at the board's interrupt controller, which only the host may touch. A bare \
      host that polls has no handler that would pass the interrupt on, and the guest sleeps for ever.
      """,
    repair: "give the host an operating system or `mode: interrupt`, or let the guest poll",
    source: "Linux 6.1, Documentation/virt/kvm/api.rst (KVM_IRQFD); MPIC lines of the portals",
    example: .init(guest: ["mode": "interrupt"])
  ) { context, findings in
    guard let host = context.indices[Plan.hostName] else { return }
    let relay = context.plan.partitions[host]
    guard relay.os == .bare, relay.mode == .poll else { return }
    for (index, wish) in context.partitions where !wish.isHost && wish.mode == .interrupt {
      let span = context.span(ClaimPath.mode(index))
      findings.add(
        "\(wish.name) waits for interrupts, but the host is a bare program that polls", at: span,
        notes: [Note("the host is here", at: context.span(ClaimPath.partition(host)))],
        fixIts: [
          FixIt("give the host os: linux-sdk, or mode: interrupt"),
          .replace(span, with: "poll"),
        ])
    }
  }

  static let portalStash = PartitionCheck(
    "portal-stash", .portals, severity: .warning,
    "a guest's portal stashes into a cache of the guest's own CPUs",
    after: ["portal-range", "portal-overlap", "cpu-range", "cpu-overlap"],
    meaning: """
      QMan writes a portal's entries and frames into the cache that its stash destination names, which \
      U-Boot sets and only the owner of QMan's registers can change. A guest with another CPU's portal \
      misses them, and pushes somebody else's lines out.
      """,
    repair:
      "claim the portals that stash to the guest's CPUs, or let the host set their destinations",
    source: "U-Boot, arch/powerpc/cpu/mpc85xx/*_ids.c (sdest); Linux 6.1, "
      + "drivers/soc/fsl/qbman/qman_ccsr.c (qman_set_sdest)",
    example: .init(guest: ["portals": "[ 4, 6 ]"])
  ) { context, findings in
    let destinations = Dictionary(
      context.board.qman.portals.map { ($0.index, $0.dma?.stashDestination) },
      uniquingKeysWith: { first, _ in first })
    // Where two CPUs are one core's threads they have one destination: the core's number.
    let clusters = Dictionary(
      context.board.cpus.map { ($0.coreIndex, $0.clusterIndex) },
      uniquingKeysWith: { first, _ in first })
    let claimed = Set(context.portalClaims.map(\.resource))
    for (index, wish) in context.partitions where !wish.isHost {
      let own = Set(wish.cpus?.elements ?? [])
      guard !own.isEmpty else { continue }
      let caches = Set(
        context.board.cpus.filter { own.contains($0.index) }.map(\.clusterIndex))
      let foreign = (wish.portals?.elements ?? []).compactMap { portal -> (Int, Int)? in
        guard let destination = destinations[portal] ?? nil,
          let cluster = clusters[Int(destination.rawValue)], !caches.contains(cluster)
        else { return nil }
        return (Int(portal.rawValue), Int(destination.rawValue))
      }
      guard let (portal, core) = foreign.first else { continue }
      let all = runs(foreign.map(\.0))
      let near = destinations.filter { portal, destination in
        !claimed.contains(Int(portal.rawValue))
          && destination.flatMap { clusters[Int($0.rawValue)] }.map(caches.contains) ?? false
      }.map { Int($0.key.rawValue) }.sorted().prefix(foreign.count)
      findings.add(
        foreign.count == 1
          ? "\(wish.name)'s portal \(portal) stashes into the cache of core \(core), on which "
            + "\(wish.name) has no CPU"
          : "\(wish.name)'s portals \(all) stash into caches of cores on which \(wish.name) has no CPU",
        at: context.span(ClaimPath.portals(index)),
        notes: [Note("its CPUs are here", at: context.span(ClaimPath.cpus(index)))],
        fixIts: [
          FixIt(
            near.isEmpty
              ? "have the host set the destination"
              : "claim portal\(near.count == 1 ? "" : "s") \(runs(Array(near))) instead, or have the host set "
                + "the destination")
        ])
    }
  }
}
