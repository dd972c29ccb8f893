import Diagnostics
import Lowering
import Partitioning
import TestSupport
import Testing

/// The plans under `examples/`, as users run them.
enum Example {
  /// Each plan's path below `examples/`, without the ending.
  static let names = ["kvm-forum/t4240qds", "kvm-forum/p4080ds"]

  static func partition(_ name: String) throws -> Partition {
    let result = PlanLoader.load("\(Checkout.path)/examples/\(name).yaml")
    return try #require(result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
  }
}

/// All partitions that outside judges see: the examples, and those made by hand.
func judgedPartitions() throws -> [Partition] {
  try Example.names.map(Example.partition) + Sample.all + [Sample.lonely]
}
