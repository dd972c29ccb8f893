import Partitioning
import QorIQ
import Testing

@testable import DPAARuntime

/// Queue 0, which no frame queue may be, and queues that no owner has.
@Suite(.timeLimit(.minutes(10))) struct NobodysQueueTests {
  @Test func `a queue that nobody owns is not the first owner's`() throws {
    var configuration = Talk.configuration()
    configuration.owners[0].queues = [QueueRange(first: 1, count: 50)]
    let engine = try Engine(configuration)
    let host = try Guest(engine, owner: 0, isInline: true)
    #expect(host.frameCount(of: 50) == 0)
    #expect(host.frameCount(of: 51) == nil)
    #expect(host.frameCount(of: 0) == nil)
  }

  @Test func `queue 0 cannot be owned: it ends a work queue's list`() throws {
    var configuration = Talk.configuration()
    configuration.owners[0].queues = [QueueRange(first: 0, count: 101)]
    #expect(
      throws: EngineError.badConfiguration("host owns queue 0, which no frame queue may be")
    ) { _ = try Engine(configuration) }
  }

  @Test func `a pool larger than all addresses is refused`() throws {
    var configuration = Talk.configuration()
    configuration.owners[2].pools[0].bufferCount = 1 << 24
    configuration.owners[2].pools[0].bufferStride = 1 << 21
    #expect(throws: EngineError.badConfiguration("pool 3 cannot lie where it is to lie")) {
      _ = try Engine(configuration)
    }
  }
}
