import Partitioning
import QorIQ

/// The wish to put an owner back into service that has ended.
struct OwnerReturn: Sendable {
  var owner: Int
  /// Regions of its own, which nobody else has ever held: who was left of its last life reaches none of them.
  var memory: OwnerMemory
  /// What it owns and what its queues are for.
  var configuration: RuntimeConfiguration
  /// What the engine had of it, should the wish be given up.
  var before: (memory: OwnerMemory, past: OwnerPast)
}

/// Owners that come back after their end.
extension EngineTables {
  /// Whether an owner will be back as soon as nothing of it is under way any more.
  @inline(__always)
  func isReturning(_ owner: Int) -> Bool {
    returning & 1 &<< UInt64(truncatingIfNeeded: owner) != 0
  }

  /// Puts those back into service who shall come back. What they sent in their last life leaves before: it lies
  /// in memory that is given up.
  @inline(never)
  mutating func bringBackOwners(_ control: EngineControl) {
    returning = control.returning & gone
    for owner in 0..<owners.count
    where isReturning(owner) && hasAllBuffers(owner) && !isAwaited(owner) {
      // It may have been given up meanwhile.
      if let wish = control.takeReturn(owner: owner) {
        renew(owner, wish)
        gone &= ~(1 << UInt64(owner))
        control.markBack(owner: owner)
      }
      returning &= ~(1 << UInt64(owner))
    }
  }

  private func hasAllBuffers(_ owner: Int) -> Bool {
    let entry = owners.base[owner]
    return (entry.firstPool..<entry.firstPool + entry.poolCount).allSatisfy {
      pools.base[$0].freeCount == pools.base[$0].count
    }
  }

  /// Whether an empty queue of an owner waits for its turn, as one does that was to be served whatever it holds: a
  /// work queue leads through it.
  private func isAwaited(_ owner: Int) -> Bool {
    var isAwaited = false
    forEachQueue(of: owner) {
      if qman.queues.base[Int($0)].state == .trulyScheduled { isAwaited = true }
    }
    return isAwaited
  }

  /// Takes queues out of service that stayed in it for a port to empty them: all buffers are back, so nothing is in
  /// them. One that its program led there must be as it found it first.
  private func clearServedQueues(of owner: Int) {
    forEachQueue(of: owner) { fqid in
      let queue = qman.queues.base[Int(fqid)]
      if queue.count == 0, queue.state == .tentativelyScheduled { qman.clear(fqid) }
    }
  }

  /// Calls `body` with those queues of an owner that were ever in service.
  func forEachQueue(of owner: Int, _ body: (UInt32) -> Void) {
    let entry = owners.base[owner]
    for index in entry.firstRange..<entry.firstRange + entry.rangeCount {
      let range = ranges.base[index]
      for fqid in range.first..<range.first + range.count where qman.isTouched(fqid) { body(fqid) }
    }
  }

  /// Makes everything of an owner what it was at the start, over other memory.
  private mutating func renew(_ owner: Int, _ wish: OwnerReturn) {
    let entry = owners.base[owner]
    let plan = wish.configuration.owners[owner]
    for place in 0..<entry.poolCount {
      let pool = pools.base + entry.firstPool + place
      pool.pointee = pool.pointee.renewed(in: wish.memory.pools[place].memory)
      depletion.set(pool.pointee.bpid.rawValue, grants.depletionMarks(owner, place))
    }
    for place in 0..<entry.portalCount {
      let index = entry.firstPortal + place
      portals.base[index] = portals.base[index].renewed(
        at: PortalPlaces(
          region: wish.memory.window.memory, index: place, portalCount: plan.portals.count))
      interrupts.base[index] =
        wish.memory.interrupts.isEmpty ? .none : wish.memory.interrupts[place].end
    }
    grants.restoreGroups(of: owner, in: qman)
    clearServedQueues(of: owner)
    do throws(EngineError) {
      try Self.putQueuesIntoService(wish.configuration, layout, qman, only: owner)
    } catch {
      preconditionFailure("the configuration was good when the engine began: \(error)")
    }
    regions[owner] = wish.memory
    guard wish.memory.machine != nil else { return }
    do throws(EngineError) {
      bells = try EngineBells(regions)
    } catch {
      // For want of a descriptor: then nobody has to ring, and the engine looks by itself.
      bells = nil
    }
  }
}
