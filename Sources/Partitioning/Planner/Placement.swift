import QorIQ

/// Chooses for every wish at once: exact choices first, then the lowest free ones for numbers, in
/// the plan's order.
///
/// - Returns: What each wish gets, ascending; fewer than asked when there are not enough.
func pickLowest<Element: Hashable & Comparable>(
  _ wishes: [Choice<Element>?], among all: [Element]
) -> [[Element]] {
  let claimed = Set(wishes.flatMap { $0?.elements ?? [] })
  var free = all.sorted().filter { !claimed.contains($0) }[...]
  return wishes.map { wish in
    switch wish {
    case .exactly(let elements): return elements.sorted()
    case .count(let count):
      let picked = free.prefix(count)
      free = free.dropFirst(count)
      return Array(picked)
    case nil: return []
    }
  }
}

/// Places pieces of memory from address 0 upwards, each on a multiple of the largest power of two
/// in its size, so that a DMA window over it stays a power of two.
struct MemoryPlacer {
  private let size: UInt64
  private var placed: [AddressRange] = []

  /// An empty memory of some bytes.
  init(size: UInt64) { self.size = size }

  /// The lowest place for some bytes, or `nil` when there is none.
  mutating func place(_ bytes: UInt64) -> AddressRange? {
    guard bytes > 0 else { return nil }
    let alignment = min(bytes & (~bytes + 1), 1 << 30)
    let starts = [0] + placed.map { $0.base + $0.size }
    let candidates = starts.map { ($0 + alignment - 1) & ~(alignment - 1) }.sorted()
    for base in candidates {
      let range = AddressRange(base: base, size: bytes)
      guard base <= size, bytes <= size - base, !placed.contains(where: range.overlaps) else {
        continue
      }
      placed.append(range)
      return range
    }
    return nil
  }
}

/// Finds runs of frame queues that nobody has claimed.
struct QueueGaps {
  private var free: [Range<UInt32>]

  /// What is left of the usable queues behind all claims.
  ///
  /// - Complexity: O(*n* log *n*) in the claims.
  init(usable: QueueRange, claims: [QueueRange]) {
    free = []
    var start = usable.rawValues.lowerBound
    for claim in claims.map(\.rawValues).sorted(by: { $0.lowerBound < $1.lowerBound }) {
      let end = min(claim.lowerBound, usable.rawValues.upperBound)
      if start < end { free.append(start..<end) }
      start = max(start, claim.upperBound)
    }
    if start < usable.rawValues.upperBound { free.append(start..<usable.rawValues.upperBound) }
  }

  /// How many queues are free.
  var total: Int { free.reduce(0) { $0 + $1.count } }
  /// The longest free run.
  var longest: Int { free.map(\.count).max() ?? 0 }

  /// Takes the first free run of some length that starts at or behind a queue; failing that, the
  /// first one anywhere.
  mutating func take(_ count: UInt32, from start: FQID = 0) -> QueueRange? {
    for least in [start.rawValue, 0] {
      for index in free.indices {
        let run = free[index]
        let first = max(run.lowerBound, least)
        guard first < run.upperBound, run.upperBound - first >= count else { continue }
        free.replaceSubrange(
          index...index,
          with: [run.lowerBound..<first, first + count..<run.upperBound].filter { !$0.isEmpty })
        return QueueRange(first: FQID(first), count: count)
      }
    }
    return nil
  }
}

/// Hands out offline ports: one port has one channel, and what arrives on it goes one way.
struct OfflinePortPicker {
  /// An offline port with its frame manager.
  struct Place: Hashable {
    var fman: Int
    var port: OfflinePort
  }

  private var free: [Place]

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
}
