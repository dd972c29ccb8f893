/// A match, as PME's reports have it: 16 bytes each, one behind the other, big-endian.
///
/// ```
///  0      1     2 3       4 … 7   8 … 15
/// +------+-----+---------+-------+---------------------+
/// | kind | set | subsets | tag   | bytes before its end|
/// +------+-----+---------+-------+---------------------+
/// ```
/// How hardware lays out its reports is not established in any source that this project has; the SDK's own
/// test (`drivers/staging/fsl_pme2/pme2_test_scan.c`) shows one of 16 bytes that begins with 1. This layout
/// is this project's own.
@frozen public struct MatchReport: Sendable, Hashable {
  /// The first word: kind, set, subsets and tag.
  public var word0: UInt64
  /// How many bytes of the flow, or of the frame, lie before its end.
  public var end: UInt64

  /// Its bytes.
  public static var size: Int { 16 }

  /// Creates a report.
  @inlinable public init(set: UInt8, subsets: UInt16, tag: UInt32, end: UInt64) {
    word0 = 1 << 56 | UInt64(set) << 48 | UInt64(subsets) << 32 | UInt64(tag)
    self.end = end
  }

  /// The set that was scanned for.
  @inlinable public var set: UInt8 { UInt8(truncatingIfNeeded: word0 >> 48) }
  /// The subsets of the pattern.
  @inlinable public var subsets: UInt16 { UInt16(truncatingIfNeeded: word0 >> 32) }
  /// The pattern's tag.
  @inlinable public var tag: UInt32 { UInt32(truncatingIfNeeded: word0) }

  // SAFETY: `bytes` has 16 bytes from `offset`.
  /// Reads a report.
  @inlinable public init(at bytes: UnsafeRawPointer, offset: Int = 0) {
    word0 = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    end = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
  }

  // SAFETY: `bytes` has 16 bytes from `offset`.
  /// Writes the report.
  @inlinable public func write(to bytes: UnsafeMutableRawPointer, offset: Int = 0) {
    bytes.storeBytes(of: word0.bigEndian, toByteOffset: offset, as: UInt64.self)
    bytes.storeBytes(of: end.bigEndian, toByteOffset: offset + 8, as: UInt64.self)
  }
}
