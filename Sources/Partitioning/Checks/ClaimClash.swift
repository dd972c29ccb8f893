import Diagnostics
import QorIQ

/// One thing that a partition claims by name. Its place is looked up when somebody has to be told
/// it: of a million claims that is a handful.
struct Claim<Resource: Hashable> {
  var owner: Int
  var resource: Resource
  private var item: Int
  private var path: @Sendable (Int, Int) -> String
  private var origins: OriginMap

  /// A claim whose place is found by its partition and its place in the partition's list.
  init(
    owner: Int, resource: Resource, item: Int, path: @escaping @Sendable (Int, Int) -> String,
    in context: PlanContext
  ) {
    self.owner = owner
    self.resource = resource
    self.item = item
    self.path = path
    origins = context.origins
  }

  /// A claim with a place of its own.
  init(
    owner: Int, resource: Resource, path: @escaping @Sendable () -> String, in context: PlanContext
  ) {
    self.init(owner: owner, resource: resource, item: 0, path: { _, _ in path() }, in: context)
  }

  /// Where the claim was made.
  var span: SourceSpan? { origins[path(owner, item)] }
}

/// A range of frame queues that a partition claims. There may be millions.
struct QueueClaim {
  /// The partition.
  var owner: Int
  /// Its place among the partition's ranges.
  var item: Int
  /// The queues.
  var resource: QueueRange
}

extension [QueueRange] {
  /// The ranges as a plan writes them: all of a few, or the first of many.
  var brief: String {
    let text = prefix(16).map(\.description).joined(separator: ",")
    return count > 16 ? "\(text) and \(count - 16) more ranges" : text
  }
}

extension Findings {
  /// Reports every claim of something that another claim, further up, already has; one finding for
  /// each two places that clash.
  ///
  /// - Parameters:
  ///   - claims: The claims in the plan's order.
  ///   - kind: What is claimed, for example `portal`.
  ///   - context: For the partitions' names.
  ///   - all: Everything that exists; the repairs offer what nobody claims.
  mutating func addRepeated(
    _ claims: [Claim<Int>], kind: String, in context: PlanContext, all: [Int]
  ) {
    var holders: [Int: Holders] = [:]
    var clashes: [(holders: Holders, later: Claim<Int>, numbers: [Int])] = []
    for claim in claims {
      guard let earlier = holders[claim.resource] else {
        holders[claim.resource] = Holders(first: claim)
        continue
      }
      if let last = clashes.last, last.later.span == claim.span, last.later.owner == claim.owner,
        last.holders.areThose(of: earlier)
      {
        clashes[clashes.count - 1].numbers.append(claim.resource)
      } else {
        clashes.append((earlier, claim, [claim.resource]))
      }
      holders[claim.resource]?.add(claim)
    }
    var free = all.filter { holders[$0] == nil }[...]
    for clash in clashes {
      let name = context.plan.partitions[clash.later.owner].name
      let other = context.plan.partitions[clash.holders.first.owner].name
      let what = named(kind, clash.numbers)
      let message =
        clash.later.owner == clash.holders.first.owner
        ? "\(name) claims \(what) twice"
        : "\(name) claims \(what), but \(other) already has "
          + (clash.numbers.count == 1 ? "it" : "them")
      let offer = free.prefix(clash.numbers.count)
      var repair = "take \(what) from \(name)"
      if offer.count == clash.numbers.count {
        free = free.dropFirst(offer.count)
        repair =
          "give \(name) \(named(kind, Array(offer))), which \(offer.count == 1 ? "is" : "are") free"
      }
      add(
        message, at: clash.later.span,
        notes: [Note("\(other) claims \(what) here", at: clash.holders.first.span)]
          + clash.holders.others.map {
            Note("\(context.plan.partitions[$0.owner].name) claims \(what) too", at: $0.span)
          }
          + (clash.holders.uncounted > 0
            ? [Note("and so do \(clash.holders.uncounted) more claims")] : []),
        fixIts: [FixIt(repair)])
    }
  }

  /// The claims of one thing, of which a clash shows the first few.
  private struct Holders {
    static let limit = 8
    let first: Claim<Int>
    private(set) var others: [Claim<Int>] = []
    private(set) var uncounted = 0

    init(first: Claim<Int>) { self.first = first }

    mutating func add(_ claim: Claim<Int>) {
      if others.count < Self.limit { others.append(claim) } else { uncounted += 1 }
    }

    func areThose(of other: Holders) -> Bool {
      uncounted == other.uncounted
        && ([first] + others).elementsEqual([other.first] + other.others) {
          $0.owner == $1.owner && $0.span == $1.span
        }
    }
  }

  /// Reports every claim of something that the board does not have; one finding for each place.
  mutating func addMissing(
    _ claims: [Claim<Int>], kind: String, in context: PlanContext, existing: [Int]
  ) {
    let known = Set(existing)
    var missing: [(claim: Claim<Int>, numbers: [Int])] = []
    for claim in claims where !known.contains(claim.resource) {
      if let last = missing.last, last.claim.span == claim.span, last.claim.owner == claim.owner {
        missing[missing.count - 1].numbers.append(claim.resource)
      } else {
        missing.append((claim, [claim.resource]))
      }
    }
    let range = named(kind, existing)
    for (claim, numbers) in missing {
      let name = context.plan.partitions[claim.owner].name
      add(
        "\(name) claims \(named(kind, numbers)), but \(context.board.name) has \(range)",
        at: claim.span, fixIts: [FixIt("choose from \(range)")])
    }
  }

  /// Reports when all wishes together are more than there is, at the wish that is one too many.
  mutating func addShortage(
    of kind: String, wishes: [(owner: Int, count: Int, span: SourceSpan?)], available: Int,
    in context: PlanContext
  ) {
    let total = wishes.reduce(0) { $0 + $1.count }
    guard total > available else { return }
    var sum = 0
    let tipping = wishes.first { wish in
      sum += wish.count
      return sum > available
    }
    let names = context.plan.partitions.map(\.name)
    add(
      "the partitions ask for \(total) \(kind), but \(context.board.name) has \(available)",
      at: tipping?.span, label: "\(total - available) too many",
      notes: wishes.map { Note("\(names[$0.owner]) asks for \($0.count) here", at: $0.span) },
      fixIts: [FixIt("ask for \(total - available) fewer")])
  }
}

/// `portal 3`, `portals 3-4,6`.
private func named(_ kind: String, _ numbers: [Int]) -> String {
  "\(kind)\(numbers.count == 1 ? "" : "s") \(runs(numbers))"
}

/// `0-7`, `0-3,6`: ascending numbers with runs shortened.
func runs(_ numbers: [Int]) -> String {
  var parts: [ClosedRange<Int>] = []
  for number in Set(numbers).sorted() {
    if let last = parts.last, last.upperBound + 1 == number {
      parts[parts.count - 1] = last.lowerBound...number
    } else {
      parts.append(number...number)
    }
  }
  return parts.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
    .joined(separator: ",")
}

/// `2 GiB`, `1536 MiB`, `100 bytes`: the largest unit that gives a whole number.
func byteCount(_ bytes: UInt64) -> String {
  for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
    if bytes > 0, bytes & ((1 << UInt64(shift)) - 1) == 0 { return "\(bytes >> shift) \(unit)" }
  }
  return "\(bytes) byte\(bytes == 1 ? "" : "s")"
}
