import DPAAPortal
import QorIQ

/// Where frames find buffers: those of the smallest pool that fits, in which a port stores them.
extension EngineTables {
  /// How long a port waits for a buffer before it drops: longer than a scheduler keeps a busy
  /// guest waiting on a shared core, short enough that a guest that stopped does not hold up the
  /// others for long; after that nobody waits for that pool until a quarter of it is free again.
  static let patience: UInt64 = 50_000_000

  /// Copies a frame into a buffer of an owner and enqueues it; `false` to wait for a buffer.
  ///
  /// Transparent, since `@inline(__always)` ends where a caller's loop becomes large (Swift 6.3), and this is
  /// a seventh of what a frame costs.
  @_transparent
  mutating func place(
    _ frame: UnsafeRawPointer, count: Int, in owner: Int, queue: UInt32, chargedTo charged: Int,
    _ annotations: Annotations, mayWait: Bool, now: UInt64
  ) -> Bool {
    guard let room = takeRoom(count &+ Buffer.headroom, of: owner) else {
      return placeOtherwise(
        UnsafeRawBufferPointer(start: frame, count: count), in: owner, queue: queue,
        chargedTo: charged, annotations, mayWait: mayWait, now: now)
    }
    // The descriptor first: after that few numbers have to be kept.
    let offset = room.pool.pointee.offset(of: room.buffer)
    let descriptor = FrameDescriptor(
      bpid: room.pool.pointee.bpid, address: room.pool.pointee.base &+ offset,
      offset: UInt32(Buffer.headroom), length: UInt32(truncatingIfNeeded: count),
      command: annotations.status
    ).stamped(owners.base[owner].stamp)
    let memory = room.pool.pointee.memory + Int(truncatingIfNeeded: offset)
    annotations.write(to: memory, now: now)
    (memory + Buffer.headroom).copyFrame(from: frame, count: count)
    if case .accepted = qman.enqueue(descriptor, to: queue, colour: annotations.colour.rawValue) {
      return true
    }
    free(descriptor)
    counters.drop(.queueRefused, charged)
    return true
  }

  /// A buffer that was taken for a frame.
  private struct Room {
    var pool: UnsafeMutablePointer<BufferPool>
    var buffer: UInt32
  }

  /// Takes a buffer of an owner: of the smallest pool that fits, or of a larger one when that is
  /// empty or depleted; `nil` when there is none.
  @_transparent
  private mutating func takeRoom(_ needed: Int, of owner: Int) -> Room? {
    let entry = owners.base + owner
    let pool = pools.base + entry.pointee.firstPool
    guard entry.pointee.poolCount > 0, needed <= Int(pool.pointee.size),
      depletion.hardware.isEmpty || !depletion.hardware.has(pool.pointee.bpid.rawValue),
      let buffer = pool.pointee.acquire(for: BufferPool.engine)
    else { return takeLargerRoom(needed, of: owner) }
    if pool.pointee.waitingSince != 0 { pool.pointee.waitingSince = 0 }
    return Room(pool: pool, buffer: buffer)
  }

  @inline(never)
  private mutating func takeLargerRoom(_ needed: Int, of owner: Int) -> Room? {
    guard let fitting = smallestPool(for: needed, of: owner) else { return nil }
    let end = owners.base[owner].firstPool + owners.base[owner].poolCount
    for index in fitting..<end
    where !depletion.hardware.has(pools.base[index].bpid.rawValue) {
      guard let buffer = pools.base[index].acquire(for: BufferPool.engine) else { continue }
      pools.base[fitting].waitingSince = 0
      return Room(pool: pools.base + index, buffer: buffer)
    }
    return nil
  }

  /// An owner's smallest pool whose buffers are large enough; its pools ascend by size.
  private func smallestPool(for needed: Int, of owner: Int) -> Int? {
    let entry = owners.base[owner]
    return (entry.firstPool..<entry.firstPool + entry.poolCount).first {
      needed <= Int(pools.base[$0].size)
    }
  }

  /// Spreads a frame over several buffers where no single one is large enough, or drops it with its reason
  /// where none is free; `false` when it is to wait.
  @inline(never)
  private mutating func placeOtherwise(
    _ frame: UnsafeRawBufferPointer, in owner: Int, queue: UInt32, chargedTo charged: Int,
    _ annotations: Annotations, mayWait: Bool, now: UInt64
  ) -> Bool {
    guard let fitting = smallestPool(for: frame.count &+ Buffer.headroom, of: owner) else {
      return placeInPieces(
        frame, in: owner, queue: queue, chargedTo: charged, annotations, mayWait: mayWait, now: now)
    }
    if mayWait, shouldWait(for: fitting, now: now) { return false }
    counters.drop(.poolDepleted, charged)
    return true
  }

  /// Whether it is worth waiting for a buffer of a pool that is empty.
  private func shouldWait(for index: Int, now: UInt64) -> Bool {
    let pool = pools.base + index
    guard !pool.pointee.isGivenUp else { return false }
    if pool.pointee.waitingSince == 0 { pool.pointee.waitingSince = now }
    if now &- pool.pointee.waitingSince < Self.patience { return true }
    pool.pointee.waitingSince = 0
    pool.pointee.isGivenUp = true
    return false
  }
}
