import Partitioning
import QorIQ

/// Who meets whom, found id by id: for each kind of thing an array with an entry for every number,
/// queue, MiB of memory or page of buffers, which says who has been seen there.
///
/// It shares nothing with the checks: no ranges are compared, and none are sorted.
struct MeetingOracle {
  /// Kinds of things; ``role`` is a queue that is used and another's, ``window`` memory that DMA
  /// reaches and is another's.
  enum Kind: String {
    case cpu, portal, queue, pool, channel, group, liodn, memory, buffers, role, window
  }

  static let mib: UInt64 = 1 << 20
  static let page: UInt64 = 1 << 12
  /// Copied, because filling an array anew takes longer than all the rest.
  private static let nobody = [UInt32](repeating: 0, count: 1 << 13)
  private static let nobodysPages = [UInt32](repeating: 0, count: 1 << 17)

  /// `queue: alfa, bravo` for each kind and two holders that have something in common; one holder
  /// twice where it has something twice.
  private(set) var meetings: Set<String> = []
  private var names: [String] = []
  private var seen: [Kind: [UInt32]] = [:]
  /// Holders outside the plan may meet each other: that is no partition's business.
  private var outside: Set<Int> = []

  static func meeting(_ kind: Kind, _ one: String, _ other: String) -> String {
    "\(kind): \([one, other].sorted().joined(separator: ", "))"
  }

  /// Looks at every id of a range; `own` holders are passed over.
  private mutating func look(
    _ kind: Kind, at ids: Range<Int>, for holder: Int, as told: Kind, passing own: Set<Int> = []
  ) {
    guard let marks = seen[kind] else { return }
    var found: UInt32 = 0
    for id in ids where id < marks.count { found |= marks[id] }
    for other in names.indices where found & (1 << UInt32(other)) != 0 && !own.contains(other) {
      if outside.contains(holder) && outside.contains(other) { continue }
      meetings.insert(Self.meeting(told, names[holder], names[other]))
    }
  }

  /// Looks at every id, and marks it.
  private mutating func claim(_ kind: Kind, _ ids: Range<Int>, by holder: Int) {
    look(kind, at: ids, for: holder, as: kind)
    var marks =
      seen.removeValue(forKey: kind) ?? (kind == .buffers ? Self.nobodysPages : Self.nobody)
    while marks.count < ids.upperBound { marks.append(0) }
    for id in ids { marks[id] |= 1 << UInt32(holder) }
    seen[kind] = marks
  }

  private mutating func claim(_ kind: Kind, _ number: some BinaryInteger, by holder: Int) {
    claim(kind, Int(number)..<Int(number) + 1, by: holder)
  }

  private func units(_ base: UInt64, _ size: UInt64, of unit: UInt64) -> Range<Int> {
    Int(base / unit)..<Int((base + size + unit - 1) / unit)
  }

  // MARK: A plan

  /// What a plan says exactly; what it leaves to the planner meets nobody yet.
  init(_ plan: Plan) {
    names = plan.partitions.map(\.name)
    for (holder, wish) in plan.partitions.enumerated() {
      for cpu in wish.cpus?.elements ?? [] { claim(.cpu, cpu.rawValue, by: holder) }
      for portal in wish.portals?.elements ?? [] { claim(.portal, portal.rawValue, by: holder) }
      for range in wish.queues?.ranges ?? [] {
        let first = Int(range.first.rawValue)
        claim(.queue, first..<first + Int(range.count), by: holder)
      }
      for channel in wish.poolChannels?.elements ?? [] {
        claim(.channel, channel.rawValue, by: holder)
      }
      for group in wish.congestionGroups {
        if let id = group.id { claim(.group, id, by: holder) }
      }
      if let offset = wish.liodnOffset { claim(.liodn, offset, by: holder) }
      if let base = wish.memoryAddress, let size = wish.memory {
        claim(.memory, units(base, size, of: Self.mib), by: holder)
      }
      for pool in wish.pools ?? [] {
        if let id = pool.bpid { claim(.pool, id, by: holder) }
        guard let base = pool.address else { continue }
        let size = UInt64(pool.bufferCount) * pool.bufferSize
        claim(.buffers, units(base, size, of: Self.page), by: holder)
      }
    }
    for (holder, wish) in plan.partitions.enumerated() {
      for range in wish.roles.values.flatMap(\.ranges) {
        let first = Int(range.first.rawValue)
        look(
          .queue, at: first..<first + Int(range.count), for: holder, as: .role, passing: [holder])
      }
    }
    addOutside(plan.reservations)
    var writable: [Int: Set<String>] = [:]
    for shared in plan.sharedMemory {
      guard let base = shared.address else { continue }
      names.append(shared.name)
      writable[names.count - 1] = Set(shared.writers ?? shared.members)
      claim(.memory, units(base, shared.size, of: Self.mib), by: names.count - 1)
    }
    for (holder, wish) in plan.partitions.enumerated() {
      let own = Set([holder] + writable.filter { $0.value.contains(wish.name) }.keys)
      for window in wish.dmaWindows {
        look(
          .memory, at: units(window.address, window.size, of: Self.mib), for: holder, as: .window,
          passing: own)
      }
    }
  }

  private mutating func addOutside(_ reservations: [ReservationWish]) {
    let kinds: [ResourceKind: Kind] = [
      .cpus: .cpu, .portals: .portal, .pools: .pool, .poolChannels: .channel,
      .congestionGroups: .group, .liodnOffsets: .liodn,
    ]
    for reservation in reservations {
      let holder = names.count
      names.append(reservation.holder)
      outside.insert(holder)
      for (kind, numbers) in reservation.numbers {
        for number in numbers { if let kind = kinds[kind] { claim(kind, number, by: holder) } }
      }
      for range in reservation.queues {
        let first = Int(range.first.rawValue)
        claim(.queue, first..<first + Int(range.count), by: holder)
      }
      for range in reservation.memory {
        claim(.memory, units(range.base, range.size, of: Self.mib), by: holder)
      }
    }
  }

  // MARK: What was planned

  /// What everybody has in the end.
  init(_ partition: Partition) {
    names = partition.owners.map(\.name)
    for (holder, owner) in partition.owners.enumerated() {
      let more = partition.resources[holder]
      for cpu in owner.cpus { claim(.cpu, cpu.rawValue, by: holder) }
      for portal in owner.portals { claim(.portal, portal.rawValue, by: holder) }
      for range in owner.queues {
        let first = Int(range.first.rawValue)
        claim(.queue, first..<first + Int(range.count), by: holder)
      }
      for channel in more.poolChannels { claim(.channel, channel.rawValue, by: holder) }
      for group in more.congestionGroups { claim(.group, group.id.rawValue, by: holder) }
      claim(.liodn, owner.liodnOffset, by: holder)
      claim(.memory, units(owner.memory.base, owner.memory.size, of: Self.mib), by: holder)
      for pool in owner.pools {
        claim(.pool, pool.bpid.rawValue, by: holder)
        claim(
          .buffers, units(pool.memory.base, pool.memory.size, of: Self.page), by: holder)
      }
    }
    addOutside(partition.reservations)
    var writable: [Int: Set<Int>] = [:]
    for shared in partition.sharedMemory {
      names.append(shared.name)
      writable[names.count - 1] = Set(shared.members)
      let range = shared.memory
      claim(.memory, units(range.base, range.size, of: Self.mib), by: names.count - 1)
    }
    for (holder, more) in partition.resources.enumerated() {
      let own = Set([holder] + writable.filter { $0.value.contains(holder) }.keys)
      for role in more.roles {
        for range in role.queues {
          let first = Int(range.first.rawValue)
          look(
            .queue, at: first..<first + Int(range.count), for: holder, as: .role,
            passing: [holder])
        }
      }
      for mapping in more.dmaWindow.mappings {
        let range = mapping.memory
        look(
          .memory, at: units(range.base, range.size, of: Self.mib), for: holder, as: .window,
          passing: own)
      }
    }
  }
}
