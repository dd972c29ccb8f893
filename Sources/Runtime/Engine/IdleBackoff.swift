import CPortalShims
import Glibc

/// How a loop that polls waits when there is nothing to do: it yields, then naps. Guests on the same
/// core need the time, and a nap of 50 µs is short against a scheduler's slice.
struct IdleBackoff {
  private var rounds = 0

  /// Whether nothing has come for so long that the loop naps.
  var isNapping: Bool { rounds > 1000 }

  /// Says that there was something to do.
  mutating func restart() { rounds = 0 }

  /// Waits a little, or longer the longer there has been nothing.
  mutating func rest() {
    rounds &+= 1
    if rounds < 200 {
      dpaac_pause()
    } else if rounds < 1000 {
      sched_yield()
    } else {
      usleep(50)
    }
  }
}
