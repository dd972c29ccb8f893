import Diagnostics
import Lowering
import Partitioning
import QorIQ
import Testing

@Suite struct PlanLoaderTests {
  @Test func `two guests with the same queues are told apart, with a free range to take`() throws {
    var bag = DiagnosticBag()
    let example = try #require(TextFile.read("examples/kvm-forum/t4240qds.yaml", into: &bag))
    let text = String(decoding: example.bytes, as: UTF8.self)
      .replacing("queues: 201-400", with: "queues: 101-200")
    let result = PlanLoader.load(SourceFile(name: "office.yaml", text: text))
    #expect(result.partition == nil)
    #expect(
      DiagnosticRenderer().render(result.diagnostics) == """
        office.yaml:39:13: error: guest2 claims frame queues 101-200, but guest1 already owns 101-200 [queue-overlap]
        39 |     queues: 101-200
           |             ^~~~~~~ 100 queues in common: 101-200
        office.yaml:29:13: note: guest1 claims 101-200 here
        29 |     queues: 101-200
           |             ^~~~~~~
        office.yaml:39:13: fix: give guest2 201-300, which are free
        1 error

        """)
    // The repair does what it says.
    let fix = try #require(result.diagnostics.diagnostics.first?.fixIts.first)
    let span = try #require(fix.span)
    var bytes = Array(text.utf8)
    bytes.replaceSubrange(span.range, with: fix.replacement.utf8)
    let repaired = PlanLoader.load(SourceFile(name: "office.yaml", bytes: bytes))
    #expect(repaired.partition != nil)
  }

  @Test func `every mistake of a plan shows at once, in source order`() {
    let result = PlanLoader.load(
      SourceFile(
        name: "p.yaml",
        text: """
          board: p4080ds
          partitions:
            host:   { cpus: 0-3, memory: 1 GB, portals: 4, queues: 1-50, 61-100: x, pools: [ {id: 1, buffers: 64, size: 2 KiB} ] }
            guest1: { cpus: 3, memory: 1 GiB, portals: 4-15, queues: 40-99, pools: [ {id: 1, buffers: 64, size: 90} ] }
          interfaces:
            fm1-10g0: { rules: [ { when: {ipv4.dst: 300.1.1.1}, to: gest1 } ] }
          """))
    #expect(
      result.diagnostics.sorted.map { "\($0.span?.start.line ?? 0) \($0.code)" } == [
        "3 bad-size", "3 unknown-key", "4 portal-range", "4 queue-overlap", "4 pool-overlap",
        "4 pool-size", "6 otherwise-missing", "6 bad-address", "6 unknown-partition",
      ])
    #expect(
      result.diagnostics.sorted[1].fixIts.first?.message
        == "inside braces write a list with commas in brackets: [0, 2-4]")
  }

  @Test func `a part of a list of ranges is pointed at by itself`() throws {
    let result = PlanLoader.load(
      SourceFile(
        name: "p.yaml",
        text: """
          board: p4080ds
          partitions:
            host:
              cpus: 0, 2-3
              memory: 1 GiB
              portals: 1
              queues: 1-50,  61-100, 0x100-0x1ff
              pools: [ {buffers: 64, size: 2 KiB} ]
            guest1: &guest
              cpus: [ 4, 6-7 ]
              memory: 1 GiB
              portals: 1
              queues: [ 200-300, 55-70 ]
              pools: [ {buffers: 64, size: 2 KiB} ]
          links: [ [host, guest1] ]
          """))
    let found = result.diagnostics.sorted
    #expect(found.map { $0.span?.text } == ["200-300", "55-70"])
    #expect(found.map { $0.notes.first?.span?.text } == ["0x100-0x1ff", "61-100"])
    #expect(found.map(\.label) == ["45 queues in common: 256-300", "10 queues in common: 61-70"])
    #expect(result.plan?.partitions[0].cpus == .exactly([0, 2, 3]))
    #expect(result.plan?.partitions[1].cpus == .exactly([4, 6, 7]))
  }

  @Test(arguments: [
    (
      "examples/kvm-forum/t4240dqs.yaml", "does not exist",
      "did you mean examples/kvm-forum/t4240qds.yaml?"
    ),
    ("examples", "is a directory, not a file", nil),
    ("", "does not exist", nil),
    ("a\0b", "is no path", nil),
    ("Package.swift/x", "cannot be read: not a directory", nil),
  ]) func `a file that cannot be read says why`(path: String, reason: String, fix: String?) {
    let result = PlanLoader.load(path)
    #expect(result.partition == nil)
    #expect(result.diagnostics.diagnostics.map(\.code) == [.fileUnreadable])
    #expect(result.diagnostics.diagnostics.first?.message.hasSuffix(reason) == true)
    #expect(result.diagnostics.diagnostics.first?.fixIts.first?.message == fix)
  }

  @Test func `bytes that are no text are an error, not a crash`() {
    for seed in 0..<64 {
      let bytes = (0..<512).map { UInt8(truncatingIfNeeded: ($0 * 2_654_435_761 + seed * 97) >> 7) }
      let result = PlanLoader.load(SourceFile(name: "noise", bytes: bytes))
      #expect(result.partition == nil)
      #expect(result.diagnostics.hasErrors)
    }
  }

  @Test func `a truncated blob is an error, not a crash`() throws {
    var bag = DiagnosticBag()
    _ = BoardSource.load("Tests/Fixtures/boards/truncated.dtb", into: &bag)
    #expect(bag.hasErrors)
  }

  @Test func `every prefix of the example is an error or a plan, never a crash`() throws {
    var bag = DiagnosticBag()
    let example = try #require(TextFile.read("examples/kvm-forum/p4080ds.yaml", into: &bag))
    for count in stride(from: 0, to: example.bytes.count, by: 7) {
      let result = PlanLoader.load(
        SourceFile(name: "p.yaml", bytes: Array(example.bytes.prefix(count))))
      #expect((result.partition == nil) == result.diagnostics.hasErrors)
    }
  }
}
