/// The blocks that take frames from queues, work on them and put them into queues.
public struct Accelerators: Sendable, Hashable {
  /// Encryption and authentication.
  public var sec: SECBlock?
  /// Pattern matching.
  public var pme: PMEBlock?
  /// RapidIO messages.
  public var rman: RManBlock?
  /// Compression.
  public var dce: DCEBlock?
  /// Parity of disk arrays; it has no queue interface that is known, only job rings.
  public var raid: RAIDBlock?

  /// Creates a set of accelerators.
  public init(
    sec: SECBlock? = nil, pme: PMEBlock? = nil, rman: RManBlock? = nil, dce: DCEBlock? = nil,
    raid: RAIDBlock? = nil
  ) {
    self.sec = sec
    self.pme = pme
    self.rman = rman
    self.dce = dce
    self.raid = raid
  }
}

/// SEC (CAAM): encryption and authentication, through queues or job rings.
public struct SECBlock: Sendable, Hashable {
  /// The version in its `compatible`: `fsl,sec-v4.0` is 4.0.
  public var version: Revision
  /// The era, which tells what algorithms there are; `nil` when nobody has said it.
  public var era: Int?
  /// The registers.
  public var registers: AddressRange
  /// The block's own line.
  public var interrupt: InterruptSource?
  /// The channel of its queue interface: a queue scheduled on it is worked on.
  public var channel: ChannelID
  /// The bases of the LIODNs with which it works on a portal's frames: two, one for each of its
  /// two ways to memory; the portal's offset is added.
  public var liodnBases: [LIODN]
  /// The job rings: windows of registers that can be given away whole.
  public var jobRings: [JobRing]

  /// A job ring.
  public struct JobRing: Sendable, Hashable {
    /// Its index from 0.
    public var index: Int
    /// Its registers.
    public var registers: AddressRange
    /// Its line.
    public var interrupt: InterruptSource
    /// Its LIODNs.
    public var liodns: [LIODN]
    /// Creates a job ring.
    public init(
      index: Int, registers: AddressRange, interrupt: InterruptSource, liodns: [LIODN] = []
    ) {
      self.index = index
      self.registers = registers
      self.interrupt = interrupt
      self.liodns = liodns
    }
  }

  /// Creates a SEC.
  public init(
    version: Revision, era: Int?, registers: AddressRange, interrupt: InterruptSource? = nil,
    channel: ChannelID, liodnBases: [LIODN] = [], jobRings: [JobRing] = []
  ) {
    self.version = version
    self.era = era
    self.registers = registers
    self.interrupt = interrupt
    self.channel = channel
    self.liodnBases = liodnBases
    self.jobRings = jobRings
  }
}

/// PME: pattern matching.
public struct PMEBlock: Sendable, Hashable {
  /// The registers' first address; their size is not established.
  public var base: UInt64
  /// The channel of its queue interface.
  public var channel: ChannelID
  /// The LIODN of its own tables.
  public var liodn: LIODN?
  /// The bases of the LIODNs with which it works on a portal's frames.
  public var liodnBases: [LIODN]
  /// Creates a PME.
  public init(
    base: UInt64, channel: ChannelID, liodn: LIODN? = nil, liodnBases: [LIODN] = []
  ) {
    self.base = base
    self.channel = channel
    self.liodn = liodn
    self.liodnBases = liodnBases
  }
}

/// RMan: RapidIO messages to and from queues.
public struct RManBlock: Sendable, Hashable {
  /// The registers' first address; their size is not established.
  public var base: UInt64
  /// The channels of its queue interface.
  public var channels: [ChannelID]
  /// The base of its LIODNs.
  public var liodnBase: LIODN?
  /// What its inbound blocks add to the base.
  public var blockOffsets: [LIODNOffset]
  /// Creates an RMan.
  public init(
    base: UInt64, channels: [ChannelID], liodnBase: LIODN? = nil,
    blockOffsets: [LIODNOffset] = []
  ) {
    self.base = base
    self.channels = channels
    self.liodnBase = liodnBase
    self.blockOffsets = blockOffsets
  }
}

/// DCE: compression and decompression.
public struct DCEBlock: Sendable, Hashable {
  /// The registers' first address; their size is not established.
  public var base: UInt64
  /// The channel for frames to compress.
  public var compressionChannel: ChannelID
  /// The channel for frames to decompress.
  public var decompressionChannel: ChannelID
  /// The bases of its LIODNs.
  public var liodnBases: [LIODN]
  /// Creates a DCE.
  public init(
    base: UInt64, compressionChannel: ChannelID, decompressionChannel: ChannelID,
    liodnBases: [LIODN] = []
  ) {
    self.base = base
    self.compressionChannel = compressionChannel
    self.decompressionChannel = decompressionChannel
    self.liodnBases = liodnBases
  }
}

/// The RAID engine of P5020.
public struct RAIDBlock: Sendable, Hashable {
  /// The registers.
  public var registers: AddressRange
  /// The base of its LIODNs.
  public var liodnBase: LIODN?
  /// The LIODNs of its job queues.
  public var jobQueueLIODNs: [LIODN]
  /// Creates a RAID engine.
  public init(registers: AddressRange, liodnBase: LIODN? = nil, jobQueueLIODNs: [LIODN] = []) {
    self.registers = registers
    self.liodnBase = liodnBase
    self.jobQueueLIODNs = jobQueueLIODNs
  }
}
