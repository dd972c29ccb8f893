import CPortalShims
import DPAAPortal
import Glibc
import Partitioning
import QorIQ

/// From one configuration to another while the owners that both have go on.
extension Engine {
  /// Puts another configuration in the place of the one that runs, all of it or nothing.
  ///
  /// - Parameter change: From the configuration that runs to the one that shall run.
  /// - Throws: ``EngineError`` for want of memory or of an accelerator; then nothing has changed.
  func apply(_ change: ConfigurationChange) throws(EngineError) {
    apply(try EngineSuccessor(to: self, change))
  }

  /// The same, with all that could fail done before.
  ///
  /// Owners that end must have ended: what they hold is taken back here. The engine stands still for a moment, and
  /// goes on over the regions of those who go on, and new ones for those who start. Captures and lines are neither
  /// opened nor closed.
  ///
  /// - Parameters:
  ///   - next: What is put in the place of what there is.
  ///   - patience: Nanoseconds for which queues that end or change may be emptied; what is in them then is dropped
  ///     and counted.
  func apply(_ next: consuming EngineSuccessor, patience: UInt64 = 200_000_000) {
    let change = next.change
    precondition(change.old == configuration, "a change begins with what runs")
    let wasRunning = pause()
    drain(change, patience)
    tables.dropRest(change)
    for owner in change.ending {
      let count = tables.buffersInUse(of: owner)
      if count > 0 { stranded.append((change.old.owners[owner].name, count)) }
    }
    next.install(in: self)
    for owner in change.starting { control.markBack(owner: owner) }
    if wasRunning { start() }
  }

  /// Runs rounds without input until the queues that end or change are empty, or the time is over.
  private func drain(_ change: ConfigurationChange, _ patience: UInt64) {
    let isInputAllowed = control.isInputAllowed
    control.setInput(false)
    for owner in change.ending { control.markGone(owner: owner) }
    let deadline = monotonicNanoseconds() + patience
    repeat {
      if !tables.round(control, now: clock()) { usleep(50) }
    } while tables.isDraining(change) && monotonicNanoseconds() < deadline
    control.setInput(isInputAllowed)
  }
}

/// What an engine has with another configuration, made before anything of the old one is given up.
struct EngineSuccessor: ~Copyable {
  let change: ConfigurationChange
  private var tables: EngineTables
  private let memory: [OwnerMemory]
  private let counterRegion: SharedRegion
  private let devices: [AcceleratorKind: AcceleratorDevice]

  /// Makes all of it.
  ///
  /// - Parameters:
  ///   - engine: What runs.
  ///   - change: From the configuration that runs to the one that shall run.
  ///   - patterns: The patterns of that, when they have been compiled.
  /// - Throws: ``EngineError`` for want of memory or of an accelerator.
  init(
    to engine: Engine, _ change: ConfigurationChange, patterns: PatternSets? = nil
  ) throws(EngineError) {
    let next = change.new
    var memory = engine.memory
    // Who goes on must not find its rings reset: those of the new tables are over memory that nobody has.
    var drafts: [OwnerMemory] = []
    for (index, fate) in change.fates.enumerated() {
      if change.starting.contains(index) {
        let fresh = try next.memory(ofOwner: index, interrupts: engine.hasInterrupts)
        if index < memory.count { memory[index] = fresh } else { memory.append(fresh) }
      } else if fate == .removed {
        memory[index] = try OwnerMemory(next.owners[index], interrupts: false)
      }
      var draft = memory[index]
      if fate.goesOn {
        draft.window = try SharedRegion(name: "draft", size: memory[index].window.size)
      }
      drafts.append(draft)
    }
    let counterRegion = try SharedRegion(
      name: "counters",
      size: Counters.size(
        owners: next.owners.count, ports: next.interfaces.count, flows: next.flows().count))
    var devices: [AcceleratorKind: AcceleratorDevice] = [:]
    for kind in next.usedAccelerators {
      let isKept = kind != .pme || change.keepsPatterns
      devices[kind] = isKept ? engine.devices[kind] : nil
      if devices[kind] == nil { devices[kind] = try next.usualDevice(kind, patterns: patterns) }
    }
    var options = EngineOptions(measuresLatency: engine.measuresLatency)
    options.devices = devices
    tables = try EngineTables(
      next, memory: drafts, counterRegion: counterRegion, options: options,
      ports: engine.ports, leastFrames: engine.frameRoom,
      clock: engine.clock)
    // What the draft of a window was for is done.
    tables.regions = memory
    self.change = change
    self.memory = memory
    self.counterRegion = counterRegion
    self.devices = devices
  }

  /// Takes over what goes on, and puts all this in the old one's place.
  fileprivate consuming func install(in engine: Engine) {
    closeBooks(of: engine)
    tables.takeOver(from: engine.tables, change)
    let before = engine.flows
    engine.flows = change.new.flows()
    let memory = counterRegion.memory
    let first = Counters.histograms(
      owners: change.new.owners.count, ports: change.new.interfaces.count)
    let firstBefore = Counters.histograms(
      owners: change.old.owners.count, ports: change.old.interfaces.count)
    for (index, flow) in engine.flows.enumerated() {
      guard let place = before.firstIndex(where: { $0.isSame(as: flow) }) else { continue }
      (memory + first + index * LatencyHistogram.byteCount).copyMemory(
        from: engine.counterMemory + firstBefore + place * LatencyHistogram.byteCount,
        byteCount: LatencyHistogram.byteCount)
    }
    engine.counterMemory = memory
    engine.counters = Counters(memory: memory, owners: change.new.owners.count)
    swap(&engine.tables, &tables)
    engine.memory = self.memory
    engine.devices = devices
    engine.configuration = change.new
    engine.frameRoom = engine.tables.qman.records.count - 1
  }
}

extension EngineSuccessor {
  // SAFETY: status pages that no guest has seen yet.
  /// Carries over what owners counted that end, and what those had counted that come back: a report tells of the
  /// whole run.
  private func closeBooks(of engine: Engine) {
    for index in change.fates.indices {
      if index == engine.pasts.count { engine.pasts.append(OwnerPast()) }
      let page = memory[index].status.memory
      if change.ending.contains(index) {
        engine.pasts[index].settle(engine, owner: index, into: page)
      } else if change.fates[index] == .added, change.old.owners.indices.contains(index) {
        OwnerPast.carry(engine.memory[index].status.memory, into: page)
      }
      if change.starting.contains(index), change.old.owners.indices.contains(index) {
        // Who comes back after plans without it counted by the places of the plan that it left.
        let old = change.old.owners[index]
        let before = old.hasNothing ? engine.pasts[index].last ?? old : old
        movePaths(before.paths, change.new.owners[index].paths, page)
        moveTunnels(before.program, change.new.owners[index].program, page)
      }
    }
  }

  /// The same for tunnels, which move with their peer and what is behind it.
  private func moveTunnels(
    _ old: GuestProgram, _ new: GuestProgram, _ page: UnsafeMutableRawPointer
  ) {
    let (there, here) = (tunnels(of: old), tunnels(of: new))
    for into in [true, false] {
      for counter in GuestStatus.TunnelCounter.allCases {
        let counts = there.indices.map { page.counter(counter.offset(tunnel: $0, into: into)) }
        for place in 0..<max(there.count, here.count) {
          let before = here.indices.contains(place) ? there.firstIndex(of: here[place]) : nil
          page.setCounter(
            counter.offset(tunnel: place, into: into), before.map { counts[$0] } ?? 0)
        }
      }
    }
  }

  /// What a gateway's tunnels are told apart by, as far as it counts them.
  private func tunnels(of program: GuestProgram) -> [TunnelName] {
    guard case .ipsec(let gateway) = program else { return [] }
    return gateway.tunnels.prefix(GuestStatus.tunnelLimit).map {
      TunnelName(peer: $0.peer, networks: $0.networks)
    }
  }

  private struct TunnelName: Equatable {
    let peer: NetworkAddress
    let networks: [NetworkPrefix]
  }

  /// Frames of paths are counted by place: those of a path by another place move with its name.
  private func movePaths(
    _ old: [OwnerPath], _ new: [OwnerPath], _ page: UnsafeMutableRawPointer
  ) {
    let counts = old.indices.map {
      (page.counter(GuestStatus.received(path: $0)), page.counter(GuestStatus.sent(path: $0)))
    }
    for place in 0..<max(old.count, new.count) {
      let before =
        place < new.count ? old.firstIndex { $0.name == new[place].name }.map { counts[$0] } : nil
      page.setCounter(GuestStatus.received(path: place), before?.0 ?? 0)
      page.setCounter(GuestStatus.sent(path: place), before?.1 ?? 0)
    }
  }
}

extension Flow {
  /// Whether two configurations have the flow in common.
  fileprivate func isSame(as other: Flow) -> Bool {
    from == other.from && to == other.to && isReceived == other.isReceived
  }
}
