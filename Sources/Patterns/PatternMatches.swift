import CPatterns

/// The matches of scans: as many as there is room for, and a count of all.
public struct PatternMatches: ~Copyable {
  var list: dpaac_matches
  private let entries: UnsafeMutableBufferPointer<dpaac_match>

  /// A match.
  public struct Match: Sendable, Hashable {
    /// The number of the pattern in its database.
    public var pattern: Int
    /// How many bytes lie before its end.
    public var end: UInt64

    /// Creates a match.
    public init(pattern: Int, end: UInt64) {
      self.pattern = pattern
      self.end = end
    }
  }

  /// Makes room.
  ///
  /// - Parameter capacity: How many matches are kept.
  public init(capacity: Int) {
    entries = .allocate(capacity: capacity)
    entries.initialize(repeating: dpaac_match())
    list = dpaac_matches(
      entries: entries.baseAddress, capacity: UInt32(capacity), count: 0, limit: .max, over: 0,
      passed: 0, subsets: nil, wanted: 0)
  }

  deinit { entries.deallocate() }

  /// Forgets all matches.
  ///
  /// - Parameter limit: The number of matches at which a scan ends.
  public mutating func clear(limit: UInt32 = .max) {
    list.count = 0
    list.over = 0
    list.passed = 0
    list.limit = limit
  }

  /// How many were found, those included that there was no room for.
  public var count: Int { Int(list.count) }
  /// How many are kept.
  public var kept: Int { Int(min(list.count, list.capacity)) }
  /// How many were found of subsets that are not wanted: they are not kept, but took the library's time.
  public var passed: Int { Int(list.passed) }
  /// Whether a scan ended for having found too many, wanted or not.
  public var isOver: Bool { list.over != 0 }

  /// Takes the matches for too many, as those of a stream are whose scan ended for that.
  public mutating func end() { list.over = 1 }

  /// One of those that are kept, in the order in which the library told them.
  public subscript(_ index: Int) -> Match {
    precondition(index < kept, "there are fewer matches")
    return Match(pattern: Int(entries[index].pattern), end: entries[index].end)
  }

  mutating func want(_ subsets: UInt16, of database: borrowing PatternDatabase) {
    list.wanted = subsets
    list.subsets = UnsafePointer(database.subsets.baseAddress)
  }
}
