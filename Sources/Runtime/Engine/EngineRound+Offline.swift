import DPAAPortal
import QorIQ

/// Offline ports: frames that go from a queue to a guest, along a link or by an interface's rules, or to a
/// queue that transmits, at the end of a chain.
extension EngineTables {
  /// Moves frames on: each is copied into a buffer of its receiver and its own is freed.
  mutating func forward(_ index: Int, now: UInt64) -> Bool {
    let route = offlinePorts.base[index]
    guard qman.channels.base[route.channel].nonEmpty != 0 else { return false }
    if route.isChain { return forwardAnswers(route) }
    return route.interface < 0
      ? forwardOverLink(route, now: now) : forwardByRules(route, now: now)
  }

  /// Moves frames to the one receiver of a link. A loop of its own, as that by rules: together they would
  /// be too much for the compiler to keep in one piece.
  @inline(never)
  private mutating func forwardOverLink(_ route: OfflineRoute, now: UInt64) -> Bool {
    let annotations = Annotations()
    let isGone = isGone(route.owner)
    return forwardEach(route) { tables, frame in
      if isGone { return tables.lose(route.owner) }
      return tables.place(
        tables.start(of: frame), count: Int(frame.length), in: route.owner, queue: route.queue,
        chargedTo: route.owner, annotations, mayWait: true, now: now)
    }
  }

  /// Moves frames to the receivers that an interface's rules name.
  @inline(never)
  private mutating func forwardByRules(_ route: OfflineRoute, now: UInt64) -> Bool {
    forwardEach(route) { $0.forwardByRules($1, route.interface, now: now) }
  }

  /// Takes frames off an offline port's queues as long as `body` brings them somewhere; it says `false` to
  /// wait for a buffer.
  @inline(__always)
  private mutating func forwardEach(
    _ route: OfflineRoute, _ body: (inout EngineTables, FrameDescriptor) -> Bool
  ) -> Bool {
    var moved = 0
    var turns = 0
    while moved < Self.burst, turns < Self.burst, let fqid = qman.select(route.channel) {
      turns &+= 1
      let queue = qman.queues.base + Int(fqid)
      let isPlain = queue.pointee.flags.isEmpty
      var turn = 0
      while turn < Self.turn, queue.pointee.count > 0 {
        let frame = queue.pointee.first
        let isRefused = _slowPath(frame.isCompound)
        if !isRefused, !body(&self, frame) {
          qman.reschedule(fqid)
          return moved &+ turn > 0
        }
        _ = qman.pop(fqid, isPlain: isPlain)
        if isRefused { refuse(frame) } else { free(frame) }
        turn &+= 1
      }
      moved &+= turn
      endPortTurn(fqid)
    }
    return moved > 0
  }

  /// Brings one frame to the receiver that an interface's rules name, or drops it; `false` to wait for a
  /// buffer.
  @inline(__always)
  private mutating func forwardByRules(
    _ frame: FrameDescriptor, _ interface: Int, now: UInt64
  ) -> Bool {
    let start = start(of: frame)
    let bytes = UnsafeRawBufferPointer(start: start, count: Int(frame.length))
    parsed.base.pointee.take(
      start, count: bytes.count, port: UInt8(truncatingIfNeeded: interface))
    let parsed = UnsafePointer(parsed.base)
    let classifier = ports.classifier(interface)
    let rule = Classifier.classify(classifier, parsed, bytes)
    guard !rule.pointee.isDropped else {
      counters.drop(.byRule, rule.pointee.owner)
      return true
    }
    let hash = Classifier.hash(classifier, rule, parsed, bytes, keyGen)
    let owner = rule.pointee.owner
    if isGone(owner) { return lose(owner) }
    if let chain = rule.pointee.chain {
      return placeInChain(
        bytes, parsed, rule, chain, colour: Policer.Colour(status: frame.command), now: now)
    }
    return place(
      start, count: bytes.count, in: owner, queue: rule.pointee.queue(hash), chargedTo: owner,
      Annotations(parsed.result, hash: hash, colour: Policer.Colour(status: frame.command)),
      mayWait: true, now: now)
  }

  /// Drops a frame whose receiver is gone.
  private mutating func lose(_ owner: Int) -> Bool {
    counters.drop(.ownerGone, owner)
    return true
  }
}
