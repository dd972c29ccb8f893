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
struct RunPlans {
  var current: Partition?
  var unconfirmed: Unconfirmed?

  /// A plan that is gone back to.
  struct Unconfirmed {
    var partition: Partition
    /// When, in nanoseconds.
    var deadline: UInt64
  }
}

/// What can be wanted of a run's plan.
enum PlanVerb: String, CaseIterable {
  case apply, confirm, revert
}
