import DPAAPortal
import Partitioning
import Patterns
import QorIQ
import Security
import TestSupport
import Testing

@testable import DPAARuntime

/// Built-in programs that put chains into service.
@Suite(.timeLimit(.minutes(5))) struct ChainProgramTests {
  /// Lets the gateway have a step in each round.
  private static func run(_ world: ChainWorld, rounds: Int = 600) {
    // Its queues are open when the first frame comes.
    _ = world.gateway.step()
    world.engine.control.setInput(true)
    for _ in 0..<rounds {
      world.engine.round()
      _ = world.gateway.step()
      world.clock.advance(milliseconds: 1)
    }
  }

  /// Ends the gateway; all of its buffers are in their pool then.
  private static func end(_ world: ChainWorld, buffers: UInt32) {
    world.gateway.end()
    world.run()
    #expect(world.freeBuffers == buffers)
    #expect(RunReport(world.engine, witness: RunWitness()).discrepancies == [])
  }

  // MARK: SEC

  /// A gateway whose tunnel's two directions are chains; answers of `in` go where it says.
  private static func gateway(answers: String = ", answers: fm1-10g0") -> String {
    let key = "000102030405060708090a0b0c0d0e0f10111213"
    let program = """
          program:
            ipsec:
              ways: [ {over: fm1-10g0, addresses: [10.1.0.254/16]}, {over: fm1-10g1, addresses: [198.51.100.1/24]} ]
              cipher: fm1-10g1
              tunnels:
                - peer: 198.51.100.2
                  networks: [10.2.0.0/16]
                  transform: aes-gcm
                  out: {spi: 0x12345678, key: \(key), through: out}
                  in: {spi: 0x12345678, key: \(key), through: in}
      """
    let plan = ChainWorld.plan(buffers: 256, more: program)
      .replacing("{ sec: {} }", with: "{ sec: {pairs: 2} }")
      .replacing("otherwise: host", with: "otherwise: gateway")
    guard answers.isEmpty else { return plan }
    return plan.replacing(
      ", answers: fm1-10g0, ethernet: {dst: \"02:00:00:00:00:11\", src: \"02:00:00:00:00:12\"}",
      with: "")
  }

  private static let hasLibrary =
    SecurityLibrary.allCases.allSatisfy { $0.problem == nil }
    && SecurityDeviceTests.python.isPresent

  private static func world(
    _ plan: String = gateway(), near: [[UInt8]] = [], far: [[UInt8]] = []
  ) throws -> ChainWorld {
    try ChainWorld(
      plan, frames: ["fm1-10g0": near, "fm1-10g1": far],
      devices: [.sec: try #require(SecurityDevice(SecurityChoice()))])
  }

  /// Frames with packets that scapy has put into the tunnel to the gateway.
  private static func sealed(_ packets: [[UInt8]]) throws -> [[UInt8]] {
    let tunnel = SecurityDeviceTests.Tunnel(
      transform: .gcm(key: [UInt8](0..<16), salt: 0x1011_1213))
    let numbers = packets.indices.map { UInt64($0) + 1 }
    return try SecurityDeviceTests.judge("seal", tunnel, numbers: numbers, packets)
      .map { Frame.ethernet(.raw(0x0800, $0)) }
  }

  @Test(.enabled(if: hasLibrary, "needs package libipsec-mb-dev"))
  func `a gateway's chains take packets into the tunnel and out of it, and it sees none`() throws {
    let packets = (0..<30).map { ChainWorld.packet(ChainWorld.frame(number: $0)) }
    let world = try Self.world(
      near: packets.map { Frame.ethernet(.raw(0x0800, $0)) }, far: try Self.sealed(packets))
    Self.run(world)
    #expect(world.portalFrames == 0)
    #expect(world.allDropped == 0)
    #expect(world.counters.value(.done, 0, 1) == 60)
    Self.end(world, buffers: 256)
    #expect(try world.sent(on: "fm1-10g0").map { Array($0.dropFirst(14)) } == packets)
    #expect(
      try world.sent(on: "fm1-10g1").map { Array($0[34..<42]) }
        == (1...30).map { [0x12, 0x34, 0x56, 0x78, 0, 0, 0, $0] })
  }

  @Test(.enabled(if: hasLibrary, "needs package libipsec-mb-dev"))
  func `a chain and the gateway's own queue number packets as one tunnel's`() throws {
    let packet = ChainWorld.packet(ChainWorld.frame())
    let world = try Self.world(near: (0..<5).map { ChainWorld.frame(number: $0) })
    _ = world.gateway.step()
    let pair = try #require(world.gateway.session.grant.accelerators.first)
    for _ in 0..<3 { #expect(world.gateway.send(packet, to: pair.request)) }
    for _ in 0..<20 { world.engine.round() }
    Self.run(world)
    #expect(
      try world.sent(on: "fm1-10g1").compactMap { $0[12] == 8 && $0[13] == 0 ? $0[41] : nil }
        == [4, 5, 6, 7, 8])
    // What waits for a neighbour's answer is given up.
    world.gateway.stop()
    world.gateway.end()
    world.run()
  }

  @Test(.enabled(if: hasLibrary, "needs package libipsec-mb-dev"))
  func `without an interface for answers the gateway looks at what comes out of the tunnel`() throws
  {
    // From what is behind the tunnel to a station, and one that comes from elsewhere.
    func packet(from source: UInt32, _ number: UInt8) -> [UInt8] {
      ChainWorld.packet(
        Frame.ethernet(
          .ipv4(
            to: ChainWorld.near, from: source,
            .udp(to: 7, [number] + [UInt8](repeating: 1, count: 40)))))
    }
    let good = (0..<4).map { packet(from: ChainWorld.far, $0) }
    let packets = good + [packet(from: 0x0a09_0001, 9)]
    let world = try Self.world(
      Self.gateway(answers: ""),
      near: [Frame.ethernet(to: 0xffff_ffff_ffff, .arp(for: 0x0a01_00fe, from: ChainWorld.near))],
      far: try Self.sealed(packets))
    Self.run(world)
    let sent = try world.sent(on: "fm1-10g0").filter { $0[12] == 8 && $0[13] == 0 }
    #expect(sent.map { $0.suffix(41).first } == [0, 1, 2, 3])
    #expect(world.counters.value(.done, 0, 1) == 5)
    Self.end(world, buffers: 256)
  }

  // MARK: PME

  private static let filter = ChainWorld.patternPlan(
    pme: "{ pairs: 2, patterns: { worms: {find: [ {text: worm} ]}, "
      + "noise: {find: [ {text: buzz} ]} } }",
    chain: "{ by: pme, scan: worms }",
    more: """
          program:
            scan: { between: [fm1-10g0, fm1-10g1], groups: [ {group: worms}, {group: noise, then: count} ] }
      """,
    otherwise: "gateway", interfaces: "  fm1-10g1: { otherwise: gateway }")

  @Test(.enabled(if: (try? PatternLibrary()) != nil, "needs package libhyperscan-dev"))
  func `a filter takes what its chain has looked through, and looks for its other groups itself`()
    throws
  {
    let words = ["good", "worm", "buzz", "a worm and a buzz", "nothing"]
    let frames = (0..<50).map { number in
      Frame.ethernet(
        .ipv4(
          to: number % 10 < 5 ? ChainWorld.far : 0x0a03_0001,
          .udp(to: 7, Array("\(number) \(words[number % 5])".utf8))))
    }
    let world = try ChainWorld(Self.filter, frames: ["fm1-10g0": frames])
    Self.run(world)
    let status = world.engine.memory[1].status.memory
    func count(_ counter: GuestStatus.Counter) -> UInt64 { status.counter(counter.offset) }
    #expect(count(.matched) == 20)
    #expect(count(.noted) == 10)
    #expect(count(.forwarded) == 30)
    #expect(status.counter(GuestStatus.received(path: 0)) == 50)
    // One request each for what came by the chain and passed, two for what did not, and one for what stayed.
    #expect(world.counters.value(.done, 1, 1) == 25 + 15 + 25 + 15)
    Self.end(world, buffers: 128)
    let passed = frames.enumerated().filter { ![1, 3].contains($0.offset % 5) }.map(\.element)
    #expect(try Set(world.sent(on: "fm1-10g1")) == Set(passed))
  }
}
