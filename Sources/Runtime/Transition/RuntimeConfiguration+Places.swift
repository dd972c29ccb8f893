import Partitioning

/// A new configuration with everything at the place that it has in a running one: holders of buffers, counters
/// and portals know their owner by its place, so who goes on must keep it.
extension RuntimeConfiguration {
  /// The same configuration with its owners and interfaces at the places of another's.
  ///
  /// Owners are known by their names. One that is not there any more stays as a name without anything, so that
  /// what was counted for it is not another's; one that is new stands behind the others.
  ///
  /// - Parameter old: The configuration that runs.
  /// - Returns: What is run.
  /// - Throws: ``EngineError/transition(_:)`` when its host or its interfaces are others.
  func placed(after old: RuntimeConfiguration) throws(EngineError) -> RuntimeConfiguration {
    try checkHost(old)
    var places: [Int] = []
    var all = old.owners.map(\.withoutHoldings)
    for owner in owners {
      let place = old.owners.firstIndex { $0.name == owner.name } ?? all.count
      if place < all.count { all[place] = owner } else { all.append(owner) }
      places.append(place)
    }
    guard all.count <= 64 else {
      throw .transition(
        "\(all.count) partitions in one run, with those that are gone; at most 64 can be told apart: start the "
          + "run anew")
    }
    var placed = self
    placed.owners = all
    placed.queueing = [:]
    for (index, grant) in queueing where places.indices.contains(index) {
      var grant = grant
      for group in grant.groupSettings.indices {
        grant.groupSettings[group].notified = grant.groupSettings[group].notified.map { places[$0] }
      }
      placed.queueing[places[index]] = grant
    }
    placed.links = links.map { link in
      var link = link
      (link.from, link.to) = (places[link.from], places[link.to])
      return link
    }
    let order = try interfaceOrder(old)
    placed.interfaces = order.map { interfaces[$0].moved(to: places) }
    if ports.count == interfaces.count { placed.ports = order.map { ports[$0] } }
    return placed
  }

  private func checkHost(_ old: RuntimeConfiguration) throws(EngineError) {
    guard owners.first?.name == old.owners.first?.name else {
      throw .transition(
        "the first partition is \(owners.first?.name ?? "none"), and was \(old.owners.first?.name ?? "none"): "
          + "start the run anew")
    }
  }

  /// The places in this configuration of another's interfaces, in its order.
  private func interfaceOrder(_ old: RuntimeConfiguration) throws(EngineError) -> [Int] {
    let names = interfaces.map(\.name)
    if let name = names.first(where: { name in !old.interfaces.contains { $0.name == name } }) {
      throw .transition(
        "\(name) is new: a run is connected with its interfaces when it starts; start it anew with this plan"
      )
    }
    var order: [Int] = []
    for interface in old.interfaces {
      guard let place = names.firstIndex(of: interface.name) else {
        throw .transition(
          "\(interface.name) is gone: a run keeps its interfaces; keep it with a rule that drops, or start the run "
            + "anew with this plan")
      }
      order.append(place)
    }
    return order
  }
}

extension Owner {
  /// The owner's name with nothing that it could use.
  var withoutHoldings: Owner {
    var owner = self
    owner.portals = []
    owner.queues = []
    owner.pools = []
    owner.paths = []
    owner.program = .reflect
    owner.kind = .process
    return owner
  }

  /// Whether there is nothing that it could use: it was in a plan before.
  var hasNothing: Bool { portals.isEmpty && queues.isEmpty && pools.isEmpty }
}

extension SharedInterface {
  /// The interface for owners at other places.
  fileprivate func moved(to places: [Int]) -> SharedInterface {
    var interface = self
    for rule in rules.indices {
      interface.rules[rule].owner = places[rules[rule].owner]
      for copy in rules[rule].copies.indices {
        interface.rules[rule].copies[copy].owner = places[rules[rule].copies[copy].owner]
      }
    }
    if case .offlineHop(var hop) = delivery {
      hop.receivingOwner = places[hop.receivingOwner]
      interface.delivery = .offlineHop(hop)
    }
    return interface
  }
}
