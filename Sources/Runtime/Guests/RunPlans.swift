public import Partitioning

/// Reads the plan at a path, for programs or for people: the proved partition, or what is wrong.
public typealias PlanReader =
  @Sendable (_ path: String, _ before: Partition, _ isJSON: Bool) -> Result<Partition, PlanRefusal>

/// Why a plan is not run, as findings.
public struct PlanRefusal: Error, Sendable {
  /// The findings.
  public var text: String
  /// Creates a refusal.
  public init(text: String) { self.text = text }
}

/// The plan of a run, and the one before it as long as the new one is not confirmed.
///
/// Both hold their keys: files of keys are read as a plan comes, and not again.
struct RunPlans {
  var current: Partition?
  var unconfirmed: Unconfirmed?
  /// The plan that the run goes over to as soon as its patterns are compiled.
  var next: Next?

  /// A plan that is gone back to.
  struct Unconfirmed {
    var partition: Partition
    /// Its patterns, as they were compiled for it.
    var patterns: [PatternSets.Compiled]
    /// When, in nanoseconds.
    var deadline: UInt64
  }

  /// A plan that somebody wants.
  struct Wish {
    /// Who wants it, and is answered when it is done.
    let request: ControlRequest
    let partition: Partition
    /// Within how many seconds it must be confirmed; `nil` when it need not be.
    let seconds: UInt64?
    let way: Way
  }

  /// What going over to a plan means, and what is said of it.
  struct Way {
    let change: ConfigurationChange
    let rows: [PartitionDifference.Change]
  }

  /// A plan that is being got ready.
  struct Next {
    let wish: Wish
    let patterns: PatternJob
  }
}

/// What can be wanted of a run's plan.
enum PlanVerb: String, CaseIterable {
  case apply, confirm, revert
}
