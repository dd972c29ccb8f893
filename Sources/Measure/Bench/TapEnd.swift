import DPAAPortal
import Glibc

// SAFETY: the memory is the value's own, and lives as long as it.
/// The host's end of a bridge: this thread at a TAP device.
struct TapEnd: ~Copyable {
  private let descriptor: Int32
  private let buffer = UnsafeMutableRawPointer.allocate(byteCount: 1 << 12, alignment: 64)
  private let frames: [[UInt8]]
  /// The first of them, with room for a number behind its header.
  private let numbered: UnsafeMutableRawBufferPointer

  /// - Parameters:
  ///   - descriptor: The device.
  ///   - size: How long frames are that it sends.
  ///   - own: Who sends them: the last byte of the address.
  ///   - station: Who gets them.
  init(_ descriptor: Int32, size: TrafficSize, from own: UInt8 = Station.host, to station: UInt8) {
    self.descriptor = descriptor
    let lengths = size.stored == 0 ? TrafficOrder.mixture : [size.stored]
    frames = lengths.map { length in
      var frame = [UInt8](repeating: 0x5a, count: length)
      frame.replaceSubrange(0..<6, with: [2, 0, 0, 0, 0, station])
      frame.replaceSubrange(6..<12, with: [2, 0, 0, 0, 0, own])
      frame.replaceSubrange(12..<14, with: [UInt8(Self.type >> 8), UInt8(Self.type & 0xff)])
      return frame
    }
    numbered = .allocate(byteCount: lengths[0], alignment: 8)
    numbered.copyBytes(from: frames[0])
  }

  deinit {
    buffer.deallocate()
    numbered.deallocate()
  }

  /// Sends frames, of the lengths by turns.
  func send(_ count: Int) {
    for number in 0..<count {
      _ = frames[number % frames.count].withUnsafeBytes {
        write(descriptor, $0.baseAddress, $0.count)
      }
    }
  }

  /// Takes what has come; how many frames.
  func take() -> UInt64 {
    var count: UInt64 = 0
    while read(descriptor, buffer, 1 << 12) > 0 { count &+= 1 }
    return count
  }

  /// The type of the frames: for experiments (IEEE 802, local).
  private static let type: UInt16 = 0x88b5
  /// Where a frame's number stands: behind its Ethernet header.
  private static let place = 14

  /// Sends one frame that bears a number.
  func send(numbered number: UInt32) {
    numbered.storeBytes(of: number, toByteOffset: Self.place, as: UInt32.self)
    _ = write(descriptor, numbered.baseAddress, numbered.count)
  }

  /// Takes what has come until it is the frame that bears a number; whether that was there. Answers that come too
  /// late, and what a kernel sends of its own, are passed over.
  func takes(_ number: UInt32) -> Bool {
    while true {
      let count = read(descriptor, buffer, 1 << 12)
      guard count > 0 else { return false }
      if count == numbered.count,
        UInt16(bigEndian: buffer.load(fromByteOffset: 12, as: UInt16.self)) == Self.type,
        buffer.loadUnaligned(fromByteOffset: Self.place, as: UInt32.self) == number
      {
        return true
      }
    }
  }
}

/// The last bytes of stations' addresses.
enum Station {
  static let host: UInt8 = 1
  static func guest(_ number: Int) -> UInt8 { UInt8(0x11 + number) }
}
