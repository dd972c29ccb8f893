import CTestShims
import DPAAPortal
import Glibc
import Partitioning
import Patterns
import QorIQ
import Security
import Synchronization
import TestSupport
import Testing

@testable import DPAARuntime

/// In poll mode no software but the guest's has a part in what accelerators do for it: from the request to its
/// answer the kernel is not called, and no frame is touched by the host.
///
/// The kernel itself sees to it: the thread that works gives up its right to system calls, each of which ends
/// its process from then on. A tracer would slow a million operations down a hundredfold.
@Suite(.timeLimit(.minutes(5))) struct PollModeTests {
  /// How many operations one test has.
  private static let operations = isHeavy ? 1_000_000 : 50_000
  private static let hasSecurity = !SecurityLibrary.allCases.allSatisfy { $0.problem != nil }
  private static let hasPatterns = (try? PatternLibrary()) != nil

  @Test(.enabled(if: hasSecurity, "needs package libipsec-mb-dev"))
  func `SEC's requests are answered without a system call of engine or guest`() async {
    await #expect(processExitsWith: .success) { try Self.proveInline { try .security() } }
  }

  @Test(.enabled(if: hasPatterns, "needs package libhyperscan5"))
  func `PME's requests are answered without a system call of engine or guest`() async {
    await #expect(processExitsWith: .success) { try Self.proveInline { try .patterns() } }
  }

  @Test(.enabled(if: hasSecurity, "needs package libipsec-mb-dev"))
  func `an engine's thread does no more than yield and sleep when there is nothing to do`() async {
    await #expect(processExitsWith: .success) { try Self.proveThread() }
  }

  @Test(.enabled(if: hasSecurity, "needs package libipsec-mb-dev"), arguments: [false, true])
  func `one system call among the operations is found`(isEngines: Bool) async {
    await #expect(processExitsWith: .signal(SIGSYS)) { [isEngines] in
      if isEngines {
        try Self.proveThread { getppid() }
      } else {
        try Self.proveInline({ try .security() }, middle: { getppid() })
      }
    }
  }

  // MARK: proofs

  /// Engine and guest on one thread, which never rests.
  private static func proveInline(
    _ make: @escaping @Sendable () throws -> Work, middle: @escaping @Sendable () -> Int32 = { 0 }
  ) throws {
    try prove { isDone in
      let work = try make()
      while work.answered < 1000 { work.step() }
      work.forbid()
      while work.answered < operations / 2 { work.step() }
      _ = middle()
      while work.answered < operations { work.step() }
      work.check()
      isDone.value.store(true, ordering: .releasing)
      while true {}
    }
  }

  /// The engine on a thread of its own, the guest on another.
  private static func proveThread(
    middle: @escaping @Sendable () -> Int32 = { 0 }
  ) throws {
    let isForbidden = Flag()
    let isAsked = Flag()
    let isMiddle = Flag()
    let clock: @Sendable () -> UInt64 = {
      // The only thing of a test's that the engine calls on its own thread.
      if isAsked.value.exchange(false, ordering: .acquiringAndReleasing) {
        guard dpaac_test_forbid_system_calls(1) == 0 else { exit(EXIT_FAILURE) }
        isForbidden.value.store(true, ordering: .releasing)
      }
      if isMiddle.value.exchange(false, ordering: .acquiringAndReleasing) { _ = middle() }
      return monotonicNanoseconds()
    }
    try prove { isDone in
      let work = try Work.security(clock: clock)
      while work.answered < 1000 { work.step() }
      isAsked.value.store(true, ordering: .releasing)
      while !isForbidden.value.load(ordering: .acquiring) { work.step() }
      work.forbid()
      while work.answered < operations / 2 { work.step() }
      isMiddle.value.store(true, ordering: .releasing)
      while work.answered < operations { work.step() }
      work.check()
      isDone.value.store(true, ordering: .releasing)
      while true {}
    }
  }

  /// A word that two threads share.
  private final class Flag: Sendable {
    let value = Atomic<Bool>(false)
  }

  /// Runs a proof on a thread of its own, which cannot end any more, and waits for what comes of it.
  private static func prove(_ body: @escaping @Sendable (Flag) throws -> Void) throws {
    let isDone = Flag()
    dpaac_test_keep_memory()
    _ = WorkerThread.start {
      do { try body(isDone) } catch { exit(EXIT_FAILURE) }
    }
    for _ in 0..<240_000 where !isDone.value.load(ordering: .acquiring) { usleep(1000) }
    exit(isDone.value.load(ordering: .acquiring) ? EXIT_SUCCESS : EXIT_FAILURE)
  }

  // MARK: work

  /// guest2, whose buffers go round through an accelerator.
  private final class Work {
    private let engine: Engine
    private let guest: Guest
    private let pair: GuestGrant.AcceleratorPair
    private let runsEngine: Bool
    private(set) var answered = 0
    // What is to be done, of which one is there. Spelled out, as `?` would first make them `nil`.
    private let security: Optional<SecurityQueue>
    private let patterns: Optional<PatternQueue>
    private let command: UInt32
    /// How many buffers go round: fewer than a ring takes, so that none has to wait.
    private static let inFlight = 6

    private init(
      _ configuration: RuntimeConfiguration, command: UInt32, clock: (@Sendable () -> UInt64)?
    ) throws {
      let engine = try Engine(configuration, clock: clock ?? monotonicNanoseconds)
      if clock != nil { engine.start() }
      let guest = try Guest(engine, owner: 2, isInline: clock == nil)
      guard let pair = guest.session.grant.accelerators.first else {
        preconditionFailure("the guest has queues into the accelerator")
      }
      self.engine = engine
      self.guest = guest
      self.pair = pair
      runsEngine = clock == nil
      self.command = command
      if pair.kind == .security {
        // Packets enter a tunnel, each answer's buffer with a new one.
        let descriptor = SharedDescriptor(
          encapsulating: SecurityQueueTests.transforms[0], spi: GatewayRig.spi,
          outerHeader: SecurityDeviceTests.outerHeader, outputPool: 3)
        security = guest.session.portals[0].open(pair, descriptor, from: 3)
        patterns = nil
      } else {
        // Frames are one stream, in which nothing is found.
        patterns = guest.session.portals[0].openFlow(pair, from: 3)
        security = nil
      }
      for _ in 0..<Self.inFlight {
        guard var buffer = guest.session.portals[0].acquire(from: 3) else {
          preconditionFailure("the pool has buffers")
        }
        buffer.setLength(Self.length)
        buffer.frame.initializeMemory(as: UInt8.self, repeating: 0x61)
        ask(buffer)
      }
    }

    private static let length = 200

    static func security(clock: (@Sendable () -> UInt64)? = nil) throws -> Work {
      try Work(AcceleratorTests.configuration(), command: 0, clock: clock)
    }

    static func patterns() throws -> Work {
      let pattern = ScanPattern(tag: 1, subsets: .max, expression: "b[0-9]+c|virus")
      return try Work(
        PatternAsker.configuration([
          ScanPatternSet(number: 1, name: "words", patterns: [pattern])
        ]), command: PatternCommand.scan(set: 1).word, clock: nil)
    }

    private func ask(_ buffer: consuming Buffer) {
      var buffer = buffer
      buffer.setLength(Self.length)
      buffer.descriptor.command = command
      guard case .accepted = guest.session.portals[0].enqueue(buffer, to: pair.request) else {
        preconditionFailure("the ring has room")
      }
    }

    func step() {
      if runsEngine { engine.round() }
      while let buffer = guest.session.portals[0].dequeue() {
        precondition(
          buffer.queue == pair.response && buffer.descriptor.command == 0, "it is an answer")
        answered += 1
        ask(buffer)
      }
    }

    /// Ends this thread's right to system calls.
    func forbid() {
      guard dpaac_test_forbid_system_calls(0) == 0 else { exit(EXIT_FAILURE) }
    }

    /// Nobody but the guest and the accelerator had a frame: the host took none and sent none, and each of
    /// the guest's went into the accelerator and came from it.
    func check() {
      let counters = engine.counters
      for owner in 0..<2 {
        precondition(counters.value(.taken, owner) == 0 && counters.value(.delivered, owner) == 0)
      }
      let kind = pair.kind == .security ? 0 : 1
      // An engine on a thread of its own counts an answer when the guest may have it already. Who waits in vain is
      // ended when the time is up.
      while counters.value(.done, kind, 2) < UInt64(answered)
        || counters.value(.taken, 2) < UInt64(answered)
        || counters.value(.delivered, 2) < UInt64(answered)
      {}
      precondition(DropReason.allCases.allSatisfy { counters.dropped($0, 2) == 0 })
    }
  }
}
