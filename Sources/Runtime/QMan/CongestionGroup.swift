import DPAAPortal

/// A congestion group (CGR): what many queues hold together, and what follows when that is too much.
///
/// Fields are kept as the command image has them (Linux 6.1, `include/soc/fsl/qman.h`,
/// `struct __qm_mc_cgr`), so that `QUERYCGR` gives back what was written.
struct CongestionGroup: BitwiseCopyable {
  /// QMan 1 and 3 have 256 (Linux 6.1, `drivers/soc/fsl/qbman/qman_ccsr.c`).
  static let count = 256

  /// WRED parameters of green, yellow and red.
  var curves = InlineArray<3, UInt32>(repeating: 0)
  /// Whether early discard looks at a colour.
  var isCurveEnabled = InlineArray<3, UInt8>(repeating: 0)
  /// Whether changes of state are told.
  var notifies: UInt8 = 0
  /// Whether frames are refused while the group is congested.
  var dropsTail: UInt8 = 0
  /// TA[12:5] Tn[4:0]: the threshold is TA·2^Tn.
  var threshold: UInt16 = 0
  /// 1 when frames are counted, 0 for bytes.
  var countsFrames: UInt8 = 0
  /// Whether the group is congested.
  var isCongested = false
  /// Whether its state changed since targets were last told.
  var hasNews = false
  /// The portals that are told, by number, the first in the highest bit of the first word.
  var targets = InlineArray<4, UInt32>(repeating: 0)
  private(set) var bytes: Int64 = 0
  private(set) var frames: Int64 = 0
  /// What early discard looks at: it follows the fill.
  private(set) var average: Int64 = 0

  /// The number of the owner plus one, 0 for nobody.
  private var ownerMark: UInt8 = 0
  /// Whether notices name a portal by index (QMan 3) or by a bit.
  private(set) var hasIndexedTargets = false

  /// Gives it to an owner.
  mutating func give(to owner: Int, hasIndexedTargets: Bool) {
    ownerMark = UInt8(owner + 1)
    self.hasIndexedTargets = hasIndexedTargets
  }
  /// Whether it is this owner's.
  func belongs(to owner: Int) -> Bool { Int(ownerMark) == owner &+ 1 }

  /// Sets what commands write to 0.
  mutating func reset() {
    curves = .init(repeating: 0)
    isCurveEnabled = .init(repeating: 0)
    targets = .init(repeating: 0)
    (notifies, dropsTail, threshold, countsFrames) = (0, 0, 0, 0)
  }

  /// Holds what the same group of other tables holds, as the queues that count in it go on.
  mutating func hold(asMuchAs other: CongestionGroup) {
    (frames, bytes, average) = (other.frames, other.bytes, other.average)
    isCongested = other.isCongested
    updateState()
  }

  /// What the group holds, in its own unit.
  var fill: Int64 { countsFrames == 1 ? frames : bytes }
  /// Above this the group is congested.
  var limit: Int64 { Self.limit(threshold) }

  /// The value of a threshold field with an 8-bit mantissa and a 5-bit exponent.
  static func limit(_ field: UInt16) -> Int64 { Int64(field >> 5 & 0xff) << Int64(field & 31) }

  /// The group leaves congestion when it holds no more than this. Hardware's exit point is not known
  /// to us: seven eighths of the threshold keep a group at its limit from flapping.
  private var exit: Int64 { limit &- limit / 8 }

  /// Adds to what the group holds.
  mutating func add(frames: Int64, bytes: Int64) {
    self.frames &+= frames
    self.bytes &+= bytes
    updateState()
  }

  /// Looks whether the group became congested or free.
  mutating func updateState() {
    let congested = isCongested ? fill > exit : fill > limit
    guard congested != isCongested else { return }
    isCongested = congested
    hasNews = true
  }

  /// Lets the average follow the fill by a sixteenth of their distance with each frame; hardware's
  /// interval is not known to us.
  mutating func follow() { average &+= (fill &- average) / 16 }

  /// How probable it is that early discard refuses a frame of a colour, in 256ths.
  ///
  /// MA[31:24] Mn[23:19] SA[18:12] Sn[11:6] Pn[5:0]: above MaxTH = MA·2^Mn every frame, and below it
  /// MaxP = 4(Pn+1) less the distance times SA/2^Sn.
  func discardProbability(colour: Int, at fill: Int64) -> Int64 {
    guard isCurveEnabled[colour] == 1 else { return 0 }
    let curve = Int64(curves[colour])
    let most = (curve >> 24) << (curve >> 19 & 31)
    guard fill <= most else { return 256 }
    let (fall, overflows) = (most - fill).multipliedReportingOverflow(by: curve >> 12 & 0x7f)
    guard !overflows else { return 0 }
    return max(0, 4 * ((curve & 0x3f) + 1) - (fall >> (curve >> 6 & 63)))
  }
}

/// What frame queues owe to their thresholds and groups.
extension QueueManager {
  /// Whether a queue's threshold and its group let a frame in. A queue's own threshold is looked at
  /// first; the order of the checks in hardware is not known to us.
  @inline(never)
  mutating func admit(_ frame: FrameDescriptor, _ fqid: UInt32, colour: UInt8) -> Verdict {
    let queue = queues.base[Int(fqid)]
    guard queue.flags.contains(.isAccounted) else { return .accepted }
    if queue.control & QueueControl.tailDrop != 0, !settings.base[Int(fqid)].hasAccounting,
      Int64(queue.bytes) > CongestionGroup.limit(queue.threshold)
    {
      return .tailDrop
    }
    guard queue.control & QueueControl.congestionGroup != 0 else { return .accepted }
    let group = groups.base + Int(queue.group)
    if group.pointee.isCongested, group.pointee.dropsTail == 1 { return .congestion }
    guard colour < 3 else { return .accepted }
    group.pointee.follow()
    let probability = group.pointee.discardProbability(
      colour: Int(colour), at: group.pointee.average)
    return probability > 0 && drawByte() < probability ? .earlyDiscard : .accepted
  }

  /// A number from 0 to 255.
  private mutating func drawByte() -> Int64 {
    var random = book.pointee.random
    random ^= random &<< 13
    random ^= random &>> 7
    random ^= random &<< 17
    book.pointee.random = random
    return Int64(random &>> 56)
  }

  /// The control field and the group that a queue will have after `INITFQ`.
  func congestion(of fqid: UInt32, after command: CommandImage) -> (control: UInt16, group: UInt8) {
    let queue = queues.base[Int(fqid)]
    let mask = command.half(2)
    return (
      mask & InitializationField.control != 0 ? command.half(12) : queue.control,
      mask & InitializationField.group != 0 ? command.byte(11) : queue.group
    )
  }

  /// What frames count in their queue's group, in bytes.
  private func congestionBytes(_ fqid: UInt32, frames: Int64, bytes: Int64) -> Int64 {
    // OAC bit 0x40 ("CG"): each frame counts with the overhead length, a signed byte.
    guard settings.base[Int(fqid)].hasAccounting else { return bytes }
    let field = queues.base[Int(fqid)].threshold
    guard field & 0x4000 != 0 else { return bytes }
    return bytes &+ frames &* Int64(Int8(truncatingIfNeeded: field))
  }

  /// What the first frame of a queue costs of its credit: its length, and with OAC bit 0x80 ("ICS")
  /// the overhead length, a signed byte.
  func cost(ofFirstIn fqid: UInt32) -> Int32 {
    let queue = queues.base[Int(fqid)]
    let length = Int32(queue.first.length)
    guard settings.base[Int(fqid)].hasAccounting, queue.threshold & 0x8000 != 0 else {
      return length
    }
    return length &+ Int32(Int8(truncatingIfNeeded: queue.threshold))
  }

  /// Tells a queue's group of frames that came or went.
  @inline(never)
  mutating func account(_ fqid: UInt32, frames: Int64, bytes: Int64) {
    let queue = queues.base[Int(fqid)]
    guard queue.control & QueueControl.congestionGroup != 0 else { return }
    let group = groups.base + Int(queue.group)
    group.pointee.add(
      frames: frames, bytes: congestionBytes(fqid, frames: frames, bytes: bytes))
    if group.pointee.hasNews { book.pointee.hasCongestionNews = true }
  }
}
