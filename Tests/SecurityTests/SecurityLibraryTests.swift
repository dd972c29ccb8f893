import CSecurity
import Foundation
import Security
import TestSupport
import Testing

/// The libraries that do SEC's arithmetic, against published vectors, against OpenSSL's command line and
/// against each other.
@Suite(.timeLimit(.minutes(5))) struct SecurityLibraryTests {
  /// The library, if the host has it.
  static func unit(_ library: SecurityLibrary) -> SecurityUnit? {
    if case .success(let unit) = SecurityUnit.open(library) { return unit }
    return nil
  }
  static let isWhole = SecurityLibrary.allCases.allSatisfy { $0.problem == nil }
  static let openssl = Tool("openssl", package: "openssl")

  static func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex.filter(\.isHexDigit))
    return stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0...$0 + 1]), radix: 16)
    }
  }

  /// One job over arrays: what came out, and the tag or failure.
  struct Outcome: Equatable {
    var text: [UInt8]
    var tag: [UInt8]
    var failure: UInt32
  }

  static func gcm(
    _ unit: SecurityUnit, key: [UInt8], iv: [UInt8], text: [UInt8], extra: [UInt8],
    tag: [UInt8]? = nil
  ) throws -> Outcome {
    let key = try #require(unit.key(.gcm, enciphers: tag == nil, key))
    return run(key, iv: iv, text: text, authenticated: extra, tag: tag)
  }

  private static func run(
    _ key: SecurityKey, iv: [UInt8], text: [UInt8], authenticated: [UInt8], tag: [UInt8]?
  ) -> Outcome {
    var target = [UInt8](repeating: 0, count: text.count)
    var job = dpaac_security_job(key: key)
    iv.withUnsafeBufferPointer { iv in
      (text + [0]).withUnsafeBufferPointer { text in
        (authenticated + [0]).withUnsafeBufferPointer { authenticated in
          target.withUnsafeMutableBufferPointer { target in
            var nothing: UInt8 = 0
            withUnsafeMutablePointer(to: &nothing) { nothing in
              job.iv = iv.baseAddress
              job.source = text.baseAddress
              job.target = target.baseAddress ?? nothing
              job.length = UInt32(text.count - 1)
              job.authenticated = authenticated.baseAddress
              job.authenticated_length = UInt32(authenticated.count - 1)
              if let tag {
                job.tag_length = UInt32(tag.count)
                withUnsafeMutableBytes(of: &job.tag) { $0.copyBytes(from: tag) }
              }
              withUnsafeMutablePointer(to: &job) {
                key.unit.run(UnsafeMutableBufferPointer(start: $0, count: 1))
              }
            }
          }
        }
      }
    }
    return Outcome(
      text: target, tag: withUnsafeBytes(of: &job.tag) { Array($0) }, failure: job.failure)
  }

  // MARK: AES-GCM

  /// Test cases 4, 10 and 16 of the specification of GCM (McGrew and Viega, 2004), and 2 of it.
  static let vectors: [(key: String, cipher: String, tag: String)] = [
    (
      "feffe9928665731c6d6a8f9467308308",
      """
      42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
      21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091
      """, "5bc94fbc3221a5db94fae95ae7121a47"
    ),
    (
      "feffe9928665731c6d6a8f9467308308feffe9928665731c",
      """
      3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c
      7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710
      """, "2519498e80f1478f37ba55bd6d27618c"
    ),
    (
      "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
      """
      522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
      8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662
      """, "76fc6ece0f4e1768cddf8853bb2d551b"
    ),
  ]
  private static let plain = bytes(
    """
    d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
    1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39
    """)
  private static let extra = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")
  private static let vector = bytes("cafebabefacedbaddecaf888")

  @Test(
    .enabled(if: isWhole, "needs package libipsec-mb-dev"), arguments: SecurityLibrary.allCases,
    vectors.indices)
  func `AES-GCM is that of its specification`(library: SecurityLibrary, number: Int) throws {
    let unit = try #require(Self.unit(library))
    let (key, cipher, tag) = Self.vectors[number]
    let out = try Self.gcm(
      unit, key: Self.bytes(key), iv: Self.vector, text: Self.plain, extra: Self.extra)
    #expect(out.failure == 0)
    #expect(out.text == Self.bytes(cipher))
    #expect(Array(out.tag.prefix(16)) == Self.bytes(tag))
    // Back again, with tags of all lengths that there are.
    for length in [16, 12, 8] {
      let back = try Self.gcm(
        unit, key: Self.bytes(key), iv: Self.vector, text: out.text, extra: Self.extra,
        tag: Array(out.tag.prefix(length)))
      #expect(back.failure == 0)
      #expect(back.text == Self.plain)
    }
  }

  @Test(
    .enabled(if: isWhole, "needs package libipsec-mb-dev"), arguments: SecurityLibrary.allCases)
  func `one wrong bit anywhere is not authentic`(library: SecurityLibrary) throws {
    let unit = try #require(Self.unit(library))
    let key = Self.bytes(Self.vectors[0].key)
    let cipher = Self.bytes(Self.vectors[0].cipher)
    let tag = Self.bytes(Self.vectors[0].tag)
    func failure(_ cipher: [UInt8], _ extra: [UInt8], _ tag: [UInt8]) throws -> UInt32 {
      try Self.gcm(unit, key: key, iv: Self.vector, text: cipher, extra: extra, tag: tag).failure
    }
    #expect(try failure(cipher, Self.extra, tag) == 0)
    for place in cipher.indices {
      var wrong = cipher
      wrong[place] ^= 1 << UInt8(place & 7)
      #expect(try failure(wrong, Self.extra, tag) == UInt32(DPAAC_SECURITY_NOT_AUTHENTIC))
    }
    for place in tag.indices {
      var wrong = tag
      wrong[place] ^= 0x80
      #expect(try failure(cipher, Self.extra, wrong) == UInt32(DPAAC_SECURITY_NOT_AUTHENTIC))
    }
    #expect(try failure(cipher, [1] + Self.extra, tag) == UInt32(DPAAC_SECURITY_NOT_AUTHENTIC))
    #expect(try failure(cipher, Self.extra, []) == UInt32(DPAAC_SECURITY_FAILED))
  }

  @Test(.enabled(if: isWhole, "needs package libipsec-mb-dev"))
  func `both libraries agree on random frames`() throws {
    var generator = SeededGenerator(seed: 20261126)
    let units = try SecurityLibrary.allCases.map { try #require(Self.unit($0)) }
    func random(_ count: Int) -> [UInt8] {
      (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
    for round in 0..<200 {
      let key = random([16, 24, 32][round % 3])
      let (iv, extra) = (random(12), random(Int.random(in: 0...40, using: &generator)))
      let text = random(Int.random(in: 0...3000, using: &generator))
      let outcomes = try units.map {
        try Self.gcm($0, key: key, iv: iv, text: text, extra: extra)
      }
      #expect(outcomes[0] == outcomes[1], "round \(round)")
    }
  }

  // MARK: AES-CBC with HMAC-SHA-256

  /// Enciphers what lies behind a head and authenticates both, in place; many frames at once.
  private static func encipher(
    _ key: SecurityKey, _ frames: [(iv: [UInt8], head: [UInt8], text: [UInt8])]
  ) -> [Outcome] {
    var memory = frames.map { $0.iv + $0.head + $0.text }
    let pointers = memory.map { bytes in
      let pointer = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
      pointer.initialize(from: bytes, count: bytes.count)
      return pointer
    }
    defer { for pointer in pointers { pointer.deallocate() } }
    var jobs = frames.indices.map { place in
      var job = dpaac_security_job(key: key)
      let head = pointers[place] + 16
      job.iv = UnsafePointer(pointers[place])
      job.source = UnsafePointer(head + frames[place].head.count)
      job.target = head + frames[place].head.count
      job.length = UInt32(frames[place].text.count)
      job.authenticated = UnsafePointer(head)
      job.authenticated_length = UInt32(frames[place].head.count + frames[place].text.count)
      return job
    }
    jobs.withUnsafeMutableBufferPointer { key.unit.run($0) }
    memory.removeAll()
    return frames.indices.map { place in
      let start = pointers[place] + 16 + frames[place].head.count
      return Outcome(
        text: Array(UnsafeBufferPointer(start: start, count: frames[place].text.count)),
        tag: withUnsafeBytes(of: &jobs[place].tag) { Array($0) }, failure: jobs[place].failure)
    }
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  @Test(
    .enabled(if: isWhole, "needs package libipsec-mb-dev"),
    .enabled(if: openssl.isPresent, "needs package openssl"), arguments: SecurityLibrary.allCases)
  func `AES-CBC and HMAC-SHA-256 are those of OpenSSL's command line`(
    library: SecurityLibrary
  ) throws {
    var generator = SeededGenerator(seed: 4)
    func random(_ count: Int) -> [UInt8] {
      (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
    let unit = try #require(Self.unit(library))
    for size in [16, 24, 32] {
      let (keyBytes, hashKey) = (random(size), random([32, 1, 64][size / 8 - 2]))
      let key = try #require(
        unit.key(.cbcWithHMAC, enciphers: true, keyBytes, authentication: hashKey))
      // More at once than any library works on side by side, of unlike lengths.
      let frames = (0..<37).map { number in
        (iv: random(16), head: random(8 + number % 3 * 4), text: random(16 * (1 + number * 7 % 90)))
      }
      let outcomes = Self.encipher(key, frames)
      for (frame, outcome) in zip(frames, outcomes).prefix(5) {
        #expect(outcome.failure == 0)
        let cipher = try Self.openssl.run(
          [
            "enc", "-aes-\(size * 8)-cbc", "-nopad", "-K", Self.hex(keyBytes), "-iv",
            Self.hex(frame.iv),
          ], input: frame.text)
        #expect(Array(cipher.output) == outcome.text)
        let tag = try Self.openssl.run(
          [
            "dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:\(Self.hex(hashKey))", "-binary",
          ], input: frame.head + outcome.text)
        #expect(Array(tag.output) == outcome.tag)
      }
      // The rest against the other library, or alone.
      let other = try #require(
        Self.unit(library == .libcrypto ? .ipsecMB : .libcrypto)?
          .key(.cbcWithHMAC, enciphers: true, keyBytes, authentication: hashKey))
      #expect(Self.encipher(other, frames) == outcomes)
    }
  }

  @Test(
    .enabled(if: isWhole, "needs package libipsec-mb-dev"), arguments: SecurityLibrary.allCases)
  func `what cannot be done is said`(library: SecurityLibrary) throws {
    let unit = try #require(Self.unit(library))
    #expect(unit.key(.gcm, enciphers: true, [UInt8](repeating: 0, count: 17)) == nil)
    #expect(unit.key(.gcm, enciphers: true, []) == nil)
    #expect(
      unit.key(
        .cbcWithHMAC, enciphers: true, [UInt8](repeating: 0, count: 16),
        authentication: [UInt8](repeating: 0, count: 65)) == nil)
    let key = try #require(
      unit.key(
        .cbcWithHMAC, enciphers: true, [UInt8](repeating: 0, count: 16), authentication: [1]))
    let iv = [UInt8](repeating: 0, count: 16)
    let outcomes = Self.encipher(
      key,
      [
        (iv, [1], [UInt8](repeating: 0, count: 15)), (iv, [1], []),
        (iv, [1], [UInt8](repeating: 0, count: 65008)),
        (iv, [1], [UInt8](repeating: 0, count: 64992)),
      ])
    #expect(outcomes.map(\.failure) == [1, 1, 1, 0])
  }

  @Test(.enabled(if: isWhole, "needs package libipsec-mb-dev"))
  func `each suite has a library that was chosen by measuring`() throws {
    let choice = SecurityChoice()
    #expect(choice.missing.isEmpty)
    for suite in SecuritySuite.allCases { #expect(choice.unit(for: suite) != nil) }
    let alone = SecurityChoice([.libcrypto])
    #expect(SecuritySuite.allCases.allSatisfy { alone.unit(for: $0)?.library == .libcrypto })
    let none = SecurityChoice([])
    #expect(none.unit(for: .gcm) == nil)
  }
}
