// SAFETY: each end owns the ring that it reads, and both ends live as long as the list of ports;
// offsets are masked by the ring's size.
/// One end of a wire between two ports of the same engine: what one sends arrives at the other.
struct LoopLine {
  private let incoming: UnsafeMutablePointer<FrameRing>
  private let outgoing: UnsafeMutablePointer<FrameRing>

  /// Both ends of a wire.
  static func pair() -> (LoopLine, LoopLine) {
    let (left, right) = (FrameRing.make(), FrameRing.make())
    return (LoopLine(incoming: left, outgoing: right), LoopLine(incoming: right, outgoing: left))
  }

  /// A wire from a port to itself.
  static func ownEnd() -> LoopLine {
    let ring = FrameRing.make()
    return LoopLine(incoming: ring, outgoing: ring)
  }

  func close() {
    incoming.pointee.memory.deallocate()
    incoming.deinitialize(count: 1)
    incoming.deallocate()
  }

  var isEmpty: Bool { incoming.pointee.isEmpty }

  /// What was sent and nobody took.
  var account: PortLine.Account { PortLine.Account(lost: outgoing.pointee.count) }

  @inline(__always)
  func peek() -> CaptureReader.Frame? {
    guard let bytes = incoming.pointee.first() else { return nil }
    return CaptureReader.Frame(bytes: bytes, wireLength: bytes.count, nanoseconds: 0)
  }

  @inline(__always)
  func advance() { incoming.pointee.removeFirst() }

  @inline(__always)
  func transmit(_ frame: UnsafeRawBufferPointer, now: UInt64) -> LineVerdict {
    if outgoing.pointee.append(frame) {
      outgoing.pointee.patience.noteSent()
      return .sent
    }
    return frame.count > FrameRing.longest
      ? .refused : outgoing.pointee.patience.verdict(now: now)
  }
}

/// Frames of different lengths, first in, first out.
private struct FrameRing {
  let memory: UnsafeMutableRawPointer
  /// Bytes read and written so far; they only grow.
  private var read = 0
  private var written = 0
  /// Frames that wait.
  private(set) var count: UInt64 = 0
  var patience = LinePatience()

  private static let size = 1 << 20
  static let longest = size / 4
  /// Stands for a length where the rest up to the ring's end is not used.
  private static let rest = UInt32.max

  static func make() -> UnsafeMutablePointer<FrameRing> {
    let ring = UnsafeMutablePointer<FrameRing>.allocate(capacity: 1)
    ring.initialize(to: FrameRing(memory: .allocate(byteCount: size, alignment: 64)))
    return ring
  }

  private init(memory: UnsafeMutableRawPointer) { self.memory = memory }

  var isEmpty: Bool { read == written }

  /// A frame's length, its bytes, and what fills them up to eight.
  @inline(__always)
  private func space(_ count: Int) -> Int { (count &+ 15) & ~7 }

  @inline(__always)
  mutating func append(_ frame: UnsafeRawBufferPointer) -> Bool {
    guard frame.count <= Self.longest, let start = frame.baseAddress else { return false }
    let needed = space(frame.count)
    var place = written & (Self.size &- 1)
    let toEnd = Self.size &- place
    let skipped = toEnd < needed ? toEnd : 0
    guard written &- read &+ skipped &+ needed <= Self.size else { return false }
    if skipped > 0 {
      memory.storeBytes(of: Self.rest, toByteOffset: place, as: UInt32.self)
      place = 0
    }
    memory.storeBytes(of: UInt32(frame.count), toByteOffset: place, as: UInt32.self)
    (memory + place + 8).copyMemory(from: start, byteCount: frame.count)
    written &+= skipped &+ needed
    count &+= 1
    return true
  }

  @inline(__always)
  mutating func first() -> UnsafeRawBufferPointer? {
    guard !isEmpty else { return nil }
    var place = read & (Self.size &- 1)
    if memory.load(fromByteOffset: place, as: UInt32.self) == Self.rest {
      read &+= Self.size &- place
      place = 0
    }
    let count = Int(memory.load(fromByteOffset: place, as: UInt32.self))
    return UnsafeRawBufferPointer(start: memory + place + 8, count: count)
  }

  @inline(__always)
  mutating func removeFirst() {
    guard let frame = first() else { return }
    read &+= space(frame.count)
    count &-= 1
  }
}
