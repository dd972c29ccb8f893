/// Frames that a benchmark sends.
enum WireFrame {
  /// A UDP datagram to 10.0.0.3, from a port of its own for each flow, with both checksums.
  static func udp(flow: Int, length: Int) -> [UInt8] {
    var bytes: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]
    let total = length - 14
    var header: [UInt8] = [0x45, 0] + big(total) + [0, 1, 0, 0, 64, 17, 0, 0]
    header += [192, 168, 0, 1, 10, 0, 0, 3]
    header.replaceSubrange(10..<12, with: big(Int(checksum(header))))
    var datagram = big(1000 + flow) + big(53) + big(total - 20) + [0, 0]
    datagram += (0..<total - 28).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let pseudo = header[12...] + [0, 17] + big(total - 20)
    datagram.replaceSubrange(6..<8, with: big(Int(checksum(pseudo + datagram))))
    bytes += header + datagram
    return bytes
  }

  /// A copy that stays where it is as long as the program runs.
  static func permanent(_ bytes: [UInt8]) -> UnsafePointer<UInt8> {
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
    copy.initialize(from: bytes, count: bytes.count)
    return UnsafePointer(copy)
  }

  private static func big(_ value: Int) -> [UInt8] {
    [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
  }

  /// The Internet checksum (RFC 1071).
  private static func checksum(_ bytes: some Collection<UInt8>) -> UInt16 {
    var sum = 0
    for (place, byte) in bytes.enumerated() { sum += Int(byte) << (place % 2 == 0 ? 8 : 0) }
    while sum > 0xffff { sum = (sum & 0xffff) + sum >> 16 }
    return ~UInt16(sum)
  }
}
