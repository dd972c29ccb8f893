import DPAAPortal
import Partitioning
import TestSupport
import Testing

@testable import DPAARuntime

/// A guest whose processor writes rubbish all over its portal, while the others work.
@Suite(.timeLimit(.minutes(10))) struct RandomGuestTests {
  private static let rounds = 20_000
  /// What fills guest2's memory, and nobody else's.
  private static let stain: UInt8 = 0xee

  /// Writes random bytes over guest2's portal windows, and in between what looks like commands.
  private final class Vandal {
    private var random: SeededGenerator
    private let noise: [UInt8]
    private let window: UnsafeMutableRawPointer
    private let size: Int
    private let rings: RingSizes

    init(_ engine: Engine, seed: UInt64) {
      var random = SeededGenerator(seed: seed)
      noise = (0..<1 << 17).map { _ in random.byte() }
      self.random = random
      window = engine.memory[2].window.memory
      size = PortalWindow(portalCount: 1).size
      rings = engine.configuration.owners[2].rings
    }

    func act() {
      switch random.below(4) {
      case 0:
        // Any bytes over everything: rings, command lines, registers.
        let start = random.below(noise.count - size)
        noise.withUnsafeBytes { noise in
          UnsafeMutableRawBufferPointer(start: window, count: size)
            .copyMemory(from: .init(rebasing: noise[start..<start + size]))
        }
      case 1:
        for _ in 0..<64 {
          window.storeBytes(of: random.byte(), toByteOffset: random.below(size), as: UInt8.self)
        }
      default:
        for _ in 0..<8 {
          let place = random.below(rings.enqueue)
          RawPortal.write(enqueueCommand(), at: window + 64 * place)
        }
        RawPortal.write(releaseCommand(), at: window + 0x5000 + 64 * random.below(8))
        // BMan: an acquire of its own pool, mostly. QMan: a query.
        RawPortal.write([0x80 * bit | 0x10 | UInt8(random.below(9)), pool], at: window + 0x4000)
        RawPortal.write([0x80 * bit | 0x45, 0, 0, 0, 0, 0, 0, random.byte()], at: window + 0x3800)
      }
      // Static dequeue on, and room in both rings, now and then.
      if random.below(2) == 0 {
        RawPortal.write([0x21, 0, 0x80, 0], at: window + 0x8054)
        RawPortal.write([0, 0, 0, random.byte()], at: window + 0x8044)
        RawPortal.write([0, 0, 0, random.byte()], at: window + 0x8084)
      }
    }

    private var bit: UInt8 { UInt8(random.below(2)) }
    private var pool: UInt8 {
      random.below(4) == 0 ? random.byte() : [3, 3, 3, 1, 2][random.below(5)]
    }
    private var address: UInt64 {
      let base: UInt64 = [0xa010_0000, 0xa010_0000, 0xa010_0000, 0x10_0000, 0x8010_0000][
        random.below(5)]
      return base + 2112 * UInt64(random.below(66)) + (random.below(8) == 0 ? 64 : 0)
    }
    private func enqueueCommand() -> [UInt8] {
      let own: [UInt32] = [201, 202, 203, 208, 215]
      let fqid = random.below(3) == 0 ? UInt32(random.below(420)) : own[random.below(5)]
      var command = RawPortal.enqueueCommand(
        RawPortal.descriptor(
          bpid: pool, address: address, offset: UInt32(random.below(512)),
          length: UInt32(random.below(random.below(8) == 0 ? 4096 : 1536)),
          format: random.below(8) == 0 ? 1 : 0), to: fqid)
      command[0] = 0x80 * bit | (random.below(8) == 0 ? random.byte() & 0x7f : 1)
      return command
    }
    private func releaseCommand() -> [UInt8] {
      (0..<8).flatMap { place -> [UInt8] in
        let address = address
        let verb = 0x80 * bit | 0x20 | UInt8(random.below(2) * 16 + random.below(10))
        return [place == 0 ? verb : 0, pool]
          + [40, 32, 24, 16, 8, 0].map { UInt8(address >> $0 & 0xff) }
      }
    }
  }

  @Test(
    arguments: [(false, RingSizes.hardware, 1), (true, RingSizes(enqueue: 64, dequeue: 64), 2)]
      as [(Bool, RingSizes, UInt64)])
  func `rubbish in one guest's portal costs the others nothing`(
    isP4080: Bool, rings: RingSizes, seed: UInt64
  ) throws {
    let targets = [Talk.host, Talk.guest1, Talk.guest2]
    let frames = (0..<UInt64(Self.rounds)).map {
      Talk.frame(to: targets[Int($0 % 3)], number: $0, size: 64 + Int($0 % 500))
    }
    let simulation = try Simulation(
      Talk.configuration(
        isP4080: isP4080,
        programs: [.source(.init(path: "guest1", frames: 5000, size: 100)), .reflect, .reflect],
        rings: rings), frames: frames, rate: 1000)
    let ownPool = simulation.engine.memory[2].pools[0]
    memory(ownPool).copyBytes(from: [UInt8](repeating: Self.stain, count: ownPool.size))
    let vandal = Vandal(simulation.engine, seed: seed)
    simulation.run(active: [0, 1]) { round in if round < Self.rounds { vandal.act() } }

    // Every frame for the others arrived, was answered, and is unchanged.
    var answers: [UInt64: Int] = [:]
    for reply in try simulation.transmitted() where reply.count >= 60 && reply[0] == 2 {
      let number = Talk.number(reply)
      guard number < frames.count, number % 3 != 2 else { continue }
      let frame = frames[Int(number)]
      let expected =
        Array(frame[6..<12]) + Array(frame[0..<6]) + Array(frame[12..<26])
        + Array(frame[30..<34]) + Array(frame[26..<30]) + Array(frame[36..<38])
        + Array(frame[34..<36]) + Array(frame[38...])
      if reply == expected { answers[number, default: 0] += 1 }
    }
    #expect(answers.count == (frames.count + 2) / 3 * 2, "seed \(seed)")
    #expect(answers.values.allSatisfy { $0 == 1 }, "seed \(seed)")
    for owner in 0..<2 {
      for reason in DropReason.allCases where reason != .frameTooLarge {
        #expect(simulation.dropped(reason, owner) == 0, "\(reason) of \(owner), seed \(seed)")
      }
      #expect(simulation.engine.counters.value(.strayBuffers, owner) == 0, "seed \(seed)")
    }
    // Its stain is in no memory of the host's, to whom it has no way.
    let host = Array(memory(simulation.engine.memory[0].pools[0]))
    #expect(!host.contains(stain: Self.stain), "seed \(seed)")

    // It was no idle vandal: all kinds of wrong things were found out.
    for reason in [.foreignQueue, .foreignBuffer, .badDescriptor, .unknownVerb] as [DropReason] {
      #expect(simulation.dropped(reason, 2) > 0, "\(reason), seed \(seed)")
    }
    #expect(simulation.engine.counters.value(.strayBuffers, 2) > 0)
    #expect(simulation.engine.counters.value(.taken, 2) > 4_000)

    // Killed, it leaves nothing behind.
    simulation.engine.control.markGone(owner: 2)
    simulation.run(active: [0, 1])
    #expect(simulation.freeBuffers == [64, 64, 64], "seed \(seed)")
    let report = try simulation.report(endings: [2: "killed by signal 9"])
    let own = report.discrepancies.filter { !$0.contains("guest2") }
    #expect(own.allSatisfy { $0 == "the sum of all frames is uneven" }, "\(own), seed \(seed)")
  }

  private func memory(_ region: SharedRegion) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: region.memory, count: region.size)
  }
}

extension [UInt8] {
  /// Whether eight bytes of a stain follow each other.
  fileprivate func contains(stain: UInt8) -> Bool {
    var run = 0
    for byte in self {
      run = byte == stain ? run + 1 : 0
      if run == 8 { return true }
    }
    return false
  }
}
