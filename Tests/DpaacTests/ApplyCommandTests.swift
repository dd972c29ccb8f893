import Foundation
import TestSupport
import Testing

/// `dpaac apply`: another plan while a run goes on.
@Suite(.serialized, .timeLimit(.minutes(30))) struct ApplyCommandTests {
  /// The example's plan without links, so that guests can come and go without others noticing.
  fileprivate struct Office {
    var guest2 = true
    var guestN = true
    var guest2Queues = "201-400"
    /// What else is said of guest2.
    var guest2More = ""
    var board = "t4240qds"

    var text: String {
      func guest(
        _ name: String, _ cpus: String, _ queues: String, _ pool: Int, _ more: String = ""
      ) -> String {
        "  \(name): { cpus: \(cpus), memory: 512 MiB, portals: 2, queues: \(queues), program: reflect, "
          + "pools: [ {id: \(pool), buffers: 4096, size: 2 KiB} ]\(more) }\n"
      }
      return """
        board: \(board)
        partitions:
          host: { cpus: 0-3, memory: 2 GiB, portals: 4, queues: 1-100, pools: [ {id: 1, buffers: 4096, size: 2 KiB} ] }

        """ + guest("guest1", "4-5", "101-200", 2)
          + (guest2 ? guest("guest2", "6-7", guest2Queues, 3, guest2More) : "")
          + (guestN ? guest("guestN", "8-11", "401-1000", 4) : "") + """
            interfaces:
              fm1-10g0:
                rules:
                  - { when: {ipv4.dst: 192.168.1.11}, to: guest1, spread: 5-tuple }

            """ + (guest2 ? "      - { when: {ipv4.dst: 192.168.2.0/24}, to: guest2 }\n" : "")
          + (guestN ? "      - { when: {ipv4.dst: 192.168.3.0/24}, to: guestN }\n" : "")
          + "    otherwise: host\n"
    }
  }

  /// A run of such a plan.
  private static func run(
    _ plan: Office, _ arguments: [String] = [], errors: FileHandle? = nil
  ) throws -> ControlledRun {
    let directory = try TemporaryDirectory()
    let capture = "\(Checkout.path)/examples/kvm-forum/traffic.pcap"
    return try ControlledRun(
      try directory.write("office.yaml", Data(plan.text.utf8)),
      ["--port", "fm1-10g0=\(capture)"] + arguments, in: directory, errors: errors)
  }

  private func drops(_ name: String, _ report: [String: Any]) throws -> [String: Int]? {
    try Dpaac.partition(name, of: report)["drops"] as? [String: Int]
  }

  @Test func `guests come and go under traffic, and the others lose nothing`() throws {
    let run = try Self.run(Office(guestN: false))
    let before = try #require(try run.guest("guest1")?["process"] as? Int)
    #expect(
      try run.fates(Office(guest2: false)) == [
        "host": "untouched", "guest1": "untouched", "guest2": "removed", "guestN": "added",
      ])
    #expect(try run.names() == ["host", "guest1", "guestN"])
    try run.waitForFrames(to: "guestN")
    try run.waitForFrames(to: "guest1")
    #expect(
      try run.fates(Office(guest2Queues: "201-350")) == [
        "host": "untouched", "guest1": "untouched", "guest2": "added", "guestN": "untouched",
      ])
    try run.waitForFrames(to: "guest2")
    #expect(try run.guest("guest1")?["process"] as? Int == before)
    let report = try run.end()
    #expect(run.process.terminationStatus == 0)
    #expect(report["conserved"] as? Bool == true, "\(report["discrepancies"] ?? "")")
    for name in ["host", "guest1", "guestN"] {
      #expect(try drops(name, report)?.isEmpty == true)
      #expect(try Dpaac.partition(name, of: report)["starts"] as? Int == 1)
    }
    #expect(try Dpaac.partition("guest2", of: report)["starts"] as? Int == 2)
  }

  @Test func `a plan that nobody confirms is gone back from, and one that is stays`() throws {
    let run = try Self.run(Office())
    let words = try run.apply(Office(guest2: false), "--confirm-within", "1")
    #expect(words.status == 0, "\(words.errorText)")
    #expect(words.text.hasPrefix("partition  what happens  why\n"))
    #expect(words.text.contains("comes back in 1 s, unless: dpaac apply --confirm"))
    try run.wait("guest2 does not come back") {
      try run.names() == ["host", "guest1", "guest2", "guestN"]
    }
    #expect(try run.text("errors").contains("which nobody has confirmed"))
    #expect(try run.apply(Office(guest2: false), "--confirm-within", "300").status == 0)
    let twice = try run.apply(Office())
    #expect(twice.status == 1)
    #expect(twice.errorText.contains("waits to be confirmed"))
    #expect(try run.tool(["apply", "--confirm"]).text.hasPrefix("confirmed"))
    #expect(try run.tool(["apply", "--confirm"]).status == 1)
    #expect(try run.apply(Office(), "--confirm-within", "300").status == 0)
    #expect(try run.tool(["apply", "--revert"]).status == 0)
    #expect(try run.names() == ["host", "guest1", "guestN"])
    try run.waitForFrames(to: "guest1")
    let report = try run.end()
    #expect(report["conserved"] as? Bool == true, "\(report["discrepancies"] ?? "")")
    #expect(try Dpaac.partition("guest1", of: report)["starts"] as? Int == 1)
  }

  @Test func `a plan that is not sound, or cannot be, changes nothing`() throws {
    let run = try Self.run(Office())
    let unsound = try run.apply(Office(guest2Queues: "150-400"))
    #expect(unsound.status == 1)
    #expect(unsound.errorText.contains("[queue-overlap]"))
    #expect(try run.tool(["apply", "--confirm"]).status == 1)
    #expect(try run.fates(Office(guest2: false), "--dry-run")["guest2"] == "removed")
    #expect(try run.names() == ["host", "guest1", "guest2", "guestN"])
    let other = try run.directory.write(
      "other.yaml",
      Data(Office().text.replacingOccurrences(of: "fm1-10g0", with: "fm1-10g1").utf8))
    let refused = try run.tool(["apply", other])
    #expect(refused.status == 1)
    #expect(refused.errorText.contains("fm1-10g1 is new"))
    #expect(try Dpaac.tool.run(["apply", other, "--control", "/nowhere"]).status == 1)
    #expect(try Dpaac.tool.run(["apply", "--control", "/nowhere"]).status == 64)
    try run.waitForFrames(to: "guest2")
    let report = try run.end()
    #expect(report["conserved"] as? Bool == true)
    for partition in try #require(report["partitions"] as? [[String: Any]]) {
      #expect(partition["starts"] as? Int == 1)
    }
  }

  @Test func `words that a run does not know, and what is no file, change nothing`() throws {
    let run = try Self.run(Office())
    let next = try run.directory.write("next.yaml", Data(Office(guest2: false).text.utf8))
    let script = """
      import socket, sys
      for words in sys.stdin.read().splitlines():
          connection = socket.socket(socket.AF_UNIX)
          connection.connect(sys.argv[1])
          connection.sendall(("text\\t" + words.replace(" ", "\\t") + "\\n").encode())
          print(connection.makefile().read().strip().splitlines()[0])
      """
    let file = try run.directory.write("words.py", Data(script.utf8))
    let words = [
      "within 20000000000", "within 0", "within 60s", "within -1", "within", "within 60 x",
      "withn 60",
      "dryrun", "dry-run within", "dry-run x",
    ]
    let outcome = try Tool("python3", package: "python3").run(
      [file, run.socket], input: Array(words.map { "apply \(next) \($0)\n" }.joined().utf8))
    #expect(outcome.status == 0, "\(outcome.errorText)")
    let answers = outcome.text.split(separator: "\n")
    #expect(answers.count == words.count)
    for answer in answers { #expect(answer.hasPrefix("64"), "\(answer)") }
    // What would have the run wait for somebody who writes.
    let pipe = "\(run.directory.path)/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    let others = try Tool("python3", package: "python3").run(
      [file, run.socket],
      input: Array([pipe, "-", "/dev/stdin", "/nowhere"].map { "apply \($0)\n" }.joined().utf8))
    #expect(others.text.split(separator: "\n").count { $0.hasPrefix("1") } == 4, "\(others.text)")
    #expect(try run.names() == ["host", "guest1", "guest2", "guestN"])
    #expect(try run.end()["conserved"] as? Bool == true)
  }

  @Test func `a plan is confirmed while a guest ends`() throws {
    let run = try Self.run(Office())
    #expect(try run.apply(Office(guest2: false), "--confirm-within", "300").status == 0)
    let guest = try #require(try run.guest("guest1")?["process"] as? Int)
    #expect(kill(Int32(guest), SIGSTOP) == 0)
    // Again and again: on a busy host the run's patience is over before this test has looked.
    let stop = try ChildProcess(
      "/bin/sh",
      [
        "-c", #"until "$0" guests stop guest1 --control "$1"; do :; done"#, Dpaac.tool.name,
        run.socket,
      ])
    try run.wait("guest1 is not told to end") {
      // Not by stopping it, too: who comes first is obeyed, and waits.
      try run.guests("start", "guest1").errorText.contains("ended already")
    }
    #expect(try run.apply(Office()).errorText.contains("is being started or ended"))
    #expect(try run.tool(["apply", "--confirm"]).text.hasPrefix("confirmed"))
    #expect(kill(Int32(guest), SIGCONT) == 0)
    stop.waitUntilExit()
    #expect(try run.end()["conserved"] as? Bool == true)
  }

  @Test func `a run whose last words nobody reads goes on, and goes back`() throws {
    var ends: [Int32] = [-1, -1]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    let run = try Self.run(
      Office(), errors: FileHandle(fileDescriptor: ends[1], closeOnDealloc: true))
    #expect(try run.apply(Office(guest2: false), "--confirm-within", "1").status == 0)
    try run.wait("guest2 does not come back") {
      try #require(run.process.isRunning)
      return try run.names() == ["host", "guest1", "guest2", "guestN"]
    }
    #expect(try run.end()["conserved"] as? Bool == true)
  }

  @Test func `whoever was ended for what only plans say is there again when that comes to nothing`()
    throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (program, marker) = try Dpaac.failingProgram(in: directory, once: true)
    let run = try Self.run(Office(), ["--program", "guest2=\(program)"])
    try Data().write(to: URL(fileURLWithPath: marker))
    // How it waits is nothing that the engine knows.
    let failed = try run.apply(Office(guest2More: ", mode: interrupt"))
    #expect(failed.status == 1)
    #expect(failed.errorText.contains("exited with code 3"))
    #expect(!FileManager.default.fileExists(atPath: marker))
    #expect(try run.names() == ["host", "guest1", "guest2", "guestN"])
    try run.waitForFrames(to: "guest2")
    #expect(try run.end()["conserved"] as? Bool == true)
  }

  @Test func `who can be started neither for a plan nor on the way back can be started later`()
    throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (program, _) = try Dpaac.failingProgram(in: directory)
    let run = try Self.run(Office(), ["--program", "guest2=\(program)"])
    try FileManager.default.moveItem(atPath: program, toPath: "\(program).away")
    let failed = try run.apply(Office(guest2More: ", mode: interrupt"))
    #expect(failed.status == 1)
    #expect(failed.errorText.contains("going back failed"), "\(failed.errorText)")
    #expect(try run.names() == ["host", "guest1", "guest2", "guestN"])
    #expect(try run.guest("guest2")?["state"] as? String == "was not started")
    try run.waitForFrames(to: "guest1")
    try FileManager.default.moveItem(atPath: "\(program).away", toPath: program)
    #expect(try run.guests("start", "guest2").status == 0)
    try run.waitForFrames(to: "guest2")
    let report = try run.end()
    #expect(report["conserved"] as? Bool == true, "\(report["discrepancies"] ?? "")")
    #expect(try Dpaac.partition("guest1", of: report)["starts"] as? Int == 1)
  }

  @Test func `a plan is judged by the board that the run was given`() throws {
    let run = try Self.run(Office(board: "./nowhere.yaml"), ["--board", "t4240qds"])
    let next = Office(guest2: false, board: "./nowhere.yaml")
    #expect(try run.apply(next).status == 1)
    let outcome = try run.apply(next, "--board", "t4240qds")
    #expect(outcome.status == 0, "\(outcome.errorText)")
    #expect(try run.names() == ["host", "guest1", "guestN"])
    #expect(try run.tool(["apply", "--confirm", "--board", "t4240qds"]).status == 64)
    #expect(try run.end()["conserved"] as? Bool == true)
  }

  @Test func `a guest that is told something new starts again, and others go on`() throws {
    let run = try Self.run(Office())
    let fates = try run.fates(
      Office(guest2Queues: "1201-1400"))
    #expect(fates["guest1"] == "untouched")
    #expect(fates["guest2"] == "restarted")
    #expect(fates["guestN"] == "untouched")
    try run.waitForFrames(to: "guest2")
    let report = try run.end()
    #expect(report["conserved"] as? Bool == true, "\(report["discrepancies"] ?? "")")
    #expect(try Dpaac.partition("guest2", of: report)["starts"] as? Int == 2)
    #expect(try drops("guest1", report)?.isEmpty == true)
  }

  @Test func `congestion groups come, change owners and go`() throws {
    let run = try Self.run(Office(guest2More: ", congestion-groups: 2"))
    let steps: [(plan: Office, fate: String)] = [
      (Office(guest2More: ", congestion-groups: 5"), "drained"), (Office(), "drained"),
      (Office(guest2: false), "removed"), (Office(guest2More: ", congestion-groups: 3"), "added"),
    ]
    for step in steps {
      let fates = try run.fates(step.plan)
      #expect(fates["guest2"] == step.fate)
      #expect(fates["guest1"] == "untouched")
      #expect(fates["guestN"] == "untouched")
      if step.plan.guest2 { try run.waitForFrames(to: "guest2") }
    }
    let report = try run.end()
    #expect(report["conserved"] as? Bool == true, "\(report["discrepancies"] ?? "")")
    for name in ["guest1", "guestN"] { #expect(try drops(name, report)?.isEmpty == true) }
  }

  @Test(.enabled(if: GuestImage.isPresent, "heavy: scripts/guest-image makes what machines boot"))
  func `heavy: machines come and go by plan, and become processes, while others lose nothing`()
    throws
  {
    let machine = Office(guest2More: ", kind: vm, accel: tcg")
    let run = try Self.run(machine)
    let wider = Office(guest2Queues: "1201-1400", guest2More: machine.guest2More)
    let steps: [(plan: Office, fate: String)] = [
      (Office(guest2: false), "removed"), (machine, "added"), (wider, "restarted"),
      (Office(guest2Queues: "1201-1400"), "restarted"), (machine, "restarted"),
    ]
    for step in steps {
      let fates = try run.fates(step.plan)
      #expect(fates["guest2"] == step.fate)
      #expect(fates["guest1"] == "untouched")
      if step.plan.guest2 { try run.waitForFrames(to: "guest2") }
    }
    #expect(try run.apply(Office(), "--confirm-within", "1").status == 0)
    try run.wait("the machine does not come back") {
      try (run.guest("guest2")?["kind"] as? String)?.hasPrefix("vm") == true
        && !run.states().contains("starting")
    }
    try run.waitForFrames(to: "guest2")
    let report = try run.end()
    #expect(run.process.terminationStatus == 0)
    #expect(report["conserved"] as? Bool == true, "\(report["discrepancies"] ?? "")")
    for name in ["guest1", "guestN"] { #expect(try drops(name, report)?.isEmpty == true) }
  }

  @Test func `a plan whose guest does not come up is gone back from, and another try is possible`()
    throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (program, marker) = try Dpaac.failingProgram(in: directory)
    let run = try Self.run(Office(), ["--program", "guest2=\(program)"])
    #expect(try run.apply(Office(guest2: false)).status == 0)
    try Data().write(to: URL(fileURLWithPath: marker))
    // guestN is ended for this plan, and has to be there again.
    let failed = try run.apply(Office(guestN: false))
    #expect(failed.status == 1)
    #expect(
      failed.errorText
        == "error: guest2: exited with code 3 before it attached to its portals\n")
    #expect(try run.names() == ["host", "guest1", "guestN"])
    try run.waitForFrames(to: "guestN")
    try run.waitForFrames(to: "guest1")
    try FileManager.default.removeItem(atPath: marker)
    #expect(try run.apply(Office(guestN: false)).status == 0)
    try run.waitForFrames(to: "guest2")
    let report = try run.end()
    #expect(report["conserved"] as? Bool == true, "\(report["discrepancies"] ?? "")")
    #expect(try Dpaac.partition("guest1", of: report)["starts"] as? Int == 1)
    #expect(try drops("guest1", report)?.isEmpty == true)
  }
}

extension ControlledRun {
  fileprivate func apply(_ plan: ApplyCommandTests.Office, _ words: String...) throws
    -> Tool.Outcome
  {
    try tool(["apply", try directory.write("next.yaml", Data(plan.text.utf8))] + words)
  }

  /// What happened to each partition.
  fileprivate func fates(
    _ plan: ApplyCommandTests.Office, _ words: String...
  ) throws -> [String: String] {
    let path = try directory.write("next.yaml", Data(plan.text.utf8))
    let outcome = try tool(["apply", path, "--format", "json"] + words)
    try #require(outcome.status == 0, "\(outcome.errorText)")
    let partitions = try #require(Dpaac.report(outcome.text)["partitions"] as? [[String: Any]])
    return Dictionary(
      uniqueKeysWithValues: partitions.map {
        ($0["name"] as? String ?? "", $0["fate"] as? String ?? "")
      })
  }
}
