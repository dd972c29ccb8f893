import Diagnostics
import QorIQ

/// A partition in the making: each step fills in one kind of resource and notes what it chose.
///
/// Exact choices come first, then what the lock holds, then the lowest that is free. What the checks
/// have counted is there; what they have not, or what a lock has scattered, may be short: then
/// ``shortages`` says of what, and nothing else here is to be used.
struct Draft {
  let context: PlanContext
  var owners: [Owner] = []
  var resources: [OwnerResources] = []
  var interfaces: [SharedInterface] = []
  var links: [Link] = []
  var policers: [PolicerProfile] = []
  var sharedMemory: [SharedMemory] = []
  private(set) var decisions: [Decision] = []
  var shortages: [Diagnostic] = []

  let lock: PlanLock
  /// What the lock holds for each owner.
  let locked: [PlanLock.Entry]
  /// The plan's indices of the owners: the host first, then in the plan's order.
  let order: [Int]
  /// The owners' indices by the plan's.
  let ownerOfWish: [Int]
  /// The queues of each partition's paths, by the plan's indices.
  var layouts: [QueueLayout] = []

  init(_ context: PlanContext, lock: PlanLock) {
    self.context = context
    self.lock = lock
    let entries = lock.board == context.board.name ? lock.entries : [:]
    order = context.partitions.sorted { $0.wish.isHost && !$1.wish.isHost }.map(\.index)
    wishes = order.map { context.plan.partitions[$0] }
    locked = order.map { index in
      let name = context.plan.partitions[index].name
      return entries[name] ?? PlanLock.Entry(name: name)
    }
    var ownerOfWish = order
    for (owner, wish) in order.enumerated() { ownerOfWish[wish] = owner }
    self.ownerOfWish = ownerOfWish
    // Each step relies on those before it.
    let steps: [(inout Draft) -> Void] = [
      { $0.chooseResources() }, { $0.layOutQueues() }, { $0.shareInterfaces() },
      { $0.choosePolicers() }, { $0.chooseServices() }, { $0.openWindows() }, { $0.placeImages() },
    ]
    for step in steps where shortages.isEmpty { step(&self) }
  }

  /// The wishes in the order of the owners.
  let wishes: [PartitionWish]

  mutating func decide(_ subject: String, _ message: String) {
    decisions.append(Decision(subject, message))
  }

  /// The owner of this name.
  func owner(named name: String) -> Int? { context.indices[name].map { ownerOfWish[$0] } }

  // MARK: CPUs, portals, memory, pools

  private mutating func chooseResources() {
    let wishes = wishes
    let cpus = choose(
      .cpus, "CPU", wishes.map { $0.cpus?.map { UInt32($0.rawValue) } }, locked.map(\.cpus),
      among: context.board.cpus.map { UInt32($0.index.rawValue) }, at: ClaimPath.cpus)
    let portals = choose(
      .portals, "portal", wishes.map { $0.portals?.map { UInt32($0.rawValue) } },
      locked.map(\.portals), among: context.portals.map { UInt32($0.rawValue) },
      at: ClaimPath.portals
    ).map { $0.map { PortalIndex(UInt16($0)) } }
    let queues = chooseQueues(wishes)
    let bpids = choosePools(wishes)
    let offsets = chooseOffsets(wishes, portals: portals)
    let memory = placeMemory(wishes)
    guard shortages.isEmpty else { return }
    for (owner, wish) in wishes.enumerated() {
      let place = memory[owner]
      decide(wish.name, memoryReason(place))
      if case .count = wish.cpus {
        decide(wish.name, "CPUs \(runs(cpus[owner].map { Int($0) }))")
      }
      if case .count = wish.portals {
        decide(wish.name, "portals \(runs(portals[owner].map { Int($0.rawValue) }))")
      }
      if case .count = wish.queues {
        decide(wish.name, "frame queues \(queues[owner].map(\.description).joined(separator: ","))")
      }
      let pools = placePools(wish.pools ?? [], bpids: bpids[owner], in: place, owner: owner)
      for (pool, bpid) in zip(wish.pools ?? [], bpids[owner]) where pool.bpid == nil {
        decide(wish.name, "pool \(bpid) for its buffers of \(byteCount(pool.bufferSize))")
      }
      owners.append(
        Owner(
          name: wish.name, isHost: wish.isHost,
          cpus: cpus[owner].map { CPUIndex(UInt16($0)) }, memory: place, portals: portals[owner],
          rings: wish.rings, liodnOffset: offsets[owner], queues: queues[owner], pools: pools,
          os: wish.os, program: wish.program, paths: [],
          kind: wish.isMachine ? .machine(wish.accelerator ?? .auto, wish.mode) : .process))
      resources.append(OwnerResources())
      resources[owner].pools = zip(wish.pools ?? [], bpids[owner]).map { pool, bpid in
        PoolSettings(
          bpid: bpid, seeded: min(pool.seeded ?? pool.bufferCount, pool.bufferCount),
          thresholds: pool.thresholds,
          sharers: pool.sharedWith.compactMap { self.owner(named: $0) })
      }
    }
  }

  private func memoryReason(_ place: AddressRange) -> String {
    let room = MemoryPlacer.room(for: place.size)
    let text = "memory \(byteCount(place.size)) at 0x\(String(place.base, radix: 16))"
    guard room > place.size else { return text }
    return text
      + ": \(byteCount(room - place.size)) behind it stay empty, because a DMA window has "
      + "at most \(DMAWindow.slotLimit) slots"
  }

  private mutating func choosePools(_ wishes: [PartitionWish]) -> [[BPID]] {
    let all = (0..<context.board.bman.poolCount).map { UInt32($0) }
    // One wish for each pool, so that an exact one among others keeps its place.
    var single: [Choice<UInt32>?] = []
    var held: [[UInt32]] = []
    var owner: [Int] = []
    for (index, wish) in wishes.enumerated() {
      for (item, pool) in (wish.pools ?? []).enumerated() {
        single.append(pool.bpid.map { .exactly([$0]) } ?? .count(1))
        let pools = locked[index].pools
        held.append(item < pools.count ? [pools[item]] : [])
        owner.append(index)
      }
    }
    let picked = choose(
      .pools, "pool", single, held, among: all, owners: owner, at: ClaimPath.pools)
    var bpids: [[BPID]] = wishes.map { _ in [] }
    for (index, pool) in zip(owner, picked) {
      if let number = pool.first { bpids[index].append(BPID(UInt8(number))) }
    }
    return bpids
  }

  /// Pools near the top of the owner's memory, the one with the smallest buffers highest, unless the
  /// plan says where.
  private mutating func placePools(
    _ wishes: [PoolWish], bpids: [BPID], in memory: AddressRange, owner: Int
  ) -> [PoolAssignment] {
    var exact: [AddressRange] = []
    var isOutside = false
    for (item, wish) in wishes.enumerated() {
      guard let base = wish.address else { continue }
      let range = AddressRange(base: base, size: PoolLayout.bytes(of: wish))
      exact.append(range)
      // `pool-address-outside` does not know where memory is put that has no address in the plan.
      guard !memory.contains(range) else { continue }
      reportPoolOutside(owner, item, range, memory)
      isOutside = true
    }
    guard !isOutside else { return [] }
    var top = memory.base + memory.size - PoolLayout.loaderReserve(inMemory: memory.size)
    var pools: [PoolAssignment] = []
    let sorted = zip(wishes, bpids).enumerated()
      .sorted { ($0.1.0.bufferSize, $0.1.1) < ($1.1.0.bufferSize, $1.1.1) }
    for (item, (wish, bpid)) in sorted {
      let bytes = PoolLayout.bytes(of: wish)
      if wish.address == nil {
        // Below whatever has its place already.
        func isMet(_ other: AddressRange) -> Bool {
          other.base < top && (top < bytes || top - bytes < other.base + other.size)
        }
        while let other = exact.first(where: isMet) { top = other.base }
        guard top > memory.base, top - memory.base >= bytes else {
          reportShort(
            "pool \(bpid) of \(context.plan.partitions[order[owner]].name) takes "
              + "\(byteCount(bytes)), for which its memory has no room beside its other pools",
            at: ClaimPath.pool(order[owner], item),
            repair: "ask for fewer buffers, or leave the places to the planner")
          return pools
        }
        top -= bytes
      }
      pools.append(
        PoolAssignment(
          bpid: bpid, bufferCount: wish.bufferCount, bufferSize: UInt32(wish.bufferSize),
          bufferStride: UInt32(PoolLayout.stride(ofBufferSize: wish.bufferSize)),
          base: wish.address ?? top))
    }
    return pools
  }

  // MARK: queues and channels

  private mutating func layOutQueues() {
    for index in context.plan.partitions.indices {
      let owner = ownerOfWish[index]
      let demand = context.demand(of: index)
      guard let layout = QueueLayout(demand, in: owners[owner].queues, lock: locked[owner]) else {
        reportQueues(owner, demand)
        return
      }
      layouts.append(layout)
    }
    for owner in owners.indices { makePaths(of: owner) }
  }

  private mutating func makePaths(of owner: Int) {
    let index = order[owner]
    let layout = layouts[index]
    let held = Dictionary(
      locked[owner].paths.map { ($0.name, $0.channels) }, uniquingKeysWith: { first, _ in first })
    // A portal's dedicated channel has the portal's number; paths take the portals in turn.
    let channels = owners[owner].portals.map { ChannelID(UInt16($0.rawValue)) }
    var turn = 0
    for (item, path) in context.traffic.paths[index].enumerated() {
      let receive = layout.receive[item]
      let count = min(channels.count, Int(receive.count))
      var served = (0..<count).map { channels[(turn + $0) % channels.count] }
      if let old = held[path.name]?.map({ ChannelID(UInt16(truncatingIfNeeded: $0)) }),
        old.count == count, old.allSatisfy(channels.contains)
      {
        served = old
      }
      turn += Int(receive.count)
      var isLink = false
      if case .link = path.target { isLink = true }
      owners[owner].paths.append(
        OwnerPath(
          name: path.name, isLink: isLink, receive: receive, channels: served,
          transmit: layout.transmit[item]))
      if path.spreads {
        decide(owners[owner].name, spreadReason(owner, path: path.name, receive: receive))
      }
    }
  }

  private func spreadReason(_ owner: Int, path: String, receive: QueueRange) -> String {
    let owned = owners[owner].queues.brief
    let queues = receive.count == 1 ? "1 queue" : "\(receive.count) queues"
    return "owns \(owned); a hash over a power of two on an aligned base fits in \(receive): "
      + "\(queues) spread what arrives from \(path)"
  }
}

extension Choice {
  /// The same choice of other things.
  func map<Other>(_ transform: (Element) -> Other) -> Choice<Other> {
    switch self {
    case .count(let count): .count(count)
    case .exactly(let elements): .exactly(elements.map(transform))
    }
  }
}

extension PlanContext {
  /// What a partition's queues are needed for.
  func demand(of index: Int) -> QueueDemand {
    let wish = plan.partitions[index]
    var demand = QueueDemand(
      paths: traffic.paths[index],
      hops: traffic.hops.filter { $0.receivingOwner == index }
        .map { plan.interfaces[$0.interface].name }, roles: wish.roles)
    for accelerator in wish.accelerators {
      let (request, response) = accelerator.kind.roles
      demand.roles[request] = demand.roles[request] ?? .count(accelerator.pairs)
      demand.roles[response] = demand.roles[response] ?? .count(accelerator.pairs)
    }
    if let chains = wish.chains, !chains.isEmpty {
      for role in [QueueRole.chainRequest, .chainResponse] {
        demand.roles[role] = demand.roles[role] ?? .count(UInt32(chains.count))
      }
    }
    return demand
  }
}
