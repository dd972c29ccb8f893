import DPAAPortal

/// A frame queue's descriptor: one cache line, flat in a table of as many as FQIDs are used.
///
/// All zero bytes mean "out of service and nobody's", so queues that nobody touches cost no memory. The first
/// frame is kept inline: a queue of one frame touches one line.
struct FrameQueue: BitwiseCopyable {
  /// The frame that leaves next, when `count` is not 0.
  var first = FrameDescriptor(word0: 0, formatLength: 0, command: 0)
  /// Where the queue is in its life.
  var state: State = .outOfService
  /// The work queue of its channel, 0 to 7.
  var workQueue: UInt8 = 0
  /// The number of the owner that may enqueue to it plus one, 0 for nobody.
  private var ownerMark: UInt8 = 0
  var reserved: UInt8 = 0
  /// The channel's place in the engine's table.
  var channel: UInt16 = 0
  /// The order definition point's counter.
  var sequence: UInt16 = 0
  /// The queue behind this one in its work queue; 0 for none.
  var next: UInt32 = 0
  /// Frames in the queue.
  var count: UInt32 = 0
  /// The records of the frames behind the first.
  var head: UInt32 = 0
  var tail: UInt32 = 0
  /// What dequeue entries carry back: the index of the owner's path.
  var contextB: UInt32 = 0
  /// Bytes in the queue, as `QUERYFQ_NP` shows them.
  var bytes: UInt32 = 0
  /// Reserved for stashing and accelerators.
  var contextA: UInt64 = 0
  /// Frames that ever entered.
  var enqueued: UInt64 = 0

  /// Whether it is this owner's.
  @inline(__always)
  func belongs(to owner: Int) -> Bool { Int(ownerMark) == owner &+ 1 }
  /// Gives it to an owner.
  mutating func give(to owner: Int) { ownerMark = UInt8(owner + 1) }

  /// The states of Linux 6.1, `include/soc/fsl/qman.h` (`QM_MCR_NP_STATE_*`).
  enum State: UInt8, BitwiseCopyable {
    case outOfService = 0
    case retired = 1
    case tentativelyScheduled = 2
    case trulyScheduled = 3
    case parked = 4
    case active = 5
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
  precondition(MemoryLayout<FrameDescriptor>.size == 16, "a frame descriptor is 16 bytes")
}
