import Partitioning
import QorIQ
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// Management commands of a guest whose engine gets no time: stopped, or on a busy host.
@Suite(.timeLimit(.minutes(10))) struct LateAnswerTests {
  private let engine: Engine

  init() throws {
    var configuration = Talk.configuration()
    // A second pool for guest2.
    configuration.owners[2].pools.append(
      PoolAssignment(
        bpid: 9, bufferCount: 4, bufferSize: 4096, bufferStride: 4160, base: 0xa100_0000))
    engine = try Engine(configuration)
  }

  private var free: [UInt32] { engine.poolStates().map(\.free) }

  @Test func `a buffer that BMan gives too late is not lost`() throws {
    var guest = try engine.attach(owner: 2)
    guest.portals[0].answerPolls = 100
    for _ in 0..<3 {
      if let buffer = guest.portals[0].acquire(from: 3) {
        _ = guest.portals[0].release(buffer)
        Issue.record("a buffer without an engine")
      }
      engine.round()
      #expect(free == [64, 64, 63, 4])
      guard let buffer = guest.portals[0].acquire(from: 3) else {
        Issue.record("the late answer is lost")
        return
      }
      #expect(buffer.descriptor.bpid == 3)
      _ = guest.portals[0].release(buffer)
      engine.round()
      #expect(free == [64, 64, 64, 4])
    }
  }

  @Test func `a late buffer of another pool goes back before the next is asked for`() throws {
    var guest = try engine.attach(owner: 2)
    guest.portals[0].answerPolls = 100
    if let buffer = guest.portals[0].acquire(from: 3) { _ = guest.portals[0].release(buffer) }
    engine.round()
    #expect(free == [64, 64, 63, 4])
    if let buffer = guest.portals[0].acquire(from: 9) { _ = guest.portals[0].release(buffer) }
    engine.round()
    #expect(free == [64, 64, 64, 3])
    guard let buffer = guest.portals[0].acquire(from: 9) else {
      Issue.record("the late answer is lost")
      return
    }
    #expect(buffer.descriptor.bpid == 9)
    _ = guest.portals[0].release(buffer)
    engine.round()
    #expect(free == [64, 64, 64, 4])
  }

  @Test func `a query that QMan answers too late does not answer the next one`() throws {
    var guest = try engine.attach(owner: 2)
    guest.portals[0].answerPolls = 100
    #expect(guest.portals[0].queueFrameCount(of: 208) == nil)
    engine.round()
    // The first answer is there; the second question is not answered yet.
    #expect(guest.portals[0].queueFrameCount(of: 1) == nil)
    engine.round()
    #expect(guest.portals[0].queueFrameCount(of: 208) == nil)
    engine.round()
    engine.start()
    guest.portals[0].answerPolls = 2_000_000
    #expect(guest.portals[0].queueFrameCount(of: 208) == 0)
    #expect(guest.portals[0].queueFrameCount(of: 1) == nil)
    engine.join()
  }
}
