import TestSupport
import Testing

@testable import DPAARuntime

/// What the host's end of a link answers.
@Suite struct HostAnswersTests {
  private static let address: [UInt8] = [2, 0, 0, 0, 0, 9]

  /// Whether a request for an address is answered, and what the frame is then.
  private static func ask(
    for target: UInt32, from sender: UInt32
  ) -> (isAnswered: Bool, frame: [UInt8]) {
    var frame = Frame.ethernet(
      .raw(
        0x0806,
        [0, 1, 8, 0, 6, 4, 0, 1] + Frame.big(Frame.source, 6) + Frame.big(sender)
          + [UInt8](repeating: 0, count: 6) + Frame.big(target)))
    let isAnswered = frame.withUnsafeMutableBytes { HostAnswers.answer($0, as: address) }
    return (isAnswered, frame)
  }

  @Test func `any address is answered for, but not to who wants it for himself`() {
    let (isAnswered, frame) = Self.ask(for: 0x0a00_0001, from: 0x0a00_0002)
    #expect(isAnswered)
    #expect(Array(frame[20..<32]) == [0, 2] + Self.address + Frame.big(0x0a00_0001 as UInt32))
    // An announcement of one's own, and a probe (RFC 5227).
    #expect(!Self.ask(for: 0x0a00_0002, from: 0x0a00_0002).isAnswered)
    #expect(!Self.ask(for: 0x0a00_0002, from: 0).isAnswered)
  }
}
