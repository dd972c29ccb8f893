import ArgumentParser
import Diagnostics
import Lowering
import Partitioning
import QorIQ

/// `dpaac check`: is the plan sound?
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Say whether plans are sound, or what is wrong and where.",
    discussion: """
      Every finding names both sides of a clash with file, line and column, the numbers, and the \
      nearest repair. Exits 0 when there is no error, 1 otherwise. -W and -E choose which findings \
      count, as with dtc; what the planner cannot do without keeps its generators from running all \
      the same.

        dpaac check office.yaml
        dpaac check office.yaml -E partition-idle -W no-rule-unreachable
        dpaac check office.yaml --format json | jq '.diagnostics[].code'
        dpaac check office.yaml --format sarif > office.sarif
      """)

  @OptionGroup var arguments: PlanArguments
  @OptionGroup var findings: FindingArguments

  @Option(help: "Findings for people, for programs (json, sarif), or as marks in a pull request.")
  var format: DiagnosticFormat = .text

  func run() throws {
    let result = PlanLoader.load(
      arguments.plan, board: arguments.board, lock: arguments.lockSource)
    let diagnostics = try findings.applied(to: result.diagnostics)
    if format != .text || !diagnostics.isEmpty { arguments.show(diagnostics, as: format) }
    guard !diagnostics.hasErrors else { throw ExitCode(1) }
    guard format == .text, let partition = result.partition else { return }
    let owners = partition.owners.map(\.name).joined(separator: ", ")
    Terminal.print(
      "\(arguments.plan): sound: \(partition.owners.count) partitions on \(partition.board.name)"
        + " (\(owners))\n")
  }
}
