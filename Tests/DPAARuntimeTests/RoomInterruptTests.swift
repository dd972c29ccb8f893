import CPortalShims
import Glibc
import QorIQ
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// What a guest hears that has something to send and no room for it.
@Suite(.timeLimit(.minutes(5))) struct RoomInterruptTests {
  /// guest2 with its enqueue ring full, and what its session waits on.
  private static func fullRing() throws -> (engine: Engine, guest: Guest, line: Int32) {
    let engine = try Engine(Talk.configuration(), interrupts: true)
    let guest = try Guest(engine, owner: 2, isInline: true)
    var burst = Burst()
    try #require(guest.session.portals[0].acquire(8, from: 3, into: &burst) == 8)
    for place in 0..<8 { burst[place].setLength(64) }
    #expect(guest.session.portals[0].enqueue(&burst, to: 201) == 7)
    while let buffer = burst.removeFirst() { guest.session.portals[0].giveBack(buffer) }
    return (engine, guest, engine.memory[2].interrupts[0].guestDescriptor)
  }

  private static func hasFired(_ line: Int32) -> Bool {
    var descriptors = [pollfd(fd: line, events: Int16(POLLIN), revents: 0)]
    return poll(&descriptors, 1, 0) == 1
  }

  @Test(arguments: [true, false])
  func `a ring that QMan empties interrupts who waits for room, and nobody else`(
    orRoom: Bool
  ) throws {
    let (engine, guest, line) = try Self.fullRing()
    // Releasing needed a round, in which the ring was emptied: it is filled again.
    var burst = Burst()
    try #require(guest.session.portals[0].acquire(7, from: 3, into: &burst) == 7)
    for place in 0..<7 { burst[place].setLength(64) }
    #expect(guest.session.portals[0].enqueue(&burst, to: 201) == 7)
    let isFull = !guest.session.portals[0].hasRoomAgain
    #expect(isFull)
    guest.session.portals[0].allowInterrupt(true, orRoom: orRoom)
    #expect(!Self.hasFired(line))
    engine.round()
    #expect(Self.hasFired(line) == orRoom)
    let hasRoom = guest.session.portals[0].hasRoomAgain
    #expect(hasRoom)
    // Once: what it does not wait for any more does not interrupt.
    let before = engine.counters.value(.interrupts, 2)
    guest.session.portals[0].allowInterrupt(false)
    for _ in 0..<3 { engine.round() }
    guest.session.portals[0].allowInterrupt(true)
    for _ in 0..<3 { engine.round() }
    #expect(engine.counters.value(.interrupts, 2) == before)
  }

  @Test func `a ring that is emptied is heard of, though QMan never saw the line go low`() throws {
    let engine = try Engine(Talk.configuration(), interrupts: true)
    let guest = try Guest(engine, owner: 2, isInline: true)
    let line = engine.memory[2].interrupts[0].guestDescriptor
    var burst = Burst()
    try #require(guest.session.portals[0].acquire(8, from: 3, into: &burst) == 8)
    for place in 0..<8 { burst[place].setLength(64) }
    // A frame comes and interrupts.
    let own = Talk.receive[2].first
    if let first = burst.removeFirst() {
      guest.session.portals[0].enqueue(waitingForRoom: first, to: own)
    }
    guest.session.portals[0].allowInterrupt(true)
    engine.round()
    engine.round()
    try #require(Self.hasFired(line))
    var fired: UInt64 = 0
    _ = read(line, &fired, 8)
    // The guest wakes, takes it, fills its ring and waits for room, all before QMan's next look.
    guest.session.portals[0].allowInterrupt(false)
    guard let frame = guest.session.portals[0].dequeue() else {
      Issue.record("no frame")
      return
    }
    #expect(guest.session.portals[0].enqueue(&burst, to: 201) == 7)
    guest.session.portals[0].allowInterrupt(true, orRoom: true)
    engine.round()
    #expect(Self.hasFired(line))
    guest.session.portals[0].giveBack(frame)
  }
}
