/// Layer 3: IPv4, IPv6 and its extension headers, GRE, and IP within IP.
///
/// A frame's first IP header gives the fields that rules look at; of those in tunnels the result
/// has the last.
extension ParsedFrame {
  /// IP headers within each other that are followed.
  private static let nesting = 4

  /// What an IP header leads to.
  enum Inner {
    /// Nothing that is followed: the parse has ended.
    case end
    case ipv4(at: Int, end: Int)
    case ipv6(at: Int, end: Int)
  }

  @inline(__always)
  mutating func parseIPv4(_ frame: UnsafeRawPointer, at offset: Int, end: Int) {
    let inner = parseIPv4Header(frame, at: offset, end: end, isFirst: true)
    if case .end = inner { return }
    parseTunnel(frame, inner)
  }

  @inline(__always)
  mutating func parseIPv6(_ frame: UnsafeRawPointer, at offset: Int, end: Int) {
    let inner = parseIPv6Header(frame, at: offset, end: end, isFirst: true)
    if case .end = inner { return }
    parseTunnel(frame, inner)
  }

  @inline(never)
  private mutating func parseTunnel(_ frame: UnsafeRawPointer, _ first: Inner) {
    var inner = first
    for _ in 1..<Self.nesting {
      switch inner {
      case .end: return
      case .ipv4(let offset, let end):
        inner = parseIPv4Header(frame, at: offset, end: end, isFirst: false)
      case .ipv6(let offset, let end):
        inner = parseIPv6Header(frame, at: offset, end: end, isFirst: false)
      }
    }
    guard case .end = inner else {
      result.layer3 |= ParseResult.Layer3.someLastError
      return
    }
  }

  // MARK: IPv4

  @inline(__always)
  private mutating func parseIPv4Header(
    _ frame: UnsafeRawPointer, at offset: Int, end: Int, isFirst: Bool
  ) -> Inner {
    guard end &- offset >= 20 else { return failLayer3(0x0800, at: offset, isFirst: isFirst) }
    let start = Self.load8(frame, offset)
    let length = Int(start & 0xf) &* 4
    guard start &>> 4 == 4, length >= 20, end &- offset >= length else {
      return failLayer3(0x0800, at: offset, isFirst: isFirst)
    }
    let number = Self.load8(frame, offset &+ 9)
    let fragment = Self.load16(frame, offset &+ 6)
    note(isFirst, at: offset, ParseResult.Layer3.firstIPv4, ParseResult.Layer3.lastIPv4)
    if isFirst {
      words[2] = Self.load64(frame, offset &+ 12)
      words[7] |= Presence.ipv4 | Presence.ip | UInt64(number) &<< 32
    }
    result.set(.ipProtocol, offset &+ 9)
    result.fragment = fragment
    let total = Int(Self.load16(frame, offset &+ 2))
    guard total >= length, total <= end &- offset else {
      return failLayer3(UInt16(number), at: offset &+ length, isFirst: isFirst)
    }
    guard Self.isChecksumRight(Self.sum(frame + offset, count: length)) else {
      let code =
        isFirst ? ParseResult.Layer3.checksumError : ParseResult.Layer3.lastChecksumError
      return failLayer3(UInt16(number), at: offset &+ length, isFirst: isFirst, code)
    }
    result.validity |= 1
    if length > 20, isFirst { result.layer3 |= ParseResult.Layer3.hasOptions }
    // More fragments follow, or this is not the first one.
    let isFragment = fragment & 0x3fff != 0
    if isFragment, isFirst { result.layer3 |= ParseResult.Layer3.isFragment }
    // Only the first fragment bears the next header.
    guard fragment & 0x1fff == 0 else {
      stop(next: UInt16(number), at: offset &+ length)
      return .end
    }
    return parseBehindIP(
      frame, number, at: offset &+ length, end: offset &+ total,
      Pseudo(
        addresses: offset &+ 12, count: 8,
        isWhole: !isFragment && (length == 20 || !Self.isSourceRouted(frame + offset, length)),
        isFragment: isFragment, isChecksumOptional: true),
      isFirst: isFirst)
  }

  /// Whether an IPv4 header has a source route with addresses left (RFC 791, 3.1): the last of them is in the
  /// checksum, not the header's.
  @inline(never)
  private static func isSourceRouted(_ header: UnsafeRawPointer, _ length: Int) -> Bool {
    var offset = 20
    while offset < length {
      let kind = load8(header, offset)
      if kind == 0 { return false }
      if kind == 1 {
        offset += 1
        continue
      }
      guard offset + 2 <= length else { return false }
      let count = Int(load8(header, offset + 1))
      guard count >= 2, offset + count <= length else { return false }
      if kind == 0x83 || kind == 0x89, count >= 3, Int(load8(header, offset + 2)) <= count {
        return true
      }
      offset += count
    }
    return false
  }

  // MARK: IPv6

  @inline(__always)
  private mutating func parseIPv6Header(
    _ frame: UnsafeRawPointer, at offset: Int, end frameEnd: Int, isFirst: Bool
  ) -> Inner {
    guard frameEnd &- offset >= 40, Self.load8(frame, offset) &>> 4 == 6 else {
      return failLayer3(0x86dd, at: offset, isFirst: isFirst)
    }
    note(isFirst, at: offset, ParseResult.Layer3.firstIPv6, ParseResult.Layer3.lastIPv6)
    if isFirst {
      words[3] = Self.load64(frame, offset &+ 8)
      words[4] = Self.load64(frame, offset &+ 16)
      words[5] = Self.load64(frame, offset &+ 24)
      words[6] = Self.load64(frame, offset &+ 32)
      words[7] |= Presence.ipv6 | Presence.ip
    }
    var next = Self.load8(frame, offset &+ 6)
    let payload = Int(Self.load16(frame, offset &+ 4))
    let available = frameEnd &- offset &- 40
    result.set(.ipProtocol, offset &+ 6)
    // A length of 0 in front of hop-by-hop options announces a jumbogram (RFC 2675), which no
    // frame holds.
    guard payload <= available else {
      if isFirst { words[7] |= UInt64(next) &<< 32 }
      return failLayer3(UInt16(next), at: offset &+ 40, isFirst: isFirst)
    }
    result.validity |= 1
    let end = offset &+ 40 &+ payload
    var chain = Extensions(at: offset &+ 40)
    if Self.isExtension(next) {
      next = parseExtensions(frame, next, end: end, &chain, isFirst: isFirst)
    }
    if isFirst { words[7] |= UInt64(next) &<< 32 }
    guard !chain.isCut else {
      return failLayer3(UInt16(next), at: chain.offset, isFirst: isFirst)
    }
    guard !chain.isLaterFragment else {
      stop(next: UInt16(next), at: chain.offset)
      return .end
    }
    return parseBehindIP(
      frame, next, at: chain.offset, end: end,
      Pseudo(
        addresses: offset &+ 8, count: 32, home: chain.home,
        isWhole: !chain.isFragment && !chain.isRouted, isFragment: chain.isFragment,
        isChecksumOptional: false),
      isFirst: isFirst)
  }

  /// How far a chain of extension headers was followed, and what was in it.
  private struct Extensions {
    var offset: Int
    var isCut = false
    var isFragment = false
    var isLaterFragment = false
    /// A routing header has addresses left: the last of them is in the checksum, not the header's.
    var isRouted = false
    /// Where the sender's home address stands; 0 where none does.
    var home = 0
    init(at offset: Int) { self.offset = offset }
  }

  /// Hop-by-hop options, routing, fragment and destination options.
  @inline(__always)
  private static func isExtension(_ number: UInt8) -> Bool {
    number == 0 || number == 43 || number == 44 || number == 60
  }

  /// Passes over extension headers; what is behind them.
  @inline(never)
  private mutating func parseExtensions(
    _ frame: UnsafeRawPointer, _ first: UInt8, end: Int, _ chain: inout Extensions, isFirst: Bool
  ) -> UInt8 {
    var (next, count) = (first, 0)
    if isFirst { result.layer3 |= ParseResult.Layer3.hasOptions }
    while Self.isExtension(next) {
      guard count < Self.patience, end &- chain.offset >= 8 else {
        chain.isCut = true
        return next
      }
      count += 1
      let offset = chain.offset
      var length = 8
      switch next {
      case 44:
        let fragment = Self.load16(frame, offset &+ 2)
        result.fragment = fragment
        chain.isFragment = chain.isFragment || fragment & 0xfff9 != 0
        chain.isLaterFragment = fragment & 0xfff8 != 0
        if chain.isFragment, isFirst { result.layer3 |= ParseResult.Layer3.isFragment }
      case 43:
        result.routingType = Self.load8(frame, offset &+ 2)
        result.validity |= 0x80
        chain.isRouted = chain.isRouted || Self.load8(frame, offset &+ 3) != 0
        fallthrough
      default: length = (Int(Self.load8(frame, offset &+ 1)) &+ 1) &* 8
      }
      guard end &- offset >= length else {
        chain.isCut = true
        return next
      }
      if next == 60 {
        let header = UnsafeRawBufferPointer(start: frame + offset, count: length)
        if let home = Self.homeAddress(in: header) { chain.home = offset &+ home }
      }
      next = Self.load8(frame, offset)
      result.set(.ipProtocol, offset)
      chain.offset = offset &+ length
      if chain.isLaterFragment { return next }
    }
    return next
  }

  /// Where a home address stands in a header of destination options, counted from the header's first byte. It is the
  /// sender's own address, and so in checksums, while the packet's source is where the sender is reached for now
  /// (RFC 6275, 6.3 and 9.3.1).
  ///
  /// `nil` where there is none, and where a receiver takes the packet for a bad one: as the options do not end with
  /// the header, or as there are more than eight of them, or than seven bytes of padding in a row (Linux 6.1,
  /// `net/ipv6/exthdrs.c`, `ip6_parse_tlv`).
  private static func homeAddress(in header: UnsafeRawBufferPointer) -> Int? {
    var (offset, options, padding) = (2, 0, 0)
    var home: Int?
    while offset < header.count {
      guard header[offset] != 0 else {
        // Padding of one byte.
        (offset, padding) = (offset + 1, padding + 1)
        guard padding <= 7 else { return nil }
        continue
      }
      guard offset + 2 <= header.count, options < 8 else { return nil }
      let next = offset + 2 + Int(header[offset + 1])
      guard next <= header.count else { return nil }
      if header[offset] == 0xc9 {
        guard next == offset + 18 else { return nil }
        home = offset + 2
      }
      (offset, options, padding) = (next, options + 1, 0)
    }
    return home
  }

  // MARK: Behind IP

  @inline(__always)
  private mutating func parseBehindIP(
    _ frame: UnsafeRawPointer, _ number: UInt8, at offset: Int, end: Int, _ pseudo: Pseudo,
    isFirst: Bool
  ) -> Inner {
    switch number {
    case 6, 17, 132, 50, 51:
      parseLayer4(frame, number, at: offset, end: end, pseudo)
      return .end
    case _ where pseudo.isFragment:
      // What is inside is cut, which is no fault of its sender's.
      stop(next: UInt16(number), at: offset)
      return .end
    case 4: return .ipv4(at: offset, end: end)
    case 41: return .ipv6(at: offset, end: end)
    case 47: return parseGRE(frame, at: offset, end: end, isFirst: isFirst)
    default:
      stop(next: UInt16(number), at: offset)
      return .end
    }
  }

  /// Passes over a GRE header of version 0 (RFC 2784 and 2890).
  @inline(never)
  private mutating func parseGRE(
    _ frame: UnsafeRawPointer, at offset: Int, end: Int, isFirst: Bool
  ) -> Inner {
    guard end - offset >= 4 else { return failLayer3(47, at: offset, isFirst: isFirst) }
    result.layer3 |= ParseResult.Layer3.gre
    result.set(.gre, offset)
    let flags = Self.load16(frame, offset)
    let type = Self.load16(frame, offset + 2)
    // Another version, or a source route as the first GRE (RFC 1701) had it: not followed.
    guard flags & 0x4007 == 0 else {
      stop(next: 47, at: offset)
      return .end
    }
    // Checksum, key and sequence number take four bytes each.
    let length = 4 + 4 * (flags & 0xb000).nonzeroBitCount
    guard end - offset >= length else { return failLayer3(type, at: offset, isFirst: isFirst) }
    switch type {
    case 0x0800: return .ipv4(at: offset + length, end: end)
    case 0x86dd: return .ipv6(at: offset + length, end: end)
    default:
      stop(next: type, at: offset + length)
      return .end
    }
  }

  /// Notes an IP header: the first, or the last so far.
  @inline(__always)
  private mutating func note(_ isFirst: Bool, at offset: Int, _ first: UInt16, _ last: UInt16) {
    if isFirst {
      result.layer3 |= first
      result.set(.firstIP, offset)
    } else {
      let both = ParseResult.Layer3.lastIPv4 | ParseResult.Layer3.lastIPv6
      result.layer3 = result.layer3 & ~both | last
      result.set(.lastIP, offset)
    }
  }

  private mutating func failLayer3(
    _ next: UInt16, at offset: Int, isFirst: Bool, _ code: UInt16? = nil
  ) -> Inner {
    // An error's number takes the place of what else is said of the first header.
    if isFirst { result.layer3 &= ~0x03f0 }
    result.layer3 |=
      code ?? (isFirst ? ParseResult.Layer3.someError : ParseResult.Layer3.someLastError)
    result.validity &= ~1
    stop(next: next, at: offset)
    return .end
  }
}
