import DeviceTree
import Diagnostics

/// What is said of one compilation: at once in dtc's manner, or all of it at the end in a format.
struct DTCReport {
  private let console: Console
  private let quietness: Int
  private let output: String
  private let isGathering: Bool
  /// What is to be written at the end.
  private(set) var findings = DiagnosticBag()

  init(console: Console, options: DTCOptions) {
    self.console = console
    quietness = options.quietness
    output = options.output
    isGathering = options.diagnostics != nil
  }

  /// What reading found: shown with excerpts in dtc's manner too.
  mutating func add(reading bag: DiagnosticBag) {
    if gather(bag) { return }
    if !bag.isEmpty && quietness < (bag.hasErrors ? 2 : 1) {
      console.error(DiagnosticRenderer().render(bag))
    }
  }

  /// What checks found: in the one-line form that scripts look for.
  mutating func add(checks bag: DiagnosticBag) {
    if gather(bag) { return }
    console.error(FindingPrinter(quietness: quietness, output: output).text(bag))
  }

  /// What could not be kept when symbols and aliases were added.
  mutating func add(warnings bag: DiagnosticBag) {
    if gather(bag) { return }
    for finding in bag.diagnostics where quietness < 1 {
      console.error("Warning: \(finding.message)\n")
    }
  }

  /// What cannot be said in a blob.
  mutating func add(failures bag: DiagnosticBag) {
    if gather(bag) { return }
    for finding in bag.diagnostics { console.fatal(finding.message) }
  }

  /// A warning that is said to people only when it is no finding of its own.
  mutating func remark(_ code: DiagnosticCode, _ message: String) {
    var bag = DiagnosticBag()
    bag.warning(code, message)
    add(warnings: bag)
  }

  /// Why the command cannot go on.
  mutating func fail(_ code: DiagnosticCode, _ message: String) {
    var bag = DiagnosticBag()
    bag.error(code, message)
    add(failures: bag)
  }

  /// What follows from findings that were told: told to people only.
  func conclude(_ message: String) {
    if !isGathering && quietness < 3 { console.error("\(message)\n") }
  }

  private mutating func gather(_ bag: DiagnosticBag) -> Bool {
    guard isGathering else { return false }
    for finding in bag.diagnostics
    where finding.severity == .error ? quietness < 2 : quietness < 1 {
      findings.add(finding)
    }
    return true
  }
}
