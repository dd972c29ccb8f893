import ArgumentParser
import Diagnostics
import Measure

/// `dpaac doctor`: what this host has.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract:
      "Say what this host has of what runs need or could use, and what to do about the rest.",
    discussion: """
      Looks, and changes nothing. KVM is measured, since some hosts' is software itself; rights are \
      those of this process. Whether portals of hardware could be handed to guests is judged, too; \
      docs/vfio.md says by what.

        dpaac doctor
        dpaac doctor --format json | jq -r '.findings[] | select(.verdict != "yes") | .advice'
        dpaac doctor --require qemu,guest-image,tap

      Exits 1 when something is required that is not there, or partly only.
      """)

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  @Option(
    help: ArgumentHelp(
      "Things that must be there, by their names in the table, with commas between them.",
      valueName: "name,…"),
    completion: .list(HostCheck.all.map(\.name)))
  var require: String = ""

  private var required: [String] {
    require.split(separator: ",").map { String($0.drop { $0 == " " }) }
  }

  func validate() throws {
    let names = HostCheck.all.map(\.name)
    for name in required where !names.contains(name) {
      let hint =
        nearestName(to: name, in: names).map { "did you mean \($0)?" }
        ?? "there are \(names.joined(separator: ", "))"
      throw ValidationError("--require \(name): nothing of this name is looked for; \(hint)")
    }
  }

  func run() throws {
    let report = HostReport()
    Terminal.print(format == .json ? report.json.text + "\n" : report.text)
    let missing = report.missing(required)
    for finding in missing {
      Terminal.complain("error: \(finding.name) is required: \(finding.reason)\n")
    }
    if !missing.isEmpty { throw ExitCode(1) }
  }
}
