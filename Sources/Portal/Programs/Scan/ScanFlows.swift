// SAFETY: places are below `capacity`, which the table keeps to.
/// TCP flows that are looked through as streams: which bytes of each come next, and what became of it.
///
/// Of a fixed size. A flow has its place until it has ended or been silent for long; who finds none is told so.
struct ScanFlows: ~Copyable {
  /// What becomes of a flow's frames.
  enum Verdict: UInt8 {
    case open
    case dropped
    case diverted
    /// Dropped, as bytes of it were not looked through.
    case missed
  }

  private struct Entry: BitwiseCopyable {
    var key = ScanFlowKey()
    /// The next in the same bucket; -1 for none.
    var next: Int32 = -1
    var isUsed = false
    /// Whether it was seen to end.
    var hasEnded = false
    /// Whether the next scan is the first.
    var isFresh = true
    var verdict = Verdict.open
    /// The number of the byte that comes next.
    var expected: UInt32 = 0
    /// Frames that PME has, and how many it was given in all.
    var inFlight: UInt32 = 0
    var order: UInt32 = 0
    /// The frame from which on the verdict holds.
    var judgedFrom: UInt32 = 0
    var seenAt: UInt64 = 0
  }

  /// What is to be done with a segment.
  enum Step: Equatable {
    /// Its bytes from so many on are the next of the flow in this place.
    case next(Int, behind: Int, starts: Bool)
    /// It has no bytes, and keeps its turn.
    case turn(Int)
    /// Its bytes were there before, in the flow in this place.
    case again(Int)
    /// Bytes before it are missing, or there is no place for its flow.
    case lost
    /// Its flow is not to go on.
    case judged(Verdict)
  }

  /// How many flows it takes.
  let capacity: Int
  /// How many of those have queues.
  var limit = 0
  private let entries: UnsafeMutablePointer<Entry>
  private let buckets: UnsafeMutablePointer<Int32>
  private let mask: Int
  private let idle: UInt64
  private let resumes: Bool
  private var used = 0

  /// How long a flow that has ended keeps its place, for what is sent again: two seconds.
  private static let linger: UInt64 = 2_000_000_000

  /// Makes room.
  ///
  /// - Parameters:
  ///   - capacity: For how many flows.
  ///   - idle: After so many nanoseconds without a frame a place may be another's.
  ///   - resumes: Whether a stream of which bytes are missing is looked through from there on.
  init(capacity: Int, idle: UInt64, resumes: Bool) {
    self.capacity = capacity
    self.idle = idle
    self.resumes = resumes
    entries = .allocate(capacity: max(1, capacity))
    entries.initialize(repeating: Entry(), count: max(1, capacity))
    var size = 1
    while size < 2 * capacity { size *= 2 }
    mask = size - 1
    buckets = .allocate(capacity: size)
    buckets.initialize(repeating: -1, count: size)
  }

  deinit {
    entries.deallocate()
    buckets.deallocate()
  }

  // MARK: places

  private func find(_ key: ScanFlowKey) -> Int? {
    var place = buckets[key.hash & mask]
    while place >= 0 {
      if entries[Int(place)].key == key { return Int(place) }
      place = entries[Int(place)].next
    }
    return nil
  }

  /// A place for a flow: one that was never used, or that of the flow of which nothing was seen for longest, if
  /// that is long enough.
  private mutating func make(_ key: ScanFlowKey, now: UInt64) -> Int? {
    var found = used < limit ? used : -1
    if found < 0 {
      var longest: UInt64 = 0
      for place in 0..<used where entries[place].inFlight == 0 {
        let silence = now &- entries[place].seenAt
        let patience = entries[place].hasEnded ? min(Self.linger, idle) : idle
        guard silence >= patience, found < 0 || silence > longest else { continue }
        (found, longest) = (place, silence)
      }
      guard found >= 0 else { return nil }
      unlink(found)
    } else {
      used += 1
    }
    let bucket = key.hash & mask
    entries[found] = Entry(key: key, next: buckets[bucket], isUsed: true)
    buckets[bucket] = Int32(found)
    return found
  }

  private func unlink(_ place: Int) {
    let bucket = entries[place].key.hash & mask
    var before: Int32 = -1
    var here = buckets[bucket]
    while here >= 0, Int(here) != place { (before, here) = (here, entries[Int(here)].next) }
    if before < 0 {
      buckets[bucket] = entries[place].next
    } else {
      entries[Int(before)].next = entries[place].next
    }
  }

  // MARK: segments

  /// Says what is to be done with a segment, and takes it for seen.
  mutating func take(
    _ key: ScanFlowKey, sequence: UInt32, flags: UInt8, count: Int, now: UInt64
  ) -> Step {
    let isFirst = flags & ScannedPacket.Flag.syn != 0
    // SYN has a number of its own, in front of the bytes.
    let start = sequence &+ (isFirst ? 1 : 0)
    let known = find(key)
    guard let place = known ?? make(key, now: now) else { return .lost }
    let entry = entries + place
    entry.pointee.seenAt = now
    // A SYN in the midst of a flow changes nothing: its receiver does not begin anew either (RFC 5961, 4).
    if known == nil || isFirst && entry.pointee.hasEnded && entry.pointee.inFlight == 0 {
      entry.pointee.expected = start
      entry.pointee.isFresh = true
      entry.pointee.hasEnded = false
      entry.pointee.verdict = .open
    }
    guard entry.pointee.verdict == .open else { return .judged(entry.pointee.verdict) }
    // Less than 0 when bytes are missing (RFC 9293, 3.4: numbers compare modulo 2^32).
    let old = Int(Int32(bitPattern: entry.pointee.expected &- start))
    guard count > 0 else {
      if old == 0 { noteEnd(of: place, flags) }
      return .turn(place)
    }
    guard old >= 0 || resumes else { return .lost }
    guard old < count else { return .again(place) }
    let behind = max(0, old)
    let starts = entry.pointee.isFresh || old < 0
    entry.pointee.expected = start &+ UInt32(truncatingIfNeeded: count)
    entry.pointee.isFresh = false
    noteEnd(of: place, flags)
    return .next(place, behind: behind, starts: starts)
  }

  private func noteEnd(of place: Int, _ flags: UInt8) {
    if flags & ScannedPacket.Flag.fin != 0 { entries[place].expected &+= 1 }
    if flags & (ScannedPacket.Flag.fin | ScannedPacket.Flag.rst) != 0 {
      entries[place].hasEnded = true
    }
  }

  /// PME has a frame of a flow; the frame's number.
  func enter(_ place: Int) -> UInt32 {
    entries[place].inFlight &+= 1
    entries[place].order &+= 1
    return entries[place].order
  }

  /// PME has given a frame of a flow back.
  func leave(_ place: Int) { entries[place].inFlight &-= 1 }

  /// What becomes of a frame of a flow: what came before the one that was found out goes on.
  func verdict(_ place: Int, on frame: UInt32) -> Verdict {
    let isBefore = Int32(bitPattern: frame &- entries[place].judgedFrom) < 0
    return isBefore ? .open : entries[place].verdict
  }

  /// Says what becomes of a flow from a frame on.
  func judge(_ place: Int, _ verdict: Verdict, from frame: UInt32) {
    // One group's answers may be there before another's.
    guard
      entries[place].verdict == .open
        || Int32(bitPattern: frame &- entries[place].judgedFrom) < 0
    else { return }
    entries[place].verdict = verdict
    entries[place].judgedFrom = frame
  }
}
