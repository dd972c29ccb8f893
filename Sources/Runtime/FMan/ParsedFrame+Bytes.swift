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
