public import ArgumentParser
import DeviceTree
public import Diagnostics
import Lowering
import Partitioning

/// How a command prints what it was asked for.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json

  /// How findings are printed when they take the answer's place.
  var findings: DiagnosticFormat { self == .json ? .json : .text }
}

extension DiagnosticFormat: ExpressibleByArgument {}

/// The plan that a command works on, and how findings are shown.
struct PlanArguments: ParsableArguments {
  @Argument(
    help: "The plan, a YAML file; - for standard input.",
    completion: .file(extensions: ["yaml", "yml"]))
  var plan: String

  @Option(help: "A board to use instead of the plan's: a name, or a file.")
  var board: String?

  @Option(
    help: "The planner's earlier choices; without it, the plan's name with .lock, if it is there.",
    completion: .file(extensions: ["lock"]))
  var lock: String?

  /// Where the planner's earlier choices are.
  var lockSource: PlanLoader.LockSource { lock.map { .file($0) } ?? .beside }

  /// Reads, plans and checks; findings of a plan that is not sound are shown in a format.
  ///
  /// - Parameters:
  ///   - format: The format.
  ///   - lock: A lock of the command's own choice.
  /// - Returns: The partition, and everything that was read.
  /// - Throws: Exit code 1 when the plan is not sound.
  func load(
    _ format: DiagnosticFormat, lock: PlanLoader.LockSource? = nil
  ) throws -> (partition: Partition, result: PlanLoader.Result) {
    let result = PlanLoader.load(plan, board: board, lock: lock ?? lockSource)
    guard let partition = result.partition, !result.diagnostics.hasErrors else {
      show(result.diagnostics, as: format)
      throw ExitCode(1)
    }
    return (partition, result)
  }

  /// The board's own device tree.
  ///
  /// - Parameters:
  ///   - path: A file that the user names instead.
  ///   - result: The plan.
  /// - Returns: The tree; `nil` when the plan's board has none.
  /// - Throws: Exit code 1 when it cannot be read.
  func boardTree(_ path: String?, _ result: PlanLoader.Result) throws -> Tree? {
    var bag = DiagnosticBag()
    let tree =
      if let path {
        TreeLoader().load(path, into: &bag)
      } else {
        result.boardSource?.deviceTree(into: &bag)
      }
    warn(bag)
    guard !bag.hasErrors else { throw ExitCode(1) }
    return tree
  }

  /// Prints warnings beside a command's own output: for people, and never into its data.
  func warn(_ diagnostics: DiagnosticBag) {
    Terminal.complain(DiagnosticRenderer(colour: Terminal.errorIsTerminal).render(diagnostics))
  }

  /// Prints findings where they are all that a command has to say: to standard error for people,
  /// to standard output for programs.
  func show(_ diagnostics: DiagnosticBag, as format: DiagnosticFormat) {
    Terminal.show(diagnostics, as: format)
  }

  /// The directory that the plan's own paths are relative to.
  var directory: String {
    let parts = plan.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count > 1 ? parts.dropLast().joined(separator: "/") : "."
  }
}
