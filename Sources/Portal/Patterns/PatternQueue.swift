public import QorIQ

/// A pair of queues into PME and back: frames that are enqueued to ``request`` are looked through, and their
/// answers come on the portals from ``response``, in the same order.
///
/// ``Portal/openDirect(_:)`` makes one whose frames stand for themselves,
/// ``Portal/openFlow(_:from:crossesFrames:matchLimit:)`` one whose frames are a stream of bytes. What is looked
/// for stands in a ``PatternCommand`` with each frame:
/// ``Portal/scan(_:on:_:)`` sends a frame that comes back itself, and says only whether something was found;
/// ``PatternRequest`` makes one with room for reports. Give the queue back with ``Portal/close(_:)->PatternQueue?``.
public struct PatternQueue: ~Copyable {
  /// The queue for requests.
  public let request: FQID
  /// The queue that answers come from.
  public let response: FQID
  /// What PME keeps of the flow, and its residue; none for frames that stand for themselves.
  // Spelled out, as `?` would first make it `nil`.
  private var memory: Optional<Buffer>

  init(_ pair: GuestGrant.AcceleratorPair, in memory: consuming Buffer?) {
    request = pair.request
    response = pair.response
    self.memory = memory
  }

  /// Bytes that a flow's context and residue take, and what the address of both is a multiple of.
  static let contextBytes = 64 + FlowContext.residueSize
  static let alignment = 64

  /// Ends the queue and hands over its memory.
  consuming func take() -> Buffer? { memory }
}

// The words of a queue that leads to PME.
//
// Source: Freescale SDK, `drivers/staging/fsl_pme2/pme2_private.h` and `pme2_low.c`.
extension PatternQueue {
  /// Context A of a queue whose frames stand for themselves.
  public static var direct: UInt64 { 0 }
  /// Context A of a queue whose frames are a flow.
  ///
  /// - Parameter context: Where the flow's context is, 48 bits.
  /// - Returns: The word.
  public static func flow(_ context: UInt64) -> UInt64 {
    flowMode << 56 | context & 0xffff_ffff_ffff
  }
  /// Context B: the pool that reports come in, 0 for none, and the queue of answers.
  public static func answers(to queue: UInt32, pool: UInt8 = 0) -> UInt32 {
    UInt32(pool) << 24 | queue & 0xff_ffff
  }

  /// The mode of flows, in the first byte of context A; that of frames for themselves is 0.
  public static var flowMode: UInt64 { 0x80 }
}

extension Portal {
  /// Has PME look through frames that stand for themselves.
  ///
  /// - Parameter pair: One of ``GuestGrant/accelerators``, of the kind `patterns`.
  /// - Returns: The queue; `nil` when QMan does not take it.
  public mutating func openDirect(_ pair: GuestGrant.AcceleratorPair) -> PatternQueue? {
    guard start(pair, PatternQueue.direct) else { return nil }
    return PatternQueue(pair, in: nil)
  }

  /// Has PME look through frames that are one stream of bytes.
  ///
  /// A scan with ``PatternCommand/scan(set:subsets:starts:ends:)`` that `starts` forgets what came before.
  ///
  /// - Parameters:
  ///   - pair: One of ``GuestGrant/accelerators``, of the kind `patterns`.
  ///   - pool: The pool of the buffer in which PME's memory of the flow lies: 256 bytes at most.
  ///   - crossesFrames: Whether a match may begin in one frame and end in a later one.
  ///   - matchLimit: The most matches of a scan; with more it ends, and the flow finds nothing until it starts anew.
  /// - Returns: The queue; `nil` when there is no buffer, or QMan does not take it.
  public mutating func openFlow(
    _ pair: GuestGrant.AcceleratorPair, from pool: BPID, crossesFrames: Bool = true,
    matchLimit: UInt16 = .max
  ) -> PatternQueue? {
    guard let buffer = acquire(from: pool) else { return nil }
    let address = buffer.descriptor.address
    let offset = Int(0 &- address & UInt64(PatternQueue.alignment - 1))
    guard offset + PatternQueue.contextBytes <= buffer.capacity else {
      giveBack(buffer)
      return nil
    }
    var flow = FlowContext()
    flow.hasResidue = crossesFrames
    flow.residue = address + UInt64(offset + PatternQueue.alignment)
    flow.matchLimit = matchLimit
    flow.write(to: buffer.memory + offset)
    guard start(pair, PatternQueue.flow(address + UInt64(offset))) else {
      giveBack(buffer)
      return nil
    }
    return PatternQueue(pair, in: buffer)
  }

  private mutating func start(_ pair: GuestGrant.AcceleratorPair, _ contextA: UInt64) -> Bool {
    precondition(pair.kind == .patterns, "the pair leads into another accelerator")
    return initialize(
      pair.request, channel: pair.channel, contextA: contextA,
      contextB: PatternQueue.answers(to: pair.response.rawValue)) == CommandResult.ok
  }

  /// Has PME look through a frame, which comes back itself, its bytes untouched.
  ///
  /// The answer's ``Buffer/scanStatus`` says whether something was found.
  ///
  /// - Parameters:
  ///   - frame: The frame, in one buffer or several.
  ///   - queue: Where to.
  ///   - command: What is looked for.
  /// - Returns: Whether it is on its way.
  @inlinable public mutating func scan(
    _ frame: consuming Buffer, on queue: borrowing PatternQueue, _ command: PatternCommand
  ) -> EnqueueResult {
    frame.descriptor.command = command.word
    return enqueue(frame, to: queue.request)
  }

  /// Ends a pair's work, once all requests have been answered. The memory of its flow goes back to its pool.
  ///
  /// - Returns: `nil` when that is done. The queue itself when requests are in it still, or when QMan does not
  ///   answer: take the answers, and close it again.
  public mutating func close(_ queue: consuming PatternQueue) -> PatternQueue? {
    guard takeOutOfServiceWhenEmpty(queue.request) else { return queue }
    if let buffer = queue.take() { giveBack(buffer) }
    return nil
  }
}

extension Buffer {
  /// What came of a request to PME, if this frame is its answer.
  @inlinable public var scanStatus: PatternStatus { PatternStatus(word: descriptor.command) }
}
