import Diagnostics
import QorIQ

/// Interfaces, links and policers.
extension Draft {
  mutating func shareInterfaces() {
    var offlinePorts = OfflinePortPicker(board: context.board)
    let held = isLockUsable ? lock : PlanLock()
    let entries = Dictionary(
      held.interfaces.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let linkPorts = Dictionary(
      held.links.map { ($0.name, $0.offlinePort) }, uniquingKeysWith: { first, _ in first })
    // What the lock holds is set aside before anybody new takes the lowest.
    var hopPlaces: [Int: OfflinePortPicker.Place] = [:]
    for hop in context.traffic.hops {
      let interface = context.plan.interfaces[hop.interface]
      hopPlaces[hop.interface] = offlinePorts.take(
        named: entries[interface.name]?.offlinePort,
        fman: context.board.interface(named: interface.name)?.fman.index)
    }
    let directions = linkDirections()
    var linkPlaces = directions.map { direction in
      offlinePorts.take(
        named: linkPorts[
          PlanLock.linkName(from: name(of: direction.from), to: name(of: direction.to))])
    }
    var exitPlaces = exits.map { exit in
      offlinePorts.take(named: linkPorts[lockName(ofChain: exit.item, of: exit.index)])
    }
    for hop in context.traffic.hops where hopPlaces[hop.interface] == nil {
      let interface = context.plan.interfaces[hop.interface]
      hopPlaces[hop.interface] = offlinePorts.take(
        fman: context.board.interface(named: interface.name)?.fman.index)
    }
    for index in directions.indices where linkPlaces[index] == nil {
      linkPlaces[index] = offlinePorts.take()
    }
    for index in exitPlaces.indices where exitPlaces[index] == nil {
      exitPlaces[index] = offlinePorts.take()
    }
    reportPorts(hopPlaces, directions, linkPlaces)
    for (exit, place) in zip(exits, exitPlaces) where place == nil {
      reportShort(
        "no offline port is left for the answers of \(name(of: exit.index))'s chain "
          + (context.plan.partitions[exit.index].chains?[exit.item].name ?? ""),
        at: ClaimPath.chain(exit.index, exit.item), repair: "remove a link or a chain")
    }
    let profiles = chooseProfiles(entries)
    guard shortages.isEmpty else { return }
    for index in context.plan.interfaces.indices {
      shareInterface(index, hop: hopPlaces[index], profiles: profiles[index])
    }
    joinLinks(directions, linkPlaces)
    makeChains(exitPlaces)
  }

  private func name(of index: Int) -> String { context.plan.partitions[index].name }

  /// The check offline-ports-exhausted has counted the ports; a lock may have scattered them.
  private mutating func reportPorts(
    _ hops: [Int: OfflinePortPicker.Place], _ directions: [Direction],
    _ links: [OfflinePortPicker.Place?]
  ) {
    var holders: [Note] = []
    for (index, place) in hops.sorted(by: { $0.key < $1.key }) {
      let name = context.plan.interfaces[index].name
      holders.append(Note("\(name) has \(place)", at: context.span(ClaimPath.interface(index))))
    }
    for (direction, place) in zip(directions, links) {
      guard let place else { continue }
      let names = "\(name(of: direction.from)) to \(name(of: direction.to))"
      holders.append(
        Note("\(names) has \(place)", at: context.span(ClaimPath.link(direction.link))))
    }
    for hop in context.traffic.hops where hops[hop.interface] == nil {
      reportShort(
        "\(context.plan.interfaces[hop.interface].name) needs an offline port of its own frame "
          + "manager for its detour, but none is left",
        at: ClaimPath.interface(hop.interface), notes: holders,
        repair: "plan anew without the lock, or remove a link")
    }
    for (direction, place) in zip(directions, links) where place == nil {
      reportShort(
        "no offline port is left for \(name(of: direction.from)) to \(name(of: direction.to))",
        at: ClaimPath.link(direction.link), notes: holders, repair: "remove a link")
    }
  }

  /// Storage profiles by interface and owner: what the lock holds, then the lowest of the frame
  /// manager.
  private mutating func chooseProfiles(
    _ entries: [String: PlanLock.InterfaceEntry]
  ) -> [[Int: Int]] {
    var profiles: [[Int: Int]] = context.plan.interfaces.map { _ in [:] }
    for fman in context.board.fmans where fman.hasStorageProfiles {
      var wanted: [(interface: Int, owner: Int)] = []
      for (index, wish) in context.plan.interfaces.enumerated() {
        guard context.board.interface(named: wish.name)?.fman.index == fman.index,
          delivers(index, byProfilesOf: fman)
        else { continue }
        let sharers = TrafficMap.owners(of: wish, indices: context.indices)
        wanted += sharers.map { ownerOfWish[$0] }.sorted().map { (index, $0) }
      }
      var free = Set(0..<fman.storageProfileCount)
      for (interface, owner) in wanted {
        let entry = entries[context.plan.interfaces[interface].name]
        guard let number = entry?.pairs.first(where: { $0.name == owners[owner].name })?.number,
          free.remove(Int(number)) != nil
        else { continue }
        profiles[interface][owner] = Int(number)
      }
      var rest = free.sorted()[...]
      for (interface, owner) in wanted where profiles[interface][owner] == nil {
        guard let number = rest.popFirst() else {
          reportShort(
            "the interfaces of frame manager \(fman.index + 1) need \(wanted.count) storage "
              + "profiles, but it has \(fman.storageProfileCount)",
            at: ClaimPath.interface(interface), repair: "name fewer partitions on them")
          return profiles
        }
        profiles[interface][owner] = number
      }
    }
    return profiles
  }

  /// Whether an interface's frames find their owners' pools by storage profile.
  private func delivers(_ interface: Int, byProfilesOf fman: FManBlock) -> Bool {
    fman.hasStorageProfiles && context.traffic.commonPools[interface] == nil
      && !context.traffic.hops.contains { $0.interface == interface }
  }

  private mutating func shareInterface(
    _ index: Int, hop place: OfflinePortPicker.Place?, profiles: [Int: Int]
  ) {
    let wish = context.plan.interfaces[index]
    guard let found = context.board.interface(named: wish.name),
      let receiver = TrafficMap.receiver(of: wish, indices: context.indices)
    else { preconditionFailure("the checks have resolved every interface") }
    for (owner, profile) in profiles.sorted(by: { $0.value < $1.value }) {
      decide(
        wish.name,
        "storage profile \(profile) receives frames for \(owners[owner].name) straight into its "
          + "pools")
    }
    let delivery = delivery(index, place: place, receiver: receiver)
    var rules = wish.rules.map { makeRule($0, of: index, profiles: profiles) }
    var last = RuleWish(conditions: [], to: wish.otherwise)
    last.drops = wish.dropsOtherwise
    rules.append(makeRule(last, of: index, profiles: profiles))
    interfaces.append(
      SharedInterface(
        name: wish.name, fman: found.fman.index,
        transmitChannel: found.interface.transmitChannel, rules: rules, delivery: delivery,
        replay: wish.replay))
  }

  private mutating func delivery(
    _ index: Int, place: OfflinePortPicker.Place?, receiver: Int
  ) -> SharedInterface.Delivery {
    let wish = context.plan.interfaces[index]
    if let common = context.traffic.commonPools[index] {
      let pool = resources[ownerOfWish[common.owner]].pools[common.item].bpid
      decide(
        wish.name,
        "all frames come into pool \(pool) of \(name(of: common.owner)), which everybody behind it "
          + "shares: nothing is copied and no offline port is taken, but each of them can read and "
          + "write the others' frames")
      return .sharedPool(pool)
    }
    if let hop = context.traffic.hops.first(where: { $0.interface == index }) {
      guard let place else { preconditionFailure("offline-ports-exhausted has counted the ports") }
      let position = context.traffic.hops.filter { $0.receivingOwner == hop.receivingOwner }
        .firstIndex(of: hop)
      let queue = layouts[hop.receivingOwner].hops[position ?? 0]
      let receiver = ownerOfWish[hop.receivingOwner]
      decideHop(wish.name, hop, receiver: receiver, queue: queue, place: place)
      return .offlineHop(
        SharedInterface.OfflineHop(
          receivingOwner: receiver, queue: queue, fman: place.fman, port: place.port))
    }
    if let found = context.board.interface(named: wish.name), !found.fman.hasStorageProfiles {
      decide(
        wish.name,
        "all frames are for \(name(of: receiver)), so the port receives into "
          + "its pools and nothing is copied")
    }
    return .storageProfiles
  }

  private mutating func decideHop(
    _ interface: String, _ hop: TrafficMap.Hop, receiver: Int, queue: FQID,
    place: OfflinePortPicker.Place
  ) {
    let found = context.board.interface(named: interface)
    let reason =
      found?.fman.hasStorageProfiles == true
      ? "the plan asks for a detour" : "FMan v2 has no storage profiles, pools belong to the port"
    decide(
      interface,
      "\(reason): it receives into \(owners[receiver].name)'s pools, and frames for others go over "
        + "queue \(queue) to the offline port \(place), which classifies them again")
    for other in hop.others.map({ ownerOfWish[$0] }).sorted() {
      decide(interface, "each frame for \(owners[other].name) is copied once, by \(place)")
    }
  }

  private func makeRule(_ rule: RuleWish, of interface: Int, profiles: [Int: Int]) -> FlowRule {
    if rule.drops { return dropping(rule) }
    if let name = rule.through { return chained(rule, name, profiles) }
    let shares = rule.receivers.map { name -> FlowRule.Copy in
      guard let index = context.indices[name],
        let path = context.traffic.paths[index].firstIndex(where: {
          $0.target == .interface(interface)
        })
      else { preconditionFailure("the check unknown-partition has resolved every rule") }
      let range = layouts[index].receive[path]
      let count = rule.spread == nil ? 1 : min(rule.spreadQueues ?? range.count, range.count)
      return FlowRule.Copy(
        owner: ownerOfWish[index], receive: QueueRange(first: range.first, count: count),
        storageProfile: profiles[ownerOfWish[index]])
    }
    return FlowRule(
      conditions: rule.conditions ?? [], owner: shares[0].owner, receive: shares[0].receive,
      spread: rule.spread, storageProfile: shares[0].storageProfile,
      copies: Array(shares.dropFirst()))
  }

  /// A rule whose frames go into a chain: into its one queue.
  private func chained(_ rule: RuleWish, _ name: String, _ profiles: [Int: Int]) -> FlowRule {
    guard let index = rule.to.flatMap({ context.indices[$0] }),
      let item = context.plan.partitions[index].chains?.firstIndex(where: { $0.name == name })
    else { preconditionFailure("the check unknown-chain has resolved every chain") }
    let owner = ownerOfWish[index]
    let queue = chainQueues(.chainRequest, of: index)[item]
    return FlowRule(
      conditions: rule.conditions ?? [], owner: owner, receive: QueueRange(first: queue, count: 1),
      spread: nil, storageProfile: profiles[owner], chain: name)
  }

  /// A rule whose frames are dropped: the host is charged with them. The queue is one of its own, so
  /// that what reads a rule without asking finds nobody else's.
  private func dropping(_ rule: RuleWish) -> FlowRule {
    guard let host = owners.firstIndex(where: \.isHost), let queues = owners[host].queues.first
    else { preconditionFailure("the check host-missing has found a host, and it has queues") }
    return FlowRule(
      conditions: rule.conditions ?? [], owner: host,
      receive: QueueRange(first: queues.first, count: 1), spread: nil, storageProfile: nil,
      isDropped: true)
  }

  // MARK: links

  private struct Direction {
    var link: Int
    var from: Int
    var to: Int
  }

  private func linkDirections() -> [Direction] {
    context.plan.links.enumerated().flatMap { index, wish -> [Direction] in
      guard let first = context.indices[wish.first], let second = context.indices[wish.second]
      else { preconditionFailure("the check unknown-partition has resolved every name") }
      return [
        Direction(link: index, from: first, to: second),
        Direction(link: index, from: second, to: first),
      ]
    }
  }

  private mutating func joinLinks(
    _ directions: [Direction], _ places: [OfflinePortPicker.Place?]
  ) {
    for (direction, place) in zip(directions, places) {
      guard let place,
        let sender = pathIndex(direction.from, link: direction.link, peer: direction.to),
        let receiver = pathIndex(direction.to, link: direction.link, peer: direction.from)
      else { preconditionFailure("the checks have counted ports and paths") }
      let link = Link(
        from: ownerOfWish[direction.from], to: ownerOfWish[direction.to],
        transmit: layouts[direction.from].transmit[sender],
        receive: layouts[direction.to].receive[receiver].first, fman: place.fman, port: place.port)
      links.append(link)
      let names = (owners[link.from].name, owners[link.to].name)
      decide(
        "\(names.0)-\(names.1)",
        "queue \(link.transmit) leads to the offline port \(place), which copies each frame into "
          + "\(names.1)'s pool and queue \(link.receive)")
    }
  }

  private func pathIndex(_ index: Int, link: Int, peer: Int) -> Int? {
    context.traffic.paths[index].firstIndex { $0.target == .link(link, peer: peer) }
  }

  // MARK: policers

  mutating func choosePolicers() {
    let held = Dictionary(
      (isLockUsable ? lock.policers : []).map { ($0.name, Int($0.profile)) },
      uniquingKeysWith: { first, _ in first })
    let places = context.policerPlaces
    for fman in context.board.fmans {
      var users: [Int: [PolicerProfile.User]] = [:]
      for (index, interface) in context.plan.interfaces.enumerated()
      where interfaces[index].fman == fman.index {
        // Behind the plan's rules stands the one for everything else.
        for item in 0...interface.rules.count {
          let own = item < interface.rules.count ? interface.rules[item].policer : nil
          guard let name = own ?? interface.policer,
            let policer = places[name]
          else { continue }
          users[policer, default: []].append(.init(interface: interface.name, rule: item))
        }
      }
      takeProfiles(of: fman, users: users, held: held)
    }
  }

  private mutating func takeProfiles(
    of fman: FManBlock, users: [Int: [PolicerProfile.User]], held: [String: Int]
  ) {
    var free = Set(0..<fman.policerProfileCount)
    var chosen: [Int: Int] = [:]
    for policer in users.keys.sorted() {
      let name = "fm\(fman.index + 1)-\(context.plan.policers[policer].name)"
      if let profile = held[name], free.remove(profile) != nil { chosen[policer] = profile }
    }
    for policer in users.keys.sorted() where chosen[policer] == nil {
      guard let profile = free.min() else {
        reportShort(
          "frame manager \(fman.index + 1) has \(fman.policerProfileCount) policer profiles, but "
            + "its interfaces use \(users.count) policers",
          at: ClaimPath.policer(policer), repair: "use fewer policers")
        return
      }
      free.remove(profile)
      chosen[policer] = profile
    }
    for (policer, profile) in chosen.sorted(by: { $0.key < $1.key }) {
      let settings = context.plan.policers[policer]
      policers.append(
        PolicerProfile(
          fman: fman.index, profile: profile, settings: settings, users: users[policer] ?? []))
      decide(settings.name, "policer profile \(profile) of frame manager \(fman.index + 1)")
    }
  }
}
