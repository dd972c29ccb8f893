/// How a virtual machine that polls waits for work: it polls on for a while after its portals have moved last, and
/// then naps.
struct NapPatience {
  /// Steps of the short clock until it naps.
  private let first: UInt64
  /// How many microseconds a nap takes.
  private var nap = Self.leastNap
  /// The longest that it becomes where much comes during each.
  private let mostNap: UInt32
  /// How many once nothing has moved for ten milliseconds or so: to end a nap takes a tenth of a millisecond of a
  /// processor that is emulated.
  private let longNap: UInt32
  /// How far the portals had come when they moved last, and when that was.
  private var last = (progress: 0 as UInt32, since: 0 as UInt64)
  /// How far they had come at the last nap.
  private var progressAtNap: UInt32 = 0

  private static let leastNap: UInt32 = 50
  /// As many frames and buffers as most rings hold. Who finds so many has not napped too long.
  private static let many = 64
  /// Ten milliseconds or so.
  private static let standstill: UInt64 = 25_000_000

  /// Creates patience.
  ///
  /// - Parameter isShared: Whether others want the processor. Who waits on it keeps them from making what it waits for,
  ///   and a nap is to last until there is more of that than ending the nap takes. Who has it alone polls on for a
  ///   quarter of a millisecond or so, as a nap costs its QEMU some system calls, which no frame should.
  init(isShared: Bool) {
    (first, mostNap, longNap) =
      isShared ? (10_000, 1000, 2000) : (500_000, Self.leastNap, 500)
  }

  /// What to do where there is nothing to do.
  ///
  /// - Parameters:
  ///   - progress: How far the portals have come, in frames and buffers.
  ///   - now: The short clock.
  /// - Returns: How many microseconds to nap; `nil` to poll on.
  mutating func step(progress: UInt32, now: UInt64) -> UInt32? {
    if progress != last.progress { last = (progress, now) }
    let still = now &- last.since
    guard still >= first else { return nil }
    // Longer where so much moved since the last nap that it might have been, and shorter where it was so little that
    // somebody may have waited for it.
    let moved = progress &- progressAtNap
    progressAtNap = progress
    if moved >= Self.many {
      nap = min(2 * nap, mostNap)
    } else if moved < Self.many / 4 {
      nap = max(nap / 2, Self.leastNap)
    }
    return still < Self.standstill ? nap : longNap
  }
}
