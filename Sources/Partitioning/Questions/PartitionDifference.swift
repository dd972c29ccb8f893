import QorIQ

/// What going from one partition of a board to another means for each partition's guests, and in
/// which order it is done.
public struct PartitionDifference: Sendable, Hashable {
  /// What happens to a partition.
  public enum Fate: String, Sendable, Hashable, CaseIterable {
    /// It notices nothing.
    case untouched
    /// It goes on, but some of its queues are emptied and set up anew.
    case drained
    /// It is stopped and started again.
    case restarted
    /// It is new.
    case added
    /// It is gone.
    case removed
  }

  /// A partition with what happens to it.
  public struct Change: Sendable, Hashable {
    /// The partition.
    public var name: String
    /// What happens.
    public var fate: Fate
    /// Why, one sentence each without a full stop.
    public var reasons: [String]
  }

  /// Something to do.
  public struct Step: Sendable, Hashable {
    /// What it is about: a partition, an interface or a block.
    public var subject: String
    /// What to do, as an imperative without a full stop.
    public var action: String
  }

  /// The partitions: those of the new plan in its order, then those that are gone.
  public let changes: [Change]
  /// What to do, in order: nothing is given to anybody before it has been taken from its owner.
  public let steps: [Step]

  /// Whether nothing has to be done.
  public var isEmpty: Bool { steps.isEmpty }

  /// The way from one partition to another.
  public init(from old: Partition, to new: Partition) {
    let sameBoard = old.board == new.board
    var changes: [Change] = new.owners.indices.map { index in
      let owner = new.owners[index]
      guard let before = old.ownerIndex(named: owner.name) else {
        return Change(name: owner.name, fate: .added, reasons: ["it is not in \(old.name)"])
      }
      guard sameBoard else {
        return Change(
          name: owner.name, fate: .restarted,
          reasons: ["the board is \(new.board.name), and was \(old.board.name)"])
      }
      return Self.change(Side(old, before), Side(new, index))
    }
    for owner in old.owners where new.ownerIndex(named: owner.name) == nil {
      changes.append(
        Change(name: owner.name, fate: .removed, reasons: ["it is not in \(new.name)"]))
    }
    self.changes = changes
    steps = TransitionPlanner(old: old, new: new, changes: changes).steps
  }

  /// An owner with all that is said of it.
  private struct Side {
    let partition: Partition
    let owner: Owner
    let resources: OwnerResources

    init(_ partition: Partition, _ index: Int) {
      self.partition = partition
      owner = partition.owners[index]
      resources = partition.resources[index]
    }

    /// The shared memory that it sees, by name.
    var shared: [String] {
      partition.sharedMemory.filter { window in
        window.members.contains { partition.owners[$0].name == owner.name }
      }.map { "\($0.name) at 0x\(String($0.memory.base, radix: 16)), \(byteCount($0.memory.size))" }
    }

    func names(_ owners: [Int]) -> [String] { owners.map { partition.owners[$0].name } }
  }

  private static func change(_ old: Side, _ new: Side) -> Change {
    let restarts = restartReasons(old, new)
    let drains = drainReasons(old, new)
    if !restarts.isEmpty {
      return Change(name: new.owner.name, fate: .restarted, reasons: restarts + drains)
    }
    return Change(
      name: new.owner.name, fate: drains.isEmpty ? .untouched : .drained, reasons: drains)
  }

  private static func moved(_ what: String, _ old: String, _ new: String) -> [String] {
    guard old != new else { return [] }
    return ["\(what): \(old.isEmpty ? "none" : old) becomes \(new.isEmpty ? "none" : new)"]
  }

  /// What a running system cannot be told: its memory, processors, portals, identity and programs.
  private static func restartReasons(_ old: Side, _ new: Side) -> [String] {
    func memory(_ side: Side) -> String {
      "\(byteCount(side.owner.memory.size)) at 0x\(String(side.owner.memory.base, radix: 16))"
    }
    func cpus(_ side: Side) -> String { runs(side.owner.cpus.map { Int($0.rawValue) }) }
    func portals(_ side: Side) -> String { runs(side.owner.portals.map { Int($0.rawValue) }) }
    func pools(_ side: Side) -> String {
      side.owner.pools.map { pool in
        "\(pool.bpid) (\(pool.bufferCount) x \(pool.bufferSize) at 0x"
          + String(pool.base, radix: 16) + ")"
      }.joined(separator: ", ")
    }
    func rings(_ side: Side) -> String {
      "\(side.owner.rings.enqueue) and \(side.owner.rings.dequeue)"
    }
    var reasons = moved("memory", memory(old), memory(new))
    reasons += moved("CPUs", cpus(old), cpus(new))
    reasons += moved("portals", portals(old), portals(new))
    reasons += moved("rings", rings(old), rings(new))
    reasons += moved("LIODN offset", "\(old.owner.liodnOffset)", "\(new.owner.liodnOffset)")
    reasons += moved("pools", pools(old), pools(new))
    reasons += moved("os", old.owner.os.rawValue, new.owner.os.rawValue)
    reasons += moved("kind", old.owner.kind.description, new.owner.kind.description)
    reasons += moved("mode", old.resources.mode.rawValue, new.resources.mode.rawValue)
    reasons += moved(
      "shared memory", old.shared.joined(separator: ", "), new.shared.joined(separator: ", "))
    reasons += moved(
      "boot arguments", old.resources.bootArguments ?? "", new.resources.bootArguments ?? "")
    reasons += programReasons(old.owner.program, new.owner.program)
    if old.resources.images != new.resources.images { reasons.append("its images have changed") }
    if old.resources.dmaWindow != new.resources.dmaWindow, reasons.isEmpty {
      reasons.append("its DMA window has changed")
    }
    return reasons
  }

  /// How programs differ: of a gateway that has other keys and is alike otherwise, which keys.
  private static func programReasons(_ old: GuestProgram, _ new: GuestProgram) -> [String] {
    guard old != new else { return [] }
    let changed = ["its program has changed"]
    guard case .ipsec(let before) = old, case .ipsec(var after) = new,
      before.tunnels.count == after.tunnels.count
    else { return changed }
    var reasons: [String] = []
    for (index, tunnel) in before.tunnels.enumerated() {
      if after.tunnels[index].out.key != tunnel.out.key {
        reasons.append("the key out to \(tunnel.peer) is another")
      }
      if after.tunnels[index].into.key != tunnel.into.key {
        reasons.append("the key in from \(tunnel.peer) is another")
      }
      after.tunnels[index].out.key = tunnel.out.key
      after.tunnels[index].into.key = tunnel.into.key
    }
    return after == before ? reasons : changed
  }

  /// What queues can be told once they are empty.
  private static func drainReasons(_ old: Side, _ new: Side) -> [String] {
    func list(_ ranges: [QueueRange]) -> String {
      ranges.map(\.description).joined(separator: ",")
    }
    var reasons = moved("queues", list(old.owner.queues), list(new.owner.queues))
    func path(_ side: Side, _ name: String) -> String {
      guard let index = side.owner.paths.firstIndex(where: { $0.name == name }) else { return "" }
      let path = side.owner.paths[index]
      var text =
        "receives on \(path.receive) over "
        + path.channels.map(\.description).joined(separator: ",")
        + ", transmits on \(path.transmit)"
      if index < side.resources.pathQualities.count {
        let quality = side.resources.pathQualities[index]
        text += ", work queues \(quality.receive) and \(quality.transmit)"
        if let group = quality.congestionGroup { text += ", congestion group \(group)" }
      }
      return text
    }
    let known = old.owner.paths.map(\.name)
    for name in known + new.owner.paths.map(\.name).filter({ !known.contains($0) }) {
      reasons += moved("path \(name)", path(old, name), path(new, name))
    }
    func roles(_ side: Side) -> String {
      side.resources.roles.map {
        "\($0.role.rawValue) \(list($0.queues)) in work queue \($0.workQueue)"
      }.joined(separator: ", ")
    }
    reasons += moved("roles", roles(old), roles(new))
    func channels(_ side: Side) -> String {
      side.resources.poolChannels.map(\.description).joined(separator: ",")
    }
    reasons += moved("pool channels", channels(old), channels(new))
    func accelerators(_ side: Side) -> String {
      side.resources.accelerators.map { use in
        "\(use.kind.rawValue) on \(runs(use.requests.map { Int($0.rawValue) })) and "
          + "\(runs(use.responses.map { Int($0.rawValue) })), \(use.mode.rawValue)"
      }.joined(separator: ", ")
    }
    reasons += moved("accelerators", accelerators(old), accelerators(new))
    func patterns(_ side: Side) -> [[ScanPatternSet]] {
      side.resources.accelerators.map(\.patternSets)
    }
    if accelerators(old) == accelerators(new), patterns(old) != patterns(new) {
      reasons.append("other patterns")
    }
    func chains(_ side: Side) -> String {
      side.resources.chains.map(\.text).joined(separator: ", ")
    }
    reasons += moved("chains", chains(old), chains(new))
    func groups(_ side: Side) -> [CongestionGroupWish] {
      side.resources.congestionGroups.map(\.settings)
    }
    func numbers(_ side: Side) -> String {
      runs(side.resources.congestionGroups.map { Int($0.id.rawValue) })
    }
    reasons += moved("congestion groups", numbers(old), numbers(new))
    if numbers(old) == numbers(new), groups(old) != groups(new) {
      reasons.append("what its congestion groups do has changed")
    }
    func settings(_ side: Side) -> String {
      side.resources.pools.map { pool in
        let marks = pool.thresholds
        let shown = [
          marks.softwareEnter, marks.softwareExit, marks.hardwareEnter, marks.hardwareExit,
        ].map { $0.map(String.init) ?? "-" }.joined(separator: " ")
        return "pool \(pool.bpid) with \(pool.seeded) at the start, marks \(shown), shared with "
          + (pool.sharers.isEmpty ? "nobody" : side.names(pool.sharers).joined(separator: " "))
      }.joined(separator: "; ")
    }
    if old.owner.pools == new.owner.pools {
      reasons += moved("pool settings", settings(old), settings(new))
    }
    return reasons
  }
}
