/// The words that SEC answers with: who found a fault in the four highest bits, the place of the command in the
/// descriptor in bits 15 to 8, and the fault (Linux 6.1, `drivers/crypto/caam/regs.h`, `JRSTA_*`, and
/// `error.c`). Which fault is told by which code where the names leave a choice is our reading.
enum SecurityStatus {
  /// The cipher that found a tag to be wrong: its number, and "ICV check failed".
  static func wrongTag(isGCM: Bool, at index: Int) -> UInt32 {
    0x2000_000a | UInt32(index & 0xff) << 8 | (isGCM ? 0x10 : 0x40)
  }

  /// The cipher that was to work on less than whole blocks: AES, and "data size error".
  static func dataSize(at index: Int) -> UInt32 { 0x2000_0012 | UInt32(index & 0xff) << 8 }

  /// What DECO, which carries out descriptors, finds.
  enum Descriptor: UInt32, Error {
    case invalidCommand = 0x04
    case invalidKey = 0x06
    case invalidOperation = 0x09
    case invalidJump = 0x0d
    /// More is to be read, or written, than there is room.
    case sequence = 0x10
    case header = 0x12
    case memory = 0x16
    case doNotRun = 0x80
    case undefinedProtocol = 0x81
    case dataBlock = 0x82
    case late = 0x83
    case replayed = 0x84
    case sequenceOverflow = 0x85
    case format = 0x88
    case size = 0x89

    /// The word, with the place of the command.
    func word(at index: Int = 0) -> UInt32 { 0x4000_0000 | UInt32(index & 0xff) << 8 | rawValue }
  }

  /// What the queue interface finds.
  enum QueueInterface: UInt32 {
    /// A frame whose table is none.
    case frameFormat = 0x20
    /// No buffer for the output.
    case size = 0x33

    var word: UInt32 { 0x5000_0000 | rawValue }
  }
}
