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
    /// The pools by both ways, one bit each.
    var partitionPools: UInt64 = 0
    var planPools: UInt64 = 0
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
      case .open: numbers.partitionPools | numbers.planPools
      case .partition: numbers.partitionPools
      case .plan: numbers.planPools
      }
  }

  private mutating func settlePools(by pool: UInt8) {
    guard case .open = numbers.pools else { return }
    let bit = (1 as UInt64) << UInt64(pool)
    let (isPartition, isPlan) = (
      numbers.partitionPools & bit != 0, numbers.planPools & bit != 0
    )
    settlePools(isPartition && isPlan ? numbers.whenBoth : isPartition ? .partition : .plan)
  }

  // MARK: Buffers

  /// Puts the buffers of a release command into the pools that they name.
  mutating func releaseForClient(_ command: BManPortal.Release) {
    let verb = command.verb & 0x70
    let count = Int(command.verb & 0xf)
    guard verb == Verb.release || verb == 0x30, count >= 1, count <= 8 else {
      counters.add(.strayBuffers, 0)
      errors.bman |= ManagerError.invalidBufferCommand
      return
    }
    for place in 0..<count {
      let word = command.words[place]
      // With verb 0x20 byte 1 of the first buffer names the pool of all.
      let pool = UInt8(
        truncatingIfNeeded: (verb == Verb.release ? command.words[0] : word) &>> 48)
      guard clientPools.isAllowed(pool) else {
        counters.add(.strayBuffers, 0)
        continue
      }
      settlePools(by: pool)
      if !clientPools.release(word & 0xffff_ffff_ffff, to: pool) {
        counters.add(.strayBuffers, 0)
      }
    }
  }

  /// Answers a client's command to BMan.
  mutating func answerClient(_ portal: UnsafeMutablePointer<EnginePortal>) {
    let command = portal.pointee.bman.commands.copy()
    let verb = command.byte(0) & 0x7f
    let count = Int(verb & 0xf)
    var answer = CommandImage()
    if verb == Verb.queryPools {
      answer.set(0, byte: verb)
      for pool in 0..<UInt8(ClientPools.count)
      where clientPools.isAllowed(pool) && clientPools.freeCount(pool) > 0 {
        answer.showAvailable(pool)
      }
    } else if verb & 0x70 == Verb.acquire, count >= 1, count <= 8 {
      let pool = command.byte(1)
      var granted = 0
      if !clientPools.isAllowed(pool) {
        counters.add(.strayBuffers, 0)
      } else if clientPools.freeCount(pool) >= count {
        while granted < count, let address = clientPools.acquire(from: pool) {
          answer.words[granted] = address
          granted += 1
        }
      }
      answer.set(0, byte: Verb.acquire | UInt8(granted))
      answer.set(1, byte: pool)
    } else {
      answer.set(0, byte: Verb.bmanInvalid)
      errors.bman |= ManagerError.invalidBufferCommand
    }
    portal.pointee.bman.commands.answer(answer)
  }
}

/// Bits of the managers' error registers (Linux 6.1, `drivers/soc/fsl/qbman/qman_ccsr.c`,
/// `bman_ccsr.c`).
enum ManagerError {
  /// QMan: an enqueue named no queue.
  static let invalidEnqueueQueue: UInt32 = 0x1
  /// QMan: a management command was none.
  static let invalidCommand: UInt32 = 0x1_0000
  /// BMan: a command was none.
  static let invalidBufferCommand: UInt32 = 0x10
}
