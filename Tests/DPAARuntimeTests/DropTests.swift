import DPAAPortal
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

/// Frames that come to nothing, each with its reason and at whose charge.
@Suite(.timeLimit(.minutes(10))) struct DropTests {
  /// Frames that are dropped, of sizes that no link should have.
  struct Case: Sendable, CustomTestStringConvertible {
    let what: String
    let frame: [UInt8]
    var wire: Int?
    let reason: DropReason?
    let owner: Int
    var testDescription: String { what }
  }

  private static func packet(to address: UInt32, size: Int) -> [UInt8] {
    let frame = Frame.ethernet(
      .ipv4(to: address, .udp(to: 9, [UInt8](repeating: 1, count: size - 42))))
    precondition(frame.count == size, "the builder does as it is told")
    return frame
  }

  static let cases = [
    Case(
      what: "as large as a buffer", frame: packet(to: Talk.guest1, size: 1984), reason: nil,
      owner: 1),
    Case(
      what: "a byte larger than a buffer", frame: packet(to: Talk.guest1, size: 1985), reason: nil,
      owner: 1),
    Case(what: "jumbo", frame: packet(to: Talk.guest2, size: 9000), reason: nil, owner: 2),
    Case(
      what: "as large as 16 buffers", frame: packet(to: Talk.guest1, size: 16 * 1984), reason: nil,
      owner: 1),
    Case(
      what: "a byte larger than 16 buffers", frame: packet(to: Talk.guest1, size: 16 * 1984 + 1),
      reason: .frameTooLarge, owner: 1),
    Case(
      what: "14 bytes", frame: Array(packet(to: Talk.guest1, size: 60).prefix(14)), reason: nil,
      owner: 0),
    Case(
      what: "13 bytes", frame: Array(packet(to: Talk.guest1, size: 60).prefix(13)),
      reason: .frameTooShort, owner: 0),
    Case(what: "no bytes", frame: [], reason: .frameTooShort, owner: 0),
    Case(
      what: "cut", frame: packet(to: Talk.guest1, size: 60), wire: 61, reason: .frameCut, owner: 0),
    Case(
      what: "cut to nothing", frame: [], wire: 1514, reason: .frameCut, owner: 0),
    Case(
      what: "a wire length below the bytes", frame: packet(to: Talk.guest1, size: 60), wire: 20,
      reason: nil, owner: 1),
    Case(
      what: "unknown EtherType", frame: Frame.ethernet(.raw(0xabcd, [1, 2])), reason: nil, owner: 0),
    Case(
      what: "a cut IPv4 header", frame: Array(packet(to: Talk.guest1, size: 60).prefix(33)),
      reason: nil, owner: 0),
  ]

  @Test(arguments: cases, [false, true])
  func `odd frames are delivered or dropped with their reason`(odd: Case, isP4080: Bool) throws {
    let plain = Talk.frame(to: Talk.guest2, number: 1)
    let simulation = try Simulation(
      Talk.configuration(isP4080: isP4080, programs: [.sink, .sink, .sink]),
      frames: [plain, odd.frame, plain], wireLengths: odd.wire.map { [1: $0] } ?? [:])
    simulation.run()
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    var received: [UInt64] = [0, 0, 2]
    if odd.reason == nil { received[odd.owner] += 1 }
    #expect(report.owners.map(\.received) == received)
    // What the MAC had of a cut frame nobody knows.
    let octets = 2 * (plain.count + 4) + (odd.reason == .frameCut ? 0 : odd.frame.count + 4)
    #expect(report.interfaces[0].statistics[0][MACCounter.octets.rawValue] == UInt64(octets))
    for owner in 0..<3 {
      for reason in DropReason.allCases {
        let isHere = owner == odd.owner && reason == odd.reason
        #expect(simulation.dropped(reason, owner) == (isHere ? 1 : 0), "\(reason) of \(owner)")
      }
    }
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test(arguments: [false, true])
  func `a guest that never consumes loses its own frames only`(isP4080: Bool) throws {
    let targets = [Talk.host, Talk.guest1, Talk.guest2]
    let frames = (0..<900).map { Talk.frame(to: targets[Int($0 % 3)], number: $0) }
    let simulation = try Simulation(Talk.configuration(isP4080: isP4080), frames: frames)
    simulation.run(active: [0, 1])
    #expect(simulation.dropped(.poolDepleted, 2) == 300 - 64)
    #expect(simulation.dropped(.poolDepleted, 0) == 0)
    #expect(simulation.dropped(.poolDepleted, 1) == 0)
    #expect(simulation.freeBuffers == [64, 64, 0])
    // It wakes up, and has what it did not lose; its last answers find their way.
    simulation.run()
    #expect(simulation.freeBuffers == [64, 64, 64])
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    #expect(report.owners.map(\.received) == [300, 300, 64])
    let replies = try simulation.transmitted().map { Talk.number($0) }
    #expect(Set(replies.filter { $0 % 3 != 2 }) == Set((0..<900).filter { $0 % 3 != 2 }))
    #expect(replies.filter { $0 % 3 == 2 }.sorted() == (0..<64).map { $0 * 3 + 2 })
  }

  @Test func `a guest that is only slow loses nothing`() throws {
    let frames = (0..<500).map { Talk.frame(to: Talk.guest2, number: $0) }
    let simulation = try Simulation(frames: frames)
    // It looks at its portal every 40 ms; a port waits for 50.
    simulation.run(active: []) { round in
      if round % 40 == 39 { while simulation.guests[2].step() { simulation.engine.round() } }
    }
    while simulation.guests[2].step() { simulation.engine.round() }
    simulation.run()
    #expect(simulation.dropped(.poolDepleted, 2) == 0)
    #expect(try simulation.transmitted().count == 500)
    #expect(try simulation.report().isConserved)
  }

  @Test func `a pool that was given up is used again when it has recovered`() throws {
    let frames = (0..<200).map { Talk.frame(to: Talk.guest2, number: $0) }
    let simulation = try Simulation(frames: frames, rate: 1000)
    // One frame each millisecond: 64 fill the pool, one waits 50 ms, the rest of them is lost
    // until the guest wakes up.
    simulation.run(active: []) { round in
      if round >= 150 { _ = simulation.guests[2].take() }
    }
    let lost = simulation.dropped(.poolDepleted, 2)
    #expect(lost > 0)
    #expect(lost < 200 - 64, "what came after it woke up is delivered")
    simulation.run(active: [])
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(try simulation.report().isConserved)
  }

  @Test func `a frame takes the smallest buffer that fits, a larger one when there is none`() throws
  {
    var configuration = Talk.configuration(programs: [.sink, .sink, .sink])
    let base = configuration.owners[1].pools[0].base
    configuration.owners[1].pools = [
      PoolAssignment(bpid: 2, bufferCount: 4, bufferSize: 256, bufferStride: 320, base: base),
      PoolAssignment(
        bpid: 9, bufferCount: 6, bufferSize: 2048, bufferStride: 2112, base: base + 0x1_0000),
    ]
    let sizes = [192, 193, 60, 60, 60, 60, 60]
    let simulation = try Simulation(
      configuration,
      frames: sizes.enumerated().map { Talk.frame(to: Talk.guest1, number: UInt64($0), size: $1) })
    simulation.run(active: [])
    let received = simulation.guests[1].take().sorted {
      Talk.number($0.bytes) < Talk.number($1.bytes)
    }
    #expect(received.map(\.descriptor.bpid) == [2, 9, 2, 2, 2, 9, 9])
    #expect(received.map(\.bytes.count) == sizes)
    simulation.run(active: [])
    #expect(simulation.freeBuffers == [64, 4, 6, 64])
    #expect(try simulation.report().isConserved)
  }
}
