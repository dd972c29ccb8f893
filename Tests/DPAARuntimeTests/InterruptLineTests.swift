import CPortalShims
import Glibc
import QorIQ
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// What a guest can do with the end of its interrupt that it was given.
@Suite(.timeLimit(.minutes(10))) struct InterruptLineTests {
  private static func readiness(_ descriptor: Int32) -> Int32 {
    var descriptors = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
    return poll(&descriptors, 1, 0)
  }

  @Test func `a portal that allows its interrupt gets one for what arrives`() throws {
    let engine = try Engine(Talk.configuration(), interrupts: true)
    let guest = try Guest(engine, owner: 2, isInline: true)
    let line = engine.memory[2].interrupts[0].guestDescriptor
    let message = Talk.frame(to: Talk.guest2, number: 1)
    #expect(guest.send(message, to: 208))
    for _ in 0..<3 { engine.round() }
    #expect(Self.readiness(line) == 0)
    guest.session.portals[0].allowInterrupt(true)
    engine.round()
    #expect(Self.readiness(line) == 1)
    #expect(guest.take().map(\.bytes) == [message])
  }

  @Test func `a guest that makes its interrupt block and fills it does not stop the engine`()
    throws
  {
    let engine = try Engine(Talk.configuration(), interrupts: true)
    let guest = try Guest(engine, owner: 2, isInline: true)
    let line = engine.memory[2].interrupts[0].guestDescriptor
    _ = fcntl(line, F_SETFL, fcntl(line, F_GETFL) & ~O_NONBLOCK)
    // All that an eventfd would hold.
    var most = UInt64.max - 1
    _ = write(line, &most, 8)
    #expect(guest.send(Talk.frame(to: Talk.guest2, number: 1), to: 208))
    guest.session.portals[0].allowInterrupt(true)
    // On a thread of its own, since the engine that blocks would block the test too.
    engine.start()
    var rounds = 0
    while engine.control.quietRoundCount == 0, rounds < 5000 {
      _ = guest.take()
      usleep(1000)
      rounds += 1
    }
    // A blocked engine cannot be joined: it stays behind.
    try #require(rounds < 5000, "the engine blocks on a guest's interrupt")
    engine.join()
  }
}
