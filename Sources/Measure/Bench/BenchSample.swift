public import DPAAPortal

/// What was measured: who, where, what.
public struct BenchCase: Sendable, Hashable {
  /// Who carried the frames.
  public var contestant: Contestant
  /// On how many processors.
  public var processors: Int
  /// Which way.
  public var flow: TrafficFlow
  /// How long the frames were.
  public var size: TrafficSize
}

/// One measurement.
public struct BenchSample: Sendable, Hashable {
  /// What was measured.
  public var what: BenchCase
  /// Frames in a second; round trips for those.
  public var rate: Double
  /// Nanoseconds of processor time for each frame, of everybody who took part.
  public var processorTime: Double
  /// Nanoseconds of a round trip: of half of them at most, of 99 of 100, of 999 of 1,000.
  public var times: RoundTripTimes?
}

/// All rounds of one case.
public struct BenchResult: Sendable, Hashable {
  /// What was measured.
  public let what: BenchCase
  /// The rounds, in their order.
  public let samples: [BenchSample]

  /// The middle one of the rates; of an even number, what lies between the two in the middle.
  public var rate: Double { Self.median(samples.map(\.rate)) }
  /// The lowest and the highest.
  public var spread: (low: Double, high: Double) {
    let rates = samples.map(\.rate)
    return (rates.min() ?? 0, rates.max() ?? 0)
  }
  /// The middle one of the processor times.
  public var processorTime: Double { Self.median(samples.map(\.processorTime)) }
  /// The middle ones of the times.
  public var times: RoundTripTimes? {
    let times = samples.compactMap(\.times)
    guard !times.isEmpty else { return nil }
    func middle(_ part: (RoundTripTimes) -> UInt64) -> UInt64 {
      let sorted = times.map(part).sorted()
      let (low, high) = (sorted[(sorted.count - 1) / 2], sorted[sorted.count / 2])
      return low + (high - low) / 2
    }
    return RoundTripTimes(
      median: middle(\.median), late: middle(\.late), latest: middle(\.latest))
  }

  static func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    // Of two rounds neither is the middle one, and the higher one alone would not tell what was measured.
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  /// Samples of the same case together, in the order in which the cases came first.
  static func grouped(_ samples: [BenchSample]) -> [BenchResult] {
    var order: [BenchCase] = []
    var groups: [BenchCase: [BenchSample]] = [:]
    for sample in samples {
      if groups[sample.what] == nil { order.append(sample.what) }
      groups[sample.what, default: []].append(sample)
    }
    return order.map { BenchResult(what: $0, samples: groups[$0] ?? []) }
  }
}
