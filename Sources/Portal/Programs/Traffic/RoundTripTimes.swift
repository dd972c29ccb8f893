/// How long round trips took, in nanoseconds.
public struct RoundTripTimes: Sendable, Hashable {
  /// Half of them took no longer.
  public var median: UInt64
  /// 99 of 100.
  public var late: UInt64
  /// 999 of 1,000.
  public var latest: UInt64

  /// Creates times.
  public init(median: UInt64, late: UInt64, latest: UInt64) {
    (self.median, self.late, self.latest) = (median, late, latest)
  }

  /// Of round trips one by one; `nil` when there were none.
  public init?(_ samples: [some UnsignedInteger]) {
    guard !samples.isEmpty else { return nil }
    let sorted = samples.sorted()
    func share(_ thousandths: Int) -> UInt64 {
      UInt64(sorted[min(sorted.count - 1, sorted.count * thousandths / 1000)])
    }
    self.init(median: share(500), late: share(990), latest: share(999))
  }
}
