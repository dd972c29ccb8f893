import CPortalShims
import DPAAPortal
import Glibc

/// The process of one owner, and the control socket that ties it to the run.
struct GuestProcess {
  let owner: Int
  let name: String
  let identifier: pid_t
  /// Readable when the process has ended.
  let endedDescriptor: Int32
  private var control: Int32
  /// How it ended; `nil` while it runs.
  private(set) var ending: Ending?

  /// How a process ended.
  enum Ending: Hashable, CustomStringConvertible {
    case code(Int32)
    case signal(Int32)

    var description: String {
      switch self {
      case .code(let code): "exited with code \(code)"
      case .signal(let signal): "killed by signal \(signal)"
      }
    }
  }

  /// Starts a process and hands it its grant and regions, and nothing else.
  init(owner: Int, program: [String], grant: GuestGrant, descriptors: [Int32])
    throws(EngineError)
  {
    let name = grant.name
    var pair: [Int32] = [-1, -1]
    let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &pair) == 0 else {
      throw .guest(name, "no control socket: \(String(cString: strerror(errno)))")
    }
    defer { Glibc.close(pair[1]) }
    guard ControlSocket.send(grant.message, descriptors: descriptors, over: pair[0]) else {
      let error = errno
      Glibc.close(pair[0])
      throw .guest(name, "its grant cannot be sent: \(String(cString: strerror(error)))")
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, pair[1], 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // This process blocks the signals that its control loop reads; a guest must not inherit that.
    // In a process group of its own it does not get a terminal's interrupt: the run ends it.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETPGROUP))
    var identifier: pid_t = 0
    var arguments = program.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    let result = posix_spawn(
      &identifier, program[0], &actions, &attributes, &arguments, Glibc.environ)
    guard result == 0 else {
      Glibc.close(pair[0])
      throw .guest(name, "\(program[0]): \(String(cString: strerror(result)))")
    }
    self.owner = owner
    self.name = name
    self.identifier = identifier
    control = pair[0]
    endedDescriptor = dpaac_pidfd_open(identifier)
  }

  /// Asks the guest to send nothing more of its own accord.
  func askToDrain() { _ = ControlSocket.send([1], descriptors: [], over: control) }

  /// Asks the guest to end, by closing its control socket.
  mutating func askToEnd() {
    if control >= 0 { Glibc.close(control) }
    control = -1
  }

  /// Kills a guest that does not end.
  func kill() { _ = Glibc.kill(identifier, SIGKILL) }

  /// Notes that the process has ended; `true` the first time that it has.
  mutating func reap() -> Bool {
    guard ending == nil else { return false }
    var status: Int32 = 0
    guard waitpid(identifier, &status, WNOHANG) == identifier else { return false }
    let signal = status & 0x7f
    ending = signal == 0 ? .code(status >> 8 & 0xff) : .signal(signal)
    return true
  }

  /// Frees the descriptors of a process that has ended.
  mutating func close() {
    askToEnd()
    if endedDescriptor >= 0 { Glibc.close(endedDescriptor) }
  }
}
