import DPAAPortal
import Partitioning
import Patterns
import QorIQ
import Testing

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
}
