import DPAAPortal
import Partitioning
import Patterns
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

/// PME between a guest's queues: scans of frames and flows, and what comes of requests that cannot be.
@Suite(
  .enabled(if: (try? PatternLibrary()) != nil, "needs package libhyperscan-dev"),
  .timeLimit(.minutes(10)))
struct PatternMatcherTests {
  static func set(
    _ number: UInt8, _ patterns: [(text: String, subsets: UInt16)]
  ) throws -> ScanPatternSet {
    ScanPatternSet(
      number: number, name: "set",
      patterns: try patterns.enumerated().map {
        ScanPattern(
          tag: UInt32($0 + 100), subsets: $1.subsets,
          expression: try PatternReader.read($1.text).canonical)
      })
  }

  private static func asker() throws -> PatternAsker {
    try PatternAsker(
      [
        try set(1, [("abc", 1), ("b+c$", 2), ("^x", 0xffff)]), try set(9, [("abc", 0xffff)]),
      ], others: [try set(2, [("abc", 0xffff)])])
  }

  private static let abc: [UInt8] = Array("abcabbc".utf8)

  @Test func `a compound request is answered with a report of what was found`() throws {
    let asker = try Self.asker()
    #expect(asker.start() == 0xf0)
    let answer = try asker.scan(Self.abc)
    #expect(answer.status == 0)
    let found = answer.reports.sorted { ($0.end, $0.tag) < ($1.end, $1.tag) }
    #expect(
      found == [
        MatchReport(set: 1, subsets: 1, tag: 100, end: 3),
        MatchReport(set: 1, subsets: 2, tag: 101, end: 7),
      ])
    // A subset alone, and another set.
    #expect(try asker.scan(Self.abc, .scan(set: 1, subsets: 2)).reports.map(\.tag) == [101])
    #expect(try asker.scan(Self.abc, .scan(set: 9)).reports.map(\.set) == [9])
    #expect(try asker.scan([0x61]).reports.isEmpty)
    let counters = asker.simulation.engine.counters
    #expect(counters.value(.done, 1, 2) == 4)
    #expect(counters.value(.bytes, 1, 2) == 22)
  }

  @Test func `a report that is longer than its room says so`() throws {
    let asker = try Self.asker()
    #expect(asker.start() == 0xf0)
    let bytes = Array("abcabcabcabc".utf8)
    let answer = try asker.scan(bytes, .scan(set: 1, subsets: 1), room: 3)
    #expect(answer.code == .ok && answer.isTruncated)
    #expect(answer.reports.map(\.end) == [3, 6, 9])
    #expect(try !asker.scan(bytes, .scan(set: 1, subsets: 1), room: 4).isTruncated)
  }

  @Test func `a plain frame goes on itself, and its status says whether something was found`()
    throws
  {
    let asker = try Self.asker()
    #expect(asker.start() == 0xf0)
    let found = try asker.pass(Self.abc)
    #expect(found.code == .ok && found.isTruncated)
    #expect(try asker.pass(Array("acb".utf8)) == .init(status: 0))
    #expect(asker.read(3, at: asker.held[1] + 64) == Array("acb".utf8))
    // No buffer was taken, and the frame's is the owner's again.
    asker.portal.release(verb: 0x33, asker.held.map { (3, $0) })
    asker.client.step()
    #expect(asker.simulation.freeBuffers == [64, 64, 64])
  }

  // MARK: flows

  @Test func `a flow with residue finds what lies across its frames`() throws {
    let asker = try Self.asker()
    var flow = FlowContext()
    flow.hasResidue = true
    flow.residue = asker.aligned + 64
    asker.flow = flow
    #expect(asker.start(contextA: PatternQueue.flow(asker.aligned)) == 0xf0)
    #expect(try asker.scan(Array("xa".utf8)).reports.map(\.tag) == [102])
    #expect(!asker.flow.isAtStart && asker.flow.sequence == 2)
    #expect(
      try asker.scan(Array("bcx".utf8)).reports == [
        MatchReport(set: 1, subsets: 1, tag: 100, end: 4)
      ])
    #expect(asker.flow.sequence == 5)
    // What stands at the end is told when that is known.
    #expect(try asker.scan(Array("bc".utf8)).reports.isEmpty)
    #expect(try asker.scan([], .scan(set: 1, ends: true)).reports.map(\.tag) == [101])
    #expect(asker.flow.sequence == 0)
    #expect(try asker.scan(Array("a".utf8)).reports.isEmpty)
    #expect(try asker.scan(Array("bc".utf8), .scan(set: 1, starts: true)).reports.isEmpty)
    #expect(try asker.scan(Array("abc".utf8), .scan(set: 9)).reports.map(\.end) == [3])
  }

  @Test func `a flow without residue begins with every frame, and keeps its limit`() throws {
    let asker = try Self.asker()
    asker.flow = FlowContext()
    #expect(asker.start(contextA: PatternQueue.flow(asker.aligned)) == 0xf0)
    #expect(try asker.scan(Array("ab".utf8)).reports.isEmpty)
    #expect(try asker.scan(Array("c".utf8)).reports.isEmpty)
    #expect(try asker.scan(Array("bc".utf8)).reports.map(\.tag) == [101])
    var flow = asker.flow
    flow.matchLimit = 2
    asker.flow = flow
    let bytes = Array("abcabcabc".utf8)
    let limited = try asker.scan(bytes, .scan(set: 1, subsets: 1))
    #expect(limited.code == .matchLimit && limited.reports.map(\.end) == [3, 6])
    #expect(try asker.scan(bytes, .scan(set: 1, subsets: 2)).code == .ok)
    #expect(asker.simulation.engine.counters.failed(.limit, 1, 2) == 1)
  }

  @Test func `a flow in which too much was found is answered so until it starts anew or has ended`()
    throws
  {
    let asker = try Self.asker()
    var flow = FlowContext()
    flow.hasResidue = true
    flow.residue = asker.aligned + 64
    flow.matchLimit = 1
    asker.flow = flow
    #expect(asker.start(contextA: PatternQueue.flow(asker.aligned)) == 0xf0)
    let (one, two) = (Array("abc".utf8), Array("abcabc".utf8))
    let subset = PatternCommand.scan(set: 1, subsets: 1)
    #expect(try asker.scan(two, subset).code == .matchLimit)
    let deaf = try asker.scan(one, subset)
    #expect(deaf.code == .matchLimit && deaf.reports.isEmpty)
    let anew = try asker.scan(one, .scan(set: 1, subsets: 1, starts: true))
    #expect(anew.code == .ok && anew.reports.map(\.end) == [3])
    // The end of a flow is the start of the next, whatever was found: at once, or before.
    for isAtOnce in [true, false] {
      if !isAtOnce { #expect(try asker.scan(two, subset).code == .matchLimit) }
      let last = try asker.scan(two, .scan(set: 1, subsets: 1, ends: true))
      #expect(last.code == .matchLimit && last.reports.count == (isAtOnce ? 1 : 0))
      let next = try asker.scan(one, .scan(set: 1, subsets: 1, ends: true))
      #expect(next.code == .ok && next.reports.map(\.end) == [3])
    }
  }

  @Test func `matches are paid for by their queue's next request, wanted or not`() throws {
    let asker = try Self.asker()
    #expect(asker.start() == 0xf0)
    #expect(try asker.scan(Self.abc, .scan(set: 1, subsets: 4)).reports.isEmpty)
    #expect(asker.matcher.takeDebt(of: PatternAsker.request) == 2 * MatchReport.size)
    #expect(asker.matcher.takeDebt(of: PatternAsker.request) == 0)
    #expect(try asker.scan(Self.abc).reports.count == 2)
    // The next one has paid.
    #expect(try asker.scan([0x61]).reports.isEmpty)
    #expect(asker.matcher.takeDebt(of: PatternAsker.request) == 0)
  }

  @Test func `who leads another queue of its own into PME pays for matches, too`() throws {
    let asker = try Self.asker()
    #expect(asker.client.initialize(382) == 0xf0)
    #expect(asker.start(380) == 0xf0)
    #expect(try asker.scan(Self.abc, .scan(set: 1, subsets: 4), queue: 380).code == .ok)
    #expect(asker.matcher.takeDebt(ofOwner: 2) == 2 * MatchReport.size)
    #expect(asker.matcher.takeDebt(ofOwner: 2) == 0)
    #expect(try asker.scan(Self.abc, queue: 380).reports.count == 2)
    // The next one has paid.
    #expect(try asker.scan([0x61], queue: 380).reports.isEmpty)
    #expect(asker.matcher.takeDebt(ofOwner: 2) == 0)
  }

  @Test func `a flow context is written by groups of fields, and read`() throws {
    let asker = try Self.asker()
    asker.flow = FlowContext()
    #expect(asker.start(contextA: PatternQueue.flow(asker.aligned)) == 0xf0)
    var new = FlowContext()
    new.isAtStart = false
    new.sequence = 0x1234_5678_9abc
    new.matchLimit = 7
    let place = asker.aligned + 64 - asker.held[0]
    func bytes(_ flow: FlowContext) -> [UInt8] {
      [flow.word0, flow.word1, flow.word2, flow.word3].flatMap { word in
        withUnsafeBytes(of: word.bigEndian) { Array($0) }
      }
    }
    // In a frame of its own, on an address that is a multiple of 32.
    let offset = UInt32((64 - asker.held[1] % 32) % 32 + 32)
    #expect(try asker.pass(bytes(new), .writeFlow(.limits), at: offset).status == 0)
    #expect(asker.flow.matchLimit == 7 && asker.flow.isAtStart)
    #expect(try asker.pass(bytes(new), .writeFlow(.sequence), at: offset).status == 0)
    #expect(asker.flow.sequence == 0x1234_5678_9abc && !asker.flow.isAtStart)
    #expect(try asker.pass(bytes(FlowContext()), .readFlow, at: offset).status == 0)
    #expect(asker.read(32, at: asker.held[1] + UInt64(offset)) == bytes(asker.flow))
    // Residue that is not the owner's.
    new.hasResidue = true
    new.residue = 0x8010_0000
    #expect(try asker.pass(bytes(new), .writeFlow(.all), at: offset).code == .flowMemory)
    #expect(!asker.flow.hasResidue)
    #expect(try asker.pass(bytes(new), .writeFlow(.all), at: offset + 8).code == .flowWrite)
    #expect(try asker.pass([1, 2], .readFlow, at: offset).code == .flowRead)
    #expect(place > 0)
  }

  // MARK: what cannot be

  @Test func `commands that mean nothing and sets that are others' are errors, and counted`() throws
  {
    let asker = try Self.asker()
    #expect(asker.start() == 0xf0)
    #expect(try asker.pass([1], .none) == .init(status: 0))
    for kind in [2, 3, 6] as [UInt32] {
      #expect(try asker.pass([1], PatternCommand(word: kind << 29)).code == .command)
    }
    // guest1's set, and nobody's.
    #expect(try asker.pass(Self.abc, .scan(set: 2)).code == .command)
    #expect(try asker.scan(Self.abc, .scan(set: 3)).code == .command)
    #expect(try asker.pass([1], PatternCommand(word: 1 << 29)).code == .control)
    #expect(try asker.pass([1], .readFlow).code == .mode)
    #expect(asker.start(391, contextA: 0x40 << 56) == 0xf0)
    #expect(try asker.pass([1], queue: 391).code == .mode)
    #expect(asker.simulation.engine.counters.failed(.descriptor, 1, 2) == 8)
  }

  @Test(arguments: [0x8010_0000, 0xa010_0010, 0, 0xffff_ffff_ffe0] as [UInt64])
  func `a flow context that is not the owner's, or crooked, is an error`(address: UInt64) throws {
    let asker = try Self.asker()
    #expect(asker.start(contextA: PatternQueue.flow(address)) == 0xf0)
    #expect(try asker.pass(Self.abc).code == .flowMemory)
    #expect(asker.simulation.engine.counters.failed(.memory, 1, 2) == 1)
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `any command, context and frame is answered, and leaves nothing behind`(seed: UInt64) throws
  {
    let asker = try Self.asker()
    var random = SeededGenerator(seed: seed)
    for _ in 0..<150 {
      let address =
        random.below(3) == 0 ? random.next() : asker.aligned &+ UInt64(random.below(4) * 16)
      let mode: UInt64 = [0, 0x80, 0x80, random.next() & 0xff][random.below(4)]
      let queue = UInt32(390 + random.below(2))
      #expect(asker.start(queue, contextA: mode << 56 | address & 0xffff_ffff_ffff) == 0xf0)
      for _ in 0..<3 {
        asker.write((0..<64).map { _ in random.byte() }, at: asker.aligned)
        let command = PatternCommand(
          word: UInt32(truncatingIfNeeded: random.next())
            & (random.below(2) == 0 ? .max : 0x1fff_ffff))
        let bytes = RandomPattern.data(using: &random, count: random.below(100))
        if bytes.isEmpty || random.below(2) == 0 {
          _ = try asker.scan(bytes, command, room: random.below(4), queue: queue)
        } else {
          _ = try asker.pass(bytes, command, queue: queue)
        }
      }
      _ = asker.client.result(0x4a, queue)
      asker.client.step(2)
      while asker.portal.message() != nil { asker.portal.consumeMessages() }
      #expect(asker.client.result(0x4b, queue) == 0xf0)
    }
  }

  // MARK: the judge

  @Test(arguments: [1, 2] as [UInt64])
  func `flows cut at random are found where Python finds them`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var cases: [(patterns: [RandomPattern], data: [UInt8])] = []
    for _ in 0..<6 {
      let patterns = (0..<10).map { _ in RandomPattern(using: &random, isDeep: false) }
      cases.append((patterns, RandomPattern.data(using: &random, count: 1 + random.below(80))))
    }
    let expected = try PatternJudge.judge(cases)
    var total = 0
    for (number, one) in cases.enumerated() {
      let patterns = try one.patterns.enumerated().map {
        ScanPattern(
          tag: UInt32($0), subsets: 0xffff,
          expression: try PatternReader.read($1.text, ignoresCase: $1.caseless).canonical)
      }
      let asker = try PatternAsker([ScanPatternSet(number: 7, name: "x", patterns: patterns)])
      var flow = FlowContext()
      flow.hasResidue = true
      flow.residue = asker.aligned + 64
      asker.flow = flow
      #expect(asker.start(contextA: PatternQueue.flow(asker.aligned)) == 0xf0)
      var found = [Set<UInt64>](repeating: [], count: patterns.count)
      var rest = one.data[...]
      repeat {
        let piece = rest.prefix(1 + random.below(30))
        rest = rest.dropFirst(piece.count)
        let answer = try asker.scan(
          Array(piece), .scan(set: 7, ends: rest.isEmpty), room: 120)
        #expect(answer.status == 0)
        for report in answer.reports { found[Int(report.tag)].insert(report.end) }
      } while !rest.isEmpty
      for (index, ends) in expected[number].enumerated() {
        total += ends.count
        #expect(found[index].sorted() == ends, "\(random) \(one.patterns[index].text)")
      }
    }
    #expect(total > 20)
  }
}
