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
    /// It never began.
    case unstarted

    var description: String {
      switch self {
      case .code(let code): "exited with code \(code)"
      case .signal(let signal): "killed by signal \(signal)"
      case .stopped: "stopped in the midst of its program"
      case .unstarted: "was not started"
      }
    }
  }

  /// How the process hears what the run wants of it.
  private enum Control {
    /// Over a socket, whose end ends it; -1 when that is closed.
    case socket(Int32)
    /// By a word of its ``MachineWindow``, where it also tells how its program ended. The region is kept, as its
    /// owner has another one as soon as it shall start again.
    case window(SharedRegion, MachineServer)
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
      identifier = try Self.start(program, name, [3: pair.theirs])
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
    identifier = try Self.start(machine.command, machine.name, machine.descriptors)
    self.owner = owner
    name = machine.name
    control = .window(machine.window, machine.server)
    endedDescriptor = dpaac_pidfd_open(identifier)
  }

  /// Stands for a guest that could not be started, until it can.
  init(unstarted owner: Int, name: String) {
    (self.owner, self.name) = (owner, name)
    (identifier, endedDescriptor) = (-1, -1)
    control = .socket(-1)
    ending = .unstarted
  }

  private static func start(
    _ command: [String], _ name: String, _ descriptors: [Int32: Int32]
  ) throws(EngineError) -> pid_t {
    do throws(ChildProgram.Failure) {
      return try ChildProgram.start(command, descriptors)
    } catch {
      throw .guest(name, error.description)
    }
  }

  /// Asks the guest to send nothing more of its own accord.
  func askToDrain() {
    switch control {
    case .socket(let socket): _ = ControlSocket.send([1], descriptors: [], over: socket)
    case .window(let window, let server):
      window.memory.setCounter(MachineWindow.Word.wish, MachineWindow.Wish.drain.rawValue)
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
      window.memory.setCounter(MachineWindow.Word.wish, MachineWindow.Wish.end.rawValue)
      if ending == nil { server.wake() }
    }
  }

  /// Kills a guest that does not end.
  func kill() { if identifier > 0 { _ = Glibc.kill(identifier, SIGKILL) } }

  /// Notes that the process has ended; `true` the first time that it has.
  mutating func reap() -> Bool {
    guard ending == nil else { return false }
    var status: Int32 = 0
    if case .window(let window, let server) = control {
      // Nobody but who has taken QEMU over does that, and the engine must not wait for it.
      if server.isStuck { kill() }
      let told = window.memory.counter(MachineWindow.Word.ending)
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
