import DPAAPortal

/// What the interrupt registers of one half of a portal have shown, QMan's or BMan's: they are
/// alike and lie in the same places.
struct InterruptState: BitwiseCopyable {
  /// Bits that are set and not cleared by the guest.
  private var status: UInt32 = 0
  /// What the status register was last made to show.
  private var shown: UInt32 = 0
  /// What the guest cleared in the very moment in which the register was made to show something else.
  private var late: UInt32 = 0
  /// Bits that were set by the last update, and not before it or cleared by the guest meanwhile.
  private(set) var risen: UInt32 = 0
  /// Things that happened since the last look: EQCI and CSCI of QMan, BSCN of BMan.
  var events: UInt32 = 0
  /// Whether the line is high.
  var isHigh = false

  /// A bit that no source names. It is shown beside others that are set, so that a guest's write of
  /// the very bits that are set, which clears them, can be told from what was there.
  static let mark: UInt32 = 0x8000_0000

  /// What the status register held, and which bits the guest has cleared by writing it.
  struct Look {
    fileprivate var seen: UInt32
    fileprivate(set) var cleared: UInt32
  }

  /// Whether nothing is shown and nothing has happened, so that there is nothing to bring up to date.
  @inline(__always)
  func isQuiet(_ registers: UnsafeMutableRawPointer) -> Bool {
    status | events | shown | late | registers.acquire32(PortalLayout.QManRegister.interruptStatus)
      == 0
  }

  /// Looks what the guest has cleared. What levels depend on is read after it: who consumes an entry
  /// and then clears its bit must not find the bit set again for that entry.
  @inline(__always)
  mutating func look(_ registers: UnsafeMutableRawPointer) -> Look {
    let seen = registers.acquire32(PortalLayout.QManRegister.interruptStatus)
    // The guest wrote: 1 clears.
    let cleared = late | (seen != shown ? seen : 0)
    late = 0
    return Look(seen: seen, cleared: cleared)
  }

  /// Clears what the guest cleared, adds the bits whose condition holds now, and shows the result;
  /// whether the line is high.
  @inline(__always)
  mutating func update(
    _ registers: UnsafeMutableRawPointer, _ look: Look, levels: UInt32
  ) -> Bool {
    let isInhibited = registers.acquire32(PortalLayout.QManRegister.interruptInhibit) & 1 != 0
    let kept = status & ~look.cleared
    status = kept | levels & ~registers.acquire32(PortalLayout.QManRegister.interruptDisable)
    risen = status & ~kept
    let next = status == 0 ? 0 : status | Self.mark
    if next != look.seen {
      let between = registers.exchange32(PortalLayout.QManRegister.interruptStatus, next)
      if between != look.seen { late = between }
    }
    shown = next
    return !isInhibited
      && status & registers.acquire32(PortalLayout.QManRegister.interruptEnable) != 0
  }
}

/// When a portal's rings have raised their interrupts.
struct RingInterrupts: BitwiseCopyable {
  /// When the dequeue ring and the message ring became non-empty; 0 when they are empty.
  fileprivate var dequeueSince: UInt64 = 0
  fileprivate var messageSince: UInt64 = 0
  /// For which entries the line last fired.
  fileprivate var firedDequeue: UInt32 = 0
  fileprivate var firedMessage: UInt32 = 0

  /// Nanoseconds of one step of the interrupt period register; the hardware's unit is not known to
  /// us.
  static let periodStep: UInt64 = 1000

  /// Whether `count` entries raise their interrupt: more than the threshold, or for long enough.
  @inline(__always)
  fileprivate static func isDue(
    _ count: UInt32, threshold: UInt32, since: inout UInt64, now: UInt64, period: UInt32
  ) -> Bool {
    guard count > 0 else {
      since = 0
      return false
    }
    guard period > 0, count <= threshold else { return true }
    if since == 0 { since = max(1, now) }
    return now &- since >= UInt64(period) &* periodStep
  }
}

/// The interrupt registers (ISR, IER, ISDR, IIR) and the line that they drive.
///
/// ITR and ITPR (Linux 6.1, `drivers/soc/fsl/qbman/qman.c`) name thresholds and a period; how
/// exactly hardware combines them is not known to us. Here an entry raises its interrupt when more
/// than the threshold wait, or when the oldest has waited for the period.
extension EnginePortal {
  /// Brings the status up to date.
  ///
  /// - Parameters:
  ///   - look: What the guest has cleared, looked at before what it has consumed.
  ///   - channelsWithWork: The channels in which queues wait, as SDQCR names them.
  ///   - now: Nanoseconds.
  /// - Returns: Whether the line must fire now.
  @inline(__always)
  mutating func updateInterrupt(
    _ look: InterruptState.Look, channelsWithWork: UInt32, now: UInt64
  ) -> Bool {
    let levels = levels(now: now) | channelsWithWork | interrupt.events
    interrupt.events = 0
    let isHigh = interrupt.update(registers, look, levels: levels)
    let wasHigh = interrupt.isHigh
    interrupt.isHigh = isHigh
    return isHigh && firesAnew(wasHigh: wasHigh)
  }

  /// The bits whose condition holds now.
  @inline(__always)
  private mutating func levels(now: UInt64) -> UInt32 {
    let period = registers.acquire32(PortalLayout.QManRegister.interruptPeriod) & 0xfff
    var levels: UInt32 = 0
    if RingInterrupts.isDue(
      dequeueOccupancy,
      threshold: registers.acquire32(PortalLayout.QManRegister.dqrrThreshold) & 15,
      since: &ringInterrupts.dequeueSince, now: now, period: period)
    {
      levels |= PortalInterrupt.dequeue
    }
    if RingInterrupts.isDue(
      messageOccupancy,
      threshold: registers.acquire32(PortalLayout.QManRegister.mrThreshold) & 7,
      since: &ringInterrupts.messageSince, now: now, period: period)
    {
      levels |= PortalInterrupt.message
    }
    let enqueueThreshold = registers.acquire32(PortalLayout.QManRegister.eqcrThreshold) & 7
    if enqueueThreshold > 0, enqueueOccupancy() < enqueueThreshold {
      levels |= PortalInterrupt.enqueueRing
    }
    return levels
  }

  /// The line fires when it rises, and when something new comes while it is high: the guest may
  /// have seen the old and not yet the new. What is no ring's entry is new when its bit is set anew: the guest
  /// may have cleared the bits between two looks, so that the line seems to have been high throughout.
  @inline(__always)
  private mutating func firesAnew(wasHigh: Bool) -> Bool {
    let enabled = registers.acquire32(PortalLayout.QManRegister.interruptEnable)
    let entries = PortalInterrupt.dequeue | PortalInterrupt.message
    let isNew =
      enabled & PortalInterrupt.dequeue != 0 && ringInterrupts.firedDequeue != dqrrProducer
      || enabled & PortalInterrupt.message != 0 && ringInterrupts.firedMessage != mrProducer
      || enabled & interrupt.risen & ~entries != 0
    guard isNew || !wasHigh else { return false }
    ringInterrupts.firedDequeue = dqrrProducer
    ringInterrupts.firedMessage = mrProducer
    return true
  }
}
