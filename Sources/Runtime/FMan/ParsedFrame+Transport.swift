/// Layer 4: TCP, UDP, SCTP, ESP and AH, and the checksums of TCP and UDP.
extension ParsedFrame {
  /// What an IP header adds to the checksum of what is behind it.
  struct Pseudo {
    /// Where both addresses stand, and their bytes.
    var addresses: Int
    var count: Int
    /// Where the address stands that counts for the source's in IPv6; 0 where that does itself.
    var home = 0
    /// Whether the checksum can be verified: no fragment, and the addresses are the final ones.
    var isWhole: Bool
    /// Whether this is the first part of a packet, and the rest is elsewhere.
    var isFragment: Bool
    /// Whether UDP may do without (RFC 768; not on IPv6, RFC 8200 section 8.1).
    var isChecksumOptional: Bool
  }

  @inline(__always)
  mutating func parseLayer4(
    _ frame: UnsafeRawPointer, _ number: UInt8, at offset: Int, end: Int, _ pseudo: Pseudo
  ) {
    let count = end &- offset
    result.set(.layer4, offset)
    var length = 0
    switch number {
    case 6:
      result.layer4 = ParseResult.Layer4.tcp
      guard count >= 20 else { return failLayer4(number, at: offset) }
      length = Int(Self.load8(frame, offset &+ 12) &>> 4) &* 4
      notePorts(frame, at: offset)
      guard length >= 20, length <= count else { return failLayer4(number, at: offset) }
      if pseudo.isWhole { verify(frame, number, at: offset, count: count, pseudo) }
    case 17:
      result.layer4 = ParseResult.Layer4.udp
      guard count >= 8 else { return failLayer4(number, at: offset) }
      length = 8
      notePorts(frame, at: offset)
      let announced = Int(Self.load16(frame, offset &+ 4))
      guard announced >= 8, announced <= count || !pseudo.isWhole else {
        return failLayer4(number, at: offset)
      }
      if pseudo.isWhole {
        if Self.load16(frame, offset &+ 6) != 0 {
          verify(frame, number, at: offset, count: announced, pseudo)
        } else if !pseudo.isChecksumOptional {
          result.isChecksumVerified = true
          result.layer4 |= ParseResult.Layer4.error
        }
      }
    case 132:
      result.layer4 = ParseResult.Layer4.sctp
      guard count >= 12 else { return failLayer4(number, at: offset) }
      length = 12
      notePorts(frame, at: offset)
    case 50:
      result.layer4 = ParseResult.Layer4.esp
      guard count >= 8 else { return failLayer4(number, at: offset) }
      length = 8
    default:
      result.layer4 = ParseResult.Layer4.authentication
      guard count >= 12 else { return failLayer4(number, at: offset) }
      // In words of four bytes, less two (RFC 4302).
      length = (Int(Self.load8(frame, offset &+ 1)) &+ 2) &* 4
      guard length >= 12, length <= count else { return failLayer4(number, at: offset) }
    }
    stop(next: UInt16(number), at: offset &+ length)
  }

  @inline(__always)
  private mutating func notePorts(_ frame: UnsafeRawPointer, at offset: Int) {
    words[7] |= Presence.layer4 | UInt64(Self.load32(frame, offset))
  }

  private mutating func failLayer4(_ number: UInt8, at offset: Int) {
    result.layer4 |= ParseResult.Layer4.error
    stop(next: UInt16(number), at: offset)
  }

  /// Verifies a TCP or UDP checksum.
  @inline(__always)
  private mutating func verify(
    _ frame: UnsafeRawPointer, _ number: UInt8, at offset: Int, count: Int, _ pseudo: Pseudo
  ) {
    var sum = Self.sum(frame + pseudo.addresses, count: pseudo.count)
    if pseudo.home != 0 {
      sum &-= Self.sum(frame + pseudo.addresses, count: 16)
      sum &+= Self.sum(frame + pseudo.home, count: 16)
    }
    sum &+= UInt64(UInt16(number).bigEndian) &+ UInt64(UInt16(truncatingIfNeeded: count).bigEndian)
    sum &+= Self.sum(frame + offset, count: count)
    result.isChecksumVerified = true
    if !Self.isChecksumRight(sum) { result.layer4 |= ParseResult.Layer4.error }
  }

  // SAFETY: `memory` covers `count` bytes.
  /// The Internet checksum's sum of bytes, not folded yet, in the machine's byte order: the check
  /// comes out the same in either (RFC 1071, section 2).
  @inline(__always)
  static func sum(_ memory: UnsafeRawPointer, count: Int) -> UInt64 {
    var sum: UInt64 = 0
    var index = 0
    let wordCount = count &>> 3
    // By number and not by offset, which the compiler would not see to end: it takes several at once.
    while index < wordCount {
      let word = memory.loadUnaligned(fromByteOffset: index &* 8, as: UInt64.self)
      sum &+= (word & 0xffff_ffff) &+ word &>> 32
      index &+= 1
    }
    var offset = wordCount &* 8
    if count & 4 != 0 {
      sum &+= UInt64(memory.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      offset &+= 4
    }
    if count & 2 != 0 {
      sum &+= UInt64(memory.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
      offset &+= 2
    }
    if count & 1 != 0 {
      let last = UInt16(memory.load(fromByteOffset: offset, as: UInt8.self))
      sum &+= UInt64(UInt16(littleEndian: last))
    }
    return sum
  }

  /// Whether a sum that includes the checksum folds to all ones.
  @inline(__always)
  static func isChecksumRight(_ sum: UInt64) -> Bool {
    // Folding leaves the remainder by 65,535, and all ones where that is 0.
    sum != 0 && sum % 0xffff == 0
  }
}
