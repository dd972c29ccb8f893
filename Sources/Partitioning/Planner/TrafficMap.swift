import QorIQ

/// Who exchanges frames with whom, as far as the names in a plan can be resolved: what checks count
/// and the planner serves.
struct TrafficMap {
  /// A way by which frames reach and leave a partition, before it has queues.
  struct Path: Hashable {
    /// The interface's or the peer's name.
    var name: String
    /// Where it leads.
    var target: Target
    /// Whether some rule spreads what arrives over several queues.
    var spreads: Bool
    /// Over how many, when a rule says so.
    var spreadQueues: UInt32?
    /// The interface's rules for the partition, by their places.
    var rules: [Int] = []
  }

  /// What a path leads to.
  enum Target: Hashable {
    /// An interface of the plan, by index.
    case interface(Int)
    /// Another partition, over a link of the plan, both by index.
    case link(Int, peer: Int)
  }

  /// A detour through an offline port that an interface without storage profiles needs.
  struct Hop: Hashable {
    /// The interface, by index.
    var interface: Int
    /// The partition whose pools the port receives into.
    var receivingOwner: Int
    /// The partitions whose frames are copied.
    var others: [Int]
  }

  /// A pool that everybody behind an interface may use.
  struct CommonPool: Hashable {
    /// The partition that owns it.
    var owner: Int
    /// Which of its pools.
    var item: Int
  }

  /// Each partition's paths, interfaces first, then links, both in the plan's order.
  private(set) var paths: [[Path]]
  /// The hops, in the order of their interfaces.
  private(set) var hops: [Hop] = []
  /// The pools that interfaces receive into for all their partitions, by interface.
  private(set) var commonPools: [Int: CommonPool] = [:]

  init(plan: Plan, board: Board, indices: [String: Int]) {
    paths = plan.partitions.map { _ in [] }
    for (index, interface) in plan.interfaces.enumerated() {
      guard let found = board.interface(named: interface.name) else { continue }
      let owners = Self.owners(of: interface, indices: indices)
      var rules: [String: [Int]] = [:]
      for (item, rule) in interface.rules.enumerated() {
        for name in rule.receivers { rules[name, default: []].append(item) }
      }
      for owner in owners {
        let own = rules[plan.partitions[owner].name] ?? []
        let spreading = own.filter { interface.rules[$0].spread != nil }
        paths[owner].append(
          Path(
            name: interface.name, target: .interface(index), spreads: !spreading.isEmpty,
            spreadQueues: spreading.compactMap { interface.rules[$0].spreadQueues }.max(),
            rules: own))
      }
      guard owners.count > 1,
        let receiver = Self.receiver(of: interface, indices: indices)
      else { continue }
      let common = Self.commonPool(of: owners, plan: plan)
      switch interface.delivery ?? (found.fman.hasStorageProfiles ? .storageProfiles : nil) {
      case .storageProfiles: break
      case .sharedPool: commonPools[index] = common
      case .offlineHop: addHop(index, receiver, owners)
      case nil:
        if let common { commonPools[index] = common } else { addHop(index, receiver, owners) }
      }
    }
    for (index, link) in plan.links.enumerated() {
      guard let first = indices[link.first], let second = indices[link.second], first != second
      else { continue }
      paths[first].append(
        Path(name: link.second, target: .link(index, peer: second), spreads: false))
      paths[second].append(
        Path(name: link.first, target: .link(index, peer: first), spreads: false))
    }
  }

  private mutating func addHop(_ interface: Int, _ receiver: Int, _ owners: [Int]) {
    hops.append(
      Hop(
        interface: interface, receivingOwner: receiver, others: owners.filter { $0 != receiver }))
  }

  /// How many of a partition's queues hold frames on their way to an offline port.
  func hopCount(of owner: Int) -> Int { hops.count { $0.receivingOwner == owner } }

  /// The partition that a port receives for when its pools are one partition's: the one that gets the
  /// rest, or the first that gets anything.
  static func receiver(of interface: InterfaceWish, indices: [String: Int]) -> Int? {
    interface.dropsOtherwise
      ? interface.rules.lazy.compactMap { $0.to.flatMap { indices[$0] } }.first
      : interface.otherwise.flatMap { indices[$0] }
  }

  /// The partitions that an interface gives frames to, in the plan's order of partitions.
  static func owners(of interface: InterfaceWish, indices: [String: Int]) -> [Int] {
    let names = interface.rules.flatMap(\.receivers) + [interface.otherwise].compactMap(\.self)
    return Set(names.compactMap { indices[$0] }).sorted()
  }

  /// The first pool that one of some partitions shares with all the others.
  static func commonPool(of owners: [Int], plan: Plan) -> CommonPool? {
    for owner in owners {
      let pools = plan.partitions[owner].pools ?? []
      guard pools.contains(where: { $0.sharedWith.count >= owners.count - 1 }) else { continue }
      let others = Set(owners.filter { $0 != owner }.map { plan.partitions[$0].name })
      if let item = pools.firstIndex(where: { others.isSubset(of: $0.sharedWith) }) {
        return CommonPool(owner: owner, item: item)
      }
    }
    return nil
  }
}

extension RuleWish {
  /// The partitions that get its frames, by name.
  var receivers: [String] { [to].compactMap(\.self) + copies }
}
