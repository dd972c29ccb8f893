import DPAAPortal
import Partitioning
import TestSupport
import Testing

@testable import DPAARuntime

/// QMan's half of a portal, byte by byte.
@Suite(.timeLimit(.minutes(10))) struct QManPortalTests {
  static let rings = [
    RingSizes.hardware, RingSizes(enqueue: 64, dequeue: 64), RingSizes(enqueue: 16, dequeue: 32),
  ]

  @Test(arguments: rings)
  func `the enqueue ring wraps for many laps`(rings: RingSizes) throws {
    let simulation = try Simulation(Talk.configuration(rings: rings))
    let portal = RawPortal(simulation.engine, owner: 2)
    for round in 0..<400 {
      for buffer in portal.acquire(UInt8(round % 5 + 1), from: 3) {
        portal.enqueue(
          RawPortal.enqueueCommand(RawPortal.descriptor(bpid: 3, address: buffer), to: 201))
      }
      simulation.engine.round()
      let consumer = UInt32(portal.enqueued % rings.enqueue)
      #expect(portal.register(0x04) == consumer)
      #expect(RawPortal.number(RawPortal.line(portal.qman + 0x3100)[0..<4]) == consumer)
    }
    #expect(portal.enqueued == 1200)
    #expect(simulation.engine.counters.value(.taken, 2) == 1200)
    #expect(try simulation.transmitted().count == 1200)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test(arguments: rings)
  func `a ring of all but one entry is taken whole`(rings: RingSizes) throws {
    let simulation = try Simulation(Talk.configuration(rings: rings))
    let portal = RawPortal(simulation.engine, owner: 2)
    var buffers: [UInt64] = []
    while buffers.count < rings.enqueue - 1 { buffers += portal.acquire(1, from: 3) }
    for _ in 0..<3 {
      for buffer in buffers {
        portal.enqueue(
          RawPortal.enqueueCommand(RawPortal.descriptor(bpid: 3, address: buffer), to: 202))
      }
      simulation.engine.round()
      #expect(portal.register(0x04) == UInt32(portal.enqueued % rings.enqueue))
      // Queue 202 receives: what the guest puts there comes back to it.
      var returned: [UInt64] = []
      for _ in 0..<10 {
        while let entry = portal.dequeue() { returned.append(RawPortal.address(entry[16..<24])) }
        portal.consume()
        simulation.engine.round()
      }
      #expect(returned == buffers)
    }
  }

  @Test func `a line without a verb is not taken, whatever its valid bit`() throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    let zeros = [UInt8](repeating: 0, count: 64)
    // In the first lap the valid bit is 1, in the second it is 0: a zeroed line has that.
    RawPortal.write([0x80] + zeros.dropFirst(), at: portal.qman)
    simulation.engine.round()
    #expect(simulation.engine.counters.value(.taken, 2) == 0)
    for _ in 0..<8 {
      let buffer = try #require(portal.acquire(1, from: 3).first)
      portal.enqueue(
        RawPortal.enqueueCommand(RawPortal.descriptor(bpid: 3, address: buffer), to: 201))
      simulation.engine.round()
    }
    #expect(simulation.engine.counters.value(.taken, 2) == 8)
    for line in 0..<8 { RawPortal.write(zeros, at: portal.qman + 64 * line) }
    simulation.engine.round()
    #expect(simulation.engine.counters.value(.taken, 2) == 8)
    RawPortal.write([0x81] + zeros.dropFirst(), at: portal.qman)
    simulation.engine.round()
    #expect(simulation.engine.counters.value(.taken, 2) == 8, "the valid bit of the last lap")
    RawPortal.write([0x01] + zeros.dropFirst(), at: portal.qman)
    simulation.engine.round()
    #expect(simulation.engine.counters.value(.taken, 2) == 9)
  }

  @Test(arguments: rings)
  func `dequeue entries say what their frames are, and the index follows them`(
    rings: RingSizes
  ) throws {
    let frames = (0..<300).map { Talk.frame(to: Talk.host, number: $0, size: 64 + Int($0)) }
    let simulation = try Simulation(Talk.configuration(rings: rings), frames: frames)
    simulation.engine.control.setInput(true)
    let portal = RawPortal(simulation.engine, owner: 0)
    var count = 0
    for _ in 0..<400 {
      simulation.engine.round()
      let producer = portal.register(0x40)
      #expect(RawPortal.number(RawPortal.line(portal.qman + 0x3200)[0..<4]) == producer)
      var addresses: [(UInt8, UInt64)] = []
      while let entry = portal.dequeue() {
        let address = RawPortal.address(entry[16..<24])
        let frame = frames[count]
        #expect(entry[1] & 0x10 != 0, "a frame is valid")
        #expect(RawPortal.number(entry[2..<4]) == UInt32(count), "the order point counts")
        #expect(RawPortal.number(entry[8..<12]) == 16, "FQID")
        #expect(RawPortal.number(entry[12..<16]) == 0, "context B")
        #expect(entry[16] == 1 && entry[17] == 1 && entry[18] == 0, "LIODN offset and BPID")
        #expect(RawPortal.number(entry[24..<28]) == 64 << 20 | UInt32(frame.count))
        let memory = simulation.engine.memory[0].pools[0].memory + Int(address - 0x10_0000) + 64
        #expect(Array(UnsafeRawBufferPointer(start: memory, count: frame.count)) == frame)
        addresses.append((1, address))
        count += 1
      }
      #expect(addresses.count <= rings.dequeue - 1)
      // The producer's polarity stands above its index: 1 in the first lap.
      let polarity = count / rings.dequeue % 2 == 0 ? rings.dequeue : 0
      #expect(producer == UInt32(count % rings.dequeue | polarity))
      portal.consume()
      for chunk in stride(from: 0, to: addresses.count, by: 8) {
        let buffers = addresses[chunk..<min(chunk + 8, addresses.count)]
        portal.release(verb: 0x20 | UInt8(buffers.count), buffers.map { ($0.0, $0.1) })
        simulation.engine.round()
      }
    }
    #expect(count == frames.count)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `the last frame of a queue is marked`() throws {
    let frames = (0..<4).map { Talk.frame(to: Talk.host, number: $0) }
    let simulation = try Simulation(frames: frames)
    let portal = RawPortal(simulation.engine, owner: 0)
    simulation.engine.control.setInput(true)
    simulation.engine.round()
    var status: [UInt8] = []
    while let entry = portal.dequeue() { status.append(entry[1]) }
    #expect(status == [0x10, 0x10, 0x10, 0x90])
  }

  @Test func `nothing is delivered while the static command asks for nothing`() throws {
    let frames = (0..<5).map { Talk.frame(to: Talk.host, number: $0) }
    let simulation = try Simulation(frames: frames)
    let portal = RawPortal(simulation.engine, owner: 0)
    simulation.engine.control.setInput(true)
    // No command, no channel, no frame count.
    for command in [0, 0x2100_0000, 0x2000_8000] as [UInt32] {
      portal.setRegister(0x54, command)
      for _ in 0..<3 { simulation.engine.round() }
      #expect(portal.dequeue() == nil)
    }
    portal.setRegister(0x54, 0x2100_8000)
    simulation.engine.round()
    #expect((0..<6).map { _ in portal.dequeue() != nil } == [true, true, true, true, true, false])
  }

  @Test func `a rejection echoes the command with the reason`() throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    for round in 0..<30 {
      let frame = RawPortal.descriptor(bpid: 2, address: 0x8010_0000, length: UInt32(60 + round))
      let command = RawPortal.enqueueCommand(frame, to: 101, tag: 0xabcd_0000 + UInt32(round))
      portal.enqueue(command)
      simulation.engine.round()
      let message = try #require(portal.message())
      #expect(message[0] & 0x7f == 0x01)
      #expect(Array(message[1..<4]) == [0, 0x12, 0x34], "DCA and sequence number")
      #expect(message[4] == 0x20, "invalid enqueue")
      #expect(Array(message[8..<32]) == Array(command[8..<32]))
      let producer = UInt32(portal.messages % 8 | (portal.messages / 8 % 2 == 0 ? 8 : 0))
      #expect(portal.register(0x80) == producer)
      #expect(RawPortal.number(RawPortal.line(portal.qman + 0x3400)[0..<4]) == producer)
      portal.consumeMessages()
    }
    #expect(simulation.dropped(.foreignQueue, 2) == 30)
  }

  @Test func `no enqueue is taken whose rejection would find no place`() throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    let frame = RawPortal.descriptor(bpid: 3, address: 0)
    for _ in 0..<4 {
      for _ in 0..<3 { portal.enqueue(RawPortal.enqueueCommand(frame, to: 1)) }
      simulation.engine.round()
    }
    #expect(simulation.engine.counters.value(.taken, 2) == 7)
    var count = 0
    while portal.message() != nil { count += 1 }
    #expect(count == 7)
    simulation.engine.round()
    #expect(simulation.engine.counters.value(.taken, 2) == 7)
    portal.consumeMessages()
    simulation.engine.round()
    #expect(simulation.engine.counters.value(.taken, 2) == 12)
  }

  @Test func `commands alternate between two responses, and the idle one reads 0`() throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    for round in 0..<6 {
      let response = portal.qmanCommand([0x45, 0, 0, 0, 0, 0, 0, 201])
      let isOne = round % 2 == 0
      #expect(response[0] == 0x45 | (isOne ? 0x80 : 0))
      #expect(response[1] == 0xf0)
      #expect(response[3] == 2, "tentatively scheduled")
      let idle = RawPortal.line(portal.qman + (isOne ? 0x3900 : 0x3940))
      #expect(idle[0] == 0)
      // An answered command is not carried out again.
      #expect(!simulation.engine.round())
    }
  }

  @Test func `a query counts the frames and bytes of an own queue`() throws {
    let frames = (0..<20).map { Talk.frame(to: Talk.host, number: $0) }
    let simulation = try Simulation(frames: frames)
    let portal = RawPortal(simulation.engine, owner: 0)
    portal.setRegister(0x54, 0)
    simulation.engine.control.setInput(true)
    simulation.engine.round()
    let response = portal.qmanCommand([0x45, 0, 0, 0, 0, 0, 0, 16])
    #expect(response[3] == 3, "truly scheduled")
    #expect(RawPortal.number(response[40..<44]) == 20 * 64)
    #expect(RawPortal.number(response[44..<48]) == 20)
  }

  @Test(
    arguments: [
      ([0x45, 0, 0, 0, 0, 0, 0, 16], 0xf1), ([0x45, 0, 0, 0, 0, 0, 0, 128], 0xf1),
      ([0x45, 0, 0, 0, 0, 0, 0, 0], 0xf1), ([0x45, 0, 0, 0, 0, 0xff, 0xff, 0xff], 0xf1),
      ([0x45, 0, 0, 0, 0, 0, 1, 144], 0xf0), ([0x45, 0, 0, 0, 0, 0, 1, 145], 0xf1),
      ([0x7f, 0, 0, 0, 0, 0, 0, 201], 0xff),
      ([0x01, 0, 0, 0, 0, 0, 0, 201], 0xff),
    ] as [([UInt8], UInt8)])
  func `a command about another's queue, or none, is refused`(
    command: [UInt8], result: UInt8
  ) throws {
    let simulation = try Simulation()
    let portal = RawPortal(simulation.engine, owner: 2)
    let response = portal.qmanCommand(command)
    #expect(response[0] == command[0] | 0x80)
    #expect(response[1] == result)
    #expect(response[8...].allSatisfy { $0 == 0 })
  }
}
