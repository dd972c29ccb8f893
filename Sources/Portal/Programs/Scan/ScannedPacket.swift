/// What tells a direction of a TCP connection from others.
struct ScanFlowKey: BitwiseCopyable, Equatable {
  var source: (high: UInt64, low: UInt64) = (0, 0)
  var destination: (high: UInt64, low: UInt64) = (0, 0)
  /// Both ports.
  var ports: UInt32 = 0
  /// The way that it came on, and its VLANs, up to four; no two have the same.
  var tag: UInt64 = 0

  static func == (left: ScanFlowKey, right: ScanFlowKey) -> Bool {
    left.source == right.source && left.destination == right.destination
      && left.ports == right.ports && left.tag == right.tag
  }

  /// Bits by which flows are spread over places.
  var hash: Int {
    var value = source.low ^ source.high &* 0xff51_afd7_ed55_8ccd
    value = (value ^ value >> 32) &* 0x9e37_79b9_7f4a_7c15 ^ destination.low ^ destination.high
    value = (value ^ value >> 29) &* 0xbf58_476d_1ce4_e5b9 ^ UInt64(ports) << 32 ^ tag
    return Int(truncatingIfNeeded: ((value ^ value >> 32) &* 0x94d0_49bb_1331_11eb) >> 40)
  }
}

/// What of a frame is looked through: its payload, without what fills up a short frame.
///
/// Everything in a frame is a stranger's word: no header is read before it is known to lie in the frame.
struct ScannedPacket {
  /// What a frame is to a filter.
  enum Kind: Equatable {
    /// It stands for itself.
    case alone
    /// A piece of a TCP stream.
    case segment(ScanFlowKey, sequence: UInt32, flags: UInt8)
    /// A fragment, or headers that are none: what it is a part of cannot be told.
    case odd
  }

  /// Flags of TCP (RFC 9293, 3.1).
  enum Flag {
    static let fin: UInt8 = 1
    static let syn: UInt8 = 2
    static let rst: UInt8 = 4
  }

  private(set) var kind = Kind.alone
  /// The bytes in front of what is looked through.
  private(set) var skip = 0
  /// How many bytes are looked through.
  private(set) var count: Int
  /// Where the checksum of a segment is counted from, and what its pseudo header adds to it (RFC 9293, 3.1).
  private var segment = 0
  private var pseudoSum: UInt64 = 0
  /// Whether IPv4's header has its checksum (RFC 1122, 3.2.1.2).
  private var isHeaderRight = true

  /// Finds the payload.
  ///
  /// - Parameters:
  ///   - head: The frame's bytes, as far as they lie in its first buffer.
  ///   - whole: How many bytes the frame has.
  ///   - path: The way that it came on.
  init(_ head: UnsafeMutableRawBufferPointer, whole: Int, path: Int) {
    count = whole
    guard head.count >= 14 else {
      kind = .odd
      return
    }
    // A one in front of what follows, so that it says how many tags there are.
    var tag = UInt64(truncatingIfNeeded: path) << 1 | 1
    var offset = 12
    var type = HeaderBytes.half(head, offset)
    // A provider's tag in front of another, and no more than some drivers read.
    var tags = 0
    while type == 0x8100 || type == 0x88a8, tags < 4, head.count >= offset + 6 {
      tag = tag << 12 | UInt64(HeaderBytes.half(head, offset + 2) & 0xfff)
      offset += 4
      tags += 1
      type = HeaderBytes.half(head, offset)
    }
    take(from: offset + 2, to: whole)
    switch type {
    case 0x0800: readIPv4(head, offset + 2, whole, tag)
    case 0x86dd: readIPv6(head, offset + 2, whole, tag)
    default: break
    }
  }

  /// A frame that is looked through as it is.
  init(wholeFrame count: Int) { self.count = count }

  private mutating func take(from start: Int, to end: Int) {
    skip = start
    count = end - start
  }

  private mutating func readIPv4(
    _ head: UnsafeMutableRawBufferPointer, _ offset: Int, _ whole: Int, _ tag: UInt64
  ) {
    guard head.count >= offset + 20 else { return kind = .odd }
    let header = Int(head[offset] & 0xf) * 4
    let end = offset + Int(HeaderBytes.half(head, offset + 2))
    guard head[offset] >> 4 == 4, header >= 20, end >= offset + header, end <= whole,
      head.count >= offset + header
    else { return kind = .odd }
    take(from: offset + header, to: end)
    // A flag says that there are more, or an offset that there were some before.
    guard HeaderBytes.half(head, offset + 6) & 0x3fff == 0 else { return kind = .odd }
    var key = ScanFlowKey(tag: tag)
    // IPv4's addresses lie in the place of the mapped ones of IPv6.
    key.source = (0, 0xffff_0000_0000 | UInt64(HeaderBytes.word(head, offset + 12)))
    key.destination = (0, 0xffff_0000_0000 | UInt64(HeaderBytes.word(head, offset + 16)))
    pseudoSum = UInt64(HeaderBytes.sum(head, offset + 12..<offset + 20))
    isHeaderRight = HeaderBytes.sum(head, offset..<offset + header) == 0xffff
    readTransport(head, head[offset + 9], key)
  }

  private mutating func readIPv6(
    _ head: UnsafeMutableRawBufferPointer, _ offset: Int, _ whole: Int, _ tag: UInt64
  ) {
    guard head.count >= offset + 40, head[offset] >> 4 == 6 else { return kind = .odd }
    let end = offset + 40 + Int(HeaderBytes.half(head, offset + 4))
    guard end <= whole else { return kind = .odd }
    var (next, place) = (head[offset + 6], offset + 40)
    // Where the address of who takes it in the end stands: behind a routing header that is not done with, that is in
    // the checksum and not the header's (RFC 8200, 8.1).
    var final = offset + 24
    // Hop-by-hop options, routing, fragment, destination options: four of them, or five (RFC 8200, 4.1).
    var headers = 0
    while next == 0 || next == 43 || next == 44 || next == 60 {
      headers += 1
      guard headers <= 8, place + 8 <= min(end, head.count) else {
        take(from: min(place, end), to: end)
        return kind = .odd
      }
      if next == 44, HeaderBytes.half(head, place + 2) & 0xfff9 != 0 {
        take(from: place + 8, to: end)
        return kind = .odd
      }
      let length = next == 44 ? 8 : 8 * (Int(head[place + 1]) + 1)
      if next == 43, head[place + 3] != 0 {
        // Addresses in their order (RFC 5095; 6275, 6.4), or the last one first (RFC 8754, 2). Others are not known here.
        guard [0, 2, 4].contains(head[place + 2]), length >= 24,
          place + length <= min(end, head.count)
        else {
          take(from: min(place, end), to: end)
          return kind = .odd
        }
        final = head[place + 2] == 4 ? place + 8 : place + length - 16
      }
      (next, place) = (head[place], place + length)
    }
    guard place <= end, place <= head.count else { return kind = .odd }
    take(from: place, to: end)
    var key = ScanFlowKey(tag: tag)
    func half(_ place: Int) -> UInt64 {
      UInt64(HeaderBytes.word(head, place)) << 32 | UInt64(HeaderBytes.word(head, place + 4))
    }
    key.source = (half(offset + 8), half(offset + 16))
    key.destination = (half(final), half(final + 8))
    pseudoSum =
      UInt64(HeaderBytes.sum(head, offset + 8..<offset + 24))
      + UInt64(HeaderBytes.sum(head, final..<final + 16))
    readTransport(head, next, key)
  }

  private mutating func readTransport(
    _ head: UnsafeMutableRawBufferPointer, _ number: UInt8, _ key: ScanFlowKey
  ) {
    let (start, end) = (skip, skip + count)
    switch number {
    case 17:
      guard count >= 8, head.count >= start + 8 else { return kind = .odd }
      take(from: start + 8, to: end)
    case 6:
      guard count >= 20, head.count >= start + 20 else { return kind = .odd }
      let header = Int(head[start + 12] >> 4) * 4
      guard header >= 20, header <= count, head.count >= start + header else { return kind = .odd }
      segment = start
      pseudoSum += UInt64(count) + 6
      take(from: start + header, to: end)
      var key = key
      key.ports = HeaderBytes.word(head, start)
      kind = .segment(
        key, sequence: HeaderBytes.word(head, start + 4), flags: head[start + 13])
    default: break
    }
  }

  /// Whether a segment's checksum is right, and that of its IPv4 header: who receives one that is not passes it
  /// over, and so it must not count for the stream. All of it must be there.
  func hasRightChecksum(_ frame: UnsafeMutableRawBufferPointer) -> Bool {
    guard isHeaderRight else { return false }
    let sum = pseudoSum + UInt64(HeaderBytes.sum(frame, segment..<skip + count))
    return HeaderBytes.folded(sum) == 0xffff
  }
}
