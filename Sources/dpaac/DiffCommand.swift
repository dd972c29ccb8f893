import ArgumentParser
import Diagnostics
import Lowering
import Partitioning

/// `dpaac diff`: what a new plan means for the guests of an old one.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Say what going from one plan to another does to each guest, step by step.",
    discussion: """
      A guest is untouched, drained (some of its queues are emptied and set up anew) or restarted. \
      The new plan keeps what the old one has, unless a lock lies beside it. Exits 0 when nothing is \
      to be done, 1 otherwise.

        dpaac diff office.yaml office-next.yaml
        dpaac diff office.yaml office-next.yaml --format json | jq '.steps[]'
      """)

  @Argument(help: "The plan as it is.", completion: .file(extensions: ["yaml", "yml"]))
  var old: String

  @Argument(help: "The plan as it shall be.", completion: .file(extensions: ["yaml", "yml"]))
  var new: String

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  func run() throws {
    let before = try load(old, lock: .beside)
    let after = try load(new, lock: .besideElse(PlanLock(before)))
    let difference = PartitionDifference(from: before, to: after)
    switch format {
    case .text: Terminal.print(difference.text)
    case .json: Terminal.print(difference.json.text + "\n")
    }
    if !difference.isEmpty { throw ExitCode(1) }
  }

  private func load(_ path: String, lock: PlanLoader.LockSource) throws -> Partition {
    let result = PlanLoader.load(path, lock: lock)
    guard let partition = result.partition, !result.diagnostics.hasErrors else {
      switch format {
      case .text: warn(result.diagnostics)
      case .json: Terminal.print(DiagnosticFormat.json.render(result.diagnostics, summaries: [:]))
      }
      throw ExitCode(1)
    }
    warn(result.diagnostics)
    return partition
  }

  private func warn(_ diagnostics: DiagnosticBag) {
    Terminal.complain(DiagnosticRenderer(colour: Terminal.errorIsTerminal).render(diagnostics))
  }
}
