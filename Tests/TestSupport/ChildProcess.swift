public import Foundation

/// A program that runs beside a test.
///
/// Not Foundation's: a child of that inherits what the test has open at this moment, other tests' sockets
/// among it. Who waits for the end of such a socket, Foundation itself included, then waits for a program
/// that has nothing to do with it. A child of this has its three standard streams and nothing else, and a
/// wait for it comes to an end.
public final class ChildProcess {
  /// Its number.
  public let processIdentifier: pid_t
  /// How it ended, as `waitpid` says; `nil` while it runs.
  private var ending: Int32?
  /// How long a test waits for an end, in seconds; then it ends the program itself.
  private static let patience = 900

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - path: Where it is.
  ///   - arguments: Its arguments.
  ///   - environment: What to add to the environment.
  ///   - directory: Where it runs; `nil` for here.
  ///   - input: Its standard input.
  ///   - output: Its standard output.
  ///   - errors: Its standard error.
  /// - Throws: When it cannot be started.
  public init(
    _ path: String, _ arguments: [String], environment: [String: String] = [:],
    in directory: String? = nil, input: FileHandle? = .nullDevice,
    output: FileHandle? = .nullDevice, errors: FileHandle? = .nullDevice
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // Out of the way first: a stream's number here may be that of another one there.
    let streams = [input, output, errors].map { $0?.fileDescriptor ?? -1 }
    for (place, descriptor) in streams.enumerated() where descriptor >= 0 {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(1000 + place))
    }
    for (place, descriptor) in streams.enumerated() where descriptor >= 0 {
      posix_spawn_file_actions_adddup2(&actions, Int32(1000 + place), Int32(place))
    }
    for descriptor in 3..<Int32(1003) { posix_spawn_file_actions_addclose(&actions, descriptor) }
    // A test may ignore SIGPIPE; its programs do as everywhere.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))

    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let program = directory == nil ? path : "/usr/bin/env"
    let start = directory.map { [program, "-C", $0, path] } ?? [path]
    var words = (start + arguments).map { strdup($0) } + [nil]
    var settings = variables.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + settings { free(text) } }
    var child: pid_t = 0
    let result = posix_spawn(&child, program, &actions, &attributes, &words, &settings)
    guard result == 0 else { throw NotStarted(path: path, error: result) }
    processIdentifier = child
  }

  /// Whether it runs.
  public var isRunning: Bool {
    if ending == nil {
      var status: Int32 = 0
      if waitpid(processIdentifier, &status, WNOHANG) == processIdentifier { ending = status }
    }
    return ending == nil
  }

  /// Asks it to end, as a service manager does.
  public func terminate() { signal(SIGTERM) }

  /// Ends it at once, and waits until it is gone.
  public func stop() {
    signal(SIGKILL)
    waitUntilExit()
  }

  /// Sends it a signal, unless it has ended.
  public func signal(_ number: Int32) {
    if isRunning { kill(processIdentifier, number) }
  }

  /// Waits until it has ended.
  public func waitUntilExit() {
    let deadline = ContinuousClock.now + .seconds(Self.patience)
    while isRunning {
      if ContinuousClock.now > deadline { kill(processIdentifier, SIGKILL) }
      usleep(500)
    }
  }

  /// Its exit code, or the number of the signal that ended it; -1 while it runs.
  public var terminationStatus: Int32 {
    guard let ending else { return -1 }
    return hasExited ? ending >> 8 & 0xff : ending & 0x7f
  }

  /// Whether it ended by itself and not by a signal.
  public var hasExited: Bool { ending.map { $0 & 0x7f == 0 } ?? false }

  /// A program could not be started.
  public struct NotStarted: Error, CustomStringConvertible {
    let path: String
    let error: Int32
    /// Which, and why.
    public var description: String { "\(path): \(String(cString: strerror(error)))" }
  }
}
