import DPAAPortal
import QorIQ

// SAFETY: the tables live as long as the manager. FQIDs from outside are compared with
// `queues.count` before any table is read; record numbers and queue links come from the tables
// themselves.
/// The queue manager's tables: frame queues, their frames, and the channels that serve them.
///
/// One thread owns it; no call allocates, locks or searches. Frames stand here; the life of queues
/// is in `QueueManager+States.swift`, their congestion groups in `CongestionGroup.swift`.
struct QueueManager: ~Copyable {
  let queues: FlatTable<FrameQueue>
  let settings: FlatTable<QueueSettings>
  let records: FlatTable<FrameRecord>
  let channels: FlatTable<Channel>
  private let workQueues: FlatTable<WorkQueueLine>
  let groups: FlatTable<CongestionGroup>
  private let touched: FlatTable<UInt8>
  private let books: FlatTable<Books>

  /// What changes with every frame; behind a pointer, so that no caller copies the manager about.
  struct Books: BitwiseCopyable {
    var freeRecord: UInt32 = 0
    /// Records from here on were never used; their memory is not touched.
    var freshRecord: UInt32 = 1
    /// Frames in all queues.
    var frameCount: UInt64 = 0
    /// Congestion groups changed their state; each says so itself.
    var hasCongestionNews = false
    /// What random early discard draws from.
    var random: UInt64 = 0x9e37_79b9_7f4a_7c15
  }
  /// What changes with every frame.
  @inline(__always)
  var book: UnsafeMutablePointer<Books> { books.base }
  /// Frames in all queues.
  var frameCount: UInt64 { book.pointee.frameCount }

  /// What became of a frame.
  enum Verdict {
    case accepted
    /// The queue is out of service or retired.
    case badState
    /// No record is left for another frame.
    case exhausted
    /// The queue is longer than its threshold.
    case tailDrop
    /// Its congestion group is congested.
    case congestion
    /// Its congestion group's early discard chose the frame.
    case earlyDiscard
  }

  /// How many queues share a mark that one of them was in service.
  private static let touchedShift: UInt32 = 6

  /// Creates a manager for `queueCount` FQIDs, `frameCapacity` frames and `channelCount` channels;
  /// channel 0 is the one that nobody serves.
  init(queueCount: Int, frameCapacity: Int, channelCount: Int) throws(EngineError) {
    checkRecordLayouts()
    let queues = try FlatTable<FrameQueue>(count: queueCount)
    let settings = try FlatTable<QueueSettings>(count: queueCount)
    // Record 0 means none.
    let records = try FlatTable<FrameRecord>(count: frameCapacity + 1)
    let channels = try FlatTable<Channel>(count: channelCount)
    let workQueues = try FlatTable<WorkQueueLine>(count: 8 * channelCount)
    let groups = try FlatTable<CongestionGroup>(count: CongestionGroup.count)
    let touched = try FlatTable<UInt8>(count: (queueCount >> Int(Self.touchedShift)) + 1)
    for index in 0..<channelCount { channels.base[index] = Channel() }
    for index in 0..<CongestionGroup.count { groups.base[index] = CongestionGroup() }
    let books = try FlatTable<Books>(count: 1)
    books.base.pointee = Books()
    self.books = books
    self.queues = queues
    self.settings = settings
    self.records = records
    self.channels = channels
    self.workQueues = workQueues
    self.groups = groups
    self.touched = touched
  }

  /// Takes queues into service, scheduled on a channel's work queue, and into a congestion group; those in which
  /// frames wait stay as they are.
  func initialize(
    _ range: QueueRange, channel: (Int) -> Int, workQueue: WorkQueue, contextB: UInt32,
    group: UInt8? = nil
  ) {
    for (index, fqid) in range.rawValues.enumerated() where queues.base[Int(fqid)].count == 0 {
      var queue = FrameQueue()
      queue.enqueued = queues.base[Int(fqid)].enqueued
      queue.state = .tentativelyScheduled
      queue.channel = UInt16(channel(index))
      queue.workQueue = workQueue.rawValue & 7
      queue.contextB = contextB
      if let group {
        queue.control = QueueControl.congestionGroup
        queue.group = group
        queue.followControl()
      }
      queues.base[Int(fqid)] = queue
      settings.base[Int(fqid)].destination =
        channels.base[channel(index)].number << 3 | UInt16(queue.workQueue)
      touch(fqid)
    }
  }

  /// Notes that a queue's descriptor is more than zeros.
  func touch(_ fqid: UInt32) { touched.base[Int(fqid >> Self.touchedShift)] = 1 }

  /// Whether a queue may ever have been in service; asks without touching its descriptor.
  @inline(__always)
  func isTouched(_ fqid: UInt32) -> Bool {
    touched.base[Int(fqid >> Self.touchedShift)] != 0
  }

  // MARK: Frames

  /// Puts a frame at the end of a queue, whose number must be less than `queues.count`, and
  /// schedules the queue. Colour 0 is green, 1 yellow, 2 red; 3 overrides early discard.
  @inline(__always)
  mutating func enqueue(_ frame: FrameDescriptor, to fqid: UInt32, colour: UInt8 = 0) -> Verdict {
    let queue = queues.base + Int(fqid)
    guard queue.pointee.state.acceptsFrames else { return .badState }
    guard queue.pointee.flags.isEmpty else {
      return enqueueByRules(frame, to: fqid, colour: colour)
    }
    guard store(frame, in: queue) else { return .exhausted }
    if queue.pointee.state == .tentativelyScheduled {
      queue.pointee.state = .trulyScheduled
      append(fqid, queue)
    }
    return .accepted
  }

  /// The same for a queue with flags: it may refuse the frame, count it for others, or be stopped.
  @inline(never)
  private mutating func enqueueByRules(
    _ frame: FrameDescriptor, to fqid: UInt32, colour: UInt8
  ) -> Verdict {
    let queue = queues.base + Int(fqid)
    let verdict = admit(frame, fqid, colour: colour)
    guard case .accepted = verdict else { return verdict }
    guard store(frame, in: queue) else { return .exhausted }
    account(fqid, frames: 1, bytes: Int64(frame.length))
    if queue.pointee.state == .tentativelyScheduled, !queue.pointee.flags.contains(.stopped) {
      queue.pointee.state = .trulyScheduled
      append(fqid, queue)
    }
    return .accepted
  }

  /// Puts a frame behind the others of a queue; `false` when no record is left for it.
  @inline(__always)
  private func store(_ frame: FrameDescriptor, in queue: UnsafeMutablePointer<FrameQueue>) -> Bool {
    if queue.pointee.count == 0 {
      queue.pointee.first = frame
    } else {
      guard let record = takeRecord() else { return false }
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
    book.pointee.frameCount &+= 1
    return true
  }

  @inline(__always)
  private func takeRecord() -> UInt32? {
    let record = book.pointee.freeRecord
    if record != 0 {
      book.pointee.freeRecord = records.base[Int(record)].next
      return record
    }
    guard Int(book.pointee.freshRecord) < records.count else { return nil }
    book.pointee.freshRecord &+= 1
    return book.pointee.freshRecord &- 1
  }

  /// Takes the first frame of a queue that is not empty. `isPlain` says that it has no flags.
  @inline(__always)
  mutating func pop(_ fqid: UInt32, isPlain: Bool = false) -> FrameDescriptor {
    let queue = queues.base + Int(fqid)
    let frame = queue.pointee.first
    queue.pointee.count &-= 1
    queue.pointee.bytes &-= frame.length
    book.pointee.frameCount &-= 1
    if queue.pointee.count > 0 {
      let record = queue.pointee.head
      queue.pointee.first = records.base[Int(record)].frame
      queue.pointee.head = records.base[Int(record)].next
      records.base[Int(record)].next = book.pointee.freeRecord
      book.pointee.freeRecord = record
    }
    if !isPlain, queue.pointee.flags.contains(.isAccounted) {
      account(fqid, frames: -1, bytes: -Int64(frame.length))
    }
    return frame
  }

  // MARK: Scheduling

  /// A work queue of a channel.
  @inline(__always)
  func workQueue(_ number: Int, of channel: Int) -> UnsafeMutablePointer<WorkQueueLine> {
    workQueues.base + (channel &* 8 &+ number)
  }

  /// Appends a queue to its work queue.
  @inline(__always)
  func append(_ fqid: UInt32, _ queue: UnsafeMutablePointer<FrameQueue>) {
    let channel = channels.base + Int(queue.pointee.channel)
    let number = queue.pointee.workQueue
    let line = workQueue(Int(number), of: Int(queue.pointee.channel))
    queue.pointee.next = 0
    line.pointee.length &+= 1
    if channel.pointee.nonEmpty & (1 &<< number) == 0 {
      channel.pointee.nonEmpty |= 1 &<< number
      line.pointee.head = fqid
    } else {
      queues.base[Int(line.pointee.tail)].next = fqid
    }
    line.pointee.tail = fqid
  }

  /// Puts a queue in front of its work queue: its turn goes on.
  func prepend(_ fqid: UInt32, _ queue: UnsafeMutablePointer<FrameQueue>) {
    let channel = channels.base + Int(queue.pointee.channel)
    let number = queue.pointee.workQueue
    let line = workQueue(Int(number), of: Int(queue.pointee.channel))
    line.pointee.length &+= 1
    if channel.pointee.nonEmpty & (1 &<< number) == 0 {
      queue.pointee.next = 0
      channel.pointee.nonEmpty |= 1 &<< number
      line.pointee.tail = fqid
    } else {
      queue.pointee.next = line.pointee.head
    }
    line.pointee.head = fqid
  }

  /// Takes every queue off a channel, when nobody will serve it any more.
  func clearChannel(_ index: Int) {
    channels.base[index].nonEmpty = 0
    for number in 0..<8 { workQueue(number, of: index).pointee = WorkQueueLine() }
  }

  /// Chooses the queue that a channel serves next, and takes it off its work queue; `nil` when
  /// nothing waits. Give it back with ``reschedule(_:)``. `allowed` names the work queues that are looked
  /// at, one bit each.
  @inline(__always)
  func select(_ channelIndex: Int, allowed: UInt8 = 0xff) -> UInt32? {
    let channel = channels.base + channelIndex
    while true {
      guard let number = channel.pointee.chooseWorkQueue(allowed) else { return nil }
      let line = workQueue(number, of: channelIndex)
      let fqid = line.pointee.head
      let queue = queues.base + Int(fqid)
      let next = queue.pointee.next
      line.pointee.head = next
      line.pointee.length &-= 1
      if next == 0 { channel.pointee.nonEmpty &= ~(1 &<< UInt8(truncatingIfNeeded: number)) }
      let flags = queue.pointee.flags
      if !flags.isEmpty, flags.contains(.stopped), !flags.contains(.retirementRequested) {
        // It was stopped while it waited.
        queue.pointee.state = .tentativelyScheduled
        continue
      }
      queue.pointee.state = .active
      return fqid
    }
  }

  /// Ends a queue's turn: back to the tail of its work queue, or off when it is empty.
  @inline(__always)
  func reschedule(_ fqid: UInt32) {
    let queue = queues.base + Int(fqid)
    if queue.pointee.flags.isEmpty ? queue.pointee.count > 0 : queue.pointee.isEligible {
      queue.pointee.state = .trulyScheduled
      append(fqid, queue)
    } else {
      queue.pointee.state = .tentativelyScheduled
    }
  }
}

extension FrameQueue {
  /// Whether a scheduled queue belongs on its work queue.
  var isEligible: Bool {
    if flags.contains(.retirementRequested) { return true }
    guard !flags.contains(.stopped) else { return false }
    return count > 0 || flags.contains(.forceEligible)
  }
}
