import Partitioning
import Patterns
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// A guest that filters: guest1 stands between the wire and guest2, and diverts to the host.
@Suite(
  .enabled(if: (try? PatternLibrary()) != nil, "needs package libhyperscan-dev"),
  .timeLimit(.minutes(5)))
struct ScanProgramTests {
  private typealias Filter = GuestProgram.ScanProgram

  /// Words that are looked for in sets of their own, and the pairs of queues that there are.
  private static func configuration(
    _ actions: [(word: String, action: Filter.Action)] = [("attack", .drop)], pairs: Int = 2,
    buffers: UInt32 = 64, _ change: (inout Filter) -> Void = { _ in }
  ) throws -> RuntimeConfiguration {
    var filter = Filter(
      ways: [Talk.wire, "guest2"],
      groups: actions.map { .init(name: $0.word, action: $0.action) })
    change(&filter)
    var configuration = Talk.configuration(
      programs: [.sink, .scan(filter), .sink], buffers: [64, buffers, 64])
    let sets = try actions.enumerated().map {
      ScanPatternSet(
        number: UInt8($0 + 3), name: $1.word,
        patterns: [
          ScanPattern(
            tag: 1, subsets: 0xffff, expression: try PatternReader.read($1.word).canonical)
        ])
    }
    configuration.queueing[1] = .init(accelerators: [
      AcceleratorUse(
        kind: .pme, mode: .poll, channel: 0x860,
        requests: (0..<UInt32(pairs)).map { FQID(106 + $0) },
        responses: (0..<UInt32(pairs)).map { FQID(116 + $0) }, liodns: [], patternSets: sets)
    ])
    return configuration
  }

  private static func udp(_ text: String, port: UInt16 = 5000) -> [UInt8] {
    Frame.ethernet(.ipv4(to: Talk.guest1, .udp(to: 7, from: port, Array(text.utf8))))
  }

  private static func tcp(
    _ text: String, at sequence: UInt32, port: UInt16 = 5000, flags: UInt8 = 0x18
  ) -> [UInt8] {
    Frame.ethernet(
      .ipv4(
        to: Talk.guest1,
        .tcp(to: 80, from: port, Array(text.utf8), sequence: sequence, flags: flags)))
  }

  /// What a run came to.
  private struct Outcome {
    /// What reached guest2 and the host, in order.
    var passed: [[UInt8]] = []
    var diverted: [[UInt8]] = []
    /// What the filter counted, as a report says it.
    var counts: [String] = []
  }

  private static func run(
    _ configuration: RuntimeConfiguration, _ frames: [[UInt8]],
    devices: [AcceleratorKind: AcceleratorDevice] = [:]
  ) throws -> Outcome {
    let simulation = try Simulation(configuration, frames: frames, devices: devices)
    var outcome = Outcome()
    // Its queues are open when the first frame comes.
    _ = simulation.guests[1].step()
    simulation.run(active: [1]) { _ in
      outcome.diverted += simulation.guests[0].take().map(\.bytes)
      outcome.passed += simulation.guests[2].take().map(\.bytes)
    }
    simulation.guests[1].end()
    simulation.run(active: [])
    #expect(simulation.freeBuffers == configuration.owners.map { $0.pools[0].bufferCount })
    let report = try simulation.report()
    #expect(report.discrepancies == [])
    outcome.counts = report.owners[1].counts.map { "\($0.count) \($0.name)" }
    return outcome
  }

  @Test
  func `frames with a pattern are dropped, and all others go on as they were, in their order`()
    throws
  {
    let frames = (0..<40).map { number in
      // Some longer than what a short frame is filled up with.
      let text = "\(number)" + (number % 7 == 3 ? " attack " : " attac k ")
      return Self.udp(text + String(repeating: "-", count: 5 * number))
    }
    let outcome = try Self.run(try Self.configuration(), frames)
    #expect(outcome.passed == frames.enumerated().filter { $0.offset % 7 != 3 }.map(\.element))
    #expect(outcome.counts == ["34 forwarded", "6 matched"])
  }

  @Test func `headers and what fills up a frame are looked through only where the plan says so`()
    throws
  {
    // "attack" in the place of MAC addresses, and behind the datagram.
    var frame = Self.udp("x")
    frame.replaceSubrange(0..<6, with: Array("attack".utf8))
    var padded = Self.udp("x")
    padded.replaceSubrange(50..<56, with: Array("attack".utf8))
    let payload = try Self.run(try Self.configuration(), [padded])
    #expect(payload.passed == [padded])
    for frame in [frame, padded] {
      let whole = try Self.run(try Self.configuration { $0.startsAtPayload = false }, [frame])
      #expect(whole.passed.isEmpty && whole.counts == ["1 matched"])
    }
  }

  @Test func `groups are looked for one after the other: counted, diverted and dropped`() throws {
    let configuration = try Self.configuration(
      [("odd", .count), ("strange", .divert), ("attack", .drop)], pairs: 3
    ) { $0.divert = "host" }
    let frames = ["odd", "strange", "attack", "odd strange", "odd attack", "none"]
      .map { Self.udp($0) }
    let outcome = try Self.run(configuration, frames)
    #expect(outcome.passed == [frames[0], frames[5]])
    #expect(outcome.diverted == [frames[1], frames[3]])
    #expect(outcome.counts == ["2 forwarded", "2 matched", "3 noted", "2 diverted"])
  }

  // MARK: streams

  @Test func `a pattern across segments ends its flow, and no other`() throws {
    let configuration = try Self.configuration(pairs: 4) { $0.keepsStreams = true }
    let frames = [
      Self.tcp("", at: 99, flags: 0x02), Self.tcp("x att", at: 100),
      // Another flow, in which the halves do not meet, and a datagram.
      Self.tcp("ack", at: 1, port: 5001), Self.udp("att", port: 5002),
      Self.tcp("", at: 105, flags: 0x10),
      Self.tcp("ac", at: 105), Self.tcp("k x", at: 107), Self.tcp("more", at: 110),
      Self.tcp("", at: 114, flags: 0x11), Self.tcp("att", at: 4, port: 5001),
      // What was dropped, again; and the other flow's end.
      Self.tcp("k x", at: 107), Self.tcp("!", at: 7, port: 5001, flags: 0x19),
    ]
    let outcome = try Self.run(configuration, frames)
    let passed = [0, 1, 2, 3, 4, 5, 9, 11]
    // Each flow in its order; one with another as they come.
    func flow(_ frames: [[UInt8]], _ port: UInt16) -> [[UInt8]] {
      frames.filter { Array($0[34..<36]) == Frame.big(port) }
    }
    let expected = passed.map { frames[$0] }
    for port in [5000, 5001, 5002] as [UInt16] {
      #expect(flow(outcome.passed, port) == flow(expected, port), "\(port)")
    }
    #expect(outcome.counts == ["8 forwarded", "4 matched"])
  }

  @Test func `what is sent again, overlaps or is missing is looked through as far as it can be`()
    throws
  {
    let configuration = try Self.configuration(pairs: 2) { $0.keepsStreams = true }
    let frames = [
      Self.tcp("zzatt", at: 10), Self.tcp("zzatt", at: 10), Self.tcp("gap", at: 20),
      Self.tcp("attxx", at: 12), Self.tcp("", at: 17, flags: 0x10),
      // Its old part is passed over: "xx" and "attack" do not meet "att" again.
      Self.tcp("xxatt", at: 15), Self.tcp("tack", at: 19),
    ]
    let closed = try Self.run(configuration, frames)
    // What was there before is behind those that came meanwhile.
    #expect(closed.passed.count == 5 && Set(closed.passed) == Set([0, 3, 4, 5].map { frames[$0] }))
    let fresh = closed.passed.filter { [frames[4], frames[5]].contains($0) }
    #expect(closed.passed[0] == frames[0] && fresh == [frames[4], frames[5]])
    #expect(closed.counts == ["5 forwarded", "1 matched", "1 not scanned"])
  }

  /// A descriptor can say of 393 bytes behind these headers that they are passed over. With more than 1928 the frame
  /// lies in several buffers, of which 1930 use up the first and 3914 the second.
  @Test(arguments: [393, 394, 1400, 1920, 1929, 1930, 1931, 2500, 3914, 3950])
  func `what is new behind bytes that came again goes on with its stream, however many they are`(
    again: Int
  ) throws {
    // Two groups, so that each frame is made again what it was in between.
    let configuration = try Self.configuration([("none", .count), ("attack", .drop)], pairs: 4) {
      $0.keepsStreams = true
    }
    let frames = [
      Self.tcp(String(repeating: "-", count: again - 3) + "att", at: 7),
      // Other bytes in their place: who has the first ones already keeps those.
      Self.tcp(String(repeating: "x", count: again) + "ac", at: 7),
      Self.tcp("k", at: 9 + UInt32(again)),
    ]
    let outcome = try Self.run(configuration, frames)
    #expect(outcome.passed == Array(frames[..<2]))
    #expect(outcome.counts == ["2 forwarded", "1 matched"])
  }

  @Test(arguments: [true, false])
  func `what cannot be looked through goes on or not, as the plan says`(failsOpen: Bool) throws {
    let configuration = try Self.configuration(pairs: 2) {
      $0.keepsStreams = true
      $0.failsOpen = failsOpen
    }
    var damaged = Self.tcp("damaged", at: 500)
    damaged[60] ^= 1
    let payload = Frame.Segment.udp(to: 7, Array("fragment".utf8))
    let frames = [
      Self.tcp("abc", at: 10), Frame.ethernet(.ipv4(to: Talk.guest1, payload, isFragment: true)),
      // No place for its flow; bytes that are missing; a checksum that is wrong.
      Self.tcp("other", at: 1, port: 6000), Self.tcp("def", at: 99), damaged,
    ]
    let outcome = try Self.run(configuration, frames)
    #expect(Set(outcome.passed) == Set(failsOpen ? frames : [frames[0]]))
    #expect(
      outcome.counts
        == (failsOpen ? ["5 forwarded", "3 not scanned"] : ["1 forwarded", "4 not scanned"]))
    // A pattern in such a frame is found all the same.
    let attack = Frame.ethernet(
      .ipv4(
        to: Talk.guest1, .udp(to: 7, Array("attack".utf8)), fragment: 0, isFragment: true))
    let found = try Self.run(configuration, [attack])
    #expect(found.passed.isEmpty)
  }

  /// PME that answers every scan with an error.
  private final class Refuser: AcceleratorDevice, @unchecked Sendable {
    override func prepare(_ job: inout AcceleratorJob, _ memory: AcceleratorMemory) {
      job.passes = true
      if PatternCommand(word: job.frame.command).kind == .scan {
        job.fail(.descriptor, status: PatternStatus(.frame).word)
      }
    }
  }

  @Test(arguments: [true, false])
  func `what PME refuses goes on or not, as the plan says`(failsOpen: Bool) throws {
    let frames = [Self.udp("a"), Self.tcp("b", at: 1), Self.tcp("", at: 2), Self.tcp("c", at: 2)]
    let configuration = try Self.configuration {
      $0.keepsStreams = true
      $0.failsOpen = failsOpen
    }
    let outcome = try Self.run(configuration, frames, devices: [.pme: Refuser()])
    #expect(Set(outcome.passed) == Set(failsOpen ? frames : []))
    let counts = failsOpen ? ["4 forwarded", "3 not scanned"] : ["4 not scanned"]
    #expect(outcome.counts == counts)
  }

  @Test
  func `a frame in several buffers is looked through behind its headers, and stays what it is`()
    throws
  {
    let configuration = try Self.configuration(pairs: 2) { $0.keepsStreams = true }
    func text(_ word: String, _ count: Int) -> String {
      String(repeating: "-", count: count - word.count) + word
    }
    let frames = [
      Self.tcp(text("att", 3000), at: 0), Self.tcp("ac", at: 3000),
      Self.tcp(text("x", 2500), at: 3002), Self.tcp("k", at: 5502),
      Self.udp(text("attack", 4000)), Self.udp(text("attac", 4000)),
    ]
    let outcome = try Self.run(configuration, frames)
    // Each flow in its order, bytes and all.
    #expect(outcome.passed.filter { $0[23] == 6 } == Array(frames[..<4]))
    #expect(outcome.passed.filter { $0[23] == 17 } == [frames[5]])
    #expect(outcome.counts == ["5 forwarded", "1 matched"])
  }

  @Test func `half of a pool stays for frames, however many streams there might be`() throws {
    let configuration = try Self.configuration(pairs: 8, buffers: 5) { $0.keepsStreams = true }
    let frames = (0..<4).map { Self.tcp("abc", at: 1, port: 7000 + UInt16($0)) }
    let outcome = try Self.run(configuration, frames)
    #expect(outcome.passed.count == 2 && Set(outcome.passed).isSubset(of: frames))
    #expect(outcome.counts == ["2 forwarded", "2 not scanned"])
  }

  @Test func `a grant of a filter that contradicts itself is refused`() throws {
    for change in [
      { $0.ways = [Talk.wire, "nowhere"] }, { $0.divert = "nowhere" },
      { $0.groups = [.init(name: "unknown", action: .drop)] },
    ] as [(inout Filter) -> Void] {
      let configuration = try Self.configuration { change(&$0) }
      #expect(throws: EngineError.self) { _ = try configuration.grant(ofOwner: 1) }
    }
    for change in [
      { $0.ways = [Talk.wire] }, { $0.ways = [Talk.wire, Talk.wire] }, { $0.groups = [] },
      { $0.groups[0].action = .divert },
      {
        $0.keepsStreams = true
        $0.startsAtPayload = false
      },
    ] as [(inout Filter) -> Void] {
      let grant = try Self.configuration { change(&$0) }.grant(ofOwner: 1)
      #expect(GuestGrant(message: grant.message) == nil)
      #expect(throws: GuestError.badGrant) { _ = try BuiltInProgram(grant) }
    }
    var grant = try Self.configuration().grant(ofOwner: 1)
    grant.accelerators = []
    #expect(throws: GuestError.self) { _ = try BuiltInProgram(grant) }
  }
}
