import DPAAPortal

// SAFETY: the windows are mapped for the engine's life; `RingShape` keeps every offset inside them.
/// BMan's half of a software portal: the release ring, and commands.
struct BManPortal: BitwiseCopyable {
  private let window: UnsafeMutableRawPointer
  private let registers: UnsafeMutableRawPointer
  private let rcr = RingShape(size: PortalLayout.releaseRingSize)
  private var rcrConsumer: UInt32 = 0
  /// BMan's management commands.
  var commands: CommandRegister

  /// Puts it into its reset state.
  init(_ window: UnsafeMutableRawPointer, registers: UnsafeMutableRawPointer) {
    self.window = window
    self.registers = registers
    commands = CommandRegister(
      window, command: PortalLayout.BMan.command, response0: PortalLayout.BMan.response0,
      response1: PortalLayout.BMan.response1)
    registers.release32(PortalLayout.BManRegister.rcrProducer, rcr.producerRegister(0))
  }

  /// A release command as it was read: up to eight buffers.
  struct Release {
    let words: InlineArray<8, UInt64>
    var verb: UInt8 { UInt8(truncatingIfNeeded: words[0] &>> 56) & 0x7f }
  }

  /// Takes the next release command; `nil` when there is none.
  @inline(__always)
  mutating func takeRelease() -> Release? {
    let entry = PortalLayout.BMan.rcr &+ rcr.offset(rcrConsumer)
    let word = window.acquire64(entry)
    let verb = UInt8(truncatingIfNeeded: word &>> 56)
    guard verb & 0x7f != 0, verb & PortalLayout.validBit == rcr.polarity(rcrConsumer) else {
      return nil
    }
    var words = InlineArray<8, UInt64>(repeating: word)
    for index in 1..<min(8, max(1, Int(verb & 0xf))) {
      words[index] = window.load64(entry &+ 8 &* index)
    }
    rcrConsumer &+= 1
    return Release(words: words)
  }

  /// Tells the guest how far its release ring was taken.
  @inline(__always)
  func publishReleaseConsumption() {
    let index = rcr.consumerRegister(rcrConsumer)
    window.release32(PortalLayout.BMan.rcrConsumerLine, index)
    registers.release32(PortalLayout.BManRegister.rcrConsumer, index)
  }
}
