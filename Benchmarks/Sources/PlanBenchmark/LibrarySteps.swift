import BenchmarkTools
import Diagnostics
import Documents
import Lowering
import Partitioning
import QorIQ

/// What `dpaac check` does with a plan, step by step.
struct LibrarySteps {
  /// The steps with their seconds, in order.
  private(set) var seconds: [(step: String, seconds: Double)] = []
  /// How many findings there are.
  private(set) var findings = 0
  /// Whether the plan is sound.
  private(set) var isSound = false

  /// Takes the time of each step; `nil` when a file cannot be read.
  init?(plan: String, board: Board) {
    var bag = DiagnosticBag()
    guard let file = step("read", { TextFile.read(plan, into: &bag) }),
      let document = step("parse", { YAMLReader().read(file, into: &bag) }),
      let lowered = step("lower", { PlanLowering.lower(document, name: "plan", into: &bag) })
    else { return nil }
    let planner = Planner(plan: lowered.plan, board: board, origins: lowered.origins)
    step("check") { planner.check(into: &bag) }
    var again = DiagnosticBag()
    // Plans too, where nothing stands against it; what that takes beside checking is the rest.
    let checking = seconds.last?.seconds ?? 0
    isSound = step("plan") { planner.partition(into: &again) } != nil
    seconds[seconds.count - 1].seconds = max(0, seconds[seconds.count - 1].seconds - checking)
    let text = step("print") { DiagnosticRenderer().render(bag) }
    findings = text.isEmpty ? 0 : bag.diagnostics.count
  }

  private mutating func step<Value>(_ name: String, _ body: () -> Value) -> Value {
    let start = ProcessTimer.now
    let value = body()
    seconds.append((name, ProcessTimer.now - start))
    return value
  }
}
