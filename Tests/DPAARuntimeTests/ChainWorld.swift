import DPAAPortal
import Diagnostics
import Foundation
import Glibc
import Lowering
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

/// An engine that runs a plan with two interfaces, each with a capture to play and one to write, on the test's
/// own thread; guests are the test's own hands.
final class ChainWorld {
  let engine: Engine
  let clock = VirtualClock()
  let guests: [Guest]
  private let directory: TemporaryDirectory

  /// Where the gateway's networks are: 10.1.0.0/16 on fm1-10g0, and 10.2.0.0/16 behind its tunnel on fm1-10g1.
  static let near: UInt32 = 0x0a01_0001
  static let far: UInt32 = 0x0a02_0001
  /// The tunnel's ends.
  static let outside: UInt32 = 0xc633_6401

  /// The header that `chains` says for what leaves on each interface.
  static let headers: [String: [UInt8]] = [
    "fm1-10g0": [2, 0, 0, 0, 0, 0x11, 2, 0, 0, 0, 0, 0x12, 8, 0],
    "fm1-10g1": [2, 0, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0x22, 8, 0],
  ]

  /// A plan in which a gateway has SEC between two interfaces, in both directions.
  ///
  /// - Parameters:
  ///   - board: The board.
  ///   - roles: The gateway's roles.
  ///   - buffers: How many buffers it has.
  ///   - more: Further keys of the gateway.
  /// - Returns: The plan's text.
  static func plan(
    board: String = "t4240qds", roles: String = "{}", buffers: Int = 128, more: String = ""
  ) -> String {
    """
    board: \(board)
    partitions:
      host: { cpus: 0-1, memory: 1 GiB, portals: 1, queues: 1-99, pools: [ {id: 1, buffers: 128, size: 2 KiB} ] }
      gateway:
        cpus: 2-3
        memory: 512 MiB
        portals: 2
        queues: 100-299
        pools: [ {id: 2, buffers: \(buffers), size: 2 KiB} ]
        roles: \(roles)
        accelerators: { sec: {} }
        chains:
          out: { by: sec, answers: fm1-10g1, ethernet: {dst: "02:00:00:00:00:21", src: "02:00:00:00:00:22"} }
          in: { by: sec, answers: fm1-10g0, ethernet: {dst: "02:00:00:00:00:11", src: "02:00:00:00:00:12"} }
    \(more)
    interfaces:
      fm1-10g0:
        rules: [ { when: {ipv4.dst: 10.2.0.0/16}, to: gateway, through: out } ]
        otherwise: host
      fm1-10g1:
        rules:
          - { when: {ipv4.dst: 198.51.100.1, ip.proto: 50}, to: gateway, through: in }
          - { when: {ipv4.dst: 198.51.100.1}, to: gateway }
        otherwise: host

    """
  }

  /// A plan whose gateway has PME look through what one interface brings it.
  ///
  /// - Parameters:
  ///   - pme: Its use of PME.
  ///   - chain: Its chain `look`.
  ///   - more: What else it is told.
  ///   - otherwise: Whose all other frames are.
  ///   - interfaces: Further interfaces.
  /// - Returns: The plan's text.
  static func patternPlan(
    pme: String, chain: String, more: String = "", otherwise: String = "host",
    interfaces: String = ""
  ) -> String {
    """
    board: t4240qds
    partitions:
      host: { cpus: 0-1, memory: 1 GiB, portals: 1, queues: 1-99, pools: [ {id: 1, buffers: 128, size: 2 KiB} ] }
      gateway:
        cpus: 2-3
        memory: 512 MiB
        portals: 1
        queues: 100-299
        pools: [ {id: 2, buffers: 128, size: 2 KiB} ]
        accelerators: { pme: \(pme) }
        chains: { look: \(chain) }
    \(more)
    interfaces:
      fm1-10g0:
        rules: [ { when: {ipv4.dst: 10.2.0.0/16}, to: gateway, through: look } ]
        otherwise: \(otherwise)
    \(interfaces)

    """
  }

  /// The configuration of a plan.
  static func configuration(_ plan: String) throws -> RuntimeConfiguration {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = try directory.write("plan.yaml", Data(plan.utf8))
    let result = PlanLoader.load(path)
    let partition = try #require(
      result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
    return RuntimeConfiguration(partition)
  }

  init(
    _ plan: String = plan(), frames: [String: [[UInt8]]] = [:],
    devices: [AcceleratorKind: AcceleratorDevice] = [:], interrupts: Bool = false
  ) throws {
    let directory = try TemporaryDirectory()
    self.directory = directory
    let configuration = try Self.configuration(plan)
    var options = EngineOptions()
    for interface in configuration.interfaces.map(\.name) {
      let records = (frames[interface] ?? []).map { (bytes: $0, wire: $0.count) }
      let path = try directory.write("\(interface)-in.pcap", Data(Frame.capture(records)))
      options.replays[interface] = path
      options.outputs[interface] = open(
        "\(directory.path)/\(interface).pcap", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    }
    options.devices = devices
    engine = try Engine(
      configuration, options: options, interrupts: interrupts, clock: { [clock] in clock.now })
    guests = try configuration.owners.indices.map { [engine] in
      try Guest(engine, owner: $0, isInline: true)
    }
  }

  deinit { directory.remove() }

  /// The gateway.
  var gateway: Guest { guests[1] }
  var counters: Counters { engine.counters }

  /// Runs rounds until nothing has moved for some, a hundred at most unless told otherwise.
  func run(_ rounds: Int = 10_000) {
    engine.control.setInput(true)
    var idle = 0
    for _ in 0..<rounds where idle < 20 {
      idle = engine.round() ? 0 : idle + 1
      clock.advance(milliseconds: 1)
    }
  }

  /// What an interface has sent; the engine has ended then.
  func sent(on interface: String) throws -> [[UInt8]] {
    engine.join()
    return try Simulation.frames(ofFile: "\(directory.path)/\(interface).pcap")
  }

  /// How many frames of the gateway's were dropped for a reason.
  func dropped(_ reason: DropReason) -> UInt64 { counters.dropped(reason, 1) }

  /// All drops of the gateway's.
  var allDropped: UInt64 { DropReason.allCases.reduce(0) { $0 + dropped($1) } }

  /// Frames that went over the gateway's portals, either way.
  var portalFrames: UInt64 { counters.value(.delivered, 1) + counters.value(.taken, 1) }

  /// The free buffers of the gateway's pool.
  var freeBuffers: UInt32 { engine.poolStates()[1].free }

  /// A chain of the gateway's.
  func chain(_ name: String) throws -> GuestGrant.Chain {
    try #require(gateway.session.grant.chains.first { $0.name == name })
  }

  /// Puts a chain's queue for requests into service by the first portal.
  func start(_ name: String, contextA: UInt64) throws {
    let pair = try chain(name).pair
    #expect(
      gateway.session.portals[0].initialize(
        pair.request, channel: pair.channel, contextA: contextA,
        contextB: pair.response.rawValue) == CommandResult.ok)
  }

  /// A frame that leads into a chain, to an address behind the tunnel; its last byte says so.
  static func frame(
    to address: UInt32 = far, size: Int = 100, last: UInt8 = 0x45, number: UInt8 = 0
  ) -> [UInt8] {
    let data = [number] + [UInt8](repeating: 0xda, count: max(0, size - 2)) + [last]
    return Frame.ethernet(.ipv4(to: address, from: near, .udp(to: 7, data)))
  }

  /// The IP packet in a frame.
  static func packet(_ frame: [UInt8]) -> [UInt8] {
    Array(frame[14..<14 + (Int(frame[16]) << 8 | Int(frame[17]))])
  }
}
