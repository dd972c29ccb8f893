import CPortalShims
import DPAARuntime
import Glibc

/// A program that takes part and is ended with this process, or with the thread that started it.
final class ContestProcess {
  let identifier: pid_t
  private let log: Int32
  /// Its standard input; -1 for a program that reads nothing.
  private let input: Int32
  /// Readable when it has ended.
  private let ending: Int32

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - command: The program, and its arguments.
  ///   - descriptors: What it gets beside its standard streams, by place there.
  ///   - reads: Whether it is told things by its standard input.
  /// - Throws: ``BenchError`` when it cannot be started.
  init(
    _ command: [String], _ descriptors: [Int32: Int32] = [:], reads: Bool = false
  ) throws(BenchError) {
    var ends: [Int32] = [-1, -1]
    if reads, pipe2(&ends, O_CLOEXEC) != 0 { throw BenchError(errno: "no pipe") }
    defer { if ends[0] >= 0 { close(ends[0]) } }
    log = memfd_create("dpaac-contest-log", UInt32(MFD_CLOEXEC))
    input = ends[1]
    do throws(ChildProgram.Failure) {
      identifier = try ChildProgram.start(
        ["/usr/bin/setpriv", "--pdeathsig", "KILL"] + command,
        descriptors.merging(reads ? [0: ends[0], 1: log, 2: log] : [1: log, 2: log]) { $1 })
    } catch {
      close(log)
      if ends[1] >= 0 { close(ends[1]) }
      throw BenchError("\(error)")
    }
    ending = dpaac_pidfd_open(identifier)
  }

  deinit {
    kill(identifier, SIGKILL)
    var status: Int32 = 0
    waitpid(identifier, &status, 0)
    for descriptor in [log, input, ending] where descriptor >= 0 { close(descriptor) }
  }

  /// Whether it runs.
  var isAlive: Bool {
    // Its end is not taken, as a process of its number might be another's then.
    var descriptor = pollfd(fd: ending, events: Int16(POLLIN), revents: 0)
    return poll(&descriptor, 1, 0) == 0
  }

  /// Tells it something.
  func say(_ text: String) {
    var bytes = Array(text.utf8)
    // A program that has ended reads no more, and its end is noticed elsewhere: this process is not to end with it.
    signal(SIGPIPE, SIG_IGN)
    _ = write(input, &bytes, bytes.count)
  }

  /// What it said last.
  var lastWords: String {
    var bytes = [UInt8](repeating: 0, count: 2048)
    // It writes through this very file, so its place is the end of what was said.
    let end = lseek(log, 0, SEEK_CUR)
    let length = pread(log, &bytes, bytes.count, max(0, end - bytes.count))
    guard length > 0 else { return "nothing" }
    return String(decoding: bytes.prefix(length), as: UTF8.self).split(separator: "\n").suffix(3)
      .joined(separator: " / ")
  }
}
