import DPAAPortal

/// The host's side of a link to a guest, as a small program: it answers ARP requests for any address
/// but the asker's own, and ICMP echo requests.
enum HostAnswers {
  /// Turns a frame into the answer to it.
  ///
  /// - Parameters:
  ///   - frame: The engine's own copy of what was sent.
  ///   - address: The host's Ethernet address on this link.
  /// - Returns: Whether there is an answer, as long as the frame.
  static func answer(_ frame: UnsafeMutableRawBufferPointer, as address: [UInt8]) -> Bool {
    guard frame.count >= 42, address.count == 6 else { return false }
    switch (frame[12], frame[13]) {
    case (0x08, 0x06): return answerARP(frame, as: address)
    case (0x08, 0x00): return answerEcho(frame, as: address)
    default: return false
    }
  }

  /// RFC 826: Ethernet, IPv4, a request.
  private static func answerARP(
    _ frame: UnsafeMutableRawBufferPointer, as address: [UInt8]
  ) -> Bool {
    guard frame[14..<22].elementsEqual([0, 1, 8, 0, 6, 4, 0, 1]),
      !frame[28..<32].elementsEqual(frame[38..<42]),
      // Who has no address yet asks whether somebody has the one that it wants (RFC 5227, 2.1.1).
      !frame[28..<32].allSatisfy({ $0 == 0 })
    else { return false }
    frame[21] = 2
    // The asked-for address becomes the sender's.
    for place in 0..<4 { frame.swapAt(28 + place, 38 + place) }
    for place in 0..<6 {
      frame[32 + place] = frame[22 + place]
      frame[22 + place] = address[place]
    }
    turn(frame, as: address)
    return true
  }

  /// RFC 792: an echo request in a whole IPv4 packet.
  private static func answerEcho(
    _ frame: UnsafeMutableRawBufferPointer, as address: [UInt8]
  ) -> Bool {
    let header = Int(frame[14] & 0xf) * 4
    let message = 14 + header
    // Addressed to the host, no fragment.
    guard frame[0..<6].elementsEqual(address), frame[14] >> 4 == 4, header >= 20,
      frame.count >= message + 8, frame[20] & 0x3f == 0, frame[21] == 0, frame[23] == 1,
      frame[message] == 8, frame[message + 1] == 0
    else { return false }
    for place in 0..<4 { frame.swapAt(26 + place, 30 + place) }
    frame[message] = 0
    // The type's word grows less by 0x0800, so the checksum grows by it (RFC 1624).
    HeaderBytes.adjust(frame, message + 2, from: 0x0800, to: 0)
    turn(frame, as: address)
    return true
  }

  private static func turn(_ frame: UnsafeMutableRawBufferPointer, as address: [UInt8]) {
    for place in 0..<6 {
      frame[place] = frame[6 + place]
      frame[6 + place] = address[place]
    }
  }
}
