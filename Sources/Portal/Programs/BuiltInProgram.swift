import CPortalShims
import Glibc
public import QorIQ

extension GuestSession {
  /// Runs the program that the plan names, until the host asks this guest to end.
  public mutating func run() throws(GuestError) {
    if case .traffic = grant.program { return try runTraffic() }
    var program = try begin()
    var idleRounds = 0
    var rounds = 0
    while true {
      rounds &+= 1
      // Often enough that a busy source on a busy machine still hears it in time.
      if rounds & 15 == 0, obey(takeRequest(), &program) { break }
      if program.step(&self) {
        idleRounds = 0
        continue
      }
      idleRounds += 1
      if !rest(afterIdle: idleRounds) {
        capture?.flush()
        if obey(takeRequest(), &program) { break }
        // A source without buffers hears nothing when its pool fills again, and time does not interrupt: it
        // looks by itself.
        waitForWork(atMost: program.looksByItself ? 1 : -1)
        idleRounds = 0
      }
    }
    capture?.flush()
    report(.ended)
    if let error = capture?.errorNumber, error != 0 { throw .capture(name, error) }
  }

  /// Prepares the program that the plan names, unless that is a measurement's.
  mutating func begin() throws(GuestError) -> BuiltInProgram {
    var program = try BuiltInProgram(grant)
    if program.framesToSend > 0, grant.pools.isEmpty {
      throw .missingResource("pool, which a source takes its buffers from")
    }
    // Frames come once every guest has reported, and chains bring them to queues without asking.
    program.open(&self)
    report(program.framesToSend > 0 ? .running : .quiet)
    return program
  }

  /// Does what the host asks; `true` when it asks this guest to end.
  private mutating func obey(_ request: Request, _ program: inout BuiltInProgram) -> Bool {
    switch request {
    case .none: return false
    case .end:
      // Who ends unasked to drain may still hold frames, which are the pools'.
      program.stopSending(&self)
      program.end(&self)
      return true
    case .drain:
      program.stopSending(&self)
      report(.quiet)
      return false
    }
  }
}

/// One of the built-in programs: what becomes of each frame, and what is sent unasked.
struct BuiltInProgram: ~Copyable {
  private(set) var framesToSend: UInt64 = 0
  /// Nanoseconds between frames that are sent unasked, and when the next one is due; 0 for no limit.
  private var interval: UInt64 = 0
  private var dueAt: UInt64 = 0
  private let sourcePath: Int
  private let frameSize: Int
  private var addresses: (from: UInt32, to: UInt32) = (0, 0)
  private let takesEverything: Bool
  private var sequence: UInt64 = 0
  private let watch: ProbeWatch
  // Spelled out, as `?` would first make it `nil`.
  private var router: Optional<ForwardProgram>
  /// Whether frames are taken as many at a time as there are, so that memory brings what their lookups will read;
  /// others are taken one by one, and no ring is filled anew before its frames are answered.
  private let looksAhead: Bool
  /// What has arrived, while it is handled.
  private var arrived = Burst()
  /// Empty buffers, while they are filled.
  private var free = Burst()
  private var scanner: Optional<ScanProgram>

  /// Frames of one path and direction that one step handles on one portal.
  private static let burst = 32
  private static let longestDelay: UInt64 = 100_000_000
  private static let longestEnd: UInt64 = 300_000_000

  /// Prepares the program of a grant.
  ///
  /// - Throws: ``GuestError/badGrant`` for settings that contradict themselves.
  init(_ grant: GuestGrant) throws(GuestError) {
    // First, as a value that cannot be copied must not be half made when something throws.
    let router = try Self.router(of: grant)
    let scanner = try Self.scanner(of: grant)
    looksAhead = Self.looksAhead(router)
    self.router = router
    self.scanner = scanner
    watch = ProbeWatch()
    switch grant.program {
    case .reflect, .forward, .protect, .scan, .traffic:
      (sourcePath, frameSize, takesEverything) = (-1, 0, false)
    case .sink:
      (sourcePath, frameSize, takesEverything) = (-1, 0, true)
    case .source(let path, let frames, let size, let from, let to, let rate):
      if rate > 0 { interval = max(1, 1_000_000_000 / rate) }
      addresses = (from, to)
      (sourcePath, takesEverything) = (path, false)
      frameSize = max(60, Int(size))
      framesToSend = frames
    }
  }

  private static func router(of grant: GuestGrant) throws(GuestError) -> ForwardProgram? {
    switch grant.program {
    case .forward(let settings): return try ForwardProgram(settings, grant)
    case .protect(let settings, let tunnels):
      return try ForwardProgram(settings, tunnels: tunnels, grant)
    default: return nil
    }
  }

  private static func looksAhead(_ router: borrowing ForwardProgram?) -> Bool {
    switch router {
    case .some(let router): router.looksAhead
    case .none: false
    }
  }

  private static func scanner(of grant: GuestGrant) throws(GuestError) -> ScanProgram? {
    guard case .scan(let settings) = grant.program else { return nil }
    return try ScanProgram(settings, grant)
  }

  /// Whether there may be something to do although nothing has come.
  var looksByItself: Bool {
    if framesToSend > 0 { return true }
    return switch router {
    case .some(let router): router.isWaiting
    case .none: false
    }
  }

  /// Sends nothing more unasked.
  mutating func stopSending(_ session: inout GuestSession) {
    framesToSend = 0
    // What it asked for and BMan had not answered yet.
    session.portals[0].takeAhead(into: &free)
    session.portals[0].giveBack(&free)
    router?.giveUp(&session)
  }

  /// Gives back what it has of accelerators, as the guest ends: once they have answered, or after a while
  /// without the engine's help.
  mutating func end(_ session: inout GuestSession) {
    scanner?.end(&session)
    let deadline = dpaac_monotonic_nanoseconds() + Self.longestEnd
    while router?.close(&session) == false, dpaac_monotonic_nanoseconds() < deadline {
      _ = step(&session)
      session.portals[0].letEngineRun()
    }
  }

  /// Puts queues into accelerators into service, as far as they are not yet.
  mutating func open(_ session: inout GuestSession) {
    scanner?.begin(at: dpaac_monotonic_nanoseconds(), &session)
    router?.open(&session)
  }

  /// Handles what waits; `false` when nothing did.
  mutating func step(_ session: inout GuestSession) -> Bool {
    var busy = false
    router?.begin(at: dpaac_monotonic_nanoseconds())
    open(&session)
    for portal in 0..<session.portals.count {
      if looksAhead {
        if session.portals[portal].dequeue(into: &arrived) > 0 { busy = true }
        router?.lookAhead(arrived)
        while let buffer = arrived.removeFirst() { handle(buffer, of: &session, on: portal) }
      } else {
        for _ in 0..<Self.burst {
          guard let buffer = session.portals[portal].dequeue() else { break }
          busy = true
          handle(buffer, of: &session, on: portal)
        }
      }
      while let rejection = session.portals[portal].takeRejection() {
        busy = true
        let buffer = rejection.takeBuffer()
        if scanner != nil {
          scanner?.refused(buffer, portal: portal, of: &session)
        } else {
          session.portals[portal].giveBack(buffer)
        }
      }
    }
    if framesToSend > 0, send(&session) { busy = true }
    if router?.settle(&session) == true { busy = true }
    return busy
  }

  private mutating func handle(
    _ buffer: consuming Buffer, of session: inout GuestSession, on portal: Int
  ) {
    // An answer is no arrival: its frame was counted and captured as it came.
    if scanner != nil, buffer.origin == .answered {
      scanner?.finish(buffer, portal: portal, of: &session)
      return
    }
    if router != nil, buffer.origin == .answered {
      let pair = Int(buffer.context & 0xffff)
      router?.handleAnswer(buffer, pair: pair, portal: portal, of: &session)
      return
    }
    guard let path = session.noteArrival(buffer) else {
      consume(buffer, of: &session, on: portal)
      return
    }
    if router != nil {
      router?.handle(buffer, path: path, portal: portal, of: &session)
      return
    }
    if scanner != nil {
      scanner?.handle(buffer, path: path, portal: portal, of: &session)
      return
    }
    if takesEverything || path == sourcePath {
      watch.note(buffer.frame, path: path, on: session.status)
      consume(buffer, of: &session, on: portal)
      return
    }
    if !buffer.descriptor.isScattered {
      FrameEdits.swapAddresses(buffer.frame)
    } else if let pieces = session.portals[portal].pieces(of: buffer) {
      // The headers are in the first piece.
      FrameEdits.swapAddresses(pieces[0])
    }
    session.noteDeparture(path: path)
    transmit(buffer, on: portal, path: path, of: &session)
  }

  private func consume(_ buffer: consuming Buffer, of session: inout GuestSession, on portal: Int) {
    session.status.addCounter(GuestStatus.Counter.consumed.offset, 1)
    session.portals[portal].giveBack(buffer)
  }

  private func transmit(
    _ buffer: consuming Buffer, on portal: Int, path: Int, of session: inout GuestSession
  ) {
    session.portals[portal].enqueue(waitingForRoom: buffer, to: session.grant.paths[path].transmit)
  }

  /// Sends as many frames as one command to BMan brings buffers; `false` when there was none.
  private mutating func send(_ session: inout GuestSession) -> Bool {
    let pool = session.grant.pools.last { Int($0.size) - Buffer.headroom >= frameSize }
    guard let pool else { return false }
    _ = session.portals[0].acquire(framesDue(), from: pool.bpid, into: &free)
    guard !free.isEmpty else { return false }
    while var buffer = free.removeFirst() {
      buffer.setLength(frameSize)
      FrameEdits.fillProbe(
        buffer.frame, from: addresses.from, to: addresses.to, sequence: sequence)
      sequence += 1
      framesToSend -= 1
      dueAt &+= interval
      session.status.addCounter(GuestStatus.Counter.originated.offset, 1)
      session.noteDeparture(path: sourcePath)
      transmit(buffer, on: 0, path: sourcePath, of: &session)
    }
    if framesToSend == 0 { session.report(.quiet) }
    return true
  }

  /// How many frames are to be sent now.
  private mutating func framesDue() -> Int {
    let most = Int(min(framesToSend, UInt64(Portal.buffersPerCommand)))
    guard interval > 0 else { return most }
    let now = dpaac_monotonic_nanoseconds()
    // Who was kept from sending for long does not make up for it.
    if dueAt &+ Self.longestDelay < now { dueAt = now }
    guard dueAt <= now else { return 0 }
    return Int(min(UInt64(most), (now - dueAt) / interval + 1))
  }
}

extension Portal {
  /// Lets the engine run, for who found the enqueue ring full. What queues have refused waits for
  /// ``takeRejection()`` meanwhile.
  mutating func waitForRoom() {
    makeRoomForRejections()
    letEngineRun()
  }

  /// Puts a frame on the enqueue ring, however long that is full. What queues have refused waits for
  /// ``takeRejection()`` meanwhile.
  public mutating func enqueue(waitingForRoom buffer: consuming Buffer, to queue: FQID) {
    var buffer = buffer
    while true {
      switch enqueue(buffer, to: queue) {
      case .accepted: return
      case .full(let again):
        buffer = again
        waitForRoom()
      }
    }
  }
}
