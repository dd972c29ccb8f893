import QorIQ

/// Numbers in network order inside a frame, and Internet checksums over parts of it.
///
/// Who reads or writes has compared the place with the frame's length before.
public enum HeaderBytes {
  /// The 16 bits at a place.
  @inline(__always)
  public static func half(_ frame: UnsafeMutableRawBufferPointer, _ offset: Int) -> UInt16 {
    UInt16(bigEndian: frame.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }
  /// The 32 bits at a place.
  @inline(__always)
  public static func word(_ frame: UnsafeMutableRawBufferPointer, _ offset: Int) -> UInt32 {
    UInt32(bigEndian: frame.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }
  /// Writes a number of any size to a place.
  @inline(__always)
  public static func put<Number: FixedWidthInteger>(
    _ number: Number, _ frame: UnsafeMutableRawBufferPointer, _ offset: Int
  ) {
    withUnsafeBytes(of: number.bigEndian) {
      UnsafeMutableRawBufferPointer(rebasing: frame[offset..<offset + $0.count]).copyMemory(
        from: $0)
    }
  }

  /// A MAC address in the lower 48 bits.
  @inline(__always)
  public static func mac(_ frame: UnsafeMutableRawBufferPointer, _ offset: Int) -> UInt64 {
    UInt64(word(frame, offset)) << 16 | UInt64(half(frame, offset + 4))
  }
  /// Writes a MAC address from the lower 48 bits.
  @inline(__always)
  public static func putMAC(_ mac: UInt64, _ frame: UnsafeMutableRawBufferPointer, _ offset: Int) {
    put(UInt32(truncatingIfNeeded: mac >> 16), frame, offset)
    put(UInt16(truncatingIfNeeded: mac), frame, offset + 4)
  }

  static func address(_ frame: UnsafeMutableRawBufferPointer, _ offset: Int) -> NetworkAddress {
    NetworkAddress(
      high: UInt64(word(frame, offset)) << 32 | UInt64(word(frame, offset + 4)),
      low: UInt64(word(frame, offset + 8)) << 32 | UInt64(word(frame, offset + 12)))
  }
  static func put(_ address: NetworkAddress, _ frame: UnsafeMutableRawBufferPointer, _ offset: Int)
  {
    put(address.high, frame, offset)
    put(address.low, frame, offset + 8)
  }

  /// The sum of a range's words, folded to 16 bits (RFC 1071); an odd last byte counts as a high one.
  public static func sum(_ frame: UnsafeMutableRawBufferPointer, _ range: Range<Int>) -> UInt32 {
    var sum: UInt64 = 0
    var offset = range.lowerBound
    while offset + 3 < range.upperBound {
      sum &+= UInt64(word(frame, offset))
      offset += 4
    }
    if offset + 1 < range.upperBound {
      sum &+= UInt64(half(frame, offset))
      offset += 2
    }
    if offset < range.upperBound { sum &+= UInt64(frame[offset]) << 8 }
    return UInt32(folded(sum))
  }

  /// A sum with its carries added back in.
  public static func folded(_ sum: UInt64) -> UInt16 {
    var sum = sum
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    return UInt16(sum)
  }

  /// Brings a checksum up to date for one word that it covers (RFC 1624).
  @inline(__always)
  public static func adjust(
    _ frame: UnsafeMutableRawBufferPointer, _ offset: Int, from old: UInt16, to new: UInt16
  ) {
    let sum = UInt32(~half(frame, offset)) + UInt32(~old) + UInt32(new)
    put(~folded(UInt64(sum)), frame, offset)
  }

  /// Writes the checksum of an ICMPv6 message that reaches to `end`, behind an IPv6 header at `header`
  /// without extensions (RFC 4443, 2.3).
  public static func fillICMPv6(
    _ frame: UnsafeMutableRawBufferPointer, header: Int, end: Int
  ) {
    let message = header + 40
    put(0 as UInt16, frame, message + 2)
    let pseudo = sum(frame, header + 8..<header + 40) + UInt32(end - message) + 58
    put(~folded(UInt64(pseudo + sum(frame, message..<end))), frame, message + 2)
  }

  /// Writes the checksum of an ICMP message (RFC 792).
  public static func fillICMP(_ frame: UnsafeMutableRawBufferPointer, message: Int, end: Int) {
    put(0 as UInt16, frame, message + 2)
    put(~folded(UInt64(sum(frame, message..<end))), frame, message + 2)
  }

  /// Writes the checksum of an IPv4 header of so many bytes.
  public static func fillIPv4(_ frame: UnsafeMutableRawBufferPointer, header: Int, count: Int) {
    put(0 as UInt16, frame, header + 10)
    put(~folded(UInt64(sum(frame, header..<header + count))), frame, header + 10)
  }
}
