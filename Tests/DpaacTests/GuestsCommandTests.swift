import Foundation
import TestSupport
import Testing

/// `dpaac guests`: guests that end and start while a run goes on.
@Suite(.serialized, .timeLimit(.minutes(30))) struct GuestsCommandTests {
  @Test func `guests end and start while a run goes on, and others do not notice`() throws {
    let run = try ControlledRun()
    #expect(try run.guests("list").text.hasPrefix("guest   kind     program  process  starts"))
    #expect(try run.guests("kill", "guest1").text == "guest1: killed by signal 9\n")
    #expect(try run.states()[1] == "killed by signal 9")
    #expect(try run.guests("start", "guest1").text == "guest1: answering\n")
    #expect(try run.guests("stop", "guestN").text == "guestN: exited with code 0\n")
    #expect(try run.guests("start", "guestN").status == 0)
    let before = try #require(try run.list()[1]["process"] as? Int)
    #expect(try run.guests("restart", "guest1").status == 0)
    let guest = try run.list()[1]
    #expect(guest["starts"] as? Int == 3)
    #expect(guest["process"] as? Int != before)
    try run.waitForFrames(to: "guest1")
    let report = try run.end()
    #expect(run.process.terminationStatus == 0)
    #expect(report["conserved"] as? Bool == true)
    #expect(try Dpaac.partition("guest1", of: report)["starts"] as? Int == 3)
    #expect(try Dpaac.partition("guestN", of: report)["starts"] as? Int == 2)
    let other = try Dpaac.partition("guest2", of: report)
    #expect(other["starts"] as? Int == 1)
    #expect((other["drops"] as? [String: Int])?.isEmpty == true)
    #expect(!FileManager.default.fileExists(atPath: run.socket))
  }

  @Test func `what cannot be is said, and nothing happens`() throws {
    let run = try ControlledRun()
    let mistyped = try run.guests("restart", "gest1")
    #expect(mistyped.status == 1)
    #expect(
      mistyped.errorText
        == "error: the run has no guest gest1, but host, guest1, guest2, guestN; did you mean guest1?\n"
    )
    #expect(try run.guests("start", "guest1").errorText.hasPrefix("error: guest1 runs;"))
    #expect(try run.guests("stop", "guest1").status == 0)
    #expect(
      try run.guests("stop", "guest1").errorText
        == "error: guest1 does not run: exited with code 0\n")
    // A second run may not take the first one's place.
    let second = try Dpaac.tool.run(["run", Dpaac.example, "--control", run.socket])
    #expect(second.status == 1)
    #expect(second.errorText == "error: \(run.socket): Address already in use\n")
    #expect(try run.guests("start", "guest1").status == 0)
    #expect(try run.list().compactMap { $0["starts"] as? Int } == [1, 2, 1, 1])
  }

  @Test func `nobody but its owner may use the socket, and nonsense on it harms nobody`() throws {
    let run = try ControlledRun()
    let attributes = try FileManager.default.attributesOfItem(atPath: run.socket)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let script = """
      import socket, sys, os
      kept = []
      for text in [b"", b"\\n", b"text\\n", b"text\\tdance\\n", b"xml\\tlist\\n", b"\\xff\\xfe\\n",
                   b"text\\tkill\\n", b"text\\tkill\\t\\n", os.urandom(100000), b"text\\tlist", b"a" * 9000]:
          connection = socket.socket(socket.AF_UNIX)
          connection.connect(sys.argv[1])
          try: connection.sendall(text)
          except OSError: pass
          kept.append(connection)
      # Who goes away in the midst of it.
      connection = socket.socket(socket.AF_UNIX)
      connection.connect(sys.argv[1])
      connection.sendall(b"text\\trestart\\tguest1\\n")
      connection.close()
      """
    let file = try run.directory.write("nonsense.py", Data(script.utf8))
    let outcome = try Tool("python3", package: "python3").run([file, run.socket])
    #expect(outcome.status == 0, "\(outcome.errorText)")
    try run.wait("guest1 was not started again") {
      try run.list()[1]["starts"] as? Int == 2 && !run.states().contains("starting")
    }
    #expect(try run.end()["conserved"] as? Bool == true)
  }

  @Test func `a socket that a killed run left behind is used again, another file is not`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = "\(directory.path)/control"
    let script = """
      import socket, sys
      socket.socket(socket.AF_UNIX).bind(sys.argv[1])
      """
    let file = try directory.write("leave.py", Data(script.utf8))
    _ = try Tool("python3", package: "python3").run([file, path])
    try #require(FileManager.default.fileExists(atPath: path))
    let process = try ChildProcess(Dpaac.tool.name, ["run", Dpaac.example, "--control", path])
    defer { process.stop() }
    let deadline = ContinuousClock.now + .seconds(60)
    while try Dpaac.tool.run(["guests", "--control", path]).status != 0 {
      try #require(ContinuousClock.now < deadline, "the run does not listen")
      usleep(10_000)
    }
    process.terminate()
    process.waitUntilExit()
    let precious = try directory.write("precious", Data("of mine".utf8))
    let outcome = try Dpaac.tool.run(["run", Dpaac.example, "--control", precious])
    #expect(outcome.status == 1)
    #expect(FileManager.default.contents(atPath: precious) == Data("of mine".utf8))
    let nobody = try Dpaac.tool.run(["guests", "--control", path])
    #expect(
      nobody.errorText
        == "error: \(path): no run listens there; start one with dpaac run PLAN --control \(path)\n"
    )
    #expect(nobody.status == 1)
  }

  @Test func `each life of a guest has a capture of its own`() throws {
    let captures = try TemporaryDirectory()
    defer { captures.remove() }
    let run = try ControlledRun(Dpaac.example, ["-o", captures.path])
    #expect(try run.guests("restart", "guest1").status == 0)
    try run.waitForFrames(to: "guest1")
    _ = try run.end()
    #expect(try !Dpaac.frames("\(captures.path)/guest1.pcap").isEmpty)
    #expect(try !Dpaac.frames("\(captures.path)/guest1.2.pcap").isEmpty)
    #expect(!FileManager.default.fileExists(atPath: "\(captures.path)/guest2.2.pcap"))
  }

  @Test func `a program that does not come up is told, and another start is possible`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (program, marker) = try Dpaac.failingProgram(in: directory)
    let run = try ControlledRun(Dpaac.example, ["--program", "guest1=\(program)"])
    try Data().write(to: URL(fileURLWithPath: marker))
    let failed = try run.guests("restart", "guest1")
    #expect(failed.status == 1)
    #expect(
      failed.errorText
        == "error: guest1: exited with code 3 before it attached to its portals\n")
    try FileManager.default.removeItem(atPath: program)
    let missing = try run.guests("start", "guest1")
    #expect(missing.errorText == "error: guest1: \(program): No such file or directory\n")
    _ = try Dpaac.failingProgram(in: directory)
    try FileManager.default.removeItem(atPath: marker)
    #expect(try run.guests("start", "guest1").text == "guest1: answering\n")
    #expect(try run.end()["conserved"] as? Bool == true)
  }
}

/// The same with guests that are virtual machines.
@Suite(
  .serialized, .timeLimit(.minutes(30)),
  .enabled(if: GuestImage.isPresent, "heavy: scripts/guest-image makes what machines boot"))
struct GuestLifeTests {
  @Test func `heavy: hundreds of processes and some machines start and end, and leave nothing`()
    throws
  {
    let outcome = try Tool("\(Checkout.path)/scripts/soak", package: "dpaac itself").run([
      "--processes", "500", "--machines", "3", "--dpaac", Dpaac.tool.name,
    ])
    #expect(outcome.status == 0, "\(outcome.text)\(outcome.errorText)")
    #expect(outcome.text.contains("processes: 500 starts"))
    #expect(outcome.text.contains("machines: 3 starts"))
  }
}
