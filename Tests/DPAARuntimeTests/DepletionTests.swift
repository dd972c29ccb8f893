import Glibc
import Partitioning
import Testing

@testable import DPAARuntime

/// Depletion of pools, and the interrupt registers of BMan's half of a portal, in bytes.
@Suite(.timeLimit(.minutes(10))) struct DepletionTests {
  /// A bit that is shown beside others that are set.
  private static let mark: UInt32 = 0x8000_0000
  /// Portals are told when pool 3 holds fewer than 4 buffers, and when it holds more than 6.
  private static let marks = PoolThresholds(softwareEnter: 4, softwareExit: 6)

  /// guest1 and guest2, whose pools 2 and 3 hold 12 buffers and have marks.
  private static func engine(
    _ marks: PoolThresholds = marks, interrupts: Bool = false
  ) throws -> Engine {
    var configuration = Talk.configuration(buffers: [64, 12, 12])
    for owner in 1...2 {
      configuration.queueing[owner] = .init(poolThresholds: [marks])
    }
    return try Engine(configuration, interrupts: interrupts)
  }

  /// The pools that QUERY calls depleted.
  private static func depleted(_ portal: RawPortal) -> [UInt8] {
    Array(portal.bmanCommand([0x40])[56..<64])
  }

  private static func status(_ portal: RawPortal) -> UInt32 { portal.bmanRegister(0xe00) & ~mark }

  /// Releases buffers to pool 3.
  private static func release(_ buffers: ArraySlice<UInt64>, _ portal: RawPortal, _ engine: Engine)
  {
    for buffer in buffers {
      portal.release(verb: 0x21, [(3, buffer)])
      engine.round()
    }
  }

  @Test func `a pool is depleted from below the one mark until above the other`() throws {
    let engine = try Self.engine()
    let portal = RawPortal(engine, owner: 2)
    let isDepleted: [UInt8] = [0x10, 0, 0, 0, 0, 0, 0, 0]
    let isNot = [UInt8](repeating: 0, count: 8)
    let held = portal.acquire(8, from: 3)
    engine.round()
    #expect(Self.depleted(portal) == isNot, "4 are left")
    let last = portal.acquire(1, from: 3)
    engine.round()
    #expect(Self.depleted(portal) == isDepleted, "3 are left")
    Self.release(held[0..<3], portal, engine)
    #expect(Self.depleted(portal) == isDepleted, "6 are left")
    Self.release(held[3..<4], portal, engine)
    #expect(Self.depleted(portal) == isNot, "7 are left")
    Self.release(held[4..<8] + last[...], portal, engine)
    #expect(engine.poolStates()[2].free == 12)
  }

  @Test func `a portal hears of the pools that it asks for, of its owner's only`() throws {
    let engine = try Self.engine()
    let portal = RawPortal(engine, owner: 2)
    let others = (0..<2).map { RawPortal(engine, owner: 1, portal: $0) }
    func take(_ count: UInt8) -> [UInt64] {
      defer { engine.round() }
      return portal.acquire(count, from: 3)
    }
    // guest1's portals ask for everything, and for pool 2 alone.
    others[0].setBManRegister(0x200, 0xffff_ffff)
    others[1].setBManRegister(0x200, 0x2000_0000)
    // Not asked for: pools 2, 4 and 35.
    portal.setBManRegister(0x200, 0x2800_0000)
    portal.setBManRegister(0x204, 0x1000_0000)
    let first = take(8) + take(1)
    #expect(Self.status(portal) == 0)
    Self.release(first[...], portal, engine)
    portal.setBManRegister(0x200, 0x1000_0000)
    let second = take(8) + take(1)
    #expect(Self.status(portal) == 1)
    portal.setBManRegister(0xe00, 1)
    engine.round()
    #expect(Self.status(portal) == 0, "it is told once")
    _ = take(1)
    #expect(Self.status(portal) == 0, "nothing has changed")
    Self.release(second[...], portal, engine)
    #expect(Self.status(portal) == 1, "recovery is told too")
    #expect(others.map(Self.status) == [0, 0])
    _ = others[1].acquire(8, from: 2) + others[1].acquire(1, from: 2)
    engine.round()
    #expect(others.map(Self.status) == [1, 1])
    #expect(Self.depleted(portal) == [UInt8](repeating: 0, count: 8), "another's pool")
  }

  @Test func `marks in the wrong order tell of depletion once`() throws {
    let engine = try Self.engine(PoolThresholds(softwareEnter: 8, softwareExit: 2))
    let portal = RawPortal(engine, owner: 2)
    portal.setBManRegister(0x200, 0x1000_0000)
    _ = portal.acquire(8, from: 3)
    for round in 0..<4 {
      engine.round()
      #expect(Self.status(portal) == (round == 0 ? 1 : 0))
      portal.setBManRegister(0xe00, 1)
    }
    #expect(Self.depleted(portal)[0] == 0x10)
  }

  @Test func `after reset nothing is asked for, and the line is inhibited`() throws {
    let portal = RawPortal(try Self.engine(), owner: 2)
    for offset in [0x08, 0x200, 0x204, 0xe00, 0xe04, 0xe08] {
      #expect(portal.bmanRegister(offset) == 0, "\(offset)")
    }
    #expect(portal.bmanRegister(0xe0c) == 1)
  }

  @Test(arguments: [0, 1, 2] as [UInt32])
  func `a release ring that holds less than its threshold has a bit`(mode: UInt32) throws {
    let engine = try Self.engine()
    let portal = RawPortal(engine, owner: 2)
    portal.setBManRegister(0x100, mode)
    engine.round()
    #expect(Self.status(portal) == 0, "without a threshold")
    portal.setBManRegister(0x08, 1)
    engine.round()
    #expect(Self.status(portal) == 2)
    portal.setBManRegister(0xe00, 2)
    engine.round()
    #expect(Self.status(portal) == 2, "its cause holds")
    portal.setBManRegister(0x08, 0)
    engine.round()
    #expect(Self.status(portal) == 2, "nobody cleared it")
    portal.setBManRegister(0xe00, 2)
    engine.round()
    #expect(Self.status(portal) == 0)
    portal.setBManRegister(0x100, 2)
    portal.setBManRegister(0xe08, 2)
    portal.setBManRegister(0x08, 7)
    engine.round()
    #expect(Self.status(portal) == 0, "disabled")
  }

  @Test func `the line follows status, enable and inhibit`() throws {
    let engine = try Self.engine(interrupts: true)
    let portal = RawPortal(engine, owner: 2)
    let line = engine.memory[2].interrupts[0].guestDescriptor
    /// How often the line has fired since this was asked last.
    func fired() -> Int {
      engine.round()
      var bytes = [UInt8](repeating: 0, count: 64)
      return max(0, read(line, &bytes, bytes.count))
    }
    portal.setBManRegister(0x200, 0x1000_0000)
    _ = portal.acquire(8, from: 3) + portal.acquire(1, from: 3)
    #expect(fired() == 0, "neither enabled nor let through")
    portal.setBManRegister(0xe04, 1)
    #expect(fired() == 0, "not let through")
    portal.setBManRegister(0xe0c, 0)
    #expect(fired() == 1)
    #expect(fired() == 0, "it stays high")
    portal.setBManRegister(0xe00, 1)
    #expect(fired() == 0)
    portal.setBManRegister(0x08, 3)
    #expect(fired() == 0, "its bit is not enabled")
    portal.setBManRegister(0xe04, 2)
    #expect(fired() == 1)
  }

  @Test func `ports take nothing from a pool that is depleted by hardware's marks`() throws {
    var configuration = Talk.configuration(buffers: [64, 64, 12])
    configuration.queueing[2] = .init(
      poolThresholds: [PoolThresholds(hardwareEnter: 6, hardwareExit: 8)])
    let frames = (0..<20).map { Talk.frame(to: Talk.guest2, number: $0) }
    let simulation = try Simulation(configuration, frames: frames)
    let portal = RawPortal(simulation.engine, owner: 2)
    portal.setRegister(0x54, 0)
    portal.setBManRegister(0x200, 0x1000_0000)
    let held = portal.acquire(7, from: 3)
    simulation.engine.round()
    simulation.engine.control.setInput(true)
    for _ in 0..<5 { simulation.engine.round() }
    #expect(simulation.freeBuffers[2] == 5, "5 are left for the guest")
    #expect(Self.depleted(portal) == [UInt8](repeating: 0, count: 8))
    #expect(Self.status(portal) == 0, "portals have marks of their own")
    Self.release(held[0..<3], portal, simulation.engine)
    #expect(simulation.freeBuffers[2] == 8)
    Self.release(held[3..<4], portal, simulation.engine)
    simulation.engine.round()
    #expect(simulation.freeBuffers[2] == 0)
  }
}
