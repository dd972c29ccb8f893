import Partitioning
import TestSupport
import Testing

@testable import Patterns

/// What is found is what Python's `re` finds, wherever the bytes are cut.
@Suite struct PatternJudgeTests {
  @Test(
    .enabled(if: hasPatternLibrary, Comment(rawValue: needsPatternLibrary)),
    arguments: [1, 2, 3] as [UInt64])
  func `random patterns are found where Python finds them`(seed: UInt64) throws {
    try compare(seed: seed, sets: 8, patterns: 12, data: 3, length: 100, isDeep: false)
    try compare(seed: seed + 100, sets: 8, patterns: 12, data: 3, length: 16, isDeep: true)
  }

  @Test(
    .enabled(if: isHeavy, "heavy: thousands of patterns in Python"),
    .enabled(if: hasPatternLibrary, Comment(rawValue: needsPatternLibrary)),
    arguments: 1000...1007 as ClosedRange<UInt64>)
  func `heavy: thousands of random patterns are found where Python finds them`(
    seed: UInt64
  ) throws {
    try compare(seed: seed, sets: 20, patterns: 30, data: 5, length: 200, isDeep: false)
    try compare(seed: seed + 100, sets: 40, patterns: 30, data: 5, length: 18, isDeep: true)
  }

  private func compare(
    seed: UInt64, sets: Int, patterns count: Int, data: Int, length: Int, isDeep: Bool
  ) throws {
    var random = SeededGenerator(seed: seed)
    var cases: [(patterns: [RandomPattern], data: [UInt8])] = []
    for _ in 0..<sets {
      let patterns = (0..<count).map { _ in RandomPattern(using: &random, isDeep: isDeep) }
      for _ in 0..<data {
        let length = 1 + random.below(length)
        cases.append((patterns, RandomPattern.data(using: &random, count: length)))
      }
    }
    let expected = try PatternJudge.judge(cases)
    try #require(expected.count == cases.count)
    var total = 0
    for set in 0..<sets {
      let texts = cases[set * data].patterns.map(\.text)
      let list = try cases[set * data].patterns.map {
        try pattern($0.text, ignoresCase: $0.caseless)
      }
      var whole = try Finder(list)
      var pieces = try Finder(list, streams: true)
      var stream = try PatternStream(of: pieces.database)
      for number in set * data..<(set + 1) * data {
        let bytes = cases[number].data
        let atOnce = try whole.find(bytes)
        let isRepeated = whole.hasRepetition
        #expect(!isRepeated)
        let inPieces = try pieces.find(pieces: Self.cut(bytes, &random), in: &stream)
        for (index, ends) in expected[number].enumerated() {
          total += ends.count
          let about: Comment = "\(random) case \(number): \(texts[index]) in \(bytes)"
          #expect(atOnce[index] ?? [] == ends, about)
          #expect(inPieces[index] ?? [] == ends, about)
        }
      }
    }
    // A comparison of nothing would be no judgement.
    #expect(total > cases.count)
  }

  /// Bytes in pieces, some of them empty.
  private static func cut(
    _ bytes: [UInt8], _ random: inout SeededGenerator
  ) -> [ArraySlice<UInt8>] {
    let places = (0...random.below(6)).map { _ in random.below(bytes.count + 1) }.sorted()
    var start = 0
    var pieces: [ArraySlice<UInt8>] = []
    for place in places + [bytes.count] {
      pieces.append(bytes[start..<place])
      start = place
    }
    return pieces
  }
}
