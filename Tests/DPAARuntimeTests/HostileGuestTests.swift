import DPAAPortal
import Partitioning
import TestSupport
import Testing

@testable import DPAARuntime

/// What a guest may write into its portal: all of it, and it harms nobody else.
@Suite(.timeLimit(.minutes(10))) struct HostileGuestTests {
  private static let own: UInt64 = 0xa010_0000
  private static let stride: UInt64 = 2112

  /// A wrong enqueue command of guest2, which holds the first buffer of its pool only.
  struct Case: Sendable, CustomTestStringConvertible {
    let what: String
    let command: [UInt8]
    let reason: DropReason
    var testDescription: String { what }

    init(
      _ what: String, _ reason: DropReason, to fqid: UInt32 = 201, verb: UInt8 = 1,
      bpid: UInt8 = 3, address: UInt64 = own, offset: UInt32 = 64, length: UInt32 = 60,
      format: UInt32 = 0
    ) {
      self.what = what
      self.reason = reason
      command = RawPortal.enqueueCommand(
        RawPortal.descriptor(
          bpid: bpid, address: address, offset: offset, length: length, format: format),
        to: fqid, verb: verb)
    }
  }

  static let cases =
    [0, 2, 16, 5, 101, 128, 103, 401, 65_535, 0xff_ffff].map {
      Case("queue \($0)", .foreignQueue, to: $0)
    }
    + [Case("an own queue out of service", .foreignQueue, to: 399)]
    + [1, 2, 0, 4, 63, 64, 255].map { Case("pool \($0)", .foreignBuffer, bpid: $0) }
    + [
      Case("guest1's buffer", .foreignBuffer, bpid: 2, address: 0x8010_0000),
      Case("guest1's buffer as of its own pool", .foreignBuffer, address: 0x8010_0000),
      Case("address 0", .foreignBuffer, address: 0),
      Case("the highest address", .foreignBuffer, address: 0xff_ffff_ffff),
      Case("the middle of a buffer", .foreignBuffer, address: own + 64),
      Case("a byte in front of a buffer", .foreignBuffer, address: own + stride - 1),
      Case("the end of the pool", .foreignBuffer, address: own + 64 * stride),
      Case("in front of the pool", .foreignBuffer, address: own - stride),
      Case("a free buffer", .foreignBuffer, address: own + stride),
      Case("a length of 0", .badDescriptor, length: 0),
      Case("a byte too long", .badDescriptor, offset: 64, length: 1985),
      Case("offset and length a byte too long", .badDescriptor, offset: 511, length: 1538),
      Case("the longest length", .badDescriptor, offset: 0, length: 0xf_ffff),
    ]
    + [1, 2, 3, 5, 6, 7].map { Case("format \($0)", .badDescriptor, format: $0) }
    + [Case("a table of nothing", .badPieces, format: 4)]
    + [0x20, 0x21, 0x40, 0x41, 0x60, 0x7f].map {
      Case("verb \($0)", .unknownVerb, verb: $0)
    }

  @Test(arguments: cases)
  func `a wrong enqueue comes back with its reason, and the guest keeps its buffer`(
    wrong: Case
  ) throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    #expect(portal.acquire(1, from: 3) == [Self.own])
    portal.enqueue(wrong.command)
    for _ in 0..<4 { simulation.engine.round() }
    for owner in 0..<3 {
      for reason in DropReason.allCases {
        let isHere = owner == 2 && reason == wrong.reason
        #expect(simulation.dropped(reason, owner) == (isHere ? 1 : 0), "\(reason)")
      }
    }
    let message = try #require(portal.message())
    #expect(message[4] == 0x20)
    #expect(Array(message[8..<32]) == Array(wrong.command[8..<32]))
    #expect(portal.message() == nil)
    portal.consumeMessages()
    #expect(simulation.freeBuffers == [64, 64, 63])
    // The buffer is still the guest's: rightly sent, it leaves.
    portal.enqueue(
      RawPortal.enqueueCommand(RawPortal.descriptor(bpid: 3, address: Self.own), to: 201))
    for _ in 0..<4 { simulation.engine.round() }
    #expect(portal.message() == nil)
    #expect(try simulation.transmitted().count == 1)
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(simulation.engine.usedQueues().map(\.fqid) == [201])
  }

  @Test func `the largest offset and length of a buffer are possible`() throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    for (offset, length) in [(0, 2048), (511, 1537), (0, 14), (511, 14)] as [(UInt32, UInt32)] {
      let buffer = try #require(portal.acquire(1, from: 3).first)
      portal.enqueue(
        RawPortal.enqueueCommand(
          RawPortal.descriptor(bpid: 3, address: buffer, offset: offset, length: length), to: 201))
    }
    for _ in 0..<4 { simulation.engine.round() }
    #expect(try simulation.transmitted().map(\.count) == [2048, 1537, 14, 14])
    #expect(simulation.dropped(.badDescriptor, 2) == 0)
  }

  @Test func `a buffer that is sent twice leaves once`() throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    let buffer = try #require(portal.acquire(1, from: 3).first)
    let command = RawPortal.enqueueCommand(
      RawPortal.descriptor(bpid: 3, address: buffer), to: 201)
    for _ in 0..<3 { portal.enqueue(command) }
    portal.release(verb: 0x21, [(3, buffer)])
    for _ in 0..<4 { simulation.engine.round() }
    #expect(try simulation.transmitted().count == 1)
    #expect(simulation.dropped(.foreignBuffer, 2) == 2)
    #expect(simulation.engine.counters.value(.strayBuffers, 2) == 1)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `a sender's own identity is overwritten with the true one`() throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    let buffer = try #require(portal.acquire(1, from: 3).first)
    var frame = RawPortal.descriptor(bpid: 3, address: buffer)
    // DD and LIODN offset, and its extension above the address: all ones.
    frame[0] = 0xff
    frame[2] = 0xf0
    portal.enqueue(RawPortal.enqueueCommand(frame, to: 202))
    for _ in 0..<3 { simulation.engine.round() }
    let entry = try #require(portal.dequeue())
    // 0x143: 3 in the lower six bits, 5 in the upper four.
    #expect(entry[16] & 0x3f == 0x03)
    #expect(entry[18] & 0xf0 == 0x50)
  }

  @Test func `a guest that lies in its status page is named`() throws {
    let frames = (0..<30).map { Talk.frame(to: Talk.guest1, number: $0) }
    let counters: [GuestStatus.Counter] = [.received, .sent, .rejected]
    for counter in counters {
      let simulation = try Simulation(frames: frames)
      simulation.run()
      simulation.guests[1].session.status.addCounter(counter.offset, 1)
      let report = try simulation.report()
      #expect(!report.isConserved)
      #expect(report.discrepancies.contains { $0.contains("guest1") })
      #expect(!report.discrepancies.contains { $0.contains("guest2") || $0.contains("host") })
      #expect(report.text.hasSuffix("conserved: no\n"))
    }
  }
}
