import DPAAPortal

extension QueueManager {
  /// Goes on from where another manager is, with the queues that go on: their frames, their state, and their turn.
  ///
  /// - Parameters:
  ///   - other: The other manager, whose other queues hold nothing any more.
  ///   - kept: The queues that go on.
  ///   - channels: The place here of each channel there; 0 for one that nobody serves here.
  ///   - portals: The place here of each portal there; -1 for one that is gone.
  func takeOver(
    from other: borrowing QueueManager, _ kept: KeptQueues, channels: [Int], portals: [Int]
  ) {
    precondition(
      Int(other.book.pointee.freshRecord) <= records.count,
      "another configuration has room for all frames")
    records.base.update(from: other.records.base, count: Int(other.book.pointee.freshRecord))
    book.pointee = other.book.pointee
    kept.forEach(in: other) { fqid in
      var queue = other.queues.base[Int(fqid)]
      queue.channel = UInt16(channels[Int(queue.channel)])
      queue.next = 0
      queues.base[Int(fqid)] = queue
      var settings = other.settings.base[Int(fqid)]
      settings.marks.remove(.isReady)
      settings.nextReady = 0
      settings.retirementPortal = UInt16(max(0, portals[Int(settings.retirementPortal)]))
      self.settings.base[Int(fqid)] = settings
      touch(fqid)
    }
    // In the order in which they wait there.
    for channel in channels.indices {
      let place = channels[channel]
      for number in 0..<8 where other.channels.base[channel].nonEmpty >> number & 1 == 1 {
        var fqid = other.workQueue(number, of: channel).pointee.head
        while fqid != 0 {
          if kept.contains(fqid) { append(fqid, queues.base + Int(fqid)) }
          fqid = other.queues.base[Int(fqid)].next
        }
      }
      if place != 0 { self.channels.base[place].takeTurn(of: other.channels.base[channel]) }
    }
  }
}

/// The queues that go on from one configuration to another, as runs in ascending order.
struct KeptQueues {
  private let runs: [EngineTables.QueueRun]

  init(_ runs: [EngineTables.QueueRun]) { self.runs = runs.sorted { $0.first < $1.first } }

  /// Whether a queue is one of them.
  func contains(_ fqid: UInt32) -> Bool {
    var (low, high) = (0, runs.count)
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].first <= fqid { low = middle + 1 } else { high = middle }
    }
    return low > 0 && fqid - runs[low - 1].first < runs[low - 1].count
  }

  /// Calls `body` with those of them that were ever in service.
  func forEach(in qman: borrowing QueueManager, _ body: (UInt32) -> Void) {
    for run in runs {
      for fqid in run.first..<run.first + run.count where qman.isTouched(fqid) { body(fqid) }
    }
  }
}
