import ArgumentParser
import Diagnostics
import Lowering

/// `dpaac init`: a plan to start from.
struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Print a commented plan for a board, sound as it stands, to start from.",
    discussion: """
        dpaac init t4240qds > office.yaml
        dpaac check office.yaml

      A board's path is seen from the plan's file: write the plan where you name the board from. Where
      nobody says how much memory a board has, no plan for it is sound, and this one begins with that.
      """)

  @Argument(help: "A known board's name, or a YAML file, device tree source or blob.")
  var board: String

  func run() throws {
    var diagnostics = DiagnosticBag()
    let result = BoardSource.load(board, into: &diagnostics)
    Terminal.complain(DiagnosticRenderer(colour: Terminal.errorIsTerminal).render(diagnostics))
    guard let result, !diagnostics.hasErrors else { throw ExitCode(1) }
    Terminal.print(StarterPlan.text(for: result.board, named: board))
  }
}
