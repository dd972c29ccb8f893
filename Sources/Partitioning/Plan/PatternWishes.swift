/// Patterns that a partition has PME look for, under a name of its own.
public struct PatternGroupWish: Sendable, Hashable {
  /// The group's name.
  public var name: String
  /// The set that scans name them by; `nil` leaves it to the planner.
  public var set: UInt8?
  /// The patterns.
  public var patterns: [PatternWish]

  /// Creates a group.
  public init(name: String, set: UInt8? = nil, patterns: [PatternWish] = []) {
    self.name = name
    self.set = set
    self.patterns = patterns
  }
}

/// A pattern as somebody wrote it.
public struct PatternWish: Sendable, Hashable {
  /// What it looks for.
  public var source: Source
  /// What results call it; `nil` is its place in its group, counted from 1.
  public var tag: UInt32?
  /// The subsets that it is in, a bit each.
  public var subsets: UInt16
  /// Whether upper and lower case of ASCII's letters are alike.
  public var ignoresCase: Bool

  /// Creates a pattern.
  public init(
    _ source: Source, tag: UInt32? = nil, subsets: UInt16 = .max, ignoresCase: Bool = false
  ) {
    self.source = source
    self.tag = tag
    self.subsets = subsets
    self.ignoresCase = ignoresCase
  }

  /// The ways to write a pattern.
  public enum Source: Sendable, Hashable {
    /// A regular expression.
    case regex(String)
    /// A text as it is.
    case text(String)
    /// Bytes in hexadecimal digits, with or without spaces.
    case bytes(String)

    /// What was written.
    var written: String {
      switch self {
      case .regex(let text), .text(let text), .bytes(let text): text
      }
    }
  }
}

extension PatternWish {
  /// The expression that it stands for.
  func expression() throws(PatternReader.Fault) -> PatternExpression {
    switch source {
    case .regex(let text): try PatternReader.read(text, ignoresCase: ignoresCase)
    case .text(let text): PatternExpression(literal: text.utf8, ignoresCase: ignoresCase)
    case .bytes(let digits): PatternExpression(literal: try Self.bytes(digits))
    }
  }

  private static func bytes(_ digits: String) throws(PatternReader.Fault) -> [UInt8] {
    var bytes: [UInt8] = []
    var high: UInt8?
    for (place, character) in digits.utf8.enumerated() where character != UInt8(ascii: " ") {
      guard let digit = UnicodeScalar(character).hexadecimalDigit else {
        throw PatternReader.Fault(
          message: "this is no hexadecimal digit", repair: "write two digits for each byte: de ad",
          range: place..<place + 1)
      }
      if let first = high {
        bytes.append(first << 4 | digit)
        high = nil
      } else {
        high = digit
      }
    }
    guard high == nil else {
      throw PatternReader.Fault(
        message: "the last byte has one digit only",
        repair: "write two digits for each byte: de ad",
        range: digits.utf8.count - 1..<digits.utf8.count)
    }
    return bytes
  }
}

extension AcceleratorWish {
  /// The groups with their numbers: those that were asked for, and else the lowest that are free.
  var patternSets: [ScanPatternSet] {
    let numbers = patternSetNumbers
    return zip(patternGroups, numbers).map {
      ScanPatternSet(number: $1, name: $0.name, patterns: $0.scanPatterns)
    }
  }

  /// The number of each group's set.
  var patternSetNumbers: [UInt8] {
    var taken = Set(patternGroups.compactMap(\.set))
    return patternGroups.map { group in
      if let set = group.set { return set }
      // There are fewer groups than numbers, or `pattern-limit` has told.
      let free = (UInt8.min...UInt8.max).first { !taken.contains($0) } ?? 0
      taken.insert(free)
      return free
    }
  }
}

extension PatternGroupWish {
  /// The patterns, as far as they can be read.
  var scanPatterns: [ScanPattern] {
    patterns.enumerated().compactMap { item, pattern in
      guard let expression = try? pattern.expression() else { return nil }
      return ScanPattern(
        tag: pattern.tag ?? UInt32(item + 1), subsets: pattern.subsets,
        expression: expression.canonical)
    }
  }
}
