import ArgumentParser
import DPAARuntime

/// `dpaac guests`: the guests of a run that goes on.
struct GuestsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guests",
    abstract: "List, start, stop, kill and restart guests of a run while it goes on.",
    discussion: """
      The run listens at a socket, which only its owner may use. What a guest held when it ends goes back \
      into its pools, what it had sent still leaves, and the others do not notice. It starts again over \
      fresh memory: nothing of its last life reaches the next.

        dpaac run office.yaml --port fm1-10g0=tap:office0 --control office.sock
        dpaac guests list --control office.sock
        dpaac guests restart guest1 --control office.sock
        dpaac guests list --control office.sock --format json | jq '.guests[].state'
      """,
    subcommands: [List.self, Start.self, Stop.self, Kill.self, Restart.self],
    defaultSubcommand: List.self)

  /// Where the run listens.
  struct Socket: ParsableArguments {
    @Option(
      name: .shortAndLong,
      help: ArgumentHelp("The socket that the run was given.", valueName: "file"),
      completion: .file())
    var control: String

    /// Asks the run, prints its answer, and ends with its code.
    func ask(_ words: [String], isJSON: Bool = false) throws {
      let answer: (code: Int32, text: String)
      do throws(EngineError) {
        answer = try ControlClient.ask(words, isJSON: isJSON, at: control)
      } catch {
        Terminal.complain("error: \(error)\n")
        throw ExitCode(1)
      }
      guard answer.code == 0 else {
        Terminal.complain(answer.text)
        throw ExitCode(answer.code)
      }
      Terminal.print(answer.text)
    }
  }

  /// The guest that is meant.
  struct Guest: ParsableArguments {
    @Argument(help: "The guest's name in the plan.") var guest: String
    @OptionGroup var socket: Socket

    func validate() throws {
      guard !guest.contains("\t"), !guest.contains("\n") else {
        throw ValidationError("no guest has such a name")
      }
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What each guest is, how often it was started, and how it is.")
    @OptionGroup var socket: Socket
    @Option(help: "Output for people or for programs.") var format: OutputFormat = .text
    func run() throws { try socket.ask(["list"], isJSON: format == .json) }
  }

  struct Start: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Start a guest that has ended, and wait until it is attached to its portals.")
    @OptionGroup var guest: Guest
    func run() throws { try guest.socket.ask(["start", guest.guest]) }
  }

  struct Stop: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ask a guest's program to end, and wait until it has.")
    @OptionGroup var guest: Guest
    func run() throws { try guest.socket.ask(["stop", guest.guest]) }
  }

  struct Kill: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "End a guest at once, whatever it does.")
    @OptionGroup var guest: Guest
    func run() throws { try guest.socket.ask(["kill", guest.guest]) }
  }

  struct Restart: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ask a guest's program to end, if it runs, and start it anew.")
    @OptionGroup var guest: Guest
    func run() throws { try guest.socket.ask(["restart", guest.guest]) }
  }
}
