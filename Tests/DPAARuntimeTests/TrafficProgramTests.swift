import Glibc
import Partitioning
import Patterns
import QorIQ
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// The program of guests that are measured, on engines of their own that run inline.
@Suite struct TrafficProgramTests {
  @Test func `orders are taken up in turn, and what cannot be is the nearest that can`() throws {
    let page = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 64)
    page.initializeMemory(as: UInt8.self, repeating: 0, count: 4096)
    defer { page.deallocate() }
    let first = TrafficOrder(.send, size: 1514, path: 3).give(in: page)
    let second = TrafficOrder(.echo, size: 0, path: 0, sleeps: true).give(in: page)
    #expect(second == first + 1)
    #expect(page.counter(TrafficOrder.Word.turn) == second)
    #expect(page.counter(TrafficOrder.Word.taken) == 0)
  }

  @Test func `a measured frame is one that rules find, at least as long as Ethernet's shortest`() {
    let frame = TrafficOrder.frame(100, to: 0xc612_0101)
    #expect(frame.count == 100)
    #expect(Array(frame[30..<34]) == [0xc6, 0x12, 0x01, 0x01])
    #expect(TrafficOrder.frame(1, to: 0).count == 60)
    #expect(TrafficOrder.mixture.filter { $0 == 60 }.count == 7)
    #expect(TrafficOrder.mixture.filter { $0 == 590 }.count == 4)
  }

  /// A guest that is measured, on a thread with its engine, and has a pair of queues into each accelerator.
  private struct Rig {
    let engine: Engine
    let page: UnsafeMutableRawPointer

    init(_ uses: [AcceleratorKind], set number: UInt8 = TrafficOrder.patternSet) throws {
      var configuration = Talk.configuration()
      configuration.isMeasured = true
      let set = ScanPatternSet(
        number: number, name: "words",
        patterns: [ScanPattern(tag: 1, subsets: .max, expression: "/wp-login")])
      configuration.queueing[1] = .init(
        accelerators: uses.map { kind in
          AcceleratorUse(
            kind: kind, mode: .poll, channel: kind == .sec ? 0x840 : 0x860,
            requests: [kind == .sec ? 110 : 111], responses: [kind == .sec ? 114 : 115],
            liodns: [], patternSets: kind == .pme ? [set] : [])
        })
      engine = try Engine(configuration)
      try engine.runInline(owner: 1, capture: nil)
      page = engine.memory[1].status.memory + TrafficOrder.statusOffset
    }

    var answered: UInt64 { page.counter(TrafficOrder.Word.received) }

    /// What a task brings within a hundred rounds.
    func answers(_ task: TrafficOrder.Task, size: Int = 60) -> UInt64 {
      let before = answered
      _ = TrafficOrder(task, size: size).give(in: page)
      for _ in 0..<100 {
        _ = engine.round()
        _ = engine.inlineGuest?.step()
      }
      return answered - before
    }
  }

  @Test(
    .enabled(if: (try? PatternLibrary()) != nil, "needs package libhyperscan-dev"),
    arguments: [60, 1514, 0])
  func
    `accelerators work on frames again and again, one after the other, and all buffers come back`(
      size: Int
    ) throws
  {
    let rig = try Rig([.sec, .pme])
    #expect(rig.answers(.encipher, size: size) > 32)
    // The first must be empty before the second is asked.
    #expect(rig.answers(.scan, size: size) > 32)
    #expect(rig.answers(.encipher, size: size) > 32)
    #expect(rig.engine.poolStates()[1].free < 64)
    _ = rig.answers(.take)
    #expect(rig.answers(.take) == 0)
    rig.engine.inlineGuest?.end()
    _ = rig.answers(.take)
    #expect(rig.engine.poolStates()[1].free == 64)
  }

  @Test(.enabled(if: (try? PatternLibrary()) != nil, "needs package libhyperscan-dev"))
  func `what an accelerator refuses is no work done`() throws {
    let rig = try Rig([.pme], set: TrafficOrder.patternSet + 1)
    #expect(rig.answers(.scan) == 0)
    #expect(rig.page.counter(TrafficOrder.Word.sent) > 32, "it asks and asks")
  }

  @Test func `who has no pair of queues has nothing answered`() throws {
    let rig = try Rig([.sec])
    #expect(rig.answers(.scan) == 0)
    #expect(rig.answers(.encipher) > 0)
  }

  /// The frames that the guest of a rig sends to the host within a hundred rounds, and none of before.
  private func frames(_ rig: Rig, _ host: inout GuestSession, size: Int) -> Set<[UInt8]> {
    var seen: Set<[UInt8]> = []
    for task in [TrafficOrder.Task.take, .send] {
      _ = TrafficOrder(task, size: size, path: 1).give(in: rig.page)
      seen = []
      for _ in 0..<100 {
        _ = rig.engine.round()
        _ = rig.engine.inlineGuest?.step()
        while let buffer = host.portals[0].dequeue() {
          seen.insert(Array(buffer.frame))
          host.portals[0].giveBack(buffer)
        }
      }
    }
    return seen
  }

  @Test func `who is to send no more gives back what it had asked for ahead`() throws {
    let rig = try Rig([])
    var host = try rig.engine.attach(owner: 0, isInline: true)
    #expect(frames(rig, &host, size: 60).count == 1)
    #expect(rig.engine.poolStates()[1].free < 64, "it has buffers at hand")
    _ = rig.answers(.take)
    #expect(rig.engine.poolStates()[1].free == 64)
  }

  @Test func `a guest that sleeps is rung without a frame, and its word is timed`() throws {
    var configuration = Talk.configuration()
    configuration.isMeasured = true
    let engine = try Engine(configuration, interrupts: true)
    try engine.runInline(owner: 0, capture: nil)
    let host = engine.memory[0].status.memory + TrafficOrder.statusOffset
    let page = engine.memory[2].status.memory + TrafficOrder.statusOffset
    /// How often it was rung since this was last asked.
    func rings(_ owner: Int) -> Int {
      var bytes = [UInt8](repeating: 0, count: 64)
      return max(0, read(engine.memory[owner].interrupts[0].guestDescriptor, &bytes, 64))
    }
    func turn() { for _ in 0..<10 { _ = engine.inlineGuest?.step() } }
    _ = TrafficOrder(.ring, bell: 2).give(in: host)
    turn()
    #expect(rings(2) == 1)
    #expect(rings(1) == 0)
    turn()
    #expect(host.counter(TrafficOrder.Word.received) == 0, "nobody has answered")
    #expect(rings(2) == 0)
    let guest = TrafficProgram(
      page: page, paths: 1, pool: try #require(try configuration.grant(ofOwner: 2).pools.first))
    var session = try engine.attach(owner: 2)
    try hear(guest, &session, page, TrafficOrder(.answer))
    turn()
    #expect(host.counter(TrafficOrder.Word.received) == 1)
    #expect(rings(2) == 1, "the next one")
    // Nobody is there whom this names.
    _ = TrafficOrder(.ring, bell: 3).give(in: host)
    turn()
    #expect(host.counter(TrafficOrder.Word.ringTimes) == 1, "of the order before")
    #expect(RoundTripTimes(at: host + TrafficOrder.Word.frameTimes) == nil, "no frame was timed")
    _ = TrafficOrder(.take).give(in: host)
    turn()
    #expect(RoundTripTimes(at: host + TrafficOrder.Word.ringTimes) == nil)
  }

  @Test func `a frame and an interrupt alone take turns, and are timed apart`() throws {
    var configuration = Talk.configuration()
    configuration.isMeasured = true
    let engine = try Engine(configuration, interrupts: true)
    try engine.runInline(owner: 0, capture: nil)
    let host = engine.memory[0].status.memory + TrafficOrder.statusOffset
    let page = engine.memory[1].status.memory + TrafficOrder.statusOffset
    let grant = try configuration.grant(ofOwner: 1)
    var guest = TrafficProgram(
      page: page, paths: grant.paths.count, pool: try #require(grant.pools.last))
    var session = try engine.attach(owner: 1, isInline: true)
    _ = TrafficOrder(.answer).give(in: page)
    _ = TrafficOrder(
      .timeAndRing, path: 1, bell: 1
    ).give(in: host)
    for _ in 0..<200 {
      _ = engine.round()
      _ = engine.inlineGuest?.step()
      guest.hear(&session)
      _ = guest.step(&session)
    }
    _ = TrafficOrder(.take).give(in: host)
    _ = engine.inlineGuest?.step()
    let (frames, rings) = (
      host.counter(TrafficOrder.Word.frameTimes), host.counter(TrafficOrder.Word.ringTimes)
    )
    #expect(frames > 10)
    #expect(rings == frames || rings + 1 == frames)
    #expect(page.counter(TrafficOrder.Word.received) >= frames, "frames alone are counted there")
    #expect(host.counter(TrafficOrder.Word.received) == frames + rings)
  }

  /// Has a guest's program take up an order and do a step.
  private func hear(
    _ program: consuming TrafficProgram, _ session: inout GuestSession,
    _ page: UnsafeMutableRawPointer, _ order: TrafficOrder
  ) throws {
    var program = program
    _ = order.give(in: page)
    program.hear(&session)
    let isBusy = program.step(&session)
    #expect(isBusy)
    let isBusyAgain = program.step(&session)
    #expect(!isBusyAgain)
  }

  @Test func `who answers has its pause before the next frame that is timed`() throws {
    let rig = try Rig([])
    var host = try rig.engine.attach(owner: 0, isInline: true)
    let order = TrafficOrder(.time, path: 1, pause: 20_000)
    _ = order.give(in: rig.page)
    var sent: [UInt64] = []
    let deadline = monotonicNanoseconds() + 5_000_000_000
    while sent.count < 3, monotonicNanoseconds() < deadline {
      _ = rig.engine.round()
      _ = rig.engine.inlineGuest?.step()
      while let buffer = host.portals[0].dequeue() {
        sent.append(monotonicNanoseconds())
        host.portals[0].enqueue(waitingForRoom: buffer, to: 5)
      }
    }
    #expect(sent.count == 3)
    for (earlier, later) in zip(sent, sent.dropFirst()) { #expect(later - earlier >= 20_000_000) }
  }

  @Test func `a buffer that holds the frame is not written again, and any other is`() throws {
    let rig = try Rig([])
    var host = try rig.engine.attach(owner: 0, isInline: true)
    let pool = rig.engine.memory[1].pools[0]
    func scribble(at offset: Int) {
      for buffer in 0..<64 {
        pool.memory.storeBytes(
          of: 0xa5, toByteOffset: buffer * 2112 + Buffer.headroom + offset, as: UInt8.self)
      }
    }
    let short = frames(rig, &host, size: 60)
    #expect(short.map(\.count) == [60])
    // What a short one left is not enough.
    scribble(at: 1000)
    let long = frames(rig, &host, size: 1514)
    #expect(long.map(\.count) == [1514])
    #expect(long.first.map { Array($0.prefix(60)) } == short.first)
    let spread = Set(long.first?.dropFirst(60) ?? [])
    #expect(spread == [0], "nothing of what was in memory goes out")
    // In front of the bytes that are looked at nothing changes: it went out as it is.
    scribble(at: 1000)
    let kept = frames(rig, &host, size: 1514)
    #expect(kept.contains { $0[1000] == 0xa5 })
    // As what has come into a buffer has other headers.
    scribble(at: 30)
    let renewed = frames(rig, &host, size: 1514)
    #expect(renewed == long, "\(renewed.count)")
  }

  @Test func `who takes and sleeps has frames gather, and who answers has not`() throws {
    let rig = try Rig([])
    let registers =
      rig.engine.memory[1].window.memory + PortalWindow(portalCount: 2).qmanCacheInhibited(0)
    func period(_ task: TrafficOrder.Task, sleeps: Bool) -> UInt32 {
      _ = TrafficOrder(task, size: 60, sleeps: sleeps).give(in: rig.page)
      _ = rig.engine.inlineGuest?.step()
      return registers.acquire32(PortalLayout.QManRegister.interruptPeriod)
    }
    #expect(period(.take, sleeps: true) == 100)
    #expect(period(.echo, sleeps: true) == 0)
    #expect(period(.take, sleeps: false) == 0)
  }
}
