import DPAARuntime
import Foundation
import Glibc
import Partitioning
import QorIQ
import Synchronization
import TestSupport

@testable import DPAAPortal
@testable import DPAARuntime

/// The table of the talk, small: a host and two guests that share one network interface.
enum Talk {
  static let host: UInt32 = 0xc0a8_0101
  static let guest1: UInt32 = 0xc0a8_010b
  static let guest2: UInt32 = 0xc0a8_0205
  static let stranger: UInt32 = 0x0808_0808
  /// The queues that each owner receives from the wire in, by owner.
  static let receive = [
    QueueRange(first: 16, count: 1), QueueRange(first: 128, count: 64),
    QueueRange(first: 208, count: 8),
  ]
  static let wire = "fm1-10g0"

  /// The configuration.
  ///
  /// - Parameters:
  ///   - isP4080: FMan v2: the port receives into the host's pool, a hop copies for the guests.
  ///   - programs: What runs in the host, guest1 and guest2.
  ///   - rings: Everybody's rings.
  ///   - buffers: How many buffers each of the three pools has.
  /// - Returns: What the planner would make of it, by hand.
  static func configuration(
    isP4080: Bool = false, programs: [GuestProgram] = [.reflect, .reflect, .reflect],
    rings: RingSizes = .hardware, buffers: [UInt32] = [64, 64, 64]
  ) -> RuntimeConfiguration {
    let parts: [(name: String, memory: UInt64, portals: [PortalIndex], queues: QueueRange)] = [
      ("host", 0, [0], QueueRange(first: 1, count: 100)),
      ("guest1", 0x8000_0000, [4, 5], QueueRange(first: 101, count: 100)),
      ("guest2", 0xa000_0000, [6], QueueRange(first: 201, count: 200)),
    ]
    let owners = parts.enumerated().map { index, part in
      Owner(
        name: part.name, isHost: index == 0, cpus: [CPUIndex(UInt16(index))],
        memory: AddressRange(base: part.memory, size: 512 << 20), portals: part.portals,
        rings: rings, liodnOffset: [1, 0x85, 0x143][index], queues: [part.queues],
        pools: [
          PoolAssignment(
            bpid: BPID(UInt8(index + 1)), bufferCount: buffers[index], bufferSize: 2048,
            bufferStride: 2112, base: part.memory + 0x10_0000)
        ], os: .bare, program: programs[index], paths: paths[index])
    }
    let hop = SharedInterface.OfflineHop(
      receivingOwner: 0, queue: 4, fman: 0, port: OfflinePort(port: 6, channel: 0x80d))
    let interface = SharedInterface(
      name: wire, fman: 0, transmitChannel: 0x800, rules: rules,
      delivery: isP4080 ? .offlineHop(hop) : .storageProfiles, replay: nil)
    return RuntimeConfiguration(
      name: "talk", owners: owners, interfaces: [interface], links: links)
  }

  private static let paths: [[OwnerPath]] = [
    [
      OwnerPath(name: wire, isLink: false, receive: receive[0], channels: [0], transmit: 2),
      link("guest1", receive: 3, channel: 0, transmit: 5),
    ],
    [
      OwnerPath(name: wire, isLink: false, receive: receive[1], channels: [4, 5], transmit: 101),
      link("host", receive: 102, channel: 4, transmit: 103),
      link("guest2", receive: 104, channel: 5, transmit: 105),
    ],
    [
      OwnerPath(name: wire, isLink: false, receive: receive[2], channels: [6], transmit: 201),
      link("guest1", receive: 202, channel: 6, transmit: 203),
    ],
  ]

  private static func link(
    _ name: String, receive: FQID, channel: ChannelID, transmit: FQID
  ) -> OwnerPath {
    OwnerPath(
      name: name, isLink: true, receive: QueueRange(first: receive, count: 1),
      channels: [channel], transmit: transmit)
  }

  private static let links: [Link] = [
    Link(from: 0, to: 1, transmit: 5, receive: 102, fman: 0, port: .init(port: 2, channel: 0x809)),
    Link(from: 1, to: 0, transmit: 103, receive: 3, fman: 0, port: .init(port: 3, channel: 0x80a)),
    Link(
      from: 1, to: 2, transmit: 105, receive: 202, fman: 0, port: .init(port: 4, channel: 0x80b)),
    Link(
      from: 2, to: 1, transmit: 203, receive: 104, fman: 0, port: .init(port: 5, channel: 0x80c)),
  ]

  private static let rules: [FlowRule] = [
    rule([.ipv4Destination(IPv4Prefix(address: host, length: 32))], to: 0),
    rule([.ipv4Destination(IPv4Prefix(address: guest1, length: 32))], to: 1, .fiveTuple),
    rule(
      [.ipv6Destination(IPv6Prefix(high: 0xfd00_0001_0000_0000, low: 0x11, length: 128))], to: 1,
      .fiveTuple),
    rule([.ipv4Destination(IPv4Prefix(address: guest2, length: 24))], to: 2, .addressPair),
    rule(
      [.ipv6Destination(IPv6Prefix(high: 0xfd00_0002_0000_0000, low: 0, length: 64))], to: 2,
      .addressPair),
    rule([], to: 0),
  ]

  private static func rule(
    _ conditions: [MatchCondition], to owner: Int, _ spread: FlowRule.Spread? = nil
  ) -> FlowRule {
    FlowRule(
      conditions: conditions, owner: owner, receive: receive[owner], spread: spread,
      storageProfile: owner)
  }

  /// A UDP frame to an address with a number in its data, by which it is known again.
  static func frame(to address: UInt32, number: UInt64, size: Int = 64) -> [UInt8] {
    let data = Frame.big(number) + [UInt8](repeating: 0xda, count: max(0, size - 50))
    return Frame.ethernet(
      .ipv4(to: address, .udp(to: 7, from: UInt16(truncatingIfNeeded: 1024 + number), data)))
  }

  /// The number of such a frame.
  static func number(_ frame: [UInt8]) -> UInt64 {
    frame.dropFirst(42).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}

/// Virtual time.
final class VirtualClock: Sendable {
  private let nanoseconds = Atomic<UInt64>(1_000_000_000)
  var now: UInt64 { nanoseconds.load(ordering: .relaxed) }
  func advance(milliseconds: UInt64) { advance(microseconds: milliseconds * 1000) }
  func advance(microseconds: UInt64) {
    nanoseconds.wrappingAdd(microseconds * 1000, ordering: .relaxed)
  }
}

/// An engine and its guests on the test's own thread, in virtual time.
final class Simulation {
  let engine: Engine
  let clock = VirtualClock()
  let guests: [Guest]
  private let directory: TemporaryDirectory
  private let frameCount: Int
  /// The interface that has captures.
  private let wire: String

  /// Starts everybody; `frames` arrive from the wire as soon as it runs.
  ///
  /// - Parameters:
  ///   - configuration: What to run.
  ///   - frames: What arrives on the first interface.
  ///   - wireLengths: The length on the wire of frames that the capture cut, by place.
  ///   - rate: Frames per second of virtual time; 0 for as fast as they are taken.
  ///   - isInline: Whether the engine runs on the test's thread, not on its own.
  ///   - measuresLatency: Whether it measures how long frames take.
  ///   - lines: What interfaces are connected with; then no frames arrive otherwise.
  ///   - devices: What accelerators are made of.
  /// - Throws: When the engine does not take the configuration.
  init(
    _ configuration: RuntimeConfiguration = Talk.configuration(), frames: [[UInt8]] = [],
    wireLengths: [Int: Int] = [:], rate: UInt64 = 0, isInline: Bool = true,
    measuresLatency: Bool = false, lines: [String: PortAddress] = [:],
    devices: [AcceleratorKind: AcceleratorDevice] = [:]
  ) throws {
    let directory = try TemporaryDirectory()
    self.directory = directory
    frameCount = frames.count
    let wire = configuration.interfaces[0].name
    self.wire = wire
    let records = frames.enumerated().map { (bytes: $1, wire: wireLengths[$0] ?? $1.count) }
    try directory.write("in.pcap", Data(Frame.capture(records)))
    let output = open("\(directory.path)/out.pcap", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    var options = EngineOptions(
      replays: lines.isEmpty ? [wire: "\(directory.path)/in.pcap"] : [:], lines: lines,
      outputs: [wire: output], pace: rate == 0 ? .asTaken : .framesPerSecond(rate),
      measuresLatency: measuresLatency)
    options.devices = devices
    engine = try Engine(configuration, options: options, clock: { [clock] in clock.now })
    var guests: [Guest] = []
    for index in configuration.owners.indices {
      guests.append(try Guest(engine, owner: index, isInline: isInline))
    }
    self.guests = guests
  }

  deinit { directory.remove() }

  /// Runs until nothing has moved for 100 ms of virtual time.
  ///
  /// - Parameters:
  ///   - active: The guests whose programs run; all unless told otherwise.
  ///   - each: Done before each round, with its number.
  func run(active: [Int]? = nil, each: (Int) -> Void = { _ in }) {
    engine.control.setInput(true)
    var idle = 0
    for round in 0..<100_000 {
      each(round)
      var isBusy = engine.round()
      for index in active ?? Array(guests.indices) where guests[index].step() { isBusy = true }
      clock.advance(milliseconds: 1)
      idle = isBusy ? 0 : idle + 1
      if idle > 100 { break }
    }
  }

  /// What the interface transmitted so far.
  func transmitted() throws -> [[UInt8]] {
    engine.join()
    return try Self.frames(ofFile: "\(directory.path)/out.pcap")
  }

  /// What a capture holds.
  static func frames(ofFile path: String) throws -> [[UInt8]] {
    var reader = try CaptureReader(path: path)
    var frames: [[UInt8]] = []
    while let frame = reader.peek() {
      frames.append(Array(frame.bytes))
      reader.advance()
    }
    return frames
  }

  /// The report, with the capture files as witnesses.
  func report(endings: [Int: String] = [:]) throws -> RunReport {
    let written = UInt64(try transmitted().count)
    return RunReport(
      engine,
      witness: RunWitness(
        playedFrames: [wire: UInt64(frameCount)], writtenFrames: [wire: written],
        endings: endings))
  }

  /// How many frames of an owner were dropped for a reason.
  func dropped(_ reason: DropReason, _ owner: Int) -> UInt64 {
    engine.counters.dropped(reason, owner)
  }

  /// The free buffers of each pool.
  var freeBuffers: [UInt32] { engine.poolStates().map(\.free) }
}

/// A guest on the test's thread: its built-in program, or the test's own hands.
final class Guest {
  var session: GuestSession
  private var program: BuiltInProgram
  private let owner: Owner

  init(_ engine: Engine, owner index: Int, isInline: Bool) throws {
    session = try engine.attach(owner: index, isInline: isInline)
    program = try BuiltInProgram(session.grant)
    owner = engine.configuration.owners[index]
  }

  /// Runs the program once; `false` when it had nothing to do.
  func step() -> Bool { program.step(&session) }

  /// Has the program send nothing more of its own accord.
  func stop() { program.stopSending(&session) }

  /// Has the program give up what it opened, as its process does before it ends.
  func end() { program.end(&session) }

  /// Whether something waits on its first portal.
  var hasWork: Bool { session.portals[0].hasWork }

  /// How many frames wait in a queue.
  func frameCount(of queue: FQID) -> UInt32? { session.portals[0].queueFrameCount(of: queue) }

  /// A frame that was received.
  struct Received {
    let bytes: [UInt8]
    let queue: FQID
    let path: Int
    let descriptor: FrameDescriptor
  }

  /// Takes all that waits on every portal and gives the buffers back.
  func take() -> [Received] {
    var frames: [Received] = []
    for portal in 0..<session.portals.count {
      while let buffer = session.portals[portal].dequeue() {
        frames.append(
          Received(
            bytes: bytes(of: buffer, on: portal), queue: buffer.queue, path: Int(buffer.context),
            descriptor: buffer.descriptor))
        release(buffer, on: portal)
      }
    }
    return frames
  }

  /// The bytes of a frame, in one buffer or several.
  func bytes(of buffer: borrowing Buffer, on portal: Int) -> [UInt8] {
    guard buffer.descriptor.isScattered else { return Array(buffer.frame) }
    guard let pieces = session.portals[portal].pieces(of: buffer) else { return [] }
    return (0..<pieces.count).flatMap { Array(pieces[$0]) }
  }

  /// Gives a buffer back, however long it takes.
  func release(_ buffer: consuming Buffer, on portal: Int = 0) {
    var buffer = buffer
    while true {
      switch session.portals[portal].release(buffer) {
      case .accepted: return
      case .full(let again):
        buffer = again
        session.portals[portal].letEngineRun()
      }
    }
  }

  /// Acquires a buffer, fills it and enqueues it; `false` when there is no buffer or no room.
  func send(_ frame: [UInt8], to queue: FQID, on portal: Int = 0) -> Bool {
    guard var buffer = session.portals[portal].acquire(from: owner.pools[0].bpid) else {
      return false
    }
    buffer.setLength(frame.count)
    buffer.frame.copyBytes(from: frame)
    switch session.portals[portal].enqueue(buffer, to: queue) {
    case .accepted: return true
    case .full(let again):
      release(again, on: portal)
      return false
    }
  }

  /// Whether an address is that of a buffer of this guest's own pools.
  func owns(_ address: UInt64) -> Bool {
    owner.pools.contains { address >= $0.base && address < $0.base + $0.memory.size }
  }
}

/// A buffer that a test cannot go on without; `#require` takes nothing that cannot be copied.
func need(_ buffer: consuming Buffer?) throws -> Buffer {
  struct Missing: Error {}
  guard let buffer else { throw Missing() }
  return buffer
}

extension ParsedFrame {
  /// Parses bytes.
  init(_ bytes: [UInt8]) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes.count + 1, alignment: 8)
    defer { memory.deallocate() }
    UnsafeMutableRawBufferPointer(start: memory, count: bytes.count).copyBytes(from: bytes)
    self.init(UnsafeRawPointer(memory), count: bytes.count)
  }
}
