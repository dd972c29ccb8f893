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
      """,
    subcommands: [TreeDiffCommand.self, TreeQueryCommand.self])
}

/// How trees are read and results are printed.
struct TreeArguments: ParsableArguments {
  @Option(
    name: [.customShort("i"), .customLong("include")],
    help: "Look for included files there too; may be repeated.")
  var includePaths: [String] = []

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  @Option(help: "Findings on standard error: for people, or as json, sarif or github.")
  var diagnostics: DiagnosticFormat = .text

  /// The tree in a file.
  ///
  /// - Throws: Exit code 1 when it cannot be read.
  func load(_ path: String) throws -> Tree {
    var bag = DiagnosticBag()
    let tree = TreeLoader(includePaths: includePaths).load(path, into: &bag)
    complain(bag)
    guard let tree else { throw ExitCode(1) }
    return tree
  }

  /// Says what was found, if anything was.
  func complain(_ bag: DiagnosticBag) {
    guard !bag.isEmpty else { return }
    Terminal.complain(diagnostics.render(bag, colour: Terminal.errorIsTerminal))
  }
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
    let first = try arguments.load(old)
    let second = try arguments.load(new)
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
        dpaac tree query board.dtb / --format json
      """)

  @Argument(help: "A device tree, source or blob; - for standard input.")
  var file: String

  @Argument(help: "A path, an alias or a label.")
  var path: String

  @OptionGroup var arguments: TreeArguments

  func run() throws {
    let tree = try arguments.load(file)
    let index = TreeIndex(tree)
    guard let entry = index.find(path) else {
      var bag = DiagnosticBag()
      let near = nearestName(to: path, in: index.names)
      bag.error(
        "node-not-found", "\(file) has no node \(path)",
        fixIts: near.map { [FixIt("did you mean \($0)?")] } ?? [])
      arguments.complain(bag)
      throw ExitCode(1)
    }
    let report = NodeReport(entry, in: index)
    Terminal.print(
      arguments.format == .json ? report.json.text + "\n" : report.text)
  }
}
