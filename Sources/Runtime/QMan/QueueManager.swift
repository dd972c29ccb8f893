import DPAAPortal
import QorIQ

// SAFETY: the tables live as long as the manager. FQIDs from outside are compared with
// `queues.count` before any table is read; record numbers and queue links come from the tables
// themselves.
/// The queue manager's tables: frame queues, their frames, and the channels that serve them.
///
/// One thread owns it; no call allocates, locks or searches.
struct QueueManager: ~Copyable {
  let queues: FlatTable<FrameQueue>
  private let records: FlatTable<FrameRecord>
  let channels: FlatTable<Channel>
  private var freeRecord: UInt32
  /// Frames in all queues.
  private(set) var frameCount: UInt64 = 0

  /// What became of a frame.
  enum Verdict {
    case accepted
    /// The queue is out of service or retired.
    case badState
    /// No record is left for another frame.
    case exhausted
  }

  /// A channel: eight work queues of scheduled frame queues.
  struct Channel: BitwiseCopyable {
    var heads: InlineArray<8, UInt32> = .init(repeating: 0)
    var tails: InlineArray<8, UInt32> = .init(repeating: 0)
    /// Bit *n*: work queue *n* is not empty.
    var nonEmpty: UInt8 = 0
    /// Where the round of work queues 2 to 7 stands.
    var turn: UInt8 = 2
  }

  /// Creates a manager for `queueCount` FQIDs, `frameCapacity` frames and `channelCount` channels.
  init(queueCount: Int, frameCapacity: Int, channelCount: Int) throws(EngineError) {
    checkRecordLayouts()
    let queues = try FlatTable<FrameQueue>(count: queueCount)
    let records = try FlatTable<FrameRecord>(count: frameCapacity + 1)
    let channels = try FlatTable<Channel>(count: channelCount)
    for index in 0..<channelCount { channels.base[index] = Channel() }
    // Record 0 means none.
    for index in 1..<frameCapacity + 1 {
      records.base[index].next = index < frameCapacity ? UInt32(index + 1) : 0
    }
    freeRecord = frameCapacity > 0 ? 1 : 0
    self.queues = queues
    self.records = records
    self.channels = channels
  }

  /// Takes queues into service, scheduled on a channel's work queue.
  func initialize(
    _ range: QueueRange, owner: Int, channel: (Int) -> Int, workQueue: WorkQueue, contextB: UInt32
  ) {
    for (index, fqid) in range.rawValues.enumerated() {
      var queue = FrameQueue()
      queue.state = .tentativelyScheduled
      queue.give(to: owner)
      queue.channel = UInt16(channel(index))
      queue.workQueue = workQueue.rawValue & 7
      queue.contextB = contextB
      queues.base[Int(fqid)] = queue
    }
  }

  /// Says who may enqueue to queues that are not in service yet.
  func own(_ range: QueueRange, owner: Int) {
    for fqid in range.rawValues { queues.base[Int(fqid)].give(to: owner) }
  }

  /// Puts a frame at the end of a queue, whose number must be less than `queues.count`, and
  /// schedules the queue.
  @inline(__always)
  mutating func enqueue(_ frame: FrameDescriptor, to fqid: UInt32) -> Verdict {
    let queue = queues.base + Int(fqid)
    switch queue.pointee.state {
    case .outOfService, .retired: return .badState
    default: break
    }
    if queue.pointee.count == 0 {
      queue.pointee.first = frame
    } else {
      let record = freeRecord
      guard record != 0 else { return .exhausted }
      freeRecord = records.base[Int(record)].next
      records.base[Int(record)].frame = frame
      records.base[Int(record)].next = 0
      if queue.pointee.count == 1 {
        queue.pointee.head = record
      } else {
        records.base[Int(queue.pointee.tail)].next = record
      }
      queue.pointee.tail = record
    }
    queue.pointee.count &+= 1
    queue.pointee.bytes &+= frame.length
    queue.pointee.enqueued &+= 1
    frameCount &+= 1
    if queue.pointee.state == .tentativelyScheduled {
      queue.pointee.state = .trulyScheduled
      schedule(fqid, queue)
    }
    return .accepted
  }

  /// Takes the first frame of a queue that is not empty.
  @inline(__always)
  mutating func pop(_ queue: UnsafeMutablePointer<FrameQueue>) -> FrameDescriptor {
    let frame = queue.pointee.first
    queue.pointee.count &-= 1
    queue.pointee.bytes &-= frame.length
    frameCount &-= 1
    if queue.pointee.count > 0 {
      let record = queue.pointee.head
      queue.pointee.first = records.base[Int(record)].frame
      queue.pointee.head = records.base[Int(record)].next
      records.base[Int(record)].next = freeRecord
      freeRecord = record
    }
    return frame
  }

  /// Appends a queue to its work queue.
  @inline(__always)
  private func schedule(_ fqid: UInt32, _ queue: UnsafeMutablePointer<FrameQueue>) {
    let channel = channels.base + Int(queue.pointee.channel)
    let workQueue = Int(queue.pointee.workQueue)
    queue.pointee.next = 0
    if channel.pointee.nonEmpty & (1 &<< UInt8(workQueue)) == 0 {
      channel.pointee.nonEmpty |= 1 &<< UInt8(workQueue)
      channel.pointee.heads[workQueue] = fqid
    } else {
      queues.base[Int(channel.pointee.tails[workQueue])].next = fqid
    }
    channel.pointee.tails[workQueue] = fqid
  }

  /// Chooses the queue that a channel serves next, and takes it off its work queue; `nil` when
  /// nothing waits. Give it back with ``reschedule(_:)``.
  ///
  /// Work queues 0 and 1 are strict. For 2 to 7 the hardware has weights whose formula is not
  /// known to us; with Linux's equal weights they take turns here.
  @inline(__always)
  func select(_ channelIndex: Int) -> UInt32? {
    let channel = channels.base + channelIndex
    let nonEmpty = channel.pointee.nonEmpty
    guard nonEmpty != 0 else { return nil }
    let workQueue: Int
    if nonEmpty & 0b11 != 0 {
      workQueue = nonEmpty & 1 != 0 ? 0 : 1
    } else {
      let turn = channel.pointee.turn
      let behind = nonEmpty &>> turn
      workQueue =
        behind != 0
        ? Int(turn) &+ behind.trailingZeroBitCount : nonEmpty.trailingZeroBitCount
      channel.pointee.turn = workQueue >= 7 ? 2 : UInt8(truncatingIfNeeded: workQueue &+ 1)
    }
    let fqid = channel.pointee.heads[workQueue]
    let next = queues.base[Int(fqid)].next
    channel.pointee.heads[workQueue] = next
    if next == 0 { channel.pointee.nonEmpty &= ~(1 &<< UInt8(workQueue)) }
    queues.base[Int(fqid)].state = .active
    return fqid
  }

  /// Ends a queue's turn: back to the tail of its work queue, or off when it is empty.
  @inline(__always)
  func reschedule(_ fqid: UInt32) {
    let queue = queues.base + Int(fqid)
    if queue.pointee.count > 0 {
      queue.pointee.state = .trulyScheduled
      schedule(fqid, queue)
    } else {
      queue.pointee.state = .tentativelyScheduled
    }
  }
}
