import DPAAPortal

/// The checksum of IPv4, TCP and UDP (RFC 1071), as a transmit port fills it in.
enum InternetChecksum {
  /// Fills in what a driver asks for with a parse result of its own: the IPv4 header's checksum, and
  /// that of TCP or UDP behind an IPv4 or IPv6 header. Headers that do not lie within the frame leave
  /// it as it is.
  ///
  /// - Parameters:
  ///   - frame: The engine's own copy.
  ///   - result: 32 bytes as the parser would have written them (Linux 6.1, `fman.h`,
  ///     `struct fman_prs_result`).
  static func fill(_ frame: UnsafeMutableRawBufferPointer, _ result: InlineArray<32, UInt8>) {
    let (network, transport) = (Int(result[27]), Int(result[30]))
    let isIPv4 = result[4] & 0x80 != 0
    guard isIPv4 || result[4] & 0x40 != 0, frame.count >= network + (isIPv4 ? 20 : 40) else {
      return
    }
    let end: Int
    if isIPv4 {
      let header = Int(frame[network] & 0xf) * 4
      guard header >= 20, frame.count >= network + header else { return }
      HeaderBytes.fillIPv4(frame, header: network, count: header)
      end = network + Int(HeaderBytes.half(frame, network + 2))
    } else {
      end = network + 40 + Int(HeaderBytes.half(frame, network + 4))
    }
    let isUDP = result[6] & 0x40 != 0
    guard isUDP || result[6] & 0x20 != 0 else { return }
    let place = transport + (isUDP ? 6 : 16)
    guard end <= frame.count, transport >= network + (isIPv4 ? 20 : 40), place + 2 <= end else {
      return
    }
    HeaderBytes.put(0 as UInt16, frame, place)
    let addresses = isIPv4 ? network + 12..<network + 20 : network + 8..<network + 40
    let total =
      UInt64(HeaderBytes.sum(frame, addresses)) + UInt64(isUDP ? 17 : 6) + UInt64(end - transport)
      + UInt64(HeaderBytes.sum(frame, transport..<end))
    let checksum = ~HeaderBytes.folded(total)
    // A UDP checksum of 0 would mean that there is none (RFC 768).
    HeaderBytes.put(isUDP && checksum == 0 ? 0xffff : checksum, frame, place)
  }
}
