public import QorIQ

/// A buffer that this guest holds: a received frame, or one acquired to be filled.
///
/// A buffer is given back exactly once, by ``Portal/enqueue(_:to:)->EnqueueResult`` or
/// ``Portal/release(_:)->ReleaseResult``: it cannot be copied, and to drop one is a programming error
/// that stops the program.
@frozen public struct Buffer: ~Copyable {
  /// The descriptor: pool, address, offset and length.
  public var descriptor: FrameDescriptor
  /// The queue that the frame came from; 0 for an acquired buffer.
  public let queue: FQID
  /// Context B of that queue: the index of the path in ``GuestGrant/paths``.
  public let context: UInt32
  /// How many bytes the buffer holds behind its start.
  public let capacity: Int
  @usableFromInline let memory: UnsafeMutableRawPointer

  @inlinable init(
    descriptor: FrameDescriptor, queue: FQID, context: UInt32, capacity: Int,
    memory: UnsafeMutableRawPointer
  ) {
    self.descriptor = descriptor
    self.queue = queue
    self.context = context
    self.capacity = capacity
    self.memory = memory
  }

  deinit { Self.stopAtDroppedBuffer() }

  private static func stopAtDroppedBuffer() {
    preconditionFailure("a buffer was dropped: enqueue or release each buffer exactly once")
  }

  /// The frame's bytes, from the descriptor's offset for its length; none when it lies in several
  /// buffers, whose bytes ``Portal/pieces(of:)`` finds.
  @inlinable public var frame: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: memory + Int(descriptor.offset),
      count: descriptor.format == 0 ? Int(descriptor.length) : 0)
  }

  /// Places a frame of this length behind the headroom, for a buffer that is to be filled.
  ///
  /// - Parameter length: The frame's bytes; at most the capacity less ``headroom``.
  @inlinable public mutating func setLength(_ length: Int) {
    precondition(
      length >= 0 && length <= capacity - Buffer.headroom, "the frame is larger than its buffer")
    descriptor.formatLength = UInt32(Buffer.headroom) << 20 | UInt32(length)
  }

  /// Bytes in front of a frame that is received or built: room for what hardware writes there
  /// (16 private, 32 parse result, 8 timestamp, 8 hash: Linux 6.1,
  /// `drivers/net/ethernet/freescale/fman/fman_sp.c`).
  public static let headroom = 64

  /// Ends the buffer's life in this guest and yields what must be given back.
  @inlinable consuming func take() -> FrameDescriptor {
    let descriptor = descriptor
    discard self
    return descriptor
  }
}

/// How a frame came into its queue.
public enum FrameOrigin: Sendable, Hashable {
  /// From an interface or a link, or acquired.
  case received
  /// This guest had sent it, and it has left: its plan wants confirmations.
  case confirmed
  /// A port could not receive or send it; the descriptor's `command` says why, in bits of
  /// ``FrameStatus``.
  case failed

  /// An accelerator's answer; the descriptor's `command` says what came of the request.
  case answered

  /// Context B of the queues for answers of accelerators, but for the pair's place in the lowest bits.
  public static var answerContext: UInt32 { 0x2000_0000 }
  /// Context B of the queues for confirmations.
  public static var confirmedContext: UInt32 { 0x4000_0000 }
  /// Context B of the queues for errors.
  public static var failedContext: UInt32 { 0x8000_0000 }
}

extension Buffer {
  /// How the frame came into its queue.
  public var origin: FrameOrigin {
    switch context {
    case FrameOrigin.confirmedContext: .confirmed
    case FrameOrigin.failedContext: .failed
    case let context where context & ~0xffff == FrameOrigin.answerContext: .answered
    default: .received
    }
  }
}

/// What became of an enqueue.
@frozen public enum EnqueueResult: ~Copyable {
  /// The frame is on its way.
  case accepted
  /// The enqueue ring is full; the buffer is still the caller's.
  case full(Buffer)
}

/// What became of a release.
@frozen public enum ReleaseResult: ~Copyable {
  /// The buffer is the pool's again.
  case accepted
  /// The release ring is full; the buffer is still the caller's.
  case full(Buffer)
}
