public import QorIQ

/// Memory that several partitions see.
public struct SharedMemoryWish: Sendable, Hashable {
  /// The name.
  public var name: String
  /// Bytes.
  public var size: UInt64
  /// Where it begins in physical memory; `nil` leaves it to the planner.
  public var address: UInt64?
  /// The partitions that see it.
  public var members: [String]
  /// Those of them that may write; `nil` for all.
  public var writers: [String]?

  /// Creates a wish.
  public init(
    name: String, size: UInt64, address: UInt64? = nil, members: [String],
    writers: [String]? = nil
  ) {
    self.name = name
    self.size = size
    self.address = address
    self.members = members
    self.writers = writers
  }
}

/// Memory that a partition's DMA may reach beside its own.
public struct DMAWindowWish: Sendable, Hashable {
  /// The physical address.
  public var address: UInt64
  /// Bytes.
  public var size: UInt64

  /// Creates a wish.
  public init(address: UInt64, size: UInt64) {
    self.address = address
    self.size = size
  }
}

/// What can be loaded into a partition's memory.
public enum ImageKind: String, Sendable, Hashable, CaseIterable {
  /// The program that starts.
  case kernel
  /// The first file system.
  case initrd
  /// The device tree.
  case deviceTree = "device-tree"
}

/// Something that is loaded into a partition's memory before it starts.
public struct ImageWish: Sendable, Hashable {
  /// What it is.
  public var kind: ImageKind
  /// The file, relative to the plan; a device tree without one is the generated one.
  public var file: String?
  /// Where it is loaded, as the guest sees its memory; `nil` leaves it to the planner.
  public var address: UInt64?
  /// The room that it may take; `nil` for the kind's usual one.
  public var size: UInt64?

  /// Creates a wish.
  public init(kind: ImageKind, file: String? = nil, address: UInt64? = nil, size: UInt64? = nil) {
    self.kind = kind
    self.file = file
    self.address = address
    self.size = size
  }
}

/// The kinds of things that a board has a number of, by the plan's name for them.
public enum ResourceKind: String, Sendable, Hashable, CaseIterable {
  /// CPUs.
  case cpus
  /// Physical memory.
  case memory
  /// Software portals.
  case portals
  /// Frame queues.
  case queues
  /// Buffer pools.
  case pools
  /// Pool channels.
  case poolChannels = "pool-channels"
  /// Congestion groups.
  case congestionGroups = "congestion-groups"
  /// LIODN offsets.
  case liodnOffsets = "liodn-offsets"
}

/// What somebody outside the plan has taken: the boot loader, or a kernel that allocates for itself.
public struct ReservationWish: Sendable, Hashable {
  /// Who has it, for messages: `u-boot`.
  public var holder: String
  /// Single numbers: everything but queues and memory.
  public var numbers: [ResourceKind: [UInt32]]
  /// Frame queues.
  public var queues: [QueueRange]
  /// Physical memory.
  public var memory: [AddressRange]

  /// Creates a reservation.
  public init(
    holder: String, numbers: [ResourceKind: [UInt32]] = [:], queues: [QueueRange] = [],
    memory: [AddressRange] = []
  ) {
    self.holder = holder
    self.numbers = numbers
    self.queues = queues
    self.memory = memory
  }
}
