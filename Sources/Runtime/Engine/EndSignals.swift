import CPortalShims
import Glibc

/// SIGTERM and SIGINT, read from a descriptor: no Swift code ever runs in a signal handler.
///
/// The signals stay blocked in this process from the first of these values on.
public struct EndSignals {
  /// Becomes readable when a signal has come.
  let descriptor: Int32

  /// Blocks the signals in the calling thread, and in those that it starts from now on.
  public init() {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGTERM)
    sigaddset(&set, SIGINT)
    pthread_sigmask(SIG_BLOCK, &set, nil)
    descriptor = signalfd(-1, &set, Int32(SFD_NONBLOCK) | Int32(SFD_CLOEXEC))
  }

  /// Whether a signal has come since this was asked last; does not wait.
  public func take() -> Bool {
    var information = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    return read(descriptor, &information, size) == size
  }

  /// Gives the descriptor back; the signals stay blocked.
  public func close() { Glibc.close(descriptor) }
}
