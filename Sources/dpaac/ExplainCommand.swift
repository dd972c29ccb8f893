import ArgumentParser
import Diagnostics
import Lowering

/// `dpaac explain`: what a finding's code means.
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say what a finding's code means; list all codes without one.",
    discussion: """
      Of one code: the rule, why it is there, what to do where it is broken, where it comes from, \
      and a plan that breaks it with what is found in that plan.

        dpaac explain queue-overlap
        dpaac explain
      """)

  @Argument(help: "A code, as findings print it in brackets.")
  var code: String?

  func run() throws {
    let entries = DiagnosticCatalogue.all
    guard let code else {
      var table = TextTable([
        ("code", .left), ("severity", .left), ("about", .left), ("meaning", .left),
      ])
      for entry in entries {
        table.add([
          entry.code.description, entry.severity.rawValue, entry.group.rawValue, entry.summary,
        ])
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
    Terminal.print(text(of: entry))
  }

  private func text(of entry: DiagnosticCatalogue.Entry) -> String {
    var text = "\(entry.code) (\(entry.severity.rawValue), about \(entry.group.rawValue)): "
    text += "\(entry.summary)\n"
    guard let explanation = entry.explanation else { return text }
    text += "\n\(wrapped(explanation.meaning))\n"
    text += wrapped("Repair: \(explanation.repair).")
    text += wrapped("Source: \(explanation.source).")
    if !entry.prerequisites.isEmpty {
      let names = entry.prerequisites.map(\.description).joined(separator: ", ")
      text += wrapped("Judged when there is none of: \(names).")
    }
    text += "\nFor example, example.yaml:\n\n\(indented(explanation.example))"
    for (name, content) in explanation.files.sorted(by: { $0.key < $1.key }) {
      text += "\nwith \(name):\n\n\(indented(content))"
    }
    // An example of several files is not on any disk.
    if explanation.files.isEmpty {
      let file = SourceFile(name: "example.yaml", text: explanation.example)
      let findings = PlanLoader.load(file).diagnostics
      text += "\nin which is found:\n\n\(indented(DiagnosticRenderer().render(findings)))"
    }
    return text
  }

  private func indented(_ text: String) -> String {
    text.split(separator: "\n").map { "  \($0)\n" }.joined()
  }

  /// Lines of at most 100 columns.
  private func wrapped(_ text: String) -> String {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + word.count < 100 {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines.map { "\($0)\n" }.joined()
  }
}
