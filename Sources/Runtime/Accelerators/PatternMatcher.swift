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

  private let sets: PatternSets
  private var scratch = PatternScratch()
  private var matches = PatternMatches(capacity: PatternMatcher.mostMatches)
  private let copy: UnsafeMutableRawBufferPointer
  /// What is kept of each queue that is a flow.
  private var flows: [UInt32: Flow] = [:]

  /// A queue's flow.
  private final class Flow {
    let owner: Int
    var context: UInt64 = 0
    var set = -1
    var stream: PatternStream?
    /// Whether too much was found: the library finds no more in such a stream.
    var isOver = false
    /// What the matches of the queue's requests took and nobody has paid for yet, as bytes.
    var debt = 0

    init(owner: Int) { self.owner = owner }
  }

  /// Creates a matcher.
  ///
  /// - Throws: ``PatternError`` when there is no memory to scan with.
  init(_ sets: PatternSets, _ configuration: RuntimeConfiguration) throws(PatternError) {
    self.sets = sets
    for database in sets.compiled {
      try scratch.hold(database.whole)
      try scratch.hold(database.streams)
    }
    copy = .allocate(byteCount: Fragment.longestFrame, alignment: 64)
    // As many flows as queues for requests, and no more.
    for owner in configuration.owners.indices {
      for use in configuration.queueing[owner]?.accelerators ?? [] where use.kind == .pme {
        for queue in use.requests { flows[queue.rawValue] = Flow(owner: owner) }
      }
    }
  }

  deinit {
    // Streams end before their databases do.
    flows.removeAll()
    copy.deallocate()
  }

  override func prepare(_ job: inout AcceleratorJob, _ memory: AcceleratorMemory) {
    job.passes = !job.frame.isCompound
    job.effort = takeDebt(of: job.queue)
  }

  /// What a queue's next request pays for matches of those before: how many there are is known only when a
  /// request has its place in a batch.
  func takeDebt(of queue: UInt32) -> Int {
    guard let flow = flows[queue] else { return 0 }
    defer { flow.debt = 0 }
    return flow.debt
  }

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
    for flow in flows.values where flow.owner == owner {
      flow.stream = nil
      flow.set = -1
      flow.isOver = false
      flow.debt = 0
    }
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
    of job: AcceleratorJob, _ memory: AcceleratorMemory
  ) -> UnsafeMutableRawPointer? {
    let address = job.contextA & 0xffff_ffff_ffff
    guard address % UInt64(FlowContext.size) == 0 else { return nil }
    return memory.bytes(at: address, count: FlowContext.size, of: job.owner)
  }

  /// Whether a flow's residue could be where it says.
  private func hasResidueMemory(
    _ flow: FlowContext, of job: AcceleratorJob, _ memory: AcceleratorMemory
  ) -> Bool {
    flow.residue % FlowContext.residueAlignment == 0
      && memory.bytes(at: flow.residue, count: FlowContext.residueSize, of: job.owner) != nil
  }

  /// Reads or writes the flow context.
  private func exchange(
    _ job: inout AcceleratorJob, _ command: PatternCommand, _ memory: AcceleratorMemory
  ) {
    let isRead = command.kind == .readFlow
    guard let place = flowContext(of: job, memory) else { return job.fail(.memory, .flowMemory) }
    guard !job.frame.isCompound, job.input.count == 1, let piece = job.input.first,
      piece.count == FlowContext.size, let frame = piece.baseAddress,
      UInt(bitPattern: frame) % UInt(FlowContext.size) == 0
    else { return job.fail(.descriptor, isRead ? .flowRead : .flowWrite) }
    guard !isRead else { return FlowContext(at: place).write(to: frame) }
    let new = FlowContext(at: frame)
    if command.fields.contains(.residue), new.hasResidue,
      !hasResidueMemory(new, of: job, memory)
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
    let place = Int(sets.places[job.owner][Int(command.set)])
    guard place >= 0 else { return job.fail(.descriptor, .command) }
    var limit = UInt32(Self.mostMatches)
    let bytes = take(job)
    do throws(PatternError) {
      if isFlow {
        guard let address = flowContext(of: job, memory) else {
          return job.fail(.memory, .flowMemory)
        }
        var flow = FlowContext(at: address)
        limit = UInt32(flow.matchLimit)
        matches.clear(limit: limit)
        let starts = command.starts || flow.isAtStart
        if flow.hasResidue {
          guard hasResidueMemory(flow, of: job, memory) else {
            return job.fail(.memory, .flowMemory)
          }
          try scan(bytes, job, command, set: place, starts: starts)
        } else {
          try scan(bytes, command, set: place)
        }
        flow.isAtStart = false
        flow.sequence = command.ends ? 0 : (starts ? 0 : flow.sequence) &+ UInt64(bytes.count)
        flow.write(to: address)
      } else {
        matches.clear(limit: limit)
        try scan(bytes, command, set: place)
      }
    } catch {
      return job.fail(.descriptor, .frame)
    }
    flows[job.queue]?.debt += (matches.count + matches.passed) * MatchReport.size
    report(&job, command, set: place)
  }

  /// Copies a job's input, so that it stays what it is, and lies in one piece.
  private func take(_ job: AcceleratorJob) -> UnsafeRawBufferPointer {
    var count = 0
    for piece in job.input {
      copy[count..<count + piece.count].copyBytes(from: piece)
      count += piece.count
    }
    return UnsafeRawBufferPointer(rebasing: copy[..<count])
  }

  private func scan(
    _ bytes: UnsafeRawBufferPointer, _ command: PatternCommand, set: Int
  ) throws(PatternError) {
    try sets.compiled[set].whole.scan(
      bytes, subsets: command.subsets, scratch: &scratch, into: &matches)
  }

  /// Scans what is a part of a flow.
  private func scan(
    _ bytes: UnsafeRawBufferPointer, _ job: AcceleratorJob, _ command: PatternCommand, set: Int,
    starts: Bool
  ) throws(PatternError) {
    guard let flow = flows[job.queue] else { throw .failed("no flow") }
    let context = job.contextA & 0xffff_ffff_ffff
    if flow.set != set || flow.stream == nil {
      flow.stream = nil
      flow.stream = try PatternStream(of: sets.compiled[set].streams)
      flow.isOver = false
      flow.set = set
      flow.context = context
    } else if starts || flow.context != context {
      try flow.stream?.reset()
      flow.isOver = false
      flow.context = context
    }
    let database = sets.compiled[set]
    if flow.isOver {
      matches.end()
    } else {
      try flow.stream?.scan(
        bytes, subsets: command.subsets, database: database.streams, scratch: &scratch,
        into: &matches)
    }
    if command.ends, matches.isOver {
      try flow.stream?.reset()
    } else if command.ends {
      try flow.stream?.finish(
        subsets: command.subsets, database: database.streams, scratch: &scratch, into: &matches)
    }
    flow.isOver = matches.isOver && !command.ends
  }

  /// Writes what was found to where there is room for it.
  private func report(_ job: inout AcceleratorJob, _ command: PatternCommand, set: Int) {
    let names = sets.compiled[set].names
    let fitting = min(matches.kept, job.outputRoom / MatchReport.size)
    var pieces = PieceWriter(job.output)
    for index in 0..<fitting {
      let match = matches[index]
      let name = names[match.pattern]
      pieces.put(
        MatchReport(set: command.set, subsets: name.subsets, tag: name.tag, end: match.end))
    }
    job.written = fitting * MatchReport.size
    let isTruncated = fitting < matches.count
    if matches.isOver {
      job.fail(.limit, status: PatternStatus(.matchLimit, isTruncated: isTruncated).word)
    } else {
      job.status = PatternStatus(.ok, isTruncated: isTruncated).word
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
