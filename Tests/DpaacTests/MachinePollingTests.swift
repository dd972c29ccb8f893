import Foundation
import TestSupport
import Testing

/// What a virtual machine that polls costs the host's kernel, by strace's count.
@Suite(
  .serialized, .timeLimit(.minutes(30)),
  .enabled(if: GuestImage.isPresent, "heavy: scripts/guest-image makes what machines boot"))
struct MachinePollingTests {
  static let strace = Tool("strace", package: "strace")

  /// What one run showed.
  private struct Count {
    /// Frames that went into the machine and out of it while its QEMU was watched, at most.
    var frames: Int
    /// System calls of all its threads.
    var calls: Int
  }

  /// Plays what the example's capture has for guest1 so often as fast as it is taken, with guest1 as a machine,
  /// and counts the system calls of its QEMU from the first frames on.
  private static func run(repeats: Int) throws -> Count {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let output = try directory.write("output", Data())
    let table = "\(directory.path)/calls"
    let frames = "\(directory.path)/frames.pcap"
    let filter = try RunTests.tcpdump.run(
      ["-r", RunTests.capture, "-w", frames, try #require(RunTests.filters["guest1"])])
    try #require(filter.status == 0, "\(filter.errorText)")
    let process = try ChildProcess(
      Dpaac.tool.name,
      [
        "run", try VirtualMachineTests.plan(["guest1"], in: directory), "--format", "json",
        "--repeat", "\(repeats)", "-o", "\(directory.path)/captures", "--port",
        "fm1-10g0=\(frames)",
      ],
      output: FileHandle(forWritingAtPath: output))
    defer { process.stop() }
    let guests = try Dpaac.startedGuests(of: process)
    try #require(guests.count == 4)
    let deadline = ContinuousClock.now + .seconds(300)
    func wait(_ what: String, until isDone: () -> Bool) throws {
      while !isDone() {
        try #require(ContinuousClock.now < deadline, "\(what) takes too long")
        usleep(2000)
      }
    }
    // It has booted when frames leave; all that are counted come after that.
    try wait("the boot") {
      let capture = "\(directory.path)/captures/fm1-10g0.pcap"
      let attributes = try? FileManager.default.attributesOfItem(atPath: capture)
      return attributes?[.size] as? Int ?? 0 > 24 || !process.isRunning
    }
    let watcher = try ChildProcess(
      try #require(strace.path), ["-c", "-f", "-o", table, "-p", "\(guests[1])"])
    defer { watcher.stop() }
    try wait("the run") { !process.isRunning }
    // QEMU is gone, and strace with it; if not, it is asked.
    watcher.signal(SIGINT)
    try wait("strace") { !watcher.isRunning }
    let report = try Dpaac.report(try String(contentsOfFile: output, encoding: .utf8))
    #expect(report["conserved"] as? Bool == true)
    let last = try #require(
      try String(contentsOfFile: table, encoding: .utf8).split(separator: "\n").last)
    // "100.00    0.173707           8     19822       587 total"
    let fields = last.split(separator: " ")
    try #require(fields.last == "total" && fields.count >= 5, "strace counted nothing: \(last)")
    let received = try #require(
      try Dpaac.partition("guest1", of: report)["received"] as? Int)
    return Count(frames: received, calls: try #require(Int(fields[3])))
  }

  @Test
  func
    `heavy: ten times the frames are no more system calls, neither of the machine nor of its I/O`()
    throws
  {
    // What a busy neighbour of this test takes from the engine, a machine that polls spends napping, and naps are
    // system calls: the best of three counts. A call for each frame, or for every fourth, would be in all of them.
    var seen: [(few: Count, many: Count)] = []
    for _ in 0..<3 {
      seen.append((try Self.run(repeats: 300), try Self.run(repeats: 3000)))
      let (few, many) = seen[seen.count - 1]
      try #require(many.frames > 8 * few.frames)
      if 4 * many.calls < many.frames, 4 * (many.calls - few.calls) < many.frames - few.frames {
        print(
          "guest1: \(few.calls) calls for \(few.frames) frames, \(many.calls) for \(many.frames)")
        return
      }
    }
    Issue.record("\(seen.map { ($0.few, $0.many) })")
  }
}
