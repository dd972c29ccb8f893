import Glibc
import QorIQ
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// Many buffers in one call, of the guest library against the engine.
@Suite(.timeLimit(.minutes(10))) struct BurstTests {
  @Test func `acquired buffers are enqueued in order and go back, with few commands`() throws {
    let simulation = try Simulation()
    let guest = simulation.guests[2]
    var burst = Burst()
    #expect(guest.session.portals[0].acquire(21, from: 3, into: &burst) == 21)
    #expect(burst.count == 21)
    #expect(simulation.freeBuffers[2] == 64 - 21)
    // No buffer twice.
    var addresses: Set<UInt64> = []
    for index in 0..<burst.count { addresses.insert(burst[index].descriptor.address) }
    #expect(addresses.count == 21)

    for index in 0..<3 {
      burst[index].setLength(60 + index)
      burst[index].frame.copyBytes(
        from: Talk.frame(to: Talk.guest2, number: UInt64(index), size: 60 + index))
    }
    var front = Burst()
    for _ in 0..<3 { if let buffer = burst.removeFirst() { front.append(buffer) } }
    #expect(guest.session.portals[0].enqueue(&front, to: 208) == 3)
    #expect(front.count == 0)
    for _ in 0..<3 { simulation.engine.round() }
    var arrived = Burst()
    #expect(guest.session.portals[0].dequeue(into: &arrived) == 3)
    for index in 0..<3 {
      #expect(
        Array(arrived[index].frame)
          == Talk.frame(to: Talk.guest2, number: UInt64(index), size: 60 + index))
    }
    while let buffer = arrived.removeFirst() { burst.append(buffer) }
    // 21 buffers are three commands, and the ring holds seven.
    #expect(guest.session.portals[0].release(&burst) == 21)
    #expect(guest.session.portals[0].rcrProducer == 3)
    simulation.engine.round()
    #expect(simulation.freeBuffers[2] == 64)
    #expect(guest.session.status.counter(GuestStatus.Counter.released.offset) == 21)
    #expect(simulation.engine.counters.value(.strayBuffers, 2) == 0)
  }

  @Test(arguments: [0, 1, 7, 8, 9, 31, 32])
  func `a pool with fewer buffers than are asked for gives all that it has`(free: Int) throws {
    let simulation = try Simulation(Talk.configuration(buffers: [64, 64, UInt32(max(1, free))]))
    let guest = simulation.guests[2]
    var burst = Burst()
    if free == 0 {
      var other = Burst()
      #expect(guest.session.portals[0].acquire(1, from: 3, into: &other) == 1)
      #expect(guest.session.portals[0].acquire(32, from: 3, into: &burst) == 0)
      #expect(guest.session.portals[0].release(&other) == 1)
    } else {
      #expect(guest.session.portals[0].acquire(32, from: 3, into: &burst) == free)
      #expect(simulation.freeBuffers[2] == 0)
      #expect(guest.session.portals[0].release(&burst) == free)
    }
    simulation.engine.round()
    #expect(simulation.freeBuffers[2] == UInt32(max(1, free)))
  }

  @Test func `what finds no room in a ring stays in the burst`() throws {
    let simulation = try Simulation()
    let guest = simulation.guests[2]
    var burst = Burst()
    for _ in 0..<2 {
      #expect(guest.session.portals[0].acquire(16, from: 3, into: &burst) == 16)
    }
    for index in 0..<burst.count { burst[index].setLength(60) }
    let first = burst[7].descriptor.address
    #expect(guest.session.portals[0].enqueue(&burst, to: 201) == 7)
    #expect(burst.count == 25)
    #expect(burst[0].descriptor.address == first)
    // Seven entries of the release ring, one buffer in each.
    for _ in 0..<7 {
      var single = Burst()
      if let buffer = burst.removeFirst() { single.append(buffer) }
      #expect(guest.session.portals[0].release(&single) == 1)
    }
    #expect(guest.session.portals[0].release(&burst) == 0)
    #expect(burst.count == 18)
    for _ in 0..<4 { simulation.engine.round() }
    #expect(guest.session.portals[0].release(&burst) == 18)
    for _ in 0..<4 { simulation.engine.round() }
    #expect(simulation.freeBuffers[2] == 64)
  }

  @Test func `a late answer to a burst goes back before another one is asked for`() throws {
    let engine = try Engine(Talk.configuration())
    var guest = try engine.attach(owner: 2)
    guest.portals[0].answerPolls = 100
    var burst = Burst()
    #expect(guest.portals[0].acquire(5, from: 3, into: &burst) == 0)
    engine.round()
    #expect(engine.poolStates()[2].free == 64 - 5)
    #expect(guest.portals[0].acquire(3, from: 3, into: &burst) == 0)
    engine.round()
    #expect(engine.poolStates()[2].free == 64 - 3)
    #expect(guest.portals[0].acquire(3, from: 3, into: &burst) == 3)
    #expect(guest.portals[0].release(&burst) == 3)
    engine.round()
    #expect(engine.poolStates()[2].free == 64)
  }

  @Test func `buffers that were asked for ahead are there when the next call comes`() throws {
    let engine = try Engine(Talk.configuration())
    var guest = try engine.attach(owner: 2)
    guest.portals[0].answerPolls = 100
    var burst = Burst()
    #expect(guest.portals[0].acquire(8, from: 3, into: &burst, ahead: true) == 0)
    engine.round()
    #expect(guest.portals[0].acquire(8, from: 3, into: &burst, ahead: true) == 8)
    let isAhead = guest.portals[0].hasAskedAhead
    #expect(isAhead)
    engine.round()
    #expect(engine.poolStates()[2].free == 64 - 16)
    // No round of the engine is between.
    #expect(guest.portals[0].acquire(8, from: 3, into: &burst) == 8)
    let isAheadStill = guest.portals[0].hasAskedAhead
    #expect(!isAheadStill)
    var addresses: Set<UInt64> = []
    for index in 0..<burst.count { addresses.insert(burst[index].descriptor.address) }
    #expect(addresses.count == 16)
    #expect(guest.portals[0].release(&burst) == 16)
    engine.round()
    #expect(engine.poolStates()[2].free == 64)
  }

  @Test func `buffers that were asked for ahead and are not wanted go back`() throws {
    let simulation = try Simulation()
    let guest = simulation.guests[2]
    var burst = Burst()
    #expect(guest.session.portals[0].acquire(4, from: 3, into: &burst, ahead: true) == 4)
    for _ in 0..<2 { simulation.engine.round() }
    #expect(simulation.freeBuffers[2] == 64 - 8)
    // Another number is another command.
    #expect(guest.session.portals[0].acquire(1, from: 3, into: &burst) == 1)
    for _ in 0..<2 { simulation.engine.round() }
    #expect(simulation.freeBuffers[2] == 64 - 5)
    #expect(guest.session.portals[0].acquire(3, from: 3, into: &burst, ahead: true) == 3)
    guest.session.portals[0].takeAhead(into: &burst)
    #expect(burst.count == 11)
    guest.session.portals[0].takeAhead(into: &burst)
    #expect(burst.count == 11)
    #expect(guest.session.portals[0].release(&burst) == 11)
    for _ in 0..<2 { simulation.engine.round() }
    #expect(simulation.freeBuffers[2] == 64)
  }

  @Test func `a pool that was empty when it was asked ahead is asked once more`() throws {
    let simulation = try Simulation(Talk.configuration(buffers: [64, 64, 1]))
    let guest = simulation.guests[2]
    var burst = Burst()
    #expect(guest.session.portals[0].acquire(1, from: 3, into: &burst, ahead: true) == 1)
    simulation.engine.round()
    #expect(guest.session.portals[0].release(&burst) == 1)
    simulation.engine.round()
    #expect(guest.session.portals[0].acquire(1, from: 3, into: &burst, ahead: true) == 1)
    simulation.engine.round()
    #expect(guest.session.portals[0].release(&burst) == 1)
    simulation.engine.round()
    // Who only wants what was asked for does not ask again.
    guest.session.portals[0].takeAhead(into: &burst)
    #expect(burst.count == 0)
  }

  @Test func `what is asked ahead is what the next call begins with`() throws {
    let simulation = try Simulation()
    let guest = simulation.guests[2]
    var burst = Burst()
    for _ in 0..<2 {
      #expect(guest.session.portals[0].acquire(12, from: 3, into: &burst, ahead: true) == 12)
    }
    guest.session.portals[0].takeAhead(into: &burst)
    #expect(burst.count == 32)
    #expect(guest.session.portals[0].rcrProducer == 0, "nothing went back")
    #expect(guest.session.portals[0].release(&burst) == 32)
  }

  @Test func `frames gather before they interrupt: more than the threshold, or the first's time`()
    throws
  {
    let clock = VirtualClock()
    let engine = try Engine(Talk.configuration(), interrupts: true) { clock.now }
    let guest = try Guest(engine, owner: 2, isInline: true)
    let line = engine.memory[2].interrupts[0].guestDescriptor
    guest.session.portals[0].gatherInterrupts(frames: 2, microseconds: 100)
    guest.session.portals[0].allowInterrupt(true)
    func arrive() {
      #expect(guest.send(Talk.frame(to: Talk.guest2, number: 1), to: 208))
      for _ in 0..<3 { engine.round() }
    }
    arrive()
    #expect(!isReadable(line))
    arrive()
    #expect(!isReadable(line))
    arrive()
    #expect(isReadable(line))
    drain(line)
    #expect(guest.take().count == 3)
    guest.session.portals[0].allowInterrupt(true)
    for _ in 0..<3 { engine.round() }
    #expect(!isReadable(line))
    arrive()
    clock.advance(microseconds: 99)
    engine.round()
    #expect(!isReadable(line))
    clock.advance(microseconds: 2)
    engine.round()
    #expect(isReadable(line))
    #expect(guest.take().count == 1)
  }
}

private func isReadable(_ descriptor: Int32) -> Bool {
  var descriptors = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
  return poll(&descriptors, 1, 0) == 1
}

private func drain(_ descriptor: Int32) {
  var fired: UInt64 = 0
  if isReadable(descriptor) { _ = read(descriptor, &fired, 8) }
}
