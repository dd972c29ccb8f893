import DPAAPortal
import Partitioning
import Patterns
import QorIQ

// SAFETY: one thread works; what it works on is its own, and the databases are only read.
/// PME: looks for an owner's patterns in the frames of its queues.
///
/// A frame is copied before it is scanned, so that nobody can change it meanwhile. What hardware does in
/// these cases is not established, so this is policy:
///
/// - A frame that is not compound has no place for a report: it goes on as it is, to the queue of context B,
///   and `TRUNCATED` in its status says that something was found. (The SDK's own test expects just that.)
/// - A set that the owner has no patterns of is an error of the command.
/// - What a flow's matches need to lie across frames is kept here and not in the residue of 128 bytes, which
///   has to be the owner's memory all the same. It is kept for the queue; with another context or another
///   set the queue starts anew.
/// - A flow in which too much was found finds no more until it starts anew or has ended: till then each of its
///   frames is answered so. Matches of subsets that a request does not want count for that, too, when there
///   are very many.
/// - Patterns come of the plan only: who writes to the database is answered with an error.
final class PatternMatcher: AcceleratorDevice, @unchecked Sendable {
  /// How many matches one report can have: as many as a 16-bit limit counts.
  static let mostMatches = 0xffff

  /// The patterns.
  let sets: PatternSets
  /// The sets' databases, which they hold.
  private let databases: UnsafeMutablePointer<Unmanaged<PatternSets.Compiled>>
  // By pointers, as a class looks at every access to what it holds itself whether there is another.
  private let scratch = UnsafeMutablePointer<PatternScratch>.allocate(capacity: 1)
  private let matches = UnsafeMutablePointer<PatternMatches>.allocate(capacity: 1)
  private let copy: UnsafeMutableRawPointer
  /// What owners owe for requests from queues that the plan does not name.
  private let debts: UnsafeMutablePointer<Int>
  /// What is kept of each queue: as many as there are for requests, and no more.
  private let flows: PatternFlows

  /// Creates a matcher.
  ///
  /// - Throws: ``PatternError`` when there is no memory to scan with.
  init(_ sets: PatternSets, _ configuration: RuntimeConfiguration) throws(PatternError) {
    var room = PatternScratch()
    for database in sets.compiled {
      try room.hold(database.whole)
      try room.hold(database.streams)
    }
    self.sets = sets
    databases = .allocate(capacity: max(1, sets.compiled.count))
    for (place, database) in sets.compiled.enumerated() {
      (databases + place).initialize(to: .passUnretained(database))
    }
    scratch.initialize(to: room)
    matches.initialize(to: PatternMatches(capacity: PatternMatcher.mostMatches))
    copy = .allocate(byteCount: Fragment.longestFrame, alignment: 64)
    debts = .allocate(capacity: configuration.owners.count)
    debts.initialize(repeating: 0, count: configuration.owners.count)
    flows = PatternFlows(
      configuration.owners.indices.flatMap { owner in
        (configuration.queueing[owner]?.requests(to: .pme) ?? []).map { ($0.rawValue, owner) }
      })
  }

  deinit {
    // Streams end before their databases do.
    flows.forgetAll()
    scratch.deinitialize(count: 1)
    scratch.deallocate()
    matches.deinitialize(count: 1)
    matches.deallocate()
    databases.deallocate()
    copy.deallocate()
    debts.deallocate()
  }

  override func prepare(_ job: inout AcceleratorJob, _ memory: AcceleratorMemory) {
    job.passes = !job.frame.isCompound
    guard let place = flows.place(of: job.queue) else {
      job.effort = takeDebt(ofOwner: job.owner)
      return
    }
    job.place = place
    job.effort = takeDebt(place)
  }

  /// What a queue's next request pays for matches of those before: how many there are is known only when a
  /// request has its place in a batch.
  private func takeDebt(_ place: Int) -> Int {
    defer { flows[place].pointee.debt = 0 }
    return flows[place].pointee.debt
  }

  /// The same for all queues together that the plan does not name: their owner leads them here by himself.
  func takeDebt(ofOwner owner: Int) -> Int {
    defer { debts[owner] = 0 }
    return debts[owner]
  }

  /// The same by the queue's number.
  func takeDebt(of queue: UInt32) -> Int { flows.place(of: queue).map { takeDebt($0) } ?? 0 }

  override func work(
    _ jobs: UnsafeMutableBufferPointer<AcceleratorJob>, _ memory: AcceleratorMemory
  ) {
    for index in jobs.indices where jobs[index].fault == nil {
      work(&jobs[index], memory)
    }
  }

  override func status(of fault: AcceleratorFault) -> UInt32 {
    switch fault {
    case .memory: PatternStatus(.dataMemory).word
    case .noBuffer: PatternStatus(.reportMemory).word
    default: PatternStatus(.frame).word
    }
  }

  override func forget(owner: Int) {
    flows.forget(owner: owner)
    debts[owner] = 0
  }

  // MARK: commands

  private func work(_ job: inout AcceleratorJob, _ memory: AcceleratorMemory) {
    let command = PatternCommand(word: job.frame.command)
    let mode = job.contextA >> 56
    guard mode == 0 || mode == PatternQueue.flowMode else {
      return job.fail(.descriptor, .mode)
    }
    let isFlow = mode != 0
    switch command.kind {
    case .some(.none): break
    case .scan: scan(&job, command, isFlow: isFlow, memory)
    case .readFlow, .writeFlow:
      guard isFlow else { return job.fail(.descriptor, .mode) }
      exchange(&job, command, memory)
    // Who controls the database is the plan alone.
    case .control: job.fail(.descriptor, .control)
    case nil: job.fail(.descriptor, .command)
    }
  }

  /// Where a queue's flow context is, if it can be there.
  private func flowContext(
    of job: inout AcceleratorJob, _ memory: AcceleratorMemory
  ) -> UnsafeMutableRawPointer? {
    let address = job.contextA & 0xffff_ffff_ffff
    guard address % UInt64(FlowContext.size) == 0 else { return nil }
    return memory.bytes(at: address, count: FlowContext.size, of: job.owner)
  }

  /// Whether a flow's residue could be where it says.
  private func hasResidueMemory(
    _ flow: FlowContext, of job: inout AcceleratorJob, _ memory: AcceleratorMemory
  ) -> Bool {
    flow.residue % FlowContext.residueAlignment == 0
      && memory.bytes(at: flow.residue, count: FlowContext.residueSize, of: job.owner) != nil
  }

  /// Reads or writes the flow context.
  private func exchange(
    _ job: inout AcceleratorJob, _ command: PatternCommand, _ memory: AcceleratorMemory
  ) {
    let isRead = command.kind == .readFlow
    guard let place = flowContext(of: &job, memory) else { return job.fail(.memory, .flowMemory) }
    guard !job.frame.isCompound, job.input.count == 1, let piece = job.input.first,
      piece.count == FlowContext.size, let frame = piece.baseAddress,
      UInt(bitPattern: frame) % UInt(FlowContext.size) == 0
    else { return job.fail(.descriptor, isRead ? .flowRead : .flowWrite) }
    guard !isRead else { return FlowContext(at: place).write(to: frame) }
    let new = FlowContext(at: frame)
    if command.fields.contains(.residue), new.hasResidue,
      !hasResidueMemory(new, of: &job, memory)
    {
      return job.fail(.memory, .flowMemory)
    }
    var flow = FlowContext(at: place)
    flow.take(command.fields, of: new)
    flow.write(to: place)
  }

  // MARK: scans

  private func scan(
    _ job: inout AcceleratorJob, _ command: PatternCommand, isFlow: Bool,
    _ memory: AcceleratorMemory
  ) {
    let place = sets.place(ofSet: command.set, owner: job.owner)
    guard place >= 0 else { return job.fail(.descriptor, .command) }
    let bytes = take(&job)
    var isDone = false
    if isFlow {
      guard let address = flowContext(of: &job, memory) else {
        return job.fail(.memory, .flowMemory)
      }
      var flow = FlowContext(at: address)
      matches.pointee.clear(limit: UInt32(flow.matchLimit))
      let starts = command.starts || flow.isAtStart
      if flow.hasResidue {
        guard hasResidueMemory(flow, of: &job, memory) else {
          return job.fail(.memory, .flowMemory)
        }
        isDone = databases[place]._withUnsafeGuaranteedRef {
          scan(bytes, &job, command, set: place, $0, starts: starts)
        }
      } else {
        isDone = databases[place]._withUnsafeGuaranteedRef { scan(bytes, command, $0) }
      }
      if isDone {
        flow.isAtStart = false
        flow.sequence = command.ends ? 0 : (starts ? 0 : flow.sequence) &+ UInt64(bytes.count)
        flow.write(to: address)
      }
    } else {
      matches.pointee.clear(limit: UInt32(Self.mostMatches))
      isDone = databases[place]._withUnsafeGuaranteedRef { scan(bytes, command, $0) }
    }
    guard isDone else { return job.fail(.descriptor, .frame) }
    let cost = (matches.pointee.count + matches.pointee.passed) * MatchReport.size
    if job.place >= 0 { flows[job.place].pointee.debt += cost } else { debts[job.owner] += cost }
    report(&job, command, set: place)
  }

  /// Copies a job's input, so that it stays what it is, and lies in one piece.
  private func take(_ job: inout AcceleratorJob) -> UnsafeRawBufferPointer {
    var count = 0
    for piece in job.input {
      guard let start = piece.baseAddress else { continue }
      (copy + count).copyMemory(from: start, byteCount: piece.count)
      count += piece.count
    }
    return UnsafeRawBufferPointer(start: copy, count: count)
  }

  /// Scans what stands for itself; `false` when the library fails.
  private func scan(
    _ bytes: UnsafeRawBufferPointer, _ command: PatternCommand, _ database: PatternSets.Compiled
  ) -> Bool {
    do throws(PatternError) {
      try database.whole.scan(
        bytes, subsets: command.subsets, scratch: &scratch.pointee, into: &matches.pointee)
      return true
    } catch {
      return false
    }
  }

  /// Scans what is a part of a flow; `false` when the library fails.
  private func scan(
    _ bytes: UnsafeRawBufferPointer, _ job: inout AcceleratorJob, _ command: PatternCommand,
    set: Int, _ database: PatternSets.Compiled, starts: Bool
  ) -> Bool {
    guard job.place >= 0 else { return false }
    let flow = flows[job.place]
    let context = job.contextA & 0xffff_ffff_ffff
    do throws(PatternError) {
      if flow.pointee.set != set || flow.pointee.stream == nil {
        flow.pointee.stream = nil
        flow.pointee.stream = try PatternStream(of: database.streams)
        flow.pointee.isOver = false
        flow.pointee.set = set
        flow.pointee.context = context
      } else if starts || flow.pointee.context != context {
        try flow.pointee.stream?.reset()
        flow.pointee.isOver = false
        flow.pointee.context = context
      }
      if flow.pointee.isOver {
        matches.pointee.end()
      } else {
        try flow.pointee.stream?.scan(
          bytes, subsets: command.subsets, database: database.streams, scratch: &scratch.pointee,
          into: &matches.pointee)
      }
      if command.ends, matches.pointee.isOver {
        try flow.pointee.stream?.reset()
      } else if command.ends {
        try flow.pointee.stream?.finish(
          subsets: command.subsets, database: database.streams, scratch: &scratch.pointee,
          into: &matches.pointee)
      }
    } catch {
      return false
    }
    flow.pointee.isOver = matches.pointee.isOver && !command.ends
    return true
  }

  /// Writes what was found to where there is room for it.
  private func report(_ job: inout AcceleratorJob, _ command: PatternCommand, set: Int) {
    let fitting = min(matches.pointee.kept, job.outputRoom / MatchReport.size)
    if fitting > 0 { write(fitting, to: job, command, sets.compiled[set].names) }
    job.written = fitting * MatchReport.size
    let isTruncated = fitting < matches.pointee.count
    if matches.pointee.isOver {
      job.fail(.limit, status: PatternStatus(.matchLimit, isTruncated: isTruncated).word)
    } else {
      job.status = PatternStatus(.ok, isTruncated: isTruncated).word
    }
  }

  /// Writes so many reports.
  private func write(
    _ count: Int, to job: AcceleratorJob, _ command: PatternCommand,
    _ names: [(tag: UInt32, subsets: UInt16)]
  ) {
    var pieces = PieceWriter(job.output)
    for index in 0..<count {
      let match = matches.pointee[index]
      let name = names[match.pattern]
      pieces.put(
        MatchReport(set: command.set, subsets: name.subsets, tag: name.tag, end: match.end))
    }
  }
}

/// Writes reports into pieces, across their ends.
private struct PieceWriter {
  private let pieces: UnsafeMutableBufferPointer<AcceleratorJob.Piece>
  private var piece = 0
  private var place = 0

  init(_ pieces: UnsafeMutableBufferPointer<AcceleratorJob.Piece>) { self.pieces = pieces }

  /// Writes a report, for which there must be room.
  mutating func put(_ report: MatchReport) {
    while piece < pieces.count, place == pieces[piece].count { step() }
    if pieces[piece].count - place >= MatchReport.size, let start = pieces[piece].baseAddress {
      report.write(to: start, offset: place)
      place += MatchReport.size
      return
    }
    withUnsafeTemporaryAllocation(byteCount: MatchReport.size, alignment: 8) { bytes in
      guard let start = bytes.baseAddress else { return }
      report.write(to: start)
      for byte in bytes {
        while place == pieces[piece].count { step() }
        pieces[piece][place] = byte
        place += 1
      }
    }
  }

  private mutating func step() {
    piece += 1
    place = 0
  }
}

extension AcceleratorJob {
  fileprivate mutating func fail(_ fault: AcceleratorFault, _ code: PatternStatus.Code) {
    fail(fault, status: PatternStatus(code).word)
  }
}
