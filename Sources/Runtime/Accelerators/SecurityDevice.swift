import CSecurity
import DPAAPortal
import Security

/// SEC: requests whose queue's context A is the address of a shared descriptor in their owner's memory.
///
/// Jobs of a batch are prepared one by one, handed to a library together, and finished in their order.
final class SecurityDevice: AcceleratorDevice, @unchecked Sendable {
  /// Which library does what.
  let choice: SecurityChoice
  private var sessions: [SessionKey: SecuritySession] = [:]
  private var sessionCounts: [Int: Int] = [:]
  /// The sessions of a batch, whose numbers are written when it is done.
  private var touched: [SecuritySession] = []
  private var batch: UInt64 = 1

  // SAFETY: each holds `AcceleratorLanes.batch` records, or `Scratch.size` bytes; freed with the device.
  private let steps: UnsafeMutablePointer<TunnelStep>
  private let jobs: UnsafeMutablePointer<dpaac_security_job>
  private let scratch: Scratch
  private let vectors: VectorSource

  /// A descriptor's owner and address.
  private struct SessionKey: Hashable {
    let owner: Int
    let address: UInt64
  }

  /// How many descriptors of one owner are kept.
  private static let sessionLimit = 1024
  /// What a descriptor that is new costs its owner, in bytes: expanding a key takes some microseconds.
  private static let effort = 4096

  /// A device that uses these libraries; `nil` when there are none.
  init?(_ choice: SecurityChoice) {
    guard let unit = choice.unit(for: .gcm), choice.unit(for: .cbcWithHMAC) != nil,
      let vectors = VectorSource(unit)
    else { return nil }
    self.choice = choice
    self.vectors = vectors
    scratch = Scratch()
    steps = .allocate(capacity: AcceleratorLanes.batch)
    jobs = .allocate(capacity: 2 * AcceleratorLanes.batch)
    jobs.initialize(repeating: dpaac_security_job(), count: 2 * AcceleratorLanes.batch)
    steps.initialize(repeating: TunnelStep(), count: AcceleratorLanes.batch)
    touched.reserveCapacity(AcceleratorLanes.batch)
  }

  deinit {
    steps.deallocate()
    jobs.deallocate()
  }

  override func status(of fault: AcceleratorFault) -> UInt32 {
    switch fault {
    case .noBuffer: SecurityStatus.QueueInterface.size.word
    case .length: SecurityStatus.Descriptor.sequence.word()
    default: SecurityStatus.QueueInterface.frameFormat.word
    }
  }

  override func forget(owner: Int) {
    sessions = sessions.filter { $0.key.owner != owner }
    sessionCounts[owner] = nil
    touched.removeAll(keepingCapacity: true)
  }

  // MARK: Descriptors

  override func prepare(_ job: inout AcceleratorJob, _ memory: AcceleratorMemory) {
    guard let session = session(&job, memory) else {
      return job.fail(.descriptor, status: SecurityStatus.Descriptor.memory.word())
    }
    if case .failure(let fault) = session.program {
      return job.fail(.descriptor, status: fault.word)
    }
    job.outputPool = Int(session.outputPool)
    job.session = Unmanaged.passUnretained(session)
  }

  /// The session of a job's descriptor, brought up to date; `nil` when its memory is not the owner's.
  private func session(
    _ job: inout AcceleratorJob, _ memory: AcceleratorMemory
  ) -> SecuritySession? {
    let key = SessionKey(owner: job.owner, address: job.contextA & 0xff_ffff_ffff)
    let known = sessions[key]
    if let known, known.batch == batch { return known }
    guard let head = memory.bytes(at: key.address, count: 8, of: job.owner),
      UInt(bitPattern: head) & 3 == 0
    else { return nil }
    let count = Int(head.acquire32(0) & 0x7f)
    let pool = UInt8(truncatingIfNeeded: head.acquire32(4) >> 16)
    guard count <= SharedDescriptor.limit,
      let whole = memory.bytes(at: key.address, count: 8 + 4 * count, of: job.owner)
    else { return nil }
    let words = whole + 8
    let session: SecuritySession
    if let known, known.isCurrent(words, count: count, outputPool: pool) {
      session = known
    } else {
      job.effort = Self.effort
      let copy = (0..<count).map { words.acquire32(4 * $0) }
      let owner = job.owner
      session = SecuritySession(copy, outputPool: pool, choice) { address, length in
        memory.bytes(at: address, count: length, of: owner).map { bytes in
          (0..<length).map { bytes.load(fromByteOffset: $0, as: UInt8.self) }
        }
      }
      keep(session, key, isNew: known == nil)
    }
    session.batch = batch
    session.memory = words
    session.readState(words)
    touched.append(session)
    return session
  }

  private func keep(_ session: SecuritySession, _ key: SessionKey, isNew: Bool) {
    if isNew {
      if sessionCounts[key.owner, default: 0] >= Self.sessionLimit {
        // Who has so many is not to fill the engine's memory. Those of this batch stay: jobs point at them,
        // and another job may ask for the same numbers.
        sessions = sessions.filter { $0.key.owner != key.owner || $0.value.batch == batch }
        sessionCounts[key.owner] = sessions.keys.count { $0.owner == key.owner }
      }
      sessionCounts[key.owner, default: 0] += 1
    }
    sessions[key] = session
  }

  // MARK: Work

  override func work(
    _ requests: UnsafeMutableBufferPointer<AcceleratorJob>, _ memory: AcceleratorMemory
  ) {
    var gcm = 0
    var cbc = 0
    scratch.clear()
    for index in requests.indices {
      let step = steps + index
      step.pointee = TunnelStep()
      guard requests[index].fault == nil, let session = requests[index].session else { continue }
      session._withUnsafeGuaranteedRef { session in
        guard case .success(let program) = session.program, let key = session.key else { return }
        let place = program.isGCM ? gcm : AcceleratorLanes.batch + cbc
        step.pointee.begin(
          &requests[index], program, session, &jobs[place], scratch, vectors)
        guard requests[index].fault == nil else { return }
        jobs[place].key = key.pointer
        step.pointee.place = place
        if program.isGCM { gcm += 1 } else { cbc += 1 }
      }
    }
    if gcm > 0 {
      choice.unit(for: .gcm)?.run(UnsafeMutableBufferPointer(start: jobs, count: gcm))
    }
    if cbc > 0 {
      choice.unit(for: .cbcWithHMAC)?.run(
        UnsafeMutableBufferPointer(start: jobs + AcceleratorLanes.batch, count: cbc))
    }
    for index in requests.indices where steps[index].place >= 0 {
      requests[index].session?._withUnsafeGuaranteedRef { session in
        guard case .success(let program) = session.program else { return }
        steps[index].finish(
          &requests[index], program, session, &jobs[steps[index].place])
      }
    }
    for session in touched { session.writeState() }
    touched.removeAll(keepingCapacity: true)
    batch += 1
  }
}
