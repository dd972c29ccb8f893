/// Builds Ethernet frames layer by layer, each with its right checksum and lengths.
///
/// ```
/// Frame.ethernet(.vlan(7, .ipv4(to: 0xc0a8_0101, .udp(to: 53, [1, 2, 3]))))
/// ```
public enum Frame {
  /// The MAC address that frames go to unless told otherwise.
  public static let destination: UInt64 = 0x0200_0000_0001
  /// The MAC address that frames come from unless told otherwise.
  public static let source: UInt64 = 0x0200_0000_0002

  /// A whole frame.
  ///
  /// - Parameters:
  ///   - destination: The MAC address that it goes to.
  ///   - source: The MAC address that it comes from.
  ///   - payload: What is in it, with its EtherType.
  ///   - padded: Whether it is filled up to the 60 bytes that Ethernet wants.
  /// - Returns: The frame without its checksum.
  public static func ethernet(
    to destination: UInt64 = Frame.destination, from source: UInt64 = Frame.source,
    _ payload: Payload, padded: Bool = true
  ) -> [UInt8] {
    var bytes = big(destination, 6) + big(source, 6) + big(payload.type) + payload.bytes
    if padded, bytes.count < 60 { bytes += [UInt8](repeating: 0, count: 60 - bytes.count) }
    return bytes
  }

  /// What is behind a MAC header or a tag.
  public struct Payload: Sendable {
    /// The EtherType.
    public var type: UInt16
    /// The bytes behind it.
    public var bytes: [UInt8]

    /// Bytes of any EtherType.
    public static func raw(_ type: UInt16, _ bytes: [UInt8]) -> Payload {
      Payload(type: type, bytes: bytes)
    }

    /// A tag: a customer's (0x8100) or a provider's (0x88a8).
    public static func vlan(
      _ identifier: UInt16, type: UInt16 = 0x8100, priority: UInt16 = 0, _ inner: Payload
    ) -> Payload {
      Payload(type: type, bytes: big(priority << 13 | identifier) + big(inner.type) + inner.bytes)
    }

    /// An ARP request for an address.
    public static func arp(for address: UInt32, from sender: UInt32 = 0x0a00_0001) -> Payload {
      Payload(
        type: 0x0806,
        bytes: [0, 1, 8, 0, 6, 4, 0, 1] + big(Frame.source, 6) + big(sender)
          + big(0 as UInt64, 6) + big(address))
    }

    /// An IPv4 packet.
    ///
    /// - Parameters:
    ///   - destination: Where it goes.
    ///   - source: Where it comes from.
    ///   - segment: What is in it.
    ///   - options: Options, a multiple of four bytes.
    ///   - fragment: Its place in a fragmented packet, in units of 8 bytes; with more to follow
    ///     when it is 0 and `isFragment`.
    ///   - isFragment: Whether more fragments follow.
    /// - Returns: The packet.
    public static func ipv4(
      to destination: UInt32, from source: UInt32 = 0x0a00_0001, _ segment: Segment,
      options: [UInt8] = [], fragment: UInt16 = 0, isFragment: Bool = false
    ) -> Payload {
      let addresses = big(source) + big(destination)
      let body = segment.bytes(
        pseudo: addresses + [0, segment.number],
        isWhole: fragment == 0 && !isFragment)
      var header: [UInt8] = [UInt8(0x45 + options.count / 4), 0]
      header += big(UInt16(20 + options.count + body.count)) + [0x12, 0x34]
      header += big(fragment | (isFragment ? 0x2000 : 0)) + [64, segment.number, 0, 0]
      header += addresses + options
      let sum = checksum(header)
      header[10] = UInt8(sum >> 8)
      header[11] = UInt8(truncatingIfNeeded: sum)
      return Payload(type: 0x0800, bytes: header + body)
    }

    /// An IPv6 packet.
    ///
    /// - Parameters:
    ///   - destination: Where it goes.
    ///   - source: Where it comes from.
    ///   - segment: What is in it.
    ///   - extensions: Extension headers in order, without their first byte.
    /// - Returns: The packet.
    public static func ipv6(
      to destination: (UInt64, UInt64), from source: (UInt64, UInt64) = (0xfd00_0009 << 32, 9),
      _ segment: Segment, extensions: [(number: UInt8, rest: [UInt8])] = []
    ) -> Payload {
      let addresses = big(source.0) + big(source.1) + big(destination.0) + big(destination.1)
      let body = segment.bytes(pseudo: addresses + [0, segment.number], isWhole: true)
      var chain: [UInt8] = []
      for (index, header) in extensions.enumerated() {
        let next = index + 1 < extensions.count ? extensions[index + 1].number : segment.number
        chain += [next] + header.rest
      }
      let first = extensions.first?.number ?? segment.number
      let length = UInt16(chain.count + body.count)
      return Payload(
        type: 0x86dd,
        bytes: [0x60, 0, 0, 0] + big(length) + [first, 64] + addresses + chain + body)
    }
  }

  /// What is behind an IP header.
  public struct Segment: Sendable {
    /// The IP protocol.
    public var number: UInt8
    var content: [UInt8]
    /// Its bytes, with 0 for a checksum.
    public var bytes: [UInt8] { content }
    var checksumOffset: Int?

    /// Bytes of any protocol.
    public static func raw(_ number: UInt8, _ bytes: [UInt8]) -> Segment {
      Segment(number: number, content: bytes)
    }
    /// A UDP datagram.
    public static func udp(
      to destination: UInt16, from source: UInt16 = 1234, _ data: [UInt8] = []
    ) -> Segment {
      let header = big(source) + big(destination) + big(UInt16(8 + data.count)) + [0, 0]
      return Segment(number: 17, content: header + data, checksumOffset: 6)
    }
    /// A TCP segment: PSH and ACK unless told otherwise.
    public static func tcp(
      to destination: UInt16, from source: UInt16 = 1234, _ data: [UInt8] = [],
      sequence: UInt32 = 1, flags: UInt8 = 0x18
    ) -> Segment {
      let header =
        big(source) + big(destination) + big(sequence) + big(2 as UInt32)
        + [0x50, flags, 0x10, 0, 0, 0, 0, 0]
      return Segment(number: 6, content: header + data, checksumOffset: 16)
    }
    /// An ICMP echo request.
    public static func icmp(_ data: [UInt8] = []) -> Segment {
      let sum = checksum([8, 0, 0, 0, 0, 1, 0, 1] + data)
      return Segment(
        number: 1, content: [8, 0] + big(sum) + [0, 1, 0, 1] + data, checksumOffset: nil)
    }

    func bytes(pseudo: [UInt8], isWhole: Bool) -> [UInt8] {
      guard let offset = checksumOffset, isWhole else { return content }
      var bytes = content
      let sum = checksum(pseudo + big(UInt16(bytes.count)) + bytes)
      bytes[offset] = UInt8(sum >> 8)
      bytes[offset + 1] = UInt8(truncatingIfNeeded: sum)
      return bytes
    }
  }

  /// The Internet checksum (RFC 1071): 0 over bytes that hold their right checksum.
  public static func checksum(_ bytes: [UInt8]) -> UInt16 {
    var sum: UInt32 = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
      sum += UInt32(bytes[index]) << 8 | UInt32(index + 1 < bytes.count ? bytes[index + 1] : 0)
    }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    return ~UInt16(sum)
  }

  /// A number's lowest bytes in network order.
  public static func big<Number: FixedWidthInteger>(_ number: Number, _ count: Int? = nil)
    -> [UInt8]
  {
    withUnsafeBytes(of: number.bigEndian) { Array($0.suffix(count ?? $0.count)) }
  }

  /// A classic capture file of these frames.
  ///
  /// - Parameters:
  ///   - frames: The frames; `wire` gives those their length that the capture cut.
  ///   - isBigEndian: Whether a big-endian machine wrote it.
  ///   - hasNanoseconds: Whether its times have nanoseconds.
  ///   - linkType: 1 for Ethernet.
  /// - Returns: The file's bytes.
  public static func capture(
    _ frames: [(bytes: [UInt8], wire: Int)], isBigEndian: Bool = false,
    hasNanoseconds: Bool = false, linkType: UInt32 = 1
  ) -> [UInt8] {
    func word(_ value: UInt32) -> [UInt8] { isBigEndian ? big(value) : big(value.byteSwapped) }
    func half(_ value: UInt16) -> [UInt8] { isBigEndian ? big(value) : big(value.byteSwapped) }
    var file = word(hasNanoseconds ? 0xa1b2_3c4d : 0xa1b2_c3d4) + half(2) + half(4)
    file += word(0) + word(0) + word(262_144) + word(linkType)
    for (index, frame) in frames.enumerated() {
      file += word(UInt32(index)) + word(0) + word(UInt32(frame.bytes.count))
      file += word(UInt32(frame.wire)) + frame.bytes
    }
    return file
  }
}

private func big<Number: FixedWidthInteger>(_ number: Number, _ count: Int? = nil) -> [UInt8] {
  Frame.big(number, count)
}
private func checksum(_ bytes: [UInt8]) -> UInt16 { Frame.checksum(bytes) }
