import DPAAPortal
import Partitioning
import Patterns
import QorIQ
import Security
import TestSupport
import Testing

@testable import DPAARuntime

/// Guests that misuse SEC or PME beside one that uses it: what the neighbour gets is counted round by round in a
/// stepped engine, with and without them, and all that they did is answered or accounted for.
@Suite(
  .enabled(
    if: SecurityLibrary.allCases.allSatisfy { $0.problem == nil },
    "needs package libipsec-mb-dev"),
  .enabled(if: (try? PatternLibrary()) != nil, "needs package libhyperscan-dev"),
  .timeLimit(.minutes(5)))
struct HostileAcceleratorTests {
  /// What guest1 does while guest2 works.
  enum Attack: String, CaseIterable, Sendable {
    /// Many times its share, in requests as long as its buffers.
    case flood
    /// A context A that leads to rubbish, another in each round.
    case brokenContext
    /// A context A that leads into its neighbour's memory.
    case foreignContext
    /// Tables that name its neighbour's buffers, and tables that are none.
    case foreignTables
    /// A queue whose answers are to go to its neighbour.
    case foreignResponse
    /// Many requests, and in the midst of them it ends.
    case death
  }

  private static let rounds = 300
  /// Requests of the neighbour's in a round, of 32 that an accelerator takes in a batch.
  private static let perRound = 12

  private static func configuration(_ kind: AcceleratorKind) -> RuntimeConfiguration {
    var configuration = Talk.configuration(
      rings: RingSizes(enqueue: 64, dequeue: 64), buffers: [64, 512, 128])
    for (owner, first) in [(1, 194), (2, 390)] as [(Int, UInt32)] {
      configuration.queueing[owner] = .init(accelerators: [
        AcceleratorUse(
          kind: kind, mode: .poll, channel: kind == .sec ? 0x840 : 0x860,
          requests: [FQID(first)], responses: [FQID(first + 2)], liodns: [],
          patternSets: kind == .sec
            ? []
            : [
              ScanPatternSet(
                number: 0, name: "some",
                patterns: [ScanPattern(tag: 1, subsets: .max, expression: "abc")])
            ])
      ])
    }
    return configuration
  }

  /// A guest in bytes, with buffers in stock, so that it needs no answer of BMan's while it works.
  private final class Party {
    let engine: Engine
    let owner: Int
    let portals: [RawPortal]
    private(set) var stock: [UInt64] = []
    private var isWaiting = false
    /// Answers from its queue without an error.
    private(set) var answered = 0
    /// Entries from its neighbour's requests.
    private(set) var strays = 0

    init(_ engine: Engine, owner: Int, portals: Int, buffers: Int) {
      self.engine = engine
      self.owner = owner
      self.portals = (0..<portals).map { RawPortal(engine, owner: owner, portal: $0) }
      while stock.count < buffers { stock += self.portals[0].acquire(8, from: pool) }
    }

    var pool: UInt8 { UInt8(owner + 1) }
    var request: UInt32 { owner == 1 ? 194 : 390 }
    var response: UInt32 { request + 2 }

    func write(_ bytes: [UInt8], at address: UInt64) {
      let base: UInt64 = owner == 1 ? 0x8010_0000 : 0xa010_0000
      RawPortal.write(bytes, at: engine.memory[owner].pools[0].memory + Int(address - base))
    }
    /// Takes what the last command for buffers gave, and gives the next, which the next round carries out.
    func restock() {
      if isWaiting { stock += portals[0].acquired() }
      portals[0].postAcquire(8, from: pool)
      isWaiting = true
    }
    /// A buffer out of the stock, for good.
    func keep() -> UInt64 { stock.removeLast() }

    /// Puts its queue for requests into service.
    func start(_ kind: AcceleratorKind, contextA: UInt64, response: UInt32? = nil) {
      let channel: UInt32 = kind == .sec ? 0x840 : 0x860
      let command =
        [0x41, 0, 0, 0x33] + QueueClient.big(request, 4) + [0, 0, 0, 0, 0, 0]
        + QueueClient.big(channel << 3 | 2, 2) + [0, 0, 0, 0]
        + QueueClient.big(response ?? self.response, 4)
        + QueueClient.big(UInt32(contextA >> 32), 4)
        + QueueClient.big(UInt32(truncatingIfNeeded: contextA), 4)
      #expect(portals[0].qmanCommand(command + [0, 0])[1] == 0xf0)
    }

    /// Asks for so many operations on each portal, as far as the stock lasts; the packet stands in the buffer
    /// anew each time, where there is one.
    func ask(_ count: Int, length: Int, _ packet: [UInt8] = []) {
      for portal in portals {
        for _ in 0..<min(count, stock.count) {
          let buffer = stock.removeFirst()
          write(packet, at: buffer + 64)
          var frame = RawPortal.descriptor(bpid: pool, address: buffer, length: UInt32(length))
          frame.replaceSubrange(12..<16, with: [0, 0, 0, 0])
          portal.enqueue(RawPortal.enqueueCommand(frame, to: request))
        }
      }
    }

    /// Takes what came to it.
    func take() {
      for portal in portals {
        while let entry = portal.dequeue() {
          guard entry[1] & 0x10 != 0 else { continue }
          let isOwn = RawPortal.number(entry[8..<12]) & 0xff_ffff == response
          if isOwn, RawPortal.number(entry[28..<32]) == 0 { answered += 1 }
          if !isOwn { strays += 1 }
          if RawPortal.number(entry[24..<28]) >> 29 == 0 {
            stock.append(RawPortal.address(entry[16..<24]))
          }
        }
        portal.consume()
        // What was sent back is its own again; tables of rubbish are used once more anyway.
        while let message = portal.message() {
          if message[24] >> 5 == 0 { stock.append(RawPortal.address(message[16..<24])) }
          portal.consumeMessages()
        }
      }
    }
  }

  /// Two guests, of whom the second works and the first does what it is told.
  private final class World {
    let simulation: Simulation
    let attacker: Party
    let neighbour: Party
    var counters: Counters { simulation.engine.counters }
    private let kind: AcceleratorKind
    private var random = SeededGenerator(seed: 11)
    private var broken: UInt64 = 0

    init(_ kind: AcceleratorKind) throws {
      self.kind = kind
      let configuration = configuration(kind)
      let device: AcceleratorDevice =
        kind == .sec
        ? try #require(SecurityDevice(SecurityChoice())) : try configuration.patternMatcher()
      simulation = try Simulation(configuration, devices: [kind: device])
      attacker = Party(simulation.engine, owner: 1, portals: 2, buffers: 240)
      neighbour = Party(simulation.engine, owner: 2, portals: 1, buffers: 64)
      neighbour.start(kind, contextA: kind == .sec ? descriptor(neighbour) : 0)
    }

    /// A right descriptor in a party's memory.
    private func descriptor(_ party: Party) -> UInt64 {
      let descriptor = SharedDescriptor(
        encapsulating: SecurityDeviceTests.tunnels[0].transform, spi: 1,
        outerHeader: SecurityDeviceTests.outerHeader, outputPool: BPID(party.pool))
      let buffer = party.keep()
      party.write(descriptor.words.flatMap { QueueClient.big($0, 4) }, at: buffer)
      return buffer
    }

    /// Gets the attacker ready.
    func prepare(_ attack: Attack) {
      let mode = kind == .sec ? 0 : PatternQueue.flowMode << 56
      broken = attacker.keep()
      switch attack {
      case .brokenContext: attacker.start(kind, contextA: mode | (broken & ~63))
      case .foreignContext: attacker.start(kind, contextA: mode | 0xa010_0000)
      default:
        attacker.start(
          kind, contextA: kind == .sec ? descriptor(attacker) : 0,
          response: attack == .foreignResponse ? neighbour.response : nil)
      }
    }

    /// What the attacker does in a round.
    func attack(_ attack: Attack) {
      attacker.take()
      switch attack {
      case .foreignTables:
        for portal in attacker.portals {
          for _ in 0..<7 {
            let table = attacker.stock[Int.random(in: 0..<8, using: &random)]
            attacker.write(rubbishTable(), at: table)
            portal.enqueue(
              RawPortal.enqueueCommand(
                RawPortal.descriptor(
                  bpid: 2, address: table, offset: 0, length: 100, format: 1),
                to: attacker.request))
          }
        }
      case .brokenContext:
        attacker.write(
          (0..<256).map { _ in UInt8.random(in: 0...255, using: &random) }, at: broken & ~63)
        attacker.ask(30, length: 1900)
      case .foreignResponse:
        // What is dropped goes back to the pool.
        attacker.restock()
        attacker.ask(30, length: 1900)
      default: attacker.ask(30, length: 1900)
      }
    }

    private func rubbishTable() -> [UInt8] {
      (0..<2).flatMap { _ in
        RawPortal.entry(
          [0xa010_0000, 0x8010_0000, broken, 0xff_ffff_fff0].randomElement(using: &random) ?? 0,
          UInt32.random(in: 0...3000, using: &random),
          bpid: [2, 3].randomElement(using: &random) ?? 2,
          isFinal: Bool.random(using: &random), isExtension: Bool.random(using: &random))
      }
    }

    /// One round of the engine, in which the neighbour asks and takes what was answered.
    func work(_ packet: [UInt8]) {
      neighbour.ask(perRound, length: packet.count, packet)
      simulation.engine.round()
      neighbour.take()
    }

    /// Ends the attacker, and lets all that is on its way arrive.
    func end() {
      simulation.engine.control.markGone(owner: 1)
      for _ in 0..<200 {
        simulation.engine.round()
        neighbour.take()
      }
    }
  }

  /// A world after the time, with an attack or without.
  private static func world(_ kind: AcceleratorKind, _ attack: Attack?) throws -> World {
    let world = try World(kind)
    if let attack { world.prepare(attack) }
    let packet = SecurityDeviceTests.packet(200)
    for round in 0..<rounds {
      if let attack, attack != .death || round < rounds / 2 { world.attack(attack) }
      if attack == .death, round == rounds / 2 {
        world.simulation.engine.control.markGone(owner: 1)
      }
      world.work(packet)
    }
    return world
  }

  @Test(arguments: AcceleratorKind.allCases, Attack.allCases)
  func `a guest that misuses an accelerator costs its neighbour nothing, and all is accounted for`(
    kind: AcceleratorKind, attack: Attack
  ) throws {
    let alone = try Self.world(kind, nil).neighbour.answered
    #expect(alone >= Self.rounds * Self.perRound - 2 * Self.perRound)
    let world = try Self.world(kind, attack)
    let count = world.neighbour.answered
    #expect(abs(count - alone) * 20 <= alone, "\(count) of \(alone)")
    world.end()
    #expect(world.neighbour.strays == 0)
    #expect(world.simulation.engine.control.isReclaimed(owner: 1))
    // Every frame that guest1 enqueued was answered, came back or was dropped with its reason, and every buffer
    // is free again; the neighbour has its own.
    let counters = world.counters
    let number = AcceleratorKind.allCases.firstIndex(of: kind) ?? 0
    let failed = AcceleratorFault.allCases.reduce(0) { $0 + counters.failed($1, number, 1) }
    let drops = DropReason.allCases.reduce(0) { $0 + counters.dropped($1, 1) }
    let done = counters.value(.done, number, 1)
    #expect(counters.value(.taken, 1) == counters.value(.delivered, 1) + drops)
    let free = world.simulation.freeBuffers
    #expect(free[1] == 512)
    #expect(Int(free[2]) + world.neighbour.stock.count == (kind == .sec ? 127 : 128))
    // The attack was one: more than its share was asked for, or all of it was wrong.
    let many = UInt64(10 * Self.rounds)
    switch attack {
    case .flood: #expect(done > many)
    case .death:
      #expect(done > many / 2)
      #expect(counters.dropped(.ownerGone, 1) > 0)
    case .brokenContext, .foreignContext: #expect(failed + (kind == .sec ? 0 : done) > many)
    // A portal's message ring takes seven in a round.
    case .foreignTables: #expect(drops + failed > many / 2)
    case .foreignResponse: #expect(counters.dropped(.foreignResponse, 1) > many / 2)
    }
  }

  @Test(arguments: AcceleratorKind.allCases)
  func `the flood is one that would hurt if it were served as it comes`(kind: AcceleratorKind)
    throws
  {
    // What guest1 had waiting when the time was over is more than a batch.
    let world = try Self.world(kind, .flood)
    let waiting = world.simulation.engine.usedQueues().filter { $0.fqid == 194 }.map(\.count)
    #expect(waiting.allSatisfy { $0 > AcceleratorLanes.batch } && !waiting.isEmpty)
  }
}
