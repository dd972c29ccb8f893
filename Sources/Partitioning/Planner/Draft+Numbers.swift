import Diagnostics
import QorIQ

/// Numbers of all kinds: exact choices first, then what the lock holds, then the lowest free ones.
extension Draft {
  /// Chooses for every wish at once, in the order of the owners, and reports what is short.
  ///
  /// - Parameters:
  ///   - kind: What is chosen, as reservations name it.
  ///   - label: What one of them is called.
  ///   - wishes: The wishes.
  ///   - held: What the lock holds for each.
  ///   - all: Everything that exists.
  ///   - owners: The owner of each wish; `nil` when there is one for each owner.
  ///   - path: Where an owner's wish stands, by the plan's index.
  /// - Returns: What each wish gets, ascending; fewer than asked after a report.
  mutating func choose(
    _ kind: ResourceKind, _ label: String, _ wishes: [Choice<UInt32>?], _ held: [[UInt32]],
    among all: [UInt32], owners: [Int]? = nil, at path: (Int) -> String
  ) -> [[UInt32]] {
    let reserved = Set(context.plan.reservations.flatMap { $0.numbers[kind] ?? [] })
    let existing = Set(all)
    var taken: [UInt32: Int] = [:]
    var picked: [[UInt32]] = wishes.map { _ in [] }
    for (index, wish) in wishes.enumerated() {
      guard case .exactly(let elements) = wish else { continue }
      picked[index] = elements.sorted()
      for element in elements {
        let owner = owners?[index] ?? index
        if reserved.contains(element) || !existing.contains(element) || taken[element] != nil {
          reportTaken(kind, "\(label) \(element)", element, by: owner, first: taken[element], path)
        }
        taken[element] = owner
      }
    }
    for (index, wish) in wishes.enumerated() {
      guard case .count(let count) = wish else { continue }
      for element in held[index].prefix(count)
      where existing.contains(element) && !reserved.contains(element) && taken[element] == nil {
        taken[element] = owners?[index] ?? index
        picked[index].append(element)
      }
    }
    var free = all.sorted().filter { !reserved.contains($0) && taken[$0] == nil }[...]
    for (index, wish) in wishes.enumerated() {
      guard case .count(let count) = wish, picked[index].count < count else { continue }
      let missing = count - picked[index].count
      guard free.count >= missing else {
        let owner = owners?[index] ?? index
        var holders: [Int: Int] = [:]
        for holder in taken.values { holders[holder, default: 0] += 1 }
        reportShort(
          label, owner: owner, asked: owners == nil ? count : missing, free: free.count,
          total: existing.count, holders: holders, reserved: reserved.intersection(existing).count,
          kind: kind, path)
        return picked
      }
      for element in free.prefix(missing) { taken[element] = owners?[index] ?? index }
      picked[index] = (picked[index] + free.prefix(missing)).sorted()
      free = free.dropFirst(missing)
    }
    return picked
  }

  // MARK: queues

  mutating func chooseQueues(_ wishes: [PartitionWish]) -> [[QueueRange]] {
    var gaps = QueueGaps(
      usable: context.board.qman.usableQueues,
      claims: context.queueClaims.map(\.resource) + context.plan.reservations.flatMap(\.queues))
    var chosen: [Int: [QueueRange]] = [:]
    for (owner, wish) in wishes.enumerated() {
      if case .exactly(let ranges) = wish.queues {
        chosen[owner] = ranges.sorted { $0.first < $1.first }
      }
    }
    for (owner, wish) in wishes.enumerated() {
      guard case .count(let count) = wish.queues, locked[owner].queues.count == 1,
        let range = locked[owner].queues.first
      else { continue }
      let wanted =
        range.count >= count || UInt64(range.first.rawValue) + UInt64(count) <= 1 << 24
        ? QueueRange(first: range.first, count: max(count, 1)) : range
      if gaps.take(wanted) { chosen[owner] = [wanted] }
    }
    let fromLock = Set(chosen.keys)
    for index in context.plan.partitions.indices {
      let owner = ownerOfWish[index]
      guard chosen[owner] == nil, case .count(let count) = wishes[owner].queues else { continue }
      guard let range = gaps.take(count) else {
        reportShortQueues(
          owner, asked: Int(count), gaps: gaps, chosen: chosen, fromLock: fromLock)
        continue
      }
      chosen[owner] = [range]
    }
    return wishes.indices.map { chosen[$0] ?? [] }
  }

  /// One identity for each owner, as PAMU sees it: what the plan or the lock says, or the number that
  /// U-Boot gives to its first portal on P4080 (U-Boot, `p4080_ids.c`: portal + 1). Never one that
  /// an FMan's receive port adds to the same base, nor one that a block's base makes a LIODN of
  /// somebody else.
  mutating func chooseOffsets(
    _ wishes: [PartitionWish], portals: [[PortalIndex]]
  ) -> [UInt16] {
    let ports = context.board.fmans.flatMap { $0.interfaces.compactMap(\.liodnOffset?.rawValue) }
    let reserved = context.plan.reservations.flatMap { $0.numbers[.liodnOffsets] ?? [] }
    let limit = context.board.liodnOffsetLimit
    var taken = Set(ports.map { UInt32($0) } + reserved)
    var offsets: [UInt16?] = wishes.map(\.liodnOffset)
    var first: [UInt16: Int] = [:]
    var sums = Set(context.board.deviceLIODNs.map(\.liodn))
    for (owner, wish) in wishes.enumerated() {
      guard let offset = wish.liodnOffset else { continue }
      sums.formUnion(context.liodns(of: order[owner], offset: Int(offset)).map(\.liodn))
      let isFree = taken.insert(UInt32(offset)).inserted && offset < limit
      if !isFree {
        reportTaken(
          .liodnOffsets, "LIODN offset \(offset)", UInt32(offset), by: owner, first: first[offset],
          ClaimPath.liodnOffset)
      }
      first[offset] = owner
    }
    func take(_ number: UInt32?, for owner: Int) -> UInt16? {
      guard let number, number > 0, number < limit, !taken.contains(number) else { return nil }
      let own = context.liodns(of: order[owner], offset: Int(number)).map(\.liodn)
      guard sums.isDisjoint(with: own) else { return nil }
      taken.insert(number)
      sums.formUnion(own)
      return UInt16(number)
    }
    for owner in wishes.indices where offsets[owner] == nil {
      offsets[owner] = take(locked[owner].liodnOffset, for: owner)
    }
    for owner in wishes.indices where offsets[owner] == nil {
      offsets[owner] = take(portals[owner].first.map { UInt32($0.rawValue) + 1 }, for: owner)
    }
    for owner in wishes.indices where offsets[owner] == nil {
      for number in 1..<UInt32(limit) {
        offsets[owner] = take(number, for: owner)
        if offsets[owner] != nil { break }
      }
    }
    let missing = offsets.indices.filter { offsets[$0] == nil }
    for owner in missing {
      reportShort(
        "LIODN offset", owner: owner, asked: 1, free: 0, total: Int(limit) - 1, holders: [:],
        reserved: reserved.count, kind: .liodnOffsets, ClaimPath.partition)
    }
    return offsets.map { $0 ?? 0 }
  }

  // MARK: memory

  /// Exact places first, then what the lock holds, then the lowest.
  mutating func placeMemory(_ wishes: [PartitionWish]) -> [AddressRange] {
    var placer = MemoryPlacer(
      size: context.board.memorySize, without: context.plan.reservations.flatMap(\.memory))
    let shared = context.plan.sharedMemory
    var places: [AddressRange?] = wishes.map { _ in nil }
    var sharedPlaces: [AddressRange?] = shared.map { _ in nil }
    for (owner, wish) in wishes.enumerated() {
      guard let base = wish.memoryAddress, let size = wish.memory else { continue }
      let range = AddressRange(base: base, size: size)
      if !placer.isFree(range) {
        reportMemory("\(wish.name)'s memory", range, ClaimPath.memoryAddress(order[owner]))
      }
      placer.take(range)
      places[owner] = range
    }
    for (index, wish) in shared.enumerated() {
      guard let base = wish.address else { continue }
      let range = AddressRange(base: base, size: wish.size)
      if !placer.isFree(range) {
        reportMemory(
          "the shared memory \(wish.name)", range, ClaimPath.sharedMemoryAddress(index))
      }
      placer.take(range)
      sharedPlaces[index] = range
    }
    guard shortages.isEmpty else { return [] }
    // What is chosen from here on lies behind nobody's window: a device could write to it.
    for window in wishes.flatMap(\.dmaWindows) {
      placer.take(AddressRange(base: window.address, size: window.size))
    }
    for (owner, wish) in wishes.enumerated() where places[owner] == nil {
      places[owner] = locked[owner].memory.flatMap {
        $0.size == wish.memory ? Self.takeLocked($0.base, wish.memory, from: &placer) : nil
      }
    }
    for (index, wish) in shared.enumerated() where sharedPlaces[index] == nil {
      sharedPlaces[index] = Self.takeLocked(
        isLockUsable ? lock.sharedMemory[wish.name] : nil, wish.size, from: &placer)
    }
    for (owner, wish) in wishes.enumerated() where places[owner] == nil {
      places[owner] = wish.memory.flatMap { placer.place($0) }
      if places[owner] == nil { reportShortMemory(owner, wish.memory ?? 0, placer) }
    }
    guard shortages.isEmpty else { return [] }
    share(shared, at: sharedPlaces, &placer)
    return places.compactMap(\.self)
  }

  private static func takeLocked(
    _ base: UInt64?, _ size: UInt64?, from placer: inout MemoryPlacer
  ) -> AddressRange? {
    guard let base, let size else { return nil }
    let room = AddressRange(base: base, size: MemoryPlacer.room(for: size))
    guard base & (MemoryPlacer.alignment(ofRoom: room.size) - 1) == 0, placer.isFree(room) else {
      return nil
    }
    placer.take(room)
    return AddressRange(base: base, size: size)
  }

  private mutating func share(
    _ wishes: [SharedMemoryWish], at places: [AddressRange?], _ placer: inout MemoryPlacer
  ) {
    for (index, wish) in wishes.enumerated() {
      guard let place = places[index] ?? placer.place(wish.size) else {
        reportShortShared(index, placer)
        continue
      }
      let members = wish.members.compactMap { owner(named: $0) }
      let writers = wish.writers.map { $0.compactMap { owner(named: $0) } } ?? members
      sharedMemory.append(
        SharedMemory(name: wish.name, memory: place, members: members, writers: writers))
      if wish.address == nil {
        decide(wish.name, "\(byteCount(wish.size)) at 0x\(String(place.base, radix: 16))")
      }
    }
  }

  /// Whether the lock was made for this board.
  var isLockUsable: Bool { lock.board == context.board.name }
}
