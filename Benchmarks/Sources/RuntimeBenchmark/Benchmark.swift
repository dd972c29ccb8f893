import BenchmarkTools
import CTwin
import Diagnostics
import Glibc
import RuntimeKernels

/// The runtime beside a C twin of the same layout, and beside itself at scale.
@main
struct Benchmark {
  static let usage = """
    usage: RuntimeBenchmark [--check] [TEXT]

    Measures what has TEXT in its name, or all. --check exits with 1 when a promise is not kept.

    """

  var isChecking = false
  var filter = ""
  var broken: [String] = []
  /// How many cases ran.
  var count = 0

  /// How much more than its C twin a function may take: what is promised, and what fails a check,
  /// since no two runs are alike.
  static let promise = 1.05
  static let limit = 1.10

  static func main() throws {
    if CommandLine.arguments.dropFirst().first == "--guest",
      let program = ProcessPair.Program(Array(CommandLine.arguments.dropFirst(2)))
    {
      _ = twin_pin(program.cpu)
      try ProcessPair.runGuests(program)
    }
    var benchmark = Benchmark()
    for argument in CommandLine.arguments.dropFirst() {
      switch argument {
      case "--check": benchmark.isChecking = true
      default: benchmark.filter = argument
      }
    }
    guard !benchmark.filter.hasPrefix("-") else {
      print(usage, terminator: "")
      exit(64)
    }
    try benchmark.compareFunctions()
    try benchmark.measureScale()
    try benchmark.measureRoutes()
    try benchmark.measurePatterns()
    try benchmark.measureProcesses()
    try benchmark.measurePorts()
    try benchmark.measureSecurity()
    if benchmark.count == 0 { benchmark.broken.append("no case has this in its name") }
    for promise in benchmark.broken { print("not kept: \(promise)") }
    exit(benchmark.broken.isEmpty || !benchmark.isChecking ? 0 : 1)
  }

  private mutating func compareFunctions() throws {
    var table = TextTable([
      ("one thread, ns per frame", .left), ("Swift", .right), ("C", .right), ("ratio", .right),
      ("promised", .right), ("runs", .right), ("verdict", .left),
    ])
    var wanted: [Contest] = []
    for contest in try functions() where isWanted(contest.name) { wanted.append(contest) }
    guard !wanted.isEmpty else { return }
    for contest in wanted {
      let result = contest.run()
      let verdict =
        result.ratio <= Self.promise
        ? "kept" : result.ratio <= Self.limit ? "kept within noise" : "not kept"
      if result.ratio > Self.limit {
        broken.append("\(contest.name) takes \(Self.two(result.ratio)) of its C twin's time")
      }
      table.add([
        contest.name, Self.two(result.ours), Self.two(result.theirs), Self.two(result.ratio),
        Self.two(Self.promise), "\(result.undisturbed)/\(Contest.runs)", verdict,
      ])
    }
    print(table.text)
    fflush(nil)
  }

  /// Whether a case is to run.
  mutating func isWanted(_ name: String) -> Bool {
    let isWanted = filter.isEmpty || name.contains(filter)
    if isWanted { count += 1 }
    return isWanted
  }

  static func two(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}
