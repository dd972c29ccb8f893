import CSecurity
import DPAAPortal
import Security

/// SEC: requests whose queue's context A is the address of a shared descriptor in their owner's memory.
///
/// Jobs of a batch are prepared one by one, handed to a library together, and finished in their order.
final class SecurityDevice: AcceleratorDevice, @unchecked Sendable {
  /// Which library does what.
  let choice: SecurityChoice
  private let gcm: SecurityUnit
  private let cbc: SecurityUnit
  private var sessions: [SessionKey: SecuritySession] = [:]
  private var sessionCounts: [Int: Int] = [:]
  // One thread works, and no batch begins in the midst of another.
  @exclusivity(unchecked) private var batch: UInt64 = 1
  // SAFETY: a session stays among `sessions` for as long as the batch that touches it.
  /// The descriptors of a batch, whose numbers are written when it is done.
  private let touched: UnsafeMutablePointer<UnsafeMutablePointer<SecurityRecord>>
  @exclusivity(unchecked) private var touchedCount = 0

  // SAFETY: each holds `AcceleratorLanes.batch` records, or `Scratch.size` bytes; freed with the device.
  private let tunnels: UnsafeMutablePointer<TunnelStep>
  private let plains: UnsafeMutablePointer<AEADStep>
  private let jobs: UnsafeMutablePointer<dpaac_security_job>
  /// The place of each request's job; -1 for none.
  private let places: UnsafeMutablePointer<Int>
  private let scratch: Scratch
  private let vectors: VectorSource
  // SAFETY: a place's record is that of a session in `sessions`, or the place is empty.
  /// For each owner ``recentCount`` descriptors that were looked at last, by their addresses: most requests ask for
  /// one of them again. Each has places of its own, as guests that are alike have their descriptors at like addresses.
  private let recent: UnsafeMutablePointer<Recent>

  /// A descriptor that was looked at.
  private struct Recent: BitwiseCopyable {
    var address: UInt64 = 0
    var record: UnsafeMutablePointer<SecurityRecord>?
  }

  /// A descriptor's owner and address.
  private struct SessionKey: Hashable {
    let owner: Int
    let address: UInt64
  }

  /// How many places an owner has for descriptors that were looked at last: a power of two.
  private static let recentCount = 64
  /// How many descriptors of one owner are kept.
  private static let sessionLimit = 1024
  /// What a descriptor that is new costs its owner, in bytes: expanding a key takes some microseconds.
  private static let effort = 4096

  /// A device that uses these libraries; `nil` when there are none.
  init?(_ choice: SecurityChoice) {
    guard let gcm = choice.unit(for: .gcm), let cbc = choice.unit(for: .cbcWithHMAC),
      let vectors = VectorSource(gcm)
    else { return nil }
    self.choice = choice
    self.gcm = gcm
    self.cbc = cbc
    self.vectors = vectors
    scratch = Scratch()
    tunnels = .allocate(capacity: AcceleratorLanes.batch)
    plains = .allocate(capacity: AcceleratorLanes.batch)
    let recentCount = RuntimeConfiguration.ownerLimit * Self.recentCount
    recent = .allocate(capacity: recentCount)
    recent.initialize(repeating: Recent(), count: recentCount)
    jobs = .allocate(capacity: 2 * AcceleratorLanes.batch)
    places = .allocate(capacity: AcceleratorLanes.batch)
    places.initialize(repeating: -1, count: AcceleratorLanes.batch)
    jobs.initialize(repeating: dpaac_security_job(), count: 2 * AcceleratorLanes.batch)
    tunnels.initialize(repeating: TunnelStep(), count: AcceleratorLanes.batch)
    plains.initialize(repeating: AEADStep(), count: AcceleratorLanes.batch)
    touched = .allocate(capacity: AcceleratorLanes.batch)
  }

  deinit {
    tunnels.deallocate()
    plains.deallocate()
    recent.deallocate()
    jobs.deallocate()
    places.deallocate()
    touched.deallocate()
  }

  override func status(of fault: AcceleratorFault) -> UInt32 {
    switch fault {
    case .noBuffer: SecurityStatus.QueueInterface.size.word
    case .length: SecurityStatus.Descriptor.sequence.word()
    default: SecurityStatus.QueueInterface.frameFormat.word
    }
  }

  override func forget(owner: Int) {
    forgetRecent(of: owner)
    sessions = sessions.filter { $0.key.owner != owner }
    sessionCounts[owner] = nil
    touchedCount = 0
  }

  // MARK: Descriptors

  override func prepare(_ job: inout AcceleratorJob, _ memory: AcceleratorMemory) {
    let address = job.contextA & 0xff_ffff_ffff
    let hash = Int(truncatingIfNeeded: address &>> 6 ^ address &>> 12) & (Self.recentCount - 1)
    let place = recent + job.owner &* Self.recentCount + hash
    var record = place.pointee.address == address ? place.pointee.record : nil
    if record?.pointee.batch != batch {
      record = look(&job, memory, address, record)
      place.pointee = Recent(address: address, record: record)
    }
    guard let record else {
      return job.fail(.descriptor, status: SecurityStatus.Descriptor.memory.word())
    }
    guard record.pointee.fault == 0 else {
      return job.fail(.descriptor, status: record.pointee.fault)
    }
    job.outputPool = record.pointee.outputPool
    job.session = record
  }

  private func forgetRecent(of owner: Int) {
    (recent + owner * Self.recentCount).update(repeating: Recent(), count: Self.recentCount)
  }

  /// The record of a job's descriptor, brought up to date; `nil` when its memory is not the owner's. `recent` is
  /// that record, if it is at hand.
  private func look(
    _ job: inout AcceleratorJob, _ memory: AcceleratorMemory, _ address: UInt64,
    _ recent: UnsafeMutablePointer<SecurityRecord>?
  ) -> UnsafeMutablePointer<SecurityRecord>? {
    let known = recent ?? sessions[SessionKey(owner: job.owner, address: address)]?.record
    if let known, known.pointee.batch == batch { return known }
    guard let head = memory.bytes(at: address, count: 8, of: job.owner),
      UInt(bitPattern: head) & 3 == 0
    else { return nil }
    let count = Int(head.acquire32(0) & 0x7f)
    let pool = UInt8(truncatingIfNeeded: head.acquire32(4) >> 16)
    guard count <= SharedDescriptor.limit,
      let whole = memory.bytes(at: address, count: 8 + 4 * count, of: job.owner)
    else { return nil }
    let words = whole + 8
    let record: UnsafeMutablePointer<SecurityRecord>
    if let known, known.pointee.isCurrent(words, count: count, outputPool: pool) {
      record = known
    } else {
      job.effort = Self.effort
      let owner = job.owner
      let session = SecuritySession(words, count: count, outputPool: pool, choice) {
        address, length in
        memory.bytes(at: address, count: length, of: owner).map { bytes in
          (0..<length).map { bytes.load(fromByteOffset: $0, as: UInt8.self) }
        }
      }
      keep(session, SessionKey(owner: owner, address: address), isNew: known == nil)
      record = session.record
    }
    record.pointee.batch = batch
    record.pointee.memory = words
    record.pointee.readState(words)
    // Once in a batch, and no batch has more jobs than there is room for.
    touched[touchedCount] = record
    touchedCount &+= 1
    return record
  }

  private func keep(_ session: SecuritySession, _ key: SessionKey, isNew: Bool) {
    forgetRecent(of: key.owner)
    if isNew {
      if sessionCounts[key.owner, default: 0] >= Self.sessionLimit {
        // Who has so many is not to fill the engine's memory. Those of this batch stay: jobs point at them,
        // and another job may ask for the same numbers.
        sessions = sessions.filter {
          $0.key.owner != key.owner || $0.value.record.pointee.batch == batch
        }
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
    scratch.clear()
    let (gcmCount, cbcCount) = begin(requests)
    if gcmCount > 0 { gcm.run(UnsafeMutableBufferPointer(start: jobs, count: gcmCount)) }
    if cbcCount > 0 {
      cbc.run(UnsafeMutableBufferPointer(start: jobs + AcceleratorLanes.batch, count: cbcCount))
    }
    finish(requests)
    for place in 0..<touchedCount { touched[place].pointee.writeState() }
    touchedCount = 0
    batch &+= 1
  }

  /// Does what comes before the libraries' work; how many jobs there are for each.
  @inline(never)
  private func begin(
    _ requests: UnsafeMutableBufferPointer<AcceleratorJob>
  ) -> (gcm: Int, cbc: Int) {
    var (gcm, cbc) = (0, 0)
    let (scratch, vectors) = (scratch, vectors)
    for index in requests.indices {
      places[index] = -1
      guard requests[index].fault == nil, let record = requests[index].session else { continue }
      let place = record.pointee.isGCM ? gcm : AcceleratorLanes.batch + cbc
      switch record.pointee.form {
      case .tunnel:
        tunnels[index] = TunnelStep()
        tunnels[index].begin(&requests[index], record, jobs + place, scratch, vectors)
      case .plain:
        plains[index] = AEADStep()
        plains[index].begin(&requests[index], record, jobs + place, scratch)
      }
      guard requests[index].fault == nil else { continue }
      jobs[place].key = record.pointee.key
      places[index] = place
      if record.pointee.isGCM { gcm += 1 } else { cbc += 1 }
    }
    return (gcm, cbc)
  }

  /// Does what comes after it.
  @inline(never)
  private func finish(_ requests: UnsafeMutableBufferPointer<AcceleratorJob>) {
    for index in requests.indices {
      let place = places[index]
      guard place >= 0, let record = requests[index].session else { continue }
      switch record.pointee.form {
      case .tunnel: tunnels[index].finish(&requests[index], record, jobs + place)
      case .plain: plains[index].finish(&requests[index], record, jobs + place)
      }
    }
  }
}
