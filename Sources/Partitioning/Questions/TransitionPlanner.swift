import QorIQ

/// The steps from one partition to another: traffic is turned away, queues are emptied, guests stop;
/// then the blocks are set up; then guests start and traffic comes back. Whatever passes from one
/// owner to another is free in between.
struct TransitionPlanner {
  private(set) var steps: [PartitionDifference.Step] = []

  private let old: Partition
  private let new: Partition
  private let fates: [String: PartitionDifference.Fate]

  init(old: Partition, new: Partition, changes: [PartitionDifference.Change]) {
    self.old = old
    self.new = new
    fates = Dictionary(changes.map { ($0.name, $0.fate) }, uniquingKeysWith: { first, _ in first })
    let stopping = old.owners.map(\.name).filter { fate($0) == .restarted || fate($0) == .removed }
    let draining = new.owners.map(\.name).filter { fate($0) == .drained }
    let starting = new.owners.map(\.name).filter { fate($0) == .restarted || fate($0) == .added }
    let interfaces = changedInterfaces(stopping: stopping, draining: draining)
    for name in interfaces.before {
      add(name, "turn away what its rules give to \(list(interfaces.turned[name] ?? []))")
    }
    for name in draining { add(name, "retire the queues that change and take out what is in them") }
    for name in stopping {
      add(name, "stop it, retire its queues, and wait until its pools hold every buffer again")
    }
    for name in stopping where fate(name) == .removed {
      add(name, "close its DMA window and LIODN offset, and give its memory back")
    }
    addHandovers()
    for name in interfaces.after { add(name, "write its rules, profiles and policers anew") }
    addLinks()
    for name in draining { add(name, "set its queues up anew and schedule them") }
    for name in starting {
      add(
        name,
        fate(name) == .added
          ? "open its DMA window and LIODN offset, seed its pools, and start it"
          : "seed its pools and start it again")
    }
    for name in interfaces.after { add(name, "let its traffic in again") }
  }

  private func fate(_ name: String) -> PartitionDifference.Fate { fates[name] ?? .untouched }

  private func list(_ names: [String]) -> String { names.joined(separator: ", ") }

  private mutating func add(_ subject: String, _ action: String) {
    steps.append(PartitionDifference.Step(subject: subject, action: action))
  }

  /// The interfaces whose traffic stops or whose rules change, and for whom it stops.
  private func changedInterfaces(
    stopping: [String], draining: [String]
  ) -> (before: [String], after: [String], turned: [String: [String]]) {
    let affected = Set(stopping + draining)
    var turned: [String: [String]] = [:]
    var before: [String] = []
    for interface in old.interfaces {
      var names: [String] = []
      for owner in interface.rules.flatMap(\.receivers) {
        let name = old.owners[owner].name
        if affected.contains(name), !names.contains(name) { names.append(name) }
      }
      guard !names.isEmpty else { continue }
      before.append(interface.name)
      turned[interface.name] = names
    }
    let after = new.interfaces.map(\.name).filter { name in
      before.contains(name) || shape(old, name) != shape(new, name)
    }
    return (before, after, turned)
  }

  /// All that is said of an interface, with names in the place of indices.
  private func shape(_ partition: Partition, _ name: String) -> [String] {
    guard let index = partition.interfaces.firstIndex(where: { $0.name == name }) else { return [] }
    let interface = partition.interfaces[index]
    var lines = interface.rules.map { rule in
      "\(rule.conditions) \(partition.owners[rule.owner].name) \(rule.receive) "
        + "\(rule.spread?.planText ?? "-") \(rule.storageProfile ?? -1) \(rule.isDropped) "
        + "\(rule.chain ?? "-") "
        + "\(rule.copies.map { "\(partition.owners[$0.owner].name) \($0.receive)" })"
    }
    switch interface.delivery {
    case .storageProfiles: lines.append("direct")
    case .sharedPool(let pool): lines.append("pool \(pool)")
    case .offlineHop(let hop):
      lines.append(
        "hop \(partition.owners[hop.receivingOwner].name) \(hop.queue) \(hop.fman) \(hop.port.port)"
      )
    }
    lines.append("\(partition.ports[index])")
    for policer in partition.policers {
      let users = policer.users.filter { $0.interface == name }
      guard !users.isEmpty else { continue }
      // A set has no order of its own.
      var settings = policer.settings
      let drops = settings.drops.map(\.rawValue).sorted()
      settings.drops = []
      lines.append("\(policer.profile) \(settings) \(drops) \(users.map(\.rule))")
    }
    return lines
  }

  /// What passes from one partition to another.
  private mutating func addHandovers() {
    func holders<Key: Hashable>(
      _ partition: Partition, _ keys: (Owner, OwnerResources) -> [Key]
    ) -> [Key: String] {
      var found: [Key: String] = [:]
      for (owner, resources) in zip(partition.owners, partition.resources) {
        for key in keys(owner, resources) { found[key] = owner.name }
      }
      return found
    }
    func pass<Key: Hashable & Comparable>(
      _ what: String, _ keys: @escaping (Owner, OwnerResources) -> [Key],
      _ show: (Key) -> String
    ) {
      let before = holders(old, keys)
      for (key, name) in holders(new, keys).sorted(by: { $0.key < $1.key }) {
        guard let from = before[key], from != name else { continue }
        add(name, "take \(what) \(show(key)), which \(from) has given up")
      }
    }
    pass("CPU", { owner, _ in owner.cpus }) { "\($0)" }
    pass("portal", { owner, _ in owner.portals }) { "\($0)" }
    pass("pool", { owner, _ in owner.pools.map(\.bpid) }) { "\($0)" }
    pass("pool channel", { _, resources in resources.poolChannels }) { "\($0)" }
    pass("congestion group", { _, resources in resources.congestionGroups.map(\.id) }) { "\($0)" }
    pass("LIODN offset", { owner, _ in [owner.liodnOffset] }) { "\($0)" }
    passRanges()
  }

  /// Queues and memory that pass from one partition to another.
  private mutating func passRanges() {
    let owned = old.owners.flatMap { owner in owner.queues.map { ($0, owner.name) } }
      .sorted { $0.0.first < $1.0.first }
    for owner in new.owners {
      for range in owner.queues {
        for (other, name) in owned where name != owner.name {
          guard let common = range.intersection(other) else { continue }
          add(owner.name, "take queues \(common), which \(name) has given up")
        }
      }
      for other in old.owners
      where other.name != owner.name && other.memory.overlaps(owner.memory) {
        let base = max(owner.memory.base, other.memory.base)
        add(
          owner.name,
          "clear and take the memory from 0x\(String(base, radix: 16)) on, which \(other.name) has "
            + "given up")
      }
    }
  }

  private mutating func addLinks() {
    func links(_ partition: Partition) -> [(key: String, name: String, shape: String)] {
      partition.links.map { link in
        let (from, to) = (partition.owners[link.from].name, partition.owners[link.to].name)
        return (
          PlanLock.linkName(from: from, to: to), "\(from)-\(to)",
          "\(link.transmit) \(link.receive) \(link.fman) \(link.port.port)"
        )
      }
    }
    let before = Dictionary(links(old).map { ($0.key, $0.shape) }, uniquingKeysWith: { $1 })
    let after = links(new)
    for link in after where before[link.key] != link.shape {
      add(
        link.name,
        before[link.key] == nil
          ? "give the link its offline port" : "move the link to its new queues and offline port")
    }
    let keys = Set(after.map(\.key))
    for link in links(old) where !keys.contains(link.key) {
      add(link.name, "take the offline port from the link")
    }
  }
}
