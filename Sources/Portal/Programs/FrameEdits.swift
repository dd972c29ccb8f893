/// Changes that the built-in programs make to Ethernet frames in place.
enum FrameEdits {
  /// Swaps source and destination of every header that has them: Ethernet, IPv4 or IPv6, and the
  /// ports of TCP and UDP. Checksums stay right, since they add up the same words.
  static func swapAddresses(_ frame: UnsafeMutableRawBufferPointer) {
    guard frame.count >= 14 else { return }
    swap(frame, 0, 6, count: 6)
    var offset = 12
    var type = HeaderBytes.half(frame, offset)
    // A priority tag, a VLAN tag, or a provider's tag in front of one.
    while type == 0x8100 || type == 0x88a8, frame.count >= offset + 6 {
      offset += 4
      type = HeaderBytes.half(frame, offset)
    }
    offset += 2
    switch type {
    case 0x0800:
      guard frame.count >= offset + 20 else { return }
      let headerLength = Int(frame[offset] & 0xf) * 4
      guard frame[offset] >> 4 == 4, headerLength >= 20 else { return }
      swap(frame, offset + 12, offset + 16, count: 4)
      // Only the first fragment has ports.
      guard HeaderBytes.half(frame, offset + 6) & 0x1fff == 0 else { return }
      swapPorts(frame, offset + headerLength, protocolNumber: frame[offset + 9])
    case 0x86dd:
      guard frame.count >= offset + 40, frame[offset] >> 4 == 6 else { return }
      swap(frame, offset + 8, offset + 24, count: 16)
      swapPorts(frame, offset + 40, protocolNumber: frame[offset + 6])
    default: break
    }
  }

  private static func swapPorts(
    _ frame: UnsafeMutableRawBufferPointer, _ offset: Int, protocolNumber: UInt8
  ) {
    guard protocolNumber == 6 || protocolNumber == 17, frame.count >= offset + 4 else { return }
    swap(frame, offset, offset + 2, count: 2)
  }

  private static func swap(
    _ frame: UnsafeMutableRawBufferPointer, _ left: Int, _ right: Int, count: Int
  ) {
    for index in 0..<count { frame.swapAt(left + index, right + index) }
  }

  /// Fills a frame with Ethernet, IPv4 and UDP headers and a sequence number.
  ///
  /// The MAC addresses are local ones with the IPv4 address inside.
  ///
  /// - Parameters:
  ///   - frame: At least 60 bytes.
  ///   - from: The IPv4 source in host order.
  ///   - to: The IPv4 destination in host order.
  ///   - sequence: A number, for who wants to find gaps: bytes 42 to 49. ``mark`` follows it.
  static func fillProbe(
    _ frame: UnsafeMutableRawBufferPointer, from: UInt32, to: UInt32, sequence: UInt64
  ) {
    precondition(frame.count >= 60, "an Ethernet frame has at least 60 bytes")
    frame.initializeMemory(as: UInt8.self, repeating: 0)
    let length = frame.count
    frame[0] = 0x02
    HeaderBytes.put(to, frame, 2)
    frame[6] = 0x02
    HeaderBytes.put(from, frame, 8)
    HeaderBytes.put(0x0800 as UInt16, frame, 12)
    frame[14] = 0x45
    HeaderBytes.put(UInt16(truncatingIfNeeded: length - 14), frame, 16)
    frame[22] = 64
    frame[23] = 17
    HeaderBytes.put(from, frame, 26)
    HeaderBytes.put(to, frame, 30)
    HeaderBytes.fillIPv4(frame, header: 14, count: 20)
    HeaderBytes.put(40_000 as UInt16, frame, 34)
    HeaderBytes.put(9 as UInt16, frame, 36)  // the discard service
    HeaderBytes.put(UInt16(truncatingIfNeeded: length - 34), frame, 38)
    HeaderBytes.put(sequence, frame, 42)
    HeaderBytes.put(mark, frame, 50)
  }

  /// What a probe has behind its number: "dpaac" and a version.
  private static let mark: UInt64 = 0x6470_6161_6300_0001

  /// The number of a probe, and its two IPv4 addresses in one; `nil` when the frame is none.
  ///
  /// One that was reflected is one still, and so is one that a router sent on.
  static func probe(
    in frame: UnsafeMutableRawBufferPointer
  ) -> (sequence: UInt64, addresses: UInt64)? {
    guard frame.count >= 60, HeaderBytes.half(frame, 12) == 0x0800, frame[14] == 0x45,
      frame[23] == 17
    else {
      return nil
    }
    func word(_ offset: Int) -> UInt64 {
      UInt64(bigEndian: frame.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    return word(50) == mark ? (word(42), word(26)) : nil
  }
}
