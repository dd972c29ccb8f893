import Glibc

/// Runs a program on some input and gathers what it writes, up to a limit.
struct ChildProcess {
  struct Result {
    var output: [UInt8]
    var errors: [UInt8]
    /// The exit code; `nil` when a signal ended it.
    var status: Int32?
    /// Whether it was ended for writing more than it may.
    var exceedsLimit = false
    /// Whether it was ended for taking longer than it may.
    var exceedsTime = false
  }

  /// A program's name, searched in `PATH`, and its arguments.
  let command: [String]
  /// The most bytes of standard output that are taken; standard error has a mebibyte.
  var limit = 1 << 29
  /// How long it may take.
  var timeLimit = Duration.seconds(60)

  /// The result; `nil` when the program cannot be started. `errno` then says why.
  func run(input: [UInt8]) -> Result? {
    guard let source = Self.unnamedFile() else { return nil }
    defer { close(source) }
    guard write(input, to: source), lseek(source, 0, SEEK_SET) == 0 else { return nil }
    guard let output = Pipe() else { return nil }
    defer { output.close() }
    guard let errors = Pipe() else { return nil }
    defer { errors.close() }
    guard let child = spawn(source, output.writing, errors.writing) else { return nil }
    output.closeWriting()
    errors.closeWriting()
    var result = Result(output: [], errors: [], status: nil)
    gather(output.reading, errors.reading, into: &result)
    // The whole group, for drivers such as cpp leave the work to a process of their own.
    if result.exceedsLimit || result.exceedsTime { kill(-child, SIGKILL) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    // WIFEXITED and WEXITSTATUS of wait(2), which are macros.
    if status & 0x7F == 0 { result.status = status >> 8 & 0xFF }
    return result
  }

  /// A file that has lost its name already, so nothing is left behind however this ends.
  private static func unnamedFile() -> Int32? {
    let directory = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var name = Array("\(directory)/dpaac-XXXXXX".utf8CString)
    let descriptor = mkstemp(&name)
    guard descriptor >= 0 else { return nil }
    unlink(name)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
  }

  private func spawn(_ input: Int32, _ output: Int32, _ errors: Int32) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, errors, 2)
    var arguments = command.map { strdup($0) } + [nil]
    // No more of the environment than finding programs takes: CPATH and its like would add include
    // paths, and a language would translate the messages.
    var environment: [UnsafeMutablePointer<CChar>?] = [strdup("LC_ALL=C")]
    for name in ["PATH", "HOME", "TMPDIR"] {
      if let value = getenv(name) {
        environment.append(strdup("\(name)=\(String(cString: value))"))
      }
    }
    environment.append(nil)
    defer { for pointer in arguments + environment { free(pointer) } }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    var child: pid_t = 0
    let failure = posix_spawnp(
      &child, command[0], &actions, &attributes, &arguments, &environment)
    guard failure == 0 else {
      errno = failure
      return nil
    }
    return child
  }

  private func gather(_ output: Int32, _ errors: Int32, into result: inout Result) {
    var waits = [output, errors].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    let deadline = ContinuousClock.now + timeLimit
    while waits.contains(where: { $0.fd >= 0 }) {
      let left = ContinuousClock.now.duration(to: deadline).components
      guard left.seconds >= 0, left.attoseconds >= 0 else {
        result.exceedsTime = true
        return
      }
      // A second at most, so that no clock can be overslept.
      let milliseconds =
        left.seconds > 0 ? 1000 : Int32(left.attoseconds / 1_000_000_000_000_000) + 1
      if poll(&waits, nfds_t(waits.count), milliseconds) < 0 {
        if errno == EINTR { continue }
        return
      }
      for index in waits.indices where waits[index].revents != 0 {
        let chunk = read(waits[index].fd)
        if chunk.isEmpty {
          waits[index].fd = -1
        } else if index == 0 {
          result.output += chunk
        } else if result.errors.count < 1 << 20 {
          result.errors += chunk
        }
      }
      if result.output.count > limit {
        result.exceedsLimit = true
        return
      }
    }
  }

  /// What can be read now; empty at the end.
  private func read(_ descriptor: Int32) -> [UInt8] {
    // SAFETY: `read` writes at most the capacity handed to it, and only what it reports as read is
    // marked as initialised.
    [UInt8](unsafeUninitializedCapacity: 65536) { buffer, initialized in
      var count = 0
      repeat {
        count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      } while count < 0 && errno == EINTR
      initialized = max(0, count)
    }
  }

  private func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var offset = 0
      while offset < buffer.count {
        // SAFETY: the pointer and count stay inside `buffer`, which lives for the whole closure.
        let count = Glibc.write(
          descriptor, buffer.baseAddress.map { $0 + offset }, buffer.count - offset)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        offset += count
      }
      return true
    }
  }
}

/// The two ends of a pipe, closed on exec.
private final class Pipe {
  let reading: Int32
  private(set) var writing: Int32

  init?() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    reading = ends[0]
    writing = ends[1]
  }

  func closeWriting() {
    if writing >= 0 { Glibc.close(writing) }
    writing = -1
  }

  func close() {
    closeWriting()
    Glibc.close(reading)
  }
}
