import CPortalShims
import Glibc

/// A portal's interrupt, as a guest's process waits for it: a pipe whose read end the guest gets.
///
/// Not an eventfd: engine and guest would share one open file description, so that a guest could
/// make it blocking, fill its counter, and with that stop the engine at its next write. The ends
/// of a pipe are descriptions of their own, and the engine keeps both open, so that a guest that
/// closes its end does no harm either.
final class InterruptLine: Sendable {
  /// What the guest waits on.
  let guestDescriptor: Int32
  /// What the engine raises, with ``raise(_:)``.
  let engineDescriptor: Int32

  init() throws(EngineError) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, Int32(O_NONBLOCK) | Int32(O_CLOEXEC)) == 0 else {
      throw .noMemory("interrupt", errno)
    }
    (guestDescriptor, engineDescriptor) = (ends[0], ends[1])
  }

  deinit {
    close(guestDescriptor)
    close(engineDescriptor)
  }

  /// Fires an interrupt; a pipe that is full has fired often enough.
  @inline(never)
  static func raise(_ engineDescriptor: Int32) {
    var one: UInt8 = 1
    _ = write(engineDescriptor, &one, 1)
  }
}
