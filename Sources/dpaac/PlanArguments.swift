import ArgumentParser
import Diagnostics
import Lowering
import Partitioning

/// How a command prints what it found.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json
}

/// The plan that a command works on, and how findings are shown.
struct PlanArguments: ParsableArguments {
  @Argument(
    help: "The plan, a YAML file; - for standard input.",
    completion: .file(extensions: ["yaml", "yml"]))
  var plan: String

  @Option(help: "A board to use instead of the plan's: a name, or a file.")
  var board: String?

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  /// Reads, plans and checks; findings go to standard error, or to standard output as JSON.
  ///
  /// - Throws: Exit code 1 when the plan is not sound.
  func load() throws -> (partition: Partition, result: PlanLoader.Result) {
    let result = PlanLoader.load(plan, board: board)
    guard let partition = result.partition, !result.diagnostics.hasErrors else {
      show(result.diagnostics)
      throw ExitCode(1)
    }
    return (partition, result)
  }

  /// Prints warnings beside a command's own output: for people, and never into its data.
  func warn(_ diagnostics: DiagnosticBag) {
    Terminal.complain(DiagnosticRenderer(colour: Terminal.errorIsTerminal).render(diagnostics))
  }

  /// Prints findings in the chosen format, where they are all that a command has to say.
  func show(_ diagnostics: DiagnosticBag) {
    switch format {
    case .json:
      let findings = JSONValue.array(diagnostics.sorted.map(\.json))
      Terminal.print((["diagnostics": findings] as JSONValue).text + "\n")
    case .text:
      warn(diagnostics)
    }
  }

  /// The directory that the plan's own paths are relative to.
  var directory: String {
    let parts = plan.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count > 1 ? parts.dropLast().joined(separator: "/") : "."
  }
}
