extension Frame {
  /// A pcapng file, block by block.
  ///
  /// ```
  /// Frame.PcapNG().section().interface().packet([1, 2, 3], at: 7).bytes
  /// ```
  public struct PcapNG: Sendable {
    /// The file so far.
    public private(set) var bytes: [UInt8] = []
    private let isBigEndian: Bool

    /// Starts an empty file.
    public init(isBigEndian: Bool = false) { self.isBigEndian = isBigEndian }

    private func number<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
      big(isBigEndian ? value : value.byteSwapped)
    }

    /// Adds a block of any type; its body is padded to words.
    public func block(_ type: UInt32, _ body: [UInt8]) -> PcapNG {
      var copy = self
      let padding = [UInt8](repeating: 0, count: (4 - body.count % 4) % 4)
      let length = number(UInt32(12 + body.count + padding.count))
      copy.bytes += number(type) + length + body + padding + length
      return copy
    }

    /// Adds a section's header.
    public func section() -> PcapNG {
      block(
        0x0a0d_0d0a,
        number(0x1a2b_3c4d as UInt32) + number(1 as UInt16) + number(0 as UInt16)
          + number(UInt64.max))
    }

    /// Adds an interface.
    ///
    /// - Parameters:
    ///   - linkType: 1 for Ethernet.
    ///   - snapLength: The longest frame that is kept; 0 for any.
    ///   - resolution: The option of that name.
    ///   - seconds: What is added to each time.
    /// - Returns: The longer file.
    public func interface(
      linkType: UInt16 = 1, snapLength: UInt32 = 0, resolution: UInt8? = nil, seconds: UInt64? = nil
    ) -> PcapNG {
      var body = number(linkType) + number(0 as UInt16) + number(snapLength)
      // A name first: options that mean nothing to a reader are passed over.
      body += number(2 as UInt16) + number(3 as UInt16) + Array("if0".utf8) + [0]
      if let resolution {
        body += number(9 as UInt16) + number(1 as UInt16) + [resolution, 0, 0, 0]
      }
      if let seconds { body += number(14 as UInt16) + number(8 as UInt16) + number(seconds) }
      return block(1, body + number(0 as UInt32))
    }

    /// Adds a frame.
    ///
    /// - Parameters:
    ///   - frame: What was captured.
    ///   - wire: Its length on the wire; that of the frame unless told otherwise.
    ///   - time: When, in the interface's units.
    ///   - interface: The interface's number in its section.
    /// - Returns: The longer file.
    public func packet(
      _ frame: [UInt8], wire: Int? = nil, at time: UInt64 = 0, interface: UInt32 = 0
    ) -> PcapNG {
      block(
        6,
        number(interface) + number(UInt32(time >> 32)) + number(UInt32(time & 0xffff_ffff))
          + number(UInt32(frame.count)) + number(UInt32(wire ?? frame.count)) + frame)
    }

    /// Adds a frame without a time or an interface.
    public func simplePacket(_ frame: [UInt8], wire: Int? = nil) -> PcapNG {
      block(3, number(UInt32(wire ?? frame.count)) + frame)
    }
  }
}
