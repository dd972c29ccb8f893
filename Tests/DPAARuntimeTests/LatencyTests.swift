import Diagnostics
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// How long frames take, in virtual time.
@Suite(.timeLimit(.minutes(10))) struct LatencyTests {
  private final class Histogram {
    let table: FlatTable<UInt64>
    let histogram: LatencyHistogram

    init() throws {
      let table = try FlatTable<UInt64>(count: LatencyHistogram.byteCount / 8)
      histogram = LatencyHistogram(memory: UnsafeMutableRawPointer(table.base))
      self.table = table
    }
  }

  @Test func `buckets follow each other without a gap, a sixteenth wide`() {
    var next: UInt64 = 0
    for bucket in 0..<LatencyHistogram.bucketCount {
      let end = LatencyHistogram.end(ofBucket: bucket)
      #expect(LatencyHistogram.bucket(next) == bucket)
      #expect(LatencyHistogram.bucket(end) == bucket)
      #expect(end - next <= next / 16)
      next = end + 1
    }
    #expect(next == 1 << 40)
    for time in [1 << 40, UInt64.max] {
      #expect(LatencyHistogram.bucket(time) == LatencyHistogram.bucketCount - 1)
    }
  }

  @Test func `quantiles are those of the times, to a sixteenth, and the longest is exact`() throws {
    var random = SeededGenerator(seed: 5)
    for count in [1, 2, 99, 100, 101, 5000] {
      let histogram = try Histogram()
      let times = (0..<count).map { _ in UInt64(random.below(1 << (4 + random.below(30)))) }
      for time in times { histogram.histogram.add(time) }
      let sorted = times.sorted()
      let summary = LatencyHistogram.summary(of: [histogram.histogram])
      #expect(summary.measured == UInt64(count))
      #expect(summary.longest == sorted.last)
      for (found, percent) in [(summary.median, 50), (summary.percentile99, 99)] {
        let exact = sorted[(count * percent + 99) / 100 - 1]
        #expect(found >= exact)
        #expect(found <= exact + exact / 16)
      }
    }
  }

  @Test func `no time is no number`() throws {
    let histogram = try Histogram()
    #expect(LatencyHistogram.summary(of: [histogram.histogram]).texts == ["-", "-", "-"])
    #expect(LatencySummary.text(999) == "999 ns")
    #expect(LatencySummary.text(1_000) == "1.0 us")
    #expect(LatencySummary.text(99_999) == "99.9 us")
    #expect(LatencySummary.text(100_000) == "100 us")
    #expect(LatencySummary.text(12_345_678) == "12.3 ms")
    #expect(LatencySummary.text(61_500_000_000) == "61.5 s")
  }

  /// The flows of a report by name.
  private static func flows(_ report: RunReport) -> [String: RunReport.FlowReport] {
    Dictionary(uniqueKeysWithValues: report.flows.map { ("\($0.from)>\($0.to)", $0) })
  }

  @Test(arguments: [false, true])
  func `all six kinds of flow are named and measured`(isP4080: Bool) throws {
    let targets = [Talk.host, Talk.guest1, Talk.guest2]
    let frames = (0..<300).map { Talk.frame(to: targets[Int($0 % 3)], number: $0) }
    let simulation = try Simulation(
      Talk.configuration(
        isP4080: isP4080,
        programs: [
          .source(.init(path: "guest1", frames: 50, size: 60)), .reflect,
          .source(.init(path: "guest1", frames: 50, size: 60)),
        ]), frames: frames, measuresLatency: true)
    simulation.run()
    let report = try simulation.report()
    #expect(report.isConserved)
    #expect(Set(report.flows.map(\.kind)) == Set(FlowKind.allCases))
    for flow in report.flows {
      let latency = try #require(flow.latency)
      #expect(latency.measured <= flow.frames)
      #expect((latency.measured > 0) == (flow.frames > 0), "\(flow.from) to \(flow.to)")
      #expect(latency.median <= latency.percentile99)
      #expect(latency.percentile99 <= latency.longest)
    }
    let kinds = Self.flows(report).mapValues(\.kind)
    #expect(kinds["fm1-10g0>host"] == .receiveHost)
    #expect(kinds["guest2>fm1-10g0"] == .transmitGuest)
    #expect(kinds["guest1>host"] == .guestHost)
    #expect(kinds["guest1>guest2"] == .guestGuest)
    #expect(report.text.contains("measured"))
    let byKind = simulation.engine.latenciesByKind()
    #expect(byKind.count == 6)
    #expect(
      byKind[.guestGuest]?.measured
        == report.flows.filter { $0.kind == .guestGuest }.reduce(0) {
          $0 + ($1.latency?.measured ?? 0)
        })
  }

  @Test func `a frame that waits for its receiver is as late as it was`() throws {
    let frames = [Talk.frame(to: Talk.guest2, number: 1)]
    let simulation = try Simulation(frames: frames, measuresLatency: true)
    // Its dequeue ring gives nothing for 20 rounds of a millisecond.
    let portal = RawPortal(simulation.engine, owner: 2)
    portal.setRegister(0x54, 0)
    simulation.run(active: []) { round in
      if round == 20 { portal.setRegister(0x54, 0x2100_8000) }
    }
    let latency = try #require(Self.flows(try simulation.report())["fm1-10g0>guest2"]?.latency)
    #expect(latency.measured == 1)
    #expect(latency.longest == 20_000_000)
    #expect(latency.median == 20_000_000)
  }

  @Test func `a frame that waits for an offline port to have a buffer is as late`() throws {
    let simulation = try Simulation(measuresLatency: true)
    let guest = simulation.guests[2]
    // guest1 has no buffers for 30 rounds.
    let thief = RawPortal(simulation.engine, owner: 1, portal: 1)
    let held = (0..<8).flatMap { _ in thief.acquire(8, from: 2) }
    #expect(held.count == 64)
    #expect(guest.send(Talk.frame(to: Talk.guest1, number: 1), to: 203))
    simulation.run(active: []) { round in
      if round == 30 { thief.release(verb: 0x21, [(2, held[0])]) }
    }
    let latency = try #require(Self.flows(try simulation.report())["guest2>guest1"]?.latency)
    #expect(latency.measured == 1)
    #expect(latency.longest == 30_000_000)
  }

  @Test func `a frame that ends with its receiver is not measured`() throws {
    let simulation = try Simulation(
      frames: [Talk.frame(to: Talk.guest2, number: 1)], measuresLatency: true)
    let portal = RawPortal(simulation.engine, owner: 2)
    portal.setRegister(0x54, 0)
    simulation.run(active: [])
    simulation.engine.control.markGone(owner: 2)
    simulation.run(active: [])
    let flow = try #require(Self.flows(try simulation.report())["fm1-10g0>guest2"])
    #expect(flow.latency?.measured == 0)
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  @Test func `nothing is measured unless that is wanted`() throws {
    let simulation = try Simulation(frames: [Talk.frame(to: Talk.guest1, number: 1)])
    simulation.run()
    let report = try simulation.report()
    #expect(report.flows.allSatisfy { $0.latency == nil })
    #expect(!report.text.contains("p99"))
    #expect(report.json.text.contains("\"latency\": null"))
  }
}
