public import QorIQ

/// An entry of a scatter-gather table: one piece of a frame that lies in several buffers. 16 bytes,
/// big-endian in memory.
///
/// ```
///  0 … 2      3 … 7          8 … 11                              12     13     14 … 15
/// +----------+--------------+-----------------------------------+------+------+----------------+
/// |          | address      | extension (1), final (1), length  |      | bpid | offset (13)    |
/// |          | (40 bits)    | (30)                              |      |      |                |
/// +----------+--------------+-----------------------------------+------+------+----------------+
/// ```
/// Source: Linux 6.1, `include/soc/fsl/qman.h`, `struct qm_sg_entry`.
@frozen public struct FragmentEntry: Sendable, Hashable, BitwiseCopyable {
  /// Bytes 0 to 7 in host order: the address.
  public var word0: UInt64
  /// Bytes 8 to 15 in host order: what the piece is.
  public var word1: UInt64

  /// Bytes of an entry.
  public static var size: Int { 16 }
  /// The most bytes that may stand in front of a piece: the field has 13 bits.
  static var mostOffset: Int { 0x1fff }
  /// How many entries a table has at most: as many as drivers read (Linux 6.1,
  /// `drivers/net/ethernet/freescale/dpaa/dpaa_eth.c`, `DPAA_SGT_MAX_ENTRIES`).
  public static var limit: Int { 16 }
  /// How many entries a frame's tables have together, where one leads to the next: a decision of this project.
  public static var chainLimit: Int { 64 }

  /// Creates an entry.
  ///
  /// - Parameters:
  ///   - bpid: The pool of the piece's buffer.
  ///   - address: The buffer's address, 40 bits.
  ///   - offset: The bytes in front of the piece, 0 to 8191.
  ///   - length: The piece's bytes, 30 bits.
  ///   - isFinal: Whether it is the frame's last one.
  @inlinable public init(
    bpid: BPID, address: UInt64, offset: UInt32, length: UInt32, isFinal: Bool
  ) {
    word0 = address & 0xff_ffff_ffff
    word1 =
      (isFinal ? 1 << 62 : 0) | UInt64(length & 0x3fff_ffff) << 32
      | UInt64(bpid.rawValue) << 16 | UInt64(offset & 0x1fff)
  }

  /// The entry that leads to another table instead, which lies at its address and offset.
  @inlinable public var extended: FragmentEntry {
    var copy = self
    copy.word1 |= 1 << 63
    return copy
  }

  /// The same piece without so many bytes at its ends; with more at its front where that is less than 0. It must
  /// have them.
  func cut(front: Int = 0, back: Int = 0) -> FragmentEntry {
    FragmentEntry(
      bpid: bpid, address: address,
      offset: UInt32(truncatingIfNeeded: Int(offset) + front),
      length: UInt32(truncatingIfNeeded: Int(length) - front - back), isFinal: isFinal)
  }

  /// The pool of the piece's buffer.
  @inlinable public var bpid: BPID { BPID(UInt8(truncatingIfNeeded: word1 >> 16)) }
  /// The buffer's address.
  @inlinable public var address: UInt64 { word0 & 0xff_ffff_ffff }
  /// The bytes in front of the piece.
  @inlinable public var offset: UInt32 { UInt32(truncatingIfNeeded: word1) & 0x1fff }
  /// The piece's bytes.
  @inlinable public var length: UInt32 { UInt32(truncatingIfNeeded: word1 >> 32) & 0x3fff_ffff }
  /// Whether it leads to another table.
  @inlinable public var isExtension: Bool { word1 >> 63 != 0 }
  /// Whether it is the frame's last one.
  @inlinable public var isFinal: Bool { word1 >> 62 & 1 != 0 }

  /// How many entries a buffer of so many bytes has room for behind an offset; as many as a table has at most.
  @inlinable public static func count(in size: UInt32, behind offset: UInt32) -> Int {
    offset > size ? 0 : min(limit, Int(size - offset) / Self.size)
  }

  // SAFETY: the 16 bytes at `address` are inside a mapping.
  /// Reads an entry that nobody else writes.
  @inlinable public init(_ address: UnsafeRawPointer) {
    word0 = UInt64(bigEndian: address.loadUnaligned(as: UInt64.self))
    word1 = UInt64(bigEndian: address.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
  }

  // SAFETY: `address + offset` is 8-aligned and 16 bytes inside a mapping.
  /// Reads an entry that others may be writing, each word once.
  @inlinable public init(at address: UnsafeMutableRawPointer, offset: Int) {
    word0 = address.load64(offset)
    word1 = address.load64(offset + 8)
  }

  // SAFETY: the 16 bytes at `address` are inside a mapping.
  /// Writes the entry.
  @inlinable public func write(to address: UnsafeMutableRawPointer) {
    address.storeBytes(of: word0.bigEndian, as: UInt64.self)
    address.storeBytes(of: word1.bigEndian, toByteOffset: 8, as: UInt64.self)
  }
}
