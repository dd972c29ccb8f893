import CPortalShims
public import DPAAPortal
import Glibc
import Partitioning

/// How fast a capture is played.
public enum ReplayPace: Sendable, Hashable {
  /// As fast as pools and queues take the frames.
  case asTaken
  /// So many frames in a second; 0 for no limit.
  case framesPerSecond(UInt64)
  /// With the gaps between frames that the capture has.
  case recorded
}

/// What a run may choose beside the configuration.
public struct EngineOptions: Sendable {
  /// The capture that each interface plays, by name, as paths that can be opened.
  public var replays: [String: String]
  /// What interfaces are connected with instead, by name; captures are ``replays``.
  public var lines: [String: PortAddress]
  /// An open, empty file for what each interface transmits, by name; the engine closes them.
  public var outputs: [String: Int32]
  /// The format of those files.
  public var outputFormat: CaptureWriter.Format
  /// How often each capture is played.
  public var repeats: UInt64
  /// How fast each capture is played.
  public var pace: ReplayPace
  /// Whether it is measured how long frames take.
  public var measuresLatency: Bool
  /// The CPU of a thread that does nothing but SEC's and PME's work; `nil` when the engine's own thread does it.
  public var acceleratorCPU: Int?
  /// The nice value of the engine's thread, if that is lower than this process's.
  public var nice = 0
  /// What the accelerators are made of, if not of what the host has.
  var devices: [AcceleratorKind: AcceleratorDevice] = [:]

  /// Creates options; the defaults play nothing and keep nothing.
  public init(
    replays: [String: String] = [:], lines: [String: PortAddress] = [:],
    outputs: [String: Int32] = [:], outputFormat: CaptureWriter.Format = .pcap,
    repeats: UInt64 = 1, pace: ReplayPace = .asTaken, measuresLatency: Bool = false
  ) {
    self.replays = replays
    self.lines = lines
    self.outputs = outputs
    self.outputFormat = outputFormat
    self.repeats = repeats
    self.pace = pace
    self.measuresLatency = measuresLatency
  }
}

// SAFETY: `tables` is touched by one thread at a time: by the caller before `start()` and after
// `join()`, by the engine's thread in between.
/// The trusted party that plays QMan, BMan and FMan for the owners of a configuration.
///
/// Either on a thread of its own (``start()``), or inline on the caller's (``round()``), for
/// single-core use and for tests.
public final class Engine: @unchecked Sendable {
  /// What the engine runs.
  public internal(set) var configuration: RuntimeConfiguration
  /// How to steer it from another thread.
  public let control = EngineControl()

  /// Touched by whoever steers the engine; the engine's thread has the places from its tables.
  var memory: [OwnerMemory]
  /// What owners left behind that were brought back.
  var pasts: [OwnerPast]
  var counters: Counters
  /// The ways that frames take.
  var flows: [Flow]
  let hasInterrupts: Bool
  let measuresLatency: Bool
  private let acceleratorCPU: Int?
  private let nice: Int
  var counterMemory: UnsafeMutableRawPointer
  var tables: EngineTables
  var devices: [AcceleratorKind: AcceleratorDevice]
  let ports: NetworkPorts
  /// How many frames its queues have room for: another configuration has room for no fewer.
  var frameRoom = 0
  let clock: @Sendable () -> UInt64
  /// Regions that sessions in this very process may still look at.
  var attached: [OwnerMemory] = []
  /// Buffers of owners that ended which nobody gave back, by owner: there should be none.
  var stranded: [(owner: String, count: UInt32)] = []
  /// The guest whose program runs on the engine's thread.
  private(set) var inlineGuest: InlineGuest?
  private var thread: pthread_t?

  /// Makes the regions of every owner and puts pools, queues and portals into service.
  ///
  /// - Parameters:
  ///   - configuration: What to run; a configuration that contradicts itself is refused.
  ///   - options: Captures and speed.
  ///   - interrupts: Whether guests may sleep until their portal's interrupt.
  ///   - clock: Nanoseconds that only grow; a simulation passes virtual time.
  /// - Throws: ``EngineError`` for want of memory, a bad capture or a bad configuration.
  public init(
    _ configuration: RuntimeConfiguration, options: EngineOptions = EngineOptions(),
    interrupts: Bool = false, clock: @escaping @Sendable () -> UInt64 = monotonicNanoseconds
  ) throws(EngineError) {
    try configuration.check()
    self.configuration = configuration
    self.clock = clock
    flows = configuration.flows()
    measuresLatency = options.measuresLatency
    acceleratorCPU = options.acceleratorCPU
    nice = options.nice
    hasInterrupts = interrupts
    pasts = configuration.owners.map { _ in OwnerPast() }
    var memory: [OwnerMemory] = []
    for index in configuration.owners.indices {
      memory.append(try configuration.memory(ofOwner: index, interrupts: interrupts))
    }
    let size = Counters.size(
      owners: configuration.owners.count, ports: configuration.interfaces.count,
      flows: flows.count)
    let counterRegion = try SharedRegion(name: "counters", size: size)
    counterMemory = counterRegion.memory
    counters = Counters(memory: counterRegion.memory, owners: configuration.owners.count)
    self.memory = memory
    var options = options
    if options.devices.isEmpty { options.devices = try configuration.usualDevices() }
    devices = options.devices
    ports = try NetworkPorts(configuration, options)
    tables = try EngineTables(
      configuration, memory: memory, counterRegion: counterRegion, options: options,
      ports: ports, clock: clock)
    frameRoom = tables.qman.records.count - 1
  }

  /// Runs one round on the caller's thread; `false` when nothing was to be done.
  @discardableResult
  public func round() -> Bool { tables.round(control, now: clock()) }

  /// Attaches an owner in the engine's own process, over the very regions that a process of its
  /// own would map: for examples, tests and simulation. Once for each owner.
  ///
  /// - Parameters:
  ///   - index: The owner.
  ///   - isInline: Whether the guest runs on the thread that calls ``round()``: whenever it waits
  ///     for the engine, it runs a round itself. The session then keeps the engine alive.
  ///   - capture: An open, empty file for what arrives, which the session closes, and its format.
  /// - Returns: The owner's session.
  /// - Throws: ``EngineError`` when the owner's program has no way to where it sends.
  public func attach(
    owner index: Int, isInline: Bool = false,
    capture: (descriptor: Int32, format: CaptureWriter.Format)? = nil
  ) throws(EngineError) -> GuestSession {
    attached.append(memory[index])
    return GuestSession(
      grant: try configuration.grant(ofOwner: index, capture: capture?.format),
      window: memory[index].window.memory, status: memory[index].status.memory,
      poolMemory: memory[index].pools.map(\.memory), capture: capture?.descriptor ?? -1,
      runEngine: isInline ? { self.round() } : nil)
  }

  /// Asks for an owner that has ended to be put back into service, with regions that nobody has held yet. It is
  /// done once nothing that it sent is under way any more: ``EngineControl/isGone(owner:)`` tells.
  ///
  /// - Parameter index: The owner, whose holdings have been taken back.
  /// - Throws: ``EngineError`` for want of memory.
  public func bringBack(owner index: Int) throws(EngineError) {
    precondition(control.isReclaimed(owner: index), "an owner comes back after its end")
    let fresh = try configuration.memory(ofOwner: index, interrupts: hasInterrupts)
    let before = (memory[index], pasts[index])
    pasts[index].settle(self, owner: index, into: fresh.status.memory)
    memory[index] = fresh
    control.requestReturn(
      OwnerReturn(owner: index, memory: fresh, configuration: configuration, before: before))
  }

  /// Gives up waiting for an owner's return: it stays as it was after its end.
  ///
  /// - Parameter index: An owner that was to be brought back.
  /// - Returns: `false` when it is back, or will be at once.
  func giveUpReturn(owner index: Int) -> Bool {
    guard let wish = control.takeReturn(owner: index) else { return false }
    (memory[index], pasts[index]) = wish.before
    return true
  }

  /// Has an owner's built-in program run on the engine's thread; before ``start()``, and for one owner.
  ///
  /// - Parameters:
  ///   - index: The owner.
  ///   - capture: As ``attach(owner:isInline:capture:)`` has it.
  /// - Throws: ``EngineError`` when the program cannot begin.
  func runInline(
    owner index: Int, capture: (descriptor: Int32, format: CaptureWriter.Format)?
  ) throws(EngineError) {
    precondition(thread == nil && inlineGuest == nil, "the engine's thread runs, or has a guest")
    let session = try attach(owner: index, isInline: true, capture: capture)
    do throws(GuestError) {
      inlineGuest = try InlineGuest(session, bells: configuration.isMeasured ? bells : [])
    } catch {
      throw .guest(configuration.owners[index].name, "\(error)")
    }
  }

  /// What raises the first interrupt of each owner, on the engine's thread.
  private var bells: [GuestBell] {
    memory.indices.map { index in
      GuestBell(status: memory[index].status.memory) {
        let portal = self.tables.owners.base[index].firstPortal
        if self.tables.interrupts.base[portal].isConnected {
          self.tables.interrupts.base[portal].raise()
        }
      }
    }
  }

  /// Starts the engine's own thread.
  public func start() {
    precondition(thread == nil, "the engine runs already")
    control.allowLoop()
    if let acceleratorCPU { tables.startWorker(cpu: acceleratorCPU) }
    // What is looked at may be another by the time that the thread runs.
    let isRung = isRungByAll
    thread = WorkerThread.start { self.loop(isRung: isRung) }
  }

  /// Whether a guest has written something that the last round did not see.
  var hasNews: Bool { tables.hasNews }

  /// Whether the engine's own thread runs.
  var isRunning: Bool { thread != nil }

  /// Ends the engine's thread and waits for it.
  public func join() {
    pause()
    // Its session keeps the engine alive.
    inlineGuest = nil
    for index in 0..<tables.ports.count { tables.ports[index].flush() }
  }

  /// Has the engine's thread end between two rounds; whether it ran.
  @discardableResult
  func pause() -> Bool {
    control.stop()
    defer { thread = nil }
    if let thread { pthread_join(thread, nil) }
    tables.endWorker()
    return thread != nil
  }

  /// Whether there is one processor for all, and everybody else on it rings the engine's thread when it sleeps. A process
  /// does not.
  var isRungByAll: Bool {
    configuration.processors == 1 && tables.bells != nil
      && memory.count { $0.machine == nil } == (inlineGuest == nil ? 0 : 1)
  }

  /// Polls until it is told to stop.
  private func loop(isRung: Bool) {
    var backoff = IdleBackoff(isRung: isRung)
    // What is there and cannot be taken up is news only once.
    var hasLooked = false
    // Who shares the processor with it need not be done with theirs before it serves them.
    if tables.bells != nil || nice < 0 { dpaac_hurry(Int32(nice)) }
    let inlineGuest = inlineGuest
    while !control.isStopRequested {
      let now = clock()
      // Where only guests bring something, the frame that answers the last one meets no round that has nothing to do.
      // Beside ports that costs guests on the same processor half of their frames, and a look in place of a pause nothing.
      let looksFirst = tables.ports.count == 0
      if looksFirst { _ = tables.awaitsNews() }
      let isBusy = tables.round(control, now: now)
      if inlineGuest?.step() == true || isBusy {
        backoff.restart()
        hasLooked = false
        continue
      }
      backoff.rest(now: now) {
        if looksFirst { dpaac_pause() } else { _ = tables.awaitsNews() }
      } nap: {
        if let bells = tables.bells {
          hasLooked = bells.sleep { !hasLooked && tables.hasNews } == .news
        } else if !hasLooked, !looksFirst, tables.awaitsNews() {
          hasLooked = true
        } else {
          usleep(50)
        }
      }
    }
  }

  /// The first error that a port met when writing its capture.
  func writeError() -> (port: String, error: Int32)? {
    for index in 0..<tables.ports.count {
      let error = tables.ports[index].writeError()
      if error != 0 { return (tables.ports[index].name, error) }
    }
    return nil
  }

  /// What a port's line has to tell, once, after ``join()``; `nil` for a port without a line.
  func lineAccount(ofPort index: Int) -> (address: PortAddress, account: PortLine.Account)? {
    tables.ports[index].lineAccount()
  }

  /// A pool's state, for reports.
  struct PoolState {
    var free: UInt32
    var lowestFree: UInt32
  }

  /// The state of the pools in the order of owners and their pools; after ``join()``.
  func poolStates() -> [PoolState] {
    (0..<tables.pools.count).map {
      PoolState(free: tables.pools.base[$0].freeCount, lowestFree: tables.pools.base[$0].lowestFree)
    }
  }

  /// The histogram of each flow, in the configuration's order; `nil` when nothing is measured.
  private var histograms: [LatencyHistogram]? {
    guard measuresLatency else { return nil }
    let first = Counters.histograms(
      owners: configuration.owners.count, ports: configuration.interfaces.count)
    return flows.indices.map {
      LatencyHistogram(memory: counterMemory + first + $0 * LatencyHistogram.byteCount)
    }
  }

  /// How long the frames of each flow took, in the configuration's order; `nil` when that was not
  /// measured.
  func latencies() -> [LatencySummary]? {
    histograms?.map { LatencyHistogram.summary(of: [$0]) }
  }

  /// How long the frames of each kind of flow took; none when that is not measured.
  func latenciesByKind() -> [FlowKind: LatencySummary] {
    guard let histograms else { return [:] }
    return Dictionary(grouping: zip(flows, histograms)) { $0.0.kind }
      .mapValues { LatencyHistogram.summary(of: $0.map(\.1)) }
  }

  /// Frames that wait at order-restoration points; after ``join()``.
  var waitingFrameCount: UInt64 { tables.restoration.frameCount }

  /// Frames of each policer by colour, in the configuration's order; after ``join()``.
  func policerCounts() -> [[UInt64]] {
    (0..<tables.policers.count).map {
      let counts = tables.policers.base[$0].counts
      return [counts.green, counts.yellow, counts.red]
    }
  }

  /// The queues that ever held a frame: number, frames that entered, frames that are in it.
  func usedQueues() -> [(fqid: UInt32, enqueued: UInt64, count: UInt32)] {
    (0..<tables.qman.queues.count).compactMap {
      guard tables.qman.isTouched(UInt32($0)) else { return nil }
      let queue = tables.qman.queues.base[$0]
      return queue.enqueued == 0 ? nil : (UInt32($0), queue.enqueued, queue.count)
    }
  }
}
