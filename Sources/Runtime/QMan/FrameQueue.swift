import DPAAPortal

/// A frame queue's descriptor: one cache line, flat in a table of as many as FQIDs are used.
///
/// All zero bytes mean "out of service", so queues that nobody touches cost no memory. The first
/// frame is kept inline: a queue of one frame touches one line. Where the hardware keeps what is
/// unknown and irrelevant: software never reads the descriptor but through `QUERYFQ`.
struct FrameQueue: BitwiseCopyable {
  /// The frame that leaves next, when `count` is not 0.
  var first = FrameDescriptor(word0: 0, formatLength: 0, command: 0)
  /// Frames that ever entered.
  var enqueued: UInt64 = 0
  /// The queue behind this one in its work queue; 0 for none.
  var next: UInt32 = 0
  /// Frames in the queue.
  var count: UInt32 = 0
  /// The records of the frames behind the first.
  var head: UInt32 = 0
  var tail: UInt32 = 0
  /// What dequeue entries and messages carry back.
  var contextB: UInt32 = 0
  /// Bytes in the queue, as `QUERYFQ_NP` shows them.
  var bytes: UInt32 = 0
  /// The control field, bits of `QueueControl`.
  var control: UInt16 = 0
  /// The order definition point's counter.
  var sequence: UInt16 = 0
  /// The channel's place in the engine's table; 0 for none that its owner may use.
  var channel: UInt16 = 0
  /// The tail-drop threshold, or the overhead accounting that shares its place.
  var threshold: UInt16 = 0
  /// Where the queue is in its life.
  var state: State = .outOfService
  /// The work queue of its channel, 0 to 7.
  var workQueue: UInt8 = 0
  /// What makes the queue's next turn differ from a plain one.
  var flags: Flags = []
  /// The congestion group, if the control field says that the queue counts in one.
  var group: UInt8 = 0
  /// Dequeue entries of a held queue that its portal has not consumed.
  var unconsumed: UInt8 = 0
  var reserved: (UInt8, UInt8, UInt8) = (0, 0, 0)

  /// The states of Linux 6.1, `include/soc/fsl/qman.h` (`QM_MCR_NP_STATE_*`).
  enum State: UInt8, BitwiseCopyable {
    case outOfService = 0
    case retired = 1
    case tentativelyScheduled = 2
    case trulyScheduled = 3
    case parked = 4
    case active = 5

    /// Whether frames may enter.
    @inline(__always)
    var acceptsFrames: Bool { rawValue >= State.tentativelyScheduled.rawValue }
    /// Whether the queue belongs to the scheduler.
    var isScheduled: Bool { acceptsFrames && self != .parked }
  }

  /// All clear for a queue that is served turn by turn.
  struct Flags: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    /// `ALTER_FQXOFF`: not eligible, whatever it holds.
    static let stopped = Flags(rawValue: 0x01)
    /// `ALTER_FE`: eligible, even if it is empty.
    static let forceEligible = Flags(rawValue: 0x02)
    /// `ALTER_RETIRE` was answered with PENDING.
    static let retirementRequested = Flags(rawValue: 0x04)
    /// Bound to the portal that was given its frames.
    static let held = Flags(rawValue: 0x08)
    /// To be parked as soon as it is not held any more.
    static let parkRequested = Flags(rawValue: 0x10)
    /// It has a credit for intra-class scheduling.
    static let hasCredit = Flags(rawValue: 0x20)
    /// Its control field says to hold it active.
    static let holdsActive = Flags(rawValue: 0x40)
    /// Its control field names a threshold or a congestion group, so that frames are accounted for.
    static let isAccounted = Flags(rawValue: 0x80)
    /// The flags that say what the queue is, not what was asked of it.
    static let lasting: Flags = [.hasCredit, .holdsActive, .isAccounted]
  }

  /// Brings the flags in line with the control field.
  mutating func followControl() {
    flags.subtract([.holdsActive, .isAccounted])
    if control & QueueControl.holdActive != 0 { flags.insert(.holdsActive) }
    if control & (QueueControl.congestionGroup | QueueControl.tailDrop) != 0 {
      flags.insert(.isAccounted)
    }
  }
}

/// What is rarely needed of a queue; in a table of its own, of which zero bytes are never written.
struct QueueSettings: BitwiseCopyable, Equatable {
  var contextA: UInt64 = 0
  /// The credit for intra-class scheduling, in bytes.
  var credit: UInt16 = 0
  /// The order-restoration point's windows as they were written.
  var restoration: UInt8 = 0
  var marks: Marks = []
  /// What is left of the credit of this turn.
  var surplus: Int32 = 0
  /// The work queue that was asked for, with the hardware's channel number.
  var destination: UInt16 = 0
  /// The portal that is told of the retirement.
  var retirementPortal: UInt16 = 0
  /// The number that the order-restoration point expects (NESN).
  var nextExpected: UInt16 = 0
  /// What it is to expect as soon as all that waits before has gone on, if ``Marks/isSkipping``.
  var skipTo: UInt16 = 0
  /// The first record of the point's list; 0 for none.
  var restorationList: UInt32 = 0
  /// The next one of the points that can go on; 0 for none.
  var nextReady: UInt32 = 0

  struct Marks: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    /// `FrameQueue.threshold` is the overhead accounting field.
    static let hasAccounting = Marks(rawValue: 0x01)
    /// It is among the order-restoration points that can go on.
    static let isReady = Marks(rawValue: 0x02)
    /// The expected number is to be moved to another.
    static let isSkipping = Marks(rawValue: 0x04)
    /// It has retired, and what waits at its point goes back.
    static let isReturning = Marks(rawValue: 0x08)
  }

  /// Whether `FrameQueue.threshold` is the overhead accounting field.
  var hasAccounting: Bool {
    get { marks.contains(.hasAccounting) }
    set { if newValue { marks.insert(.hasAccounting) } else { marks.remove(.hasAccounting) } }
  }
}

/// A frame behind the first of its queue.
struct FrameRecord: BitwiseCopyable {
  var frame: FrameDescriptor
  /// The record behind this one; also links the free records.
  var next: UInt32
  var reserved: (UInt32, UInt32, UInt32) = (0, 0, 0)
}

/// Whoever changes a record by accident learns it at start-up, not in a corrupt table.
func checkRecordLayouts() {
  precondition(MemoryLayout<FrameQueue>.size == 64, "a frame queue is one cache line")
  precondition(MemoryLayout<FrameQueue>.stride == 64, "frame queues follow each other")
  precondition(MemoryLayout<FrameRecord>.stride == 32, "two frame records to a cache line")
  precondition(MemoryLayout<BufferPool>.stride == 128, "a pool is two cache lines")
  precondition(MemoryLayout<FrameDescriptor>.size == 16, "a frame descriptor is 16 bytes")
  precondition(
    MemoryLayout<ParsedFrame>.offset(of: \.result) == ParsedFrame.resultOffset,
    "a parse result stands behind a frame's words")
}
