import CPortalShims
import DPAAPortal
import Glibc
import Partitioning

/// A run from start to end: guests as processes of their own, the engine on its thread, and this
/// thread to watch both.
public struct RunSession: ~Copyable {
  var configuration: RuntimeConfiguration { engine.configuration }
  let options: RunOptions
  let engine: Engine
  var guests: [GuestProcess] = []
  /// What guests are on the way to that were told to end or to start.
  var errands: [GuestErrand] = []
  /// The partition that is run, and what it goes back to.
  var plans: RunPlans
  private let control: ControlServer?
  private(set) var machines = RunMachines([])
  /// Whether machines were ended in the midst of their work.
  private var areMachinesCut = false
  private var signals: EndSignals?
  private var expectedFrames: [String: UInt64] = [:]
  /// When a signal asked to end the run; 0 while none did.
  private(set) var interruptedAt: UInt64 = 0
  /// Owners that did not end as they were asked.
  var gone: Set<Int> = []
  private var captures: CaptureFiles
  /// A capture for each owner's process, until they are started; none unless they are wanted.
  private var guestCaptures: [Int32] = []
  private let display: LiveDisplay
  /// What the guests that are virtual machines say, by owner.
  private var consoles: [Int: MachineConsole] = [:]

  /// Runs a configuration and reports.
  ///
  /// Nothing is started or written when a capture is missing or corrupt.
  ///
  /// - Throws: ``EngineError`` when the run cannot begin.
  public static func run(
    _ configuration: RuntimeConfiguration, options: RunOptions
  ) throws(EngineError) -> RunReport {
    // Once and for all: a file of a key may be another when a guest starts again or a new plan comes.
    var configuration = try configuration.findingKeys(options.resolve).holdingKeys()
    configuration.processors =
      options.processors.map { Set($0.engine + $0.guests).count } ?? Processors.usable.count
    var session = try RunSession(configuration, options)
    do throws(EngineError) {
      try session.startGuests()
    } catch {
      session.endMachines()
      session.endGuests(within: 0)
      session.engine.join()
      session.closeDescriptors()
      session.captures.remove()
      throw error
    }
    let isAtRest = session.watch()
    session.abandonReturns()
    session.endMachines(isCut: !isAtRest)
    session.endGuests(within: options.patience, isCut: !isAtRest)
    let failure = session.machines.failure
    let report = session.finish()
    if let failure { throw failure }
    return report
  }

  private init(_ configuration: RuntimeConfiguration, _ options: RunOptions) throws(EngineError) {
    self.options = options
    plans = RunPlans(current: options.partition?.withKeys(of: configuration))
    display = LiveDisplay(isShown: options.isLive)
    var engineOptions = EngineOptions(
      lines: options.lines, outputFormat: options.captureFormat, repeats: options.repeats,
      pace: options.pace, measuresLatency: options.showsLatency || options.isLive)
    engineOptions.acceleratorCPU = options.acceleratorCPU
    engineOptions.nice = options.engineNice
    let connected = options.connectedInterfaces
    for interface in configuration.interfaces
    where options.replays[interface.name] != nil || !connected.contains(interface.name) {
      guard let replay = options.replays[interface.name] ?? interface.replay else { continue }
      let path = options.resolve(replay)
      engineOptions.replays[interface.name] = path
      // Counted here, from the file itself, and compared with what the port says it received.
      // More than 64 bits can count are never played, so they may wrap.
      expectedFrames[interface.name] =
        UInt64(try CaptureReader.frameCount(ofFile: path)) &* options.repeats
    }
    for name in (Array(options.replays.keys) + Array(options.lines.keys)).sorted()
    where !configuration.interfaces.contains(where: { $0.name == name }) {
      throw .noInterface(name, configuration.interfaces.map(\.name))
    }
    let control: ControlServer? =
      if let path = options.control { try ControlServer(at: path) } else { nil }
    var captures = CaptureFiles(protecting: Array(engineOptions.replays.values))
    var guestCaptures: [Int32] = []
    do throws(EngineError) {
      if let directory = options.outputDirectory {
        try captures.makeDirectory(directory)
        for interface in configuration.interfaces {
          engineOptions.outputs[interface.name] = try captures.open(
            options.capture(of: interface.name, in: directory))
        }
        for owner in configuration.owners {
          // A machine has no file to write to.
          guestCaptures.append(
            owner.kind == .process
              ? try captures.open(options.capture(of: owner.name, in: directory)) : -1)
        }
      }
      try Self.refuseWhatCannotStart(configuration, options)
      engine = try Engine(configuration, options: engineOptions, interrupts: true)
      // What this host lacks has been refused: now what earlier runs left may go.
      captures.empty()
    } catch {
      captures.remove()
      throw error
    }
    self.control = control
    self.captures = captures
    self.guestCaptures = guestCaptures
  }

  // MARK: Guests

  /// Refuses machines that cannot start here, as far as that can be told before anything is written.
  private static func refuseWhatCannotStart(
    _ configuration: RuntimeConfiguration, _ options: RunOptions
  ) throws(EngineError) {
    for owner in configuration.owners {
      guard case .machine(let wish, _) = owner.kind else { continue }
      _ = try image(for: owner.name, options)
      _ = try VirtualMachine.emulator(for: owner.name)
      _ = try HostMachine.choose(for: owner.name, wish)
    }
  }

  /// What an owner's machine boots.
  private static func image(
    for owner: String, _ options: RunOptions
  ) throws(EngineError) -> GuestImage {
    if let image = options.image { return image }
    throw .guest(
      owner,
      "is a virtual machine, but there is no kernel for it; make one with scripts/guest-image, or name "
        + "its folder with --guest-image")
  }

  private mutating func startGuests() throws(EngineError) {
    signals = EndSignals()
    // Who started this program may have SIGCHLD ignored: no end of a guest could be waited for.
    signal(SIGCHLD, SIG_DFL)
    // Who reads what is said may go away; guests go on.
    signal(SIGPIPE, SIG_IGN)
    defer {
      for capture in guestCaptures where capture >= 0 { close(capture) }
      guestCaptures = []
    }
    machines = try startMachines()
    if let inlineOwner {
      let capture =
        guestCaptures.isEmpty ? -1 : fcntl(guestCaptures[inlineOwner], F_DUPFD_CLOEXEC, 0)
      try engine.runInline(
        owner: inlineOwner, capture: capture < 0 ? nil : (capture, options.captureFormat))
    }
    for index in configuration.owners.indices
    where !machines.owners.contains(index) && index != inlineOwner {
      guests.append(try launch(index, capture: guestCaptures.isEmpty ? -1 : guestCaptures[index]))
    }
    engine.start()
    machines.start()
    let patience = consoles.isEmpty ? Self.processPatience : Self.machinePatience
    let deadline = monotonicNanoseconds() + patience * 1_000_000_000
    while guests.contains(where: { state(of: $0) == .starting }) {
      for index in guests.indices where guests[index].reap() {
        throw late(
          guests[index],
          "\(guests[index].ending?.description ?? "") before it attached to its portals")
      }
      if monotonicNanoseconds() >= deadline,
        let guest = guests.first(where: { state(of: $0) == .starting })
      {
        throw late(guest, "did not attach to its portals within \(patience) s")
      }
      // Processes are there at once, and drain as the run does; nobody waits for a kernel's boot to end it.
      if !consoles.isEmpty, signals?.take() == true {
        throw .ended("all guests had started")
      }
      usleep(500)
    }
  }

  /// How many seconds a program may take until it is attached to its portals.
  private static let processPatience: UInt64 = 20
  /// The same for a machine: a kernel boots in a second, or in a minute where it is translated and others want
  /// the processor.
  private static let machinePatience: UInt64 = 300

  /// How many seconds an owner's guest may take until it is attached to its portals.
  func patience(withOwner index: Int) -> UInt64 {
    configuration.owners[index].kind == .process ? Self.processPatience : Self.machinePatience
  }

  /// Starts an owner's guest over the owner's regions.
  ///
  /// - Parameters:
  ///   - index: The owner.
  ///   - capture: A descriptor for the capture of what arrives, or -1; the caller closes it.
  /// - Returns: Its process.
  /// - Throws: ``EngineError`` when it cannot be started.
  mutating func launch(_ index: Int, capture: Int32) throws(EngineError) -> GuestProcess {
    if let processors = options.processors { Processors.pin(to: processors.guests) }
    defer { if let processors = options.processors { Processors.pin(to: processors.engine) } }
    if case .machine(let wish, _) = configuration.owners[index].kind {
      return try boot(index, wish)
    }
    let memory = engine.memory[index]
    let descriptors =
      [memory.window.descriptor, memory.status.descriptor] + memory.pools.map(\.descriptor)
      + memory.interrupts.map(\.guestDescriptor) + (capture < 0 ? [] : [capture])
    let grant = try configuration.grant(
      ofOwner: index, capture: capture < 0 ? nil : options.captureFormat)
    return try GuestProcess(
      owner: index, program: options.programs[grant.name] ?? options.guestProgram, grant: grant,
      descriptors: descriptors)
  }

  /// A new capture for a life of an owner's process after its first: `guest1.2.pcap`; -1 when none are wanted.
  mutating func openCapture(ofOwner index: Int) throws(EngineError) -> Int32 {
    guard let directory = options.outputDirectory, configuration.owners[index].kind == .process
    else { return -1 }
    let life = engine.pasts[index].lives + 1
    let name = configuration.owners[index].name + (life > 1 ? ".\(life)" : "")
    return try captures.openLate(options.capture(of: name, in: directory))
  }

  /// Starts a guest that is a virtual machine.
  private mutating func boot(
    _ index: Int, _ wish: MachineAccelerator
  ) throws(EngineError) -> GuestProcess {
    let owner = configuration.owners[index]
    let image = try Self.image(for: owner.name, options)
    guard let region = engine.memory[index].machine else {
      preconditionFailure("a machine's owner has a region for its window")
    }
    let accelerator = try HostMachine.choose(for: owner.name, wish)
    let machine = try VirtualMachine(
      owner, accelerator, region: region, doorbells: engine.memory[index].interrupts,
      bell: engine.memory[index].bell, image: image, program: options.programs[owner.name]?.first)
    let guest = try GuestProcess(owner: index, machine)
    consoles[index] = machine.console
    options.say("boot \(owner.name) with QEMU, \(accelerator.rawValue.uppercased())")
    return guest
  }

  /// Why a guest did not attach, with what its machine said last.
  func late(_ guest: GuestProcess, _ what: String) -> EngineError {
    let words = consoles[guest.owner]?.lastWords() ?? ""
    return .guest(
      guest.name,
      what + (words.isEmpty ? "" : "; it said last:\n\(words)"))
  }

  /// Begins to serve the machines; their thread is started with the engine's.
  private func startMachines() throws(EngineError) -> RunMachines {
    var machines: [RunMachine] = []
    for served in options.machines {
      let owner = served.plan.owner
      let capture = guestCaptures.isEmpty ? -1 : fcntl(guestCaptures[owner], F_DUPFD_CLOEXEC, 0)
      let machine = try RunMachine(
        served.plan,
        session: try engine.attach(
          owner: owner, capture: capture < 0 ? nil : (capture, options.captureFormat)))
      machines.append(machine)
      do throws(EngineError) {
        try machine.begin(served, say: options.say)
      } catch {
        // Those before it are served already.
        for machine in machines { machine.end(say: options.say) }
        throw error
      }
    }
    return RunMachines(machines)
  }

  /// Ends the machines' thread; what is still on its way to them is dropped.
  private mutating func endMachines(isCut: Bool = false) {
    areMachinesCut = isCut
    machines.stop(say: options.say)
    for owner in machines.owners {
      gone.insert(owner)
      engine.control.markGone(owner: owner)
    }
  }

  func state(of guest: GuestProcess) -> GuestStatus.State { state(ofOwner: guest.owner) }

  private func state(ofOwner index: Int) -> GuestStatus.State {
    GuestStatus.State(
      rawValue: engine.memory[index].status.memory.counter(GuestStatus.state)) ?? .running
  }

  /// The owner whose program runs on the engine's thread.
  var inlineOwner: Int? {
    options.inlinePartition.flatMap { name in
      configuration.owners.firstIndex { $0.name == name }
    }
  }

  /// Whether no living guest will send anything of its own accord.
  private var areGuestsQuiet: Bool {
    guests.allSatisfy { $0.ending != nil || state(of: $0) != .running }
      && inlineOwner.map { state(ofOwner: $0) != .running } ?? true
  }

  // MARK: Watching

  /// Waits until everything has been played and answered, nothing moves any more, or a signal;
  /// `false` when frames still moved as the time to drain was up.
  private mutating func watch() -> Bool {
    defer { display.clear() }
    if let measure = options.measure {
      measure(&self)
      interrupt()
    }
    var lastProgress = monotonicNanoseconds()
    var lastTotal: UInt64 = 0
    var quietSince: UInt64?
    // Captures are for machines too, which come up late.
    let waitsForMachines = !options.machines.isEmpty && !expectedFrames.isEmpty
    var isInputOpen = false
    while true {
      if !isInputOpen, !waitsForMachines || machines.areUp(now: monotonicNanoseconds()) {
        isInputOpen = true
        engine.control.setInput(interruptedAt == 0)
      }
      if machines.hasFailed { return false }
      // Somebody waits for an errand's end.
      waitForEvent(milliseconds: errands.isEmpty ? 20 : 1)
      noticeEndings()
      serveRequests()
      let now = monotonicNanoseconds()
      display.draw(engine, expected: expectedFrames, now: now)
      // Machines send when they like.
      let isInputOver =
        interruptedAt != 0
        || options.machines.isEmpty && control == nil && engine.control.areInputsDone
      if isInputOver, areGuestsQuiet {
        // Two looks: the engine must have found nothing after the guests were seen quiet.
        let rounds = engine.control.quietRoundCount
        if let quiet = quietSince, rounds > quiet + 1 { return true }
        quietSince = quietSince ?? rounds
      } else {
        quietSince = nil
      }
      let total = engine.counters.progress(configuration)
      if total != lastTotal { (lastTotal, lastProgress) = (total, now) }
      if !isInputOver { lastProgress = now }
      if now - lastProgress > options.patience * 1_000_000 { return true }
      if interruptedAt != 0, now - interruptedAt > 5 * options.patience * 1_000_000 { return false }
    }
  }

  /// Waits until something has ended, or is wanted.
  ///
  /// - Parameters:
  ///   - milliseconds: How long at most.
  ///   - hearsRequests: Whether requests are taken behind it; those that are not must not wake it again and again.
  mutating func waitForEvent(milliseconds: Int32, hearsRequests: Bool = true) {
    var descriptors = [pollfd(fd: signals?.descriptor ?? -1, events: Int16(POLLIN), revents: 0)]
    for guest in guests where guest.ending == nil {
      descriptors.append(
        pollfd(fd: guest.endedDescriptor, events: Int16(POLLIN), revents: 0))
    }
    for descriptor in hearsRequests ? control?.descriptors ?? [] : [] {
      descriptors.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
    }
    _ = poll(&descriptors, nfds_t(descriptors.count), milliseconds)
    if signals?.take() == true { interrupt() }
  }

  /// Stops the input and asks all guests to send nothing more.
  private mutating func interrupt() {
    // However often it is asked: the time to drain runs from the first.
    guard interruptedAt == 0 else { return }
    interruptedAt = monotonicNanoseconds()
    engine.control.setInput(false)
    for guest in guests where guest.ending == nil { guest.askToDrain() }
    engine.inlineGuest?.drain()
  }

  /// Does what is wanted over the control socket, and goes on with what was.
  private mutating func serveRequests() {
    guard let control else { return }
    let now = monotonicNanoseconds()
    for request in control.takeRequests(now: now) { take(request, now: now) }
    followErrands(now: now)
    followPlan()
    goBackUnlessConfirmed(now: now)
  }

  /// Has the engine take back what guests held that have ended.
  mutating func noticeEndings() {
    for index in guests.indices where guests[index].reap() {
      gone.insert(guests[index].owner)
      engine.control.markGone(owner: guests[index].owner)
    }
  }

  /// Asks all guests to end, and kills those that do not.
  ///
  /// - Parameters:
  ///   - milliseconds: How long they may take.
  ///   - isCut: Whether they end in the midst of their work, so that what they hold is taken back.
  private mutating func endGuests(within milliseconds: UInt64, isCut: Bool = false) {
    for index in guests.indices { guests[index].askToEnd() }
    engine.inlineGuest?.end()
    let deadline = monotonicNanoseconds() + milliseconds * 1_000_000
    while guests.contains(where: { $0.ending == nil }) {
      for index in guests.indices where guests[index].reap() {
        // Ended as it was asked to: it held nothing any more, or the pools will tell.
        guard isCut || guests[index].ending != .code(0) else { continue }
        gone.insert(guests[index].owner)
        engine.control.markGone(owner: guests[index].owner)
      }
      if monotonicNanoseconds() >= deadline {
        for guest in guests where guest.ending == nil { guest.kill() }
      }
      usleep(1000)
    }
    if let inlineOwner {
      while state(ofOwner: inlineOwner) != .ended, engine.isRunning,
        monotonicNanoseconds() < deadline
      { usleep(100) }
      if isCut || state(ofOwner: inlineOwner) != .ended {
        gone.insert(inlineOwner)
        engine.control.markGone(owner: inlineOwner)
      }
    }
    for owner in gone {
      while !engine.control.isReclaimed(owner: owner), engine.isRunning { usleep(100) }
    }
    // What they had sent is still on its way.
    let rounds = engine.control.quietRoundCount
    let rest = monotonicNanoseconds() + milliseconds * 1_000_000
    while !gone.isEmpty, engine.control.quietRoundCount < rounds + 2,
      monotonicNanoseconds() < rest
    { usleep(100) }
  }

  // MARK: The end

  /// Frees what guests that have ended and signals had open.
  private mutating func closeDescriptors() {
    for index in guests.indices { guests[index].close() }
    signals?.close()
    signals = nil
  }

  private mutating func finish() -> RunReport {
    engine.join()
    closeDescriptors()
    var witness = RunWitness()
    witness.isLatencyWanted = options.showsLatency
    witness.machines = machines.owners
    if areMachinesCut {
      for owner in machines.owners { witness.endings[owner] = "was cut off" }
    }
    witness.playedFrames = interruptedAt != 0 ? nil : expectedFrames
    witness.connectedInterfaces = options.connectedInterfaces
    for (index, owner) in configuration.owners.enumerated() where owner.hasNothing {
      witness.endings[index] = "left with a new plan"
    }
    for guest in guests where gone.contains(guest.owner) {
      witness.endings[guest.owner] = guest.ending?.description
    }
    if let directory = options.outputDirectory {
      for interface in configuration.interfaces {
        // What the file really holds, as any reader would count it.
        let path = options.capture(of: interface.name, in: directory)
        witness.writtenFrames[interface.name] =
          UInt64((try? CaptureReader.frameCount(ofFile: path)) ?? 0)
      }
    }
    return RunReport(engine, witness: witness)
  }
}
