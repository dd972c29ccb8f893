import Foundation
import TestSupport
import Testing

/// `dpaac run` under circumstances that nobody wishes for.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RunHazardTests {
  @Test func `a run does not overwrite the capture that it plays`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let output = "\(directory.path)/fm1-10g0.pcap"
    try FileManager.default.copyItem(atPath: RunTests.capture, toPath: output)
    let outcome = try Dpaac.tool.run([
      "run", Dpaac.example, "-o", directory.path, "--port", "fm1-10g0=\(output)",
    ])
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("\(output): the run would overwrite the capture"))
    #expect(FileManager.default.contentsEqual(atPath: output, andPath: RunTests.capture))
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 1)
  }

  @Test func `a run that cannot begin leaves the captures of the one before`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let before = Data("what a run before this one left".utf8)
    let output = try directory.write("fm1-10g0.pcap", before)
    // A folder where the run wants to write guest1's capture.
    try FileManager.default.createDirectory(
      atPath: "\(directory.path)/host.pcap", withIntermediateDirectories: false)
    let outcome = try Dpaac.tool.run([
      "run", Dpaac.example, "-o", directory.path,
    ])
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("host.pcap: Is a directory"))
    #expect(FileManager.default.contents(atPath: output) == before)
  }

  @Test func `a run ends although its parent ignores SIGCHLD`() throws {
    let outcome = try Tool("timeout", package: "coreutils").run([
      "--signal=KILL", "30", "env", "--ignore-signal=CHLD", Dpaac.tool.name, "run", Dpaac.example,
    ])
    #expect(outcome.status == 0)
    #expect(outcome.text.contains("conserved: yes"))
  }

  @Test func `no guest outlives an engine that is killed`() throws {
    let process = try ChildProcess(
      Dpaac.tool.name, ["run", Dpaac.example, "--repeat", "100000", "--format", "json"])
    let guests = try Dpaac.startedGuests(of: process)
    // In full swing: guests wait for room in their rings.
    usleep(500_000)
    process.stop()
    for _ in 0..<5000 where guests.contains(where: { kill($0, 0) == 0 }) { usleep(1000) }
    for guest in guests {
      #expect(kill(guest, 0) != 0, "a guest runs on without an engine")
      kill(guest, SIGKILL)
    }
  }

  @Test func `a guest whose capture cannot be written says so`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try FileManager.default.createSymbolicLink(
      atPath: "\(directory.path)/guestN.pcap", withDestinationPath: "/dev/full")
    let outcome = try Dpaac.tool.run(["run", Dpaac.example, "-o", directory.path])
    #expect(
      outcome.errorText.contains("guestN's capture is incomplete: No space left on device"))
    #expect(outcome.text.contains("exited with code 1"))
    #expect(outcome.text.contains("conserved: yes"))
  }

  @Test func `a capture for an interface that is not there names those that are`() throws {
    let outcome = try Dpaac.tool.run([
      "run", Dpaac.example, "--port", "fm1-10g9=\(RunTests.capture)",
    ])
    #expect(outcome.status == 1)
    #expect(
      outcome.errorText
        == "error: the plan has no interface fm1-10g9 to connect; it has fm1-10g0\n")
  }

  @Test func `an empty output folder is not the root of the file system`() throws {
    let outcome = try Dpaac.tool.run(["run", Dpaac.example, "-o", ""])
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("No such file or directory"))
  }

  @Test(arguments: ["check", "run"])
  func `a result that cannot be written is a failure`(command: String) throws {
    let outcome = try Tool("sh", package: "dash").run([
      "-c", "exec \"$0\" \"$@\" > /dev/full", Dpaac.tool.name, command, Dpaac.example, "--format",
      "json",
    ])
    #expect(outcome.status == 1)
    #expect(outcome.errorText.hasSuffix("error: standard output: No space left on device\n"))
  }

  @Test
  func `a guest reads nothing that is typed for its run, and ignores no signal of its own accord`()
    throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let program = try Dpaac.program(
      """
      readlink /proc/self/fd/0 > \(directory.path)/input
      grep SigIgn /proc/self/status > \(directory.path)/ignored
      exit 3
      """, in: directory)
    let outcome = try Dpaac.tool.run(
      ["run", Dpaac.example, "--program", "guest1=\(program)"], input: Array("hello\n".utf8))
    #expect(outcome.status == 1)
    func told(_ name: String) throws -> String {
      try String(contentsOfFile: "\(directory.path)/\(name)", encoding: .utf8)
    }
    #expect(try told("input") == "/dev/null\n")
    let mask = try #require(try told("ignored").split(whereSeparator: \.isWhitespace).last)
    #expect(try #require(UInt64(mask, radix: 16)) & 1 << 12 == 0)
  }
}
