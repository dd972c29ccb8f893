import Diagnostics
import QorIQ

/// Checks of CPUs, portals and memory.
extension PartitionCheck {
  static let cpuOverlap = PartitionCheck(
    "cpu-overlap", .cpus, "a CPU belongs to one partition",
    meaning: """
      Two partitions on one CPU take turns, and each one's timing depends on the other; the \
      hypervisor of these parts refuses it.
      """,
    repair: "give one of them another CPU",
    source: """
      Freescale hypervisor, src/guest.c ("extra guest on core")
      """,
    example: .init(guest: ["cpus": "2-4"])
  ) { context, findings in
    findings.addRepeated(context.cpuClaims, kind: "CPU", in: context, all: context.cpuNumbers)
  }

  static let cpuRange = PartitionCheck(
    "cpu-range", .cpus, "a CPU that is claimed exists",
    meaning: "The CPU does not exist on this system-on-chip.",
    repair: "choose from the CPUs that `dpaac board` counts",
    source: "Linux 6.1, arch/powerpc/boot/dts/fsl/*si-pre.dtsi",
    example: .init(guest: ["cpus": "7-9"])
  ) { context, findings in
    findings.addMissing(context.cpuClaims, kind: "CPU", in: context, existing: context.cpuNumbers)
  }

  static let cpusExhausted = PartitionCheck(
    "cpus-exhausted", .cpus, "all partitions together ask for no more CPUs than there are",
    after: ["cpu-overlap", "cpu-range"],
    meaning: "Each wish can be met alone, but not all of them together.",
    repair: "ask for fewer CPUs",
    source: "the board's count of CPUs",
    example: .init(guest: ["cpus": "5"])
  ) { context, findings in
    findings.addShortage(
      of: "CPUs",
      wishes: context.partitions.compactMap { index, wish in
        wish.cpus.map { (index, $0.count, context.span(ClaimPath.cpus(index))) }
      }, available: context.board.cpus.count, in: context)
  }

  static let portalOverlap = PartitionCheck(
    "portal-overlap", .portals, "a portal belongs to one partition",
    meaning: """
      A portal's rings have one producer and one consumer. Two partitions on it overwrite each \
      other's entries, and each reads what was meant for the other.
      """,
    repair: "give one of them another portal",
    source: "Linux 6.1, drivers/soc/fsl/qbman/qman.c: one user for each portal",
    example: .init(host: ["portals": "[ 2, 3 ]"], guest: ["portals": "3-4"])
  ) { context, findings in
    findings.addRepeated(
      context.portalClaims, kind: "portal", in: context, all: context.portalNumbers)
  }

  static let portalRange = PartitionCheck(
    "portal-range", .portals, "a portal that is claimed exists",
    meaning: "The portal does not exist in QMan and BMan of this system-on-chip.",
    repair: "choose from the portals that `dpaac board` counts",
    source: "Linux 6.1, arch/powerpc/boot/dts/fsl/qoriq-qman*-portals.dtsi",
    example: .init(guest: ["portals": "[ 9, 10 ]"])
  ) { context, findings in
    findings.addMissing(
      context.portalClaims, kind: "portal", in: context, existing: context.portalNumbers)
  }

  static let portalsExhausted = PartitionCheck(
    "portals-exhausted", .portals, "all partitions together ask for no more portals than there are",
    after: ["portal-overlap", "portal-range"],
    meaning: "Portals are the scarcest thing on these parts: 10 on the P series, 50 on T4240.",
    repair: "ask for fewer portals",
    source: "Linux 6.1, arch/powerpc/boot/dts/fsl/qoriq-qman*-portals.dtsi",
    example: .init(guest: ["portals": "7"])
  ) { context, findings in
    findings.addShortage(
      of: "portals",
      wishes: context.partitions.compactMap { index, wish in
        wish.portals.map { (index, $0.count, context.span(ClaimPath.portals(index))) }
      }, available: context.portals.count, in: context)
  }

  static let memorySize = PartitionCheck(
    "memory-size", .memory, "memory is given in whole MiB",
    meaning: """
      Memory is mapped in pages and announced to kernels in MiB; a fraction of one would be \
      lost without a word.
      """,
    repair: "ask for whole MiB",
    source: "a decision of this project",
    example: .init(guest: ["memory": "1000000"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let memory = wish.memory, memory > 0, memory % (1 << 20) != 0 else { continue }
      // More than there is remains more than there is, however it is rounded.
      guard memory <= context.board.memorySize || context.board.memorySize == 0 else { continue }
      let rounded = (memory >> 20) + 1
      let span = context.span(ClaimPath.memory(index))
      findings.add(
        "\(wish.name) asks for \(byteCount(memory)), which is not a whole number of MiB",
        at: span,
        fixIts: [
          span.map { FixIt("ask for \(rounded) MiB", replacing: $0, with: "\(rounded) MiB") }
            ?? FixIt("ask for \(rounded) MiB")
        ])
    }
  }

  static let memoryExhausted = PartitionCheck(
    "memory-exhausted", .memory, "all partitions together ask for no more memory than there is",
    after: ["memory-size"],
    meaning: """
      Each byte is one partition's, and together they ask for more than the board has.
      """,
    repair: "ask for less memory",
    source: "the board's memory",
    example: .init(guest: ["memory": "4 GiB"])
  ) { context, findings in
    // Where all of them go, and in what order, the planner finds out, with the lock.
    let wishes = context.partitions
      .compactMap { index, wish in wish.memory.map { (index: index, memory: $0) } }
    // Saturating: a plan may ask for 2⁶⁴ bytes several times.
    let total = wishes.reduce(UInt64(0)) { sum, wish in
      let (value, overflow) = sum.addingReportingOverflow(wish.memory)
      return overflow ? .max : value
    }
    let board = context.board
    guard total > board.memorySize else { return }
    var sum = UInt64(0)
    let tipping = wishes.first { wish in
      let (value, overflow) = sum.addingReportingOverflow(wish.memory)
      sum = overflow ? .max : value
      return sum > board.memorySize
    }
    let excess = byteCount(total - board.memorySize)
    let span = tipping.flatMap { context.span(ClaimPath.memory($0.index)) }
    guard board.memorySize > 0 else {
      return findings.add(
        "the partitions ask for \(byteCount(total)), but nobody says how much memory "
          + "\(board.name) has",
        at: span, fixIts: [FixIt("say it in the board's file, or in its tree's memory node")])
    }
    findings.add(
      "the partitions ask for \(byteCount(total)), but \(board.name) has "
        + byteCount(board.memorySize), at: span, label: "\(excess) too many",
      notes: wishes.map {
        Note(
          "\(context.plan.partitions[$0.index].name) asks for \(byteCount($0.memory)) here",
          at: context.span(ClaimPath.memory($0.index)))
      }, fixIts: [FixIt("ask for \(excess) less")])
  }

  static let emptyClaim = PartitionCheck(
    "empty-claim", .naming, "a partition has at least one of each thing that it cannot do without",
    meaning: """
      A partition without a CPU runs nothing, without a portal it reaches no queue, and a pool \
      without buffers receives no frame.
      """,
    repair: "ask for at least one, or leave the partition out",
    source: "a decision of this project",
    example: .init(guest: ["portals": "0"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      var empty: [(String, String)] = []
      if wish.cpus?.count == 0 { empty.append(("CPU", ClaimPath.cpus(index))) }
      if wish.portals?.count == 0 { empty.append(("portal", ClaimPath.portals(index))) }
      if wish.memory == 0 { empty.append(("memory", ClaimPath.memory(index))) }
      if wish.queues == .count(0) || wish.queues == .exactly([]) {
        empty.append(("frame queue", ClaimPath.queues(index)))
      }
      for (item, pool) in (wish.pools ?? []).enumerated() where pool.bufferCount == 0 {
        empty.append(("buffer in its pool", ClaimPath.poolBuffers(index, item)))
      }
      for (what, path) in empty {
        findings.add(
          "\(wish.name) has no \(what)", at: context.span(path),
          fixIts: [FixIt("ask for at least one")])
      }
    }
  }
}

extension PartitionWish {
  /// Whether this is the host's wish.
  var isHost: Bool { name == Plan.hostName }
}

extension PlanContext {
  fileprivate var cpuNumbers: [Int] { board.cpus.map { Int($0.index.rawValue) } }
  fileprivate var portalNumbers: [Int] { portals.map { Int($0.rawValue) } }

  var cpuClaims: [Claim<Int>] {
    partitions.flatMap { index, wish in
      (wish.cpus?.elements ?? []).enumerated().map { item, cpu in
        Claim(
          owner: index, resource: Int(cpu.rawValue), item: item,
          path: { ClaimPath.cpu($0, $1) }, in: self)
      }
    }
  }

  var portalClaims: [Claim<Int>] {
    partitions.flatMap { index, wish in
      (wish.portals?.elements ?? []).enumerated().map { item, portal in
        Claim(
          owner: index, resource: Int(portal.rawValue), item: item,
          path: { ClaimPath.portal($0, $1) }, in: self)
      }
    }
  }
}
