import DPAAPortal
public import Partitioning
import QorIQ

extension Partition {
  /// What the plan asks for and the engine does not play: hardware would do it, a run does not.
  ///
  /// One sentence each without a full stop; empty when a run is the plan in full.
  public var unplayedWishes: [String] {
    var found: [String] = []
    for window in sharedMemory {
      found.append("shared memory \(window.name) is planned, but guests of a run do not map it")
    }
    for (owner, resources) in zip(owners, resources) {
      for group in resources.congestionGroups
      where !resources.pathQualities.contains(where: { $0.congestionGroup == group.id }) {
        found.append(
          "congestion group \(group.id) of \(owner.name) is planned, but no queue joins it by itself"
        )
      }
      for use in resources.accelerators {
        guard let problem = use.kind.problem else { continue }
        found.append(
          "\(owner.name) is planned to use \(use.kind.rawValue), but \(problem)")
      }
      let pairs = resources.accelerators.reduce(0) {
        $0 + min($1.requests.count, $1.responses.count)
      }
      if pairs > GuestGrant.pairLimit {
        found.append(
          "\(owner.name) has \(pairs) pairs of queues into accelerators, but its grant names only the "
            + "first \(GuestGrant.pairLimit)")
      }
      if resources.chains.count > GuestGrant.chainLimit {
        found.append(
          "\(owner.name) has \(resources.chains.count) chains, but its grant names only the first "
            + "\(GuestGrant.chainLimit)")
      }
      for pool in resources.pools where !pool.sharers.isEmpty {
        found.append(
          "pool \(pool.bpid) of \(owner.name) is shared, but a run keeps it to its owner")
      }
    }
    return found
  }
}
