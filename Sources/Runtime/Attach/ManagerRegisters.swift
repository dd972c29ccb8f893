import DPAAPortal
import Glibc
import QorIQ

// SAFETY: the window is mapped as long as the value lives, and the offsets lie inside it.
/// The managers' own registers (CCSR), as a client finds them: a QMan and a BMan that are all its
/// own.
///
/// Most are memory that keeps what drivers write, as with the hardware. What follows from a write is
/// done here: QMan's command register, the error registers, and what only the manager writes.
/// Offsets: Linux 6.1, `drivers/soc/fsl/qbman/qman_ccsr.c` and `bman_ccsr.c`.
struct ManagerRegisters {
  private let qman: UnsafeMutableRawPointer
  private let bman: UnsafeMutableRawPointer
  private let qmanRevision: UInt32
  private let bmanRevision: UInt32
  private var qmanErrors = ErrorStatus()
  private var bmanErrors = ErrorStatus()
  /// The threshold registers of BMan's pools as they were last read.
  private var thresholds = InlineArray<128, UInt64>(repeating: 0)
  /// Whether the client has zeroed the registers: what a machine's memory is when it starts.
  private(set) var isWiped = false

  private enum Offset {
    /// Four registers for each of 64 pools: SWDET, HWDET, SWDXT, HWDXT.
    static let poolThresholds = 0x000
    static let poolContent = 0x600
    static let freeFrameRecords = 0x400
    static let command = 0xb00
    static let firstRecord = 0xb04
    static let revision = 0xbf8
    static let queueMemory = 0xc04
    static let bufferMemory = 0xc04
    static let frameMemoryAttributes = 0xc30
    static let errorStatus = 0xe00
  }

  /// QMan's command, in the highest byte of its register, and its results there.
  private enum Command {
    static let initializeFrameMemory: UInt32 = 0x01
    static let ok: UInt32 = 0xf0
    static let invalid: UInt32 = 0xff
  }

  /// Puts the registers of a window into their reset state.
  init(
    window: UnsafeMutableRawPointer, qman qmanRevision: Revision, bman bmanRevision: Revision
  ) {
    qman = window + AttachLayout.qmanRegisters
    bman = window + AttachLayout.bmanRegisters
    self.qmanRevision = UInt32(qmanRevision.major) << 8 | UInt32(qmanRevision.minor)
    self.bmanRevision = UInt32(bmanRevision.major) << 8 | UInt32(bmanRevision.minor)
    qman.release32(Offset.revision, self.qmanRevision)
    bman.release32(Offset.revision, self.bmanRevision)
  }

  /// Whether a driver has given QMan, or BMan, memory of its own: then it believes that the whole
  /// of it is its own.
  var isQManOwned: Bool { qman.acquire32(Offset.queueMemory) != 0 }
  /// The same of BMan.
  var isBManOwned: Bool { bman.acquire32(Offset.bufferMemory) != 0 }

  private mutating func showRevisions() {
    if !Self.show(qmanRevision, in: qman) || !Self.show(bmanRevision, in: bman) { isWiped = true }
  }

  /// Puts a revision back where a client has overwritten it; false when it is zero. A zero is a sign,
  /// and is never written over unseen, not even when it comes in this very moment.
  private static func show(_ revision: UInt32, in registers: UnsafeMutableRawPointer) -> Bool {
    let seen = registers.acquire32(Offset.revision)
    if seen == revision { return true }
    return seen != 0 && registers.exchange32(Offset.revision, revision) != 0
  }

  /// Does what follows from what the client wrote, and shows what has come up.
  ///
  /// - Returns: Whether there was anything.
  mutating func update(_ tables: inout EngineTables) -> Bool {
    var isBusy = false
    showRevisions()
    let command = qman.acquire32(Offset.command)
    // 0 and results are no commands (`qm_init_pfdr`).
    if command != 0, command < 0xf000_0000 {
      isBusy = true
      carryOut(command)
    }
    qmanErrors.update(qman, Offset.errorStatus, tables.errors.qman)
    bmanErrors.update(bman, Offset.errorStatus, tables.errors.bman)
    tables.errors = (0, 0)
    if readThresholds(&tables.depletion) { isBusy = true }
    var changed = tables.clientPools.changed
    tables.clientPools.changed = []
    while let pool = changed.removeFirst() {
      bman.release32(Offset.poolContent + 4 * Int(pool), tables.clientPools.freeCount(pool))
    }
    return isBusy
  }

  /// Takes over the pools' thresholds when the client has written any.
  ///
  /// - Returns: Whether it has.
  private mutating func readThresholds(_ depletion: inout Depletion) -> Bool {
    let written = UnsafeRawBufferPointer(
      start: bman + Offset.poolThresholds, count: MemoryLayout.size(ofValue: thresholds))
    let isNew = withUnsafeMutableBytes(of: &thresholds) { known in
      guard let old = known.baseAddress, let new = written.baseAddress,
        memcmp(old, new, known.count) != 0
      else { return false }
      known.copyMemory(from: written)
      return true
    }
    guard isNew else { return false }
    // The copy is in the client's byte order.
    func buffers(_ kind: Int, _ pool: Int) -> UInt32 {
      let word = UInt64(bigEndian: thresholds[32 * kind + pool / 2])
      return Depletion.Marks.buffers(
        UInt32(truncatingIfNeeded: pool % 2 == 0 ? word >> 32 : word))
    }
    for pool in 0..<64 {
      depletion.set(
        UInt8(pool),
        Depletion.Marks(
          softwareEnter: buffers(0, pool), softwareExit: buffers(2, pool),
          hardwareEnter: buffers(1, pool), hardwareExit: buffers(3, pool)))
    }
    return true
  }

  /// The only command is to make the list of free frame records. Drivers give the number of the
  /// first one and, as the last one, differing things: any is accepted.
  private func carryOut(_ command: UInt32) {
    guard command >> 24 == Command.initializeFrameMemory else {
      return qman.release32(Offset.command, Command.invalid << 24)
    }
    // The size field holds log2(size) - 1, and a record has 64 bytes.
    let exponent = min(qman.acquire32(Offset.frameMemoryAttributes) & 0x3f, 35) + 1
    let records = exponent > 6 ? UInt64(1) << UInt64(exponent - 6) : 0
    let first = UInt64(qman.acquire32(Offset.firstRecord))
    qman.release32(
      Offset.freeFrameRecords, UInt32(truncatingIfNeeded: records > first ? records - first : 0))
    qman.release32(Offset.command, Command.ok << 24)
  }
}

/// An error register whose bits stay set until 1 is written to them.
private struct ErrorStatus {
  private var status: UInt32 = 0
  private var shown: UInt32 = 0
  /// A bit that no source names, shown beside others that are set: so a client's write of the very
  /// bits that are set can be told from what was there.
  private static let mark: UInt32 = 0x8000_0000

  init() {}

  /// Clears what the client wrote, adds what has come up, and shows the result.
  mutating func update(_ registers: UnsafeMutableRawPointer, _ offset: Int, _ new: UInt32) {
    let seen = registers.acquire32(offset)
    guard new != 0 || seen != shown else { return }
    if seen != shown { status &= ~seen }
    status |= new
    shown = status == 0 ? 0 : status | Self.mark
    let between = registers.exchange32(offset, shown)
    if between != seen { status &= ~between }
  }
}
