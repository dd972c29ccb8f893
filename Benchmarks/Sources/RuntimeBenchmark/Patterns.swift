import BenchmarkTools
import Diagnostics
import Glibc
import RuntimeKernels

extension Benchmark {
  /// How much of the library's own speed PME is to have over a guest's queues.
  static let patternShare = 0.8

  /// PME over a guest's queues beside its library called directly, by turns on one thread.
  mutating func measurePatterns() throws {
    guard isWanted("patterns") else { return }
    var table = TextTable([
      ("one thread, ns per frame", .left), ("over queues", .right), ("library", .right),
      ("of its speed", .right), ("MB/s", .right), ("promised", .right), ("runs", .right),
      ("verdict", .left),
    ])
    for isFlow in [false, true] {
      for length in [64, 512, 1500] {
        let kernel = Box(try PatternKernel(length: length, isFlow: isFlow))
        // It holds its guest's buffers, which nobody may drop.
        _ = Unmanaged.passRetained(kernel)
        let name = "PME, \(isFlow ? "a flow" : "frames"), \(length) B"
        let result = Contest(
          name: name, ours: { kernel.value.overQueues($0) }, theirs: { kernel.value.direct($0) }
        ).run()
        let share = result.theirs / result.ours
        if share < Self.patternShare {
          broken.append("\(name): \(Self.two(share)) of the library's speed")
        }
        table.add([
          name, Self.two(result.ours), Self.two(result.theirs), Self.two(share),
          "\(Int(Double(length) * 1000 / result.ours))", Self.two(Self.patternShare),
          "\(result.undisturbed)/\(Contest.runs)",
          share >= Self.patternShare ? "kept" : "not kept",
        ])
      }
    }
    print(table.text)
    fflush(nil)
  }
}
