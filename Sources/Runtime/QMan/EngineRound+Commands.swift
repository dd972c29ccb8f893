import DPAAPortal

/// QMan's management commands. Each is carried out on the engine's own copy, for what the portal's
/// owner has only: another's queue, group or channel is answered like one that does not exist.
extension EngineTables {
  /// Answers the command that waits; `false` when it must wait until messages are read.
  @inline(never)
  mutating func answerQMan(_ index: Int) -> Bool {
    let portal = portals.base + index
    // A command may send one message.
    guard portal.pointee.canNotify else { return false }
    guard portal.pointee.mayCommand() else { return true }
    let command = portal.pointee.initialization?.command ?? portal.pointee.commands.copy()
    let verb = command.byte(0) & 0x7f
    if _slowPath(hasWorker), !settle(verb, command) { return true }
    var answer = CommandImage()
    var result: UInt8
    switch verb {
    case ManagementVerb.initializeParked, ManagementVerb.initializeScheduled:
      guard let end = initialize(command, portal: index) else { return true }
      portals.base[index].initialization = nil
      result = end
    case ManagementVerb.queryQueue: result = queryQueue(command, index, &answer)
    case ManagementVerb.queryQueueState: result = queryQueueState(command, index, &answer)
    case ManagementVerb.queryWorkQueues, ManagementVerb.queryDedicatedWorkQueues:
      result = queryWorkQueues(
        command, index, &answer, isDedicated: verb == ManagementVerb.queryDedicatedWorkQueues)
    case ManagementVerb.schedule, ManagementVerb.forceEligible, ManagementVerb.retire,
      ManagementVerb.outOfService, ManagementVerb.flowOn, ManagementVerb.flowOff:
      result = alter(verb, command, index, &answer)
    case ManagementVerb.initializeGroup, ManagementVerb.modifyGroup:
      result = writeGroup(command, index, isNew: verb == ManagementVerb.initializeGroup)
    case ManagementVerb.queryGroup: result = queryGroup(command, index, &answer)
    case ManagementVerb.testGroup: result = testGroup(command, index, &answer)
    case ManagementVerb.queryCongestion: result = queryCongestion(index, &answer)
    default:
      result = CommandResult.badCommand
      errors.qman |= ManagerError.invalidCommand
    }
    answer.set(0, byte: verb)
    answer.set(1, byte: result)
    portals.base[index].commands.answer(answer)
    return true
  }

  /// Whether another thread has no request in hand of the queues that a command asks about or ends: nobody is told
  /// that such a queue is empty. Nobody waits for that thread either: the command is looked at in each round.
  private mutating func settle(_ verb: UInt8, _ command: CommandImage) -> Bool {
    switch verb {
    case ManagementVerb.initializeParked, ManagementVerb.initializeScheduled:
      settle(command.fqid(4), count: UInt32(command.half(8)) + 1)
    case ManagementVerb.queryQueueState, ManagementVerb.retire, ManagementVerb.outOfService:
      settle(command.fqid(4), count: 1)
    default: true
    }
  }

  // MARK: Queues

  /// Whether a command's queues are the portal's owner's.
  private func ownsQueues(_ first: UInt32, count: UInt32, _ index: Int) -> Bool {
    owns(first, count: count, owner: portals.base[index].owner)
  }

  /// The place of a channel that an owner's queues may lead to; `nil` for any other.
  private func place(ofChannel number: UInt16, owner: Int) -> UInt16? {
    let entry = owners.base[owner]
    for index in entry.firstChannel..<entry.firstChannel + entry.channelCount
    where qman.channels.base[Int(ownerChannels.base[index])].number == number {
      return ownerChannels.base[index]
    }
    return nil
  }

  /// `INITFQ` of one queue or of as many as byte 8 and 9 say beside it: all of them, or none, unless their owner
  /// changes them by another portal meanwhile; `nil` when further rounds are to go on.
  private mutating func initialize(_ command: CommandImage, portal: Int) -> UInt8? {
    let owner = portals.base[portal].owner
    let first = command.fqid(4)
    let count = UInt32(command.half(8)) + 1
    guard ownsQueues(first, count: count, portal) else { return CommandResult.badQueue }
    settleQueues(by: first)
    var channel: UInt16 = 0
    if QueueManager.writesDestination(command) {
      guard let place = place(ofChannel: command.half(14) >> 3, owner: owner) else {
        return CommandResult.badChannel
      }
      channel = place
    }
    var work = portals.base[portal].initialization ?? QueueInitialization(command)
    var left = QueueInitialization.stepsPerRound
    while true {
      let end = min(work.next + left, count)
      left -= end - work.next
      for fqid in first + work.next..<first + end {
        if let fault = fault(of: command, on: fqid, channel: channel, owner: owner) { return fault }
        guard work.writes else { continue }
        qman.write(command, to: fqid, channel: channel)
        if command.isScheduling { _ = qman.schedule(fqid) }
      }
      work.next = end
      if end == count {
        if work.writes { return CommandResult.ok }
        work.writes = true
        work.next = 0
      }
      guard left > 0 else {
        portals.base[portal].initialization = work
        return nil
      }
    }
  }

  /// What keeps a queue from being initialised so; `nil` when nothing does.
  private func fault(
    of command: CommandImage, on fqid: UInt32, channel: UInt16, owner: Int
  ) -> UInt8? {
    guard qman.canInitialize(fqid) else { return CommandResult.badState }
    let writesDestination = QueueManager.writesDestination(command)
    // What waits for an accelerator is nothing that a port could send, and stays where it is.
    guard
      !writesDestination || qman.queues.base[Int(fqid)].count == 0
        || isAcceleratorQueue(fqid) == (Int(channel) >= accelerators.firstChannel)
    else { return CommandResult.badState }
    guard
      writesDestination || !command.isScheduling || qman.queues.base[Int(fqid)].channel != 0
    else { return CommandResult.badChannel }
    let (control, group) = qman.congestion(of: fqid, after: command)
    guard
      control & QueueControl.congestionGroup == 0
        || qman.groups.base[Int(group)].belongs(to: owner)
    else { return CommandResult.badCommand }
    return nil
  }

  private func queryQueue(
    _ command: CommandImage, _ portal: Int, _ answer: inout CommandImage
  ) -> UInt8 {
    let fqid = command.fqid(4)
    guard ownsQueues(fqid, count: 1, portal) else { return CommandResult.badQueue }
    answer = qman.image(of: fqid)
    return CommandResult.ok
  }

  private func queryQueueState(
    _ command: CommandImage, _ portal: Int, _ answer: inout CommandImage
  ) -> UInt8 {
    let fqid = command.fqid(4)
    guard ownsQueues(fqid, count: 1, portal) else { return CommandResult.badQueue }
    answer = qman.stateImage(of: fqid)
    if let waiting = waitingNumbers(at: fqid) {
      answer.set(12, half: waiting.first)
      answer.set(14, half: waiting.last)
      portals.base[portal].rest(after: waiting.count)
    }
    // The queue behind it on a shared channel may be another's.
    if !ownsQueues(answer.word(4), count: 1, portal) { answer.set(4, word: 0) }
    return CommandResult.ok
  }

  private func queryWorkQueues(
    _ command: CommandImage, _ portal: Int, _ answer: inout CommandImage, isDedicated: Bool
  ) -> UInt8 {
    let place: UInt16?
    if isDedicated {
      place = portals.base[portal].channels[0]
    } else {
      place = self.place(
        ofChannel: command.half(2) >> 3, owner: portals.base[portal].owner)
    }
    guard let place else { return CommandResult.badChannel }
    let channel = qman.channels.base[Int(place)]
    answer.set(2, half: channel.number << 3)
    for workQueue in 0..<8 {
      answer.set(32 + 4 * workQueue, word: qman.workQueue(workQueue, of: Int(place)).pointee.length)
    }
    return CommandResult.ok
  }

  /// `ALTER_*` of one queue.
  private mutating func alter(
    _ verb: UInt8, _ command: CommandImage, _ index: Int, _ answer: inout CommandImage
  ) -> UInt8 {
    let fqid = command.fqid(4)
    guard ownsQueues(fqid, count: 1, index) else { return CommandResult.badQueue }
    switch verb {
    case ManagementVerb.schedule: return qman.schedule(fqid)
    case ManagementVerb.forceEligible: return qman.forceEligible(fqid)
    case ManagementVerb.flowOn, ManagementVerb.flowOff:
      let result = qman.setFlow(fqid, isOn: verb == ManagementVerb.flowOn)
      if result == CommandResult.badState { errors.qman |= ManagerError.invalidFlowState }
      return result
    case ManagementVerb.outOfService: return qman.takeOutOfService(fqid)
    default:
      let result = qman.retire(fqid, portal: index)
      if result == CommandResult.ok {
        let status = qman.retirementStatus(fqid)
        answer.set(2, byte: status)
        notify(index, Verb.retiredImmediately, fqid, status: status)
        beginReturn(fqid, to: index)
      }
      return result
    }
  }

  /// Sends a portal a message about a queue.
  func notify(_ portal: Int, _ verb: UInt8, _ fqid: UInt32, status: UInt8 = 0) {
    portals.base[portal].notify(
      MessageBacklog.Message(
        verb: verb, status: status, fqid: fqid,
        contextB: qman.queues.base[Int(fqid)].contextB))
  }

  // MARK: Congestion groups

  /// The group of a command, if it is the portal's owner's.
  private func group(
    _ command: CommandImage, _ portal: Int
  ) -> UnsafeMutablePointer<CongestionGroup>? {
    let group = qman.groups.base + Int(command.byte(31))
    return group.pointee.belongs(to: portals.base[portal].owner) ? group : nil
  }

  private mutating func writeGroup(_ command: CommandImage, _ portal: Int, isNew: Bool) -> UInt8 {
    guard let group = group(command, portal) else { return CommandResult.badCommand }
    group.pointee.write(command, isNew: isNew)
    group.pointee.updateState()
    if group.pointee.hasNews { qman.book.pointee.hasCongestionNews = true }
    return CommandResult.ok
  }

  private func queryGroup(
    _ command: CommandImage, _ portal: Int, _ answer: inout CommandImage
  ) -> UInt8 {
    guard let group = group(command, portal) else { return CommandResult.badCommand }
    answer = group.pointee.image
    return CommandResult.ok
  }

  private func testGroup(
    _ command: CommandImage, _ portal: Int, _ answer: inout CommandImage
  ) -> UInt8 {
    guard let group = group(command, portal) else { return CommandResult.badCommand }
    answer = group.pointee.test(
      at: Int64(command.byte(3)) << 32 | Int64(command.word(4)))
    return CommandResult.ok
  }

  private func queryCongestion(_ portal: Int, _ answer: inout CommandImage) -> UInt8 {
    for index in 0..<CongestionGroup.count {
      let group = qman.groups.base[index]
      guard group.isCongested, group.belongs(to: portals.base[portal].owner) else { continue }
      let offset = 32 + 4 * (index >> 5)
      answer.set(offset, word: answer.word(offset) | 0x8000_0000 >> UInt32(index & 31))
    }
    return CommandResult.ok
  }

  /// Tells the portals that want to know of groups whose state has changed.
  mutating func tellCongestion() {
    qman.book.pointee.hasCongestionNews = false
    for index in 0..<CongestionGroup.count where qman.groups.base[index].hasNews {
      let group = qman.groups.base + index
      group.pointee.hasNews = false
      guard group.pointee.notifies == 1 else { continue }
      for portal in 0..<portals.count
      where group.pointee.belongs(to: portals.base[portal].owner)
        && group.pointee.isTarget(portals.base[portal].number)
      {
        portals.base[portal].interrupt.events |= PortalInterrupt.congestion
      }
    }
  }
}
