import DPAAPortal
import Foundation
import Partitioning
import Patterns
import QorIQ
import Security
import TestSupport
import Testing

@testable import DPAARuntime

/// Chains through SEC itself, judged by scapy.
@Suite(
  .enabled(
    if: SecurityLibrary.allCases.allSatisfy { $0.problem == nil },
    "needs package libipsec-mb-dev"), .timeLimit(.minutes(5)))
struct ChainSecurityTests {
  typealias Tunnel = SecurityDeviceTests.Tunnel
  private static let tunnels = [SecurityDeviceTests.tunnels[0], SecurityDeviceTests.tunnels[4]]
  private static let hasScapy = SecurityDeviceTests.python.isPresent

  private static func descriptors(_ tunnel: Tunnel) -> (
    into: SharedDescriptor, out: SharedDescriptor
  ) {
    (
      SharedDescriptor(
        encapsulating: tunnel.transform, spi: GatewayRig.spi,
        outerHeader: SecurityDeviceTests.outerHeader, outputPool: 2),
      SharedDescriptor(decapsulating: tunnel.transform, outputPool: 2)
    )
  }

  /// Runs a world in which both directions of a tunnel are open; what the interfaces have sent.
  private static func run(_ world: ChainWorld, _ tunnel: Tunnel) throws -> (
    near: [[UInt8]], far: [[UInt8]]
  ) {
    let descriptors = descriptors(tunnel)
    let pairs = try (into: world.chain("out").pair, out: world.chain("in").pair)
    guard
      let sealing = world.gateway.session.portals[0].open(pairs.into, descriptors.into, from: 2),
      let opening = world.gateway.session.portals[0].open(pairs.out, descriptors.out, from: 2)
    else {
      Issue.record("the queues are not taken")
      return ([], [])
    }
    world.run()
    if world.gateway.session.portals[0].close(sealing) != nil { Issue.record("it is not closed") }
    if world.gateway.session.portals[0].close(opening) != nil { Issue.record("it is not closed") }
    world.run()
    #expect(world.freeBuffers == 256)
    return (try world.sent(on: "fm1-10g0"), try world.sent(on: "fm1-10g1"))
  }

  private static func devices() throws -> [AcceleratorKind: AcceleratorDevice] {
    [.sec: try #require(SecurityDevice(SecurityChoice()))]
  }

  @Test(.enabled(if: hasScapy, "needs package python3-scapy"), arguments: tunnels)
  func `from port to port packets go into a tunnel and come out of it, and no portal sees them`(
    tunnel: Tunnel
  ) throws {
    let sizes = Array(0..<60) + [500, 1000, 1400]
    let packets = sizes.map { ChainWorld.packet(ChainWorld.frame(size: $0)) }
    let numbers = packets.indices.map { UInt64($0) + 1 }
    let sealed = try SecurityDeviceTests.judge("seal", tunnel, numbers: numbers, packets)
    // SEC waits for no buffer: there are enough for all frames and all answers.
    let world = try ChainWorld(
      ChainWorld.plan(buffers: 256),
      frames: [
        "fm1-10g0": sizes.map { ChainWorld.frame(size: $0) },
        "fm1-10g1": sealed.map { Frame.ethernet(.raw(0x0800, $0)) },
      ], devices: try Self.devices())
    let (near, far) = try Self.run(world, tunnel)
    let headers = ChainWorld.headers
    #expect(near.map { Array($0.prefix(14)) } == near.map { _ in headers["fm1-10g0"] })
    #expect(near.count == packets.count)
    for (sent, packet) in zip(near, packets) { #expect(Array(sent.dropFirst(14)) == packet) }
    #expect(far.map { Array($0.prefix(14)) } == far.map { _ in headers["fm1-10g1"] })
    #expect(
      try SecurityDeviceTests.judge(
        "open", tunnel, numbers: numbers, far.map { Array($0.dropFirst(14)) }) == packets)
    #expect(world.portalFrames == 0)
    #expect(world.allDropped == 0)
    #expect(world.counters.value(.done, 0, 1) == UInt64(2 * sizes.count))
  }

  @Test(arguments: tunnels)
  func `what is not authentic, or was there before, does not come out at the other port`(
    tunnel: Tunnel
  ) throws {
    // What one world seals is for another to open, with a packet that was changed and one that comes twice.
    let plan = ChainWorld.plan(buffers: 256)
    let first = try ChainWorld(
      plan,
      frames: ["fm1-10g0": (0..<5).map { ChainWorld.frame(number: UInt8($0)) }],
      devices: try Self.devices())
    var frames = try Self.run(first, tunnel).far
    #expect(frames.count == 5)
    guard frames.count == 5 else { return }
    frames[1][60] ^= 1
    frames[3] = frames[2]
    let second = try ChainWorld(plan, frames: ["fm1-10g1": frames], devices: try Self.devices())
    #expect(
      try Self.run(second, tunnel).near.map { Array($0.dropFirst(14)) }
        == [0, 2, 4].map { ChainWorld.packet(ChainWorld.frame(number: $0)) })
    #expect(second.dropped(.acceleratorError) == 2)
    #expect(second.counters.failed(.authentication, 0, 1) == 1)
    #expect(second.counters.failed(.replay, 0, 1) == 1)
    #expect(second.portalFrames == 0)
  }
}

/// Chains through PME, judged by Python's `re`.
@Suite(
  .enabled(if: (try? PatternLibrary()) != nil, "needs package libhyperscan-dev"),
  .timeLimit(.minutes(5)))
struct ChainPatternTests {
  private static let judge = Tool("/usr/bin/python3", package: "python3-scapy")

  private static func plan(_ chain: String = "{ by: pme, scan: worms }") -> String {
    let worms = "{ set: 9, find: [ {regex: 'GET /(admin|etc)/'}, {text: cmd.exe} ] }"
    return ChainWorld.patternPlan(
      pme: "{ patterns: { web: { set: 4, find: [ {text: never} ] }, worms: \(worms) } }",
      chain: chain)
  }

  /// Frames of which some have what is looked for.
  private static func frames(_ count: Int) -> [[UInt8]] {
    var random = SeededGenerator(seed: 7)
    let words = ["GET /admin/", "GET /etc/", "GET /adm", "cmd.ex", "cmd.exe", "never", "/etc/"]
    return (0..<count).map { number in
      var data = [UInt8(truncatingIfNeeded: number)]
      for _ in 0..<Int.random(in: 0..<4, using: &random) {
        data += (0..<Int.random(in: 0..<200, using: &random)).map { _ in
          UInt8.random(in: 97...122, using: &random)
        }
        data += Array((words.randomElement(using: &random) ?? "").utf8)
      }
      return Frame.ethernet(.ipv4(to: ChainWorld.far, .udp(to: 7, data)))
    }
  }

  @Test(.enabled(if: judge.isPresent, "needs package python3-scapy"))
  func `frames go from a port through PME to their guest, which enqueues nothing`() throws {
    let frames = Self.frames(300)
    let program = """
      import re, sys
      for line in sys.stdin:
          print(int(bool(re.search(rb'GET /(admin|etc)/|cmd\\.exe', bytes.fromhex(line)))))
      """
    let lines = frames.map { SecurityDeviceTests.Tunnel.hex($0) + "\n" }.joined()
    let found = try Self.judge.run(["-c", program], input: Array(lines.utf8)).text
      .split(separator: "\n").map { $0 == "1" }
    #expect(found.contains(true) && found.contains(false))

    let world = try ChainWorld(Self.plan(), frames: ["fm1-10g0": frames])
    try world.start("look", contextA: PatternQueue.direct)
    world.engine.control.setInput(true)
    var received: [Guest.Received] = []
    for _ in 0..<400 {
      world.engine.round()
      received += world.gateway.take()
      world.clock.advance(milliseconds: 1)
    }
    #expect(received.map(\.bytes) == frames)
    let status = received.map { PatternStatus(word: $0.descriptor.command) }
    #expect(status.allSatisfy { $0.code == .ok })
    #expect(status.map(\.isTruncated) == found)
    #expect(world.counters.value(.taken, 1) == 0)
    #expect(world.allDropped == 0)
    world.run()
    #expect(world.freeBuffers == 128)
  }

  @Test func `a chain's answers come to the guest as those of any pair do`() throws {
    let world = try ChainWorld(Self.plan(), frames: ["fm1-10g0": Self.frames(1)])
    try world.start("look", contextA: PatternQueue.direct)
    world.run()
    let buffer = try need(world.gateway.session.portals[0].dequeue())
    #expect(buffer.origin == .answered)
    // Behind the one pair that there is.
    #expect(buffer.context & 0xffff == 1)
    #expect(buffer.queue == (try world.chain("look").pair.response))
    world.gateway.release(buffer)
  }
}
