import Partitioning
import TestSupport
import Testing

@testable import DPAARuntime

/// What a guest may write into the table of a frame in several buffers: nobody else is harmed, and its
/// buffers stay accounted for.
@Suite(.timeLimit(.minutes(10))) struct HostileTableTests {
  private static let own: UInt64 = 0xa010_0000
  private static let stride: UInt64 = 2112

  /// An entry of a table, in bytes.
  private struct Entry: Sendable {
    var address: UInt64
    var bpid: UInt8 = 3
    var offset: UInt16 = 64
    var length: UInt32 = 100
    var isFinal = false
    var isExtension = false

    var bytes: [UInt8] {
      let length = length | (isFinal ? 1 << 30 : 0) | (isExtension ? 1 << 31 : 0)
      return [0, 0, 0] + [32, 24, 16, 8, 0].map { UInt8(address >> $0 & 0xff) }
        + [24, 16, 8, 0].map { UInt8(length >> $0 & 0xff) } + [0, bpid]
        + [UInt8(offset >> 8 & 0x1f), UInt8(offset & 0xff)]
    }
  }

  /// A buffer of guest2's.
  private static func buffer(_ index: UInt64) -> UInt64 { own + stride * index }

  /// A table that is wrong; guest2 holds the first three buffers, the first of which has the table.
  struct Case: Sendable, CustomTestStringConvertible {
    let what: String
    let table: [UInt8]
    let reason: DropReason
    var offset: UInt32 = 64
    var length: UInt32 = 200
    var testDescription: String { what }
  }

  private static func table(_ change: (inout [Entry]) -> Void) -> [UInt8] {
    var entries = [Entry(address: buffer(1)), Entry(address: buffer(2), isFinal: true)]
    change(&entries)
    return entries.flatMap(\.bytes)
  }

  static let cases: [Case] = [
    Case(
      what: "another table, an empty one", table: table { $0[1].isExtension = true },
      reason: .badPieces),
    Case(
      what: "another table where none can be",
      table: table { ($0[1].isExtension, $0[1].offset) = (true, 68) }, reason: .badPieces),
    Case(
      what: "another table behind its buffer",
      table: table { ($0[1].isExtension, $0[1].offset) = (true, 0x1ff8) }, reason: .badPieces),
    Case(
      what: "its own buffer as another table",
      table: table { ($0[1].isExtension, $0[1].address) = (true, buffer(0)) },
      reason: .foreignBuffer),
    Case(
      what: "another's buffer as another table",
      table: table {
        $0[1].address = 0x8010_0000
        ($0[1].isExtension, $0[1].bpid) = (true, 2)
      }, reason: .foreignBuffer),
    Case(
      what: "no final piece",
      table: table { $0[1].isFinal = false } + [UInt8](repeating: 0, count: 16),
      reason: .badPieces),
    Case(
      what: "a final piece too early", table: table { $0[0].isFinal = true }, reason: .badPieces),
    Case(what: "an empty piece", table: table { $0[0].length = 0 }, reason: .badPieces),
    Case(what: "pieces too long", table: table { _ in }, reason: .badPieces, length: 199),
    Case(what: "pieces too short", table: table { _ in }, reason: .badPieces, length: 201),
    Case(
      what: "a piece over its buffer's end", table: table { $0[0].offset = 1949 },
      reason: .badPieces),
    Case(
      what: "an offset behind its buffer's end", table: table { $0[0].offset = 0x1fff },
      reason: .badPieces),
    Case(
      what: "the longest length", table: table { $0[0].length = 0x3fff_ffff }, reason: .badPieces),
    Case(
      what: "a table behind its buffer's end", table: table { _ in }, reason: .badDescriptor,
      offset: 68),
    Case(what: "no bytes at all", table: table { _ in }, reason: .badDescriptor, length: 0),
    Case(
      what: "a piece twice", table: table { $0[1].address = buffer(1) }, reason: .foreignBuffer),
    Case(
      what: "the table's own buffer", table: table { $0[0].address = buffer(0) },
      reason: .foreignBuffer),
    Case(what: "a free buffer", table: table { $0[1].address = buffer(3) }, reason: .foreignBuffer),
    Case(
      what: "the middle of a buffer", table: table { $0[1].address += 64 }, reason: .foreignBuffer),
    Case(
      what: "guest1's buffer",
      table: table {
        $0[1].address = 0x8010_0000
        $0[1].bpid = 2
      }, reason: .foreignBuffer),
    Case(what: "another's pool", table: table { $0[1].bpid = 1 }, reason: .foreignBuffer),
    Case(what: "no pool", table: table { $0[1].bpid = 77 }, reason: .foreignBuffer),
    Case(
      what: "seventeen pieces",
      table: (0..<17).flatMap {
        Entry(address: buffer(1 + $0), length: 1, isFinal: $0 == 16).bytes
      },
      reason: .badPieces, length: 17),
  ]

  private static func write(_ bytes: [UInt8], _ simulation: Simulation, at offset: Int) {
    RawPortal.write(bytes, at: simulation.engine.memory[2].pools[0].memory + offset)
  }

  @Test(arguments: cases)
  func `a wrong table is refused with its reason, and every buffer stays the guest's`(
    wrong: Case
  ) throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    let many = wrong.what == "seventeen pieces"
    let held =
      portal.acquire(8, from: 3) + (many ? portal.acquire(8, from: 3) : [])
      + (many ? portal.acquire(2, from: 3) : [])
    #expect(held.first == Self.own)
    if !many {
      portal.release(verb: 0x25, held[3...].map { (3, $0) })
      simulation.engine.round()
    }
    let free = simulation.freeBuffers
    Self.write(wrong.table, simulation, at: Int(wrong.offset))
    let command = RawPortal.enqueueCommand(
      RawPortal.descriptor(
        bpid: 3, address: Self.own, offset: wrong.offset, length: wrong.length, format: 4),
      to: 201)
    portal.enqueue(command)
    for _ in 0..<4 { simulation.engine.round() }
    for reason in DropReason.allCases {
      #expect(simulation.dropped(reason, 2) == (reason == wrong.reason ? 1 : 0), "\(reason)")
    }
    let message = try #require(portal.message())
    #expect(message[4] == 0x20)
    #expect(Array(message[8..<32]) == Array(command[8..<32]))
    portal.consumeMessages()
    #expect(simulation.freeBuffers == free)
    // The buffers are still the guest's: rightly sent, they leave.
    Self.write(Self.table { _ in }, simulation, at: 64)
    portal.enqueue(
      RawPortal.enqueueCommand(
        RawPortal.descriptor(bpid: 3, address: Self.own, length: 200, format: 4), to: 201))
    for _ in 0..<4 { simulation.engine.round() }
    #expect(portal.message() == nil)
    #expect(simulation.freeBuffers[2] == free[2] + 3)
    #expect(try simulation.transmitted().map(\.count) == [200])
  }

  /// Writes a frame of so many pieces over chained tables of so many entries; the address of the first table.
  private static func chain(
    _ held: [UInt64], pieces: Int, perTable: Int, _ simulation: Simulation
  ) -> UInt64? {
    var free = held[...]
    guard let first = free.popFirst() else { return nil }
    var table = (address: first, entries: [Entry]())
    for number in 0..<pieces {
      guard let piece = free.popFirst() else { return nil }
      write([UInt8(number), 0xd0], simulation, at: Int(piece - own) + 64)
      if table.entries.count == perTable - 1, number < pieces - 1 {
        guard let next = free.popFirst() else { return nil }
        // What such an entry says of a length does not count.
        table.entries.append(Entry(address: next, length: 0x3fff_ffff, isExtension: true))
        write(table.entries.flatMap(\.bytes), simulation, at: Int(table.address - own) + 64)
        table = (next, [])
      }
      table.entries.append(Entry(address: piece, length: 2, isFinal: number == pieces - 1))
    }
    write(table.entries.flatMap(\.bytes), simulation, at: Int(table.address - own) + 64)
    return first
  }

  // Entries of all tables: the pieces, and one for each further table.
  @Test(arguments: [
    (5, 2), (16, 16), (30, 16), (60, 16), (61, 16), (62, 16), (32, 2), (33, 2), (34, 2),
  ])
  func `tables that lead to others are followed, to 64 entries`(pieces: Int, perTable: Int) throws {
    let simulation = try Simulation(Talk.configuration(buffers: [64, 64, 128]))
    let portal = RawPortal(simulation.engine, owner: 2)
    let held = (0..<16).flatMap { _ in portal.acquire(8, from: 3) }
    let first = try #require(
      Self.chain(held, pieces: pieces, perTable: perTable, simulation))
    let tables = pieces <= perTable ? 1 : 1 + (pieces - 2) / (perTable - 1)
    let isServed = pieces + tables - 1 <= 64
    func send(to queue: UInt32) {
      portal.enqueue(
        RawPortal.enqueueCommand(
          RawPortal.descriptor(
            bpid: 3, address: first, length: UInt32(2 * pieces), format: 4), to: queue))
      for _ in 0..<4 { simulation.engine.round() }
    }
    // To itself, and back in its hands; then to the wire.
    send(to: 208)
    #expect(simulation.dropped(.badPieces, 2) == (isServed ? 0 : 1))
    #expect(simulation.freeBuffers[2] == 0)
    if isServed { portal.consume() }
    send(to: 201)
    #expect(simulation.freeBuffers[2] == (isServed ? UInt32(pieces + tables) : 0))
    let bytes: [UInt8] = (0..<pieces).flatMap { [UInt8($0), 0xd0] as [UInt8] }
    // No MAC sends less than an Ethernet header.
    let sent = isServed && bytes.count >= 14 ? [bytes] : []
    #expect(try simulation.transmitted() == sent)
  }

  @Test(arguments: [64, 68, 72] as [UInt16])
  func `a further table begins at a multiple of eight bytes`(offset: UInt16) throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    let held = portal.acquire(4, from: 3)
    func write(_ entries: [Entry], at offset: UInt16, of buffer: UInt64) {
      Self.write(entries.flatMap(\.bytes), simulation, at: Int(buffer - Self.own) + Int(offset))
    }
    write(
      [
        Entry(address: held[1], length: 20),
        Entry(address: held[2], offset: offset, isExtension: true),
      ], at: 64, of: held[0])
    write([Entry(address: held[3], length: 20, isFinal: true)], at: offset, of: held[2])
    portal.enqueue(
      RawPortal.enqueueCommand(
        RawPortal.descriptor(bpid: 3, address: held[0], length: 40, format: 4), to: 201))
    for _ in 0..<4 { simulation.engine.round() }
    let isTaken = offset % 8 == 0
    #expect(simulation.dropped(.badPieces, 2) == (isTaken ? 0 : 1))
    #expect(try simulation.transmitted().map(\.count) == (isTaken ? [40] : []))
  }

  @Test func `a table that is changed behind the engine's back means nothing any more`() throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    let held = portal.acquire(5, from: 3)
    Self.write([UInt8](repeating: 0x11, count: 100), simulation, at: Int(Self.stride) + 64)
    Self.write([UInt8](repeating: 0x22, count: 100), simulation, at: 2 * Int(Self.stride) + 64)
    Self.write(Self.table { _ in }, simulation, at: 64)
    // Into a queue that nobody serves yet, so that it waits: its own receive queue.
    portal.setRegister(0x54, 0)
    portal.enqueue(
      RawPortal.enqueueCommand(
        RawPortal.descriptor(bpid: 3, address: Self.own, length: 200, format: 4), to: 208))
    // And a second one, whose pieces the first one's table shall name.
    portal.enqueue(
      RawPortal.enqueueCommand(RawPortal.descriptor(bpid: 3, address: held[3]), to: 208))
    for _ in 0..<3 { simulation.engine.round() }
    Self.write(
      Self.table {
        $0[0].address = held[3]
        $0[1].address = held[4]
      }, simulation, at: 64)
    portal.setRegister(0x54, 0x2100_8000)
    for _ in 0..<3 { simulation.engine.round() }
    // The guest has all five again, each once: the engine went by its own copy.
    #expect(portal.dequeue() != nil)
    #expect(portal.dequeue() != nil)
    portal.release(verb: 0x25, held.map { (3, $0) })
    simulation.engine.round()
    #expect(simulation.engine.counters.value(.strayBuffers, 2) == 0)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `random tables lose and win no buffer, and harm nobody`() throws {
    var random = SeededGenerator(seed: 11)
    let simulation = try Simulation(Talk.configuration(programs: [.sink, .sink, .sink]))
    let portal = RawPortal(simulation.engine, owner: 2)
    let held = (0..<3).flatMap { _ in portal.acquire(8, from: 3) }
    var sent = 0
    for _ in 0..<3000 {
      let count = 1 + random.below(4)
      var entries = (0..<count).map { place in
        Entry(
          address: held[random.below(held.count)], bpid: random.below(20) == 0 ? 2 : 3,
          offset: UInt16(random.below(random.below(10) == 0 ? 8192 : 1000)),
          length: UInt32(1 + random.below(1000)), isFinal: place == count - 1,
          isExtension: random.below(30) == 0)
      }
      if random.below(20) == 0 { entries[count - 1].address ^= UInt64(random.below(1 << 16)) }
      let table = held[random.below(held.count)]
      let length = entries.reduce(0) { $0 + $1.length } + (random.below(10) == 0 ? 1 : 0)
      var bytes = entries.flatMap(\.bytes)
      if random.below(10) == 0 { bytes[random.below(bytes.count)] ^= UInt8(1 << random.below(8)) }
      Self.write(bytes, simulation, at: Int(table - Self.own) + 64)
      portal.enqueue(
        RawPortal.enqueueCommand(
          RawPortal.descriptor(bpid: 3, address: table, length: length, format: 4), to: 208))
      for _ in 0..<2 { simulation.engine.round() }
      // It comes back to the guest, as a frame or as a rejection.
      if portal.dequeue() != nil {
        sent += 1
        portal.consume()
      } else {
        #expect(portal.message() != nil)
        portal.consumeMessages()
      }
      simulation.engine.round()
      #expect(simulation.freeBuffers == [64, 64, 40])
    }
    #expect(sent > 300)
    #expect(sent < 2700)
    for (place, buffer) in held.enumerated() {
      portal.release(verb: 0x21, [(3, buffer)])
      if place % 4 == 3 { simulation.engine.round() }
    }
    #expect(simulation.engine.counters.value(.strayBuffers, 2) == 0)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }
}
