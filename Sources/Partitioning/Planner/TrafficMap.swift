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

  /// Each partition's paths, interfaces first, then links, both in the plan's order.
  private(set) var paths: [[Path]]
  /// The hops, in the order of their interfaces.
  private(set) var hops: [Hop] = []

  init(plan: Plan, board: Board, indices: [String: Int]) {
    paths = plan.partitions.map { _ in [] }
    for (index, interface) in plan.interfaces.enumerated() {
      guard let found = board.interface(named: interface.name) else { continue }
      let spreading = Set(
        interface.rules.filter { $0.spread != nil }.compactMap { $0.to.flatMap { indices[$0] } })
      let owners = Self.owners(of: interface, indices: indices)
      for owner in owners {
        paths[owner].append(
          Path(
            name: interface.name, target: .interface(index), spreads: spreading.contains(owner)))
      }
      if !found.fman.hasStorageProfiles, owners.count > 1,
        let receiver = interface.otherwise.flatMap({ indices[$0] })
      {
        hops.append(
          Hop(
            interface: index, receivingOwner: receiver, others: owners.filter { $0 != receiver }))
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

  /// How many of a partition's queues hold frames on their way to an offline port.
  func hopCount(of owner: Int) -> Int { hops.count { $0.receivingOwner == owner } }

  /// The partitions that an interface gives frames to, in the plan's order of partitions.
  static func owners(of interface: InterfaceWish, indices: [String: Int]) -> [Int] {
    let names = interface.rules.map(\.to) + [interface.otherwise]
    return Set(names.compactMap { $0.flatMap { indices[$0] } }).sorted()
  }
}
