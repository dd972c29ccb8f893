import DPAAPortal

// SAFETY: the windows are mapped for the engine's life; `RingShape` keeps every offset inside them.
/// BMan's half of a software portal: the release ring, and commands.
struct BManPortal: BitwiseCopyable {
  private let window: UnsafeMutableRawPointer
  private let registers: UnsafeMutableRawPointer
  private let rcr = RingShape(size: PortalLayout.releaseRingSize)
  private var rcrConsumer: UInt32 = 0
  /// In modes PCI and PCE, how far the guest says it has produced.
  private var rcrLimit: UInt32 = 0
  /// CFG.RPM as it was read at the start of the round.
  private var productionMode = ProductionMode.register
  /// BMan's management commands.
  var commands: CommandRegister
  var interrupt = InterruptState()

  /// How the guest announces release commands (CFG.RPM).
  private enum ProductionMode: UInt32 {
    case register = 0
    case line = 1
    case validBit = 2
    case reserved = 3
  }

  /// Puts it into its reset state: polarity 1 in the first lap, like the rings of QMan; the
  /// hardware's own reset value is not known to us.
  init(_ window: UnsafeMutableRawPointer, registers: UnsafeMutableRawPointer) {
    self.window = window
    self.registers = registers
    commands = CommandRegister(
      window, command: PortalLayout.BMan.command, response0: PortalLayout.BMan.response0,
      response1: PortalLayout.BMan.response1)
    showProducer(rcr.producerRegister(0))
    registers.release32(PortalLayout.BManRegister.interruptInhibit, 1)
  }

  private func showProducer(_ index: UInt32) {
    window.release32(PortalLayout.BMan.rcrProducerLine, index)
    registers.release32(PortalLayout.BManRegister.rcrProducer, index)
  }

  /// Looks how the guest announces release commands, and how far it has produced unless valid bits
  /// tell.
  @inline(__always)
  mutating func pollProduction() {
    let configuration = registers.acquire32(PortalLayout.BManRegister.configuration)
    productionMode = ProductionMode(rawValue: configuration & 3) ?? .reserved
    switch productionMode {
    case .validBit: return
    case .register: setLimit(registers.acquire32(PortalLayout.BManRegister.rcrProducer))
    case .line: setLimit(window.acquire32(PortalLayout.BMan.rcrProducerLine))
    case .reserved: rcrLimit = rcrConsumer
    }
  }

  /// Whether a release command or a management command waits; `true` also in the modes in which
  /// registers tell.
  @inline(__always)
  func hasNews() -> Bool {
    productionMode != .validBit || commands.isWaiting
      || rcr.hasEntry(in: window, at: PortalLayout.BMan.rcr, rcrConsumer)
  }

  /// The same where valid bits tell; `false` in other modes.
  func isWrittenTo() -> Bool { productionMode == .validBit && hasNews() }

  private mutating func setLimit(_ index: UInt32) {
    rcrLimit = rcrConsumer &+ rcr.occupancy(producer: index, consumerRegister: rcrConsumer)
  }

  // SAFETY: places are below 8, and so in the entry.
  /// A release command: up to eight buffers. The words behind the first stand in the ring until they are read,
  /// once each.
  struct Release {
    let first: UInt64
    fileprivate let entry: UnsafeMutableRawPointer

    @inline(__always)
    var verb: UInt8 { UInt8(truncatingIfNeeded: first &>> 56) & 0x7f }

    /// Reads the word of a buffer, from 0.
    @inline(__always)
    func word(_ place: Int) -> UInt64 { place == 0 ? first : entry.load64(8 &* place) }
  }

  /// Takes the next release command; `nil` when there is none.
  @inline(__always)
  mutating func takeRelease() -> Release? {
    let entry = PortalLayout.BMan.rcr &+ rcr.offset(rcrConsumer)
    let word = window.acquire64(entry)
    let verb = UInt8(truncatingIfNeeded: word &>> 56)
    if productionMode == .validBit {
      guard verb & 0x7f != 0, verb & PortalLayout.validBit == rcr.polarity(rcrConsumer) else {
        return nil
      }
    } else if rcrConsumer == rcrLimit {
      return nil
    }
    rcrConsumer &+= 1
    return Release(first: word, entry: window + entry)
  }

  /// Tells the guest how far its release ring was taken, and shows what hardware would have counted
  /// as produced.
  @inline(__always)
  func publishReleaseConsumption() {
    let index = rcr.consumerRegister(rcrConsumer)
    window.release32(PortalLayout.BMan.rcrConsumerLine, index)
    registers.release32(PortalLayout.BManRegister.rcrConsumer, index)
    switch productionMode {
    case .validBit: showProducer(rcr.producerRegister(rcrConsumer))
    case .register:
      // The guest writes the bare index; the polarity above it is hardware's to add.
      let produced = rcr.producerRegister(rcrLimit)
      registers.replace32(
        PortalLayout.BManRegister.rcrProducer, rcr.consumerRegister(rcrLimit), with: produced)
      window.release32(PortalLayout.BMan.rcrProducerLine, produced)
    case .line:
      let produced = rcr.producerRegister(rcrLimit)
      window.replace32(
        PortalLayout.BMan.rcrProducerLine, rcr.consumerRegister(rcrLimit), with: produced)
      registers.release32(PortalLayout.BManRegister.rcrProducer, produced)
    case .reserved: break
    }
  }

  // MARK: Interrupts

  /// The pools whose depletion the guest wants to hear of (SCN).
  var subscription: PoolSet {
    PoolSet(
      rawValue: UInt64(registers.acquire32(PortalLayout.BManRegister.depletionLow)) << 32
        | UInt64(registers.acquire32(PortalLayout.BManRegister.depletionHigh)))
  }

  /// Release commands that the engine has not taken, as far as can be seen.
  private func releaseOccupancy() -> UInt32 {
    guard productionMode == .validBit else { return rcrLimit &- rcrConsumer }
    return rcr.produced(in: window, at: PortalLayout.BMan.rcr, from: rcrConsumer)
  }

  /// Brings the status up to date; whether the line must fire now. A portal without a threshold, of
  /// which nothing is shown and to which nothing has happened, costs two looks.
  @inline(__always)
  mutating func updateInterrupt() -> Bool {
    let threshold = registers.acquire32(PortalLayout.BManRegister.rcrThreshold) & 7
    guard threshold > 0 || !interrupt.isQuiet(registers) else { return false }
    return raiseInterrupt(threshold: threshold)
  }

  @inline(never)
  private mutating func raiseInterrupt(threshold: UInt32) -> Bool {
    let events = interrupt.events
    interrupt.events = 0
    let look = interrupt.look(registers)
    let isRingLow = threshold > 0 && releaseOccupancy() < threshold
    let isHigh = interrupt.update(
      registers, look, levels: events | (isRingLow ? BufferInterrupt.releaseRing : 0))
    let wasHigh = interrupt.isHigh
    interrupt.isHigh = isHigh
    // Something new while it is high: the guest may have seen the old, or cleared its bit, and not yet this.
    let enabled = registers.acquire32(PortalLayout.BManRegister.interruptEnable)
    return isHigh && (!wasHigh || (events | interrupt.risen & enabled) != 0)
  }
}
