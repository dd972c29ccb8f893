import BenchmarkTools
import Diagnostics
import Glibc
import Lowering
import QorIQ

/// How long a check takes, for plans of ordinary and of absurd size.
///
/// The unit is the whole process `dpaac check`, release build; the library's steps are timed beside
/// it, in this process, for who wants to know where the time goes.
@main
struct Benchmark {
  static let usage = """
    usage: PlanBenchmark --ours DPAAC --work DIRECTORY [--check] [--examples DIRECTORY] [TEXT]

    Runs the cases with TEXT in their name, or all. --check exits with 1 when a promise is not kept.

    """

  /// Sizes of plans: queue ranges; rules are a tenth of it, partitions a thousand.
  static let sizes = [10_000, 100_000, 1_000_000]
  /// The seconds that the largest plan may take.
  static let largestLimit = 5.0
  /// The seconds that an ordinary plan may take.
  static let ordinaryLimit = 0.020
  /// How much more than ten times the time ten times the plan may take: n log n is 1.17 of ten from
  /// 100,000 on, 1.25 before, and caches are smaller than the largest plan.
  static let tolerance = 1.5

  var ours = ""
  var work = ""
  var examples = ""
  var isChecking = false
  var filter = ""
  var broken: [String] = []
  /// How many cases ran.
  var count = 0

  static func main() {
    var benchmark = Benchmark()
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
      switch argument {
      case "--ours": benchmark.ours = arguments.popFirst() ?? ""
      case "--work": benchmark.work = arguments.popFirst() ?? ""
      case "--examples": benchmark.examples = arguments.popFirst() ?? ""
      case "--check": benchmark.isChecking = true
      default: benchmark.filter = argument
      }
    }
    guard !benchmark.ours.isEmpty, !benchmark.work.isEmpty, !benchmark.filter.hasPrefix("-") else {
      print(usage, terminator: "")
      exit(64)
    }
    benchmark.measureExamples()
    benchmark.measurePlans()
    if benchmark.count == 0 { benchmark.broken.append("no case has this in its name") }
    for promise in benchmark.broken { print("not kept: \(promise)") }
    exit(benchmark.broken.isEmpty || !benchmark.isChecking ? 0 : 1)
  }

  // MARK: Ordinary plans

  private mutating func measureExamples() {
    let names = FileTools.names(in: examples).filter { !$0.hasPrefix(".") }.flatMap { folder in
      FileTools.names(in: "\(examples)/\(folder)").filter { $0.hasSuffix(".yaml") }
        .map { "\(folder)/\($0)" }
    }
    let timer = ProcessTimer(limit: 60)
    var table = TextTable([
      ("ordinary plan", .left), ("median ms", .right), ("fastest ms", .right), ("MB", .right),
      ("status", .right),
    ])
    for name in names where filter.isEmpty || name.contains(filter) {
      var runs: [ProcessTimer.Run] = []
      for _ in 0..<41 {
        guard let run = timer.run([ours, "check", "\(examples)/\(name)"]) else { break }
        runs.append(run)
      }
      count += 1
      let seconds = runs.map(\.seconds).sorted()
      guard let fastest = seconds.first, runs.allSatisfy({ $0.status == 0 }) else {
        broken.append("\(name) does not run, or is not sound")
        continue
      }
      let median = seconds[seconds.count / 2]
      table.add([
        name, Self.milliseconds(median), Self.milliseconds(fastest),
        "\((runs.map(\.memory).max() ?? 0) >> 20)", "0",
      ])
      if median > Self.ordinaryLimit {
        broken.append("\(name) takes \(Self.milliseconds(median)) ms, and should take 20 at most")
      }
    }
    print("\(table.text)")
    fflush(nil)
  }

  // MARK: Large plans

  private struct Case {
    var name: String
    var plan: PlanText
    var path: String
    var run: ProcessTimer.Run
  }

  private mutating func measurePlans() {
    // The peak memory of a child counts what its parent had, so all processes come first.
    var cases: [Case] = []
    guard FileTools.write("\(work)/board.yaml", { $0(PlanText.board) }) else {
      broken.append("nothing can be written to \(work)")
      return
    }
    for clash in PlanText.Clash.allCases {
      for size in Self.sizes {
        let name = "\(size) ranges, \(clash.rawValue)"
        guard filter.isEmpty || name.contains(filter) else { continue }
        let plan = PlanText(partitions: 1000, ranges: size, rules: size / 10, clash: clash)
        let path = "\(work)/\(size)-\(cases.count).yaml"
        count += 1
        guard FileTools.write(path, plan.write),
          let run = ProcessTimer(limit: 300).run([
            ours, "check", path, "-W", "no-partition-idle",
          ])
        else {
          broken.append("\(name) cannot be run")
          continue
        }
        cases.append(Case(name: name, plan: plan, path: path, run: run))
      }
    }
    var bag = DiagnosticBag()
    guard
      let board = BoardSource("\(work)/board.yaml").load(namedAt: nil, into: &bag)?.board
    else {
      broken.append("the board is not sound: \(bag.diagnostics.first?.message ?? "")")
      return
    }
    for item in cases { report(item, board) }
    judgeGrowth(cases)
  }

  private mutating func report(_ item: Case, _ board: Board) {
    let seconds = item.run.seconds
    let perRange = Int((seconds * 1e9 / Double(item.plan.ranges)).rounded())
    let status = item.run.isStopped ? "stopped" : item.run.status.map(String.init) ?? "crashed"
    print(
      "\(item.name): \(Self.milliseconds(seconds)) ms, \(perRange) ns per range, "
        + "\(item.run.memory >> 20) MB, exit \(status)")
    if item.run.status != (item.plan.clash == .none ? 0 : 1) {
      broken.append("\(item.name): exit \(status)")
    }
    if item.plan.ranges == Self.sizes.last, seconds > Self.largestLimit {
      broken.append("\(item.name) takes \(Self.milliseconds(seconds)) ms, and should take 5000")
    }
    guard !item.run.isStopped, let steps = LibrarySteps(plan: item.path, board: board) else {
      return
    }
    let parts = steps.seconds.map { "\($0.step) \(Self.milliseconds($0.seconds))" }
    print(
      "  \(parts.joined(separator: ", ")) ms; \(steps.findings) findings"
        + (steps.isSound ? ", sound" : ""))
    fflush(nil)
  }

  /// Each size against the one before.
  private mutating func judgeGrowth(_ cases: [Case]) {
    for clash in PlanText.Clash.allCases {
      let some = cases.filter { $0.plan.clash == clash }
      for (small, large) in zip(some, some.dropFirst()) {
        let growth = large.run.seconds / small.run.seconds
        let factor = Double(large.plan.ranges / small.plan.ranges)
        let part = (growth / factor * 100).rounded() / 100
        print("growth to \(large.name): \(part) of linear (promised: at most \(Self.tolerance))")
        if part > Self.tolerance { broken.append("\(large.name) takes \(part) of linear") }
      }
    }
  }

  private static func milliseconds(_ seconds: Double) -> String {
    seconds < 1 ? "\((seconds * 10_000).rounded() / 10)" : "\(Int((seconds * 1000).rounded()))"
  }
}
