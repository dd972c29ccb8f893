import Glibc
import Partitioning
import QorIQ
import Testing

@testable import DPAARuntime

/// Configurations that no planner made.
@Suite struct ConfigurationTests {
  /// A change that makes the talk's configuration contradict itself.
  struct Fault: Sendable, CustomTestStringConvertible {
    let what: String
    let change: @Sendable (inout RuntimeConfiguration) -> Void
    var testDescription: String { what }
    init(_ what: String, _ change: @escaping @Sendable (inout RuntimeConfiguration) -> Void) {
      self.what = what
      self.change = change
    }
  }

  private static func move(
    _ configuration: inout RuntimeConfiguration,
    _ change: (inout SharedInterface.OfflineHop) -> Void
  ) {
    guard case .offlineHop(var hop) = configuration.interfaces[0].delivery else { return }
    change(&hop)
    configuration.interfaces[0].delivery = .offlineHop(hop)
  }

  /// Gives guest1 a chain through SEC to the wire, which is right but for one change.
  private static func chain(
    _ configuration: inout RuntimeConfiguration, _ change: (inout DeviceChain) -> Void
  ) {
    var chain = DeviceChain(
      name: "out", kind: .sec, channel: 0x840, request: 110, response: 111,
      exit: .init(
        interface: Talk.wire, transmit: 101,
        header: EthernetHeader(destination: 1, source: 2, type: 0x800), fman: 0,
        port: OfflinePort(port: 6, channel: 0x80e)))
    change(&chain)
    configuration.queueing[1] = .init(
      accelerators: [
        AcceleratorUse(
          kind: .sec, mode: .poll, channel: 0x840, requests: [], responses: [], liodns: [])
      ], chains: [chain])
    configuration.interfaces[0].rules[1] = FlowRule(
      conditions: configuration.interfaces[0].rules[1].conditions, owner: 1,
      receive: QueueRange(first: 110, count: 1), spread: nil, storageProfile: 1, chain: "out")
  }

  @Test func `a chain by hand that is right is taken`() throws {
    var configuration = Talk.configuration()
    Self.chain(&configuration) { _ in }
    try configuration.check()
  }

  static let faults: [Fault] = [
    Fault("queues 210 are not guest1's") { chain(&$0) { $0.response = 210 } },
    Fault("a rule leads wrongly into the chain out") { chain(&$0) { $0.request = 112 } },
    Fault("a rule leads wrongly into the chain out") { chain(&$0) { $0.name = "in" } },
    Fault("channel 0x809 is served twice") {
      chain(&$0) { $0.exit?.port = OfflinePort(port: 2, channel: 0x809) }
    },
    Fault("guest1's chain out ends at fm1-10g0, to which it has no way") {
      chain(&$0) { $0.exit?.transmit = 112 }
    },
    Fault("guest1's chain out goes through pme, which it does not use") {
      chain(&$0) { $0.kind = .pme }
    },
    Fault("queues 128-191 are not host's") { $0.interfaces[0].rules[1].owner = 0 },
    Fault("there is no owner 3") { $0.interfaces[0].rules[1].owner = 3 },
    Fault("there is no owner -1") { $0.interfaces[0].rules[1].owner = -1 },
    Fault("queues 1048576 are not guest2's") {
      $0.interfaces[0].rules[3].receive = QueueRange(first: 1_048_576, count: 1)
    },
    Fault("an interface's last rule takes everything else") {
      $0.interfaces[0].rules.removeLast()
    },
    Fault("there is no owner 9") { move(&$0) { $0.receivingOwner = 9 } },
    Fault("queues 101 are not host's") { move(&$0) { $0.queue = 101 } },
    Fault("channel 0x809 is served twice") {
      move(&$0) { $0.port = OfflinePort(port: 2, channel: 0x809) }
    },
    Fault("channel 0x800 is served twice") { $0.interfaces.append($0.interfaces[0]) },
    Fault("queues 5 are not guest1's") { $0.links[0].from = 1 },
    Fault("queues 3 are not guest1's") { $0.links[0].receive = 3 },
    Fault("there is no owner 4") { $0.links[0].to = 4 },
    Fault("there is no owner 5") { $0.links[0].from = 5 },
    Fault("channel 0x80a is served twice") { $0.links[0].port = $0.links[1].port },
    Fault("guest2 and guest1 both own queues of 200-400") {
      $0.owners[2].queues = [QueueRange(first: 200, count: 201)]
    },
    Fault("channel 0x4 is served twice") { $0.owners[2].portals = [4] },
    Fault("guest2 has no portal of channel 0x4") { $0.owners[2].paths[0].channels = [4] },
    Fault("queues 101 are not guest2's") { $0.owners[2].paths[0].transmit = 101 },
    Fault("pool 2 has two owners") { $0.owners[2].pools[0].bpid = 2 },
    Fault("pool 3 cannot lie where it is to lie") { $0.owners[2].pools[0].bufferStride = 2047 },
    Fault("pool 3 cannot lie where it is to lie") { $0.owners[2].pools[0].bufferCount = 0 },
    Fault("pool 3 cannot lie where it is to lie") { $0.owners[2].pools[0].base = .max - 5 },
    Fault("guest1 has a ring of 12 entries") { $0.owners[1].rings.enqueue = 12 },
    Fault("guest1 has a ring of 128 entries") { $0.owners[1].rings.dequeue = 128 },
    Fault("guest1 has a ring of 0 entries") { $0.owners[1].rings.dequeue = 0 },
    Fault("65 owners, of which at most 64 can run") {
      $0.owners = Array(repeating: $0.owners[0], count: 65)
    },
    Fault("guest1 has a path to no link: guest2") { $0.links.remove(at: 2) },
    Fault("host has a path to no interface: fm2-10g0") { $0.owners[0].paths[0].name = "fm2-10g0" },
  ]

  @Test(arguments: faults)
  func `a configuration that contradicts itself is refused`(fault: Fault) throws {
    var configuration = Talk.configuration(isP4080: true)
    _ = try Engine(configuration)
    fault.change(&configuration)
    #expect(throws: EngineError.badConfiguration(fault.what)) { _ = try Engine(configuration) }
  }

  @Test func `a source without a way to where it sends cannot attach`() throws {
    let engine = try Engine(
      Talk.configuration(
        programs: [.sink, .source(.init(path: "guest3", frames: 1, size: 60)), .sink]))
    #expect(
      throws: EngineError.badConfiguration("guest1 sends to guest3, to which it has no way")
    ) { _ = try engine.attach(owner: 1) }
  }

  @Test(arguments: [0, 1])
  func `a capture that cannot be read is refused, whichever interface plays it`(
    place: Int
  ) throws {
    var configuration = Talk.configuration()
    var second = configuration.interfaces[0]
    second.name = "fm1-10g1"
    second.transmitChannel = 0x801
    configuration.interfaces.append(second)
    let name = configuration.interfaces[place].name
    #expect(throws: EngineError.file("/none.pcap", ENOENT)) {
      _ = try Engine(configuration, options: EngineOptions(replays: [name: "/none.pcap"]))
    }
    #expect(
      throws: EngineError.badCapture(path: "/dev/null", offset: 0, problem: "not a regular file")
    ) { _ = try Engine(configuration, options: EngineOptions(replays: [name: "/dev/null"])) }
  }
}
