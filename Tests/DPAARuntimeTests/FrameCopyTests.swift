import Testing

@testable import DPAARuntime

/// Copies of frames, of every length at which the way changes.
@Suite struct FrameCopyTests {
  @Test func `a copy has all bytes of a frame, and nothing behind it changes`() {
    let room = 300
    let source = (0..<room).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
    for count in 0...260 {
      var target = [UInt8](repeating: 0, count: room)
      source.withUnsafeBytes { from in
        target.withUnsafeMutableBytes { to in
          guard let from = from.baseAddress, let to = to.baseAddress else { return }
          // On no boundary, as behind a header of 14 bytes.
          (to + 1).copyFrame(from: from + 3, count: count)
        }
      }
      let rest = [UInt8](repeating: 0, count: room - 1 - count)
      #expect(target == [0] + source[3..<3 + count] + rest, "\(count) bytes")
    }
  }
}
