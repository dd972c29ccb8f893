import Diagnostics
import Partitioning
import QorIQ
import TestSupport
import Testing

/// What must hold of every partition that the planner gives out, looked at on its own: nothing here
/// uses the planner's or the checks' code.
@Suite struct SoundnessTests {
  static let seed: UInt64 = 4240

  @Test(arguments: [64, 0])
  func `nothing that was planned is owned or used twice`(storageProfiles: Int) {
    var generator = SeededGenerator(seed: Self.seed)
    let board = Board.test(storageProfiles: storageProfiles)
    var planned = 0
    for number in 0..<1000 {
      let plan = Self.randomPlan(using: &generator)
      var bag = DiagnosticBag()
      guard let partition = Planner(plan: plan, board: board).partition(into: &bag) else {
        continue
      }
      planned += 1
      let faults = Self.faults(of: partition)
      #expect(faults.isEmpty, "seed \(Self.seed), plan \(number): \(faults)")
      var again = DiagnosticBag()
      #expect(Planner(plan: plan, board: board).partition(into: &again) == partition)
    }
    #expect(planned > 300, "\(planned) of 1000 plans were possible")
  }

  private static func randomPlan(using generator: inout SeededGenerator) -> Plan {
    let names = Array(["a", "host", "b", "c"].prefix(Int.random(in: 2...4, using: &generator)))
    var start: UInt32 = 1
    let partitions = names.map { name in
      let count = UInt32.random(in: 4...400, using: &generator)
      let range = QueueRange(first: FQID(start), count: count)
      start += count + UInt32.random(in: 0...50, using: &generator)
      return PartitionWish(
        name: name, cpus: .count(Int.random(in: 1...2, using: &generator)),
        memory: UInt64.random(in: 1...600, using: &generator) << 20,
        portals: .count(Int.random(in: 1...2, using: &generator)),
        queues: Bool.random(using: &generator) ? .exactly([range]) : .count(count),
        pools: (0..<Int.random(in: 1...2, using: &generator)).map { _ in
          PoolWish(
            bpid: nil, bufferCount: UInt32.random(in: 1...100, using: &generator),
            bufferSize: UInt64.random(in: 124...4096, using: &generator))
        })
    }
    let interfaces = ["fm1-gb0", "fm1-gb1", "fm2-gb0"]
      .prefix(Int.random(in: 0...3, using: &generator))
    return Plan(
      name: "random", partitions: partitions,
      interfaces: interfaces.map { name in
        InterfaceWish(
          name: name,
          rules: (0..<Int.random(in: 0...4, using: &generator)).map { item in
            RuleWish(
              conditions: [.vlan(UInt16(item))], to: names.randomElement(using: &generator),
              spread: Bool.random(using: &generator) ? .fiveTuple : nil)
          }, otherwise: names.randomElement(using: &generator))
      },
      links: (0..<Int.random(in: 0...3, using: &generator)).compactMap {
        $0 + 1 < names.count ? LinkWish(names[$0], names[$0 + 1]) : nil
      })
  }

  private static func faults(of partition: Partition) -> [String] {
    var faults: [String] = []
    func claim<Item: Hashable>(_ items: [Item], _ what: String) {
      if Set(items).count != items.count { faults.append("\(what) twice: \(items)") }
    }
    let owners = partition.owners
    claim(owners.flatMap(\.cpus), "CPU")
    claim(owners.flatMap(\.portals), "portal")
    claim(owners.flatMap { $0.pools.map(\.bpid) }, "pool")
    claim(owners.map(\.liodnOffset), "LIODN offset")
    claim(owners.flatMap { $0.queues.flatMap { Array($0.rawValues) } }, "owned queue")
    if owners.first?.isHost != true { faults.append("the host is not first") }

    for (index, owner) in owners.enumerated() {
      for other in owners[..<index] where owner.memory.overlaps(other.memory) {
        faults.append("\(owner.name) and \(other.name) share memory")
      }
      if owner.memory.base + owner.memory.size > partition.board.memorySize {
        faults.append("\(owner.name)'s memory is not there")
      }
      for (item, pool) in owner.pools.enumerated() {
        let end = pool.memory.base + pool.memory.size
        if pool.base < owner.memory.base || end > owner.memory.base + owner.memory.size {
          faults.append("pool \(pool.bpid) lies outside \(owner.name)'s memory")
        }
        if pool.bufferStride < pool.bufferSize || pool.base % 64 != 0 {
          faults.append("pool \(pool.bpid)'s buffers overlap or lie askew")
        }
        for other in owner.pools[..<item] where pool.memory.overlaps(other.memory) {
          faults.append("pools \(pool.bpid) and \(other.bpid) share memory")
        }
      }
    }

    var used: [UInt32] = []
    func use(_ queues: QueueRange, by owner: Owner) {
      if !owner.queues.contains(where: { $0.contains(queues) }) {
        faults.append("\(owner.name) does not own \(queues)")
      }
      used += Array(queues.rawValues)
    }
    for owner in owners {
      let own = Set(owner.portals.map { UInt16($0.rawValue) })
      for path in owner.paths {
        use(path.receive, by: owner)
        use(QueueRange(first: path.transmit, count: 1), by: owner)
        let count = path.receive.count
        if count & (count - 1) != 0 || path.receive.first.rawValue % count != 0 {
          faults.append("\(path.receive) is no aligned power of two")
        }
        if path.channels.isEmpty || !path.channels.allSatisfy({ own.contains($0.rawValue) }) {
          faults.append("\(owner.name)'s \(path.name) is not served by its own portals")
        }
      }
    }
    var profiles: [[Int]] = partition.board.fmans.map { _ in [] }
    for interface in partition.interfaces {
      for rule in interface.rules {
        let path = owners[rule.owner].paths.first { $0.name == interface.name }
        if path?.receive.contains(rule.receive) != true {
          faults.append("a rule of \(interface.name) leads outside its owner's path")
        }
        if rule.spread == nil, rule.receive.count != 1 {
          faults.append("a rule of \(interface.name) spreads without being asked")
        }
      }
      let named = Dictionary(
        interface.rules.map { ($0.owner, $0.storageProfile) },
        uniquingKeysWith: { first, _ in first })
      if interface.rules.contains(where: { named[$0.owner] != .some($0.storageProfile) }) {
        faults.append("an owner has two profiles on \(interface.name)")
      }
      profiles[interface.fman] += named.values.compactMap { $0 }
      switch interface.delivery {
      case .offlineHop(let hop):
        use(QueueRange(first: hop.queue, count: 1), by: owners[hop.receivingOwner])
        if hop.fman != interface.fman { faults.append("a hop to another frame manager") }
      case .sharedPool(let pool):
        let holder = partition.resources.firstIndex { $0.pools.contains { $0.bpid == pool } }
        let sharers =
          holder.map { index in
            partition.resources[index].pools.first { $0.bpid == pool }?.sharers ?? []
          } ?? []
        if !Set(interface.rules.map(\.owner)).isSubset(of: sharers + [holder].compactMap(\.self)) {
          faults.append("\(interface.name) receives into a pool that is not everybody's")
        }
      case .storageProfiles:
        let isV3 = partition.board.fmans[interface.fman].hasStorageProfiles
        let owners = Set(interface.rules.map(\.owner))
        if isV3 ? named.values.contains(nil) : owners.count > 1 {
          faults.append("\(interface.name) does not reach every owner's pool")
        }
      }
    }
    claim(used, "used queue")
    for fman in profiles { claim(fman, "storage profile") }
    claim(
      partition.links.map(\.port.channel)
        + partition.interfaces.compactMap {
          if case .offlineHop(let hop) = $0.delivery { hop.port.channel } else { nil }
        }, "offline port")
    for link in partition.links {
      let sender = owners[link.from].paths.first { $0.isLink && $0.name == owners[link.to].name }
      let receiver = owners[link.to].paths.first { $0.isLink && $0.name == owners[link.from].name }
      if sender?.transmit != link.transmit || receiver?.receive.first != link.receive {
        faults.append("a link and its paths disagree")
      }
    }
    return faults
  }
}
