import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// The guest's side of portals and pools, against the engine.
@Suite(.timeLimit(.minutes(10))) struct GuestLibraryTests {
  static let rings = [RingSizes.hardware, RingSizes(enqueue: 64, dequeue: 64)]

  /// What an enqueue came to; a buffer that found no place is released.
  private static func enqueue(
    _ buffer: consuming Buffer, to queue: FQID, by guest: Guest
  ) -> Bool {
    switch guest.session.portals[0].enqueue(buffer, to: queue) {
    case .accepted: return true
    case .full(let again):
      guest.release(again)
      return false
    }
  }

  private static func acquire(_ guest: Guest, from pool: BPID = 3) throws -> Buffer {
    guard let buffer = guest.session.portals[0].acquire(from: pool) else {
      throw EngineError.badConfiguration("no buffer")
    }
    return buffer
  }

  @Test func `who waits for room behind rejections that it has not read gets it, and then them`()
    throws
  {
    let simulation = try Simulation()
    let guest = simulation.guests[2]
    // Nobody has put queue 399 into service. The message ring has room for 7, the enqueue ring too.
    for number in 0..<32 {
      var buffer = try Self.acquire(guest)
      buffer.setLength(60 + number)
      guest.session.portals[0].enqueue(waitingForRoom: buffer, to: 399)
    }
    let hasWork = guest.session.portals[0].hasWork
    #expect(hasWork)
    var lengths: [Int] = []
    for _ in 0..<20 {
      while let rejection = guest.session.portals[0].takeRejection() {
        lengths.append(rejection.buffer.frame.count)
        guest.release(rejection.takeBuffer())
      }
      simulation.engine.round()
    }
    #expect(lengths == Array(60..<92))
    #expect(simulation.freeBuffers[2] == 64)
    #expect(guest.session.status.counter(GuestStatus.Counter.rejected.offset) == 32)
  }

  @Test func `an acquired buffer is the guest's, whole, and goes back once`() throws {
    let simulation = try Simulation()
    let guest = simulation.guests[2]
    for round in 0..<200 {
      let buffer = try Self.acquire(guest)
      #expect(buffer.descriptor.bpid == 3)
      #expect(guest.owns(buffer.descriptor.address))
      #expect(buffer.capacity == 2048)
      #expect(buffer.queue == 0)
      #expect(buffer.frame.isEmpty)
      #expect(simulation.freeBuffers[2] == 63)
      guest.release(buffer)
      simulation.engine.round()
      #expect(simulation.freeBuffers[2] == 64, "round \(round)")
    }
    #expect(guest.session.status.counter(GuestStatus.Counter.acquired.offset) == 200)
    #expect(guest.session.status.counter(GuestStatus.Counter.released.offset) == 200)
    #expect(simulation.engine.counters.value(.strayBuffers, 2) == 0)
  }

  @Test func `an empty pool and another's pool give nothing`() throws {
    let simulation = try Simulation(Talk.configuration(buffers: [1, 1, 1]))
    let guest = simulation.guests[2]
    let buffer = try Self.acquire(guest)
    for pool in [3, 1, 9] as [BPID] {
      if let more = guest.session.portals[0].acquire(from: pool) {
        Issue.record("a buffer of pool \(pool)")
        guest.release(more)
      }
    }
    guest.release(buffer)
    simulation.engine.round()
    #expect(simulation.freeBuffers == [1, 1, 1])
  }

  @Test(arguments: rings)
  func `a full enqueue ring gives the buffer back`(rings: RingSizes) throws {
    let simulation = try Simulation(Talk.configuration(rings: rings))
    let guest = simulation.guests[2]
    for lap in 0..<5 {
      // An acquire runs a round: all buffers are taken before the first is enqueued.
      let addresses = try (0..<rings.enqueue).map { _ in try Self.acquire(guest).take().address }
      for (place, address) in addresses.enumerated() {
        let buffer = guest.session.portals[0].buffer(
          FrameDescriptor(bpid: 3, address: address, offset: 64, length: 60), queue: 0, context: 0)
        let isAccepted = Self.enqueue(buffer, to: 201, by: guest)
        #expect(isAccepted == (place < rings.enqueue - 1), "lap \(lap)")
      }
      for _ in 0..<4 { simulation.engine.round() }
      #expect(simulation.freeBuffers[2] == 64)
    }
    #expect(try simulation.transmitted().count == 5 * (rings.enqueue - 1))
  }

  @Test func `a full release ring gives the buffer back`() throws {
    let simulation = try Simulation()
    let guest = simulation.guests[2]
    let addresses = try (0..<8).map { _ in try Self.acquire(guest).take().address }
    var isFull: [Bool] = []
    for address in addresses {
      let buffer = guest.session.portals[0].buffer(
        FrameDescriptor(bpid: 3, address: address, offset: 0, length: 0), queue: 0, context: 0)
      switch guest.session.portals[0].release(buffer) {
      case .accepted: isFull.append(false)
      case .full(let again):
        isFull.append(true)
        _ = again.take()
      }
    }
    #expect(isFull == [false, false, false, false, false, false, false, true])
  }

  @Test func `a received frame is there with its queue, path and length`() throws {
    let message = Talk.frame(to: Talk.guest2, number: 5, size: 300)
    let simulation = try Simulation(frames: [message])
    simulation.run(active: [])
    let guest = simulation.guests[2]
    #expect(guest.hasWork)
    var count = 0
    while let buffer = guest.session.portals[0].dequeue() {
      #expect(Array(buffer.frame) == message)
      #expect(buffer.context == 0)
      #expect(Talk.receive[2].contains(buffer.queue))
      #expect(buffer.capacity == 2048)
      guest.release(buffer)
      count += 1
    }
    #expect(count == 1)
    #expect(!guest.hasWork)
    let status = guest.session.status
    #expect(status.counter(GuestStatus.Counter.received.offset) == 1)
    #expect(status.counter(GuestStatus.Counter.receivedBytes.offset) == UInt64(message.count))
  }

  @Test func `a rejected frame comes back with its bytes, and can be sent rightly`() throws {
    let simulation = try Simulation()
    let guest = simulation.guests[2]
    for round in 0..<30 as Range<UInt64> {
      let message = Talk.frame(to: Talk.stranger, number: round)
      #expect(guest.send(message, to: 101), "a queue of guest1's")
      simulation.engine.round()
      guard let rejection = guest.session.portals[0].takeRejection() else {
        Issue.record("no rejection")
        return
      }
      #expect(rejection.code == RejectionCode.error)
      let buffer = rejection.takeBuffer()
      #expect(Array(buffer.frame) == message)
      #expect(buffer.queue == 101)
      let isAccepted = Self.enqueue(buffer, to: 201, by: guest)
      #expect(isAccepted)
      for _ in 0..<3 { simulation.engine.round() }
    }
    if let another = guest.session.portals[0].takeRejection() {
      Issue.record("a second rejection")
      guest.release(another.takeBuffer())
    }
    #expect(guest.session.status.counter(GuestStatus.Counter.rejected.offset) == 30)
    #expect(try simulation.transmitted().map { Talk.number($0) } == Array(0..<30))
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.balance.rejected == 30)
  }

  @Test func `own queues tell how many frames wait, others do not`() throws {
    let frames = (0..<40).map { Talk.frame(to: Talk.host, number: $0) }
    let simulation = try Simulation(frames: frames)
    simulation.run(active: [])
    let guest = simulation.guests[0]
    // The dequeue ring holds 15 of them.
    #expect(guest.frameCount(of: 16) == 25)
    #expect(guest.frameCount(of: 2) == 0)
    #expect(guest.frameCount(of: 128) == nil)
    #expect(guest.frameCount(of: 0xff_ffff) == nil)
  }

  @Test func `a length beyond the buffer stops the program`() async {
    await #expect(processExitsWith: .failure) {
      let simulation = try Simulation()
      var buffer = try Self.acquire(simulation.guests[2])
      buffer.setLength(2048 - 63)
      simulation.guests[2].release(buffer)
    }
  }

  @Test func `a dropped buffer stops the program`() async {
    await #expect(processExitsWith: .failure) {
      let simulation = try Simulation()
      _ = try Self.acquire(simulation.guests[2])
    }
  }

  @Test func `a buffer that is given back does not stop the program`() async {
    await #expect(processExitsWith: .success) {
      let simulation = try Simulation()
      var buffer = try Self.acquire(simulation.guests[2])
      buffer.setLength(2048 - 64)
      simulation.guests[2].release(buffer)
    }
  }
}
