// SAFETY: whoever makes it keeps the memory mapped as long as the value lives; every access is inside.
/// A client's memory, addressed as its descriptors do, from 0.
///
/// The client may write at any time: whatever is looked at more than once is copied first.
struct ClientBytes {
  private let base: UnsafeMutableRawPointer
  private let count: UInt64

  init(base: UnsafeMutableRawPointer, count: Int) {
    self.base = base
    self.count = UInt64(count)
  }

  /// A part of the memory; `nil` unless all of it is inside.
  func part(_ address: UInt64, _ length: Int) -> UnsafeMutableRawBufferPointer? {
    guard length >= 0, UInt64(length) <= count, address <= count - UInt64(length) else {
      return nil
    }
    return UnsafeMutableRawBufferPointer(start: base + Int(address), count: length)
  }
}
