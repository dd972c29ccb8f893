import BenchmarkTools
import Diagnostics
import Glibc
import RuntimeKernels

extension Benchmark {
  /// Queues that are touched at random, and how much more than the fewest the most may take.
  static let queueCounts: [UInt32] = [1 << 10, 1 << 16, 1 << 20, 0xff_fff0]
  static let growth = 1.3

  /// Frames to queues chosen at random among few and many, and what that takes in memory.
  mutating func measureScale() throws {
    guard isWanted("scale") else { return }
    var table = TextTable([
      ("queues touched at random", .left), ("queue manager, ns", .right), ("of 1 K", .right),
      ("guest to itself, ns", .right), ("of 1 K", .right), ("promised", .right),
      ("resident MB", .right), ("huge MB", .right), ("verdict", .left),
    ])
    var first: (alone: Double, whole: Double)?
    for count in Self.queueCounts {
      let before = Self.memory
      var random: UInt64 = 0x2545_f491_4f6c_dd1d
      let alone = Self.median {
        var kernel = try QueueKernel(queues: count, frames: 64)
        return Self.runs { kernel.run($0, &random) }
      }
      var after = before
      let whole = Self.median {
        var kernel = try ScaleKernel(queues: count)
        let runs = Self.runs { kernel.run($0, &random) }
        after = Self.memory
        return runs
      }
      guard let alone, let whole else {
        broken.append("no memory for \(Self.name(count)) queues")
        continue
      }
      let base = first ?? (alone, whole)
      first = base
      let ratio = whole / base.whole
      let isKept = ratio <= Self.growth
      if !isKept {
        broken.append("\(Self.name(count)) queues take \(Self.two(ratio)) of 1 K queues' time")
      }
      table.add([
        Self.name(count), Self.two(alone), Self.two(alone / base.alone), Self.two(whole),
        Self.two(ratio), Self.two(Self.growth), "\((after.resident - before.resident) >> 20)",
        "\((after.huge - before.huge) >> 20)", isKept ? "kept" : "not kept",
      ])
    }
    print(table.text)
    fflush(nil)
  }

  private static func median(_ body: () throws -> [Double]) -> Double? {
    guard let runs = try? body(), !runs.isEmpty else { return nil }
    return runs.sorted()[runs.count / 2]
  }

  /// Nanoseconds per frame of some runs, the first of which touches queues and is not counted.
  private static func runs(_ body: (Int) -> Int) -> [Double] {
    _ = body(2_000_000)
    return (0..<7).map { _ in Contest.time(body, 300_000) }
  }

  private static func name(_ queues: UInt32) -> String {
    queues >= 1 << 20 ? "\((queues + 0xffff) >> 20) M" : "\(queues >> 10) K"
  }

  /// What this process has in memory, in bytes, and how much of it in huge pages.
  private static var memory: (resident: Int, huge: Int) {
    var found = (resident: 0, huge: 0)
    for line in FileTools.lines(of: "/proc/self/smaps_rollup") {
      let words = line.split(separator: " ")
      guard words.count == 3, let kilobytes = Int(words[1]) else { continue }
      if words[0] == "Rss:" { found.resident = kilobytes << 10 }
      if words[0] == "AnonHugePages:" { found.huge = kilobytes << 10 }
    }
    return found
  }
}
