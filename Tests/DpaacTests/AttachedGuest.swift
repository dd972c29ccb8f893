import Foundation
import TestSupport
import Testing

/// A guest in QEMU whose portals `dpaac attach` serves: its memory, its doorbell, its interrupts.
final class AttachedGuest {
  /// What makes QEMU's guest one that is served.
  let emulatorArguments: [String]
  private let server: ChildProcess
  private let output: String

  /// Starts `dpaac attach` and waits until it serves `guest1` of a plan, whose launch script is in the
  /// directory.
  init(
    plan: String, in directory: TemporaryDirectory, at base: Int, arguments: [String] = []
  ) throws {
    let script = try String(contentsOfFile: "\(directory.path)/guest1.sh", encoding: .utf8)
    let size = try #require(script.firstMatch(of: /-m ([0-9]+)M/)?.output.1)
    let memory = try directory.write("memory", Data())
    try FileHandle(forUpdating: URL(fileURLWithPath: memory))
      .truncate(atOffset: UInt64(try #require(Int(size)) << 20))
    let doorbell = "\(directory.path)/doorbell"
    output = try directory.write("attach", Data())

    let words =
      [
        "attach", plan, "--guest", "guest1", "--memory", memory, "--at", String(base),
        "--doorbell", doorbell, "--interrupts", "qtest:\(directory.path)/lines",
      ] + arguments
    let log = FileHandle(forWritingAtPath: output)
    emulatorArguments = [
      "-machine", "memory-backend=ram0",
      "-object", "memory-backend-file,id=ram0,size=\(size)M,mem-path=\(memory),share=on",
      "-plugin",
      "\(try #require(GuestKernel.plugin)),doorbell=\(doorbell),base=\(base),size=0x800000",
      "-qtest", "unix:\(directory.path)/lines,server=on,wait=off", "-qtest-log", "/dev/null",
    ]
    server = try ChildProcess(Dpaac.tool.name, words, output: log, errors: log)
    let deadline = ContinuousClock.now + .seconds(120)
    while !self.log.split(separator: "\n").contains(where: { $0.hasPrefix("ready guest1 ") }) {
      try #require(server.isRunning && ContinuousClock.now < deadline, "\(self.log)")
      usleep(10_000)
    }
  }

  /// What the server has said.
  var log: String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }

  /// Ends the server as a user does.
  func finish() {
    server.terminate()
    server.waitUntilExit()
    #expect(server.terminationStatus == 0, "\(log)")
  }

  /// Ends the server as a user does, and checks that it has lost nothing.
  func end() throws {
    finish()
    let counts = try #require(log.firstMatch(of: /enqueued ([0-9]+), dequeued ([0-9]+)/)?.output)
    #expect(counts.1 == counts.2, "\(log)")
    #expect(Int(counts.1) ?? 0 > 0, "\(log)")
  }

  /// Ends all at once.
  func stop() {
    server.stop()
  }
}
