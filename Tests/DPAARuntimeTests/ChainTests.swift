import DPAAPortal
import Foundation
import Partitioning
import QorIQ
import Security
import TestSupport
import Testing

@testable import DPAARuntime

/// Chains: frames that go from a port through an accelerator to another port, which no portal sees.
@Suite(.timeLimit(.minutes(5))) struct ChainTests {
  /// A world whose SEC writes packets backwards, with the chain `out` in service: the pool for outputs is 2.
  private static func mirrored(
    _ frames: [[UInt8]], plan: String = ChainWorld.plan(), pool: UInt64 = 2
  ) throws -> ChainWorld {
    let world = try ChainWorld(
      plan, frames: ["fm1-10g0": frames], devices: [.sec: MirrorDevice()])
    try world.start("out", contextA: pool)
    return world
  }

  @Test(arguments: ["t4240qds", "p4080ds"])
  func `a packet goes from port to port through SEC, and its headers with it`(board: String) throws
  {
    let frames = (0..<50).map {
      ChainWorld.frame(size: 10 + 20 * $0, number: UInt8($0))
    }
    let plan = ChainWorld.plan(board: board)
      .replacing("fm1-10g1", with: board == "p4080ds" ? "fm2-10g0" : "fm1-10g1")
    let world = try Self.mirrored(frames, plan: plan)
    world.run()
    let header = try #require(ChainWorld.headers["fm1-10g1"])
    #expect(
      try world.sent(on: board == "p4080ds" ? "fm2-10g0" : "fm1-10g1")
        == frames.map { header + ChainWorld.packet($0).reversed() })
    #expect(try world.sent(on: "fm1-10g0") == [])
    #expect(world.portalFrames == 0)
    #expect(world.counters.value(.done, 0, 1) == 50)
    #expect(world.allDropped == 0)
    #expect(world.freeBuffers == 128)
    let status = world.engine.memory[1].status.memory
    #expect(status.counter(GuestStatus.Counter.received.offset) == 0)
    #expect(status.counter(GuestStatus.Counter.sent.offset) == 0)
    let report = RunReport(world.engine, witness: RunWitness())
    #expect(report.discrepancies == [])
    #expect(report.text.contains("chain out to sec"))
    #expect(report.text.contains("chain out from sec"))
  }

  @Test func `what pads a short frame does not go into SEC`() throws {
    let world = try Self.mirrored([ChainWorld.frame(size: 1)])
    world.run()
    // 20 of IP, 8 of UDP and two bytes, behind a header of 14: shorter than what Ethernet sends, which a line
    // pads again.
    #expect(try world.sent(on: "fm1-10g1").map(\.count) == [14 + 30])
    #expect(world.counters.value(.bytes, 0, 1) == 30)
  }

  @Test func `tags and their kin stay behind`() throws {
    let inner = Frame.Payload.ipv4(to: ChainWorld.far, .udp(to: 7, [1, 2, 3, 0x45]))
    let tagged = Frame.ethernet(.vlan(7, .vlan(8, inner)))
    let world = try Self.mirrored([tagged])
    world.run()
    let header = try #require(ChainWorld.headers["fm1-10g1"])
    #expect(try world.sent(on: "fm1-10g1") == [header + inner.bytes.reversed()])
  }

  // MARK: What cannot go on

  @Test func `before its owner has put the queue into service, frames are dropped and counted`()
    throws
  {
    let world = try ChainWorld(
      frames: ["fm1-10g0": [ChainWorld.frame()]], devices: [.sec: MirrorDevice()])
    world.run()
    #expect(world.dropped(.queueRefused) == 1)
    #expect(try world.sent(on: "fm1-10g1") == [])
    #expect(world.freeBuffers == 128)
  }

  @Test func `an error of SEC is no frame for a port: it is dropped and counted`() throws {
    // Backwards it begins with no 4, which is no IPv4; a pool that is not the owner's has no buffer.
    for (last, pool, reason) in [
      (0x99 as UInt8, 2 as UInt64, DropReason.lengthError), (0x45, 1, .acceleratorError),
    ] {
      let world = try Self.mirrored([ChainWorld.frame(last: last)], pool: pool)
      world.run()
      #expect(world.dropped(reason) == 1)
      #expect(world.allDropped == 1)
      #expect(try world.sent(on: "fm1-10g1") == [])
      #expect(world.freeBuffers == 128)
      #expect(RunReport(world.engine, witness: RunWitness()).discrepancies == [])
    }
  }

  @Test func `an error of SEC comes into the error queue with its status, where there is one`()
    throws
  {
    let frame = ChainWorld.frame()
    let world = try Self.mirrored(
      [frame], plan: ChainWorld.plan(roles: "{error: 1}"), pool: 1)
    world.run()
    let received = world.gateway.take()
    #expect(received.map(\.bytes) == [ChainWorld.packet(frame)])
    #expect(received.map(\.descriptor.command) == [MirrorDevice().status(of: .noBuffer)])
    #expect(world.allDropped == 0)
    world.run()
    #expect(world.freeBuffers == 128)
  }

  @Test func `a queue that retires in the midst of a chain ends it, and nothing is lost`() throws {
    for isRequest in [true, false] {
      let frames = (0..<40).map { ChainWorld.frame(number: UInt8($0)) }
      let world = try Self.mirrored(frames)
      let pair = try world.chain("out").pair
      world.engine.control.setInput(true)
      world.engine.round()
      _ = world.gateway.session.portals[0].takeOutOfService(
        isRequest ? pair.request : pair.response)
      world.run()
      let sent = try world.sent(on: "fm1-10g1").count
      #expect(sent < 40)
      // What was in the queue stays there, for its owner to take out.
      let left = world.engine.usedQueues().reduce(0) { $0 + Int($1.count) }
      #expect(sent + Int(world.dropped(.queueRefused)) + left == 40)
      #expect(Int(world.freeBuffers) + left == 128)
    }
  }

  @Test func `what the queue to the port refuses is dropped and counted`() throws {
    let world = try Self.mirrored((0..<40).map { ChainWorld.frame(number: UInt8($0)) })
    for path in world.gateway.session.grant.paths {
      let isOut = world.gateway.session.portals[0].takeOutOfService(path.transmit)
      #expect(isOut)
    }
    world.run()
    #expect(world.dropped(.queueRefused) == 40)
    #expect(world.allDropped == 40)
    #expect(try world.sent(on: "fm1-10g1") == [])
    #expect(world.freeBuffers == 128)
  }

  @Test
  func `who dies in the midst of a chain takes its frames along, and what SEC answered leaves`()
    throws
  {
    let frames = (0..<100).map { ChainWorld.frame(number: UInt8($0)) }
    let world = try Self.mirrored(frames)
    world.engine.control.setInput(true)
    for _ in 0..<2 { world.engine.round() }
    world.engine.control.markGone(owner: 1)
    world.run()
    let sent = try world.sent(on: "fm1-10g1").count
    #expect(sent > 0)
    #expect(UInt64(sent) + world.dropped(.ownerGone) == 100)
    #expect(world.allDropped == world.dropped(.ownerGone))
    #expect(world.freeBuffers == 128)
    #expect(
      RunReport(world.engine, witness: RunWitness(endings: [1: "was killed"])).discrepancies == [])
  }

  @Test func `with few buffers a port waits, and what SEC has none for is dropped and counted`()
    throws
  {
    let frames = (0..<200).map { ChainWorld.frame(number: UInt8($0)) }
    let world = try Self.mirrored(frames, plan: ChainWorld.plan(buffers: 40))
    world.run()
    let sent = try world.sent(on: "fm1-10g1").count
    #expect(UInt64(sent) + world.dropped(.acceleratorError) == 200)
    #expect(sent > 40)
    #expect(world.freeBuffers == 40)
  }

  @Test func `a chain's owner may put frames of its own into its queues`() throws {
    let frame = ChainWorld.frame()
    let world = try Self.mirrored([])
    let pair = try world.chain("out").pair
    // Into the accelerator, and right before the port.
    #expect(world.gateway.send(ChainWorld.packet(frame), to: pair.request))
    #expect(world.gateway.send(ChainWorld.packet(frame), to: pair.response))
    world.run()
    let sent = try world.sent(on: "fm1-10g1").map { Array($0.dropFirst(14)) }
    // SEC has answered while the guest waits for the buffer of its second frame.
    #expect(sent == [ChainWorld.packet(frame).reversed(), ChainWorld.packet(frame)])
    #expect(world.freeBuffers == 128)
  }
}
