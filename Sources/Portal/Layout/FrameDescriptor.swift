public import QorIQ

/// A frame descriptor (FD): where a frame lies and how long it is. 16 bytes, big-endian in memory.
///
/// ```
///  0      1     2        3 … 7          8 … 11                       12 … 15
/// +------+-----+--------+--------------+----------------------------+-----------------+
/// | dd,  |bpid |eliodn  | address      | format, offset (9),        | command /       |
/// | liodn|     |offset  | (40 bits)    | length (20)                | status          |
/// +------+-----+--------+--------------+----------------------------+-----------------+
/// ```
/// Source: Linux 6.1, `include/soc/fsl/qman.h`.
@frozen public struct FrameDescriptor: Sendable, Hashable {
  /// Bytes 0 to 7 in host order: LIODN offset, pool and address.
  public var word0: UInt64
  /// Bytes 8 to 11 in host order: format, offset and length.
  public var formatLength: UInt32
  /// Bytes 12 to 15 in host order: a command to a device, a status from one.
  public var command: UInt32

  /// Creates a descriptor from its words.
  @inlinable public init(word0: UInt64, formatLength: UInt32, command: UInt32) {
    self.word0 = word0
    self.formatLength = formatLength
    self.command = command
  }

  /// Creates a descriptor of a frame in one buffer.
  ///
  /// - Parameters:
  ///   - bpid: The pool that the buffer belongs to.
  ///   - address: The buffer's address, 40 bits.
  ///   - offset: The bytes in front of the frame, 0 to 511.
  ///   - length: The frame's bytes, 0 to 1,048,575.
  ///   - command: A command to a device.
  @inlinable public init(
    bpid: BPID, address: UInt64, offset: UInt32, length: UInt32, command: UInt32 = 0
  ) {
    word0 = UInt64(bpid.rawValue) &<< 48 | (address & 0xff_ffff_ffff)
    formatLength = (offset & 0x1ff) &<< 20 | (length & 0xf_ffff)
    self.command = command
  }

  /// The pool of the frame's buffer.
  @inlinable @inline(__always)
  public var bpid: BPID { BPID(UInt8(truncatingIfNeeded: word0 &>> 48)) }
  /// The buffer's address, 40 bits.
  @inlinable @inline(__always)
  public var address: UInt64 { word0 & 0xff_ffff_ffff }
  /// The frame's buffer as a command to BMan names it: its pool and address.
  @inlinable @inline(__always)
  var releaseWord: UInt64 { word0 & 0xff_00ff_ffff_ffff }
  /// The format: 0 is one buffer with a 9-bit offset and a 20-bit length, 4 the same for a table of
  /// several buffers.
  @inlinable @inline(__always)
  public var format: UInt32 { formatLength &>> 29 }
  /// Whether the frame lies in several buffers: the descriptor names a table of them, whose entries
  /// are ``FragmentEntry`` (format 4: a 9-bit offset of the table, a 20-bit length of the frame).
  @inlinable @inline(__always)
  public var isScattered: Bool { format == 4 }
  /// Whether the descriptor names a request to an accelerator: its address is that of two entries as
  /// ``FragmentEntry``, of which the first is the output and the second the input (format 1: no offset, a
  /// 29-bit length, of which queues and congestion groups here count the low 20 bits, ``length``).
  @inlinable @inline(__always)
  public var isCompound: Bool { format == 1 }
  /// The bytes in front of the frame, or of its table.
  @inlinable @inline(__always)
  public var offset: UInt32 { formatLength &>> 20 & 0x1ff }
  /// The frame's bytes.
  @inlinable @inline(__always)
  public var length: UInt32 { formatLength & 0xf_ffff }
  /// The LIODN offset that QMan stamped: the producer's identity, 10 bits.
  @inlinable @inline(__always)
  public var liodnOffset: UInt16 {
    UInt16(truncatingIfNeeded: word0 &>> 56 & 0x3f)
      | UInt16(truncatingIfNeeded: word0 &>> 44 & 0xf) &<< 6
  }

  /// The descriptor with the producer's LIODN offset, as QMan overwrites it on enqueue.
  @inlinable @inline(__always)
  public func stamped(liodnOffset: UInt16) -> FrameDescriptor {
    stamped(Self.stamp(liodnOffset: liodnOffset))
  }

  /// A LIODN offset where the first word has it, for who stamps many descriptors with one.
  @inlinable @inline(__always)
  public static func stamp(liodnOffset: UInt16) -> UInt64 {
    UInt64(liodnOffset & 0x3f) &<< 56 | UInt64(liodnOffset &>> 6 & 0xf) &<< 44
  }

  /// The descriptor with what ``stamp(liodnOffset:)`` says.
  @inlinable @inline(__always)
  public func stamped(_ stamp: UInt64) -> FrameDescriptor {
    var copy = self
    copy.word0 = word0 & ~0x3f00_f000_0000_0000 | stamp
    return copy
  }

  /// The same frame moved to another length.
  @inlinable public func resized(length: UInt32) -> FrameDescriptor {
    var copy = self
    copy.formatLength = formatLength & ~0xf_ffff | length & 0xf_ffff
    return copy
  }

  /// The same frame with bytes of its headroom before it; there must be so many.
  @inlinable public func extended(front count: UInt32) -> FrameDescriptor {
    var copy = self
    copy.formatLength =
      formatLength & ~0x1fff_ffff | (offset &- count & 0x1ff) &<< 20 | (length &+ count) & 0xf_ffff
    return copy
  }

  /// Creates a descriptor of a request to an accelerator.
  ///
  /// - Parameters:
  ///   - bpid: The pool of the buffer that holds the table.
  ///   - address: The table's address, 40 bits.
  ///   - length: What congestion groups count: the input's bytes.
  @inlinable public init(compound bpid: BPID, address: UInt64, length: UInt32) {
    self.init(
      word0: UInt64(bpid.rawValue) &<< 48 | (address & 0xff_ffff_ffff),
      formatLength: 1 << 29 | length & 0x1fff_ffff, command: 0)
  }

  /// The descriptor of a frame in several buffers, of which this one's buffer holds the table.
  @inlinable public var scattered: FrameDescriptor {
    var copy = self
    copy.formatLength = formatLength & 0x1fff_ffff | 4 << 29
    return copy
  }

  // SAFETY: `address + offset` is 8-aligned and 16 bytes inside a mapping.
  /// Reads a descriptor, each word once.
  @inlinable @inline(__always)
  public init(at address: UnsafeMutableRawPointer, offset: Int) {
    word0 = address.load64(offset)
    let low = address.load64(offset &+ 8)
    formatLength = UInt32(truncatingIfNeeded: low &>> 32)
    command = UInt32(truncatingIfNeeded: low)
  }

  // SAFETY: `address + offset` is 8-aligned and 16 bytes inside a mapping.
  /// Writes the descriptor.
  @inlinable @inline(__always)
  public func write(to address: UnsafeMutableRawPointer, offset: Int) {
    address.store64(offset, word0)
    address.store64(offset &+ 8, UInt64(formatLength) &<< 32 | UInt64(command))
  }
}
