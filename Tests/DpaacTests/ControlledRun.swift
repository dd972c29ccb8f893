import Foundation
import TestSupport
import Testing

/// A run with a control socket, with frames all the while, until its end.
final class ControlledRun {
  let directory: TemporaryDirectory
  let process: ChildProcess
  var socket: String { "\(directory.path)/control" }

  /// Starts a run, and waits until its guests are there.
  ///
  /// - Parameters:
  ///   - plan: What is run.
  ///   - arguments: What `dpaac run` is told beside that.
  ///   - directory: Where its files are; its own when it ends.
  ///   - other: What takes what it says of itself; into a file unless told otherwise.
  /// - Throws: When it does not begin.
  init(
    _ plan: String = Dpaac.example, _ arguments: [String] = [],
    in directory: TemporaryDirectory? = nil, errors other: FileHandle? = nil
  ) throws {
    self.directory = try directory ?? TemporaryDirectory()
    let output = try self.directory.write("output", Data())
    let errors = try self.directory.write("errors", Data())
    process = try ChildProcess(
      Dpaac.tool.name,
      [
        "run", plan, "--format", "json", "--control", "\(self.directory.path)/control", "--repeat",
        "1000000", "--rate", "3000",
      ] + arguments,
      output: FileHandle(forWritingAtPath: output),
      errors: other ?? FileHandle(forWritingAtPath: errors))
    try wait("the run does not begin") {
      if !process.isRunning { Issue.record("\(try text("errors"))") }
      try #require(process.isRunning)
      return try !states().isEmpty && !states().contains("starting")
    }
  }

  deinit {
    process.stop()
    directory.remove()
  }

  func text(_ name: String) throws -> String {
    try String(contentsOfFile: "\(directory.path)/\(name)", encoding: .utf8)
  }

  /// A command about the run.
  func tool(_ words: [String]) throws -> Tool.Outcome {
    try Dpaac.tool.run(words + ["--control", socket])
  }

  func guests(_ words: String...) throws -> Tool.Outcome { try tool(["guests"] + words) }

  /// The guests that there are; none as long as nobody answers.
  func list() throws -> [[String: Any]] {
    let outcome = try guests("list", "--format", "json")
    guard outcome.status == 0 else { return [] }
    return try #require(Dpaac.report(outcome.text)["guests"] as? [[String: Any]])
  }

  func guest(_ name: String) throws -> [String: Any]? {
    try list().first { $0["name"] as? String == name }
  }

  func names() throws -> [String] { try list().compactMap { $0["name"] as? String } }
  func states() throws -> [String] { try list().compactMap { $0["state"] as? String } }

  /// Waits until something is so, for five minutes at most.
  func wait(_ problem: String, until isSo: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(300)
    while try !isSo() {
      try #require(ContinuousClock.now < deadline, "\(problem)")
      usleep(10_000)
    }
  }

  /// Waits until a guest has received so many frames more.
  func waitForFrames(to name: String, _ count: Int = 50) throws {
    let before = try #require(guest(name)?["received"] as? Int)
    try wait("nothing reaches \(name)") {
      try guest(name)?["received"] as? Int ?? 0 >= before + count
    }
  }

  /// Ends the run; its report.
  func end() throws -> [String: Any] {
    process.terminate()
    process.waitUntilExit()
    return try Dpaac.report(try text("output"))
  }
}
