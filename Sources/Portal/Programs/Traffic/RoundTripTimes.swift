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

// SAFETY: there are four words at each place.
/// Times as words of a page: how many round trips they are of, and the times themselves.
extension RoundTripTimes {
  /// Writes times down; how many they are of is written last.
  func write(to place: UnsafeMutableRawPointer, of count: Int) {
    place.setCounter(8, median)
    place.setCounter(16, late)
    place.setCounter(24, latest)
    place.setCounter(0, UInt64(count))
  }

  /// Has no times there.
  static func forget(at place: UnsafeMutableRawPointer) { place.setCounter(0, 0) }

  /// The times that were written down; `nil` for none.
  public init?(at place: UnsafeMutableRawPointer) {
    guard place.counter(0) > 0 else { return nil }
    self.init(median: place.counter(8), late: place.counter(16), latest: place.counter(24))
  }
}
