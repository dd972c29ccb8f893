import CPortalShims
import Glibc
import Partitioning
import QorIQ
import Synchronization
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// What a virtual machine's device hears of its server, read as QEMU reads it, and whom interrupts reach.
@Suite(.timeLimit(.minutes(5))) struct MachineServerTests {
  /// The talk with its guests as machines.
  private static func engine(
    _ mode: ServiceMode, clock: VirtualClock = VirtualClock(), processors: Int? = nil
  ) throws -> Engine {
    var configuration = Talk.configuration()
    configuration.processors = processors
    for owner in 1...2 { configuration.owners[owner].kind = .machine(.tcg, mode) }
    return try Engine(configuration, interrupts: true, clock: { clock.now })
  }

  /// The engine has a processor, and each machine that polls wants another.
  @Test(
    arguments: [
      (.poll, 2, true), (.poll, 3, false), (.poll, nil, false), (.interrupt, 2, false),
    ] as [(ServiceMode, Int?, Bool)])
  func `machines that poll are told when they are more than processors`(
    mode: ServiceMode, processors: Int?, isShared: Bool
  ) throws {
    var configuration = Talk.configuration()
    configuration.processors = processors
    for owner in 1...2 { configuration.owners[owner].kind = .machine(.tcg, mode) }
    #expect(try configuration.grant(ofOwner: 1).sharesProcessor == isShared)
    var alone = configuration
    alone.owners[2].kind = .process
    #expect(try !alone.grant(ofOwner: 1).sharesProcessor)
    // Who goes on is not started again for what it was told of that.
    let change = try ConfigurationChange(from: configuration, to: alone)
    #expect(change.starting == [2])
  }

  /// QEMU's side of a connection.
  private final class Client {
    private let server: MachineServer
    private let socket: Int32
    /// Each word that the server said, and the descriptors that came with it.
    let words: [(word: Int64, descriptors: [Int32])]

    init(_ engine: Engine, owner: Int) throws {
      let memory = engine.memory[owner]
      (server, socket) = try MachineServer.open(
        "guest", try #require(memory.machine), doorbells: memory.interrupts, bell: memory.bell)
      _ = fcntl(socket, F_SETFL, O_NONBLOCK)
      var words: [(word: Int64, descriptors: [Int32])] = []
      var bytes = [UInt8](repeating: 0, count: 8)
      while let message = ControlSocket.receive(from: socket, into: &bytes) {
        try #require(message.count == 8, "the server said half a word")
        let word = bytes.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        words.append((Int64(bitPattern: word), message.descriptors))
      }
      // Nothing is left, and the server is still there.
      #expect(errno == EAGAIN)
      self.words = words
    }

    deinit {
      for descriptor in words.flatMap(\.descriptors) { close(descriptor) }
      close(socket)
    }

    /// The machine's doorbells, by vector.
    var doorbells: [Int32] { words.dropFirst(4).flatMap(\.descriptors) }

    /// What wakes the engine.
    var bell: Int32? { words.dropFirst(3).first?.descriptors.first }

    /// How often each was rung since this was asked last.
    var rings: [UInt64] {
      doorbells.map { descriptor in
        var count: UInt64 = 0
        return read(descriptor, &count, 8) == 8 ? count : 0
      }
    }
  }

  @Test(arguments: [(ServiceMode.interrupt, [2, 1]), (.poll, [0, 0])])
  func `a machine hears of its own memory and doorbells, and of nothing else`(
    mode: ServiceMode, doorbells: [Int]
  ) throws {
    let engine = try Self.engine(mode)
    for owner in 1...2 {
      let client = try Client(engine, owner: owner)
      let count = doorbells[owner - 1]
      // The protocol's version, the machine's number, its memory, the engine's doorbell, its own number with each
      // doorbell.
      #expect(client.words.map(\.word) == [0, 1, -1, 0] + [Int64](repeating: 1, count: count))
      #expect(
        client.words.map(\.descriptors.count) == [0, 0, 1, 1] + [Int](repeating: 1, count: count))
      let memory = try #require(client.words[2].descriptors.first)
      let size = try #require(engine.memory[owner].machine?.size)
      let window = try #require(mmap(nil, size, PROT_READ, MAP_SHARED, memory, 0))
      try #require(window != MAP_FAILED)
      defer { munmap(window, size) }
      let session = try GuestSession.attach(
        window: SharedMemoryDevice(
          memory: try #require(engine.memory[owner].machine?.memory), size: size))
      #expect(session.grant.name == "guest\(owner)")
      #expect(window.counter(MachineWindow.Word.grantLength) == UInt64(session.grant.message.count))
    }
  }

  @Test func `an interrupt rings its own portal's doorbell and nobody else's`() throws {
    let engine = try Self.engine(.interrupt)
    let clients = [try Client(engine, owner: 1), try Client(engine, owner: 2)]
    let guest = try Guest(engine, owner: 2, isInline: true)
    let other = try Guest(engine, owner: 1, isInline: true)
    guest.session.portals[0].allowInterrupt(true)
    for portal in 0...1 { other.session.portals[portal].allowInterrupt(true) }
    #expect(guest.send(Talk.frame(to: Talk.guest2, number: 1), to: 208))
    for _ in 0..<3 { engine.round() }
    #expect(clients.map(\.rings) == [[0, 0], [1]])
    #expect(guest.take().count == 1)
    #expect(engine.counters.value(.interrupts, 2) == 1)
    #expect(engine.counters.value(.interrupts, 1) == 0)
  }

  @Test func `a batch that gathers rings once`() throws {
    let clock = VirtualClock()
    let engine = try Self.engine(.interrupt, clock: clock)
    let client = try Client(engine, owner: 2)
    let guest = try Guest(engine, owner: 2, isInline: true)
    guest.session.portals[0].gatherInterrupts(frames: 3, microseconds: 4095)
    guest.session.portals[0].allowInterrupt(true)
    for batch in 0..<50 {
      for number in 0..<4 {
        #expect(
          guest.send(Talk.frame(to: Talk.guest2, number: UInt64(batch * 4 + number)), to: 208))
      }
      for _ in 0..<4 { engine.round() }
      #expect(client.rings == [1])
      #expect(guest.take().count == 4)
      guest.session.portals[0].allowInterrupt(true)
      for _ in 0..<4 { engine.round() }
      #expect(client.rings == [0])
    }
    #expect(engine.counters.value(.interrupts, 2) == 50)
  }

  @Test func `an engine that sleeps says so to each machine, and is woken by any of them`() throws {
    let engine = try Self.engine(.poll)
    let clients = [try Client(engine, owner: 1), try Client(engine, owner: 2)]
    let bells = try #require(try EngineBells(engine.memory))
    let windows = (1...2).map { engine.memory[$0].machine?.memory }
    var words: [UInt64?] = []
    func sleep(_ hasNews: Bool) -> EngineBells.End {
      bells.sleep {
        words = windows.map { $0?.counter(MachineWindow.Word.asleep) }
        return hasNews
      }
    }
    #expect(sleep(false) == .timeout)
    #expect(words == [1, 1])
    for client in clients {
      var one: UInt64 = 1
      #expect(write(try #require(client.bell), &one, 8) == 8)
      #expect(sleep(false) == .rung)
      #expect(sleep(false) == .timeout, "one ring wakes once, and nobody has read it")
    }
    #expect(sleep(true) == .news)
    #expect(windows.map { $0?.counter(MachineWindow.Word.asleep) } == [0, 0])
    #expect(try EngineBells(try Engine(Talk.configuration()).memory) == nil)
  }

  @Test func `an engine knows whether everybody on the only processor rings it`() throws {
    for processors in [1, 2, nil] {
      let engine = try Self.engine(.poll, processors: processors)
      #expect(!engine.isRungByAll, "the host's program is a process")
      try engine.runInline(owner: 0, capture: nil)
      #expect(engine.isRungByAll == (processors == 1))
    }
    var configuration = Talk.configuration()
    configuration.processors = 1
    let processes = try Engine(configuration)
    try processes.runInline(owner: 0, capture: nil)
    #expect(!processes.isRungByAll)
  }

  @Test func `an idle engine awaits no news of who is gone`() throws {
    let engine = try Self.engine(.poll)
    let guest = try Guest(engine, owner: 2, isInline: true)
    // Portals that nobody has set up are looked at always.
    for owner in 0...1 { engine.control.markGone(owner: owner) }
    for _ in 0..<3 { engine.round() }
    var awaitsNews = engine.tables.awaitsNews()
    #expect(!awaitsNews)
    guard var buffer = guest.session.portals[0].acquire(from: 3) else {
      Issue.record("the pool has buffers")
      return
    }
    buffer.setLength(64)
    // Not its own queue: the frame comes back, and nobody takes it.
    _ = guest.session.portals[0].enqueue(buffer, to: 101)
    engine.round()
    awaitsNews = engine.tables.awaitsNews()
    #expect(awaitsNews)
    engine.control.markGone(owner: 2)
    for _ in 0..<3 { engine.round() }
    awaitsNews = engine.tables.awaitsNews()
    #expect(!awaitsNews)
  }

  @Test func `what a guest wrote before an engine sleeps is news until it is taken`()
    throws
  {
    let engine = try Self.engine(.poll)
    let guest = try Guest(engine, owner: 2, isInline: true)
    for _ in 0..<3 { engine.round() }
    #expect(!engine.hasNews)
    guard var buffer = guest.session.portals[0].acquire(from: 3) else {
      Issue.record("the pool has buffers")
      return
    }
    buffer.setLength(64)
    #expect(!engine.hasNews)
    guard case .accepted = guest.session.portals[0].enqueue(buffer, to: 201) else {
      Issue.record("the ring has room")
      return
    }
    #expect(engine.hasNews)
    engine.round()
    #expect(!engine.hasNews)
    // Of those who are gone nothing is news.
    guard var other = guest.session.portals[0].acquire(from: 3) else {
      Issue.record("the pool has buffers")
      return
    }
    other.setLength(64)
    _ = guest.session.portals[0].enqueue(other, to: 201)
    #expect(engine.hasNews)
    engine.control.markGone(owner: 2)
    engine.round()
    #expect(!engine.hasNews)
  }

  @Test func `a doorbell that somebody fills is noticed, and who waits at it goes on`() throws {
    let line = try InterruptLine(.doorbell)
    // However often it is rung while nobody listens.
    for _ in 0..<10_000 { line.end.raise() }
    #expect(!line.isStuck)
    line.clear()
    _ = fcntl(line.guestDescriptor, F_SETFL, 0)
    var most = UInt64.max - 1
    try #require(write(line.guestDescriptor, &most, 8) == 8)
    #expect(line.isStuck)
    let end = line.end
    let ringer = WorkerThread.start { end.raise() }
    line.clear()
    pthread_join(ringer, nil)
    #expect(!line.isStuck)
  }
}
