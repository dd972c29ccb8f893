import CPortalShims
import Glibc
import QorIQ

extension GuestSession {
  /// Runs the program that the plan names, until the host asks this guest to end.
  public mutating func run() throws(GuestError) {
    var program = BuiltInProgram(grant)
    if program.framesToSend > 0, grant.pools.isEmpty {
      throw .missingResource("pool, which a source takes its buffers from")
    }
    report(program.framesToSend > 0 ? .running : .quiet)
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
      if idleRounds < 64 {
        dpaac_pause()
      } else if idleRounds < 96 {
        sched_yield()
      } else {
        capture?.flush()
        if obey(takeRequest(), &program) { break }
        // A source without buffers hears nothing when its pool fills again: it looks by itself.
        waitForWork(atMost: program.framesToSend > 0 ? 1 : -1)
        idleRounds = 0
      }
    }
    capture?.flush()
    report(.ended)
    if let error = capture?.errorNumber, error != 0 { throw .capture(name, error) }
  }

  /// Does what the host asks; `true` when it asks this guest to end.
  private func obey(_ request: Request, _ program: inout BuiltInProgram) -> Bool {
    switch request {
    case .none: return false
    case .end: return true
    case .drain:
      program.stopSending()
      report(.quiet)
      return false
    }
  }
}

/// One of the built-in programs: what becomes of each frame, and what is sent unasked.
struct BuiltInProgram {
  private(set) var framesToSend: UInt64 = 0
  private let sourcePath: Int
  private let frameSize: Int
  private var addresses: (from: UInt32, to: UInt32) = (0, 0)
  private let takesEverything: Bool
  private var sequence: UInt64 = 0

  /// Frames of one path and direction that one step handles on one portal.
  private static let burst = 32

  init(_ grant: GuestGrant) {
    switch grant.program {
    case .reflect:
      (sourcePath, frameSize, takesEverything) = (-1, 0, false)
    case .sink:
      (sourcePath, frameSize, takesEverything) = (-1, 0, true)
    case .source(let path, let frames, let size, let from, let to):
      addresses = (from, to)
      (sourcePath, takesEverything) = (path, false)
      frameSize = max(60, Int(size))
      framesToSend = frames
    }
  }

  /// Sends nothing more unasked.
  mutating func stopSending() { framesToSend = 0 }

  /// Handles what waits; `false` when nothing did.
  mutating func step(_ session: inout GuestSession) -> Bool {
    var busy = false
    for portal in 0..<session.portals.count {
      for _ in 0..<Self.burst {
        guard let buffer = session.portals[portal].dequeue() else { break }
        busy = true
        handle(buffer, of: &session, on: portal)
      }
      while let rejection = session.portals[portal].takeRejection() {
        busy = true
        session.portals[portal].giveBack(rejection.takeBuffer())
      }
    }
    if framesToSend > 0, send(&session) { busy = true }
    return busy
  }

  private func handle(_ buffer: consuming Buffer, of session: inout GuestSession, on portal: Int) {
    guard let path = session.noteArrival(buffer) else {
      consume(buffer, of: &session, on: portal)
      return
    }
    if takesEverything || path == sourcePath {
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
    var buffer = buffer
    while true {
      switch session.portals[portal].enqueue(buffer, to: session.grant.paths[path].transmit) {
      case .accepted: return
      case .full(let again):
        buffer = again
        session.portals[portal].letEngineRun()
      }
    }
  }

  /// Sends up to a burst of frames; `false` when there was no buffer to send.
  private mutating func send(_ session: inout GuestSession) -> Bool {
    var sent = false
    for _ in 0..<Self.burst where framesToSend > 0 {
      let pool = session.grant.pools.last { Int($0.size) - Buffer.headroom >= frameSize }
      guard let pool, var buffer = session.portals[0].acquire(from: pool.bpid) else { break }
      buffer.setLength(frameSize)
      FrameEdits.fillProbe(
        buffer.frame, from: addresses.from, to: addresses.to, sequence: sequence)
      sequence += 1
      framesToSend -= 1
      session.status.addCounter(GuestStatus.Counter.originated.offset, 1)
      session.noteDeparture(path: sourcePath)
      transmit(buffer, on: 0, path: sourcePath, of: &session)
      sent = true
    }
    if sent, framesToSend == 0 { session.report(.quiet) }
    return sent
  }
}
