import DPAAPortal
import Partitioning
import QorIQ

/// What going from one configuration to another does to each owner while the engine runs.
///
/// Who goes on keeps its regions, its rings, its buffers and what waits in its queues. That is only right as long
/// as nothing changes that it was told when it attached: then it has to start again.
struct ConfigurationChange {
  let old: RuntimeConfiguration
  /// The new one, at the old one's places.
  let new: RuntimeConfiguration
  /// What happens to each owner, at its place; those that were gone before are ``Fate/absent``.
  private(set) var fates: [Fate] = []
  /// Queues of owners that go on which are set up anew, with those owners.
  private(set) var renewed: [UInt32: Int] = [:]
  /// The queues that go on as they are, as runs.
  private(set) var kept: [EngineTables.QueueRun] = []

  /// What happens to an owner.
  enum Fate: Hashable {
    case untouched
    /// It goes on, but some of its queues are emptied and set up anew.
    case drained
    /// It ends and starts again, for a reason.
    case restarted(String)
    case added
    case removed
    /// It is in neither.
    case absent

    var goesOn: Bool { self == .untouched || self == .drained }
  }

  /// Compares two configurations.
  ///
  /// - Parameters:
  ///   - old: What runs, at its places.
  ///   - new: What shall run.
  ///   - restarting: Owners that are to start again, whatever their configuration, with the reason.
  /// - Throws: ``EngineError`` when this cannot be done while the engine runs.
  init(
    from old: RuntimeConfiguration, to new: RuntimeConfiguration,
    restarting: [String: String] = [:]
  ) throws(EngineError) {
    try new.check()
    let new = try new.placed(after: old)
    try new.check()
    self.old = old
    self.new = new
    let oldQueues = try EngineTables.queues(asPlanned: old)
    let newQueues = try EngineTables.queues(asPlanned: new)
    for index in new.owners.indices {
      fates.append(try fate(of: index, restarting))
      guard fates[index].goesOn else { continue }
      compareQueues(of: index, oldQueues, newQueues)
      let isAlike =
        old.queueing[index] == new.queueing[index]
        && old.owners[index].queues == new.owners[index].queues
      if !isAlike || renewed.values.contains(index) { fates[index] = .drained }
    }
    try checkPatterns()
  }

  /// The owners that end: what they hold is taken back first.
  var ending: [Int] {
    fates.indices.filter { index in
      if case .restarted = fates[index] { return true }
      return fates[index] == .removed
    }
  }

  /// The owners that start.
  var starting: [Int] {
    fates.indices.filter { index in
      if case .restarted = fates[index] { return true }
      return fates[index] == .added
    }
  }

  private func fate(
    of index: Int, _ restarting: [String: String]
  ) throws(EngineError) -> Fate {
    let after = new.owners[index]
    guard old.owners.indices.contains(index), !old.owners[index].hasNothing else {
      return after.hasNothing ? .absent : .added
    }
    if after.hasNothing { return .removed }
    if let reason = restarting[after.name] { return .restarted(reason) }
    if let reason = try restartReason(index) { return .restarted(reason) }
    return .untouched
  }

  /// Why an owner cannot go on; `nil` when it can.
  private func restartReason(_ index: Int) throws(EngineError) -> String? {
    let (before, after) = (old.owners[index], new.owners[index])
    if before.portals != after.portals { return "its portals are others" }
    if before.rings != after.rings { return "its rings have another size" }
    if before.pools != after.pools { return "its pools are others" }
    if before.liodnOffset != after.liodnOffset { return "its LIODN offset is another" }
    if before.kind != after.kind { return "it is \(after.kind), and was \(before.kind)" }
    if before.memory != after.memory { return "its memory is another" }
    if before.cpus != after.cpus { return "its CPUs are others" }
    if before.os != after.os { return "its operating system is another" }
    // Its queues may lead to that channel, which only it can tell, and which is another's now.
    let channels = new.queueing[index]?.poolChannels ?? []
    if let lost = old.queueing[index]?.poolChannels.first(where: { !channels.contains($0) }) {
      return "pool channel \(lost) is not its own any more"
    }
    var (told, telling) = (try old.grant(ofOwner: index), try new.grant(ofOwner: index))
    // That others come or go is no reason: it still does what it did, only not when it would be best.
    told.sharesProcessor = telling.sharesProcessor
    if told.paths != telling.paths { return "it was told of paths that are others now" }
    if told.program != telling.program { return "what its program was told is another" }
    return told == telling ? nil : "what it was told when it attached is another"
  }

  /// Finds which queues of an owner that goes on are served otherwise, or are not its own any more.
  private mutating func compareQueues(
    of index: Int, _ before: borrowing QueueManager, _ after: borrowing QueueManager
  ) {
    for range in old.owners[index].queues {
      var next = range.first.rawValue
      let stays = new.owners[index].queues
      for fqid in range.rawValues {
        let isOwn = stays.contains { $0.contains(FQID(fqid)) }
        guard !isOwn || before.plan(of: fqid) != after.plan(of: fqid) else { continue }
        renewed[fqid] = index
        if next < fqid { kept.append(.init(first: next, count: fqid - next)) }
        next = fqid + 1
      }
      let end = range.last.rawValue + 1
      if next < end { kept.append(.init(first: next, count: end - next)) }
    }
  }

  /// Patterns are compiled for all of their owners together, and streams would be lost with them.
  private func checkPatterns() throws(EngineError) {
    guard !keepsPatterns,
      let index = fates.indices.first(where: { index in
        fates[index].goesOn && !(old.queueing[index]?.requests(to: .pme) ?? []).isEmpty
      })
    else { return }
    throw .transition(
      "\(new.owners[index].name) looks for patterns and goes on, while patterns change; start the run anew"
    )
  }

  /// Whether PME goes on with the patterns and queues that it has.
  var keepsPatterns: Bool {
    new.queueing.allSatisfy { index, grant in
      let uses = { (grant: RuntimeConfiguration.QueueingGrant?) in
        (grant?.accelerators ?? []).filter { $0.kind == .pme }.flatMap(\.patternSets)
      }
      let before = old.queueing[index]
      return (grant.requests(to: .pme).isEmpty && uses(grant).isEmpty)
        || (before?.requests(to: .pme) == grant.requests(to: .pme) && uses(before) == uses(grant))
    }
  }
}

extension EngineTables {
  /// The queues of a configuration as its plan has them, before anybody used one.
  static func queues(
    asPlanned configuration: RuntimeConfiguration
  ) throws(EngineError) -> QueueManager {
    let layout = ChannelLayout(configuration)
    let last = configuration.owners.flatMap(\.queues).map(\.last.rawValue).max() ?? 0
    let qman = try QueueManager(
      queueCount: Int(last) + 1, frameCapacity: 0, channelCount: layout.count)
    try OwnerGrants(configuration, layout).give(to: qman, layout)
    try putQueuesIntoService(configuration, layout, qman)
    return qman
  }
}

extension QueueManager {
  /// What a plan says of a queue.
  struct PlannedQueue: Equatable {
    var state: FrameQueue.State
    var destination: UInt16
    var contextB: UInt32
    var control: UInt16
    var group: UInt8
  }

  /// What the plan says of a queue that nobody has used yet; `nil` for one of which it says nothing.
  func plan(of fqid: UInt32) -> PlannedQueue? {
    guard Int(fqid) < queues.count, isTouched(fqid) else { return nil }
    let queue = queues.base[Int(fqid)]
    guard queue.state != .outOfService else { return nil }
    return PlannedQueue(
      state: queue.state, destination: settings.base[Int(fqid)].destination,
      contextB: queue.contextB, control: queue.control, group: queue.group)
  }
}
