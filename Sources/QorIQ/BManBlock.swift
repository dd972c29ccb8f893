/// The buffer manager.
public struct BManBlock: Sendable, Hashable {
  /// The revision.
  public var revision: Revision
  /// The block's registers, which one owner may touch (`fsl,bman`).
  public var registers: AddressRange?
  /// The LIODN of its own private memory.
  public var liodn: LIODN?
  /// The software portals in ascending order of index.
  public var portals: [SoftwarePortal]
  /// How many buffer pools there are; BPIDs run from 0 to this − 1.
  public var poolCount: Int
  /// Bytes of memory for the lists of free buffers (FBPR).
  public var memorySize: UInt64

  /// Creates a buffer manager.
  public init(
    revision: Revision, registers: AddressRange? = nil, liodn: LIODN? = nil,
    portals: [SoftwarePortal], poolCount: Int, memorySize: UInt64 = 16 << 20
  ) {
    self.revision = revision
    self.registers = registers
    self.liodn = liodn
    self.portals = portals
    self.poolCount = poolCount
    self.memorySize = memorySize
  }
}
