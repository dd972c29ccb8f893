import DPAAPortal
import Partitioning
import QorIQ
import TestSupport

@testable import DPAARuntime

/// Writes random bytes over an owner's portal windows, and in between what looks like commands.
final class Vandal {
  /// The same noise for all; each takes it from somewhere else.
  private static let noise: [UInt8] = {
    var random = SeededGenerator(seed: 0xba5)
    return (0..<1 << 18).map { _ in random.byte() }
  }()

  private var random: SeededGenerator
  private let window: UnsafeMutableRawPointer
  private let portals: PortalWindow
  private let owner: Owner
  /// Where the pools of all owners begin, the owner's own last.
  private let bases: [UInt64]

  init(_ engine: Engine, owner index: Int, seed: UInt64) {
    random = SeededGenerator(seed: seed)
    window = engine.memory[index].window.memory
    owner = engine.configuration.owners[index]
    portals = PortalWindow(portalCount: owner.portals.count)
    let others = engine.configuration.owners.indices.filter { $0 != index }
    bases = (others + [index]).map { engine.configuration.owners[$0].pools[0].base }
  }

  func act() {
    let portal = random.below(owner.portals.count)
    let (qman, bman) = (portals.qmanCacheEnabled(portal), portals.bmanCacheEnabled(portal))
    switch random.below(4) {
    case 0:
      // Any bytes over everything: rings, command lines, registers.
      let start = random.below(Self.noise.count - portals.size)
      Self.noise.withUnsafeBytes { noise in
        UnsafeMutableRawBufferPointer(start: window, count: portals.size)
          .copyMemory(from: .init(rebasing: noise[start..<start + portals.size]))
      }
    case 1:
      for _ in 0..<64 {
        window.storeBytes(
          of: random.byte(), toByteOffset: random.below(portals.size), as: UInt8.self)
      }
    default:
      for _ in 0..<8 {
        let place = random.below(owner.rings.enqueue)
        RawPortal.write(enqueueCommand(), at: window + qman + 64 * place)
      }
      RawPortal.write(releaseCommand(), at: window + bman + 0x1000 + 64 * random.below(8))
      // BMan: an acquire of its own pool, mostly. QMan: any command.
      RawPortal.write([0x80 * bit | 0x10 | UInt8(random.below(9)), pool], at: window + bman)
      RawPortal.write(managementCommand(), at: window + qman + 0x3800)
    }
    // Static dequeue on, and room in both rings, now and then.
    if random.below(2) == 0 {
      let registers = window + portals.qmanCacheInhibited(portal)
      RawPortal.write([0x21, 0, 0x80, 0], at: registers + 0x54)
      RawPortal.write([0, 0, 0, random.byte()], at: registers + 0x44)
      RawPortal.write([0, 0, 0, random.byte()], at: registers + 0x84)
    }
  }

  private var bit: UInt8 { UInt8(random.below(2)) }
  private var pool: UInt8 {
    random.below(4) == 0
      ? random.byte()
      : random.below(3) == 0 ? UInt8(1 + random.below(3)) : owner.pools[0].bpid.rawValue
  }
  private var address: UInt64 {
    let base = bases[max(0, random.below(6) - 3) == 0 ? bases.count - 1 : random.below(bases.count)]
    return base + 2112 * UInt64(random.below(66)) + (random.below(8) == 0 ? 64 : 0)
  }
  /// A queue, mostly one that leads from the owner somewhere.
  private var queue: UInt32 {
    let own = owner.queues[0]
    return random.below(3) == 0
      ? UInt32(random.below(420))
      : random.below(2) == 0
        ? own.first.rawValue + UInt32(random.below(6)) : own.last.rawValue - UInt32(random.below(3))
  }

  private func enqueueCommand() -> [UInt8] {
    var command = RawPortal.enqueueCommand(
      RawPortal.descriptor(
        bpid: pool, address: address, offset: UInt32(random.below(512)),
        length: UInt32(random.below(random.below(8) == 0 ? 4096 : 1536)),
        format: random.below(8) == 0 ? 1 : 0), to: queue)
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

  private func managementCommand() -> [UInt8] {
    var command = (0..<32).map { _ in random.below(3) == 0 ? random.byte() : 0 }
    command[0] = 0x80 * bit | 0x40 | UInt8(random.below(32))
    command.replaceSubrange(4..<8, with: QueueClient.big(queue, 4))
    // A destination that is right now and then.
    if random.below(2) == 0 {
      let channel = UInt32(owner.portals[0].rawValue)
      command.replaceSubrange(14..<16, with: QueueClient.big(channel << 3 | 3, 2))
    }
    return command
  }
}
