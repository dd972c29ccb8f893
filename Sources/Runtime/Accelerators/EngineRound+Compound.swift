import DPAAPortal
import QorIQ

// SAFETY: tables of a guest's may change at any time. When a request is taken in, each entry is read once and
// the buffers that it names become the engine's; when it is served, each entry is read once more, and what it
// names must lie in one of those buffers. What a guest writes in between can spoil its own request only.
/// Requests to accelerators: compound frames, whose table names an output and an input, each one piece or a
/// table of up to 16.
///
/// All buffers that it names belong to the request until it is answered, the tables' own too. One may be
/// named more than once: tables and data may share a buffer, and the output may go where the input was.
extension EngineTables {
  /// Where a request's buffers are noted, as a chain from the one with its table.
  private struct Chain {
    let pool: Int
    let buffer: UInt32
    var last: UnsafeMutablePointer<Fragment>
  }

  /// Takes a compound frame from a guest; why not, if it is wrong: then every buffer stays the guest's.
  @inline(never)
  mutating func takeCompound(
    _ frame: FrameDescriptor, to fqid: UInt32, from owner: Int
  ) -> DropReason? {
    guard isAcceleratorQueue(fqid) else { return .badDescriptor }
    let index = Int(poolIndex.base[Int(frame.bpid.rawValue)])
    guard index != 255, pools.base[index].owner == owner,
      let (buffer, table) = pools.base[index].place(
        of: frame.address, count: 2 * FragmentEntry.size), UInt(bitPattern: table) & 7 == 0,
      pools.base[index].transfer(
        buffer, from: BufferPool.holder(owner), to: BufferPool.engineTable)
    else { return .foreignBuffer }
    var chain = Chain(pool: index, buffer: buffer, last: pools.base[index].fragments + Int(buffer))
    chain.last.pointee = Fragment(offset: UInt16(frame.bpid.rawValue), length: buffer)
    for place in 0..<2 {
      let entry = FragmentEntry(at: table, offset: place * FragmentEntry.size)
      if let reason = take(entry, in: &chain, from: owner) {
        Self.handOverPieces(of: frame, to: owner, pools.base, poolIndex.base)
        return reason
      }
    }
    return nil
  }

  /// Whether a queue leads into an accelerator.
  func isAcceleratorQueue(_ fqid: UInt32) -> Bool {
    Int(qman.queues.base[Int(fqid)].channel) >= accelerators.firstChannel
  }

  /// Takes the buffers of an entry, and of the table behind it. Mutating, as its like below: a call out of
  /// line that only reads the tables would have them copied.
  private mutating func take(
    _ entry: FragmentEntry, in chain: inout Chain, from owner: Int
  ) -> DropReason? {
    guard entry.isExtension else {
      return takeBuffer(of: entry, count: Int(entry.length), in: &chain, from: owner).reason
    }
    for place in 0..<FragmentEntry.limit {
      var step = entry
      step.word0 &+= UInt64(place * FragmentEntry.size)
      let (reason, table) = takeBuffer(
        of: step, count: FragmentEntry.size, in: &chain, from: owner)
      guard let table else { return reason }
      guard UInt(bitPattern: table) & 7 == 0 else { return .badPieces }
      let piece = FragmentEntry(at: table, offset: 0)
      guard !piece.isExtension else { return .badPieces }
      if let reason = takeBuffer(
        of: piece, count: Int(piece.length), in: &chain, from: owner
      ).reason {
        return reason
      }
      if piece.isFinal { return nil }
    }
    return .badPieces
  }

  /// Takes the buffer of an entry, unless the request has it already. An empty output or input needs none.
  private mutating func takeBuffer(
    of entry: FragmentEntry, count: Int, in chain: inout Chain, from owner: Int
  ) -> (reason: DropReason?, pointer: UnsafeMutableRawPointer?) {
    guard count > 0 else { return (nil, nil) }
    let index = Int(poolIndex.base[Int(entry.bpid.rawValue)])
    guard index != 255, pools.base[index].owner == owner else { return (.foreignBuffer, nil) }
    guard
      let (buffer, pointer) = pools.base[index].place(
        of: entry.address &+ UInt64(entry.offset), count: count)
    else { return (.badPieces, nil) }
    if isPart(buffer, of: index, chain.pool, chain.buffer) { return (nil, pointer) }
    guard
      pools.base[index].transfer(
        buffer, from: BufferPool.holder(owner), to: BufferPool.enginePart)
    else { return (.foreignBuffer, nil) }
    chain.last.pointee.next = buffer
    chain.last.pointee.nextPool = UInt8(truncatingIfNeeded: index)
    chain.last = pools.base[index].fragments + Int(buffer)
    chain.last.pointee = Fragment(
      offset: UInt16(pools.base[chain.pool].bpid.rawValue), length: chain.buffer)
    return (nil, pointer)
  }

  /// Whether a buffer belongs to the request whose table lies in another, or the same. The table's pool is noted by
  /// its number: places change when a run goes over to another plan.
  private func isPart(_ buffer: UInt32, of pool: Int, _ tablePool: Int, _ table: UInt32) -> Bool {
    let fragment = pools.base[pool].fragments[Int(buffer)]
    guard fragment.length == table,
      fragment.offset == UInt16(pools.base[tablePool].bpid.rawValue)
    else { return false }
    return pools.base[pool].isHeld(buffer, by: BufferPool.enginePart)
      || pool == tablePool && buffer == table
  }

  // MARK: Serving

  /// The output and the input of a request, as its table names them now; `false` when they are not in the
  /// request's buffers any more, or are no tables.
  @inline(never)
  mutating func describe(
    _ job: UnsafeMutablePointer<AcceleratorJob>,
    pieces: UnsafeMutablePointer<AcceleratorJob.Piece>
  ) -> Bool {
    let frame = job.pointee.frame
    let pool = Int(poolIndex.base[Int(frame.bpid.rawValue)])
    guard
      let (buffer, table) = pools.base[pool].place(
        of: frame.address, count: 2 * FragmentEntry.size)
    else { preconditionFailure("a request's table was seen to be whole") }
    let chain = Chain(pool: pool, buffer: buffer, last: pools.base[pool].fragments)
    let first = FragmentEntry(at: table, offset: 0)
    let second = FragmentEntry(at: table, offset: FragmentEntry.size)
    guard let output = list(first, of: chain, into: pieces),
      let input = list(second, of: chain, into: pieces + FragmentEntry.chainLimit)
    else { return false }
    job.pointee.output = UnsafeMutableBufferPointer(start: pieces, count: output.count)
    job.pointee.outputRoom = output.length
    job.pointee.input = UnsafeMutableBufferPointer(
      start: pieces + FragmentEntry.chainLimit, count: input.count)
    job.pointee.inputLength = input.length
    return true
  }

  /// Lists the pieces of an entry; `nil` when one is not in the request's buffers.
  private mutating func list(
    _ entry: FragmentEntry, of chain: Chain, into pieces: UnsafeMutablePointer<AcceleratorJob.Piece>
  ) -> (count: Int, length: Int)? {
    func piece(_ entry: FragmentEntry, count: Int) -> AcceleratorJob.Piece? {
      let index = Int(poolIndex.base[Int(entry.bpid.rawValue)])
      guard index != 255, pools.base[index].owner == pools.base[chain.pool].owner,
        let (buffer, pointer) = pools.base[index].place(
          of: entry.address &+ UInt64(entry.offset), count: count),
        isPart(buffer, of: index, chain.pool, chain.buffer)
      else { return nil }
      return AcceleratorJob.Piece(start: pointer, count: count)
    }
    guard entry.isExtension else {
      guard entry.length > 0 else { return (0, 0) }
      guard let piece = piece(entry, count: Int(entry.length)) else { return nil }
      pieces[0] = piece
      return (1, piece.count)
    }
    var (count, length) = (0, 0)
    for place in 0..<FragmentEntry.limit {
      var step = entry
      step.word0 &+= UInt64(place * FragmentEntry.size)
      guard let table = piece(step, count: FragmentEntry.size)?.baseAddress,
        UInt(bitPattern: table) & 7 == 0
      else { return nil }
      let next = FragmentEntry(at: table, offset: 0)
      guard !next.isExtension else { return nil }
      if next.length > 0 {
        guard let piece = piece(next, count: Int(next.length)) else { return nil }
        pieces[count] = piece
        count += 1
        length += piece.count
      }
      if next.isFinal { return (count, length) }
    }
    return nil
  }

  /// Tells a request's owner how long its output is, as hardware does in the table's first entry (DPDK 22.11,
  /// `drivers/crypto/dpaa_sec/dpaa_sec.c`, `dqrr_out_fq_cb_rx`).
  mutating func noteOutput(of job: UnsafeMutablePointer<AcceleratorJob>) {
    let pool = pools.base + Int(poolIndex.base[Int(job.pointee.frame.bpid.rawValue)])
    guard
      let (_, table) = pool.pointee.place(
        of: job.pointee.frame.address, count: 2 * FragmentEntry.size)
    else { preconditionFailure("a request's table was seen to be whole") }
    let word = table.load64(8)
    table.store64(
      8, word & ~(0x3fff_ffff << 32) | UInt64(UInt32(truncatingIfNeeded: job.pointee.written)) << 32
    )
  }
}
