import Glibc

/// Runs a program and takes its time and memory.
package struct ProcessTimer {
  /// The seconds after which a program is stopped.
  package let limit: Int

  /// What a run was like.
  package struct Run {
    /// From before the start to after the end, in seconds.
    package var seconds: Double
    /// The processor time it took, of all its threads.
    package var processor: Double
    /// The most memory it had, in bytes.
    package var memory: Int
    /// The exit code; `nil` when it was stopped or crashed.
    package var status: Int32?
    /// Whether it was stopped for taking too long.
    package var isStopped: Bool
  }

  package init(limit: Int) {
    self.limit = limit
    // Only there to interrupt the wait below.
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    sigaction(SIGALRM, &action, nil)
  }

  /// Runs commands one after the other, as far as they succeed, and adds up what they took.
  package func run(_ commands: [[String]]) -> Run? {
    var total = Run(seconds: 0, processor: 0, memory: 0, status: 0, isStopped: false)
    for command in commands {
      guard let run = run(command) else { return nil }
      total.seconds += run.seconds
      total.processor += run.processor
      total.memory = max(total.memory, run.memory)
      total.status = run.status
      total.isStopped = run.isStopped
      if run.status != 0 { break }
    }
    return total
  }

  /// Runs a command with its output thrown away.
  package func run(_ command: [String]) -> Run? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var arguments = command.map { strdup($0) } + [nil]
    var environment: [UnsafeMutablePointer<CChar>?] = [strdup("LC_ALL=C"), nil]
    defer { for pointer in arguments + environment { free(pointer) } }
    var child: pid_t = 0
    let start = Self.now
    guard posix_spawnp(&child, command[0], &actions, nil, &arguments, &environment) == 0 else {
      return nil
    }
    alarm(UInt32(limit))
    var isStopped = false
    var status: Int32 = 0
    var usage = rusage()
    while wait4(child, &status, 0, &usage) < 0 {
      guard errno == EINTR else { return nil }
      isStopped = true
      kill(child, SIGKILL)
    }
    let seconds = Self.now - start
    alarm(0)
    return Run(
      seconds: seconds, processor: Self.seconds(usage.ru_utime) + Self.seconds(usage.ru_stime),
      memory: usage.ru_maxrss * 1024,
      // WIFEXITED and WEXITSTATUS of wait(2), which are macros.
      status: status & 0x7F == 0 ? status >> 8 & 0xFF : nil, isStopped: isStopped)
  }

  private static func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1e6
  }

  package static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
