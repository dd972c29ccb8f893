import DPAAPortal

// SAFETY: the window and the doorbell are mapped as long as the engine lives; one thread works on it.
/// The QMan and BMan of one client, over a window and a doorbell page that the client maps as well.
final class AttachEngine {
  private let doorbell: UnsafeMutableRawPointer
  private let control = EngineControl()
  private var tables: EngineTables
  private var registers: ManagerRegisters
  private var acknowledged: UInt64
  private let relay: InterruptRelay?
  private let network: VirtualNetwork?

  /// As many queued frames as the usual memory for them holds, 32 MiB of 64 bytes each (Linux 6.1,
  /// `arch/powerpc/boot/dts/fsl/p4080ds.dts`).
  private static let frameCapacity = 1 << 19
  /// How many buffers may be free in all pools. The usual memory for them has 16 MiB.
  private static let bufferCapacity = 1 << 20

  /// What a step found.
  enum Step {
    case nothing
    case work
    /// The client zeroed the registers, as a machine's memory is when it starts: it wants a new
    /// engine.
    case wiped
  }

  /// Puts everything into its reset state. Stores that were posted before are acknowledged: nobody
  /// waits for them.
  init(
    _ plan: AttachPlan, memory: UnsafeMutableRawPointer, size: Int, offset: Int,
    doorbell: UnsafeMutableRawPointer, relay: InterruptRelay? = nil
  ) throws(EngineError) {
    let window = memory + offset
    self.doorbell = doorbell
    self.relay = relay
    let portals = plan.places.map { PortalPlaces(window: window, place: $0) }
    Self.clear(window, portals)
    let counters = try SharedRegion(name: "counters", size: Counters.size(owners: 1, ports: 0))
    tables = try EngineTables(
      plan.configuration, memory: [], counterRegion: counters, options: EngineOptions(),
      client: ClientMemory(
        portals: portals, frameCapacity: Self.frameCapacity,
        bufferCapacity: Self.bufferCapacity))
    network =
      plan.macs.isEmpty
      ? nil
      : try VirtualNetwork(
        plan, window: window, memory: ClientBytes(base: memory, count: size), tables)
    registers = ManagerRegisters(window: window, qman: plan.qmanRevision, bman: plan.bmanRevision)
    acknowledged = doorbell.acquire64(AttachLayout.Doorbell.posted).byteSwapped
    doorbell.release64(AttachLayout.Doorbell.acknowledged, acknowledged.byteSwapped)
    let quiet = plan.frameManagers.flatMap { index in
      FManRegister.Block.quiet.map {
        (offset + AttachLayout.frameManager(index) + $0.lowerBound, $0.count)
      }
    }
    for (place, range) in quiet.enumerated() {
      let entry = AttachLayout.Doorbell.quiet + 16 * place
      doorbell.release64(entry, UInt64(range.0).byteSwapped)
      doorbell.release64(entry + 8, UInt64(range.1).byteSwapped)
    }
    doorbell.release32(AttachLayout.Doorbell.quietCount, UInt32(quiet.count).byteSwapped)
    tables.numbers = plan.numbers
    tables.settlePools(plan.isPartitionNumbered ? .partition : .open)
    if plan.isPartitionNumbered { tables.settleQueues(.partition) }
  }

  /// Zeroes the portals and registers in a window.
  private static func clear(_ window: UnsafeMutableRawPointer, _ portals: [PortalPlaces]) {
    func zero(_ start: UnsafeMutableRawPointer, _ count: Int) {
      start.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    }
    for portal in portals {
      zero(portal.qman, PortalLayout.cacheEnabledSize)
      zero(portal.bman, PortalLayout.cacheEnabledSize)
      zero(portal.qmanRegisters, PortalLayout.cacheInhibitedSize)
      zero(portal.bmanRegisters, PortalLayout.cacheInhibitedSize)
    }
    zero(
      window + AttachLayout.qmanRegisters, AttachLayout.size - AttachLayout.qmanRegisters)
  }

  /// Says whether the engine serves.
  func setReady(_ isReady: Bool) {
    doorbell.release32(AttachLayout.Doorbell.ready, UInt32(isReady ? 1 : 0).byteSwapped)
  }

  /// Does what is to be done, and answers a store that was posted.
  ///
  /// - Parameter now: Nanoseconds.
  /// - Returns: Whether there was anything.
  func step(now: UInt64) -> Step {
    let posted = doorbell.acquire64(AttachLayout.Doorbell.posted).byteSwapped
    guard posted != acknowledged else {
      let isBusy = round(now: now)
      relayInterrupts(now: now)
      return registers.isWiped ? .wiped : isBusy ? .work : .nothing
    }
    // What follows from a store must be there when the client goes on. A bound, since a guest can
    // keep a portal busy for ever.
    var rounds = 0
    while rounds < 32, round(now: now), !registers.isWiped { rounds += 1 }
    relayInterrupts(now: now)
    // Whoever posted waits for the new engine, which acknowledges everything.
    guard !registers.isWiped else { return .wiped }
    acknowledged = posted
    doorbell.release64(AttachLayout.Doorbell.acknowledged, posted.byteSwapped)
    return .work
  }

  private func relayInterrupts(now: UInt64) {
    // Two lines for each portal, QMan's and BMan's.
    relay?.update(now: now) { line in
      let portal = tables.portals.base + line / 2
      return line % 2 == 0
        ? portal.pointee.interrupt.isHigh : portal.pointee.bman.interrupt.isHigh
    }
  }

  private func round(now: UInt64) -> Bool {
    if registers.isQManOwned || registers.isBManOwned { tables.numbers.whenBoth = .partition }
    let moved = network?.step(&tables, now: now) ?? false
    let isBusy = tables.round(control, now: now)
    return registers.update(&tables) || isBusy || moved
  }

  // MARK: Other clients

  /// Has frames of MACs that no wire connects go somewhere; see ``VirtualNetwork/outlet``.
  func setOutlet(_ outlet: @escaping (UnsafeMutableRawBufferPointer, Int, UInt64) -> Bool) {
    network?.outlet = outlet
  }

  /// Brings a frame from outside to one of the client's MACs.
  func receive(_ frame: UnsafeRawBufferPointer, on mac: Int, now: UInt64) {
    network?.receive(frame, on: mac, &tables, now: now)
  }

  /// Whether one of the client's MACs and its port are up.
  func isReceiving(_ mac: Int) -> Bool { network?.isReceiving(mac) ?? false }

  /// What the client did so far, in a line for people.
  var summary: String {
    let counters = tables.counters
    let drops = DropReason.allCases.compactMap { reason in
      let count = counters.dropped(reason, 0)
      return count == 0 ? nil : "\(count) \(reason.name)"
    }
    let refused = drops.isEmpty ? "none" : drops.joined(separator: ", ")
    let frames =
      network.map {
        let tally = $0.tally
        return ", frames sent \(tally.transmitted), confirmed \(tally.confirmed), "
          + "received \(tally.received), lost \(tally.lost)"
      } ?? ""
    return
      "enqueued \(counters.value(.taken, 0)), dequeued \(counters.value(.delivered, 0)), "
      + "refused \(refused), stray buffers \(counters.value(.strayBuffers, 0))" + frames
  }
}
