import Partitioning
import QorIQ
import Testing

@testable import DPAARuntime

/// Rows of the hardware's tables that no other suite goes through one by one, in bytes.
///
/// ``ConformanceIndexTests`` says where each line of the whole checklist is tested.
@Suite(.timeLimit(.minutes(10))) struct ConformanceTests {
  // MARK: Registers

  /// A register that keeps what software writes, and a value that uses all of its fields.
  static let kept: [(name: String, isBMan: Bool, offset: Int, value: UInt32)] = [
    ("EQCR_ITR", false, 0x08, 5), ("DQRR_ITR", false, 0x48, 12), ("MR_ITR", false, 0x88, 4),
    ("SDQCR", false, 0x54, 0x31ab_8000), ("CFG", false, 0x100, 0x36f2_01f0),
    ("IER", false, 0xe04, 0x003f_ffff), ("ISDR", false, 0xe08, 0xffff_ffff),
    ("IIR", false, 0xe0c, 1), ("ITPR", false, 0xe14, 0xfff), ("RCR_ITR", true, 0x08, 3),
    ("CFG", true, 0x100, 2), ("SCN(0)", true, 0x200, 0x8000_0001),
    ("SCN(1)", true, 0x204, 0x8000_0001), ("IER", true, 0xe04, 3),
    ("ISDR", true, 0xe08, 0xffff_ffff), ("IIR", true, 0xe0c, 1),
  ]

  @Test(arguments: kept)
  func `a register keeps what is written`(
    row: (name: String, isBMan: Bool, offset: Int, value: UInt32)
  ) throws {
    let portal = try QueueClient().portal
    if row.isBMan {
      portal.setBManRegister(row.offset, row.value)
    } else {
      portal.setRegister(row.offset, row.value)
    }
    _ = portal.bmanCommand([0x40])
    _ = portal.qmanCommand([0x59])
    let shown = row.isBMan ? portal.bmanRegister(row.offset) : portal.register(row.offset)
    #expect(shown == row.value)
  }

  /// `qman_create_portal` and its like of BMan (Linux 6.1, `drivers/soc/fsl/qbman/qman.c`, `bman.c`),
  /// store by store; what the driver would refuse is required.
  private func bringUp(_ client: QueueClient) throws {
    let portal = client.portal
    func set(_ offset: Int, _ value: UInt32) {
      portal.setRegister(offset, value)
      client.step()
    }
    try #require(portal.register(0x04) == portal.register(0x00) & 7, "the enqueue ring is empty")
    set(0x100, 0x0200_0000)
    for command in [0x54, 0x58, 0x5c] { set(command, 0) }
    let (produced, consumed) = (portal.register(0x40), portal.register(0x44))
    set(0x100, 0x02f2_00a0)
    let messages = (portal.register(0x80) & 7, portal.register(0x84))
    let verbs = [0x3900, 0x3940].map { RawPortal.line(portal.qman + $0)[0] }
    try #require(verbs.contains(0), "the response that comes next reads 0")
    for (offset, value) in [
      (0x48, 12), (0x88, 4), (0xe14, 100), (0xe08, -1), (0xe04, 0), (0xe0c, 1),
    ] {
      set(offset, UInt32(truncatingIfNeeded: value))
    }
    set(0xe08, ~0x0008_0000)
    set(0xe08, ~0x000b_0000)
    if produced & 15 != consumed { set(0x50, 0xffff_0100) }
    try #require(portal.register(0x44) == portal.register(0x40) & 15, "all entries are consumed")
    try #require(messages.0 == messages.1, "no messages are left")
    set(0xe00, 0xffff_ffff)
    set(0xe08, 0)
    set(0xe0c, 0)
    set(0x54, 0x31ab_8000)
    #expect(portal.register(0xe00) & 0x7fff_ffff == 0)
    // BMan's half.
    #expect(portal.bmanRegister(0x00) & 7 == portal.bmanRegister(0x04))
    for (offset, value) in [
      (0x100, 2), (0x200, 0), (0x204, 0), (0xe08, -1), (0xe04, 0), (0xe00, -1), (0xe08, 0),
      (0xe0c, 0),
    ] {
      portal.setBManRegister(offset, UInt32(truncatingIfNeeded: value))
      client.step()
    }
    #expect(portal.bmanRegister(0xe00) == 0)
  }

  @Test func `drivers bring a portal up on zeroed memory, and again on one that was used`() throws {
    let client = try QueueClient()
    client.setStatic(0)
    try bringUp(client)
    client.initialize(300)
    try client.send(3, to: 300)
    #expect(client.portal.register(0x40) & 15 != client.portal.register(0x44))
    client.setStatic(0)
    client.step()
    try bringUp(client)
    client.step()
    #expect(client.portal.register(0x40) & 15 == client.portal.register(0x44))
  }

  // MARK: Interrupts

  /// A cause, and the bit of ISR that it sets.
  struct Cause: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bit: UInt32
    let act: @Sendable (QueueClient) throws -> Void
  }

  static let causes: [Cause] =
    [
      Cause(testDescription: "CSCI", bit: 0x0010_0000) { client in
        client.writeGroup(40, [(0x10, 19, [1]), (0x08, 20, [0x80, 4, 0, 0])])
        client.initialize(
          195, scheduled: false, channel: 4, control: 0x0400, fields: [(0x40, 11, [40])])
        try client.send(1, to: 195)
      },
      Cause(testDescription: "EQCI", bit: 0x0008_0000) { client in
        client.initialize(195, scheduled: false, channel: 4)
        try client.send(1, to: 195, verb: 0x05)
      },
      Cause(testDescription: "EQRI", bit: 0x0004_0000) { $0.portal.setRegister(0x08, 1) },
      Cause(testDescription: "DQRI", bit: 0x0002_0000) { client in
        client.setStatic(0x2100_8000)
        client.initialize(195, channel: 4)
        try client.send(1, to: 195)
      },
      Cause(testDescription: "MRI", bit: 0x0001_0000) { client in
        client.initialize(195, channel: 4)
        client.result(0x4a, 195)
      },
    ]
    + (0..<16).map { pool in
      Cause(testDescription: "DQAVAIL \(pool)", bit: 0x8000 >> UInt32(pool)) { client in
        client.initialize(195, channel: pool == 0 ? 4 : 0x400 + UInt32(pool))
        try client.send(1, to: 195)
      }
    }

  /// guest1, which has all pool channels and two congestion groups.
  private static func client() throws -> QueueClient {
    var configuration = Talk.configuration()
    configuration.queueing = [
      1: .init(poolChannels: (1...15).map { .init(0x400 + $0) }, congestionGroups: [40, 41])
    ]
    let client = QueueClient(try Simulation(configuration), owner: 1)
    client.setStatic(0)
    return client
  }

  @Test(arguments: causes)
  func `each cause has its bit, which is not set while it is disabled`(cause: Cause) throws {
    for isDisabled in [false, true] {
      let client = try Self.client()
      client.portal.setRegister(0xe08, isDisabled ? cause.bit : 0)
      client.step()
      #expect(client.portal.register(0xe00) == 0)
      try cause.act(client)
      client.step()
      #expect(client.portal.register(0xe00) & cause.bit == (isDisabled ? 0 : cause.bit))
    }
  }

  // MARK: Commands

  private static let verbs: [UInt8] = [
    0x40, 0x41, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4d, 0x4e, 0x50, 0x51, 0x52, 0x58,
    0x59,
  ]

  @Test func `every other verb is no command, and 0 is none yet`() throws {
    let client = try QueueClient()
    for verb in 1...0x7f as ClosedRange<UInt8> where !Self.verbs.contains(verb) {
      let answer = client.command(verb, 300)
      #expect(answer[0] & 0x7f == verb && answer[1] == 0xff, "\(verb)")
      #expect(answer[2...].allSatisfy { $0 == 0 })
    }
    // A line that is cleared before it is filled.
    let before = RawPortal.line(client.portal.qman + 0x3940)
    RawPortal.write([UInt8](repeating: 0, count: 64), at: client.portal.qman + 0x3800)
    client.step()
    #expect(RawPortal.line(client.portal.qman + 0x3940) == before)
  }

  @Test(arguments: verbs)
  func `every command answers under its own verb`(verb: UInt8) throws {
    let client = try Self.client()
    client.initialize(195, scheduled: false, channel: 4)
    var command = [UInt8](repeating: 0, count: 40)
    command[0] = verb
    command.replaceSubrange(4..<8, with: QueueClient.big(195, 4))
    switch verb {
    case 0x46: command.replaceSubrange(2..<4, with: QueueClient.big(0x401 << 3, 2))
    case 0x49, 0x4d, 0x4e: client.result(0x48, 195)
    case 0x4b:
      client.result(0x4a, 195)
      _ = client.messages()
    case 0x50...0x58: command[31] = 41
    default: break
    }
    let answer = client.portal.qmanCommand(command)
    #expect(answer[0] & 0x7f == verb)
    #expect(answer[1] == 0xf0)
  }

  /// A bit of `INITFQ`'s write-enable mask, and where its field stands in `QUERYFQ`'s answer.
  static let fields: [(mask: UInt32, bytes: Range<Int>, value: [UInt8])] = [
    (0x100, 32..<34, [0xc0, 0x55]), (0x80, 10..<11, [0x3f]), (0x40, 11..<12, [41]),
    (0x20, 12..<14, [0x07, 0xcf]), (0x10, 14..<16, [0, 0x22]), (0x08, 16..<18, [0x7f, 0xff]),
    (0x04, 18..<20, [0x1f, 0xff]), (0x02, 20..<24, [1, 2, 3, 4]),
    (0x01, 24..<32, [1, 2, 3, 4, 5, 6, 7, 8]),
  ]

  @Test(arguments: fields)
  func `each bit of the mask writes its field and no other`(
    row: (mask: UInt32, bytes: Range<Int>, value: [UInt8])
  ) throws {
    let client = try Self.client()
    client.initialize(195, scheduled: false, channel: 4, fields: [(0x40, 11, [40])])
    let before = client.command(0x44, 195)
    // An image in which every field has a value.
    var command = [0x40, 0] + QueueClient.big(row.mask, 2) + QueueClient.big(195, 4) + [0, 0]
    command += [UInt8](repeating: 0, count: 24)
    for field in Self.fields where field.mask != 0x100 {
      command.replaceSubrange(field.bytes, with: field.value)
    }
    if row.mask == 0x100 { command.replaceSubrange(18..<20, with: row.value) }
    #expect(client.portal.qmanCommand(command)[1] == 0xf0)
    let after = client.command(0x44, 195)
    #expect(Array(after[row.bytes]) == row.value)
    for place in 2..<64 where !row.bytes.contains(place) {
      #expect(after[place] == before[place], "byte \(place)")
    }
  }

  @Test(arguments: [0x400, 0x200, 0x100, 0x80, 0x40, 0x08, 0x04, 0x02, 0x01] as [UInt32])
  func `each control bit is kept`(bit: UInt32) throws {
    let client = try Self.client()
    #expect(
      client.initialize(
        195, scheduled: false, channel: 4, control: bit, fields: [(0x40, 11, [40])]) == 0xf0)
    #expect(RawPortal.number(client.command(0x44, 195)[12..<14]) == bit)
  }

  // MARK: Congestion groups

  /// A bit of the groups' write-enable mask, and where its field stands in `QUERYCGR`'s answer.
  static let groupFields: [(mask: UInt32, offset: Int, value: [UInt8])] = [
    (0x400, 4, [1, 2, 3, 4]), (0x200, 8, [5, 6, 7, 8]), (0x100, 12, [9, 10, 11, 12]),
    (0x80, 16, [1]), (0x40, 17, [1]), (0x20, 18, [1]), (0x10, 19, [1]), (0x04, 24, [1]),
    (0x02, 26, [0x1f, 0xff]), (0x01, 28, [1]),
  ]

  @Test(arguments: groupFields)
  func `each bit of a group's mask writes its field and no other`(
    row: (mask: UInt32, offset: Int, value: [UInt8])
  ) throws {
    let client = try Self.client()
    func image() -> [UInt8] {
      client.portal.qmanCommand([0x58] + [UInt8](repeating: 0, count: 30) + [40])
    }
    #expect(client.writeGroup(40, Self.groupFields.map { ($0.mask, $0.offset, $0.value) }) == 0xf0)
    let full = image()
    for field in Self.groupFields {
      #expect(Array(full[field.offset..<field.offset + field.value.count]) == field.value)
    }
    // All others are zeros in the command.
    let zeros = [UInt8](repeating: 0, count: row.value.count)
    #expect(client.writeGroup(40, verb: 0x51, [(row.mask, row.offset, zeros)]) == 0xf0)
    let after = image()
    for place in 2..<64 {
      let isField = row.offset..<row.offset + row.value.count ~= place
      #expect(after[place] == (isField ? 0 : full[place]), "byte \(place)")
    }
  }

  @Test(arguments: [0, 1, 31, 32, 63, 64, 128, 200, 255] as [UInt8])
  func `a congested group has its bit, the first of a word in the highest`(number: UInt8) throws {
    let client = try QueueClient([2: .init(congestionGroups: (0...255).map { $0 })])
    client.writeGroup(number, [])
    client.initialize(
      300, scheduled: false, control: 0x0400, fields: [(0x40, 11, [number])])
    try client.send(1, to: 300)
    let answer = client.portal.qmanCommand([0x59])
    var expected = [UInt8](repeating: 0, count: 32)
    expected[Int(number) / 8] = 0x80 >> (number % 8)
    #expect(Array(answer[32...]) == expected)
  }

  @Test func `up to QMan 2 a group's targets are a bit for each portal`() throws {
    var configuration = Talk.configuration()
    configuration.queueing = [2: .init(congestionGroups: [40])]
    configuration.interfaces[0].transmitChannel = 0x40
    for index in configuration.links.indices {
      configuration.links[index].port = OfflinePort(
        port: configuration.links[index].port.port, channel: .init(0x45 + UInt16(index)))
    }
    for (targets, isTold) in [(0x0200_0000, true), (0xfdc0_0000, false)] as [(UInt32, Bool)] {
      let client = QueueClient(try Simulation(configuration))
      client.writeGroup(40, [(0x10, 19, [1]), (0x08, 20, QueueClient.big(targets, 4))])
      client.initialize(300, scheduled: false, control: 0x0400, fields: [(0x40, 11, [40])])
      try client.send(1, to: 300)
      client.step()
      #expect((client.portal.register(0xe00) & 0x0010_0000 != 0) == isTold)
      let image = client.portal.qmanCommand([0x58] + [UInt8](repeating: 0, count: 30) + [40])
      #expect(RawPortal.number(image[20..<24]) == targets)
    }
  }

  // MARK: Frames

  @Test func `the portal's LIODN offset is stamped into a frame, and nothing else is changed`()
    throws
  {
    let client = try QueueClient()
    client.initialize(300, scheduled: false)
    var command = try client.enqueueCommand(to: 300)
    // guest2 has offset 0x143: the low six bits in byte 0, the others in the high half of byte 2.
    command[16] |= 0xbf
    command[18] |= 0xaf
    client.portal.enqueue(command)
    client.step()
    client.volatileDequeue(300)
    let entry = try #require(client.entries().first)
    #expect(entry[16] == 0x80 | 0x03)
    #expect(entry[18] == 0x50 | 0x0f)
    #expect(entry[17] == command[17] && Array(entry[19..<32]) == Array(command[19..<32]))
  }

  @Test func `a static command that is stopped or changed concerns later dequeues only`() throws {
    let client = try QueueClient()
    client.setStatic(0x01aa_8000)
    client.initialize(300)
    try client.send(2, to: 300)
    client.setStatic(0)
    try client.send(2, to: 300)
    client.step(2)
    #expect(client.entries(consumed: false).map { $0[4] } == [0xaa, 0xaa])
    client.setStatic(0x01bb_8000)
    client.step()
    #expect(client.entries().map { $0[4] } == [0xbb, 0xbb])
  }

  @Test func `the next number of a queue's frames is shown`() throws {
    let client = try QueueClient()
    client.initialize(300)
    try client.send(3, to: 300)
    #expect(client.entries().map { RawPortal.number($0[2..<4]) } == [0, 1, 2])
    #expect(RawPortal.number(client.command(0x45, 300)[8..<10]) == 3)
  }
}
