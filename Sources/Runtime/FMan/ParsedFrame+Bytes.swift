import Partitioning

/// Bytes of a frame that are taken by their place: FMan's generic extractions.
extension UnsafePointer<ParsedFrame> {
  // SAFETY: bytes are read behind a comparison with the frame's count.
  /// Bytes of this frame as one number, masked; `nil` when it does not have them. By pointer: a call out of
  /// line that only reads a value as large as this would have it copied.
  @inline(never)
  func extract(_ bytes: FrameBytes, of frame: UnsafeRawBufferPointer) -> UInt64? {
    guard let start = pointee.start(of: bytes.start) else { return nil }
    let first = start &+ Int(bytes.offset)
    guard first &+ Int(bytes.count) <= frame.count else { return nil }
    var value: UInt64 = 0
    for place in first..<first &+ Int(bytes.count) { value = value &<< 8 | UInt64(frame[place]) }
    return value & bytes.mask
  }
}

extension ParsedFrame {
  /// Where the header begins that bytes are counted from; `nil` when the frame lacks it.
  fileprivate func start(of start: FrameBytes.Start) -> Int? {
    switch start {
    case .frame: 0
    case .vlan: words[7] & Presence.vlan == 0 ? nil : result[.firstVLAN]
    case .ip: words[7] & Presence.ip == 0 ? nil : result[.firstIP]
    case .layer4: result[.layer4]
    }
  }
}

/// The IP packet of a frame, which is all that SEC knows of it.
extension UnsafePointer<ParsedFrame> {
  // SAFETY: the parser found the header's 20 bytes in the frame, whose count is the same; each field is read
  // once.
  /// The packet in this frame, without what stands before it and what pads the frame behind it; `nil` when the
  /// parser found no sound one.
  func packet(of frame: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    guard pointee.words[7] & ParsedFrame.Presence.ip != 0,
      result.pointee.layer3 & ParseResult.Layer3.firstError == 0,
      let start = result.pointee[.firstIP], start + 20 <= frame.count
    else { return nil }
    let packet = UnsafeRawBufferPointer(rebasing: frame[start...])
    let length =
      packet[0] &>> 4 == 4
      ? Int(packet[2]) &<< 8 | Int(packet[3]) : 40 + (Int(packet[4]) &<< 8 | Int(packet[5]))
    guard length <= packet.count else { return nil }
    return UnsafeRawBufferPointer(rebasing: packet[..<length])
  }
}
