/// What rules with a single condition have taken so far, by address.
///
/// Two prefixes that make up a wider one count as the wider one too, so that what several rules take
/// between them is found by looking up the prefixes above a condition.
struct TakenPrefixes {
  /// The first and the last of the rules that take a prefix.
  typealias Cover = (first: Int, last: Int)

  private var covers: [MatchCondition: Cover] = [:]
  /// Those that one rule takes alone.
  private var whole: Set<MatchCondition> = []

  /// Adds what a rule takes.
  ///
  /// - Complexity: O(*b*) in the prefix's bits.
  mutating func insert(_ condition: MatchCondition, by rule: Int) {
    guard condition.prefixLength <= 128 else { return }
    whole.insert(condition)
    var condition = condition
    var cover: Cover = (rule, rule)
    while covers[condition] == nil {
      covers[condition] = cover
      guard let sibling = condition.sibling, let other = covers[sibling] else { return }
      cover = (min(cover.first, other.first), max(cover.last, other.last))
      condition = condition.shortened(to: condition.prefixLength - 1)
    }
  }

  /// The rules that take all of a condition between them, when none does alone.
  ///
  /// - Complexity: O(*b*) in the prefix's bits.
  func cover(of condition: MatchCondition) -> Cover? {
    guard condition.prefixLength <= 128 else { return nil }
    var found: Cover?
    for length in (0...condition.prefixLength).reversed() {
      let above = condition.shortened(to: length)
      if whole.contains(above) { return nil }
      found = found ?? covers[above]
    }
    return found
  }
}

extension MatchCondition {
  /// The prefix of the same length that differs in its last bit only.
  fileprivate var sibling: MatchCondition? {
    switch self {
    case .ipv4Source(let prefix): prefix.sibling.map { .ipv4Source($0) }
    case .ipv4Destination(let prefix): prefix.sibling.map { .ipv4Destination($0) }
    case .ipv6Source(let prefix): prefix.sibling.map { .ipv6Source($0) }
    case .ipv6Destination(let prefix): prefix.sibling.map { .ipv6Destination($0) }
    default: nil
    }
  }
}

extension IPv4Prefix {
  fileprivate var sibling: IPv4Prefix? {
    length == 0
      ? nil : IPv4Prefix(address: address ^ 1 << (32 - UInt32(length)), length: length)
  }
}

extension IPv6Prefix {
  fileprivate var sibling: IPv6Prefix? {
    switch length {
    case 0: nil
    case 1...64: IPv6Prefix(high: high ^ 1 << (64 - UInt64(length)), low: low, length: length)
    default: IPv6Prefix(high: high, low: low ^ 1 << (128 - UInt64(length)), length: length)
    }
  }
}
