import DPAAPortal
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

@Suite struct QueueManagerTests {
  private static func frame(_ number: UInt32, length: UInt32 = 60) -> FrameDescriptor {
    FrameDescriptor(
      bpid: 1, address: UInt64(number) << 8, offset: 64, length: length, command: number)
  }

  /// Queues, work queues and channels as plain arrays.
  private struct Model {
    struct Queue {
      var frames: [FrameDescriptor] = []
      var channel: Int
      var workQueue: Int
      var enqueued: UInt64 = 0
    }
    var queues: [UInt32: Queue] = [:]
    var scheduled: [[[UInt32]]]
    var turns: [Int]

    init(channels: Int) {
      scheduled = Array(repeating: Array(repeating: [], count: 8), count: channels)
      turns = Array(repeating: 2, count: channels)
    }

    mutating func enqueue(_ frame: FrameDescriptor, to fqid: UInt32, isActive: Bool) {
      queues[fqid]?.frames.append(frame)
      queues[fqid]?.enqueued += 1
      guard let queue = queues[fqid], queue.frames.count == 1, !isActive else { return }
      scheduled[queue.channel][queue.workQueue].append(fqid)
    }

    /// Work queue 0, then 1, then 2 to 7 in turn.
    mutating func select(_ channel: Int) -> UInt32? {
      let order = [0, 1] + (0..<6).map { (turns[channel] - 2 + $0) % 6 + 2 }
      guard let chosen = order.first(where: { !scheduled[channel][$0].isEmpty }) else { return nil }
      if chosen >= 2 { turns[channel] = chosen == 7 ? 2 : chosen + 1 }
      return scheduled[channel][chosen].removeFirst()
    }

    mutating func reschedule(_ fqid: UInt32) {
      guard let queue = queues[fqid], !queue.frames.isEmpty else { return }
      scheduled[queue.channel][queue.workQueue].append(fqid)
    }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `queues behave like plain arrays`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let channels = 1 + random.below(4)
    let queueCount = 2 + random.below(40)
    let capacity = 1 + random.below(300)
    var manager = try QueueManager(
      queueCount: queueCount, frameCapacity: capacity, channelCount: channels)
    var model = Model(channels: channels)
    for fqid in 1..<UInt32(queueCount) {
      let (channel, workQueue) = (random.below(channels), random.below(8))
      manager.initialize(
        QueueRange(first: FQID(fqid), count: 1), channel: { _ in channel },
        workQueue: WorkQueue(UInt8(workQueue)), contextB: fqid)
      model.queues[fqid] = Model.Queue(channel: channel, workQueue: workQueue)
    }
    var active: Set<UInt32> = []
    var total: UInt64 = 0
    for number in 0..<20_000 as Range<UInt32> {
      let fqid = 1 + UInt32(random.below(queueCount - 1))
      switch random.below(5) {
      case 0, 1:
        let recordsUsed = model.queues.values.reduce(0) { $0 + max(0, $1.frames.count - 1) }
        let isFirst = model.queues[fqid]?.frames.isEmpty == true
        let frame = Self.frame(number, length: 1 + UInt32(random.below(1514)))
        let verdict = manager.enqueue(frame, to: fqid)
        try #require(
          (verdict == .accepted) == (isFirst || recordsUsed < capacity), "\(random)")
        guard verdict == .accepted else {
          #expect(verdict == .exhausted)
          continue
        }
        model.enqueue(frame, to: fqid, isActive: active.contains(fqid))
        total += 1
      case 2, 3:
        let channel = random.below(channels)
        let chosen = manager.select(channel)
        try #require(chosen == model.select(channel), "\(random)")
        guard let chosen else { continue }
        active.insert(chosen)
        for _ in 0..<random.below(4) {
          guard let expected = model.queues[chosen]?.frames.first else { break }
          let frame = manager.pop(chosen)
          model.queues[chosen]?.frames.removeFirst()
          try #require(frame == expected, "\(random)")
          total -= 1
        }
        // Another channel's turn may come before this queue is given back.
        if random.below(2) == 0 { fallthrough }
      default:
        for fqid in active.sorted() {
          manager.reschedule(fqid)
          model.reschedule(fqid)
        }
        active = []
      }
      let entry = manager.queues.base[Int(fqid)]
      let queue = try #require(model.queues[fqid])
      try #require(Int(entry.count) == queue.frames.count, "\(random)")
      try #require(entry.bytes == queue.frames.reduce(0) { $0 + $1.length }, "\(random)")
      try #require(entry.enqueued == queue.enqueued, "\(random)")
      try #require(manager.frameCount == total, "\(random)")
    }
  }

  @Test func `frames leave a queue in the order in which they came`() throws {
    var manager = try QueueManager(queueCount: 2, frameCapacity: 100, channelCount: 1)
    manager.initialize(
      QueueRange(first: 1, count: 1), channel: { _ in 0 }, workQueue: 3, contextB: 0)
    for number in 0..<101 as Range<UInt32> {
      #expect(manager.enqueue(Self.frame(number), to: 1) == .accepted)
    }
    #expect(manager.enqueue(Self.frame(0), to: 1) == .exhausted)
    #expect(manager.select(0) == 1)
    #expect(manager.select(0) == nil, "an active queue is chosen once")
    for number in 0..<101 as Range<UInt32> {
      #expect(manager.pop(1).command == number)
    }
    manager.reschedule(1)
    #expect(manager.select(0) == nil)
    #expect(manager.frameCount == 0)
  }

  @Test func `work queue 0 goes before 1, and 1 before the rest, which take turns`() throws {
    var manager = try QueueManager(queueCount: 20, frameCapacity: 100, channelCount: 1)
    for fqid in 1...8 as ClosedRange<UInt32> {
      manager.initialize(
        QueueRange(first: FQID(fqid), count: 1), channel: { _ in 0 },
        workQueue: WorkQueue(UInt8(8 - fqid)), contextB: 0)
      for _ in 0..<2 { #expect(manager.enqueue(Self.frame(fqid), to: fqid) == .accepted) }
    }
    var order: [UInt32] = []
    while let fqid = manager.select(0) {
      _ = manager.pop(fqid)
      manager.reschedule(fqid)
      order.append(fqid)
    }
    #expect(order == [8, 8, 7, 7, 6, 5, 4, 3, 2, 1, 6, 5, 4, 3, 2, 1])
  }

  @Test func `queues of one work queue take turns`() throws {
    var manager = try QueueManager(queueCount: 8, frameCapacity: 100, channelCount: 2)
    manager.initialize(
      QueueRange(first: 2, count: 4), channel: { $0 % 2 }, workQueue: 3, contextB: 0)
    for fqid in 2...5 as ClosedRange<UInt32> {
      for _ in 0..<3 { #expect(manager.enqueue(Self.frame(fqid), to: fqid) == .accepted) }
    }
    for channel in 0..<2 as Range<UInt32> {
      var order: [UInt32] = []
      while let fqid = manager.select(Int(channel)) {
        _ = manager.pop(fqid)
        manager.reschedule(fqid)
        order.append(fqid - channel)
      }
      #expect(order == [2, 4, 2, 4, 2, 4])
    }
  }

  @Test func `a queue out of service takes nothing`() throws {
    var manager = try QueueManager(queueCount: 4, frameCapacity: 4, channelCount: 1)
    #expect(manager.enqueue(Self.frame(1), to: 1) == .badState)
    manager.initialize(
      QueueRange(first: 1, count: 1), channel: { _ in 0 }, workQueue: 3, contextB: 0)
    #expect(manager.enqueue(Self.frame(1), to: 1) == .accepted)
    #expect(manager.enqueue(Self.frame(1), to: 2) == .badState)
    manager.queues.base[1].state = .retired
    #expect(manager.enqueue(Self.frame(1), to: 1) == .badState)
    #expect(manager.frameCount == 1)
  }
}
