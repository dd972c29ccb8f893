import ArgumentParser
import DeviceTree
import Diagnostics
import Lowering

/// `dpaac import`: other programs' files as parts of a plan.
struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make parts of a plan from files that other programs read.",
    discussion: """
        dpaac import fmc config.xml policy.xml --board t4240qds > office.yaml
        dpaac import hv hv.dts --board p4080ds > office.yaml
      """,
    subcommands: [ImportFMCCommand.self, ImportHypervisorCommand.self])
}

/// `dpaac import fmc`
struct ImportFMCCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fmc",
    abstract: "Make a plan's interfaces from files of the Frame Manager Configuration tool.",
    discussion: """
      Prints the rules of each port and the queues of each destination as a plan. What a plan has \
      no form for is left out and reported. Nothing is printed when `dpaac lint fmc` finds an error \
      in the files.

        dpaac import fmc config.xml policy.xml --board t4240qds > office.yaml
      """)

  @OptionGroup var arguments: FMCArguments

  @Option(help: "Findings for people, for programs (json, sarif), or as marks in a pull request.")
  var diagnostics: DiagnosticFormat = .text

  func run() throws {
    var bag = DiagnosticBag()
    var text: String?
    if let (configuration, policy, board) = arguments.load(into: &bag) {
      text = FMCImport(board: board)
        .read(configuration: configuration, policy: policy, into: &bag)
        .map { ports in
          let sources = [arguments.configuration, arguments.policy]
          return FMCPlanFragment(ports, board: board, sources: sources).yaml()
        }
    }
    if !bag.isEmpty {
      Terminal.complain(diagnostics.render(bag, colour: Terminal.errorIsTerminal))
    }
    guard let text else { throw ExitCode(1) }
    Terminal.print(text)
  }
}

/// `dpaac import hv`
struct ImportHypervisorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hv",
    abstract: "Make a plan's partitions from a configuration of the Freescale hypervisor.",
    discussion: """
      Prints the CPUs, memory, portals, queues and pools of each partition as a plan. What a plan \
      has no form for is left out and reported. `dpaac check` then judges the plan.

        dpaac import hv hv.dts --board p4080ds > office.yaml
        dpaac check office.yaml
      """)

  @Argument(
    help: "The configuration, a device tree as source or blob; - for standard input.",
    completion: .file(extensions: ["dts", "dtb"]))
  var file: String

  @Option(help: "The board that it is for: a name, or a file.")
  var board: String?

  @Option(
    name: [.customShort("i"), .customLong("include")],
    help: "Look for included files there too; may be repeated.")
  var includePaths: [String] = []

  @Option(help: "Findings for people, for programs (json, sarif), or as marks in a pull request.")
  var diagnostics: DiagnosticFormat = .text

  func run() throws {
    var bag = DiagnosticBag()
    let board = board.flatMap { BoardSource.load($0, into: &bag)?.board }
    var text: String?
    if let tree = TreeLoader(includePaths: includePaths).load(file, into: &bag), !bag.hasErrors {
      text = HypervisorImport(tree).partitions(into: &bag).map {
        HypervisorPlanFragment($0, board: board, source: file).yaml()
      }
    }
    if !bag.isEmpty {
      Terminal.complain(diagnostics.render(bag, colour: Terminal.errorIsTerminal))
    }
    guard let text else { throw ExitCode(1) }
    Terminal.print(text)
  }
}
