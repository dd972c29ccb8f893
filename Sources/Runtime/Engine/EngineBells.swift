import CPortalShims
import DPAAPortal
import Glibc
import Synchronization

/// How virtual machines wake an engine that sleeps.
///
/// Before it sleeps, the engine says so in a word of each machine's window, and looks once more; a machine that has
/// written something and finds the word set writes to its device, and QEMU raises an event of the engine's. What
/// a guest makes of its word concerns the guest alone: the engine never reads it, and never sleeps for long.
///
/// Events are not read. A read could wait for ever where somebody in QEMU's place has emptied the counter and made
/// the descriptor, which both share, a blocking one.
final class EngineBells: Sendable {
  private let watch: Int32
  /// The machines' memory.
  private let windows: [SharedRegion]

  /// How long the engine sleeps at most, in nanoseconds: a line, or a guest that rings nobody, has to wait as long.
  private static let longest: UInt64 = 50_000

  /// Makes it; `nil` when no owner is a machine that could ring.
  init?(_ memory: [OwnerMemory]) throws(EngineError) {
    let windows = memory.compactMap(\.machine)
    guard !windows.isEmpty else { return nil }
    let watch = dpaac_watch_open()
    guard watch >= 0 else { throw .noMemory("bells", errno) }
    for bell in memory.compactMap(\.bell)
    where dpaac_watch_add(watch, bell.guestDescriptor) != 0 {
      let error = errno
      close(watch)
      throw .noMemory("bells", error)
    }
    (self.watch, self.windows) = (watch, windows)
  }

  deinit { close(watch) }

  /// What ended a sleep.
  enum End { case news, rung, timeout }

  /// Sleeps until a machine rings or the time is up.
  ///
  /// - Parameter hasNews: Whether a guest has written something, so that nobody sleeps; looked at once the machines
  ///   know that they must ring.
  /// - Returns: What ended it.
  func sleep(unless hasNews: () -> Bool) -> End {
    for window in windows { window.memory.setCounter(MachineWindow.Word.asleep, 1) }
    defer { for window in windows { window.memory.setCounter(MachineWindow.Word.asleep, 0) } }
    // Either the engine sees what a guest has written, or the guest sees that the engine sleeps.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    guard !hasNews() else { return .news }
    return dpaac_watch_wait(watch, Self.longest) == 0 ? .timeout : .rung
  }
}
