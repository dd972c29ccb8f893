import DPAAPortal
import Glibc
import Partitioning
import QorIQ

/// The way from the wire to a guest: a capture in memory is parsed, classified and hashed, each frame gets a
/// buffer and a queue, and the guest takes it off its ring and gives the buffer back.
package struct ReceiveKernel: ~Copyable {
  private var tables: EngineTables
  private var guest: GuestSession
  private var burst = Burst()
  private let memory: [OwnerMemory]

  /// Takes frames that arrive by turns for ever.
  package init(_ frames: [[UInt8]]) throws {
    var template = Array("/tmp/dpaac-bench-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw EngineError.noMemory("capture", errno) }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unlink(path) }
    do {
      var writer = CaptureWriter(descriptor: descriptor)
      for frame in frames { frame.withUnsafeBytes { writer.write($0, nanoseconds: 0) } }
      writer.flush()
    }
    let configuration = Stage.spreadWire
    let memory = try configuration.owners.map { try OwnerMemory($0, interrupts: false) }
    let counters = try SharedRegion(name: "counters", size: Counters.size(owners: 1, ports: 1))
    let tables = try EngineTables(
      configuration, memory: memory, counterRegion: counters,
      options: EngineOptions(replays: [Stage.wireName: path], repeats: .max))
    guest = GuestSession(
      grant: try configuration.grant(ofOwner: 0),
      window: memory[0].window.memory, status: memory[0].status.memory,
      poolMemory: memory[0].pools.map(\.memory))
    self.tables = tables
    self.memory = memory
  }

  package mutating func run(_ frames: Int) -> Int {
    var done = 0
    while done < frames {
      done &+= tables.receiveBurst(&guest, &burst)
    }
    return done
  }
}

extension EngineTables {
  fileprivate mutating func receiveBurst(_ guest: inout GuestSession, _ burst: inout Burst) -> Int {
    let now = monotonicNanoseconds()
    let portal = portals.base
    portal.pointee.pollConfiguration()
    portal.pointee.bman.pollProduction()
    _ = receive(0, now: now)
    _ = deliver(now: now)
    let count = guest.portals[0].dequeue(into: &burst)
    precondition(count > 0, "frames arrive for ever")
    precondition(guest.portals[0].release(&burst) == count, "the release ring is empty")
    precondition(takeBuffers(portal), "the guest has released buffers")
    return count
  }
}

extension Stage {
  /// One owner behind an interface with four rules: three addresses, the third of which is spread over eight
  /// queues, and everything else.
  static var spreadWire: RuntimeConfiguration {
    let path = OwnerPath(
      name: wireName, isLink: false, receive: QueueRange(first: 128, count: 8), channels: [0],
      transmit: 40)
    let owner = Self.owner(
      0, ring: 64, buffers: 512, queues: QueueRange(first: 1, count: 500), path: path)
    let rules = (0..<4 as Range<UInt32>).map { rule in
      FlowRule(
        conditions: rule == 3
          ? [] : [.ipv4Destination(IPv4Prefix(address: 0x0a00_0001 + rule, length: 32))],
        owner: 0,
        receive: rule == 2
          ? QueueRange(first: 128, count: 8) : QueueRange(first: FQID(30 + rule), count: 1),
        spread: rule == 2 ? .fiveTuple : nil, storageProfile: nil)
    }
    let interface = SharedInterface(
      name: wireName, fman: 0, transmitChannel: 0x800, rules: rules, delivery: .storageProfiles,
      replay: nil)
    return RuntimeConfiguration(name: "wire", owners: [owner], interfaces: [interface], links: [])
  }
}
