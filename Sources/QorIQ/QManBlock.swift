/// The queue manager.
public struct QManBlock: Sendable, Hashable {
  /// The revision; 3.0 and above number their pool channels from 0x401.
  public var revision: Revision
  /// The block's registers, which one owner may touch (`fsl,qman`).
  public var registers: AddressRange?
  /// The LIODN of its own private memory.
  public var liodn: LIODN?
  /// The software portals in ascending order of index.
  public var portals: [SoftwarePortal]
  /// How many frame queues the queue descriptor memory holds: its size / 64 (Linux 6.1,
  /// `drivers/soc/fsl/qbman/qman_ccsr.c`); usable are 1 to this − 1.
  public var queueCount: UInt32
  /// Bytes of memory for the descriptors of queued frames (PFDR).
  public var frameMemorySize: UInt64
  /// The pool channels in ascending order.
  public var poolChannels: [ChannelID]
  /// How many congestion groups there are.
  public var congestionGroupCount: Int

  /// Creates a queue manager.
  public init(
    revision: Revision, registers: AddressRange? = nil, liodn: LIODN? = nil,
    portals: [SoftwarePortal], queueCount: UInt32, frameMemorySize: UInt64 = 32 << 20,
    poolChannels: [ChannelID], congestionGroupCount: Int
  ) {
    self.revision = revision
    self.registers = registers
    self.liodn = liodn
    self.portals = portals
    self.queueCount = queueCount
    self.frameMemorySize = frameMemorySize
    self.poolChannels = poolChannels
    self.congestionGroupCount = congestionGroupCount
  }

  /// The queues that exist: 1 to `queueCount` − 1.
  public var usableQueues: QueueRange { QueueRange(first: 1, count: queueCount - 1) }

  /// The dedicated channel of a portal (Linux 6.1, `qman.c`).
  public func dedicatedChannel(of portal: PortalIndex) -> ChannelID {
    ChannelID(UInt16(portal.rawValue))
  }

  /// The portal of this index.
  public func portal(_ index: PortalIndex) -> SoftwarePortal? {
    portals.first { $0.index == index }
  }
}
