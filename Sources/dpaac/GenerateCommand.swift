import ArgumentParser
import Codegen
import DeviceTree
import Diagnostics
import Foundation
import Lowering
import Partitioning

/// `dpaac generate`: everything that the guests need, as files.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Write what a plan needs: trees, domains, a Swift package, FMC and hypervisor files.",
    discussion: """
      Nothing is written when the plan is not sound or anything fails, and files that are current \
      are not touched.

        dpaac generate office.yaml -o out
        dpaac generate office.yaml -o out --only tree
        dpaac generate office.yaml -o out --host-tree /sys/firmware/fdt
        dpaac generate office.yaml -o out --base guest1=qemu.dtb
        dpaac generate office.yaml -o out --check     for CI: exit 1 when a file is not current
      """)

  @OptionGroup var arguments: PlanArguments

  @Option(help: "Findings for people, for programs (json, sarif), or as marks in a pull request.")
  var format: DiagnosticFormat = .text

  @Option(name: .shortAndLong, help: "The directory to write to.", completion: .directory)
  var output: String

  @Option(
    help: """
      Only these backends: \(Generator.allBackends.map(\.name).joined(separator: ", ")); and, when \
      named, \(Generator.backendsOnRequest.map(\.name).joined(separator: ", ")).
      """)
  var only: [String] = []

  @Option(
    help: """
      The board's own tree, source or blob, to cut host.dts and board/*.dts out of; by default that \
      of the plan's board.
      """,
    completion: .file(extensions: ["dts", "dtb"]))
  var hostTree: String?

  @Option(
    help: """
      A tree that QEMU wrote (-M ppce500,dumpdtb=FILE), to lay each guest's part over: merged/. \
      GUEST=FILE is for one guest.
      """,
    completion: .file(extensions: ["dtb", "dts"]))
  var base: [String] = []

  @Option(help: "Where the generated Swift package finds dpaac; this checkout by default.")
  var packagePath: String?

  @Flag(help: "Write nothing; say which files are not current and exit 1 if any is.")
  var check = false

  func run() throws {
    let (partition, result) = try arguments.load(format)
    arguments.warn(result.diagnostics)
    let boardTree = try arguments.boardTree(hostTree, result)
    let bases = try baseTrees(guests: partition.owners.filter { !$0.isHost }.map(\.name))
    var staleFiles: [StaleFile] = []
    do throws(GenerationError) {
      let generator = try Generator(only: only)
      var options = GenerationOptions(
        planName: URL(fileURLWithPath: arguments.plan).lastPathComponent,
        planDirectory: URL(fileURLWithPath: arguments.directory).standardizedFileURL.path,
        outputDirectory: URL(fileURLWithPath: output).standardizedFileURL.path,
        packagePath: packagePath.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
          ?? GenerationOptions.thisCheckout)
      options.boardTree = boardTree
      options.baseTrees = bases
      options.findings = result.diagnostics.sorted
      let artifacts = try generator.artifacts(for: partition, options: options)
      if check {
        staleFiles = generator.stale(artifacts, in: output)
      } else {
        for path in try generator.write(artifacts, to: output) {
          Terminal.print("\(output)/\(path)\n")
        }
      }
    } catch {
      Terminal.complain("error: \(error)\n")
      throw ExitCode(1)
    }
    for file in staleFiles { Terminal.print("\(file)\n") }
    if !staleFiles.isEmpty { throw ExitCode(1) }
  }

  /// The trees that guests' parts are laid over, by guest.
  private func baseTrees(guests: [String]) throws -> [String?: Tree] {
    var trees: [String?: Tree] = [:]
    for word in base {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      let guest = parts.count == 2 ? parts[0] : nil
      if let guest, !guests.contains(guest) {
        let hint = nearestName(to: guest, in: guests).map { "; did you mean \($0)?" } ?? ""
        Terminal.complain("error: there is no guest called \(guest)\(hint)\n")
        throw ExitCode(1)
      }
      var bag = DiagnosticBag()
      let tree = TreeLoader().load(parts.last ?? word, into: &bag)
      arguments.warn(bag)
      guard let tree else { throw ExitCode(1) }
      trees[guest] = tree
    }
    return trees
  }
}
