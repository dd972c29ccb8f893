import Testing

@testable import DPAARuntime

/// Tail drop, congestion groups and early discard, in bytes.
@Suite(.timeLimit(.minutes(10))) struct CongestionTests {
  /// A client that owns congestion groups 7 and 40, with portal 6 subscribed to group 40.
  private static func client() throws -> QueueClient {
    try QueueClient([2: .init(congestionGroups: [7, 40])])
  }

  private static func write(
    _ client: QueueClient, group: UInt8 = 40, verb: UInt8 = 0x50,
    _ fields: [(mask: UInt32, offset: Int, bytes: [UInt8])]
  ) -> UInt8 { client.writeGroup(group, verb: verb, fields) }

  private static func query(_ client: QueueClient, _ verb: UInt8, group: UInt8 = 40) -> [UInt8] {
    var command = [UInt8](repeating: 0, count: 32)
    command[0] = verb
    command[31] = group
    return client.portal.qmanCommand(command)
  }

  /// Threshold 2 frames: TA 2, Tn 0; frames are counted.
  private static let twoFrames: [(mask: UInt32, offset: Int, bytes: [UInt8])] = [
    (0x02, 26, QueueClient.big(2 << 5, 2)), (0x01, 28, [1]),
  ]

  private static func rejections(_ client: QueueClient) -> [UInt8] {
    var codes: [UInt8] = []
    while let message = client.portal.message() {
      codes.append(message[4])
      client.portal.consumeMessages()
      client.portal.release(verb: 0x21, [(3, RawPortal.address(message[16..<24]))])
      client.step()
    }
    return codes
  }

  @Test func `a queue that is longer than its threshold sends frames back as they were`() throws {
    let client = try Self.client()
    // Mantissa 25, exponent 2: 100 bytes.
    client.initialize(
      300, scheduled: false, control: 0x0200,
      fields: [(0x04, 18, QueueClient.big(25 << 5 | 2, 2))])
    try client.send(2, to: 300, length: 60)
    let command = try client.enqueueCommand(to: 300, verb: 0x09)
    client.portal.enqueue(command)
    client.step()
    let message = try #require(client.portal.message())
    #expect(message[0] & 0x7f == 0x09, "the verb is kept")
    #expect(message[4] == 0x50)
    #expect(Array(message[8..<32]) == Array(command[8..<32]))
    #expect(client.simulation.dropped(.tailDrop, 2) == 1)
    client.volatileDequeue(1 << 24 | 300)
    _ = client.frames()
    try client.send(1, to: 300)
    #expect(client.count(300) == 2)
  }

  @Test func `a congested group refuses frames, tells its portal, and recovers`() throws {
    let client = try Self.client()
    #expect(
      Self.write(
        client, Self.twoFrames + [(0x10, 19, [1]), (0x08, 20, [0x80, 6, 0, 0]), (0x04, 24, [1])])
        == 0xf0)
    for fqid in [300, 301] as [UInt32] {
      client.initialize(fqid, scheduled: false, control: 0x0400, fields: [(0x40, 11, [40])])
    }
    client.portal.setRegister(0xe00, 0xffff_ffff)
    try client.send(2, to: 300)
    #expect(client.portal.register(0xe00) & 0x0010_0000 == 0)
    #expect(Self.query(client, 0x59)[32...].allSatisfy { $0 == 0 })
    try client.send(1, to: 301)
    client.step()
    #expect(client.portal.register(0xe00) & 0x0010_0000 != 0)
    let congestion = Self.query(client, 0x59)
    // Group 40: word 1, bit 8 from the top.
    #expect(Array(congestion[32..<64]) == [0, 0, 0, 0, 0, 0x80] + [UInt8](repeating: 0, count: 26))
    let group = Self.query(client, 0x58)
    #expect(group[1] == 0xf0 && group[19] == 1 && group[24] == 1 && group[25] == 1)
    #expect(RawPortal.number(group[36..<40]) == 3, "three frames")
    #expect(RawPortal.number(group[48..<52]) == 0x0200_0000, "portal 6")
    try client.send(2, to: 301)
    #expect(Self.rejections(client) == [0, 0])
    #expect(client.simulation.dropped(.congestion, 2) == 2)
    // Above the exit point it is still congested, below it is not.
    client.portal.setRegister(0xe00, 0xffff_ffff)
    client.volatileDequeue(1 << 24 | 300)
    _ = client.frames()
    client.step()
    #expect(Self.query(client, 0x58)[25] == 0)
    #expect(client.portal.register(0xe00) & 0x0010_0000 != 0, "recovery is told too")
    try client.send(1, to: 301)
    #expect(client.count(301) == 2)
  }

  @Test func `bytes are counted with the overhead that a queue names`() throws {
    let client = try Self.client()
    #expect(Self.write(client, [(0x02, 26, QueueClient.big(250 << 5, 2))]) == 0xf0)
    client.initialize(300, scheduled: false, control: 0x0400, fields: [(0x40, 11, [40])])
    client.initialize(
      301, scheduled: false, control: 0x0400,
      fields: [(0x40, 11, [40]), (0x100, 18, [0x40, 0xf6])])
    try client.send(1, to: 300, length: 100)
    try client.send(1, to: 301, length: 100)
    #expect(RawPortal.number(Self.query(client, 0x58)[36..<40]) == 190, "less 10 for one of them")
    // What a queue holds moves with it.
    client.initialize(300, scheduled: false, fields: [(0x40, 11, [7])])
    #expect(RawPortal.number(Self.query(client, 0x58)[36..<40]) == 90)
    client.volatileDequeue(301)
    _ = client.frames()
    #expect(RawPortal.number(Self.query(client, 0x58)[36..<40]) == 0)
  }

  @Test func `another's group is no group`() throws {
    let client = try Self.client()
    for verb in [0x50, 0x51, 0x52, 0x58] as [UInt8] {
      #expect(Self.query(client, verb, group: 8)[1] == 0xff)
      #expect(Self.query(client, verb, group: 40)[1] == 0xf0)
    }
    #expect(
      client.initialize(300, control: 0x0400, fields: [(0x40, 11, [8])]) == 0xff)
    #expect(client.state(300) == 0)
  }

  @Test func `a modification leaves what it does not name, an initialisation does not`() throws {
    let client = try Self.client()
    #expect(Self.write(client, Self.twoFrames + [(0x400, 4, [0x40, 0x10, 0x40, 0x05])]) == 0xf0)
    #expect(Self.write(client, verb: 0x51, [(0x04, 24, [1])]) == 0xf0)
    var group = Self.query(client, 0x58)
    #expect(Array(group[4..<8]) == [0x40, 0x10, 0x40, 0x05])
    #expect(group[24] == 1 && group[28] == 1 && Array(group[26..<28]) == [0, 0x40])
    #expect(Self.write(client, [(0x04, 24, [1])]) == 0xf0)
    group = Self.query(client, 0x58)
    #expect(group[4..<8].allSatisfy { $0 == 0 } && group[28] == 0 && group[24] == 1)
  }

  @Test func `early discard refuses by colour and by probability`() throws {
    let client = try Self.client()
    // Yellow: MA 0, so every frame above 0 bytes on average goes.
    #expect(Self.write(client, [(0x200, 8, [0, 0, 0, 0]), (0x40, 17, [1])]) == 0xf0)
    client.initialize(300, scheduled: false, control: 0x0400, fields: [(0x40, 11, [40])])
    try client.send(10, to: 300, length: 1000)
    #expect(Self.rejections(client).isEmpty, "green")
    try client.send(4, to: 300, verb: 0x09)
    #expect(Self.rejections(client) == [0x10, 0x10, 0x10, 0x10])
    try client.send(2, to: 300, verb: 0x19)
    #expect(Self.rejections(client).isEmpty, "overridden")
    // Green with MaxP 128 of 256 and no slope to speak of: about half.
    #expect(
      Self.write(client, verb: 0x51, [(0x400, 4, [0xff, 0xf8, 0x0f, 0xdf]), (0x80, 16, [1])])
        == 0xf0)
    let test = client.portal.qmanCommand(
      [0x52, 0, 0, 0, 0, 0, 0x10, 0] + [UInt8](repeating: 0, count: 23) + [40])
    #expect(RawPortal.number(test[50..<52]) == 128)
    #expect(RawPortal.number(test[52..<54]) == 256)
    #expect(RawPortal.number(test[54..<56]) == 0)
    var refused = 0
    for _ in 0..<200 {
      try client.send(1, to: 300)
      refused += Self.rejections(client).count
      client.volatileDequeue(1 << 24 | 300)
      _ = client.frames()
    }
    #expect(refused > 60 && refused < 140, "\(refused)")
  }
}
