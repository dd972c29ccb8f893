import BenchmarkTools
import Diagnostics
import Glibc
import RuntimeKernels

extension Benchmark {
  /// How much of a bare loop's frames a TAP port must reach.
  static let tapShare = 0.9
  /// How many times what a tap on a bridge carries a replay must bring to a guest, by frame length.
  static let overBridge = [(length: 64, least: 80.0), (length: 1518, least: 40.0)]

  /// The TAP port beside a bare loop, and a capture's replay beside a bridge; wants root.
  mutating func measurePorts() throws {
    guard isWanted("ports") else { return }
    var table = TextTable([
      ("ports, million frames per second of processor time", .left), ("ours", .right),
      ("theirs", .right), ("ratio", .right), ("promised", .right), ("verdict", .left),
    ])
    do {
      try ScratchNetwork.run {
        for length in [64, 1514] {
          let (ours, theirs) = try Self.tap(length)
          add(
            "TAP port, beside read and write on the same TAP, \(length) B", ours, theirs,
            Self.tapShare, to: &table)
        }
        for (length, least) in Self.overBridge {
          let (ours, theirs) = try Self.replay(length)
          add(
            "capture to guest, beside TAP, bridge and TAP, \(length) B", ours, theirs, least,
            to: &table)
        }
      }
    } catch let failure as LineError {
      broken.append("ports were not measured: \(failure)")
    }
    print(table.text)
    fflush(nil)
  }

  private mutating func add(
    _ name: String, _ ours: Double, _ theirs: Double, _ least: Double, to table: inout TextTable
  ) {
    let ratio = ours / theirs
    let isKept = ratio >= least
    if !isKept { broken.append("\(name): \(Self.two(ratio)), not \(Self.two(least))") }
    table.add([
      name, Self.two(ours), Self.two(theirs), Self.two(ratio), Self.two(least),
      isKept ? "kept" : "not kept",
    ])
  }

  /// Million frames per second of the port and of the bare loop, medians of runs by turns.
  private static func tap(_ length: Int) throws -> (Double, Double) {
    var kernel = try TapKernel(length: length)
    var (ours, theirs): ([Double], [Double]) = ([], [])
    for run in 0..<16 {
      let isOurs = run % 2 == 0
      var (frames, seconds) = (0, 0.0)
      for _ in 0..<300 {
        kernel.feed()
        let start = Contest.processorTime
        frames += isOurs ? kernel.port() : kernel.bare()
        seconds += Contest.processorTime - start
      }
      // The first of each finds cold caches.
      guard run >= 2 else { continue }
      if isOurs {
        ours.append(Double(frames) / seconds / 1e6)
      } else {
        theirs.append(Double(frames) / seconds / 1e6)
      }
    }
    return (median(ours), median(theirs))
  }

  /// The same for a replay and a bridge.
  private static func replay(_ length: Int) throws -> (Double, Double) {
    let path = "/tmp/dpaac-bench-\(getpid()).pcap"
    defer { unlink(path) }
    var kernel = try ReplayKernel(length: length, path: path)
    let bridge = try BridgeKernel(length: length == 1518 ? 1514 : length)
    func rate(_ body: (Int) -> Int, _ frames: Int) -> Double {
      1e3 / Contest.time(body, frames)
    }
    var (ours, theirs): ([Double], [Double]) = ([], [])
    for run in 0..<8 {
      let one = rate({ kernel.run($0) }, 200_000)
      let other = rate({ bridge.run($0) }, 5_000)
      if run > 0 {
        ours.append(one)
        theirs.append(other)
      }
    }
    return (median(ours), median(theirs))
  }
}
