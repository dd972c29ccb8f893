import DPAAPortal
import Partitioning

/// What an owner's lives before its present one left for the report: a guest that was started again goes on
/// counting where the last one ended.
struct OwnerPast {
  /// How many lives there were before this one.
  private(set) var lives = 0
  /// Frames that were delivered to guests that ended before they counted them.
  private(set) var lost: UInt64 = 0
  /// The owner as its last life had it; `nil` before any is over.
  private(set) var last: Owner?
  /// What did not add up in a life that is over.
  private(set) var discrepancies: [String] = []

  // SAFETY: both are status pages.
  /// Carries all numbers of a page over into another.
  static func carry(_ old: UnsafeMutableRawPointer, into page: UnsafeMutableRawPointer) {
    for offset in stride(from: 8, to: GuestStatus.size, by: 8) {
      page.setCounter(offset, old.counter(offset))
    }
  }

  // SAFETY: `page` is a status page that no guest has seen.
  /// Closes the books of a life, and carries its numbers over into the next one's page.
  ///
  /// For what a guest had not counted as it ended, the rings are the witness, as in ``RunReport``: the next
  /// life begins with the engine's numbers, whatever this one wrote.
  mutating func settle(_ engine: Engine, owner: Int, into page: UnsafeMutableRawPointer) {
    let old = engine.memory[owner].status.memory
    let counters = engine.counters
    let name = engine.configuration.owners[owner].name
    Self.carry(old, into: page)
    let delivered = counters.value(.delivered, owner)
    let received = old.counter(GuestStatus.Counter.received.offset)
    let plan = engine.configuration.owners[owner]
    if delivered >= received,
      delivered - received <= UInt64(plan.portals.count * plan.rings.dequeue)
    {
      lost += delivered - received
    } else {
      discrepancies.append(
        "frames delivered to \(name) before it was started again, and what it counted: "
          + "\(delivered) against \(received)")
    }
    let rejected = DropReason.allCases.filter(\.isRejection)
      .reduce(0) { $0 + counters.dropped($1, owner) }
    page.setCounter(GuestStatus.Counter.received.offset, delivered)
    page.setCounter(
      GuestStatus.Counter.sent.offset,
      counters.value(.taken, owner) &- counters.value(.frameless, owner))
    page.setCounter(GuestStatus.Counter.rejected.offset, rejected)
    lives += 1
    last = plan
  }
}
