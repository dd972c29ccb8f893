import Foundation
import TestSupport
import Testing

/// `dpaac run` with ports that are connected with something that lives.
@Suite(.serialized, .timeLimit(.minutes(30))) struct LivePortTests {
  /// A run that goes on until it is told to end, and its final table.
  private final class Run {
    private let process: ChildProcess
    private let directory: TemporaryDirectory
    private let output: String

    init(_ arguments: [String]) throws {
      directory = try TemporaryDirectory()
      output = try directory.write("output", Data())
      process = try ChildProcess(
        Dpaac.tool.name, ["run", Dpaac.example, "--format", "json"] + arguments,
        output: FileHandle(forWritingAtPath: output))
    }

    deinit {
      process.stop()
      directory.remove()
    }

    var isRunning: Bool { process.isRunning }

    /// Asks it to end and reads its table.
    func end(_ signal: Int32) throws -> [String: Any] {
      kill(process.processIdentifier, signal)
      for _ in 0..<6000 where process.isRunning { usleep(10_000) }
      try #require(!process.isRunning, "the run does not end")
      #expect(process.terminationStatus == 0)
      let data = FileManager.default.contents(atPath: output) ?? Data()
      return try Dpaac.report(String(decoding: data, as: UTF8.self))
    }
  }

  /// A peer of a stream line, with at most 30 s for each call.
  private final class Peer {
    private let descriptor: Int32

    init(calling path: String) throws {
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
      var connected: Int32 = -1
      for _ in 0..<3000 {
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: address) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, size) }
        }
        if result == 0 {
          connected = socket
          break
        }
        close(socket)
        usleep(10_000)
      }
      try #require(connected >= 0, "nobody listens at \(path)")
      descriptor = connected
      var limit = timeval(tv_sec: 30, tv_usec: 0)
      for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
        setsockopt(
          descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
      }
    }

    deinit { close(descriptor) }

    func send(_ frame: [UInt8]) {
      let bytes = Frame.big(UInt32(frame.count)) + frame
      #expect(Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    func receive() -> [UInt8]? {
      guard let length = read(4) else { return nil }
      return read(length.reduce(0) { $0 << 8 | Int($1) })
    }

    private func read(_ count: Int) -> [UInt8]? {
      var bytes = [UInt8](repeating: 0, count: count)
      let got = recv(descriptor, &bytes, count, Int32(MSG_WAITALL))
      return got == count ? bytes : nil
    }
  }

  private static func frame(_ number: Int) -> [UInt8] {
    Frame.ethernet(
      .ipv4(
        to: 0xc0a8_010b,
        .udp(to: 7, from: UInt16(1024 + number), [UInt8](repeating: 9, count: 100))))
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `a run with a line goes on until a signal, drains, and its table adds up`(signal: Int32)
    throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = "\(directory.path)/line"
    let run = try Run([
      "--port", "fm1-10g0=stream-server:\(path)", "-o", "\(directory.path)/out", "--captures",
      "pcapng",
    ])
    var answers = 0
    // guest1 answers each frame; other guests' probes do not come here.
    for peers in 0..<2 {
      let peer = try Peer(calling: path)
      for number in 0..<200 {
        peer.send(Self.frame(number + 1000 * peers))
        let answer = try #require(peer.receive(), "frame \(number) was not answered")
        #expect(answer[30..<34] == [10, 0, 0, 1])
        answers += 1
      }
    }
    #expect(run.isRunning)
    let report = try run.end(signal)
    #expect(report["conserved"] as? Bool == true, "\(report["discrepancies"] ?? "")")
    let port = try #require((report["interfaces"] as? [[String: Any]])?.first)
    #expect(port["received"] as? Int == answers)
    #expect(port["transmitted"] as? Int == answers)
    let line = try #require(port["line"] as? [String: Any])
    #expect(line["address"] as? String == "stream-server:\(path)")
    #expect(line["connections"] as? Int == 2)
    #expect(!FileManager.default.fileExists(atPath: path))
    let count = try RunTests.count("\(directory.path)/out/guest1.pcapng", "udp dst port 7")
    #expect(count == answers)
  }

  @Test func `a peer that sends rubbish harms neither the run nor the next peer`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = "\(directory.path)/line"
    let run = try Run(["--port", "fm1-10g0=stream-server:\(path)"])
    for seed in 1...20 as ClosedRange<UInt64> {
      var random = SeededGenerator(seed: seed)
      let peer = try Peer(calling: path)
      // Frames of random bytes, then a length that is none.
      for _ in 0..<50 { peer.send((0..<random.below(300)).map { _ in random.byte() }) }
      peer.send([UInt8](repeating: 0xff, count: 70_000))
    }
    let peer = try Peer(calling: path)
    peer.send(Self.frame(7))
    let answered = (0..<100_000).contains { _ in peer.receive()?.count == Self.frame(7).count }
    #expect(answered)
    let report = try run.end(SIGTERM)
    #expect(report["conserved"] as? Bool == true, "\(report["discrepancies"] ?? "")")
    let port = try #require((report["interfaces"] as? [[String: Any]])?.first)
    #expect((port["line"] as? [String: Any])?["violations"] as? Int == 20)
  }

  @Test(
    arguments: [
      ("fm1-10g0", "write it as interface=file"),
      ("fm1-10g0=tap:", "names no network device"),
      ("fm1-10g0=stream:nowhere", "is neither a path with a slash"),
      ("fm1-10g0=tpa:t0", "there is no file tpa:t0, and lines are written tap:NAME"),
    ])
  func `a line that is written wrongly is bad usage`(port: String, says: String) throws {
    let outcome = try Dpaac.tool.run(["run", Dpaac.example, "--port", port])
    #expect(outcome.status == 64)
    #expect(outcome.errorText.contains("--port \(port): "))
    #expect(outcome.errorText.contains(says))
  }

  @Test func `an interface has one line`() throws {
    let outcome = try Dpaac.tool.run([
      "run", Dpaac.example, "--port", "fm1-10g0=tap:a", "--port", "fm1-10g0=tap:b",
    ])
    #expect(outcome.status == 64)
    #expect(outcome.errorText.contains("fm1-10g0=tap:b: fm1-10g0 is connected twice"))
  }

  @Test func `a line that cannot be opened leaves nothing behind`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let file = try directory.write("file", Data("kept".utf8))
    let outcome = try Dpaac.tool.run([
      "run", Dpaac.example, "--port", "fm1-10g0=stream-server:\(file)", "-o",
      "\(directory.path)/out",
    ])
    #expect(outcome.status == 1)
    #expect(
      outcome.errorText.contains(
        "error: fm1-10g0=stream-server:\(file): cannot have \(file): Address already in use"))
    #expect(!FileManager.default.fileExists(atPath: "\(directory.path)/out"))
  }

  private static let tools = [
    Tool("ip", package: "iproute2"), Tool("ping", package: "iputils-ping"),
    Tool("iperf3", package: "iperf3"), Tool("curl", package: "curl"),
  ]

  @Test(
    .enabled(if: isHeavy, "heavy: 30 s of traffic"),
    .enabled(if: geteuid() == 0, "needs root for network namespaces"),
    .enabled(
      if: tools.allSatisfy(\.isPresent),
      Comment(rawValue: tools.first { !$0.isPresent }?.skipReason ?? "")))
  func `heavy: ping, iperf3 and curl through a guest that routes lose nothing that is not counted`()
    throws
  {
    let script = Tool("\(Checkout.path)/scripts/traffic", package: "")
    let outcome = try script.run(["--seconds", "30", "--dpaac", Dpaac.tool.name])
    #expect(outcome.status == 0, "\(outcome.text)\(outcome.errorText)")
    #expect(outcome.text.contains("all losses are explained"))
  }
}
