import DPAAPortal
import DPAARuntime
import Diagnostics
import Testing

@testable import Measure

/// What `dpaac bench` makes of its measurements.
@Suite struct BenchReportTests {
  private static func sample(
    _ contestant: Contestant, _ rate: Double, flow: TrafficFlow = .guestToHost,
    times: RoundTripTimes? = nil
  ) throws -> BenchSample {
    BenchSample(
      what: BenchCase(
        contestant: contestant, processors: 2, flow: flow, size: try #require(TrafficSize("64"))),
      rate: rate, processorTime: 1e9 / rate, times: times)
  }

  private static func report(_ samples: [BenchSample]) -> BenchReport {
    var report = BenchReport(BenchOptions(guestProgram: []), host: "a host")
    report.results = BenchResult.grouped(samples)
    return report
  }

  @Test func `the middle one of the rounds counts, beside the lowest and the highest`() throws {
    let rates = [4e6, 1e6, 9e6]
    let results = BenchResult.grouped(try rates.map { try Self.sample(.process, $0) })
    #expect(results.count == 1)
    let result = try #require(results.first)
    #expect(result.rate == 4e6)
    #expect(result.spread == (low: 1e6, high: 9e6))
    #expect(result.processorTime == 250)
  }

  @Test func `of an even number of rounds the mean of the two in the middle counts`() throws {
    let times = [10, 40, 21, 20].map { RoundTripTimes(median: $0, late: 2 * $0, latest: .max) }
    let samples = try zip([8e6, 1e6, 2e6, 4e6], times).map {
      try Self.sample(.process, $0, flow: .roundTrip, times: $1)
    }
    let result = try #require(BenchResult.grouped(samples).first)
    #expect(result.rate == 3e6)
    #expect(result.processorTime == 375)
    #expect(result.times == RoundTripTimes(median: 20, late: 41, latest: .max))
    let two = try #require(BenchResult.grouped(Array(samples.prefix(2))).first)
    #expect(two.rate == 4.5e6)
  }

  @Test func `what carried nothing is in the tables, and no frame of it has a cost`() throws {
    var none = try Self.sample(.bridge, 1, flow: .roundTrip)
    none.rate = 0
    none.processorTime = 0
    var still = try Self.sample(.bridge, 1)
    still.rate = 0
    still.processorTime = 0
    let report = Self.report([none, still])
    let lines = report.text.split(separator: "\n")
      .filter { $0.contains("TAP, bridge, TAP, no guest") }
    #expect(lines.map { $0.split(separator: " ").suffix(2).joined() } == ["--", "--"])
    #expect(lines.first?.hasPrefix("guest to host") == true)
    #expect(lines.last?.hasPrefix("host to guest and back") == true)
    #expect(report.json.text.contains("\"picosecondsOfProcessorPerFrame\": null"))
    #expect(!report.json.text.contains("\"picosecondsOfProcessorPerFrame\": 0"))
  }

  @Test func `a contestant stands beside the one that it is compared with, in the same case only`()
    throws
  {
    let samples = [
      try Self.sample(.bridge, 500_000), try Self.sample(.process, 10e6),
      try Self.sample(.process, 3e6, flow: .hostToGuest), try Self.sample(.machine, 2e6),
      try Self.sample(.virtioBridge, 20_000), try Self.sample(.virtioVhost, 500_000),
    ]
    let lines = Self.report(samples).text.split(separator: "\n")
    let ours = lines.filter { $0.contains("portals, processes, polled") }
    #expect(ours.first?.hasPrefix("host to guest") == true)
    #expect(ours.first?.hasSuffix("333") == true, "nobody was there to compare with")
    #expect(ours.last?.hasSuffix("  20.0") == true, "\(ours)")
    let machines = lines.first { $0.contains("portals, machines") }?.split(separator: " ")
    #expect(machines?.suffix(2) == ["100", "4.00"])
    // The kernel's vhost takes the place of DPDK's where the host has it.
    let kernel = Self.report(samples + [try Self.sample(.virtioKernel, 1e6)]).text
      .split(separator: "\n").first { $0.contains("portals, machines") }?.split(separator: " ")
    #expect(kernel?.suffix(2) == ["100", "2.00"])
  }

  @Test func `the page has the picture, tables and method, and escapes what is text`() throws {
    let report = BenchReport(
      BenchOptions(guestProgram: []), host: "a <host>",
      Self.report([try Self.sample(.process, 50e6)]).results)
    let page = report.page
    #expect(page.hasPrefix("<!doctype html>") && page.contains(report.chart))
    #expect(page.contains("<pre>\na &lt;host&gt;\n") && !page.contains("a <host>"))
    for line in report.method { #expect(page.contains("- \(line)")) }
  }

  @Test func `round trips have a table of their own, with how much shorter ours are`() throws {
    let times = [10_000, 60_000, 20_000].map {
      RoundTripTimes(median: $0, late: $0 * 2, latest: $0 * 3)
    }
    let samples =
      [
        try Self.sample(
          .bridge, 1e4, flow: .roundTrip,
          times: RoundTripTimes(median: 1_000_000, late: 2_000_000, latest: 2_000_000))
      ] + (try times.map { try Self.sample(.process, 1e5, flow: .roundTrip, times: $0) })
    let report = Self.report(samples)
    let line = report.text.split(separator: "\n").first { $0.contains("portals, processes") }
    let cells = line?.split(separator: " ").suffix(4) ?? []
    #expect(Array(cells) == ["20.0", "40.0", "60.0", "1/50.0"])
    #expect(report.json.text.contains("\"p50\": 20000"))
  }

  @Test func `a frame to a guest that sleeps stands beside its interrupt alone`() throws {
    func sample(_ contestant: Contestant, _ flow: TrafficFlow, _ median: UInt64) throws
      -> BenchSample
    {
      try Self.sample(
        contestant, 1e3, flow: flow,
        times: RoundTripTimes(median: median, late: 90_000, latest: 99_000))
    }
    let report = Self.report([
      try sample(.machineInterrupt, .wake, 24_000),
      try sample(.machineInterrupt, .doorbell, 20_000),
      try sample(.processInterrupt, .doorbell, 5000),
    ])
    let lines = report.text.split(separator: "\n")
    let ours = lines.filter { $0.hasPrefix("host to sleeping guest, and back") }
    #expect(ours.map { $0.split(separator: " ").suffix(2) } == [["99.0", "1.20"]])
    let bare = lines.filter { $0.hasPrefix("interrupt to sleeping guest, word back") }
    #expect(bare.map { $0.split(separator: " ").suffix(1) } == [["99.0"], ["99.0"]])
    // Who polls does not sleep, and nobody else has such interrupts.
    let sleepers = Contestant.allCases.filter { $0.carries(.wake) && $0.carries(.doorbell) }
    #expect(sleepers == [.processInterrupt, .machineInterrupt])
    #expect(!report.chart.contains("sleeping"))
  }

  @Test func `accelerators have a table of their own, beside their libraries`() throws {
    let samples = [
      try Self.sample(.process, 5e6, flow: .security),
      try Self.sample(.library, 10e6, flow: .security),
      try Self.sample(.library, 8e6, flow: .patterns), try Self.sample(.bridge, 500_000),
    ]
    let lines = Self.report(samples).text.split(separator: "\n")
    let ours = lines.first { $0.hasPrefix("guest to SEC and back") }?.split(separator: " ") ?? []
    // 60 bytes in memory, 200 ns of a processor; the library stands in the same row's last column.
    #expect(Array(ours.suffix(3)) == ["2.40", "200", "0.50"])
    #expect(lines.contains { $0.hasPrefix("guest to PME and back") && $0.hasSuffix(" 125") })
    #expect(!TrafficFlow.allCases.contains { Contestant.bridge.carries($0) && $0.isAccelerated })
    #expect(!Contestant.library.carries(.receive) && Contestant.machine.carries(.patterns))
  }

  @Test func `cycles are the processor's time by its clock, where that is known`() throws {
    var report = Self.report([try Self.sample(.bridge, 1e6)])
    #expect(report.json.text.contains("\"cyclesPerFrame\": null"))
    report.clock = 2.5
    #expect(report.json.text.contains("\"cyclesPerFrame\": 2500"))
    #expect(report.json.text.contains("\"processorMegahertz\": 2500"))
    // What takes turns with another has no time of its own.
    for flow in [TrafficFlow.wake, .doorbell] {
      let other = Self.report([try Self.sample(.machineInterrupt, 1e6, flow: flow)])
      #expect(other.json.text.contains("\"picosecondsOfProcessorPerFrame\": null"))
    }
    let line = report.text.split(separator: "\n").first { $0.hasPrefix("guest to host") }
    #expect(line?.split(separator: " ").suffix(2) == ["1000", "2500"])
    #expect(report.method.contains { $0.contains("2.50 GHz") })
  }

  @Test func `times are those of so many of a thousand`() {
    #expect(RoundTripTimes([UInt64]()) == nil)
    let times = RoundTripTimes((1...1000).map { UInt64($0) }.shuffled())
    #expect(times == RoundTripTimes(median: 501, late: 991, latest: 1000))
    #expect(RoundTripTimes([7 as UInt32]) == RoundTripTimes(median: 7, late: 7, latest: 7))
  }

  @Test func `the chart has a bar for each contestant, longer for more frames, and escapes words`()
    throws
  {
    var report = Self.report([
      try Self.sample(.bridge, 500_000), try Self.sample(.process, 50e6),
      try Self.sample(.process, 1, flow: .hostToGuest),
    ])
    report = BenchReport(BenchOptions(guestProgram: []), host: "a <host> & more", report.results)
    let bars = report.chart.split(separator: "\n").filter { $0.hasPrefix("<rect x=") }
    #expect(bars.count == 3)
    let widths = bars.compactMap { bar in
      bar.split(separator: "\"").dropFirst(5).first.flatMap { Int($0) }
    }
    #expect(widths.count == 3)
    #expect(widths.first == 1, "less than the scale's beginning is no bar")
    #expect(widths.last ?? 0 > 100 && widths.max() != widths.last)
    #expect(report.chart.contains("a &lt;host&gt; &amp; more"))
  }

  @Test func `what was not measured is said, with its reason`() {
    var report = Self.report([])
    report.omissions.append("virtio-net, TAP, bridge: needs root")
    #expect(report.isEmpty)
    #expect(report.text.contains("Not measured:\n- virtio-net, TAP, bridge: needs root\n"))
    #expect(
      report.json.text.contains("\"notMeasured\": [\n    \"virtio-net, TAP, bridge: needs root\""))
  }

  @Test(arguments: [
    (0.0, "0.00"), (0.123, "0.12"), (9.996, "10.0"), (45.67, "45.7"), (123.4, "123"),
    (13_000_000, "13000000"), (.nan, "-"), (.infinity, "-"), (-1, "0.00"),
    (1e300, "1000000000000000"),
  ])
  func `figures have the digits that tell something`(value: Double, text: String) {
    #expect(BenchReport.short(value) == text)
  }

  @Test(arguments: ["63", "1519", "", "64 ", "IMIX", "-1", "99999999999999999999"])
  func `no other size of frames is taken`(text: String) {
    #expect(TrafficSize(text) == nil)
  }

  @Test func `the engine has a processor for itself where there are two`() {
    var options = BenchOptions(guestProgram: [])
    options.allowed = [2, 5, 7]
    let (one, two) = (options.placement(1), options.placement(2))
    #expect(one == (engine: [2], guests: [2]))
    #expect(two == (engine: [2], guests: [5]))
    let three = options.placement(3)
    #expect(three == (engine: [2], guests: [5, 7]))
  }
}
