import DPAAPortal
import QorIQ

/// BMan's stage of a round: release commands, management commands, and who hears of depletion.
///
/// The pools are the engine's, with memory that it shares with their owner, or those of a client that
/// owns its memory (`ClientPools`); commands and answers are the same.
extension EngineTables {
  /// Takes what a guest wrote into BMan's half of a portal; `false` when there was nothing.
  @inline(never)
  mutating func takeBuffers(_ portal: UnsafeMutablePointer<EnginePortal>) -> Bool {
    var releases = 0
    while releases < PortalLayout.releaseRingSize, let command = portal.pointee.bman.takeRelease() {
      release(command, owner: portal.pointee.owner)
      releases &+= 1
    }
    if releases > 0 { portal.pointee.bman.publishReleaseConsumption() }
    guard portal.pointee.bman.commands.isWaiting else { return releases > 0 }
    answerBMan(portal)
    return true
  }

  /// Gives the buffers of a release command back to the pools that they name.
  private mutating func release(_ command: BManPortal.Release, owner: Int) {
    let verb = command.verb & 0x70
    let count = Int(command.verb & 0xf)
    guard verb == Verb.release || verb == Verb.releaseEach, count >= 1, count <= 8 else {
      counters.add(.strayBuffers, owner)
      errors.bman |= ManagerError.invalidBufferCommand
      return
    }
    for place in 0..<count {
      let word = command.word(place)
      // With verb 0x20 byte 1 of the first buffer names the pool of all.
      let pool = UInt8(
        truncatingIfNeeded: (verb == Verb.release ? command.first : word) &>> 48)
      let isTaken =
        isClient
        ? releaseForClient(word & 0xffff_ffff_ffff, to: pool)
        : release(word & 0xffff_ffff_ffff, to: pool, owner: owner)
      if !isTaken { counters.add(.strayBuffers, owner) }
    }
  }

  /// Gives a buffer back to a pool of the engine's, if the guest holds it.
  @inline(__always)
  private func release(_ address: UInt64, to pool: UInt8, owner: Int) -> Bool {
    let index = Int(poolIndex.base[Int(pool)])
    guard index != 255, let buffer = pools.base[index].buffer(at: address) else { return false }
    return pools.base[index].release(buffer, from: BufferPool.holder(owner))
  }

  /// Answers the command that waits: ACQUIRE, with all the buffers that were asked for or none, or
  /// QUERY.
  private mutating func answerBMan(_ portal: UnsafeMutablePointer<EnginePortal>) {
    let owner = portal.pointee.owner
    let command = portal.pointee.bman.commands.copy()
    let verb = command.byte(0) & 0x7f
    let count = Int(verb & 0xf)
    var answer = CommandImage()
    if verb == Verb.queryPools {
      // Of others' pools nothing is said.
      answer.set(0, byte: verb)
      answer.set(40, double: filledPools(of: owner).rawValue)
      answer.set(56, double: depletion.software.intersection(pools(of: owner)).rawValue)
    } else if verb & 0x70 == Verb.acquire, count >= 1, count <= 8 {
      let pool = command.byte(1)
      let granted =
        isClient
        ? acquireForClient(count, from: pool, &answer)
        : acquire(count, from: pool, owner, &answer)
      answer.set(0, byte: Verb.acquire | UInt8(granted))
      answer.set(1, byte: pool)
    } else {
      answer.set(0, byte: Verb.bmanInvalid)
      errors.bman |= ManagerError.invalidBufferCommand
    }
    portal.pointee.bman.commands.answer(answer)
  }

  /// Takes buffers from a pool of the engine's; how many, all or none.
  @inline(__always)
  private mutating func acquire(
    _ count: Int, from pool: UInt8, _ owner: Int, _ answer: inout CommandImage
  ) -> Int {
    let index = Int(poolIndex.base[Int(pool)])
    guard index != 255, pools.base[index].owner == owner else {
      counters.add(.strayBuffers, owner)
      return 0
    }
    guard pools.base[index].freeCount >= count else { return 0 }
    var granted = 0
    while granted < count,
      let buffer = pools.base[index].acquire(for: BufferPool.holder(owner))
    {
      answer.words[granted] = pools.base[index].address(of: buffer)
      granted += 1
    }
    return granted
  }

  // MARK: Depletion

  /// The pools that an owner may name.
  private func pools(of owner: Int) -> PoolSet {
    if isClient { return clientPools.allowed }
    return (0..<pools.count).reduce(into: []) { own, index in
      if pools.base[index].owner == owner {
        own.insert(PoolSet(pools.base[index].bpid.rawValue))
      }
    }
  }

  /// Those of them that hold buffers.
  private func filledPools(of owner: Int) -> PoolSet {
    if isClient { return clientPools.filled.intersection(clientPools.allowed) }
    return (0..<pools.count).reduce(into: []) { filled, index in
      if pools.base[index].owner == owner, pools.base[index].freeCount > 0 {
        filled.insert(PoolSet(pools.base[index].bpid.rawValue))
      }
    }
  }

  /// How many buffers are free in a pool.
  private func content(of pool: UInt8) -> UInt32 {
    if isClient { return clientPools.freeCount(pool) }
    let index = Int(poolIndex.base[Int(pool)])
    return index == 255 ? 0 : pools.base[index].freeCount
  }

  /// Looks which pools have become depleted, or are so no more, and tells the portals that want to
  /// know of their owner's pools.
  @inline(never)
  mutating func followDepletion() {
    var rest = depletion.watched.union(depletion.unseen)
    depletion.unseen = []
    while let pool = rest.removeFirst() { depletion.follow(pool, content: content(of: pool)) }
    guard !depletion.news.isEmpty else { return }
    for index in 0..<portals.count {
      let wanted = portals.base[index].bman.subscription.intersection(depletion.news)
      guard !wanted.isDisjoint(with: pools(of: portals.base[index].owner)) else { continue }
      portals.base[index].bman.interrupt.events |= BufferInterrupt.depletion
    }
    depletion.news = []
  }
}
