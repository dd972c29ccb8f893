import Testing

@testable import DPAARuntime

/// How a loop that polls waits, in virtual time.
@Suite struct IdleBackoffTests {
  @Test func `who has nothing to do polls on, then yields, then naps`() {
    var backoff = IdleBackoff()
    var now: UInt64 = 5_000_000
    var steps = [backoff.step(now: now)]
    now += 999
    steps.append(backoff.step(now: now))
    now += 1
    steps.append(backoff.step(now: now))
    #expect(steps == [.pause, .pause, .yield])
    while backoff.step(now: now) == .yield { now += 1000 }
    #expect(backoff.step(now: now) == .nap)
    #expect(backoff.step(now: now) == .nap)
    #expect(backoff.isNapping)
    backoff.restart()
    #expect(backoff.step(now: now) == .pause)
    #expect(!backoff.isNapping)
  }

  @Test func `a yield that went to somebody who does not yield is not repeated for a while`() {
    var backoff = IdleBackoff()
    let now: UInt64 = 5_000_000
    _ = backoff.step(now: now)
    #expect(backoff.step(now: now + 1000) == .yield)
    backoff.noteYield(nanoseconds: IdleBackoff.longestYield, now: now + 1000)
    #expect(backoff.step(now: now + 2000) == .yield)
    backoff.noteYield(nanoseconds: IdleBackoff.longestYield + 1, now: now + 2000)
    #expect(backoff.step(now: now + 3000) == .nap)
    // Work that came in between changes nothing about the neighbour.
    backoff.restart()
    #expect(backoff.step(now: now + 4000) == .nap)
    #expect(backoff.step(now: now + 2000 + IdleBackoff.memory) == .yield)
  }
}
