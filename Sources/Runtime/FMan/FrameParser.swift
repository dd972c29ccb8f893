/// What FMan's parser finds in a frame: its ``ParseResult``, and the fields that rules and the hash
/// look at.
///
/// The fields stand in eight 64-bit words, so that a rule is a list of masked comparisons:
///
/// | word | bits 63…0 |
/// |---|---|
/// | 0 | destination MAC (48), EtherType behind tags (16), 0 when there is none |
/// | 1 | source MAC (48), VLAN of the outermost tag (16) |
/// | 2 | IPv4 source (32), IPv4 destination (32) |
/// | 3, 4 | IPv6 source |
/// | 5, 6 | IPv6 destination |
/// | 7 | presence flags (16), IP protocol (16), layer-4 source (16), layer-4 destination (16) |
///
/// Addresses and protocol are those of the first IP header, ports those behind the last one. A
/// header that is cut off, contradicts itself or has a wrong checksum ends the parse: the result
/// says so, the fields behind it count as absent, and the frame goes where frames without them go.
struct ParsedFrame: BitwiseCopyable {
  var words = InlineArray<8, UInt64>(repeating: 0)
  var result = ParseResult()
  /// Where ``result`` stands; checked when tables are made.
  static let resultOffset = 64

  /// Bits 63 to 48 of word 7.
  enum Presence {
    static let vlan: UInt64 = 1 << 48
    static let ipv4: UInt64 = 1 << 49
    static let ipv6: UInt64 = 1 << 50
    static let layer4: UInt64 = 1 << 51
    static let ethernet: UInt64 = 1 << 52
    static let ip: UInt64 = 1 << 53
  }

  /// Tags, labels and extension headers of a kind that are passed over; what has more takes the
  /// parser too long and has an error.
  static let patience = 8

  /// Nothing yet.
  init() {}

  /// Parses a frame of at least 14 bytes, from its Ethernet header.
  init(_ frame: UnsafeRawPointer, count: Int) { take(frame, count: count) }

  // SAFETY: `frame` covers `count` bytes; every read is behind a comparison with `count` or less.
  /// Parses a frame of at least 14 bytes that a port has received, in place of what was here: whoever parses
  /// one frame after another has no use for copies.
  @inline(__always)
  mutating func take(_ frame: UnsafeRawPointer, count: Int, port: UInt8 = 0) {
    if !takePlainIPv4(frame, count: count, port: port) { parse(frame, count: count, port: port) }
  }

  /// Goes through a frame header by header.
  @inline(never)
  mutating func parse(_ frame: UnsafeRawPointer, count: Int, port: UInt8) {
    self = ParsedFrame()
    result.port = port
    guard count >= 14 else { return }
    let first = Self.load64(frame, 0)
    words[0] = first & 0xffff_ffff_ffff_0000
    words[1] = Self.load64(frame, 6) & 0xffff_ffff_ffff_0000
    words[7] = Presence.ethernet
    result.layer2 = ParseResult.Layer2.ethernet | Self.reach(ofDestinationIn: first)
    result.set(.ethernet, 0)
    let type = Self.load16(frame, 12)
    if type == 0x8100 || type == 0x88a8 || type == 0x9100 {
      parseTags(frame, count: count, type: type)
    } else {
      parse(type, at: 12, frame, end: count)
    }
  }

  /// Passes over tags; the outermost one's VLAN counts.
  @inline(never)
  private mutating func parseTags(_ frame: UnsafeRawPointer, count: Int, type outermost: UInt16) {
    var (type, offset, tags) = (outermost, 12, 0)
    while type == 0x8100 || type == 0x88a8 || type == 0x9100 {
      guard tags < Self.patience, count >= offset + 6 else {
        return failLayer2(next: type, at: offset + 2)
      }
      if tags == 0 {
        words[1] |= UInt64(Self.load16(frame, offset + 2) & 0xfff)
        words[7] |= Presence.vlan
        result.layer2 |= ParseResult.Layer2.vlan
        result.set(.firstVLAN, offset + 2)
      } else {
        result.layer2 |= ParseResult.Layer2.vlanStack
      }
      result.set(.lastVLAN, offset + 2)
      tags += 1
      offset += 4
      type = Self.load16(frame, offset)
    }
    parse(type, at: offset, frame, end: count)
  }

  /// Goes on behind the EtherType or length that stands at an offset.
  @inline(__always)
  private mutating func parse(_ type: UInt16, at offset: Int, _ frame: UnsafeRawPointer, end: Int) {
    guard type >= 0x600 else {
      return parseLLC(frame, at: offset + 2, length: Int(type), end: end)
    }
    words[0] |= UInt64(type)
    result.set(.etherType, offset)
    parse(type, payloadAt: offset + 2, frame, end: end)
  }

  /// Parses what is behind an EtherType.
  @inline(__always)
  private mutating func parse(
    _ type: UInt16, payloadAt offset: Int, _ frame: UnsafeRawPointer, end: Int
  ) {
    switch type {
    case 0x0800: parseIPv4(frame, at: offset, end: end)
    case 0x86dd: parseIPv6(frame, at: offset, end: end)
    case 0x8847, 0x8848: parseMPLS(frame, at: offset, end: end, type: type)
    case 0x8864: parsePPPoE(frame, at: offset, end: end)
    default:
      result.layer2 |= ParseResult.Layer2.unknownType
      stop(next: type, at: offset)
    }
  }

  /// A frame with a length instead of a type: LLC, and SNAP with a type after all.
  @inline(never)
  private mutating func parseLLC(
    _ frame: UnsafeRawPointer, at offset: Int, length: Int, end: Int
  ) {
    // More than 1500 is neither a length nor a type (IEEE 802.3, clause 3.2.6).
    guard (3...1500).contains(length), length <= end - offset else {
      return failLayer2(next: 0, at: offset)
    }
    result.layer2 |= ParseResult.Layer2.llcSnap
    result.set(.llcSnap, offset)
    // SNAP: both access points 0xaa, unnumbered information, no organisation.
    guard length >= 8, Self.load64(frame, offset) &>> 16 == 0xaaaa_0300_0000 else {
      return stop(next: 0, at: offset + 3)
    }
    let type = Self.load16(frame, offset + 6)
    words[0] |= UInt64(type)
    result.set(.etherType, offset + 6)
    parse(type, payloadAt: offset + 8, frame, end: offset + length)
  }

  /// Passes over labels. What is behind the last one is said by an explicit null label, otherwise
  /// by its first four bits, as RFC 4928 has routers guess; hardware's ports may be told to go by
  /// labels or by one fixed protocol.
  @inline(never)
  private mutating func parseMPLS(
    _ frame: UnsafeRawPointer, at first: Int, end: Int, type: UInt16
  ) {
    result.layer2 |= ParseResult.Layer2.mpls
    result.set(.firstMPLS, first)
    var (offset, labels) = (first, 0)
    var entry: UInt32 = 0
    repeat {
      guard labels < Self.patience, end >= offset + 4 else {
        return failLayer2(next: type, at: offset)
      }
      entry = Self.load32(frame, offset)
      result.set(.lastMPLS, offset)
      labels += 1
      offset += 4
    } while entry & 0x100 == 0
    let version = end > offset ? Self.load8(frame, offset) &>> 4 : 0
    switch (entry &>> 12, version) {
    case (0, _), (16..., 4): parseIPv4(frame, at: offset, end: end)
    case (2, _), (16..., 6): parseIPv6(frame, at: offset, end: end)
    default: stop(next: type, at: offset)
    }
  }

  /// Passes over the headers of a PPPoE session and of PPP (RFC 2516).
  @inline(never)
  private mutating func parsePPPoE(_ frame: UnsafeRawPointer, at offset: Int, end: Int) {
    guard end >= offset + 8 else { return failLayer2(next: 0x8864, at: offset) }
    let length = Int(Self.load16(frame, offset + 4))
    // Version 1, type 1, and the code of session data.
    guard Self.load16(frame, offset) == 0x1100, length >= 2, length <= end - offset - 6 else {
      return failLayer2(next: 0x8864, at: offset)
    }
    result.layer2 |= ParseResult.Layer2.pppoe
    result.set(.pppoe, offset)
    let end = offset + 6 + length
    let number = Self.load16(frame, offset + 6)
    switch number {
    case 0x0021: parseIPv4(frame, at: offset + 8, end: end)
    case 0x0057: parseIPv6(frame, at: offset + 8, end: end)
    default: stop(next: number, at: offset + 8)
    }
  }

  /// Ends the parse in front of something that it does not know.
  @inline(__always)
  mutating func stop(next: UInt16, at offset: Int) {
    result.nextHeader = next
    result.set(.next, offset)
  }

  private mutating func failLayer2(next: UInt16, at offset: Int) {
    result.layer2 |= ParseResult.someError
    stop(next: next, at: offset)
  }

  @inline(__always)
  static func load8(_ pointer: UnsafeRawPointer, _ offset: Int) -> UInt8 {
    pointer.load(fromByteOffset: offset, as: UInt8.self)
  }
  @inline(__always)
  static func load16(_ pointer: UnsafeRawPointer, _ offset: Int) -> UInt16 {
    UInt16(bigEndian: pointer.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }
  @inline(__always)
  static func load32(_ pointer: UnsafeRawPointer, _ offset: Int) -> UInt32 {
    UInt32(bigEndian: pointer.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }
  @inline(__always)
  static func load64(_ pointer: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    UInt64(bigEndian: pointer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}
