import CPortalShims
import Glibc

/// How a loop that polls waits when there is nothing to do: it polls on, then yields, then naps.
/// Guests on the same core need the time, and a nap of 50 µs is short against a scheduler's slice.
///
/// A yield is answered in microseconds by guests that yield themselves. Who does not, such as a virtual machine's
/// processor, keeps the core for a slice, milliseconds: where that happens the loop naps instead, as a thread that
/// wakes gets the core back at once. Where nobody wants the core, it polls on for longer and longer, as a yield enters
/// the kernel for nothing.
struct IdleBackoff {
  /// Since when there has been nothing; `nil` while there is something.
  private var since: UInt64?
  /// How often it has yielded or napped since.
  private var waits = 0
  /// Until when yields are left alone.
  private var crowdedUntil: UInt64 = 0
  /// Whether somebody may have had the core during a yield that was the last thing done.
  private var mayBeAnswered = false
  /// For how many nanoseconds it polls on.
  private var patience = Self.leastPatience
  /// A guest on another CPU answers within that; one that shares the CPU with the engine can only answer after it.
  private static let leastPatience: UInt64 = 1000
  private static let mostPatience: UInt64 = 16_000
  /// A yield that takes no longer has gone to nobody: two changes of process take more.
  static let emptyYield: UInt64 = 1000
  /// One that takes longer has gone to somebody. What lies between tells nothing unless there is work right behind it:
  /// a fast machine's guest has then done that meanwhile, and on a slow one the call itself takes so long.
  static let answeredYield: UInt64 = 5000
  /// A yield that takes longer has gone to somebody who does not yield.
  private let longestYield: UInt64
  static let longestYield: UInt64 = 500_000
  /// For how long that is remembered.
  static let memory: UInt64 = 50_000_000

  /// Creates it.
  ///
  /// - Parameter isRung: Whether it shares the only core with those who ring it when it naps: then it naps as soon as they
  ///   are seen to want the core. To them who yields is awake, so that they would not ring, and nap themselves. On a
  ///   core of its own, interrupts take a yield for somebody's, too.
  init(isRung: Bool = false) { longestYield = isRung ? Self.answeredYield : Self.longestYield }

  /// What to do about an idle round.
  enum Step { case pause, yield, nap }

  /// Whether there has been nothing for so long that the loop naps.
  var isNapping: Bool { waits > 1000 }

  /// Says that there was something to do.
  mutating func restart() {
    if mayBeAnswered { patience = Self.leastPatience }
    (since, waits, mayBeAnswered) = (nil, 0, false)
  }

  /// What to do about another idle round.
  mutating func step(now: UInt64) -> Step {
    let start = since ?? now
    since = start
    mayBeAnswered = false
    guard now < crowdedUntil || now &- start >= patience else { return .pause }
    waits &+= 1
    return now < crowdedUntil || waits > 1000 ? .nap : .yield
  }

  /// Takes notice of how long a yield took.
  mutating func noteYield(nanoseconds: UInt64, now: UInt64) {
    if nanoseconds > longestYield { crowdedUntil = now &+ Self.memory }
    mayBeAnswered = nanoseconds > Self.emptyYield
    patience =
      nanoseconds > Self.answeredYield
      ? Self.leastPatience : min(2 &* patience, Self.mostPatience)
  }

  /// Waits a little, or longer the longer there has been nothing.
  ///
  /// - Parameters:
  ///   - now: Nanoseconds on the monotonic clock, when the idle round began.
  ///   - pause: What to do for a moment while it polls on.
  ///   - nap: How to nap.
  mutating func rest(
    now: UInt64, pause: () -> Void = { dpaac_pause() }, nap: () -> Void = { usleep(50) }
  ) {
    switch step(now: now) {
    case .pause: pause()
    case .yield:
      let before = dpaac_monotonic_nanoseconds()
      sched_yield()
      noteYield(nanoseconds: dpaac_monotonic_nanoseconds() &- before, now: now)
    case .nap: nap()
    }
  }
}
