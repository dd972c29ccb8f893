public import QorIQ

/// A queue whose frames SEC works on, such as one direction of an ESP tunnel, and the descriptor that says how, in
/// a buffer of the guest's that must stay where it is.
///
/// A packet is enqueued to ``request`` as an ordinary frame. Its answer comes on the portals, from
/// ``response``: another frame with what SEC made of it, or the packet itself with a status that is not 0 in
/// its descriptor's `command`. Give the queue back with ``Portal/close(_:)->SecurityQueue?``.
public struct SecurityQueue: ~Copyable {
  /// The queue for packets.
  public let request: FQID
  /// The queue that answers come from.
  public let response: FQID
  private var memory: Buffer

  init(_ pair: GuestGrant.AcceleratorPair, in memory: consuming Buffer) {
    request = pair.request
    response = pair.response
    self.memory = memory
  }

  /// The number of the last packet that was put into the tunnel, or the highest that came out of it; 0 when it is
  /// none.
  public var sequence: UInt64 {
    // The header names the first command behind the data block, which is longer for the way in.
    let words = UnsafeRawPointer(memory.memory)
    func word(_ place: Int) -> UInt32 {
      UInt32(bigEndian: words.load(fromByteOffset: 4 * place, as: UInt32.self))
    }
    let start = word(2) >> 16 & 0x3f
    guard start > 0 else { return 0 }
    let first = start == 8 ? 6 : 4
    return UInt64(word(first)) << 32 | UInt64(word(first + 1))
  }

  /// Where the descriptor is.
  var descriptorAddress: UInt64 { memory.descriptor.address }

  consuming func take() -> Buffer { memory }
}

extension Portal {
  /// Has SEC work on a pair's packets as a descriptor says.
  ///
  /// - Parameters:
  ///   - pair: One of ``GuestGrant/accelerators``, of the kind `security`.
  ///   - descriptor: What is to be done.
  ///   - pool: The pool of the buffer in which the descriptor is kept.
  /// - Returns: The queue; `nil` when there is no buffer, or QMan does not take it.
  public mutating func open(
    _ pair: GuestGrant.AcceleratorPair, _ descriptor: SharedDescriptor, from pool: BPID
  ) -> SecurityQueue? {
    guard let buffer = acquire(from: pool) else { return nil }
    guard descriptor.byteCount <= buffer.capacity else {
      giveBack(buffer)
      return nil
    }
    descriptor.write(to: buffer.memory)
    let address = buffer.descriptor.address
    let result = initialize(
      pair.request, channel: pair.channel, contextA: address, contextB: pair.response.rawValue)
    guard result == CommandResult.ok else {
      giveBackErased(buffer)
      return nil
    }
    return SecurityQueue(pair, in: buffer)
  }

  /// Has SEC work on another pair's packets by a queue's descriptor: packets of both are numbered as one direction
  /// of one tunnel.
  ///
  /// Take that pair's queue out of service before the other is closed.
  ///
  /// - Parameters:
  ///   - pair: A pair of the kind `security`, such as a chain's (``GuestGrant/Chain/pair``).
  ///   - queue: The queue whose descriptor it is.
  /// - Returns: Whether QMan takes it.
  public mutating func join(
    _ pair: GuestGrant.AcceleratorPair, to queue: borrowing SecurityQueue
  ) -> Bool {
    initialize(
      pair.request, channel: pair.channel, contextA: queue.descriptorAddress,
      contextB: pair.response.rawValue) == CommandResult.ok
  }

  /// Ends the work on a pair's packets, once all have been answered. Then the descriptor is overwritten, and
  /// its buffer goes back to its pool.
  ///
  /// - Returns: `nil` when that is done. The queue itself when packets are in it still, which SEC works on by its
  ///   descriptor, or when QMan does not answer: take the answers, and close it again.
  public mutating func close(_ queue: consuming SecurityQueue) -> SecurityQueue? {
    guard takeOutOfServiceWhenEmpty(queue.request) else { return queue }
    giveBackErased(queue.take())
    return nil
  }

  /// Gives back the buffer of a descriptor, whose keys are nobody's business any more.
  private mutating func giveBackErased(_ buffer: consuming Buffer) {
    for offset in stride(from: 0, to: 4 * (SharedDescriptor.limit + 2), by: 8)
    where offset + 8 <= buffer.capacity {
      buffer.memory.store64(offset, 0)
    }
    giveBack(buffer)
  }
}
