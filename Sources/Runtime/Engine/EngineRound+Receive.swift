import DPAAPortal
import QorIQ

/// The stage of a round that takes frames from the wire: parse, classify, buffer, copy, enqueue.
extension EngineTables {
  /// Takes frames that arrive at a port.
  mutating func receive(_ index: Int, now: UInt64) -> Bool {
    var taken = 0
    var bytes = 0
    let mac = counters.mac(.receive, index)
    while taken < Self.burst, let frame = ports[index].peek(now: now) {
      guard accept(frame, from: index, mac, now: now) else { break }
      ports[index].advance()
      taken &+= 1
      bytes &+= frame.bytes.count
    }
    guard taken > 0 else { return false }
    counters.add(.received, index, UInt64(taken))
    counters.add(.receivedBytes, index, UInt64(bytes))
    mac.add(.octets, MACCounters.octets(bytes, frames: taken))
    return true
  }

  // SAFETY: the frame's parse is the tables' own, and good until the next frame's.
  /// Brings one frame into its owner's queue or drops it with its reason; `false` when the port
  /// should wait for a buffer. What is rarer than a sound frame under a rule without wishes is done out of
  /// line, so that this is compiled into one loop.
  @inline(__always)
  private mutating func accept(
    _ frame: CaptureReader.Frame, from index: Int, _ mac: MACCounters, now: UInt64
  ) -> Bool {
    let interface = interfaces.base + index
    let count = frame.bytes.count
    guard frame.wireLength <= count, count >= FrameLength.shortest,
      let start = frame.bytes.baseAddress
    else { return turnAway(frame, from: index) }
    parsed.base.pointee.take(start, count: count, port: UInt8(truncatingIfNeeded: index))
    let parsed = UnsafePointer(parsed.base)
    let result = parsed.result
    if count > interface.pointee.longestFrame || result.pointee.hasError {
      return acceptFaulty(frame.bytes, parsed, from: index, now: now)
    }
    let classifier = ports.classifier(index)
    let rule = Classifier.classify(classifier, parsed, frame.bytes)
    let owner = rule.pointee.owner
    let storing = interface.pointee.receivingOwner
    guard rule.pointee.isPlain, storing < 0 || storing == owner, !isGone(owner) else {
      return acceptByWishes(frame.bytes, parsed, rule, from: index, now: now)
    }
    let hash = Classifier.hash(classifier, rule, parsed, frame.bytes, keyGen)
    let queue = rule.pointee.queue(hash)
    guard
      place(
        start, count: count, in: owner, queue: queue, chargedTo: owner,
        Annotations(sound: result, hash: hash), mayWait: true, now: now)
    else { return false }
    mac.count(frame.bytes)
    if probes.isOn { probes.follow(from: index, to: owner, in: queue, then: 0, qman) }
    return true
  }

  /// Drops a frame that is cut off or too short for anything to be read of it. Mutating, as the others here:
  /// a call out of line that only reads the tables would have them copied.
  @inline(never)
  private mutating func turnAway(_ frame: CaptureReader.Frame, from index: Int) -> Bool {
    let owner = interfaces.base[index].defaultOwner
    guard frame.wireLength <= frame.bytes.count else {
      // The MAC had all of it: what is here is taken off its bytes before they are counted.
      counters.mac(.receive, index).add(.octets, 0 &- MACCounters.octets(frame.bytes.count))
      counters.drop(.frameCut, owner)
      return true
    }
    counters.mac(.receive, index).add(.undersize)
    counters.drop(.frameTooShort, owner)
    return true
  }

  /// Brings a frame into its owner's queue under a rule that wants more than that, as it drops, has a policer
  /// or further receivers, or its frames make a hop through an offline port; and one with an error in it.
  @inline(never)
  private mutating func acceptByWishes(
    _ frame: UnsafeRawBufferPointer, _ parsed: UnsafePointer<ParsedFrame>,
    _ rule: UnsafePointer<Classifier.Rule>, from index: Int, now: UInt64
  ) -> Bool {
    guard let start = frame.baseAddress else { preconditionFailure("it was parsed") }
    let result = parsed.result
    let owner = rule.pointee.owner
    guard !rule.pointee.isDropped else {
      finish(frame, result, index)
      counters.drop(.byRule, owner)
      return true
    }
    guard rule.pointee.copyCount > 0 || !isGone(owner) else {
      finish(frame, result, index)
      counters.drop(.ownerGone, owner)
      return true
    }
    var colour = Policer.Colour.green
    if rule.pointee.policer >= 0 {
      let policer = policers.base + rule.pointee.policer
      colour = policer.pointee.colour(frame.count, now: now)
      if policer.pointee.isDropped(colour) {
        policer.pointee.take(frame.count, colour)
        finish(frame, result, index)
        counters.drop(.policed, owner)
        return true
      }
    }
    let interface = interfaces.base[index]
    let takesHop = interface.receivingOwner >= 0 && interface.receivingOwner != owner
    // Whose memory is about to be exchanged gets no frame into it.
    if takesHop, isReturning(interface.receivingOwner) { return false }
    let hash = Classifier.hash(ports.classifier(index), rule, parsed, frame, keyGen)
    let queue = takesHop ? interface.hopQueue : rule.pointee.queue(hash)
    let annotations = Annotations(result, hash: hash, colour: colour)
    if isGone(owner) {
      counters.drop(.ownerGone, owner)
    } else if let chain = rule.pointee.chain, !takesHop {
      guard placeInChain(frame, parsed, rule, chain, colour: colour, now: now) else {
        return false
      }
    } else {
      guard
        place(
          start, count: frame.count, in: takesHop ? interface.receivingOwner : owner, queue: queue,
          chargedTo: owner, annotations, mayWait: true, now: now)
      else { return false }
    }
    if rule.pointee.copyCount > 0 { replicate(frame, rule, index, annotations, now: now) }
    if rule.pointee.policer >= 0 {
      (policers.base + rule.pointee.policer).pointee.take(frame.count, colour)
    }
    finish(frame, result, index)
    if probes.isOn, rule.pointee.chain == nil {
      probes.follow(
        from: index, to: owner, in: queue, then: takesHop ? rule.pointee.queue(hash) : 0, qman)
    }
    return true
  }

  /// Brings a frame with a fault into the error queue of the port's owner, drops one that is too long, and has any
  /// other go where frames without its headers go; `false` when the port should wait for a buffer.
  @inline(never)
  private mutating func acceptFaulty(
    _ frame: UnsafeRawBufferPointer, _ parsed: UnsafePointer<ParsedFrame>, from index: Int,
    now: UInt64
  ) -> Bool {
    let result = parsed.result
    let interface = interfaces.base[index]
    let isOversize = frame.count > interface.longestFrame
    let annotations = Annotations(result, fault: isOversize ? FrameStatus.size : 0)
    let queue = owners.base[interface.errorOwner].errorQueue
    if queue != 0, !isGone(interface.errorOwner),
      annotations.status & FrameStatus.receiveErrors != 0, let start = frame.baseAddress
    {
      guard
        place(
          start, count: frame.count, in: interface.errorOwner, queue: queue,
          chargedTo: interface.errorOwner, annotations, mayWait: true, now: now)
      else { return false }
      counters.add(.receiveErrors, index)
    } else if isOversize {
      counters.drop(.sizeError, interface.defaultOwner)
    } else {
      let rule = Classifier.classify(ports.classifier(index), parsed, frame)
      return acceptByWishes(frame, parsed, rule, from: index, now: now)
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
    guard let start = frame.baseAddress else { preconditionFailure("it was parsed") }
    counters.add(.copies, port, UInt64(rule.pointee.copyCount))
    for place in rule.pointee.firstCopy..<rule.pointee.firstCopy &+ rule.pointee.copyCount {
      let copy = ports.classifier(port).pointee.copies.base[place]
      guard !isGone(copy.owner) else {
        counters.drop(.ownerGone, copy.owner)
        continue
      }
      let isPlaced = self.place(
        start, count: frame.count, in: copy.owner, queue: copy.queue(annotations.hash),
        chargedTo: copy.owner, annotations, mayWait: false, now: now)
      precondition(isPlaced, "what may not wait is placed or dropped")
    }
  }

  /// Counts a frame that a port has taken, whatever became of it, and its header errors.
  private mutating func finish(
    _ frame: UnsafeRawBufferPointer, _ result: UnsafePointer<ParseResult>, _ port: Int,
    isOversize: Bool = false
  ) {
    if result.pointee.hasError { countErrors(result, port) }
    counters.mac(.receive, port).count(frame, isOversize: isOversize)
  }

  /// Counts a frame with a header error, once for each layer.
  @inline(never)
  private mutating func countErrors(_ result: UnsafePointer<ParseResult>, _ port: Int) {
    if result.pointee.hasLayer2Error { counters.add(.layer2Errors, port) }
    if result.pointee.hasLayer3Error { counters.add(.layer3Errors, port) }
    if result.pointee.hasLayer4Error { counters.add(.layer4Errors, port) }
  }
}
