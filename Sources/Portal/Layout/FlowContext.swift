/// What PME knows of a flow: 32 bytes in memory of the guest's, aligned to them, big-endian.
///
/// ```
///  0         1          2 … 7      8 … 11   12 … 15       16 17  18 … 23     24 25   26 27   28 … 31
/// +---------+----------+----------+--------+-------------+------+-----------+-------+-------+--------+
/// | sos,    | ren,     | sequence |        | session     |      | residue's | clim  | mlim  |        |
/// | srvm,   | rlen     | number   |        | (27 bits)   |      | address   |       |       |        |
/// | esee    |          |          |        |             |      |           |       |       |        |
/// +---------+----------+----------+--------+-------------+------+-----------+-------+-------+--------+
/// ```
/// Source: Freescale SDK, `include/linux/fsl_pme.h` (`struct pme_flow`); its values at first are those of
/// `pme_sw_flow_init` in `drivers/staging/fsl_pme2/pme2_low.c`.
@frozen public struct FlowContext: Sendable, Hashable {
  /// The words in host order.
  public var word0: UInt64
  /// Bytes 8 to 15.
  public var word1: UInt64
  /// Bytes 16 to 23.
  public var word2: UInt64
  /// Bytes 24 to 31.
  public var word3: UInt64

  /// Its bytes.
  public static var size: Int { 32 }
  /// The bytes of a residue, and what its address is a multiple of.
  public static var residueSize: Int { 128 }
  /// What the address of a residue is a multiple of.
  public static var residueAlignment: UInt64 { 64 }

  /// A flow at its start, without residue and without a limit.
  @inlinable public init() {
    word0 = 0x8800_0000_0000_0000
    word1 = 0xffff_ffe0
    word2 = 0
    word3 = 0xffff_ffff_0000_0000
  }

  /// SOS: whether nothing of it was scanned.
  @inlinable public var isAtStart: Bool {
    get { word0 >> 63 != 0 }
    set { word0 = word0 & ~(1 << 63) | (newValue ? 1 << 63 : 0) }
  }

  /// REN: whether matches may lie across its frames.
  @inlinable public var hasResidue: Bool {
    get { word0 >> 55 & 1 != 0 }
    set { word0 = word0 & ~(1 << 55) | (newValue ? 1 << 55 : 0) }
  }

  /// How many bytes of it were scanned, 48 bits.
  @inlinable public var sequence: UInt64 {
    get { word0 & 0xffff_ffff_ffff }
    set { word0 = word0 & ~0xffff_ffff_ffff | newValue & 0xffff_ffff_ffff }
  }

  /// Where its residue is, 48 bits.
  @inlinable public var residue: UInt64 {
    get { word2 & 0xffff_ffff_ffff }
    set { word2 = newValue & 0xffff_ffff_ffff }
  }

  /// The most matches of a scan; with more it ends, and so does what the flow looks for.
  @inlinable public var matchLimit: UInt16 {
    get { UInt16(truncatingIfNeeded: word3 >> 32) }
    set { word3 = word3 & ~0xffff_0000_0000 | UInt64(newValue) << 32 }
  }

  /// Takes over fields of another.
  @inlinable public mutating func take(
    _ fields: PatternCommand.FlowFields, of other: FlowContext
  ) {
    if fields.contains(.residue) {
      word0 = word0 & ~0x00ff_0000_0000_0000 | other.word0 & 0x00ff_0000_0000_0000
      word2 = other.word2 & 0xffff_ffff_ffff
    }
    if fields.contains(.sequence) {
      word0 = word0 & ~0x8000_ffff_ffff_ffff | other.word0 & 0x8000_ffff_ffff_ffff
    }
    if fields.contains(.rules) {
      word0 = word0 & ~0x3800_0000_0000_0000 | other.word0 & 0x3800_0000_0000_0000
      word1 = other.word1 & 0xffff_ffe0
    }
    if fields.contains(.limits) { word3 = other.word3 & 0xffff_ffff_0000_0000 }
  }

  // SAFETY: `address` is 8-aligned and has 32 bytes.
  /// Reads a context, each word once.
  @inlinable public init(at address: UnsafeMutableRawPointer) {
    word0 = address.load64(0)
    word1 = address.load64(8)
    word2 = address.load64(16)
    word3 = address.load64(24)
  }

  // SAFETY: `address` is 8-aligned and has 32 bytes.
  /// Writes the context.
  @inlinable public func write(to address: UnsafeMutableRawPointer) {
    address.store64(0, word0)
    address.store64(8, word1)
    address.store64(16, word2)
    address.store64(24, word3)
  }
}
