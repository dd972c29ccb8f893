/// The way through the parser that most frames go.
extension ParsedFrame {
  // SAFETY: every read is behind the comparison of `count` with the bytes of the three headers, the sum's behind
  // that of the packet's length with `count`.
  /// Takes in a frame of the commonest kind at once: Ethernet without tags, IPv4 without options that is no
  /// fragment, TCP or UDP, and nothing wrong with it. `false`, and nothing noted, for any other: the parser
  /// goes through it header by header, and finds the same for one of these.
  @inline(__always)
  mutating func takePlainIPv4(_ frame: UnsafeRawPointer, count: Int, port: UInt8) -> Bool {
    let (ip, transport) = (14, 34)
    // EtherType, version and length of the header; flags and fragment offset.
    guard count >= transport &+ 8, Self.load32(frame, 12) & 0xffff_ff00 == 0x0800_4500 else {
      return false
    }
    let fragment = Self.load16(frame, ip &+ 6)
    let packet = Int(Self.load16(frame, ip &+ 2))
    guard fragment & 0x3fff == 0, packet >= 28, packet <= count &- ip,
      Self.isChecksumRight(Self.sum(frame + ip, count: 20))
    else { return false }
    let number = Self.load8(frame, ip &+ 9)
    let left = packet &- 20
    let length: Int
    let covered: Int
    var kind = ParseResult.Layer4.udp
    var isVerified = true
    if number == 17 {
      length = 8
      covered = Int(Self.load16(frame, transport &+ 4))
      guard covered >= 8, covered <= left else { return false }
      isVerified = Self.load16(frame, transport &+ 6) != 0
    } else {
      guard number == 6, left >= 20 else { return false }
      kind = ParseResult.Layer4.tcp
      length = Int(Self.load8(frame, transport &+ 12) &>> 4) &* 4
      covered = left
      guard length >= 20, length <= left else { return false }
    }
    if isVerified {
      var sum = Self.sum(frame + (ip &+ 12), count: 8)
      sum &+= UInt64(UInt16(number).bigEndian)
      sum &+= UInt64(UInt16(truncatingIfNeeded: covered).bigEndian)
      sum &+= Self.sum(frame + transport, count: covered)
      guard Self.isChecksumRight(sum) else { return false }
    }
    let first = Self.load64(frame, 0)
    words[0] = first & 0xffff_ffff_ffff_0000 | 0x0800
    words[1] = Self.load64(frame, 6) & 0xffff_ffff_ffff_0000
    words[2] = Self.load64(frame, ip &+ 12)
    // Addresses of IPv6 stand here only where the last frame had some.
    if words[7] & Presence.ipv6 != 0 {
      words[3] = 0
      words[4] = 0
      words[5] = 0
      words[6] = 0
    }
    words[7] =
      Presence.ethernet | Presence.ipv4 | Presence.ip | Presence.layer4
      | UInt64(number) &<< 32 | UInt64(Self.load32(frame, transport))
    result = ParseResult(
      port: port, layer2: ParseResult.Layer2.ethernet | Self.reach(ofDestinationIn: first), kind,
      ipProtocol: number, fragment: fragment, next: transport &+ length, isVerified: isVerified)
    return true
  }

  /// Whether a destination is a group or all, as bits of the result's layer 2.
  @inline(__always)
  static func reach(ofDestinationIn first: UInt64) -> UInt16 {
    guard first &>> 56 & 1 != 0 else { return 0 }
    return first &>> 16 == 0xffff_ffff_ffff
      ? ParseResult.Layer2.broadcast : ParseResult.Layer2.multicast
  }
}
