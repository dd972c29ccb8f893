import CPortalShims
import DPAAPortal
import Glibc
import QorIQ

/// The engine on its thread in this process, and a process that plays both owners of the pair.
package struct ProcessPair: ~Copyable {
  private let engine: Engine
  private let words: SharedRegion
  private let child: pid_t

  /// What the guests' process does.
  package enum Task: String {
    /// Sends back what comes, and polls while nothing does.
    case poll
    /// Sends back what comes, and yields while nothing does.
    case yield
    /// Sends one frame after the other to and fro and times each way.
    case time
  }

  /// How the guests' process is started.
  package struct Program {
    var ring: Int
    var inFlight: Int
    var length: Int
    var task: Task
    package var cpu: Int32
    static let buffers: UInt32 = 512

    package init(ring: Int, inFlight: Int, length: Int, task: Task, cpu: Int32) {
      self.ring = ring
      self.inFlight = inFlight
      self.length = length
      self.task = task
      self.cpu = cpu
    }

    package init?(_ arguments: [String]) {
      guard arguments.count == 5, let ring = Int(arguments[0]), let inFlight = Int(arguments[1]),
        let length = Int(arguments[2]), let task = Task(rawValue: arguments[3]),
        let cpu = Int32(arguments[4])
      else { return nil }
      self.init(ring: ring, inFlight: inFlight, length: length, task: task, cpu: cpu)
    }

    var arguments: [String] { ["\(ring)", "\(inFlight)", "\(length)", task.rawValue, "\(cpu)"] }
    var configuration: RuntimeConfiguration { Stage.pair(ring: ring, buffers: Self.buffers) }
  }

  /// Words of the region that both processes use for what is no frame.
  private enum Word {
    static let isOver = 0
    static let isReady = 64
    static let median = 72
    static let late = 80
  }

  /// Starts the engine's thread on the CPUs of the calling thread, and the guests' process.
  package init(_ program: Program) throws {
    let engine = try Engine(program.configuration)
    let words = try SharedRegion(name: "words", size: 4096)
    var descriptors = [words.descriptor]
    for owner in engine.memory {
      descriptors += [owner.window.descriptor, owner.status.descriptor]
      descriptors += owner.pools.map(\.descriptor)
    }
    child = try Self.spawn(["--guest"] + program.arguments, descriptors)
    engine.start()
    self.engine = engine
    self.words = words
  }

  private static func spawn(_ arguments: [String], _ descriptors: [Int32]) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // Out of the way first: the descriptors that they shall have may be others' now.
    for (index, descriptor) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, 100 + Int32(index))
    }
    for index in descriptors.indices {
      posix_spawn_file_actions_adddup2(&actions, 100 + Int32(index), 3 + Int32(index))
    }
    var pointers = (["guest"] + arguments).map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var child: pid_t = 0
    let result = posix_spawn(&child, "/proc/self/exe", &actions, nil, &pointers, Glibc.environ)
    guard result == 0 else { throw EngineError.noMemory("guests' process", result) }
    return child
  }

  private var received: UInt64 {
    engine.memory.reduce(0) {
      $0 &+ $1.status.memory.counter(GuestStatus.Counter.received.offset)
    }
  }

  /// Frames that the guests get in a second, measured for so long after frames go round.
  package func throughput(milliseconds: UInt64) -> Double {
    guard waitUntilReady() else { return 0 }
    usleep(20_000)
    let (start, before) = (monotonicNanoseconds(), received)
    usleep(UInt32(milliseconds * 1000))
    let (end, after) = (monotonicNanoseconds(), received)
    return Double(after &- before) * 1e9 / Double(end - start)
  }

  /// The median and the 99th of a hundred of the times that one frame takes, in nanoseconds.
  package func latency() -> (median: Double, late: Double)? {
    guard waitUntilReady(), let (median, late) = Optional((value(Word.median), value(Word.late))),
      median > 0
    else { return nil }
    return (median, late)
  }

  private func value(_ word: Int) -> Double { Double(words.memory.counter(word)) }

  /// Waits until the guests' process has said that it is ready; `false` when that has ended.
  private func waitUntilReady() -> Bool {
    for _ in 0..<20_000 {
      if words.memory.counter(Word.isReady) != 0 { return true }
      usleep(500)
    }
    return false
  }

  /// Ends both.
  package consuming func end() {
    words.memory.setCounter(Word.isOver, 1)
    // It may wait for the engine, which ends after it.
    var status: Int32 = 0
    waitpid(child, &status, 0)
    engine.join()
  }

  // MARK: The guests' process

  /// Does what the process of the guests shall do, and ends it.
  package static func runGuests(_ program: Program) throws -> Never {
    _ = dpaac_end_with_parent()
    let configuration = program.configuration
    var next: Int32 = 3
    func map(_ size: Int) throws(EngineError) -> UnsafeMutableRawPointer {
      defer { next += 1 }
      guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, next, 0),
        memory != MAP_FAILED
      else { throw .noMemory("guest", errno) }
      return memory
    }
    let words = try map(4096)
    func session(_ owner: Int) throws(EngineError) -> GuestSession {
      let grant = try configuration.grant(ofOwner: owner)
      let window = try map(PortalWindow(portalCount: 1).size)
      let status = try map(GuestStatus.size)
      return GuestSession(
        grant: grant, window: window, status: status,
        poolMemory: [try map(grant.pools[0].byteCount)])
    }
    var left = try session(0)
    var right = try session(1)
    switch program.task {
    case .time:
      let (median, late) = time(&left, &right, length: program.length)
      words.setCounter(Word.median, median)
      words.setCounter(Word.late, late)
      words.setCounter(Word.isReady, 1)
    case .poll, .yield:
      let yields = program.task == .yield
      Stage.fill(&left, &right, frames: program.inFlight, length: program.length)
      words.setCounter(Word.isReady, 1)
      while words.counter(Word.isOver) == 0 {
        let done = Stage.echo(&left, to: Stage.transmit(0))
        if Stage.echo(&right, to: Stage.transmit(1)) &+ done > 0 { continue }
        if yields { sched_yield() } else { dpaac_pause() }
      }
    }
    exit(0)
  }

  /// How long a frame takes from guest to guest: the median, and the 99th of a hundred.
  private static func time(
    _ left: inout GuestSession, _ right: inout GuestSession, length: Int
  ) -> (UInt64, UInt64) {
    var samples: [UInt64] = []
    samples.reserveCapacity(40_000)
    Stage.send(&left, to: Stage.transmit(0), length: length)
    var buffer = wait(&right)
    for _ in 0..<20_000 {
      let start = monotonicNanoseconds()
      Stage.forward(buffer, of: &right, to: Stage.transmit(1))
      buffer = wait(&left)
      let middle = monotonicNanoseconds()
      Stage.forward(buffer, of: &left, to: Stage.transmit(0))
      buffer = wait(&right)
      samples += [middle - start, monotonicNanoseconds() - middle]
    }
    right.portals[0].giveBack(buffer)
    samples.sort()
    return (samples[samples.count / 2], samples[samples.count * 99 / 100])
  }

  /// Polls until a frame comes.
  private static func wait(_ session: inout GuestSession) -> Buffer {
    while true {
      if let buffer = session.portals[0].dequeue() { return buffer }
      dpaac_pause()
    }
  }
}
