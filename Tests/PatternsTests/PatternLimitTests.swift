import Foundation
import Partitioning
import TestSupport
import Testing

@testable import Patterns

/// Patterns cannot take time or memory without an end, and a fault over them harms nobody.
@Suite(.enabled(if: hasPatternLibrary, Comment(rawValue: needsPatternLibrary)))
struct PatternLimitTests {
  /// Patterns that no plan gets past its check: what the limits of the child are for.
  private static let hostile = (0..<200).map {
    ScanPattern(
      tag: 0, subsets: 1,
      expression: "[a-z\($0 % 10)]{1,200}(?:x.{3,90}y|[^\($0)]{5,80}z){2,5}q\($0)")
  }

  @Test(.timeLimit(.minutes(3)))
  func `a compiler that takes too long is ended`() throws {
    let limits = PatternDatabase.Limits(memory: 4 << 30, database: 1 << 30, seconds: 1)
    #expect(throws: PatternError.tooSlow) { _ = try Finder(Self.hostile, limits: limits) }
  }

  @Test(.timeLimit(.minutes(3)))
  func `a compiler that takes too long by the clock is ended`() throws {
    let limits = PatternDatabase.Limits(
      memory: 4 << 30, database: 1 << 30, seconds: 600, patience: 100)
    #expect(throws: PatternError.tooSlow) { _ = try Finder(Self.hostile, limits: limits) }
  }

  @Test func `it is told how long compiling had a processor`() throws {
    let finder = try Finder([try pattern("abc")])
    let microseconds = finder.database.microseconds
    #expect(microseconds > 0)
  }

  @Test(.timeLimit(.minutes(3)))
  func `a compiler that takes too much memory is ended`() throws {
    let limits = PatternDatabase.Limits(memory: 8 << 20, database: 1 << 30, seconds: 60)
    #expect(throws: PatternError.tooLarge) { _ = try Finder(Self.hostile, limits: limits) }
  }

  @Test func `a database that is too large is refused`() throws {
    let limits = PatternDatabase.Limits(memory: 1 << 30, database: 700, seconds: 60)
    #expect(throws: PatternError.tooLarge) {
      _ = try Finder([try pattern("abc")], limits: limits)
    }
  }

  @Test func `a pattern that the library refuses is named`() throws {
    let bad = ScanPattern(tag: 0, subsets: 1, expression: "a(?=b)")
    let error = #expect(throws: PatternError.self) { _ = try Finder([try pattern("a"), bad]) }
    guard case .refused(pattern: 1, let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(!reason.isEmpty)
  }

  @Test func `compiling leaves no descriptor and no child behind`() throws {
    func descriptors() throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }
    _ = try Finder([try pattern("warm up")])
    let before = try (0..<8).map { _ in try descriptors() }.min() ?? 0
    for number in 0..<20 { _ = try Finder([try pattern("x\(number)")]) }
    // Other tests open and close theirs at the same time.
    let after = try (0..<8).map { _ in try descriptors() }.min() ?? 0
    #expect(after < before + 20)
    // Nobody waits for a child that stays. Some of other tests' are waited for later; of these there would be
    // one for each pattern.
    var dead = try Self.deadChildren()
    for _ in 0..<200 where dead.count >= 20 {
      usleep(10_000)
      dead.formIntersection(try Self.deadChildren())
    }
    #expect(dead.count < 20)
  }

  /// This process's children that have ended and that nobody has waited for (proc(5), `stat`: number, name in
  /// brackets, state, parent).
  private static func deadChildren() throws -> Set<String> {
    var found: Set<String> = []
    for number in try FileManager.default.contentsOfDirectory(atPath: "/proc")
    where Int(number) != nil {
      guard let text = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .isoLatin1)
      else { continue }
      let words = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
      if words.count > 2, words[1] == "Z", Int32(words[2]) == getpid() { found.insert(number) }
    }
    return found
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `whatever the reader lets in, the library takes`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var taken = 0
    let pieces = [
      "a", "b", "(", ")", "|", "[", "]", "^", "$", "*", "+", "?", "{2}", "{1,3}", "{0,255}", ".",
      "\\d", "\\W", "\\x", "00", "-", "\\", "\\n", "(?:", "é", " ", "[^", "a-z",
    ]
    var list: [ScanPattern] = []
    for _ in 0..<3000 {
      let text = (0..<(1 + random.below(9))).map { _ in pieces[random.below(pieces.count)] }
        .joined()
      guard let expression = try? PatternReader.read(text, ignoresCase: random.below(2) == 0),
        expression.leastLength > 0, expression.positions <= PatternLimit.positions
      else { continue }
      taken += 1
      list.append(
        ScanPattern(
          tag: 0, subsets: 1, expression: expression.canonical))
    }
    #expect(taken > 200, "\(random)")
    for start in stride(from: 0, to: list.count, by: 50) {
      _ = try Finder(Array(list[start..<min(start + 50, list.count)]), streams: true)
    }
  }
}
