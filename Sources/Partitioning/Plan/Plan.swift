public import QorIQ

/// The wish: who should get what of a board, with whatever is left open for the planner.
///
/// A plan may be wrong in every way; ``Planner`` finds that out. What could not be read at all is
/// `nil` or missing here, and its diagnostic has been given by whoever read it.
public struct Plan: Sendable, Hashable {
  /// The name: the file's name without its ending.
  public var name: String
  /// The partitions in the plan's order.
  public var partitions: [PartitionWish]
  /// The shared network interfaces in the plan's order.
  public var interfaces: [InterfaceWish]
  /// The software-to-software links, each for both directions.
  public var links: [LinkWish]
  /// The policers that rules name.
  public var policers: [PolicerWish] = []
  /// Memory that several partitions see.
  public var sharedMemory: [SharedMemoryWish] = []
  /// What others than the plan's partitions have taken already.
  public var reservations: [ReservationWish] = []

  /// Whether everything that was written could be read: what is missing in a plan that is not whole
  /// may well be there.
  public var isWhole = true
  /// The policers that are described, but not so that anybody could read it.
  public var unreadPolicers: [String] = []
  /// Keys that have the bytes of another that was read before them, and that one: what is in their files only their
  /// reader knows.
  public var sameKeys: [TunnelKey: TunnelKey] = [:]

  /// The name of the partition that controls the shared blocks and that every plan has.
  public static let hostName = "host"
  /// What stands in a partition's place where frames are dropped.
  public static let dropName = "drop"

  /// Creates a plan.
  public init(
    name: String, partitions: [PartitionWish], interfaces: [InterfaceWish] = [],
    links: [LinkWish] = []
  ) {
    self.name = name
    self.partitions = partitions
    self.interfaces = interfaces
    self.links = links
  }
}

/// Some of many alike: a number and the planner chooses, or an exact choice.
public enum Choice<Element: Sendable & Hashable>: Sendable, Hashable {
  /// So many, whichever.
  case count(Int)
  /// Exactly these, in the order written.
  case exactly([Element])

  /// How many.
  public var count: Int {
    switch self {
    case .count(let count): count
    case .exactly(let elements): elements.count
    }
  }

  /// The exact choice; empty for a number.
  public var elements: [Element] {
    if case .exactly(let elements) = self { elements } else { [] }
  }
}

/// What one partition wishes for.
public struct PartitionWish: Sendable, Hashable {
  /// The name, which is also its name as a peer of a link.
  public var name: String
  /// The CPUs.
  public var cpus: Choice<CPUIndex>?
  /// Bytes of memory.
  public var memory: UInt64?
  /// The software portals.
  public var portals: Choice<PortalIndex>?
  /// The frame queues.
  public var queues: QueueWish?
  /// The buffer pools in the plan's order; `nil` when they could not be read.
  public var pools: [PoolWish]?
  /// The operating system's dialect.
  public var os: GuestOS
  /// What runs in it.
  public var program: GuestProgram
  /// The ring sizes of its portals.
  public var rings: RingSizes
  /// Where its memory begins; `nil` leaves it to the planner.
  public var memoryAddress: UInt64?
  /// The congestion groups, chosen or counted.
  public var congestionGroups: [CongestionGroupWish] = []
  /// The pool channels, which several portals of one partition serve.
  public var poolChannels: Choice<ChannelID>?
  /// Which of its own queues serve in which role, where the plan says so.
  public var roles: [QueueRole: QueueWish] = [:]
  /// The work queues of its queues by role, where they are not the usual ones.
  public var workQueues: [QueueRole: WorkQueue] = [:]
  /// The accelerators that it uses, each over queues of its own.
  public var accelerators: [AcceleratorWish] = []
  /// The chains through them, in the plan's order; `nil` when they could not be read.
  public var chains: [ChainWish]? = []
  /// How it learns of frames.
  public var mode: ServiceMode = .poll
  /// The LIODN offset of its portals; `nil` leaves it to the planner.
  public var liodnOffset: UInt16?
  /// Memory that its DMA may reach beside its own.
  public var dmaWindows: [DMAWindowWish] = []
  /// What is loaded into its memory before it starts.
  public var images: [ImageWish] = []
  /// The kernel's command line.
  public var bootArguments: String?
  /// Whether it is a virtual machine under `dpaac run`.
  public var isMachine = false
  /// What runs its instructions then, if the plan says so.
  public var accelerator: MachineAccelerator?
  /// The partition or template whose wishes it took over.
  public var like: String?

  /// Creates a wish.
  public init(
    name: String, cpus: Choice<CPUIndex>?, memory: UInt64?, portals: Choice<PortalIndex>?,
    queues: QueueWish?, pools: [PoolWish]? = [], os: GuestOS = .bare,
    program: GuestProgram = .reflect, rings: RingSizes = .hardware
  ) {
    self.name = name
    self.cpus = cpus
    self.memory = memory
    self.portals = portals
    self.queues = queues
    self.pools = pools
    self.os = os
    self.program = program
    self.rings = rings
  }
}

/// Frame queues as a number or as ranges.
public enum QueueWish: Sendable, Hashable {
  /// So many consecutive queues, wherever they are free.
  case count(UInt32)
  /// Exactly these ranges, in the order written. They may lie beyond what the board has.
  case exactly([QueueRange])

  /// The ranges; empty for a number.
  public var ranges: [QueueRange] {
    if case .exactly(let ranges) = self { ranges } else { [] }
  }
}

/// A buffer pool.
public struct PoolWish: Sendable, Hashable {
  /// The pool's number; `nil` leaves it to the planner. May lie beyond what the board has.
  public var bpid: UInt32?
  /// How many buffers.
  public var bufferCount: UInt32
  /// The size of one buffer in bytes, headroom included.
  public var bufferSize: UInt64
  /// How many buffers are in the pool at the start; `nil` for all of them.
  public var seeded: UInt32?
  /// Where its buffers lie; `nil` leaves it to the planner, inside the owner's memory.
  public var address: UInt64?
  /// The marks at which its depletion is told.
  public var thresholds = PoolThresholds()
  /// The other partitions that may use it.
  public var sharedWith: [String] = []

  /// Creates a pool wish.
  public init(bpid: UInt32?, bufferCount: UInt32, bufferSize: UInt64) {
    self.bpid = bpid
    self.bufferCount = bufferCount
    self.bufferSize = bufferSize
  }
}

/// A shared network interface.
public struct InterfaceWish: Sendable, Hashable {
  /// The board's name for it.
  public var name: String
  /// The rules in order.
  public var rules: [RuleWish]
  /// The partition that gets what no rule takes; `nil` when the plan does not say, and where it is
  /// dropped.
  public var otherwise: String?
  /// Whether what no rule takes is dropped.
  public var dropsOtherwise = false
  /// A capture to play into it; relative to the plan.
  public var replay: String?
  /// The largest payload of a frame in bytes, without Ethernet's header.
  public var mtu: UInt32?
  /// Bytes that stay free in front of each received frame.
  public var headroom: UInt32?
  /// How frames reach pools of more than one partition; `nil` leaves it to the planner.
  public var delivery: DeliveryWish?
  /// The policer that all its frames pass.
  public var policer: String?
  /// The work queue of its receive queues; `nil` for that of their partition.
  public var workQueue: WorkQueue?

  /// Creates an interface wish.
  public init(name: String, rules: [RuleWish], otherwise: String?, replay: String? = nil) {
    self.name = name
    self.rules = rules
    self.otherwise = otherwise
    self.replay = replay
  }
}

/// A rule that gives some of an interface's frames to a partition.
public struct RuleWish: Sendable, Hashable {
  /// What must all hold, in the order written; `nil` when it could not be read.
  public var conditions: [MatchCondition]?
  /// The partition's name; `nil` when it could not be read, and where the frames are dropped.
  public var to: String?
  /// Whether the frames are dropped.
  public var drops = false
  /// The names of the other partitions that get a copy of each frame.
  public var copies: [String] = []
  /// How the frames are spread over queues.
  public var spread: FlowRule.Spread?
  /// Over how many queues; `nil` leaves it to the planner.
  public var spreadQueues: UInt32?
  /// The policer that its frames pass.
  public var policer: String?
  /// The work queue of its receive queues; `nil` for the interface's.
  public var workQueue: WorkQueue?
  /// Which of its partition's congestion groups its queues join, in the plan's order from 0.
  public var congestionGroup: Int?
  /// The partition's chain that the frames go into.
  public var through: String?

  /// Creates a rule.
  public init(conditions: [MatchCondition]?, to: String?, spread: FlowRule.Spread? = nil) {
    self.conditions = conditions
    self.to = to
    self.spread = spread
  }
}

/// A link between two partitions, in both directions.
public struct LinkWish: Sendable, Hashable {
  /// One end.
  public var first: String
  /// The other end.
  public var second: String
  /// The work queue of its queues; `nil` for that of their partition.
  public var workQueue: WorkQueue?

  /// Creates a link.
  public init(_ first: String, _ second: String) {
    self.first = first
    self.second = second
  }
}
