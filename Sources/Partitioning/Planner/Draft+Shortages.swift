import Diagnostics
import QorIQ

/// What is said when a plan does not fit: what is short, by how much, and who has it.
extension Draft {
  private func span(_ owner: Int, _ path: (Int) -> String) -> SourceSpan? {
    context.span(path(order[owner]))
  }

  private func name(_ owner: Int) -> String { context.plan.partitions[order[owner]].name }

  private mutating func short(
    _ message: String, at span: SourceSpan?, label: String? = nil, notes: [Note], repair: String
  ) {
    shortages.append(
      Diagnostic(
        .resourceShort, .error, message, at: span, label: label, notes: notes,
        fixIts: [FixIt(repair)]))
  }

  mutating func reportShort(
    _ label: String, owner: Int, asked: Int, free: Int, total: Int, holders: [Int: Int],
    reserved: Int, kind: ResourceKind, _ path: (Int) -> String
  ) {
    func count(_ number: Int) -> String { "\(number) \(label)\(number == 1 ? "" : "s")" }
    var notes = holders.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { holder, number in
      Note("\(name(holder)) has \(count(number))", at: span(holder, path))
    }
    if reserved > 0 { notes += reservationNotes(kind) }
    let left =
      free == total
      ? "has \(total)"
      : "has \(total), of which " + (free == 0 ? "none is" : "\(free) \(free == 1 ? "is" : "are")")
        + " free"
    short(
      "\(name(owner)) asks for \(count(asked)), but \(context.board.name) \(left)",
      at: span(owner, path), label: "\(asked - free) too many", notes: notes,
      repair: free == 0 ? "take some from somebody who has more" : "ask for \(free)")
  }

  private func reservationNotes(_ kind: ResourceKind) -> [Note] {
    context.plan.reservations.enumerated().compactMap { index, wish in
      let numbers = wish.numbers[kind] ?? []
      guard !numbers.isEmpty else { return nil }
      return Note(
        "\(wish.holder) has \(runs(numbers.map { Int($0) }))",
        at: context.span(ClaimPath.reservation(index, kind)))
    }
  }

  mutating func reportTaken(
    _ kind: ResourceKind, _ what: String, _ number: UInt32, by owner: Int, first: Int?,
    _ path: (Int) -> String
  ) {
    let reservation = context.plan.reservations.firstIndex {
      $0.numbers[kind]?.contains(number) ?? false
    }
    var reason = "\(context.board.name) has none of that number, or needs it itself"
    var notes: [Note] = []
    if let first {
      reason = "\(name(first)) already has it"
      notes = [Note("\(name(first)) asks for it here", at: span(first, path))]
    } else if let reservation {
      let holder = context.plan.reservations[reservation].holder
      reason = "\(holder) has it"
      notes = [
        Note("\(holder) has it here", at: context.span(ClaimPath.reservation(reservation, kind)))
      ]
    }
    short(
      "\(name(owner)) asks for \(what), but \(reason)", at: span(owner, path), notes: notes,
      repair: "choose another, or leave the choice to the planner with a number")
  }

  /// - Parameters:
  ///   - owner: Who asks for too many.
  ///   - asked: How many.
  ///   - gaps: What is free.
  ///   - chosen: What the others have so far, by owner.
  ///   - fromLock: Who of them has it by an exact claim or by the lock.
  mutating func reportShortQueues(
    _ owner: Int, asked: Int, gaps: QueueGaps, chosen: [Int: [QueueRange]], fromLock: Set<Int>
  ) {
    var holders = context.queueClaims.prefix(16).map { claim in
      Note("\(context.name(claim.owner)) has \(claim.resource)", at: context.span(claim))
    }
    for (holder, ranges) in chosen.sorted(by: { $0.key < $1.key }) where holders.count < 16 {
      guard case .count = wishes[holder].queues else { continue }
      let list = ranges.map(\.description).joined(separator: ",")
      holders.append(
        Note(
          "\(name(holder)) has \(list)\(fromLock.contains(holder) ? " by the lock" : "")",
          at: span(holder, ClaimPath.queues)))
    }
    for (index, item, range) in context.reservedQueues.prefix(16 - holders.count) {
      holders.append(
        Note(
          "\(context.plan.reservations[index].holder) has \(range)",
          at: context.span(ClaimPath.reservation(index, .queues, item: item))))
    }
    short(
      "\(name(owner)) asks for \(asked) frame queues in a row, but at most \(gaps.longest) of "
        + "\(gaps.total) free ones are",
      at: span(owner, ClaimPath.queues), label: "\(asked - gaps.longest) too many",
      notes: holders, repair: "ask for \(gaps.longest)")
  }

  /// The partition owns too few queues, or none of the right shape.
  mutating func reportQueues(_ owner: Int, _ demand: QueueDemand) {
    let owned = owners[owner].queues.reduce(0) { $0 + Int($1.count) }
    let needed = demand.minimum
    let roles = demand.roles.filter { $0.value.count > 0 }
    let parts =
      ["\(demand.paths.count) paths"]
      + (demand.hops.isEmpty ? [] : ["\(demand.hops.count) detours"])
      + QueueRole.allCases.compactMap { role in
        roles[role].map { "\($0.count) for \(role.rawValue)" }
      }
    let owns = owners[owner].queues.brief
    short(
      owned < needed
        ? "\(name(owner)) needs \(needed) frame queues (\(parts.joined(separator: ", "))), but owns "
          + "\(owned)"
        : "\(name(owner)) owns \(owns), in which what it needs finds no place: "
          + parts.joined(separator: ", "),
      at: span(owner, ClaimPath.queues),
      label: owned < needed ? "\(needed - owned) too few" : nil, notes: [],
      repair: "give \(name(owner)) more queues, or fewer to roles and spreads")
  }

  /// A pool has a place, but not in the memory that the planner has found for its owner.
  mutating func reportPoolOutside(
    _ owner: Int, _ item: Int, _ range: AddressRange, _ memory: AddressRange
  ) {
    short(
      "\(name(owner))'s pool lies at \(hex(range)), but its memory is put at \(hex(memory))",
      at: span(owner) { ClaimPath.poolAddress($0, item) },
      notes: [Note("the memory is here", at: span(owner, ClaimPath.memory))],
      repair: "say where the memory begins, too, or leave the pool's place to the planner")
  }

  mutating func reportMemory(_ what: String, _ range: AddressRange, _ path: String) {
    var notes: [Note] = []
    for (index, wish) in context.plan.reservations.enumerated() {
      for (item, other) in wish.memory.enumerated() where other.overlaps(range) {
        notes.append(
          Note(
            "\(wish.holder) has \(describe(other))",
            at: context.span(ClaimPath.reservation(index, .memory, item: item))))
      }
    }
    for (index, wish) in context.partitions {
      guard let base = wish.memoryAddress, let size = wish.memory,
        ClaimPath.memoryAddress(index) != path
      else { continue }
      let other = AddressRange(base: base, size: size)
      if other.overlaps(range) {
        notes.append(
          Note(
            "\(wish.name) has \(describe(other))",
            at: context.span(ClaimPath.memoryAddress(index))))
      }
    }
    short(
      "\(what) would be \(describe(range)), which is not all free in \(context.board.name)'s "
        + byteCount(context.board.memorySize), at: context.span(path), notes: notes,
      repair: "choose another address, or leave it to the planner")
  }

  private func describe(_ range: AddressRange) -> String {
    "\(byteCount(range.size)) at 0x\(String(range.base, radix: 16))"
  }

  mutating func reportShortMemory(_ owner: Int, _ asked: UInt64, _ placer: MemoryPlacer) {
    var notes = wishes.enumerated().compactMap { other, wish in
      other == owner
        ? nil
        : wish.memory.map {
          Note("\(wish.name) has \(byteCount($0))", at: span(other, ClaimPath.memory))
        }
    }
    notes += context.plan.reservations.enumerated().filter { !$1.memory.isEmpty }.map {
      index, wish in
      let total = wish.memory.reduce(0) { $0 &+ $1.size }
      return Note(
        "\(wish.holder) has \(byteCount(total))",
        at: context.span(ClaimPath.reservation(index, .memory)))
    }
    short(
      "\(name(owner)) asks for \(byteCount(asked)) of memory, but the longest free run has "
        + "\(byteCount(placer.longest)) of \(byteCount(placer.total)) that are free",
      at: span(owner, ClaimPath.memory), notes: Array(notes.prefix(16)),
      repair: lock.partitions.isEmpty
        ? "ask for less, for a power of two, or name large partitions first"
        : "ask for less, or plan anew without the lock")
  }

  mutating func reportShortShared(_ index: Int, _ placer: MemoryPlacer) {
    let wish = context.plan.sharedMemory[index]
    short(
      "the shared memory \(wish.name) asks for \(byteCount(wish.size)), but the longest free run "
        + "has \(byteCount(placer.longest))",
      at: context.span(ClaimPath.sharedMemory(index)), notes: [], repair: "ask for less")
  }

  mutating func reportShort(
    _ message: String, at path: String, notes: [Note] = [], repair: String
  ) {
    short(message, at: context.span(path), notes: notes, repair: repair)
  }
}

extension DiagnosticCode {
  /// Something of which a board has not as much as a plan asks for.
  static let resourceShort: DiagnosticCode = "resource-short"
}
