import Foundation
import TestSupport
import Testing

/// Stream lines over TCP: whom they call, and how they notice that somebody has gone without a word.
@Suite(
  .serialized, .timeLimit(.minutes(5)),
  .enabled(if: MountNamespace.isAllowed, "needs root and a mount namespace"))
struct LineAddressTests {
  private static let ss = Tool("ss", package: "iproute2")

  @Test(arguments: [1, 2] as [UInt8])
  func `of a host's two addresses the one where somebody listens is found`(last: UInt8) throws {
    let host = try LineHost(at: last)
    #expect(host.awaitCall(), "nobody called 127.0.0.\(last): \(host.errors)")
    try host.end()
  }

  @Test(.enabled(if: ss.isPresent, Comment(rawValue: ss.skipReason)))
  func `a peer that is silent for long is asked whether it is there`() throws {
    let host = try LineHost(at: 1)
    #expect(host.awaitCall())
    // The line's own end, with its timers: the kernel's word for what was set, soon after it has called.
    var (text, timer): (String, Substring?) = ("", nil)
    for _ in 0..<100 where timer == nil {
      text = try Self.ss.run(["-tnoH", "state", "established", "dport", "= :\(host.port)"]).text
      if let match = text.firstMatch(of: /timer:\(keepalive,([0-9.]+)(ms|sec)/)?.output {
        timer = match.1
        #expect(match.2 == "ms" || (Double(match.1) ?? 99) <= 10)
      } else {
        usleep(50_000)
      }
    }
    #expect(timer != nil, "\(text)")
    try host.end()
  }
}

/// A listener on one of two loopback addresses, and a run whose line calls a name that has both.
private final class LineHost {
  private let directory: TemporaryDirectory
  private let process: ChildProcess
  private let listener: Int32
  private var peer: Int32 = -1
  let port: UInt16
  var errors: String {
    (try? String(contentsOfFile: "\(directory.path)/errors", encoding: .utf8)) ?? ""
  }

  init(at last: UInt8) throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = (0x7f00_0000 | UInt32(last)).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = listener
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    try #require(isBound && listen(listener, 4) == 0)
    port = UInt16(bigEndian: address.sin_port)
    directory = try TemporaryDirectory()
    let hosts = try directory.write("hosts", Data("127.0.0.1 two.test\n127.0.0.2 two.test\n".utf8))
    let run = "mount --bind '\(hosts)' /etc/hosts && exec \"$@\""
    process = try ChildProcess(
      try #require(MountNamespace.unshare.path),
      [
        "-m", "sh", "-c", run, "sh", Dpaac.tool.name, "run", Dpaac.example, "--port",
        "fm1-10g0=stream:two.test:\(port)", "--format", "json",
      ],
      output: FileHandle(forWritingAtPath: try directory.write("output", Data())),
      errors: FileHandle(forWritingAtPath: try directory.write("errors", Data())))
  }

  deinit {
    process.stop()
    if peer >= 0 { close(peer) }
    close(listener)
    directory.remove()
  }

  /// Waits for a call, 60 s at most.
  func awaitCall() -> Bool {
    var place = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    guard poll(&place, 1, 60_000) == 1 else { return false }
    peer = accept(listener, nil, nil)
    // Nothing that another test starts is to have it.
    return peer >= 0 && fcntl(peer, F_SETFD, FD_CLOEXEC) == 0
  }

  func end() throws {
    process.terminate()
    process.waitUntilExit()
    #expect(process.hasExited && process.terminationStatus == 0, "\(errors)")
  }
}
