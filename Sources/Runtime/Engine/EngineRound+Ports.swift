import CPortalShims
import DPAAPortal
import Glibc
import QorIQ

/// The stages of a round that move frames between the wire, queues and pools.
extension EngineTables {
  /// How long a port waits for a buffer before it drops: longer than a scheduler keeps a busy
  /// guest waiting on a shared core, short enough that a guest that stopped does not hold up the
  /// others for long; after that nobody waits for that pool until a quarter of it is free again.
  static let patience: UInt64 = 50_000_000

  /// Takes frames from the wire: parse, classify, buffer, copy, enqueue.
  mutating func receive(_ index: Int, now: UInt64) -> Bool {
    var taken = 0
    var bytes = 0
    while taken < Self.burst, let frame = ports[index].peek(now: now) {
      guard accept(frame, from: index, now: now) else { break }
      ports[index].advance()
      taken &+= 1
      bytes &+= frame.bytes.count
    }
    guard taken > 0 else { return false }
    counters.add(.received, index, UInt64(taken))
    counters.add(.receivedBytes, index, UInt64(bytes))
    return true
  }

  /// Brings one frame into its owner's queue or drops it with its reason; `false` when the port
  /// should wait for a buffer.
  @inline(__always)
  private mutating func accept(_ frame: CaptureReader.Frame, from index: Int, now: UInt64) -> Bool {
    let interface = interfaces.base[index]
    guard frame.wireLength <= frame.bytes.count else {
      counters.drop(.frameCut, interface.defaultOwner)
      return true
    }
    guard frame.bytes.count >= FrameLength.shortest, let start = frame.bytes.baseAddress else {
      counters.add(.octets, .receive, index, UInt64(frame.bytes.count &+ 4))
      counters.add(.undersize, .receive, index)
      counters.drop(.frameTooShort, interface.defaultOwner)
      return true
    }
    var parsed = ParsedFrame(start, count: frame.bytes.count)
    parsed.result.port = UInt8(truncatingIfNeeded: index)
    if frame.bytes.count > interface.longestFrame || parsed.result.hasError,
      let isTaken = acceptFaulty(frame.bytes, parsed.result, from: index, now: now)
    {
      return isTaken
    }
    let classifier = ports.classifier(index)
    let rule = withUnsafePointer(to: &parsed) { Classifier.classify(classifier, $0, frame.bytes) }
    guard !rule.pointee.isDropped else {
      finish(frame.bytes, parsed.result, index)
      counters.drop(.byRule, rule.pointee.owner)
      return true
    }
    guard rule.pointee.copyCount > 0 || !isGone(rule.pointee.owner) else {
      finish(frame.bytes, parsed.result, index)
      counters.drop(.ownerGone, rule.pointee.owner)
      return true
    }
    var colour = Policer.Colour.green
    if rule.pointee.policer >= 0 {
      let policer = policers.base + rule.pointee.policer
      colour = policer.pointee.colour(frame.bytes.count, now: now)
      if policer.pointee.isDropped(colour) {
        policer.pointee.take(frame.bytes.count, colour)
        finish(frame.bytes, parsed.result, index)
        counters.drop(.policed, rule.pointee.owner)
        return true
      }
    }
    let takesHop = interface.receivingOwner >= 0 && interface.receivingOwner != rule.pointee.owner
    let storing = takesHop ? interface.receivingOwner : rule.pointee.owner
    let hash = withUnsafePointer(to: &parsed) {
      Classifier.hash(classifier, rule, $0, frame.bytes, keyGen)
    }
    let queue = takesHop ? interface.hopQueue : rule.pointee.queue(hash)
    let annotations = Annotations(result: parsed.result, hash: hash, colour: colour)
    if isGone(rule.pointee.owner) {
      counters.drop(.ownerGone, rule.pointee.owner)
    } else {
      guard
        place(
          frame.bytes, in: storing, queue: queue, chargedTo: rule.pointee.owner, annotations,
          now: now)
      else { return false }
    }
    if rule.pointee.copyCount > 0 { replicate(frame.bytes, rule, index, annotations, now: now) }
    if rule.pointee.policer >= 0 {
      (policers.base + rule.pointee.policer).pointee.take(frame.bytes.count, colour)
    }
    finish(frame.bytes, parsed.result, index)
    if probes.isOn {
      probes.follow(
        from: index, to: rule.pointee.owner, in: queue,
        then: takesHop ? rule.pointee.queue(hash) : 0, qman)
    }
    return true
  }

  /// Brings a frame with a fault into the error queue of the port's owner, or drops one that is too long;
  /// `nil` when it is to go on as if it had none, `false` when the port should wait for a buffer.
  @inline(never)
  private mutating func acceptFaulty(
    _ frame: UnsafeRawBufferPointer, _ result: ParseResult, from index: Int, now: UInt64
  ) -> Bool? {
    let interface = interfaces.base[index]
    let isOversize = frame.count > interface.longestFrame
    var annotations = Annotations(result: result)
    if isOversize { annotations.fault = FrameStatus.size }
    let queue = owners.base[interface.errorOwner].errorQueue
    if queue != 0, !isGone(interface.errorOwner),
      annotations.status & FrameStatus.receiveErrors != 0
    {
      guard
        place(
          frame, in: interface.errorOwner, queue: queue, chargedTo: interface.errorOwner,
          annotations, now: now)
      else { return false }
      counters.add(.receiveErrors, index)
    } else if isOversize {
      counters.drop(.sizeError, interface.defaultOwner)
    } else {
      return nil
    }
    finish(frame, result, index, isOversize: isOversize)
    return true
  }

  /// Gives a frame to the further receivers of its rule, each in a buffer of his own. The first one's
  /// has been stored: nobody waits for the others' pools.
  @inline(never)
  private mutating func replicate(
    _ frame: UnsafeRawBufferPointer, _ rule: UnsafePointer<Classifier.Rule>, _ port: Int,
    _ annotations: Annotations, now: UInt64
  ) {
    counters.add(.copies, port, UInt64(rule.pointee.copyCount))
    for place in rule.pointee.firstCopy..<rule.pointee.firstCopy &+ rule.pointee.copyCount {
      let copy = ports.classifier(port).pointee.copies.base[place]
      guard !isGone(copy.owner) else {
        counters.drop(.ownerGone, copy.owner)
        continue
      }
      let isPlaced = self.place(
        frame, in: copy.owner, queue: copy.queue(annotations.hash), chargedTo: copy.owner,
        annotations, mayWait: false, now: now)
      precondition(isPlaced, "what may not wait is placed or dropped")
    }
  }

  /// Counts a frame that a port has taken, whatever became of it, and its header errors.
  @inline(__always)
  private mutating func finish(
    _ frame: UnsafeRawBufferPointer, _ result: ParseResult, _ port: Int, isOversize: Bool = false
  ) {
    if result.hasError { countErrors(result, port) }
    counters.count(frame, .receive, port, isOversize: isOversize)
  }

  /// Counts a frame with a header error, once for each layer. Mutating, since a call out of line that only
  /// reads the tables would have them copied.
  @inline(never)
  private mutating func countErrors(_ result: ParseResult, _ port: Int) {
    if result.hasLayer2Error { counters.add(.layer2Errors, port) }
    if result.hasLayer3Error { counters.add(.layer3Errors, port) }
    if result.hasLayer4Error { counters.add(.layer4Errors, port) }
  }

  /// Copies a frame into a buffer of an owner and enqueues it; `false` to wait for a buffer.
  @inline(__always)
  private mutating func place(
    _ frame: UnsafeRawBufferPointer, in owner: Int, queue: UInt32, chargedTo charged: Int,
    _ annotations: Annotations, mayWait: Bool = true, now: UInt64
  ) -> Bool {
    let needed = frame.count &+ Buffer.headroom
    guard let room = takeRoom(needed, of: owner) else {
      if isLargerThanBuffers(needed, of: owner) {
        return placeInPieces(
          frame, in: owner, queue: queue, chargedTo: charged, annotations, mayWait: mayWait,
          now: now)
      }
      return dropUnlessWaiting(
        needed, of: owner, chargedTo: charged, mayWait: mayWait, now: now)
    }
    let pool = pools.base + room.pool
    let memory = pool.pointee.pointer(to: room.buffer)
    annotations.write(to: memory, now: now)
    if let start = frame.baseAddress {
      (memory + Buffer.headroom).copyMemory(from: start, byteCount: frame.count)
    }
    let descriptor = FrameDescriptor(
      bpid: pool.pointee.bpid, address: pool.pointee.address(of: room.buffer),
      offset: UInt32(Buffer.headroom), length: UInt32(truncatingIfNeeded: frame.count),
      command: annotations.status
    ).stamped(liodnOffset: owners.base[owner].liodnOffset)
    if case .accepted = qman.enqueue(descriptor, to: queue, colour: annotations.colour.rawValue) {
      return true
    }
    _ = pool.pointee.release(room.buffer, from: BufferPool.engine)
    counters.drop(.queueRefused, charged)
    return true
  }

  /// A buffer that was taken for a frame.
  private struct Room {
    var pool: Int
    var buffer: UInt32
  }

  /// Takes a buffer of an owner: of the smallest pool that fits, or of a larger one when that is
  /// empty or depleted; `nil` when there is none.
  @inline(__always)
  private mutating func takeRoom(_ needed: Int, of owner: Int) -> Room? {
    let first = owners.base[owner].firstPool
    guard owners.base[owner].poolCount > 0, needed <= Int(pools.base[first].size),
      !depletion.hardware.has(pools.base[first].bpid.rawValue),
      let buffer = pools.base[first].acquire(for: BufferPool.engine)
    else { return takeLargerRoom(needed, of: owner) }
    pools.base[first].waitingSince = 0
    return Room(pool: first, buffer: buffer)
  }

  @inline(never)
  private mutating func takeLargerRoom(_ needed: Int, of owner: Int) -> Room? {
    guard let fitting = smallestPool(for: needed, of: owner) else { return nil }
    let end = owners.base[owner].firstPool + owners.base[owner].poolCount
    for index in fitting..<end
    where !depletion.hardware.has(pools.base[index].bpid.rawValue) {
      guard let buffer = pools.base[index].acquire(for: BufferPool.engine) else { continue }
      pools.base[fitting].waitingSince = 0
      return Room(pool: index, buffer: buffer)
    }
    return nil
  }

  /// An owner's smallest pool whose buffers are large enough; its pools ascend by size.
  private func smallestPool(for needed: Int, of owner: Int) -> Int? {
    let entry = owners.base[owner]
    return (entry.firstPool..<entry.firstPool + entry.poolCount).first {
      needed <= Int(pools.base[$0].size)
    }
  }

  /// Whether no buffer of an owner is large enough, however many are free.
  @inline(never)
  private mutating func isLargerThanBuffers(_ needed: Int, of owner: Int) -> Bool {
    smallestPool(for: needed, of: owner) == nil
  }

  /// Drops a frame for which there is no buffer, with its reason; `false` when it is to wait.
  @inline(never)
  private mutating func dropUnlessWaiting(
    _ needed: Int, of owner: Int, chargedTo charged: Int, mayWait: Bool, now: UInt64
  ) -> Bool {
    guard let fitting = smallestPool(for: needed, of: owner) else {
      counters.drop(.frameTooLarge, charged)
      return true
    }
    if mayWait, shouldWait(for: fitting, now: now) { return false }
    counters.drop(.poolDepleted, charged)
    return true
  }

  /// Whether it is worth waiting for a buffer of a pool that is empty.
  private func shouldWait(for index: Int, now: UInt64) -> Bool {
    let pool = pools.base + index
    guard !pool.pointee.isGivenUp else { return false }
    if pool.pointee.waitingSince == 0 { pool.pointee.waitingSince = now }
    if now &- pool.pointee.waitingSince < Self.patience { return true }
    pool.pointee.waitingSince = 0
    pool.pointee.isGivenUp = true
    return false
  }

  // MARK: Offline ports

  /// Moves frames on: each is copied into a buffer of its receiver and its own is freed.
  mutating func forward(_ index: Int, now: UInt64) -> Bool {
    let route = offlinePorts.base[index]
    var moved = 0
    var turns = 0
    while moved < Self.burst, turns < Self.burst, let fqid = qman.select(route.channel) {
      turns &+= 1
      let queue = qman.queues.base + Int(fqid)
      let isPlain = queue.pointee.flags.isEmpty
      var turn = 0
      while turn < Self.turn, queue.pointee.count > 0 {
        let frame = queue.pointee.first
        guard forward(frame, route, now: now) else {
          qman.reschedule(fqid)
          return moved > 0
        }
        _ = qman.pop(fqid, isPlain: isPlain)
        free(frame)
        turn &+= 1
        moved &+= 1
      }
      endPortTurn(fqid)
    }
    return moved > 0
  }

  /// Brings one frame to its receiver or drops it; `false` to wait for a buffer.
  @inline(__always)
  private mutating func forward(_ frame: FrameDescriptor, _ route: OfflineRoute, now: UInt64)
    -> Bool
  {
    if route.interface >= 0 { return forwardByRules(frame, route.interface, now: now) }
    return bring(
      bytes(of: frame), to: route.owner, queue: route.queue, Annotations(), now: now)
  }

  /// Brings one frame to the receiver that an interface's rules name. Out of line, so that a link,
  /// which asks for no rules, keeps what it needs in registers.
  @inline(never)
  private mutating func forwardByRules(
    _ frame: FrameDescriptor, _ interface: Int, now: UInt64
  ) -> Bool {
    let bytes = bytes(of: frame)
    guard let start = bytes.baseAddress else { preconditionFailure("a pool has memory") }
    var parsed = ParsedFrame(start, count: bytes.count)
    parsed.result.port = UInt8(truncatingIfNeeded: interface)
    let classifier = ports.classifier(interface)
    let rule = withUnsafePointer(to: &parsed) { Classifier.classify(classifier, $0, bytes) }
    guard !rule.pointee.isDropped else {
      counters.drop(.byRule, rule.pointee.owner)
      return true
    }
    let hash = withUnsafePointer(to: &parsed) {
      Classifier.hash(classifier, rule, $0, bytes, keyGen)
    }
    return bring(
      bytes, to: rule.pointee.owner, queue: rule.pointee.queue(hash),
      Annotations(
        result: parsed.result, hash: hash, colour: Policer.Colour(status: frame.command)),
      now: now)
  }

  @inline(__always)
  private mutating func bring(
    _ bytes: UnsafeRawBufferPointer, to owner: Int, queue: UInt32, _ annotations: Annotations,
    now: UInt64
  ) -> Bool {
    guard !isGone(owner) else {
      counters.drop(.ownerGone, owner)
      return true
    }
    return place(bytes, in: owner, queue: queue, chargedTo: owner, annotations, now: now)
  }
}
