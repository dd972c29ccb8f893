/// Whether ten times the devices take about ten times the time and memory.
struct Scaling {
  private static let sizes = [
    ("10,000 devices", 1), ("100,000 devices", 10), ("1,000,000 devices", 100),
  ]
  /// How far from straight the line may be: caches are smaller than the largest tree.
  private static let tolerance = 1.5

  private var points: [(size: Int, seconds: Double, memory: Int)] = []

  mutating func note(_ name: String, _ comparison: Comparison) {
    guard let size = Self.sizes.first(where: { $0.0 == name })?.1 else { return }
    points.append((size, comparison.ownSeconds, comparison.ownMemory))
  }

  /// Each point against the one before: how much more of each there is, as part of ten.
  private var steps: [(size: Int, time: Double, memory: Double)] {
    zip(points, points.dropFirst()).map { small, large in
      let factor = Double(large.size / small.size)
      return (
        large.size, large.seconds / small.seconds / factor,
        Double(large.memory) / Double(small.memory) / factor
      )
    }
  }

  var isKept: Bool {
    steps.allSatisfy { $0.time <= Self.tolerance && $0.memory <= Self.tolerance }
  }

  var text: String {
    func rounded(_ number: Double) -> Double { (number * 100).rounded() / 100 }
    return steps.map { step in
      "scaling to \(step.size)x: \(rounded(step.time)) of linear in time, "
        + "\(rounded(step.memory)) in memory (promised: at most \(Self.tolerance))\n"
    }.joined()
  }
}
