import DPAAPortal
public import Diagnostics

/// What was measured, and how.
public struct BenchReport: Sendable {
  private let options: BenchOptions
  /// The host, in words.
  public let host: String
  /// What was measured, case by case.
  public internal(set) var results: [BenchResult] = []
  /// Cycles of the processor in a nanosecond; 0 when that was not found out.
  public internal(set) var clock = 0.0
  /// What was not measured, and why.
  public internal(set) var omissions: [String] = []

  init(_ options: BenchOptions, host: String, _ results: [BenchResult] = []) {
    self.options = options
    self.host = host
    self.results = results
  }

  /// Whether a signal ended it before everything was measured.
  public internal(set) var isInterrupted = false

  /// Whether something was measured.
  public var isEmpty: Bool { results.isEmpty }

  /// How it was measured, a sentence for each thing.
  public var method: [String] {
    var lines = [
      "\(options.rounds) rounds, in which the contestants take turns, \(options.milliseconds) ms for each "
        + "figure; the middle one counts, or the mean of the two in the middle, and the lowest and the highest "
        + "stand beside it.",
      "Bytes are with Ethernet's check sequence, which nobody has in memory. IMIX is seven frames of 64 bytes, "
        + "four of 594 and one of 1518.",
      "Frames count where they arrive. ns CPU is the processor time of all who take part, for each frame: "
        + "who polls takes time when nothing comes, too.",
      "Cycles are ns CPU times the processor's clock, "
        + (clock > 0
          ? "\(Self.short(clock)) GHz, which a chain of additions was timed for before each turn."
          : "which was not found out here."),
      "1 CPU: everybody shares it. 2 CPU: our engine has one, and guests the other. The bridge and virtio's QEMU "
        + "have both.",
      "The host's program runs on our engine's thread (dpaac run --inline host), as that of the contestants runs on "
        + "the thread that reads and writes the TAP device, or serves vhost's rings.",
      "Our wire is a capture in memory on the one way and counted on the other. That of the contestants is the "
        + "host's TAP device, so wire and host are one for them.",
      "TAP, bridge, TAP: one thread writes 32 frames and reads what came, with no guest; the kernel forwards "
        + "meanwhile.",
    ]
    if options.engineNice < 0 {
      lines.append(
        "Our engine's thread has a nice value of \(options.engineNice), all others this process's.")
    }
    if options.flows.contains(where: \.sleeps) {
      lines.append(
        "To sleeping guests: a millisecond after each answer. The interrupt without a frame is raised by the engine's "
          + "thread, and the guest's program answers with a word in memory: what a frame takes at least. Where both are "
          + "measured, they take turns one by one."
      )
    }
    if options.flows.contains(where: \.isAccelerated) {
      lines.append(
        "SEC puts as many bytes as a frame has in memory into an ESP tunnel (AES-128-GCM), PME looks for "
          + "\(BenchPlan.patterns.count) patterns in "
          + "the text of a request and finds none. A guest has \(Burst.capacity) frames under way and asks again with each answer. "
          + "Their libraries, called directly, do the same bytes in bursts of as many on one processor: no ESP, no copy."
      )
    }
    if options.contestants.contains(where: \.hasMachines) {
      lines.append(
        "Machines run under QEMU \(options.accelerator.uppercased()), ours and theirs, with one processor and "
          + "the same kernel. In theirs a C program sends with sendmmsg and takes from a packet ring."
      )
    }
    if options.contestants.contains(.virtioKernel) {
      lines.append(
        "vhost-net: before Linux 6.4 its threads are the kernel's, so that no processor is chosen for them and their time "
          + "is not in ns CPU.")
    }
    if options.contestants.contains(.virtioVhost) {
      lines.append(
        "vhost-user: DPDK's testpmd has the processor that our engine has. What a guest sends counts when its "
          + "ring has it; testpmd sends no mixture and times nothing. Under TCG the interfaces have the PCI "
          + "line's interrupt."
      )
    }
    return lines
  }

  /// Tables and the method.
  public var text: String {
    var text = "\(host)\n"
    var table = TextTable([
      ("frames", .left), ("CPU", .right), ("size", .left), ("carried by", .left),
      ("K frames/s", .right), ("lowest", .right), ("highest", .right), ("ns CPU", .right),
      ("cycles", .right), ("times bridge", .right), ("times vhost", .right),
    ])
    var trips = TextTable([
      ("round trip", .left), ("CPU", .right), ("size", .left), ("carried by", .left),
      ("half, us", .right), ("99 of 100", .right), ("999 of 1000", .right),
      ("of the bridge's", .right), ("of a doorbell's", .right),
    ])
    var work = TextTable([
      ("accelerator", .left), ("CPU", .right), ("size", .left), ("carried by", .left),
      ("K frames/s", .right), ("lowest", .right), ("highest", .right), ("Gbit/s", .right),
      ("ns CPU", .right), ("cycles", .right), ("of the library", .right),
    ])
    for result in sorted {
      let what = result.what
      let others = opponents(of: result)
      let start = ["\(what.processors)", "\(what.size)", what.contestant.title]
      if what.flow.isTimed {
        guard let times = result.times else {
          // Nothing came back, which is a result, too.
          trips.add([what.flow.title] + start + ["-", "-", "-", "", ""])
          continue
        }
        let share = others[0]?.times.map {
          "1/" + Self.short(Double($0.median) / Double(times.median))
        }
        let bell = doorbell(of: result)?.times.map {
          Self.short(Double(times.median) / Double($0.median))
        }
        trips.add(
          [what.flow.title] + start
            + [times.median, times.late, times.latest].map { Self.short(Double($0) / 1000) }
            + [share ?? "", bell ?? ""])
        continue
      }
      let rates = [result.rate, result.spread.low, result.spread.high].map {
        Self.short($0 / 1000)
      }
      // What carried nothing has no cost of a frame.
      let costs =
        result.rate > 0
        ? [Self.short(result.processorTime), cycles(of: result).map(Self.short) ?? ""] : ["-", "-"]
      if what.flow.isAccelerated {
        work.add(
          [what.flow.title] + start + rates
            + [Self.short(result.rate * what.size.mean * 8 / 1e9)] + costs
            + [others[0].map { Self.short(result.rate / $0.rate) } ?? ""])
      } else {
        table.add(
          [what.flow.title] + start + rates + costs
            + others.map { other in other.map { Self.short(result.rate / $0.rate) } ?? "" })
      }
    }
    for table in [table, trips, work] where !table.isEmpty { text += "\n" + table.text }
    text += "\n" + method.map { "- \($0)\n" }.joined()
    if !omissions.isEmpty {
      text += "\nNot measured:\n" + omissions.map { "- \($0)\n" }.joined()
    }
    return text
  }

  /// The frames in a second as a picture, in SVG.
  public var chart: String { BenchChart(sorted, host: host).svg }

  /// Picture, tables and method on one page, in HTML.
  public var page: String {
    """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <title>dpaac bench</title>
    <style>body { font-family: sans-serif; margin: 2em } pre { overflow-x: auto }</style>
    <h1>dpaac bench</h1>
    \(chart)<pre>
    \(BenchChart.escaped(text))</pre>
    </html>

    """
  }

  /// By flow, processors and size, so that those stand together who are compared.
  private var sorted: [BenchResult] {
    func key(_ result: BenchResult) -> [Int] {
      let what = result.what
      return [
        TrafficFlow.allCases.firstIndex(of: what.flow) ?? 0, what.processors,
        options.sizes.firstIndex(of: what.size) ?? 0,
        Contestant.allCases.firstIndex(of: what.contestant) ?? 0,
      ]
    }
    return results.sorted { key($0).lexicographicallyPrecedes(key($1)) }
  }

  /// Whom a result of ours is compared with, if that was measured: a bridge, and vhost.
  private func opponents(of result: BenchResult) -> [BenchResult?] {
    result.what.contestant.opponents(result.what.flow).map { opponents in
      opponents.lazy.compactMap { opponent in
        var what = result.what
        what.contestant = opponent
        return results.first { $0.what == what && $0.rate > 0 }
      }.first
    }
  }

  /// What a frame to a guest that sleeps is compared with: its interrupt alone.
  private func doorbell(of result: BenchResult) -> BenchResult? {
    guard result.what.flow == .wake else { return nil }
    var what = result.what
    what.flow = .doorbell
    return results.first { $0.what == what }
  }

  /// The processor's cycles for each frame, of all who take part; `nil` when its clock is not known.
  private func cycles(of result: BenchResult) -> Double? {
    clock > 0 ? result.processorTime * clock : nil
  }

  /// Three digits that tell something.
  static func short(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    let hundredths = Int64((min(max(value, 0), 1e15) * 100).rounded())
    if hundredths >= 10_000 { return "\((hundredths + 50) / 100)" }
    if hundredths >= 1000 { return "\((hundredths + 5) / 100).\((hundredths + 5) / 10 % 10)" }
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }

  /// Everything for programs.
  public var json: JSONValue {
    func number(_ value: Double) -> JSONValue {
      .integer(Int64(min(max(value, 0), 1e15).rounded()))
    }
    func cost(_ result: BenchResult, _ value: Double?) -> JSONValue {
      // What takes turns one by one has no time of its own.
      guard result.rate > 0, ![.wake, .doorbell].contains(result.what.flow), let value else {
        return .null
      }
      return number(value)
    }
    return [
      "host": .string(host), "accelerator": .string(options.accelerator),
      "processorMegahertz": clock > 0 ? number(clock * 1000) : .null,
      "rounds": JSONValue(options.rounds), "milliseconds": JSONValue(options.milliseconds),
      "results": .array(
        sorted.map { result in
          [
            "contestant": .string(result.what.contestant.rawValue),
            "flow": .string(result.what.flow.rawValue),
            "processors": JSONValue(result.what.processors),
            "bytes": result.what.size.bytes == 0
              ? .string("imix") : JSONValue(result.what.size.bytes),
            "framesPerSecond": number(result.rate), "lowest": number(result.spread.low),
            "highest": number(result.spread.high),
            "picosecondsOfProcessorPerFrame": cost(result, result.processorTime * 1000),
            "cyclesPerFrame": cost(result, cycles(of: result)),
            "roundTripNanoseconds": result.times.map {
              [
                "p50": JSONValue($0.median), "p99": JSONValue($0.late),
                "p99.9": JSONValue($0.latest),
              ]
            } ?? .null,
            "framesPerSecondByRound": .array(result.samples.map { number($0.rate) }),
          ]
        }),
      "method": .array(method.map { .string($0) }),
      "notMeasured": .array(omissions.map { .string($0) }),
    ]
  }
}
