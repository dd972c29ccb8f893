/// The formats of capture files: classic pcap and pcapng, in either byte order.
///
/// A file is checked whole, and its frames are found, before anything is played.
/// (IETF drafts draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.)
struct CaptureFormat {
  /// Where a frame lies in the file, and when it was captured.
  struct Record: BitwiseCopyable {
    var start: Int
    /// Bytes that were captured.
    var captured: UInt32
    /// The frame's length on the wire.
    var wire: UInt32
    /// Nanoseconds since 1970.
    var nanoseconds: UInt64
  }

  private let bytes: UnsafeRawBufferPointer
  private let path: String
  private var isSwapped = false
  private var records: [Record] = []

  /// No real capture has a longer record; a length beyond it means a corrupt file.
  static let longestFrame = 1 << 20

  // SAFETY: the bytes outlive the call; each read is behind a comparison with their count.
  /// The frames of a file.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - path: Its name, for errors.
  /// - Returns: The frames in the file's order.
  /// - Throws: ``EngineError/badCapture(path:offset:problem:)`` at the first fault.
  static func records(
    in bytes: UnsafeRawBufferPointer, path: String
  ) throws(EngineError) -> [Record] {
    var format = CaptureFormat(bytes: bytes, path: path)
    if bytes.count >= 4, bytes.loadUnaligned(as: UInt32.self) == 0x0a0d_0d0a {
      try format.readBlocks()
    } else {
      try format.readClassic()
    }
    return format.records
  }

  private init(bytes: UnsafeRawBufferPointer, path: String) {
    self.bytes = bytes
    self.path = path
  }

  private func fail(_ offset: Int, _ problem: String) -> EngineError {
    .badCapture(path: path, offset: offset, problem: problem)
  }

  private func word(_ offset: Int) -> UInt32 {
    let word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    return isSwapped ? word.byteSwapped : word
  }

  private func half(_ offset: Int) -> UInt16 {
    let half = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    return isSwapped ? half.byteSwapped : half
  }

  private mutating func add(
    at start: Int, captured: Int, room: Int, wire: UInt32, nanoseconds: UInt64, from offset: Int
  ) throws(EngineError) {
    let number = records.count + 1
    guard captured <= Self.longestFrame else {
      throw fail(offset, "frame \(number): a length of \(captured) bytes means a corrupt file")
    }
    guard captured <= room else {
      throw fail(offset, "frame \(number): \(captured) bytes announced, but \(room) are left")
    }
    records.append(
      Record(
        start: start, captured: UInt32(captured), wire: wire, nanoseconds: nanoseconds))
  }

  // MARK: Classic

  private mutating func readClassic() throws(EngineError) {
    guard bytes.count >= 24 else {
      throw fail(bytes.count, "the file ends inside its header of 24 bytes")
    }
    let nanoseconds: UInt64
    switch UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)) {
    case 0xa1b2_c3d4: nanoseconds = 1000
    case 0xa1b2_3c4d: nanoseconds = 1
    case 0xd4c3_b2a1: (nanoseconds, isSwapped) = (1000, true)
    case 0x4d3c_b2a1: (nanoseconds, isSwapped) = (1, true)
    default: throw fail(0, "neither a pcap nor a pcapng file: unknown magic number")
    }
    try checkLinkType(word(20) & 0x0fff_ffff, at: 20)
    var offset = 24
    while offset < bytes.count {
      guard bytes.count - offset >= 16 else {
        throw fail(
          offset, "frame \(records.count + 1): the file ends inside the record's header")
      }
      let captured = Int(word(offset + 8))
      try add(
        at: offset + 16, captured: captured, room: bytes.count - offset - 16,
        wire: word(offset + 12),
        nanoseconds: UInt64(word(offset)) * 1_000_000_000 + UInt64(word(offset + 4)) * nanoseconds,
        from: offset)
      offset += 16 + captured
    }
  }

  private func checkLinkType(_ type: UInt32, at offset: Int) throws(EngineError) {
    guard type == 1 else {
      throw fail(offset, "link type \(type), but only Ethernet (1) can be played")
    }
  }

  // MARK: pcapng

  /// An interface that frames were captured on.
  private struct Interface {
    var linkType: UInt16
    var offset: Int
    var snapLength: UInt32
    /// Units of time in a second: a power of ten, or of two when the highest bit is set.
    var resolution: UInt8 = 6
    /// Seconds to add.
    var seconds: UInt64 = 0

    /// A time in nanoseconds; wraps around when no clock can have meant it.
    func nanoseconds(_ units: UInt64) -> UInt64 {
      let exponent = UInt64(resolution & 0x7f)
      var time: UInt64
      if resolution & 0x80 != 0 {
        guard exponent < 64 else { return seconds &* 1_000_000_000 }
        let fraction = units & (1 << exponent - 1)
        let product = fraction.multipliedFullWidth(by: 1_000_000_000)
        time = (units >> exponent) &* 1_000_000_000
        time &+= product.low >> exponent | (exponent == 0 ? 0 : product.high << (64 - exponent))
      } else if exponent <= 9 {
        time = (exponent..<9).reduce(units) { unit, _ in unit &* 10 }
      } else {
        time = (9..<min(exponent, 30)).reduce(units) { unit, _ in unit / 10 }
      }
      return time &+ seconds &* 1_000_000_000
    }
  }

  private mutating func readBlocks() throws(EngineError) {
    var interfaces: [Interface] = []
    var offset = 0
    while offset < bytes.count {
      guard bytes.count - offset >= 12 else {
        throw fail(offset, "the file ends inside a block of at least 12 bytes")
      }
      // A section may have another byte order than the one before.
      let isSection = word(offset) == 0x0a0d_0d0a
      if isSection {
        switch UInt32(
          littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self))
        {
        case 0x1a2b_3c4d: isSwapped = false
        case 0x4d3c_2b1a: isSwapped = true
        default: throw fail(offset + 8, "a section without its byte-order magic")
        }
        interfaces = []
      }
      let length = Int(word(offset + 4))
      guard length >= 12, length % 4 == 0, length <= bytes.count - offset else {
        throw fail(
          offset, "a block of \(length) bytes, of which \(bytes.count - offset) are left")
      }
      guard Int(word(offset + length - 4)) == length else {
        throw fail(offset + length - 4, "a block's second length is not its first, \(length)")
      }
      if isSection {
        guard length >= 28 else { throw fail(offset, "a section's header has 28 bytes at least") }
        guard half(offset + 12) == 1 else {
          throw fail(offset + 12, "version \(half(offset + 12)) of pcapng is not known")
        }
      } else {
        try readBlock(word(offset), at: offset, length: length, &interfaces)
      }
      offset += length
    }
  }

  private mutating func readBlock(
    _ type: UInt32, at offset: Int, length: Int, _ interfaces: inout [Interface]
  ) throws(EngineError) {
    func need(_ least: Int) throws(EngineError) {
      guard length >= least else {
        throw fail(offset, "a block of type \(type) has \(least) bytes at least, not \(length)")
      }
    }
    func interface(_ number: Int) throws(EngineError) -> Interface {
      guard interfaces.indices.contains(number) else {
        throw fail(offset, "interface \(number) of \(interfaces.count) that were described")
      }
      try checkLinkType(UInt32(interfaces[number].linkType), at: interfaces[number].offset + 8)
      return interfaces[number]
    }
    switch type {
    case 1:
      try need(20)
      var described = Interface(
        linkType: half(offset + 8), offset: offset, snapLength: word(offset + 12))
      readOptions(from: offset + 16, to: offset + length - 4, of: &described)
      interfaces.append(described)
    case 2, 6:
      // The obsolete packet block has two bytes less for the interface, and a count of drops.
      try need(32)
      let interface = try interface(
        type == 6 ? Int(word(offset + 8)) : Int(half(offset + 8)))
      let units = UInt64(word(offset + 12)) << 32 | UInt64(word(offset + 16))
      try add(
        at: offset + 28, captured: Int(word(offset + 20)), room: length - 32,
        wire: word(offset + 24), nanoseconds: interface.nanoseconds(units), from: offset)
    case 3:
      try need(16)
      let interface = try interface(0)
      let wire = word(offset + 8)
      let captured =
        interface.snapLength == 0 ? wire : min(wire, interface.snapLength)
      try add(
        at: offset + 12, captured: Int(captured), room: length - 16, wire: wire,
        nanoseconds: records.last?.nanoseconds ?? 0, from: offset)
    default: break
    }
  }

  /// Reads the options that say what a time means; whatever is malformed ends them.
  private func readOptions(from start: Int, to end: Int, of interface: inout Interface) {
    var offset = start
    while end - offset >= 4 {
      let length = Int(half(offset + 2))
      guard half(offset) != 0, length <= end - offset - 4 else { return }
      switch (half(offset), length) {
      case (9, 1): interface.resolution = bytes[offset + 4]
      case (14, 8):
        let (first, second) = (UInt64(word(offset + 4)), UInt64(word(offset + 8)))
        interface.seconds = isSwapped ? first << 32 | second : second << 32 | first
      default: break
      }
      offset += 4 + (length + 3) / 4 * 4
    }
  }
}
