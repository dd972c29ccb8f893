import DPAAPortal

/// A portal's management command (CR) and its two responses (RR0, RR1), as QMan and BMan alike have
/// them: the command's valid bit alternates and says which response answers.
// SAFETY: the window is mapped for the engine's life and the offsets are the hardware's.
struct CommandRegister: BitwiseCopyable {
  private let window: UnsafeMutableRawPointer
  private let command: Int
  private let response0: Int
  private let response1: Int
  private var polarity: UInt8 = PortalLayout.validBit

  init(_ window: UnsafeMutableRawPointer, command: Int, response0: Int, response1: Int) {
    self.window = window
    self.command = command
    self.response0 = response0
    self.response1 = response1
  }

  /// The next command, to be answered with ``answer(_:)``; `nil` while there is none.
  @inline(__always)
  func next() -> UInt64? {
    let word = window.acquire64(command)
    let verb = UInt8(truncatingIfNeeded: word &>> 56)
    guard verb & 0x7f != 0, verb & PortalLayout.validBit == polarity else { return nil }
    return word
  }

  /// Writes the response: the words behind the first, then the first with its verb. The response
  /// that will bear the next answer is cleared, so that its reader waits for it.
  mutating func answer(_ words: InlineArray<8, UInt64>) {
    let (response, other) = polarity == 0 ? (response0, response1) : (response1, response0)
    window.store64(other, 0)
    for index in 1..<8 { window.store64(response + 8 * index, words[index]) }
    window.release64(response, words[0] | UInt64(polarity) << 56)
    polarity ^= PortalLayout.validBit
  }
}
