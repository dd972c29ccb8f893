/// A pattern that PME looks for, read and checked.
public struct ScanPattern: Sendable, Hashable {
  /// What results call it.
  public var tag: UInt32
  /// The subsets that it is in, a bit each: a scan names those that it wants.
  public var subsets: UInt16
  /// The expression in PCRE's notation, in which `.` is any byte and every byte stands as a number.
  public var expression: String

  /// Creates a pattern.
  public init(tag: UInt32, subsets: UInt16, expression: String) {
    self.tag = tag
    self.subsets = subsets
    self.expression = expression
  }
}

/// The patterns of one set: a scan names a set and the subsets of it that it wants.
public struct ScanPatternSet: Sendable, Hashable {
  /// The set's number.
  public var number: UInt8
  /// What the plan calls it.
  public var name: String
  /// The patterns.
  public var patterns: [ScanPattern]

  /// Creates a set.
  public init(number: UInt8, name: String, patterns: [ScanPattern]) {
    self.number = number
    self.name = name
    self.patterns = patterns
  }
}

/// How large patterns may be, and what compiling them may take.
///
/// The engine's own bounds are far higher; these keep the time and memory of any patterns that are let
/// in below the second pair, which holds them in any case.
public enum PatternLimit {
  /// The bytes of one pattern's text.
  public static let bytes = 1024
  /// The bytes of one pattern that an automaton has places for: repeats count as often as they may occur.
  public static let positions: UInt32 = 1024
  /// The text of one expression in the engine's notation.
  public static let expressionBytes = 15_000
  /// The sets of one partition.
  public static let sets = 16
  /// The patterns of one set.
  public static let patterns = 4096
  /// The places of one set's patterns together.
  public static let setPositions: UInt32 = 65_536
  /// The seconds of a processor that one set is compiled in: for frames that stand for themselves, and again for flows.
  public static let seconds: UInt32 = 20
  /// The seconds of a processor that all sets are compiled in which a run begins with, or which a new plan brings.
  public static let planSeconds: UInt32 = 120
  /// How many times as long either may take by the clock: other programs may have the processor most of the time.
  public static let patience: UInt32 = 10
  /// The memory that the compiler may take for one set, in bytes.
  public static let memory: UInt64 = 1 << 30
  /// The size of one set's database, in bytes.
  public static let database: UInt64 = 64 << 20
  /// The state of one stream, in bytes.
  public static let streamState = 64 << 10
}
