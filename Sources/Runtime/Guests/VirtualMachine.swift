import CPortalShims
import DPAAPortal
import Glibc
import Partitioning
import QorIQ

/// A guest that is a virtual machine: QEMU's command line, and the descriptors that go with it.
///
/// Portals and pools are the memory of an ivshmem device. Its server is nobody: what a server would say when
/// QEMU connects already lies in the socket that QEMU gets (QEMU 7.2, `docs/specs/ivshmem-spec.txt`, section
/// "Client-Server protocol").
struct VirtualMachine: ~Copyable {
  let name: String
  /// The program that runs it, with its arguments.
  let command: [String]
  /// The machine's window.
  let window: UnsafeMutableRawPointer
  /// What the machine says on its serial line, and QEMU on its own account.
  let console: MachineConsole
  private let device: Int32
  private let files: Int32

  /// The descriptors of the process, by their places there.
  var descriptors: [Int32: Int32] {
    [1: console.descriptor, 2: console.descriptor, 3: device, 4: files]
  }

  /// Prepares a machine.
  ///
  /// - Parameters:
  ///   - owner: Who it is.
  ///   - accelerator: What runs its instructions.
  ///   - region: Its window.
  ///   - image: What it boots.
  ///   - program: A program of one's own; `nil` for the image's.
  /// - Throws: ``EngineError`` for want of QEMU or descriptors, or a file that cannot be read.
  init(
    _ owner: Owner, _ accelerator: HostMachine.Accelerator, region: SharedRegion,
    image: GuestImage, program: String?
  ) throws(EngineError) {
    name = owner.name
    guard let emulator = HostMachine.emulator else {
      throw .guest(
        owner.name,
        "is a virtual machine, but there is no \(HostMachine.emulatorName) on PATH "
          + "(Debian: qemu-system-x86)")
    }
    let files = try Self.memoryFile("\(owner.name)-files", try image.files(with: program))
    let console: MachineConsole
    let device: Int32
    do throws(EngineError) {
      console = try MachineConsole(of: owner.name)
      device = try Self.device(owner.name, region)
    } catch {
      close(files)
      throw error
    }
    (self.files, self.console, self.device) = (files, console, device)
    window = region.memory
    // Killed with the thread that starts it, as other guests are.
    command =
      ["/usr/bin/setpriv", "--pdeathsig", "KILL", emulator]
      + HostMachine.machineArguments(accelerator)
      + [
        "-smp", "\(max(1, owner.cpus.count))", "-m", "\(owner.memory.size >> 20)M",
        "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
        "-kernel", image.kernel, "-initrd", "/dev/fd/4",
        "-append", "console=ttyS0 quiet panic=-1 no_timer_check",
        "-chardev", "socket,id=portals,fd=3",
        "-device", "ivshmem-doorbell,chardev=portals,vectors=1",
      ]
  }

  deinit {
    close(files)
    close(device)
  }

  /// QEMU's end of a socket in which a server's greeting lies: the protocol's version, the machine's number,
  /// and the memory.
  private static func device(_ name: String, _ region: SharedRegion) throws(EngineError) -> Int32 {
    let pair = try SocketPair(.stream, for: name)
    defer { close(pair.ours) }
    let bell = dpaac_eventfd()
    defer { if bell >= 0 { close(bell) } }
    let greeting: [(word: Int64, descriptors: [Int32])] = [
      (0, []), (1, []), (-1, [region.descriptor]),
      // Its own doorbell, which nobody rings: it polls.
      (1, [bell]),
    ]
    for (word, descriptors) in greeting {
      let bytes = withUnsafeBytes(of: word.littleEndian) { Array($0) }
      guard bell >= 0, ControlSocket.send(bytes, descriptors: descriptors, over: pair.ours) else {
        let error = errno
        close(pair.theirs)
        throw .guest(name, "its memory cannot be passed on: \(String(cString: strerror(error)))")
      }
    }
    return pair.theirs
  }

  /// A file in memory with some bytes, to be read from its beginning.
  private static func memoryFile(_ name: String, _ bytes: [UInt8]) throws(EngineError) -> Int32 {
    let file = memfd_create("dpaac-\(name)", UInt32(MFD_CLOEXEC))
    guard file >= 0 else { throw .noMemory(name, errno) }
    var place = 0
    while place < bytes.count {
      let count = bytes.withUnsafeBytes { rest -> Int in
        guard let start = rest.baseAddress else { return 0 }
        return write(file, start + place, rest.count - place)
      }
      guard count > 0 else {
        let error = errno
        close(file)
        throw .noMemory(name, error)
      }
      place += count
    }
    lseek(file, 0, SEEK_SET)
    return file
  }
}
