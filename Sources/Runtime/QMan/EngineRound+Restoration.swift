import DPAAPortal

/// Order restoration: frames that several portals worked on leave in the order in which they came.
///
/// Each frame of a queue is dequeued with a number. Whoever enqueues it again names that number and an
/// order-restoration point, which is a queue too, and the frame goes on when all numbers before it
/// have gone (Linux 6.1, `include/soc/fsl/qman.h`; Freescale SDK, `include/linux/fsl_qman.h` and
/// `qman_high.c`, `qman_enqueue_orp`; USDPAA, `apps/include/ppac.h`). What no source tells, and what is
/// done here:
///
/// - `firstNumber`: the first frame of a queue has number 0, and a point expects 0 first.
/// - `acceptLate`: OLWS 0 refuses what comes behind its turn and 3 takes it at once, as USDPAA says; 1
///   takes what is at most 32 numbers late, 2 what is less than a window late.
/// - `autoAdvance`: OA moves the window so that a number in front of it is its last; the numbers that
///   leave the window by that go on in their order. Without it such a number is refused.
/// - `advanceOnly`: the NESN flag moves the expected number forward, by less than half of all numbers;
///   what waits in between goes on. A number behind the expected one changes nothing. A frame that
///   bears the flag is the expected one.
/// - `oneLast`: when the last frame of a number is there, another one with that number is late.
/// - `silentHoles`: a command without a frame never comes back, since there is nothing to give back: one
///   that is late or does not fit is nothing, and so is one too many of an owner.
/// - `noPoint`: a queue that is no order-restoration point is answered like queue 0 (ORP zero).
/// - `pointStays`: a frame that its queue refuses has had its turn.
extension EngineTables {
  /// How many steps a round takes for points that can go on, and how many one command.
  private static let stepsPerRound = 256
  private static let stepsAtOnce = 64

  /// Carries out an enqueue command with the order-restoration bit.
  @inline(never)
  mutating func restore(
    _ command: EnginePortal.Enqueue, _ portal: UnsafeMutablePointer<EnginePortal>
  ) {
    let owner = portal.pointee.owner
    if !command.hasFrame { counters.add(.frameless, owner) }
    let point = command.restorationPoint
    guard point == 0 || owns(point, count: 1, owner: owner) else {
      errors.qman |= ManagerError.invalidEnqueueQueue
      return comeBack(command, portal, RejectionCode.error)
    }
    let queue = qman.queues.base[Int(point)]
    if point != 0, queue.state == .retired {
      return comeBack(command, portal, RejectionCode.restorationRetired)
    }
    guard point != 0, queue.control & QueueControl.orderRestoration != 0 else {
      return comeBack(command, portal, RejectionCode.restorationZero)
    }
    if command.hasFrame {
      guard takeIn(command, portal) else { return }
      if command.movesExpected { _ = advance(point, to: command.number) }
      arrive(command, point, portal)
    } else if command.movesExpected {
      _ = advance(point, to: command.number)
    } else {
      fill(command, point, portal)
    }
    guard qman.settings.base[Int(point)].marks.contains(.isReady) else { return }
    var steps = Self.stepsAtOnce
    _ = goOn(point, &steps)
  }

  /// Refuses a command, if there is anything to give back.
  private mutating func comeBack(
    _ command: EnginePortal.Enqueue, _ portal: UnsafeMutablePointer<EnginePortal>, _ code: UInt8
  ) {
    if command.hasFrame { refuse(command, portal, .outOfOrder, code) }
  }

  /// What a number is for a point.
  private enum Arrival {
    case expected
    /// It must wait for others.
    case early
    /// Its turn is over, but it may go on.
    case late
    case tooEarly
    case tooLate
  }

  private func arrival(_ number: UInt16, _ point: UInt32) -> Arrival {
    let settings = qman.settings.base[Int(point)]
    let base = settings.marks.contains(.isSkipping) ? settings.skipTo : settings.nextExpected
    let mask = OrderRestoration.numberMask
    let ahead = (number &- base) & mask
    if ahead < settings.restorationWindow {
      let waiting = restoration.first(point, number)
      if waiting != 0, !restoration.isOpen(waiting) { return .tooLate }
      return ahead == 0 && waiting == 0 && !settings.marks.contains(.isSkipping)
        ? .expected : .early
    }
    if ahead <= mask / 2 { return .tooEarly }
    let behind = (base &- number) & mask
    let accepted: UInt16 =
      switch settings.restoration & 3 {
      case 0: 0
      case 1: 32
      case 2: settings.restorationWindow - 1
      default: mask
      }
    return behind <= accepted ? .late : .tooLate
  }

  /// A frame, whose buffer is the engine's, comes to its point.
  private mutating func arrive(
    _ command: EnginePortal.Enqueue, _ point: UInt32,
    _ portal: UnsafeMutablePointer<EnginePortal>
  ) {
    switch arrival(command.number, point) {
    case .expected:
      passRestored(command, portal)
      if !command.isNotLast { step(point) }
    case .late: passRestored(command, portal)
    case .early:
      if !hold(command, point, portal) {
        giveBack(command, portal, .outOfOrder, RejectionCode.error)
      }
    case .tooEarly where slide(point, toHold: command.number):
      if !hold(command, point, portal) {
        giveBack(command, portal, .outOfOrder, RejectionCode.error)
      }
    case .tooEarly: giveBack(command, portal, .outOfOrder, RejectionCode.windowTooEarly)
    case .tooLate: giveBack(command, portal, .outOfOrder, RejectionCode.windowTooLate)
    }
  }

  /// A number is skipped that no frame will have.
  private mutating func fill(
    _ command: EnginePortal.Enqueue, _ point: UInt32,
    _ portal: UnsafeMutablePointer<EnginePortal>
  ) {
    switch arrival(command.number, point) {
    case .expected: step(point)
    case .early: _ = hold(command, point, portal)
    case .tooEarly where slide(point, toHold: command.number): _ = hold(command, point, portal)
    case .late, .tooEarly, .tooLate: return
    }
  }

  /// Lets a command wait; `false` when there is no room for it.
  private mutating func hold(
    _ command: EnginePortal.Enqueue, _ point: UInt32,
    _ portal: UnsafeMutablePointer<EnginePortal>
  ) -> Bool {
    let settings = qman.settings.base + Int(point)
    guard
      restoration.hold(
        command, at: point, portal: portal - portals.base, owner: portal.pointee.owner,
        list: &settings.pointee.restorationList)
    else { return false }
    if command.number == settings.pointee.nextExpected {
      restoration.append(point, qman.settings.base)
    }
    return true
  }

  /// Enqueues a frame at its turn. Its queue may lead elsewhere by now: a request to an accelerator is none to
  /// anybody else.
  private mutating func passRestored(
    _ command: EnginePortal.Enqueue, _ portal: UnsafeMutablePointer<EnginePortal>
  ) {
    guard isClient || !command.frame.isCompound || isAcceleratorQueue(command.fqid) else {
      return giveBack(command, portal, .badDescriptor, RejectionCode.error)
    }
    pass(command, portal)
  }

  // MARK: The expected number

  /// Expects the next number.
  private mutating func step(_ point: UInt32) {
    let settings = qman.settings.base + Int(point)
    settings.pointee.nextExpected =
      (settings.pointee.nextExpected &+ 1) & OrderRestoration.numberMask
    if settings.pointee.restorationList != 0 { restoration.append(point, qman.settings.base) }
  }

  /// Moves the window so that its last number is this one, if the point does that.
  private mutating func slide(_ point: UInt32, toHold number: UInt16) -> Bool {
    let settings = qman.settings.base[Int(point)]
    return settings.advances
      && advance(point, to: number &- settings.restorationWindow &+ 1)
  }

  /// Moves the expected number forward; what waits in between goes on first. `false` when it is not
  /// forward, or further than numbers can tell.
  private mutating func advance(_ point: UInt32, to number: UInt16) -> Bool {
    let settings = qman.settings.base + Int(point)
    let mask = OrderRestoration.numberMask
    let distance = (number &- settings.pointee.nextExpected) & mask
    guard distance > 0, distance <= mask / 2 else { return false }
    if settings.pointee.marks.contains(.isSkipping) {
      let further = (number &- settings.pointee.skipTo) & mask
      guard further <= mask / 2 else { return false }
    }
    if settings.pointee.restorationList == 0 {
      settings.pointee.nextExpected = number & mask
      settings.pointee.marks.remove(.isSkipping)
    } else {
      settings.pointee.skipTo = number & mask
      settings.pointee.marks.insert(.isSkipping)
      restoration.append(point, qman.settings.base)
    }
    return true
  }

  // MARK: Points that can go on

  /// Lets points go on that can, as far as a round allows; whether any has.
  @inline(never)
  mutating func runRestoration() -> Bool {
    var steps = Self.stepsPerRound
    var hasMoved = false
    var stalled: UInt32 = 0
    while steps > 0, let point = restoration.removeFirst(qman.settings.base) {
      let before = steps
      let isDone = goOn(point, &steps)
      if steps < before { hasMoved = true }
      if !isDone { restoration.append(point, qman.settings.base) }
      // Once round those that wait for somebody to read is enough.
      if point == stalled { break }
      if !isDone, stalled == 0 { stalled = point }
      steps -= 1
    }
    return hasMoved
  }

  /// Lets a point go on; `false` when it must wait for a portal to read its messages, or for the next
  /// round.
  private mutating func goOn(_ point: UInt32, _ steps: inout Int) -> Bool {
    let settings = qman.settings.base + Int(point)
    if settings.pointee.marks.contains(.isReturning) { return giveAllBack(point, &steps) }
    while true {
      let isSkipping = settings.pointee.marks.contains(.isSkipping)
      if isSkipping, settings.pointee.nextExpected == settings.pointee.skipTo {
        settings.pointee.marks.remove(.isSkipping)
        continue
      }
      let place = restoration.first(point, settings.pointee.nextExpected)
      if place == 0 {
        guard isSkipping else { return true }
        guard settings.pointee.restorationList != 0 else {
          settings.pointee.nextExpected = settings.pointee.skipTo
          continue
        }
        guard steps > 0 else { return false }
        steps -= 1
        settings.pointee.nextExpected =
          (settings.pointee.nextExpected &+ 1) & OrderRestoration.numberMask
        continue
      }
      guard steps > 0, hasRoom(forRefusalOf: place) else { return false }
      steps -= 1
      let (command, portal) = take(place, point)
      if command.hasFrame { passRestored(command, portal) }
      if !command.isNotLast {
        settings.pointee.nextExpected =
          (settings.pointee.nextExpected &+ 1) & OrderRestoration.numberMask
      }
    }
  }

  /// Whether the portal of a waiting command could be told at once that its queue refuses it.
  private func hasRoom(forRefusalOf place: UInt32) -> Bool {
    let record = restoration[place]
    guard record.command.hasFrame else { return true }
    let portal = portals.base + Int(record.portal)
    return portal.pointee.hasMessageRoom && portal.pointee.backlog.isEmpty
  }

  private mutating func take(
    _ place: UInt32, _ point: UInt32
  ) -> (EnginePortal.Enqueue, UnsafeMutablePointer<EnginePortal>) {
    let portal = portals.base + Int(restoration[place].portal)
    let list = qman.settings.base + Int(point)
    let command = restoration.take(
      place, owner: portal.pointee.owner, list: &list.pointee.restorationList)
    return (command, portal)
  }

  /// Gives all that waits at a retired point back to where it came from, and then says so (FQRL);
  /// `false` when a portal must first read its messages.
  private mutating func giveAllBack(_ point: UInt32, _ steps: inout Int) -> Bool {
    let settings = qman.settings.base + Int(point)
    while settings.pointee.restorationList != 0 {
      let place = settings.pointee.restorationList
      guard steps > 0, hasRoom(forRefusalOf: place) else { return false }
      steps -= 1
      let (command, portal) = take(place, point)
      if command.hasFrame {
        giveBack(command, portal, .outOfOrder, RejectionCode.restorationRetired)
      }
    }
    let told = Int(settings.pointee.retirementPortal)
    guard portals.base[told].canNotify else { return false }
    settings.pointee.marks.remove(.isReturning)
    notify(told, Verb.restorationListReturned, point)
    return true
  }

  /// A queue has retired: what waits at its point goes back, and `portal` hears when that is done.
  mutating func beginReturn(_ point: UInt32, to portal: Int) {
    let settings = qman.settings.base + Int(point)
    guard settings.pointee.restorationList != 0 else { return }
    settings.pointee.marks.insert(.isReturning)
    settings.pointee.retirementPortal = UInt16(portal)
    restoration.append(point, qman.settings.base)
  }

  /// The first and the last number that wait at a point, as they will go on, and how many commands wait;
  /// `nil` for none.
  func waitingNumbers(at point: UInt32) -> (first: UInt16, last: UInt16, count: Int)? {
    let settings = qman.settings.base[Int(point)]
    guard settings.restorationList != 0 else { return nil }
    let mask = OrderRestoration.numberMask
    var (nearest, farthest) = (mask, 0 as UInt16)
    var place = settings.restorationList
    var count = 0
    repeat {
      count &+= 1
      let ahead = (restoration[place].number &- settings.nextExpected) & mask
      (nearest, farthest) = (min(nearest, ahead), max(farthest, ahead))
      place = restoration[place].next
    } while place != settings.restorationList
    return (
      (settings.nextExpected &+ nearest) & mask, (settings.nextExpected &+ farthest) & mask, count
    )
  }

  /// Drops what waits at the point of an owner, which is gone unless told otherwise.
  mutating func dropWaiting(
    at point: UInt32, of owner: Int, _ reason: DropReason = .ownerGone
  ) {
    let settings = qman.settings.base + Int(point)
    while settings.pointee.restorationList != 0 {
      let (command, _) = take(settings.pointee.restorationList, point)
      guard command.hasFrame else { continue }
      if !isClient { free(command.frame) }
      counters.drop(reason, owner)
    }
  }
}

extension EnginePortal.Enqueue {
  /// Whether the command bears a frame.
  var hasFrame: Bool { verb & Verb.enqueue != 0 }
  /// The sequence number.
  var number: UInt16 { sequence & OrderRestoration.numberMask }
  /// NESN: the number is the next one that is expected.
  var movesExpected: Bool { sequence & 0x8000 != 0 }
  /// NLIS: other frames with the same number follow.
  var isNotLast: Bool { hasFrame && sequence & 0x4000 != 0 }
  /// The same command without its order-restoration bit.
  var unordered: EnginePortal.Enqueue {
    EnginePortal.Enqueue(
      word: word & ~(UInt64(Verb.orderRestoration) << 56), identity: identity, frame: frame)
  }
}

extension QueueSettings {
  /// How many numbers from the expected one on a point takes in: ORPRWS, 32 doubled so many times
  /// (USDPAA, `apps/include/ppac.h`).
  var restorationWindow: UInt16 { 32 << UInt16(restoration >> 3 & 7) }
  /// OA: the window moves for a number in front of it.
  var advances: Bool { restoration & 4 != 0 }
}
