public import QorIQ

// Many buffers in one call. Acquiring and releasing take one command for up to eight buffers, so
// that a ring of eight entries holds 56 of them.

extension Portal {
  /// How many buffers one command to BMan names at most
  /// (Linux 6.1, `drivers/soc/fsl/qbman/bman.c`, `struct bm_rcr_entry`).
  static var buffersPerCommand: Int { 8 }

  /// Takes frames from the dequeue ring until it is empty or the burst is full.
  ///
  /// - Returns: How many there were.
  @inlinable public mutating func dequeue(into burst: inout Burst) -> Int {
    let before = burst.count
    var counted = before
    var bytes: UInt64 = 0
    while burst.room > 0, let buffer = takeEntry() {
      bytes &+= UInt64(buffer.descriptor.length)
      burst.append(buffer)
      if _slowPath(isConsumptionDue) {
        noteReceived(burst.count &- counted, bytes: bytes)
        (counted, bytes) = (burst.count, 0)
        publishConsumption()
      }
    }
    if burst.count > counted { noteReceived(burst.count &- counted, bytes: bytes) }
    publishConsumption()
    return burst.count &- before
  }

  /// Puts frames of a burst on the enqueue ring, the first one first; those for which there is no
  /// room stay in the burst.
  ///
  /// - Returns: How many are on their way.
  @inlinable public mutating func enqueue(_ burst: inout Burst, to queue: FQID) -> Int {
    var count = 0
    var bytes: UInt64 = 0
    put: while let buffer = burst.removeFirst() {
      let length = buffer.descriptor.length
      switch put(buffer, to: queue) {
      case .accepted:
        count &+= 1
        bytes &+= UInt64(length)
      case .full(let buffer):
        burst.putBack(buffer)
        break put
      }
    }
    if count > 0 { noteSent(count, bytes: bytes) }
    return count
  }

  /// Acquires buffers from a pool, up to eight with each command, until it has so many or BMan has
  /// no more.
  ///
  /// - Parameters:
  ///   - count: How many; at most the burst's ``Burst/room``.
  ///   - pool: One of the guest's pools.
  ///   - burst: Where they go.
  ///   - ahead: Whether as many, but eight at most, are asked for once more before this returns: a call for those
  ///     finds the answer, and need not wait for it. Until then they are this guest's, and nobody has them.
  /// - Returns: How many there were.
  public mutating func acquire(
    _ count: Int, from pool: BPID, into burst: inout Burst, ahead: Bool = false
  ) -> Int {
    precondition(count >= 0 && count <= burst.room, "the burst has no room for so many")
    let before = burst.count
    var step = Self.buffersPerCommand
    while true {
      let missing = count - (burst.count - before)
      step = min(step, missing)
      guard step > 0 else { return count }
      let held = burst.count
      // BMan works on the next command while this one's buffers are taken.
      let first = ahead ? min(Self.buffersPerCommand, count) : 0
      let next = missing > step ? min(step, missing - step) : first
      acquire(step, from: pool, next: next) { (buffer: consuming Buffer) in burst.append(buffer) }
      if burst.count == held {
        // BMan gives all or none: fewer may still be there, unless it has not answered at all.
        guard step > 1, acquiring == nil else { return held - before }
        step /= 2
      }
    }
  }

  /// Whether buffers were asked for that nobody has taken yet; see ``acquire(_:from:into:ahead:)``.
  public var hasAskedAhead: Bool { acquiring != nil }

  /// Takes the buffers that were asked for ahead, if BMan had them, for who wants no more.
  ///
  /// - Parameter burst: Where they go; it has room for eight.
  public mutating func takeAhead(into burst: inout Burst) {
    guard let (pool, count) = acquiring else { return }
    acquire(count, from: pool, repeats: false) { (buffer: consuming Buffer) in
      burst.append(buffer)
    }
  }

  /// Gives the buffers of a burst back to their pools, the first one first, with those of a frame's
  /// pieces; those for which the release ring has no room stay in the burst.
  ///
  /// - Returns: How many of the burst's went back.
  public mutating func release(_ burst: inout Burst) -> Int {
    var count = 0
    while !burst.isEmpty, hasReleaseRoom() {
      let entry = PortalLayout.BMan.rcr + rcr.offset(rcrProducer)
      let most = min(burst.count, Self.buffersPerCommand)
      let number = (0..<most).first { burst[$0].descriptor.isScattered } ?? most
      guard number > 0 else {
        guard releaseFirst(of: &burst) else { return count }
        count += 1
        continue
      }
      let first = burst[0].descriptor.releaseWord
      for place in 1..<number {
        bman.store64(entry &+ 8 &* place, burst[place].descriptor.releaseWord)
      }
      burst.forget(number)
      let verb = Verb.releaseEach | UInt8(truncatingIfNeeded: number) | rcr.polarity(rcrProducer)
      bman.release64(entry, UInt64(verb) << 56 | first)
      rcrProducer &+= 1
      rcrCredit &-= 1
      count += number
      status.addCounter(GuestStatus.Counter.released.offset, UInt64(number))
    }
    return count
  }

  /// Gives all buffers of a burst back, however long the release ring is full.
  mutating func giveBack(_ burst: inout Burst) {
    while !burst.isEmpty {
      if release(&burst) == 0 { letEngineRun() }
    }
  }

  /// Releases the first frame of a burst; `false` when there is no room for all its buffers.
  private mutating func releaseFirst(of burst: inout Burst) -> Bool {
    guard let buffer = burst.removeFirst() else { return false }
    switch release(buffer) {
    case .accepted: return true
    case .full(let buffer):
      burst.putBack(buffer)
      return false
    }
  }
}
