import TestSupport
import Testing

@testable import DPAARuntime

/// The quick way through the parser beside the one that goes header by header.
@Suite(.timeLimit(.minutes(10))) struct PlainFrameTests {
  /// A frame of the kind that the quick way is for, or hardly another.
  private static func frame(_ random: inout SeededGenerator) -> [UInt8] {
    let data = (0..<random.below(90)).map { _ in random.byte() }
    let port = UInt16(random.below(1 << 16))
    let segment: Frame.Segment =
      random.below(2) == 0 ? .udp(to: port, data) : .tcp(to: port, from: 7, data)
    // Of this nothing is to show in the next frame.
    if random.below(8) == 0 { return Frame.ethernet(.ipv6(to: (0xfd00 << 48, 9), segment)) }
    let reach: [UInt64] = [Frame.destination, 0xffff_ffff_ffff, 0x0100_5e00_0001]
    var frame = Frame.ethernet(
      to: reach[random.below(3)],
      .ipv4(
        to: 0x0a00_0000 | UInt32(random.below(256)), segment,
        options: random.below(8) == 0 ? [1, 1, 1, 1] : [],
        fragment: random.below(8) == 0 ? 0x4000 : 0, isFragment: random.below(16) == 0),
      padded: random.below(2) == 0)
    if random.below(8) == 0, segment.number == 17 { (frame[40], frame[41]) = (0, 0) }
    if random.below(8) == 0, frame[14] == 0x45, segment.number == 17 { lengthen(&frame, &random) }
    return frame
  }

  /// Puts bytes behind a datagram, which its packet has and it has not.
  private static func lengthen(_ frame: inout [UInt8], _ random: inout SeededGenerator) {
    let end = 14 + (Int(frame[16]) << 8 | Int(frame[17]))
    let tail = (0..<1 + random.below(9)).map { _ in random.byte() }
    frame.insert(contentsOf: tail, at: end)
    frame.replaceSubrange(16..<18, with: Frame.big(UInt16(end - 14 + tail.count)))
    frame.replaceSubrange(24..<26, with: [0, 0])
    frame.replaceSubrange(24..<26, with: Frame.big(Frame.checksum(Array(frame[14..<34]))))
  }

  private static func isSame(_ one: ParsedFrame, _ other: ParsedFrame) -> Bool {
    (0..<8).allSatisfy { one.words[$0] == other.words[$0] }
      && one.result.words == other.result.words
      && one.result.isChecksumVerified == other.result.isChecksumVerified
  }

  @Test(arguments: [1, 2] as [UInt64])
  func `what is found at once is what is found header by header`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var (plainCount, otherCount) = (0, 0)
    // What is left of the frame before is not to show.
    var quick = ParsedFrame()
    for _ in 0..<10_000 {
      var bytes = Self.frame(&random)
      if random.below(3) == 0 { bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8)) }
      if random.below(6) == 0 { bytes.removeLast(random.below(bytes.count - 13)) }
      let (isPlain, thorough) = bytes.withUnsafeBytes { bytes in
        var thorough = ParsedFrame()
        guard let start = bytes.baseAddress else { return (false, thorough) }
        thorough.parse(start, count: bytes.count, port: 3)
        quick.take(start, count: bytes.count, port: 3)
        var again = quick
        return (again.takePlainIPv4(start, count: bytes.count, port: 3), thorough)
      }
      #expect(Self.isSame(quick, thorough), "\(random): \(bytes)")
      if isPlain { plainCount += 1 } else { otherCount += 1 }
    }
    #expect(plainCount > 3000)
    #expect(otherCount > 3000)
  }
}
