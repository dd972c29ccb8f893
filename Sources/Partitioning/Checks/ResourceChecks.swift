import Diagnostics
import QorIQ

/// Checks of CPUs, portals and memory.
extension PartitionCheck {
  static let cpuOverlap = PartitionCheck(
    "cpu-overlap", "a CPU belongs to one partition"
  ) { context, findings in
    findings.addRepeated(context.cpuClaims, kind: "CPU", in: context, all: context.cpuNumbers)
  }

  static let cpuRange = PartitionCheck(
    "cpu-range", "a CPU that is claimed exists"
  ) { context, findings in
    findings.addMissing(context.cpuClaims, kind: "CPU", in: context, existing: context.cpuNumbers)
  }

  static let cpusExhausted = PartitionCheck(
    "cpus-exhausted", "all partitions together ask for no more CPUs than there are",
    after: ["cpu-overlap", "cpu-range"]
  ) { context, findings in
    findings.addShortage(
      of: "CPUs",
      wishes: context.partitions.compactMap { index, wish in
        wish.cpus.map { (index, $0.count, context.span(ClaimPath.cpus(index))) }
      }, available: context.board.cpus.count, in: context)
  }

  static let portalOverlap = PartitionCheck(
    "portal-overlap", "a portal belongs to one partition"
  ) { context, findings in
    findings.addRepeated(
      context.portalClaims, kind: "portal", in: context, all: context.portalNumbers)
  }

  static let portalRange = PartitionCheck(
    "portal-range", "a portal that is claimed exists"
  ) { context, findings in
    findings.addMissing(
      context.portalClaims, kind: "portal", in: context, existing: context.portalNumbers)
  }

  static let portalsExhausted = PartitionCheck(
    "portals-exhausted", "all partitions together ask for no more portals than there are",
    after: ["portal-overlap", "portal-range"]
  ) { context, findings in
    findings.addShortage(
      of: "portals",
      wishes: context.partitions.compactMap { index, wish in
        wish.portals.map { (index, $0.count, context.span(ClaimPath.portals(index))) }
      }, available: context.portals.count, in: context)
  }

  static let memorySize = PartitionCheck(
    "memory-size", "memory is given in whole MiB"
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let memory = wish.memory, memory > 0, memory % (1 << 20) != 0 else { continue }
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
    "memory-exhausted", "all partitions together find room in the board's memory",
    after: ["memory-size"]
  ) { context, findings in
    var placer = MemoryPlacer(size: context.board.memorySize)
    let wishes = context.partitions.sorted { $0.wish.isHost && !$1.wish.isHost }
      .compactMap { index, wish in wish.memory.map { (index: index, memory: $0) } }
      .filter { $0.memory > 0 }
    guard let refused = wishes.first(where: { placer.place($0.memory) == nil }) else { return }
    // Saturating: a plan may ask for 2⁶⁴ bytes several times.
    let total = wishes.reduce(UInt64(0)) { sum, wish in
      let (value, overflow) = sum.addingReportingOverflow(wish.memory)
      return overflow ? .max : value
    }
    let board = context.board
    let has = "\(board.name) has \(byteCount(board.memorySize))"
    let message =
      total > board.memorySize
      ? "the partitions ask for \(byteCount(total)), but \(has)"
      : "\(context.plan.partitions[refused.index].name)'s \(byteCount(refused.memory)) find no "
        + "aligned place behind the others, though \(has)"
    findings.add(
      message, at: context.span(ClaimPath.memory(refused.index)),
      label: total > board.memorySize ? "\(byteCount(total - board.memorySize)) too many" : nil,
      notes: wishes.map {
        Note(
          "\(context.plan.partitions[$0.index].name) asks for \(byteCount($0.memory)) here",
          at: context.span(ClaimPath.memory($0.index)))
      },
      fixIts: [
        FixIt(
          total > board.memorySize
            ? "ask for \(byteCount(total - board.memorySize)) less"
            : "ask for a power of two, or name large partitions first")
      ])
  }

  static let emptyClaim = PartitionCheck(
    "empty-claim", "a partition has at least one of each thing that it cannot do without"
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

  fileprivate var cpuClaims: [Claim<Int>] {
    partitions.flatMap { index, wish in
      (wish.cpus?.elements ?? []).enumerated().map { item, cpu in
        Claim(
          owner: index, resource: Int(cpu.rawValue), span: span(ClaimPath.cpu(index, item)))
      }
    }
  }

  fileprivate var portalClaims: [Claim<Int>] {
    partitions.flatMap { index, wish in
      (wish.portals?.elements ?? []).enumerated().map { item, portal in
        Claim(
          owner: index, resource: Int(portal.rawValue), span: span(ClaimPath.portal(index, item)))
      }
    }
  }
}
