/// What the engine shares with a guest that is a virtual machine: one region, which the machine sees as the
/// memory of a PCI device (BAR 2 of QEMU's ivshmem, vendor 0x1af4, device 0x1110; QEMU 7.2,
/// `docs/specs/ivshmem-spec.txt`).
///
/// The first page tells where everything is, in words of 64 bits of the processor's own order; behind it lie
/// the grant as ``GuestGrant/message`` has it, the status page, the portals and the pools, each on a page of
/// its own. A process has the same regions as descriptors of their own.
public struct MachineWindow: Sendable, Hashable {
  /// "dpaacvm" and the version of this layout.
  public static let magic: UInt64 = 0x6470_6161_6376_6d01
  /// Bytes of a page, which everything begins on.
  public static let page = 4096
  /// The longest grant.
  public static let longestGrant = 1 << 16

  /// The words of the first page, as offsets in bytes.
  public enum Word {
    /// ``MachineWindow/magic``; written last, so that who finds it finds the rest.
    public static let magic = 0
    /// Bytes of the whole region.
    public static let size = 8
    /// Bytes of the grant, which begins on the second page.
    public static let grantLength = 16
    /// What the host wants: a ``Wish``.
    public static let wish = 64
    /// How the guest's program ended: 0 while it runs, then 1 more than its exit code.
    public static let ending = 128
    /// 1 while the engine sleeps: who has written something for it then rings its doorbell.
    public static let asleep = 192
  }

  /// The engine's number among the peers of a machine's device.
  public static let engineNumber = 0

  /// What the host wants of a machine's guest.
  public enum Wish: UInt64, Sendable {
    /// Go on.
    case run = 0
    /// Send nothing more of your own accord.
    case drain = 1
    /// End.
    case end = 2
  }

  /// Where the status page begins.
  public let status: Int
  /// Where the portals begin.
  public let portals: Int
  /// Where each pool begins, in the grant's order.
  public let pools: [Int]
  /// Bytes of everything: a power of two, as a PCI device's memory is.
  public let size: Int

  /// Lays out what a grant names.
  public init(_ grant: GuestGrant) {
    var end = Self.page + Self.longestGrant
    func take(_ byteCount: Int) -> Int {
      defer { end += (byteCount + Self.page - 1) / Self.page * Self.page }
      return end
    }
    status = take(GuestStatus.size)
    portals = take(PortalWindow(portalCount: grant.portalCount).size)
    pools = grant.pools.map { take($0.byteCount) }
    var size = 1 << 20
    while size < end { size *= 2 }
    self.size = size
  }
}
