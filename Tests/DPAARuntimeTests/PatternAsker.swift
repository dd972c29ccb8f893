import DPAAPortal
import Partitioning
import QorIQ
import Testing

@testable import DPAARuntime

/// The talk's table, in which guest1 and guest2 have patterns, and guest2's portal with queues that lead to PME.
final class PatternAsker {
  let simulation: Simulation
  let client: QueueClient
  let matcher: PatternMatcher
  var portal: RawPortal { client.portal }
  /// guest2's first three buffers: for tables and contexts, for input, for output.
  let held: [UInt64]

  static let channel: UInt32 = 0x860
  static let request: UInt32 = 390
  static let response: UInt32 = 392
  private static let base: UInt64 = 0xa010_0000

  /// Starts everybody.
  ///
  /// - Parameters:
  ///   - sets: guest2's patterns.
  ///   - others: guest1's.
  /// - Throws: When they cannot be compiled.
  init(_ sets: [ScanPatternSet], others: [ScanPatternSet] = []) throws {
    let configuration = Self.configuration(sets, others: others)
    matcher = try configuration.patternMatcher()
    simulation = try Simulation(configuration, devices: [.pme: matcher])
    client = QueueClient(simulation, owner: 2)
    held = client.portal.acquire(3, from: 3)
    try #require(held.count == 3)
  }

  /// The table, with two pairs of queues into PME for each guest.
  static func configuration(
    _ sets: [ScanPatternSet], others: [ScanPatternSet] = []
  ) -> RuntimeConfiguration {
    var configuration = Talk.configuration()
    for (owner, sets) in [(1, others), (2, sets)] {
      let first = UInt32(owner == 1 ? 190 : 390)
      configuration.queueing[owner] = .init(accelerators: [
        AcceleratorUse(
          kind: .pme, mode: .poll, channel: ChannelID(UInt16(channel)),
          requests: [FQID(first), FQID(first + 1)], responses: [FQID(first + 2), FQID(first + 3)],
          liodns: [], patternSets: sets)
      ])
    }
    return configuration
  }

  /// Puts a queue for requests into service.
  func start(
    _ queue: UInt32 = request, contextA: UInt64 = PatternQueue.direct, contextB: UInt32? = nil
  ) -> UInt8 {
    client.initialize(
      queue, channel: Self.channel, workQueue: 2,
      fields: [
        (0x2, 20, QueueClient.big(contextB ?? PatternQueue.answers(to: queue + 2), 4)),
        (
          0x1, 24,
          QueueClient.big(UInt32(contextA >> 32), 4)
            + QueueClient.big(UInt32(truncatingIfNeeded: contextA), 4)
        ),
      ])
  }

  /// Writes into guest2's pool.
  func write(_ bytes: [UInt8], at address: UInt64) {
    RawPortal.write(bytes, at: memory + Int(address - Self.base))
  }
  func read(_ count: Int, at address: UInt64) -> [UInt8] {
    (0..<count).map { memory.load(fromByteOffset: Int(address - Self.base) + $0, as: UInt8.self) }
  }
  var memory: UnsafeMutableRawPointer { simulation.engine.memory[2].pools[0].memory }

  /// An address of guest2's that is a multiple of 64 and not in use otherwise.
  var aligned: UInt64 { (held[0] + 256) & ~63 + 64 }

  var flow: FlowContext {
    get { FlowContext(at: memory + Int(aligned - Self.base)) }
    set { newValue.write(to: memory + Int(aligned - Self.base)) }
  }

  /// What came of a request.
  struct Answer: Equatable {
    var status: UInt32
    var reports: [MatchReport] = []
    var code: PatternStatus.Code? { PatternStatus(word: status).code }
    var isTruncated: Bool { PatternStatus(word: status).isTruncated }
  }

  private func nextAnswer() -> (status: UInt32, address: UInt64, queue: UInt32)? {
    guard let entry = portal.dequeue() else { return nil }
    portal.consume()
    return (
      RawPortal.number(entry[28..<32]), RawPortal.address(entry[16..<24]),
      RawPortal.number(entry[8..<12]) & 0xff_ffff
    )
  }

  private func send(_ descriptor: [UInt8], _ command: PatternCommand, to queue: UInt32) {
    var descriptor = descriptor
    descriptor.replaceSubrange(12..<16, with: QueueClient.big(command.word, 4))
    portal.enqueue(RawPortal.enqueueCommand(descriptor, to: queue))
    client.step(3)
  }

  /// Scans bytes as a compound frame with room for so many reports.
  func scan(
    _ bytes: [UInt8], _ command: PatternCommand = .scan(set: 1), room: Int = 64,
    queue: UInt32 = request
  ) throws -> Answer {
    write(bytes, at: held[1])
    write([UInt8](repeating: 0xaa, count: room * MatchReport.size + 16), at: held[2])
    write(
      RawPortal.entry(held[2], UInt32(room * MatchReport.size))
        + RawPortal.entry(held[1], UInt32(bytes.count), isFinal: true), at: held[0])
    send(
      RawPortal.descriptor(bpid: 3, address: held[0], offset: 0, length: 100, format: 1), command,
      to: queue)
    let answer = try #require(nextAnswer())
    #expect(answer.address == held[0] && answer.queue == queue + 2)
    let length = Int(RawPortal.number(read(4, at: held[0] + 8)[...]) & 0x3fff_ffff)
    let isSound = [.ok, .matchLimit].contains(PatternStatus(word: answer.status).code)
    let count = isSound ? length / MatchReport.size : 0
    let raw = read(room * MatchReport.size + 16, at: held[2])
    let written = isSound ? length : 0
    // Nothing is written behind what the table says.
    if isSound { #expect(raw[written...].allSatisfy { $0 == 0xaa }) }
    let reports = raw.withUnsafeBytes { bytes in
      (0..<count).compactMap { index in
        bytes.baseAddress.map { MatchReport(at: $0, offset: index * MatchReport.size) }
      }
    }
    return Answer(status: answer.status, reports: reports)
  }

  /// Sends bytes as a plain frame, which comes back itself.
  func pass(
    _ bytes: [UInt8], _ command: PatternCommand = .scan(set: 1), at offset: UInt32 = 64,
    queue: UInt32 = request
  ) throws -> Answer {
    write(bytes, at: held[1] + UInt64(offset))
    send(
      RawPortal.descriptor(
        bpid: 3, address: held[1], offset: offset, length: UInt32(bytes.count)), command, to: queue)
    let answer = try #require(nextAnswer())
    #expect(answer.address == held[1] && answer.queue == queue + 2)
    return Answer(status: answer.status)
  }
}
