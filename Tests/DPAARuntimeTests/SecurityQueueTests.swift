import DPAAPortal
import Partitioning
import QorIQ
import Security
import TestSupport
import Testing

@testable import DPAARuntime

/// SEC by the guest library alone: two guests, one of which puts packets into a tunnel that the other takes
/// them out of.
@Suite(
  .enabled(
    if: SecurityLibrary.allCases.allSatisfy { $0.problem == nil },
    "needs package libipsec-mb-dev"), .timeLimit(.minutes(2)))
struct SecurityQueueTests {
  static let transforms: [SharedDescriptor.Transform] = [
    .gcm(key: [UInt8](repeating: 0x2b, count: 16), salt: 77),
    .cbcWithHMAC(
      key: [UInt8](repeating: 0x2b, count: 32), authentication: [UInt8](repeating: 9, count: 32)),
  ]

  /// Has a guest's pair do something with bytes; the answer's bytes, status and context.
  private static func ask(
    _ bytes: [UInt8], _ queue: borrowing SecurityQueue, _ guest: Guest
  ) throws -> (bytes: [UInt8], status: UInt32, origin: FrameOrigin) {
    #expect(guest.send(bytes, to: queue.request))
    for _ in 0..<10 {
      guest.session.portals[0].letEngineRun()
      for portal in 0..<guest.session.portals.count {
        guard let buffer = guest.session.portals[portal].dequeue() else { continue }
        #expect(buffer.queue == queue.response)
        let answer = (Array(buffer.frame), buffer.descriptor.command, buffer.origin)
        guest.release(buffer, on: portal)
        return answer
      }
    }
    struct NoAnswer: Error {}
    throw NoAnswer()
  }

  /// Closes a queue in which nothing is left.
  private static func close(_ queue: consuming SecurityQueue, _ guest: Guest) {
    if guest.session.portals[0].close(queue) != nil { Issue.record("the queue is not closed") }
  }

  @Test(arguments: transforms)
  func `a guest puts packets into a tunnel that another takes them out of`(
    transform: SharedDescriptor.Transform
  ) throws {
    let simulation = try Simulation(AcceleratorTests.configuration())
    let (sender, receiver) = (simulation.guests[1], simulation.guests[2])
    let into = SharedDescriptor(
      encapsulating: transform, spi: SecurityDeviceTests.spi,
      outerHeader: SecurityDeviceTests.outerHeader, outputPool: 2)
    let out = SharedDescriptor(decapsulating: transform, outputPool: 3)
    let pairs = (sender.session.grant.accelerators, receiver.session.grant.accelerators)
    #expect(pairs.0.count == 2)
    #expect(pairs.0.allSatisfy { $0.kind == .security && $0.channel == 0x840 })
    // `#require` takes nothing that cannot be copied.
    guard
      let sealing = sender.session.portals[0].open(pairs.0[1], into, from: 2),
      let opening = receiver.session.portals[0].open(pairs.1[1], out, from: 3)
    else {
      Issue.record("the queues are not taken")
      return
    }
    for size in [1, 100, 1200] {
      let packet = SecurityDeviceTests.packet(size)
      let sealed = try Self.ask(packet, sealing, sender)
      #expect(sealed.status == 0)
      #expect(sealed.origin == .answered)
      #expect(try Self.ask(sealed.bytes, opening, receiver).bytes == packet)
      // Once only: the packet itself comes back.
      let again = try Self.ask(sealed.bytes, opening, receiver)
      #expect(again.bytes == sealed.bytes)
      #expect(again.status & 0xf000_00ff == 0x4000_0084)
    }
    #expect(sealing.sequence == 3)
    #expect(opening.sequence == 3)
    Self.close(sealing, sender)
    Self.close(opening, receiver)
    simulation.run()
    #expect(simulation.freeBuffers == [64, 64, 64])
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.accelerators.map(\.done) == [3, 3])
    #expect(report.accelerators.map { $0.errors.map(\.reason) } == [[], ["replay"]])
    #expect(report.text.contains("accelerator  owner"))
  }

  @Test func `a queue with packets in it is not closed, and goes on working`() throws {
    let simulation = try Simulation(AcceleratorTests.configuration())
    let guest = simulation.guests[1]
    let pair = try #require(guest.session.grant.accelerators.first)
    let into = SharedDescriptor(
      encapsulating: Self.transforms[0], spi: SecurityDeviceTests.spi,
      outerHeader: SecurityDeviceTests.outerHeader, outputPool: 2)
    guard let queue = guest.session.portals[0].open(pair, into, from: 2) else {
      Issue.record("the queue is not taken")
      return
    }
    // The engine takes it in the round in which it hears the question for it.
    #expect(guest.send(SecurityDeviceTests.packet(20), to: queue.request))
    guard let again = guest.session.portals[0].close(queue) else {
      Issue.record("it is closed with packets in it")
      return
    }
    var answers = 0
    for _ in 0..<20 {
      guest.session.portals[0].letEngineRun()
      answers += guest.take().count
    }
    #expect(answers == 1)
    #expect(try Self.ask(SecurityDeviceTests.packet(9), again, guest).status == 0)
    Self.close(again, guest)
    simulation.run()
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a queue that was closed can be opened again, and its keys are gone`() throws {
    let simulation = try Simulation(AcceleratorTests.configuration())
    let guest = simulation.guests[2]
    let pair = try #require(guest.session.grant.accelerators.first)
    let descriptor = SharedDescriptor(decapsulating: Self.transforms[0], outputPool: 3)
    for _ in 0..<3 {
      guard let queue = guest.session.portals[0].open(pair, descriptor, from: 3) else {
        Issue.record("the queue is not taken")
        return
      }
      // It is in service: nobody opens it twice.
      if let second = guest.session.portals[0].open(pair, descriptor, from: 3) {
        Issue.record("the queue is taken twice")
        Self.close(second, guest)
      }
      Self.close(queue, guest)
    }
    simulation.engine.round()
    #expect(simulation.freeBuffers == [64, 64, 64])
    let memory = simulation.engine.memory[2].pools[0].memory
    let left = (0..<simulation.engine.memory[2].pools[0].size).contains {
      memory.load(fromByteOffset: $0, as: UInt8.self) == 0x2b
    }
    #expect(!left)
  }
}
