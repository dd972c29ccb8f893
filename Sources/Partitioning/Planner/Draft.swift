import QorIQ

/// A partition in the making: each step fills in one kind of resource and notes what it chose.
///
/// Everything here relies on the checks having passed: what they counted is there.
struct Draft {
  let context: PlanContext
  private(set) var owners: [Owner] = []
  private(set) var interfaces: [SharedInterface] = []
  private(set) var links: [Link] = []
  private(set) var decisions: [Decision] = []

  /// The plan's indices of the owners: the host first, then in the plan's order.
  private let order: [Int]
  /// The owners' indices by the plan's.
  private let ownerOfWish: [Int]
  /// The queues of each partition's paths, by the plan's indices.
  private var layouts: [QueueLayout] = []

  init(_ context: PlanContext) {
    self.context = context
    order = context.partitions.sorted { $0.wish.isHost && !$1.wish.isHost }.map(\.index)
    var ownerOfWish = order
    for (owner, wish) in order.enumerated() { ownerOfWish[wish] = owner }
    self.ownerOfWish = ownerOfWish
    chooseResources()
    layOutQueues()
    var offlinePorts = OfflinePortPicker(board: context.board)
    shareInterfaces(&offlinePorts)
    joinLinks(&offlinePorts)
  }

  private func wish(_ owner: Int) -> PartitionWish { context.plan.partitions[order[owner]] }

  private mutating func decide(_ subject: String, _ message: String) {
    decisions.append(Decision(subject, message))
  }

  // MARK: CPUs, portals, memory, pools

  private mutating func chooseResources() {
    let wishes = order.map { context.plan.partitions[$0] }
    let cpus = pickLowest(wishes.map(\.cpus), among: context.board.cpus.map(\.index))
    let portals = pickLowest(wishes.map(\.portals), among: context.portals)
    let queues = chooseQueues(wishes)
    let bpids = choosePools(wishes)
    var placer = MemoryPlacer(size: context.board.memorySize)
    for (owner, wish) in wishes.enumerated() {
      guard let bytes = wish.memory, let memory = placer.place(bytes) else {
        preconditionFailure("the check memory-exhausted has placed every partition")
      }
      decide(
        wish.name, "memory \(byteCount(bytes)) at 0x\(String(memory.base, radix: 16))")
      if case .count = wish.cpus {
        decide(wish.name, "CPUs \(runs(cpus[owner].map { Int($0.rawValue) }))")
      }
      if case .count = wish.portals {
        decide(wish.name, "portals \(runs(portals[owner].map { Int($0.rawValue) }))")
      }
      if case .count = wish.queues {
        decide(wish.name, "frame queues \(queues[owner].map(\.description).joined(separator: ","))")
      }
      let pools = placePools(wish.pools ?? [], bpids: bpids[owner], in: memory)
      for (pool, bpid) in zip(wish.pools ?? [], bpids[owner]) where pool.bpid == nil {
        decide(wish.name, "pool \(bpid) for its buffers of \(byteCount(pool.bufferSize))")
      }
      owners.append(
        Owner(
          name: wish.name, isHost: wish.isHost, cpus: cpus[owner], memory: memory,
          portals: portals[owner], rings: wish.rings,
          // One identity for each owner, as PAMU sees it: the number that U-Boot gives to its first
          // portal on P4080 (U-Boot, `p4080_ids.c`: portal + 1); distinct, as portals are.
          liodnOffset: UInt16(portals[owner].first?.rawValue ?? 0) + 1,
          queues: queues[owner], pools: pools, os: wish.os, program: wish.program, paths: []))
    }
  }

  private func chooseQueues(_ wishes: [PartitionWish]) -> [[QueueRange]] {
    var gaps = QueueGaps(
      usable: context.board.qman.usableQueues, claims: context.queueClaims.map(\.resource))
    // In the plan's order, as the check queues-exhausted has taken them.
    var chosen: [Int: [QueueRange]] = [:]
    for (index, wish) in context.partitions {
      switch wish.queues {
      case .exactly(let ranges): chosen[index] = ranges.sorted { $0.first < $1.first }
      case .count(let count): chosen[index] = gaps.take(count).map { [$0] } ?? []
      case nil: chosen[index] = []
      }
    }
    return order.map { chosen[$0] ?? [] }
  }

  private func choosePools(_ wishes: [PartitionWish]) -> [[BPID]] {
    let pools = wishes.flatMap { $0.pools ?? [] }
    let all = (0..<context.board.bman.poolCount).map { UInt32($0) }
    let picked = pickLowest(
      pools.map { pool in pool.bpid.map { .exactly([$0]) } ?? .count(1) }, among: all
    ).map { BPID(UInt8($0[0])) }
    var rest = picked[...]
    return wishes.map { wish in
      let own = rest.prefix(wish.pools?.count ?? 0)
      rest = rest.dropFirst(own.count)
      return Array(own)
    }
  }

  /// Pools near the top of the owner's memory, the one with the smallest buffers highest.
  private func placePools(
    _ wishes: [PoolWish], bpids: [BPID], in memory: AddressRange
  ) -> [PoolAssignment] {
    var top = memory.base + memory.size - PoolLayout.loaderReserve(inMemory: memory.size)
    return zip(wishes, bpids).sorted { ($0.0.bufferSize, $0.1) < ($1.0.bufferSize, $1.1) }
      .map { wish, bpid in
        top -= PoolLayout.bytes(of: wish)
        return PoolAssignment(
          bpid: bpid, bufferCount: wish.bufferCount, bufferSize: UInt32(wish.bufferSize),
          bufferStride: UInt32(PoolLayout.stride(ofBufferSize: wish.bufferSize)), base: top)
      }
  }

  // MARK: queues and channels

  private mutating func layOutQueues() {
    layouts = context.plan.partitions.indices.map { index in
      let paths = context.traffic.paths[index]
      guard
        let layout = QueueLayout(
          paths: paths, hops: context.traffic.hopCount(of: index),
          in: owners[ownerOfWish[index]].queues)
      else { preconditionFailure("the check queue-shortage has counted the queues") }
      return layout
    }
    for owner in owners.indices {
      let index = order[owner]
      let layout = layouts[index]
      // A portal's dedicated channel has the portal's number; paths take the portals in turn.
      let channels = owners[owner].portals.map { ChannelID(UInt16($0.rawValue)) }
      var turn = 0
      for (item, path) in context.traffic.paths[index].enumerated() {
        let receive = layout.receive[item]
        let served = (0..<min(channels.count, Int(receive.count))).map {
          channels[(turn + $0) % channels.count]
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
  }

  private func spreadReason(_ owner: Int, path: String, receive: QueueRange) -> String {
    let owned = owners[owner].queues.map(\.description).joined(separator: ",")
    let queues = receive.count == 1 ? "1 queue" : "\(receive.count) queues"
    return "owns \(owned); a hash over a power of two on an aligned base fits in \(receive): "
      + "\(queues) spread what arrives from \(path)"
  }

  // MARK: interfaces and links

  private mutating func shareInterfaces(_ offlinePorts: inout OfflinePortPicker) {
    var profiles: [Int: Int] = [:]
    var hops: [Int: Int] = [:]
    for (index, wish) in context.plan.interfaces.enumerated() {
      guard let found = context.board.interface(named: wish.name),
        let otherwise = wish.otherwise.flatMap({ context.indices[$0] })
      else { preconditionFailure("the checks have resolved every interface") }
      let sharers = TrafficMap.owners(of: wish, indices: context.indices)
      let fman = found.fman
      var profileOf: [Int: Int] = [:]
      if fman.hasStorageProfiles {
        for owner in sharers.map({ ownerOfWish[$0] }).sorted() {
          profileOf[owner] = profiles[fman.index, default: 0]
          profiles[fman.index, default: 0] += 1
        }
        decide(wish.name, profileReason(profileOf))
      }
      var delivery = SharedInterface.Delivery.storageProfiles
      if let hop = context.traffic.hops.first(where: { $0.interface == index }) {
        let queue = layouts[hop.receivingOwner].hops[hops[hop.receivingOwner, default: 0]]
        hops[hop.receivingOwner, default: 0] += 1
        guard let place = offlinePorts.take(fman: fman.index) else {
          preconditionFailure("the check offline-ports-exhausted has counted the ports")
        }
        let receiver = ownerOfWish[hop.receivingOwner]
        delivery = .offlineHop(
          SharedInterface.OfflineHop(
            receivingOwner: receiver, queue: queue, fman: place.fman, port: place.port))
        decide(wish.name, hopReason(hop, receiver: receiver, queue: queue, place: place))
      } else if !fman.hasStorageProfiles {
        decide(
          wish.name,
          "all frames are for \(owners[ownerOfWish[otherwise]].name), so the port receives into "
            + "its pools and nothing is copied")
      }
      var rules = wish.rules.map { rule in
        flowRule(rule, of: index, profiles: profileOf)
      }
      rules.append(
        flowRule(
          RuleWish(conditions: [], to: wish.otherwise), of: index, profiles: profileOf))
      interfaces.append(
        SharedInterface(
          name: wish.name, fman: fman.index, transmitChannel: found.interface.transmitChannel,
          rules: rules, delivery: delivery, replay: wish.replay))
    }
  }

  private func flowRule(
    _ rule: RuleWish, of interface: Int, profiles: [Int: Int]
  ) -> FlowRule {
    guard let index = rule.to.flatMap({ context.indices[$0] }),
      let path = context.traffic.paths[index].firstIndex(where: {
        $0.target == .interface(interface)
      })
    else { preconditionFailure("the check unknown-partition has resolved every name") }
    let range = layouts[index].receive[path]
    return FlowRule(
      conditions: rule.conditions ?? [], owner: ownerOfWish[index],
      receive: rule.spread == nil ? QueueRange(first: range.first, count: 1) : range,
      spread: rule.spread, storageProfile: profiles[ownerOfWish[index]])
  }

  private func profileReason(_ profiles: [Int: Int]) -> String {
    let each = profiles.sorted { $0.key < $1.key }
      .map { "\($0.value) for \(owners[$0.key].name)" }
    return "storage profile" + (each.count == 1 ? " " : "s ") + each.joined(separator: ", ")
      + ": each frame is received straight into its owner's pools"
  }

  private func hopReason(
    _ hop: TrafficMap.Hop, receiver: Int, queue: FQID, place: OfflinePortPicker.Place
  ) -> String {
    let others = hop.others.map { ownerOfWish[$0] }.sorted().map { owners[$0].name }
    return "FMan v2 has no storage profiles, pools belong to the port: it receives into "
      + "\(owners[receiver].name)'s pools, and frames for \(others.joined(separator: ", ")) go over "
      + "queue \(queue) to the offline port \(place), which classifies them again: one copy per "
      + "frame"
  }

  private mutating func joinLinks(_ offlinePorts: inout OfflinePortPicker) {
    for (index, wish) in context.plan.links.enumerated() {
      guard let first = context.indices[wish.first], let second = context.indices[wish.second]
      else { preconditionFailure("the check unknown-partition has resolved every name") }
      for (from, to) in [(first, second), (second, first)] {
        guard let place = offlinePorts.take(),
          let sender = pathIndex(from, link: index, peer: to),
          let receiver = pathIndex(to, link: index, peer: from)
        else { preconditionFailure("the checks have counted ports and paths") }
        let link = Link(
          from: ownerOfWish[from], to: ownerOfWish[to],
          transmit: layouts[from].transmit[sender], receive: layouts[to].receive[receiver].first,
          fman: place.fman, port: place.port)
        links.append(link)
        let names = (owners[link.from].name, owners[link.to].name)
        decide(
          "\(names.0)-\(names.1)",
          "queue \(link.transmit) leads to the offline port \(place), which copies each frame into "
            + "\(names.1)'s pool and queue \(link.receive)")
      }
    }
  }

  private func pathIndex(_ index: Int, link: Int, peer: Int) -> Int? {
    context.traffic.paths[index].firstIndex { $0.target == .link(link, peer: peer) }
  }
}
