import CPortalShims
import Glibc

/// A portal's interrupt, as a guest waits for it.
///
/// A process gets the read end of a pipe. Not an eventfd: engine and guest would share one open file
/// description, so that a guest could make it blocking, fill its counter, and with that stop the engine at its
/// next write. The ends of a pipe are descriptions of their own, and the engine keeps both open, so that a
/// guest that closes its end does no harm either.
///
/// A virtual machine has an eventfd, since KVM takes nothing else (Linux 6.1,
/// `Documentation/virt/kvm/api.rst`, `KVM_IRQFD`). QEMU holds it and the guest does not; for a guest that has
/// taken QEMU over there is ``isStuck``.
final class InterruptLine: Sendable {
  /// What the guest waits on, or QEMU for it.
  let guestDescriptor: Int32
  /// What the engine raises.
  let end: End
  private let kind: Kind

  /// What a line is made of.
  enum Kind: Sendable {
    /// A pipe, for a process.
    case pipe
    /// An eventfd, for a virtual machine.
    case doorbell
  }

  /// The engine's end of a line.
  struct End: BitwiseCopyable, Sendable {
    fileprivate var descriptor: Int32
    /// Bytes of one firing.
    fileprivate var size: Int32

    /// The end of no line.
    static let none = End(descriptor: -1, size: 0)

    var isConnected: Bool { descriptor >= 0 }

    /// Fires an interrupt; a pipe that is full has fired often enough.
    @inline(never)
    func raise() {
      // For an eventfd a number; of a pipe any byte will do.
      var one: UInt64 = 1
      _ = write(descriptor, &one, Int(size))
    }
  }

  init(_ kind: Kind) throws(EngineError) {
    self.kind = kind
    switch kind {
    case .pipe:
      var ends: [Int32] = [-1, -1]
      guard pipe2(&ends, Int32(O_NONBLOCK) | Int32(O_CLOEXEC)) == 0 else {
        throw .noMemory("interrupt", errno)
      }
      guestDescriptor = ends[0]
      end = End(descriptor: ends[1], size: 1)
    case .doorbell:
      let counter = dpaac_eventfd()
      guard counter >= 0 else { throw .noMemory("interrupt", errno) }
      guestDescriptor = counter
      end = End(descriptor: counter, size: 8)
    }
  }

  deinit {
    close(guestDescriptor)
    if end.descriptor != guestDescriptor { close(end.descriptor) }
  }

  /// Whether the engine's next firing may wait: somebody has filled the counter of an eventfd, which takes
  /// 2^64 firings otherwise.
  var isStuck: Bool {
    guard kind == .doorbell else { return false }
    var event = pollfd(fd: guestDescriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&event, 1, 0) == 0
  }

  /// Forgets all firings of an eventfd that nobody else holds any more, and lets an engine go on that waits at
  /// it.
  func clear() {
    guard kind == .doorbell else { return }
    var event = pollfd(fd: guestDescriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&event, 1, 0) == 1 else { return }
    var fired: UInt64 = 0
    _ = read(guestDescriptor, &fired, 8)
  }
}
