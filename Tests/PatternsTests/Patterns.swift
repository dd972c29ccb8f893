import Partitioning
import Testing

@testable import Patterns

/// Whether there is a library to look for patterns with.
let hasPatternLibrary = (try? PatternLibrary()) != nil
/// Why a test without it is skipped; Vectorscan has another name.
let needsPatternLibrary = "needs package libhyperscan-dev"

/// The library's version of a pattern.
func pattern(
  _ text: String, tag: UInt32 = 0, subsets: UInt16 = 0xffff, ignoresCase: Bool = false
) throws -> ScanPattern {
  ScanPattern(
    tag: tag, subsets: subsets,
    expression: try PatternReader.read(text, ignoresCase: ignoresCase).canonical)
}

/// Patterns with a thread's room to look for them.
struct Finder: ~Copyable {
  let database: PatternDatabase
  var scratch: PatternScratch
  var matches: PatternMatches

  init(
    _ patterns: [ScanPattern], streams: Bool = false, limits: PatternDatabase.Limits = .plan,
    capacity: Int = 100_000
  ) throws {
    // Locals first: what cannot be copied must not be half made when something throws.
    let database = try PatternDatabase(
      patterns, streams: streams, library: try PatternLibrary(), limits: limits)
    var scratch = PatternScratch()
    try scratch.hold(database)
    self.database = database
    self.scratch = scratch
    matches = PatternMatches(capacity: capacity)
  }

  /// The ends of each pattern's matches in bytes that are a whole.
  mutating func find(_ bytes: [UInt8], subsets: UInt16 = 0xffff) throws -> [Int: [UInt64]] {
    matches.clear()
    try bytes.withUnsafeBytes { bytes in
      try database.scan(bytes, subsets: subsets, scratch: &scratch, into: &matches)
    }
    return found
  }

  /// The same in bytes that come in pieces.
  mutating func find(
    pieces: [ArraySlice<UInt8>], in stream: inout PatternStream
  ) throws -> [Int: [UInt64]] {
    matches.clear()
    for piece in pieces {
      try piece.withUnsafeBytes { bytes in
        try stream.scan(
          bytes, subsets: 0xffff, database: database, scratch: &scratch, into: &matches)
      }
    }
    try stream.finish(subsets: 0xffff, database: database, scratch: &scratch, into: &matches)
    return found
  }

  /// Scans a part of a stream: how many matches there are and are kept, whether there were too many, and
  /// where the last one that is kept ends.
  mutating func scan(
    _ bytes: [UInt8], limit: UInt32, in stream: inout PatternStream
  ) throws -> [Int] {
    matches.clear(limit: limit)
    try bytes.withUnsafeBytes { bytes in
      try stream.scan(
        bytes, subsets: 1, database: database, scratch: &scratch, into: &matches)
    }
    let last = matches.kept == 0 ? 0 : matches[matches.kept - 1].end
    return [matches.count, matches.kept, matches.isOver ? 1 : 0, Int(last)]
  }

  /// Whether a match was told twice.
  var hasRepetition: Bool {
    let all = (0..<matches.kept).map { matches[$0] }
    return Set(all).count != all.count
  }

  private var found: [Int: [UInt64]] {
    var ends: [Int: Set<UInt64>] = [:]
    for index in 0..<matches.kept {
      ends[matches[index].pattern, default: []].insert(matches[index].end)
    }
    return ends.mapValues { $0.sorted() }
  }
}
