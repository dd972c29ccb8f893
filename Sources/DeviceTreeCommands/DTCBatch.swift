import DeviceTree
import Diagnostics
import Synchronization

/// `dtc --batch`: compiles many files in one process, on all processors.
///
/// Each output stands beside its input or in the directory of `-d`, under the input's name with the
/// ending of its format. What is said of a file is printed in one piece, in the order of the files.
struct DTCBatch {
  let console: Console
  let options: DTCOptions

  /// The exit code: the largest of those that the files would have had alone.
  func run() -> Int32 {
    let outputs = options.inputs.map(output)
    var owners: [String: String] = [:]
    for (input, output) in zip(options.inputs, outputs) {
      if let other = owners.updateValue(input, forKey: output) {
        console.fatal("\"\(other)\" and \"\(input)\" would both become \"\(output)\"")
        return 1
      }
      if input == output || input == "-" {
        console.fatal("--batch has no name for the output of \"\(input)\"")
        return 1
      }
    }
    let results = options.inputs.map { _ in Outcome() }
    let (options, console) = (options, console)
    WorkerPool.run(outputs.count) { index in
      var own = options
      own.input = options.inputs[index]
      own.output = outputs[index]
      let result = results[index]
      let quiet = Console(
        readInput: console.readInput, write: console.write, error: { result.add($0) })
      var report = DTCReport(console: quiet, options: own)
      result.exit(DTCCommand(console: quiet).compile(own, &report), report.findings)
    }
    for result in results where !result.text.isEmpty { console.error(result.text) }
    if let format = options.diagnostics {
      var findings = DiagnosticBag()
      for result in results { findings.add(contentsOf: result.findings) }
      console.error(format.render(findings, summaries: TreeCatalogue.summaries))
    }
    return results.map(\.code).max() ?? 0
  }

  private func output(for input: String) -> String {
    let slash = input.lastIndex(of: "/").map { input.index(after: $0) } ?? input.startIndex
    let name = input[slash...]
    let ending = options.outputFormat ?? (name.hasSuffix(".dts") ? .dtb : .dts)
    let stem = [".dts", ".dtb", ".dtbo"].first { name.hasSuffix($0) }.map {
      name.dropLast($0.utf8.count)
    }
    var folder = String(input[..<slash])
    if let directory = options.batchDirectory {
      folder = directory.hasSuffix("/") ? directory : directory + "/"
    }
    return "\(folder)\(stem ?? name).\(ending.rawValue)"
  }

  /// What one file came to.
  private final class Outcome: Sendable {
    private let state = Mutex<(text: String, code: Int32, findings: DiagnosticBag)>(
      ("", 0, DiagnosticBag()))

    var text: String { state.withLock { $0.text } }
    var code: Int32 { state.withLock { $0.code } }
    var findings: DiagnosticBag { state.withLock { $0.findings } }

    func add(_ text: String) { state.withLock { $0.text += text } }
    func exit(_ code: Int32, _ findings: DiagnosticBag) {
      state.withLock { $0 = ($0.text, code, findings) }
    }
  }
}
