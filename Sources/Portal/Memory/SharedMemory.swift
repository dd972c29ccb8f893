public import Synchronization

// SAFETY: every function needs `address + offset` to lie inside a mapping that outlives the call
// and to be aligned to the word; `PortalWindow` and `GuestSession` make the offsets and the
// mappings, which are page-aligned.
/// Loads and stores on memory that another process, or the engine, works on at the same time.
///
/// Portal fields are big-endian on every SoC (Linux 6.1, `drivers/soc/fsl/qbman/qman.c`), so every
/// access swaps here and nowhere else. Words that are checked before use must come through these
/// functions: a plain load may be repeated by the compiler, and a hostile peer may change the word
/// in between.
extension UnsafeMutableRawPointer {
  /// Reads a big-endian 64-bit word; everything the peer wrote before publishing it is visible.
  @inlinable @inline(__always)
  public func acquire64(_ offset: Int) -> UInt64 {
    UInt64(
      bigEndian: (self + offset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee
        .load(ordering: .acquiring))
  }

  /// Reads a big-endian 64-bit word exactly once, without ordering.
  @inlinable @inline(__always)
  public func load64(_ offset: Int) -> UInt64 {
    UInt64(
      bigEndian: (self + offset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee
        .load(ordering: .relaxed))
  }

  /// Writes a big-endian 64-bit word without ordering.
  @inlinable @inline(__always)
  public func store64(_ offset: Int, _ value: UInt64) {
    (self + offset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee
      .store(value.bigEndian, ordering: .relaxed)
  }

  /// Publishes a big-endian 64-bit word: everything written before it is visible to who acquires it.
  @inlinable @inline(__always)
  public func release64(_ offset: Int, _ value: UInt64) {
    (self + offset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee
      .store(value.bigEndian, ordering: .releasing)
  }

  /// Reads a big-endian 32-bit register; see ``acquire64(_:)``.
  @inlinable @inline(__always)
  public func acquire32(_ offset: Int) -> UInt32 {
    UInt32(
      bigEndian: (self + offset).assumingMemoryBound(to: Atomic<UInt32>.self).pointee
        .load(ordering: .acquiring))
  }

  /// Publishes a big-endian 32-bit register; see ``release64(_:_:)``.
  @inlinable @inline(__always)
  public func release32(_ offset: Int, _ value: UInt32) {
    (self + offset).assumingMemoryBound(to: Atomic<UInt32>.self).pointee
      .store(value.bigEndian, ordering: .releasing)
  }

  /// Replaces a big-endian 32-bit register and says what it held: what the peer wrote in between
  /// is not lost.
  @inlinable @inline(__always)
  public func exchange32(_ offset: Int, _ value: UInt32) -> UInt32 {
    UInt32(
      bigEndian: (self + offset).assumingMemoryBound(to: Atomic<UInt32>.self).pointee
        .exchange(value.bigEndian, ordering: .acquiringAndReleasing))
  }

  /// Replaces a big-endian 32-bit register if it still holds what is expected.
  @inlinable @inline(__always)
  public func replace32(_ offset: Int, _ expected: UInt32, with value: UInt32) {
    _ = (self + offset).assumingMemoryBound(to: Atomic<UInt32>.self).pointee
      .compareExchange(
        expected: expected.bigEndian, desired: value.bigEndian, ordering: .acquiringAndReleasing)
  }

  /// Adds to a counter in host order that only this side writes; others may read it at any time.
  @inlinable @inline(__always)
  public func addCounter(_ offset: Int, _ amount: UInt64) {
    let counter = (self + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    counter.pointee.store(
      counter.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }

  /// Reads a counter in host order that the other side writes, and then sees all that it wrote before it.
  @inlinable @inline(__always)
  public func counter(_ offset: Int) -> UInt64 {
    (self + offset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee.load(ordering: .acquiring)
  }

  /// Writes a word in host order and publishes everything written before it.
  @inlinable @inline(__always)
  public func setCounter(_ offset: Int, _ value: UInt64) {
    (self + offset).assumingMemoryBound(to: Atomic<UInt64>.self).pointee
      .store(value, ordering: .releasing)
  }

  /// Reads a word in host order that a kernel or another process writes; everything written before it
  /// is visible.
  @inlinable @inline(__always)
  public func hostOrder32(_ offset: Int) -> UInt32 {
    (self + offset).assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .acquiring)
  }

  /// Writes such a word and publishes everything written before it.
  @inlinable @inline(__always)
  public func setHostOrder32(_ offset: Int, _ value: UInt32) {
    (self + offset).assumingMemoryBound(to: Atomic<UInt32>.self).pointee
      .store(value, ordering: .releasing)
  }
}
