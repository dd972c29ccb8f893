import DPAAPortal

/// The life of a frame queue: which command is legal in which state, and what follows.
///
/// Sources: Linux 6.1, `drivers/soc/fsl/qbman/qman.c` (`qman_init_fq`, `qman_schedule_fq`,
/// `qman_retire_fq`, `qman_oos_fq`, `qman_shutdown_fq`). Drivers refuse what is illegal before they
/// ask the hardware, so that it answers `ERR_FQSTATE` is our reading.
extension QueueManager {
  /// Whether `INITFQ` is legal.
  func canInitialize(_ fqid: UInt32) -> Bool {
    switch queues.base[Int(fqid)].state {
    case .outOfService, .parked: true
    default: false
    }
  }

  /// Schedules a parked queue.
  func schedule(_ fqid: UInt32) -> UInt8 {
    let queue = queues.base + Int(fqid)
    guard queue.pointee.state == .parked else { return CommandResult.badState }
    guard queue.pointee.channel != 0 else { return CommandResult.badChannel }
    reschedule(fqid)
    return CommandResult.ok
  }

  /// Makes a scheduled queue eligible for one turn, whatever it holds. Much of this is not known to
  /// us: here the turn may give a null entry, and a stopped queue stays stopped.
  func forceEligible(_ fqid: UInt32) -> UInt8 {
    let queue = queues.base + Int(fqid)
    guard queue.pointee.state.isScheduled else { return CommandResult.badState }
    queue.pointee.flags.insert(.forceEligible)
    if queue.pointee.state == .tentativelyScheduled { reschedule(fqid) }
    return CommandResult.ok
  }

  /// Stops a scheduled queue, or lets it go on.
  func setFlow(_ fqid: UInt32, isOn: Bool) -> UInt8 {
    let queue = queues.base + Int(fqid)
    guard queue.pointee.state.isScheduled else { return CommandResult.badState }
    if isOn {
      queue.pointee.flags.remove(.stopped)
      if queue.pointee.state == .tentativelyScheduled { reschedule(fqid) }
    } else {
      // One that waits in a work queue leaves it when its turn comes.
      queue.pointee.flags.insert(.stopped)
    }
    return CommandResult.ok
  }

  /// What a retirement says of a queue's content.
  func retirementStatus(_ fqid: UInt32) -> UInt8 {
    let isEmpty = queues.base[Int(fqid)].count == 0
    let hasList = settings.base[Int(fqid)].restorationList != 0
    return (isEmpty ? 0 : RetirementStatus.notEmpty)
      | (hasList ? RetirementStatus.restorationListPresent : 0)
  }

  /// Retires a queue: at once, or when it leaves the portal that serves it; then `portal` is told.
  func retire(_ fqid: UInt32, portal: Int) -> UInt8 {
    let queue = queues.base + Int(fqid)
    switch queue.pointee.state {
    case .parked, .tentativelyScheduled:
      endScheduledLife(fqid)
      return CommandResult.ok
    case .trulyScheduled, .active:
      guard !queue.pointee.flags.contains(.retirementRequested) else {
        return CommandResult.badState
      }
      queue.pointee.flags.insert(.retirementRequested)
      settings.base[Int(fqid)].retirementPortal = UInt16(portal)
      return CommandResult.pending
    case .outOfService, .retired: return CommandResult.badState
    }
  }

  /// The queue is the scheduler's no more.
  func endScheduledLife(_ fqid: UInt32) {
    let queue = queues.base + Int(fqid)
    queue.pointee.state = .retired
    queue.pointee.flags.formIntersection(.lasting)
  }

  /// Takes a retired queue out of service that holds nothing, and whose order-restoration list has been
  /// given back (that `ERR_NOTEMPTY` says so of the list too is our reading). Its descriptor is zeros again: what the next `INITFQ`
  /// does not name starts from there.
  func takeOutOfService(_ fqid: UInt32) -> UInt8 {
    let queue = queues.base + Int(fqid)
    guard queue.pointee.state == .retired else { return CommandResult.badState }
    guard queue.pointee.count == 0, settings.base[Int(fqid)].restorationList == 0,
      !settings.base[Int(fqid)].marks.contains(.isReturning)
    else { return CommandResult.notEmpty }
    clear(fqid)
    return CommandResult.ok
  }

  /// Puts a queue back to what it was before anybody used it, but for the count of its frames.
  func clear(_ fqid: UInt32) {
    let enqueued = queues.base[Int(fqid)].enqueued
    queues.base[Int(fqid)] = FrameQueue()
    queues.base[Int(fqid)].enqueued = enqueued
    var clean = QueueSettings()
    if settings.base[Int(fqid)].marks.contains(.isReady) {
      // The list of points that can go on leads through it.
      clean.marks = .isReady
      clean.nextReady = settings.base[Int(fqid)].nextReady
    }
    if settings.base[Int(fqid)] != clean { settings.base[Int(fqid)] = clean }
  }

  /// Parks a held queue that its portal let go, or gives it back to the scheduler.
  ///
  /// - Returns: Whether it was parked.
  func endHold(_ fqid: UInt32) -> Bool {
    let queue = queues.base + Int(fqid)
    let parks = queue.pointee.flags.contains(.parkRequested)
    queue.pointee.flags.subtract([.held, .parkRequested])
    if parks {
      queue.pointee.state = .parked
      queue.pointee.flags.subtract([.forceEligible, .stopped])
    } else {
      reschedule(fqid)
    }
    return parks
  }
}

/// The write-enable bits of `INITFQ`, bytes 2 and 3 of the command
/// (Linux 6.1, `include/soc/fsl/qman.h`, `QM_INITFQ_WE_*`).
enum InitializationField {
  static let accounting: UInt16 = 0x0100
  static let restoration: UInt16 = 0x0080
  static let group: UInt16 = 0x0040
  static let control: UInt16 = 0x0020
  static let destination: UInt16 = 0x0010
  static let credit: UInt16 = 0x0008
  static let threshold: UInt16 = 0x0004
  static let contextB: UInt16 = 0x0002
  static let contextA: UInt16 = 0x0001
}

/// The 24-byte image of a frame queue in `INITFQ` and `QUERYFQ`
/// (Linux 6.1, `include/soc/fsl/qman.h`, `struct qm_fqd`).
extension QueueManager {
  /// Whether a command writes the destination.
  static func writesDestination(_ command: CommandImage) -> Bool {
    command.half(2) & InitializationField.destination != 0
  }

  /// Writes the fields that a command names and parks the queue; `channel` is the place of the
  /// destination's channel, when the command writes that.
  mutating func write(_ command: CommandImage, to fqid: UInt32, channel: UInt16) {
    let mask = command.half(2)
    let queue = queues.base + Int(fqid)
    let settings = settings.base + Int(fqid)
    touch(fqid)
    let (frames, bytes) = (Int64(queue.pointee.count), Int64(queue.pointee.bytes))
    // What it holds moves from its old group to its new one.
    account(fqid, frames: -frames, bytes: -bytes)
    if mask & InitializationField.restoration != 0 {
      settings.pointee.restoration = command.byte(10) & 0x3f
    }
    if mask & InitializationField.group != 0 { queue.pointee.group = command.byte(11) }
    if mask & InitializationField.control != 0 {
      queue.pointee.control = command.half(12)
      queue.pointee.followControl()
    }
    if mask & InitializationField.destination != 0 {
      settings.pointee.destination = command.half(14)
      queue.pointee.channel = channel
      queue.pointee.workQueue = UInt8(truncatingIfNeeded: command.half(14)) & 7
    }
    if mask & InitializationField.credit != 0 {
      settings.pointee.credit = command.half(16) & 0x7fff
      settings.pointee.surplus = 0
      if settings.pointee.credit > 0 {
        queue.pointee.flags.insert(.hasCredit)
      } else {
        queue.pointee.flags.remove(.hasCredit)
      }
    }
    // The two share a place; a command that names both means the threshold here.
    if mask & InitializationField.threshold != 0 {
      queue.pointee.threshold = command.half(18) & 0x1fff
      settings.pointee.hasAccounting = false
    } else if mask & InitializationField.accounting != 0 {
      queue.pointee.threshold = command.half(18) & 0xc0ff
      settings.pointee.hasAccounting = true
    }
    if mask & InitializationField.contextB != 0 { queue.pointee.contextB = command.word(20) }
    if mask & InitializationField.contextA != 0 { settings.pointee.contextA = command.double(24) }
    account(fqid, frames: frames, bytes: bytes)
    queue.pointee.state = .parked
  }

  /// The image of a queue, for `QUERYFQ`.
  func image(of fqid: UInt32) -> CommandImage {
    let queue = queues.base[Int(fqid)]
    let settings = settings.base[Int(fqid)]
    var line = CommandImage()
    line.set(10, byte: settings.restoration)
    line.set(11, byte: queue.group)
    line.set(12, half: queue.control)
    line.set(14, half: settings.destination)
    line.set(16, half: settings.credit)
    line.set(settings.hasAccounting ? 32 : 18, half: queue.threshold)
    line.set(20, word: queue.contextB)
    line.set(24, double: settings.contextA)
    return line
  }

  /// The non-programmable fields, for `QUERYFQ_NP`.
  func stateImage(of fqid: UInt32) -> CommandImage {
    let queue = queues.base[Int(fqid)]
    var line = CommandImage()
    var state = queue.state.rawValue
    if queue.flags.contains(.forceEligible) { state |= 0x10 }
    if queue.flags.contains(.retirementRequested) { state |= 0x08 }
    line.set(3, byte: state)
    line.set(4, word: queue.next)
    line.set(8, half: queue.sequence & 0x3fff)
    line.set(10, half: settings.base[Int(fqid)].nextExpected)
    line.set(38, half: UInt16(truncatingIfNeeded: settings.base[Int(fqid)].surplus) & 0x7fff)
    line.set(40, word: queue.bytes)
    line.set(44, word: queue.count & 0xff_ffff)
    return line
  }
}
