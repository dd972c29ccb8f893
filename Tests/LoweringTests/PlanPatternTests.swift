import Diagnostics
import Foundation
import Lowering
import Partitioning
import TestSupport
import Testing

/// What a plan has PME look for.
@Suite struct PlanPatternTests {
  /// A plan for a T4240QDS whose guest has these patterns.
  private func plan(_ patterns: String) -> String {
    """
    board: t4240qds
    partitions:
      host: {cpus: 0-3, memory: 1 GiB, portals: 2, queues: 256-511, pools: [ {buffers: 64, size: 2 KiB} ]}
      guest1:
        cpus: 4-5
        memory: 256 MiB
        portals: 2
        queues: 512-767
        pools: [ {buffers: 64, size: 2 KiB} ]
        accelerators: { pme: {patterns: \(patterns)} }
    links: [ [host, guest1] ]

    """
  }

  private func load(_ patterns: String) throws -> (PlanLoader.Result, [ScanPatternSet]) {
    let result = PlanLoader.load(SourceFile(name: "p.yaml", text: plan(patterns)))
    let use = result.partition?.resources[1].accelerators.first
    return (result, use?.patternSets ?? [])
  }

  @Test func `patterns come with tags, subsets and the case of their group`() throws {
    let (result, sets) = try load(
      """
      {web: {subset: 0-1, ignore-case: yes, find: [ {text: 'a.'}, {bytes: '0a ff'},
        {regex: 'b+$', tag: 7, subset: '2,15', ignore-case: no} ]},
        other: {set: 0, find: [ {regex: '[^a]'} ]}, third: {find: [ {text: c} ]}}
      """)
    #expect(result.diagnostics.isEmpty, "\(DiagnosticRenderer().render(result.diagnostics))")
    #expect(
      sets == [
        ScanPatternSet(
          number: 1, name: "web",
          patterns: [
            ScanPattern(tag: 1, subsets: 3, expression: "[\\x41\\x61]\\x2e"),
            ScanPattern(tag: 2, subsets: 3, expression: "\\x0a\\xff"),
            ScanPattern(tag: 7, subsets: 0x8004, expression: "\\x62{1,}\\z"),
          ]),
        ScanPatternSet(
          number: 0, name: "other",
          patterns: [
            ScanPattern(tag: 1, subsets: 0xffff, expression: "[\\x00-\\x60\\x62-\\xff]")
          ]),
        ScanPatternSet(
          number: 2, name: "third",
          patterns: [ScanPattern(tag: 1, subsets: 0xffff, expression: "\\x63")]),
      ])
  }

  @Test func `a file's patterns stand behind those of the plan`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try directory.write(
      "worms.patterns", Data("# worms\n\n1001:/a\\/b/i\r\n  0x10:/c:/d$/s\n".utf8))
    let path = try directory.write(
      "p.yaml", Data(plan("{worms: {file: worms.patterns, find: [ {text: x} ]}}").utf8))
    let result = PlanLoader.load(path)
    #expect(result.diagnostics.hasErrors)
    try directory.write("worms.patterns", Data("# worms\n\n1001:/a\\/b/i\r\n16:/c:/d$/s\n".utf8))
    let sound = PlanLoader.load(path)
    #expect(sound.diagnostics.isEmpty, "\(DiagnosticRenderer().render(sound.diagnostics))")
    #expect(
      sound.partition?.resources[1].accelerators.first?.patternSets.first?.patterns == [
        ScanPattern(tag: 1, subsets: 0xffff, expression: "\\x78"),
        ScanPattern(tag: 1001, subsets: 0xffff, expression: "[\\x41\\x61]\\x2f[\\x42\\x62]"),
        ScanPattern(tag: 16, subsets: 0xffff, expression: "\\x63\\x3a\\x2f\\x64\\z"),
      ])
  }

  @Test func `a line of a file that is not UTF-8 is told at its place, unless it is a comment`()
    throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try directory.write(
      "worms.patterns",
      Data("# caf".utf8) + [0xe9] + Data("\r\n1:/caf".utf8) + [0xe9] + Data("/\n2:/é/\n".utf8))
    let path = try directory.write("p.yaml", Data(plan("{worms: {file: worms.patterns}}").utf8))
    let result = PlanLoader.load(path)
    #expect(result.partition == nil)
    let errors = result.diagnostics.diagnostics.filter { $0.severity == .error }
    #expect(errors.map(\.code.description) == ["pattern-line"])
    #expect(errors.first?.message == "this line is not UTF-8")
    #expect(errors.first?.span?.start.line == 2)
    #expect(errors.first?.span?.file.name.hasSuffix("worms.patterns") == true)
  }

  @Test(arguments: [
    ("{a: {find: [ {text: x, regex: y} ]}}", "missing-key", 10),
    ("{a: {find: [ {tag: 1} ]}}", "missing-key", 10), ("{a: {find: []}}", "pattern-empty", 10),
    ("{a: {find: [ {text: ''} ]}}", "pattern-empty", 10),
    ("{a: {find: [ {bytes: '0a f'} ]}}", "pattern-syntax", 10),
    ("{a: {find: [ {bytes: '0a xy'} ]}}", "pattern-syntax", 10),
    ("{a: {set: 256, find: [ {text: x} ]}}", "bad-number", 10),
    ("{a: {subset: 16, find: [ {text: x} ]}}", "bad-number", 10),
    ("{a: {file: gone.patterns}}", "file-unreadable", 10),
    ("[a]", "wrong-kind", 10),
  ])
  func `a mistake is told once, at its place`(text: String, code: String, line: Int) throws {
    let (result, _) = try load(text)
    let found = result.diagnostics.diagnostics.filter { $0.severity == .error }
    #expect(found.map(\.code.description) == [code], "\(text)")
    #expect(found.first?.span?.start.line == line, "\(text)")
    #expect(result.partition == nil)
  }

  @Test func `limits hold for one pattern, for a set and for a partition`() throws {
    func codes(_ patterns: String) throws -> [String] {
      try load(patterns).0.diagnostics.diagnostics.map(\.code.description)
    }
    let long = String(repeating: "x", count: PatternLimit.bytes)
    #expect(try codes("{a: {find: [ {text: \(long)} ]}}") == [])
    #expect(try codes("{a: {find: [ {text: \(long)x} ]}}") == ["pattern-limit"])
    let many = (0...16).map { "g\($0): {find: [ {text: x} ]}" }
    #expect(try codes("{\(many.dropLast().joined(separator: ", "))}") == [])
    #expect(try codes("{\(many.joined(separator: ", "))}") == ["pattern-limit"])
    let large = Array(repeating: "{regex: '(abcd){250}'}", count: 65)
    #expect(try codes("{a: {find: [ \(large.joined(separator: ", ")) ]}}") == [])
    let larger = large + large.prefix(1)
    #expect(try codes("{a: {find: [ \(larger.joined(separator: ", ")) ]}}") == ["pattern-limit"])
    // What is written short may be long where its classes are written out.
    let classes = String(repeating: #"\W"#, count: 400)
    let found = try load("{a: {find: [ {regex: '\(classes)'} ]}}").0.diagnostics.diagnostics
    #expect(found.map(\.code) == ["pattern-limit"])
    #expect(found.first?.message.contains("with its classes written out") == true, "\(found)")
    let words = Array(repeating: "{text: x}", count: PatternLimit.patterns + 1)
    #expect(try codes("{a: {find: [ \(words.joined(separator: ", ")) ]}}") == ["pattern-limit"])
  }
}
