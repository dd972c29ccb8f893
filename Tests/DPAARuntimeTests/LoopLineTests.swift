import Partitioning
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// Wires between ports of one engine, and what an engine counts of lines.
@Suite(.timeLimit(.minutes(5))) struct LoopLineTests {
  @Test func `what was sent and nobody took is told in the end`() {
    let (one, other) = LoopLine.pair()
    defer {
      one.close()
      other.close()
    }
    let frame = [UInt8](repeating: 7, count: 100)
    for _ in 0..<3 {
      let isSent = frame.withUnsafeBytes { bytes in
        if case .sent = one.transmit(bytes, now: 0) { true } else { false }
      }
      #expect(isSent)
    }
    #expect(other.peek() != nil)
    other.advance()
    #expect(one.account.lost == 2)
    #expect(other.account.lost == 0)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `frames of any length come out as they went in`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let (one, other) = LoopLine.pair()
    let (left, right) = (LineRig(loop: one), LineRig(loop: other))
    var expected: [[UInt8]] = []
    var number = 0
    for _ in 0..<3000 {
      if random.below(2) == 0 {
        let frame = [UInt8](
          repeating: UInt8(truncatingIfNeeded: number), count: 1 + random.below(9000))
        number += 1
        left.send([frame])
        expected.append(frame)
      } else if let frame = right.take() {
        try #require(frame == expected.removeFirst(), "\(random)")
      } else {
        #expect(expected.isEmpty)
      }
      #expect(left.take() == nil)
      // Before the ring is full.
      if expected.reduce(0, { $0 + $1.count + 16 }) > 900_000 {
        #expect(right.take(expected.count) == expected)
        expected = []
      }
    }
    #expect(left.refused == 0)
  }

  @Test func `a full wire refuses in the end, and goes on when there is room`() {
    let (one, other) = LoopLine.pair()
    let (left, right) = (LineRig(loop: one), LineRig(loop: other))
    let frames = LineRig.frames(3000)
    let taken = left.send(frames)
    #expect(left.refused > 0)
    #expect(right.take(taken.count) == taken)
    left.send(Array(frames[..<5]))
    #expect(right.take(5) == Array(frames[..<5]))
    // Longer than any frame.
    left.send([[UInt8](repeating: 0, count: 1 << 19)])
    #expect(right.take() == nil)
  }

  @Test func `what a port sends into its own loop arrives, and the sum is even`() throws {
    let simulation = try Simulation(
      Talk.configuration(
        programs: [.source(.init(path: Talk.wire, frames: 300, size: 200)), .reflect, .sink]),
      lines: [Talk.wire: .loop(Talk.wire)])
    simulation.run()
    #expect(simulation.engine.control.areInputsDone)
    let written = UInt64(try simulation.transmitted().count)
    let report = RunReport(
      simulation.engine,
      witness: RunWitness(
        playedFrames: [:], writtenFrames: [Talk.wire: written], connectedInterfaces: [Talk.wire]))
    #expect(report.isConserved, "\(report.discrepancies)")
    #expect(report.interfaces[0].received == 300)
    #expect(report.interfaces[0].transmitted == 300)
    #expect(report.interfaces[0].line?.address == "loop:fm1-10g0")
    #expect(report.owners[0].counts.map(\.count) == [300])
    #expect(report.text.contains("host: 300 probes in order\n"))
    #expect(report.text.contains("fm1-10g0 is loop:fm1-10g0\n"))
  }

  @Test func `frames that a line does not take are dropped, counted, and free their buffers`()
    throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let simulation = try Simulation(
      Talk.configuration(
        programs: [.source(.init(path: Talk.wire, frames: 100, size: 200)), .reflect, .sink]),
      lines: [Talk.wire: .stream(.path("\(directory.path)/nobody"), isServer: true)])
    simulation.run()
    let written = UInt64(try simulation.transmitted().count)
    #expect(written == 0)
    let report = RunReport(
      simulation.engine,
      witness: RunWitness(
        writtenFrames: [Talk.wire: written], connectedInterfaces: [Talk.wire]))
    #expect(report.isConserved, "\(report.discrepancies)")
    #expect(report.interfaces[0].refused == 100)
    #expect(report.balance.dropped == 100)
    #expect(simulation.freeBuffers == [64, 64, 64])
    #expect(report.text.contains("0 connections, 100 frames refused\n"))
  }

  @Test(
    arguments: [
      ([Talk.wire: .loop("fm9")], "fm1-10g0=loop:fm9: the plan has no interface fm9, but fm1-10g0")
    ] as [([String: PortAddress], String)])
  func `a loop needs both of its ends`(lines: [String: PortAddress], says: String) {
    do throws(EngineError) {
      _ = try Engine(Talk.configuration(), options: EngineOptions(lines: lines))
      Issue.record("the loop was made")
    } catch {
      #expect("\(error)" == says)
    }
  }

  @Test(
    arguments: [
      (["a": .loop("b"), "b": .loop("a")], [:], nil), (["a": .loop("b")], [:], nil),
      (["a": .loop("a"), "b": .loop("c")], [:], nil),
      (
        ["a": .loop("b"), "b": .tap(.init(name: "t0"))], [:],
        "a=loop:b: b is connected with tap:t0 already"
      ),
      (["a": .loop("b"), "b": .loop("c")], [:], "a=loop:b: b is connected with loop:c already"),
      (["a": .loop("c"), "b": .loop("c")], [:], "b=loop:c: c is at the other end of a already"),
      (["a": .loop("b")], ["b": "x.pcap"], "a=loop:b: b plays x.pcap already"),
    ] as [([String: PortAddress], [String: String], String?)])
  func `an end of a loop has no other line`(
    lines: [String: PortAddress], replays: [String: String], says: String?
  ) {
    do throws(EngineError) {
      var plan = try LoopPlan(lines, replays: replays, ["a", "b", "c"])
      #expect(says == nil)
      for name in ["a", "b", "c"] {
        if let (line, address) = plan.takeEnd(of: name) {
          _ = PortLine(loop: line, address: address)
        }
      }
    } catch {
      #expect("\(error)" == says)
    }
  }
}
