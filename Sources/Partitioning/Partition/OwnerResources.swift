public import QorIQ

/// What an owner has beside what the runtime needs of it: identity, windows, quality of service,
/// accelerators and what is loaded before it starts.
public struct OwnerResources: Sendable, Hashable {
  /// How it learns of frames.
  public var mode: ServiceMode = .poll
  /// The interrupt lines of its portals.
  public var interrupts: [PortalInterrupt] = []
  /// What the plan says of its pools beside their memory, in the plan's order.
  public var pools: [PoolSettings] = []
  /// The pool channels that all its portals serve.
  public var poolChannels: [ChannelID] = []
  /// The congestion groups in the plan's order.
  public var congestionGroups: [CongestionGroup] = []
  /// The queues that serve in roles beside the paths' receive and transmit queues.
  public var roles: [RoleQueues] = []
  /// The accelerators that it uses.
  public var accelerators: [AcceleratorUse] = []
  /// The chains through them, in the plan's order.
  public var chains: [DeviceChain] = []
  /// The work queues of its paths, in their order.
  public var pathQualities: [PathQuality] = []
  /// What the DMA of accelerators and ports reaches on its behalf.
  public var dmaWindow = DMAWindow()
  /// What is loaded before it starts, in the order of its kinds.
  public var images: [LoadedImage] = []
  /// The kernel's command line.
  public var bootArguments: String?

  /// Creates resources of nothing.
  public init() {}

  /// The queues that ports put frames into beside those that rules name: what was sent and is confirmed,
  /// and what could not be received or sent.
  public var portRoles: [RoleQueues] {
    roles.filter { $0.role == .confirm || $0.role == .error }
  }

  /// The marks of an owner's pools in their order; none at all when no pool has any.
  public func poolThresholds(of owner: Owner) -> [PoolThresholds] {
    let marks = owner.pools.map { pool in
      pools.first { $0.bpid == pool.bpid }?.thresholds ?? PoolThresholds()
    }
    return marks.allSatisfy { $0 == PoolThresholds() } ? [] : marks
  }
}

/// The two lines of a portal.
public struct PortalInterrupt: Sendable, Hashable {
  /// The portal.
  public var portal: PortalIndex
  /// The line of its QMan half.
  public var queueLine: UInt32
  /// The line of its BMan half.
  public var bufferLine: UInt32
  /// Creates a pair of lines.
  public init(portal: PortalIndex, queueLine: UInt32, bufferLine: UInt32) {
    self.portal = portal
    self.queueLine = queueLine
    self.bufferLine = bufferLine
  }
}

/// What a plan says of a pool beside its memory.
public struct PoolSettings: Sendable, Hashable {
  /// The pool.
  public var bpid: BPID
  /// How many buffers are in it at the start.
  public var seeded: UInt32
  /// The marks at which its depletion is told.
  public var thresholds: PoolThresholds
  /// The other owners that may use it.
  public var sharers: [Int]
  /// Creates settings.
  public init(bpid: BPID, seeded: UInt32, thresholds: PoolThresholds, sharers: [Int]) {
    self.bpid = bpid
    self.seeded = seeded
    self.thresholds = thresholds
    self.sharers = sharers
  }
}

/// A congestion group with its number.
public struct CongestionGroup: Sendable, Hashable {
  /// The number.
  public var id: CGRID
  /// What it counts and does.
  public var settings: CongestionGroupWish
  /// Whom it tells, as indices of owners.
  public var notified: [Int]
  /// Creates a group.
  public init(id: CGRID, settings: CongestionGroupWish, notified: [Int]) {
    self.id = id
    self.settings = settings
    self.notified = notified
  }
}

/// Queues in a role.
public struct RoleQueues: Sendable, Hashable {
  /// The role.
  public var role: QueueRole
  /// The queues, ascending.
  public var queues: [QueueRange]
  /// The work queue of their channel.
  public var workQueue: WorkQueue
  /// Creates queues in a role.
  public init(role: QueueRole, queues: [QueueRange], workQueue: WorkQueue) {
    self.role = role
    self.queues = queues
    self.workQueue = workQueue
  }
}

/// An accelerator that an owner reaches over its own queues: request *i* is answered on response *i*.
public struct AcceleratorUse: Sendable, Hashable {
  /// Which.
  public var kind: AcceleratorKind
  /// How the owner learns of results.
  public var mode: ServiceMode
  /// The accelerator's channel: what is scheduled on it is worked on.
  public var channel: ChannelID
  /// The queues of requests.
  public var requests: [FQID]
  /// The queues of responses, one for each of requests.
  public var responses: [FQID]
  /// The LIODNs with which it works for this owner: its bases plus the owner's offset.
  public var liodns: [LIODN]
  /// Its share of the accelerator beside others' when several have work at the same time.
  public var weight: UInt32
  /// What PME looks for on this owner's behalf.
  public var patternSets: [ScanPatternSet]
  /// Creates a use.
  public init(
    kind: AcceleratorKind, mode: ServiceMode, channel: ChannelID, requests: [FQID],
    responses: [FQID], liodns: [LIODN], weight: UInt32 = 1, patternSets: [ScanPatternSet] = []
  ) {
    self.kind = kind
    self.mode = mode
    self.channel = channel
    self.requests = requests
    self.responses = responses
    self.liodns = liodns
    self.weight = weight
    self.patternSets = patternSets
  }
}

/// How a path's queues are served.
public struct PathQuality: Sendable, Hashable {
  /// The work queue of what it receives.
  public var receive: WorkQueue
  /// The work queue of what it transmits.
  public var transmit: WorkQueue
  /// The congestion group of what it receives.
  public var congestionGroup: CGRID?
  /// Creates a quality.
  public init(receive: WorkQueue, transmit: WorkQueue, congestionGroup: CGRID? = nil) {
    self.receive = receive
    self.transmit = transmit
    self.congestionGroup = congestionGroup
  }
}

/// A policer in one frame manager.
public struct PolicerProfile: Sendable, Hashable {
  /// The frame manager's index from 0.
  public var fman: Int
  /// The profile's number, from 0.
  public var profile: Int
  /// Its rates.
  public var settings: PolicerWish
  /// The rules that name it: the interface by name, and the rule's index; `nil` for all of them.
  public var users: [User]

  /// Who names a policer.
  public struct User: Sendable, Hashable {
    /// The interface.
    public var interface: String
    /// The rule's index in the partition's list of the interface's rules.
    public var rule: Int
    /// Creates a user.
    public init(interface: String, rule: Int) {
      self.interface = interface
      self.rule = rule
    }
  }

  /// Creates a profile.
  public init(fman: Int, profile: Int, settings: PolicerWish, users: [User]) {
    self.fman = fman
    self.profile = profile
    self.settings = settings
    self.users = users
  }
}

/// What a plan says of an interface's receive port.
public struct PortSettings: Sendable, Hashable {
  /// The largest payload of a frame in bytes, without Ethernet's header.
  public var mtu: UInt32
  /// Bytes that stay free in front of each received frame.
  public var headroom: UInt32
  /// Creates settings; the defaults are Ethernet's and FMan's.
  public init(mtu: UInt32 = 1500, headroom: UInt32 = 64) {
    self.mtu = mtu
    self.headroom = headroom
  }
}

/// Memory that several owners see.
public struct SharedMemory: Sendable, Hashable {
  /// The name.
  public var name: String
  /// Where it lies in physical memory.
  public var memory: AddressRange
  /// Who sees it, as indices of owners.
  public var members: [Int]
  /// Who of them may write.
  public var writers: [Int]
  /// Creates shared memory.
  public init(name: String, memory: AddressRange, members: [Int], writers: [Int]) {
    self.name = name
    self.memory = memory
    self.members = members
    self.writers = writers
  }
}

/// Something that is loaded before an owner starts.
public struct LoadedImage: Sendable, Hashable {
  /// What it is.
  public var kind: ImageKind
  /// The file, relative to the plan; `nil` for what is generated.
  public var file: String?
  /// Its room, as the guest sees its memory.
  public var memory: AddressRange
  /// Creates an image.
  public init(kind: ImageKind, file: String?, memory: AddressRange) {
    self.kind = kind
    self.file = file
    self.memory = memory
  }
}
