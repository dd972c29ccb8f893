import CPortalShims
import Glibc

/// Programs that are started as children of this process.
public enum ChildProgram {
  /// Why a program could not be started.
  public struct Failure: Error, CustomStringConvertible {
    /// One sentence without a full stop.
    public let description: String
    fileprivate init(_ tried: String, _ error: Int32) {
      description = "\(tried): \(String(cString: strerror(error)))"
    }
  }

  /// Starts a program with some descriptors in the places that they name.
  ///
  /// - Parameters:
  ///   - command: The program's path, and its arguments.
  ///   - descriptors: What it gets, by place there; otherwise its output is this process's, and it has nothing to read:
  ///     a terminal is for who is in front of it.
  /// - Returns: Its number, for whom to wait for.
  /// - Throws: ``Failure`` when there is no such program or no descriptor left.
  public static func start(
    _ command: [String], _ descriptors: [Int32: Int32]
  ) throws(Failure) -> Int32 {
    // Copies above all places, lest one is overwritten before it has its own.
    let copies = descriptors.mapValues { fcntl($0, F_DUPFD_CLOEXEC, 64) }
    defer { for copy in copies.values where copy >= 0 { close(copy) } }
    guard copies.values.allSatisfy({ $0 >= 0 }) else { throw Failure("no descriptor", errno) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (place, descriptor) in copies {
      posix_spawn_file_actions_adddup2(&actions, descriptor, place)
    }
    if descriptors[0] == nil {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A run blocks the signals that its control loop reads, and is not ended by who no longer reads it; a child must
    // not inherit that. In a process group of its own it does not get a terminal's interrupt: who started it ends it.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var ignored = sigset_t()
    sigemptyset(&ignored)
    sigaddset(&ignored, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &ignored)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETPGROUP))
    var identifier: pid_t = 0
    var arguments = command.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    let result = posix_spawn(
      &identifier, command[0], &actions, &attributes, &arguments, Glibc.environ)
    guard result == 0 else { throw Failure(command[0], result) }
    return identifier
  }
}
