import ArgumentParser
import Diagnostics
import Lowering
import Partitioning

/// `dpaac free`: what is left.
struct FreeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "free",
    abstract: "Show what a plan leaves of its board, for each kind of resource.",
    discussion: """
        dpaac free office.yaml
        dpaac free office.yaml --format json | jq '.resources[] | select(.free == 0)'
      """)

  @OptionGroup var arguments: PlanArguments

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  func run() throws {
    let (partition, result) = try arguments.load(format.findings)
    arguments.warn(result.diagnostics)
    let free = FreeResources(partition)
    switch format {
    case .text: Terminal.print(free.text)
    case .json: Terminal.print(free.json.text + "\n")
    }
  }
}
