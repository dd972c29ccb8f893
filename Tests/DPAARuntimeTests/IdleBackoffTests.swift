import CPortalShims
import Glibc
import Synchronization
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

  @Test func `who is rung when it naps does not yield to those who would ring`() {
    for (isRung, next) in [(false, IdleBackoff.Step.yield), (true, .nap)] {
      var backoff = IdleBackoff(isRung: isRung)
      let now: UInt64 = 5_000_000
      _ = backoff.step(now: now)
      backoff.noteYield(nanoseconds: IdleBackoff.answeredYield, now: now)
      #expect(backoff.step(now: now + 1000) == .pause)
      backoff.noteYield(nanoseconds: IdleBackoff.answeredYield + 1, now: now + 1000)
      #expect(backoff.step(now: now + 2000) == next)
      backoff.restart()
      #expect(backoff.step(now: now + 3000) == (isRung ? .nap : .pause))
    }
  }

  @Test func `where nobody wants the core it polls on for longer, until somebody does`() {
    var backoff = IdleBackoff()
    var now: UInt64 = 5_000_000
    /// For how long it polls before it yields.
    func patience() -> UInt64 {
      backoff.restart()
      let start = now
      while backoff.step(now: now) == .pause { now += 100 }
      return now - start
    }
    #expect(patience() == 1000)
    backoff.noteYield(nanoseconds: IdleBackoff.emptyYield, now: now)
    #expect(patience() == 2000)
    for _ in 0..<20 { backoff.noteYield(nanoseconds: 300, now: now) }
    #expect(patience() == 16_000)
    // Nothing was there behind it: the call itself takes long.
    backoff.noteYield(nanoseconds: IdleBackoff.answeredYield, now: now)
    _ = backoff.step(now: now)
    #expect(patience() == 16_000)
    backoff.noteYield(nanoseconds: IdleBackoff.answeredYield + 1, now: now)
    _ = backoff.step(now: now)
    #expect(patience() == 1000)
  }

  @Test func `a short yield with work right behind it has gone to who did that`() {
    var backoff = IdleBackoff()
    let now: UInt64 = 5_000_000
    for _ in 0..<20 { backoff.noteYield(nanoseconds: IdleBackoff.emptyYield + 1, now: now) }
    backoff.restart()
    #expect(backoff.step(now: now) == .pause)
    #expect(backoff.step(now: now + 1000) == .yield)
    // One that is too short for that has not.
    for _ in 0..<20 { backoff.noteYield(nanoseconds: IdleBackoff.emptyYield, now: now) }
    backoff.restart()
    #expect(backoff.step(now: now) == .pause)
    #expect(backoff.step(now: now + 15_999) == .pause)
    #expect(backoff.step(now: now + 16_000) == .yield)
  }

  @Test func `who hurries has the nice value that it may have, and no other thread has`() {
    // 0 is PRIO_PROCESS, of which C libraries make different types.
    let own = getpriority(0, 0)
    let seen = Mutex<(result: Int32, nice: Int32, wanted: Int32)>((-1, 0, 0))
    let thread = WorkerThread.start {
      let may = Processors.mayHave(nice: -10)
      let result = dpaac_hurry(may ? -10 : 0)
      let nice = getpriority(0, 0)
      // What the kernel lets anybody here have.
      let wanted = setpriority(0, 0, -10) == 0 ? -10 : own
      seen.withLock { $0 = (result, nice, wanted) }
    }
    pthread_join(thread, nil)
    seen.withLock {
      #expect($0.result == 0)
      #expect($0.nice == $0.wanted)
    }
    #expect(getpriority(0, 0) == own)
  }
}
