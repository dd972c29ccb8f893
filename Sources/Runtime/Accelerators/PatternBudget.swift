import Partitioning
import Patterns

/// What compiling all the patterns that a run needs at once may take together, beside what each set may take.
struct PatternBudget {
  /// What is left of a processor's time, in microseconds.
  private var microseconds: UInt64
  /// When the time by the clock is over, in nanoseconds.
  private let deadline: UInt64
  /// Whether less was left for what was begun last than a set may take.
  private(set) var isShort = false

  /// Creates a budget.
  ///
  /// - Parameters:
  ///   - microseconds: What all may take of a processor's time.
  ///   - deadline: When the time by the clock is over, in nanoseconds; `nil` for as long from now as a plan's sets may
  ///     take.
  init(
    microseconds: UInt64 = UInt64(PatternLimit.planSeconds) * 1_000_000, deadline: UInt64? = nil
  ) {
    self.microseconds = microseconds
    self.deadline =
      deadline
      ?? monotonicNanoseconds()
      + UInt64(PatternLimit.planSeconds * PatternLimit.patience) * 1_000_000_000
  }

  /// What the next database may take: what a set may take, or else what is left.
  ///
  /// - Parameter now: The time by the clock, in nanoseconds.
  /// - Returns: The limits.
  /// - Throws: ``PatternError/tooSlow`` when nothing is left.
  mutating func limits(
    now: UInt64 = monotonicNanoseconds()
  ) throws(PatternError) -> PatternDatabase.Limits {
    isShort = true
    guard microseconds > 0, now < deadline else { throw .tooSlow }
    var limits = PatternDatabase.Limits.plan
    // The kernel counts a processor's time in whole seconds (getrlimit(2)).
    let seconds = UInt32(clamping: (microseconds - 1) / 1_000_000 + 1)
    let patience = UInt32(clamping: (deadline - now - 1) / 1_000_000 + 1)
    isShort = seconds < limits.seconds || patience < limits.patience
    limits.seconds = min(limits.seconds, seconds)
    limits.patience = min(limits.patience, patience)
    return limits
  }

  /// Takes off what a database has taken of a processor's time, in microseconds.
  mutating func take(_ spent: UInt64) { microseconds -= min(microseconds, spent) }

  /// What is wrong, in one sentence without a full stop, when a database could not be made.
  func explanation(of error: PatternError) -> String {
    guard error == .tooSlow, isShort else { return "\(error)" }
    return
      "with those before it, the patterns take the compiler more time than all of a plan are given together, "
      + "\(PatternLimit.planSeconds) s of a processor"
  }
}
