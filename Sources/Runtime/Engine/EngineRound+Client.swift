import DPAAPortal

/// What is different for a client that owns its memory: its pools hold what it puts there, and it
/// may count its queues and pools in two ways.
extension EngineTables {
  /// How a client numbers its queues, or its pools.
  enum Numbering {
    /// It has not shown yet; both are understood.
    case open
    /// Within its partition: queues from 1, pools from 0.
    case partition
    /// As the plan does.
    case plan
  }

  /// What a client's numbers mean.
  ///
  /// Mainline drivers believe that the whole of QMan is theirs and allocate from the lowest number
  /// on (Linux 6.1, `drivers/soc/fsl/qbman/qman_ccsr.c`, `bman_ccsr.c`); drivers of the SDK read
  /// from their tree which numbers are theirs. A client shows with the first queue that it
  /// initialises, and the first pool that it releases to, which of the two it is.
  struct ClientNumbers {
    var queues = Numbering.open
    var pools = Numbering.open
    /// What is meant by a number that both ways have.
    var whenBoth = Numbering.plan
    /// The pools by both ways.
    var partitionPools: PoolSet = []
    var planPools: PoolSet = []
  }

  /// Settles how the client numbers its queues, by one that it names; the first of its runs is the
  /// numbering within the partition, the others are the plan's.
  mutating func settleQueues(by fqid: UInt32) {
    guard isClient, case .open = numbers.queues else { return }
    let runs = owners.base[0].firstRange..<owners.base[0].firstRange + owners.base[0].rangeCount
    let matches = runs.filter { fqid &- ranges.base[$0].first < ranges.base[$0].count }
    guard let first = matches.first else { return }
    let isPartition =
      matches.count > 1 ? numbers.whenBoth == .partition : first == runs.lowerBound
    settleQueues(isPartition ? .partition : .plan)
  }

  /// Settles how the client numbers its queues.
  mutating func settleQueues(_ numbering: Numbering) {
    numbers.queues = numbering
    switch numbering {
    case .open: return
    case .partition: owners.base[0].rangeCount = 1
    case .plan:
      owners.base[0].firstRange += 1
      owners.base[0].rangeCount -= 1
    }
    for index in 0..<portals.count {
      portals.base[index].queues = ranges.base[owners.base[0].firstRange]
    }
  }

  /// Settles how the client numbers its pools.
  mutating func settlePools(_ numbering: Numbering) {
    numbers.pools = numbering
    clientPools.allowed =
      switch numbering {
      case .open: numbers.partitionPools.union(numbers.planPools)
      case .partition: numbers.partitionPools
      case .plan: numbers.planPools
      }
  }

  private mutating func settlePools(by pool: UInt8) {
    guard case .open = numbers.pools else { return }
    let (isPartition, isPlan) = (numbers.partitionPools.has(pool), numbers.planPools.has(pool))
    settlePools(isPartition && isPlan ? numbers.whenBoth : isPartition ? .partition : .plan)
  }

  // MARK: Buffers

  /// Puts a buffer into a pool of a client; `false` when it may not name that, or when the buffer is
  /// free already.
  mutating func releaseForClient(_ address: UInt64, to pool: UInt8) -> Bool {
    guard clientPools.isAllowed(pool) else { return false }
    settlePools(by: pool)
    return clientPools.release(address, to: pool)
  }

  /// Takes buffers from a pool of a client; how many, all or none.
  func acquireForClient(
    _ count: Int, from pool: UInt8, _ answer: inout CommandImage
  ) -> Int {
    guard clientPools.isAllowed(pool) else {
      counters.add(.strayBuffers, 0)
      return 0
    }
    guard clientPools.freeCount(pool) >= count else { return 0 }
    var granted = 0
    while granted < count, let address = clientPools.acquire(from: pool) {
      answer.words[granted] = address
      granted += 1
    }
    return granted
  }
}

/// Bits of the managers' error registers (Linux 6.1, `drivers/soc/fsl/qbman/qman_ccsr.c`,
/// `bman_ccsr.c`, which name them; which mistake sets which is our reading of the names).
enum ManagerError {
  /// QMan: an enqueue named no queue.
  static let invalidEnqueueQueue: UInt32 = 0x1
  /// QMan: an enqueue named a queue that is out of service or retired.
  static let invalidEnqueueState: UInt32 = 0x4
  /// QMan: a volatile or pull command named no queue.
  static let invalidDequeueQueue: UInt32 = 0x100
  /// QMan: a volatile or pull command named a queue that is scheduled or out of service.
  static let invalidDequeueState: UInt32 = 0x400
  /// QMan: a queue was to be stopped or to go on that is not scheduled.
  static let invalidFlowState: UInt32 = 0x2_0000
  /// QMan: a management command was none.
  static let invalidCommand: UInt32 = 0x1_0000
  /// BMan: a command was none.
  static let invalidBufferCommand: UInt32 = 0x10
}
