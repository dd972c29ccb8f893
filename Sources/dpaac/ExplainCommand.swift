import ArgumentParser
import Diagnostics
import Lowering

/// `dpaac explain`: what a finding's code means.
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say what a finding's code means; list all codes without one.",
    discussion: """
        dpaac explain queue-overlap
        dpaac explain
      """)

  @Argument(help: "A code, as findings print it in brackets.")
  var code: String?

  func run() throws {
    let entries = DiagnosticCatalogue.all
    guard let code else {
      var table = TextTable([("code", .left), ("severity", .left), ("meaning", .left)])
      for entry in entries {
        table.add([entry.code.description, entry.severity.rawValue, entry.summary])
      }
      Terminal.print(table.text)
      return
    }
    guard let entry = entries.first(where: { $0.code.description == code }) else {
      let nearest = nearestName(to: code, in: entries.map(\.code.description))
      let hint = nearest.map { "; did you mean \($0)?" } ?? "; `dpaac explain` lists all codes"
      Terminal.complain("error: no finding has the code \(code)\(hint)\n")
      throw ExitCode(1)
    }
    Terminal.print("\(entry.code) (\(entry.severity.rawValue)): \(entry.summary)\n")
  }
}
