import CPortalShims
import Glibc
import Synchronization

// SAFETY: window and register stay mapped as long as the session.
/// How a virtual machine wakes an engine that sleeps.
///
/// A machine's processor is a thread of the host's that gives its time to nobody while the guest polls. Where the
/// engine has to share a processor with one, it sleeps when there is nothing to do, says so in a word of the
/// machine's window (``MachineWindow/Word/asleep``), and is woken by a write to the device's doorbell register
/// (BAR 0, offset 12; QEMU 7.2, `docs/specs/ivshmem-spec.txt`). An engine that polls is never rung.
struct EngineBell {
  /// The window; `nil` where nobody needs to be woken.
  private let window: UnsafeMutableRawPointer?
  private let register: Register

  /// How the doorbell register is written.
  enum Register: Equatable {
    /// It is mapped.
    case memory(UnsafeMutableRawPointer)
    /// Through vfio-pci: its descriptor, and where the register lies in it.
    case vfio(Int32, off_t)
    /// Not at all.
    case none

    /// Where the register lies in BAR 0.
    static let offset = 12
  }

  /// The bell of a guest that needs none.
  static var none: EngineBell { EngineBell(window: nil, register: .none) }

  init(window: UnsafeMutableRawPointer?, register: Register) {
    (self.window, self.register) = (window, register)
  }

  /// Wakes the engine if it sleeps.
  @inline(__always)
  func ring() {
    guard let window else { return }
    // An engine that is found awake will see what was written before this.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    if window.counter(MachineWindow.Word.asleep) != 0 { write() }
  }

  @inline(never)
  private func write() {
    // Its number in the upper half, the vector in the lower.
    var value = UInt32(MachineWindow.engineNumber << 16).littleEndian
    switch register {
    case .memory(let register):
      register.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.store(
        value, ordering: .releasing)
    case .vfio(let descriptor, let offset): _ = pwrite(descriptor, &value, 4, offset)
    case .none: break
    }
  }
}
