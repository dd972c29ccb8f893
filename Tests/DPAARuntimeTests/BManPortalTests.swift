import Partitioning
import TestSupport
import Testing

@testable import DPAARuntime

/// BMan's half of a portal, byte by byte.
@Suite(.timeLimit(.minutes(10))) struct BManPortalTests {
  private static let base: UInt64 = 0xa010_0000

  @Test(arguments: 1...8 as ClosedRange<UInt8>)
  func `as many buffers are acquired as were asked for`(count: UInt8) throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    let response = portal.bmanCommand([0x10 | count, 3])
    #expect(response[0] == 0x90 | count)
    #expect(response[1] == 3)
    let addresses = (0..<Int(count)).map { RawPortal.address(response[(8 * $0)..<(8 * $0 + 8)]) }
    #expect(addresses == (0..<UInt64(count)).map { Self.base + 2112 * $0 })
    #expect(response[(8 * Int(count))...].allSatisfy { $0 == 0 })
    #expect(simulation.freeBuffers == [64, 64, 64 - UInt32(count)])
  }

  @Test func `of too many buffers none is given`() throws {
    let simulation = try Simulation(Talk.configuration(buffers: [64, 64, 12]))
    let portal = RawPortal(simulation.engine, owner: 2)
    #expect(portal.acquire(8, from: 3).count == 8)
    #expect(portal.acquire(5, from: 3).isEmpty)
    #expect(simulation.freeBuffers[2] == 4)
    #expect(portal.acquire(4, from: 3).count == 4)
    let response = portal.bmanCommand([0x11, 3])
    #expect(response[0] & 0x7f == 0x10)
    #expect(simulation.engine.counters.value(.strayBuffers, 2) == 0)
  }

  @Test(arguments: [1, 2, 0, 9, 255] as [UInt8])
  func `no buffer of another's pool is given, and the wish is counted`(pool: UInt8) throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    #expect(portal.acquire(1, from: pool).isEmpty)
    #expect(simulation.engine.counters.value(.strayBuffers, 2) == 1)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test(arguments: [0x10, 0x19, 0x1f, 0x20, 0x60, 0x7f, 0x01] as [UInt8])
  func `what is no command is answered as such`(verb: UInt8) throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    let response = portal.bmanCommand([verb, 3])
    #expect(response[0] == 0xe0)
    #expect(response[1...].allSatisfy { $0 == 0 })
    #expect(simulation.freeBuffers == [64, 64, 64])
    // The next command finds its response in the other register.
    #expect(portal.bmanCommand([0x12, 3])[0] == 0x12)
    #expect(RawPortal.line(portal.bman + 0x140)[0] == 0)
  }

  @Test func `a query says which own pools have buffers`() throws {
    let simulation = try Simulation(Talk.configuration(buffers: [64, 64, 8]))
    let portal = RawPortal(simulation.engine, owner: 2)
    let full = portal.bmanCommand([0x40])
    #expect(full[0] == 0xc0)
    #expect(full[40..<48] == [0x10, 0, 0, 0, 0, 0, 0, 0], "pool 3, and nothing of others'")
    #expect(portal.acquire(8, from: 3).count == 8)
    #expect(portal.bmanCommand([0x40])[40..<48].allSatisfy { $0 == 0 })
  }

  /// The register and the line of an index, as they show it.
  private func index(_ portal: RawPortal, _ register: Int, _ line: Int) -> [UInt32] {
    [
      RawPortal.number(RawPortal.line(portal.bmanRegisters + register)[0..<4]),
      RawPortal.number(RawPortal.line(portal.bman + line)[0..<4]),
    ]
  }

  @Test(arguments: [0, 1, 2] as [UInt32])
  func `release commands are announced by register, by line or by valid bit`(mode: UInt32) throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    func set(_ place: UnsafeMutableRawPointer, _ value: UInt32) {
      place.storeBytes(of: value.bigEndian, as: UInt32.self)
    }
    #expect(index(portal, 0, 0x3000) == [8, 8], "polarity 1 in the first lap")
    set(portal.bmanRegisters + 0x100, mode)
    for lap in 1...20 as ClosedRange<UInt32> {
      let buffer = try #require(portal.acquire(1, from: 3).first)
      portal.release(verb: 0x21, [(3, buffer)])
      if mode < 2 {
        simulation.engine.round()
        #expect(simulation.freeBuffers[2] == 63, "nothing says that it is there")
        set(mode == 0 ? portal.bmanRegisters : portal.bman + 0x3000, lap % 8)
      }
      simulation.engine.round()
      #expect(simulation.freeBuffers[2] == 64)
      #expect(index(portal, 4, 0x3100) == [lap % 8, lap % 8])
      let produced = lap % 8 + (lap / 8 % 2 == 0 ? 8 : 0)
      #expect(index(portal, 0, 0x3000) == [produced, produced])
    }
  }

  @Test(arguments: 1...8, [0x20, 0x30] as [UInt8])
  func `as many buffers are released as the command says`(count: Int, verb: UInt8) throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    for _ in 0..<20 {
      let buffers = portal.acquire(8, from: 3)
      // With verb 0x20 the first byte pair names the pool of all; others may be anything.
      let entries = buffers.enumerated().map { place, address in
        (pool: verb == 0x20 && place > 0 ? 1 : 3 as UInt8, address: address)
      }
      portal.release(verb: verb | UInt8(count), entries)
      simulation.engine.round()
      #expect(simulation.freeBuffers[2] == 64 - 8 + UInt32(count))
      let consumer = UInt32(portal.released % 8)
      #expect(RawPortal.number(RawPortal.line(portal.bmanRegisters + 4)[0..<4]) == consumer)
      #expect(RawPortal.number(RawPortal.line(portal.bman + 0x3100)[0..<4]) == consumer)
      if count < 8 {
        let rest = buffers[count...].map { (pool: 3 as UInt8, address: $0) }
        portal.release(verb: 0x30 | UInt8(rest.count), rest)
        simulation.engine.round()
      }
      #expect(simulation.freeBuffers[2] == 64)
    }
    #expect(simulation.engine.counters.value(.strayBuffers, 2) == 0)
  }

  @Test(arguments: [0x20, 0x30] as [UInt8], [0, 9, 15] as [UInt8])
  func `a release of no or too many buffers is refused and counted`(
    verb: UInt8, count: UInt8
  ) throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    let buffers = portal.acquire(8, from: 3).map { (pool: 3 as UInt8, address: $0) }
    portal.release(verb: verb | count, buffers)
    simulation.engine.round()
    #expect(simulation.freeBuffers[2] == 56)
    #expect(simulation.engine.counters.value(.strayBuffers, 2) == 1)
    portal.release(verb: 0x38, buffers)
    simulation.engine.round()
    #expect(simulation.freeBuffers[2] == 64, "the ring goes on behind it")
  }

  @Test func `only own, whole, held buffers are released`() throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    let other = RawPortal(simulation.engine, owner: 1)
    let own = try #require(portal.acquire(1, from: 3).first)
    let foreign = try #require(other.acquire(1, from: 2).first)
    portal.release(
      verb: 0x38,
      [
        (2, foreign), (3, foreign), (3, own + 64), (3, own + 2112), (3, own), (3, own),
        (9, own), (3, 0),
      ])
    simulation.engine.round()
    #expect(simulation.freeBuffers == [64, 63, 64])
    #expect(simulation.engine.counters.value(.strayBuffers, 2) == 7)
    #expect(simulation.engine.counters.value(.strayBuffers, 1) == 0)
    // Each free buffer is handed out once.
    let all = (0..<8).flatMap { _ in portal.acquire(8, from: 3) }
    #expect(Set(all).count == 64)
  }
}
