import ArgumentParser
import Diagnostics
import Lowering
import QorIQ

/// `dpaac lint`: what is wrong with files that other programs read.
struct LintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lint",
    abstract: "Say what is wrong with files that other programs read.",
    discussion: """
        dpaac lint fmc config.xml policy.xml
        dpaac lint fmc config.xml policy.xml --board p4080ds --format json
      """,
    subcommands: [LintFMCCommand.self])
}

/// The two files that the Frame Manager Configuration tool reads.
struct FMCArguments: ParsableArguments {
  @Argument(help: "The configuration, <cfgdata>.", completion: .file(extensions: ["xml"]))
  var configuration: String

  @Argument(help: "The policy file, <netpcd>.", completion: .file(extensions: ["xml"]))
  var policy: String

  @Option(help: "The board that they are for: a name, or a file.")
  var board: String?

  func validate() throws {
    if configuration == "-", policy == "-" {
      throw ValidationError("only one file can come from standard input")
    }
  }

  /// Both files and the board.
  ///
  /// - Returns: `nil` after an error has been added.
  func load(into bag: inout DiagnosticBag) -> (SourceFile, SourceFile, Board?)? {
    let first = TextFile.read(configuration, into: &bag)
    let second = TextFile.read(policy, into: &bag)
    let board = board.flatMap { BoardSource.load($0, into: &bag)?.board }
    guard let first, let second, !bag.hasErrors else { return nil }
    return (first, second, board)
  }
}

/// `dpaac lint fmc`
struct LintFMCCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fmc",
    abstract: "Judge files of the Frame Manager Configuration tool.",
    discussion: """
      FMC skips misspelt elements, reads numbers with a leading zero as octal, keeps the last of \
      two definitions with one name, and checks no frame queue. This finds what it refuses and what \
      it passes over, with place and repair; `dpaac explain CODE` tells more. With --board it also \
      knows the board's ports and whether there are storage profiles. Exits 1 when anything but a \
      note is found.

        dpaac lint fmc config.xml policy.xml
        dpaac lint fmc config.xml policy.xml --board p4080ds
        dpaac lint fmc config.xml policy.xml --format sarif > fmc.sarif
      """)

  @OptionGroup var arguments: FMCArguments

  @Option(help: "Findings for people, for programs (json, sarif), or as marks in a pull request.")
  var format: DiagnosticFormat = .text

  func run() throws {
    var bag = DiagnosticBag()
    if let (configuration, policy, board) = arguments.load(into: &bag) {
      FMCLint(board: board).check(configuration: configuration, policy: policy, into: &bag)
    }
    Terminal.show(bag, as: format)
    if format == .text, bag.isEmpty {
      Terminal.print("\(arguments.policy): nothing to complain about\n")
    }
    if bag.diagnostics.contains(where: { $0.severity > .note }) { throw ExitCode(1) }
  }
}
