// SAFETY: the bytes live as long as the value; what is taken is used until the next `clear`.
/// Memory for a batch: where frames in pieces are put together.
final class Scratch {
  /// The input of a batch is less than `batchBytes` and one frame of the longest, as no job is taken beyond
  /// that; outputs are as long but for some hundred bytes each, and so are nonces. That is twice as much.
  static let size = 4 * (AcceleratorLanes.batchBytes + Fragment.longestFrame)
  private let start = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
  // One thread takes, and nothing is taken while something is.
  @exclusivity(unchecked) private var used = 0

  deinit { start.deallocate() }

  func clear() { used = 0 }

  /// Takes so many bytes; `nil` when there are no more.
  func take(_ count: Int) -> UnsafeMutablePointer<UInt8>? {
    let next = (used + 63) & ~63
    guard count <= Self.size - next else { return nil }
    used = next + count
    return start + next
  }
}
