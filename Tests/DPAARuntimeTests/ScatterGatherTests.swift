import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// Frames that lie in several buffers: as ports write them, and as guests send them.
@Suite(.timeLimit(.minutes(10))) struct ScatterGatherTests {
  /// A configuration whose guests have a pool of small buffers and one of larger ones.
  private static func configuration(
    isP4080: Bool = false, programs: [GuestProgram] = [.sink, .sink, .sink],
    counts: (small: UInt32, large: UInt32) = (16, 40)
  ) -> RuntimeConfiguration {
    var configuration = Talk.configuration(isP4080: isP4080, programs: programs)
    for (owner, bpids) in [(1, [2, 9]), (2, [3, 10])] as [(Int, [UInt8])] {
      let base = configuration.owners[owner].pools[0].base
      configuration.owners[owner].pools = [
        PoolAssignment(
          bpid: BPID(bpids[0]), bufferCount: counts.small, bufferSize: 256, bufferStride: 256,
          base: base),
        PoolAssignment(
          bpid: BPID(bpids[1]), bufferCount: counts.large, bufferSize: 512, bufferStride: 576,
          base: base + 0x10_000),
      ]
    }
    return configuration
  }

  private static func free(_ configuration: RuntimeConfiguration) -> [UInt32] {
    configuration.owners.flatMap(\.pools).map(\.bufferCount)
  }

  // MARK: From ports

  @Test(arguments: [449, 896, 897, 1500, 7168])
  func `a frame larger than every buffer comes in pieces of the largest`(size: Int) throws {
    let frame = Talk.frame(to: Talk.guest1, number: 5, size: size)
    let simulation = try Simulation(Self.configuration(), frames: [frame])
    simulation.run(active: [])
    let portals = (0..<2).map { RawPortal(simulation.engine, owner: 1, portal: $0) }
    let entry = try #require(portals.compactMap { $0.dequeue() }.first)
    // The descriptor: the larger pool, format 4, the headroom in front of the table.
    #expect(entry[17] == 9)
    let address = RawPortal.address(entry[16..<24])
    #expect(RawPortal.number(entry[24..<28]) == 4 << 29 | 64 << 20 | UInt32(size))
    let pool = simulation.engine.configuration.owners[1].pools[1]
    let memory = simulation.engine.memory[1].pools[1].memory
    func bytes(_ address: UInt64, _ count: Int) -> [UInt8] {
      let start = memory + Int(address - pool.base)
      return (0..<count).map { start.load(fromByteOffset: $0, as: UInt8.self) }
    }
    // The table, word by word, and the parse result in front of it.
    #expect(bytes(address + 18, 1) == [0x80])
    let count = (size + 447) / 448
    let table = bytes(address + 64, 16 * count)
    var found: [UInt8] = []
    var addresses = [address]
    for place in 0..<count {
      let line = Array(table[(16 * place)..<(16 * place + 16)])
      let length = min(448, size - 448 * place)
      let final: UInt32 = place == count - 1 ? 0x4000_0000 : 0
      #expect(line[0...2] == [0, 0, 0])
      #expect(RawPortal.number(line[8..<12]) == final | UInt32(length))
      #expect(line[12...13] == [0, 9])
      #expect(line[14...15] == [0, 64])
      let piece = RawPortal.address(line[0..<8])
      addresses.append(piece)
      found += bytes(piece + 64, length)
    }
    #expect(found == frame)
    #expect(Set(addresses).count == count + 1)
    #expect(simulation.freeBuffers == [64, 16, 40 - UInt32(count) - 1, 16, 40])
  }

  @Test(arguments: [false, true])
  func `the guest library finds the pieces, and releases them with the frame`(
    isP4080: Bool
  ) throws {
    let configuration = Self.configuration(isP4080: isP4080)
    let sizes = [192, 193, 448, 449, 1000, 3000, 60, 7168]
    let frames = sizes.enumerated().map {
      Talk.frame(to: Talk.guest1, number: UInt64($0), size: $1)
    }
    let simulation = try Simulation(configuration, frames: frames)
    var received: [Guest.Received] = []
    simulation.run(active: []) { _ in received += simulation.guests[1].take() }
    received.sort { Talk.number($0.bytes) < Talk.number($1.bytes) }
    #expect(received.map(\.bytes) == frames)
    #expect(received.map(\.descriptor.bpid) == [2, 9, 9, 9, 9, 9, 2, 9])
    #expect(
      received.map(\.descriptor.isScattered)
        == [false, false, false, true, true, true, false, true])
    #expect(simulation.freeBuffers == Self.free(configuration))
    #expect(try simulation.report().isConserved)
  }

  @Test(arguments: [false, true])
  func `a frame in pieces is answered like any other`(isP4080: Bool) throws {
    let configuration = Self.configuration(
      isP4080: isP4080, programs: [.reflect, .reflect, .reflect])
    let frames = (0..<60).map { number in
      Talk.frame(
        to: [Talk.guest1, Talk.guest2, Talk.host][Int(number) % 3], number: number,
        size: 64 + 113 * Int(number))
    }
    let simulation = try Simulation(configuration, frames: frames)
    simulation.run()
    let replies = try simulation.transmitted()
    #expect(replies.count == 60)
    for reply in replies {
      let request = frames[Int(Talk.number(reply))]
      #expect(Array(reply[26..<30]) == Array(request[30..<34]))
      #expect(Array(reply[42...]) == Array(request[42...]))
    }
    #expect(simulation.freeBuffers == Self.free(configuration))
    #expect(try simulation.report().isConserved)
  }

  @Test func `a frame waits for all its buffers, and is dropped when they do not come`() throws {
    let configuration = Self.configuration(counts: (16, 10))
    // Nine pieces and a table fill the pool; the next one waits, and is given up.
    let frames = (0..<3).map { Talk.frame(to: Talk.guest1, number: $0, size: 9 * 448) }
    let simulation = try Simulation(configuration, frames: frames)
    simulation.run(active: [])
    #expect(simulation.dropped(.poolDepleted, 1) == 2)
    #expect(simulation.guests[1].take().map(\.bytes) == [frames[0]])
    simulation.run(active: [])
    #expect(simulation.freeBuffers == Self.free(configuration))
    #expect(try simulation.report().isConserved)
  }

  @Test func `frames that fit meanwhile do not have those in pieces wait again and again`() throws {
    let configuration = Self.configuration(counts: (16, 10))
    // One of ten buffers stays away: the large frames never fit, the others use and leave the rest.
    let frames = (0..<20).map {
      Talk.frame(to: Talk.guest1, number: $0, size: $0 % 2 == 0 ? 9 * 448 : 400)
    }
    let simulation = try Simulation(configuration, frames: frames)
    let guest = simulation.guests[1]
    let held = try need(guest.session.portals[0].acquire(from: 9))
    var rounds = 0
    simulation.run(active: [1]) { rounds = $0 }
    #expect(simulation.dropped(.poolDepleted, 1) == 10)
    // One wait of 50 ms, and 100 ms in which nothing moves at the end.
    #expect((150..<200).contains(rounds), "\(rounds)")
    guest.release(held)
    simulation.run(active: [1])
    #expect(simulation.freeBuffers == Self.free(configuration))
    #expect(try simulation.report().isConserved)
  }

  @Test func `a frame that no free pool could ever hold does not wait`() throws {
    let configuration = Self.configuration(counts: (16, 10))
    let simulation = try Simulation(
      configuration,
      frames: [
        Talk.frame(to: Talk.guest1, number: 0, size: 9 * 448 + 1),
        Talk.frame(to: Talk.guest1, number: 1),
      ])
    simulation.engine.control.setInput(true)
    for _ in 0..<3 { simulation.engine.round() }
    #expect(simulation.dropped(.frameTooLarge, 1) == 1)
    #expect(simulation.guests[1].take().count == 1)
  }

  @Test func `pools that hardware calls depleted are passed over, for pieces too`() throws {
    var configuration = Self.configuration(counts: (16, 8))
    // Depleted with fewer than 6 of 8 buffers: the first frame takes 3, the second finds 5.
    configuration.queueing[1] = .init(poolThresholds: [
      PoolThresholds(), PoolThresholds(hardwareEnter: 6, hardwareExit: 7),
    ])
    let frames = (0..<3).map { Talk.frame(to: Talk.guest1, number: $0, size: 800) }
    let simulation = try Simulation(configuration, frames: frames, rate: 100)
    simulation.run(active: [])
    #expect(simulation.guests[1].take().count == 1)
    #expect(simulation.dropped(.poolDepleted, 1) == 2)
  }

  @Test func `a queue that refuses a frame in pieces leaves none of its buffers away`() throws {
    let configuration = Self.configuration()
    let simulation = try Simulation(
      configuration, frames: [Talk.frame(to: Talk.guest2, number: 1, size: 2000)])
    let portal = RawPortal(simulation.engine, owner: 2)
    for fqid in 208..<216 as Range<UInt8> {
      #expect(portal.qmanCommand([0x4a, 0, 0, 0, 0, 0, 0, fqid])[1] == 0xf0)
    }
    simulation.run(active: [])
    #expect(simulation.dropped(.queueRefused, 2) == 1)
    #expect(simulation.freeBuffers == Self.free(configuration))
  }

  // MARK: From guests

  /// A frame of several pieces, of the pool's buffers one after the other.
  private static func joined(_ guest: Guest, _ pieces: [[UInt8]], from pool: BPID) -> Buffer? {
    var burst = Burst()
    guard guest.session.portals[0].acquire(pieces.count, from: pool, into: &burst) == pieces.count,
      let table = guest.session.portals[0].acquire(from: pool)
    else { return nil }
    for (index, piece) in pieces.enumerated() {
      burst[index].setLength(piece.count)
      burst[index].frame.copyBytes(from: piece)
    }
    return burst.join(in: table)
  }

  private static func send(
    _ guest: Guest, _ pieces: [[UInt8]], to queue: FQID, from pool: BPID
  ) -> Bool {
    guard let buffer = joined(guest, pieces, from: pool) else { return false }
    switch guest.session.portals[0].enqueue(buffer, to: queue) {
    case .accepted: return true
    case .full(let buffer):
      guest.release(buffer)
      return false
    }
  }

  @Test(arguments: [1, 2, 7, 16])
  func `a guest sends a frame of pieces to the wire, to a link and to itself`(count: Int) throws {
    let configuration = Self.configuration()
    let simulation = try Simulation(configuration)
    let frame = Talk.frame(to: Talk.stranger, number: 9, size: 60 + 150 * count)
    let step = (frame.count + count - 1) / count
    let pieces = stride(from: 0, to: frame.count, by: step).map {
      Array(frame[$0..<min(frame.count, $0 + step)])
    }
    // guest2: its transmit queue, its link to guest1, one that it receives from itself.
    for queue in [201, 203, 208] as [FQID] {
      #expect(Self.send(simulation.guests[2], pieces, to: queue, from: 10))
      for _ in 0..<3 { simulation.engine.round() }
    }
    #expect(simulation.guests[2].take().map(\.bytes) == [frame])
    #expect(simulation.guests[1].take().map(\.bytes) == [frame])
    for _ in 0..<3 { simulation.engine.round() }
    #expect(simulation.freeBuffers == Self.free(configuration))
    #expect(try simulation.transmitted() == [frame])
  }

  @Test func `a burst releases frames in pieces among others, as far as there is room`() throws {
    let configuration = Self.configuration()
    let simulation = try Simulation(configuration)
    let guest = simulation.guests[2]
    var burst = Burst()
    for count in [1, 12, 3] {
      let pieces = (0..<count).map { [UInt8](repeating: UInt8($0), count: 20) }
      let frame = try need(Self.joined(guest, pieces, from: 10))
      burst.append(frame)
      burst.append(try need(guest.session.portals[0].acquire(from: 3)))
    }
    #expect(simulation.freeBuffers == [64, 16, 40, 13, 40 - 2 - 13 - 4])
    // One command each, and two for 13 buffers: seven fill the ring.
    let released = guest.session.portals[0].release(&burst)
    #expect(released == 6)
    let isEmpty = burst.isEmpty
    #expect(isEmpty)
    simulation.engine.round()
    #expect(simulation.freeBuffers == Self.free(configuration))
    let counter = GuestStatus.Counter.released.offset
    #expect(guest.session.status.counter(counter) == 3 + 2 + 13 + 4)
  }

  @Test func `a frame in pieces that its queue refuses is the guest's again, whole`() throws {
    let configuration = Self.configuration()
    let simulation = try Simulation(configuration)
    let guest = simulation.guests[2]
    let pieces: [[UInt8]] = [[1, 2, 3], [4, 5]]
    // A queue of its own that is out of service.
    #expect(Self.send(guest, pieces, to: 399, from: 10))
    simulation.engine.round()
    #expect(simulation.dropped(.foreignQueue, 2) == 1)
    let buffer = try need(guest.session.portals[0].takeRejection()?.takeBuffer())
    let bytes = guest.bytes(of: buffer, on: 0)
    #expect(bytes == [1, 2, 3, 4, 5])
    guest.release(buffer)
    simulation.engine.round()
    #expect(simulation.freeBuffers == Self.free(configuration))
  }

  @Test func `what a killed guest had sent in pieces leaves, and its buffers come back`() throws {
    let configuration = Self.configuration()
    let simulation = try Simulation(
      configuration, frames: [Talk.frame(to: Talk.guest2, number: 1, size: 3000)])
    simulation.run(active: [])
    let frame = Talk.frame(to: Talk.stranger, number: 2, size: 600)
    #expect(
      Self.send(
        simulation.guests[2], [Array(frame[..<300]), Array(frame[300...])], to: 201, from: 10))
    simulation.engine.control.markGone(owner: 2)
    simulation.run(active: [])
    #expect(try simulation.transmitted() == [frame])
    #expect(simulation.freeBuffers == Self.free(configuration))
  }

  @Test func `a table that was written over is none, and costs its writer only`() throws {
    let configuration = Self.configuration()
    let simulation = try Simulation(
      configuration, frames: [Talk.frame(to: Talk.guest2, number: 1, size: 3000)])
    simulation.run(active: [])
    let portal = RawPortal(simulation.engine, owner: 2)
    #expect(portal.dequeue() != nil)
    let guest = simulation.guests[2]
    let buffer = try need(guest.session.portals[0].dequeue())
    let memory = simulation.engine.memory[2].pools[1].memory
    let table = memory + Int(buffer.descriptor.address - configuration.owners[2].pools[1].base) + 64
    // The third entry leads to another table.
    let third = table.load(fromByteOffset: 40, as: UInt8.self)
    table.storeBytes(of: third | 0x80, toByteOffset: 40, as: UInt8.self)
    let isWhole = guest.session.portals[0].pieces(of: buffer) != nil
    #expect(!isWhole)
    let isEmpty = buffer.frame.isEmpty
    #expect(isEmpty)
    guest.release(buffer)
    simulation.engine.round()
    // The table and two pieces are back; five it has lost, until it ends.
    #expect(simulation.freeBuffers == [64, 16, 40, 16, 35])
    simulation.engine.control.markGone(owner: 2)
    simulation.run(active: [])
    #expect(simulation.freeBuffers == Self.free(configuration))
  }
}
