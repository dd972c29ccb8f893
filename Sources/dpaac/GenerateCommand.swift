import ArgumentParser
import Codegen
import DeviceTree
import Diagnostics
import Foundation
import Lowering

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
    help: "The board's own tree, source or blob, to take guests' portals out of: host.dts.",
    completion: .file(extensions: ["dts", "dtb"]))
  var hostTree: String?

  @Option(help: "Where the generated Swift package finds dpaac; this checkout by default.")
  var packagePath: String?

  @Flag(help: "Write nothing; say which files are not current and exit 1 if any is.")
  var check = false

  func run() throws {
    let (partition, result) = try arguments.load(format)
    arguments.warn(result.diagnostics)
    let base = try loadHostTree()
    var staleFiles: [StaleFile] = []
    do throws(GenerationError) {
      let generator = try Generator(only: only)
      var options = GenerationOptions(
        planName: URL(fileURLWithPath: arguments.plan).lastPathComponent,
        planDirectory: URL(fileURLWithPath: arguments.directory).standardizedFileURL.path,
        outputDirectory: URL(fileURLWithPath: output).standardizedFileURL.path,
        packagePath: packagePath.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
          ?? GenerationOptions.thisCheckout)
      options.hostTree = base
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

  private func loadHostTree() throws -> Tree? {
    guard let hostTree else { return nil }
    var bag = DiagnosticBag()
    let tree = TreeLoader().load(hostTree, into: &bag)
    arguments.warn(bag)
    guard let tree else { throw ExitCode(1) }
    return tree
  }
}
