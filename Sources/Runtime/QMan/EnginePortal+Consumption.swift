import CPortalShims
import DPAAPortal

/// How the guest consumes its dequeue ring (CFG.DCM).
extension EnginePortal {
  /// What consumption released: a held queue's entries, by place.
  struct Released {
    /// Places whose queue was held.
    var places: UInt64 = 0
    /// Those of them whose queue is to be parked.
    var parked: UInt64 = 0
  }

  /// CFG.DCM: consumption is told by register (CCI), by line (CCE) or entry by entry (DCA).
  enum ConsumptionMode: UInt32 {
    case register = 0
    case line = 1
    case discrete = 2
    case reserved = 3
  }
  @inline(__always)
  var consumptionMode: ConsumptionMode {
    ConsumptionMode(rawValue: configuration &>> 16 & 3) ?? .reserved
  }

  /// The value of the write-only DCAP register while nothing is written to it: a bit that no form
  /// of the command has, since 0 means "entry 0" (Linux 6.1, `drivers/soc/fsl/qbman/qman.c`).
  static let noConsumption: UInt32 = 0x0000_0200

  /// Whether commands may depend on what was consumed before them: a held queue may be let go. If
  /// not, one look in a round is enough; each costs a cache line that the guest is writing.
  @inline(__always)
  var consumptionMatters: Bool { heldPlaces != 0 || consumptionMode == .discrete }

  /// Fetches the line that tells what the guest has consumed, where it mostly tells it.
  @inline(__always)
  func fetchConsumption() { dpaac_prefetch(qman + PortalLayout.QMan.dqrrConsumerLine) }

  /// Looks what the guest has consumed since the last time.
  @inline(__always)
  mutating func pollConsumption() -> Released {
    switch consumptionMode {
    case .register:
      return consume(upTo: registers.acquire32(PortalLayout.QManRegister.dqrrConsumer))
    case .line: return consume(upTo: qman.acquire32(PortalLayout.QMan.dqrrConsumerLine))
    case .discrete: return pollDiscreteConsumption()
    case .reserved: return Released()
    }
  }

  @inline(__always)
  private mutating func consume(upTo index: UInt32) -> Released {
    let occupancy = dqrr.occupancy(producer: dqrrProducer, consumerRegister: index)
    // An index that goes backwards says nothing.
    guard occupancy < dequeueOccupancy else { return Released() }
    let old = dqrrConsumer
    dqrrConsumer = dqrrProducer &- occupancy
    let shown = dqrr.consumerRegister(dqrrConsumer)
    if consumptionMode == .line {
      registers.release32(PortalLayout.QManRegister.dqrrConsumer, shown)
    } else {
      qman.release32(PortalLayout.QMan.dqrrConsumerLine, shown)
    }
    if _fastPath(heldPlaces | consumedPlaces == 0) { return Released() }
    return letGo(from: old)
  }

  /// Forgets what was known of entries that are consumed now. Out of line: the constants of its loop would
  /// be loaded for every frame of a caller's.
  @inline(never)
  private mutating func letGo(from old: UInt32) -> Released {
    var released = Released()
    var index = old
    while index != dqrrConsumer {
      let bit = 1 as UInt64 &<< UInt64(dqrr.consumerRegister(index))
      released.places |= heldPlaces & bit
      consumedPlaces &= ~bit
      index &+= 1
    }
    heldPlaces &= ~released.places
    return released
  }

  private mutating func pollDiscreteConsumption() -> Released {
    let register = PortalLayout.QManRegister.dqrrConsumption
    guard registers.acquire32(register) != Self.noConsumption else { return Released() }
    let command = registers.exchange32(register, Self.noConsumption)
    var released = Released()
    guard command != Self.noConsumption else { return released }
    if command & 0x100 == 0 {
      consume(place: command & (dqrr.size &- 1), parking: command & 0x40 != 0, &released)
    } else {
      // The highest bit is entry 0 (DPDK, `drivers/bus/dpaa/base/qbman/qman.c`); an enlarged ring
      // has entries behind those that 16 bits name.
      for place in 0..<16 as Range<UInt32> where command & 0x8000_0000 &>> place != 0 {
        consume(place: place, parking: command & 0x40 != 0, &released)
      }
    }
    return released
  }

  /// Consumes the entry that an enqueue command names, in discrete mode.
  @inline(__always)
  mutating func consume(with command: Enqueue) -> Released {
    var released = Released()
    let consumption = command.consumption
    guard consumption & 0x80 != 0, consumptionMode == .discrete else { return released }
    consume(
      place: UInt32(consumption) & (dqrr.size &- 1), parking: consumption & 0x40 != 0, &released)
    return released
  }

  /// Consumes one entry, in whatever order; the consumer index moves over what is consumed without
  /// a gap.
  private mutating func consume(place: UInt32, parking: Bool, _ released: inout Released) {
    let behind = (place &- dqrrConsumer) & (dqrr.size &- 1)
    guard behind < dequeueOccupancy else { return }
    let bit = 1 as UInt64 &<< UInt64(place)
    guard consumedPlaces & bit == 0 else { return }
    consumedPlaces |= bit
    if heldPlaces & bit != 0 {
      heldPlaces &= ~bit
      released.places |= bit
      if parking { released.parked |= bit }
    }
    let old = dqrrConsumer
    while dequeueOccupancy > 0 {
      let first = 1 as UInt64 &<< UInt64(dqrr.consumerRegister(dqrrConsumer))
      guard consumedPlaces & first != 0 else { break }
      consumedPlaces &= ~first
      dqrrConsumer &+= 1
    }
    if dqrrConsumer != old { show(dqrr.consumerRegister(dqrrConsumer), .dqrrConsumer) }
  }
}
