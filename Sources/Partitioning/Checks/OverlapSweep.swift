import Diagnostics
import QorIQ

/// Finds which of many ranges overlap, from the lowest number to the highest.
///
/// Of a million ranges that all overlap there are 5·10¹¹ pairs. What somebody has to know is which
/// claimants meet, so each two of them are listed with some of their overlaps, and the rest is
/// counted.
struct OverlapSweep {
  /// A range that somebody claims.
  struct Item {
    /// Whose it is: claimants count from 0.
    var claimant: Int
    /// The first number.
    var first: UInt64
    /// The last number, not below the first.
    var last: UInt64

    init(_ claimant: Int, _ first: UInt64, _ last: UInt64) {
      precondition(first <= last, "an empty range overlaps nothing")
      self.claimant = claimant
      self.first = first
      self.last = last
    }

    init(_ claimant: Int, _ range: QueueRange) {
      self.init(claimant, UInt64(range.first.rawValue), UInt64(range.last.rawValue))
    }

    /// Addresses; they end with the last one of all where the range would run over it.
    init(_ claimant: Int, _ range: AddressRange) {
      precondition(range.size > 0, "an empty range overlaps nothing")
      let (last, overflow) = range.base.addingReportingOverflow(range.size - 1)
      self.init(claimant, range.base, overflow ? .max : last)
    }
  }

  /// Two items that overlap, by their indices.
  struct Meeting: Hashable {
    /// The one that comes first among the items.
    var earlier: Int
    /// The other.
    var later: Int
    /// How many more items of the same two claimants overlap; 0 but for the last that is listed.
    var further = 0

    /// A note of the overlaps that are not listed.
    var notes: [Note] {
      further == 0 ? [] : [Note("\(further) more between these two")]
    }
  }

  /// How many overlaps of the same two claimants are listed.
  static let listed = 8

  /// The overlaps in the order of their later items.
  private(set) var meetings: [Meeting] = []
  /// How many more would be listed if ``meetings`` had no bound; at least so many when
  /// ``isBounded``.
  private(set) var omitted = 0
  /// Whether the search was given up: more claimants meet than anybody will ever read of.
  private(set) var isBounded = false

  private let items: [Item]
  private let claimants: Int

  /// Finds what overlaps.
  ///
  /// - Parameters:
  ///   - items: The ranges, in the plan's order.
  ///   - most: How many meetings are listed in all.
  ///   - mayMeet: Whether an overlap of two claimants counts; asked once for each two.
  /// - Complexity: O(*n* log *n* + *n* · *c* / 64 + *p* log *p*) in the items, the claimants that are
  ///   open at once, and the pairs of claimants that meet.
  init(
    _ items: [Item], most: Int = Findings.limit,
    where mayMeet: (_ claimant: Int, _ other: Int) -> Bool = { _, _ in true }
  ) {
    self.items = items
    claimants = items.reduce(0) { max($0, $1.claimant + 1) }
    let starts = Self.order(items, by: \.first)
    let ends = Self.order(items, by: \.last)
    var state = State(items: items, claimants: claimants)
    var closing = 0
    for opening in starts {
      let first = items[opening].first
      // What ends before this one starts has started before it, too.
      while items[ends[closing]].last < first {
        state.close(ends[closing])
        closing += 1
      }
      state.meet(opening, where: mayMeet)
      state.open(opening)
    }
    guard !state.found.isEmpty else { return }
    isBounded = state.isBounded
    state.found.sort()
    omitted = max(0, state.found.count - most)
    meetings = state.found.prefix(most).map {
      Meeting(earlier: Int($0 & 0xffff_ffff), later: Int($0 >> 32))
    }
    if omitted > 0 || state.isCut { countFurther(starts, ends) }
  }

  /// Finds what claims overlap that others have taken; what overlaps on either side alone is nobody's
  /// question. In a meeting the taken item is the earlier one, the claim the later one.
  ///
  /// - Parameters:
  ///   - claims: The claims. Their claimants count from 0 again.
  ///   - taken: What others have.
  ///   - mayMeet: Whether it counts that a claimant meets somebody who has taken something.
  /// - Returns: The sweep; its meetings are indices into both lists.
  static func meetings(
    of claims: [Item], with taken: [Item],
    where mayMeet: (_ claimant: Int, _ holder: Int) -> Bool = { _, _ in true }
  ) -> OverlapSweep {
    guard !claims.isEmpty, !taken.isEmpty else { return OverlapSweep([]) }
    let holders = taken.reduce(0) { max($0, $1.claimant + 1) }
    let shifted = claims.map { claim in
      var claim = claim
      claim.claimant += holders
      return claim
    }
    var sweep = OverlapSweep(taken + shifted) { one, other in
      let (holder, claimant) = (min(one, other), max(one, other))
      return holder < holders && claimant >= holders && mayMeet(claimant - holders, holder)
    }
    for index in sweep.meetings.indices { sweep.meetings[index].later -= taken.count }
    return sweep
  }

  /// The indices of items by one of their ends; of equals, the first item first.
  private static func order(_ items: [Item], by end: KeyPath<Item, UInt64>) -> [Int] {
    var keys = items.enumerated().map { (number: $1[keyPath: end], index: $0) }
    keys.sort { $0 < $1 }
    return keys.map(\.index)
  }

  /// Says at the last meeting that is listed of each two claimants how many are not.
  private mutating func countFurther(_ starts: [Int], _ ends: [Int]) {
    var firsts: [[UInt64]] = Array(repeating: [], count: claimants)
    var lasts = firsts
    for index in starts { firsts[items[index].claimant].append(items[index].first) }
    for index in ends { lasts[items[index].claimant].append(items[index].last) }
    var shown: [Pair: Int] = [:]
    for meeting in meetings { shown[pair(meeting), default: 0] += 1 }
    for index in meetings.indices.reversed() {
      let pair = pair(meetings[index])
      guard let count = shown.removeValue(forKey: pair) else { continue }
      let isOneOfFewer = firsts[pair.low].count < firsts[pair.high].count
      let (few, many) = isOneOfFewer ? (pair.low, pair.high) : (pair.high, pair.low)
      // An item meets all that begin before its end, but for those that end before it begins.
      var total = 0
      for last in lasts[few] { total += firsts[many].prefixCount { $0 <= last } }
      for first in firsts[few] { total -= lasts[many].prefixCount { $0 < first } }
      // Within one claimant each two are counted both ways, and each one with itself.
      if few == many { total = (total - firsts[few].count) / 2 }
      meetings[index].further = total - count
    }
  }

  private func pair(_ meeting: Meeting) -> Pair {
    Pair(items[meeting.earlier].claimant, items[meeting.later].claimant)
  }
}

/// Two claimants, or one twice.
private struct Pair: Hashable {
  let low: Int
  let high: Int

  init(_ one: Int, _ other: Int) {
    low = min(one, other)
    high = max(one, other)
  }
}

/// What is open at one place of a sweep.
private struct State {
  private let items: [OverlapSweep.Item]
  /// The open items of each claimant, as a list: the last one opened, and before each the one before
  /// it; −1 ends a list.
  private var latest: [Int32]
  private var before: [Int32]
  private var after: [Int32]
  /// A bit for each claimant that has something open.
  private var openClaimants: [UInt64]
  private var openCount = 0
  /// For each claimant a bit for everybody with whom it has nothing more to find; empty until then.
  private var settled: [[UInt64]]
  private var counts: [Pair: Int] = [:]
  /// Each two items that overlap: the later one's index in the upper half, the earlier one's below.
  var found: [UInt64] = []
  /// Whether some claimants may overlap more often than is found here.
  private(set) var isCut = false
  /// How many overlaps are found in all. Of 100,000 claimants of one address each two meet, and a list
  /// of all would fill the memory.
  private static let bound = 1 << 20
  var isBounded: Bool { found.count >= Self.bound }

  init(items: [OverlapSweep.Item], claimants: Int) {
    precondition(items.count < Int32.max, "items are counted in 31 bits")
    self.items = items
    latest = Array(repeating: -1, count: claimants)
    before = Array(repeating: -1, count: items.count)
    after = before
    openClaimants = Array(repeating: 0, count: (claimants + 63) / 64)
    settled = Array(repeating: [], count: claimants)
  }

  mutating func open(_ index: Int) {
    let claimant = items[index].claimant
    let next = latest[claimant]
    if next < 0 {
      openClaimants[claimant / 64] |= 1 << UInt64(claimant % 64)
    } else {
      after[Int(next)] = Int32(index)
    }
    before[index] = next
    latest[claimant] = Int32(index)
    openCount += 1
  }

  mutating func close(_ index: Int) {
    let claimant = items[index].claimant
    let (lower, upper) = (before[index], after[index])
    if lower >= 0 { after[Int(lower)] = upper }
    if upper >= 0 { before[Int(upper)] = lower } else { latest[claimant] = lower }
    if latest[claimant] < 0 { openClaimants[claimant / 64] &= ~(1 << UInt64(claimant % 64)) }
    openCount -= 1
  }

  /// Finds what an item that is about to open has in common with those that are open.
  mutating func meet(_ index: Int, where mayMeet: (Int, Int) -> Bool) {
    guard openCount > 0, !isBounded else { return }
    let claimant = items[index].claimant
    for word in openClaimants.indices {
      var bits = openClaimants[word]
      if !settled[claimant].isEmpty { bits &= ~settled[claimant][word] }
      while bits != 0 {
        let other = word * 64 + bits.trailingZeroBitCount
        bits &= bits - 1
        meet(index, other, where: mayMeet)
      }
    }
  }

  private mutating func meet(_ index: Int, _ other: Int, where mayMeet: (Int, Int) -> Bool) {
    let claimant = items[index].claimant
    let pair = Pair(claimant, other)
    var count = counts[pair] ?? 0
    guard count > 0 || mayMeet(claimant, other) else { return settle(pair) }
    var item = latest[other]
    while item >= 0, count < OverlapSweep.listed {
      found.append(UInt64(max(index, Int(item))) << 32 | UInt64(min(index, Int(item))))
      count += 1
      item = before[Int(item)]
    }
    counts[pair] = count
    guard count == OverlapSweep.listed else { return }
    isCut = true
    settle(pair)
  }

  private mutating func settle(_ pair: Pair) {
    for (claimant, other) in [(pair.low, pair.high), (pair.high, pair.low)] {
      if settled[claimant].isEmpty {
        settled[claimant] = Array(repeating: 0, count: openClaimants.count)
      }
      settled[claimant][other / 64] |= 1 << UInt64(other % 64)
    }
  }
}

extension Array {
  /// How many elements there are in front of the first for which something is false that is true of
  /// all elements before it.
  ///
  /// - Complexity: O(log *n*).
  func prefixCount(while isBefore: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
