import DPAAPortal
import QorIQ

// SAFETY: an entry of a guest's table is read once, and everything that it names is held against the
// engine's own tables before it is used; from then on the engine's own chain of pieces counts.
/// Frames in several buffers: a buffer with a table, as hardware writes it, and up to 16 with the
/// frame's pieces.
extension EngineTables {
  // MARK: From guests

  /// Takes a frame from a guest whose descriptor names a table of pieces; why not, if it is wrong: then every
  /// buffer stays the guest's.
  @inline(never)
  mutating func takePieces(
    of frame: FrameDescriptor, tableIn buffer: UInt32, of index: Int, from owner: Int
  ) -> DropReason? {
    let pool = pools.base[index]
    var table = pool.pointer(to: buffer) + Int(frame.offset)
    guard frame.length > 0, UInt(bitPattern: table) & 7 == 0 else {
      return .badDescriptor
    }
    let holder = BufferPool.holder(owner)
    guard pool.transfer(buffer, from: holder, to: BufferPool.engineTable) else {
      return .foreignBuffer
    }
    pool.fragments[Int(buffer)] = Fragment()
    var last = pool.fragments + Int(buffer)
    var length: UInt32 = 0
    var reason = DropReason.badPieces
    var place = 0
    var read = 0
    var room = FragmentEntry.count(in: pool.size, behind: frame.offset)
    while place < room, read < FragmentEntry.chainLimit {
      read += 1
      let entry = FragmentEntry(at: table, offset: place * FragmentEntry.size)
      guard entry.isExtension || (entry.length > 0 && entry.length <= frame.length &- length)
      else { break }
      let number = Int(poolIndex.base[Int(entry.bpid.rawValue)])
      guard number != 255, let piece = pools.base[number].buffer(at: entry.address) else {
        reason = .foreignBuffer
        break
      }
      // A further table has no bytes of the frame.
      let own = entry.isExtension ? 0 : entry.length
      let next = pools.base[number].pointer(to: piece) + Int(entry.offset)
      guard entry.offset <= pools.base[number].size,
        own <= pools.base[number].size &- entry.offset,
        !entry.isExtension || UInt(bitPattern: next) & 7 == 0
      else { break }
      guard pools.base[number].transfer(piece, from: holder, to: BufferPool.engine) else {
        reason = .foreignBuffer
        break
      }
      last.pointee.next = piece
      last.pointee.nextPool = UInt8(truncatingIfNeeded: number)
      last = pools.base[number].fragments + Int(piece)
      last.pointee = Fragment(offset: UInt16(entry.offset), length: own)
      if entry.isExtension {
        (table, place) = (next, 0)
        room = FragmentEntry.count(in: pools.base[number].size, behind: entry.offset)
        continue
      }
      length &+= own
      if entry.isFinal {
        guard length == frame.length else { break }
        return nil
      }
      place += 1
    }
    Self.handOverPieces(of: frame, to: owner, pools.base, poolIndex.base)
    return reason
  }

  // MARK: In queues

  // Of the tables, what these need is handed over: a call out of line that only reads the tables would
  // have them copied.

  /// The pieces of a queued frame pass from the engine to a guest, and its table.
  @inline(never)
  static func handOverPieces(
    of frame: FrameDescriptor, to owner: Int, _ pools: UnsafeMutablePointer<BufferPool>,
    _ poolIndex: UnsafeMutablePointer<UInt8>
  ) {
    let holder = BufferPool.holder(owner)
    forEachBuffer(of: frame, pools, poolIndex) { pool, buffer, from in
      pool.pointee.transfer(buffer, from: from, to: holder)
    }
  }

  /// The pieces of a queued frame go back to their pools, and its table.
  @inline(never)
  static func freePieces(
    of frame: FrameDescriptor, _ pools: UnsafeMutablePointer<BufferPool>,
    _ poolIndex: UnsafeMutablePointer<UInt8>
  ) {
    forEachBuffer(of: frame, pools, poolIndex) { pool, buffer, from in
      pool.pointee.release(buffer, from: from)
    }
  }

  /// Does something with each buffer of a queued frame in several, the one with the table first.
  static func forEachBuffer(
    of frame: FrameDescriptor, _ pools: UnsafeMutablePointer<BufferPool>,
    _ poolIndex: UnsafeMutablePointer<UInt8>,
    _ take: (UnsafeMutablePointer<BufferPool>, UInt32, UInt8) -> Bool
  ) {
    var pool = pools + Int(poolIndex[Int(frame.bpid.rawValue)])
    var holder = BufferPool.engineTable
    guard var (buffer, _) = pool.pointee.place(of: frame.address, count: 0) else {
      preconditionFailure("a queued frame's buffer is the engine's")
    }
    let others = frame.isCompound ? BufferPool.enginePart : BufferPool.engine
    while true {
      let fragment = pool.pointee.fragments[Int(buffer)]
      guard take(pool, buffer, holder) else {
        preconditionFailure("a queued frame's buffer is the engine's")
      }
      guard fragment.nextPool != Fragment.none else { return }
      holder = others
      pool = pools + Int(fragment.nextPool)
      buffer = fragment.next
    }
  }

  /// Puts the pieces of a queued frame together.
  @inline(never)
  static func gather(
    _ frame: FrameDescriptor, into scratch: UnsafeMutablePointer<UInt8>,
    _ pools: UnsafeMutablePointer<BufferPool>, _ poolIndex: UnsafeMutablePointer<UInt8>
  ) -> UnsafeRawPointer {
    let target = UnsafeMutableRawPointer(scratch)
    var length = 0
    forEachBuffer(of: frame, pools, poolIndex) { pool, buffer, holder in
      guard holder == BufferPool.engine else { return true }
      let fragment = pool.pointee.fragments[Int(buffer)]
      (target + length).copyMemory(
        from: pool.pointee.pointer(to: buffer) + Int(fragment.offset),
        byteCount: Int(fragment.length))
      length += Int(fragment.length)
      return true
    }
    return UnsafeRawPointer(target)
  }

  // MARK: From ports

  /// Copies a frame that is larger than every buffer of its owner into several of the largest, each with
  /// the headroom, and a table of them into one more; `false` to wait for buffers.
  @inline(never)
  mutating func placeInPieces(
    _ frame: UnsafeRawBufferPointer, in owner: Int, queue: UInt32, chargedTo charged: Int,
    _ annotations: Annotations, mayWait: Bool, now: UInt64
  ) -> Bool {
    let entry = owners.base[owner]
    let all = pools.base
    guard
      let scattering = Scattering(
        of: frame.count, over: entry.firstPool..<entry.firstPool &+ entry.poolCount,
        { (all[$0].size, all[$0].count) })
    else {
      counters.drop(.frameTooLarge, charged)
      return true
    }
    let (index, count) = (scattering.pool, scattering.count)
    let pool = all + index
    guard !depletion.hardware.has(pool.pointee.bpid.rawValue), pool.pointee.freeCount > count
    else {
      if mayWait, shouldWaitForPieces(of: index, now: now) { return false }
      counters.drop(.poolDepleted, charged)
      return true
    }
    pool.pointee.piecesSince = 0
    let descriptor = scatter(frame, over: count, of: index, annotations, now: now)
      .stamped(entry.stamp)
    let verdict = qman.enqueue(descriptor, to: queue, colour: annotations.colour.rawValue)
    if case .accepted = verdict { return true }
    free(descriptor)
    counters.drop(.queueRefused, charged)
    return true
  }

  /// Whether it is worth waiting for several buffers of a pool.
  private func shouldWaitForPieces(of index: Int, now: UInt64) -> Bool {
    let pool = pools.base + index
    guard pool.pointee.piecesSince != .max else { return false }
    if pool.pointee.piecesSince == 0 { pool.pointee.piecesSince = now }
    if now &- pool.pointee.piecesSince < Self.patience { return true }
    pool.pointee.piecesSince = .max
    return false
  }

  /// Copies a frame into buffers of a pool, which has as many and one more for the table.
  private func scatter(
    _ frame: UnsafeRawBufferPointer, over count: Int, of index: Int, _ annotations: Annotations,
    now: UInt64
  ) -> FrameDescriptor {
    let pool = pools.base + index
    guard let start = frame.baseAddress,
      let table = pool.pointee.acquire(for: BufferPool.engineTable)
    else { preconditionFailure("the pool was seen to have enough") }
    let memory = pool.pointee.pointer(to: table)
    annotations.write(to: memory, now: now)
    let room = Scattering.room(pool.pointee.size)
    var last = pool.pointee.fragments + Int(table)
    last.pointee = Fragment()
    for place in 0..<count {
      guard let buffer = pool.pointee.acquire(for: BufferPool.engine) else {
        preconditionFailure("the pool was seen to have enough")
      }
      let length = min(room, frame.count - place * room)
      (pool.pointee.pointer(to: buffer) + Buffer.headroom).copyMemory(
        from: start + place * room, byteCount: length)
      FragmentEntry(
        bpid: pool.pointee.bpid, address: pool.pointee.address(of: buffer),
        offset: UInt32(Buffer.headroom), length: UInt32(length), isFinal: place == count - 1
      ).write(to: memory + Buffer.headroom + place * FragmentEntry.size)
      last.pointee.next = buffer
      last.pointee.nextPool = UInt8(truncatingIfNeeded: index)
      last = pool.pointee.fragments + Int(buffer)
      last.pointee = Fragment(offset: UInt16(Buffer.headroom), length: UInt32(length))
    }
    return FrameDescriptor(
      bpid: pool.pointee.bpid, address: pool.pointee.address(of: table),
      offset: UInt32(Buffer.headroom), length: UInt32(frame.count), command: annotations.status
    ).scattered
  }
}
