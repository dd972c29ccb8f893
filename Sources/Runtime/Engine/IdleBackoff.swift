import CPortalShims
import Glibc

/// How a loop that polls waits when there is nothing to do: it polls on, then yields, then naps.
/// Guests on the same core need the time, and a nap of 50 µs is short against a scheduler's slice.
struct IdleBackoff {
  private var rounds = 0
  private var since: UInt64 = 0
  /// For how many nanoseconds it polls on. A guest on another CPU answers within that; one that
  /// shares the CPU with the engine can only answer after it.
  private static let patience: UInt64 = 1000

  /// Whether nothing has come for so long that the loop naps.
  var isNapping: Bool { rounds > 1000 }

  /// Says that there was something to do.
  mutating func restart() { rounds = 0 }

  /// Waits a little, or longer the longer there has been nothing.
  ///
  /// - Parameter now: Nanoseconds on the monotonic clock, when the idle round began.
  mutating func rest(now: UInt64) {
    if rounds == 0 { since = now }
    rounds &+= 1
    if now &- since < Self.patience {
      dpaac_pause()
    } else if rounds < 1000 {
      sched_yield()
    } else {
      usleep(50)
    }
  }
}
