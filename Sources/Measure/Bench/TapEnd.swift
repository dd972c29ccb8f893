import DPAAPortal
import Glibc

// SAFETY: the memory is the value's own, and lives as long as it.
/// The host's end of a bridge: this thread at a TAP device.
struct TapEnd: ~Copyable {
  private let descriptor: Int32
  private let buffer = UnsafeMutableRawPointer.allocate(byteCount: 1 << 12, alignment: 64)
  private let frames: [[UInt8]]

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
      // For experiments (IEEE 802, local).
      frame.replaceSubrange(12..<14, with: [0x88, 0xb5])
      return frame
    }
  }

  deinit { buffer.deallocate() }

  /// Sends frames, of the lengths by turns.
  func send(_ count: Int) {
    for number in 0..<count {
      _ = frames[number % frames.count].withUnsafeBytes {
        write(descriptor, $0.baseAddress, $0.count)
      }
    }
  }

  /// Takes what has come; how many frames.
  func take(atMost limit: Int = .max) -> UInt64 {
    var count: UInt64 = 0
    while count < limit, read(descriptor, buffer, 1 << 12) > 0 { count &+= 1 }
    return count
  }
}

/// The last bytes of stations' addresses.
enum Station {
  static let host: UInt8 = 1
  static func guest(_ number: Int) -> UInt8 { UInt8(0x11 + number) }
}
