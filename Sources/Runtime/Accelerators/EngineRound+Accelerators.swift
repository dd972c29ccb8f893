import CPortalShims
import DPAAPortal
import QorIQ

/// The stage of a round in which accelerators work: requests are taken from their channels, done in a batch,
/// and answered into the queues that context B of theirs names.
extension EngineTables {
  /// Has an accelerator do a batch of requests; `false` when there are none.
  mutating func serve(accelerator index: Int) -> Bool {
    if _slowPath(hasWorker) { return serveByWorker(index) }
    let (count, isBusy) = gather(index)
    guard count > 0 else { return isBusy }
    let entry = accelerators.entries.base + index
    let first = accelerators.jobs.base + entry.pointee.firstJob
    let jobs = UnsafeMutableBufferPointer(start: first, count: count)
    let memory = AcceleratorMemory(pools: pools.base, owners: owners.base)
    entry.pointee.device._withUnsafeGuaranteedRef { $0.work(jobs, memory) }
    answerAll(count, of: index)
    return true
  }

  /// Puts the answers of a batch that is done into their queues.
  mutating func answerAll(_ count: Int, of index: Int) {
    let entry = accelerators.entries.base + index
    let (first, kind) = (accelerators.jobs.base + entry.pointee.firstJob, entry.pointee.kind)
    for place in 0..<count { answer(first + place, kind) }
  }

  /// Takes requests from an accelerator's lanes in turn, each by as many bytes as its credit allows: who asks
  /// for much at once waits for the others. How many there are, and whether anything was done.
  @inline(never)
  mutating func gather(_ index: Int) -> (count: Int, isBusy: Bool) {
    let entry = accelerators.entries.base + index
    let lanes = accelerators.lanes.base + entry.pointee.firstLane
    var count = 0
    var bytes = 0
    var isBusy = false
    var idle = 0
    // A queue that is to retire may give nothing at its turn, and a lane may owe for a large request.
    var visits = 0
    let most = 2 * entry.pointee.laneCount + 2 * AcceleratorLanes.batch
    while idle < entry.pointee.laneCount, visits < most, count < AcceleratorLanes.batch,
      bytes < AcceleratorLanes.batchBytes
    {
      visits += 1
      let lane = lanes + entry.pointee.turn
      guard qman.channels.base[lane.pointee.channel].nonEmpty != 0 else {
        // Nothing is saved up, but what was taken on credit is paid for: who asks now and then, too.
        lane.pointee.credit = min(0, lane.pointee.credit + lane.pointee.quantum)
        next(entry)
        idle += 1
        continue
      }
      idle = 0
      isBusy = true
      if lane.pointee.credit <= 0 {
        lane.pointee.credit += lane.pointee.quantum
      }
      while lane.pointee.credit > 0, visits < most, count < AcceleratorLanes.batch,
        bytes < AcceleratorLanes.batchBytes, let fqid = qman.select(lane.pointee.channel)
      {
        visits += 1
        let before = bytes
        takeTurn(of: fqid, lane, entry, &count, &bytes)
        // A turn costs something, too, when nothing came of it.
        lane.pointee.credit -= max(bytes - before, AcceleratorLanes.jobCost)
      }
      if lane.pointee.credit <= 0 || visits >= most { next(entry) }
    }
    return (count, isBusy)
  }

  private func next(_ entry: UnsafeMutablePointer<AcceleratorEntry>) {
    entry.pointee.turn =
      entry.pointee.turn + 1 < entry.pointee.laneCount ? entry.pointee.turn + 1 : 0
  }

  /// Takes a turn's requests from a queue.
  private mutating func takeTurn(
    of fqid: UInt32, _ lane: UnsafeMutablePointer<AcceleratorLane>,
    _ entry: UnsafeMutablePointer<AcceleratorEntry>, _ count: inout Int, _ bytes: inout Int
  ) {
    let queue = qman.queues.base + Int(fqid)
    let owner = lane.pointee.owner
    let (contextA, contextB) = (qman.settings.base[Int(fqid)].contextA, queue.pointee.contextB)
    let mayAnswer = owns(contextB & 0xff_ffff, count: 1, owner: owner)
    var turn = 0
    while turn < Self.turn, queue.pointee.count > 0, count < AcceleratorLanes.batch,
      bytes < AcceleratorLanes.batchBytes
    {
      turn &+= 1
      bytes &+= AcceleratorLanes.jobCost
      let frame = qman.pop(fqid)
      guard mayAnswer else {
        free(frame)
        counters.drop(.foreignResponse, owner)
        continue
      }
      let place = entry.pointee.firstJob &+ count
      let job = accelerators.jobs.base + place
      // Written once, as a whole.
      var new = AcceleratorJob()
      new.owner = owner
      new.queue = fqid
      new.contextA = contextA
      new.contextB = contextB
      new.frame = frame
      job.initialize(to: new)
      prepare(job, place, entry.pointee.device)
      bytes &+= job.pointee.inputLength &+ job.pointee.effort
      count &+= 1
    }
    endPortTurn(fqid)
  }

  /// Finds a job's input and output.
  private mutating func prepare(
    _ job: UnsafeMutablePointer<AcceleratorJob>, _ place: Int,
    _ device: Unmanaged<AcceleratorDevice>
  ) {
    let frame = job.pointee.frame
    let pieces = accelerators.pieces.base + place * 2 * FragmentEntry.chainLimit
    if _slowPath(frame.isCompound) {
      guard describe(job, pieces: pieces) else { return fail(job, .memory, device) }
    } else if _slowPath(frame.isScattered) {
      let input = pieces + FragmentEntry.chainLimit
      let count = Self.list(frame, into: input, pools.base, poolIndex.base)
      job.pointee.input = UnsafeMutableBufferPointer(start: input, count: count)
      job.pointee.inputLength = Int(frame.length)
    } else {
      let pool = pools.base + Int(poolIndex.base[Int(frame.bpid.rawValue)])
      let start =
        pool.pointee.memory + Int(truncatingIfNeeded: frame.address &- pool.pointee.base)
        + Int(frame.offset)
      // It is read when the whole batch is ready.
      dpaac_prefetch(start)
      let input = accelerators.whole.base + (2 * place + 1)
      input.pointee = AcceleratorJob.Piece(start: start, count: Int(frame.length))
      job.pointee.input = UnsafeMutableBufferPointer(start: input, count: 1)
      job.pointee.inputLength = Int(frame.length)
      job.pointee.inputRoom = Int(pool.pointee.size) - Int(frame.offset)
    }
    // A single request must not keep everybody else waiting for long.
    guard max(job.pointee.inputLength, job.pointee.outputRoom) < Fragment.longestFrame else {
      job.pointee.inputLength = 0
      return fail(job, .length, device)
    }
    let memory = AcceleratorMemory(pools: pools.base, owners: owners.base)
    device._withUnsafeGuaranteedRef { $0.prepare(&job.pointee, memory) }
    guard job.pointee.fault == nil, !job.pointee.passes, !job.pointee.frame.isCompound else {
      return
    }
    takeOutput(job, into: accelerators.whole.base + 2 * place, device)
  }

  /// Takes a buffer for the output of a job that names none: of the pool that its device says.
  private mutating func takeOutput(
    _ job: UnsafeMutablePointer<AcceleratorJob>,
    into piece: UnsafeMutablePointer<AcceleratorJob.Piece>, _ device: Unmanaged<AcceleratorDevice>
  ) {
    let index =
      (0...255).contains(job.pointee.outputPool)
      ? Int(poolIndex.base[job.pointee.outputPool]) : 255
    // By a pointer of its own: what is written to pools or jobs could be the table's place, for all the compiler knows.
    let pool = pools.base + index
    guard index != 255, pool.pointee.owner == job.pointee.owner,
      Int(pool.pointee.size) > Buffer.headroom,
      !depletion.hardware.has(pool.pointee.bpid.rawValue),
      let buffer = pool.pointee.acquire(for: BufferPool.engine)
    else {
      job.pointee.outputPool = -1
      return fail(job, .noBuffer, device)
    }
    let room = Int(pool.pointee.size) - Buffer.headroom
    let start = pool.pointee.pointer(to: buffer) + Buffer.headroom
    dpaac_prefetch_for_writing(start)
    piece.pointee = AcceleratorJob.Piece(start: start, count: room)
    job.pointee.output = UnsafeMutableBufferPointer(start: piece, count: 1)
    job.pointee.outputRoom = room
    job.pointee.answer = FrameDescriptor(
      bpid: pool.pointee.bpid, address: pool.pointee.address(of: buffer),
      offset: UInt32(Buffer.headroom), length: 0)
  }

  private func fail(
    _ job: UnsafeMutablePointer<AcceleratorJob>, _ fault: AcceleratorFault,
    _ device: Unmanaged<AcceleratorDevice>
  ) {
    job.pointee.fail(
      fault, status: device._withUnsafeGuaranteedRef { $0.status(of: fault) })
  }

  /// The pieces of a frame in several buffers; how many there are.
  private static func list(
    _ frame: FrameDescriptor, into list: UnsafeMutablePointer<AcceleratorJob.Piece>,
    _ pools: UnsafeMutablePointer<BufferPool>, _ poolIndex: UnsafeMutablePointer<UInt8>
  ) -> Int {
    var count = 0
    forEachBuffer(of: frame, pools, poolIndex) { pool, buffer, holder in
      guard holder == BufferPool.engine, count < FragmentEntry.chainLimit else { return true }
      let fragment = pool.pointee.fragments[Int(buffer)]
      // A further table has no bytes of the frame.
      guard fragment.length > 0 else { return true }
      list[count] = AcceleratorJob.Piece(
        start: pool.pointee.pointer(to: buffer) + Int(fragment.offset),
        count: Int(fragment.length))
      count += 1
      return true
    }
    return count
  }

  // MARK: Answers

  /// Puts a job's answer into the queue that its request names. A compound frame comes back as it is; of any
  /// other the output goes on and the input's buffers go back to their pools, unless it failed or passes: then
  /// the input comes back.
  private mutating func answer(_ job: UnsafeMutablePointer<AcceleratorJob>, _ kind: Int) {
    let owner = job.pointee.owner
    var frame = job.pointee.frame
    if let fault = job.pointee.fault {
      counters.fail(fault, kind, owner)
      // What was found before there was too much of it stands there.
      if fault == .limit, frame.isCompound { noteOutput(of: job) }
      if job.pointee.answer.formatLength != 0 { free(job.pointee.answer) }
    } else {
      counters.add(.done, kind, owner)
      counters.add(.bytes, kind, owner, UInt64(job.pointee.inputLength))
      if frame.isCompound {
        noteOutput(of: job)
      } else if !job.pointee.passes {
        free(frame)
        frame = job.pointee.answer
          .resized(length: UInt32(truncatingIfNeeded: job.pointee.written))
          .stamped(owners.base[owner].stamp)
      }
    }
    frame.command = job.pointee.status
    if case .accepted = qman.enqueue(frame, to: job.pointee.contextB & 0xff_ffff) { return }
    free(frame)
    counters.drop(.queueRefused, owner)
  }
}
