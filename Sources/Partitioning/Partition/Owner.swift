public import QorIQ

/// One partition of the board: the host or a guest, and all that is its own.
public struct Owner: Sendable, Hashable {
  /// The name in the plan.
  public var name: String
  /// Whether this is the partition that controls the shared blocks.
  public var isHost: Bool
  /// The CPUs, ascending.
  public var cpus: [CPUIndex]
  /// The memory, as physical addresses of the board; a guest sees its own from address 0.
  public var memory: AddressRange
  /// The software portals, ascending; each stands for the QMan and the BMan portal of its number.
  public var portals: [PortalIndex]
  /// The ring sizes of its portals.
  public var rings: RingSizes
  /// The LIODN offset of its portals: its identity in front of PAMU. One offset for each owner.
  public var liodnOffset: UInt16
  /// The frame queues that it owns, ascending and apart.
  public var queues: [QueueRange]
  /// The buffer pools that it owns, ascending by buffer size.
  public var pools: [PoolAssignment]
  /// The operating system's dialect.
  public var os: GuestOS
  /// What runs in it under `dpaac run`.
  public var program: GuestProgram
  /// The ways by which frames reach and leave it: interfaces first, then links.
  public var paths: [OwnerPath]
  /// What it is under `dpaac run`.
  public var kind: GuestKind

  /// Creates an owner.
  public init(
    name: String, isHost: Bool, cpus: [CPUIndex], memory: AddressRange, portals: [PortalIndex],
    rings: RingSizes, liodnOffset: UInt16, queues: [QueueRange], pools: [PoolAssignment],
    os: GuestOS, program: GuestProgram, paths: [OwnerPath],
    kind: GuestKind = .process
  ) {
    self.name = name
    self.isHost = isHost
    self.cpus = cpus
    self.memory = memory
    self.portals = portals
    self.rings = rings
    self.liodnOffset = liodnOffset
    self.queues = queues
    self.pools = pools
    self.os = os
    self.program = program
    self.paths = paths
    self.kind = kind
  }
}

/// What an owner is under `dpaac run`.
public enum GuestKind: Sendable, Hashable, CustomStringConvertible {
  /// A process.
  case process
  /// A virtual machine of QEMU's, with its portals and pools as the memory of a PCI device, and its portals'
  /// interrupts as those of the device if it does not poll.
  case machine(MachineAccelerator, ServiceMode = .poll)

  /// As reports call it.
  public var description: String {
    switch self {
    case .process: "process"
    case .machine(let accelerator, .poll): "vm (\(accelerator.rawValue))"
    case .machine(let accelerator, .interrupt): "vm (\(accelerator.rawValue), interrupts)"
    }
  }
}

/// What runs a virtual machine's instructions.
public enum MachineAccelerator: String, Sendable, Hashable, CaseIterable {
  /// KVM where the processor does the work, else TCG.
  case auto
  /// The kernel's KVM.
  case kvm
  /// QEMU's translator.
  case tcg
}

/// A portal's ring sizes: 8 and 16 as in hardware, or enlarged in place for our own guest library.
public struct RingSizes: Sendable, Hashable {
  /// Entries of the enqueue ring (EQCR): a power of two from 8 to 64; one stays free.
  public var enqueue: Int
  /// Entries of the dequeue ring (DQRR): a power of two from 16 to 64; one stays free.
  public var dequeue: Int
  /// Creates ring sizes; the defaults are the hardware's.
  public init(enqueue: Int = 8, dequeue: Int = 16) {
    self.enqueue = enqueue
    self.dequeue = dequeue
  }
  /// The hardware's sizes.
  public static let hardware = RingSizes()
}

/// A buffer pool and its owner's memory behind it.
public struct PoolAssignment: Sendable, Hashable {
  /// The pool.
  public var bpid: BPID
  /// How many buffers it is seeded with.
  public var bufferCount: UInt32
  /// The size of one buffer in bytes, headroom included.
  public var bufferSize: UInt32
  /// The distance between buffers in bytes: not a bare power of two, so that the headers of
  /// neighbours do not share few cache sets.
  public var bufferStride: UInt32
  /// The first buffer's physical address (40 bits), inside the owner's memory.
  public var base: UInt64

  /// Creates a pool.
  public init(
    bpid: BPID, bufferCount: UInt32, bufferSize: UInt32, bufferStride: UInt32, base: UInt64
  ) {
    self.bpid = bpid
    self.bufferCount = bufferCount
    self.bufferSize = bufferSize
    self.bufferStride = bufferStride
    self.base = base
  }

  /// The memory that all buffers take.
  public var memory: AddressRange {
    AddressRange(base: base, size: UInt64(bufferCount) * UInt64(bufferStride))
  }
}

/// The dialect that a guest's drivers read.
public enum GuestOS: String, Sendable, Hashable, CaseIterable {
  /// The NXP SDK's kernels: range nodes and versioned portal compatibles.
  case linuxSDK = "linux-sdk"
  /// Linux as released by kernel.org.
  case linuxMainline = "linux-mainline"
  /// A program without an operating system, or one of our own.
  case bare
}

/// What runs in a partition under `dpaac run`.
public enum GuestProgram: Sendable, Hashable {
  /// Swaps the addresses of what arrives and sends it back the way it came.
  case reflect
  /// Takes what arrives and gives the buffers back.
  case sink
  /// Sends frames of its own on one of its ways, takes what comes back on it, and reflects what
  /// arrives on the others.
  case source(SourceProgram)
  /// Sends what arrives on, as a router between its ways.
  case forward(ForwardProgram)
  /// Has PME look through what arrives on one way, and sends it on to another.
  case scan(ScanProgram)

  /// How a filter works.
  public struct ScanProgram: Sendable, Hashable {
    /// What becomes of a frame in which a pattern was found.
    public enum Action: String, Sendable, Hashable, CaseIterable {
      /// It is dropped, and with it all that follows in its flow.
      case drop
      /// It is counted, and goes on.
      case count
      /// It goes to another way, and with it all that follows in its flow.
      case divert
    }
    /// A group of the partition's patterns.
    public struct Group: Sendable, Hashable {
      /// Its name.
      public var name: String
      /// What becomes of a frame in which one of them was found.
      public var action: Action
      /// Creates a group.
      public init(name: String, action: Action) {
        self.name = name
        self.action = action
      }
    }
    /// The two ways between which it stands, each an interface's or a peer's name.
    public var ways: [String]
    /// The groups, in the order in which they are looked for.
    public var groups: [Group]
    /// Whether the payload is looked through and not the whole frame.
    public var startsAtPayload: Bool
    /// Whether TCP is looked through as streams.
    public var keepsStreams: Bool
    /// After so many seconds without a frame a stream is forgotten.
    public var idleSeconds: UInt32
    /// Whether what cannot be looked through goes on all the same.
    public var failsOpen: Bool
    /// The way of what is diverted.
    public var divert: String?

    /// How many ways it stands between.
    public static let wayCount = 2

    /// Creates a filter.
    public init(
      ways: [String], groups: [Group], startsAtPayload: Bool = true, keepsStreams: Bool = false,
      idleSeconds: UInt32 = 60, failsOpen: Bool = false, divert: String? = nil
    ) {
      self.ways = ways
      self.groups = groups
      self.startsAtPayload = startsAtPayload
      self.keepsStreams = keepsStreams
      self.idleSeconds = idleSeconds
      self.failsOpen = failsOpen
      self.divert = divert
    }
  }

  /// Routes between its ways, puts packets into ESP tunnels with SEC, and takes them out.
  case ipsec(TunnelProgram)

  /// What a router knows.
  public struct ForwardProgram: Sendable, Hashable {
    /// A way on which it has addresses.
    public struct Way: Sendable, Hashable {
      /// An interface's or a peer's name.
      public var path: String
      /// Its own addresses there, each with its network.
      public var addresses: [NetworkPrefix]
      /// Creates a way.
      public init(path: String, addresses: [NetworkPrefix]) {
        self.path = path
        self.addresses = addresses
      }
    }
    /// Where it has addresses.
    public var ways: [Way]
    /// Its routes; of those that an address has, the longest counts.
    public var routes: [NetworkRoute]
    /// Creates a router.
    public init(ways: [Way], routes: [NetworkRoute] = []) {
      self.ways = ways
      self.routes = routes
    }
  }

  /// What a source sends.
  public struct SourceProgram: Sendable, Hashable {
    /// The way to send on: an interface's or a peer's name.
    public var path: String
    /// How many frames.
    public var frames: UInt64
    /// Bytes in each frame without checksum, 60 to 1514.
    public var size: UInt32
    /// How many in a second at most; 0 for as many as are taken.
    public var rate: UInt64
    /// Creates a source.
    public init(path: String, frames: UInt64, size: UInt32, rate: UInt64 = 0) {
      self.path = path
      self.frames = frames
      self.size = size
      self.rate = rate
    }
  }
}

extension GuestProgram {
  /// The program as plans name it.
  public var word: String {
    switch self {
    case .reflect: "reflect"
    case .sink: "sink"
    case .source: "source"
    case .forward: "forward"
    case .scan: "scan"
    case .ipsec: "ipsec"
    }
  }

  /// How it routes, if it does.
  public var router: ForwardProgram? {
    switch self {
    case .forward(let router): router
    case .ipsec(let gateway): gateway.router
    default: nil
    }
  }
}

/// One way by which frames reach and leave an owner.
public struct OwnerPath: Sendable, Hashable {
  /// The interface's name, or the peer's name for a link.
  public var name: String
  /// Whether this leads to another owner and not to a network interface.
  public var isLink: Bool
  /// The queues that receive from it: a power of two on an aligned base where a rule spreads.
  public var receive: QueueRange
  /// The channels that serve the receive queues in turn: queue *i* is on `channels[i % count]`.
  public var channels: [ChannelID]
  /// The queue that transmits to it.
  public var transmit: FQID

  /// Creates a path.
  public init(
    name: String, isLink: Bool, receive: QueueRange, channels: [ChannelID], transmit: FQID
  ) {
    self.name = name
    self.isLink = isLink
    self.receive = receive
    self.channels = channels
    self.transmit = transmit
  }
}
