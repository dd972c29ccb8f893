import Foundation
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// What the tracer says of a frame's length and faults, and what the engine does with it.
@Suite(.timeLimit(.minutes(10))) struct FrameTraceTests {
  /// The talk's plan with guest1's buffers so small and few that frames come in pieces or not at all.
  private static func configuration(isP4080: Bool, hasQueue: Bool) -> RuntimeConfiguration {
    var configuration = Talk.configuration(isP4080: isP4080)
    let base = configuration.owners[1].pools[0].base
    configuration.owners[1].pools = [
      PoolAssignment(
        bpid: 2, bufferCount: 8, bufferSize: 256, bufferStride: 256, base: base),
      PoolAssignment(
        bpid: 9, bufferCount: 6, bufferSize: 512, bufferStride: 512, base: base + 0x10_000),
    ]
    // Of 1,984 bytes for the host's frames, and those on their way over the detour.
    configuration.owners[0].pools[0].bufferCount = 2
    configuration.ports = [PortSettings(mtu: 5000)]
    if hasQueue {
      configuration.queueing = [
        0: .init(roles: [
          RoleQueues(
            role: .error, queues: [QueueRange(first: 50, count: 1)],
            workQueue: QueueRole.error.usualWorkQueue)
        ])
      ]
    }
    return configuration
  }

  private struct End: Hashable, CustomStringConvertible {
    var owner: Int
    var queue: FQID
    var pool: BPID
    var pieces: Int
    var description: String { "owner \(owner), queue \(queue), pool \(pool), \(pieces) pieces" }
  }

  @Test(arguments: [false, true], [false, true])
  func `a frame of any length, right or wrong, ends where its trace says`(
    isP4080: Bool, hasQueue: Bool
  ) throws {
    let configuration = Self.configuration(isP4080: isP4080, hasQueue: hasQueue)
    let sizes = [
      60, 192, 193, 448, 449, 896, 897, 1500, 1984, 1985, 2239, 2240, 2241, 3969, 5018, 5019, 9000,
    ]
    var frames: [[UInt8]] = []
    for (number, size) in sizes.enumerated() {
      for to in [Talk.guest1, Talk.host] {
        let frame = Talk.frame(to: to, number: UInt64(number), size: size)
        var damaged = frame
        damaged[24] ^= 1
        frames += [frame, damaged]
      }
    }
    let tracer = try FrameTracer(configuration, interface: 0)
    var seen: Set<Int> = []
    for frame in frames {
      let trace = try #require(frame.withUnsafeBytes { tracer.trace($0) })
      let simulation = try Simulation(configuration, frames: [frame])
      var ends: [End] = []
      simulation.run(active: []) { _ in
        for (owner, guest) in simulation.guests.enumerated() {
          for received in guest.take() {
            #expect(received.bytes == frame)
            let room = received.descriptor.bpid == 9 ? 448 : 1984
            ends.append(
              End(
                owner: owner, queue: received.queue, pool: received.descriptor.bpid,
                pieces: received.descriptor.isScattered ? (frame.count + room - 1) / room : 1))
          }
        }
      }
      let said = trace.storage.map {
        End(owner: trace.owner, queue: trace.queue, pool: $0.pool, pieces: $0.pieces)
      }
      #expect(ends == [said].compactMap(\.self), "\(frame.count) bytes to \(trace.owner)")
      seen.insert(said?.pieces ?? 0)
      func drops(_ reason: DropReason) -> UInt64 {
        simulation.guests.indices.reduce(0) { $0 + simulation.dropped(reason, $1) }
      }
      #expect(drops(.sizeError) == (trace.isDropped ? 1 : 0))
      #expect(drops(.frameTooLarge) == (trace.lacksBuffers == nil ? 0 : 1))
      #expect(trace.isOversize == (frame.count > 5018))
    }
    // In one buffer, in pieces, and not at all.
    #expect(seen.isSuperset(of: [0, 1, 2, 3, 5]))
  }

  @Test func `a chain's frame is traced as the packet in it, and dropped where there is none`()
    throws
  {
    let plan = ChainWorld.plan().replacingOccurrences(
      of: "{id: 2, buffers: 128, size: 2 KiB}",
      with: "{id: 2, buffers: 64, size: 1536}, {id: 3, buffers: 64, size: 2 KiB}")
    let configuration = try ChainWorld.configuration(plan)
    let tracer = try FrameTracer(configuration, interface: 0)
    // Between what the packet needs and what all of the frame would.
    let frame = ChainWorld.frame(size: 1438)
    #expect(frame.count + Buffer.headroom > 1536)
    #expect(frame.count - 14 + Buffer.headroom <= 1536)
    let trace = try #require(frame.withUnsafeBytes { tracer.trace($0) })
    #expect(trace.storage == FrameTrace.Storage(pool: 2, pieces: 1))
    var wrong = frame
    wrong[24] ^= 1
    let dropped = try #require(wrong.withUnsafeBytes { tracer.trace($0) })
    #expect(dropped.drop == .noPacket)
    #expect(dropped.rule == 0)

    let world = try ChainWorld(plan, frames: ["fm1-10g0": [frame, wrong]])
    world.run(50)
    #expect(world.dropped(.noPacket) == 1)
    // The smaller pool had one buffer less.
    #expect(world.engine.poolStates().map(\.lowestFree)[1...2] == [63, 64])
  }

  @Test func `a frame that its capture has cut is traced as the run drops it`() throws {
    let configuration = Talk.configuration()
    let tracer = try FrameTracer(configuration, interface: 0)
    let frame = Talk.frame(to: Talk.guest1, number: 1, size: 200)
    for count in [5, 128] {
      let part = Array(frame[..<count])
      let trace = try #require(part.withUnsafeBytes { tracer.trace($0, wireLength: 200) })
      #expect(trace.drop == .cut)
      #expect(trace.length == 200)
      #expect(trace.faults == [])
    }
    #expect(frame.withUnsafeBytes { tracer.trace($0, wireLength: frame.count) }?.drop == nil)
    #expect(Array(frame[..<5]).withUnsafeBytes { tracer.trace($0) } == nil)
  }
}
