import Testing

@testable import Diagnostics

/// How places in a preprocessor's output map to the user's own lines.
@Suite struct SourceExpansionTests {
  @Test(arguments: [
    // expanded, original, word in the expanded line, what is marked in the original
    ("a = <1 2>;", "\ta = <A   2>; /* c */", "2", "2"),
    ("a = <1 2>;", "\ta = <A   2>;", "1", "A"),
    ("a = <((3) * 1000) 5>;", "a = <FREQ(3) 5>;", "1000", "FREQ(3)"),
    ("a = <((3) * 1000) 5>;", "a = <FREQ(3) 5>;", "5", "5"),
    ("x y;", "x   y;", "y", "y"),
    ("b = \"s\";", "b = NAME;", "\"s\"", "NAME"),
    ("<7 7>", "<A A>", "7", "A A"),
  ])
  func `a macro's result is found at its use`(
    expanded: String, original: String, word: String, marked: String
  ) throws {
    let line = Array(expanded.utf8)
    let target = Array(original.utf8)
    let start = try #require(
      line.indices.first { line[$0...].starts(with: Array(word.utf8)) })
    let alignment = LineAlignment(expanded: line, original: target)
    let place = alignment.place(of: start..<(start + word.utf8.count))
    #expect(String(decoding: target[place], as: UTF8.self) == marked)
  }

  @Test func `any range of any two lines gives a place inside the original`() {
    let lines = ["", "a", "<1 2>", "\t/* x */", "\"unended", "// c", "aa aa aa", "a/*", "   "]
    for expanded in lines {
      for original in lines {
        let alignment = LineAlignment(
          expanded: Array(expanded.utf8), original: Array(original.utf8))
        for lower in 0...expanded.utf8.count {
          for upper in lower...expanded.utf8.count {
            let place = alignment.place(of: lower..<upper)
            #expect(place.lowerBound >= 0 && place.upperBound <= original.utf8.count)
          }
        }
      }
    }
  }

  @Test func `line markers give file, line and include chain`() throws {
    let text = """
      # 1 "<stdin>"
      # 1 "<built-in>" 1
      # 1 "<stdin>" 2
      one
      # 1 "a.h" 1
      # 1 "b.h" 1 3
      two
      # 8 "a.h" 2
      # 20 "<stdin>" 2
      three
      #line 7 "other"
      four
      """
    let originals = ["a.h": String(repeating: "\n", count: 6) + "#include <b.h>", "b.h": "two"]
    let expansion = try #require(
      SourceExpansion(ofLineMarkersIn: Array(text.utf8), name: "x.dts") {
        originals[$0].map { Array($0.utf8) }
      })
    let file = SourceFile(name: "x.dts", bytes: Array(text.utf8), expansion: expansion)
    func finding(_ word: String) throws -> Diagnostic {
      let bytes = file.bytes
      let start = try #require(bytes.indices.first { bytes[$0...].starts(with: Array(word.utf8)) })
      let span = SourceSpan(file, start..<(start + word.utf8.count))
      return Diagnostic("x", .error, "x", at: span).atOrigin
    }
    #expect(try finding("one").span?.location == "x.dts:1:1")
    let two = try finding("two")
    #expect(two.span?.location == "b.h:1:1")
    #expect(two.notes.map(\.span?.location) == ["a.h:7:1", nil])
    #expect(two.notes.last?.message == "included from x.dts:19")
    #expect(try finding("three").span?.location == "x.dts:20:1")
    #expect(try finding("four").span?.location == "other:7:1")
    #expect(expansion.files == ["x.dts", "a.h", "b.h", "other"])
  }

  @Test func `an include chain of any length is told in part`() throws {
    let text = "# 1 \"a\"\n" + String(repeating: "# 1 \"b\" 1\n", count: 10_000) + "word"
    let expansion = try #require(SourceExpansion(ofLineMarkersIn: Array(text.utf8), name: "x"))
    let file = SourceFile(name: "x", bytes: Array(text.utf8), expansion: expansion)
    let end = file.bytes.count
    let finding = Diagnostic("x", .error, "x", at: SourceSpan(file, (end - 4)..<end))
    #expect((1...100).contains(finding.atOrigin.notes.count))
  }

  @Test func `columns far outside a line stay inside it`() {
    let file = SourceFile(name: "a", text: "abc\nde\n")
    #expect(file.offset(line: 1, column: .max) == 3)
    #expect(file.offset(line: 2, column: .min) == 4)
  }
}
