import Foundation
import TestSupport
import Testing

/// `dpaac run` as a user sees it: real processes, real captures, tcpdump as the judge.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RunTests {
  static let tcpdump = Tool("tcpdump", package: "tcpdump")
  static let capture = "\(Checkout.path)/examples/kvm-forum/traffic.pcap"
  /// The addresses that each guest's rules name, as tcpdump filters.
  static let filters = [
    "guest1": "ip dst 192.168.1.11 or ip6 dst fd00:1::11",
    "guest2": "ip dst net 192.168.2.0/24 or ip6 dst net fd00:2::/64",
    "guestN": "ip dst net 192.168.3.0/24 or ip6 dst net fd00:3::/64",
  ]

  /// Frames of a capture that match a filter behind no, one or two VLAN tags, or all frames.
  static func count(_ path: String, _ filter: String?) throws -> Int {
    let forms = filter.map { ["(\($0))", "vlan and (\($0))", "vlan and vlan and (\($0))"] } ?? [""]
    return try forms.reduce(0) { sum, form in
      let outcome = try tcpdump.run(["--count", "-nr", path] + (form.isEmpty ? [] : [form]))
      let number = outcome.text.split(separator: " ").first.flatMap { Int($0) }
      return sum + (try #require(number, "tcpdump: \(outcome.errorText)"))
    }
  }

  @Test(
    .enabled(if: tcpdump.isPresent, Comment(rawValue: tcpdump.skipReason)),
    arguments: [Dpaac.example, Dpaac.p4080Example])
  func `each guest gets the frames of its own addresses, all of them and no others`(
    plan: String
  ) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let outcome = try Dpaac.tool.run(["run", plan, "-o", directory.path, "--format", "json"])
    try #require(outcome.status == 0, "\(outcome.errorText)\(outcome.text)")
    let report = try Dpaac.report(outcome.text)
    #expect(report["conserved"] as? Bool == true)
    let flows = try #require(report["flows"] as? [[String: Any]])
    for (guest, filter) in Self.filters {
      let expected = try Self.count(Self.capture, filter)
      #expect(expected > 50, "the example's capture lost its frames for \(guest)")
      let flow = try #require(
        flows.first { $0["from"] as? String == "fm1-10g0" && $0["to"] as? String == guest })
      #expect(flow["frames"] as? Int == expected)
      let received = "\(directory.path)/\(guest).pcap"
      let strangers = try Self.count(received, nil) - Self.count(received, filter)
      #expect(strangers == 0, "\(guest) got frames for others")
    }
    // Every guest answered every frame, so the wire carries as many out as came in.
    let all = try Self.count(Self.capture, nil)
    #expect(try Self.count("\(directory.path)/fm1-10g0.pcap", nil) == all)
    for pool in try #require(report["pools"] as? [[String: Any]]) {
      #expect(pool["inUse"] as? Int == 0)
    }
  }

  @Test func `a host on the engine's own thread takes and sends what one of its own process does`()
    throws
  {
    let reports = try [[], ["--inline", "host"]].map { options in
      let outcome = try Dpaac.tool.run(["run", Dpaac.example, "--format", "json"] + options)
      try #require(outcome.status == 0, "\(outcome.errorText)\(outcome.text)")
      return try Dpaac.report(outcome.text)
    }
    for key in ["conserved", "partitions", "flows"] {
      let values = reports.map { $0[key] as? NSObject }
      #expect(values[0] != nil && values[0] == values[1], "\(key)")
    }
    for (arguments, reason) in [
      (["--inline", "nobody"], "the plan has no nobody"),
      (["--inline", "guest1", "--program", "guest1=/bin/true"], "one of your own"),
    ] {
      let outcome = try Dpaac.tool.run(["run", Dpaac.example] + arguments)
      #expect(outcome.status == 64)
      #expect(outcome.errorText.contains(reason), "\(outcome.errorText)")
    }
  }

  @Test(
    .enabled(if: getuid() == 0, "needs root"), arguments: [([], 0), (["--engine-nice=-10"], 1)])
  func `only who asks for it has the engine's thread come before others, and no other thread does`(
    options: [String], count: Int
  ) throws {
    let (status, _) = try run(options) { process in
      let tasks = "/proc/\(process.processIdentifier)/task"
      let values = try FileManager.default.contentsOfDirectory(atPath: tasks).compactMap { task in
        // The nineteenth field of all, the name in parentheses being the second.
        try String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8)
          .split(separator: ")").last?.split(separator: " ")[16]
      }
      #expect(values.count > 1)
      #expect(values.count { $0 == "-10" } == count, "\(values)")
    }
    #expect(status == 0)
  }

  @Test(arguments: ["1", "-21", "x"])
  func `no other nice value is taken`(value: String) throws {
    #expect(try Dpaac.tool.run(["run", Dpaac.example, "--engine-nice=\(value)"]).status == 64)
    #expect(try Dpaac.tool.run(["bench", "--engine-nice=\(value)"]).status == 64)
  }

  /// A run that lasts a few seconds, and what is done to it when it is under way.
  private func run(
    _ arguments: [String] = [], plan: String = Dpaac.example,
    interfere: (ChildProcess) throws -> Void
  ) throws -> (status: Int32, report: [String: Any]) {
    let scratch = try TemporaryDirectory()
    defer { scratch.remove() }
    let output = try scratch.write("output", Data())
    let process = try ChildProcess(
      Dpaac.tool.name,
      ["run", plan, "--format", "json", "--repeat", "20", "--rate", "4000"] + arguments,
      output: FileHandle(forWritingAtPath: output))
    // The captures play for about two seconds: half a second is in the midst of it.
    _ = try Dpaac.startedGuests(of: process)
    usleep(500_000)
    try interfere(process)
    process.waitUntilExit()
    let text = String(
      decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self)
    return (process.terminationStatus, try Dpaac.report(text))
  }

  @Test func `a killed guest's frames and buffers are accounted for and the others lose nothing`()
    throws
  {
    let (status, report) = try run { process in
      kill(try Dpaac.guests(of: process.processIdentifier)[3], SIGKILL)
    }
    #expect(status == 0)
    #expect(report["conserved"] as? Bool == true)
    let dead = try Dpaac.partition("guestN", of: report)
    #expect(dead["ending"] as? String == "killed by signal 9")
    #expect((dead["drops"] as? [String: Int])?["owner-gone"] ?? 0 > 0)
    for name in ["host", "guest1", "guest2"] {
      let guest = try Dpaac.partition(name, of: report)
      #expect((guest["drops"] as? [String: Int])?.isEmpty == true, "\(name) lost frames")
      #expect(guest["received"] as? Int == guest["sent"] as? Int)
    }
    for pool in try #require(report["pools"] as? [[String: Any]]) {
      #expect(pool["inUse"] as? Int == 0)
    }
  }

  @Test func `replies are made by the guest's process: stopped, it answers nothing`() throws {
    let (_, report) = try run { process in
      kill(try Dpaac.guests(of: process.processIdentifier)[3], SIGSTOP)
    }
    #expect(report["conserved"] as? Bool == true)
    let flows = try #require(report["flows"] as? [[String: Any]])
    func frames(_ from: String, _ to: String) -> Int {
      flows.first { $0["from"] as? String == from && $0["to"] as? String == to }?["frames"] as? Int
        ?? -1
    }
    let whole = frames("fm1-10g0", "guest2")
    // guest2 answered all of its frames; guestN, which has about two thirds as many, stopped
    // after the first quarter of the time.
    #expect(frames("guest2", "fm1-10g0") == whole)
    #expect(frames("guestN", "fm1-10g0") < whole / 3)
    #expect(try Dpaac.partition("guest2", of: report)["drops"] as? [String: Int] == [:])
  }

  @Test func `SIGTERM stops the input and drains`() throws {
    let (status, report) = try run { kill($0.processIdentifier, SIGTERM) }
    #expect(status == 0)
    #expect(report["conserved"] as? Bool == true)
    let interfaces = try #require(report["interfaces"] as? [[String: Any]])
    let received = try #require(interfaces[0]["received"] as? Int)
    #expect(received > 0)
    #expect(received < 20 * 426, "all was played: nothing was interrupted")
    #expect(interfaces[0]["transmitted"] as? Int == received)
  }

  @Test func `a number of repeats that no run reaches is played until it is ended`() throws {
    let (status, report) = try run(["--repeat", "\(UInt64.max)"]) {
      kill($0.processIdentifier, SIGTERM)
    }
    #expect(status == 0)
    #expect(report["conserved"] as? Bool == true)
  }

  @Test func `the same run gives the same table`() throws {
    let first = try Dpaac.tool.run(["run", Dpaac.example])
    let second = try Dpaac.tool.run(["run", Dpaac.example])
    #expect(first.status == 0)
    #expect(first.text == second.text)
    #expect(first.text.contains("conserved: yes"))
  }

  @Test func `what is sound runs: a partition without any way just waits`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let plan = try Dpaac.variant(
      in: directory, replacing: "\ninterfaces:",
      with: "\n  idle: {cpus: [12], memory: 64 MiB, portals: [20], queues: 2001-2010, pools: []}\n"
        + "\ninterfaces:")
    let outcome = try Dpaac.tool.run(["run", plan, "--format", "json"])
    #expect(outcome.status == 0, "\(outcome.errorText)")
    // The warning stays out of the data.
    #expect(outcome.errorText.contains("[partition-idle]"))
    let idle = try Dpaac.partition("idle", of: Dpaac.report(outcome.text))
    #expect(idle["received"] as? Int == 0)
  }

  static let badCaptures: [(name: String, change: @Sendable (inout Data) -> Void, says: String)] = [
    ("truncated", { $0 = $0.dropLast(10) }, "bytes announced, but"),
    ("magic", { $0[0] = 0 }, "neither a pcap nor a pcapng file"),
    ("length", { $0.replaceSubrange(32..<36, with: [0xff, 0xff, 0xff, 0xff]) }, "corrupt file"),
    ("empty", { $0 = Data() }, "ends inside its header"),
    ("link type", { $0[20] = 101 }, "link type 101"),
  ]

  @Test(arguments: badCaptures.indices)
  func `a corrupt capture is refused with its place before anything runs`(index: Int) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    var data = try #require(FileManager.default.contents(atPath: Self.capture))
    Self.badCaptures[index].change(&data)
    let path = try directory.write("bad.pcap", data)
    let outcome = try Dpaac.tool.run(
      ["run", Dpaac.example, "--port", "fm1-10g0=\(path)", "-o", "\(directory.path)/out"])
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("\(path): byte "))
    #expect(outcome.errorText.contains(Self.badCaptures[index].says))
    #expect(!FileManager.default.fileExists(atPath: "\(directory.path)/out"))
  }

  @Test func `how long frames took is told of every flow, when that is asked for`() throws {
    let outcome = try Dpaac.tool.run(["run", Dpaac.example, "--latency", "--format", "json"])
    let flows = try #require(try Dpaac.report(outcome.text)["flows"] as? [[String: Any]])
    #expect(
      Set(flows.compactMap { $0["kind"] as? String }) == [
        "Rx host", "Rx guest", "Tx host", "Tx guest", "guest-host", "guest-guest",
      ])
    for flow in flows {
      let latency = try #require(flow["latency"] as? [String: Int])
      let (frames, measured) = (flow["frames"] as? Int ?? 0, latency["measured"] ?? 0)
      #expect(measured <= frames)
      // Of a guest's the last of a burst is followed, which may always be another flow's.
      if flow["from"] as? String == "fm1-10g0" { #expect((measured > 0) == (frames > 0)) }
      #expect(latency["p50"] ?? 1 <= latency["max"] ?? 0)
    }
  }

  @Test(.enabled(if: tcpdump.isPresent, Comment(rawValue: tcpdump.skipReason)))
  func `frames larger than a guest's buffers reach it and the wire in pieces`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let plan = try Dpaac.variant(
      in: directory, replacing: "{id: 2, buffers: 4096, size: 2 KiB}",
      with: "{id: 2, buffers: 4096, size: 512}")
    let outcome = try Dpaac.tool.run(
      ["run", plan, "-o", "\(directory.path)/out", "--format", "json"])
    let report = try Dpaac.report(outcome.text)
    #expect(report["conserved"] as? Bool == true)
    let guest = try Dpaac.partition("guest1", of: report)
    #expect((guest["drops"] as? [String: Int])?.isEmpty == true)
    // Longer than a buffer without its headroom.
    let filter = try #require(Self.filters["guest1"])
    let long = try Self.count(Self.capture, "greater 449 and (\(filter))")
    #expect(long > 0)
    #expect(
      try Self.count("\(directory.path)/out/guest1.pcap", "greater 449 and (\(filter))") == long)
    #expect(
      try Self.count("\(directory.path)/out/fm1-10g0.pcap", "greater 449")
        == Self.count(Self.capture, "greater 449"))
  }
}
