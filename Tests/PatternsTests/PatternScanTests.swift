import Partitioning
import TestSupport
import Testing

@testable import Patterns

/// What a scan tells beside the places of matches.
@Suite(.enabled(if: hasPatternLibrary, Comment(rawValue: needsPatternLibrary)))
struct PatternScanTests {
  @Test func `a scan finds only the patterns of the subsets that it wants`() throws {
    var finder = try Finder([
      try pattern("ab", subsets: 1), try pattern("b", subsets: 2),
      try pattern("a", subsets: 0x8001),
    ])
    var found = try finder.find(Array("ab".utf8), subsets: 1)
    #expect(found == [0: [2], 2: [1]])
    found = try finder.find(Array("ab".utf8), subsets: 2)
    #expect(found == [1: [2]])
    found = try finder.find(Array("ab".utf8), subsets: 0x8000)
    #expect(found == [2: [1]])
    found = try finder.find(Array("ab".utf8), subsets: 0x4000)
    #expect(found == [:])
    found = try finder.find([])
    #expect(found == [:])
  }

  @Test func `a scan ends when there are too many matches`() throws {
    var finder = try Finder([try pattern("a")], streams: true, capacity: 3)
    var stream = try PatternStream(of: finder.database)
    let bytes = [UInt8](repeating: 0x61, count: 100)
    var found = try finder.scan(bytes, limit: 100, in: &stream)
    #expect(found == [100, 3, 0, 3])
    found = try finder.scan(bytes, limit: 7, in: &stream)
    #expect(found == [7, 3, 1, 103])
    // What was broken off finds no more.
    found = try finder.scan(bytes, limit: 1000, in: &stream)
    #expect(found == [0, 0, 0, 0])
    try stream.reset()
    found = try finder.scan(bytes, limit: 1000, in: &stream)
    #expect(found == [100, 3, 0, 3])
  }

  @Test func `a scan ends when there are too many matches that nobody wants`() throws {
    var finder = try Finder(
      try [pattern("q", subsets: 1)] + (0..<64).map { try pattern("a|\($0)", subsets: 2) },
      capacity: 3)
    // 64 matches for each byte, and one that is wanted behind them all.
    var most = [UInt8](repeating: 0x61, count: (1 << 20) / 64 - 1) + [0x71]
    var found = try finder.find(most, subsets: 1)
    #expect(found == [0: [UInt64(most.count)]])
    #expect(finder.matches.passed == (1 << 20) - 64 && !finder.matches.isOver)
    most.insert(0x61, at: 0)
    found = try finder.find(most, subsets: 1)
    #expect(found == [:])
    #expect(finder.matches.passed == 1 << 20 && finder.matches.isOver)
    found = try finder.find(Array("aq".utf8), subsets: 1)
    #expect(found == [0: [2]])
    #expect(finder.matches.passed == 64 && !finder.matches.isOver)
  }

  @Test func `a reset forgets what was scanned`() throws {
    var finder = try Finder([try pattern("^ab$")], streams: true)
    var stream = try PatternStream(of: finder.database)
    let a = Array("a".utf8)[...]
    let b = Array("b".utf8)[...]
    var found = try finder.find(pieces: [a, b], in: &stream)
    #expect(found == [0: [2]])
    found = try finder.find(pieces: [b], in: &stream)
    #expect(found == [:])
    found = try finder.find(pieces: [a, b, b], in: &stream)
    #expect(found == [:])
    found = try finder.find(pieces: [a, b], in: &stream)
    #expect(found == [0: [2]])
  }

  @Test func `the state of a stream does not grow with what is scanned`() throws {
    let finder = try Finder(
      try (0..<100).map { try pattern("x\($0)[^y]{0,20}z+\($0)") }, streams: true)
    let size = finder.database.streamSize
    #expect((1...PatternLimit.streamState).contains(size))
    let none = try Finder([try pattern("a")]).database.streamSize
    #expect(none == 0)
  }
}
