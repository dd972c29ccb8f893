/// The first byte of ring entries and commands, without the valid bit 0x80
/// (Linux 6.1, `drivers/soc/fsl/qbman/qman.c`, `bman.c`).
public enum Verb {
  /// EQCR: enqueue.
  public static let enqueue: UInt8 = 0x01
  /// EQCR: the command says something to an order-restoration point; without ``enqueue`` it bears
  /// no frame.
  public static let orderRestoration: UInt8 = 0x02
  /// EQCR: raise `EQCI` when this command is consumed (USDPAA, `include/usdpaa/fsl_qman.h`).
  public static let notifyConsumption: UInt8 = 0x04
  /// EQCR: the bits of the frame's colour.
  public static let colourMask: UInt8 = 0x18
  /// DQRR: a dequeued frame.
  public static let dequeueResponse: UInt8 = 0x60
  /// MR: a queue was retired some time after the command.
  public static let retired: UInt8 = 0x21
  /// MR: a queue was retired at once.
  public static let retiredImmediately: UInt8 = 0x22
  /// MR: a retired queue's order-restoration list was given back.
  public static let restorationListReturned: UInt8 = 0x23
  /// MR: a queue was parked.
  public static let parked: UInt8 = 0x24
  /// RCR: release buffers of the pool in byte 1; the low four bits are the count, 1 to 8.
  public static let release: UInt8 = 0x20
  /// RCR: release buffers, each of the pool in its own byte 1.
  public static let releaseEach: UInt8 = 0x30
  /// BMan command: acquire; the low four bits are the count, 1 to 8.
  public static let acquire: UInt8 = 0x10
  /// BMan command: which pools have buffers, and which are depleted.
  public static let queryPools: UInt8 = 0x40
  /// BMan response: the command was not understood.
  public static let bmanInvalid: UInt8 = 0x60
}

/// QMan's management commands: the verb without its valid bit
/// (Linux 6.1, `drivers/soc/fsl/qbman/qman.c`, `QM_MCC_VERB_*`; the rest from USDPAA,
/// `include/usdpaa/fsl_qman.h`).
public enum ManagementVerb {
  /// Initialise queues and leave them parked.
  public static let initializeParked: UInt8 = 0x40
  /// Initialise queues and schedule them.
  public static let initializeScheduled: UInt8 = 0x41
  /// A queue's programmable fields.
  public static let queryQueue: UInt8 = 0x44
  /// A queue's non-programmable fields.
  public static let queryQueueState: UInt8 = 0x45
  /// How many queues wait in the work queues of a channel.
  public static let queryWorkQueues: UInt8 = 0x46
  /// The same of the portal's dedicated channel.
  public static let queryDedicatedWorkQueues: UInt8 = 0x47
  /// Schedule a parked queue.
  public static let schedule: UInt8 = 0x48
  /// Make a queue eligible although it may be empty.
  public static let forceEligible: UInt8 = 0x49
  /// Retire a queue.
  public static let retire: UInt8 = 0x4a
  /// Take a retired queue out of service.
  public static let outOfService: UInt8 = 0x4b
  /// Let a stopped queue go on.
  public static let flowOn: UInt8 = 0x4d
  /// Stop a queue.
  public static let flowOff: UInt8 = 0x4e
  /// Initialise a congestion group.
  public static let initializeGroup: UInt8 = 0x50
  /// Change a congestion group.
  public static let modifyGroup: UInt8 = 0x51
  /// What a congestion group would do at a given fill.
  public static let testGroup: UInt8 = 0x52
  /// A congestion group's settings and fill.
  public static let queryGroup: UInt8 = 0x58
  /// Which congestion groups are congested.
  public static let queryCongestion: UInt8 = 0x59
}

/// Results of QMan's management commands, byte 1 of a response.
public enum CommandResult {
  /// Done.
  public static let ok: UInt8 = 0xf0
  /// No such queue.
  public static let badQueue: UInt8 = 0xf1
  /// The queue's state does not allow the command.
  public static let badState: UInt8 = 0xf2
  /// The queue holds frames.
  public static let notEmpty: UInt8 = 0xf3
  /// No such channel.
  public static let badChannel: UInt8 = 0xf4
  /// Begun; a message will tell the end.
  public static let pending: UInt8 = 0xf8
  /// Not a command.
  public static let badCommand: UInt8 = 0xff
}

/// Byte 1 of a dequeue response (Linux 6.1, `include/soc/fsl/qman.h`, `QM_DQRR_STAT_*`).
public enum DequeueStatus {
  /// The queue is empty after this frame.
  public static let queueEmpty: UInt8 = 0x80
  /// The queue is bound to this portal until the entry is consumed.
  public static let heldActive: UInt8 = 0x40
  /// The queue was served because it was forced.
  public static let forceEligible: UInt8 = 0x20
  /// The entry bears a frame.
  public static let frameValid: UInt8 = 0x10
  /// The entry answers a volatile or pull command for one queue.
  public static let unscheduled: UInt8 = 0x02
  /// The volatile or pull command is finished.
  public static let commandExpired: UInt8 = 0x01
}

/// What a retirement found in the queue: byte 1 of its message and byte 2 of its response.
public enum RetirementStatus {
  /// The queue holds frames.
  public static let notEmpty: UInt8 = 0x01
  /// The queue's order-restoration list holds frames.
  public static let restorationListPresent: UInt8 = 0x02
}

/// Why an enqueue came back: the high four bits of byte 4 of an enqueue rejection (ERN)
/// (Linux 6.1, `include/soc/fsl/qman.h`, `QM_MR_RC_*`).
public enum RejectionCode {
  /// The congestion group is congested.
  public static let congestion: UInt8 = 0x00
  /// The congestion group's random early discard chose this frame.
  public static let earlyDiscard: UInt8 = 0x10
  /// A wrong queue, or a descriptor that names what the sender does not hold.
  public static let error: UInt8 = 0x20
  /// The sequence number lies in front of the order-restoration window.
  public static let windowTooEarly: UInt8 = 0x30
  /// The sequence number lies behind the order-restoration window.
  public static let windowTooLate: UInt8 = 0x40
  /// The queue is longer than its threshold.
  public static let tailDrop: UInt8 = 0x50
  /// The order-restoration point was retired.
  public static let restorationRetired: UInt8 = 0x60
  /// The command names no order-restoration point.
  public static let restorationZero: UInt8 = 0x70
}

/// Bits of the static dequeue command register that the guest library uses.
public enum StaticDequeue {
  /// Up to three frames from a chosen queue; priority scheduling; the dedicated channel.
  public static let dedicatedChannel: UInt32 = 0x2100_8000
}

/// Bits of the frame queue's control field (Linux 6.1, `include/soc/fsl/qman.h`,
/// `QM_FQCTRL_*`); the caching hints mean nothing here and are kept for queries only.
public enum QueueControl {
  /// The queue counts in its congestion group.
  public static let congestionGroup: UInt16 = 0x0400
  /// The queue drops what arrives above its threshold.
  public static let tailDrop: UInt16 = 0x0200
  /// The queue is an order-restoration point.
  public static let orderRestoration: UInt16 = 0x0100
  /// The queue stays bound to the portal that serves it until its entries are consumed.
  public static let holdActive: UInt16 = 0x0002
}

/// Bits of QMan's interrupt registers (Linux 6.1, `include/soc/fsl/qman.h`, `QM_PIRQ_*`).
public enum PortalInterrupt {
  /// A congestion group that tells this portal changed its state.
  public static let congestion: UInt32 = 0x0010_0000
  /// An enqueue command that asked for it was consumed.
  public static let enqueueConsumed: UInt32 = 0x0008_0000
  /// The enqueue ring holds fewer entries than its threshold.
  public static let enqueueRing: UInt32 = 0x0004_0000
  /// The dequeue ring holds entries.
  public static let dequeue: UInt32 = 0x0002_0000
  /// The message ring holds entries.
  public static let message: UInt32 = 0x0001_0000
  /// The dedicated channel has work; pool channel *n* is this bit shifted right by *n*.
  public static let dedicatedChannel: UInt32 = 0x0000_8000
}

/// Bits of BMan's interrupt registers (Linux 6.1, `drivers/soc/fsl/qbman/bman.c`, `BM_PIRQ_*`).
public enum BufferInterrupt {
  /// The release ring holds fewer entries than its threshold.
  public static let releaseRing: UInt32 = 0x2
  /// A pool of which this portal wants to hear became depleted, or is so no more.
  public static let depletion: UInt32 = 0x1
}
