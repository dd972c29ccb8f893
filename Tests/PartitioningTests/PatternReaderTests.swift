import TestSupport
import Testing

@testable import Partitioning

/// Regular expressions are read as they are meant, or refused at the place of the fault.
@Suite struct PatternReaderTests {
  @Test(arguments: [
    ("ab", "\\x61\\x62"), ("a|b", "(?:\\x61|\\x62)"), ("a.c", "\\x61.\\x63"),
    ("^a$", "^\\x61\\z"), ("[a-c_]", "[\\x5f\\x61-\\x63]"), ("[^\\x00-\\xfe]", "\\xff"),
    ("\\d", "[\\x30-\\x39]"), ("(ab)+", "(?:\\x61\\x62){1,}"), ("a{3}", "\\x61{3,3}"),
    ("a{2,}", "\\x61{2,}"), ("a?b*", "\\x61{0,1}\\x62{0,}"), ("\\x0a\\n", "\\x0a\\x0a"),
    ("[]-]", ""), ("[a\\]-]", "[\\x2d\\x5d\\x61]"), ("é", "\\xc3\\xa9"),
    ("(?:|a)b", "(?:|\\x61)\\x62"),
    ("\\s", "[\\x09-\\x0d\\x20]"), ("[\\W_]", "[\\x00-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\xff]"),
    ("^a|b$|c", "(?:^\\x61|\\x62\\z|\\x63)"),
  ])
  func `an expression has one form`(text: String, canonical: String) throws {
    guard !canonical.isEmpty else {
      #expect(throws: PatternReader.Fault.self) { try PatternReader.read(text) }
      return
    }
    #expect(try PatternReader.read(text).canonical == canonical)
  }

  @Test(arguments: [
    ("a1", "[\\x41\\x61]\\x31"), ("[^b]", "[\\x00-\\x41\\x43-\\x61\\x63-\\xff]"),
    ("[Y-b]", "[\\x41-\\x42\\x59-\\x62\\x79-\\x7a]"), ("\\x61", "[\\x41\\x61]"),
  ])
  func `without case both cases are in, or not in`(text: String, canonical: String) throws {
    #expect(try PatternReader.read(text, ignoresCase: true).canonical == canonical)
  }

  @Test(arguments: [
    ("a)b", 1..<2), ("(ab", 0..<1), ("a[bc", 1..<2), ("*a", 0..<1), ("a**", 2..<3), ("a+?", 2..<3),
    ("a{", 1..<2), ("a{,3}", 1..<2), ("a{3,x}", 1..<2), ("a{5,2}", 1..<6), ("a{0}", 1..<4),
    ("a{1,256}", 1..<8), ("a{99999999999999999999}", 1..<23), ("(?=a)", 1..<3), ("(?i)a", 1..<3),
    ("a\\", 1..<2), ("a\\b", 1..<3), ("\\1", 0..<2), ("\\xg0", 0..<2), ("\\x0", 0..<2),
    ("a^b", 1..<2), ("(^a)", 1..<2), ("a$b", 1..<2), ("^*", 1..<2), ("[z-a]", 2..<3),
    ("[a-\\d]", 2..<3), ("[]", 1..<2), ("[^\\x00-\\xff]", 0..<12), ("[[:alpha:]]", 1..<2),
    ("[é]", 1..<2), ("é+", 2..<3), ("a|*", 2..<3), ("\\é", 0..<1),
    (String(repeating: "(", count: 17), 16..<17),
  ])
  func `a fault is told with its place`(text: String, range: Range<Int>) throws {
    let fault = #expect(throws: PatternReader.Fault.self) { try PatternReader.read(text) }
    #expect(fault?.range == range, "\(text): \(fault?.message ?? "")")
    #expect(fault?.repair.isEmpty == false)
  }

  @Test(
    arguments: [
      ("abc", 3, 3), ("(ab|c)d", 4, 2), ("a{5}", 5, 5), ("a{2,7}", 7, 2), ("a*", 1, 0),
      ("a{4,}", 4, 4),
      ("(abc){10}", 30, 30), ("((a{200}){200}){200}", 8_000_000, 8_000_000), ("^$", 0, 0),
      ("((((a{255}){255}){255}){255}){255}", UInt32.max, UInt32.max), ("(a|)", 1, 0),
    ] as [(String, UInt32, UInt32)])
  func `repeats count as often as they occur`(
    text: String, positions: UInt32, leastLength: UInt32
  ) throws {
    let expression = try PatternReader.read(text)
    #expect(expression.positions == positions)
    #expect(expression.leastLength == leastLength)
  }

  @Test func `literal bytes have no special ones`() {
    #expect(PatternExpression(literal: "a.*".utf8).canonical == "\\x61\\x2e\\x2a")
    #expect(PatternExpression(literal: 0...255 as ClosedRange<UInt8>).positions == 256)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `any text is read or refused within it`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<20_000 {
      let bytes = (0..<random.below(24)).map { _ in
        random.below(3) == 0
          ? random.byte() : Array("ab()[]{}|^$*+?.\\-,:xd019".utf8)[random.below(24)]
      }
      let text = String(decoding: bytes, as: UTF8.self)
      do throws(PatternReader.Fault) {
        let expression = try PatternReader.read(text)
        #expect(!expression.canonical.isEmpty || expression.positions == 0, "\(random) \(text)")
      } catch {
        #expect(error.range.upperBound <= text.utf8.count, "\(random) \(text)")
        #expect(!error.message.isEmpty && !error.range.isEmpty, "\(random) \(text)")
      }
    }
  }
}
