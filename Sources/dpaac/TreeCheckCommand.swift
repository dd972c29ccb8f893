import ArgumentParser
import DeviceTree
import Diagnostics

/// `dpaac tree check`
struct TreeCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Say everything that is wrong with a tree, and where.",
    discussion: """
      Looks for what dtc looks for, under the same names, and for what the Devicetree \
      Specification asks beyond that. Exits 0 when there is no error, 1 otherwise.

        dpaac tree check board.dts
        dpaac tree check board.dts --off unit-address-vs-reg
        dpaac tree check board.dtb --format sarif > board.sarif
      """)

  @Argument(help: "A device tree, source or blob; - for standard input.")
  var file: String

  @Option(
    name: [.customShort("i"), .customLong("include")],
    help: "Look for included files there too; may be repeated.")
  var includePaths: [String] = []

  @Option(name: .customLong("off"), help: "Do not look for this; may be repeated.")
  var disabled: [String] = []

  @Option(help: "Findings for people, for programs (json, sarif), or as marks in a pull request.")
  var format: DiagnosticFormat = .text

  func validate() throws {
    var checker = TreeChecker()
    checker.includesSpecification = true
    for name in disabled where !checker.configure(name, nil) {
      let near = nearestName(to: name, in: TreeCheck.known.map(\.code.description))
      throw ValidationError(
        "there is no check \(name)" + (near.map { "; did you mean \($0)?" } ?? ""))
    }
  }

  func run() throws {
    var bag = DiagnosticBag()
    var checker = TreeChecker()
    checker.includesSpecification = true
    for name in disabled { _ = checker.configure(name, nil) }
    let tree = TreeLoader(includePaths: includePaths).loadAndCheck(file, with: checker, into: &bag)
    if format == .text {
      Terminal.complain(format.render(bag, colour: Terminal.errorIsTerminal))
    } else {
      Terminal.print(format.render(bag))
    }
    if tree == nil || bag.hasErrors { throw ExitCode(1) }
  }
}
