import QorIQ

/// Places pieces of memory, each on a multiple of the largest power of two in its size, so that a
/// DMA window over it can be drawn.
struct MemoryPlacer {
  /// Free runs, ascending.
  private var free: [AddressRange]

  /// A memory of some bytes of which some are taken; what is taken may overlap, or lie outside.
  ///
  /// - Complexity: O(*n* log *n*) in the ranges.
  init(size: UInt64, without taken: [AddressRange] = []) {
    free = []
    var start: UInt64 = 0
    for range in taken.sorted(by: { $0.base < $1.base }) where range.size > 0 {
      let end = min(range.base, size)
      if start < end { free.append(AddressRange(base: start, size: end - start)) }
      let (behind, overflow) = range.base.addingReportingOverflow(range.size)
      start = max(start, overflow ? .max : behind)
    }
    if start < size { free.append(AddressRange(base: start, size: size - start)) }
  }

  /// An owner's memory as the owner counts addresses, without its pools and without the top, where a
  /// boot loader moves itself.
  init(memoryOf owner: Owner) {
    self.init(
      size: owner.memory.size - PoolLayout.loaderReserve(inMemory: owner.memory.size),
      without: owner.pools.filter { $0.base >= owner.memory.base }.map {
        AddressRange(base: $0.base - owner.memory.base, size: $0.memory.size)
      })
  }

  /// The bytes that are free.
  var total: UInt64 { free.reduce(0) { $0 + $1.size } }
  /// The longest free run.
  var longest: UInt64 { free.map(\.size).max() ?? 0 }

  /// The room that a piece takes. A window has at most 16 slots: what is no sum of few powers of two
  /// is rounded up to the sixteenth part of the next power of two.
  static func room(for bytes: UInt64) -> UInt64 {
    let step = max(DMAWindow.powerOfTwo(atLeast: bytes) / UInt64(DMAWindow.slotLimit), 4096)
    let (sum, overflow) = bytes.addingReportingOverflow(step - 1)
    return overflow ? bytes : sum & ~(step - 1)
  }

  /// What the base of a room is a multiple of.
  static func alignment(ofRoom room: UInt64) -> UInt64 { min(room & (~room + 1), 1 << 30) }

  /// The lowest place for some bytes, or `nil` when there is none.
  mutating func place(_ bytes: UInt64) -> AddressRange? {
    guard bytes > 0 else { return nil }
    let room = Self.room(for: bytes)
    let alignment = Self.alignment(ofRoom: room)
    for run in free {
      let (sum, overflow) = run.base.addingReportingOverflow(alignment - 1)
      let base = sum & ~(alignment - 1)
      guard !overflow, base - run.base < run.size, run.size - (base - run.base) >= room else {
        continue
      }
      guard take(AddressRange(base: base, size: room)) else { continue }
      return AddressRange(base: base, size: bytes)
    }
    return nil
  }

  /// Takes a run that may be free in part only; what was taken before stays so.
  ///
  /// - Returns: Whether all of it was free.
  @discardableResult
  mutating func take(_ range: AddressRange) -> Bool {
    guard range.size > 0 else { return true }
    var rest: [AddressRange] = []
    var taken: UInt64 = 0
    let end = range.base &+ range.size
    for run in free {
      let runEnd = run.base + run.size
      let low = max(run.base, range.base)
      let high = min(runEnd, end < range.base ? .max : end)
      guard low < high else {
        rest.append(run)
        continue
      }
      taken += high - low
      if run.base < low { rest.append(AddressRange(base: run.base, size: low - run.base)) }
      if high < runEnd { rest.append(AddressRange(base: high, size: runEnd - high)) }
    }
    free = rest
    return taken == range.size
  }

  /// Whether all of a run is free.
  func isFree(_ range: AddressRange) -> Bool {
    free.contains { run in
      run.base <= range.base && range.size <= run.size
        && range.base - run.base <= run.size - range.size
    }
  }
}

/// Hands out offline ports: one port has one channel, and what arrives on it goes one way.
struct OfflinePortPicker {
  /// An offline port with its frame manager.
  struct Place: Hashable {
    var fman: Int
    var port: OfflinePort
  }

  private(set) var free: [Place]

  init(board: Board) {
    free = board.fmans.flatMap { fman in
      fman.enabledOfflinePorts.map { Place(fman: fman.index, port: $0) }
    }
  }

  /// The first free port, of one frame manager if that matters.
  mutating func take(fman: Int? = nil) -> Place? {
    guard let index = free.firstIndex(where: { fman == nil || $0.fman == fman }) else {
      return nil
    }
    return free.remove(at: index)
  }

  /// The port of this name if it is free.
  mutating func take(named name: String?, fman: Int? = nil) -> Place? {
    guard let name,
      let index = free.firstIndex(where: {
        $0.description == name && (fman == nil || $0.fman == fman)
      })
    else { return nil }
    return free.remove(at: index)
  }
}
