/// A frame manager: parses, classifies and distributes packets of its ports.
public struct FManBlock: Sendable, Hashable {
  /// The index from 0; interfaces are named from 1 (`fm1-…`), as U-Boot does.
  public var index: Int
  /// The major revision: 2 or 3 is "FMan v2" (P-series), 6 is "FMan v3" (Linux 6.1, `fman.c`).
  public var majorRevision: UInt8
  /// The registers' physical base address.
  public var base: UInt64
  /// The memory inside the block: bytes of MURAM.
  public var memorySize: UInt64
  /// The line of the interrupt controller, errors aside.
  public var interrupt: InterruptSource?
  /// The channels that its ports serve; `nil` where nobody has said them.
  public var channels: ClosedRange<ChannelID>?
  /// The base of its LIODNs: a port's is this plus the port's offset.
  public var liodnBase: LIODN?
  /// The network interfaces (a MAC with its Rx and Tx port), 1G before 10G; those too that the
  /// board does not enable.
  public var interfaces: [NetworkInterface]
  /// The offline ports that are known to have a channel, in order; those too that the board's tree
  /// does not enable.
  public var offlinePorts: [OfflinePort]
  /// Offline ports that exist but whose channel is none, or not established.
  public var offlinePortsWithoutChannel: [PortID]
  /// How many KeyGen schemes there are.
  public var schemeCount: Int
  /// How many virtual storage profiles there are: 0 on FMan v2, whose pools belong to the port.
  public var storageProfileCount: Int
  /// How many policer profiles there are.
  public var policerProfileCount: Int

  /// Creates a frame manager.
  public init(
    index: Int, majorRevision: UInt8, base: UInt64, memorySize: UInt64 = 0,
    interrupt: InterruptSource? = nil, channels: ClosedRange<ChannelID>? = nil,
    liodnBase: LIODN? = nil, interfaces: [NetworkInterface], offlinePorts: [OfflinePort],
    offlinePortsWithoutChannel: [PortID] = [], schemeCount: Int,
    storageProfileCount: Int, policerProfileCount: Int = 256
  ) {
    self.index = index
    self.majorRevision = majorRevision
    self.base = base
    self.memorySize = memorySize
    self.interrupt = interrupt
    self.channels = channels
    self.liodnBase = liodnBase
    self.interfaces = interfaces
    self.offlinePorts = offlinePorts
    self.offlinePortsWithoutChannel = offlinePortsWithoutChannel
    self.schemeCount = schemeCount
    self.storageProfileCount = storageProfileCount
    self.policerProfileCount = policerProfileCount
  }

  /// Whether a classification result can choose the buffer pools (virtual storage profiles).
  public var hasStorageProfiles: Bool { storageProfileCount > 0 }

  /// The offline ports that the board's tree enables.
  public var enabledOfflinePorts: [OfflinePort] { offlinePorts.filter(\.isEnabled) }
}
