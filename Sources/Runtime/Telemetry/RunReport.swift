import DPAAPortal
import Glibc
public import Partitioning
public import QorIQ

/// What came of a run: every frame and buffer accounted for, or a list of what is not.
///
/// The sum is made of what guests counted in their own pages and of what the capture files hold,
/// against the engine's drops: the engine does not vouch for itself.
public struct RunReport: Sendable {
  /// The plan's name.
  public let name: String
  /// The owners in the configuration's order.
  public let owners: [OwnerReport]
  /// The interfaces in the configuration's order.
  public let interfaces: [InterfaceReport]
  /// The pools, owner by owner.
  public let pools: [PoolReport]
  /// The queues that ever held a frame, ascending.
  public let queues: [QueueReport]
  /// The owners' uses of accelerators, owner by owner.
  public let accelerators: [AcceleratorReport]
  /// The tunnels of gateways, owner by owner.
  public let tunnels: [TunnelReport]
  /// The policers in the configuration's order.
  public let policers: [PolicerReport]
  /// The ways that frames took, owner by owner.
  public let flows: [FlowReport]
  /// The sum.
  public let balance: Balance
  /// What does not add up; empty when every frame and buffer is accounted for.
  public let discrepancies: [String]

  /// Whether every frame and buffer is accounted for.
  public var isConserved: Bool { discrepancies.isEmpty }

  /// One owner's frames.
  public struct OwnerReport: Sendable {
    /// The owner.
    public let name: String
    /// How often it was started.
    public let starts: Int
    /// What ran in it.
    public let program: String
    /// Frames that it says it took from its portals.
    public let received: UInt64
    /// Frames that it says it put on its portals.
    public let sent: UInt64
    /// Frames for or from it that came to nothing, by reason.
    public let drops: [(reason: DropReason, count: UInt64)]
    /// Frames delivered to it that it never counted, because it was killed.
    public let lost: UInt64
    /// Buffers that it tried to release or acquire and that were not its own.
    public let strayBuffers: UInt64
    /// Buffers taken back from it after it ended.
    public let reclaimed: UInt64
    /// How its process ended, when not as asked.
    public let ending: String?
    /// What its program counted of its own: what a router did, which probes arrived. Counters that stayed 0 are
    /// left out.
    public let counts: [(name: String, count: UInt64)]
  }

  /// One interface's frames.
  public struct InterfaceReport: Sendable {
    /// The interface.
    public let name: String
    /// Frames that arrived.
    public let received: UInt64
    /// Their bytes.
    public let receivedBytes: UInt64
    /// Frames put on the wire.
    public let transmitted: UInt64
    /// Their bytes.
    public let transmittedBytes: UInt64
    /// Frames to be sent that the line did not take.
    public let refused: UInt64
    /// What it was connected with and what that told; `nil` for captures.
    public let line: LineReport?
    /// Received frames with an error in their headers, by layer: 2, 3 and 4. They were delivered
    /// all the same, where frames without those headers go, or into an error queue.
    public let headerErrors: [UInt64]
    /// Frames that went into an error queue or could not be sent.
    public let portErrors: (receive: UInt64, transmit: UInt64)
    /// What its MAC counted, in the order of ``MACCounter/allCases``, by direction.
    public let statistics: [[UInt64]]
  }

  /// What an interface's line told in the end: what is lost there is no part of the sum, since it was on
  /// the wire, or was never in the run.
  public struct LineReport: Sendable {
    /// What it was, as a command line says it.
    public let address: String
    /// Frames that were sent and then lost with a peer that went away.
    public let lost: UInt64
    /// Frames that the kernel had for the interface and dropped, as they were not read in time; `nil` where
    /// nobody counts them.
    public let missed: UInt64?
    /// How often a peer was connected; `nil` for lines without connections.
    public let connections: UInt64?
    /// How often a peer was sent away for bytes that are no frames.
    public let violations: UInt64
    /// The error at which it stood still in the end; `nil` for none.
    public let problem: String?
  }

  /// One pool's buffers.
  public struct PoolReport: Sendable {
    /// The pool.
    public let bpid: BPID
    /// Its owner.
    public let owner: String
    /// Buffers that it was seeded with.
    public let buffers: UInt32
    /// Buffers that had not come back at the end.
    public let inUse: UInt32
    /// The fewest that were ever free.
    public let lowestFree: UInt32
  }

  /// What an accelerator did for one owner.
  public struct AcceleratorReport: Sendable {
    /// Which.
    public let kind: AcceleratorKind
    /// The owner.
    public let owner: String
    /// Requests that were done.
    public let done: UInt64
    /// Bytes of their input.
    public let bytes: UInt64
    /// Requests that were answered with an error, by what was wrong.
    public let errors: [(reason: String, count: UInt64)]
  }

  /// One policer's frames.
  public struct PolicerReport: Sendable {
    /// Its name in the plan.
    public let name: String
    /// The interfaces whose frames it polices, each once.
    public let interfaces: [String]
    /// Frames that it found green, yellow and red.
    public let counts: [UInt64]
  }

  /// One queue's frames.
  public struct QueueReport: Sendable {
    /// The queue.
    public let fqid: FQID
    /// Its owner.
    public let owner: String
    /// What it is for: `receive fm1-10g0`.
    public let role: String
    /// Frames that entered it.
    public let frames: UInt64
    /// Frames that are still in it.
    public let queued: UInt32
  }

  /// Frames that went one way.
  public struct FlowReport: Sendable {
    /// Where they came from.
    public let from: String
    /// Where they went.
    public let to: String
    /// Which of the six ways that is.
    public let kind: FlowKind
    /// How many, as the owner at the guest's end counted.
    public let frames: UInt64
    /// How long they took in the engine; `nil` when that was not measured.
    public let latency: LatencySummary?
  }

  /// The sum of all frames.
  public struct Balance: Sendable {
    /// Frames in the capture files that were played.
    public var fromWire: UInt64 = 0
    /// Copies that a frame manager made of those, for rules with several receivers.
    public var copies: UInt64 = 0
    /// Frames that guests say they sent.
    public var fromGuests: UInt64 = 0
    /// Frames that came back to their senders as confirmations.
    public var confirmed: UInt64 = 0
    /// Frames in the capture files that were written.
    public var toWire: UInt64 = 0
    /// Frames that guests say they received.
    public var toGuests: UInt64 = 0
    /// Frames dropped with a reason.
    public var dropped: UInt64 = 0
    /// Frames that went back to the guest that sent them.
    public var rejected: UInt64 = 0
    /// Frames that were delivered to guests which were killed before they counted them.
    public var lost: UInt64 = 0
    /// Frames still in queues.
    public var queued: UInt64 = 0

    /// Whether both sides are equal.
    public var isEven: Bool {
      fromWire &+ copies &+ fromGuests &+ confirmed
        == toWire &+ toGuests &+ dropped &+ rejected &+ lost &+ queued
    }
  }
}

/// What a run knows beside the engine's counters.
struct RunWitness {
  /// Frames of the captures that were to be played, times how often; `nil` when the run was
  /// ended before all were played.
  var playedFrames: [String: UInt64]?
  /// Frames found in the files that were written, by interface; missing without an output folder.
  var writtenFrames: [String: UInt64] = [:]
  /// Whether it is to be told how long frames took, if that was measured.
  var isLatencyWanted = true
  /// Interfaces that are connected with a line: what arrives there is nobody's file.
  var connectedInterfaces: Set<String> = []
  /// Owners that are machines, whatever program their plan names.
  var machines: Set<Int> = []
  /// How each owner's process ended, by owner; missing for those that ended as asked.
  var endings: [Int: String] = [:]
}

extension RunReport {
  // SAFETY: the owner's status page.
  /// How often a machine that waits for interrupts was interrupted, and how often it woke for that. Others
  /// sleep or not as it happens, and no two of their runs would agree.
  private static func interruptCounts(
    _ owner: Owner, _ raised: UInt64, _ status: UnsafeMutableRawPointer
  ) -> [(name: String, count: UInt64)] {
    guard case .machine(_, .interrupt) = owner.kind else { return [] }
    return [
      ("interrupts", raised), ("wake-ups", status.counter(GuestStatus.Counter.wakeUps.offset)),
    ]
  }

  /// Sums up an engine that has been joined.
  init(_ engine: Engine, witness: RunWitness) {
    let configuration = engine.configuration
    let counters = engine.counters
    var balance = Balance()
    var discrepancies: [String] = []
    func compare(_ what: String, _ left: UInt64, _ right: UInt64) {
      if left != right { discrepancies.append("\(what): \(left) against \(right)") }
    }

    var owners: [OwnerReport] = []
    for (index, owner) in configuration.owners.enumerated() {
      let status = engine.memory[index].status.memory
      let isGone = witness.endings[index] != nil
      let received = status.counter(GuestStatus.Counter.received.offset)
      let delivered = counters.value(.delivered, index)
      let taken = counters.value(.taken, index) &- counters.value(.frameless, index)
      // A guest that was killed may have put a frame on its ring and not counted it, or the other
      // way round: for its last entries the ring is the witness.
      let sent = isGone ? taken : status.counter(GuestStatus.Counter.sent.offset)
      let drops = DropReason.allCases.compactMap { reason -> (DropReason, UInt64)? in
        let count = counters.dropped(reason, index)
        return count == 0 ? nil : (reason, count)
      }
      let rejected = drops.filter(\.0.isRejection).reduce(0) { $0 + $1.1 }
      var lost: UInt64 = 0
      if isGone {
        let ringEntries = UInt64(owner.portals.count * owner.rings.dequeue)
        if delivered >= received, delivered - received <= ringEntries {
          lost = delivered - received
        } else {
          compare("frames delivered to \(owner.name), and what it counted", delivered, received)
        }
      } else {
        compare("frames delivered to \(owner.name), and what it counted", delivered, received)
        compare("frames taken from \(owner.name), and what it counted", taken, sent)
        compare(
          "frames sent back to \(owner.name), and what it counted", rejected,
          status.counter(GuestStatus.Counter.rejected.offset))
      }
      // Those that earlier lives did not count are in what this one began with.
      let past = engine.pasts[index]
      lost += past.lost
      discrepancies += past.discrepancies
      // A guest's numbers are whatever it wrote: the sum may wrap, and is uneven then.
      balance.fromGuests &+= sent
      balance.toGuests &+= received &- past.lost
      balance.confirmed += counters.value(.confirmed, index)
      balance.lost += lost
      balance.rejected += rejected
      balance.dropped += drops.filter { !$0.0.isRejection }.reduce(0) { $0 + $1.1 }
      owners.append(
        OwnerReport(
          name: owner.name, starts: past.lives + (owner.hasNothing ? 0 : 1),
          program: witness.machines.contains(index) ? "machine" : owner.program.word,
          received: received &- past.lost, sent: sent,
          drops: drops, lost: lost, strayBuffers: counters.value(.strayBuffers, index),
          reclaimed: counters.value(.reclaimed, index), ending: witness.endings[index],
          counts: GuestStatus.Counter.programCounters.compactMap { counter, name in
            let count = status.counter(counter.offset)
            return count == 0 ? nil : (name, count)
          } + Self.interruptCounts(owner, counters.value(.interrupts, index), status)))
    }

    var interfaces: [InterfaceReport] = []
    for (index, interface) in configuration.interfaces.enumerated() {
      let report = InterfaceReport(
        name: interface.name, received: counters.value(.received, index),
        receivedBytes: counters.value(.receivedBytes, index),
        transmitted: counters.value(.transmitted, index),
        transmittedBytes: counters.value(.transmittedBytes, index),
        refused: counters.value(.refused, index),
        line: engine.lineAccount(ofPort: index).map { LineReport($0.address, $0.account) },
        headerErrors: [Counters.Port.layer2Errors, .layer3Errors, .layer4Errors].map {
          counters.value($0, index)
        },
        portErrors: (
          counters.value(.receiveErrors, index), counters.value(.transmitErrors, index)
        ),
        statistics: MACDirection.allCases.map { direction in
          MACCounter.allCases.map { counters.value($0, direction, index) }
        })
      let played =
        witness.connectedInterfaces.contains(interface.name)
        ? report.received
        : witness.playedFrames.map { $0[interface.name] ?? 0 } ?? report.received
      let written = witness.writtenFrames[interface.name] ?? report.transmitted
      compare("frames in \(interface.name)'s capture, and frames received", played, report.received)
      compare("frames sent on \(interface.name), and in its file", report.transmitted, written)
      balance.fromWire += played
      balance.copies += counters.value(.copies, index)
      balance.toWire += written
      balance.dropped += report.refused
      interfaces.append(report)
    }

    let states = engine.poolStates()
    var pools: [PoolReport] = []
    for owner in configuration.owners {
      for pool in owner.pools {
        let state = states[pools.count]
        let inUse = pool.bufferCount - state.free
        if inUse > 0 {
          discrepancies.append("pool \(pool.bpid): \(inUse) buffers did not come back")
        }
        pools.append(
          PoolReport(
            bpid: pool.bpid, owner: owner.name, buffers: pool.bufferCount, inUse: inUse,
            lowestFree: state.lowestFree))
      }
    }

    for (owner, count) in engine.stranded {
      discrepancies.append("\(count) buffers of \(owner) did not come back before a new plan")
    }

    let roles = configuration.queueRoles()
    balance.queued += engine.waitingFrameCount
    queues = engine.usedQueues().map { queue in
      let (owner, role) = roles(FQID(queue.fqid))
      balance.queued += UInt64(queue.count)
      return QueueReport(
        fqid: FQID(queue.fqid), owner: owner, role: role, frames: queue.enqueued,
        queued: queue.count)
    }

    accelerators = configuration.accelerators { kind, number, index in
      AcceleratorReport(
        kind: kind, owner: configuration.owners[index].name,
        done: counters.value(.done, number, index), bytes: counters.value(.bytes, number, index),
        errors: AcceleratorFault.allCases.compactMap { fault in
          let count = counters.failed(fault, number, index)
          return count == 0 ? nil : (fault.name, count)
        })
    }

    tunnels = TunnelReport.all(engine, machines: witness.machines)

    policers = zip(configuration.policers, engine.policerCounts()).map { policer, counts in
      let users = policer.users.map(\.interface)
      return PolicerReport(
        name: policer.settings.name,
        interfaces: configuration.interfaces.map(\.name).filter(users.contains), counts: counts)
    }

    let latencies = witness.isLatencyWanted ? engine.latencies() : nil
    let flows = engine.flows.enumerated().map { number, flow in
      FlowReport(
        from: flow.from, to: flow.to, kind: flow.kind,
        frames: engine.memory[flow.owner].status.memory.counter(flow.counter),
        latency: latencies?[number])
    }
    if !balance.isEven { discrepancies.append("the sum of all frames is uneven") }
    if let (port, error) = engine.writeError() {
      discrepancies.append("\(port): writing its capture failed with error \(error)")
    }
    name = configuration.name
    self.owners = owners
    self.interfaces = interfaces
    self.pools = pools
    self.flows = flows
    self.balance = balance
    self.discrepancies = discrepancies
  }
}

extension RunReport.LineReport {
  init(_ address: PortAddress, _ account: PortLine.Account) {
    self.init(
      address: "\(address)", lost: account.lost, missed: account.missed,
      connections: account.connections, violations: account.violations,
      problem: account.errorNumber == 0 ? nil : String(cString: strerror(account.errorNumber)))
  }
}

extension RuntimeConfiguration {
  /// Something of each use of an accelerator: its kind, the kind's place among all kinds, and the owner.
  func accelerators<Value>(_ value: (AcceleratorKind, Int, Int) -> Value) -> [Value] {
    owners.indices.flatMap { index in
      AcceleratorKind.allCases.enumerated().compactMap { number, kind in
        let isUsed = queueing[index]?.accelerators.contains { $0.kind == kind } ?? false
        return isUsed ? value(kind, number, index) : nil
      }
    }
  }

  /// What each queue is for: its owner and its role.
  func queueRoles() -> (FQID) -> (owner: String, role: String) {
    { fqid in
      for (index, owner) in owners.enumerated() {
        for path in owner.paths {
          let what = path.isLink ? "link \(path.name)" : path.name
          if path.receive.contains(fqid) { return (owner.name, "receive \(what)") }
          if path.transmit == fqid { return (owner.name, "transmit \(what)") }
        }
        for role in queueing[index]?.roles ?? []
        where role.queues.contains(where: { $0.contains(fqid) }) {
          return (owner.name, role.role.rawValue)
        }
        for use in queueing[index]?.accelerators ?? [] {
          let (request, response) = use.kind.roles
          if use.requests.contains(fqid) { return (owner.name, request.rawValue) }
          if use.responses.contains(fqid) { return (owner.name, response.rawValue) }
        }
        for chain in queueing[index]?.chains ?? [] {
          if chain.request == fqid {
            return (owner.name, "chain \(chain.name) to \(chain.kind.rawValue)")
          }
          if chain.response == fqid {
            return (owner.name, "chain \(chain.name) from \(chain.kind.rawValue)")
          }
        }
        for interface in interfaces {
          if let hop = interface.hop, hop.queue == fqid,
            hop.receivingOwner == index
          {
            return (owner.name, "hop of \(interface.name)")
          }
        }
        if owner.queues.contains(where: { $0.contains(fqid) }) { return (owner.name, "unused") }
      }
      return ("nobody", "unknown")
    }
  }
}
