import ArgumentParser
import DPAARuntime
import Diagnostics
import Lowering
import Measure

/// `dpaac bench`: the talk's measurement on this host.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract:
      "Measure our queues beside a Linux bridge and virtio, on the same processors by turns.",
    discussion: """
      Frames from the wire to a guest, from a guest to the wire, between host and guest, and between two \
      guests; then round trips, one frame at a time, also to guests that sleep until an interrupt, beside that \
      interrupt alone. Guests are processes and virtual machines; those with virtio interfaces run in the same QEMU. TAP devices want root: without it, what has none is \
      measured, and the rest is named. scripts/guest-image and scripts/contest-image make what machines boot.

        dpaac bench
        dpaac bench --contestants process,bridge --sizes 64,1518 --cpus 2
        dpaac bench --contestants vm,virtio-bridge --seconds 2 --rounds 5 --format json > bench.json
        dpaac bench --chart bench.svg
        dpaac bench --report bench.html

      Contestants: \(Contestant.allCases.map(\.rawValue).joined(separator: ", ")). \
      Flows: \(TrafficFlow.allCases.map(\.rawValue).joined(separator: ", ")).
      """)

  @Option(help: "Who takes part.")
  var contestants: NameList<Contestant>?

  @Option(help: "The ways that are measured.")
  var flows: NameList<TrafficFlow>?

  @Option(
    help: ArgumentHelp("Bytes of a frame with check sequence, or imix.", valueName: "bytes,…"))
  var sizes: String?

  @Option(help: ArgumentHelp("On how many processors: 1, 2, or both.", valueName: "number,…"))
  var cpus: String?

  @Option(help: "How long each figure is measured.")
  var seconds: Double = 0.5

  @Option(help: "How often each contestant has its turn.")
  var rounds: Int = 3

  @OptionGroup var priority: EnginePriority

  @Option(
    help: ArgumentHelp(
      "What machines boot: a folder with vmlinuz, initramfs and contest.", valueName: "folder"),
    completion: .directory)
  var guestImage: String?

  @Option(
    help: ArgumentHelp("Draw the frames in a second, as SVG.", valueName: "file"),
    completion: .file(extensions: ["svg"]))
  var chart: String?

  @Option(
    help: ArgumentHelp("Write tables, chart and method, as HTML.", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var report: String?

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  private func list<Value>(
    _ text: String, _ option: String, _ read: (String) -> Value?
  ) throws -> [Value] {
    try text.split(separator: ",").map { part in
      guard let value = read(String(part)) else {
        throw ValidationError("--\(option): \(part) cannot be measured")
      }
      return value
    }
  }

  private func options() throws -> BenchOptions {
    var options = BenchOptions(
      guestProgram: RunOptions.builtInGuest(beside: Terminal.executablePath),
      load: { text in
        let result = PlanLoader.load(SourceFile(name: "bench.yaml", text: text), lock: .none)
        return result.diagnostics.hasErrors
          ? nil : result.partition.map { RuntimeConfiguration($0) }
      })
    if let contestants { options.contestants = contestants.values }
    if let flows { options.flows = flows.values }
    if let sizes { options.sizes = try list(sizes, "sizes") { TrafficSize($0) } }
    if let cpus {
      options.processorCounts = try list(cpus, "cpus") {
        Int($0).flatMap { (1...64).contains($0) ? $0 : nil }
      }
    }
    options.milliseconds = UInt64(seconds * 1000)
    options.rounds = rounds
    options.engineNice = priority.nice
    options.image = GuestImage(in: guestImage ?? GuestImage.usualDirectory)
    options.say = { Terminal.complain($0 + "\n") }
    return options
  }

  func validate() throws {
    guard seconds >= 0.05, seconds <= 600 else {
      throw ValidationError("--seconds is from 0.05 to 600")
    }
    guard (1...100).contains(rounds) else { throw ValidationError("--rounds is from 1 to 100") }
    _ = try options()
  }

  func run() throws {
    let results = Bench.run(try options())
    Terminal.print(format == .json ? results.json.text + "\n" : results.text)
    if let chart { try OutputFile.write(results.chart, to: chart) }
    if let report { try OutputFile.write(results.page, to: report) }
    // As a shell has it for SIGINT.
    if results.isInterrupted { throw ExitCode(130) }
    if results.isEmpty { throw ExitCode(1) }
  }
}

/// Names with commas between them.
struct NameList<Name: RawRepresentable & CaseIterable>: ExpressibleByArgument
where Name.RawValue == String {
  let values: [Name]

  init?(argument: String) {
    var values: [Name] = []
    for part in argument.split(separator: ",") {
      guard let name = Name(rawValue: String(part)) else { return nil }
      values.append(name)
    }
    guard !values.isEmpty else { return nil }
    self.values = values
  }

  static var allValueStrings: [String] { Name.allCases.map(\.rawValue) }
}
