import Diagnostics
import QorIQ

/// Checks of what the drivers of Linux as released need, beyond what frames need.
///
/// They allocate for themselves, by their own counts: a plan that gives less lets the kernel boot
/// and its network interfaces fail.
extension PartitionCheck {
  static let mainlineChecks = [
    mainlinePortals, mainlineQueues, mainlinePools, mainlineGroups, mainlineChannel, mainlineRings,
    mainlinePatterns, mainlineHost,
  ]

  static let mainlinePortals = PartitionCheck(
    "mainline-portals", .trees, "mainline Linux has one portal more than CPUs",
    after: ["empty-claim"],
    meaning: """
      Mainline's drivers count their portals as all found when they meet one for which no CPU is \
      left. Without it the network driver waits for them for ever (EPROBE_DEFER).
      """,
    repair: "ask for one more portal than CPUs",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman_portal.c and bman_portal.c (portals probed)",
    example: .init(guest: [
      "os": "linux-mainline", "portals": "2", "queues": "512-1023", "congestion-groups": "2",
      "pool-channels": "1",
    ])
  ) { context, findings in
    for (index, wish) in context.mainlineGuests {
      guard let cpus = wish.cpus?.count, let portals = wish.portals, portals.count <= cpus else {
        continue
      }
      let span = context.span(ClaimPath.portals(index))
      findings.add(
        "\(wish.name) has \(portals.count) portal\(portals.count == 1 ? "" : "s") for \(cpus) "
          + "CPU\(cpus == 1 ? "" : "s"), but mainline Linux needs \(cpus + 1)",
        at: span, label: "\(cpus + 1 - portals.count) too few",
        notes: context.mainlineNotes(index)
          + [Note("its CPUs are here", at: context.span(ClaimPath.cpus(index)))],
        fixIts: [
          portals.elements.isEmpty
            ? .replace(span, with: "\(cpus + 1)")
            : FixIt("claim \(cpus + 1 - portals.count) more")
        ])
    }
  }

  static let mainlineQueues = PartitionCheck(
    "mainline-queues", .trees, "mainline Linux has the queues that its network driver takes",
    after: ["empty-claim", "queue-range"],
    meaning: """
      For each interface dpaa_eth takes 132 queues and 8 for each of CONFIG_NR_CPUS (4 unless \
      configured otherwise, 32 on 64-bit cores); while it probes one it takes 256 in a row, to cut \
      an aligned 128 out of them. With fewer the interface does not come up.
      """,
    repair: "give the partition so many queues, or fewer interfaces and links",
    source: "Linux 6.1, drivers/net/ethernet/freescale/dpaa/dpaa_eth.c (dpaa_alloc_all_fqs)",
    example: .init(
      guest: [
        "os": "linux-mainline", "portals": "3", "queues": "512-700", "congestion-groups": "2",
        "pool-channels": "1",
      ])
  ) { context, findings in
    let usual = context.board.core == "e500mc" ? 4 : 32
    for (index, wish) in context.mainlineGuests {
      let paths = context.traffic.paths[index].count
      guard paths > 0, let queues = wish.queues else { continue }
      let each = 132 + 8 * max(usual, wish.cpus?.count ?? 0)
      // The last interface probes while the others hold theirs.
      let needed = max(paths * each, (paths - 1) * each + 256)
      let owned = Int(clamping: queues.queueCount)
      guard owned < needed else { continue }
      findings.add(
        "\(wish.name) owns \(owned) queues, but mainline Linux takes \(needed) for "
          + "\(paths) interface\(paths == 1 ? "" : "s") (132 + 8 × NR_CPUS each, 256 while probing)",
        at: context.span(ClaimPath.queues(index)), label: "\(needed - owned) too few",
        notes: context.mainlineNotes(index),
        fixIts: [FixIt("claim \(needed - owned) more")])
    }
  }

  static let mainlinePools = PartitionCheck(
    "mainline-pools", .trees, "mainline Linux has a pool for each interface",
    after: ["pool-missing"],
    meaning: """
      dpaa_eth takes a new pool for each interface and fills it with buffers of its own. The one \
      that finds none left does not come up.
      """,
    repair: "give the partition a pool for each of its interfaces and links",
    source: "Linux 6.1, drivers/net/ethernet/freescale/dpaa/dpaa_eth.c (dpaa_bp_alloc)",
    example: .init(
      guest: [
        "os": "linux-mainline", "portals": "3", "queues": "512-1023", "congestion-groups": "4",
        "pool-channels": "1",
      ],
      others: [
        "guest2": [
          "cpus": "[ 6 ]", "memory": "256 MiB", "portals": "1", "queues": "1024-1055",
          "pools": "[ {buffers: 256, size: 2 KiB} ]",
        ]
      ], links: "[ [host, guest1], [guest1, guest2] ]")
  ) { context, findings in
    for (index, wish) in context.mainlineGuests {
      let paths = context.traffic.paths[index].count
      guard let pools = wish.pools, pools.count < paths else { continue }
      findings.add(
        "\(wish.name) has \(pools.count) pool\(pools.count == 1 ? "" : "s") for \(paths) interfaces "
          + "and links, but mainline Linux takes one for each",
        at: context.span(ClaimPath.pools(index)), label: "\(paths - pools.count) too few",
        notes: context.mainlineNotes(index),
        fixIts: [FixIt("add \(paths - pools.count) more")])
    }
  }

  static let mainlineGroups = PartitionCheck(
    "mainline-congestion-groups", .trees,
    "mainline Linux has two congestion groups for each interface",
    meaning: """
      dpaa_eth takes one group for what an interface receives and one for what it sends; the driver \
      of SEC's queues takes one more. Without them probing ends with an error.
      """,
    repair: "give the partition two groups for each interface and link, and one for SEC",
    source:
      "Linux 6.1, dpaa_eth.c (dpaa_ingress_cgr_init, dpaa_eth_cgr_init); caam/qi.c (init_cgr)",
    example: .init(guest: [
      "os": "linux-mainline", "portals": "3", "queues": "512-1023", "congestion-groups": "1",
      "pool-channels": "1",
    ])
  ) { context, findings in
    for (index, wish) in context.mainlineGuests {
      let paths = context.traffic.paths[index].count
      let sec = wish.accelerators.count { $0.kind == .sec }
      let needed = 2 * paths + sec
      let owned = wish.congestionGroups.count
      guard owned < needed else { continue }
      let span = context.span(ClaimPath.congestionGroups(index))
      findings.add(
        "\(wish.name) has \(owned) congestion group\(owned == 1 ? "" : "s"), but mainline Linux takes "
          + "\(needed)",
        at: span ?? context.span(ClaimPath.partition(index)), label: "\(needed - owned) too few",
        notes: context.mainlineNotes(index),
        fixIts: [FixIt(owned == 0 ? "add congestion-groups: \(needed)" : "ask for \(needed)")])
    }
  }

  static let mainlineChannel = PartitionCheck(
    "mainline-pool-channel", .trees, "mainline Linux has a pool channel for what it receives",
    meaning: """
      dpaa_eth puts its default and error queues on a pool channel that all CPUs serve. Where none \
      can be allocated, no interface comes up.
      """,
    repair: "give the partition a pool channel",
    source: "Linux 6.1, drivers/net/ethernet/freescale/dpaa/dpaa_eth.c (dpaa_get_channel)",
    example: .init(guest: [
      "os": "linux-mainline", "portals": "3", "queues": "512-1023", "congestion-groups": "2",
    ])
  ) { context, findings in
    for (index, wish) in context.mainlineGuests where !context.traffic.paths[index].isEmpty {
      guard wish.poolChannels?.count ?? 0 == 0 else { continue }
      findings.add(
        "\(wish.name) runs mainline Linux, but has no pool channel",
        at: context.span(ClaimPath.poolChannels(index))
          ?? context.span(ClaimPath.partition(index)),
        notes: context.mainlineNotes(index), fixIts: [FixIt("add pool-channels: 1")])
    }
  }

  static let mainlineRings = PartitionCheck(
    "mainline-rings", .trees, "mainline Linux has rings as the hardware has them",
    after: ["ring-size"],
    meaning: """
      The sizes are compiled into the driver: 8 entries to enqueue, 16 to dequeue. Larger rings wrap \
      where it does not expect it, and it reads old entries as new ones.
      """,
    repair: "leave `rings` out",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman.c (QM_EQCR_SIZE, QM_DQRR_SIZE)",
    example: .init(guest: [
      "os": "linux-mainline", "portals": "3", "queues": "512-1023", "congestion-groups": "2",
      "pool-channels": "1", "rings": "{ dequeue: 64 }",
    ])
  ) { context, findings in
    for (index, wish) in context.mainlineGuests {
      let rings = [
        (
          "an enqueue", wish.rings.enqueue, RingSizes.hardware.enqueue, ClaimPath.enqueueRing(index)
        ),
        ("a dequeue", wish.rings.dequeue, RingSizes.hardware.dequeue, ClaimPath.dequeueRing(index)),
      ]
      for (kind, size, fixed, path) in rings where size != fixed {
        let span = context.span(path)
        findings.add(
          "\(wish.name) runs mainline Linux, whose driver has \(kind) ring of \(fixed), not \(size)",
          at: span, notes: context.mainlineNotes(index),
          fixIts: [.replace(span, with: "\(fixed)")])
      }
    }
  }
}

extension PartitionCheck {
  static let mainlinePatterns = PartitionCheck(
    "mainline-pattern", .trees, severity: .warning, "a guest that uses PME has a driver for it",
    meaning: """
      PME's driver is part of the SDK's kernels and was never merged: mainline Linux has the block's \
      queues and nobody who fills them.
      """,
    repair: "leave `pme` out, or write linux-sdk",
    source: "Linux 6.1, drivers/soc/fsl and drivers/crypto: nothing drives fsl,pme; "
      + "Freescale SDK, drivers/staging/fsl_pme2",
    example: .init(guest: [
      "os": "linux-mainline", "portals": "3", "queues": "512-1023", "congestion-groups": "2",
      "pool-channels": "1", "accelerators": "{ pme: {} }",
    ])
  ) { context, findings in
    for (index, wish) in context.mainlineGuests
    where wish.accelerators.contains(where: { $0.kind == .pme }) {
      findings.add(
        "\(wish.name) uses PME, for which mainline Linux has no driver",
        at: context.span(ClaimPath.accelerator(index, .pme)), notes: context.mainlineNotes(index),
        fixIts: [FixIt("take pme out of its accelerators, or write os: linux-sdk")])
    }
  }

  static let mainlineHost = PartitionCheck(
    "mainline-host", .trees, severity: .warning,
    "the host's kernel hands out what is the host's only",
    after: ["host-missing"],
    meaning: """
      Mainline's drivers fill their allocators with all that the blocks have, whatever the device tree \
      says: a host that runs it hands out queues, pools, channels and congestion groups that guests own.
      """,
    repair: "write linux-sdk, whose drivers take the ranges that they are given",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman_ccsr.c (qman_resource_init) and bman_ccsr.c",
    example: .init(
      host: [
        "os": "linux-mainline", "portals": "5", "queues": "256-1023", "congestion-groups": "2",
        "pool-channels": "1",
      ], guest: ["queues": "1024-1279"])
  ) { context, findings in
    guard let host = context.indices[Plan.hostName], context.plan.partitions.count > 1,
      context.plan.partitions[host].os == .linuxMainline
    else { return }
    let board = context.board
    let span = context.span(ClaimPath.os(host))
    findings.add(
      "the host runs mainline Linux, which hands out all of \(board.name)'s queues "
        + "(\(board.qman.usableQueues)) and pools, those of guests too",
      at: span,
      notes: context.partitions.filter { !$0.wish.isHost }.prefix(4).map { index, wish in
        Note("\(wish.name) has queues of its own here", at: context.span(ClaimPath.queues(index)))
      }, fixIts: [.replace(span, with: "linux-sdk")])
  }
}

extension PlanContext {
  /// The partitions that run Linux as released.
  fileprivate var mainlineGuests: [(index: Int, wish: PartitionWish)] {
    partitions.filter { $0.wish.os == .linuxMainline }
  }

  /// Where a partition says that it runs Linux as released.
  fileprivate func mainlineNotes(_ index: Int) -> [Note] {
    [Note("\(plan.partitions[index].name)'s os is here", at: span(ClaimPath.os(index)))]
  }
}
