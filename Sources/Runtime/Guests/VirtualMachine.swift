import CPortalShims
import DPAAPortal
import Glibc
import Partitioning
import QorIQ

/// A guest that is a virtual machine: QEMU's command line, and the descriptors that go with it.
///
/// Portals and pools are the memory of an ivshmem device, whose server is a ``MachineServer``. A machine that
/// waits for interrupts has an IOMMU too: Linux gives a device's interrupts to a program only behind one
/// (Linux 6.1, `Documentation/driver-api/vfio.rst`).
struct VirtualMachine: ~Copyable {
  let name: String
  /// The program that runs it, with its arguments.
  let command: [String]
  /// The machine's window.
  let window: SharedRegion
  /// What the machine says on its serial line, and QEMU on its own account.
  let console: MachineConsole
  /// The server of its device.
  let server: MachineServer
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
  ///   - doorbells: What interrupts it, a portal each; none for a machine that polls.
  ///   - bell: What wakes an engine that sleeps.
  ///   - image: What it boots.
  ///   - program: A program of one's own; `nil` for the image's.
  /// - Throws: ``EngineError`` for want of QEMU or descriptors, or a file that cannot be read.
  init(
    _ owner: Owner, _ accelerator: HostMachine.Accelerator, region: SharedRegion,
    doorbells: [InterruptLine], bell: InterruptLine?, image: GuestImage, program: String?
  ) throws(EngineError) {
    name = owner.name
    let emulator = try Self.emulator(for: owner.name)
    guard doorbells.isEmpty || Self.isInterruptible else {
      throw .guest(
        owner.name,
        "is to wait for interrupts, but machines of this architecture only poll; write mode: poll")
    }
    let files = try Self.memoryFile("\(owner.name)-files", try image.files(with: program))
    let console: MachineConsole
    let (device, server): (Int32, MachineServer)
    do throws(EngineError) {
      console = try MachineConsole(of: owner.name)
      (server, device) = try MachineServer.open(
        owner.name, region, doorbells: doorbells, bell: bell)
    } catch {
      close(files)
      throw error
    }
    (self.files, self.console, self.device, self.server) = (files, console, device, server)
    window = region
    // Killed with the thread that starts it, as other guests are.
    command =
      ["/usr/bin/setpriv", "--pdeathsig", "KILL", emulator]
      + HostMachine.machineArguments(accelerator)
      + (doorbells.isEmpty ? [] : Self.interruptArguments)
      + [
        "-smp", "\(max(1, owner.cpus.count))", "-m", "\(owner.memory.size >> 20)M",
        "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
        "-kernel", image.kernel, "-initrd", "/dev/fd/4",
        "-append",
        "console=ttyS0 quiet panic=-1 no_timer_check"
          + (doorbells.isEmpty ? "" : " intel_iommu=on"),
        "-chardev", "socket,id=portals,fd=3",
        "-device", "ivshmem-doorbell,chardev=portals,vectors=\(max(1, doorbells.count))",
      ]
  }

  deinit {
    close(files)
    close(device)
  }

  /// Whether machines like this one have the IOMMU that interrupts go through.
  private static var isInterruptible: Bool {
    #if arch(x86_64)
      true
    #else
      false
    #endif
  }

  /// The IOMMU, which remaps interrupts; KVM leaves the interrupt controller that does so to QEMU.
  private static let interruptArguments = [
    "-machine", "kernel-irqchip=split", "-device", "intel-iommu,intremap=on",
  ]

  /// The program that runs an owner's machine.
  ///
  /// - Throws: ``EngineError/guest(_:_:)`` when this host has none.
  static func emulator(for owner: String) throws(EngineError) -> String {
    if let emulator = HostMachine.emulator { return emulator }
    throw .guest(
      owner,
      "is a virtual machine, but there is no \(HostMachine.emulatorName) on PATH "
        + "(Debian: qemu-system-x86)")
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
