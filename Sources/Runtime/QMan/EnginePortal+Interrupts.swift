import DPAAPortal

/// What a portal's interrupt registers have shown and when.
struct InterruptState: BitwiseCopyable {
  /// Bits that are set and not cleared by the guest.
  var status: UInt32 = 0
  /// What the status register was last made to show.
  fileprivate var shown: UInt32 = 0
  /// Things that happened since the last look: EQCI and CSCI.
  var events: UInt32 = 0
  /// When the dequeue ring and the message ring became non-empty; 0 when they are empty.
  fileprivate var dequeueSince: UInt64 = 0
  fileprivate var messageSince: UInt64 = 0
  /// Whether the line is high, and for which entries it last fired.
  fileprivate(set) var isHigh = false
  fileprivate var firedDequeue: UInt32 = 0
  fileprivate var firedMessage: UInt32 = 0

  /// A bit that no source names. It is shown beside others that are set, so that a guest's write of
  /// the very bits that are set, which clears them, can be told from what was there.
  static let mark: UInt32 = 0x8000_0000
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
  ///   - channelsWithWork: The channels in which queues wait, as SDQCR names them.
  ///   - now: Nanoseconds.
  /// - Returns: Whether the line must fire now.
  @inline(__always)
  mutating func updateInterrupt(channelsWithWork: UInt32, now: UInt64) -> Bool {
    let isInhibited = registers.acquire32(PortalLayout.QManRegister.interruptInhibit) & 1 != 0
    let seen = registers.acquire32(PortalLayout.QManRegister.interruptStatus)
    // The guest wrote: 1 clears.
    if seen != interrupt.shown { interrupt.status &= ~seen }
    let levels = levels(now: now) | channelsWithWork | interrupt.events
    interrupt.events = 0
    interrupt.status |=
      levels & ~registers.acquire32(PortalLayout.QManRegister.interruptDisable)
    let shown = interrupt.status == 0 ? 0 : interrupt.status | InterruptState.mark
    if shown != seen {
      let between = registers.exchange32(PortalLayout.QManRegister.interruptStatus, shown)
      if between != seen { interrupt.status &= ~between }
    }
    interrupt.shown = shown
    return drivesLine(isInhibited: isInhibited)
  }

  /// The bits whose condition holds now.
  @inline(__always)
  private mutating func levels(now: UInt64) -> UInt32 {
    let period = registers.acquire32(PortalLayout.QManRegister.interruptPeriod) & 0xfff
    var levels: UInt32 = 0
    if InterruptState.isDue(
      dequeueOccupancy,
      threshold: registers.acquire32(PortalLayout.QManRegister.dqrrThreshold) & 15,
      since: &interrupt.dequeueSince, now: now, period: period)
    {
      levels |= PortalInterrupt.dequeue
    }
    if InterruptState.isDue(
      messageOccupancy,
      threshold: registers.acquire32(PortalLayout.QManRegister.mrThreshold) & 7,
      since: &interrupt.messageSince, now: now, period: period)
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
  /// have seen the old and not yet the new.
  @inline(__always)
  private mutating func drivesLine(isInhibited: Bool) -> Bool {
    let enabled = registers.acquire32(PortalLayout.QManRegister.interruptEnable)
    let isHigh = !isInhibited && interrupt.status & enabled != 0
    let wasHigh = interrupt.isHigh
    interrupt.isHigh = isHigh
    guard isHigh else { return false }
    let isNew =
      enabled & PortalInterrupt.dequeue != 0 && interrupt.firedDequeue != dqrrProducer
      || enabled & PortalInterrupt.message != 0 && interrupt.firedMessage != mrProducer
    guard isNew || !wasHigh else { return false }
    interrupt.firedDequeue = dqrrProducer
    interrupt.firedMessage = mrProducer
    return true
  }
}
