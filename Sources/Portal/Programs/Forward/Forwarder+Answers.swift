import Glibc
import QorIQ

/// What a router answers by itself. Every answer is made in the buffer of what it answers.
extension Forwarder {
  /// Turns a frame back to its sender.
  private func turn(_ frame: UnsafeMutableRawBufferPointer, path: Int) {
    HeaderBytes.putMAC(HeaderBytes.mac(frame, 6), frame, 0)
    HeaderBytes.putMAC(macs[path], frame, 6)
  }

  /// The frame's place with another length; `nil` when its buffer has no room for that.
  private func resized(
    _ frame: UnsafeMutableRawBufferPointer, _ room: Int, to length: Int
  ) -> UnsafeMutableRawBufferPointer? {
    guard length <= room, let start = frame.baseAddress else { return nil }
    let whole = UnsafeMutableRawBufferPointer(start: start, count: length)
    // A frame has 60 bytes at least; what fills it up is nobody's data.
    if length > frame.count {
      UnsafeMutableRawBufferPointer(rebasing: whole[frame.count...])
        .initializeMemory(as: UInt8.self, repeating: 0)
    }
    return whole
  }

  // MARK: ARP and neighbour discovery

  /// Answers who asks for one of its addresses, and hears answers to its own questions (RFC 826).
  mutating func answerARP(
    _ frame: UnsafeMutableRawBufferPointer, _ path: Int, _ now: UInt64
  ) -> Verdict {
    // Ethernet, IPv4, lengths 6 and 4.
    guard frame.count >= 42, HeaderBytes.word(frame, 14) == 0x0001_0800,
      HeaderBytes.half(frame, 18) == 0x0604
    else { return .drop(.malformed) }
    let operation = HeaderBytes.half(frame, 20)
    let sender = NetworkAddress(ipv4: HeaderBytes.word(frame, 28))
    let target = NetworkAddress(ipv4: HeaderBytes.word(frame, 38))
    let isForUs = isOwn(target, on: path)
    if sender.ipv4 != 0, !isOwn(sender, on: path) {
      neighbours.learn(
        sender, mac: HeaderBytes.mac(frame, 22), path: path, isAsking: isForUs && operation == 1,
        now: now)
      hasNews = true
    }
    guard operation == 1, isForUs else { return .drop(.ignored) }
    turn(frame, path: path)
    HeaderBytes.put(2 as UInt16, frame, 20)
    HeaderBytes.putMAC(HeaderBytes.mac(frame, 22), frame, 32)
    HeaderBytes.put(sender.ipv4, frame, 38)
    HeaderBytes.putMAC(macs[path], frame, 22)
    HeaderBytes.put(target.ipv4, frame, 28)
    return .send(path: path, length: frame.count, .answered)
  }

  /// The same for IPv6 (RFC 4861, 7): solicitations and advertisements.
  mutating func discover(
    _ frame: UnsafeMutableRawBufferPointer, _ room: Int, _ path: Int, _ now: UInt64, end: Int
  ) -> Verdict {
    // A hop limit of 255 says that it comes from this link.
    guard end >= 78, frame[21] == 255, frame[55] == 0, hasRightSum(frame, end: end) else {
      return .drop(.malformed)
    }
    let source = HeaderBytes.address(frame, 22)
    let target = HeaderBytes.address(frame, 62)
    if frame[54] == 136 {
      if !isOwn(target, on: path), let mac = linkAddress(frame, kind: 2, end: end) {
        neighbours.learn(target, mac: mac, path: path, isAsking: false, now: now)
        hasNews = true
      }
      return .drop(.ignored)
    }
    guard isOwn(target, on: path) else { return .drop(.ignored) }
    let isProbe = source.high == 0 && source.low == 0
    if !isProbe, let mac = linkAddress(frame, kind: 1, end: end) {
      neighbours.learn(source, mac: mac, path: path, isAsking: true, now: now)
      hasNews = true
    }
    guard let frame = resized(frame, room, to: 86) else { return .drop(.ignored) }
    turn(frame, path: path)
    // Who only wants to know whether the address is taken has none yet: all nodes hear it.
    let all = NetworkAddress(high: 0xff02 << 48, low: 1)
    if isProbe { HeaderBytes.putMAC(0x3333_0000_0001, frame, 0) }
    fillDiscovery(
      frame, type: 136, flags: isProbe ? 0xa0 : 0xe0, target: target, from: target,
      to: isProbe ? all : source, option: 2, path: path)
    return .send(path: path, length: frame.count, .answered)
  }

  /// Whether an ICMPv6 message adds up.
  private func hasRightSum(_ frame: UnsafeMutableRawBufferPointer, end: Int) -> Bool {
    let total =
      HeaderBytes.sum(frame, 22..<54) + UInt32(end - 54) + 58 + HeaderBytes.sum(frame, 54..<end)
    return HeaderBytes.folded(UInt64(total)) == 0xffff
  }

  /// The MAC address in a message's options.
  private func linkAddress(
    _ frame: UnsafeMutableRawBufferPointer, kind: UInt8, end: Int
  ) -> UInt64? {
    var offset = 78
    while offset + 8 <= end {
      let length = Int(frame[offset + 1]) * 8
      guard length > 0, offset + length <= end else { return nil }
      if frame[offset] == kind { return HeaderBytes.mac(frame, offset + 2) }
      offset += length
    }
    return nil
  }

  /// Writes everything of a message of neighbour discovery behind the MAC addresses: 86 bytes.
  private func fillDiscovery(
    _ frame: UnsafeMutableRawBufferPointer, type: UInt8, flags: UInt8, target: NetworkAddress,
    from source: NetworkAddress, to destination: NetworkAddress, option: UInt8, path: Int
  ) {
    HeaderBytes.put(0x86dd as UInt16, frame, 12)
    HeaderBytes.put(0x6000_0000 as UInt32, frame, 14)
    HeaderBytes.put(32 as UInt16, frame, 18)
    HeaderBytes.put(58 << 8 | 255 as UInt16, frame, 20)
    HeaderBytes.put(source, frame, 22)
    HeaderBytes.put(destination, frame, 38)
    HeaderBytes.put(UInt32(type) << 24, frame, 54)
    HeaderBytes.put(UInt32(flags) << 24, frame, 58)
    HeaderBytes.put(target, frame, 62)
    HeaderBytes.put(UInt16(option) << 8 | 1, frame, 78)
    HeaderBytes.putMAC(macs[path], frame, 80)
    HeaderBytes.fillICMPv6(frame, header: 14, end: 86)
  }

  /// How long a question for a neighbour is.
  static let questionLength = 86

  /// Writes the question for a neighbour, of at most ``questionLength`` bytes; how many it has, or `nil`
  /// when this guest has no address to ask from.
  func fillQuestion(
    _ frame: UnsafeMutableRawBufferPointer, for neighbour: NetworkAddress, on path: Int
  ) -> Int? {
    guard let source = ownAddress(on: path, towards: neighbour) else { return nil }
    frame.initializeMemory(as: UInt8.self, repeating: 0)
    HeaderBytes.putMAC(macs[path], frame, 6)
    guard neighbour.isIPv4 else {
      // The group of all whose addresses end alike (RFC 4291, 2.7.1).
      let last = neighbour.low & 0xff_ffff
      HeaderBytes.putMAC(0x3333_ff00_0000 | last, frame, 0)
      fillDiscovery(
        frame, type: 135, flags: 0, target: neighbour, from: source,
        to: NetworkAddress(high: 0xff02 << 48, low: 0x1_ff00_0000 | last), option: 1, path: path)
      return 86
    }
    HeaderBytes.putMAC(0xffff_ffff_ffff, frame, 0)
    HeaderBytes.put(0x0806 as UInt16, frame, 12)
    HeaderBytes.put(0x0001_0800 as UInt32, frame, 14)
    HeaderBytes.put(0x0604_0001 as UInt32, frame, 18)
    HeaderBytes.putMAC(macs[path], frame, 22)
    HeaderBytes.put(source.ipv4, frame, 28)
    HeaderBytes.put(neighbour.ipv4, frame, 38)
    return 60
  }

  // MARK: Echo

  /// Answers a ping of one of its addresses; everything else that is for itself comes to nothing.
  func answerEcho(
    _ frame: UnsafeMutableRawBufferPointer, _ header: Int, _ path: Int
  ) -> Verdict {
    let total = Self.total(frame)
    let message = 14 + header
    guard frame[23] == 1, HeaderBytes.half(frame, 20) & 0x3fff == 0, total >= header + 8,
      frame[message] == 8
    else { return .drop(.local) }
    turn(frame, path: path)
    let source = HeaderBytes.word(frame, 26)
    HeaderBytes.put(HeaderBytes.word(frame, 30), frame, 26)
    HeaderBytes.put(source, frame, 30)
    frame[22] = 64
    HeaderBytes.fillIPv4(frame, header: 14, count: header)
    frame[message] = 0
    HeaderBytes.adjust(frame, message + 2, from: 0x0800, to: 0)
    return .send(path: path, length: frame.count, .answered)
  }

  /// The same for IPv6.
  func answerEcho6(_ frame: UnsafeMutableRawBufferPointer, _ path: Int, end: Int) -> Verdict {
    guard frame[20] == 58, end >= 62, frame[54] == 128 else { return .drop(.local) }
    turn(frame, path: path)
    let source = HeaderBytes.address(frame, 22)
    HeaderBytes.put(HeaderBytes.address(frame, 38), frame, 22)
    HeaderBytes.put(source, frame, 38)
    frame[21] = 64
    frame[54] = 129
    HeaderBytes.adjust(frame, 56, from: 0x8000, to: 0x8100)
    return .send(path: path, length: frame.count, .answered)
  }

  /// Bytes of an IPv4 packet, as far as they are there.
  private static func total(_ frame: UnsafeMutableRawBufferPointer) -> Int {
    min(Int(HeaderBytes.half(frame, 16)), frame.count - 14)
  }

  // MARK: Errors

  /// Tells a sender why its packet goes no further (RFC 792); the packet's own header and eight bytes
  /// behind it go along. A way that is too narrow is told with its MTU (RFC 1191, 4): this router splits no
  /// packet, whether it might or not.
  mutating func error(
    _ frame: UnsafeMutableRawBufferPointer, _ room: Int, _ path: Int, _ now: UInt64, type: UInt8,
    code: UInt8, mtu: UInt32 = 0, _ counter: GuestStatus.Counter
  ) -> Verdict {
    let header = Int(frame[14] & 0xf) * 4
    let total = Self.total(frame)
    let source = HeaderBytes.word(frame, 26)
    // No error about an error, nor about a fragment that is not the first (RFC 1812, 4.3.2.7).
    let isError =
      frame[23] == 1 && total > header && ![0, 8, 13, 14].contains(frame[14 + header])
    let quoted = min(total, header + 8)
    let length = 42 + quoted
    guard HeaderBytes.half(frame, 20) & 0x1fff == 0, !isError,
      let own = ownAddress(on: path, towards: NetworkAddress(ipv4: source)),
      let frame = resized(frame, room, to: max(60, length)), let start = frame.baseAddress,
      takeErrorRight(now)
    else { return .drop(counter) }
    memmove(start + 42, start + 14, quoted)
    turn(frame, path: path)
    HeaderBytes.put(0x45c0 << 16 | UInt32(28 + quoted), frame, 14)
    HeaderBytes.put(0 as UInt32, frame, 18)
    HeaderBytes.put(0x4001_0000 as UInt32, frame, 22)
    HeaderBytes.put(own.ipv4, frame, 26)
    HeaderBytes.put(source, frame, 30)
    HeaderBytes.fillIPv4(frame, header: 14, count: 20)
    let words = UInt64(type) << 56 | UInt64(code) << 48 | UInt64(min(mtu, 0xffff))
    HeaderBytes.put(words, frame, 34)
    HeaderBytes.fillICMP(frame, message: 34, end: length)
    for offset in length..<max(60, length) { frame[offset] = 0 }
    return .send(path: path, length: frame.count, counter)
  }

  /// The same for IPv6 (RFC 4443), with as much of the packet as IPv6's least MTU has room for.
  mutating func error6(
    _ frame: UnsafeMutableRawBufferPointer, _ room: Int, _ path: Int, _ now: UInt64, type: UInt8,
    code: UInt8, mtu: UInt32 = 0, _ counter: GuestStatus.Counter
  ) -> Verdict {
    let end = min(54 + Int(HeaderBytes.half(frame, 18)), frame.count)
    let source = HeaderBytes.address(frame, 22)
    let quoted = min(end - 14, 1280 - 48, room - 62)
    guard !mayBeError(frame, end: end), quoted >= 40,
      let own = ownAddress(on: path, towards: source),
      let frame = resized(frame, room, to: 62 + quoted), let start = frame.baseAddress,
      takeErrorRight(now)
    else { return .drop(counter) }
    memmove(start + 62, start + 14, quoted)
    turn(frame, path: path)
    HeaderBytes.put(0x6000_0000 as UInt32, frame, 14)
    HeaderBytes.put(UInt16(8 + quoted), frame, 18)
    HeaderBytes.put(58 << 8 | 64 as UInt16, frame, 20)
    HeaderBytes.put(own, frame, 22)
    HeaderBytes.put(source, frame, 38)
    HeaderBytes.put(UInt64(type) << 56 | UInt64(code) << 48 | UInt64(mtu), frame, 54)
    HeaderBytes.fillICMPv6(frame, header: 14, end: frame.count)
    return .send(path: path, length: frame.count, counter)
  }

  /// Tells a sender that nobody answers where its packet was to go (RFC 1812, 5.2.7.1; RFC 4861, 7.2.2). The
  /// packet has been decided about before: its headers are whole.
  mutating func unreachable(
    _ frame: UnsafeMutableRawBufferPointer, _ room: Int, _ path: Int, _ now: UInt64
  ) -> Verdict {
    frame[14] >> 4 == 4
      ? error(frame, room, path, now, type: 3, code: 1, .unresolved)
      : error6(frame, room, path, now, type: 1, code: 3, .unresolved)
  }

  /// Whether a packet is an error itself, or a later part of what may be one: nobody is told of such (RFC
  /// 4443, 2.4 e).
  private func mayBeError(_ frame: UnsafeMutableRawBufferPointer, end: Int) -> Bool {
    var (next, offset) = (frame[20], 54)
    // Hop-by-hop options, routing, fragment and destination options: a packet has four of them, or five
    // (RFC 8200, 4.1). One with more is not looked through.
    var headers = 0
    while next == 0 || next == 43 || next == 44 || next == 60 {
      headers += 1
      guard headers <= 8, offset + 8 <= end else { return true }
      let isLater = next == 44 && HeaderBytes.half(frame, offset + 2) & 0xfff8 != 0
      let length = next == 44 ? 8 : 8 * (Int(frame[offset + 1]) + 1)
      (next, offset) = (frame[offset], offset + length)
      if isLater { return next == 58 }
    }
    guard next == 58 else { return false }
    return offset >= end || frame[offset] < 128
  }
}
