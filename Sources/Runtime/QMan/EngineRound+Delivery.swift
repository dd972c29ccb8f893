import DPAAPortal

/// The stage of a round in which QMan fills dequeue rings.
extension EngineTables {
  /// How many queues may have their turn in one round of a portal: enough for the largest ring, and
  /// a bound for queues that give nothing.
  private static let turnsPerRound = 64

  /// What one portal was given in a round.
  private struct Delivery {
    var room: UInt32
    var frames: UInt64 = 0
  }

  /// Fills all dequeue rings, and fires interrupts after that: a frame does not wait for what other portals'
  /// guests have consumed.
  mutating func deliver(now: UInt64) -> Bool {
    var busy = false
    for index in 0..<portals.count where fill(index) { busy = true }
    for index in 0..<portals.count { settle(index, now: now) }
    return busy
  }

  /// Fills a portal's dequeue ring.
  private mutating func fill(_ index: Int) -> Bool {
    let portal = portals.base + index
    guard !isGone(portal.pointee.owner) else { return false }
    // The guest writes the line that says what it has consumed just before it waits for the next
    // frame: where nothing depends on it, it is read after the frame was delivered.
    if !portal.pointee.knowsRoom { takeConsumption(index) }
    let before = portal.pointee.dqrrProducer
    var delivery = Delivery(room: portal.pointee.dequeueRoom())
    if delivery.room > 0 {
      portal.pointee.pollVolatileCommand()
      let volatile = VolatileCommand(rawValue: portal.pointee.volatileCommand)
      if volatile.rawValue != 0, !volatile.yieldsToScheduled { serveVolatile(index, &delivery) }
      serveStatic(portal.pointee.staticCommand, index, &delivery)
      if portal.pointee.volatileCommand != 0 { serveVolatile(index, &delivery) }
      if delivery.room > 0, let pull = portal.pointee.takePullCommand() {
        servePull(pull, index, &delivery)
      }
    }
    portal.pointee.publishDelivery()
    if delivery.frames > 0 { counters.add(.delivered, portal.pointee.owner, delivery.frames) }
    return portal.pointee.dqrrProducer != before
  }

  /// Takes notice of what a portal's guest has consumed and fires its interrupt.
  private mutating func settle(_ index: Int, now: UInt64) {
    let portal = portals.base + index
    guard !isGone(portal.pointee.owner) else { return }
    let look = portal.pointee.interrupt.look(portal.pointee.registers)
    if look.cleared != 0 { portal.pointee.pollMessages() }
    takeConsumption(index)
    var fires = portal.pointee.updateInterrupt(
      look, channelsWithWork: channelsWithWork(index), now: now)
    if portal.pointee.bman.updateInterrupt() { fires = true }
    if fires, interrupts.base[index].isConnected {
      counters.add(.interrupts, portal.pointee.owner)
      interrupts.base[index].raise()
    }
  }

  /// The portal's channels in which queues wait, as SDQCR names them.
  @inline(__always)
  private func channelsWithWork(_ index: Int) -> UInt32 {
    let portal = portals.base + index
    var rest = portal.pointee.channelMask
    var waiting: UInt32 = 0
    while rest != 0 {
      let place = 15 &- (31 &- rest.leadingZeroBitCount)
      let bit = 0x8000 as UInt32 &>> UInt32(place)
      rest &= ~bit
      if qman.channels.base[Int(portal.pointee.channels[place])].nonEmpty != 0 { waiting |= bit }
    }
    return waiting
  }

  // MARK: Consumption

  /// Takes notice of what the guest has consumed, unless it might have to be told more than can be
  /// kept for it.
  @inline(__always)
  mutating func takeConsumption(_ index: Int) {
    guard portals.base[index].canNotify else { return }
    release(portals.base[index].pollConsumption(), index)
  }

  /// Lets queues go whose entries are all consumed.
  @inline(__always)
  mutating func release(_ released: EnginePortal.Released, _ index: Int) {
    if released.places != 0 { releaseHeld(released, index) }
  }

  @inline(never)
  private mutating func releaseHeld(_ released: EnginePortal.Released, _ index: Int) {
    var places = released.places
    while places != 0 {
      let place = places.trailingZeroBitCount
      places &= places &- 1
      let fqid = portals.base[index].heldQueues[place]
      let queue = qman.queues.base + Int(fqid)
      if released.parked & 1 &<< UInt64(place) != 0 { queue.pointee.flags.insert(.parkRequested) }
      queue.pointee.unconsumed &-= 1
      guard queue.pointee.unconsumed == 0 else { continue }
      if portals.base[index].current == fqid { portals.base[index].current = 0 }
      if queue.pointee.flags.contains(.retirementRequested) {
        queue.pointee.flags.subtract([.held, .parkRequested])
        endTurn(fqid)
      } else if qman.endHold(fqid) {
        notify(index, Verb.parked, fqid)
      }
    }
  }

  // MARK: Scheduled work

  /// Carries out the static dequeue command until the ring is full or nothing waits.
  @inline(__always)
  private mutating func serveStatic(
    _ command: DequeueCommand, _ index: Int, _ delivery: inout Delivery
  ) {
    let portal = portals.base + index
    let channels = command.channels & portal.pointee.channelMask
    guard command.precedence != .none, channels != 0 else { return }
    let isPlain = channels == 0x8000 && !command.isWorkQueue && command.precedence == .priority
    var turns = 0
    while delivery.room > 0, turns < Self.turnsPerRound {
      turns &+= 1
      if isPlain, portal.pointee.current == 0 {
        guard let fqid = qman.select(Int(portal.pointee.channels[0])) else { return }
        if qman.queues.base[Int(fqid)].flags.isEmpty {
          servePlain(fqid, command, index, &delivery)
        } else {
          serve(fqid, command, index, &delivery, expires: false)
        }
      } else {
        guard let fqid = choose(command, channels, index) else { return }
        serve(fqid, command, index, &delivery, expires: false)
      }
    }
  }

  /// A turn of a queue without flags: it is neither held nor anything else but served.
  @inline(__always)
  private mutating func servePlain(
    _ fqid: UInt32, _ command: DequeueCommand, _ index: Int, _ delivery: inout Delivery
  ) {
    let portal = portals.base + index
    let queue = qman.queues.base + Int(fqid)
    var turn = 0
    // In registers, and not in the caller's memory, which the compiler takes for something that a ring may change.
    var own = delivery
    while turn < command.turn, own.room > 0, queue.pointee.count > 0 {
      give(fqid, to: portal, status: 0, token: command.token, isPlain: true, &own)
      turn &+= 1
    }
    delivery = own
    qman.reschedule(fqid)
  }

  /// Takes a frame from a queue and puts it on a portal's dequeue ring; its place there.
  @inline(__always)
  @discardableResult
  private mutating func give(
    _ fqid: UInt32, to portal: UnsafeMutablePointer<EnginePortal>, status: UInt8, token: UInt8,
    isPlain: Bool = false, _ delivery: inout Delivery
  ) -> UInt32 {
    let queue = qman.queues.base + Int(fqid)
    let frame = qman.pop(fqid, isPlain: isPlain)
    handOver(frame, to: portal.pointee.owner)
    let number = queue.pointee.sequence
    queue.pointee.sequence = number &+ 1
    delivery.room &-= 1
    delivery.frames &+= 1
    let empty = queue.pointee.count == 0 ? DequeueStatus.queueEmpty : 0
    return portal.pointee.deliver(
      frame,
      EnginePortal.Entry(
        fqid: fqid, contextB: queue.pointee.contextB, sequence: number,
        status: status | DequeueStatus.frameValid | empty, token: token))
  }

  /// Puts an entry without a frame on a portal's dequeue ring; its place there.
  @discardableResult
  private func giveNothing(
    _ fqid: UInt32, to portal: UnsafeMutablePointer<EnginePortal>, status: UInt8,
    token: UInt8 = 0, _ delivery: inout Delivery
  ) -> UInt32 {
    let isOwn = owns(fqid, count: 1, owner: portal.pointee.owner)
    delivery.room &-= 1
    return portal.pointee.deliver(
      FrameDescriptor(word0: 0, formatLength: 0, command: 0),
      EnginePortal.Entry(
        fqid: fqid, contextB: isOwn ? qman.queues.base[Int(fqid)].contextB : 0,
        sequence: isOwn ? qman.queues.base[Int(fqid)].sequence : 0, status: status, token: token))
  }

  /// Chooses the queue that a portal serves next: the held one that it served last, or one off a
  /// work queue; `nil` when nothing waits.
  @inline(never)
  private mutating func choose(
    _ command: DequeueCommand, _ channels: UInt32, _ index: Int
  ) -> UInt32? {
    let portal = portals.base + index
    let current = portal.pointee.current
    var mayGoOn = false
    if current != 0 {
      let queue = qman.queues.base[Int(current)]
      mayGoOn =
        (0..<16).contains {
          channels & 0x8000 >> UInt32($0) != 0 && portal.pointee.channels[$0] == queue.channel
        } && queue.isEligible
        && queue.flags.isDisjoint(with: [.parkRequested, .retirementRequested])
      if mayGoOn, goesOn(queue, current, command, channels, portal) { return current }
    }
    if command.prefersDedicated, channels & 0x8000 != 0,
      let fqid = qman.select(
        Int(portal.pointee.channels[0]), allowed: command.workQueues)
    {
      return fqid
    }
    // Channels take turns; hardware's order among them is not known to us.
    for step in 0..<16 as Range<UInt32> {
      let place = (portal.pointee.channelTurn &+ step) & 15
      guard channels & 0x8000 &>> place != 0,
        let fqid = qman.select(
          Int(portal.pointee.channels[Int(place)]), allowed: command.workQueues)
      else { continue }
      portal.pointee.channelTurn = place &+ 1
      return fqid
    }
    return mayGoOn ? current : nil
  }

  /// Whether the held queue goes before what waits in the work queues.
  private func goesOn(
    _ queue: FrameQueue, _ fqid: UInt32, _ command: DequeueCommand, _ channels: UInt32,
    _ portal: UnsafeMutablePointer<EnginePortal>
  ) -> Bool {
    let hasCredit =
      queue.flags.contains(.hasCredit) && qman.settings.base[Int(fqid)].surplus > 0
    switch command.precedence {
    case .none: return false
    case .activeWithoutCredit: return true
    case .active where hasCredit: return true
    case .priority, .active:
      for place in 0..<16 where channels & 0x8000 >> UInt32(place) != 0 {
        let channel = qman.channels.base[Int(portal.pointee.channels[place])]
        if channel.hasRival(ofWorkQueue: queue.workQueue, isOwnClassRival: !hasCredit) {
          return false
        }
      }
      return true
    }
  }

  /// A turn of any queue: one that is held, forced, has credit, or leaves the scheduler.
  ///
  /// Intra-class scheduling credit is spent by bytes: a queue goes on until a turn's credit is used
  /// up, and owes what it took too much. Hardware's surplus algorithm is not known to us.
  ///
  /// `expires` says whether the last entry ends a pull command.
  @inline(never)
  private mutating func serve(
    _ fqid: UInt32, _ command: DequeueCommand, _ index: Int, _ delivery: inout Delivery,
    expires: Bool
  ) {
    let portal = portals.base + index
    let queue = qman.queues.base + Int(fqid)
    let settings = qman.settings.base + Int(fqid)
    let isForced = queue.pointee.flags.contains(.forceEligible)
    queue.pointee.flags.remove(.forceEligible)
    let holds = isForced || queue.pointee.flags.contains(.holdsActive)
    let held = holds ? DequeueStatus.heldActive : 0
    var forced = isForced ? DequeueStatus.forceEligible : 0
    let hasCredit = queue.pointee.flags.contains(.hasCredit)
    if hasCredit, settings.pointee.surplus <= 0 {
      settings.pointee.surplus &+= Int32(settings.pointee.credit)
    }
    let limit = min(command.turn, Int(delivery.room), Int(queue.pointee.count))
    var given = 0
    while delivery.room > 0, queue.pointee.count > 0 {
      if given >= command.turn {
        let goesOn =
          !expires
          && (command.precedence == .activeWithoutCredit
            || command.precedence == .active && hasCredit && settings.pointee.surplus > 0)
        guard goesOn else { break }
      }
      if hasCredit { settings.pointee.surplus &-= qman.cost(ofFirstIn: fqid) }
      let expired = expires && given + 1 == limit ? DequeueStatus.commandExpired : 0
      let place = give(
        fqid, to: portal, status: held | forced | expired, token: command.token, &delivery)
      if holds { hold(fqid, at: place, portal) }
      forced = 0
      given += 1
    }
    if given == 0, isForced {
      let expired = expires ? DequeueStatus.commandExpired : 0
      let status = held | forced | expired | DequeueStatus.queueEmpty
      let place = giveNothing(
        fqid, to: portal, status: status, token: command.token, &delivery)
      hold(fqid, at: place, portal)
      given = 1
    }
    if queue.pointee.count == 0 { settings.pointee.surplus = 0 }
    if queue.pointee.flags.contains(.held) {
      portal.pointee.current = fqid
    } else {
      endTurn(fqid, goesOn: command.precedence == .activeWithoutCredit)
    }
  }

  /// Binds a queue to a portal until the entry at a place is consumed.
  private func hold(
    _ fqid: UInt32, at place: UInt32, _ portal: UnsafeMutablePointer<EnginePortal>
  ) {
    let queue = qman.queues.base + Int(fqid)
    queue.pointee.flags.insert(.held)
    queue.pointee.unconsumed &+= 1
    portal.pointee.heldPlaces |= 1 &<< UInt64(place)
    portal.pointee.heldQueues[Int(place)] = fqid
  }

  /// Ends the turn of a queue that is not held: it retires if that was asked for, stays in front
  /// while it has credit, and goes to the end of its work queue otherwise.
  mutating func endTurn(_ fqid: UInt32, goesOn: Bool = false) {
    let queue = qman.queues.base + Int(fqid)
    let settings = qman.settings.base + Int(fqid)
    if queue.pointee.flags.contains(.retirementRequested) {
      let portal = Int(settings.pointee.retirementPortal)
      guard isGone(portals.base[portal].owner) || portals.base[portal].canNotify else {
        return qman.reschedule(fqid)
      }
      let status = qman.retirementStatus(fqid)
      qman.endScheduledLife(fqid)
      if !isGone(portals.base[portal].owner) {
        notify(portal, Verb.retired, fqid, status: status)
        beginReturn(fqid, to: portal)
      }
      return
    }
    let hasCredit = queue.pointee.flags.contains(.hasCredit) && settings.pointee.surplus > 0
    if queue.pointee.isEligible, goesOn || hasCredit {
      queue.pointee.state = .trulyScheduled
      qman.prepend(fqid, queue)
    } else {
      qman.reschedule(fqid)
    }
  }

  // MARK: Commands for one queue

  /// Whether a volatile or pull command may take frames from a queue: drivers ask for parked and
  /// retired queues only (Linux 6.1, `drivers/soc/fsl/qbman/qman.c`, `qman_volatile_dequeue`). For
  /// any other the command ends at once with an entry that bears no frame.
  private mutating func isPullable(_ fqid: UInt32, _ owner: Int) -> Bool {
    guard owns(fqid, count: 1, owner: owner) else {
      errors.qman |= ManagerError.invalidDequeueQueue
      return false
    }
    let state = qman.queues.base[Int(fqid)].state
    guard state == .parked || state == .retired else {
      errors.qman |= ManagerError.invalidDequeueState
      return false
    }
    return true
  }

  @inline(never)
  private mutating func serveVolatile(_ index: Int, _ delivery: inout Delivery) {
    let portal = portals.base + index
    let fqid = VolatileCommand(rawValue: portal.pointee.volatileCommand).fqid
    let ending = DequeueStatus.unscheduled | DequeueStatus.commandExpired
    let isPullable = isPullable(fqid, portal.pointee.owner)
    while delivery.room > 0 {
      guard isPullable, qman.queues.base[Int(fqid)].count > 0 else {
        portal.pointee.expireVolatileCommand()
        let status = ending | (isPullable ? DequeueStatus.queueEmpty : 0)
        giveNothing(fqid, to: portal, status: status, &delivery)
        return
      }
      var isLast = qman.queues.base[Int(fqid)].count == 1
      if portal.pointee.volatileLeft > 0 {
        portal.pointee.volatileLeft &-= 1
        isLast = isLast || portal.pointee.volatileLeft == 0
      }
      if isLast { portal.pointee.expireVolatileCommand() }
      give(
        fqid, to: portal, status: isLast ? ending : DequeueStatus.unscheduled, token: 0, &delivery)
      if isLast { return }
    }
  }

  /// Carries out a pull command, whose last entry says that it is finished; there is always one.
  @inline(never)
  private mutating func servePull(_ pull: UInt32, _ index: Int, _ delivery: inout Delivery) {
    let portal = portals.base + index
    if pull & 0x8000_0000 != 0 {
      let fqid = pull & 0xff_ffff
      let ending = DequeueStatus.unscheduled | DequeueStatus.commandExpired
      let isPullable = isPullable(fqid, portal.pointee.owner)
      if isPullable, qman.queues.base[Int(fqid)].count > 0 {
        give(fqid, to: portal, status: ending, token: 0, &delivery)
      } else {
        let status = ending | (isPullable ? DequeueStatus.queueEmpty : 0)
        giveNothing(fqid, to: portal, status: status, &delivery)
      }
      return
    }
    // A pull command has no token.
    let command = DequeueCommand(rawValue: pull & ~0x00ff_0000)
    let channels = command.channels & portal.pointee.channelMask
    let before = delivery.room
    if command.precedence != .none, channels != 0, let fqid = choose(command, channels, index) {
      serve(fqid, command, index, &delivery, expires: true)
    }
    if delivery.room == before {
      giveNothing(0, to: portal, status: DequeueStatus.commandExpired, &delivery)
    }
  }
}
