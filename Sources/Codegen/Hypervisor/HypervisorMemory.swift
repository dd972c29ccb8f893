import Partitioning
import QorIQ

/// Memory as the hypervisor takes it: areas that are powers of two and lie on multiples of their
/// size, and windows for DMA in front of them (Topaz, `src/guest.c` and `src/paging.c`).
struct HypervisorMemory {
  /// The memory that the hypervisor keeps for itself, as all shipped configurations have it.
  static let ownSize: UInt64 = 16 << 20
  /// The smallest area (`src/paging.c`).
  private static let smallest: UInt64 = 4096
  /// The most subwindows of a window; a constant of the hypervisor.
  private static let subwindowLimit: UInt64 = 16

  /// A partition's memory as areas, ascending and without gaps.
  let areas: [AddressRange]
  /// The size of the window for DMA, from the guest's address 0.
  let windowSize: UInt64
  /// The size of each subwindow; `nil` when the window is one area.
  let subwindowSize: UInt64?
  private let memory: AddressRange

  init(of owner: Owner) throws(GenerationError) {
    memory = owner.memory
    var areas: [AddressRange] = []
    var offset: UInt64 = 0
    while offset < memory.size {
      let rest = memory.size - offset
      var size: UInt64 = 1 << (63 - UInt64(rest.leadingZeroBitCount))
      // On a multiple of its size on the board, and in the guest as well.
      while (memory.base + offset) & (size - 1) != 0 || offset & (size - 1) != 0 { size /= 2 }
      guard size >= Self.smallest else {
        throw .unprintable(
          artifact: "hv.dts",
          reason: "the memory of \(owner.name) does not lie on a multiple of 4 KiB")
      }
      areas.append(AddressRange(base: memory.base + offset, size: size))
      offset += size
    }
    self.areas = areas
    var window: UInt64 = Self.smallest
    while window < memory.size { window *= 2 }
    windowSize = window
    guard areas.count > 1, let granule = areas.map(\.size).min() else {
      subwindowSize = nil
      return
    }
    guard window / granule <= Self.subwindowLimit else {
      throw .unprintable(
        artifact: "hv.dts",
        reason: "the memory of \(owner.name) takes \(window / granule) subwindows for DMA, but the "
          + "hypervisor has \(Self.subwindowLimit): make it a power of two, or a multiple of "
          + "\((window / Self.subwindowLimit) >> 20) MiB")
    }
    subwindowSize = granule
  }

  /// How many subwindows there are.
  var subwindowCount: UInt64 { subwindowSize.map { windowSize / $0 } ?? 0 }
  /// Where the subwindows with memory behind them begin in the guest.
  var subwindows: [UInt64] {
    guard let size = subwindowSize else { return [] }
    return Array(stride(from: 0, to: memory.size, by: Int(size)))
  }

  /// Memory for the hypervisor itself that no partition has, as high as there is.
  static func own(in partition: Partition) throws(GenerationError) -> AddressRange {
    var base = partition.board.memorySize & ~(ownSize - 1)
    while base >= ownSize {
      base -= ownSize
      let taken = partition.owners.contains {
        $0.memory.base < base + ownSize && base < $0.memory.base + $0.memory.size
      }
      if !taken { return AddressRange(base: base, size: ownSize) }
    }
    throw .unprintable(
      artifact: "hv.dts",
      reason: "the hypervisor needs \(ownSize >> 20) MiB of memory, but the partitions have it all")
  }
}
