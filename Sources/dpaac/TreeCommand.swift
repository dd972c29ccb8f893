import ArgumentParser
import DeviceTree
import Diagnostics

/// `dpaac tree`: device trees for people.
struct TreeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tree",
    abstract: "Compare device trees, and ask about their nodes.",
    discussion: """
        dpaac tree diff shipped.dtb /sys/firmware/fdt
        dpaac tree query board.dts /soc/serial@11c500
        dpaac tree query board.dtb serial0 --format json
        dpaac tree print board.dtb
        dpaac tree check board.dts
      """,
    subcommands: [
      TreeCheckCommand.self, TreeDiffCommand.self, TreeQueryCommand.self, TreePrintCommand.self,
    ])
}

/// How trees are read.
struct TreeReadingArguments: ParsableArguments {
  @Option(
    name: [.customShort("i"), .customLong("include")],
    help: "Look for included files there too; may be repeated.")
  var includePaths: [String] = []

  @Option(help: "Findings on standard error: for people, or as json, sarif or github.")
  var diagnostics: DiagnosticFormat = .text

  /// The tree in a file.
  ///
  /// - Throws: Exit code 1 when it cannot be read.
  func load(_ path: String) throws -> Tree {
    try load { loader, bag in loader.load(path, into: &bag) }
  }

  /// The tree in a file, and how it came to be.
  ///
  /// - Throws: Exit code 1 when it cannot be read.
  func loadWithHistory(_ path: String) throws -> (tree: Tree, history: TreeHistory) {
    try load { loader, bag in loader.loadWithHistory(path, into: &bag) }
  }

  private func load<Result>(
    _ read: (TreeLoader, inout DiagnosticBag) -> Result?
  ) throws -> Result {
    var bag = DiagnosticBag()
    let result = read(TreeLoader(includePaths: includePaths), &bag)
    complain(bag)
    guard let result else { throw ExitCode(1) }
    return result
  }

  /// Says what was found, if anything was.
  func complain(_ bag: DiagnosticBag) {
    guard !bag.isEmpty else { return }
    Terminal.complain(diagnostics.render(bag, colour: Terminal.errorIsTerminal))
  }
}

/// How trees are read and results are printed.
struct TreeArguments: ParsableArguments {
  @OptionGroup var reading: TreeReadingArguments

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text
}

/// `dpaac tree diff`
struct TreeDiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show what differs between two trees, by structure.",
    discussion: """
      Nodes are matched by path and properties by name; order, labels and the numbers of phandles \
      do not count. Exits with 1 when there are differences.

        dpaac tree diff old.dts new.dtb
        dpaac tree diff shipped.dtb /sys/firmware/fdt --format json
      """)

  @Argument(help: "A device tree, source or blob; - for standard input.")
  var old: String

  @Argument(help: "The tree to compare it with.")
  var new: String

  @OptionGroup var arguments: TreeArguments

  func validate() throws {
    if old == "-", new == "-" {
      throw ValidationError("only one tree can come from standard input")
    }
  }

  func run() throws {
    let first = try arguments.reading.load(old)
    let second = try arguments.reading.load(new)
    let difference = TreeDifference(from: first, to: second)
    let report = TreeDifferenceReport(difference: difference)
    Terminal.print(arguments.format == .json ? report.json.text + "\n" : report.text)
    if !difference.isEmpty { throw ExitCode(1) }
  }
}

/// `dpaac tree query`
struct TreeQueryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "query",
    abstract: "Show a node: its addresses on every bus, its interrupts, its properties.",
    discussion: """
      Addresses are translated through the ranges of all buses above. A node is named by its path, \
      by an alias or by a label; a part of a path may leave its unit address out.

        dpaac tree query board.dts /soc/serial@11c500
        dpaac tree query /sys/firmware/fdt serial0
        dpaac tree query board.dts serial0 --history
        dpaac tree query board.dtb / --format json
      """)

  @Argument(help: "A device tree, source or blob; - for standard input.")
  var file: String

  @Argument(help: "A path, an alias or a label.")
  var path: String

  @Flag(help: "Also show where every property was set, and what it was before or was deleted.")
  var history = false

  @OptionGroup var arguments: TreeArguments

  func run() throws {
    let (tree, history) =
      try history
      ? arguments.reading.loadWithHistory(file) : (arguments.reading.load(file), TreeHistory())
    let index = TreeIndex(tree)
    guard let entry = index.find(path) else {
      var bag = DiagnosticBag()
      let near = nearestName(to: path, in: index.names)
      bag.error(
        "node-not-found", "\(file) has no node \(path)",
        notes: history.deletion(ofNode: path).map { [Note("it was deleted here", at: $0)] } ?? [],
        fixIts: near.map { [FixIt("did you mean \($0)?")] } ?? [])
      arguments.reading.complain(bag)
      throw ExitCode(1)
    }
    let report = NodeReport(entry, in: index)
    let past = self.history ? NodeHistoryReport(entry, in: history) : nil
    switch arguments.format {
    case .text: Terminal.print(report.text + (past?.text ?? ""))
    case .json:
      guard let past, case .object(let members) = report.json else {
        return Terminal.print(report.json.text + "\n")
      }
      Terminal.print(JSONValue.object(members + [.init("history", past.json)]).text + "\n")
    }
  }
}

/// `dpaac tree print`
struct TreePrintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "print",
    abstract: "Print a tree as source that people read: labels, references, decimal numbers.",
    discussion: """
      Labels that a blob keeps in /__symbols__ come back. For what dtc prints, use \
      dpaac dtc -O dts.

        dpaac tree print board.dtb
        dpaac tree print board.dts | less
      """)

  @Argument(help: "A device tree, source or blob; - for standard input.")
  var file: String

  @OptionGroup var arguments: TreeReadingArguments

  func run() throws { Terminal.print(SourcePrinter().print(try arguments.load(file))) }
}
