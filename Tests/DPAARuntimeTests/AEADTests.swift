import QorIQ
import DPAAPortal
import Foundation
import Security
import TestSupport
import Testing

@testable import DPAARuntime

/// SEC between a guest's queues: data that is enciphered as it comes, by descriptors with Linux's commands, judged by
/// published values and by OpenSSL.
@Suite(
  .enabled(
    if: SecurityLibrary.allCases.allSatisfy { $0.problem == nil },
    "needs package libipsec-mb-dev"), .timeLimit(.minutes(5)))
struct AEADTests {
  typealias Cipher = SharedDescriptor.AuthenticatedCipher
  typealias Tunnel = SecurityDeviceTests.Tunnel
  static let python = Tool("/usr/bin/python3", package: "python3-scapy")

  private static func key(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 * 5 + 1) }
  }

  /// A cipher and a tag's length.
  struct Case: Sendable, CustomTestStringConvertible {
    var cipher: Cipher
    var tagLength = 16
    var isGCM: Bool {
      if case .gcm = cipher { return true }
      return false
    }
    var testDescription: String {
      switch cipher {
      case .gcm(let key): "AES-\(key.count * 8)-GCM, \(tagLength) bytes of tag"
      case .cbcWithHMAC(let key, let authentication):
        "AES-\(key.count * 8)-CBC, HMAC with \(authentication.count) bytes, \(tagLength) bytes of tag"
      }
    }
  }
  static let cases = [
    Case(cipher: .gcm(key: key(16))), Case(cipher: .gcm(key: key(24)), tagLength: 12),
    Case(cipher: .gcm(key: key(32)), tagLength: 8), Case(cipher: .gcm(key: key(16)), tagLength: 4),
    Case(cipher: .cbcWithHMAC(key: key(16), authentication: key(32))),
    Case(cipher: .cbcWithHMAC(key: key(24), authentication: key(64)), tagLength: 32),
    Case(cipher: .cbcWithHMAC(key: key(32), authentication: key(20)), tagLength: 12),
  ]

  /// A guest with both directions in service: requests on 390 are enciphered, those on 391 deciphered.
  struct Pair {
    let asker: AcceleratorTests.Asker
    let descriptors: [UInt64]
    let test: Case

    init(_ test: Case) throws {
      self.test = test
      let device = try #require(SecurityDevice(SecurityChoice()))
      asker = try AcceleratorTests.Asker(device: device)
      descriptors = asker.portal.acquire(2, from: 3)
      let both = [
        SharedDescriptor(enciphering: test.cipher, tagLength: test.tagLength, outputPool: 3),
        SharedDescriptor(deciphering: test.cipher, tagLength: test.tagLength, outputPool: 3),
      ]
      for (place, descriptor) in both.enumerated() {
        asker.write(descriptor.words.flatMap { QueueClient.big($0, 4) }, at: descriptors[place])
        let queue = 390 + UInt32(place)
        #expect(
          asker.start(queue, contextB: queue + 2, contextA: descriptors[place]) == 0xf0)
      }
    }

    /// Sends a compound frame as Linux's driver makes it: input in pieces for length, vector and data, output over
    /// the data, both cut at random. The output and the status.
    func askInPlace(
      _ front: [UInt8], _ data: [UInt8], room: Int, cuts: [Int], on queue: UInt32
    ) throws -> (bytes: [UInt8], status: UInt32) {
      let held = asker.portal.acquire(2, from: 3)
      let (table, place) = (held[0], held[1])
      // The output begins where the data does.
      func list(_ count: Int, _ first: [[UInt8]]) -> [UInt8] {
        let ends = cuts.filter { $0 > 0 && $0 < count } + [count]
        var start = 0
        var entries = first
        for end in ends {
          entries.append(
            RawPortal.entry(
              place + 256 + UInt64(start), UInt32(end - start), isFinal: end == count))
          start = end
        }
        return entries.flatMap { $0 }
      }
      asker.write(
        RawPortal.entry(table + 64, UInt32(room), isExtension: true)
          + RawPortal.entry(
            table + 320, UInt32(front.count + data.count), isFinal: true, isExtension: true),
        at: table)
      asker.write(list(room, []), at: table + 64)
      asker.write(
        list(
          data.count,
          [
            RawPortal.entry(place + 8, 4),
            RawPortal.entry(place + 32, UInt32(front.count - 4), isFinal: data.isEmpty),
          ]), at: table + 320)
      asker.write(Array(front[..<4]), at: place + 8)
      asker.write(Array(front[4...]), at: place + 32)
      asker.write(data, at: place + 256)
      asker.ask(asker.compound(table), to: queue)
      let answer = try #require(asker.answer())
      let count = Int(RawPortal.number(asker.read(4, at: table + 8)[...]) & 0x3fff_ffff)
      let out = asker.read(answer.status == 0 ? count : room, at: place + 256)
      asker.portal.release(verb: 0x32, held.map { (3, $0) })
      asker.client.step()
      return (out, answer.status)
    }
  }

  // MARK: Published values

  /// Cases 1, 2 and 4 of the specification of GCM (McGrew and Viega, 2004), and two of NIST's CAVP
  /// (`gcmEncryptExtIV128.rsp`): key, vector, what is authenticated only, text; and the enciphered text with its tag.
  static let published: [[String]] = [
    [
      "00000000000000000000000000000000", "000000000000000000000000", "", "",
      "58e2fccefa7e3061367f1d57a4e7455a",
    ],
    [
      "00000000000000000000000000000000", "000000000000000000000000", "",
      "00000000000000000000000000000000",
      "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf",
    ],
    [
      "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
      "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
      "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
        + "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47",
    ],
    [
      "11754cd72aec309bf52f7687212e8957", "3c819d9a9bed087615030b65", "", "",
      "250327c674aaf477aef2675748cf6971",
    ],
    [
      "77be63708971c4e240d1cb79e8d77feb", "e0e00f19fed7ba0136a797f3",
      "7a43ec1d9c0a5a78a0b16533a6213cab", "", "209fcc8d3675ed938e9c7166709dd946",
    ],
  ]

  @Test(arguments: published.indices, [false, true])
  func `AES-GCM through a guest's queues has the published values`(
    number: Int, isCompound: Bool
  ) throws {
    let value = Self.published[number].map { Tunnel.bytes($0[...]) }
    let pair = try Pair(Case(cipher: .gcm(key: value[0])))
    let front = pair.test.cipher.front(associated: value[2].count, vector: value[1])
    let (associated, text, sealed) = (value[2], value[3], value[4])
    let whole = associated.count + sealed.count
    let out =
      isCompound
      ? try pair.askInPlace(front, associated + text, room: whole, cuts: [3, 17], on: 390)
      : try pair.asker.ask(front + associated + text, on: 390)
    #expect(out.status == 0)
    #expect(Array(out.bytes.dropFirst(associated.count)) == sealed)
    // Nothing at all cannot be a frame of its own.
    guard isCompound || whole > 16 else { return }
    let back =
      isCompound
      ? try pair.askInPlace(
        front, associated + sealed, room: whole - 16, cuts: [3, 17], on: 391)
      : try pair.asker.ask(front + associated + sealed, on: 391)
    #expect(back.status == 0)
    #expect(Array(back.bytes.dropFirst(associated.count)) == text)
  }

  // MARK: A judge

  /// A request and where its pieces are cut.
  private struct Request {
    var vector: [UInt8]
    var associated: [UInt8]
    var text: [UInt8]
    var cuts: [Int]
  }

  private static func requests(_ test: Case, seed: UInt64) -> [Request] {
    var generator = SeededGenerator(seed: seed)
    func random(_ count: Int) -> [UInt8] {
      (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
    return (0..<40).map { _ in
      let text = Int.random(in: 1...1200, using: &generator)
      return Request(
        vector: random(test.cipher.vectorLength),
        associated: random(Int.random(in: 0...40, using: &generator)),
        text: random(test.isGCM ? text : (text + 15) / 16 * 16),
        cuts: (0..<Int.random(in: 0...6, using: &generator)).map { _ in
          Int.random(in: 1...1200, using: &generator)
        }.sorted())
    }
  }

  @Test(.enabled(if: python.isPresent, "needs package python3-scapy"), arguments: cases)
  func `OpenSSL enciphers to the same, in one buffer and in pieces, and back again`(
    test: Case
  ) throws {
    let pair = try Pair(test)
    let requests = Self.requests(test, seed: 20261127)
    let words: (kind: String, key: String, hashKey: String) =
      switch test.cipher {
      case .gcm(let key): ("gcm", Tunnel.hex(key), "-")
      case .cbcWithHMAC(let key, let authentication):
        ("cbc", Tunnel.hex(key), Tunnel.hex(authentication))
      }
    func hex(_ bytes: [UInt8]) -> String { bytes.isEmpty ? "-" : Tunnel.hex(bytes) }
    let lines = requests.map {
      "\(words.kind) \(words.key) \(words.hashKey) \(hex($0.vector)) \(hex($0.associated)) "
        + "\(hex($0.text)) \(test.tagLength)\n"
    }
    let result = try Self.python.run(
      ["\(Checkout.path)/Tests/Fixtures/security/aead.py"], input: Array(lines.joined().utf8))
    #expect(result.status == 0, "\(result.errorText)")
    let judged = result.text.split(separator: "\n").map { Tunnel.bytes($0) }
    #expect(judged.count == requests.count)
    for (request, sealed) in zip(requests, judged) {
      let count = request.associated.count
      let front = test.cipher.front(associated: count, vector: request.vector)
      let whole = try pair.asker.ask(front + request.associated + request.text, on: 390)
      #expect(whole.status == 0)
      #expect(Array(whole.bytes.dropFirst(count)) == sealed)
      let pieces = try pair.askInPlace(
        front, request.associated + request.text, room: count + sealed.count, cuts: request.cuts,
        on: 390)
      #expect(pieces.status == 0)
      // What is passed over in the output is there still.
      #expect(pieces.bytes == request.associated + sealed)
      let back = try pair.asker.ask(front + request.associated + sealed, on: 391)
      #expect(Array(back.bytes.dropFirst(count)) == request.text)
      let together = try pair.askInPlace(
        front, request.associated + sealed, room: count + request.text.count, cuts: request.cuts,
        on: 391)
      #expect(together.status == 0)
      #expect(together.bytes == request.associated + request.text)
    }
    #expect(pair.asker.simulation.freeBuffers == [64, 64, 62])
  }

  @Test(arguments: [cases[0], cases[4]], [true, false])
  func `an output that lies over the input, but elsewhere, is right`(
    test: Case, enciphers: Bool
  ) throws {
    let pair = try Pair(test)
    let (held, count) = (pair.asker.portal.acquire(2, from: 3), 1008)
    let data = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let front = test.cipher.front(
      associated: 16, vector: [UInt8](repeating: 3, count: test.cipher.vectorLength))
    let sealed = try pair.asker.ask(front + data, on: 390).bytes
    let input = front + (enciphers ? data : Array(data[..<16]) + Array(sealed[16...]))
    let room = enciphers ? count + 16 : count
    for shift in [-40, -16, 8, 24] {
      pair.asker.write(
        RawPortal.entry(
          UInt64(Int(held[1]) + 256 + front.count + shift), UInt32(room))
          + RawPortal.entry(held[1] + 256, UInt32(input.count), isFinal: true), at: held[0])
      pair.asker.write(input, at: held[1] + 256)
      pair.asker.ask(pair.asker.compound(held[0]), to: enciphers ? 390 : 391)
      #expect(try #require(pair.asker.answer()).status == 0)
      let out = pair.asker.read(room, at: UInt64(Int(held[1]) + 256 + front.count + shift))
      #expect(
        Array(out[16...]) == (enciphers ? Array(sealed[16...]) : Array(data[16...])), "\(shift)")
    }
  }

  // MARK: Errors

  @Test(arguments: [cases[0], cases[4]])
  func `a changed bit has the status of a wrong tag`(test: Case) throws {
    let pair = try Pair(test)
    let text = [UInt8](repeating: 0x11, count: 48)
    let front = test.cipher.front(
      associated: 8, vector: [UInt8](repeating: 3, count: test.cipher.vectorLength))
    let data = [UInt8](repeating: 9, count: 8) + text
    let sealed = try pair.asker.ask(front + data, on: 390).bytes
    let request = front + Array(data[..<8]) + Array(sealed[8...])
    #expect(Array(try pair.asker.ask(request, on: 391).bytes[8...]) == text)
    for place in stride(from: front.count, to: request.count, by: 3) {
      var wrong = request
      wrong[place] ^= 4
      let answer = try pair.asker.ask(wrong, on: 391)
      #expect(answer.status & 0xf000_00ff == (test.isGCM ? 0x2000_001a : 0x2000_004a))
      #expect(answer.bytes == wrong)
    }
    let counters = pair.asker.simulation.engine.counters
    #expect(counters.failed(.authentication, 0, 2) > 10)
  }

  @Test(arguments: [cases[0], cases[4]])
  func `lengths that cannot be are answered with an error`(test: Case) throws {
    let pair = try Pair(test)
    let vector = [UInt8](repeating: 3, count: test.cipher.vectorLength)
    func front(_ associated: Int) -> [UInt8] {
      test.cipher.front(associated: associated, vector: vector)
    }
    let block = [UInt8](repeating: 1, count: 16)
    func status(_ bytes: [UInt8], _ queue: UInt32) throws -> UInt32 {
      try pair.asker.ask(bytes, on: queue).status
    }
    // Less than what stands in front; more to authenticate than there is.
    #expect(try status(Array(front(0).dropLast()), 390) == 0x4000_0010)
    #expect(try status(front(17) + block, 390) == 0x4000_0010)
    #expect(try status(front(-1) + block, 391) == 0x4000_0010)
    #expect(try status(front(16) + block, 391) == 0x4000_0010)
    // No text, or no whole blocks.
    for count in [0, 15, 17] {
      let answer = try status(front(0) + [UInt8](repeating: 1, count: count), 390)
      #expect((answer & 0xf000_00ff == 0x2000_0012) == !test.isGCM)
    }
    // A byte less room than the tag needs, and a byte more text than there is.
    #expect(
      try pair.askInPlace(front(0), block, room: 31, cuts: [], on: 390).status == 0x4000_0010)
    #expect(try pair.askInPlace(front(0), block, room: 32, cuts: [], on: 390).status == 0)
    #expect(
      try pair.askInPlace(front(0), block + block, room: 17, cuts: [], on: 391).status
        == 0x4000_0010)
    #expect(
      try pair.askInPlace(front(16), block + block, room: 15, cuts: [], on: 391).status
        == 0x4000_0010)
  }

  @Test(arguments: [cases[0], cases[4]], [0, 1])
  func `no other command is taken for one of these`(test: Case, queue: Int) throws {
    let pair = try Pair(test)
    let front = test.cipher.front(
      associated: 0, vector: [UInt8](repeating: 3, count: test.cipher.vectorLength))
    let request = front + [UInt8](repeating: 1, count: 64)
    let words =
      queue == 0
      ? SharedDescriptor(enciphering: test.cipher, outputPool: 3).words
      : SharedDescriptor(deciphering: test.cipher, outputPool: 3).words
    let commands = SharedDescriptor.commands(
      isGCM: test.isGCM, enciphers: queue == 0, tagLength: test.tagLength
    ).count
    let descriptor = pair.descriptors[queue]
    for place in words.count - commands..<words.count {
      // The tag's length may be another.
      for bit in [31, 16, 8, 7] {
        pair.asker.write(
          QueueClient.big(words[place] ^ 1 << UInt32(bit), 4), at: descriptor + UInt64(4 * place))
        let status = try pair.asker.ask(request, on: 390 + UInt32(queue)).status
        #expect(
          status & 0xf000_0000 == 0x4000_0000
            && [0x04, 0x06, 0x09, 0x0d, 0x81].contains(status & 0xff),
          "word \(place), bit \(bit): \(String(status, radix: 16))")
      }
      pair.asker.write(QueueClient.big(words[place], 4), at: descriptor + UInt64(4 * place))
    }
    // A data block in front, of which there is none.
    pair.asker.write(QueueClient.big(words[2] | 2 << 16, 4), at: descriptor + 8)
    #expect(
      try pair.asker.ask(request, on: 390 + UInt32(queue)).status & 0xf000_0000 == 0x4000_0000)
  }

  // MARK: Words

  /// The commands of Linux 6.1, from the fields of `desc.h`.
  private enum Field {
    static func operation(_ type: UInt32, _ algorithm: UInt32, _ mode: UInt32) -> UInt32 {
      0x10 << 27 | type << 24 | algorithm << 16 | mode << 4 | 3 << 2
    }
    static func sequenceIn(_ kind: UInt32, _ type: UInt32, _ length: UInt32 = 0) -> UInt32 {
      0x05 << 27 | kind << 25 | type << 16 | length | (length == 0 ? 1 << 24 : 0)
    }
    static func sequenceOut(_ type: UInt32) -> UInt32 { 0x0d << 27 | 1 << 24 | type << 16 }
    static func math(
      _ function: UInt32, _ target: UInt32, _ left: UInt32, _ right: UInt32
    ) -> UInt32 {
      0x15 << 27 | function << 20 | target << 8 | left << 16 | right << 12 | 4
    }
    static func jump(_ condition: UInt32, _ offset: UInt32) -> UInt32 {
      0x14 << 27 | condition << 8 | offset
    }
    /// REG3 from the input, and a wait for calm, and for no context, output, input and FIFO operation.
    static let length: [UInt32] = [
      0x03 << 27 | 3 << 25 | 0x0b << 16 | 4 << 8 | 4, jump(1 << 16 | 0x1f, 1),
    ]
  }

  @Test func `the commands are Linux's`() {
    let (addition, subtraction): (UInt32, UInt32) = (0, 2)
    let (inLength, outLength, zero): (UInt32, UInt32, UInt32) = (8, 9, 0xc)
    let (variableIn, variableOut): (UInt32, UInt32) = (0xa, 0xb)
    let associatedIn = Field.math(addition, variableIn, zero, 3)
    let associatedOut = Field.math(addition, variableOut, zero, 3)
    let (skip, store) = (Field.sequenceOut(0x3f), Field.sequenceOut(0x30))
    let encipherGCM: [UInt32] =
      [Field.operation(2, 0x10, 0x90) | 1] + Field.length + [
        Field.math(subtraction, variableOut, inLength, 4), 12, Field.jump(4, 15),
        Field.sequenceIn(1, 0x21, 12), associatedIn, Field.jump(4, 6), associatedOut, skip,
        Field.math(subtraction, variableOut, inLength, 3), Field.jump(4, 6),
        Field.sequenceIn(1, 0x31), Field.math(subtraction, variableIn, inLength, 0), store,
        Field.sequenceIn(1, 0x12), Field.jump(0, 4), Field.sequenceIn(1, 0x32), Field.jump(0, 2),
        Field.sequenceIn(1, 0x23, 12), 0x0b << 27 | 1 << 25 | 0x20 << 16 | 16,
      ]
    let decipherGCM: [UInt32] =
      [Field.operation(2, 0x10, 0x90) | 2] + Field.length + [
        Field.sequenceIn(1, 0x21, 12), associatedIn, Field.jump(4, 4), associatedOut, skip,
        Field.sequenceIn(1, 0x31), Field.math(subtraction, variableIn, outLength, 0),
        Field.jump(4, 4), Field.math(subtraction, variableOut, outLength, 0), store,
        Field.sequenceIn(1, 0x11), Field.sequenceIn(1, 0x3a, 12),
      ]
    let vectorOfCBC: UInt32 = 0x03 << 27 | 1 << 25 | 0x20 << 16 | 16
    let encipherCBC: [UInt32] =
      [Field.operation(4, 0x43, 1) | 1] + Field.length + [
        vectorOfCBC, associatedIn, associatedOut, skip, Field.sequenceIn(2, 0x10),
        Field.operation(2, 0x10, 0x10) | 1, Field.math(addition, variableIn, inLength, 0),
        Field.math(addition, variableOut, inLength, 0), store, Field.sequenceIn(3, 0x1e),
        0x0b << 27 | 2 << 25 | 0x20 << 16 | 16,
      ]
    let decipherCBC: [UInt32] =
      [Field.operation(4, 0x43, 1) | 2] + Field.length + [
        vectorOfCBC, associatedIn, associatedOut, skip, Field.sequenceIn(2, 0x10),
        Field.jump(1 << 16 | 0x40, 3), Field.operation(2, 0x10, 0x10), Field.jump(0, 2),
        Field.operation(2, 0x10, 0x110), Field.math(addition, variableIn, outLength, 0),
        Field.math(addition, variableOut, outLength, 0), store, Field.sequenceIn(3, 0x16),
        Field.sequenceIn(2, 0x3c, 32),
      ]
    func commands(_ isGCM: Bool, _ enciphers: Bool, _ tag: Int) -> [UInt32] {
      SharedDescriptor.commands(isGCM: isGCM, enciphers: enciphers, tagLength: tag)
    }
    #expect(commands(true, true, 16) == encipherGCM)
    #expect(commands(true, false, 12) == decipherGCM)
    #expect(commands(false, true, 16) == encipherCBC)
    #expect(commands(false, false, 32) == decipherCBC)
    // The whole: shared serially, no data block; the hash's context is kept.
    let words = SharedDescriptor(
      enciphering: .cbcWithHMAC(key: Self.key(16), authentication: Self.key(32)), outputPool: 7
    ).words
    #expect(words[0] == UInt32(words.count - 2))
    #expect(words[1] == 7 << 16)
    #expect(words[2] == 0x17 << 27 | 1 << 23 | 1 << 12 | 2 << 8 | UInt32(words.count - 2))
    #expect(words[3] == Field.jump(1 << 16 | 0x40, 15))
    #expect(words[4] == 2 << 25 | 1 << 23 | 32)
    #expect(words[13] == 1 << 25 | 1 << 23 | 16)
  }
}
