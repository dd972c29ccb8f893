import ArgumentParser
import Diagnostics
import Lowering

/// `dpaac apply`: a new plan for a run that goes on.
struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Go over to a new plan while a run goes on, by the difference of the two.",
    discussion: """
      A guest of which nothing changes that it was told goes on with its memory, its rings and what waits for it; \
      `dpaac diff` says how far plans differ. The others are ended and started anew, as are those that come and go. \
      The new plan keeps what the old one has, unless a lock lies beside it. A plan that is not sound changes \
      nothing, and neither does one whose guests do not start.

      With --confirm-within the run goes back to the old plan by itself, in the same way, unless the new one is \
      confirmed in time: whoever has locked himself out waits.

        dpaac run office.yaml --port fm1-10g0=tap:office0 --control office.sock
        dpaac apply office-next.yaml --control office.sock --dry-run
        dpaac apply office-next.yaml --control office.sock --confirm-within 60
        dpaac apply --confirm --control office.sock
      """)

  @Argument(
    help: "The plan as it shall be.", completion: .file(extensions: ["yaml", "yml"]))
  var plan: String?

  @OptionGroup var socket: GuestsCommand.Socket

  @Option(
    help: ArgumentHelp(
      "Go back to the plan before, unless this one is confirmed in time.", valueName: "seconds"))
  var confirmWithin: UInt64?

  @Flag(help: "Say what would happen to each guest, and change nothing.")
  var dryRun = false

  @Flag(help: "Keep the plan that was applied last.")
  var confirm = false

  @Flag(help: "Go back to the plan before at once.")
  var revert = false

  @Option(help: "The board that the run was given in place of its plan's: a name, or a file.")
  var board: String?

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  func validate() throws {
    guard [plan != nil, confirm, revert].count(where: { $0 }) == 1 else {
      throw ValidationError("name a plan, or say --confirm or --revert")
    }
    guard plan != nil || !dryRun && confirmWithin == nil && board == nil else {
      throw ValidationError("--dry-run, --confirm-within and --board are for a plan")
    }
    guard !dryRun || confirmWithin == nil else {
      throw ValidationError("--dry-run changes nothing, so there is nothing to confirm")
    }
    if let confirmWithin, !(1...86400).contains(confirmWithin) {
      throw ValidationError("--confirm-within takes 1 to 86400 seconds")
    }
    if let plan, plan.contains(where: { $0 == "\t" || $0.isNewline }) {
      throw ValidationError("the run cannot be told of a file with such a name")
    }
  }

  func run() throws {
    let isJSON = format == .json
    guard let plan else {
      return try socket.ask([confirm ? "confirm" : "revert"], isJSON: isJSON)
    }
    // Here first, so that findings are about the file as it was named; the run reads it again beside its own.
    let result = PlanLoader.load(plan, board: board)
    guard result.partition != nil, !result.diagnostics.hasErrors else {
      Terminal.show(result.diagnostics, as: format.findings)
      throw ExitCode(1)
    }
    Terminal.complain(
      DiagnosticRenderer(colour: Terminal.errorIsTerminal).render(result.diagnostics))
    var words = ["apply", plan.hasPrefix("/") ? plan : "\(Terminal.here)/\(plan)"]
    if dryRun { words.append("dry-run") }
    if let confirmWithin { words += ["within", "\(confirmWithin)"] }
    try socket.ask(words, isJSON: isJSON)
  }
}
