import Partitioning
import QorIQ

/// Memory as the hypervisor takes it: areas that are powers of two and lie on multiples of their
/// size, in front of them a window for DMA (Topaz, `src/guest.c` and `src/paging.c`). The plan's
/// DMA window is made of just such pieces.
struct HypervisorMemory {
  /// The memory that the hypervisor keeps for itself, as all shipped configurations have it.
  static let ownSize: UInt64 = 16 << 20

  /// A partition's DMA window; each mapping is an area.
  let window: DMAWindow

  init(of owner: Owner, _ resources: OwnerResources) throws(GenerationError) {
    guard resources.dmaWindow.size == 0 else {
      window = resources.dmaWindow
      return
    }
    guard let window = DMAWindow(covering: [(owner.memory, "memory")]) else {
      throw .unprintable(
        artifact: "hv.dts",
        reason: "the memory of \(owner.name) takes more than \(DMAWindow.slotLimit) subwindows for "
          + "DMA: make it a power of two, on a multiple of its size")
    }
    self.window = window
  }

  /// The partition's own memory, piece by piece.
  var areas: [DMAWindow.Mapping] { window.mappings.filter { $0.purpose == "memory" } }

  /// The pieces of memory that it shares with others.
  func areas(of shared: SharedMemory) -> [DMAWindow.Mapping] {
    window.mappings.filter { $0.purpose == shared.name }
  }

  /// Memory for the hypervisor itself that nobody has and nobody's DMA reaches, as high as there is.
  static func own(in partition: Partition) throws(GenerationError) -> AddressRange {
    for region in MemoryMap(partition).regions.reversed() where region.holder == .free {
      let end = (region.range.base + region.range.size) & ~(ownSize - 1)
      guard end >= ownSize, end - ownSize >= region.range.base else { continue }
      return AddressRange(base: end - ownSize, size: ownSize)
    }
    throw .unprintable(
      artifact: "hv.dts",
      reason:
        "the hypervisor needs \(ownSize >> 20) MiB of memory, but the partitions and their DMA "
        + "windows have it all")
  }
}
