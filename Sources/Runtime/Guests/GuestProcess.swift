import CPortalShims
import DPAAPortal
import Glibc

/// The process of one owner, its program's own or its virtual machine's, and what ties it to the run.
struct GuestProcess {
  let owner: Int
  let name: String
  let identifier: pid_t
  /// Readable when the process has ended.
  let endedDescriptor: Int32
  private var control: Control
  /// How it ended; `nil` while it runs.
  private(set) var ending: Ending?

  /// How a process ended.
  enum Ending: Hashable, CustomStringConvertible {
    case code(Int32)
    case signal(Int32)
    /// A virtual machine that stopped before its program had ended.
    case stopped

    var description: String {
      switch self {
      case .code(let code): "exited with code \(code)"
      case .signal(let signal): "killed by signal \(signal)"
      case .stopped: "stopped in the midst of its program"
      }
    }
  }

  // SAFETY: a window stays mapped as long as the engine, which outlives the processes.
  /// How the process hears what the run wants of it.
  private enum Control {
    /// Over a socket, whose end ends it; -1 when that is closed.
    case socket(Int32)
    /// By a word of its ``MachineWindow``, where it also tells how its program ended.
    case window(UnsafeMutableRawPointer, MachineServer)
  }

  /// Starts a program's process and hands it its grant and regions, and nothing else.
  init(owner: Int, program: [String], grant: GuestGrant, descriptors: [Int32])
    throws(EngineError)
  {
    let name = grant.name
    let pair = try SocketPair(.packets, for: name)
    guard ControlSocket.send(grant.message, descriptors: descriptors, over: pair.ours) else {
      let error = errno
      Glibc.close(pair.ours)
      Glibc.close(pair.theirs)
      throw .guest(name, "its grant cannot be sent: \(String(cString: strerror(error)))")
    }
    defer { Glibc.close(pair.theirs) }
    do throws(EngineError) {
      identifier = try Self.spawn(program, name, descriptors: [3: pair.theirs])
    } catch {
      Glibc.close(pair.ours)
      throw error
    }
    self.owner = owner
    self.name = name
    control = .socket(pair.ours)
    endedDescriptor = dpaac_pidfd_open(identifier)
  }

  /// Starts a virtual machine.
  init(owner: Int, _ machine: borrowing VirtualMachine) throws(EngineError) {
    identifier = try Self.spawn(
      machine.command, machine.name, descriptors: machine.descriptors)
    self.owner = owner
    name = machine.name
    control = .window(machine.window, machine.server)
    endedDescriptor = dpaac_pidfd_open(identifier)
  }

  /// Starts a process with some descriptors in the places that they name.
  private static func spawn(
    _ program: [String], _ name: String, descriptors: [Int32: Int32]
  ) throws(EngineError) -> pid_t {
    // Copies above all places, lest one is overwritten before it has its own.
    let copies = descriptors.mapValues { fcntl($0, F_DUPFD_CLOEXEC, 64) }
    defer { for copy in copies.values where copy >= 0 { Glibc.close(copy) } }
    guard copies.values.allSatisfy({ $0 >= 0 }) else {
      throw .guest(name, "no descriptor: \(String(cString: strerror(errno)))")
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (place, descriptor) in copies {
      posix_spawn_file_actions_adddup2(&actions, descriptor, place)
    }
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
      throw .guest(name, "\(program[0]): \(String(cString: strerror(result)))")
    }
    return identifier
  }

  /// Asks the guest to send nothing more of its own accord.
  func askToDrain() {
    switch control {
    case .socket(let socket): _ = ControlSocket.send([1], descriptors: [], over: socket)
    case .window(let window, let server):
      window.setCounter(MachineWindow.Word.wish, MachineWindow.Wish.drain.rawValue)
      server.wake()
    }
  }

  /// Asks the guest to end.
  mutating func askToEnd() {
    switch control {
    case .socket(let socket):
      if socket >= 0 { Glibc.close(socket) }
      control = .socket(-1)
    case .window(let window, let server):
      window.setCounter(MachineWindow.Word.wish, MachineWindow.Wish.end.rawValue)
      if ending == nil { server.wake() }
    }
  }

  /// Kills a guest that does not end.
  func kill() { _ = Glibc.kill(identifier, SIGKILL) }

  /// Notes that the process has ended; `true` the first time that it has.
  mutating func reap() -> Bool {
    guard ending == nil else { return false }
    var status: Int32 = 0
    if case .window(let window, let server) = control {
      // Nobody but who has taken QEMU over does that, and the engine must not wait for it.
      if server.isStuck { kill() }
      let told = window.counter(MachineWindow.Word.ending)
      if told != 0 {
        // The program is over, and nobody needs what is left of its machine.
        kill()
        _ = waitpid(identifier, &status, 0)
        ending = .code(Int32(truncatingIfNeeded: (told &- 1) & 0xff))
        server.clear()
        return true
      }
    }
    guard waitpid(identifier, &status, WNOHANG) == identifier else { return false }
    let signal = status & 0x7f
    ending = signal == 0 ? .code(status >> 8 & 0xff) : .signal(signal)
    if case .window(_, let server) = control {
      if ending == .code(0) { ending = .stopped }
      server.clear()
    }
    return true
  }

  /// Frees the descriptors of a process that has ended.
  mutating func close() {
    askToEnd()
    if endedDescriptor >= 0 { Glibc.close(endedDescriptor) }
  }
}
