import ArgumentParser
import Diagnostics
import Lowering
import QorIQ

/// `dpaac board`: what a board has to share.
struct BoardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "board",
    abstract: "Show what a board has to share; list the known boards without a name.",
    discussion: """
        dpaac board
        dpaac board t4240qds
        dpaac board my-board.dts
      """)

  @Argument(help: "A known board's name, or a YAML file, device tree source or blob.")
  var board: String?

  func run() throws {
    guard let board else {
      for name in BoardSource.names { Terminal.print("\(name)\n") }
      return
    }
    var diagnostics = DiagnosticBag()
    let result = BoardSource.load(board, into: &diagnostics)
    Terminal.complain(DiagnosticRenderer(colour: Terminal.errorIsTerminal).render(diagnostics))
    guard let result, !diagnostics.hasErrors else { throw ExitCode(1) }
    Terminal.print(text(result.board))
  }

  private func text(_ board: Board) -> String {
    var facts = TextTable([("what", .left), ("how many", .left)])
    facts.add(["model", board.model])
    facts.add(["CPUs", "\(board.cpus.count) (\(board.core))"])
    facts.add(["memory", "\(board.memorySize >> 20) MiB"])
    facts.add(["QMan", "revision \(board.qman.revision), \(board.qman.portals.count) portals"])
    facts.add(["frame queues", board.qman.usableQueues.description])
    facts.add(["pool channels", "\(board.qman.poolChannels.count)"])
    facts.add(["congestion groups", "\(board.qman.congestionGroupCount)"])
    facts.add(["BMan", "\(board.bman.portals.count) portals, \(board.bman.poolCount) pools"])
    var interfaces = TextTable([
      ("interface", .left), ("Mbit/s", .right), ("Rx port", .right), ("Tx port", .right),
      ("Tx channel", .right),
    ])
    for fman in board.fmans {
      facts.add([
        "FMan \(fman.index + 1)",
        "revision \(fman.majorRevision), \(fman.schemeCount) schemes, "
          + "\(fman.storageProfileCount) storage profiles, \(fman.offlinePorts.count) offline ports",
      ])
      for interface in fman.interfaces {
        interfaces.add([
          interface.name, "\(interface.speed)", "\(interface.receivePort)",
          "\(interface.transmitPort)", interface.transmitChannel.description,
        ])
      }
    }
    return "\(board.name)\n\n\(facts.text)\n\(interfaces.text)"
  }
}
