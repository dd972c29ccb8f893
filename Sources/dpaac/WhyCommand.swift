import ArgumentParser
import Diagnostics
import Lowering
import Partitioning

/// `dpaac why`: whose something is, and why.
struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Say whose a queue, portal, pool or the like is, who says so where, and what for.",
    discussion: """
      The object is a kind and a number: \(PlanObject.kinds.joined(separator: ", ")). Numbers are \
      decimal, or hexadecimal behind 0x.

        dpaac why office.yaml queue 128
        dpaac why office.yaml portal 4 --format json
        dpaac why office.yaml address 0x80000000
      """)

  @OptionGroup var arguments: PlanArguments

  @Argument(help: "The kind of object.", completion: .list(PlanObject.kinds))
  var kind: String

  @Argument(help: "Its number.")
  var number: String

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  func validate() throws { _ = try object() }

  private func object() throws -> PlanObject {
    let digits = number.hasPrefix("0x") ? number.dropFirst(2) : number[...]
    guard digits.first.map({ $0.isHexDigit }) == true,
      let value = UInt64(digits, radix: number.hasPrefix("0x") ? 16 : 10)
    else { throw ValidationError("\(number) is no number") }
    guard let object = PlanObject(kind: kind, number: value) else {
      let hint =
        nearestName(to: kind, in: PlanObject.kinds).map { "; did you mean \($0)?" }
        ?? ": choose one of \(PlanObject.kinds.joined(separator: ", "))"
      throw ValidationError("there is no kind of object called \(kind)\(hint)")
    }
    return object
  }

  func run() throws {
    let object = try object()
    let (partition, result) = try arguments.load(format.findings)
    arguments.warn(result.diagnostics)
    guard let plan = result.plan else { throw ExitCode(1) }
    let reason = Reason(for: object, in: partition, plan: plan, origins: result.origins)
    switch format {
    case .text: Terminal.print(reason.text)
    case .json: Terminal.print(reason.json.text + "\n")
    }
  }
}
