import DPAAPortal
import Partitioning
import QorIQ

// SAFETY: what is written in front of a frame lies in the frame's own buffer, behind a comparison with its
// offset; the engine holds the buffer.
/// Chains: frames that ports bring into accelerators, and answers of accelerators that ports send.
extension EngineTables {
  /// Brings a frame into the queue of its rule's chain, as the accelerator wants it; `false` to wait for a
  /// buffer.
  @inline(never)
  mutating func placeInChain(
    _ frame: UnsafeRawBufferPointer, _ parsed: UnsafePointer<ParsedFrame>,
    _ rule: UnsafePointer<Classifier.Rule>, _ chain: Classifier.ChainEntry,
    colour: Policer.Colour, now: UInt64
  ) -> Bool {
    let owner = rule.pointee.owner
    guard let part = chain.takesPacket ? parsed.packet(of: frame) : frame,
      let start = part.baseAddress
    else {
      counters.drop(.noPacket, owner)
      return true
    }
    let annotations = Annotations(parsed.result, colour: colour, command: chain.command)
    return place(
      start, count: part.count, in: owner, queue: rule.pointee.queue(0), chargedTo: owner,
      annotations, mayWait: true, now: now)
  }

  /// Passes a chain's answers on to the queue that transmits, each behind its Ethernet header.
  @inline(never)
  mutating func forwardAnswers(_ route: OfflineRoute) -> Bool {
    var moved = 0
    var turns = 0
    while moved < Self.burst, turns < Self.burst, let fqid = qman.select(route.channel) {
      turns &+= 1
      let queue = qman.queues.base + Int(fqid)
      var turn = 0
      while turn < Self.turn, queue.pointee.count > 0 {
        send(qman.pop(fqid), route)
        turn &+= 1
      }
      moved &+= turn
      endPortTurn(fqid)
    }
    return moved > 0
  }

  private mutating func send(_ frame: FrameDescriptor, _ route: OfflineRoute) {
    // The word is the accelerator's: what it did not do has no place on a wire.
    guard frame.command == 0 else {
      return giveUp(frame, route.owner, status: frame.command, .acceleratorError)
    }
    guard !frame.isCompound else { return refuse(frame) }
    guard let framed = prepend(route.header, to: frame) else {
      return giveUp(frame, route.owner, status: FrameStatus.length, .lengthError)
    }
    if case .accepted = qman.enqueue(framed, to: route.queue) { return }
    free(frame)
    counters.drop(.queueRefused, route.owner)
  }

  /// Writes a header in front of a frame; `nil` when there is no room, or the frame is not what the header
  /// says.
  private func prepend(_ header: HeaderWords, to frame: FrameDescriptor) -> FrameDescriptor? {
    guard !frame.isScattered, frame.offset >= HeaderWords.size else { return nil }
    let start = UnsafeMutableRawPointer(mutating: start(of: frame))
    guard start.load(as: UInt8.self) >> 4 == header.version else { return nil }
    header.write(to: start - Int(HeaderWords.size))
    return frame.extended(front: HeaderWords.size)
  }
}

extension EngineTables {
  /// An Ethernet header as two words that overlap by two bytes.
  struct HeaderWords: BitwiseCopyable {
    static let size: UInt32 = 14
    private var front: UInt64 = 0
    private var back: UInt64 = 0
    /// The version of IP that it says.
    private(set) var version: UInt8 = 0

    init() {}

    init(_ header: EthernetHeader) {
      front = (header.destination << 16 | header.source >> 32 & 0xffff).bigEndian
      back = (header.source << 16 | UInt64(header.type)).bigEndian
      version = header.type == 0x86dd ? 6 : 4
    }

    func write(to place: UnsafeMutableRawPointer) {
      place.storeBytes(of: front, as: UInt64.self)
      place.storeBytes(of: back, toByteOffset: 6, as: UInt64.self)
    }
  }
}
