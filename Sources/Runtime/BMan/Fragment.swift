/// What the engine keeps of a buffer that holds a piece of a frame, or the table of its pieces: a guest
/// may write over the table that it sent, so the table is read once.
///
/// A buffer is part of one frame at a time, so that each buffer has one of these.
struct Fragment: BitwiseCopyable {
  /// The buffer with the next piece, in the pool with this place among the engine's.
  var next: UInt32 = 0
  var nextPool: UInt8 = Fragment.none
  /// Where the piece begins in its buffer.
  var offset: UInt16 = 0
  var length: UInt32 = 0

  /// No pool: nothing follows.
  static let none: UInt8 = 255
  /// The longest frame that a descriptor with a 20-bit length can say, and a byte more.
  static let longestFrame = 1 << 20
}
