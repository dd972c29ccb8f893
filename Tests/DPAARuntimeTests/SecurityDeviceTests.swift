import QorIQ
import DPAAPortal
import Foundation
import Security
import TestSupport
import Testing

@testable import DPAARuntime

/// SEC between a guest's queues: ESP tunnels by shared descriptors, judged by scapy and by what comes back.
@Suite(
  .enabled(
    if: SecurityLibrary.allCases.allSatisfy { $0.problem == nil },
    "needs package libipsec-mb-dev"), .timeLimit(.minutes(5)))
struct SecurityDeviceTests {
  typealias Asker = AcceleratorTests.Asker
  static let python = Tool("/usr/bin/python3", package: "python3-scapy")

  /// The two directions of a tunnel, and what scapy calls them.
  struct Tunnel: Sendable, CustomTestStringConvertible {
    var transform: SharedDescriptor.Transform
    var isExtended = false
    var first: UInt64 = 0
    var testDescription: String {
      let kind: String
      switch transform {
      case .gcm(let key, _): kind = "AES-\(key.count * 8)-GCM"
      case .cbcWithHMAC(let key, _): kind = "AES-\(key.count * 8)-CBC and HMAC"
      }
      return kind + (isExtended ? ", extended numbers" : "")
    }

    /// The arguments of `Tests/Fixtures/security/esp.py`.
    var arguments: [String] {
      let extended = isExtended ? "1" : "0"
      switch transform {
      case .gcm(let key, let salt):
        let whole = key + QueueClient.big(salt, 4)
        return ["gcm", Self.hex(whole), "-", extended]
      case .cbcWithHMAC(let key, let authentication):
        return ["cbc", Self.hex(key), Self.hex(authentication), extended]
      }
    }

    static func hex(_ bytes: [UInt8]) -> String {
      bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
    static func bytes(_ hex: Substring) -> [UInt8] {
      let digits = Array(hex)
      return stride(from: 0, to: digits.count, by: 2).compactMap {
        UInt8(String(digits[$0...$0 + 1]), radix: 16)
      }
    }
  }

  private static func key(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 * 7 + 3 & 0xff) } }
  static let tunnels = [
    Tunnel(transform: .gcm(key: key(16), salt: 0x0102_0304)),
    Tunnel(transform: .gcm(key: key(24), salt: 0xfffe_fdfc)),
    Tunnel(transform: .gcm(key: key(32), salt: 7)),
    Tunnel(transform: .cbcWithHMAC(key: key(16), authentication: key(32))),
    Tunnel(transform: .cbcWithHMAC(key: key(32), authentication: key(32))),
    Tunnel(
      transform: .gcm(key: key(16), salt: 9), isExtended: true, first: 0x1_ffff_fffe),
    Tunnel(
      transform: .cbcWithHMAC(key: key(16), authentication: key(32)), isExtended: true,
      first: 0xffff_fffe),
  ]

  private static let spi = GatewayRig.spi
  /// From 192.0.2.1 to 198.51.100.1.
  static let outerHeader: [UInt8] = [
    0x45, 0, 0, 0, 0, 1, 0, 0, 64, 50, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1,
  ]

  /// An IPv4 packet with some data, as what follows an Ethernet header.
  static func packet(_ size: Int) -> [UInt8] {
    let frame = Frame.ethernet(
      .ipv4(to: Talk.guest1, .udp(to: 7, (0..<size).map { UInt8($0 & 0xff) })))
    return Array(frame.dropFirst(14))
  }

  /// A guest with both directions in service: requests on 390 go in, those on 391 come out.
  struct Gateway {
    let asker: Asker
    let descriptors: [UInt64]

    init(_ tunnel: Tunnel, window: Int = 64, _ choice: SecurityChoice = SecurityChoice()) throws {
      let device = try #require(SecurityDevice(choice))
      asker = try Asker(device: device)
      descriptors = asker.portal.acquire(2, from: 3)
      let into = SharedDescriptor(
        encapsulating: tunnel.transform, spi: spi, outerHeader: outerHeader,
        sequence: tunnel.first, isExtended: tunnel.isExtended, outputPool: 3)
      let out = SharedDescriptor(
        decapsulating: tunnel.transform, window: window, sequence: tunnel.first,
        isExtended: tunnel.isExtended, outputPool: 3)
      for (place, descriptor) in [into, out].enumerated() {
        asker.write(descriptor.words.flatMap { QueueClient.big($0, 4) }, at: descriptors[place])
        #expect(start(390 + UInt32(place), descriptors[place]) == 0xf0)
      }
    }

    func start(_ queue: UInt32, _ descriptor: UInt64) -> UInt8 {
      asker.start(queue, contextB: queue + 2, contextA: descriptor)
    }

    /// Sends bytes as a frame, to be enciphered (390) or deciphered (391); the answer's bytes and status.
    func ask(_ bytes: [UInt8], on queue: UInt32) throws -> (bytes: [UInt8], status: UInt32) {
      try asker.ask(bytes, on: queue)
    }

    func fault(_ fault: AcceleratorFault) -> UInt64 {
      asker.simulation.engine.counters.failed(fault, 0, 2)
    }
  }

  /// What scapy makes of packets: of inner ones ESP packets, or the other way round.
  static func judge(
    _ what: String, _ tunnel: Tunnel, numbers: [UInt64], _ packets: [[UInt8]]
  ) throws -> [[UInt8]] {
    let lines = zip(numbers, packets).map { "\($0) \(Tunnel.hex($1))\n" }.joined()
    let result = try python.run(
      ["\(Checkout.path)/Tests/Fixtures/security/esp.py", what] + tunnel.arguments,
      input: Array(lines.utf8))
    #expect(result.status == 0, "\(result.errorText)")
    return result.text.split(separator: "\n").map { Tunnel.bytes($0) }
  }

  private static let sizes = Array(0..<40) + [100, 511, 512, 1000, 1400]

  @Test(.enabled(if: python.isPresent, "needs package python3-scapy"), arguments: tunnels)
  func `scapy takes the packets out of our tunnel`(tunnel: Tunnel) throws {
    let gateway = try Gateway(tunnel)
    let packets = Self.sizes.map(Self.packet)
    var sealed: [[UInt8]] = []
    for packet in packets {
      let answer = try gateway.ask(packet, on: 390)
      #expect(answer.status == 0)
      sealed.append(answer.bytes)
    }
    let numbers = packets.indices.map { tunnel.first + 1 + UInt64($0) }
    #expect(try Self.judge("open", tunnel, numbers: numbers, sealed) == packets)
    // No two vectors are alike.
    let length = tunnel.transform.vectorLength
    #expect(Set(sealed.map { Array($0[28..<28 + length]) }).count == sealed.count)
    #expect(gateway.asker.simulation.freeBuffers == [64, 64, 62])
  }

  @Test(.enabled(if: python.isPresent, "needs package python3-scapy"), arguments: tunnels)
  func `packets out of scapy's tunnel arrive`(tunnel: Tunnel) throws {
    let gateway = try Gateway(tunnel)
    let packets = Self.sizes.map(Self.packet)
    let numbers = packets.indices.map { tunnel.first + 1 + UInt64($0) }
    let sealed = try Self.judge("seal", tunnel, numbers: numbers, packets)
    for (packet, bytes) in zip(packets, sealed) {
      let answer = try gateway.ask(bytes, on: 391)
      #expect(answer.status == 0)
      #expect(answer.bytes == packet)
    }
    #expect(gateway.asker.simulation.freeBuffers == [64, 64, 62])
  }

  @Test(arguments: tunnels)
  func `what is changed on the way is not authentic`(tunnel: Tunnel) throws {
    let gateway = try Gateway(tunnel)
    let sealed = try gateway.ask(Self.packet(50), on: 390).bytes
    var isGCM = false
    if case .gcm = tunnel.transform { isGCM = true }
    for place in stride(from: 28, to: sealed.count, by: 5) {
      var wrong = sealed
      wrong[place] ^= 0x10
      let answer = try gateway.ask(wrong, on: 391)
      #expect(answer.status & 0xf000_00ff == (isGCM ? 0x2000_001a : 0x2000_004a))
      #expect(answer.bytes == wrong)
    }
    // What was not authentic has used up no number.
    #expect(try gateway.ask(sealed, on: 391).bytes == Self.packet(50))
  }

  @Test(arguments: [tunnels[0], tunnels[3], tunnels[5], tunnels[6]])
  func `each packet is taken once, and within the window`(tunnel: Tunnel) throws {
    let gateway = try Gateway(tunnel)
    let sealed = try (0..<140).map { try gateway.ask(Self.packet($0), on: 390).bytes }
    func status(_ place: Int) throws -> UInt32 {
      try gateway.ask(sealed[place], on: 391).status & 0xf000_00ff
    }
    #expect(try status(3) == 0)
    #expect(try status(3) == 0x4000_0084)
    #expect(try status(0) == 0)
    #expect(try status(139) == 0)
    #expect(try status(139) == 0x4000_0084)
    #expect(try status(76) == 0)
    #expect(try status(76) == 0x4000_0084)
    // With extended numbers one that is too old is taken for one to come, under whose number it is not
    // authentic (RFC 4303, appendix A2).
    #expect(try (status(75) == 0x4000_0083) != tunnel.isExtended)
    #expect(gateway.fault(.replay) + gateway.fault(.authentication) == 4)
  }

  @Test(arguments: [3, 4, 5, 6, 7])
  func `a packet that ends near the end of its buffer is padded nowhere behind that`(rest: Int)
    throws
  {
    let gateway = try Gateway(Self.tunnels[0])
    let asker = gateway.asker
    let packet = Self.packet(2048 - 0x1ff - 28 - (rest - 3))
    let buffer = try #require(asker.portal.acquire(1, from: 3).first)
    asker.write(packet, at: buffer + 0x1ff)
    asker.write([1, 2, 3, 4], at: buffer + 2048)
    asker.ask(
      RawPortal.descriptor(
        bpid: 3, address: buffer, offset: 0x1ff, length: UInt32(packet.count)), to: 390)
    let answer = try #require(asker.answer())
    #expect(answer.status == 0)
    #expect(asker.read(4, at: buffer + 2048) == [1, 2, 3, 4])
    let sealed = asker.read(Int(answer.word & 0xf_ffff), at: answer.address + 64)
    asker.portal.release(verb: 0x31, [(3, answer.address)])
    asker.client.step()
    #expect(try gateway.ask(sealed, on: 391).bytes == packet)
  }

  @Test func `two of one number in one batch are not both taken`() throws {
    let gateway = try Gateway(Self.tunnels[0])
    let sealed = try gateway.ask(Self.packet(9), on: 390).bytes
    #expect(gateway.asker.client.result(0x4e, 391) == 0xf0)
    let held = gateway.asker.portal.acquire(2, from: 3)
    for buffer in held {
      gateway.asker.write(sealed, at: buffer + 64)
      gateway.asker.ask(
        RawPortal.descriptor(bpid: 3, address: buffer, length: UInt32(sealed.count)), to: 391)
    }
    #expect(gateway.asker.client.result(0x4d, 391) == 0xf0)
    gateway.asker.client.step(2)
    let answers = try (0..<2).map { _ in try #require(gateway.asker.answer()).status & 0xf000_00ff }
    #expect(answers == [0, 0x4000_0084])
  }

  @Test func `vectors of GCM follow each other, those of CBC do not`() throws {
    let gateways = try [Self.tunnels[0], Self.tunnels[3]].map { try Gateway($0) }
    let vectors = try gateways.map { gateway in
      try (0..<6).map { _ in
        try gateway.ask(Self.packet(9), on: 390).bytes[28..<36].reduce(UInt64(0)) {
          $0 << 8 | UInt64($1)
        }
      }
    }
    let steps = vectors.map { zip($0.dropFirst(), $0).map { $0 &- $1 } }
    #expect(steps[0] == [1, 1, 1, 1, 1])
    #expect(!steps[1].contains(1))
    // Another device begins elsewhere.
    let other = try Gateway(Self.tunnels[0]).ask(Self.packet(9), on: 390).bytes[28..<36]
    #expect(!vectors[0].contains(other.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }))
  }

  @Test(arguments: tunnels)
  func `a compound frame in pieces, in place too, is worked on like any other`(
    tunnel: Tunnel
  ) throws {
    let gateway = try Gateway(tunnel)
    let asker = gateway.asker
    let packet = Self.packet(300)
    let held = asker.portal.acquire(3, from: 3)
    // The input in three pieces, the output over them: into the tunnel and out again.
    func ask(_ bytes: [UInt8], on queue: UInt32) throws -> [UInt8] {
      let table = held[0]
      asker.write(
        RawPortal.entry(table + 64, 0, isExtension: true)
          + RawPortal.entry(table + 128, 0, isFinal: true, isExtension: true), at: table)
      asker.write(
        RawPortal.entry(held[1], 60)
          + RawPortal.entry(held[2], 500, isFinal: true), at: table + 64)
      asker.write(
        RawPortal.entry(held[1], 7) + RawPortal.entry(held[1] + 7, 101)
          + RawPortal.entry(held[2] + 9, UInt32(bytes.count - 108), isFinal: true),
        at: table + 128)
      asker.write(Array(bytes[..<108]), at: held[1])
      asker.write(Array(bytes[108...]), at: held[2] + 9)
      asker.ask(asker.compound(table), to: queue)
      #expect(try #require(asker.answer()).status == 0)
      let count = Int(RawPortal.number(asker.read(4, at: table + 8)[...]) & 0x3fff_ffff)
      return asker.read(min(count, 60), at: held[1]) + asker.read(max(0, count - 60), at: held[2])
    }
    let sealed = try ask(packet, on: 390)
    #expect(sealed.count > packet.count + 50)
    #expect(try ask(sealed, on: 391) == packet)
    #expect(try gateway.ask(sealed, on: 391).status & 0xf000_00ff == 0x4000_0084)
  }

  @Test func `numbers stand in the descriptor, and a change of it counts from the next batch on`()
    throws
  {
    let gateway = try Gateway(Self.tunnels[0])
    let asker = gateway.asker
    for _ in 0..<3 { _ = try gateway.ask(Self.packet(9), on: 390) }
    let block = gateway.descriptors[0] + 8
    #expect(asker.read(4, at: block + 12) == [0, 0, 0, 3])
    // Its owner may set it.
    asker.write([0, 0, 1, 0], at: block + 12)
    var sealed = try gateway.ask(Self.packet(9), on: 390).bytes
    #expect(Array(sealed[24..<28]) == [0, 0, 1, 1])
    // Another index.
    asker.write([9, 9, 9, 9], at: block + 32)
    sealed = try gateway.ask(Self.packet(9), on: 390).bytes
    #expect(Array(sealed[20..<24]) == [9, 9, 9, 9])
    // The last number there is.
    asker.write([0xff, 0xff, 0xff, 0xfe], at: block + 12)
    #expect(try gateway.ask(Self.packet(9), on: 390).status == 0)
    #expect(try gateway.ask(Self.packet(9), on: 390).status == 0x4000_0085)
    // What arrived is noted, too.
    #expect(try gateway.ask(sealed, on: 391).status == 0)
    #expect(
      asker.read(16, at: gateway.descriptors[1] + 8 + 16) == [
        0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1,
      ])
  }

  /// A word of the descriptor that is wrong, and what SEC says.
  struct Wrong: Sendable, CustomTestStringConvertible {
    let what: String
    let word: Int
    let value: UInt32
    let status: UInt32
    var testDescription: String { what }
  }
  // The pre-header, the header, a block of 14 words, the jump, a key of 1 and 4 and the operation: 24 words.
  static let wrongs = [
    Wrong(what: "a length of none", word: 0, value: 0, status: 0x4000_0012),
    Wrong(what: "a length of one more", word: 0, value: 23, status: 0x4000_0012),
    Wrong(what: "a length over the limit", word: 0, value: 64, status: 0x4000_0016),
    Wrong(what: "a job's header", word: 2, value: 0xb080_0116, status: 0x4000_0012),
    Wrong(what: "without the bit that is 1", word: 2, value: 0xb80f_0116, status: 0x4000_0012),
    Wrong(what: "do not run", word: 2, value: 0xb98f_0116, status: 0x4000_0080),
    Wrong(what: "a start behind the end", word: 2, value: 0xb8bf_0116, status: 0x4000_0012),
    Wrong(what: "no tunnel", word: 3, value: 0x0004_00ac, status: 0x4000_0182),
    Wrong(what: "vectors from the block", word: 3, value: 0x0004_008d, status: 0x4000_0182),
    Wrong(what: "a header that is none", word: 12, value: 0x2500_0000, status: 0x4000_0182),
    Wrong(what: "a header of another length", word: 11, value: 24, status: 0x4000_0182),
    Wrong(what: "a jump back", word: 17, value: 0xa100_40f0, status: 0x4000_0f0d),
    Wrong(what: "a jump by a condition", word: 17, value: 0xa000_0405, status: 0x4000_0f0d),
    Wrong(what: "an encrypted key", word: 18, value: 0x02c0_0010, status: 0x4000_1006),
    Wrong(what: "a key over the end", word: 18, value: 0x0280_0040, status: 0x4000_1606),
    Wrong(what: "a key at no address", word: 18, value: 0x0200_0010, status: 0x4000_1016),
    Wrong(what: "a short key", word: 18, value: 0x0280_000f, status: 0x4000_1506),
    Wrong(what: "another protocol", word: 23, value: 0x8702_1400, status: 0x4000_1581),
    Wrong(what: "another cipher", word: 23, value: 0x8701_0d00, status: 0x4000_1581),
    Wrong(what: "no protocol", word: 23, value: 0x8210_0905, status: 0x4000_1509),
    Wrong(what: "no operation", word: 23, value: 0x9000_0000, status: 0x4000_1504),
  ]

  @Test(arguments: wrongs)
  func `a descriptor that is wrong has the code of what is wrong`(wrong: Wrong) throws {
    let gateway = try Gateway(Self.tunnels[0])
    gateway.asker.write(
      QueueClient.big(wrong.value, 4), at: gateway.descriptors[0] + UInt64(4 * wrong.word))
    let answer = try gateway.ask(Self.packet(9), on: 390)
    #expect(answer.bytes == Self.packet(9))
    #expect(answer.status == wrong.status, "\(String(answer.status, radix: 16))")
    #expect(gateway.fault(.descriptor) == 1)
  }

  /// Nowhere, guest1's pool, an odd place, the last bytes of its own pool, and the last there are.
  private static let strange: [UInt64] = [
    0, 0x8010_0000, 0xa010_0001, 0xa010_0000 + 64 * 2112 - 8, 0xff_ffff_fff8,
  ]

  @Test(arguments: strange)
  func `a descriptor is read from its owner's memory only`(address: UInt64) throws {
    let gateway = try Gateway(Self.tunnels[0])
    #expect(gateway.asker.client.result(0x4a, 391) == 0xf0)
    _ = gateway.asker.client.messages()
    #expect(gateway.asker.client.result(0x4b, 391) == 0xf0)
    #expect(gateway.start(391, address) == 0xf0)
    #expect(try gateway.ask(Self.packet(9), on: 391).status & 0xf000_00ff != 0)
    #expect(gateway.fault(.descriptor) == 1)
  }

  @Test func `a descriptor is its owner's alone, in the batch in which that uses it too`() throws {
    let gateway = try Gateway(Self.tunnels[0])
    let other = QueueClient(gateway.asker.simulation, owner: 1)
    let address = gateway.descriptors[0]
    let result = other.initialize(
      194, channel: 0x840, workQueue: 2,
      fields: [
        (0x2, 20, QueueClient.big(196, 4)),
        (
          0x1, 24,
          QueueClient.big(UInt32(address >> 32), 4)
            + QueueClient.big(UInt32(truncatingIfNeeded: address), 4)
        ),
      ])
    #expect(result == 0xf0)
    // Both queues get their packets in one round. Lanes have their turns in rotation: in some rounds guest2's
    // packet stands in front of guest1's.
    for _ in 0..<4 {
      // To get a buffer takes rounds.
      let requests = try [(gateway.asker.client, 390 as UInt32), (other, 194)].map {
        (portal: $0.portal, command: try $0.enqueueCommand(to: $1))
      }
      for request in requests {
        request.portal.enqueue(request.command)
      }
      gateway.asker.client.step(3)
      #expect(try #require(gateway.asker.answer()).status == 0)
      let answers = other.entries()
      #expect(answers.map { RawPortal.number($0[28..<32]) & 0xf000_00ff } == [0x4000_0016])
    }
  }

  @Test func `packets of impossible lengths are answered with an error`() throws {
    let gateway = try Gateway(Self.tunnels[0])
    #expect(try gateway.ask(Self.packet(1900), on: 390).status == 0)
    // One more than fits into a buffer with the tunnel's part.
    let most = 1984 - 20 - 8 - 8 - 16 - 2
    #expect(try gateway.ask([UInt8](repeating: 0x45, count: most), on: 390).status == 0)
    #expect(
      try gateway.ask([UInt8](repeating: 0x45, count: most + 1), on: 390).status == 0x4000_0010)
    for count in [1, 20, 28, 36, 52, 53] {
      #expect(
        try gateway.ask([UInt8](repeating: 0x45, count: count), on: 391).status == 0x4000_0088,
        "\(count)")
    }
    #expect(gateway.fault(.length) == 7)
  }
}
