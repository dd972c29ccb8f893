/// How a virtual machine that polls waits for work: it polls on for a while, and then naps.
struct NapPatience {
  /// Steps of the short clock until it naps.
  let first: UInt64
  /// How many microseconds it naps then.
  private(set) var nap: UInt32
  /// How many once nothing has moved for ten milliseconds or so: to end a nap takes a tenth of a millisecond of a
  /// processor that is emulated.
  let longNap: UInt32
  /// The longest that a nap becomes where much comes during each.
  private let mostNap: UInt32

  private static let leastNap: UInt32 = 50
  /// As many frames and buffers as most rings hold. Who finds so many has not napped too long.
  private static let many = 64

  /// Who has its processor alone: a quarter of a millisecond or so, as a nap costs its QEMU some system calls,
  /// which no frame should.
  static let alone = NapPatience(first: 500_000, nap: leastNap, longNap: 500, mostNap: leastNap)
  /// Who waits on a processor that others want, and keeps them from making what it waits for: a nap is to last until
  /// there is more of that than ending the nap takes.
  static let beside = NapPatience(first: 10_000, nap: leastNap, longNap: 2000, mostNap: 1000)

  /// Makes naps longer where so many steps were made since the last one that it might have been, and shorter where
  /// they were so few that somebody may have waited for them.
  mutating func adapt(toSteps count: UInt32) {
    if count >= Self.many {
      nap = min(2 * nap, mostNap)
    } else if count < Self.many / 4 {
      nap = max(nap / 2, Self.leastNap)
    }
  }
}
