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
      nearest repair. Exits 0 when there is no error, 1 otherwise.

        dpaac check office.yaml
        dpaac check office.yaml --format json | jq '.diagnostics[].code'
        dpaac check office.yaml --format sarif > office.sarif
      """)

  @OptionGroup var arguments: PlanArguments

  @Option(help: "Findings for people, for programs (json, sarif), or as marks in a pull request.")
  var format: DiagnosticFormat = .text

  func run() throws {
    let result = PlanLoader.load(
      arguments.plan, board: arguments.board, lock: arguments.lockSource)
    if format != .text || !result.diagnostics.isEmpty {
      arguments.show(result.diagnostics, as: format)
    }
    guard !result.diagnostics.hasErrors, let partition = result.partition else {
      throw ExitCode(1)
    }
    guard format == .text else { return }
    let owners = partition.owners.map(\.name).joined(separator: ", ")
    Terminal.print(
      "\(arguments.plan): sound: \(partition.owners.count) partitions on \(partition.board.name)"
        + " (\(owners))\n")
  }
}
