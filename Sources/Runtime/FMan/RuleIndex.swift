import DPAAPortal
import Partitioning

// SAFETY: the tables are made once, `tableCount` of them are initialised; places in `terms` and `slots`
// come from the construction.
/// Finds the first of many rules that matches a frame without looking at each.
///
/// Rules that compare one address by prefix, and nothing else, share a longest-prefix table for each
/// field; others that compare the same bits share a hash table for each such set of bits. What is too
/// rare for a table is left to be looked at one by one. All tables say the place of the first of their
/// rules that matches; the smallest of these is the answer, as if all had been looked at in order.
struct RuleIndex: ~Copyable {
  /// So many rules of a kind are worth a table.
  static let worthwhile = 16

  private let prefixTables: UnsafeMutablePointer<AddressTable>
  private let prefixTableCount: Int
  private let groups: FlatTable<Group>
  private let masks: FlatTable<RuleTerm>
  private let slots: FlatTable<UInt32>
  /// The places of the rules that are in no table, in order.
  private let loose: FlatTable<UInt32>

  /// A longest-prefix table of one field. An IPv4 address counts as the first 32 bits of one of IPv6.
  private struct AddressTable: ~Copyable {
    var field: AddressField
    var table: IPv6PrefixTable
  }

  /// Rules that compare the same bits.
  private struct Group: BitwiseCopyable {
    /// Its words and masks.
    var firstMask: Int
    var maskCount: Int
    /// Its slots: each the place of a rule and one more, or 0.
    var firstSlot: Int
    /// 64 less the number of bits that choose a slot.
    var shift: UInt64
    /// What hashes begin with.
    var seed: UInt64
    /// The lowest of its rules.
    var first: Int
  }

  /// An address that rules compare by prefix.
  private struct AddressField: Hashable {
    /// The flag of frames that have it.
    var presence: UInt64
    /// The word that it begins in, behind how many bits; and the word that it goes on in.
    var word: Int
    var shift: UInt64
    var next: Int

    static let ipv4Source = AddressField(
      presence: ParsedFrame.Presence.ipv4, word: 2, shift: 0, next: 2)
    static let ipv4Destination = AddressField(
      presence: ParsedFrame.Presence.ipv4, word: 2, shift: 32, next: 2)
    static let ipv6Source = AddressField(
      presence: ParsedFrame.Presence.ipv6, word: 3, shift: 0, next: 4)
    static let ipv6Destination = AddressField(
      presence: ParsedFrame.Presence.ipv6, word: 5, shift: 0, next: 6)
  }

  private typealias Prefix = IPv6PrefixTable.Route

  /// Files rules, given by their conditions and what these compare, which both stand in the rules' order.
  init(_ rules: [(conditions: [MatchCondition], terms: [RuleTerm])]) throws(EngineError) {
    var prefixes: [AddressField: [Prefix]] = [:]
    var shapes: [[RuleTerm]: [UInt32]] = [:]
    for (place, rule) in rules.enumerated() {
      if rule.conditions.count == 1,
        let (field, prefix) = Self.prefix(rule.conditions[0], place: UInt32(place))
      {
        prefixes[field, default: []].append(prefix)
      } else if !rule.terms.isEmpty, Set(rule.terms.map(\.word)).count == rule.terms.count {
        shapes[Self.shape(rule.terms), default: []].append(UInt32(place))
      }
    }
    prefixes = prefixes.filter { $0.value.count >= Self.worthwhile }
    shapes = shapes.filter { $0.value.count >= Self.worthwhile }
    var filed = Set(shapes.values.joined())
    for list in prefixes.values { filed.formUnion(list.map(\.value)) }

    // Locals first: a value that cannot be copied must not be half made when something throws.
    let looseRules = rules.indices.filter { !filed.contains(UInt32($0)) }
    let loose = try FlatTable<UInt32>(count: looseRules.count)
    for (index, place) in looseRules.enumerated() { loose.base[index] = UInt32(place) }
    let plans = shapes.sorted { ($0.value.first ?? 0) < ($1.value.first ?? 0) }
      .map { HashPlan(shape: $0.key, places: $0.value, rules: rules) }
    let groups = try FlatTable<Group>(count: plans.count)
    let masks = try FlatTable<RuleTerm>(count: plans.reduce(0) { $0 + $1.shape.count })
    let slots = try FlatTable<UInt32>(count: plans.reduce(0) { $0 + $1.slots.count })
    var (nextMask, nextSlot) = (0, 0)
    for (index, plan) in plans.enumerated() {
      groups.base[index] = Group(
        firstMask: nextMask, maskCount: plan.shape.count, firstSlot: nextSlot,
        shift: plan.shift, seed: plan.seed,
        first: Int(plan.places.first ?? 0))
      for term in plan.shape {
        masks.base[nextMask] = term
        nextMask += 1
      }
      for slot in plan.slots {
        slots.base[nextSlot] = slot
        nextSlot += 1
      }
    }
    let tables = UnsafeMutablePointer<AddressTable>.allocate(capacity: max(prefixes.count, 1))
    var made = 0
    // In the order of their first rules, so that the same plan is looked through in the same order each time.
    for (field, routes) in prefixes.sorted(by: { Self.first($0.value) < Self.first($1.value) }) {
      do throws(PrefixTableError) {
        let table = try IPv6PrefixTable(smallestOf: routes)
        (tables + made).initialize(to: AddressTable(field: field, table: table))
      } catch {
        tables.deinitialize(count: made)
        tables.deallocate()
        throw .badConfiguration("rules by prefix: \(error)")
      }
      made += 1
    }
    prefixTables = tables
    prefixTableCount = made
    self.groups = groups
    self.masks = masks
    self.slots = slots
    self.loose = loose
  }

  deinit {
    prefixTables.deinitialize(count: prefixTableCount)
    prefixTables.deallocate()
  }

  /// Whether there is any table.
  @inline(__always)
  var isEmpty: Bool { prefixTableCount == 0 && groups.count == 0 }

  /// The place of the first rule that matches a frame.
  ///
  /// - Parameters:
  ///   - frame: The frame.
  ///   - last: The place of the rule that matches every frame.
  ///   - word: The word of the frame that a term compares; `nil` when the frame lacks it.
  ///   - matches: Whether the rule at a place matches the frame.
  /// - Returns: Its place.
  @inline(__always)
  func first(
    _ frame: borrowing ParsedFrame, last: Int, word: (Int) -> UInt64?, matches: (Int) -> Bool
  ) -> Int {
    var best = last
    for index in 0..<prefixTableCount {
      let field = prefixTables[index].field
      guard frame.words[7] & field.presence != 0 else { continue }
      let high = frame.words[field.word] &<< field.shift
      if let place = prefixTables[index].table.lookup(high, frame.words[field.next]) {
        best = min(best, Int(place))
      }
    }
    for index in 0..<groups.count where groups.base[index].first < best {
      let group = groups.base[index]
      guard let hash = hash(group, word) else { continue }
      let mask = (1 &<< (64 &- group.shift)) &- 1 as UInt64
      var slot = hash &>> group.shift
      while true {
        let entry = slots.base[group.firstSlot &+ Int(truncatingIfNeeded: slot)]
        guard entry != 0 else { break }
        if matches(Int(entry &- 1)) {
          best = min(best, Int(entry &- 1))
          break
        }
        slot = (slot &+ 1) & mask
      }
    }
    for index in 0..<loose.count {
      let place = Int(loose.base[index])
      guard place < best else { break }
      if matches(place) { return place }
    }
    return best
  }

  /// The hash of the bits of a frame that a group compares; `nil` when the frame lacks some.
  @inline(__always)
  private func hash(_ group: Group, _ word: (Int) -> UInt64?) -> UInt64? {
    var hash = group.seed
    for place in group.firstMask..<group.firstMask &+ group.maskCount {
      let term = masks.base[place]
      guard let found = word(term.word) else { return nil }
      hash = HashPlan.mix(hash, found & term.mask)
    }
    return hash
  }

  /// The place of the first rule of a table.
  private static func first(_ routes: [Prefix]) -> UInt32 { routes.first?.value ?? 0 }

  /// The bits that terms compare.
  private static func shape(_ terms: [RuleTerm]) -> [RuleTerm] {
    terms.map { RuleTerm(word: $0.word, mask: $0.mask, value: 0) }
  }

  private static func prefix(
    _ condition: MatchCondition, place: UInt32
  ) -> (AddressField, Prefix)? {
    switch condition {
    case .ipv4Source(let prefix):
      (.ipv4Source, (UInt64(prefix.address) << 32, 0, prefix.length, place))
    case .ipv4Destination(let prefix):
      (.ipv4Destination, (UInt64(prefix.address) << 32, 0, prefix.length, place))
    case .ipv6Source(let prefix): (.ipv6Source, (prefix.high, prefix.low, prefix.length, place))
    case .ipv6Destination(let prefix):
      (.ipv6Destination, (prefix.high, prefix.low, prefix.length, place))
    default: nil
    }
  }
}
