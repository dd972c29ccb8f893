import DPAAPortal
import Glibc
import Partitioning
import QorIQ
import Synchronization
import TestSupport
import Testing

@testable import DPAARuntime

/// Accelerators whose work a second thread does, while the engine's moves frames.
@Suite(.timeLimit(.minutes(5))) struct AcceleratorWorkerTests {
  /// A mirror behind a gate: it works when that is open.
  private final class Gate: AcceleratorDevice, @unchecked Sendable {
    let mirror = MirrorDevice()
    let isOpen: Atomic<Bool>
    let isWorking = Atomic<Bool>(false)
    let wasForgottenAtWork = Atomic<Bool>(false)
    /// The threads that prepared and worked last.
    let preparer = Atomic<UInt>(0)
    let worker = Atomic<UInt>(0)

    init(isOpen: Bool) { self.isOpen = Atomic(isOpen) }

    var isAtWork: Bool { isWorking.load(ordering: .acquiring) }

    override func prepare(_ job: inout AcceleratorJob, _ memory: AcceleratorMemory) {
      preparer.store(UInt(pthread_self()), ordering: .relaxed)
      mirror.prepare(&job, memory)
    }
    override func work(
      _ jobs: UnsafeMutableBufferPointer<AcceleratorJob>, _ memory: AcceleratorMemory
    ) {
      worker.store(UInt(pthread_self()), ordering: .relaxed)
      isWorking.store(true, ordering: .releasing)
      while !isOpen.load(ordering: .acquiring) { sched_yield() }
      mirror.work(jobs, memory)
      isWorking.store(false, ordering: .releasing)
    }
    override func status(of fault: AcceleratorFault) -> UInt32 { mirror.status(of: fault) }
    override func forget(owner: Int) {
      if isWorking.load(ordering: .acquiring) {
        wasForgottenAtWork.store(true, ordering: .releasing)
      }
      mirror.forget(owner: owner)
    }

    /// Opens in a while, on a thread that is to be joined.
    func openSoon() -> pthread_t {
      WorkerThread.start {
        usleep(20_000)
        self.isOpen.store(true, ordering: .releasing)
      }
    }
  }

  /// The talk's table with an engine on its own thread, and a queue into the accelerator for guest2.
  private final class World {
    let gate: Gate
    let engine: Engine
    let guests: [Guest]
    let pair: GuestGrant.AcceleratorPair
    var guest: Guest { guests[2] }

    init(isOpen: Bool = true) throws {
      gate = Gate(isOpen: isOpen)
      var options = EngineOptions()
      options.devices = [.sec: gate]
      options.acceleratorCPU = Tool.usableCPU
      let engine = try Engine(AcceleratorTests.configuration(), options: options)
      self.engine = engine
      guests = try (0..<3).map { try Guest(engine, owner: $0, isInline: false) }
      pair = try #require(guests[2].session.grant.accelerators.first)
      engine.start()
      #expect(
        guest.session.portals[0].initialize(
          pair.request, channel: pair.channel, contextA: 3, contextB: pair.response.rawValue)
          == CommandResult.ok)
    }

    deinit {
      gate.isOpen.store(true, ordering: .releasing)
      engine.join()
    }

    /// Waits until something is so.
    func wait(until isSo: () -> Bool) throws {
      for _ in 0..<100_000_000 {
        if isSo() { return }
        sched_yield()
      }
      try #require(Bool(false), "it never came to be")
    }

    /// Asks, and waits until the device has begun.
    func occupy(_ count: Int) throws {
      for number in 0..<count {
        try #require(guest.send([UInt8(number), 7, 8, 9], to: pair.request))
      }
      try wait { self.gate.isWorking.load(ordering: .acquiring) }
    }

    /// Ends the engine's thread; how many buffers of each pool are free when all is done.
    func end() -> [UInt32] {
      engine.join()
      for _ in 0..<8 { engine.round() }
      return engine.poolStates().map(\.free)
    }
  }

  @Test func `requests are done by another thread, in their order, and nothing is lost`() throws {
    let world = try World()
    var expected: [[UInt8]] = []
    var (sent, answered) = (0, 0)
    while answered < 500 {
      if sent < 500, sent - answered < 6 {
        let bytes = (0...sent % 200).map { UInt8(truncatingIfNeeded: sent &+ $0) }
        // What begins so is refused, and comes back as it is.
        let isRefused = bytes[0] == 0xee
        if world.guest.send(bytes, to: world.pair.request) {
          expected.append(isRefused ? bytes : bytes.reversed())
          sent += 1
        }
      }
      for answer in world.guest.take() {
        try #require(answer.bytes == expected[answered])
        answered += 1
      }
      sched_yield()
    }
    #expect(world.end() == [64, 64, 64])
    #expect(world.gate.mirror.jobs.count == 500)
    let refused = (0..<500).count { UInt8(truncatingIfNeeded: $0) == 0xee }
    #expect(world.engine.counters.value(.done, 0, 2) == UInt64(500 - refused))
    let (preparer, worker) = (
      world.gate.preparer.load(ordering: .relaxed), world.gate.worker.load(ordering: .relaxed)
    )
    #expect(preparer != 0 && worker != 0 && preparer != worker)
  }

  @Test func `the engine moves frames while an accelerator is at work`() throws {
    let world = try World(isOpen: false)
    try world.occupy(3)
    #expect(world.guests[1].send([1, 2, 3], to: 103))
    var received: [[UInt8]] = []
    try world.wait {
      received += world.guests[0].take().map(\.bytes)
      return !received.isEmpty
    }
    #expect(received == [[1, 2, 3]])
    // What others ask of QMan is answered, and what its owner asks about other queues.
    #expect(world.guests[1].session.portals[0].queueFrameCount(of: 102) == 0)
    #expect(world.guest.session.portals[0].queueFrameCount(of: 202) == 0)
    #expect(world.gate.isAtWork)
    #expect(world.guest.take().isEmpty)
    world.gate.isOpen.store(true, ordering: .releasing)
    var answers = 0
    try world.wait {
      answers += world.guest.take().count
      return answers == 3
    }
    #expect(world.end() == [64, 64, 64])
  }

  @Test func `an owner that is gone is forgotten when nothing of its is under way any more`()
    throws
  {
    let world = try World(isOpen: false)
    try world.occupy(5)
    world.engine.control.markGone(owner: 2)
    let opener = world.gate.openSoon()
    try world.wait { world.engine.control.isReclaimed(owner: 2) }
    pthread_join(opener, nil)
    #expect(world.end() == [64, 64, 64])
    #expect(world.gate.mirror.forgotten == [2])
    let wasEarly = world.gate.wasForgottenAtWork.load(ordering: .acquiring)
    #expect(!wasEarly)
  }

  @Test func `a queue is out of service when what is under way is answered`() throws {
    let world = try World(isOpen: false)
    try world.occupy(2)
    let opener = world.gate.openSoon()
    let isOut = world.guest.session.portals[0].takeOutOfService(world.pair.request)
    #expect(isOut)
    let isOpen = world.gate.isOpen.load(ordering: .acquiring)
    #expect(isOpen)
    #expect(!world.gate.isAtWork)
    pthread_join(opener, nil)
    var answers = 0
    try world.wait {
      answers += world.guest.take().count
      return answers == 2
    }
    #expect(world.end() == [64, 64, 64])
  }

  @Test func `an engine that ends has what is under way answered`() throws {
    let world = try World(isOpen: false)
    try world.occupy(4)
    let opener = world.gate.openSoon()
    _ = world.end()
    pthread_join(opener, nil)
    #expect(world.engine.counters.value(.done, 0, 2) == 4)
    #expect(world.guest.take().count == 4)
    #expect(world.end() == [64, 64, 64])
  }
}
