import Diagnostics
import QorIQ

/// Checks of what the plan says that others have: that it exists, and whose it is.
extension PartitionCheck {
  static let reservationNeedChecks = [reservationEmpty, reservationRange, reservationTwice]

  private static func reserved(_ text: String) -> PlanExample {
    .init(more: ["reserved: { \(text) }"])
  }

  static let reservationEmpty = PartitionCheck(
    "reservation-empty", .naming, severity: .warning, "whoever is reserved for has something",
    meaning: "A holder without anything keeps nobody off; something was left out or misspelt.",
    repair: "say what it has, or remove it",
    source: "a decision of this project",
    example: reserved("u-boot: {}")
  ) { context, findings in
    for (index, reservation) in context.plan.reservations.enumerated()
    where reservation.queues.isEmpty && reservation.memory.isEmpty
      && reservation.numbers.values.allSatisfy(\.isEmpty)
    {
      findings.add(
        "nothing is reserved for \(reservation.holder)",
        at: context.span(ClaimPath.reservation(index)), fixIts: [FixIt("remove it")])
    }
  }

  static let reservationRange = PartitionCheck(
    "reservation-range", .naming, severity: .warning, "what is reserved exists on the board",
    meaning: """
      What the board does not have, nobody can take. The number is wrong, or it belongs to another \
      board, and what was meant stays open to every partition.
      """,
    repair: "correct the number",
    source: "a decision of this project",
    example: reserved("u-boot: {portals: 8-11}")
  ) { context, findings in
    let board = context.board
    for (index, reservation) in context.plan.reservations.enumerated() {
      for kind in ResourceKind.allCases {
        guard let existing = board.numbers(of: kind) else { continue }
        let missing = (reservation.numbers[kind] ?? []).enumerated()
          .filter { !existing.contains(Int($0.element)) }
        guard let first = missing.first else { continue }
        let numbers = runs(missing.map { Int($0.element) })
        findings.add(
          "\(kind.rawValue) \(numbers) are reserved for \(reservation.holder), but \(board.name) has "
            + runs(Array(existing)),
          at: context.span(ClaimPath.reservation(index, kind, item: first.offset)),
          fixIts: [FixIt("reserve what there is, or take \(numbers) out")])
      }
      for (item, range) in reservation.queues.enumerated()
      where range.rawValues.upperBound > board.qman.queueCount {
        findings.add(
          "queues \(range) are reserved for \(reservation.holder), but \(board.name) has none behind "
            + "\(board.qman.queueCount - 1)",
          at: context.span(ClaimPath.reservation(index, .queues, item: item)),
          fixIts: [FixIt("end at \(board.qman.queueCount - 1)")])
      }
      for (item, range) in reservation.memory.enumerated()
      where range.size > 0 && range.last >= board.memorySize {
        findings.add(
          "memory \(hex(range)) is reserved for \(reservation.holder), but \(board.name) has "
            + byteCount(board.memorySize),
          at: context.span(ClaimPath.reservation(index, .memory, item: item)),
          fixIts: [FixIt("end at 0x\(String(board.memorySize - 1, radix: 16))")])
      }
    }
  }

  static let reservationTwice = PartitionCheck(
    "reservation-twice", .naming, severity: .warning, "what is reserved has one holder",
    meaning: """
      Nobody in the plan gets it, but the two holders may meet: a boot loader's queue that is still \
      there when a kernel hands out the same number.
      """,
    repair: "reserve it for the one that has it when partitions start",
    source: "Freescale's hv-cfg, corrected in b479663: a static queue in an allocator's range",
    example: reserved("u-boot: {queues: 1-127}, kernel: {queues: 64-191}")
  ) { context, findings in
    for (index, later) in context.plan.reservations.enumerated() {
      for (place, earlier) in context.plan.reservations[..<index].enumerated() {
        for clash in later.clashes(with: earlier) {
          findings.add(
            "\(clash.what) are reserved for \(later.holder), and for \(earlier.holder) too",
            at: context.span(ClaimPath.reservation(index, clash.kind, item: clash.item)),
            notes: [
              Note(
                "they are reserved for \(earlier.holder) here",
                at: context.span(ClaimPath.reservation(place, clash.kind, item: clash.other)))
            ], fixIts: [FixIt("take them from one of the two")])
        }
      }
    }
  }
}

extension Board {
  /// The numbers of a kind that there are; `nil` for queues and memory, which are ranges.
  fileprivate func numbers(of kind: ResourceKind) -> Set<Int>? {
    switch kind {
    case .cpus: Set(cpus.map { Int($0.index.rawValue) })
    case .portals: Set(qman.portals.map { Int($0.index.rawValue) })
    case .pools: Set(0..<bman.poolCount)
    case .poolChannels: Set(qman.poolChannels.map { Int($0.rawValue) })
    case .congestionGroups: Set(0..<qman.congestionGroupCount)
    case .liodnOffsets: Set(0..<1024)
    case .queues, .memory: nil
    }
  }
}

extension ReservationWish {
  /// What two reservations have in common: the first item of each kind that meets, here and there.
  fileprivate func clashes(
    with other: ReservationWish
  ) -> [(kind: ResourceKind, item: Int, other: Int, what: String)] {
    var clashes: [(kind: ResourceKind, item: Int, other: Int, what: String)] = []
    for kind in ResourceKind.allCases {
      let theirs = other.numbers[kind] ?? []
      let places = Dictionary(
        theirs.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
      let common = (numbers[kind] ?? []).enumerated().filter { places[$0.element] != nil }
      guard let first = common.first, let place = places[first.element] else { continue }
      clashes.append(
        (
          kind, first.offset, place,
          "\(kind.rawValue) \(runs(common.map { Int($0.element) }))"
        ))
    }
    for (item, range) in queues.enumerated() {
      for (place, taken) in other.queues.enumerated() {
        guard let common = range.intersection(taken) else { continue }
        clashes.append((.queues, item, place, "queues \(common)"))
      }
    }
    for (item, range) in memory.enumerated() {
      for (place, taken) in other.memory.enumerated()
      where range.size > 0 && taken.size > 0 && range.overlaps(taken) {
        clashes.append((.memory, item, place, "bytes of \(hex(range))"))
      }
    }
    return clashes
  }
}
