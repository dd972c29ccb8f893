public import QorIQ

// QMan's management commands. Each polls for its answer.

extension Portal {
  /// How many frames wait in a queue of this owner; `nil` when there is no such queue or QMan does
  /// not answer.
  public mutating func queueFrameCount(of queue: FQID) -> UInt32? {
    // The answer to an earlier question that came too late is of no use, but its place is.
    if isQuerying, answerToQuery() == nil { return nil }
    qman.release64(
      PortalLayout.QMan.command,
      UInt64(ManagementVerb.queryQueueState | qmanCommandPolarity) << 56 | UInt64(queue.rawValue))
    isQuerying = true
    return answerToQuery().flatMap { $0 }
  }

  /// The frame count in QMan's answer, `.some(nil)` when it knows no such queue; `nil` when it
  /// does not answer.
  private mutating func answerToQuery() -> UInt32?? {
    let response =
      qmanCommandPolarity == 0 ? PortalLayout.QMan.response0 : PortalLayout.QMan.response1
    guard let word = poll(qman, response) else { return nil }
    isQuerying = false
    qmanCommandPolarity ^= PortalLayout.validBit
    guard UInt8(truncatingIfNeeded: word >> 48) == CommandResult.ok else { return .some(nil) }
    return UInt32(truncatingIfNeeded: qman.load64(response + 40)) & 0xff_ffff
  }

  /// Puts a queue of this owner into service, scheduled on a channel that the owner may use.
  ///
  /// - Parameters:
  ///   - queue: The queue, which must be out of service or parked.
  ///   - channel: Where it leads.
  ///   - workQueue: The channel's work queue, 0 to 7.
  ///   - contextA: What an accelerator reads of the queue.
  ///   - contextB: What dequeue entries bear; for an accelerator the queue for its answers.
  /// - Returns: One of ``CommandResult``; `nil` when QMan does not answer.
  public mutating func initialize(
    _ queue: FQID, channel: ChannelID, workQueue: UInt8 = 2, contextA: UInt64 = 0,
    contextB: UInt32 = 0
  ) -> UInt8? {
    // The answer to an earlier command that came too late is of no use, but its place is.
    if isQuerying, resultOfCommand() == nil { return nil }
    let command = PortalLayout.QMan.command
    qman.store64(command + 8, UInt64(channel.rawValue) << 3 | UInt64(workQueue & 7))
    qman.store64(command + 16, UInt64(contextB))
    qman.store64(command + 24, contextA)
    for offset in stride(from: 32, to: 64, by: 8) { qman.store64(command + offset, 0) }
    // The fields that are written: control, destination, context B and A.
    return order(ManagementVerb.initializeScheduled, fields: 0x33, queue)
  }

  /// Takes a queue of this owner out of service again.
  ///
  /// - Returns: Whether it was empty and at rest; one that was not is retired, or retires: try again then.
  public mutating func takeOutOfService(_ queue: FQID) -> Bool {
    if isQuerying, resultOfCommand() == nil { return false }
    // One that is retired already says that its state is wrong, which is no reason to stop.
    return order(ManagementVerb.retire, fields: 0, queue) != nil
      && order(ManagementVerb.outOfService, fields: 0, queue) == CommandResult.ok
  }

  /// The same for a queue whose frames are all to be served first: one that is retired with frames in it would
  /// keep them, as nobody is served from there.
  mutating func takeOutOfServiceWhenEmpty(_ queue: FQID) -> Bool {
    queueFrameCount(of: queue) == 0 && takeOutOfService(queue)
  }

  /// Gives a command about a queue, whose other words stand there already; its result.
  private mutating func order(_ verb: UInt8, fields: UInt64, _ queue: FQID) -> UInt8? {
    qman.release64(
      PortalLayout.QMan.command,
      UInt64(verb | qmanCommandPolarity) << 56 | fields << 32 | UInt64(queue.rawValue))
    isQuerying = true
    return resultOfCommand()
  }

  /// The result in QMan's answer; `nil` when it does not answer.
  private mutating func resultOfCommand() -> UInt8? {
    let response =
      qmanCommandPolarity == 0 ? PortalLayout.QMan.response0 : PortalLayout.QMan.response1
    guard let word = poll(qman, response) else { return nil }
    isQuerying = false
    qmanCommandPolarity ^= PortalLayout.validBit
    return UInt8(truncatingIfNeeded: word >> 48)
  }
}
