import Partitioning
import Patterns
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// PME by the guest library alone.
@Suite(
  .enabled(if: (try? PatternLibrary()) != nil, "needs package libhyperscan-dev"),
  .timeLimit(.minutes(10)))
struct PatternQueueTests {
  private static func simulation() throws -> Simulation {
    let set = try PatternMatcherTests.set(1, [("abc", 1), ("b+c$", 2), ("x", 4)])
    return try Simulation(PatternAsker.configuration([set]))
  }

  struct Failure: Error {}

  private static func frame(_ bytes: [UInt8], _ guest: Guest) throws -> Buffer {
    guard var buffer = guest.session.portals[0].acquire(from: 3) else { throw Failure() }
    buffer.setLength(bytes.count)
    buffer.frame.copyBytes(from: bytes)
    return buffer
  }

  private static func answer(_ guest: Guest) throws -> Buffer {
    for _ in 0..<10 {
      guest.session.portals[0].letEngineRun()
      if let buffer = guest.session.portals[0].dequeue() { return buffer }
    }
    throw Failure()
  }

  private static func send(_ buffer: consuming Buffer, to queue: FQID, _ guest: Guest) {
    guest.session.portals[0].enqueue(waitingForRoom: buffer, to: queue)
  }

  /// What came of a request with reports: its frame's bytes, its status and its reports.
  private static func ask(
    _ frame: consuming Buffer, _ queue: borrowing PatternQueue, _ guest: Guest,
    _ command: PatternCommand = .scan(set: 1)
  ) throws -> (bytes: [UInt8], status: PatternStatus, reports: [MatchReport]) {
    guard let paper = guest.session.portals[0].acquire(from: 3) else { throw Failure() }
    send(PatternRequest.make(frame, command, reportingIn: paper), to: queue.request, guest)
    let buffer = try answer(guest)
    #expect(buffer.queue == queue.response)
    #expect(buffer.origin == .answered)
    switch guest.session.portals[0].reply(of: buffer) {
    case .answer(let answer):
      let reports = (0..<answer.count).map { answer[$0] }
      let status = answer.status
      let frame = guest.session.portals[0].giveBackReports(of: answer)
      let bytes = guest.bytes(of: frame, on: 0)
      guest.release(frame)
      return (bytes, status, reports)
    case .frame(let buffer):
      guest.release(buffer)
      throw Failure()
    case .broken(let buffer):
      guest.release(buffer)
      throw Failure()
    }
  }

  private static func close(_ queue: consuming PatternQueue, _ guest: Guest) {
    if guest.session.portals[0].close(queue) != nil { Issue.record("the queue is not closed") }
  }

  @Test func `a frame comes back itself and says whether something was found`() throws {
    let simulation = try Self.simulation()
    let guest = simulation.guests[2]
    let pairs = guest.session.grant.accelerators
    #expect(pairs.count == 2 && pairs.allSatisfy { $0.kind == .patterns && $0.channel == 0x860 })
    guard let queue = guest.session.portals[0].openDirect(pairs[0]) else { throw Failure() }
    for (text, subsets, isFound) in [
      ("zabcz", 7, true), ("zabz", 7, false), ("zabcz", 2, false), ("zabc", 2, true),
    ] as [(String, UInt16, Bool)] {
      let frame = try Self.frame(Array(text.utf8), guest)
      let address = frame.descriptor.address
      let command = PatternCommand.scan(set: 1, subsets: subsets)
      if case .full(let buffer) = guest.session.portals[0].scan(frame, on: queue, command) {
        guest.release(buffer)
        throw Failure()
      }
      let buffer = try Self.answer(guest)
      #expect(buffer.queue == queue.response)
      let (status, descriptor) = (buffer.scanStatus, buffer.descriptor)
      #expect(descriptor.address == address)
      #expect(Array(buffer.frame) == Array(text.utf8))
      #expect(status.isMatch == isFound && status.code == .ok)
      guest.release(buffer)
    }
    Self.close(queue, guest)
    simulation.run()
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(try simulation.report().discrepancies == [])
  }

  @Test func `reports tell what was found, and where`() throws {
    let simulation = try Self.simulation()
    let guest = simulation.guests[2]
    let pair = guest.session.grant.accelerators[1]
    guard let queue = guest.session.portals[0].openDirect(pair) else { throw Failure() }
    let answer = try Self.ask(try Self.frame(Array("abcabbc".utf8), guest), queue, guest)
    #expect(answer.bytes == Array("abcabbc".utf8) && answer.status.code == .ok)
    #expect(
      answer.reports.sorted { $0.end < $1.end } == [
        MatchReport(set: 1, subsets: 1, tag: 100, end: 3),
        MatchReport(set: 1, subsets: 2, tag: 101, end: 7),
      ])
    // As many as the buffer has room for, and a word that there are more.
    let many = try Self.ask(
      try Self.frame([UInt8](repeating: UInt8(ascii: "x"), count: 1500), guest), queue, guest)
    #expect(many.status.isTruncated && many.reports.count == (2048 - 64) / 16)
    #expect(many.reports.map(\.end) == (1...124).map { $0 })
    // An error has none, whatever stands where they would be.
    let wrong = try Self.ask(
      try Self.frame(Array("abc".utf8), guest), queue, guest, .scan(set: 77))
    #expect(wrong.status.code == .command && wrong.reports == [])
    Self.close(queue, guest)
    simulation.run()
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a frame in several buffers is looked through as one, and comes back so`() throws {
    let simulation = try Self.simulation()
    let guest = simulation.guests[2]
    let pair = guest.session.grant.accelerators[0]
    guard let queue = guest.session.portals[0].openDirect(pair) else { throw Failure() }
    for hasReports in [true, false] {
      var burst = Burst()
      for piece in ["za", "b", "cz"] { burst.append(try Self.frame(Array(piece.utf8), guest)) }
      guard let table = guest.session.portals[0].acquire(from: 3) else { throw Failure() }
      let frame = burst.join(in: table)
      if hasReports {
        let answer = try Self.ask(frame, queue, guest)
        #expect(answer.bytes == Array("zabcz".utf8) && answer.reports.map(\.end) == [4])
      } else {
        _ = guest.session.portals[0].scan(frame, on: queue, .scan(set: 1))
        let buffer = try Self.answer(guest)
        let status = buffer.scanStatus
        #expect(status.isMatch)
        #expect(guest.bytes(of: buffer, on: 0) == Array("zabcz".utf8))
        guest.release(buffer)
      }
    }
    Self.close(queue, guest)
    simulation.run()
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a flow is searched across its frames, until it starts anew`() throws {
    let simulation = try Self.simulation()
    let guest = simulation.guests[2]
    let pairs = guest.session.grant.accelerators
    guard let flow = guest.session.portals[0].openFlow(pairs[0], from: 3),
      let other = guest.session.portals[0].openFlow(
        pairs[1], from: 3, crossesFrames: false, matchLimit: 1)
    else { throw Failure() }
    func ends(
      _ text: String, _ queue: borrowing PatternQueue, starts: Bool = false
    ) throws -> [UInt64] {
      try Self.ask(
        try Self.frame(Array(text.utf8), guest), queue, guest, .scan(set: 1, starts: starts)
      ).reports.map(\.end)
    }
    #expect(try ends("zza", flow) == [])
    #expect(try ends("bcz", flow) == [5])
    #expect(try ends("a", flow) == [])
    #expect(try ends("bz", flow, starts: true) == [])
    // Frame by frame, and one match at most.
    #expect(try ends("a", other) == [])
    #expect(try ends("bcz", other) == [])
    #expect(try ends("abcabcz", other) == [3])
    // Who has requests under way is not closed.
    Self.send(try Self.frame(Array("abc".utf8), guest), to: flow.request, guest)
    guest.session.portals[0].letEngineRun()
    guest.release(try Self.answer(guest))
    Self.close(flow, guest)
    Self.close(other, guest)
    simulation.run()
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a pair that is in service is not opened twice, and one that was closed again`()
    throws
  {
    let simulation = try Self.simulation()
    let guest = simulation.guests[2]
    let pair = guest.session.grant.accelerators[0]
    for _ in 0..<3 {
      guard let queue = guest.session.portals[0].openFlow(pair, from: 3) else { throw Failure() }
      if let second = guest.session.portals[0].openDirect(pair) {
        Issue.record("the queue is taken twice")
        Self.close(second, guest)
      }
      Self.close(queue, guest)
    }
    guard let queue = guest.session.portals[0].openDirect(pair) else { throw Failure() }
    Self.close(queue, guest)
    simulation.run()
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  // MARK: odd answers

  /// A request that was never sent, with an entry of its table in the place of its own.
  private static func altered(
    _ guest: Guest, entry place: Int, status: UInt32 = 0, isAnswer: Bool = false,
    _ change: (FragmentEntry) -> FragmentEntry
  ) throws -> Buffer {
    guard let paper = guest.session.portals[0].acquire(from: 3) else { throw Failure() }
    let frame = try frame(Array("abc".utf8), guest)
    let request = PatternRequest.make(frame, .scan(set: 1), reportingIn: paper)
    change(FragmentEntry(UnsafeRawPointer(request.memory) + 16 * place))
      .write(to: request.memory + 16 * place)
    let (capacity, memory) = (request.capacity, request.memory)
    var descriptor = request.take()
    descriptor.command = status
    return Buffer(
      descriptor: descriptor, queue: 392, context: isAnswer ? FrameOrigin.answerContext : 0,
      capacity: capacity, memory: memory)
  }

  @Test(arguments: [UInt32(15), 16, 1984, 1985, 2048, 0x3fff_ffff])
  func `a report of any length has no more matches than its buffer`(length: UInt32) throws {
    let simulation = try Self.simulation()
    let guest = simulation.guests[2]
    for isAnswer in [true, false] {
      let buffer = try Self.altered(guest, entry: 0, isAnswer: isAnswer) {
        FragmentEntry(
          bpid: $0.bpid, address: $0.address, offset: $0.offset, length: length, isFinal: false)
      }
      guard case .answer(let answer) = guest.session.portals[0].reply(of: buffer) else {
        throw Failure()
      }
      let count = answer.count
      #expect(count == (isAnswer ? min(Int(length), 1984) / 16 : 0))
      for index in 0..<count { _ = answer[index] }
      guest.release(guest.session.portals[0].giveBackReports(of: answer))
    }
    simulation.run()
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a table that was written over leads nowhere`() throws {
    let simulation = try Self.simulation()
    let guest = simulation.guests[2]
    // Another's pool, no buffer's start, too far behind, too long, too long for what follows, no end.
    let changes: [(bpid: BPID, moved: UInt64, offset: UInt32, length: UInt32, isFinal: Bool)] = [
      (2, 0, 64, 3, true), (3, 8, 64, 3, true), (3, 1 << 38, 64, 3, true), (3, 0, 512, 3, true),
      (3, 0, 0, 1 << 20, true), (3, 0, 64, 1985, true), (3, 0, 64, 3, false),
    ]
    var lost = 0
    for change in changes {
      let buffer = try Self.altered(guest, entry: 1) {
        FragmentEntry(
          bpid: change.bpid, address: $0.address &+ change.moved, offset: change.offset,
          length: change.length, isFinal: change.isFinal)
      }
      guard case .broken(let paper) = guest.session.portals[0].reply(of: buffer) else {
        throw Failure()
      }
      guest.release(paper)
      lost += 1
    }
    // The frame's own buffer in the place of the table's.
    let buffer = try Self.altered(guest, entry: 1) { _ in
      FragmentEntry(bpid: 3, address: 0, offset: 0, length: 0, isFinal: true)
    }
    let own = buffer.descriptor.address
    FragmentEntry(bpid: 3, address: own, offset: 0, length: 3, isFinal: true)
      .write(to: buffer.memory + 16)
    guard case .broken(let paper) = guest.session.portals[0].reply(of: buffer) else {
      throw Failure()
    }
    guest.release(paper)
    simulation.run()
    // The frames are this guest's still, and nobody knows which.
    #expect(simulation.freeBuffers == [64, 64, 64 - UInt32(lost + 1)])
  }
}
