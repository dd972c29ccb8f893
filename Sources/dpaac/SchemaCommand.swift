import ArgumentParser
import Diagnostics
import Lowering

/// `dpaac schema`: the language of plans, for editors and for people.
struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Print the JSON schema of plans, or every key with its meaning.",
    discussion: """
      An editor with a YAML language server completes keys and shows what they mean when a plan \
      begins with a line that names the schema's file:

        dpaac schema > plan.schema.json
        # yaml-language-server: $schema=plan.schema.json

      For people:

        dpaac schema --format text
      """)

  @Option(help: "JSON for tools, Markdown for people.")
  var format: OutputFormat = .json

  func run() {
    switch format {
    case .json: Terminal.print(PlanSchema.json.text + "\n")
    case .text: Terminal.print(PlanSchema.markdown)
    }
  }
}
