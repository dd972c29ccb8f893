extension UnsafeMutableRawPointer {
  // SAFETY: both cover `count` bytes, which are at least as many as the branch reads and writes.
  /// Copies a frame. Those of up to 128 bytes, which most are, go by two halves that overlap where they are not as
  /// long: the library's function takes as long to choose its way as to copy so little.
  @inline(__always)
  func copyFrame(from source: UnsafeRawPointer, count: Int) {
    if count > 128 || count < 32 { return copyMemory(from: source, byteCount: count) }
    if count <= 64 {
      copyEnds(SIMD4<UInt64>.self, from: source, count: count)
    } else {
      copyEnds(SIMD8<UInt64>.self, from: source, count: count)
    }
  }

  // SAFETY: as above.
  /// Copies a header; at once if it is as long as IPv4's nearly always are.
  @inline(__always)
  func copyHeader(from source: UnsafeRawPointer, count: Int) {
    if count < 16 || count > 32 { return copyMemory(from: source, byteCount: count) }
    copyEnds(SIMD2<UInt64>.self, from: source, count: count)
  }

  @inline(__always)
  private func copyEnds<Half: BitwiseCopyable>(
    _ half: Half.Type, from source: UnsafeRawPointer, count: Int
  ) {
    let last = count &- MemoryLayout<Half>.size
    let (first, second) = (
      source.loadUnaligned(as: half), source.loadUnaligned(fromByteOffset: last, as: half)
    )
    storeBytes(of: first, as: half)
    storeBytes(of: second, toByteOffset: last, as: half)
  }
}
