import QorIQ

/// A request to PME that is answered with reports of what was found.
///
/// It takes two buffers: the frame's, and another for the reports, at whose start the table of both lies.
/// Both are PME's until the answer is there.
public enum PatternRequest {
  /// The bytes of reports that a request has room for at most: of 4096 matches.
  public static let mostRoom = 4096 * MatchReport.size

  /// Makes a request, to be enqueued to ``PatternQueue/request``.
  ///
  /// A portal whose ring is full gives it back as it is; ``Portal/reply(of:)`` takes it apart, whether it was
  /// answered, refused or never sent.
  ///
  /// - Parameters:
  ///   - frame: What is to be looked through.
  ///   - command: What is looked for.
  ///   - paper: The buffer for reports, which has room for one behind its headroom at least.
  /// - Returns: The request.
  public static func make(
    _ frame: consuming Buffer, _ command: PatternCommand, reportingIn paper: consuming Buffer
  ) -> Buffer {
    precondition(
      paper.capacity >= Buffer.headroom + MatchReport.size, "the buffer has no room for a report")
    precondition(
      frame.descriptor.format == 0 || frame.descriptor.isScattered, "the frame is a request itself")
    let room = min(paper.capacity - Buffer.headroom, mostRoom) / MatchReport.size
    let own = paper.descriptor
    let input = frame.take()
    FragmentEntry(
      bpid: own.bpid, address: own.address, offset: UInt32(Buffer.headroom),
      length: UInt32(room * MatchReport.size), isFinal: false
    ).write(to: paper.memory)
    var entry = FragmentEntry(
      bpid: input.bpid, address: input.address, offset: input.offset, length: input.length,
      isFinal: true)
    if input.isScattered { entry = entry.extended }
    entry.write(to: paper.memory + FragmentEntry.size)
    paper.descriptor = FrameDescriptor(
      compound: own.bpid, address: own.address, length: input.length)
    paper.descriptor.command = command.word
    return paper
  }
}

/// What a request to PME has come to.
public enum PatternReply: ~Copyable {
  /// A frame that came back itself; its ``Buffer/scanStatus`` says whether something was found.
  case frame(Buffer)
  /// A frame with reports.
  case answer(PatternAnswer)
  /// A request whose table this guest has written over: which frame it was about is not known any more.
  case broken(Buffer)
}

/// A frame that PME has looked through, and the reports of what was found.
public struct PatternAnswer: ~Copyable {
  /// The frame.
  public var frame: Buffer
  /// What came of the request.
  public let status: PatternStatus
  /// How many reports there are; ``PatternStatus/isTruncated`` says that there was no room for more.
  public let count: Int
  private var paper: Buffer

  init(
    _ frame: consuming Buffer, _ paper: consuming Buffer, status: PatternStatus, count: Int
  ) {
    self.frame = frame
    self.paper = paper
    self.status = status
    self.count = count
  }

  /// A report, from 0 for the first to ``count`` less one for the last.
  public subscript(index: Int) -> MatchReport {
    precondition(index >= 0 && index < count, "there are fewer reports")
    return MatchReport(
      at: UnsafeRawPointer(paper.memory) + Buffer.headroom, offset: index * MatchReport.size)
  }

  /// Ends the answer with its frame, and hands over the buffer of its reports.
  consuming func take(_ release: (consuming Buffer) -> Void) -> Buffer {
    release(paper)
    return frame
  }
}

extension Portal {
  /// Takes an answer of PME's apart, or a request that was refused or never sent, which has no reports.
  ///
  /// Nothing that stands in the answer leads outside the buffers of this guest: it has as many reports as
  /// were written and its buffer has room for.
  public func reply(of buffer: consuming Buffer) -> PatternReply {
    guard buffer.descriptor.isCompound else { return .frame(buffer) }
    guard buffer.capacity >= Buffer.headroom else { return .broken(buffer) }
    let output = FragmentEntry(buffer.memory)
    let input = FragmentEntry(UnsafeRawPointer(buffer.memory) + FragmentEntry.size)
    guard let descriptor = frameDescriptor(input), let pool = mapping(of: input.bpid),
      let memory = pool.pointer(to: input.address), memory != buffer.memory
    else { return .broken(buffer) }
    let status = buffer.scanStatus
    let isAnswered =
      buffer.origin == .answered && (status.code == .ok || status.code == .matchLimit)
    let written = min(Int(output.length), buffer.capacity - Buffer.headroom)
    let frame = Buffer(
      descriptor: descriptor, queue: buffer.queue, context: buffer.context,
      capacity: Int(pool.size), memory: memory)
    return .answer(
      PatternAnswer(
        frame, buffer, status: status, count: isAnswered ? written / MatchReport.size : 0))
  }

  /// Ends an answer: the buffer of its reports goes back to its pool.
  ///
  /// - Returns: The frame.
  public mutating func giveBackReports(of answer: consuming PatternAnswer) -> Buffer {
    var paper: Buffer?
    let frame = answer.take { (buffer: consuming Buffer) in paper = .some(buffer) }
    if let paper = paper.take() { giveBack(paper) }
    return frame
  }

  /// The descriptor of the frame that a request's second entry names; `nil` when that is none that
  /// ``PatternRequest`` has written.
  private func frameDescriptor(_ entry: FragmentEntry) -> FrameDescriptor? {
    guard let pool = mapping(of: entry.bpid), entry.isFinal, entry.offset <= 0x1ff,
      entry.length <= 0xf_ffff, entry.offset <= pool.size
    else { return nil }
    let descriptor = FrameDescriptor(
      bpid: entry.bpid, address: entry.address, offset: entry.offset, length: entry.length)
    guard !entry.isExtension else { return descriptor.scattered }
    return entry.length <= pool.size - entry.offset ? descriptor : nil
  }

  private func mapping(of bpid: BPID) -> MappedPool? { pools.first { $0.bpid == bpid } }
}
