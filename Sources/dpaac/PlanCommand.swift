import ArgumentParser
import Diagnostics
import Lowering
import Partitioning
import QorIQ

/// `dpaac plan`: what the planner made of the plan.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show who gets what, and what the planner chose by itself.",
    discussion: """
      With --lock the choices are taken from that file as far as they still fit, and written to it \
      anew: a plan that grows moves nobody. Every other command takes them from the lock beside the \
      plan: office.lock for office.yaml.

        dpaac plan office.yaml
        dpaac plan office.yaml --format json
        dpaac plan office.yaml --lock office.lock
      """)

  @OptionGroup var arguments: PlanArguments

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  func run() throws {
    let (partition, result) = try arguments.load(
      format.findings, lock: arguments.lock.map { .updating($0) })
    if let lock = arguments.lock { try OutputFile.write(PlanLock(partition).text, to: lock) }
    arguments.warn(result.diagnostics)
    switch format {
    case .text: Terminal.print(PartitionSummary(partition).text)
    case .json: Terminal.print(PartitionSummary(partition).json.text + "\n")
    }
  }
}
