import BenchmarkTools
import Glibc

/// Runs two contestants by turns on one thread and compares the processor time that they take.
struct Contest {
  /// How many undisturbed runs each must have.
  static let runs = 7
  /// How long a run takes, in nanoseconds: short, so that it often passes undisturbed.
  static let length = 3_000_000.0
  /// How many runs are tried at most.
  static let attempts = 200

  let name: String
  /// Each handles about as many frames as asked for and says how many.
  let ours: (Int) -> Int
  let theirs: (Int) -> Int

  /// Nanoseconds per frame, medians, and how many runs of each were undisturbed.
  struct Result {
    var ours: Double
    var theirs: Double
    var undisturbed: Int
    var ratio: Double { ours / theirs }
  }

  func run() -> Result {
    let (ourFrames, theirFrames) = (calibrated(ours), calibrated(theirs))
    var (mine, others): ([Double], [Double]) = ([], [])
    var disturbed: [(Double, Double)] = []
    for _ in 0..<Self.attempts where mine.count < Self.runs {
      let switches = Self.involuntarySwitches
      let one = Self.time(ours, ourFrames)
      let other = Self.time(theirs, theirFrames)
      if Self.involuntarySwitches == switches {
        mine.append(one)
        others.append(other)
      } else {
        disturbed.append((one, other))
      }
    }
    let undisturbed = mine.count
    // A busy machine: better the quickest of the disturbed runs than none.
    for (one, other) in disturbed.sorted(by: { $0.0 + $0.1 < $1.0 + $1.1 })
    where mine.count < Self.runs {
      mine.append(one)
      others.append(other)
    }
    return Result(
      ours: mine.sorted()[mine.count / 2], theirs: others.sorted()[others.count / 2],
      undisturbed: undisturbed)
  }

  /// How many frames make a run.
  private func calibrated(_ body: (Int) -> Int) -> Int {
    _ = body(10_000)
    return max(1000, Int(Self.length / max(0.1, Self.time(body, 100_000))))
  }

  /// Nanoseconds of processor time per frame.
  static func time(_ body: (Int) -> Int, _ frames: Int) -> Double {
    let start = processorTime
    let done = body(frames)
    return (processorTime - start) * 1e9 / Double(done)
  }

  static var processorTime: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// How often the kernel took the processor away from this process.
  static var involuntarySwitches: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_nivcsw
  }
}
