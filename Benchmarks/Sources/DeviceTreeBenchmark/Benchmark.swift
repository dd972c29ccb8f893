import BenchmarkTools
import Diagnostics
import Glibc

/// Our device-tree commands beside Debian's, on the same files in one run.
///
/// The unit is a whole process: start, read, compile, write a file. This process stays small and
/// single-threaded, for the peak memory of a child counts what its parent had when it was made: some
/// 8 MB, below which the table cannot tell.
@main
struct Benchmark {
  static let usage = """
    usage: DeviceTreeBenchmark --ours DPAAC-DT --work DIRECTORY [--check]
             [--boards DIRECTORY [--include DIRECTORY]...] [TEXT]

    Runs the cases with TEXT in their name, or all. --check exits with 1 when a promise is not kept.

    """

  var setting = Setting()
  var isChecking = false
  var filter = ""

  static func main() {
    var benchmark = Benchmark()
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
      switch argument {
      case "--ours": benchmark.setting.ours = arguments.popFirst() ?? ""
      case "--work": benchmark.setting.work = arguments.popFirst() ?? ""
      case "--boards": benchmark.setting.boards = arguments.popFirst() ?? ""
      case "--include": benchmark.setting.boardPaths += arguments.popFirst().map { [$0] } ?? []
      case "--check": benchmark.isChecking = true
      default: benchmark.filter = argument
      }
    }
    guard !benchmark.setting.ours.isEmpty, !benchmark.setting.work.isEmpty,
      !benchmark.filter.hasPrefix("-")
    else {
      print(usage, terminator: "")
      exit(64)
    }
    exit(benchmark.run() ? 0 : 1)
  }

  private func run() -> Bool {
    let timer = ProcessTimer(limit: 60)
    var table = TextTable([
      ("case", .left), ("input", .right), ("ours", .right), ("theirs", .right), ("ratio", .right),
      ("processor", .right), ("promised", .right), ("our MB", .right), ("their MB", .right),
      ("output", .left),
    ])
    var isKept = true
    var scaling = Scaling()
    for item in Case.all where filter.isEmpty || item.name.contains(filter) {
      if item.needsBoards && setting.boards.isEmpty {
        print("\(item.name): skipped, needs package linux-source-6.1")
        continue
      }
      guard let prepared = item.prepare(setting, timer) else {
        print("\(item.name): the input cannot be made in \(setting.work)")
        isKept = false
        continue
      }
      let comparison = Comparison(item, prepared, timer)
      print("\(item.name): \(comparison.summary)")
      fflush(nil)
      table.add(comparison.row)
      isKept = isKept && comparison.isKept
      scaling.note(item.name, comparison)
      for file in prepared.leftovers { unlink(file) }
    }
    print("\nmedians of whole processes, theirs stopped after \(timer.limit) s\n\n\(table.text)")
    print(scaling.text, terminator: "")
    return isKept && scaling.isKept || !isChecking
  }
}
