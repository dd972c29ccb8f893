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
    usage: DeviceTreeBenchmark --ours DPAAC-DT --work DIRECTORY [--check] [TEXT]

    Runs the cases with TEXT in their name, or all. --check exits with 1 when a promise is not kept.

    """

  var ours = ""
  var work = ""
  var isChecking = false
  var filter = ""

  static func main() {
    var benchmark = Benchmark()
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
      switch argument {
      case "--ours": benchmark.ours = arguments.popFirst() ?? ""
      case "--work": benchmark.work = arguments.popFirst() ?? ""
      case "--check": benchmark.isChecking = true
      default: benchmark.filter = argument
      }
    }
    guard !benchmark.ours.isEmpty, !benchmark.work.isEmpty, !benchmark.filter.hasPrefix("-") else {
      print(usage, terminator: "")
      exit(64)
    }
    exit(benchmark.run() ? 0 : 1)
  }

  private func run() -> Bool {
    let timer = ProcessTimer(limit: 60)
    var table = TextTable([
      ("case", .left), ("input", .right), ("ours", .right), ("theirs", .right), ("ratio", .right),
      ("promised", .right), ("our MB", .right), ("their MB", .right), ("output", .left),
    ])
    var isKept = true
    for item in Case.all where filter.isEmpty || item.name.contains(filter) {
      guard let prepared = item.prepare(in: work, ours: ours, timer) else {
        print("\(item.name): the input cannot be made in \(work)")
        isKept = false
        continue
      }
      let comparison = Comparison(item, prepared, timer)
      print("\(item.name): \(comparison.summary)")
      fflush(nil)
      table.add(comparison.row)
      isKept = isKept && comparison.isKept
      for file in prepared.files + [prepared.ours.output, prepared.theirs.output] { unlink(file) }
    }
    print("\nmedians of whole processes, theirs stopped after \(timer.limit) s\n\n\(table.text)")
    return isKept || !isChecking
  }
}
