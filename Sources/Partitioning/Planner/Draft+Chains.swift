import Diagnostics
import QorIQ

/// Chains: queues from interfaces through accelerators, and on to an interface or their owner.
extension Draft {
  /// The chains whose answers an interface sends, each of which takes an offline port: by the plan's partition
  /// and their places there.
  var exits: [(index: Int, item: Int)] { context.exits }

  /// The name of a chain's entry in the lock.
  func lockName(ofChain item: Int, of index: Int) -> String {
    "\(context.name(index))/\(context.plan.partitions[index].chains?[item].name ?? "")"
  }

  /// Gives every chain its queues; `places` has the offline ports of those that end at an interface.
  mutating func makeChains(_ places: [OfflinePortPicker.Place?]) {
    var ports: [[Int: OfflinePortPicker.Place]] = context.plan.partitions.map { _ in [:] }
    for (exit, place) in zip(exits, places) { ports[exit.index][exit.item] = place }
    for (index, wish) in context.partitions {
      guard let chains = wish.chains, !chains.isEmpty else { continue }
      let requests = chainQueues(.chainRequest, of: index)
      let responses = chainQueues(.chainResponse, of: index)
      for (item, chain) in chains.enumerated() {
        guard let kind = chain.kind, let (channel, _) = context.board.accelerator(kind) else {
          preconditionFailure("the checks have resolved every chain's accelerator")
        }
        var made = DeviceChain(
          name: chain.name, kind: kind, channel: channel, request: requests[item],
          response: responses[item], patternSet: patternSet(chain, of: wish))
        made.exit = exit(of: chain, index: index, place: ports[index][item])
        resources[ownerOfWish[index]].chains.append(made)
        decideChain(made, of: wish.name)
      }
    }
  }

  /// The queues of a partition's chains in a role, one for each.
  func chainQueues(_ role: QueueRole, of index: Int) -> [FQID] {
    (layouts[index].roles[role] ?? []).flatMap(\.fqids)
  }

  private func exit(
    of chain: ChainWish, index: Int, place: OfflinePortPicker.Place?
  ) -> DeviceChain.Exit? {
    guard let interface = chain.answers else { return nil }
    guard let place, let header = chain.header,
      let path = context.traffic.paths[index].firstIndex(where: { $0.isInterface(interface) })
    else { preconditionFailure("the checks have seen header, way and offline port") }
    return DeviceChain.Exit(
      interface: interface, transmit: layouts[index].transmit[path], header: header,
      fman: place.fman, port: place.port)
  }

  private func patternSet(_ chain: ChainWish, of wish: PartitionWish) -> UInt8? {
    guard let group = chain.group else { return nil }
    return wish.accelerators.first { $0.kind == .pme }?.patternSets.first { $0.name == group }?
      .number
  }

  private mutating func decideChain(_ chain: DeviceChain, of owner: String) {
    var text =
      "chain \(chain.name): frames on \(chain.request) to \(chain.kind.rawValue), answers on "
      + "\(chain.response)"
    if let exit = chain.exit {
      let place = OfflinePortPicker.Place(fman: exit.fman, port: exit.port)
      text +=
        " to the offline port \(place), which puts the Ethernet header in front and passes them on "
        + "to queue \(exit.transmit) of \(exit.interface)"
    }
    decide(owner, text)
  }
}

extension TrafficMap.Path {
  /// Whether it leads to an interface of this name.
  func isInterface(_ name: String) -> Bool {
    if case .interface = target { self.name == name } else { false }
  }
}

extension PlanContext {
  /// The chains whose answers an interface sends: by partition and place.
  var exits: [(index: Int, item: Int)] {
    partitions.flatMap { index, wish in
      (wish.chains ?? []).enumerated().compactMap { item, chain in
        chain.answers == nil ? nil : (index, item)
      }
    }
  }
}
