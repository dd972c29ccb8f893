import DPAAPortal

// SAFETY: the memory covers `byteCount` bytes and outlives the histogram; one thread adds.
/// How often something took how long: buckets of which 16 make an octave, so that a bucket's bounds are
/// a sixteenth apart at most, from 1 ns to 18 minutes; longer times count in the last.
///
/// It lies in the counters' page, where others may read it while it grows.
struct LatencyHistogram {
  private let memory: UnsafeMutableRawPointer

  private static let perOctave = 16
  private static let octaves = 37
  static let bucketCount = perOctave * octaves
  /// The longest time and the buckets.
  static let byteCount = 8 * (1 + bucketCount)

  init(memory: UnsafeMutableRawPointer) { self.memory = memory }

  /// The bucket of a time.
  static func bucket(_ nanoseconds: UInt64) -> Int {
    guard nanoseconds >= UInt64(perOctave) else { return Int(nanoseconds) }
    let shift = 59 - nanoseconds.leadingZeroBitCount
    guard shift < octaves - 1 else { return bucketCount - 1 }
    return (shift + 1) * perOctave + Int(nanoseconds >> UInt64(shift)) - perOctave
  }

  /// The longest time that a bucket holds, the last one's beside.
  static func end(ofBucket bucket: Int) -> UInt64 {
    guard bucket >= perOctave else { return UInt64(bucket) }
    let shift = UInt64(bucket / perOctave - 1)
    let first = UInt64(bucket % perOctave + perOctave)
    return (first + 1) << shift - 1
  }

  /// Counts a time.
  func add(_ nanoseconds: UInt64) {
    memory.addCounter(8 * (1 + Self.bucket(nanoseconds)), 1)
    if nanoseconds > longest { memory.setCounter(0, nanoseconds) }
  }

  /// The longest time.
  var longest: UInt64 { memory.counter(0) }

  /// What several histograms say together.
  static func summary(of histograms: [LatencyHistogram]) -> LatencySummary {
    let counts = (0..<bucketCount).map { bucket in
      histograms.reduce(0) { $0 &+ $1.memory.counter(8 * (1 + bucket)) }
    }
    let longest = histograms.map(\.longest).max() ?? 0
    let total = counts.reduce(0, &+)
    /// The end of the bucket in which so many parts of 100 are reached.
    func quantile(_ percent: UInt64) -> UInt64 {
      var rest = (total &* percent &+ 99) / 100
      for (bucket, count) in counts.enumerated() where count > 0 {
        guard count < rest else { return min(end(ofBucket: bucket), longest) }
        rest -= count
      }
      return longest
    }
    return LatencySummary(
      measured: total, median: quantile(50), percentile99: quantile(99), longest: longest)
  }
}

/// How long frames took, in nanoseconds.
public struct LatencySummary: Sendable, Hashable {
  /// How many frames were measured.
  public let measured: UInt64
  /// Half of them took no longer, to a sixteenth.
  public let median: UInt64
  /// 99 of 100 took no longer, to a sixteenth.
  public let percentile99: UInt64
  /// The longest.
  public let longest: UInt64

  /// Median, 99th percentile and maximum for people; dashes when nothing was measured.
  var texts: [String] {
    guard measured > 0 else { return ["-", "-", "-"] }
    return [median, percentile99, longest].map(Self.text)
  }

  /// A time for people: three digits and a unit.
  static func text(_ nanoseconds: UInt64) -> String {
    var (value, rest) = (nanoseconds, 0 as UInt64)
    for unit in ["ns", "us", "ms"] {
      if value < 1000 {
        guard unit != "ns", value < 100 else { return "\(value) \(unit)" }
        return "\(value).\(rest / 100) \(unit)"
      }
      (value, rest) = (value / 1000, value % 1000)
    }
    return "\(value).\(rest / 100) s"
  }
}
