/// What FMan's parser finds in a frame: the fields that rules and the hash look at.
///
/// The fields stand in eight 64-bit words, so that a rule is a list of masked comparisons:
///
/// | word | bits 63…0 |
/// |---|---|
/// | 0 | destination MAC (48), EtherType behind tags (16) |
/// | 1 | source MAC (48), VLAN of the outermost tag (16) |
/// | 2 | IPv4 source (32), IPv4 destination (32) |
/// | 3, 4 | IPv6 source |
/// | 5, 6 | IPv6 destination |
/// | 7 | presence flags (16), IP protocol (16), layer-4 source (16), layer-4 destination (16) |
///
/// A header that is cut off or malformed ends the parse: its fields count as absent, and the
/// frame goes where frames without them go.
struct ParsedFrame: BitwiseCopyable {
  var words = InlineArray<8, UInt64>(repeating: 0)

  /// Bits 63 to 48 of word 7.
  enum Presence {
    static let vlan: UInt64 = 1 << 48
    static let ipv4: UInt64 = 1 << 49
    static let ipv6: UInt64 = 1 << 50
    static let layer4: UInt64 = 1 << 51
    static let ethernet: UInt64 = 1 << 52
    static let ip: UInt64 = 1 << 53
  }

  // SAFETY: `frame` covers `count` bytes; every read is behind a comparison with `count`.
  /// Parses a frame of at least 14 bytes, from its Ethernet header.
  @inline(__always)
  init(_ frame: UnsafeRawPointer, count: Int) {
    guard count >= 14 else { return }
    let first = Self.load64(frame, 0)
    let second = Self.load64(frame, 6)
    words[0] = first & 0xffff_ffff_ffff_0000
    words[1] = second & 0xffff_ffff_ffff_0000
    words[7] = Presence.ethernet
    var offset = 12
    var type = Self.load16(frame, 12)
    // The outermost tag's VLAN counts; up to four tags are passed over.
    var tags = 0
    while type == 0x8100 || type == 0x88a8 || type == 0x9100 {
      guard tags < 4, count >= offset + 6 else { return }
      if tags == 0 {
        words[1] |= UInt64(Self.load16(frame, offset + 2) & 0xfff)
        words[7] |= Presence.vlan
      }
      tags += 1
      offset += 4
      type = Self.load16(frame, offset)
    }
    words[0] |= UInt64(type)
    offset += 2
    switch type {
    case 0x0800: parseIPv4(frame + offset, count: count - offset)
    case 0x86dd: parseIPv6(frame + offset, count: count - offset)
    default: break
    }
  }

  @inline(__always)
  private mutating func parseIPv4(_ header: UnsafeRawPointer, count: Int) {
    guard count >= 20 else { return }
    let start = Self.load8(header, 0)
    let length = Int(start & 0xf) &* 4
    guard start >> 4 == 4, length >= 20, count >= length else { return }
    words[2] = Self.load64(header, 12)
    let protocolNumber = Self.load8(header, 9)
    words[7] |= Presence.ipv4 | Presence.ip | UInt64(protocolNumber) << 32
    // Only the first fragment bears the layer-4 header.
    guard Self.load16(header, 6) & 0x1fff == 0 else { return }
    parseLayer4(header + length, count: count - length, protocolNumber: protocolNumber)
  }

  @inline(__always)
  private mutating func parseIPv6(_ header: UnsafeRawPointer, count: Int) {
    guard count >= 40, Self.load8(header, 0) >> 4 == 6 else { return }
    words[3] = Self.load64(header, 8)
    words[4] = Self.load64(header, 16)
    words[5] = Self.load64(header, 24)
    words[6] = Self.load64(header, 32)
    words[7] |= Presence.ipv6 | Presence.ip
    var next = Self.load8(header, 6)
    var offset = 40
    var isLaterFragment = false
    // Hop-by-hop, routing, destination options and fragment headers, at most eight of them.
    for _ in 0..<8 {
      guard next == 0 || next == 43 || next == 60 || next == 44 else { break }
      guard count >= offset + 8 else {
        words[7] |= UInt64(next) << 32
        return
      }
      if next == 44 {
        isLaterFragment = isLaterFragment || Self.load16(header, offset + 2) & 0xfff8 != 0
        next = Self.load8(header, offset)
        offset += 8
      } else {
        let length = (Int(Self.load8(header, offset + 1)) + 1) * 8
        next = Self.load8(header, offset)
        offset += length
      }
    }
    words[7] |= UInt64(next) << 32
    guard !isLaterFragment, count > offset else { return }
    parseLayer4(header + offset, count: count - offset, protocolNumber: next)
  }

  @inline(__always)
  private mutating func parseLayer4(
    _ header: UnsafeRawPointer, count: Int, protocolNumber: UInt8
  ) {
    // TCP, UDP, SCTP begin with both ports.
    guard protocolNumber == 6 || protocolNumber == 17 || protocolNumber == 132, count >= 4 else {
      return
    }
    words[7] |= Presence.layer4
    words[7] |= UInt64(Self.load16(header, 0)) << 16 | UInt64(Self.load16(header, 2))
  }

  @inline(__always)
  private static func load8(_ pointer: UnsafeRawPointer, _ offset: Int) -> UInt8 {
    pointer.load(fromByteOffset: offset, as: UInt8.self)
  }
  @inline(__always)
  private static func load16(_ pointer: UnsafeRawPointer, _ offset: Int) -> UInt16 {
    UInt16(bigEndian: pointer.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }
  @inline(__always)
  private static func load64(_ pointer: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    UInt64(bigEndian: pointer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}
