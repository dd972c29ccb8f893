public import Diagnostics
public import QorIQ

/// Turns a wish for a board into a proved partition.
///
/// Deterministic: the same plan and board give the same partition. What the plan leaves open is
/// kept from the lock, or chosen lowest first: exact choices before numbers, the host before the
/// guests.
public struct Planner: Sendable {
  /// The wish.
  public let plan: Plan
  /// The board.
  public let board: Board
  /// Where each claim of the plan was made, under the names of ``ClaimPath``.
  public let origins: OriginMap

  /// What was chosen the last time; it is kept where it still fits.
  public let lock: PlanLock

  /// Creates a planner; without origins, findings name no places.
  public init(
    plan: Plan, board: Board, origins: OriginMap = OriginMap(), lock: PlanLock = PlanLock()
  ) {
    self.plan = plan
    self.board = board
    self.origins = origins
    self.lock = lock
  }

  /// The partition, or `nil` when a check found an error or an earlier stage put one into the bag.
  ///
  /// Checks run on whatever could be read, so that all mistakes show at once.
  public func partition(into bag: inout DiagnosticBag) -> Partition? {
    let context = checked(into: &bag)
    guard !bag.hasErrors else { return nil }
    let draft = Draft(context, lock: lock)
    for shortage in draft.shortages { bag.add(shortage) }
    return bag.hasErrors ? nil : Partition(draft)
  }

  /// Adds what the checks find, and chooses nothing.
  public func check(into bag: inout DiagnosticBag) { _ = checked(into: &bag) }

  private func checked(into bag: inout DiagnosticBag) -> PlanContext {
    let context = PlanContext(plan: plan, board: board, origins: origins)
    PartitionCheck.runAll(on: context, into: &bag)
    for (index, wish) in context.partitions where !bag.hasErrors && !wish.isComplete {
      bag.error(
        "missing-key", "\(wish.name) does not say its CPUs, memory, portals and queues",
        at: context.span(ClaimPath.partition(index)))
    }
    return context
  }
}

extension PartitionWish {
  fileprivate var isComplete: Bool {
    cpus != nil && memory != nil && portals != nil && queues != nil
  }
}

extension Partition {
  fileprivate init(_ draft: Draft) {
    self.init(
      name: draft.context.plan.name, board: draft.context.board, owners: draft.owners,
      interfaces: draft.interfaces, links: draft.links, decisions: draft.decisions,
      resources: draft.resources,
      ports: draft.context.plan.interfaces.map {
        PortSettings(mtu: $0.mtu ?? 1500, headroom: $0.headroom ?? 64)
      }, policers: draft.policers, sharedMemory: draft.sharedMemory,
      reservations: draft.context.plan.reservations)
  }
}
