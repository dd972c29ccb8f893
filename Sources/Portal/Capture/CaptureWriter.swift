import CPortalShims
import Glibc

/// Writes frames to a capture file that tcpdump reads: classic pcap or pcapng, Ethernet, nanoseconds.
///
/// Frames gather in memory and reach the file when the buffer is full and on ``flush()``.
public struct CaptureWriter: ~Copyable {
  private let descriptor: Int32
  private let format: Format
  private let buffer: UnsafeMutableRawBufferPointer
  private var used = 0
  /// How many frames were written.
  public private(set) var frameCount: UInt64 = 0
  /// The error number of the first write that failed, after which nothing is written; 0 when all is well.
  public private(set) var errorNumber: Int32 = 0

  private static let capacity = 1 << 18
  private static let longestFrame = capacity - 64

  /// The formats of captures.
  public enum Format: String, Sendable, Hashable, CaseIterable {
    /// Classic pcap with nanoseconds (draft-ietf-opsawg-pcap).
    case pcap
    /// pcapng, which also tells the interface (draft-ietf-opsawg-pcapng).
    case pcapng
  }

  /// Starts a capture on an open, empty file, which the writer closes at the end.
  ///
  /// - Parameters:
  ///   - descriptor: The file.
  ///   - format: How it is written.
  ///   - name: The interface's name, for formats that tell it; cut to 255 bytes.
  public init(descriptor: Int32, format: Format = .pcap, name: String = "") {
    self.descriptor = descriptor
    self.format = format
    buffer = .allocate(byteCount: Self.capacity, alignment: 16)
    switch format {
    case .pcap:
      // Magic, version 2.4, no zone, no accuracy, longest frame, link type Ethernet.
      for word in [0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, 1] as [UInt32] { put(word) }
    case .pcapng:
      // A section: magic, version 1.0, of unknown length.
      for word in [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, .max, .max, 28] as [UInt32] { put(word) }
      putInterface(name)
    }
  }

  /// The block of the one interface: link type Ethernet, its name, and times in nanoseconds.
  private mutating func putInterface(_ name: String) {
    let name = Array(name.utf8.prefix(255))
    let padded = (name.count + 3) / 4 * 4
    let length = UInt32(20 + 4 + padded + 8 + 4)
    for word in [1, length, 1, UInt32(Self.longestFrame)] as [UInt32] { put(word) }
    put(UInt32(name.count) << 16 | 2)  // if_name
    for index in 0..<padded {
      buffer[used] = index < name.count ? name[index] : 0
      used += 1
    }
    for word in [1 << 16 | 9, 9, 0, length] as [UInt32] { put(word) }  // if_tsresol: 10^-9; the end
  }

  deinit {
    if errorNumber == 0 { _ = write(buffer.baseAddress, count: used, to: descriptor) }
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
    end(length)
  }

  /// Adds a frame that may lie in several pieces.
  mutating func write(_ pieces: FramePieces, nanoseconds: UInt64) {
    let length = begin(pieces.length, nanoseconds: nanoseconds)
    pieces.copyBytes(to: UnsafeMutableRawBufferPointer(rebasing: buffer[used..<used + length]))
    end(length)
  }

  /// Makes room for a frame and writes its header; how many of its bytes are kept.
  private mutating func begin(_ count: Int, nanoseconds: UInt64) -> Int {
    let length = min(count, Self.longestFrame)
    if used + 40 + length > Self.capacity { flush() }
    switch format {
    case .pcap:
      put(UInt32(truncatingIfNeeded: nanoseconds / 1_000_000_000))
      put(UInt32(truncatingIfNeeded: nanoseconds % 1_000_000_000))
    case .pcapng:
      // An enhanced packet block of the first interface.
      put(6)
      put(Self.block(length))
      put(0)
      put(UInt32(truncatingIfNeeded: nanoseconds >> 32))
      put(UInt32(truncatingIfNeeded: nanoseconds))
    }
    put(UInt32(length))
    put(UInt32(count))
    frameCount += 1
    return length
  }

  /// Ends a frame whose bytes were written.
  private mutating func end(_ length: Int) {
    used += length
    guard case .pcapng = format else { return }
    // Up to a whole word, then the block's length again.
    for _ in 0..<(0 - length) & 3 {
      buffer[used] = 0
      used += 1
    }
    put(Self.block(length))
  }

  /// The length of a frame's block: 32 bytes beside the frame, which is filled up to words.
  private static func block(_ length: Int) -> UInt32 { UInt32(32 + (length + 3) & ~3) }

  /// Writes out what is gathered.
  public mutating func flush() {
    // After the first error nothing more: what is in the file stays whole up to its end.
    if errorNumber == 0 { errorNumber = write(buffer.baseAddress, count: used, to: descriptor) }
    used = 0
  }

  private mutating func put(_ word: UInt32) {
    buffer.storeBytes(of: word.littleEndian, toByteOffset: used, as: UInt32.self)
    used += 4
  }

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
