import Foundation
import TestSupport
import Testing

/// A guest that is a machine, with a driver in bytes, among guests that are processes of one `dpaac run`.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RunMachineTests {
  /// A run of `examples/linux-guests` in which guest1 is a machine; host and guest2 reflect.
  private final class Rig {
    let directory: TemporaryDirectory
    private let process: ChildProcess
    let guest: FolderGuest

    init(_ arguments: [String] = [], replay frames: [[UInt8]] = []) throws {
      directory = try TemporaryDirectory()
      var words = [
        "run", FolderServer.plan, "--attach", "guest1=\(directory.path)", "-o",
        "\(directory.path)/captures", "--format", "json",
      ]
      if !frames.isEmpty {
        let capture = try directory.write(
          "in.pcap", Data(Frame.capture(frames.map { ($0, $0.count) })))
        words += ["--port", "fm1-gb0=\(capture)"]
      }
      process = try ChildProcess(
        Dpaac.tool.name, words + arguments,
        output: FileHandle(forWritingAtPath: try directory.write("output", Data())),
        errors: FileHandle(forWritingAtPath: try directory.write("errors", Data())))
      let deadline = ContinuousClock.now + .seconds(120)
      while !Self.text("errors", directory).contains("ready guest1 ") {
        try #require(
          process.isRunning && ContinuousClock.now < deadline,
          "\(Self.text("errors", directory))")
        usleep(2000)
      }
      guest = try FolderGuest(
        AttachClient(
          memory: "\(directory.path)/guest1.ram", at: FolderServer.base,
          doorbell: "\(directory.path)/guest1.bell", windowSize: FolderServer.windowSize),
        memory: "\(directory.path)/guest1.ram", 1)
    }

    deinit {
      process.stop()
      directory.remove()
    }

    private static func text(_ name: String, _ directory: TemporaryDirectory) -> String {
      (try? String(contentsOfFile: "\(directory.path)/\(name)", encoding: .utf8)) ?? ""
    }

    /// The next frame of a way.
    func take(_ way: FolderGuest.Way, _ count: Int = 1) -> [[UInt8]] {
      var frames: [[UInt8]] = []
      let deadline = ContinuousClock.now + .seconds(60)
      while frames.count < count, ContinuousClock.now < deadline {
        let more = guest.take(way)
        if more.isEmpty { usleep(2000) }
        frames += more
      }
      return frames
    }

    /// Ends it as a user does: its report, which says that nothing was lost.
    func end() throws -> [String: Any] {
      process.terminate()
      process.waitUntilExit()
      #expect(
        process.hasExited && process.terminationStatus == 0,
        "\(Self.text("output", directory)) \(Self.text("errors", directory))")
      return try Dpaac.report(Self.text("output", directory))
    }
  }

  private static func turned(_ frame: [UInt8]) -> [UInt8] {
    Array(frame[6..<12] + frame[0..<6] + frame[12...])
  }

  @Test func `a machine's frames reach processes and the wire, and theirs reach it`() throws {
    let rig = try Rig()
    for length in [60, 1514] {
      let frame = FolderServer.frame(to: 0xfe, length)
      for way in [FolderGuest.Way.host, .peer] {
        rig.guest.send(frame, from: way)
        // The process at the other end turns it back.
        #expect(rig.take(way) == [Self.turned(frame)])
      }
      rig.guest.send(frame, from: .interface)
    }
    #expect(rig.guest.take(.interface).isEmpty)
    let report = try rig.end()
    #expect(report["conserved"] as? Bool == true)
    let sent = try Dpaac.frames("\(rig.directory.path)/captures/fm1-gb0.pcap")
    #expect(sent == [60, 1514].map { FolderServer.frame(to: 0xfe, $0) })
    let received = try Dpaac.frames("\(rig.directory.path)/captures/guest1.pcap")
    #expect(received.count == 4)
  }

  @Test func `a capture waits for the machine, and reaches whom the rules name`() throws {
    func packet(_ address: UInt32, _ number: UInt8) -> [UInt8] {
      Frame.ethernet(.ipv4(to: address, .udp(to: 7, [number])))
    }
    let frames = [
      packet(0xc0a8_010b, 0), packet(0xc0a8_0205, 1), packet(0xc0a8_010b, 2),
      packet(0xc0a8_0909, 3),
    ]
    let rig = try Rig(replay: frames)
    #expect(rig.take(.interface, 2) == [frames[0], frames[2]])
    let report = try rig.end()
    #expect(report["conserved"] as? Bool == true)
    // guest2 and the host have turned theirs back.
    let sent = try Dpaac.frames("\(rig.directory.path)/captures/fm1-gb0.pcap")
    #expect(Set(sent.map { $0[42] }) == [1, 3])
  }

  @Test(arguments: [
    (["--attach", "guest9=."], "the plan's guests are guest1, guest2"),
    (["--attach", "host=."], "the plan's guests are guest1, guest2"),
    (["--attach", "guest1"], "guest=folder"),
    (["--attach", "guest1=.", "--attach", "guest1=x"], "one guest is named twice"),
    (["--attach", "guest1=/nonexistent"], "/nonexistent/guest1.ram: No such file or directory"),
    (
      ["--attach", "guest1=.", "--program", "guest1=/bin/true"],
      "guest1 cannot be a machine and a program at once"
    ),
  ])
  func `what cannot be a machine is refused`(arguments: [String], message: String) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let outcome = try Dpaac.tool.run(
      ["run", FolderServer.plan]
        + arguments.map { $0.replacing("=.", with: "=\(directory.path)") })
    #expect(outcome.status != 0)
    #expect(outcome.errorText.contains(message), "\(outcome.errorText)")
  }
}
