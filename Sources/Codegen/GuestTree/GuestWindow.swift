import Partitioning
import QorIQ

/// Where a guest on QEMU finds the portals and registers of DPAA: in RAM behind all memory that its
/// tree describes, which a queue manager outside of QEMU maps as well.
///
/// `ppce500` has no DPAA blocks. Linux 6.1 was seen to map such RAM as it maps registers, as long as
/// no memory node describes it. Within the window everything has a fixed place, whatever the board.
struct GuestWindow {
  /// The first address of the window, as the guest sees it.
  let base: UInt64

  /// How much a window takes.
  static let size: UInt64 = 0x80_0000
  /// What the window begins at a multiple of.
  static let alignment: UInt64 = 0x20_0000
  /// How many portals have a place.
  static let portalLimit = 64

  private static let portalWindow: UInt64 = 0x20_0000
  private static let enabledStride: UInt64 = 0x4000
  private static let inhibitedOffset: UInt64 = 0x10_0000
  private static let inhibitedStride: UInt64 = 0x1000

  /// The window behind a guest's memory and behind what it shares with others.
  init(owner: Owner, resources: OwnerResources) {
    let ends = resources.dmaWindow.mappings.map { $0.guestAddress + $0.memory.size }
    let end = max(owner.memory.size, ends.max() ?? 0)
    base = (end + Self.alignment - 1) / Self.alignment * Self.alignment
  }

  /// The RAM that QEMU must be given (`-m`) so that the window is in it.
  var ramSize: UInt64 { PPCE500.ramSize(for: base + Self.size) }

  /// The window itself.
  var range: AddressRange { AddressRange(base: base, size: Self.size) }
  /// All portals of the buffer manager.
  var bufferPortals: AddressRange { part(0, Self.portalWindow) }
  /// All portals of the queue manager.
  var queuePortals: AddressRange { part(0x20_0000, Self.portalWindow) }
  /// The queue manager's registers: 8 KiB, as on the parts with the most portals.
  var queueManager: AddressRange { part(0x40_0000, 0x2000) }
  /// The buffer manager's registers.
  var bufferManager: AddressRange { part(0x40_2000, 0x1000) }

  /// The registers of a frame manager, counted from 0: one in each MiB, as on the boards.
  func frameManager(_ index: Int) -> AddressRange {
    part(0x50_0000 + 0x10_0000 * UInt64(index), 0xf_e000)
  }

  /// A portal's two areas, cache-enabled and cache-inhibited, as offsets from its manager's portals:
  /// strides and sizes are those of the P series.
  static func areas(of portal: PortalIndex) -> [AddressRange] {
    let index = UInt64(portal.rawValue)
    return [
      AddressRange(base: enabledStride * index, size: 0x4000),
      AddressRange(base: inhibitedOffset + inhibitedStride * index, size: 0x1000),
    ]
  }

  private func part(_ offset: UInt64, _ size: UInt64) -> AddressRange {
    AddressRange(base: base + offset, size: size)
  }
}
