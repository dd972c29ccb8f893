import DPAAPortal
import Partitioning
import QorIQ

/// From the tables of one configuration to those of another, between two rounds.
extension EngineTables {
  // MARK: Before

  /// Whether what is about to end or to be set up anew still holds frames, or is held by a portal.
  func isDraining(_ change: ConfigurationChange) -> Bool {
    for owner in change.ending where hasFrames(owner) { return true }
    return change.renewed.contains { fqid, owner in
      let queue = qman.queues.base[Int(fqid)]
      return !isGone(owner) && (queue.count > 0 || queue.flags.contains(.held))
    }
  }

  /// Whether a queue of an owner holds a frame.
  private func hasFrames(_ owner: Int) -> Bool {
    var hasFrames = false
    forEachQueue(of: owner) { if qman.queues.base[Int($0)].count > 0 { hasFrames = true } }
    return hasFrames
  }

  /// Gives back and counts what could not be taken in time: whatever is in queues of owners that have ended, and in
  /// those that are set up anew.
  mutating func dropRest(_ change: ConfigurationChange) {
    settleAccelerators()
    for owner in change.ending {
      let entry = owners.base[owner]
      for index in entry.firstRange..<entry.firstRange + entry.rangeCount {
        let range = ranges.base[index]
        for fqid in range.first..<range.first + range.count where qman.isTouched(fqid) {
          dropAll(in: fqid, of: owner, .ownerGone)
        }
      }
    }
    for (fqid, owner) in change.renewed where qman.isTouched(fqid) {
      dropAll(in: fqid, of: owner, .planChanged)
    }
  }

  private mutating func dropAll(in fqid: UInt32, of owner: Int, _ reason: DropReason) {
    dropWaiting(at: fqid, of: owner, reason)
    while qman.queues.base[Int(fqid)].count > 0 {
      free(qman.pop(fqid))
      counters.drop(reason, owner)
    }
  }

  /// Buffers of an owner's pools that are in somebody's hands.
  func buffersInUse(of owner: Int) -> UInt32 {
    let entry = owners.base[owner]
    return (entry.firstPool..<entry.firstPool + entry.poolCount).reduce(0) {
      $0 + pools.base[$1].count - pools.base[$1].freeCount
    }
  }

  // MARK: Over

  /// Takes over from the tables of the old configuration all that the two have in common; those are not used any
  /// more.
  mutating func takeOver(from old: borrowing EngineTables, _ change: ConfigurationChange) {
    let kept = KeptQueues(change.kept)
    let places = TablePlaces(old, self, change)
    qman.takeOver(from: old.qman, kept, channels: places.channels, portals: places.portals)
    leaveForeignGroups(change)
    takeOverRestoration(from: old, kept, places)
    takeOverGroups(from: old, change)
    var keptPools: PoolSet = []
    for (index, place) in places.pools.enumerated() where place >= 0 {
      pools.base[place].takeOver(from: old.pools.base[index]) {
        // What no frame has ever been in says the first pool, which may not go on.
        let next = places.pools[Int($0)]
        return next < 0 ? Fragment.none : UInt8(next)
      }
      keptPools.formUnion(PoolSet(pools.base[place].bpid.rawValue))
    }
    depletion.takeOver(from: old.depletion, of: keptPools)
    for (index, place) in places.portals.enumerated() where place >= 0 {
      portals.base[place].takeOver(from: old.portals.base[index], isKept: kept.contains)
    }
    for (index, policer) in change.new.policers.enumerated() {
      // One that several frame managers have is one in each.
      guard
        let before = change.old.policers.firstIndex(where: {
          $0.fman == policer.fman && $0.settings == policer.settings
        })
      else { continue }
      policers.base[index] = old.policers.base[before]
    }
    counters.takeOver(from: old.counters, ports: change.old.interfaces.count)
    gone = 0
    for (index, fate) in change.fates.enumerated() {
      // Who goes on with a plan may have ended all the same.
      let isGone = fate.goesOn ? old.isGone(index) : fate == .removed || fate == .absent
      if isGone { gone |= 1 << UInt64(index) }
    }
    errors = old.errors
  }

  /// Takes queues out of congestion groups that are not their owner's any more; only he knows which are in it.
  private func leaveForeignGroups(_ change: ConfigurationChange) {
    for (owner, fate) in change.fates.enumerated() where fate.goesOn {
      forEachQueue(of: owner) { fqid in
        let queue = qman.queues.base + Int(fqid)
        guard queue.pointee.control & QueueControl.congestionGroup != 0,
          !qman.groups.base[Int(queue.pointee.group)].belongs(to: owner)
        else { return }
        queue.pointee.control &= ~QueueControl.congestionGroup
        queue.pointee.followControl()
      }
    }
  }

  /// What waits at order-restoration points, and which of them can go on.
  private func takeOverRestoration(
    from old: borrowing EngineTables, _ kept: KeptQueues, _ places: TablePlaces
  ) {
    var lists: [UInt32] = []
    kept.forEach(in: old.qman) { fqid in
      let list = old.qman.settings.base[Int(fqid)].restorationList
      if list != 0 { lists.append(list) }
    }
    restoration.takeOver(from: old.restoration, lists: lists, portals: places.portals)
    for point in old.restoration.readyPoints(old.qman.settings.base) where kept.contains(point) {
      restoration.append(point, qman.settings.base)
    }
  }

  /// A group of an owner that goes on is what its owner made of it, unless the plan says something else of it now;
  /// it holds what its queues hold.
  private func takeOverGroups(from old: borrowing EngineTables, _ change: ConfigurationChange) {
    for (owner, fate) in change.fates.enumerated() where fate.goesOn {
      let (before, after) = (change.old.queueing[owner], change.new.queueing[owner])
      for group in after?.congestionGroups ?? []
      where before?.congestionGroups.contains(group) ?? false {
        let isAlike =
          before?.groupSettings.first { $0.id.rawValue == group }
          == after?.groupSettings.first { $0.id.rawValue == group }
        let there = old.qman.groups.base[Int(group)]
        if isAlike {
          qman.groups.base[Int(group)] = there
        } else {
          qman.groups.base[Int(group)].hold(asMuchAs: there)
          qman.book.pointee.hasCongestionNews = true
        }
      }
    }
  }
}

/// Where things of one configuration's tables are in those of another: by their old places, -1 or channel 0 for what
/// is not there any more.
struct TablePlaces {
  let channels: [Int]
  let portals: [Int]
  let pools: [Int]

  init(
    _ old: borrowing EngineTables, _ new: borrowing EngineTables, _ change: ConfigurationChange
  ) {
    var channels = [Int](repeating: 0, count: old.layout.count)
    for (channel, index) in old.layout.all { channels[index] = new.layout.all[channel] ?? 0 }
    for lane in old.layout.lanes {
      channels[lane.index] =
        new.layout.lanes.first { $0.owner == lane.owner && $0.kind == lane.kind }?.index ?? 0
    }
    var portals = [Int](repeating: -1, count: old.portals.count)
    var pools = [Int](repeating: -1, count: old.pools.count)
    for (owner, fate) in change.fates.enumerated() where fate.goesOn {
      let (there, here) = (old.owners.base[owner], new.owners.base[owner])
      for place in 0..<there.portalCount {
        portals[there.firstPortal + place] = here.firstPortal + place
      }
      for place in 0..<there.poolCount { pools[there.firstPool + place] = here.firstPool + place }
    }
    self.channels = channels
    self.portals = portals
    self.pools = pools
  }
}
