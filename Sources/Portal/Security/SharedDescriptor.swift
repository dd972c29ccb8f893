public import QorIQ

/// The words of a shared descriptor of SEC, with the pre-header in front of them: what a queue's context A
/// points at.
///
/// ```
///  word 0       word 1                  word 2      …
/// +------------+-----------------------+-----------+------------------+---------+-----------+
/// | length of  | pool of the output's  | header    | protocol data    | keys    | operation |
/// | the rest   | buffers               |           | block            |         |           |
/// +------------+-----------------------+-----------+------------------+---------+-----------+
/// ```
/// Words are big-endian in memory. Sources: Linux 6.1, `drivers/crypto/caam/qi.c` (pre-header), `desc.h`
/// (commands) and `pdb.h` (protocol data blocks); the fields of the pre-header's second word: ODP for DPAA,
/// `struct preheader_s`.
public struct SharedDescriptor: Sendable, Hashable {
  /// All words, the two of the pre-header first.
  public let words: [UInt32]

  /// The most words of a descriptor, without the pre-header (Linux 6.1, `desc.h`, `HDR_SD_LENGTH_MASK`).
  public static var limit: Int { 63 }

  /// Bytes in memory.
  public var byteCount: Int { words.count * 4 }

  /// Bits of words.
  public enum Word {
    /// KEY, without class and length; the key follows.
    public static var keyImmediate: UInt32 { 0x0080_0000 }
    /// KEY, whose key's address follows.
    public static var key: UInt32 { 0 }
    /// A command for ciphers.
    public static var class1: UInt32 { 1 << 25 }
    /// A command for hashes.
    public static var class2: UInt32 { 2 << 25 }
    /// OPERATION: a protocol that encapsulates, and IPsec.
    public static var encapsulateIPsec: UInt32 { 0x8701_0000 }
    /// OPERATION: a protocol that decapsulates, and IPsec.
    public static var decapsulateIPsec: UInt32 { 0x8601_0000 }
    /// The header of a shared descriptor: its command and the bit that is always 1; for one that is
    /// shared serially (`HDR_SHARE_SERIAL`).
    public static var header: UInt32 { 0xb880_0200 }
    /// JUMP over so many words when the keys are there already.
    public static var jumpIfShared: UInt32 { 0xa100_4000 }
    /// AES-GCM with a tag of 16 bytes, of IPsec.
    public static var gcm: UInt32 { 0x1400 }
    /// AES-CBC with HMAC-SHA-256-128, of IPsec.
    public static var cbcWithHMAC: UInt32 { 0x0c0c }
  }

  /// Options of ESP, the lowest byte of a protocol data block's first word.
  public struct Options: OptionSet, BitwiseCopyable, Sendable {
    /// The bits.
    public let rawValue: UInt32
    /// Creates options of bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// A tunnel.
    public static let tunnel = Options(rawValue: 0x01)
    /// The outer header is IPv6's.
    public static let outerIPv6 = Options(rawValue: 0x02)
    /// Encapsulation: the outer header is put in front of the output. Decapsulation: the output's length
    /// is without padding.
    public static let outerHeader = Options(rawValue: 0x04)
    /// Encapsulation: the outer header follows the data block. Decapsulation: the output is the inner
    /// packet only.
    public static let headerInBlock = Options(rawValue: 0x08)
    /// Extended sequence numbers.
    public static let extendedNumbers = Options(rawValue: 0x10)
    /// Encapsulation: each initialization vector is drawn.
    public static let randomVector = Options(rawValue: 0x20)
    /// Decapsulation: a window of 32 numbers against replay.
    public static let window32 = Options(rawValue: 0x40)
    /// Decapsulation: a window of 64 numbers against replay.
    public static let window64 = Options(rawValue: 0xc0)
    /// Encapsulation: the outer IPv4 header's checksum is made right.
    public static let updatesChecksum = Options(rawValue: 0x80)
  }

  /// What one direction of an ESP tunnel is enciphered with.
  public enum Transform: Sendable, Hashable {
    /// AES-GCM (RFC 4106): a key of 16, 24 or 32 bytes and a salt of 4.
    case gcm(key: [UInt8], salt: UInt32)
    /// AES-CBC with HMAC-SHA-256-128 (RFC 3602, RFC 4868): a key of 16, 24 or 32 bytes, and one of up to 64 for
    /// the hash.
    case cbcWithHMAC(key: [UInt8], authentication: [UInt8])

    /// Bytes of the initialization vector in each packet.
    public var vectorLength: Int {
      switch self {
      case .gcm: 8
      case .cbcWithHMAC: 16
      }
    }
  }

  /// A descriptor that puts packets into an ESP tunnel (RFC 4303).
  ///
  /// The input is an IP packet, the output one with the outer header in front, whose length is set and, if
  /// it is IPv4, its checksum.
  ///
  /// - Parameters:
  ///   - transform: The keys.
  ///   - spi: The security parameters index.
  ///   - outerHeader: An IPv4 or IPv6 header whose next protocol is ESP, in whole words.
  ///   - nextHeader: What the inner packets are: 4 for IPv4, 41 for IPv6.
  ///   - sequence: The number of the packet before the first.
  ///   - isExtended: Whether sequence numbers have 64 bits.
  ///   - outputPool: The pool from which buffers for outputs are taken.
  public init(
    encapsulating transform: Transform, spi: UInt32, outerHeader: [UInt8], nextHeader: UInt8 = 4,
    sequence: UInt64 = 0, isExtended: Bool = false, outputPool: BPID
  ) {
    precondition(outerHeader.count % 4 == 0, "an outer header has whole words")
    var options: Options = [
      .tunnel, .outerHeader, .headerInBlock, .randomVector, .updatesChecksum,
    ]
    if isExtended { options.insert(.extendedNumbers) }
    if (outerHeader.first ?? 0) >> 4 == 6 { options.insert(.outerIPv6) }
    var block = [UInt32(nextHeader) << 16 | options.rawValue]
    block += [UInt32(truncatingIfNeeded: sequence >> 32), UInt32(truncatingIfNeeded: sequence)]
    if case .gcm(_, let salt) = transform {
      block += [salt, 0, 0, 0]
    } else {
      block += [0, 0, 0, 0]
    }
    block += [spi, UInt32(outerHeader.count)] + Self.words(of: outerHeader)
    self.init(
      block: block, transform, operation: Word.encapsulateIPsec, outputPool: outputPool)
  }

  /// A descriptor that takes packets out of an ESP tunnel.
  ///
  /// The input begins with an outer header, the output is the inner packet, with or without its trailer.
  ///
  /// - Parameters:
  ///   - transform: The keys.
  ///   - outerHeaderLength: Bytes of the outer header.
  ///   - window: Numbers of the window against replay: 0, 32 or 64.
  ///   - sequence: The highest number that was received.
  ///   - isExtended: Whether sequence numbers have 64 bits.
  ///   - keepsTrailer: Whether padding, its length and the next header (RFC 4303, 2) stay behind the packet.
  ///   - outputPool: The pool from which buffers for outputs are taken.
  public init(
    decapsulating transform: Transform, outerHeaderLength: Int = 20, window: Int = 64,
    sequence: UInt64 = 0, isExtended: Bool = false, keepsTrailer: Bool = false, outputPool: BPID
  ) {
    var options: Options = [.tunnel, .headerInBlock]
    if !keepsTrailer { options.insert(.outerHeader) }
    if window > 0 { options.formUnion(window > 32 ? .window64 : .window32) }
    if isExtended { options.insert(.extendedNumbers) }
    var block = [UInt32(outerHeaderLength & 0xfff) << 16 | options.rawValue]
    if case .gcm(_, let salt) = transform { block += [salt, 0] } else { block += [0, 0] }
    block += [
      UInt32(truncatingIfNeeded: sequence >> 32), UInt32(truncatingIfNeeded: sequence), 0, 0,
    ]
    self.init(
      block: block, transform, operation: Word.decapsulateIPsec, outputPool: outputPool)
  }

  private init(
    block: [UInt32], _ transform: Transform, operation: UInt32, outputPool: BPID
  ) {
    var keys: [UInt32] = []
    let protocolInformation: UInt32
    switch transform {
    case .gcm(let key, _):
      keys = Self.key(key, Word.class1)
      protocolInformation = Word.gcm
    case .cbcWithHMAC(let key, let authentication):
      keys = Self.key(authentication, Word.class2) + Self.key(key, Word.class1)
      protocolInformation = Word.cbcWithHMAC
    }
    var body = block + [Word.jumpIfShared | UInt32(keys.count + 1)] + keys
    body.append(operation | protocolInformation)
    precondition(body.count < Self.limit, "the descriptor is longer than SEC takes")
    let header = Word.header | UInt32(block.count + 1) << 16 | UInt32(body.count + 1)
    self.init(words: [UInt32(body.count + 1), UInt32(outputPool.rawValue) << 16, header] + body)
  }

  init(words: [UInt32]) { self.words = words }

  /// KEY with a key behind it.
  static func key(_ bytes: [UInt8], _ destination: UInt32) -> [UInt32] {
    [Word.keyImmediate | destination | UInt32(bytes.count)] + words(of: bytes)
  }

  /// Bytes as words, filled up with zeros.
  private static func words(of bytes: [UInt8]) -> [UInt32] {
    stride(from: 0, to: bytes.count, by: 4).map { start in
      (start..<start + 4).reduce(0) {
        $0 << 8 | ($1 < bytes.count ? UInt32(bytes[$1]) : 0)
      }
    }
  }

  // SAFETY: the caller's memory has `byteCount` bytes.
  /// Writes the descriptor.
  public func write(to memory: UnsafeMutableRawPointer) {
    for (place, word) in words.enumerated() {
      memory.storeBytes(of: word.bigEndian, toByteOffset: 4 * place, as: UInt32.self)
    }
  }
}
