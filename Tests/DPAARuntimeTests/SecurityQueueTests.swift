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
    "needs package libipsec-mb-dev"), .timeLimit(.minutes(10)))
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
      encapsulating: transform, spi: GatewayRig.spi,
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

  @Test func `a queue with packets in it is not closed before they are answered`() throws {
    let simulation = try Simulation(AcceleratorTests.configuration())
    let guest = simulation.guests[1]
    let pair = try #require(guest.session.grant.accelerators.first)
    let descriptor = SharedDescriptor(
      encapsulating: Self.transforms[0], spi: GatewayRig.spi,
      outerHeader: SecurityDeviceTests.outerHeader, outputPool: 2)
    guard let queue = guest.session.portals[0].open(pair, descriptor, from: 2) else {
      Issue.record("the queue is not taken")
      return
    }
    for size in 0..<5 {
      #expect(guest.send(SecurityDeviceTests.packet(size), to: queue.request))
    }
    // QMan takes them and the question in one round, before SEC has its turn.
    guard let left = guest.session.portals[0].close(queue) else {
      Issue.record("the queue is closed with packets in it")
      return
    }
    var answers = 0
    for _ in 0..<20 {
      guest.session.portals[0].letEngineRun()
      for portal in 0..<guest.session.portals.count {
        while let buffer = guest.session.portals[portal].dequeue() {
          #expect(buffer.descriptor.command == 0)
          answers += 1
          guest.release(buffer, on: portal)
        }
      }
    }
    #expect(answers == 5)
    #expect(left.sequence == 5)
    Self.close(left, guest)
    simulation.run()
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test(arguments: [
    SharedDescriptor.AuthenticatedCipher.gcm(key: [UInt8](repeating: 0x2b, count: 16)),
    .cbcWithHMAC(
      key: [UInt8](repeating: 0x2b, count: 32), authentication: [UInt8](repeating: 9, count: 32)),
  ])
  func `a guest enciphers and deciphers data that is no packet`(
    cipher: SharedDescriptor.AuthenticatedCipher
  ) throws {
    let simulation = try Simulation(AcceleratorTests.configuration())
    let guest = simulation.guests[2]
    let pairs = guest.session.grant.accelerators
    guard
      let sealing = guest.session.portals[0].open(
        pairs[0], SharedDescriptor(enciphering: cipher, outputPool: 3), from: 3),
      let opening = guest.session.portals[0].open(
        pairs[1], SharedDescriptor(deciphering: cipher, outputPool: 3), from: 3)
    else {
      Issue.record("the queues are not taken")
      return
    }
    let front = cipher.front(
      associated: 5, vector: [UInt8](repeating: 1, count: cipher.vectorLength))
    let (associated, text) = (Array("known".utf8), [UInt8](repeating: 0x61, count: 160))
    let sealed = try Self.ask(front + associated + text, sealing, guest)
    #expect(sealed.status == 0)
    #expect(sealed.bytes.count == 5 + 160 + 16)
    let opened = try Self.ask(front + associated + sealed.bytes[5...], opening, guest)
    #expect(opened.status == 0)
    #expect(Array(opened.bytes[5...]) == text)
    let wrong = try Self.ask(front + Array("KNOWN".utf8) + sealed.bytes[5...], opening, guest)
    #expect(wrong.status & 0xf000_000f == 0x2000_000a)
    #expect(sealing.sequence == 0)
    Self.close(sealing, guest)
    Self.close(opening, guest)
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
