import ArgumentParser
import Diagnostics
import Lowering

/// `dpaac board`: what a board has to share.
struct BoardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "board",
    abstract: "Show what a board has to share; list the known boards without a name.",
    discussion: """
        dpaac board
        dpaac board t4240qds
        dpaac board my-board.dts
        dpaac board p4080ds --against /sys/firmware/fdt
        dpaac board p4080ds --format json > my-board.yaml
        dpaac board --schema > board.schema.json
      """)

  @Argument(help: "A known board's name, or a YAML file, device tree source or blob.")
  var board: String?

  @Option(help: "Show in what this other board, of any of these kinds, differs.")
  var against: String?

  @Flag(help: "Print the JSON schema of a board's YAML file, for editors.")
  var schema = false

  @Option(help: "Output for people or for programs; a board in JSON is a YAML file of it too.")
  var format: OutputFormat = .text

  func validate() throws {
    if schema, board != nil || against != nil {
      throw ValidationError("--schema is about all boards and takes none.")
    }
    if against != nil, board == nil {
      throw ValidationError("--against needs a board to compare with.")
    }
  }

  func run() throws {
    if schema { return Terminal.print(BoardLowering.Result.schema.text + "\n") }
    guard let board else {
      for name in BoardSource.names { Terminal.print("\(name)\n") }
      return
    }
    var diagnostics = DiagnosticBag()
    let result = BoardSource.load(board, into: &diagnostics)
    let other = against.flatMap { BoardSource.load($0, into: &diagnostics) }
    Terminal.complain(DiagnosticRenderer(colour: Terminal.errorIsTerminal).render(diagnostics))
    guard let result, !diagnostics.hasErrors else { throw ExitCode(1) }
    guard let against else {
      return Terminal.print(
        format == .json ? result.json.text + "\n" : BoardText(result: result).text)
    }
    guard let other else { throw ExitCode(1) }
    let differences = result.differences(from: other)
    let names = (board, against)
    Terminal.print(
      format == .json ? json(differences) : BoardDifferenceText(differences, names).text)
    if !differences.isEmpty { throw ExitCode(1) }
  }

  private func json(_ differences: [BoardDifference]) -> String {
    JSONValue.array(
      differences.map {
        .object([
          .init("path", .string($0.path)), .init("first", $0.first.map { .string($0) } ?? .null),
          .init("second", $0.second.map { .string($0) } ?? .null),
        ])
      }
    ).text + "\n"
  }
}

/// Differences of two boards for people: those of one kind in many rows are one.
struct BoardDifferenceText {
  private let differences: [BoardDifference]
  private let names: (String, String)

  init(_ differences: [BoardDifference], _ names: (String, String)) {
    self.differences = differences
    self.names = names
  }

  var text: String {
    guard !differences.isEmpty else { return "no differences\n" }
    var table = TextTable([("fact", .left), (names.0, .left), (names.1, .left)])
    var seen: [String: Int] = [:]
    for difference in differences { seen[pattern(difference), default: 0] += 1 }
    var shown: Set<String> = []
    for difference in differences {
      let pattern = pattern(difference)
      let count = seen[pattern] ?? 1
      // A few of a kind stand each for itself.
      if count > 4 {
        guard shown.insert(pattern).inserted else { continue }
        table.add([
          "\(difference.path) and \(count - 1) like it", difference.first ?? "-",
          difference.second ?? "-",
        ])
      } else {
        table.add([difference.path, difference.first ?? "-", difference.second ?? "-"])
      }
    }
    return table.text
  }

  private func pattern(_ difference: BoardDifference) -> String {
    let path = difference.path.split(separator: "/").map { UInt64($0) == nil ? $0 : "*" }
      .joined(separator: "/")
    return "\(path) \(difference.first == nil) \(difference.second == nil)"
  }
}
