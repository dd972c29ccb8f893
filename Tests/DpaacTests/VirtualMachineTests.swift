import Foundation
import TestSupport
import Testing

/// Guests of the kind `vm`: what a run says when it cannot start them.
@Suite(.timeLimit(.minutes(30))) struct VirtualMachineStartTests {
  private static func plan(_ directory: TemporaryDirectory, accel: String = "tcg") throws -> String
  {
    try VirtualMachineTests.plan(["guest2"], in: directory, accel: accel)
  }

  /// A program in the place of QEMU, and the PATH on which it is found first.
  private static func emulator(
    _ script: String, in directory: TemporaryDirectory
  ) throws -> [String: String] {
    let emulator = try directory.write("qemu-system-x86_64", Data(script.utf8))
    try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: emulator)
    return ["PATH": "\(directory.path):/usr/bin:/bin"]
  }

  /// Puts files where those of an image would be.
  private static func addImage(to directory: TemporaryDirectory) throws {
    for name in ["vmlinuz", "initramfs"] { try directory.write(name, Data([0])) }
  }

  @Test func `a run without an image says how to make one, and leaves nothing behind`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let outcome = try Dpaac.tool.run(
      ["run", try Self.plan(directory), "-o", "\(directory.path)/captures"],
      environment: ["XDG_CACHE_HOME": directory.path])
    #expect(outcome.status == 1)
    #expect(
      outcome.errorText.contains("error: guest2: is a virtual machine, but there is no kernel"))
    #expect(outcome.errorText.contains("scripts/guest-image"))
    #expect(!FileManager.default.fileExists(atPath: "\(directory.path)/captures"))
  }

  @Test func `a folder without an image is refused by name`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let outcome = try Dpaac.tool.run(
      ["run", try Self.plan(directory), "--guest-image", directory.path])
    #expect(outcome.status == 64)
    #expect(outcome.errorText.contains("--guest-image \(directory.path): there is no vmlinuz"))
  }

  @Test func `a machine without QEMU names the package that has it`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try Self.addImage(to: directory)
    let outcome = try Dpaac.tool.run(
      ["run", try Self.plan(directory), "--guest-image", directory.path],
      environment: ["PATH": directory.path])
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("on PATH (Debian: qemu-system-x86)"))
  }

  @Test func `a run that this host cannot begin leaves the captures of the one before`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try Self.addImage(to: directory)
    let capture = try directory.write("guest1.pcap", Data("what was there".utf8))
    let outcome = try Dpaac.tool.run(
      [
        "run", try Self.plan(directory), "-o", directory.path, "--guest-image", directory.path,
      ], environment: ["PATH": directory.path])
    #expect(outcome.status == 1)
    #expect(try String(contentsOfFile: capture, encoding: .utf8) == "what was there")
  }

  @Test(arguments: [
    "echo the disk is on fire\n",
    // What a machine says in vain, as there is no room for more, is not kept.
    "head -c 262120 /dev/zero\necho\necho the disk is on fire\nhead -c 9999999 /dev/zero\n",
  ])
  func `a machine that stops early has its last words told`(script: String) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try Self.addImage(to: directory)
    let outcome = try Dpaac.tool.run(
      ["run", try Self.plan(directory), "--guest-image", directory.path],
      environment: try Self.emulator("#!/bin/sh\n\(script)exit 3\n", in: directory))
    #expect(outcome.status == 1)
    #expect(
      outcome.errorText.contains(
        """
        error: guest2: exited with code 3 before it attached to its portals; it said last:
        the disk is on fire
        """))
  }

  @Test(arguments: [("poll", 0, "vectors=1"), ("interrupt", 2, "vectors=2")])
  func `a machine that waits for interrupts has an IOMMU, and a vector for each of its two portals`(
    mode: String, count: Int, vectors: String
  ) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try Self.addImage(to: directory)
    let plan = try VirtualMachineTests.plan(["guest2"], in: directory, mode: mode)
    let script = "#!/bin/sh\necho \"$@\" | grep -o 'intel.iommu' | wc -l\necho \"$@\"\nexit 3\n"
    let outcome = try Dpaac.tool.run(
      ["run", plan, "--guest-image", directory.path],
      environment: try Self.emulator(script, in: directory))
    #expect(outcome.errorText.contains("it said last:\n\(count)\n"))
    #expect(outcome.errorText.contains("ivshmem-doorbell,chardev=portals,\(vectors)"))
  }

  @Test func `who fills a doorbell in QEMU's place is killed`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try Self.addImage(to: directory)
    let plan = try VirtualMachineTests.plan(["guest2"], in: directory, mode: "interrupt")
    let outcome = try Dpaac.tool.run(
      ["run", plan, "--guest-image", directory.path],
      environment: try Self.emulator(
        """
        #!/usr/bin/python3
        import os, socket, time
        server = socket.socket(fileno=3)
        heard = [socket.recv_fds(server, 8, 1)[1] for _ in range(5)]
        os.set_blocking(heard[4][0], True)
        os.write(heard[4][0], (2**64 - 2).to_bytes(8, "little"))
        time.sleep(600)

        """, in: directory))
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("error: guest2: killed by signal 9 before it attached"))
  }
}

/// Guests of the kind `vm`, in QEMU's translator: machines of their own that drive their portals.
@Suite(
  .serialized, .timeLimit(.minutes(30)),
  .enabled(if: GuestImage.isPresent, "heavy: scripts/guest-image makes what machines boot"))
struct VirtualMachineTests {
  /// The example with some of its guests as virtual machines.
  static func plan(
    _ guests: [String], in directory: TemporaryDirectory, accel: String = "tcg",
    mode: String = "poll"
  ) throws -> String {
    var text = try String(contentsOfFile: Dpaac.example, encoding: .utf8)
    for guest in guests {
      let head = "  \(guest):\n"
      try #require(text.contains(head), "the example no longer has \(guest)")
      text = text.replacingOccurrences(
        of: head, with: "\(head)    kind: vm\n    accel: \(accel)\n    mode: \(mode)\n")
    }
    try FileManager.default.copyItem(
      atPath: "\(Checkout.path)/examples/kvm-forum/traffic.pcap",
      toPath: "\(directory.path)/traffic.pcap")
    return try directory.write("plan.yaml", Data(text.utf8))
  }

  @Test func `heavy: two machines and the host share an interface by plan, in all six flows`()
    throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let outcome = try Dpaac.tool.run([
      "run", try Self.plan(["guest1", "guest2"], in: directory), "--format", "json", "-o",
      "\(directory.path)/machines",
    ])
    #expect(outcome.status == 0, "\(outcome.errorText)")
    #expect(outcome.errorText.contains("boot guest1 with QEMU, TCG\nboot guest2 with QEMU, TCG\n"))
    let report = try Dpaac.report(outcome.text)
    // The very frames that processes get.
    let usual = try Dpaac.report(
      try Dpaac.tool.run([
        "run", Dpaac.example, "--format", "json", "-o", "\(directory.path)/processes",
      ]).text)
    func sent(_ kind: String) throws -> [[UInt8]] {
      try Dpaac.frames("\(directory.path)/\(kind)/fm1-10g0.pcap")
        .sorted { $0.lexicographicallyPrecedes($1) }
    }
    #expect(try sent("machines") == sent("processes"))
    #expect(report["conserved"] as? Bool == true)
    func flows(_ report: [String: Any]) throws -> [[String]] {
      try #require(report["flows"] as? [[String: Any]]).map { flow in
        ["from", "to", "kind", "frames"].map { "\(flow[$0] ?? "")" }
      }
    }
    #expect(try flows(report) == flows(usual))
    #expect(Set(try flows(report).map { $0[2] }).count == 6)
  }

  @Test func `heavy: a machine killed in mid-traffic disturbs nobody`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let output = try directory.write("output", Data())
    let errors = try directory.write("errors", Data())
    let process = try ChildProcess(
      Dpaac.tool.name,
      [
        "run", try Self.plan(["guest1", "guestN"], in: directory), "--format", "json", "--repeat",
        "100", "--rate", "10000", "-o", "\(directory.path)/captures",
      ],
      output: FileHandle(forWritingAtPath: output), errors: FileHandle(forWritingAtPath: errors))
    defer { process.stop() }
    let guests = try Dpaac.startedGuests(of: process)
    try #require(guests.count == 4)
    let deadline = ContinuousClock.now + .seconds(300)
    // What guests have sent to the wire is in the midst of it.
    func sent() -> Int {
      let attributes = try? FileManager.default.attributesOfItem(
        atPath: "\(directory.path)/captures/fm1-10g0.pcap")
      return attributes?[.size] as? Int ?? 0
    }
    while sent() < 1 << 18, process.isRunning {
      try #require(ContinuousClock.now < deadline, "nothing comes from the guests")
      usleep(10_000)
    }
    kill(guests[3], SIGKILL)
    process.waitUntilExit()
    let report = try Dpaac.report(try String(contentsOfFile: output, encoding: .utf8))
    #expect(report["conserved"] as? Bool == true)
    #expect(try Dpaac.partition("guestN", of: report)["ending"] as? String == "killed by signal 9")
    for name in ["host", "guest1", "guest2"] {
      let guest = try Dpaac.partition(name, of: report)
      #expect((guest["drops"] as? [String: Int])?.isEmpty == true, "\(name) lost frames")
      #expect(guest["received"] as? Int == guest["sent"] as? Int)
    }
    for pool in try #require(report["pools"] as? [[String: Any]]) {
      #expect(pool["inUse"] as? Int == 0)
    }
  }

  @Test func `heavy: a program of one's own runs in a machine in place of the image's`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let source = try directory.write(
      "program.c",
      Data("#include <stdio.h>\nint main(void) { puts(\"my own program\"); return 7; }\n".utf8))
    let program = "\(directory.path)/program"
    let compiler = Tool("cc", package: "gcc")
    try #require(try compiler.run(["-static", "-o", program, source]).status == 0)
    let outcome = try Dpaac.tool.run([
      "run", try Self.plan(["guest2"], in: directory), "--program", "guest2=\(program)",
    ])
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("my own program\n"))
    #expect(outcome.errorText.contains("init: the program exited with code 7"))
  }
}
