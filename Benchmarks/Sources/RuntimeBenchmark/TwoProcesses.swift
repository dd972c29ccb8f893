import BenchmarkTools
import CTwin
import Diagnostics
import Glibc
import RuntimeKernels

extension Benchmark {
  /// How much longer than a round trip of one cache line a frame may take from guest to guest.
  static let latencyLimit = 2.0
  /// The 99th of a hundred times, in nanoseconds.
  static let lateLimit = 1000.0
  /// How much of the C engine's throughput is reached where all share one CPU.
  static let sharedLimit = 0.5

  /// Guests in a process of their own, on another CPU and on the engine's.
  mutating func measureProcesses() throws {
    guard sysconf(Int32(_SC_NPROCESSORS_ONLN)) >= 2 else {
      print("one processor: nothing is measured on two\n")
      return
    }
    if isWanted("latency") { try measureLatency() }
    if isWanted("testpmd") { try measureThroughput() }
    if isWanted("one CPU") { try measureOneCPU() }
  }

  private mutating func measureLatency() throws {
    var table = TextTable([
      ("two CPUs, ns", .left), ("median", .right), ("of a line's", .right), ("promised", .right),
      ("99th of 100", .right), ("verdict", .left),
    ])
    var lines: [Double] = []
    var frames: [(median: Double, late: Double)] = []
    for _ in 0..<5 {
      guard let line = Self.bounce() else { continue }
      lines.append(line.median)
      _ = twin_pin(0)
      let pair = try ProcessPair(.init(ring: 64, inFlight: 1, length: 64, task: .time, cpu: 1))
      if let times = pair.latency() { frames.append(times) }
      pair.end()
    }
    if let line = Self.bounce() { lines.append(line.median) }
    guard !frames.isEmpty, !lines.isEmpty else {
      broken.append("no frame was timed")
      return
    }
    let line = Self.median(lines)
    let (median, late) = (Self.median(frames.map(\.median)), Self.median(frames.map(\.late)))
    let ratio = median / line
    let isKept = ratio <= Self.latencyLimit && late <= Self.lateLimit
    table.add(["a cache line, to and fro", Self.two(line), "1.00", "", "", ""])
    table.add([
      "guest to engine to guest", Self.two(median), Self.two(ratio), Self.two(Self.latencyLimit),
      Self.two(late), isKept ? "kept" : "not kept",
    ])
    if !isKept {
      broken.append(
        "a frame takes \(Self.two(ratio)) of a line's round trip, \(Self.two(late)) ns at worst")
    }
    print(table.text)
    print(
      "a line's round trip, before and after each: \(lines.map(Self.two).joined(separator: " "))")
    print("")
    fflush(nil)
  }

  private mutating func measureThroughput() throws {
    var table = TextTable([
      ("two CPUs, million frames per second", .left), ("Swift", .right), ("C engine", .right),
      ("testpmd", .right), ("of testpmd", .right), ("aim", .right), ("least", .right),
      ("a line before and after, ns", .left), ("verdict", .left),
    ])
    var template = Array("/tmp/dpaac-bench-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { return broken.append("there is no place in /tmp") }
    let work = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { for name in FileTools.names(in: work) + [""] { remove("\(work)/\(name)") } }
    if !Testpmd.isInstalled {
      broken.append("dpdk-testpmd is not installed (Debian's dpdk-dev)")
    }
    for (length, aim, least) in [(64, 1.6, 1.0), (1518, 1.3, 0.9)] {
      var (ours, twins, theirs): ([Double], [Double], [Double]) = ([], [], [])
      var lines: [Double] = []
      for _ in 0..<3 {
        if let line = Self.bounce() { lines.append(line.median) }
        _ = twin_pin(0)
        let pair = try ProcessPair(
          .init(ring: 64, inFlight: 32, length: length, task: .poll, cpu: 1))
        ours.append(pair.throughput(milliseconds: 1000) / 1e6)
        pair.end()
        if let twin = twin_make(64, 512) {
          twin_fill(twin, 32, UInt32(length))
          twins.append(twin_run(twin, 0, 1, 1000, false) / 1e6)
          twin_unmake(twin)
        }
        guard Testpmd.isInstalled else { continue }
        // As many frames go round as with us, and four times as many: testpmd's better counts.
        let runs = [2, 8].compactMap {
          Testpmd(work: work, length: length, bursts: $0).run(hostCPU: 0, guestCPU: 1, seconds: 3)
        }
        if let best = runs.max() { theirs.append(best / 1e6) }
      }
      if let line = Self.bounce() { lines.append(line.median) }
      let (mine, others) = (Self.median(ours), Self.median(theirs))
      let ratio = others > 0 ? mine / others : 0
      if others == 0, Testpmd.isInstalled {
        broken.append("testpmd passed no frame of \(length) B on")
      }
      if others > 0, ratio < least {
        broken.append("\(length) B: \(Self.two(ratio)) of testpmd's frames")
      }
      table.add([
        "\(length) B, 64 frames go round, rings of 64", Self.two(mine),
        Self.two(Self.median(twins)),
        Self.two(others), Self.two(ratio), Self.two(aim), Self.two(least),
        lines.map { "\(Int($0))" }.joined(separator: " "),
        ratio >= aim ? "kept" : ratio >= least ? "below the aim" : "not kept",
      ])
    }
    print(table.text)
    fflush(nil)
  }

  private mutating func measureOneCPU() throws {
    var table = TextTable([
      ("one CPU for all, million frames per second", .left), ("Swift", .right), ("C", .right),
      ("ratio", .right), ("promised", .right), ("verdict", .left),
    ])
    for ring in [8, 16, 64] {
      let inFlight = ring / 2
      var (ours, theirs): ([Double], [Double]) = ([], [])
      for _ in 0..<5 {
        _ = twin_pin(0)
        let pair = try ProcessPair(
          .init(ring: ring, inFlight: inFlight, length: 64, task: .yield, cpu: 0))
        ours.append(pair.throughput(milliseconds: 300) / 1e6)
        pair.end()
        guard let twin = twin_make(UInt32(ring), 512) else { continue }
        twin_fill(twin, UInt32(inFlight), 64)
        theirs.append(twin_run(twin, 0, 0, 300, true) / 1e6)
        twin_unmake(twin)
      }
      let (mine, others) = (Self.median(ours), Self.median(theirs))
      let ratio = mine / others
      let isJudged = ring == 64
      let isKept = ratio >= Self.sharedLimit
      if isJudged, !isKept {
        broken.append("on one CPU the engine reaches \(Self.two(ratio)) of the C engine")
      }
      table.add([
        "rings of \(ring), \(2 * inFlight) frames go round", Self.two(mine), Self.two(others),
        Self.two(ratio), isJudged ? Self.two(Self.sharedLimit) : "",
        !isJudged ? "" : isKept ? "kept" : "not kept",
      ])
    }
    print(table.text)
    fflush(nil)
  }

  /// What it takes to have a cache line written by another CPU and back.
  static func bounce() -> (median: Double, late: Double)? {
    var (median, late) = (0.0, 0.0)
    return twin_bounce(0, 1, 20_000, &median, &late) ? (median, late) : nil
  }

  static func median(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.sorted()[values.count / 2]
  }
}
