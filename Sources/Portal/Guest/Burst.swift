/// Up to 32 buffers that a guest holds, first in, first out.
///
/// Made once and used again and again: only making one allocates. A burst must be empty when its life
/// ends, as a buffer that is dropped stops the program.
public struct Burst: ~Copyable {
  /// How many buffers a burst holds.
  public static let capacity = 32

  // SAFETY: the `count` places from `first` on, counted around, hold buffers; no others do.
  @usableFromInline let places: UnsafeMutablePointer<Buffer>
  @usableFromInline var first = 0
  @usableFromInline var held = 0

  /// Makes an empty burst.
  public init() { places = .allocate(capacity: Self.capacity) }

  deinit {
    precondition(held == 0, "a burst was dropped: enqueue or release each of its buffers")
    places.deallocate()
  }

  /// How many buffers are in it.
  @inlinable public var count: Int { held }
  /// Whether it holds no buffer.
  @inlinable public var isEmpty: Bool { held == 0 }
  /// How many more buffers it takes.
  @inlinable public var room: Int { Self.capacity &- held }

  @inlinable @inline(__always)
  func place(_ index: Int) -> UnsafeMutablePointer<Buffer> {
    places + ((first &+ index) & (Self.capacity - 1))
  }

  /// Looks at a buffer, or changes its frame in place.
  ///
  /// - Parameter index: From 0 for the first to ``count`` less one for the last.
  @inlinable public subscript(index: Int) -> Buffer {
    _read {
      precondition(index >= 0 && index < held, "no such buffer in the burst")
      yield place(index).pointee
    }
    _modify {
      precondition(index >= 0 && index < held, "no such buffer in the burst")
      yield &place(index).pointee
    }
  }

  /// Adds a buffer at the end; there must be ``room``.
  @inlinable public mutating func append(_ buffer: consuming Buffer) {
    precondition(held < Self.capacity, "the burst is full")
    place(held).initialize(to: buffer)
    held &+= 1
  }

  /// Takes the first buffer; `nil` when there is none.
  @inlinable public mutating func removeFirst() -> Buffer? {
    guard held > 0 else { return nil }
    let buffer = place(0).move()
    first = (first &+ 1) & (Self.capacity - 1)
    held &-= 1
    return buffer
  }

  /// Ends the life of the first buffers in this guest, once what must be given back was written down; there are
  /// so many.
  mutating func forget(_ count: Int) {
    for index in 0..<count { _ = place(index).move().take() }
    first = (first &+ count) & (Self.capacity - 1)
    held &-= count
  }

  /// Puts the buffer back that was taken last.
  @inlinable mutating func putBack(_ buffer: consuming Buffer) {
    first = (first &- 1) & (Self.capacity - 1)
    place(0).initialize(to: buffer)
    held &+= 1
  }
}
