/// A board as values: what there is to share.
///
/// A board read from YAML equals the same board read from a device tree; where each fact was
/// written is kept beside it, in an `OriginMap`.
public struct Board: Sendable, Hashable {
  /// The name that plans use, for example `t4240qds`.
  public var name: String
  /// The `model` of the device tree's root, for example `fsl,T4240QDS`.
  public var model: String
  /// The system-on-chip.
  public var soc: SoC
  /// The processor core as QEMU and device trees name it: `e500mc`, `e5500` or `e6500`.
  public var core: String
  /// The core's clock in hertz.
  public var clockFrequency: UInt64
  /// The CPUs (hardware threads) in ascending order.
  public var cpus: [CPU]
  /// Bytes of DRAM, from physical address 0.
  public var memorySize: UInt64
  /// The queue manager.
  public var qman: QManBlock
  /// The buffer manager.
  public var bman: BManBlock
  /// The frame managers in order.
  public var fmans: [FManBlock]

  /// Creates a board from its parts.
  public init(
    name: String, model: String, soc: SoC, core: String, clockFrequency: UInt64, cpus: [CPU],
    memorySize: UInt64, qman: QManBlock, bman: BManBlock, fmans: [FManBlock]
  ) {
    self.name = name
    self.model = model
    self.soc = soc
    self.core = core
    self.clockFrequency = clockFrequency
    self.cpus = cpus
    self.memorySize = memorySize
    self.qman = qman
    self.bman = bman
    self.fmans = fmans
  }

  /// The network interface of this name, with the frame manager that it belongs to.
  public func interface(named name: String) -> (fman: FManBlock, interface: NetworkInterface)? {
    for fman in fmans {
      if let found = fman.interfaces.first(where: { $0.name == name }) { return (fman, found) }
    }
    return nil
  }

  /// The names of all network interfaces: `fm1-gb0`, `fm1-10g0` and so on.
  public var interfaceNames: [String] { fmans.flatMap { $0.interfaces.map(\.name) } }
}

/// The systems-on-chip that boards are built from.
public enum SoC: String, Sendable, Hashable, CaseIterable {
  /// 8 × e500mc, QMan 1, FMan v2 twice.
  case p4080
  /// 2 × e5500, QMan 1, FMan v2.
  case p5020
  /// 4 × e500mc, QMan 1, FMan v2 without 10G.
  case p2040
  /// 4 × e500mc, QMan 1, FMan v2.
  case p2041
  /// 12 × e6500 of two threads, QMan 3, FMan v3 twice.
  case t4240
}

/// One CPU as the operating system sees it: a core, or one thread of a core.
public struct CPU: Sendable, Hashable {
  /// The CPU's number.
  public var index: CPUIndex
  /// The core that it belongs to; two CPUs of one core share caches and execution units.
  public var coreIndex: Int
  /// Creates a CPU.
  public init(index: CPUIndex, coreIndex: Int) {
    self.index = index
    self.coreIndex = coreIndex
  }
}

/// A run of physical addresses.
public struct AddressRange: Sendable, Hashable {
  /// The first address.
  public var base: UInt64
  /// The size in bytes.
  public var size: UInt64
  /// Creates a range.
  public init(base: UInt64, size: UInt64) {
    self.base = base
    self.size = size
  }
  /// Whether any address is in both.
  public func overlaps(_ other: AddressRange) -> Bool {
    base < other.base &+ other.size && other.base < base &+ size
  }
}

/// An IP block's revision, as its `IP_REV_1` register tells it.
public struct Revision: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The major number.
  public var major: UInt8
  /// The minor number.
  public var minor: UInt8
  /// Creates a revision.
  public init(_ major: UInt8, _ minor: UInt8) {
    self.major = major
    self.minor = minor
  }
  /// `3.0`
  public var description: String { "\(major).\(minor)" }
  /// Major first, then minor.
  public static func < (left: Revision, right: Revision) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }
}

/// A software portal of QMan or BMan: two windows and an interrupt.
public struct SoftwarePortal: Sendable, Hashable {
  /// The index; a QMan portal's dedicated channel has the same number.
  public var index: PortalIndex
  /// The cache-enabled window (rings and command lines), a physical address range of 16 KiB.
  public var cacheEnabled: AddressRange
  /// The cache-inhibited window (registers), a physical address range of 4 KiB.
  public var cacheInhibited: AddressRange
  /// The MPIC source.
  public var interrupt: UInt32

  /// Creates a portal.
  public init(
    index: PortalIndex, cacheEnabled: AddressRange, cacheInhibited: AddressRange, interrupt: UInt32
  ) {
    self.index = index
    self.cacheEnabled = cacheEnabled
    self.cacheInhibited = cacheInhibited
    self.interrupt = interrupt
  }
}

/// The queue manager.
public struct QManBlock: Sendable, Hashable {
  /// The revision; 3.0 and above number their pool channels from 0x401.
  public var revision: Revision
  /// The software portals in ascending order of index.
  public var portals: [SoftwarePortal]
  /// How many frame queues the queue descriptor memory holds: its size / 64 (Linux 6.1,
  /// `drivers/soc/fsl/qbman/qman_ccsr.c`); usable are 1 to this − 1.
  public var queueCount: UInt32
  /// The pool channels in ascending order.
  public var poolChannels: [ChannelID]
  /// How many congestion groups there are.
  public var congestionGroupCount: Int

  /// Creates a queue manager.
  public init(
    revision: Revision, portals: [SoftwarePortal], queueCount: UInt32, poolChannels: [ChannelID],
    congestionGroupCount: Int
  ) {
    self.revision = revision
    self.portals = portals
    self.queueCount = queueCount
    self.poolChannels = poolChannels
    self.congestionGroupCount = congestionGroupCount
  }

  /// The queues that exist: 1 to `queueCount` − 1.
  public var usableQueues: QueueRange { QueueRange(first: 1, count: queueCount - 1) }
}

/// The buffer manager.
public struct BManBlock: Sendable, Hashable {
  /// The revision.
  public var revision: Revision
  /// The software portals in ascending order of index.
  public var portals: [SoftwarePortal]
  /// How many buffer pools there are; BPIDs run from 0 to this − 1.
  public var poolCount: Int

  /// Creates a buffer manager.
  public init(revision: Revision, portals: [SoftwarePortal], poolCount: Int) {
    self.revision = revision
    self.portals = portals
    self.poolCount = poolCount
  }
}

/// A frame manager: parses, classifies and distributes packets of its ports.
public struct FManBlock: Sendable, Hashable {
  /// The index from 0; interfaces are named from 1 (`fm1-…`), as U-Boot does.
  public var index: Int
  /// The major revision: 2 or 3 is "FMan v2" (P-series), 6 is "FMan v3" (Linux 6.1, `fman.c`).
  public var majorRevision: UInt8
  /// The registers' physical base address.
  public var base: UInt64
  /// The network interfaces (a MAC with its Rx and Tx port), 1G before 10G.
  public var interfaces: [NetworkInterface]
  /// The offline ports that are enabled and have a channel.
  public var offlinePorts: [OfflinePort]
  /// How many KeyGen schemes there are.
  public var schemeCount: Int
  /// How many virtual storage profiles there are: 0 on FMan v2, whose pools belong to the port.
  public var storageProfileCount: Int

  /// Creates a frame manager.
  public init(
    index: Int, majorRevision: UInt8, base: UInt64, interfaces: [NetworkInterface],
    offlinePorts: [OfflinePort], schemeCount: Int, storageProfileCount: Int
  ) {
    self.index = index
    self.majorRevision = majorRevision
    self.base = base
    self.interfaces = interfaces
    self.offlinePorts = offlinePorts
    self.schemeCount = schemeCount
    self.storageProfileCount = storageProfileCount
  }

  /// Whether a classification result can choose the buffer pools (virtual storage profiles).
  public var hasStorageProfiles: Bool { storageProfileCount > 0 }
}

/// A MAC with its receive and transmit port.
public struct NetworkInterface: Sendable, Hashable {
  /// The name: `fm1-gb0` for FMan 1's 1G MAC 0, `fm1-10g0` for its first 10G MAC.
  public var name: String
  /// The speed in Mbit/s: 1000 or 10000.
  public var speed: Int
  /// The MAC's `cell-index` in Linux's device trees.
  public var macIndex: UInt8
  /// The receive port's hardware id.
  public var receivePort: UInt8
  /// The transmit port's hardware id.
  public var transmitPort: UInt8
  /// The channel that the transmit port serves: a queue scheduled on it is transmitted.
  public var transmitChannel: ChannelID

  /// Creates an interface.
  public init(
    name: String, speed: Int, macIndex: UInt8, receivePort: UInt8, transmitPort: UInt8,
    transmitChannel: ChannelID
  ) {
    self.name = name
    self.speed = speed
    self.macIndex = macIndex
    self.receivePort = receivePort
    self.transmitPort = transmitPort
    self.transmitChannel = transmitChannel
  }
}

/// An offline port: takes frames from its channel, parses and classifies them again.
public struct OfflinePort: Sendable, Hashable {
  /// The hardware port id.
  public var port: UInt8
  /// The channel that the port serves.
  public var channel: ChannelID
  /// Creates an offline port.
  public init(port: UInt8, channel: ChannelID) {
    self.port = port
    self.channel = channel
  }
}
