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
    // What could not be read may be what is reserved.
    guard context.plan.isWhole else { return }
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
      // Of a board that nobody has said the memory of, nothing is known to be missing.
      for (item, range) in reservation.memory.enumerated()
      where board.memorySize > 0 && range.size > 0 && range.last >= board.memorySize {
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
    for kind in ResourceKind.allCases {
      let pieces = context.plan.reservations.enumerated().flatMap { index, wish in
        wish.pieces(of: kind).map { (index: index, piece: $0) }
      }
      let sweep = OverlapSweep(pieces.map { .init($0.index, $0.piece.first, $0.piece.last) }) {
        $0 != $1
      }
      for meeting in sweep.meetings {
        let (earlier, later) = (pieces[meeting.earlier], pieces[meeting.later])
        let first = max(earlier.piece.first, later.piece.first)
        let last = min(earlier.piece.last, later.piece.last)
        let holder = context.plan.reservations[earlier.index].holder
        findings.add(
          "\(kind.text(first, last)) are reserved for "
            + "\(context.plan.reservations[later.index].holder), and for \(holder) too",
          at: context.span(
            ClaimPath.reservation(later.index, kind, item: later.piece.item(of: first))),
          notes: [
            Note(
              "they are reserved for \(holder) here",
              at: context.span(
                ClaimPath.reservation(earlier.index, kind, item: earlier.piece.item(of: first))))
          ] + meeting.notes, fixIts: [FixIt("take them from one of the two")])
      }
      findings.omit(sweep)
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
    case .liodnOffsets: Set(0..<Int(LIODNOffset.limit))
    case .queues, .memory: nil
    }
  }
}

/// Numbers in a row, or a range, that somebody has reserved.
private struct ReservedPiece {
  /// The place of the first in its list.
  var item: Int
  var first: UInt64
  var last: UInt64
  /// Whether each number has a place in the list of its own.
  var isCounted: Bool

  /// The place of a number in the list.
  func item(of number: UInt64) -> Int { isCounted ? item + Int(number - first) : item }
}

extension ReservationWish {
  /// What is reserved of a kind, in the order written.
  fileprivate func pieces(of kind: ResourceKind) -> [ReservedPiece] {
    switch kind {
    case .queues:
      return queues.enumerated().map {
        ReservedPiece(
          item: $0, first: UInt64($1.first.rawValue), last: UInt64($1.last.rawValue),
          isCounted: false)
      }
    case .memory:
      return memory.enumerated().filter { $1.size > 0 && $1.last >= $1.base }.map {
        ReservedPiece(item: $0, first: $1.base, last: $1.last, isCounted: false)
      }
    default:
      var pieces: [ReservedPiece] = []
      for (item, number) in (numbers[kind] ?? []).enumerated() {
        let number = UInt64(number)
        if let last = pieces.last?.last, last + 1 == number {
          pieces[pieces.count - 1].last = number
        } else {
          pieces.append(ReservedPiece(item: item, first: number, last: number, isCounted: true))
        }
      }
      return pieces
    }
  }
}

extension ResourceKind {
  /// `queues 64-127`, `cpus 3`, `bytes of 0x1000-0x1fff`
  fileprivate func text(_ first: UInt64, _ last: UInt64) -> String {
    switch self {
    case .memory: "bytes of 0x\(String(first, radix: 16))-0x\(String(last, radix: 16))"
    default: "\(rawValue) \(first == last ? "\(first)" : "\(first)-\(last)")"
    }
  }
}
