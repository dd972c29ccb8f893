import Diagnostics
import Testing

@Suite struct DiagnosticRendererTests {
  let file = SourceFile(
    name: "office.yaml", text: "host:\n    queues: 101-200\nguest2:\n    queues: 150-400\n")

  private func span(_ text: String) throws -> SourceSpan {
    let start = try #require(
      (0..<file.bytes.count).first { file.bytes[$0...].starts(with: text.utf8) })
    return SourceSpan(file, start..<start + text.utf8.count)
  }

  @Test func `a clash names both places, marks both ranges and offers the repair`() throws {
    let diagnostic = Diagnostic(
      "queue-overlap", .error, "guest2 claims frame queues 150-400, but host already owns 101-200",
      at: try span("150-400"), label: "51 queues in common: 150-200",
      notes: [Note("host claims 101-200 here", at: try span("101-200"))],
      fixIts: [FixIt("start guest2 at 201")])
    #expect(
      DiagnosticRenderer().render(diagnostic) == """
        office.yaml:4:13: error: guest2 claims frame queues 150-400, but host already owns 101-200 [queue-overlap]
        4 |     queues: 150-400
          |             ^~~~~~~ 51 queues in common: 150-200
        office.yaml:2:13: note: host claims 101-200 here
        2 |     queues: 101-200
          |             ^~~~~~~
        fix: start guest2 at 201

        """)
  }

  @Test func `a bag shows each finding once, in source order, and counts them`() throws {
    var bag = DiagnosticBag()
    bag.error("second", "later", at: try span("150-400"))
    bag.warning("first", "earlier", at: try span("101-200"))
    bag.error("second", "later", at: try span("150-400"))
    let text = DiagnosticRenderer(excerpts: false).render(bag)
    #expect(
      text == """
        office.yaml:2:13: warning: earlier [first]
        office.yaml:4:13: error: later [second]
        1 error, 1 warning

        """)
  }

  @Test func `control characters and endless lines of a hostile file stay printable and short`() {
    let hostile = SourceFile(
      name: "x", bytes: [0x1b, 0x5b] + [UInt8](repeating: 0x41, count: 100_000) + [0xff])
    let text = DiagnosticRenderer().render(
      Diagnostic("c", .error, "m", at: SourceSpan(hostile, 50_000..<100_002)))
    #expect(!text.contains("\u{1B}"))
    #expect(text.utf8.count < 1_000)
  }

  @Test func `the nearest name is offered only when it is near`() {
    #expect(nearestName(to: "portls", in: ["pools", "portals", "queues"]) == "portals")
    #expect(nearestName(to: "quoin", in: ["pools", "portals"]) == nil)
    let long = String(repeating: "x", count: 128)
    #expect(nearestName(to: long, in: [long + "y"]) == long + "y")
    // To compare two of a megabyte would take an hour.
    #expect(nearestName(to: long + "z", in: [long + "y"]) == nil)
  }

  @Test func `JSON escapes what JSON must escape and keeps the order of members`() {
    let value: JSONValue = ["b": "a\"\\\n\u{1}", "a": [1, true, .null], "e": []]
    #expect(
      value.text == """
        {
          "b": "a\\"\\\\\\n\\u0001",
          "a": [
            1,
            true,
            null
          ],
          "e": []
        }
        """)
  }
}
