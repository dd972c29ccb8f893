import CPortalShims
import Glibc

/// Writes frames to a capture file that tcpdump reads: classic pcap, Ethernet, nanoseconds.
///
/// Frames gather in memory and reach the file when the buffer is full and on ``flush()``.
public struct CaptureWriter: ~Copyable {
  private let descriptor: Int32
  private let buffer: UnsafeMutableRawBufferPointer
  private var used = 0
  /// How many frames were written.
  public private(set) var frameCount: UInt64 = 0
  /// The error number of the first write that failed; 0 when all is well.
  public private(set) var errorNumber: Int32 = 0

  private static let capacity = 1 << 18

  /// Starts a capture on an open, empty file, which the writer closes at the end.
  public init(descriptor: Int32) {
    self.descriptor = descriptor
    buffer = .allocate(byteCount: Self.capacity, alignment: 16)
    // Magic, version 2.4, no zone, no accuracy, longest frame, link type Ethernet.
    for word in [0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, 1] as [UInt32] { put(word.littleEndian) }
  }

  deinit {
    write(buffer.baseAddress, count: used, to: descriptor)
    close(descriptor)
    buffer.deallocate()
  }

  /// Adds a frame.
  ///
  /// - Parameters:
  ///   - frame: The frame's bytes from the Ethernet header, without checksum.
  ///   - nanoseconds: The time since 1970.
  public mutating func write(_ frame: UnsafeRawBufferPointer, nanoseconds: UInt64) {
    let length = begin(frame.count, nanoseconds: nanoseconds)
    UnsafeMutableRawBufferPointer(rebasing: buffer[used..<used + length])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: frame[..<length]))
    used += length
  }

  /// Adds a frame that may lie in several pieces.
  mutating func write(_ pieces: FramePieces, nanoseconds: UInt64) {
    let length = begin(pieces.length, nanoseconds: nanoseconds)
    pieces.copyBytes(to: UnsafeMutableRawBufferPointer(rebasing: buffer[used..<used + length]))
    used += length
  }

  /// Makes room for a frame and writes its header; how many of its bytes are kept.
  private mutating func begin(_ count: Int, nanoseconds: UInt64) -> Int {
    let length = min(count, 262_144 - 16)
    if used + 16 + length > Self.capacity { flush() }
    put(UInt32(truncatingIfNeeded: nanoseconds / 1_000_000_000).littleEndian)
    put(UInt32(truncatingIfNeeded: nanoseconds % 1_000_000_000).littleEndian)
    put(UInt32(length).littleEndian)
    put(UInt32(count).littleEndian)
    frameCount += 1
    return length
  }

  /// Writes out what is gathered.
  public mutating func flush() {
    let failure = write(buffer.baseAddress, count: used, to: descriptor)
    if errorNumber == 0 { errorNumber = failure }
    used = 0
  }

  private mutating func put(_ word: UInt32) {
    buffer.storeBytes(of: word, toByteOffset: used, as: UInt32.self)
    used += 4
  }

  @discardableResult
  private borrowing func write(
    _ start: UnsafeMutableRawPointer?, count: Int, to descriptor: Int32
  ) -> Int32 {
    guard let start else { return 0 }
    var done = 0
    while done < count {
      let written = Glibc.write(descriptor, start + done, count - done)
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { return errno }
      done += written
    }
    return 0
  }
}

/// Nanoseconds since 1970.
public func wallClockNanoseconds() -> UInt64 {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec)
}
