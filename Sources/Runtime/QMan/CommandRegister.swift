import DPAAPortal

/// The 64 bytes of a command or response as the engine's own copy, by the hardware's offsets.
struct CommandImage: BitwiseCopyable {
  var words = InlineArray<8, UInt64>(repeating: 0)

  /// The byte at an offset.
  func byte(_ offset: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: words[offset &>> 3] &>> UInt64(56 &- 8 &* (offset & 7)))
  }
  /// The 16-bit field at an offset; it may lie across two words.
  func half(_ offset: Int) -> UInt16 { UInt16(byte(offset)) << 8 | UInt16(byte(offset + 1)) }
  /// The 32-bit field at an offset.
  func word(_ offset: Int) -> UInt32 { UInt32(half(offset)) << 16 | UInt32(half(offset + 2)) }
  /// The 64-bit field at an offset.
  func double(_ offset: Int) -> UInt64 { UInt64(word(offset)) << 32 | UInt64(word(offset + 4)) }
  /// The 24-bit number of a queue, in the 32-bit field at an offset.
  func fqid(_ offset: Int) -> UInt32 { word(offset) & 0xff_ffff }

  /// Sets the byte at an offset.
  mutating func set(_ offset: Int, byte value: UInt8) {
    let shift = UInt64(56 &- 8 &* (offset & 7))
    words[offset &>> 3] = words[offset &>> 3] & ~(0xff &<< shift) | UInt64(value) &<< shift
  }
  /// Sets the 16-bit field at an offset.
  mutating func set(_ offset: Int, half value: UInt16) {
    set(offset, byte: UInt8(truncatingIfNeeded: value >> 8))
    set(offset + 1, byte: UInt8(truncatingIfNeeded: value))
  }
  /// Sets the 32-bit field at an offset.
  mutating func set(_ offset: Int, word value: UInt32) {
    set(offset, half: UInt16(truncatingIfNeeded: value >> 16))
    set(offset + 2, half: UInt16(truncatingIfNeeded: value))
  }
  /// Sets the 64-bit field at an offset.
  mutating func set(_ offset: Int, double value: UInt64) {
    set(offset, word: UInt32(truncatingIfNeeded: value >> 32))
    set(offset + 4, word: UInt32(truncatingIfNeeded: value))
  }
}

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

  /// Whether a command waits to be answered with ``answer(_:)``.
  @inline(__always)
  var isWaiting: Bool {
    let verb = UInt8(truncatingIfNeeded: window.acquire64(command) &>> 56)
    return verb & 0x7f != 0 && verb & PortalLayout.validBit == polarity
  }

  /// The command that waits, each word read once: what the guest changes afterwards is not seen.
  func copy() -> CommandImage {
    var line = CommandImage()
    for index in 0..<8 { line.words[index] = window.load64(command + 8 * index) }
    return line
  }

  /// Writes the response: the words behind the first, then the first with its verb. The response
  /// that will bear the next answer is cleared, so that its reader waits for it.
  mutating func answer(_ line: CommandImage) {
    let (response, other) = polarity == 0 ? (response0, response1) : (response1, response0)
    window.store64(other, 0)
    for index in 1..<8 { window.store64(response + 8 * index, line.words[index]) }
    window.release64(response, line.words[0] & ~(0x80 << 56) | UInt64(polarity) << 56)
    polarity ^= PortalLayout.validBit
  }
}
